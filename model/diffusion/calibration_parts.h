/*
 * calibration_parts.h - what the files of a calibration share: contexts, their biases, the document.
 */
#ifndef FM_MODEL_DIFFUSION_CALIBRATION_PARTS_H
#define FM_MODEL_DIFFUSION_CALIBRATION_PARTS_H

#include "model/diffusion/calibration.h"

/* The relation of row `row` of a window as far as it shows; FM_NRELATIONS: neither relation nor role show. */
int fm_calibration_kind(const uint16_t *tok, int row, int window);
/* The way of row `row` of a window (fm_relations_ways), as far as shows. */
#define FM_WAYS 3
enum fm_way fm_calibration_way(const uint16_t *tok, int row, int window);
/* What follows row `row` of a window, itself or what follows that, replies left out: 0 for nothing, 1 to FM_FOLLOWERS
 * for 1, 2 or 3, 4 to 7 flows and so on; FM_FOLLOWERS more where the first of them has its source port. */
#define FM_FOLLOWERS 6
int fm_calibration_followed(const uint16_t *tok, int row, int window);
/* How many flows of a window have the token of column c that row `row` has: itself, and what copies it, replies left
 * out. */
int fm_calibration_copies(const uint16_t *tok, int row, int window, int c);
/* The finer context of column c of row `row` of a window; -1: it has none, or not all of it shows. */
int fm_calibration_fine_context(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c);
/* Places of k->service, of k->outline and of k->chain; k->codec is there. */
size_t fm_calibration_services(const struct fm_calibration *k);
size_t fm_calibration_outlines(const struct fm_calibration *k);
#define FM_CHAINS (FM_NRELATIONS * 2 * FM_WAYS * (FM_FOLLOWERS + 1))
/* Room for the biases of the finer contexts, once it is known how many there are. */
int fm_calibration_fine_room(struct fm_calibration *k, struct fm_error *err) FM_MUST_CHECK;

#endif
