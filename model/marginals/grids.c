#include "model/marginals/grids.h"

#include <stddef.h>

static unsigned top_bit(uint64_t v)
{
	return 63u - (unsigned)__builtin_clzll(v);
}

uint32_t fm_octave_cell(uint64_t v, unsigned k)
{
	unsigned b;

	if (v < (uint64_t)1 << k)
		return (uint32_t)v;
	b = top_bit(v);
	return ((b - k + 1) << k) + (uint32_t)((v >> (b - k)) - ((uint64_t)1 << k));
}

uint64_t fm_octave_first(uint32_t cell, unsigned k)
{
	uint32_t octave = cell >> k;

	if (octave == 0)
		return cell;
	return (((uint64_t)1 << k) + (cell & ((1u << k) - 1))) << (octave - 1);
}

uint64_t fm_octave_width(uint32_t cell, unsigned k)
{
	uint32_t octave = cell >> k;

	return octave == 0 ? 1 : (uint64_t)1 << (octave - 1);
}

uint32_t fm_duration_leaf(uint32_t td)
{
	return td < 1024 ? td : 1024 + fm_octave_cell(td, 6) - fm_octave_cell(1024, 6);
}

void fm_duration_range(uint32_t leaf, uint64_t *first, uint64_t *width)
{
	uint32_t cell = leaf - 1024 + fm_octave_cell(1024, 6);

	*first = leaf < 1024 ? leaf : fm_octave_first(cell, 6);
	*width = leaf < 1024 ? 1 : fm_octave_width(cell, 6);
}

uint32_t fm_duration_coarse(uint32_t leaf)
{
	uint64_t first, width;

	fm_duration_range(leaf, &first, &width);
	return fm_octave_cell(first, 2);
}

#define EXACT 32
#define FEW_BYTES 3392
#define MANY_BYTES 640
#define EXACT_BYTES 2048

uint32_t fm_size_leaf(uint32_t pkt, uint64_t byt)
{
	if (byt > (uint64_t)1 << 32)
		byt = (uint64_t)1 << 32;
	if (pkt <= EXACT) {
		uint32_t b = byt < EXACT_BYTES ? (uint32_t)byt
					       : EXACT_BYTES + fm_octave_cell(byt, 6) - fm_octave_cell(EXACT_BYTES, 6);

		if (b >= FEW_BYTES)
			b = FEW_BYTES - 1;
		return (pkt ? pkt - 1 : 0) * FEW_BYTES + b;
	}
	return EXACT * FEW_BYTES + (fm_octave_cell(pkt, 3) - fm_octave_cell(EXACT, 3)) * MANY_BYTES +
	       fm_octave_cell(byt, 4);
}

void fm_size_range(uint32_t leaf, uint64_t *pkt, uint64_t *npkt, uint64_t *byt, uint64_t *nbyt)
{
	if (leaf < EXACT * FEW_BYTES) {
		uint32_t b = leaf % FEW_BYTES, cell = b - EXACT_BYTES + fm_octave_cell(EXACT_BYTES, 6);

		*pkt = leaf / FEW_BYTES + 1;
		*npkt = 1;
		*byt = b < EXACT_BYTES ? b : fm_octave_first(cell, 6);
		*nbyt = b < EXACT_BYTES ? 1 : fm_octave_width(cell, 6);
	} else {
		uint32_t rest = leaf - EXACT * FEW_BYTES, cell = rest / MANY_BYTES + fm_octave_cell(EXACT, 3);

		*pkt = fm_octave_first(cell, 3);
		*npkt = fm_octave_width(cell, 3);
		*byt = fm_octave_first(rest % MANY_BYTES, 4);
		*nbyt = fm_octave_width(rest % MANY_BYTES, 4);
		if (*pkt == EXACT) { /* 32 itself is exact */
			*pkt += 1;
			*npkt -= 1;
		}
	}
}

static uint32_t size_row(uint64_t pkt)
{
	static const uint32_t last[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64};
	uint32_t n = sizeof last / sizeof *last, row;

	for (row = 0; row < n; row++)
		if (pkt <= last[row])
			return row;
	row = n + top_bit(pkt) - 6;
	return row < FM_SIZE_ROWS ? row : FM_SIZE_ROWS - 1;
}

static uint32_t size_column(uint64_t bytes_per_packet)
{
	static const uint32_t first[FM_SIZE_COLUMNS] = {0,   20,  36,  42,   46,   50,   54,  60,  68,
							80,  96,  112, 136,  160,  200,  250, 320, 400,
							512, 640, 800, 1000, 1200, 1400, 1560};
	uint32_t c = 0;

	while (c + 1 < FM_SIZE_COLUMNS && bytes_per_packet >= first[c + 1])
		c++;
	return c;
}

uint32_t fm_size_coarse(uint32_t leaf)
{
	uint64_t pkt, npkt, byt, nbyt;

	fm_size_range(leaf, &pkt, &npkt, &byt, &nbyt);
	return size_row(pkt) * FM_SIZE_COLUMNS + size_column((byt + nbyt / 2) / (pkt + (npkt - 1) / 2));
}

uint32_t fm_service_range(uint32_t port)
{
	static const uint32_t first[FM_SERVICE_RANGES] = {0, 1, 1024, 2048, 4096, 8192, 16384, 32768, 49152, 57344};
	uint32_t r = 0;

	while (r + 1 < FM_SERVICE_RANGES && port >= first[r + 1])
		r++;
	return r;
}

uint32_t fm_client_range(uint32_t port)
{
	return port == 0 ? 0 : 1 + port / 1024;
}

static const int gap_last[] = {0, 1, 2, 4, 8, 16, 32, 59};

uint32_t fm_gap_cell(int seconds)
{
	int size = seconds < 0 ? -seconds : seconds, i = 0;

	while (i < 7 && size > gap_last[i])
		i++;
	return (uint32_t)(seconds < 0 ? 7 - i : 7 + i);
}

void fm_gap_range(uint32_t cell, int *first, int *last)
{
	int i = (int)cell - 7, j = i < 0 ? -i : i;
	int lo = j == 0 ? 0 : gap_last[j - 1] + 1, hi = gap_last[j];

	*first = i < 0 ? -hi : lo;
	*last = i < 0 ? -lo : hi;
}
