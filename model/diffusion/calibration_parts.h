/*
 * calibration_parts.h - what the files of a calibration share: contexts, their biases, the document.
 */
#ifndef FM_MODEL_DIFFUSION_CALIBRATION_PARTS_H
#define FM_MODEL_DIFFUSION_CALIBRATION_PARTS_H

#include "model/diffusion/calibration.h"

/* How row `row` of a window is related, as far as shows; FM_NRELATIONS: neither relation nor role show. */
int fm_calibration_kind(const uint16_t *tok, int row, int window);
/* The finer context of column c of row `row` of a window; -1: it has none, or not all of it shows. */
int fm_calibration_fine_context(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c);
/* Places of k->service and of k->outline; k->codec is there. */
size_t fm_calibration_services(const struct fm_calibration *k);
size_t fm_calibration_outlines(const struct fm_calibration *k);
/* Room for the biases of the finer contexts, once it is known how many there are. */
int fm_calibration_fine_room(struct fm_calibration *k, struct fm_error *err) FM_MUST_CHECK;

#endif
