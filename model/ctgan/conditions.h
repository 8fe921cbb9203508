/*
 * conditions.h - training by sampling (Xu et al. 2019, 4.3): a condition is a discrete column, drawn uniformly, and a
 * value of it, drawn by the logs of their frequencies; the real row is one of those with that value.
 */
#ifndef FM_MODEL_CTGAN_CONDITIONS_H
#define FM_MODEL_CTGAN_CONDITIONS_H

#include "base/rng.h"
#include "model/ctgan/encoding.h"

struct fm_gan_condition {
	int column, value; /* of the codec; column -1: there is no discrete column */
};
struct fm_gan_conditions;
/* rows: for fm_gan_condition_row; NULL: only conditions are drawn. Both are borrowed. */
int fm_gan_conditions_new(struct fm_gan_conditions **t, const struct fm_gan_codec *c, const struct fm_gan_rows *rows,
			  struct fm_error *err) FM_MUST_CHECK;
void fm_gan_conditions_free(struct fm_gan_conditions *t);
/* Draw a condition.  logs: values by log(count + 1); else by count. */
struct fm_gan_condition fm_gan_condition_draw(const struct fm_gan_conditions *t, bool logs, struct fm_rng *r);
/* A real row that has the condition, drawn uniformly. */
size_t fm_gan_condition_row(const struct fm_gan_conditions *t, struct fm_gan_condition k, struct fm_rng *r);
/* The condition as a vector x (c->cond). */
void fm_gan_condition_vector(const struct fm_gan_codec *c, struct fm_gan_condition k, float *x);

#endif
