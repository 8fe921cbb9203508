/*
 * planted.h - the controls of a gate: which generators it plants, at which levels, and what is expected of each.
 *
 * One list for the stage that plants them (judge/gate/controls.h says what each makes), for the parent that takes their
 * scores from the stage, and for readers of a released verdict.
 */
#ifndef FM_MANIFESTS_PLANTED_H
#define FM_MANIFESTS_PLANTED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fm_control_make {
	FM_CONTROL_COPY,
	FM_CONTROL_COPY_FRESH_IDS,
	FM_CONTROL_COPY_DOUBLED,
	FM_CONTROL_NOISE,
	FM_CONTROL_OUTLIERS,
	FM_CONTROL_ONE_ROW,
	FM_CONTROL_INDEPENDENT,
	FM_CONTROL_SHUFFLED,
	FM_CONTROL_CONSTANT,
	FM_CONTROL_FRESH
};
enum fm_control_expect { FM_CONTROL_MUST_FAIL, FM_CONTROL_MUST_PASS, FM_CONTROL_FROM_LIMIT, FM_CONTROL_MAY_PASS };
struct fm_control {
	const char *name;
	enum fm_control_make make;
	double level;
	enum fm_control_expect expect; /* FROM_LIMIT: must fail at gate.control_limit and above, else may pass */
};
extern const struct fm_control fm_controls[];
extern const size_t fm_ncontrols;

const char *fm_control_kind(const struct fm_control *c);                   /* "negative" or "positive" */
const char *fm_control_expected(const struct fm_control *c, double limit); /* "fail", "pass" or "any" */
/* How many rows a control has, as published: a number below the one asked for, because the tables have no more, is
 * rounded down.  And: can that many controls have such a number? */
int64_t fm_control_rows_told(int64_t rows, int64_t asked);
bool fm_control_rows_are(int64_t rows, int64_t asked, size_t controls);
/* Does this object say name, level, kind and what is expected of that control, with `limit` as gate.control_limit? */
bool fm_control_is(const json_t *o, const struct fm_control *c, double limit);
/* Are the controls of a list some of these, in their order and none twice?  If not, *which is the index of the first
 * that is wrong. */
bool fm_controls_are(const json_t *list, double limit, size_t *which);
/* The smallest share of copied rows from which on each control of a verdict's list was caught; 0: none was. */
double fm_controls_smallest_leak(const json_t *list);

#endif
