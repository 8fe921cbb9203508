/*
 * metrics.h - the one metrics table that the gate, the report, the manifest and --json all read.
 *
 * A metric has a dotted name ("jsd.SA", "jsd_mean8", "leak.rows_equal"), a value (NaN when it could not be computed: the
 * gate fails such a one), the number of rows n it rests on and, where known, a 95 % interval.  Names are unique.
 *
 *     {"jsd":{"SA":0.004,...},"jsd_mean8":0.02,...}                     fm_metrics_json: dots become nesting
 *     [{"name":"jsd.SA","value":0.004,"n":150000,"ci":[lo,hi]},...]     fm_metrics_list: complete, for files
 */
#ifndef FM_MANIFESTS_METRICS_H
#define FM_MANIFESTS_METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/config.h"

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
int fm_metrics_add_ci(struct fm_metrics *t, const char *name, double value, int64_t n, double lo, double hi, struct fm_error *err) FM_MUST_CHECK;
const struct fm_metric *fm_metrics_find(const struct fm_metrics *t, const char *name); /* NULL when absent */
json_t *fm_metrics_json(const struct fm_metrics *t); /* nested; NaN becomes null */
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
	char why[128];               /* "" or the reason of a failure in words */
};
struct fm_verdict {
	int pass;                    /* all checks passed, and there was at least one */
	struct fm_check_result *check;
	size_t n;
};
json_t *fm_verdict_json(const struct fm_verdict *v); /* {"verdict":"pass"|"fail","checks":[{"name","value","threshold","direction","n","pass","ci":[lo,hi],"why"}]} */
int fm_verdict_from_json(struct fm_verdict *v, const json_t *j, struct fm_error *err) FM_MUST_CHECK;
void fm_verdict_free(struct fm_verdict *v);

#endif
