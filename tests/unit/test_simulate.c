/*
 * The promises of `flowmint simulate` (traces/simulate/simulate.h): exactly N rows, the same bytes for any number of
 * threads and any build, sorted, every row obeying what a flow must obey, every class present.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/num.h"
#include "tests/unit/scratch.h"
#include "traces/simulate/simulate.h"

/* Of 20,000 rows, seed 1, all else default.  Changes only with the rules, in a commit that says so. */
#define GOLDEN "6c00ef3a298bd4ab18721653d26414de0cc3cc14cb27dce323f986b0ad776641"

static int enter(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return scratch_make();
}

static int leave(void **state)
{
	(void)state;
	return scratch_remove();
}

static void make(struct fm_simulate_in in, struct fm_simulate_out *out, char hex[FM_SHA256_HEX])
{
	struct fm_simulate_out local;
	struct fm_error err = {0};
	if (fm_simulate(&in, out ? out : &local, &err) != FM_OK)
		fail_msg("%s", err.message);
	if (hex && fm_sha256_file_hex(in.out, hex, &err) != FM_OK)
		fail_msg("%s", err.message);
}

static int refused(struct fm_simulate_in in, const char *word)
{
	struct fm_simulate_out out;
	struct fm_error err = {0};
	int rc = fm_simulate(&in, &out, &err);
	if (rc != FM_OK && !strstr(err.message, word))
		fail_msg("\"%s\" does not say \"%s\"", err.message, word);
	return rc;
}

static void test_same_bytes_in_any_build_and_with_any_number_of_threads(void **state)
{
	static const int threads[] = {1, 2, 7, 0};
	(void)state;
	for (int i = 0; i < 4; i++) {
		char hex[FM_SHA256_HEX];
		make(
		    (struct fm_simulate_in){
			.rows = 20000, .seed = 1, .out = scratch_path("g.csv"), .threads = threads[i]},
		    NULL, hex);
		assert_string_equal(hex, GOLDEN);
	}
	/* A dense trace has slots of one second and many shards. */
	char a[FM_SHA256_HEX], b[FM_SHA256_HEX];
	make((struct fm_simulate_in){.rows = 60000, .seed = 3, .hours = 0.05, .out = scratch_path("a"), .threads = 1},
	     NULL, a);
	make((struct fm_simulate_in){.rows = 60000, .seed = 3, .hours = 0.05, .out = scratch_path("b"), .threads = 5},
	     NULL, b);
	assert_string_equal(a, b);
}

static void test_other_seeds_and_starts_give_other_bytes(void **state)
{
	char hex[5][FM_SHA256_HEX];
	(void)state;
	make((struct fm_simulate_in){.rows = 5000, .seed = 1, .out = scratch_path("s")}, NULL, hex[0]);
	make((struct fm_simulate_in){.rows = 5000, .seed = 2, .out = scratch_path("s")}, NULL, hex[1]);
	make((struct fm_simulate_in){.rows = 5000, .seed = UINT64_C(1) << 32 | 1, .out = scratch_path("s")}, NULL,
	     hex[2]);
	make(
	    (struct fm_simulate_in){
		.rows = 5000, .seed = 1, .start_ms = INT64_C(1458259200000), .out = scratch_path("s")},
	    NULL, hex[3]);
	make((struct fm_simulate_in){.rows = 5000, .seed = 1, .attacks = 0.2, .out = scratch_path("s")}, NULL, hex[4]);
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(hex[i], hex[j]);
}

/* One parsed row; text keeps what the pointers lie in. */
struct row {
	char text[256];
	char *col[13];
	int64_t te, td;
	uint64_t sp, dp, stos, pkt, byt;
	uint32_t sa, da;
};

static void row_parse(struct row *r, const char *line)
{
	char *p = r->text;
	int n = 0;
	size_t len = strlen(line);

	assert_true(len > 1 && len < sizeof r->text && line[len - 1] == '\n');
	memcpy(r->text, line, len + 1);
	r->text[len - 1] = 0;
	for (char *c; (c = strsep(&p, ",")) != NULL; n++) {
		assert_true(n < 13);
		r->col[n] = c;
	}
	assert_int_equal(n, 13);
	assert_int_equal(strlen(r->col[0]), 19); /* whole seconds */
	assert_int_equal(fm_parse_time_ms(r->col[0], 19, &r->te), 0);
	const char *dot = strchr(r->col[1], '.');
	assert_true(dot && strlen(dot) == 4); /* three decimals */
	assert_int_equal(fm_parse_scaled(r->col[1], strlen(r->col[1]), 3, &r->td), 0);
	assert_int_equal(fm_parse_ipv4(r->col[2], strlen(r->col[2]), &r->sa), 0);
	assert_int_equal(fm_parse_ipv4(r->col[3], strlen(r->col[3]), &r->da), 0);
	assert_int_equal(fm_parse_u64(r->col[4], strlen(r->col[4]), 65535, &r->sp), 0);
	assert_int_equal(fm_parse_u64(r->col[5], strlen(r->col[5]), 65535, &r->dp), 0);
	assert_int_equal(fm_parse_u64(r->col[9], strlen(r->col[9]), 255, &r->stos), 0);
	assert_int_equal(fm_parse_u64(r->col[10], strlen(r->col[10]), UINT64_MAX, &r->pkt), 0);
	assert_int_equal(fm_parse_u64(r->col[11], strlen(r->col[11]), UINT64_MAX, &r->byt), 0);
}

static int inside(uint32_t ip)
{
	return ip >> 16 == (42u << 8 | 219u);
}

static void row_obeys(const struct row *r, const char *line)
{
	static const char *const protos[] = {"TCP", "UDP", "ICMP", "GRE", "ESP", "IPIP"};
	int known = 0, ok = r->td >= 0 && r->td % 4 == 0 && r->pkt >= 1 && r->byt >= 20 * r->pkt &&
			    r->byt <= 1500 * r->pkt && r->sa != r->da && (inside(r->sa) || inside(r->da)) &&
			    strcmp(r->col[8], "0") == 0 && strlen(r->col[7]) == 6;
	for (size_t i = 0; i < 6; i++)
		known += strcmp(r->col[6], protos[i]) == 0;
	if (strcmp(r->col[6], "TCP") == 0 || strcmp(r->col[6], "UDP") == 0)
		ok = ok && r->sp > 0 && r->dp > 0;
	else if (strcmp(r->col[6], "ICMP") == 0)
		ok = ok && r->sp == 0;
	else
		ok = ok && r->sp == 0 && r->dp == 0;
	if (strcmp(r->col[6], "TCP") != 0)
		ok = ok && strcmp(r->col[7], ".A....") == 0;
	if (!ok || known != 1)
		fail_msg("this row breaks a rule: %s", line);
}

enum { BACK = 64 };
struct tally {
	uint64_t rows, label[FM_SIM_NLABEL], one, one_slow, zero, pairs, tcp, udp, icmp, bursts;
	int64_t first, last;
};

static void tally_file(const char *path, struct tally *t)
{
	static struct {
		uint32_t sa, da;
		uint64_t sp, dp;
		char pr[8];
	} ring[BACK];
	static struct row r;
	FILE *f = fopen(path, "r");
	char line[512], before[512] = "";
	unsigned run = 0;

	assert_non_null(f);
	memset(t, 0, sizeof *t);
	memset(ring, 0, sizeof ring);
	while (fgets(line, sizeof line, f)) {
		row_parse(&r, line);
		row_obeys(&r, line);
		assert_true(t->rows == 0 || strcmp(before, line) <= 0); /* te first, then the text of the row */
		strcpy(before, line);
		int label = 0;
		while (label < FM_SIM_NLABEL && strcmp(fm_simulate_labels[label], r.col[12]) != 0)
			label++;
		assert_true(label < FM_SIM_NLABEL);
		t->label[label]++;
		run = label == FM_SIM_DOS ? run + 1 : 0;
		if (run == 16)
			t->bursts++;
		for (int i = 0; i < BACK; i++)
			if (ring[i].sa == r.da && ring[i].da == r.sa && ring[i].sp == r.dp && ring[i].dp == r.sp &&
			    strcmp(ring[i].pr, r.col[6]) == 0) {
				t->pairs++;
				break;
			}
		int at = (int)(t->rows % BACK);
		ring[at].sa = r.sa;
		ring[at].da = r.da;
		ring[at].sp = r.sp;
		ring[at].dp = r.dp;
		snprintf(ring[at].pr, sizeof ring[at].pr, "%s", r.col[6]);
		t->one += r.pkt == 1;
		t->one_slow += r.pkt == 1 && r.td > 0;
		t->zero += r.td == 0;
		t->tcp += strcmp(r.col[6], "TCP") == 0;
		t->udp += strcmp(r.col[6], "UDP") == 0;
		t->icmp += strcmp(r.col[6], "ICMP") == 0;
		if (t->rows++ == 0)
			t->first = r.te;
		t->last = r.te;
	}
	fclose(f);
}

static void within(const char *what, uint64_t part, uint64_t all, double lo, double hi)
{
	double share = (double)part / (double)all;
	if (!(share >= lo && share <= hi))
		fail_msg("%s: share %.4f is not in [%g, %g]", what, share, lo, hi);
}

static void test_rows_obey_the_rules_and_shares_are_those_of_the_data_set(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct fm_simulate_out out;
		struct tally t;
		make((struct fm_simulate_in){.rows = 20000, .seed = seed, .out = scratch_path("r.csv")}, &out, NULL);
		tally_file(scratch_path("r.csv"), &t);
		assert_int_equal(t.rows, 20000);
		assert_int_equal(out.rows, 20000);
		assert_int_equal(out.first_ms, t.first);
		assert_int_equal(out.last_ms, t.last);
		assert_true(t.first >= INT64_C(1460332800000) && t.last < INT64_C(1460332800000) + 86400000);
		assert_true(t.last - t.first > 23 * 3600000);
		for (int c = 0; c < FM_SIM_NLABEL; c++) {
			assert_int_equal(out.label[c], t.label[c]);
			if (c > 0)
				within(fm_simulate_labels[c], t.label[c], t.rows, 0.003, 0.05);
		}
		within("attacks", t.rows - t.label[0], t.rows, 0.06, 0.10);
		within("answers to a flow among the 64 before", t.pairs, t.rows, 0.25, 0.42);
		within("one packet", t.one, t.rows, 0.30, 0.44);
		within("no duration", t.zero, t.rows, 0.32, 0.46);
		within("one packet that took time", t.one_slow, t.one, 0.0, 0.006);
		within("TCP", t.tcp, t.rows, 0.66, 0.82);
		within("UDP", t.udp, t.rows, 0.15, 0.27);
		within("ICMP", t.icmp, t.rows, 0.03, 0.07);
		assert_true(t.bursts >= 5); /* runs of 16 flows of one attack */
	}
}

static void test_rows_are_exactly_as_many_as_asked_for(void **state)
{
	static const struct {
		uint64_t rows;
		double hours, attacks;
	} ask[] = {
	    {1, 0, 0},
	    {2, 24, 0.5},
	    {7, 0, -1},
	    {63, 0.0003, 0.9},
	    {1000, 100, 0.9},
	    {4001, 0.01, 0},
	    {30011, 1.0 / 3600, 0.08},
	    {999, 8784, 0},
	    {5003, 1.51, 0.3},
	};
	(void)state;
	for (size_t i = 0; i < sizeof ask / sizeof *ask; i++) {
		struct fm_simulate_out out;
		struct tally t;
		make((struct fm_simulate_in){.rows = ask[i].rows,
					     .seed = i,
					     .hours = ask[i].hours,
					     .attacks = ask[i].attacks,
					     .out = scratch_path("n.csv"),
					     .threads = 2},
		     &out, NULL);
		tally_file(scratch_path("n.csv"), &t);
		assert_int_equal(t.rows, ask[i].rows);
		assert_int_equal(out.rows, ask[i].rows);
		if (ask[i].attacks < 0)
			assert_int_equal(t.label[0], t.rows);
	}
}

static void test_the_day_has_a_rhythm(void **state)
{
	uint64_t by_hour[24] = {0};
	char line[512];
	FILE *f;
	(void)state;
	make((struct fm_simulate_in){.rows = 20000, .seed = 9, .attacks = -1, .out = scratch_path("h.csv")}, NULL,
	     NULL);
	f = fopen(scratch_path("h.csv"), "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		by_hour[(line[11] - '0') * 10 + line[12] - '0']++;
	fclose(f);
	assert_true(by_hour[4] > 0);
	assert_true(by_hour[11] > by_hour[4] * 5 / 4);
}

static void test_a_compressed_name_gives_the_same_text_compressed(void **state)
{
	static const struct {
		const char *name, *magic;
		size_t n;
	} kind[] = {{"c.csv.gz", "\x1f\x8b", 2},
		    {"c.csv.xz",
		     "\xfd"
		     "7zXZ",
		     5},
		    {"c.csv.zst", "\x28\xb5\x2f\xfd", 4}};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char a[FM_SHA256_HEX], b[FM_SHA256_HEX], head[8] = "";
		struct fm_simulate_out out;
		make((struct fm_simulate_in){.rows = 3000, .seed = 1, .out = scratch_path(kind[i].name)}, &out, a);
		make((struct fm_simulate_in){.rows = 3000, .seed = 1, .out = scratch_path(kind[i].name), .threads = 3},
		     NULL, b);
		assert_string_equal(a, b); /* no time of day in it */
		FILE *f = fopen(scratch_path(kind[i].name), "r");
		assert_non_null(f);
		assert_int_equal(fread(head, 1, kind[i].n, f), kind[i].n);
		fclose(f);
		assert_memory_equal(head, kind[i].magic, kind[i].n);
		assert_int_equal(out.rows, 3000);
	}
}

static void test_wrong_requests_are_refused_and_leave_nothing(void **state)
{
	const char *out = scratch_path("never.csv");
	(void)state;
	assert_int_equal(refused((struct fm_simulate_in){.rows = 0, .out = out}, "0 rows"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .hours = -1, .out = out}, "hours"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .hours = NAN, .out = out}, "hours"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .hours = 1e9, .out = out}, "hours"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .hours = 1e-9, .out = out}, "hours"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .attacks = 0.95, .out = out}, "attacks"),
			 FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .attacks = NAN, .out = out}, "attacks"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .start_ms = -1, .out = out}, "start"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .threads = -1, .out = out}, "threads"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = UINT64_MAX, .out = out}, "a second"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .out = NULL}, "output"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .out = ""}, "output"), FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .out = "/dev/null"}, "not a regular file"),
			 FM_EUSAGE);
	assert_int_equal(refused((struct fm_simulate_in){.rows = 9, .out = scratch}, "not a regular file"), FM_EUSAGE);
	assert_true(refused((struct fm_simulate_in){.rows = 9, .out = scratch_path("no/such/folder.csv")},
			    "folder.csv") != FM_OK);
	assert_false(fm_file_exists(out));
}

static void test_a_full_disk_leaves_the_old_file(void **state)
{
	const char *out = scratch_path("old.csv");
	struct fm_error err = {0};
	struct fm_buf b = {0};
	(void)state;
	assert_int_equal(fm_file_write(out, 0644, "old\n", 4, &err), FM_OK);
	int before = scratch_count(scratch);
	/* A limit on file size stands for the full disk: write() fails half-way with EFBIG. */
	struct rlimit was, small;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 1 << 20;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = refused((struct fm_simulate_in){.rows = 50000, .out = out}, "old.csv");
	int rc_gz = refused((struct fm_simulate_in){.rows = 200000, .out = scratch_path("old.gz")}, "old.gz");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(rc, FM_ESYSTEM);
	assert_int_equal(rc_gz, FM_ESYSTEM);
	assert_int_equal(fm_file_read(out, 100, &b, &err), FM_OK);
	assert_string_equal(b.data, "old\n");
	fm_buf_free(&b);
	assert_int_equal(scratch_count(scratch), before); /* no temporary file is left */
}

/* A share of the hosts outside speaks IPv6; the other rows stay what they are. */
static void test_some_hosts_speak_ipv6(void **state)
{
	struct fm_simulate_in in = {
	    .rows = 4000, .seed = 3, .out = scratch_path("mixed.csv"), .ipv6 = 0.3, .threads = 1};
	struct fm_simulate_out out;
	struct fm_error err = {0};
	char line[512], *col[13], *p;
	size_t ipv6 = 0, icmp6 = 0, rows = 0;
	FILE *f;

	(void)state;
	assert_int_equal(fm_simulate(&in, &out, &err), FM_OK);
	f = fopen(in.out, "r");
	assert_non_null(f);
	for (; fgets(line, sizeof line, f); rows++) {
		p = line;
		for (int k = 0; k < 13; k++)
			col[k] = strsep(&p, ",");
		bool six = strchr(col[2], ':') != NULL;
		assert_int_equal(six, strchr(col[3], ':') != NULL);
		assert_true(!six ||
			    (strncmp(col[2], "2a01:42:219:", 12) == 0) + (strncmp(col[3], "2a01:42:219:", 12) == 0) ==
				1);
		assert_true(strcmp(col[6], "ICMP6") != 0 || (six && strcmp(col[4], "0") == 0 && atoi(col[5]) >= 256));
		assert_true(strcmp(col[6], "ICMP") != 0 || !six);
		ipv6 += six;
		icmp6 += strcmp(col[6], "ICMP6") == 0;
	}
	fclose(f);
	assert_int_equal(rows, 4000);
	assert_true(ipv6 > 800 && ipv6 < 1600 && icmp6 > 5);
	assert_int_equal(
	    refused((struct fm_simulate_in){.rows = 10, .out = scratch_path("no.csv"), .ipv6 = 1.5}, "IPv6"),
	    FM_EUSAGE);
}

static int compare_u64(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return (a > b) - (a < b);
}

/* Ports and protocols in memory are those of the rows that are written. */
static void test_ports_in_memory_are_those_of_the_rows(void **state)
{
	enum { N = 3000 };
	struct fm_simulate_in in = {.rows = N, .seed = 7, .out = scratch_path("ports.csv")};
	struct fm_simulated_ports p[N];
	uint64_t memory[N], text[N];
	struct fm_error err = {0};
	struct row r;
	size_t n = 0;

	(void)state;
	make(in, NULL, NULL);
	if (fm_simulate_ports(&in, p, &err) != FM_OK)
		fail_msg("%s", err.message);
	FILE *f = fopen(in.out, "r");
	assert_non_null(f);
	while (n < N && fgets(r.text, sizeof r.text, f)) {
		char *rest = r.text;

		for (int c = 0; c < 13; c++)
			r.col[c] = strsep(&rest, ",");
		text[n] = strtoull(r.col[4], NULL, 10) << 32 | strtoull(r.col[5], NULL, 10) << 8 |
			  (uint64_t)(r.col[6][0] ^ r.col[6][1]);
		memory[n] = (uint64_t)p[n].sp << 32 | (uint64_t)p[n].dp << 8 | (uint64_t)(p[n].pr[0] ^ p[n].pr[1]);
		n++;
	}
	fclose(f);
	assert_int_equal(n, N);
	qsort(text, N, sizeof *text, compare_u64);
	qsort(memory, N, sizeof *memory, compare_u64);
	assert_memory_equal(text, memory, sizeof text);
	in.rows = 0;
	assert_int_equal(fm_simulate_ports(&in, p, &err), FM_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_bytes_in_any_build_and_with_any_number_of_threads),
	    cmocka_unit_test(test_other_seeds_and_starts_give_other_bytes),
	    cmocka_unit_test(test_rows_obey_the_rules_and_shares_are_those_of_the_data_set),
	    cmocka_unit_test(test_rows_are_exactly_as_many_as_asked_for),
	    cmocka_unit_test(test_some_hosts_speak_ipv6),
	    cmocka_unit_test(test_ports_in_memory_are_those_of_the_rows),
	    cmocka_unit_test(test_the_day_has_a_rhythm),
	    cmocka_unit_test(test_a_compressed_name_gives_the_same_text_compressed),
	    cmocka_unit_test(test_wrong_requests_are_refused_and_leave_nothing),
	    cmocka_unit_test(test_a_full_disk_leaves_the_old_file),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
