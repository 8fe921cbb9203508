/*
 * stream.h - secret random bits by address: ChaCha20 (RFC 8439; OpenSSL's) under a key that the run keeps secret.
 *
 * Every private draw has an address (label, step, index).  The label and the step choose a key of their own,
 * HMAC-SHA256(key, length of label, label, step), and the index chooses the counter of a ChaCha20 block of 64 bytes
 * under it, so that the bits of a draw depend on nothing but the run's key and the address: not on the thread, nor on
 * the order, nor on what was drawn before.  A draw that needs more than 64 bytes goes on in blocks of the same counter
 * with the nonces 1, 2, ...  An address is used for one draw only; the caller that chooses labels ensures that
 * (counts.h refuses a name that comes twice).
 *
 *     fm_secret_random(&key, FM_STREAM_KEY, err);                 once a run
 *     fm_stream_open(&s, &key, "train/noise", step, err);         one a thread
 *     fm_stream_at(s, index);                                     the next bits are those of draw `index`
 *     x = fm_stream_below(s, n);
 *     rc = fm_stream_check(s, err);                               after a series of draws: did the cipher fail?
 *     fm_stream_close(s);
 *
 * fm_stream_reach(s, first, n) tells that the draws first ... first + n - 1 follow: their blocks are made in bulk.
 *
 * What is secret: key, bits and the stream's state are in locked memory and wiped at the end.  The key of a label and
 * step is also in OpenSSL's context until fm_stream_close, which wipes it.  The time that a draw by rejection takes
 * depends on its bits: anyone who can time single draws learns about the noise.  Stages run without a network, the time
 * of a draw is not recorded, and ChaCha20 itself takes the same time for every key.
 */
#ifndef FM_PRIVACY_STREAM_H
#define FM_PRIVACY_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/secret.h"

#define FM_STREAM_KEY 32   /* bytes */
#define FM_STREAM_LABEL 96 /* bytes of a label, its NUL counted */

/* What is left of the draw's last word, so that single bits cost no call; the rest of it is stream.c's. */
struct fm_stream {
	uint64_t bits; /* nbits of them, the lowest first */
	unsigned nbits;
};
/* FM_EINPUT when the key is not FM_STREAM_KEY bytes or the label is empty or too long.  key is not kept. */
int fm_stream_open(struct fm_stream **s, const struct fm_secret *key, const char *label, uint64_t step,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_stream_close(struct fm_stream *s); /* wipes */

void fm_stream_at(struct fm_stream *s, uint64_t index);
void fm_stream_reach(struct fm_stream *s, uint64_t first, uint64_t n);

/* The next bits of the draw. */
uint64_t fm_stream_word(struct fm_stream *s); /* the next 64 bits, at the next multiple of 64 */
uint64_t fm_stream_bits_more(struct fm_stream *s, unsigned n);
static inline uint64_t fm_stream_bits(struct fm_stream *s, unsigned n) /* n bits, 0 to 64, as an integer */
{
	uint64_t v;

	if (n > s->nbits || n == 64)
		return fm_stream_bits_more(s, n);
	v = s->bits & (((uint64_t)1 << n) - 1);
	s->bits >>= n;
	s->nbits -= n;
	return v;
}
static inline unsigned fm_stream_bit(struct fm_stream *s)
{
	return (unsigned)fm_stream_bits(s, 1);
}
uint64_t fm_stream_below(struct fm_stream *s, uint64_t n); /* [0, n) without bias, by rejection; n > 0 */

/* FM_ESYSTEM when the cipher failed since the stream was opened: then all that was drawn is void. */
int fm_stream_check(const struct fm_stream *s, struct fm_error *err) FM_MUST_CHECK;

/* The cipher itself: n blocks of 64 bytes with the 64-bit counters index, index + 1, ... under the nonce (the last two
 * of the four words that RFC 8439 calls counter and nonce). */
int fm_chacha20(const uint8_t key[FM_STREAM_KEY], uint64_t index, uint64_t nonce, uint8_t *out, size_t n,
		struct fm_error *err) FM_MUST_CHECK;

#endif
