#include "release/side_digest.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUFFER (128 * 1024)
#define BUFFERS 8 /* so that neither of the two threads waits for a slice of the other's time */

struct fm_side_digest {
	struct fm_sha256 *sha256;
	struct fm_sha512 *sha512;
	uint8_t *buffer[BUFFERS];
	size_t filled; /* of buffer[turn] */
	int turn;      /* the one that is being filled */
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	size_t n[BUFFERS]; /* bytes of each that was handed over */
	int first, full;   /* which, in turn, are to be digested */
	bool ended;
	int rc;
	struct fm_error err;
};

static int digest(struct fm_side_digest *d, const uint8_t *p, size_t n, struct fm_error *err)
{
	int rc;

	if ((rc = fm_sha256_add(d->sha256, p, n, err)) < 0)
		return rc;
	return fm_sha512_add(d->sha512, p, n, err);
}

static void *digest_what_is_given(void *ctx)
{
	struct fm_side_digest *d = ctx;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct fm_error err = {0};
		int rc;

		while (!d->full && !d->ended)
			pthread_cond_wait(&d->changed, &d->lock);
		if (!d->full)
			break;
		pthread_mutex_unlock(&d->lock);
		rc = digest(d, d->buffer[d->first], d->n[d->first], &err);
		pthread_mutex_lock(&d->lock);
		if (rc < 0) {
			d->rc = rc;
			d->err = err;
		}
		d->first = (d->first + 1) % BUFFERS;
		d->full--;
		pthread_cond_signal(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

int fm_side_digest_new(struct fm_side_digest **out, struct fm_error *err)
{
	struct fm_side_digest *d = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&d, 1, sizeof *d, "a digest", err)) < 0)
		return rc;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	for (int i = 0; i < BUFFERS && rc >= 0; i++)
		rc = fm_alloc(&d->buffer[i], BUFFER, 1, "a digest", err);
	if (rc < 0 || (rc = fm_sha256_new(&d->sha256, err)) < 0 || (rc = fm_sha512_new(&d->sha512, err)) < 0) {
		fm_side_digest_free(d);
		return rc;
	}
	d->threaded = pthread_create(&d->thread, NULL, digest_what_is_given, d) == 0;
	*out = d;
	return FM_OK;
}

/* Hand the filled buffer over, when another is free. */
static int hand_over(struct fm_side_digest *d, struct fm_error *err)
{
	int rc;

	if (!d->threaded) {
		rc = digest(d, d->buffer[0], d->filled, err);
		d->filled = 0;
		return rc;
	}
	pthread_mutex_lock(&d->lock);
	while (d->full == BUFFERS - 1)
		pthread_cond_wait(&d->changed, &d->lock);
	if ((rc = d->rc) == FM_OK) {
		d->n[d->turn] = d->filled;
		d->full++;
		pthread_cond_signal(&d->changed);
	} else if (err) {
		*err = d->err;
	}
	pthread_mutex_unlock(&d->lock);
	d->turn = (d->turn + 1) % BUFFERS;
	d->filled = 0;
	return rc;
}

int fm_side_digest_add(struct fm_side_digest *d, const void *p, size_t n, struct fm_error *err)
{
	const uint8_t *from = p;
	int rc;

	while (n) {
		size_t room = BUFFER - d->filled, some = n < room ? n : room;

		memcpy(d->buffer[d->turn] + d->filled, from, some);
		d->filled += some;
		from += some;
		n -= some;
		if (d->filled == BUFFER && (rc = hand_over(d, err)) < 0)
			return rc;
	}
	return FM_OK;
}

static void join(struct fm_side_digest *d)
{
	if (!d->threaded)
		return;
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	d->threaded = false;
}

int fm_side_digest_end(struct fm_side_digest *d, char sha256[FM_SHA256_HEX], uint8_t sha512[FM_SHA512_LEN],
		       struct fm_error *err)
{
	uint8_t digest256[FM_SHA256_LEN];
	int rc;

	if ((rc = hand_over(d, err)) < 0)
		goto out;
	join(d);
	if ((rc = d->rc) < 0) {
		if (err)
			*err = d->err;
		goto out;
	}
	rc = fm_sha256_end(d->sha256, digest256, err);
	d->sha256 = NULL;
	if (rc < 0)
		goto out;
	fm_hex(digest256, sizeof digest256, sha256);
	rc = fm_sha512_end(d->sha512, sha512, err);
	d->sha512 = NULL;
out:
	fm_side_digest_free(d);
	return rc;
}

void fm_side_digest_free(struct fm_side_digest *d)
{
	if (!d)
		return;
	join(d);
	fm_sha256_free(d->sha256);
	fm_sha512_free(d->sha512);
	for (int i = 0; i < BUFFERS; i++)
		free(d->buffer[i]);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->changed);
	free(d);
}
