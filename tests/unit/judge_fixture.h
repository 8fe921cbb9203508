/*
 * judge_fixture.h - tables for the judges' tests: from the golden folder's CSV files, or made in memory.
 */
#ifndef FM_TEST_JUDGE_FIXTURE_H
#define FM_TEST_JUDGE_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/table.h"
#include "manifests/dialect.h"
#include "manifests/metrics.h"
#include "traces/trace.h"

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		if ((call) != FM_OK)                                                                                   \
			fail_msg("%s: %s", #call, err.message);                                                        \
	} while (0)

/* A file of tests/golden/judge; names that begin with n are in the netshare dialect. */
static inline struct fm_table *golden_table(const char *name)
{
	char path[512];
	struct fm_error err = {0};
	struct fm_dialect *dialect = NULL;
	struct fm_trace_stats stats;
	struct fm_table *t = NULL;

	snprintf(path, sizeof path, "tests/golden/judge/%s.csv", name);
	OK(fm_dialect_load(&dialect, name[0] == 'n' ? "netshare" : "ugr16", &err));
	struct fm_trace_opts o = {.path = path, .dialect = dialect};
	OK(fm_trace_load(&t, &o, 0.0, &stats, &err));
	fm_dialect_free(dialect);
	return t;
}

/* n flows drawn from one fixed distribution: the same (seed) gives the same rows, two seeds two samples of one truth.
 */
static inline struct fm_table *random_table(size_t n, uint64_t seed)
{
	static const char *const protocols[] = {"TCP", "UDP", "ICMP"};
	static const uint16_t services[] = {53, 80, 443, 22, 8080};
	struct fm_error err = {0};
	struct fm_table *t = NULL;

	OK(fm_table_new(&t, FM_COLS_UGR16, &err));
	OK(fm_table_reserve(t, n, &err));
	for (int c = 0; c < FM_NFLOWCOL; c++)
		if (fm_cols[c].kind == FM_KIND_CATEGORY)
			assert_int_equal(fm_dict_index(&t->dict[c], c == FM_LABEL ? "background" : "0",
						       c == FM_LABEL ? 10 : 1, true),
					 0);
	free(t->dict[FM_PR].value[0]);
	t->dict[FM_PR].value[0] = strdup(protocols[0]);
	for (int k = 1; k < 3; k++)
		assert_int_equal(fm_dict_index(&t->dict[FM_PR], protocols[k], strlen(protocols[k]), true), k);
	t->rows = n;
	int64_t te = 1460332800000;
	for (size_t i = 0; i < n; i++) {
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_JUDGE, i, 77);
		te += fm_rng_below(&r, 2000);
		t->te[i] = te;
		t->pr[i] = (uint16_t)fm_rng_below(&r, 3);
		t->td[i] = fm_rng_below(&r, 2) ? fm_rng_below(&r, 60000) : 0;
		t->sa[i] = 0x0a000000u + fm_rng_below(&r, 200);
		t->da[i] = 0x64400000u + fm_rng_below(&r, 500);
		t->sp[i] = t->pr[i] == 2 ? 0 : (uint16_t)(1024 + fm_rng_below(&r, 60000));
		t->dp[i] = t->pr[i] == 2 ? 2048 : services[fm_rng_below(&r, 5)];
		t->flg[i] = t->fwd[i] = t->stos[i] = t->label[i] = 0;
		t->pkt[i] = 1 + fm_rng_below(&r, 50);
		t->byt[i] = t->pkt[i] * (40 + fm_rng_below(&r, 1000));
	}
	return t;
}

static inline double metric(const struct fm_metrics *m, const char *name)
{
	const struct fm_metric *found = fm_metrics_find(m, name);

	if (!found)
		fail_msg("metric %s is absent", name);
	return found->value;
}

#endif
