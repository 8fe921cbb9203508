/*
 * metrics.h - the one metrics table that the gate, the report, the manifest and --json all read.
 *
 * A metric has a dotted name ("jsd.SA", "jsd_mean8", "leak.rows_equal"), a value (NaN when it could not be computed:
 * then the gate's check of it fails), the number of rows n it rests on and, where known, a 95 % interval.  Names are
 * unique, and registry.h has each: a name that nobody registered cannot be added.  Lists are read whatever names they
 * hold, as they may come from another version.
 *
 *     {"jsd":{"SA":0.004,...},"jsd_mean8":0.02,...}                     fm_metrics_json: dots become nesting
 *     [{"name":"jsd.SA","value":0.004,"n":150000,"ci":[lo,hi]},...]     fm_metrics_list: complete, for files
 */
#ifndef FM_MANIFESTS_METRICS_H
#define FM_MANIFESTS_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/registry.h"

struct fm_metric {
	char name[64];
	double value;
	int64_t n;
	double ci_lo, ci_hi; /* NaN when unknown */
};
struct fm_metrics {
	struct fm_metric *m;
	size_t n, cap;
};
int fm_metrics_add(struct fm_metrics *t, const char *name, double value, int64_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_metrics_add_ci(struct fm_metrics *t, const char *name, double value, int64_t n, double lo, double hi,
		      struct fm_error *err) FM_MUST_CHECK;
/* A number as a run keeps it: five significant digits, and 0 below 1e-12.  What is published has no more digits. */
double fm_metric_round(double v);
void fm_metrics_round(struct fm_metrics *t);                                           /* values and intervals */
const struct fm_metric *fm_metrics_find(const struct fm_metrics *t, const char *name); /* NULL when absent */
json_t *fm_metrics_json(const struct fm_metrics *t);                                   /* nested; NaN becomes null */
json_t *
fm_metrics_intervals(const struct fm_metrics *t); /* {"leak.rows_equal":[lo,hi],...}: names with dots, where known */
json_t *fm_metrics_list(const struct fm_metrics *t);
int fm_metrics_from_list(struct fm_metrics *t, const json_t *list, struct fm_error *err) FM_MUST_CHECK;
void fm_metrics_free(struct fm_metrics *t);

/* One line of a verdict. */
struct fm_check_result {
	char name[64], direction[4]; /* "max" or "min" */
	double value, threshold;     /* value NaN: missing */
	int64_t n;
	double ci_lo, ci_hi;
	int pass;
	int waived;    /* it failed, and a signed waiver says that it need not pass: it does not block */
	char why[128]; /* "" or the reason of a failure in words */
};
/*
 * {"verdict":"pass"|"fail",
 *  "checks":[{"name","value","threshold","direction","margin","n","pass","waived","ci":[lo,hi],"why"}, ...],
 *  "waivers":[{"check","reason","expires","signer","key"}, ...],          present when one of them is applied
 *  "control_rows","control_limit","smallest_leak_caught":0.005|null,      these and "controls": present when controls
 * were run "unasked":["tstr.macro_f1.trees"],      checks that the real flows cannot answer: present when there are
 * some
 *  "controls":[{"name","kind":"negative"|"positive","level","expected":"fail"|"pass"|"any","got":"fail"|"pass","ok",
 *               "failed_checks":[..]}, ...]}
 *
 * margin: how far the value is on the good side of its threshold, negative when it fails, null when value or threshold
 * is no number.
 */
struct fm_verdict {
	int pass; /* each check passed or is waived, and there was at least one */
	struct fm_check_result *check;
	size_t n;
	json_t *waivers, *controls; /* the lists above, or NULL; owned */
	json_t *unasked;            /* names of the config's checks that this trace cannot answer, or NULL; owned */
	int64_t control_rows;
	double control_limit;
	double smallest_leak_caught; /* share of copied rows from which on every control was caught; 0: none was */
};
/* The members that a verdict's document may have, up to NULL; a manifest has them among its own. */
extern const char *const fm_verdict_members[];
/* What came of a list of controls: of the planted generators those that the gate caught, those that it must catch, and
 * those of them that it missed; of the tables of fresh flows those that it let through. */
struct fm_control_tally {
	size_t planted, caught, must, missed, fresh, passed;
};
struct fm_control_tally fm_control_tally(const json_t *controls);
double fm_check_margin(const struct fm_check_result *c); /* NaN when there is none */
/* The one rule by which a check passes, for gate, verdict, release and report: at most (max) or at least (min) its
 * threshold, both being finite.  With any other direction it is never met. */
bool fm_threshold_met(const char *direction, double value, double threshold);
/* Was a line judged by the bound that its config asks for, for release and verify?  Of one relative to a floor only the
 * gate knows the value; one that may move (fm_check_may_move) may be laxer. */
bool fm_threshold_asked(const struct fm_check_result *c, double bound, bool relative, bool may_move);
bool fm_check_holds(const struct fm_check_result *c); /* it says pass, and its own numbers bear that out */
bool fm_check_json_holds(const json_t *check);        /* the same of one of a document's checks */
/* Does every check hold, or is waived, and is there any? */
bool fm_verdict_holds(const struct fm_verdict *v);
/* How many checks neither pass nor are waived; words: "jsd.SA 0.31 (max 0.05)" of each, as many as fit whole. */
size_t fm_verdict_failed(const struct fm_verdict *v, char *words, size_t cap);
json_t *fm_verdict_json(const struct fm_verdict *v);
/* Refuses what contradicts itself: a pass that its numbers deny, a waived check without its waiver or the other way
 * round, a verdict that its checks deny. */
int fm_verdict_from_json(struct fm_verdict *v, const json_t *j, struct fm_error *err) FM_MUST_CHECK;
/* Words for a check of rules.* whose rule the real flows break too: their share, and the rule that they break most.
 * value: gives a metric, NaN where it is missing.  "" where they do not break it, or nobody measured it.  This tells of
 * the real flows and stays with the team: it has no place in a verdict. */
void fm_rule_of_trace(const char *check, double (*value)(const void *ctx, const char *name), const void *ctx,
		      char *words, size_t cap);
void fm_verdict_free(struct fm_verdict *v);

#endif
