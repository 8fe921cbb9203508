#include "privacy/stream.h"

#include <endian.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "base/secret.h"

enum {
	BLOCK = 64,             /* bytes of a ChaCha20 block */
	WORDS = BLOCK / 8,      /* 64-bit words of a block */
	AHEAD = 64,             /* blocks made at once */
	TAG = sizeof(uint64_t), /* bytes of the step in a key's derivation */
	STACK = 16384,          /* bytes of the stack that the library may have written to */
};

struct stream {
	struct fm_stream left;   /* the part that the caller sees */
	struct fm_secret memory; /* memory of this very structure, so that it can be wiped */
	EVP_CIPHER_CTX *cipher;
	int failed;
	uint64_t first, nahead; /* ahead holds the first blocks of the draws first ... first + nahead - 1 */
	uint64_t end;           /* draws up to here were announced */
	uint64_t index, nonce;  /* the draw, and the block of it that the words are from */
	uint64_t ahead[AHEAD * WORDS];
	uint64_t more[WORDS]; /* a later block of the draw */
};

/* n blocks from (index, nonce) on; zeros and a mark when the cipher fails. */
static int blocks_make(EVP_CIPHER_CTX *cipher, const uint8_t *key, uint64_t index, uint64_t nonce, void *out, size_t n)
{
	uint64_t iv[2] = {htole64(index), htole64(nonce)};
	int got = 0;

	memset(out, 0, n * BLOCK);
	return n <= INT_MAX / BLOCK && EVP_EncryptInit_ex(cipher, NULL, NULL, key, (const uint8_t *)iv) == 1 &&
		       EVP_EncryptUpdate(cipher, out, &got, out, (int)(n * BLOCK)) == 1 && got == (int)(n * BLOCK)
		   ? 0
		   : -1;
}

static EVP_CIPHER_CTX *cipher_new(const uint8_t key[FM_STREAM_KEY])
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	const uint8_t iv[16] = {0};

	if (cipher != NULL && EVP_EncryptInit_ex(cipher, EVP_chacha20(), NULL, key, iv) != 1) {
		EVP_CIPHER_CTX_free(cipher);
		cipher = NULL;
	}
	return cipher;
}

int fm_chacha20(const uint8_t key[FM_STREAM_KEY], uint64_t index, uint64_t nonce, uint8_t *out, size_t n,
		struct fm_error *err)
{
	EVP_CIPHER_CTX *cipher = cipher_new(key);
	int rc = FM_OK;

	if (cipher == NULL || blocks_make(cipher, NULL, index, nonce, out, n) != 0)
		rc = fm_fail(err, FM_ESYSTEM, "this OpenSSL has no ChaCha20");
	EVP_CIPHER_CTX_free(cipher);
	return rc;
}

/* Wipe what earlier calls left on the stack: copies of keys that the library or the dynamic linker saved from
 * registers. */
__attribute__((noinline)) static void stack_wipe(void)
{
	uint8_t below[STACK];

	explicit_bzero(below, sizeof(below));
}

/* The key of (label, step): HMAC-SHA256(key, length of label | label | step). */
static int key_derive(const struct fm_secret *key, const char *label, size_t n, uint64_t step,
		      uint8_t out[FM_STREAM_KEY], struct fm_error *err)
{
	uint8_t text[1 + FM_STREAM_LABEL + TAG];

	text[0] = (uint8_t)n;
	memcpy(text + 1, label, n);
	memcpy(text + 1 + n, &(uint64_t){htole64(step)}, TAG);
	return fm_hmac_sha256(key->data, key->len, text, 1 + n + TAG, out, err);
}

int fm_stream_open(struct fm_stream **s, const struct fm_secret *key, const char *label, uint64_t step,
		   struct fm_error *err)
{
	struct fm_secret memory = {0}, derived = {0};
	struct stream *own;
	size_t n = strlen(label);
	int rc;

	*s = NULL;
	if (key->data == NULL || key->len != FM_STREAM_KEY)
		return fm_fail(err, FM_EINPUT, "a noise key has %d bytes, this one has %zu", FM_STREAM_KEY, key->len);
	if (n == 0 || n >= FM_STREAM_LABEL)
		return fm_fail(err, FM_EINPUT, "a stream's label has 1 to %d bytes, this one has %zu",
			       FM_STREAM_LABEL - 1, n);
	if ((rc = fm_secret_new(&memory, sizeof(*own), err)) < 0 ||
	    (rc = fm_secret_new(&derived, FM_STREAM_KEY, err)) < 0 ||
	    (rc = key_derive(key, label, n, step, derived.data, err)) < 0)
		goto out;
	own = (void *)memory.data;
	own->memory = memory;
	own->cipher = cipher_new(derived.data);
	if (own->cipher == NULL) {
		rc = fm_fail(err, FM_ESYSTEM, "this OpenSSL has no ChaCha20");
		goto out;
	}
	*s = &own->left;
	fm_stream_at(*s, 0);
out:
	if (rc < 0)
		fm_secret_close(&memory);
	fm_secret_close(&derived);
	stack_wipe();
	return rc;
}

void fm_stream_close(struct fm_stream *s)
{
	struct stream *own = (struct stream *)s;
	struct fm_secret memory;

	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(own->cipher); /* wipes the key in it */
	memory = own->memory;
	fm_secret_close(&memory);
	stack_wipe();
}

static void make(struct stream *s, uint64_t index, uint64_t nonce, uint64_t *out, size_t n)
{
	struct fm_rng r;

	if (blocks_make(s->cipher, NULL, index, nonce, out, n) == 0)
		return;
	/* What is drawn from here on is void; bits that never change would keep a draw by rejection from ending. */
	s->failed = 1;
	fm_rng_init(&r, 0, FM_RNG_NOISE, index, (uint32_t)nonce);
	for (size_t i = 0; i < n * WORDS; i++)
		out[i] = fm_rng_u64(&r);
}

void fm_stream_reach(struct fm_stream *stream, uint64_t first, uint64_t n)
{
	struct stream *s = (struct stream *)stream;

	if (__builtin_add_overflow(first, n, &s->end))
		s->end = UINT64_MAX;
	s->nahead = 0;
	fm_stream_at(stream, first);
}

void fm_stream_at(struct fm_stream *stream, uint64_t index)
{
	struct stream *s = (struct stream *)stream;

	if (index < s->first || index - s->first >= s->nahead) {
		uint64_t left = index < s->end ? s->end - index : 1;

		s->first = index;
		s->nahead = left < AHEAD ? left : AHEAD;
		make(s, index, 0, s->ahead, s->nahead);
	}
	s->index = index;
	s->nonce = 0;
	s->left.word = s->ahead + (index - s->first) * WORDS;
	s->left.nwords = WORDS;
	s->left.nbits = 0;
}

void fm_stream_more(struct fm_stream *stream)
{
	struct stream *s = (struct stream *)stream;

	make(s, s->index, ++s->nonce, s->more, 1);
	s->left.word = s->more;
	s->left.nwords = WORDS;
}

/* For n up to 2^10 16 bits at once; for a large n as many bits as n - 1 has, drawn until they are below n. */
uint64_t fm_stream_below_any(struct fm_stream *s, uint64_t n)
{
	unsigned width = 16;
	uint64_t v;

	if (n <= 1)
		return 0;
	if (n <= (uint64_t)1 << 10) {
		v = fm_stream_bits(s, width) * n;
		return fm_stream_below_from(s, n, v, width);
	}
	width = 64 - (unsigned)__builtin_clzll(n - 1);
	do
		v = fm_stream_bits(s, width);
	while (v >= n);
	return v;
}

uint64_t fm_stream_below_from(struct fm_stream *s, uint64_t n, uint64_t v, unsigned width)
{
	uint64_t mask = ((uint64_t)1 << width) - 1;

	if ((v & mask) < n)
		for (uint64_t over = (mask + 1) % n; (v & mask) < over;)
			v = fm_stream_bits(s, width) * n;
	return v >> width;
}

int fm_stream_check(const struct fm_stream *s, struct fm_error *err)
{
	if (((const struct stream *)s)->failed)
		return fm_fail(err, FM_ESYSTEM, "ChaCha20 failed; nothing that was drawn may be used");
	return FM_OK;
}
