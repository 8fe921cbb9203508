/*
 * secret.h - the one type for keys and other secrets: locked in memory, kept out of core dumps, wiped when closed.
 */
#ifndef FM_BASE_SECRET_H
#define FM_BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A secret: locked in memory (where the limit on locked memory forbids it, one warning a process says so), left out of
 * core dumps, never logged, wiped when closed. */
struct fm_secret {
	uint8_t *data;
	size_t len;
};
int fm_secret_new(struct fm_secret *s, size_t len, struct fm_error *err) FM_MUST_CHECK; /* zeroed */
int fm_secret_random(struct fm_secret *s, size_t len,
		     struct fm_error *err) FM_MUST_CHECK; /* from the system's CSPRNG */
/* Read a whole file (at most max bytes) as a secret; refuses one that group or others may read. */
int fm_secret_read(struct fm_secret *s, const char *path, size_t max, struct fm_error *err) FM_MUST_CHECK;
/* out = HMAC-SHA-256(key, "flowmint secret\n" label), 32 bytes: one secret gives as many as there are labels, and none
 * of them reveals another. */
int fm_secret_derive(struct fm_secret *out, const struct fm_secret *key, const char *label,
		     struct fm_error *err) FM_MUST_CHECK;
void fm_secret_close(struct fm_secret *s); /* wipes; s->data becomes NULL */

#endif
