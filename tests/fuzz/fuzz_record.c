/*
 * fuzz_record - whatever bytes come as the record of a release: no crash, no leak, and what is taken as a
 * record has one form in bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "release/record.h"
#include "release/version_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fm_record r;
	struct fm_buf again = {0};
	struct fm_error err;

	if (fm_record_parse(&r, (const char *)p, n, &err) == FM_OK) {
		if (fm_record_text(&r, &again, &err) < 0 || again.len != n || memcmp(again.data, p, n) != 0 ||
		    fm_version_compare(r.version, r.version) != 0)
			abort();
		fm_record_last_second(&r);
	}
	fm_buf_free(&again);
	return 0;
}
