/* test_scan_windows.c - windows drawn one by one become scans that are over in seconds, from one port each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/model_fixture.h"

enum { W = 32, SCANS = 30, TARGETS = 128, BETWEEN = 12 * W, SCANNED = 22 };

/* SCANS scanners, each from a port of its own, come to TARGETS hosts in four windows and four seconds.  Before each of
 * them clients ask servers, one in a second. */
static struct fm_table *trace_of_scans(void)
{
	static const char *const path = "/tmp/flowmint-scans-XXXXXX";
	char file[64];
	struct fm_table *t;
	struct fm_rng r;
	long at = 0;
	snprintf(file, sizeof file, "%s", path);
	int fd = mkstemp(file);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	assert_non_null(f);
	fm_rng_init(&r, 4, FM_RNG_SIMULATE, 0, 0);
	for (int s = 0; s < SCANS; s++) {
		for (int i = 0; i < BETWEEN + TARGETS; i++) {
			bool scans = i >= BETWEEN;
			at += scans ? i % W == 0 : 1;
			fprintf(f, "2016-04-11 %02ld:%02ld:%02ld,0.000,", at / 3600, at / 60 % 60, at % 60);
			if (scans)
				fprintf(f, "60.1.%d.9,42.219.150.%d,%d,%d", s, i - BETWEEN + 1, 6000 + s, SCANNED);
			else
				fprintf(f, "70.%u.%u.3,42.219.151.%u,%u,80", fm_rng_below(&r, 200),
					fm_rng_below(&r, 200), 1 + fm_rng_below(&r, 20),
					20000 + fm_rng_below(&r, 20000));
			fprintf(f, ",TCP,....S.,0,0,1,40,background\n");
		}
	}
	assert_int_equal(fclose(f), 0);
	t = fixture_read(file, 0, W, 3000);
	unlink(file);
	assert_non_null(t);
	assert_int_equal(t->rows, SCANS * (BETWEEN + TARGETS));
	return t;
}

struct made {
	size_t scanners, brief, steady, flows; /* sources of half a scan and more; over in a minute; from one port */
};

static struct made look(const struct fm_table *t)
{
	struct made m = {0};
	bool *seen = calloc(t->rows, sizeof *seen);
	assert_non_null(seen);
	for (size_t i = 0; i < t->rows; i++) {
		size_t n = 0, same = 0;
		int64_t last = t->te[i];
		if (t->dp[i] != SCANNED)
			continue;
		m.flows++;
		for (size_t k = i; k < t->rows && !seen[i]; k++) {
			if (t->sa[k] != t->sa[i] || t->dp[k] != SCANNED)
				continue;
			seen[k] = k > i;
			last = t->te[k];
			same += t->sp[k] == t->sp[i];
			n++;
		}
		if (n < TARGETS / 2)
			continue;
		m.scanners++;
		m.brief += last - t->te[i] <= 60000;
		m.steady += same == n;
	}
	free(seen);
	return m;
}

static void a_scan_is_over_in_seconds(void **state)
{
	struct fm_codec *c;
	struct fm_hosts *hosts;
	struct fm_encoded e = {0};
	struct fm_error err;
	struct fm_table *t = trace_of_scans(), *made;
	struct fm_codec_opts o = fixture_opts(t, W);
	struct made real, m;
	(void)state;
	assert_int_equal(fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err), FM_OK);
	assert_int_equal(fm_codec_encode(c, hosts, t, 1, &e, &err), FM_OK);
	made = fixture_shuffled(c, &e, 3);
	assert_non_null(made);
	real = look(t);
	m = look(made);
	assert_int_equal(real.scanners, SCANS);
	assert_int_equal(real.brief, SCANS);
	assert_int_equal(m.flows, real.flows); /* every window is there */
	assert_in_range(m.scanners, SCANS - 4, SCANS + 2);
	assert_true(m.brief * 10 >= m.scanners * 9);
	assert_true(m.steady * 10 >= m.scanners * 9);
	fm_encoded_free(&e);
	fm_hosts_free(hosts);
	fm_codec_free(c);
	fm_table_free(made);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_scan_is_over_in_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
