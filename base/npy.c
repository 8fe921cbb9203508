#include "base/npy.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY\x01\x00"

static int dict(char *out, size_t cap, const char *dtype, uint64_t rows, unsigned wide)
{
	char second[16] = "";

	if (wide)
		snprintf(second, sizeof second, " %u", wide);
	return snprintf(out, cap, "{'descr': '%s', 'fortran_order': False, 'shape': (%llu,%s), }", dtype,
			(unsigned long long)rows, second);
}

void fm_npy_header(char out[FM_NPY_HEADER], const char *dtype, uint64_t rows, unsigned wide)
{
	char text[FM_NPY_HEADER];
	int n = dict(text, sizeof(text), dtype, rows, wide);

	memset(out, ' ', FM_NPY_HEADER);
	memcpy(out, MAGIC, 8);
	out[8] = FM_NPY_HEADER - 10;
	out[9] = 0;
	memcpy(out + 10, text, (size_t)n);
	out[FM_NPY_HEADER - 1] = '\n';
}

size_t fm_npy_data(const struct fm_map *m, const char *dtype, uint64_t rows, unsigned wide)
{
	const char *p = m->data;
	char want[FM_NPY_HEADER];
	size_t n, start, i;

	if (m->len < 16 || memcmp(p, MAGIC, 8) != 0)
		return 0;
	start = 10 + (size_t)((unsigned char)p[8] | (unsigned char)p[9] << 8);
	n = (size_t)dict(want, sizeof(want), dtype, rows, wide);
	/* NumPy aligns the data to 64 bytes, its first versions to 16. */
	if (start > m->len || start % 16 != 0 || start < 10 + n + 1 || memcmp(p + 10, want, n) != 0 ||
	    p[start - 1] != '\n')
		return 0;
	for (i = 10 + n; i < start - 1; i++)
		if (p[i] != ' ')
			return 0;
	return start;
}
