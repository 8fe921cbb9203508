/* xz.c - the head of an xz file. */
#include "traces/xz.h"

#include <stdbool.h>
#include <string.h>

/* An integer of the xz format: seven bits a byte, the lowest first. */
static bool xz_integer(const uint8_t *p, size_t n, size_t *at, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *at < n && shift < 63; shift += 7) {
		*v |= (uint64_t)(p[*at] & 0x7f) << shift;
		if (!(p[(*at)++] & 0x80))
			return true;
	}
	return false;
}

uint64_t fm_xz_dictionary(const uint8_t *p, size_t n)
{
	size_t at = 14;
	uint64_t v, id, size;

	if (n < 16 || memcmp(p, "\xfd\x37zXZ\0", 6) != 0)
		return 0;
	for (int bit = 0x40; bit <= 0x80; bit <<= 1)
		if ((p[13] & bit) && !xz_integer(p, n, &at, &v))
			return 0;
	for (int i = 0; i <= (p[13] & 3); i++) {
		if (!xz_integer(p, n, &at, &id) || !xz_integer(p, n, &at, &size) || size > n - at)
			return 0;
		if (id == 0x21 && size == 1) {
			unsigned bits = p[at] & 0x3f;

			return bits >= 40 ? UINT32_MAX : (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
		}
		at += size;
	}
	return 0;
}
