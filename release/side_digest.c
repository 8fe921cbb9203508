#include "release/side_digest.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUFFER (128 * 1024)
/* 2 MiB, so that no thread has to wait for the time slice of another, which on a busy machine lasts milliseconds. */
#define BUFFERS 16
#define AT_ONCE 4 /* threads are woken for this many buffers: waking them for each takes longer than their work */
#define SIDES 4
/* The stack of each thread: the usual eight MiB are much where ulimit -v is low. */
#define STACK (256 * 1024)

struct portion {
	uint8_t *p;
	size_t n;
	char *part; /* where the digest of the part with these bytes goes, or NULL */
};

/* One digest, and the thread that makes it. */
struct side {
	struct fm_side_digest *d;
	int (*add)(struct side *s, const struct portion *b, struct fm_error *err);
	struct fm_sha256 *sha256;
	struct fm_sha512 *sha512;
	char *part;             /* the part whose digest is under way; only for the side of the parts */
	fm_side_reader *reader; /* only for the reader's side, which exists where this is not NULL */
	void *ctx;
	pthread_t thread;
	bool threaded;
	/* Under the lock. */
	uint64_t taken; /* buffers that are digested */
	int rc;
	struct fm_error err;
};

struct fm_side_digest {
	struct portion buffer[BUFFERS]; /* number i of the stream is in buffer[i % BUFFERS] */
	uint64_t given;                 /* buffers that were handed over; the caller's */
	struct side side[SIDES];        /* SHA-256 of all, SHA-512 of all, SHA-256 of each part; the reader */
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	/* Under the lock. */
	uint64_t there; /* given, as the threads see it */
	bool ended, waiting;
};

static int add_sha256(struct side *s, const struct portion *b, struct fm_error *err)
{
	return fm_sha256_add(s->sha256, b->p, b->n, err);
}

static int add_sha512(struct side *s, const struct portion *b, struct fm_error *err)
{
	return s->sha512 ? fm_sha512_add(s->sha512, b->p, b->n, err) : FM_OK;
}

static int add_part(struct side *s, const struct portion *b, struct fm_error *err)
{
	int rc;

	if (b->part != s->part) {
		if (s->part && (rc = fm_sha256_end_hex(&s->sha256, s->part, err)) < 0)
			return rc;
		s->part = NULL;
		if (b->part && (rc = fm_sha256_new(&s->sha256, err)) < 0)
			return rc;
		s->part = b->part;
	}
	return s->part ? fm_sha256_add(s->sha256, b->p, b->n, err) : FM_OK;
}

static int read_part(struct side *s, const struct portion *b, struct fm_error *err)
{
	return s->reader && b->part && b->n ? s->reader(s->ctx, b->part, b->p, b->n, err) : FM_OK;
}

/* ---- the threads ---- */

/* Buffers that no thread has digested yet. */
static uint64_t unfinished(const struct fm_side_digest *d)
{
	uint64_t least = d->there;

	for (int i = 0; i < SIDES; i++)
		if (d->side[i].threaded && d->side[i].taken < least)
			least = d->side[i].taken;
	return d->there - least;
}

static void *digest_what_is_given(void *ctx)
{
	struct side *s = ctx;
	struct fm_side_digest *d = s->d;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct fm_error err = {0};
		const struct portion *b;
		int rc;

		while (s->taken == d->there && !d->ended)
			pthread_cond_wait(&d->more, &d->lock);
		if (s->taken == d->there)
			break;
		b = &d->buffer[s->taken % BUFFERS];
		pthread_mutex_unlock(&d->lock);
		rc = s->rc < 0 ? s->rc : s->add(s, b, &err);
		pthread_mutex_lock(&d->lock);
		if (rc < 0 && s->rc >= 0) {
			s->rc = rc;
			s->err = err;
		}
		s->taken++;
		/* Not for each buffer: a caller that waits for room gets much of it at once. */
		if (d->waiting && unfinished(d) <= BUFFERS / 2)
			pthread_cond_signal(&d->room);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void join(struct fm_side_digest *d)
{
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	pthread_cond_broadcast(&d->more);
	pthread_mutex_unlock(&d->lock);
	for (int i = 0; i < SIDES; i++)
		if (d->side[i].threaded) {
			pthread_join(d->side[i].thread, NULL);
			d->side[i].threaded = false;
		}
}

/* ---- the caller ---- */

static void begin_thread(struct side *s)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return; /* the caller digests for it */
	s->threaded = pthread_attr_setstacksize(&attr, STACK) == 0 &&
		      pthread_create(&s->thread, &attr, digest_what_is_given, s) == 0;
	pthread_attr_destroy(&attr);
}

int fm_side_digest_new(struct fm_side_digest **out, bool sha512, fm_side_reader *reader, void *ctx,
		       struct fm_error *err)
{
	struct fm_side_digest *d = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&d, 1, sizeof *d, "a digest", err)) < 0)
		return rc;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	pthread_cond_init(&d->room, NULL);
	d->side[0] = (struct side){.d = d, .add = add_sha256};
	d->side[1] = (struct side){.d = d, .add = add_sha512};
	d->side[2] = (struct side){.d = d, .add = add_part};
	d->side[3] = (struct side){.d = d, .add = read_part, .reader = reader, .ctx = ctx};
	for (int i = 0; i < BUFFERS && rc >= 0; i++)
		rc = fm_alloc(&d->buffer[i].p, BUFFER, 1, "a digest", err);
	if (rc < 0 || (rc = fm_sha256_new(&d->side[0].sha256, err)) < 0 ||
	    (sha512 && (rc = fm_sha512_new(&d->side[1].sha512, err)) < 0)) {
		fm_side_digest_free(d);
		return rc;
	}
	for (int i = 0; i < SIDES; i++)
		if (i == 1 ? sha512 : i < 3 || reader)
			begin_thread(&d->side[i]);
	*out = d;
	return FM_OK;
}

static int first_error(struct fm_side_digest *d, struct fm_error *err)
{
	for (int i = 0; i < SIDES; i++)
		if (d->side[i].rc < 0) {
			if (err)
				*err = d->side[i].err;
			return d->side[i].rc;
		}
	return FM_OK;
}

/* Hand the filled buffer over, and wait until there is another to be filled. */
static int hand_over(struct fm_side_digest *d, struct fm_error *err)
{
	struct portion *b = &d->buffer[d->given % BUFFERS];
	char *part = b->part;
	int rc;

	for (int i = 0; i < SIDES; i++)
		if (!d->side[i].threaded && (rc = d->side[i].add(&d->side[i], b, err)) < 0)
			return rc;
	pthread_mutex_lock(&d->lock);
	d->there = ++d->given;
	d->waiting = unfinished(d) == BUFFERS;
	if (d->there % AT_ONCE == 0 || d->waiting)
		pthread_cond_broadcast(&d->more);
	while (d->waiting && unfinished(d) > BUFFERS / 2)
		pthread_cond_wait(&d->room, &d->lock);
	d->waiting = false;
	rc = first_error(d, err);
	pthread_mutex_unlock(&d->lock);
	b = &d->buffer[d->given % BUFFERS];
	b->n = 0;
	b->part = part;
	return rc;
}

int fm_side_digest_add(struct fm_side_digest *d, const void *p, size_t n, struct fm_error *err)
{
	const uint8_t *from = p;
	int rc;

	while (n) {
		struct portion *b = &d->buffer[d->given % BUFFERS];
		size_t room = BUFFER - b->n, some = n < room ? n : room;

		memcpy(b->p + b->n, from, some);
		b->n += some;
		from += some;
		n -= some;
		if (b->n == BUFFER && (rc = hand_over(d, err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_side_digest_part(struct fm_side_digest *d, char *hex, struct fm_error *err)
{
	int rc;

	if ((rc = hand_over(d, err)) < 0)
		return rc;
	d->buffer[d->given % BUFFERS].part = hex;
	/* A part without a byte begins and ends too. */
	return hex ? hand_over(d, err) : FM_OK;
}

int fm_side_digest_end(struct fm_side_digest *d, char sha256[FM_SHA256_HEX], uint8_t sha512[FM_SHA512_LEN],
		       struct fm_error *err)
{
	int rc;

	if ((rc = fm_side_digest_part(d, NULL, err)) < 0 || (rc = hand_over(d, err)) < 0)
		goto out;
	join(d);
	if ((rc = first_error(d, err)) < 0 || (rc = fm_sha256_end_hex(&d->side[0].sha256, sha256, err)) < 0)
		goto out;
	memset(sha512, 0, FM_SHA512_LEN);
	if (d->side[1].sha512)
		rc = fm_sha512_end(d->side[1].sha512, sha512, err);
	d->side[1].sha512 = NULL;
out:
	fm_side_digest_free(d);
	return rc;
}

void fm_side_digest_free(struct fm_side_digest *d)
{
	if (!d)
		return;
	join(d);
	for (int i = 0; i < SIDES; i++) {
		fm_sha256_free(d->side[i].sha256);
		fm_sha512_free(d->side[i].sha512);
	}
	for (int i = 0; i < BUFFERS; i++)
		free(d->buffer[i].p);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->more);
	pthread_cond_destroy(&d->room);
	free(d);
}
