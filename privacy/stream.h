/*
 * stream.h - secret random bits by address: ChaCha20 (RFC 8439; OpenSSL's) under a key that the run keeps secret.
 *
 * Every private draw has an address (label, step, index).  The label and the step give a key of their own,
 * HMAC-SHA256(key, length of label, label, step), and the index chooses the counter of a ChaCha20 block of 64 bytes
 * under it, so that the bits of a draw depend only on the run's key and the address, not on the thread, the order or
 * earlier draws.  A draw that needs more than 64 bytes goes on in blocks of the same counter with the nonces 1, 2, ...
 * An address is used for one draw only; the caller that chooses labels ensures that (counts.h refuses a name that comes
 * twice).
 *
 *     fm_secret_random(&key, FM_STREAM_KEY, err);                 once per run
 *     fm_stream_open(&s, &key, "train/noise", step, err);         one per thread
 *     fm_stream_at(s, index);                                     the next bits are those of draw `index`
 *     x = fm_stream_below(s, n);
 *     rc = fm_stream_check(s, err);                               after a series of draws: did the cipher fail?
 *     fm_stream_close(s);
 *
 * fm_stream_reach(s, first, n) announces the draws first ... first + n - 1: their blocks are made in bulk.
 *
 * Secrets: key, bits and the stream's state are in locked memory and wiped at the end.  The key of a label and step is
 * also in OpenSSL's context until fm_stream_close, which wipes it.  The time that a draw by rejection takes depends on
 * its bits: anyone who can time single draws learns about the noise.  Stages run without a network, the time of a draw
 * is not recorded, and ChaCha20 itself takes the same time for every key.
 */
#ifndef FM_PRIVACY_STREAM_H
#define FM_PRIVACY_STREAM_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/secret.h"

#define FM_STREAM_KEY 32   /* bytes */
#define FM_STREAM_LABEL 96 /* bytes of a label, its NUL counted */

/* Names the draws of this label and step under this key.  Borrowed. */
struct fm_stream_name {
	const struct fm_secret *key;
	const char *label;
	uint64_t step;
};

/* The unused bits of a draw, inline so that they cost no call; the rest is private to stream.c. */
struct fm_stream {
	uint64_t bits; /* of the last word: nbits of them, the lowest first */
	unsigned nbits, nwords;
	const uint64_t *word; /* (nwords), little-endian */
};
/* FM_EINPUT when the key is not FM_STREAM_KEY bytes or the label is empty or too long.  key is not kept. */
int fm_stream_open(struct fm_stream **s, const struct fm_secret *key, const char *label, uint64_t step,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_stream_close(struct fm_stream *s); /* wipes */

void fm_stream_at(struct fm_stream *s, uint64_t index);
void fm_stream_reach(struct fm_stream *s, uint64_t first, uint64_t n);

/* The next bits of the draw. */
void fm_stream_more(struct fm_stream *s);
static inline uint64_t fm_stream_word(struct fm_stream *s) /* the next 64 bits, at the next multiple of 64 */
{
	if (s->nwords == 0)
		fm_stream_more(s);
	s->nwords--;
	s->nbits = 0;
	return le64toh(*s->word++);
}
static inline uint64_t fm_stream_bits(struct fm_stream *s, unsigned n) /* n bits, 0 to 64, as an integer */
{
	unsigned have = s->nbits, more;
	uint64_t low = have == 0 ? 0 : s->bits, v;

	if (n <= have && n < 64) {
		v = low & (((uint64_t)1 << n) - 1);
		s->bits >>= n;
		s->nbits -= n;
		return v;
	}
	/* All bits that are left, and the others of the next word. */
	more = n - have;
	v = fm_stream_word(s);
	s->bits = more == 64 ? 0 : v >> more;
	s->nbits = 64 - more;
	return low | (more == 64 ? v : (v & (((uint64_t)1 << more) - 1)) << have);
}
static inline unsigned fm_stream_bit(struct fm_stream *s)
{
	return (unsigned)fm_stream_bits(s, 1);
}
/*
 * [0, n) without bias; n > 0.  A word of 16 or 32 bits times n: the product's upper half is the number, unless the
 * lower half is one of the 2^width mod n values that would come once too often (Lemire, ACM TOMACS 29(1), 2019); the
 * word is so wide that this rarely needs to be checked.
 */
uint64_t fm_stream_below_any(struct fm_stream *s, uint64_t n);
uint64_t fm_stream_below_from(struct fm_stream *s, uint64_t n, uint64_t v, unsigned width); /* v: the product */
static inline uint64_t fm_stream_below(struct fm_stream *s, uint64_t n)
{
	uint64_t v;

	if (n <= 1 << 10 || n > 1 << 26)
		return fm_stream_below_any(s, n);
	v = fm_stream_bits(s, 32) * n;
	return (uint32_t)v >= n ? v >> 32 : fm_stream_below_from(s, n, v, 32);
}

/* FM_ESYSTEM when the cipher failed since the stream was opened: then all that was drawn is void. */
int fm_stream_check(const struct fm_stream *s, struct fm_error *err) FM_MUST_CHECK;

/* The cipher itself: n blocks of 64 bytes with the 64-bit counters index, index + 1, ... under the nonce (the last two
 * of the four words that RFC 8439 calls counter and nonce). */
int fm_chacha20(const uint8_t key[FM_STREAM_KEY], uint64_t index, uint64_t nonce, uint8_t *out, size_t n,
		struct fm_error *err) FM_MUST_CHECK;

#endif
