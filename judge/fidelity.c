#include "judge/fidelity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/bins.h"
#include "judge/column.h"
#include "judge/divergence.h"
#include "manifests/registry.h"

#define PORTS 65536
#define EIGHT 8

enum how { BY_VALUE, BY_RANK, BY_PREFIX16, BY_PORT_GROUP, BY_BIN, BY_DISTANCE, BY_FAMILY };
static const struct field {
	const char *name;
	enum fm_col col;
	enum how how;
} fields[] = {
    {"SA", FM_SA, BY_RANK},        {"DA", FM_DA, BY_RANK},        {"SP", FM_SP, BY_VALUE},
    {"DP", FM_DP, BY_VALUE},       {"PR", FM_PR, BY_VALUE},       {"TS", FM_TE, BY_BIN},
    {"TD", FM_TD, BY_BIN},         {"PKT", FM_PKT, BY_BIN},       {"BYT", FM_BYT, BY_BIN},
    {"TY", FM_LABEL, BY_VALUE},    {"FLG", FM_FLG, BY_VALUE},     {"TOS", FM_STOS, BY_VALUE},
    {"SPb", FM_SP, BY_PORT_GROUP}, {"DPb", FM_DP, BY_PORT_GROUP}, {"SAid", FM_SA, BY_VALUE},
    {"DAid", FM_DA, BY_VALUE},     {"SA16", FM_SA, BY_PREFIX16},  {"DA16", FM_DA, BY_PREFIX16},
    {"TS", FM_TE, BY_DISTANCE},    {"TD", FM_TD, BY_DISTANCE},    {"PKT", FM_PKT, BY_DISTANCE},
    {"BYT", FM_BYT, BY_DISTANCE},  {"AF", FM_SA, BY_FAMILY},
};
enum { NFIELDS = sizeof fields / sizeof *fields };

struct result {
	int present, rc;
	double value, scaled; /* scaled: for BY_DISTANCE, the value over the real range */
	struct fm_error err;
};
struct work {
	const struct fm_table *real, *synthetic;
	struct result result[NFIELDS];
};

/* ---- binned numbers ---- */

static double jsd_binned(const struct fm_table *real, const struct fm_table *synthetic, enum fm_col c)
{
	uint64_t p[FM_BIN_CELLS] = {0}, q[FM_BIN_CELLS] = {0};
	struct fm_bins b = fm_bins_of(real, c);

	fm_bins_count(&b, real, c, p);
	fm_bins_count(&b, synthetic, c, q);
	return fm_jsd_counts(p, q, FM_BIN_CELLS);
}

/* ---- ports ---- */

static int jsd_port_groups(const struct fm_table *real, const struct fm_table *synthetic, enum fm_col c, double *jsd,
			   struct fm_error *err)
{
	enum { GROUPS = PORTS + PORTS / 1024 };
	const uint16_t *x = real->col[c], *y = synthetic->col[c];
	uint64_t *real_count = NULL, *p, *q;
	int rc;

	if ((rc = fm_alloc(&real_count, PORTS + 2 * GROUPS, sizeof *real_count, "port counts", err)) < 0)
		return rc;
	p = real_count + PORTS;
	q = p + GROUPS;
	for (size_t i = 0; i < real->rows; i++)
		real_count[x[i]]++;
	double least = fmax(2.0, 0.001 * (double)real->rows);
#define GROUP(port) ((port) < 1024 || (double)real_count[port] >= least ? (port) : PORTS + (port) / 1024)
	for (size_t i = 0; i < real->rows; i++)
		p[GROUP(x[i])]++;
	for (size_t i = 0; i < synthetic->rows; i++)
		q[GROUP(y[i])]++;
#undef GROUP
	*jsd = fm_jsd_counts(p, q, GROUPS);
	free(real_count);
	return FM_OK;
}

/* ---- address families ---- */

/* Count the flows with an IPv4 and with an IPv6 source. */
static void count_families(const struct fm_table *t, uint64_t n[2])
{
	n[0] = n[1] = 0;
	for (size_t i = 0; i < t->rows; i++) {
		struct fm_address a = fm_table_address(t, t->sa[i]);

		n[fm_address_is_ipv6(&a)]++;
		fm_table_forget_behind(t, i);
	}
}

static void judge_families(const struct fm_table *real, const struct fm_table *synthetic, struct result *r)
{
	uint64_t p[2], q[2];

	count_families(real, p);
	count_families(synthetic, q);
	r->present = p[1] + q[1] > 0;
	r->value = fm_jsd_counts(p, q, 2);
}

/* ---- columns judged on sorted keys ---- */

static double in_unit(enum fm_col c, double v)
{
	return c == FM_TE ? v * 1000.0 : c == FM_TD ? v / 1000.0 : v;
}

static void distance(enum fm_col c, uint64_t *x, size_t nx, uint64_t *y, size_t ny, struct result *r)
{
	if (c == FM_TE) { /* times of each set begin at 0 */
		for (size_t i = nx; i-- > 0;)
			x[i] -= x[0];
		for (size_t i = ny; i-- > 0;)
			y[i] -= y[0];
	}
	double span = in_unit(c, (double)(x[nx - 1] - x[0]));
	r->value = in_unit(c, fm_emd_sorted(x, nx, y, ny));
	r->scaled = r->value / (span > 0 ? span : 1.0);
}

static int sorted_keys(const struct fm_table *t, const struct fm_table *like, const struct field *f, uint64_t **key,
		       struct fm_error *err)
{
	int rc = fm_column_keys(t, like, f->col, key, err);

	if (rc < 0)
		return rc;
	if (f->how == BY_PREFIX16)
		for (size_t i = 0; i < t->rows; i++)
			(*key)[i] = fm_table_network(t, f->col, i, 16);
	return fm_sort_u64(*key, NULL, t->rows, err);
}

static int judge_sorted(const struct work *w, const struct field *f, struct result *r)
{
	size_t nx = w->real->rows, ny = w->synthetic->rows;
	uint64_t *x = NULL, *y = NULL;
	int rc;

	if ((rc = sorted_keys(w->real, w->real, f, &x, &r->err)) < 0)
		goto out;
	if ((rc = sorted_keys(w->synthetic, w->real, f, &y, &r->err)) < 0)
		goto out;
	if (f->how == BY_RANK)
		rc = fm_jsd_ranked(x, nx, y, ny, &r->value, &r->err);
	else if (f->how == BY_DISTANCE)
		distance(f->col, x, nx, y, ny, r);
	else
		r->value = fm_jsd_sorted(x, nx, y, ny);
out:
	free(x);
	free(y);
	return rc;
}

static void judge(void *ctx, int shard, int thread)
{
	struct work *w = ctx;
	const struct field *f = &fields[shard];
	struct result *r = &w->result[shard];

	(void)thread;
	if (!FM_HAS(w->real, f->col) || !FM_HAS(w->synthetic, f->col))
		return;
	r->present = 1;
	if (f->how == BY_BIN)
		r->value = jsd_binned(w->real, w->synthetic, f->col);
	else if (f->how == BY_FAMILY)
		judge_families(w->real, w->synthetic, r);
	else if (f->how == BY_PORT_GROUP)
		r->rc = jsd_port_groups(w->real, w->synthetic, f->col, &r->value, &r->err);
	else
		r->rc = judge_sorted(w, f, r);
}

static bool is_of_eight(const char *field)
{
	for (const char *const *name = fm_metric_eight; *name; name++)
		if (strcmp(*name + strlen("jsd."), field) == 0)
			return true;
	return false;
}

static int add(struct fm_metrics *out, const char *prefix, const char *group, const char *name, double v, size_t n,
	       struct fm_error *err)
{
	char full[64];

	snprintf(full, sizeof full, "%s%s%s", prefix, group, name);
	return fm_metrics_add(out, full, v, (int64_t)n, err);
}

int fm_fidelity(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
		struct fm_metrics *out, struct fm_error *err)
{
	size_t n = synthetic->rows;
	struct work *w = NULL;
	double eight = 0;
	int counted = 0, rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "fidelity", err)) < 0)
		return rc;
	w->real = real;
	w->synthetic = synthetic;
	fm_pool_run(pool, NFIELDS, judge, w);

	for (int i = 0; i < NFIELDS; i++) {
		const struct result *r = &w->result[i];
		int emd = fields[i].how == BY_DISTANCE;
		if (r->rc < 0) {
			rc = fm_fail(err, r->rc, "%s", r->err.message);
			goto out;
		}
		if (!r->present)
			continue;
		if ((rc = add(out, prefix, emd ? "emd." : "jsd.", fields[i].name, r->value, n, err)) < 0)
			goto out;
		if (emd && (rc = add(out, prefix, "emdn.", fields[i].name, r->scaled, n, err)) < 0)
			goto out;
		if (!emd && is_of_eight(fields[i].name)) {
			eight += r->value;
			counted++;
		}
	}
	if (counted == EIGHT)
		rc = add(out, prefix, "jsd_mean8", "", eight / EIGHT, n, err);
out:
	free(w);
	return rc;
}
