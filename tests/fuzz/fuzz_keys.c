/*
 * fuzz_keys - whatever bytes come as the document of keys that came after keys: no crash, no leak, and what is taken
 * has one form in bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "release/sign/rotation.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct fm_keys keys;
	enum fm_keys_fault fault;
	struct fm_buf again = {0};
	struct fm_error err;

	if (fm_keys_parse(&keys, (const char *)p, n, &err) == FM_OK) {
		if (fm_keys_text(&keys, &again, &err) < 0 || again.len != n || memcmp(again.data, p, n) != 0 ||
		    fm_keys_check(&keys, &fault, &err) < 0)
			abort();
		if (fm_keys_from(&keys, &keys.r[0].from) != 0)
			abort();
	}
	fm_buf_free(&again);
	return 0;
}
