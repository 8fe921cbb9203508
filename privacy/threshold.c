#include "privacy/threshold.h"

#include "privacy/noise.h"

double fm_threshold_chance(double sigma, unsigned m, int64_t threshold)
{
	double most = 0, one = fm_gaussian_tail(sigma, (double)(threshold - 1));

	/* From m + 2 on every tail has a positive argument, where it is convex. */
	if (threshold < (int64_t)m + 2)
		return 1;
	for (unsigned j = 1; j <= m; j++) {
		double chance = fm_gaussian_tail(sigma, (double)(threshold - (int64_t)(m - j + 1))) + (j - 1) * one;

		most = chance > most ? chance : most;
	}
	return most;
}

int64_t fm_threshold_least(double sigma, unsigned m, double delta, double *chance)
{
	int64_t low = (int64_t)m + 1, high = low + 1;

	while (fm_threshold_chance(sigma, m, high) > delta)
		high += high - low;
	while (high - low > 1) { /* low is too low or the smallest, high is enough */
		int64_t middle = low + (high - low) / 2;

		if (fm_threshold_chance(sigma, m, middle) > delta)
			low = middle;
		else
			high = middle;
	}
	*chance = fm_threshold_chance(sigma, m, high);
	return high;
}
