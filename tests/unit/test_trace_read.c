/* What must hold however a trace is wrapped, and what must be said when it is not what it should be. */
#include "tests/unit/ipv4_of.h"
#include "tests/unit/trace_fixture.h"

static void values_are_those_of_the_text(void **state)
{
	struct reading *r = read_trace_file(
	    put("a.csv", ROW "2016-04-11 23:59:59,0.001,0.0.0.0,255.255.255.255,0,65535,ICMP,......,1,8,"
			     "9223372036854775807,0,blacklist\n"),
	    &ugr16, NULL, 0);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 2);
	assert_int_equal(r->st.rows, 2);
	assert_int_equal(r->t->te[0], INT64_C(1460332898000));
	assert_int_equal(r->t->td[0], 7000);
	assert_int_equal(r->t->td[1], 1);
	assert_int_equal(ipv4_of(r->t, r->t->sa[0]), 60u << 24 | 150 << 16 | 71 << 8 | 237);
	assert_int_equal(ipv4_of(r->t, r->t->da[1]), UINT32_MAX);
	assert_int_equal(r->t->sp[0], 32864);
	assert_int_equal(r->t->dp[1], 65535);
	assert_int_equal(r->t->pkt[0], 4);
	assert_int_equal(r->t->pkt[1], INT64_MAX);
	assert_int_equal(r->t->byt[0], 240);
	assert_string_equal(fm_table_category(r->t, FM_PR, 1), "ICMP");
	assert_string_equal(fm_table_category(r->t, FM_FLG, 0), "....S.");
	assert_string_equal(fm_table_category(r->t, FM_STOS, 1), "8");
	assert_string_equal(fm_table_category(r->t, FM_LABEL, 1), "blacklist");
	done(r);
}

static void header_dialect_finds_columns_by_name(void **state)
{
	struct reading *r =
	    read_trace_file(put("n.csv", "extra,type,byt,pkt,td,ts,proto,dstport,srcport,dstip,srcip\n"
					 "x,benign,1736,62.0,305.63599999999997,1458298072364000.0,ICMP,0,8,719036359,"
					 "1730436467\ny,dos,1.2e+06,1,0,1458298072364500,TCP,80,1025,1,4294967295\n"),
			    &netshare, NULL, 0);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 2);
	assert_int_equal(r->t->te[0], INT64_C(1458298072364));
	assert_int_equal(r->t->te[1], INT64_C(1458298072365)); /* half a millisecond rounds up */
	assert_int_equal(r->t->td[0], 305636);
	assert_int_equal(ipv4_of(r->t, r->t->sa[0]), 1730436467u);
	assert_int_equal(ipv4_of(r->t, r->t->sa[1]), UINT32_MAX);
	assert_int_equal(r->t->sp[0], 8);
	assert_int_equal(r->t->pkt[0], 62);
	assert_int_equal(r->t->byt[1], 1200000);
	assert_string_equal(fm_table_category(r->t, FM_LABEL, 0), "background"); /* by the dialect's labels */
	assert_string_equal(fm_table_category(r->t, FM_LABEL, 1), "dos");
	assert_false(FM_HAS(r->t, FM_FLG));
	done(r);
}

static void assert_same_table(const struct fm_table *a, const struct fm_table *b)
{
	assert_int_equal(a->rows, b->rows);
	assert_int_equal(a->present, b->present);
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(a, c)) {
			assert_memory_equal(a->col[c], b->col[c], a->rows * fm_cols[c].width);
			assert_int_equal(a->dict[c].n, b->dict[c].n);
		}
}

static void every_compression_gives_the_same_table(void **state)
{
	static const struct {
		const char *name;
		int filter;
	} kinds[] = {{"a.gz", ARCHIVE_FILTER_GZIP},   {"a.csv.xz", ARCHIVE_FILTER_XZ}, {"a.zst", ARCHIVE_FILTER_ZSTD},
		     {"a.bz2", ARCHIVE_FILTER_BZIP2}, {"a.csv", ARCHIVE_FILTER_XZ},    {"b.lz4", ARCHIVE_FILTER_LZ4}};
	struct fm_buf b = ugr16_rows(25000);
	struct reading *plain = read_trace_file(put_bytes("plain.csv", b.data, b.len), &ugr16, NULL, 0);

	(void)state;
	assert_int_equal(plain->rc, FM_OK);
	assert_int_equal(plain->t->rows, 25000);
	assert_int_equal(plain->st.bytes, b.len);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct reading *r =
		    read_trace_file(pack_one(kinds[i].name, kinds[i].filter, b.data, b.len), &ugr16, NULL, 0);

		assert_int_equal(r->rc, FM_OK);
		assert_same_table(r->t, plain->t);
		done(r);
	}
	done(plain);
	fm_buf_free(&b);
}

static void one_member_of_an_archive_needs_no_name(void **state)
{
	const struct packed m[] = {{"uniq/", NULL, 0}, {"uniq/april.week2.csv.uniqblacklistremoved", ROW ROW, 0}};
	static const struct {
		const char *name;
		int format, filter;
	} kinds[] = {{"a.tar.gz", ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_GZIP},
		     {"a.tar", ARCHIVE_FORMAT_TAR_USTAR, 0},
		     {"a.tgz", ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_GZIP},
		     {"a.zip", ARCHIVE_FORMAT_ZIP, 0},
		     {"a.tar.zst", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD},
		     {"a.7z", ARCHIVE_FORMAT_7ZIP, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct reading *r =
		    read_trace_file(pack(kinds[i].name, kinds[i].format, kinds[i].filter, m, 2), &ugr16, NULL, 0);

		if (r->rc)
			fail_msg("%s: %s", kinds[i].name, r->err.message);
		assert_int_equal(r->t->rows, 2);
		done(r);
	}
}

static void of_several_members_one_must_be_named(void **state)
{
	const struct packed m[] = {{"README", "words\n", 0}, {"./a.csv", ROW, 0}, {"b.csv", ROW ROW, 0}};
	const char *path = pack("many.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, m, 3);
	const char *two = pack("two.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, m + 1, 2);
	struct fm_trace_opts o = {.member = "b.csv"};
	struct reading *r;

	(void)state;
	assert_refused(path, &ugr16, "source.member (README, ./a.csv, b.csv)");
	assert_refused(two, &ugr16, "source.member (./a.csv, b.csv)");
	r = read_trace_file(path, &ugr16, &o, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 2);
	done(r);
	o.member = "a.csv"; /* without its ./ */
	r = read_trace_file(path, &ugr16, &o, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	done(r);
	o.member = "c.csv";
	r = read_trace_file(path, &ugr16, &o, 0);
	assert_int_equal(r->rc, FM_EINPUT);
	assert_says(r->err, "has no member c.csv; it has: README, ./a.csv, b.csv");
	done(r);
	/* A row limit that is reached in the first member does not hide the others. */
	o = (struct fm_trace_opts){.rows = 1};
	r = read_trace_file(two, &ugr16, &o, 0);
	assert_int_equal(r->rc, FM_EINPUT);
	assert_says(r->err, "several members");
	done(r);
}

static void a_member_of_what_is_no_archive_is_refused(void **state)
{
	struct fm_trace_opts o = {.member = "b.csv"};
	struct reading *r = read_trace_file(pack_one("one.gz", ARCHIVE_FILTER_GZIP, ROW, strlen(ROW)), &ugr16, &o, 0);
	const struct packed folder = {"empty/", NULL, 0};

	(void)state;
	assert_int_equal(r->rc, FM_EINPUT);
	assert_says(r->err, "is not an archive");
	done(r);
	assert_refused(pack("folder.tar", ARCHIVE_FORMAT_TAR_USTAR, 0, &folder, 1), &ugr16, "holds no file");
}

static void nothing_to_read_is_said(void **state)
{
	(void)state;
	assert_refused(at("absent.csv"), &ugr16, "absent.csv");
	assert_refused(scratch, &ugr16, "is a folder");
	assert_refused(put("empty.csv", ""), &ugr16, "is empty");
	assert_refused(put("empty.gz", ""), &ugr16, "is empty");
	assert_refused(pack_one("nothing.gz", ARCHIVE_FILTER_GZIP, "", 0), &ugr16, "empty");
	assert_refused(put("blank.csv", "\n\r\n  \n"), &ugr16, "empty");
	assert_refused(put("bom.csv", "\xef\xbb\xbf"), &ugr16, "empty");
	assert_refused(put("header.csv", "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n"), &netshare,
		       "no row but its header");
}

static void a_file_is_what_its_name_says(void **state)
{
	char noise[5000];
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (char)((x = x * 1664525u + 1013904223u) >> 24);
	assert_refused(put("a.gz", ROW), &ugr16, "is named .gz but is not gzip data");
	assert_refused(put("a.csv.xz", ROW), &ugr16, "is named .xz but is not xz data");
	assert_refused(put("a.zst", ROW), &ugr16, "is named .zst but is not zstd data");
	assert_refused(put("a.zip", ROW), &ugr16, "is named .zip but is not a zip archive");
	assert_refused(put("a.TAR", ROW), &ugr16, "is not a tar archive");
	assert_refused(pack_one("b.tar.gz", ARCHIVE_FILTER_GZIP, ROW, strlen(ROW)), &ugr16,
		       "is named .tar.gz but is not");
	assert_refused(put_bytes("n.gz", noise, sizeof noise), &ugr16, "is named .gz but is not gzip data");
	assert_refused(put_bytes("n.csv", noise, sizeof noise), &ugr16, "is not a CSV file");
	assert_refused(put_bytes("n2.csv", noise, 40), &ugr16, "");
	assert_refused(put_bytes("u.csv",
				 "\xff\xfe"
				 "2\0,\0",
				 6),
		       &ugr16, "UTF-16");
	assert_refused(put_bytes("p.csv", "\xd4\xc3\xb2\xa1\2\0\4\0", 8), &ugr16, "packet capture");
	assert_refused(put("t.csv", "Dear team,\nplease find attached the trace.\nRegards\n"), &ugr16,
		       "none of 3 rows can be read");
}

static void what_is_cut_off_is_refused(void **state)
{
	static const struct {
		const char *name;
		int format, filter;
	} kinds[] = {
	    {"a.csv.gz", 0, ARCHIVE_FILTER_GZIP},   {"a.csv.xz", 0, ARCHIVE_FILTER_XZ},
	    {"a.csv.zst", 0, ARCHIVE_FILTER_ZSTD},  {"a.csv.bz2", 0, ARCHIVE_FILTER_BZIP2},
	    {"a.tar", ARCHIVE_FORMAT_TAR_USTAR, 0}, {"a.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP}};
	struct fm_buf b = ugr16_rows(25000);
	const struct packed m = {"a.csv", b.data, b.len};
	struct fm_trace_opts few = {.rows = 100};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const char *path = pack(kinds[i].name, kinds[i].format, kinds[i].filter, &m, 1);
		uint64_t n;
		struct fm_error err;
		struct reading *r;

		assert_int_equal(fm_file_size(path, &n, &err), FM_OK);
		assert_int_equal(truncate(path, (off_t)(n * 9 / 10)), 0);
		r = read_trace_file(path, &ugr16, NULL, 0);
		if (r->rc != FM_EINPUT)
			fail_msg("%s: accepted when cut off", kinds[i].name);
		assert_says(r->err, "truncated or damaged");
		assert_says(r->err, "after line ");
		assert_says(r->err, kinds[i].name);
		done(r);
		assert_int_equal(truncate(path, 20), 0);
		r = read_trace_file(path, &ugr16, NULL, 0);
		assert_int_equal(r->rc, FM_EINPUT);
		done(r);
	}
	/* Damage behind the rows that are wanted is no matter. */
	const char *path = pack_one("few.csv.gz", ARCHIVE_FILTER_GZIP, b.data, b.len);
	uint64_t n;
	struct fm_error err;
	assert_int_equal(fm_file_size(path, &n, &err), FM_OK);
	assert_int_equal(truncate(path, (off_t)(n * 9 / 10)), 0);
	struct reading *r = read_trace_file(path, &ugr16, &few, 0);
	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, 100);
	done(r);
	fm_buf_free(&b);
}

static void a_file_that_wants_too_much_memory_is_refused(void **state)
{
	struct fm_buf b = ugr16_rows(100), file = {0};
	struct fm_error err;
	uint64_t n;
	struct reading *r;

	(void)state;
	const char *path = pack_one("big.xz", ARCHIVE_FILTER_XZ, b.data, b.len);
	assert_int_equal(fm_file_size(path, &n, &err), FM_OK);
	assert_int_equal(fm_file_read(path, (size_t)n, &file, &err), FM_OK);
	/* 12: size of the block header, 13: one filter and no sizes, 14: LZMA2, 15: one byte, 16: the dictionary */
	assert_int_equal(file.data[13], 0);
	assert_int_equal(file.data[14], 0x21);
	file.data[16] = 40;
	assert_refused(put_bytes("big2.xz", file.data, file.len), &ugr16,
		       "needs 4095 MiB of memory to be decompressed");
	r = read_trace_file(path, &ugr16, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	done(r);
	fm_buf_free(&file);
	fm_buf_free(&b);
}

static void a_wrong_bit_in_gzip_is_found(void **state)
{
	struct fm_buf b = ugr16_rows(3000);
	const struct packed m = {"a.csv", b.data, b.len};
	struct fm_trace_opts chosen = {.member = "a.csv"};
	uint32_t x = 1;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		const char *path = kind ? pack("w.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, &m, 1)
					: pack_one("w.csv.gz", ARCHIVE_FILTER_GZIP, b.data, b.len);
		struct fm_buf file = {0};
		struct fm_error err;

		assert_int_equal(fm_file_read(path, 1 << 24, &file, &err), FM_OK);
		for (int i = 0; i < 30; i++) {
			size_t where = i == 0   ? file.len - 5
				       : i == 1 ? file.len - 1
						: 20 + (x = x * 1664525u + 1013904223u) % (file.len - 28);
			struct reading *r;

			file.data[where] ^= 1;
			r = read_trace_file(put_bytes(kind ? "x.tar.gz" : "x.csv.gz", file.data, file.len), &ugr16,
					    kind == 2 ? &chosen : NULL, 1);
			if (r->rc != FM_EINPUT)
				fail_msg("kind %d: a wrong bit in byte %zu of %zu is accepted", kind, where, file.len);
			done(r);
			file.data[where] ^= 1;
		}
		fm_buf_free(&file);
	}
	fm_buf_free(&b);
}

static void gzip_members_behind_one_another_are_one_stream(void **state)
{
	struct fm_buf a = ugr16_rows(3000), file = {0};
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_file_read(pack_one("1.gz", ARCHIVE_FILTER_GZIP, a.data, 1000), 1 << 24, &file, &err),
			 FM_OK);
	assert_int_equal(
	    fm_file_read(pack_one("2.gz", ARCHIVE_FILTER_GZIP, a.data + 1000, a.len - 1000), 1 << 24, &file, &err),
	    FM_OK);
	fm_buf_add(&file, "\0\0\0", 3);
	r = read_trace_file(put_bytes("12.gz", file.data, file.len), &ugr16, NULL, 0);
	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, 3000);
	done(r);
	fm_buf_puts(&file, "more");
	assert_refused(put_bytes("12.gz", file.data, file.len), &ugr16, "no gzip data follows");
	assert_refused(put_bytes("12.gz", file.data, 15), &ugr16, "12.gz");
	fm_buf_free(&file);
	fm_buf_free(&a);
}

static void a_damaged_zip_is_refused(void **state)
{
	struct fm_buf b = ugr16_rows(2000), file = {0};
	const struct packed m = {"a.csv", b.data, b.len};
	const char *path = pack("d.zip", ARCHIVE_FORMAT_ZIP, 0, &m, 1);
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_file_read(path, 1 << 24, &file, &err), FM_OK);
	for (size_t i = 0; i < 3; i++) {
		file.data[file.len / 4 * (i + 1)] ^= 4;
		r = read_trace_file(put_bytes("d2.zip", file.data, file.len), &ugr16, NULL, 1);
		if (r->rc != FM_EINPUT)
			fail_msg("a zip with a wrong byte is accepted");
		assert_says(r->err, "truncated or damaged");
		done(r);
		file.data[file.len / 4 * (i + 1)] ^= 4;
	}
	fm_buf_free(&file);
	fm_buf_free(&b);
}

static void a_members_name_may_hold_any_letters(void **state)
{
	const struct packed m[] = {{"caf\xc3\xa9/tr\xc3\xa4ge.csv", ROW, 0}, {"b.csv", ROW ROW, 0}};
	struct fm_trace_opts o = {.member = m[0].name};
	struct reading *r = read_trace_file(pack("u.tar", ARCHIVE_FORMAT_TAR_USTAR, 0, m, 2), &ugr16, &o, 0);

	(void)state;
	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, 1);
	done(r);
	assert_refused(at("u.tar"), &ugr16, "tr\xc3\xa4ge.csv, b.csv)");
}

static void a_header_stands_where_it_should(void **state)
{
	const char *rest = "1,2,3,4,TCP,1458298072364000,0,1,40,benign\n";
	char text[512];

	(void)state;
	assert_refused(put("h.csv", "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n" ROW), &ugr16,
		       "write a dialect file of your own with the lines \"name: mine\", \"header: true\"");
	assert_refused(put("h2.csv", "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n"), &ugr16,
		       "set source.dialect: netshare");
	assert_refused(put("h3.csv", "\xef\xbb\xbf\"te\",\"td\",x\n" ROW), &ugr16,
		       "line 1 is a header where dialect ugr16 has none: flowmint sniff ");
	assert_refused(put("$(touch y).csv", "\xef\xbb\xbf\"te\",\"td\",x\n" ROW), &ugr16, "/$(touch y).csv' prints a");
	assert_refused(put("n.csv", rest), &netshare, "is no header");
	assert_refused(put("n2.csv", ROW), &netshare, "use a dialect with header: false, or put");
	snprintf(text, sizeof text, "srcip,dstip,srcport,dstport,proto,time,td,pkt,byt\n%s", rest);
	assert_refused(put("n3.csv", text), &netshare,
		       "the header lacks ts, type, which dialect netshare needs; it has srcip,dstip");
	snprintf(text, sizeof text, "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type,ts\n%s", rest);
	assert_refused(put("n4.csv", text), &netshare, "column ts stands twice");
}

#define CIDDS                                                                                                          \
	"Date first seen,Duration,Proto,Src IP Addr,Src Pt,Dst IP Addr,Dst Pt,Packets,Bytes,Flows,Flags,Tos,class,"    \
	"attackType,attackID,attackDescription\n"

static void the_dialect_that_fits_is_named(void **state)
{
	struct fm_dialect *zeek;
	struct fm_error err;

	(void)state;
	/* other numbers of columns than ugr16's 13, and none of its names */
	assert_refused(put("c.csv", CIDDS ROW), &ugr16, "it is that of dialect cidds; set source.dialect: cidds");
	assert_refused(put("c.csv", CIDDS ROW), &netshare, "it is that of dialect cidds; set source.dialect: cidds");
	assert_refused(put("r.csv", ROW), &netshare, "the built-in ugr16 has none, and as many columns");
	/* what has no header mark is not empty */
	assert_int_equal(fm_dialect_load(&zeek, "zeek", &err), FM_OK);
	assert_refused(put("z.csv", ROW), zeek, "no line begins with #fields, as the header of dialect zeek does");
	assert_refused(put("e.csv", "\n\n"), zeek, "holds no row: it is empty");
	fm_dialect_free(zeek);
}

/* What is no table is named for what it is, and a header is found below a title. */
static void what_is_no_table_is_named(void **state)
{
	static const struct {
		const char *text, *says;
		size_t n; /* 0: that of the text */
	} of[] = {
	    {"\n\n<HTML><head>404</head></HTML>\n", "a web page", 0},
	    {"<?xml version=\"1.0\"?>\n<Error/>\n", "an XML document", 0},
	    {"\x93NUMPY\x01\0v\0", "a NumPy array", 10},
	    {"\x80\x04\x95\x10\0\0", "a pickle of Python", 6},
	    {"Report\n\nsrcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n1,2,3,4,TCP,1458298072364000,0,1,40,x\n",
	     "the header of dialect netshare is line 3: take away the lines before it (tail -n +3 FILE)", 0},
	    {"srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type,byt\n", "stands twice in the header: give one", 0},
	};
	const struct packed ods[] = {{"mimetype", "x", 0}, {"content.xml", "<x/>", 0}};
	const struct packed pages[] = {{"a.csv", "x", 0}, {"web/content.xml", "<x/>", 0}, {"content.xml", "<x/>", 0}};
	const struct packed notes[] = {{"a.csv", "x", 0}, {"xl/workbook.txt", "x", 0}};
	struct packed xlsx[24] = {{"[Content_Types].xml", "<x/>", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_refused(put_bytes("no.csv", of[i].text, of[i].n ? of[i].n : strlen(of[i].text)), &netshare,
			       of[i].says);
	assert_refused(pack("no.ods", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, ods, 2), &netshare,
		       "a document of LibreOffice");
	assert_refused(pack("no.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, pages, 3), &netshare,
		       "choose one with source.member (a.csv, web/content.xml, content.xml)");
	assert_refused(pack("no2.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, notes, 2), &netshare,
		       "choose one with source.member (a.csv, xl/workbook.txt)");
	for (int i = 1; i < 23; i++) /* more than are listed */
		xlsx[i] = (struct packed){"xl/media/a.png", "x", 0};
	xlsx[23] = (struct packed){"xl/workbook.xml", "<x/>", 0};
	assert_refused(pack("no.xlsx", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, xlsx, 24), &netshare,
		       "is an Excel workbook");
}

/* An end that was never set, signed numbers for addresses, and rows of another kind alone: with what to do. */
static void values_that_no_flow_has_say_what_to_do(void **state)
{
#define FLOW_KEYS                                                                                                      \
	"name: mine\nheader: true\ncolumns:\n  - {name: start, column: start}\n  - {name: end, column: te}\n"          \
	"  - {name: sa, column: sa, format: ipv4-integer}\n  - {name: da, column: da}\n  - {name: sp, column: sp}\n"   \
	"  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n"                       \
	"  - {name: byt, column: byt}\n  - {name: kind, only: [flow], others: skip}\n"
#define FLOW_NAMES "start,end,sa,da,sp,dp,pr,pkt,byt,kind\n"
	static const char *const of[][2] = {
	    {FLOW_NAMES "2016-04-11 00:01:06,1970-01-01 05:30:00,1,1.2.3.4,1,2,UDP,1,40,flow\n",
	     "te lies before the start, in 1970: the end was never set"},
	    {FLOW_NAMES "2016-04-11 00:01:06,2016-04-11 00:01:06,-1062731519,1.2.3.4,1,2,UDP,1,40,flow\n",
	     "it is negative, as a signed number of 32 bits is"},
	    {FLOW_NAMES "2016-04-11 00:01:06,2016-04-11 00:01:06,1,1.2.3.4,1,2,UDP,1,40,alert\n",
	     "holds no row of the kind that dialect mine reads: its 1 rows are of another kind"},
	};
	struct fm_dialect *d = NULL;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_dialect_parse(&d, "mine", FLOW_KEYS, strlen(FLOW_KEYS), &err), FM_OK);
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_refused(put("odd.csv", of[i][0]), d, of[i][1]);
	fm_dialect_free(d);
}

/* Nothing of a row that may be private stands in a message or a reason: they go into the log and the ledger. */
static void no_message_holds_the_text_of_a_row(void **state)
{
	static const struct {
		const char *text;
		bool header; /* read by a dialect with one */
	} files[] = {
	    {"alice,bob,carol,dave,erin,frank,grace,heidi,ivan,judy,mallory,niaj,olivia\n", false},
	    {"2016-04-11 00:01:38;7.000;60.150.71.237;42.219.159.200;mallory\n", false},
	    {"2016-04-11 00:01:38;7.000;60.150.71.237;42.219.159.200;mallory\n", true},
	    {"alice,bob,mallory\n", true},
	    {"60.150.71.237,mallory,80\n", true},
	    {"mallory,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background\n", false},
	    {"2016-04-11 00:01:38,mallory,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,x\n", false},
	    {"2016-04-11 00:01:38,7.000,mallory,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,x\n", false},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,mallory,80,TCP,....S.,0,0,4,240,x\n", false},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,1,80,TCP,....S.,0,0,mallory,240,x\n", false},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,1,80,mallory\x01,....S.,0,0,4,240,x\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct reading *r =
		    read_trace_file(put("private.csv", files[i].text), files[i].header ? &netshare : &ugr16, NULL, 0);

		assert_int_equal(r->rc, FM_EINPUT);
		if (strstr(r->err.message, "mallory") || strstr(r->err.message, "60.150.71.237"))
			fail_msg("\"%s\" holds the text of a row", r->err.message);
		for (size_t k = 0; k < r->nbad; k++) {
			assert_null(strstr(r->bad[k].reason, "mallory"));
			assert_non_null(strstr(r->bad[k].text, "mallory")); /* it is not lost */
		}
		done(r);
	}
}

static void another_delimiter_is_named(void **state)
{
	const char *semicolons =
	    "2016-04-11 00:01:38;7.000;60.150.71.237;42.219.159.200;32864;80;TCP;....S.;0;0;4;240;x\n";

	(void)state;
	assert_refused(put("s.csv", semicolons), &ugr16,
		       "line 1: 1 column where 13 are expected: the delimiter seems to be ';'");
	assert_refused(put("s4.csv", "2016-04-11 00:01:38;7,250;60.150.71.237;42.219.159.200;32864;80;TCP;....S.;0;0;4;"
				     "240;x\n"),
		       &ugr16, "line 1: 2 columns where 13 are expected: the delimiter seems to be ';'");
	assert_refused(put("s2.csv", "srcip\tdstip\tsrcport\n1\t2\t3\n"), &netshare,
		       "the delimiter seems to be '\\t', not ','");
	assert_refused(put("s3.csv", "just words; and more\n"), &ugr16, "1 column where 13 are expected");
	assert_refused(put("list.json", "[{\"srcip\":1}]\n"), &netshare, "line 1 is JSON: a dialect with lines: json");
	assert_refused(put("wide.json", "{\n\"srcip\": 1\n}\n"), &netshare,
		       "line 1 is JSON: a dialect with lines: json");
}

static void each_bad_row_has_its_reason(void **state)
{
	static const struct {
		const char *row, *reason;
	} bad[] = {
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240",
	     "12 columns where 13 are expected"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background,x",
	     "14 columns"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,-4,240,background",
	     "pkt is negative"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,-240,background",
	     "byt is negative"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4.5,240,background",
	     "is not a nonnegative integer"},
	    {"2016-04-11 "
	     "00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,9223372036854775808,background",
	     "byt"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,0x40,background",
	     "byt is not a nonnegative integer: it is hexadecimal (column byt)"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,70000,80,TCP,....S.,0,0,4,240,background",
	     "sp is over 65535 (column sp)"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,65536,TCP,....S.,0,0,4,240,background",
	     "dp is over 65535"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,-1,TCP,....S.,0,0,4,240,background",
	     "dp is negative"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,8.5,TCP,....S.,0,0,4,240,background",
	     "dp is not a port number"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,8.0,ICMP,....S.,0,0,4,240,background",
	     "dp has a point in an ICMP row"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.256,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is not an IPv4 address"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,42.219.159,32864,80,TCP,....S.,0,0,4,240,background",
	     "da is not an IPv4 address"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,2001:db8::1,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa and da are of two families, IPv4 and IPv6"},
	    {"2016-04-11 00:01:38,7.000,2001:db8::1,2001:db8::12345,32864,80,TCP,....S.,0,0,4,240,background",
	     "da is not an address"},
	    {"2016-04-11 00:01:38,7.000,2001:db8..:1,2001:db8::1,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a shortened IPv6 address: have it written in full (nfdump -6)"},
	    {"2016-04-11 00:01:38,7.000,00:0c:29:aa:bb:cc,2001:db8::1,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a MAC address"},
	    {"2016-04-31 00:01:38,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "te is not a time"},
	    {"yesterday,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background", "te is not a time"},
	    {"1900-01-01 00:00:00,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "outside the years 1970 to 2261"},
	    {"2262-01-01 00:00:00,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "outside the years 1970 to 2261"},
	    {",7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background", "te is missing"},
	    {"2016-04-11 00:01:38,-7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "td is negative"},
	    {"2016-04-11 00:01:38,-0.0001,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "td is negative"},
	    {"2016-04-11 00:01:38,-1e-9,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "td is negative"},
	    {"2016-04-11 00:01:38,4294967.296,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "is over 49 days"},
	    {"2016-04-11 00:01:38,inf,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "td is not a duration"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,42.219.159.200,32864,80,TC\x01P,....S.,0,0,4,240,background",
	     "pr has a control character"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,b\xe9nin",
	     "is not text in UTF-8"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,\xed\xa0\x80",
	     "is not text in UTF-8"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,\xc2\x9b",
	     "label has a control character"},
	    {"2016-04-11 00:01:38,\"7.000,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "a quote is not closed on its line"},
	    {"2016-04-11 00:01:38,\"7.000\"x,60.150.71.2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "misplaced quotes"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2,42.219.159.200,32864,80,TCP\r,....S.,0,0,4,240,background",
	     "carriage return"},
	    {"1460332866,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "te is a number and no date, by its size of seconds since 1970"},
	    {"1460332866123,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "of milliseconds since 1970: set format: milliseconds"},
	    {"00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background", "te has no date"},
	    {"2016-04-11 24:00:01,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "te is not a time"},
	    {"2016-04-11 00:01:60,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "te is not a time"},
	    {"2016-04-11 00:01:38,500weeks,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "td is not a duration: it has its unit behind it"},
	    {"2016-04-11 00:01:38,7.000,1016350698,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a whole number: set format: ipv4-integer"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.0/24,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a network"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.02,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is an IPv4 address with zeros before its numbers"},
	    {"2016-04-11 00:01:38,7.000,0:c:29:8a:1b:2,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a MAC address"},
	    {"2016-04-11 00:01:38,7.000,001b.2233.4455,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a MAC address"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.2.443,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is an IPv4 address with a port behind it"},
	    {"2016-04-11 00:01:38,7.000,[2001:db8::1]:443,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is an address with a port behind it"},
	    {"2016-04-11 00:01:38,7.000,mail.example.org,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a name and no address"},
	    {"2016-04-11 00:01:38,7.000,0x3c9647ed,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is a hexadecimal number"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,3.10,ICMP,x,0,0,4,240,background",
	     "dp is not a port number: set format: type.code"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,8/0,ICMP,x,0,0,4,240,background",
	     "dp is not a port number: have type and code"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,None,TCP,....S.,0,0,4,240,background",
	     "dp is a word for no value"},
	    {"2016-04-11 "
	     "00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,18446744073709551615,background",
	     "byt is over 2^63 - 1"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,1 240,background",
	     "something stands between its digits"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,1.240,background",
	     "or a point between thousands"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,1.240.000,background",
	     "or a point between thousands"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,12.5,background",
	     "it has a fraction (column byt)"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,256,....S.,0,0,4,240,background",
	     "pr is no protocol number"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,-1,....S.,0,0,4,240,background",
	     "pr is no protocol number"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.x,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background",
	     "sa is not an address: a part of it is masked"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,1\xe2\x80\xaf"
	     "240,background",
	     "a no-break space stands between its digits (thousands: \" \""},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,\"a \\\"b\\\"\"",
	     "misplaced quotes: CSV doubles a quote"},
	    {"2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,=\"32864\",80,TCP,....S.,0,0,4,240,background",
	     "misplaced quotes: a formula of a spreadsheet"},
	    {"x", "1 column where 13 are expected"},
	};
	const size_t n = sizeof bad / sizeof *bad;
	struct fm_buf b = {0};
	struct reading *r;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		fm_buf_puts(&b, ROW);
		fm_buf_puts(&b, bad[i].row);
		fm_buf_puts(&b, "\n");
	}
	fm_buf_puts(&b, ROW);
	r = read_trace_file(put_bytes("bad.csv", b.data, b.len), &ugr16, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, n + 1);
	assert_int_equal(r->st.bad, n);
	assert_int_equal(r->nbad, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(r->bad[i].line, 2 * i + 2);
		if (!strstr(r->bad[i].reason, bad[i].reason))
			fail_msg("%s: \"%s\" instead of \"%s\"", bad[i].row, r->bad[i].reason, bad[i].reason);
	}
	/* What the bad rows held has left no trace in the table or its dictionaries. */
	for (size_t i = 1; i < r->t->rows; i++)
		assert_int_equal(r->t->byt[i], 240);
	assert_int_equal(r->t->dict[FM_LABEL].n, 1);
	assert_int_equal(r->t->dict[FM_PR].n, 1);
	done(r);
	fm_buf_free(&b);
}

static void a_bad_row_brings_no_value_into_a_dictionary(void **state)
{
	struct reading *r = read_trace_file(
	    put("d.csv", ROW "2016-04-11 00:01:38,7.000,1.2.3.4,1.2.3.4,1,80,SECRET,x,y,z,4,many,label\n"), &ugr16,
	    NULL, 1);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	for (int c = 0; c < FM_NCOL; c++)
		assert_true(r->t->dict[c].n <= 1);
	assert_string_equal(r->t->dict[FM_PR].value[0], "TCP");
	done(r);
}

static void harmless_forms_of_text_are_accepted(void **state)
{
	static const char *const forms[] = {
	    "\xef\xbb\xbf" ROW ROW,
	    "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background\r\n"
	    "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background\r\n",
	    "\"2016-04-11 "
	    "00:01:38\",\"7.000\",\"60.150.71.237\",42.219.159.200,\"32864\",80,\"TCP\",\"....S.\",0,0,4,240,"
	    "\"background\"\n" ROW,
	    "\n" ROW "\n  \n\r\n" ROW "\n\n",
	    ROW "2016-04-11T00:01:38, 7 ,60.150.71.237,42.219.159.200,32864,80, TCP ,....S.,0,0,4,240,background",
	    "\" 2016-04-11 00:01:38 \",\" 7.000\",\"60.150.71.237 \",\"42.219.159.200\",\" 32864 "
	    "\",80,TCP,....S.,0,0,\" 4\","
	    "\" 240 \",background\n+-----+-----+\n|----|----|\n" ROW "(2 rows)\n",
	    "\xef\xbb\xbf\"2016-04-11 "
	    "00:01:38\",7e0,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4.0,240,background\r\n" ROW "\r",
	};
	struct reading *plain = read_trace_file(put("plain.csv", ROW ROW), &ugr16, NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct reading *r = read_trace_file(put("form.csv", forms[i]), &ugr16, NULL, 0);

		if (r->rc)
			fail_msg("form %zu: %s", i, r->err.message);
		assert_same_table(r->t, plain->t);
		done(r);
	}
	done(plain);
}

static void quotes_may_hold_the_delimiter_and_quotes(void **state)
{
	struct reading *r = read_trace_file(
	    put("q.csv", "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,"
			 "\"a, \"\"b\"\" \"\n"),
	    &ugr16, NULL, 0);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_string_equal(fm_table_category(r->t, FM_LABEL, 0), "a, \"b\" ");
	done(r);
}

static void a_line_without_end_is_one_bad_row(void **state)
{
	static const size_t lengths[] = {FM_TRACE_MAXLINE + 1, FM_TRACE_MAXLINE + 2, 10 << 20};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		bool packed = i % 2, last = i >= 4;
		struct fm_buf b = {0};
		struct reading *r;

		fm_buf_puts(&b, ROW);
		for (size_t j = 0; j < lengths[i / 2]; j++)
			fm_buf_add(&b, j % 3 ? "\"" : ",", 1);
		if (!last)
			fm_buf_puts(&b, "\n" ROW "x\n");
		r = read_trace_file(packed ? pack_one("long.gz", ARCHIVE_FILTER_GZIP, b.data, b.len)
					   : put_bytes("long.csv", b.data, b.len),
				    &ugr16, NULL, 1);
		assert_int_equal(r->rc, FM_OK);
		assert_int_equal(r->t->rows, last ? 1 : 2);
		assert_int_equal(r->nbad, last ? 1 : 2);
		assert_int_equal(r->bad[0].line, 2);
		assert_string_equal(r->bad[0].reason, "the line is over 1 MiB long");
		if (!last)
			assert_int_equal(r->bad[1].line, 4);
		done(r);
		fm_buf_free(&b);
	}
}

static void nul_bytes_cost_their_row_alone(void **state)
{
	struct fm_buf b = {0};
	struct reading *r;

	(void)state;
	fm_buf_puts(&b, ROW);
	fm_buf_add(&b,
		   "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,back\0round\n",
		   96);
	fm_buf_puts(&b, ROW);
	fm_buf_add(&b, "\0\n", 2);
	r = read_trace_file(put_bytes("nul.csv", b.data, b.len), &ugr16, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 2);
	assert_int_equal(r->nbad, 2);
	assert_int_equal(r->bad[0].line, 2);
	assert_string_equal(r->bad[0].reason, "a NUL byte in the row");
	assert_non_null(strstr(r->bad[0].text, "back\\x00round"));
	done(r);
	fm_buf_free(&b);
}

static void an_open_quote_does_not_swallow_the_file(void **state)
{
	struct reading *r = read_trace_file(put("oq.csv", ROW "\"" ROW ROW ROW "\""), &ugr16, NULL, 1);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 3);
	assert_int_equal(r->st.bad, 2);
	done(r);
}

static void missing_values_follow_the_policy(void **state)
{
	const char *path = put("m.csv", ROW "2016-04-11 00:01:39,NaN,,42.219.159.200,-,80,-,nan,0,0,,240,\n");
	struct fm_trace_opts reject = {.missing = FM_MISSING_REJECT};
	struct reading *r = read_trace_file(path, &ugr16, NULL, 0);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 2);
	assert_int_equal(r->st.missing_values, 7);
	assert_int_equal(r->t->td[1], 0);
	assert_int_equal(ipv4_of(r->t, r->t->sa[1]), 0);
	assert_int_equal(r->t->sp[1], 0);
	assert_int_equal(r->t->pkt[1], 0);
	assert_string_equal(fm_table_category(r->t, FM_PR, 1), "0");
	assert_string_equal(fm_table_category(r->t, FM_LABEL, 1), "0");
	done(r);
	r = read_trace_file(path, &ugr16, &reject, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	assert_string_equal(r->bad[0].reason, "td is missing (column td)");
	assert_int_equal(r->st.missing_values, 0);
	done(r);
}

static void the_row_limit_is_exact(void **state)
{
	struct fm_buf b = ugr16_rows(200000);
	const char *path = put_bytes("r.csv", b.data, b.len);
	static const uint64_t limits[] = {1, 65535, 65536, 65537, 199999, 200000, 300000};

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct fm_trace_opts o = {.rows = limits[i]};
		struct reading *r = read_trace_file(path, &ugr16, &o, 0);

		assert_int_equal(r->rc, FM_OK);
		assert_int_equal(r->t->rows, limits[i] < 200000 ? limits[i] : 200000);
		assert_int_equal(r->st.rows, r->t->rows);
		done(r);
	}
	fm_buf_free(&b);
}

static void lines_are_numbered_across_chunks_and_blocks(void **state)
{
	struct fm_buf b = {0};
	struct reading *r;

	(void)state;
	for (unsigned i = 0; i < 150000; i++) {
		if (i == 77777 || i == 149999)
			fm_buf_puts(&b, "broken\n");
		if (i == 1000)
			fm_buf_puts(&b, "\n");
		ugr16_row(&b, i);
	}
	r = read_trace_file(put_bytes("l.csv", b.data, b.len), &ugr16, NULL, 0.01);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 150000);
	assert_int_equal(r->bad[0].line, 77779);
	assert_int_equal(r->bad[1].line, 150002);
	for (unsigned i = 0; i < 150000; i++) {
		assert_int_equal(r->t->sp[i], 1024 + i * 13 % 60000);
		assert_string_equal(fm_table_category(r->t, FM_LABEL, i), i % 1000 == 999 ? "blacklist" : "background");
	}
	done(r);
	fm_buf_free(&b);
}

static void rows_that_step_back_are_counted(void **state)
{
#define AT(t) "2016-04-11 " t ",7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background\n"
	struct reading *r = read_trace_file(
	    put("u.csv", AT("00:00:05") AT("00:00:04") AT("00:00:04") AT("00:00:05") AT("00:00:01")), &ugr16, NULL, 0);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->st.unsorted, 2);
	assert_int_equal(r->t->rows, 5);
	done(r);
}

static void too_many_bad_rows_name_the_first(void **state)
{
	struct fm_buf b = {0};
	struct reading *r;

	(void)state;
	for (int i = 0; i < 97; i++)
		fm_buf_puts(&b, ROW);
	fm_buf_puts(&b, "x\ny\nz\n");
	const char *path = put_bytes("s.csv", b.data, b.len);
	r = read_trace_file(path, &ugr16, NULL, 0.03); /* at the limit is not over it */
	assert_int_equal(r->rc, FM_OK);
	done(r);
	r = read_trace_file(path, &ugr16, NULL, 0.029);
	assert_int_equal(r->rc, FM_EINPUT);
	assert_says(r->err, "3 of 100 rows are bad, over the limit of 2.9 %; first at line 98: "
			    "1 column where 13");
	done(r);
	fm_buf_free(&b);
}

static void a_hopeless_file_is_not_read_to_its_end(void **state)
{
	struct fm_buf b = {0};
	struct fm_trace_opts some = {.rows = 20000};
	struct reading *r;

	(void)state;
	fm_buf_puts(&b, ROW);
	for (int i = 0; i < 100000; i++)
		fm_buf_puts(&b, "2016-04-11 00:01:38;7.000;60.150.71.237\n");
	r = read_trace_file(put_bytes("hopeless.csv", b.data, b.len), &ugr16, NULL, 0.01);
	assert_int_equal(r->rc, FM_EINPUT);
	assert_int_equal(r->st.bad, 9999);
	done(r);
	b.len = 0;
	for (int i = 0; i < 15000; i++)
		fm_buf_puts(&b, i % 10 ? ROW : "x\n");
	r = read_trace_file(put_bytes("rather.csv", b.data, b.len), &ugr16, &some,
			    0.01); /* 10 % of them: no rest can help */
	assert_int_equal(r->rc, FM_EINPUT);
	assert_true(r->st.rows + r->st.bad < 10100);
	done(r);
	fm_buf_free(&b);
}

static int stop(void *ctx, struct fm_table *chunk, struct fm_error *err)
{
	++*(int *)ctx;
	assert_int_equal(chunk->rows, FM_TRACE_CHUNK);
	return fm_fail(err, FM_ESYSTEM, "the disk is full");
}

static void a_failing_consumer_stops_the_reader(void **state)
{
	struct fm_buf b = ugr16_rows(140000);
	const char *path = pack_one("c.zst", ARCHIVE_FILTER_ZSTD, b.data, b.len);
	int calls = 0;
	struct fm_trace_opts o = {.path = path, .dialect = &ugr16, .chunk = stop, .ctx = &calls};
	struct fm_error err = {0};

	(void)state;
	assert_int_equal(fm_trace_read(&o, NULL, &err), FM_ESYSTEM);
	assert_string_equal(err.message, "the disk is full");
	assert_int_equal(calls, 1);
	fm_buf_free(&b);
}

static void too_many_distinct_values_are_bad_rows(void **state)
{
	struct fm_buf b = {0};
	struct reading *r;

	(void)state;
	for (int i = 0; i < 70000; i++)
		fm_buf_printf(
		    &b, "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,l%d\n",
		    i);
	r = read_trace_file(put_bytes("v.csv", b.data, b.len), &ugr16, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, FM_DICT_MAX);
	assert_int_equal(r->st.bad, 70000 - FM_DICT_MAX);
	assert_string_equal(r->bad[0].reason, "over 65535 distinct values in column label");
	done(r);
	fm_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_those_of_the_text),
	    cmocka_unit_test(header_dialect_finds_columns_by_name),
	    cmocka_unit_test(every_compression_gives_the_same_table),
	    cmocka_unit_test(one_member_of_an_archive_needs_no_name),
	    cmocka_unit_test(of_several_members_one_must_be_named),
	    cmocka_unit_test(a_member_of_what_is_no_archive_is_refused),
	    cmocka_unit_test(nothing_to_read_is_said),
	    cmocka_unit_test(a_file_is_what_its_name_says),
	    cmocka_unit_test(what_is_cut_off_is_refused),
	    cmocka_unit_test(a_file_that_wants_too_much_memory_is_refused),
	    cmocka_unit_test(a_wrong_bit_in_gzip_is_found),
	    cmocka_unit_test(gzip_members_behind_one_another_are_one_stream),
	    cmocka_unit_test(a_damaged_zip_is_refused),
	    cmocka_unit_test(a_members_name_may_hold_any_letters),
	    cmocka_unit_test(a_header_stands_where_it_should),
	    cmocka_unit_test(the_dialect_that_fits_is_named),
	    cmocka_unit_test(what_is_no_table_is_named),
	    cmocka_unit_test(values_that_no_flow_has_say_what_to_do),
	    cmocka_unit_test(no_message_holds_the_text_of_a_row),
	    cmocka_unit_test(another_delimiter_is_named),
	    cmocka_unit_test(each_bad_row_has_its_reason),
	    cmocka_unit_test(a_bad_row_brings_no_value_into_a_dictionary),
	    cmocka_unit_test(harmless_forms_of_text_are_accepted),
	    cmocka_unit_test(quotes_may_hold_the_delimiter_and_quotes),
	    cmocka_unit_test(a_line_without_end_is_one_bad_row),
	    cmocka_unit_test(nul_bytes_cost_their_row_alone),
	    cmocka_unit_test(an_open_quote_does_not_swallow_the_file),
	    cmocka_unit_test(missing_values_follow_the_policy),
	    cmocka_unit_test(the_row_limit_is_exact),
	    cmocka_unit_test(lines_are_numbered_across_chunks_and_blocks),
	    cmocka_unit_test(rows_that_step_back_are_counted),
	    cmocka_unit_test(too_many_bad_rows_name_the_first),
	    cmocka_unit_test(a_hopeless_file_is_not_read_to_its_end),
	    cmocka_unit_test(a_failing_consumer_stops_the_reader),
	    cmocka_unit_test(too_many_distinct_values_are_bad_rows),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
