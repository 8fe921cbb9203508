/* trainer_sample.c - flows from CTGAN's generator, a batch at a time. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/ctgan/trainer.h"
#include "model/nn/draws.h"

int fm_gan_sample(struct fm_table **table, const struct fm_gan *n, const struct fm_gan_codec *c, const float *p,
		  const struct fm_gan_sample_opts *o, struct fm_error *err)
{
	struct fm_draw_key d = {o->pool, o->seed, FM_RNG_SAMPLE, 0};
	struct fm_gan_conditions *conditions = NULL;
	struct fm_gan_work *work = NULL;
	struct fm_progress bar;
	size_t B = (size_t)o->batch;
	float *z = NULL, *cond = NULL, *gumbel = NULL, *made = NULL;
	int rc;

	*table = NULL;
	if ((rc = fm_gan_conditions_new(&conditions, c, NULL, err)) < 0 ||
	    (rc = fm_gan_work_new(&work, n, o->batch, o->pool, err)) < 0 ||
	    (rc = fm_alloc(&z, B * (size_t)n->shape.noise, sizeof *z, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&cond, B * (size_t)c->cond + 1, sizeof *cond, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&gumbel, B * (size_t)c->row, sizeof *gumbel, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&made, B * (size_t)c->row, sizeof *made, "a batch", err)) < 0 ||
	    (rc = fm_row_table_new(table, &c->flows, (size_t)o->rows, err)) < 0)
		goto out;
	fm_progress_begin(&bar, "generate", "flows", o->rows);
	for (uint64_t first = 0; first < o->rows; first += B, d.step++) {
		size_t rows = o->rows - first < B ? (size_t)(o->rows - first) : B;
		struct fm_rng r;

		fm_rng_init(&r, o->seed, FM_RNG_SCHEDULE, 0, d.step);
		for (size_t i = 0; i < B; i++)
			fm_gan_condition_vector(c, fm_gan_condition_draw(conditions, o->logs, &r),
						cond + i * (size_t)c->cond);
		fm_draw_normals(&d, 1, z, o->batch, n->shape.noise);
		fm_draw_gumbels(&d, 2, gumbel, o->batch, c->row);
		fm_gan_generate(work, p, z, cond, gumbel, made);
		for (size_t i = 0; i < rows; i++)
			fm_gan_decode(c, made + i * (size_t)c->row, *table, (size_t)first + i);
		fm_progress_step(&bar, first + rows, NULL);
	}
	fm_progress_end(&bar, NULL);
out:
	fm_gan_conditions_free(conditions);
	fm_gan_work_free(work);
	free(z);
	free(cond);
	free(gumbel);
	free(made);
	return rc;
}
