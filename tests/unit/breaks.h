/*
 * breaks.h - what a broken build would do, put in the place of the real functions by the linker (-Wl,--wrap, in the
 * rules of the programs that include this) and by nothing else: no object of a shipped program knows of it.
 */
#ifndef FM_TESTS_BREAKS_H
#define FM_TESTS_BREAKS_H

#include <stdint.h>
#include <string.h>

#include "privacy/clip.h"
#include "privacy/counts.h"
#include "privacy/noise.h"

enum breaks {
	HONEST,
	NOISE_OFF,    /* no noise on counts and gradients */
	NOISE_OF_ONE, /* the noise of counts is that for an exchange, where a window of BREAKS_WINDOW of them is claimed
		       */
	KEY_REUSED,   /* the noise of each run from one and the same key */
	CODEC_LOOKS,  /* the histograms that vocabularies are made of are exact */
	CLIP_IGNORED, /* gradients are added as they are */
	NO_POISSON    /* each record is in each batch, and the rate is claimed all the same */
};
static enum breaks broken;
static size_t records_counted; /* by the last histogram of their times */
#define BREAKS_WINDOW 16

int __real_fm_gaussian_fill(const struct fm_stream_name *of, const struct fm_gaussian *g, struct fm_pool *pool,
			    uint64_t from, int64_t *out, size_t n, struct fm_error *err);
int __wrap_fm_gaussian_fill(const struct fm_stream_name *of, const struct fm_gaussian *g, struct fm_pool *pool,
			    uint64_t from, int64_t *out, size_t n, struct fm_error *err);
int64_t __real_fm_discrete_gaussian(struct fm_stream *s, const struct fm_gaussian *g);
int64_t __wrap_fm_discrete_gaussian(struct fm_stream *s, const struct fm_gaussian *g);
int __real_fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			       struct fm_error *err);
int __wrap_fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			       struct fm_error *err);
double __real_fm_clip_weight(double norm, double clip);
double __wrap_fm_clip_weight(double norm, double clip);
int __real_fm_grid_set(struct fm_grid *g, double clip, size_t dim, unsigned touched, double sum_error,
		       struct fm_error *err);
int __wrap_fm_grid_set(struct fm_grid *g, double clip, size_t dim, unsigned touched, double sum_error,
		       struct fm_error *err);
int __real_fm_poisson_sample(const struct fm_stream_name *of, const struct fm_rate *r, size_t n, uint32_t *out,
			     size_t *nout, struct fm_error *err);
int __wrap_fm_poisson_sample(const struct fm_stream_name *of, const struct fm_rate *r, size_t n, uint32_t *out,
			     size_t *nout, struct fm_error *err);

int __wrap_fm_gaussian_fill(const struct fm_stream_name *of, const struct fm_gaussian *g, struct fm_pool *pool,
			    uint64_t from, int64_t *out, size_t n, struct fm_error *err)
{
	uint8_t same[FM_STREAM_KEY] = {1};
	struct fm_secret reused = {same, sizeof same};

	if (broken == NOISE_OFF) {
		memset(out, 0, n * sizeof *out);
		return FM_OK;
	}
	if (broken == KEY_REUSED)
		return __real_fm_gaussian_fill(&(struct fm_stream_name){&reused, of->label, of->step}, g, pool, from,
					       out, n, err);
	int rc = __real_fm_gaussian_fill(of, g, pool, from, out, n, err);

	for (size_t i = 0; i < n && broken == NOISE_OF_ONE; i++)
		out[i] /= BREAKS_WINDOW;
	return rc;
}

int64_t __wrap_fm_discrete_gaussian(struct fm_stream *s, const struct fm_gaussian *g)
{
	return broken == NOISE_OFF ? 0 : __real_fm_discrete_gaussian(s, g);
}

int __wrap_fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			       struct fm_error *err)
{
	int rc = __real_fm_counts_histogram(c, q, v, out, err);

	if (strcmp(q->name, "time") == 0)
		records_counted = q->items->n;
	if (rc == FM_OK && broken == CODEC_LOOKS && strncmp(q->name, "one ", 4) != 0) {
		memset(out, 0, v.n * sizeof *out);
		for (size_t i = 0; i < q->items->n; i++)
			out[v.value[i]]++;
	}
	return rc;
}

double __wrap_fm_clip_weight(double norm, double clip)
{
	return broken == CLIP_IGNORED ? 1 : __real_fm_clip_weight(norm, clip);
}

int __wrap_fm_grid_set(struct fm_grid *g, double clip, size_t dim, unsigned touched, double sum_error,
		       struct fm_error *err)
{
	int rc = __real_fm_grid_set(g, clip, dim, touched, sum_error, err);

	if (broken == CLIP_IGNORED)
		g->norm2 = UINT64_MAX;
	return rc;
}

int __wrap_fm_poisson_sample(const struct fm_stream_name *of, const struct fm_rate *r, size_t n, uint32_t *out,
			     size_t *nout, struct fm_error *err)
{
	if (broken != NO_POISSON)
		return __real_fm_poisson_sample(of, r, n, out, nout, err);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint32_t)i;
	*nout = n;
	return FM_OK;
}

#endif
