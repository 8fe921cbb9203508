/* guessed.h - what the tests of guesses share: the dialect that is guessed of a text, and the flows that it reads. */
#ifndef FM_TESTS_GUESSED_H
#define FM_TESTS_GUESSED_H

#include "tests/unit/ipv4_of.h"
#include "tests/unit/trace_fixture.h"

#include "traces/sniff.h"

static struct fm_error err;

#define FLOW_MS INT64_C(1715691602500)

/* The guess of a text in yaml, and the flows that it reads; NULL where it lacks a column. */
static inline struct reading *guessed(const char *text, struct fm_buf *yaml)
{
	const char *path = put("values.txt", text);
	struct fm_dialect *d = NULL;
	struct reading *r;
	bool whole;

	assert_int_equal(fm_sniff_guess(path, NULL, yaml, &whole, &err), FM_OK);
	if (!whole) {
		fm_buf_add(yaml, "", 1);
		return NULL;
	}
	if (fm_dialect_load(&d, put_bytes("values.yaml", yaml->data, yaml->len), &err))
		fail_msg("%s\n%.*s", err.message, (int)yaml->len, yaml->data);
	fm_buf_add(yaml, "", 1);
	r = read_trace_file(path, d, NULL, 0);
	fm_dialect_free(d);
	if (r->rc)
		fail_msg("%s\n%s", r->err.message, yaml->data);
	return r;
}

/* The first flow of each: 1.5 s to FLOW_MS, 10.0.0.1:40000 to 192.0.2.7:443, TCP, 7 packets, 574 bytes. */
static inline void assert_guesses_flow(const char *text, size_t rows)
{
	struct fm_buf yaml = {0};
	struct reading *r = guessed(text, &yaml);

	if (!r || r->t->rows != rows || r->t->te[0] != FLOW_MS || r->t->td[0] != 1500 || r->t->sp[0] != 40000 ||
	    r->t->dp[0] != 443 || r->t->pkt[0] != 7 || r->t->byt[0] != 574 ||
	    ipv4_of(r->t, r->t->sa[0]) != 0x0a000001 || ipv4_of(r->t, r->t->da[0]) != 0xc0000207 ||
	    strcmp(fm_table_category(r->t, FM_PR, 0), "TCP") != 0)
		fail_msg("%s\n%s", text, yaml.data);
	done(r);
	fm_buf_free(&yaml);
}

#endif
