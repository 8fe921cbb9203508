/* private_trainer_windows.c - windows of flows as the records of a private training (private_trainer.h). */
#include "model/diffusion/private_trainer.h"

int fm_windows_a_pass(int window, int draws)
{
	int records = 512 / (window * draws);

	while (records > 1 && records * draws > FM_PASS_WINDOWS)
		records--;
	return draws * (records > 1 ? records : 1);
}

static void window_pass(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept)
{
	struct fm_window_records *w = ctx;
	struct fm_draws d = {w->data, p, w->draws, lot->seed, lot->step};

	fm_batch_draws(w->batcher, thread, &d, lot->record, lot->n, kept);
}

struct fm_learner fm_learner_of_windows(struct fm_window_records *w)
{
	return (struct fm_learner){w->layout, w->data->windows, w->draws, w->most / w->draws, w, window_pass};
}
