/*
 * make_paid.c HOLDOUT MADE SEEDS [KEY=VALUE ...] - what the paid gate says of made flows (stages/paid.h), with the
 * noise of so many keys and the config of preset ugr16-dp, for docs/differential-privacy.md: for each metric the mean
 * and the largest of the values, and the mean of the lower ends.  Under known keys: for measuring alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifests/dialect.h"
#include "model/marginals/paid.h"
#include "privacy/stream.h"
#include "stages/paid.h"
#include "traces/trace.h"

enum { MOST = FM_PAID_QUESTIONS + 2 };

static void die(const struct fm_error *err)
{
	fprintf(stderr, "paid: %s\n", err->message);
	exit(fm_exit_status(err->code));
}

/* The trace as ingest leaves it: addresses by their dictionary, which says who is inside. */
static struct fm_table *flows_of(const char *path, const struct fm_dialect *dialect)
{
	struct fm_trace_opts o = {.path = path, .dialect = dialect, .missing = FM_MISSING_ZERO};
	char dir[] = "/tmp/make-paid-XXXXXX";
	struct fm_trace_stats stats;
	struct fm_table *t = NULL, *stored = NULL;
	struct fm_error err = {0};
	uint8_t *inside;

	if (!mkdtemp(dir) || fm_trace_load(&t, &o, 0.01, &stats, &err) < 0 || fm_table_save(t, dir, &err) < 0 ||
	    fm_table_open(&stored, dir, &err) < 0 || fm_alloc(&inside, stored->addresses->n, 1, "addresses", &err) < 0)
		die(&err);
	fm_table_free(t);
	for (size_t i = 0; i < stored->addresses->n; i++)
		inside[i] = fm_dialect_is_internal(dialect, &stored->addresses->at[i]);
	stored->addresses->inside = inside;
	return stored;
}

int main(int argc, char **argv)
{
	struct fm_config *cfg = NULL;
	struct fm_dialect *dialect;
	struct fm_paid_in in = {0};
	struct fm_metrics m;
	struct fm_secret key;
	struct fm_error err;
	double mean[MOST] = {0}, largest[MOST] = {0}, lower[MOST] = {0};
	char name[MOST][64] = {""};
	int seeds;

	if (argc < 4 || (seeds = atoi(argv[3])) < 1 || seeds > 255) {
		fprintf(stderr, "usage: make_paid HOLDOUT MADE SEEDS [KEY=VALUE ...]\n");
		return 2;
	}
	if (fm_config_preset(&cfg, "ugr16-dp", (const char *const *)argv + 4, argc - 4, &err) < 0 ||
	    fm_dialect_load(&dialect, cfg->source.dialect, &err) < 0 || fm_secret_new(&key, FM_STREAM_KEY, &err) < 0)
		die(&err);
	in = (struct fm_paid_in){cfg, flows_of(argv[1], dialect), flows_of(argv[2], dialect), &key};
	for (int s = 1; s <= seeds; s++) {
		m = (struct fm_metrics){0};
		memset(key.data, s, key.len);
		if (fm_paid_measure(&in, &m, &err) < 0)
			die(&err);
		for (size_t i = 0; i < m.n && i < MOST; i++) {
			snprintf(name[i], sizeof name[i], "%s", m.m[i].name);
			mean[i] += m.m[i].value / seeds;
			lower[i] += m.m[i].ci_lo / seeds;
			largest[i] = fmax(largest[i], m.m[i].value);
		}
		fm_metrics_free(&m);
	}
	for (int i = 0; i < MOST && name[i][0]; i++)
		printf("%-16s %.4f %.4f %.4f\n", name[i], mean[i], largest[i], lower[i]);
	return 0;
}
