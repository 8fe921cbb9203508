/* The examples of docs/traces.md: each dialect there reads the two flows of the trace behind it, and each field of the
 * table is read as the table says and comes back as the same value when it is written. */
#include "tests/unit/trace_fixture.h"

#define DOC "docs/traces.md"
#define CELL 256

static char *doc_text(struct fm_buf *b)
{
	struct fm_error err;

	assert_int_equal(fm_file_read(DOC, 1 << 20, b, &err), FM_OK);
	fm_buf_add(b, "", 1);
	return b->data;
}

static struct fm_dialect *dialect_of(const char *text, size_t n)
{
	struct fm_dialect *d;
	struct fm_error err;
	const char *path = put_bytes("d.yaml", text, n);

	if (fm_dialect_load(&d, path, &err))
		fail_msg("%s: %.*s", err.message, (int)n, text);
	return d;
}

/* The inside of the next fence of a kind; NULL: there is none. */
static const char *fence(const char **at_text, const char *kind, size_t *n)
{
	char mark[32];
	const char *from, *to;

	snprintf(mark, sizeof mark, "\n```%s\n", kind);
	if (!(from = strstr(*at_text, mark)))
		return NULL;
	from += strlen(mark);
	to = strstr(from, "```\n");
	assert_non_null(to);
	*at_text = to - 1;
	*n = (size_t)(to - from);
	return from;
}

static void the_dialects_read_their_traces(void **state)
{
	struct fm_buf b = {0};
	const char *p = doc_text(&b), *yaml, *text;
	size_t nyaml, ntext;
	int pairs = 0;

	(void)state;
	for (; (yaml = fence(&p, "yaml", &nyaml)); pairs++) {
		text = fence(&p, "text", &ntext);
		assert_non_null(text);
		struct fm_dialect *d = dialect_of(yaml, nyaml);
		struct reading *r = read_trace_file(put_bytes("t.csv", text, ntext), d, NULL, 0);

		if (r->rc)
			fail_msg("%s", r->err.message);
		assert_int_equal(r->st.bad, 0);
		assert_int_equal(r->t->rows, 2);
		done(r);
		fm_dialect_free(d);
	}
	assert_int_equal(pairs, 15);
	fm_buf_free(&b);
}

/* ---- the table ---- */

static const struct {
	const char *column, *field;
} base[] = {{"te", "2016-01-01 00:00:00"},
	    {"td", "1"},
	    {"sa", "1.2.3.4"},
	    {"da", "1.2.3.4"},
	    {"sp", "1"},
	    {"dp", "1"},
	    {"pr", "TCP"},
	    {"pkt", "1"},
	    {"byt", "1"},
	    {"label", "x"}};
#define NBASE (sizeof base / sizeof *base)

/* A cell without blanks and backticks around it; \xNN is a byte where `bytes`. */
static const char *cell(const char *s, char out[CELL], bool bytes)
{
	const char *end = strchr(s, '|');
	size_t n = 0;
	char *stop;

	assert_non_null(end);
	for (const char *p = s; p < end && n + 1 < CELL; p++) {
		if (*p == '`' || ((p == s || p + 1 == end) && *p == ' '))
			continue;
		if (bytes && p[0] == '\\' && p[1] == 'x') {
			char hex[3] = {p[2], p[3], 0};

			out[n++] = (char)strtol(hex, &stop, 16);
			p += 3;
		} else {
			out[n++] = *p;
		}
	}
	out[n] = 0;
	return end + 1;
}

/* Line 1 of a file, field k between tabs; a time that came back may lack what the dialect has no decimals for. */
static void assert_field(const char *path, size_t k, const char *want, const char *of, bool came_back)
{
	struct fm_buf b = {0};
	struct fm_error err;
	char *s;

	assert_int_equal(fm_file_read(path, 1 << 16, &b, &err), FM_OK);
	fm_buf_add(&b, "", 1);
	for (s = b.data; k; k--) {
		s = strchr(s, '\t');
		assert_non_null(s);
		s++;
	}
	s[strcspn(s, "\t\n")] = 0;
	if (strncmp(s, want, came_back && !k ? strlen("2016-01-01 00:00:00") : CELL))
		fail_msg("%s is read as %s, not %s", of, s, want);
	fm_buf_free(&b);
}

static void assert_example(const char *file_key, const char *column, const char *field, const char *want)
{
	struct fm_buf yaml = {0}, plain = {0}, row = {0};
	struct fm_error err;
	char target[CELL];
	bool icmp = strstr(column, "column: icmp dp") != NULL, ipv6 = strstr(column, "column: sa") && strchr(want, ':');
	size_t at_k = NBASE;

	assert_int_equal(sscanf(strstr(column, "column: ") + 8 + (icmp ? 5 : 0), "%31[a-z]", target), 1);
	fm_buf_printf(&yaml, "name: x\ndelimiter: \"\\t\"\n%s\ncolumns:\n", file_key);
	fm_buf_puts(&plain, "name: x\ndelimiter: \"\\t\"\ncolumns:\n");
	for (size_t k = 0; k < NBASE; k++) {
		bool here = !strcmp(base[k].column, strcmp(target, "start") ? target : "te");

		if (here)
			at_k = k;
		if (here)
			fm_buf_printf(&yaml, "  - {name: n%zu, column: %s%s\n", k, target,
				      strchr(column, ':') + 2 + (icmp ? 5 : 0) + strlen(target));
		else
			fm_buf_printf(&yaml, "  - {name: n%zu, column: %s}\n", k, base[k].column);
		fm_buf_printf(&plain, "  - {name: n%zu, column: %s%s}\n", k, base[k].column,
			      k ? "" : ", format: datetime, decimals: 3");
		fm_buf_printf(&row, "%s%s", k ? "\t" : "",
			      here                                    ? field
			      : icmp && !strcmp(base[k].column, "pr") ? "ICMP"
			      : ipv6 && !strcmp(base[k].column, "da") ? "2001:db8::2"
								      : base[k].field);
	}
	assert_true(at_k < NBASE);
	fm_buf_puts(&row, "\n");
	struct fm_dialect *d = dialect_of(yaml.data, yaml.len), *p = dialect_of(plain.data, plain.len);
	const char *path = put_bytes("row.csv", row.data, row.len);

	for (int pass = 0; pass < 2; pass++) {
		struct reading *r = read_trace_file(path, d, NULL, 0);

		if (r->rc)
			fail_msg("%s %s: %s", column, field, r->err.message);
		assert_int_equal(fm_trace_write(r->t, p, at("plain.csv"), &err), FM_OK);
		assert_field(at("plain.csv"), at_k, want, field, pass > 0);
		path = at("again.csv");
		assert_int_equal(fm_trace_write(r->t, d, path, &err), FM_OK);
		done(r);
	}
	fm_dialect_free(d);
	fm_dialect_free(p);
	fm_buf_free(&yaml);
	fm_buf_free(&plain);
	fm_buf_free(&row);
}

static void the_fields_are_read_as_the_table_says(void **state)
{
	struct fm_buf b = {0};
	const char *p = strstr(doc_text(&b), "| in the file |");
	char c[4][CELL];
	int examples = 0;

	(void)state;
	assert_non_null(p);
	p = strchr(strchr(p, '\n') + 1, '\n') + 1;
	for (; *p == '|'; p = strchr(p, '\n') + 1, examples++) {
		const char *s = p + 1;

		for (int k = 0; k < 4; k++)
			s = cell(s, c[k], k == 2);
		assert_example(c[0], c[1], c[2], c[3]);
	}
	assert_true(examples > 30);
	fm_buf_free(&b);
}

static void two_columns_are_one_sum(void **state)
{
	static const char yaml[] = "name: x\ncolumns:\n  - {name: a, column: start}\n  - {name: b, column: te}\n"
				   "  - {name: c, column: sa}\n  - {name: d, column: da}\n  - {name: e, column: sp}\n"
				   "  - {name: f, column: dp}\n  - {name: g, column: pr}\n"
				   "  - {name: h, column: pkt, sum: true}\n  - {name: i, column: byt}\n"
				   "  - {name: j, column: pkt, sum: true}\n";
	static const char text[] = "2016-01-01 00:00:00,2016-01-01 00:00:02,1.2.3.4,1.2.3.4,1,2,6,3,99,4\n"
				   "2016-01-01 00:00:00,2016-01-01 00:00:02,1.2.3.4,1.2.3.4,1,2,6,,99,4\n"
				   "2016-01-01 00:00:00,2016-01-01 00:00:02,1.2.3.4,1.2.3.4,1,2,6,3,99,\n"
				   "2016-01-01 00:00:03,2016-01-01 00:00:02,1.2.3.4,1.2.3.4,1,2,6,3,99,4\n";
	struct fm_dialect *d = dialect_of(yaml, sizeof yaml - 1);
	struct reading *r = read_trace_file(put("sum.csv", text), d, NULL, 1);

	(void)state;
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 3);
	assert_int_equal(r->st.bad, 1); /* it ends before it starts */
	assert_int_equal(r->t->pkt[0], 7);
	assert_int_equal(r->t->pkt[1], 4);
	assert_int_equal(r->t->pkt[2], 3);
	assert_int_equal(r->t->td[0], 2000);
	done(r);
	fm_dialect_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_dialects_read_their_traces),
	    cmocka_unit_test(the_fields_are_read_as_the_table_says),
	    cmocka_unit_test(two_columns_are_one_sum),
	};
	return cmocka_run_group_tests_name("dialect keys", tests, scratch_make, scratch_remove);
}
