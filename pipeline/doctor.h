/*
 * doctor.h - which promises of a run this machine can enforce, found by trying.
 */
#ifndef FM_PIPELINE_DOCTOR_H
#define FM_PIPELINE_DOCTOR_H

#include <jansson.h>

#include "base/error.h"

/* {"format","runs":bool,"checks":[{"name","state","found","advice"},...]}: state is "good", "weak" (a run works, with
 * less than it could have) or "bad" (a run is refused: runs is false); advice is "" where nothing is to do.  workspace
 * is where the disk is looked at; it need not exist. */
int fm_doctor(const char *workspace, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
