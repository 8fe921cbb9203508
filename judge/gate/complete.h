/*
 * complete.h - the whole verdict: the checks, the waivers, and the trial of the gate by planted generators.
 */
#ifndef FM_JUDGE_GATE_COMPLETE_H
#define FM_JUDGE_GATE_COMPLETE_H

#include <jansson.h>

#include "base/error.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

/* Complete a verdict that fm_gate_apply began: waivers, a list as in a verdict (metrics.h) or NULL, which lift what
 * they name and nothing else (the caller has checked who signed them), and the gate's trial by controls (controls.h;
 * controls NULL: it was not run, which fails), where cfg->gate.control_rows asks for one.  A waived check counts in
 * neither. */
int fm_gate_complete(const struct fm_config *cfg, const json_t *controls, const json_t *waivers, struct fm_verdict *v,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
