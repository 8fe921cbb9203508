/*
 * make_marginals.c TRACE DIALECT EPSILON DELTA ROWS ROUNDS SEED OUT [NOISE-KEY-BYTE] - flows from noisy counts of a
 * trace, for docs/marginals.md: what the fit asked for and what it made goes to standard error.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "manifests/dialect.h"
#include "model/marginals/marginals.h"
#include "traces/trace.h"

static void die(const struct fm_error *err)
{
	fprintf(stderr, "marginals: %s\n", err->message);
	exit(fm_exit_status(err->code));
}

static bool inside(const void *ctx, uint32_t ip)
{
	struct fm_address a = fm_address_of_ipv4(ip);

	return fm_dialect_is_internal(ctx, &a);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	static const char *const label[] = {"background",      "blacklist",       "anomaly-spam",
					    "anomaly-sshscan", "anomaly-udpscan", "dos",
					    "scan11",          "scan44",          "nerisbotnet"};
	static const struct fm_range in_range = {0x2adb0000u, 16},
				     out_range[] = {{0x01000000u, 8}, {0x40000000u, 2}, {0x80000000u, 2}};
	struct fm_dialect *dialect;
	struct fm_error err;
	struct fm_table *t = NULL, *made;
	struct fm_trace_stats stats;
	struct fm_secret key;
	struct fm_marginals m;
	struct fm_pool *pool = NULL;
	double sum = 0, t0 = now(), t1;

	if (argc < 9) {
		fprintf(stderr, "usage: make_marginals TRACE DIALECT EPSILON DELTA ROWS ROUNDS SEED OUT [BYTE]\n");
		return 2;
	}
	if (fm_dialect_load(&dialect, argv[2], &err))
		die(&err);
	struct fm_trace_opts o = {.path = argv[1], .dialect = dialect, .missing = FM_MISSING_ZERO};
	if (fm_trace_load(&t, &o, 0.01, &stats, &err) || fm_pool_new(&pool, 0, &err) ||
	    fm_secret_new(&key, FM_STREAM_KEY, &err))
		die(&err);
	memset(key.data, argc > 9 ? atoi(argv[9]) : 1, key.len); /* a known key: for measuring alone */
	double delta = atof(argv[4]);
	struct fm_marginals_opts fo = {.mu = fm_marginals_mu(atof(argv[3]), delta * 0.9),
				       .key_delta = delta * 0.05,
				       .key = &key,
				       .first_ms = t->te[0],
				       .last_ms = t->te[t->rows - 1],
				       .step_ms = 1000,
				       .label = label,
				       .nlabels = (int)(sizeof label / sizeof *label),
				       .inside = inside,
				       .ctx = dialect,
				       .pool = pool};
	for (size_t i = 0; i < t->rows; i++) {
		fo.first_ms = t->te[i] < fo.first_ms ? t->te[i] : fo.first_ms;
		fo.last_ms = t->te[i] > fo.last_ms ? t->te[i] : fo.last_ms;
	}
	t1 = now();
	if (fm_marginals_fit(&m, t, &fo, &err))
		die(&err);
	for (size_t i = 0; i < m.charges.n; i++) {
		double s = m.charges.list[i].scale;

		sum += m.charges.list[i].sensitivity * m.charges.list[i].sensitivity / (s * s - 3);
		if (getenv("CHARGES"))
			fprintf(stderr, "%-24s %g %.2f\n", m.charges.list[i].name, m.charges.list[i].sensitivity, s);
	}
	fprintf(stderr, "read %.1f s, fit %.1f s; mu %.6f of %.6f, %zu counts; records %.0f, flows a record %.4f\n",
		t1 - t0, now() - t1, sqrt(sum), fo.mu, m.charges.n, m.tables.total, m.flows_per_record);
	for (int a = 0; a < FM_NATTRS; a++)
		fprintf(stderr, "%s %d  ", fm_attr_name[a], m.domains.size[a]);
	fprintf(stderr, "\nhosts %d %d, services %d\n", m.domains.hosts[0].n, m.domains.hosts[1].n,
		m.domains.nservices);
	struct fm_marginals_sample_in in = {.rows = strtoull(argv[5], NULL, 10),
					    .seed = strtoull(argv[7], NULL, 10),
					    .inside = &in_range,
					    .ninside = 1,
					    .outside = out_range,
					    .noutside = 3,
					    .rounds = atoi(argv[6]),
					    .pool = pool};
	if (in.rows == 0)
		in.rows = t->rows;
	t1 = now();
	if (fm_marginals_sample(&made, &m, &in, &err) ||
	    (strstr(argv[8], ".csv") ? fm_trace_write(made, dialect, argv[8], &err)
				     : fm_table_save(made, argv[8], &err)))
		die(&err);
	fprintf(stderr, "sample and write %.1f s\n", now() - t1);
	return 0;
}
