#include "traces/split.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/rng.h"

void fm_splitter_init(struct fm_splitter *s, double validation, double holdout, uint64_t seed)
{
	*s = (struct fm_splitter){.share = {1 - validation - holdout, validation, holdout}, .seed = seed};
}

/* Tijdeman's rule for k splits: of those whose debt is at least 1/(2k-2), the one that must be served first. */
static enum fm_split next(struct fm_splitter *s)
{
	const double least = 1.0 / (2 * FM_NSPLIT - 2);
	double n = (double)++s->windows, best_due = 0, most = 0;
	int best = -1, owed = 0;

	for (int k = 0; k < FM_NSPLIT; k++) {
		double debt = s->share[k] * n - (double)s->count[k];

		if (debt > most) {
			most = debt;
			owed = k;
		}
		if (s->share[k] <= 0 || debt < least)
			continue;
		double due = (1 - least - debt) / s->share[k];
		if (best < 0 || due < best_due) {
			best = k;
			best_due = due;
		}
	}
	if (best < 0) /* all debts add up to 1, so one of three is above 1/4, except for rounding */
		best = owed;
	s->count[best]++;
	return (enum fm_split)best;
}

void fm_splitter_block(struct fm_splitter *s, size_t n, uint8_t split[FM_SPLIT_BLOCK])
{
	struct fm_rng rng;

	fm_rng_init(&rng, s->seed, FM_RNG_SPLIT, s->blocks++, 0);
	for (size_t i = 0; i < n; i++)
		split[i] = (uint8_t)next(s);
	for (size_t i = n; i > 1; i--) { /* Fisher and Yates */
		size_t j = fm_rng_below(&rng, (uint32_t)i);
		uint8_t t = split[j];

		split[j] = split[i - 1];
		split[i - 1] = t;
	}
}

/* The windows of each split in a trace of n by the shares alone. */
static void by_share(const struct fm_splitter *s, uint64_t n, uint64_t count[FM_NSPLIT])
{
	struct fm_splitter plain = *s;

	while (plain.windows < n)
		next(&plain);
	for (int k = 0; k < FM_NSPLIT; k++)
		count[k] = plain.count[k];
}

/* The same where `least` are held out if they can be.  Is that more than the share?  No more are held out than the
 * share has just below FM_SPLIT_FEW windows, so that with one window more no split ever has fewer, or two more. */
static bool held(const struct fm_splitter *s, uint64_t n, uint64_t least, uint64_t count[FM_NSPLIT])
{
	uint64_t most[FM_NSPLIT];

	by_share(s, n, count);
	if (n >= FM_SPLIT_FEW)
		return false;
	by_share(s, FM_SPLIT_FEW - 1, most);
	least = least < most[FM_SPLIT_HOLDOUT] ? least : most[FM_SPLIT_HOLDOUT];
	if (count[FM_SPLIT_HOLDOUT] >= least || n < count[FM_SPLIT_VALIDATION] + least + (least + 1) / 2)
		return false;
	count[FM_SPLIT_TRAIN] = n - count[FM_SPLIT_VALIDATION] - least;
	count[FM_SPLIT_HOLDOUT] = least;
	return true;
}

void fm_splitter_hold(struct fm_splitter *s, uint64_t windows, uint64_t least)
{
	uint64_t count[FM_NSPLIT];

	/* Shares of n windows that are whole numbers of them: at the n-th, each split has just these. */
	if (held(s, windows, least, count))
		for (int k = 0; k < FM_NSPLIT; k++)
			s->share[k] = (double)count[k] / (double)windows;
}

void fm_splitter_at(double validation, double holdout, uint64_t least, uint64_t train, uint64_t count[FM_NSPLIT])
{
	struct fm_splitter s;

	fm_splitter_init(&s, validation, holdout, 0);
	for (uint64_t n = 1; least && n < FM_SPLIT_FEW; n++) {
		held(&s, n, least, count);
		if (count[FM_SPLIT_TRAIN] == train && count[FM_SPLIT_HOLDOUT] >= least)
			return;
	}
	while (s.count[FM_SPLIT_TRAIN] < train)
		next(&s);
	for (int k = 0; k < FM_NSPLIT; k++)
		count[k] = s.count[k];
}

uint64_t fm_splitter_needed(double validation, double holdout)
{
	struct fm_splitter s;

	fm_splitter_init(&s, validation, holdout, 0);
	for (;;) {
		bool all = true;

		next(&s);
		for (int k = 0; k < FM_NSPLIT; k++)
			all = all && (s.share[k] <= 0 || s.count[k]);
		if (all || s.windows >= 1000000)
			return s.windows;
	}
}

const char *fm_splitter_advice(double validation, double holdout, uint64_t windows, char out[96])
{
	static const double shares[] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2};
	bool rarer = fm_splitter_needed(validation, 0) > fm_splitter_needed(0, holdout); /* validation is */
	double given = rarer ? validation : holdout;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		double v = rarer ? shares[i] : validation, h = rarer ? holdout : shares[i];

		if (shares[i] <= given || fm_splitter_needed(v, h) > windows)
			continue;
		snprintf(out, 96, ", or raise split.%s from %g to %g", rarer ? "validation" : "holdout", given,
			 shares[i]);
		break;
	}
	return out;
}
