/* flows_read.h - what a dialect reads of a text, flow by flow, and again of what it writes of that. */
#ifndef FM_TESTS_FLOWS_READ_H
#define FM_TESTS_FLOWS_READ_H

#include "base/num.h"
#include "tests/unit/trace_fixture.h"

/* te, sa with da, and pr NULL, a port of 0: absent where the table has none. */
struct flow {
	const char *te; /* UTC */
	uint32_t td;
	const char *sa, *da;
	unsigned sp, dp;
	const char *pr;
	uint64_t pkt, byt;
	const char *label;
};

static inline void assert_address(const struct fm_table *t, uint32_t code, const char *text)
{
	struct fm_address a = fm_table_address(t, code);
	char out[FM_ADDRESS_TEXT_MAX + 1];

	out[fm_address_format(&a, out)] = 0;
	assert_string_equal(out, text);
}

static inline void assert_flow(const struct fm_table *t, size_t i, const struct flow *f)
{
	int64_t ms;

	assert_int_equal(FM_HAS(t, FM_TE), f->te != NULL);
	assert_int_equal(FM_HAS(t, FM_SA) && FM_HAS(t, FM_DA), f->sa != NULL);
	assert_int_equal(FM_HAS(t, FM_PR), f->pr != NULL);
	if (f->te) {
		assert_int_equal(fm_parse_time_ms(f->te, strlen(f->te), &ms), 0);
		assert_int_equal(t->te[i], ms);
	}
	assert_int_equal(t->td[i], f->td);
	if (f->sa) {
		assert_address(t, t->sa[i], f->sa);
		assert_address(t, t->da[i], f->da);
	}
	assert_int_equal(FM_HAS(t, FM_SP) ? t->sp[i] : 0, f->sp);
	assert_int_equal(FM_HAS(t, FM_DP) ? t->dp[i] : 0, f->dp);
	if (f->pr)
		assert_string_equal(t->dict[FM_PR].value[t->pr[i]], f->pr);
	assert_int_equal(t->pkt[i], f->pkt);
	assert_int_equal(t->byt[i], f->byt);
	if (f->label)
		assert_string_equal(t->dict[FM_LABEL].value[t->label[i]], f->label);
}

static inline void assert_same_bytes(const char *a, const char *b)
{
	struct fm_buf x = {0}, y = {0};
	struct fm_error err;

	assert_int_equal(fm_file_read(a, 1 << 20, &x, &err), FM_OK);
	assert_int_equal(fm_file_read(b, 1 << 20, &y, &err), FM_OK);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	fm_buf_free(&x);
	fm_buf_free(&y);
}

/* The rows, the same rows again of what was written of them, and the same bytes of what is written of those. */
static inline void reads_as(const char *dialect, const char *text, const struct flow *flows, size_t n)
{
	struct fm_dialect *d;
	struct fm_error err;
	const char *path = put("in.csv", text);

	assert_int_equal(fm_dialect_load(&d, dialect, &err), FM_OK);
	for (int pass = 0; pass < 2; pass++) {
		struct reading *r = read_trace_file(path, d, NULL, 0);

		if (r->rc)
			fail_msg("%s: %s", dialect, r->err.message);
		assert_int_equal(r->st.bad, 0);
		assert_int_equal(r->t->rows, n);
		for (size_t i = 0; i < n; i++)
			assert_flow(r->t, i, &flows[i]);
		path = at(pass ? "again.csv" : "out.csv");
		if (fm_trace_write(r->t, d, path, &err))
			fail_msg("%s: %s", dialect, err.message);
		done(r);
	}
	assert_same_bytes(at("out.csv"), at("again.csv"));
	fm_dialect_free(d);
}
#define READS_AS(dialect, text, ...)                                                                                   \
	reads_as(dialect, text, (const struct flow[]){__VA_ARGS__},                                                    \
		 sizeof((const struct flow[]){__VA_ARGS__}) / sizeof(struct flow))

#endif
