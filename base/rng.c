#include "base/rng.h"

#include "base/kernels.h"
#include "base/philox.h"

void fm_rng_init(struct fm_rng *r, uint64_t seed, enum fm_rng_stream stream, uint64_t row, uint32_t step)
{
	r->key[0] = (uint32_t)seed;
	r->key[1] = (uint32_t)(seed >> 32);
	r->counter[0] = 0;
	r->counter[1] = step;
	r->counter[2] = (uint32_t)row;
	/* Streams are below 256, so rows below 2^56 never share a counter. */
	r->counter[3] = (uint32_t)stream | (uint32_t)(row >> 32) << 8;
	r->used = 4;
}

uint32_t fm_rng_u32(struct fm_rng *r)
{
	if (r->used == 4) {
		fm_philox(r->counter, r->key, r->block);
		r->counter[0]++;
		r->used = 0;
	}
	return r->block[r->used++];
}

void fm_rng_fill(struct fm_rng *r, uint32_t *x, size_t n)
{
	size_t blocks;

	for (; n > 0 && r->used < 4; n--)
		*x++ = fm_rng_u32(r);
	blocks = n / 4;
	fm_kernels()->philox(x, r->counter, r->key, blocks);
	r->counter[0] += (uint32_t)blocks;
	x += 4 * blocks;
	for (n -= 4 * blocks; n > 0; n--)
		*x++ = fm_rng_u32(r);
}

uint64_t fm_rng_u64(struct fm_rng *r)
{
	uint64_t low = fm_rng_u32(r);

	return low | (uint64_t)fm_rng_u32(r) << 32;
}

float fm_rng_uniform(struct fm_rng *r)
{
	return (float)(fm_rng_u32(r) >> 8) * 0x1p-24f;
}

double fm_rng_uniform53(struct fm_rng *r)
{
	return (double)(fm_rng_u64(r) >> 11) * 0x1p-53;
}

/* Lemire, "Fast random integer generation in an interval", 2019, algorithm 5. */
uint32_t fm_rng_below(struct fm_rng *r, uint32_t n)
{
	uint64_t m = (uint64_t)fm_rng_u32(r) * n;

	if ((uint32_t)m < n) {
		uint32_t reject = (0u - n) % n;

		while ((uint32_t)m < reject)
			m = (uint64_t)fm_rng_u32(r) * n;
	}
	return (uint32_t)(m >> 32);
}

void fm_rng_shuffle(struct fm_rng *r, uint32_t *a, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = fm_rng_below(r, (uint32_t)i);
		uint32_t x = a[i - 1];

		a[i - 1] = a[k];
		a[k] = x;
	}
}
