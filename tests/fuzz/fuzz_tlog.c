/*
 * fuzz_tlog - whatever bytes come as a log of releases, or as the proof that a release is in one: no crash, no leak,
 * and what is taken has one form in bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "release/tlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void found(void *ctx, size_t i, const char *what)
{
	(void)ctx;
	(void)i;
	if (!*what)
		abort();
}

static void same(const struct fm_buf *again, const uint8_t *p, size_t n)
{
	if (again->len != n || (n && memcmp(again->data, p, n) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct fm_tlog_proof proof;
	struct fm_buf again = {0};
	struct fm_tlog log;
	struct fm_error err;

	if (fm_tlog_proof_parse(&proof, (const char *)p, n, &err) == FM_OK) {
		if (fm_tlog_proof_text(&proof, &again, &err) < 0)
			abort();
		same(&again, p, n);
		for (int i = 0; i < proof.nsteps; i++) {
			struct fm_tlog_head old = {.size = proof.step[i].size};

			if (fm_tlog_proof_extends(&proof, &old, &err) < 0)
				abort();
		}
	}
	again.len = 0;
	if (fm_tlog_parse(&log, (const char *)p, n, &err) == FM_OK) {
		if (fm_tlog_text(&log, &again, &err) < 0 || fm_tlog_check(&log, NULL, NULL, found, NULL, &err) < 0)
			abort();
		same(&again, p, n);
		for (size_t i = 0; i < log.n; i++)
			if (fm_tlog_prove(&log, i, &proof, &err) < 0)
				abort();
	}
	fm_tlog_free(&log);
	fm_buf_free(&again);
	return 0;
}
