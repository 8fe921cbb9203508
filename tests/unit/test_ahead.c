/* Text that several threads parse gives the rows, numbers of values, bad rows, counts and faults that one gives. */
#include "tests/unit/trace_fixture.h"

/* All that a reading says, whatever batches it comes in. */
struct heard {
	int rc;
	struct fm_error err;
	struct fm_trace_stats st;
	uint64_t rows, bad; /* digests */
};

/* FNV-1a, by eight bytes. */
static void hash(uint64_t *h, uint64_t v)
{
	*h = (*h ^ v) * 0x100000001b3u;
	*h ^= *h >> 29;
}

static void hash_text(uint64_t *h, const char *s)
{
	do
		hash(h, (unsigned char)*s);
	while (*s++);
}

static int hear_rows(void *ctx, const struct fm_table *t, const uint64_t *place, const uint8_t *said,
		     struct fm_error *err)
{
	struct heard *h = ctx;

	(void)err;
	for (size_t i = 0; i < t->rows; i++) {
		hash(&h->rows, place[i]);
		hash(&h->rows, said ? said[i] : 0);
		for (int c = 0; c < FM_NCOL; c++) {
			uint64_t v = FM_HAS(t, c) ? fm_table_value(t, c, i) : 0;

			hash(&h->rows, v);
			if (FM_HAS(t, c) && fm_cols[c].kind == FM_KIND_CATEGORY)
				hash_text(&h->rows, fm_table_category(t, c, i));
			if (FM_HAS(t, c) && fm_cols[c].kind == FM_KIND_ADDRESS) {
				struct fm_address a = fm_table_address(t, (uint32_t)v);

				hash(&h->rows, fm_address_half(&a, 0));
				hash(&h->rows, fm_address_half(&a, 1));
			}
		}
	}
	return FM_OK;
}

static void hear_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct heard *h = ctx;

	hash(&h->bad, bad->line);
	hash_text(&h->bad, bad->reason);
	hash_text(&h->bad, bad->text);
	hash_text(&h->bad, bad->label ? bad->label : "");
}

static struct heard hear(struct fm_trace_opts o, int threads)
{
	struct heard h = {0};

	o.look = hear_rows;
	o.bad = hear_bad;
	o.ctx = &h;
	o.threads = threads;
	h.rc = fm_trace_read(&o, &h.st, &h.err);
	return h;
}

static void assert_same_for_any_threads(const struct fm_trace_opts *o, int rc)
{
	struct heard one = hear(*o, 1);

	assert_int_equal(one.rc, rc);
	for (int threads = 2; threads <= 5; threads += 3) {
		struct heard many = hear(*o, threads);

		assert_int_equal(many.rc, one.rc);
		if (one.rc)
			assert_string_equal(many.err.message, one.err.message);
		assert_true(many.bad == one.bad);
		if (one.rc) /* how many rows came before a fault hangs on the batches */
			continue;
		assert_true(many.rows == one.rows);
		assert_int_equal(many.st.rows, one.st.rows);
		assert_int_equal(many.st.bad, one.st.bad);
		assert_int_equal(many.st.missing_values, one.st.missing_values);
		assert_int_equal(many.st.unsorted, one.st.unsorted);
		assert_int_equal(many.st.bytes, one.st.bytes);
		assert_int_equal(many.st.passed_over, one.st.passed_over);
	}
}

/* Rows with, between them, what the reader has to pass over, to refuse, or to look at across blocks. */
static struct fm_buf odd_rows(unsigned n, const char *header)
{
	struct fm_buf b = {0};

	fm_buf_puts(&b, header);
	for (unsigned i = 0; i < n; i++) {
		if (i % 997 == 3)
			fm_buf_puts(&b, "broken\n\n# a comment\n");
		if (i % 4999 == 4)
			fm_buf_printf(&b, "%s\"%u,x\n", header, i);
		if (i % 6007 == 5)
			fm_buf_puts(&b, "Summary\nflows,bytes\n1,2\n");
		if (i % 1201 == 6)
			fm_buf_printf(&b,
				      "2016-04-11 00:01:38,7.0,1.2.%u.9,nan,1,-,T%u,-,0,,4,240,\"class, %u\"\r\n"
				      "2016-04-11 00:01:38,7.0,9.9.%u.9,1.1.1.1,1,70000,TCP,-,0,,4,240,lost%u\n",
				      i % 251, i, i % 77, i % 250, i % 5);
		ugr16_row(&b, i);
	}
	fm_buf_puts(&b, "2016-04-12 00:01:38,7.0,1.2.3.9,1.1.1.1,1,2,TCP,-,0,,4,240,last"); /* without LF */
	assert_false(b.failed);
	return b;
}

static void one_file_gives_the_same(void **state)
{
	struct fm_buf b = odd_rows(20000, "");
	struct fm_trace_opts o = {.dialect = &ugr16, .path = put_bytes("one.csv", b.data, b.len)};

	(void)state;
	assert_same_for_any_threads(&o, FM_OK);
	o.rows = 70000; /* more than there are */
	assert_same_for_any_threads(&o, FM_OK);
	o.path = pack_one("one.csv.gz", ARCHIVE_FILTER_GZIP, b.data, b.len);
	o.missing = FM_MISSING_REJECT;
	assert_same_for_any_threads(&o, FM_OK);
	fm_buf_free(&b);
}

/* Blocks that only the reader can parse, among others of the same few addresses: whichever thread had them, and
 * whenever it hears that, what it knew before has no number. */
static void blocks_that_are_not_joined_leave_no_number(void **state)
{
	struct fm_buf b = {0};
	struct fm_trace_opts o = {.dialect = &ugr16};
	struct heard one;

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		if (i / 2500 % 3 == 1 && i % 2500 == 1200)
			fm_buf_puts(&b, "Summary\nflows,bytes\n1,2\n");
		fm_buf_printf(&b, "2016-04-11 00:01:38,7.000,10.%u.0.%u,10.0.0.1,1,80,TCP,.AP.SF,0,0,%u,40,class%u\n",
			      i / 2500 % 4, i % 5, 1 + i, i / 2500 % 4);
	}
	o.path = put_bytes("unjoined.csv", b.data, b.len);
	fm_buf_free(&b);
	one = hear(o, 1);
	assert_int_equal(one.rc, FM_OK);
	for (int k = 0; k < 40; k++)
		assert_true(hear(o, 2 + k % 3).rows == one.rows);
}

/* A batch that is full between a row and its way back, and rows whose times contradict each other. */
static void rows_of_both_ways_are_cut_alike(void **state)
{
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct fm_buf b = {0};
	struct fm_trace_opts o = {0};

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "nfdump16", &err), FM_OK);
	fm_buf_puts(&b, "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n");
	for (unsigned i = 0; i < 50000; i++)
		fm_buf_printf(&b,
			      "2016-04-11 00:01:06,2016-04-11 "
			      "00:01:08,%u.0,10.0.%u.1,192.0.2.7,%u,8.0,%s,.A....,0,0,1,130,%u,0\n",
			      i % 7, i % 250, i, "ICMP", i % 5000 > 1);
	o.dialect = d;
	o.path = put_bytes("ways.csv", b.data, b.len);
	assert_same_for_any_threads(&o, FM_OK);
	o.rows = 65537;
	assert_same_for_any_threads(&o, FM_OK);
	fm_buf_free(&b);
	fm_dialect_free(d);
}

static void the_wanted_rows_are_the_first(void **state)
{
	struct fm_buf b = {0};
	struct fm_trace_opts o = {.dialect = &ugr16, .rows = 70001};

	(void)state;
	for (unsigned i = 0; i < 80000; i++)
		fm_buf_puts(&b, i % 5000 == 1 ? "broken\n" ROW : ROW);
	o.path = put_bytes("wanted.csv", b.data, b.len);
	assert_same_for_any_threads(&o, FM_OK);
	fm_buf_free(&b);
}

static void a_header_is_known_to_all_threads(void **state)
{
	struct fm_dialect d = ugr16;
	struct fm_buf b = odd_rows(20000, "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n");
	struct fm_trace_opts o = {.dialect = &d, .path = put_bytes("head.csv", b.data, b.len)};

	(void)state;
	d.header = true;
	assert_same_for_any_threads(&o, FM_OK);
	fm_buf_free(&b);
	/* A first block of comments alone. */
	for (unsigned i = 0; i < 40000; i++)
		fm_buf_puts(&b, "# 0123456789\n");
	fm_buf_puts(&b, "label,te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt\n");
	for (unsigned i = 0; i < 20000; i++)
		fm_buf_printf(&b,
			      "l%u,2016-04-11 00:01:38,7.000,60.150.71.%u,::1,32864,80,TCP,....S.,0,0,4,240\n"
			      "l%u,2016-04-11 00:01:38,7.000,60.150.71.%u,1.1.1.1,32864,80,TCP,....S.,0,0,4,240\n",
			      i % 3000, i % 250, i % 3000, i % 250);
	o.path = put_bytes("comments.csv", b.data, b.len);
	d.ncomment = 1;
	strcpy(d.comment[0], "#");
	assert_same_for_any_threads(&o, FM_OK);
	fm_buf_free(&b);
}

static void many_values_are_numbered_alike(void **state)
{
	struct fm_buf b = {0};
	struct fm_trace_opts o = {.dialect = &ugr16};

	(void)state;
	/* Over 65,535 labels, and so many addresses that the threads' dictionaries begin anew. */
	for (unsigned i = 0; i < 75000; i++)
		fm_buf_printf(&b, "2016-04-11 00:01:38,7,10.%u.%u.1,::ffff:1.1.1.1,1,80,TCP,S,0,%u,4,24,l%u\n",
			      i * 7 / 250 % 250, i * 7 % 250, i % 9000, i % 70000);
	o.path = put_bytes("values.csv", b.data, b.len);
	assert_same_for_any_threads(&o, FM_OK);
	fm_buf_free(&b);
}

static void long_lines_and_bad_ones_are_counted_alike(void **state)
{
	struct fm_buf b = {0};
	struct fm_trace_opts o = {.dialect = &ugr16};

	(void)state;
	for (unsigned i = 0; i < 12000; i++) {
		fm_buf_puts(&b, ROW);
		if (i % 5000 == 700)
			for (unsigned k = 0; k < 290000; k++)
				fm_buf_puts(&b, i == 700 ? "long," : "x");
		if (i > 3000 && i < 6000)
			fm_buf_puts(&b, "1,2\n3\n,,,,,,,,,,,,\n");
	}
	o.path = put_bytes("long.csv", b.data, b.len);
	assert_same_for_any_threads(&o, FM_OK);
	o.limit_bad = true;
	o.max_bad_share = 0.1;
	assert_same_for_any_threads(&o, FM_EINPUT);
	fm_buf_free(&b);
}

static void many_files_give_the_same(void **state)
{
	struct fm_buf list = {0}, packed = {0};
	struct fm_trace_opts o = {.dialect = &ugr16};
	struct fm_error err;
	const char *path;

	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		struct fm_buf b = {0};
		char name[32];

		for (unsigned i = 0; i < (k % 3 ? 9000u : 40u); i++)
			ugr16_row(&b, i + (11 - k) * 9000);
		if (k == 5)
			fm_buf_puts(&b, "Summary\n");
		snprintf(name, sizeof name, "h%u", k);
		path = k % 2 ? pack_one(name, ARCHIVE_FILTER_ZSTD, b.data, b.len) : put_bytes(name, b.data, b.len);
		fm_buf_printf(&list, "%s\n", path);
		fm_buf_free(&b);
	}
	fm_buf_add(&list, "", 1);
	o.path = list.data;
	assert_same_for_any_threads(&o, FM_OK);
	o.rows = 66000;
	assert_same_for_any_threads(&o, FM_OK);
	o.rows = 0;
	/* One is damaged. */
	assert_int_equal(fm_file_read(at("h7"), 64 << 20, &packed, &err), FM_OK);
	put_bytes("h7", packed.data, packed.len * 2 / 3);
	assert_same_for_any_threads(&o, FM_EINPUT);
	fm_buf_free(&packed);
	fm_buf_free(&list);
}

static void faults_are_told_alike(void **state)
{
	struct fm_buf b = ugr16_rows(60000), packed = {0};
	struct fm_trace_opts o = {.dialect = &netshare, .path = put_bytes("f.csv", b.data, b.len)};
	struct fm_error err;
	const char *path = pack_one("f.csv.gz", ARCHIVE_FILTER_GZIP, b.data, b.len);

	(void)state;
	assert_same_for_any_threads(&o, FM_EINPUT); /* no such header */
	assert_int_equal(fm_file_read(path, 64 << 20, &packed, &err), FM_OK);
	assert_true(packed.len > 600000);
	o.dialect = &ugr16;
	o.path = put_bytes("f.csv.gz", packed.data, packed.len - 1000);
	assert_same_for_any_threads(&o, FM_EINPUT);
	assert_says(hear(o, 2).err, "after line ");
	fm_buf_free(&packed);
	fm_buf_free(&b);
}

/* Zeek's word for no value, another one in each of two files. */
static void a_word_that_the_file_names_is_known_to_all_threads(void **state)
{
	static const char *const none[] = {"NA", "0x"};
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct fm_trace_opts o = {0};
	struct heard one;
	char paths[2100];

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "zeek", &err), FM_OK);
	for (int file = 0; file < 2; file++) {
		struct fm_buf b = {0};

		fm_buf_printf(&b,
			      "#unset_field\t%s\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t"
			      "duration\tconn_state\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n",
			      none[file]);
		for (unsigned i = 0; i < 30000; i++)
			fm_buf_printf(&b, "14603%05u.5\t10.0.%u.1\t53\t192.0.2.7\t%u\tudp\t%s\tSF\t1\t68\t0\t0\n",
				      30000 * (unsigned)file + i, i % 250, i,
				      i % 3   ? "0.25"
				      : i % 7 ? none[file]
					      : none[!file]);
		put_bytes(file ? "b.log" : "a.log", b.data, b.len);
		fm_buf_free(&b);
	}
	snprintf(paths, sizeof paths, "%s\n%s", at("a.log"), at("b.log"));
	o = (struct fm_trace_opts){.dialect = d, .path = paths};
	one = hear(o, 1);
	assert_true(one.st.bad > 2000 && one.st.missing_values > 16000);
	assert_same_for_any_threads(&o, FM_OK);
	fm_dialect_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_file_gives_the_same),
	    cmocka_unit_test(blocks_that_are_not_joined_leave_no_number),
	    cmocka_unit_test(rows_of_both_ways_are_cut_alike),
	    cmocka_unit_test(the_wanted_rows_are_the_first),
	    cmocka_unit_test(a_header_is_known_to_all_threads),
	    cmocka_unit_test(many_values_are_numbered_alike),
	    cmocka_unit_test(long_lines_and_bad_ones_are_counted_alike),
	    cmocka_unit_test(many_files_give_the_same),
	    cmocka_unit_test(faults_are_told_alike),
	    cmocka_unit_test(a_word_that_the_file_names_is_known_to_all_threads),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
