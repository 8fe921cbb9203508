/*
 * make_noise.c DRAWS SIGMA... - are draws of the discrete Gaussian what its formula says?  For tests/long_noise.sh.
 *
 * Under a fresh key.  Prints a line a sigma, tab-separated: sigma, draws, chi-square, degrees of freedom, how many
 * standard deviations that is from what exact draws give, the same if sigma were one part in a hundred larger, and
 * nanoseconds of processor time a draw.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "tests/unit/noise_fixture.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	struct fm_secret key;
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, df = 0;
	int64_t *draws = NULL;

	if (n < 1000 || argc < 3) {
		fprintf(stderr, "usage: make_noise DRAWS SIGMA...\n");
		return 2;
	}
	if (fm_secret_random(&key, FM_STREAM_KEY, &err) < 0 || fm_alloc(&draws, n, sizeof(*draws), "draws", &err) < 0)
		goto out;
	for (int k = 2; k < argc; k++) {
		double sigma = strtod(argv[k], NULL), larger = 1.01 * sigma, chi = 0, z, zlarger, begin = seconds(),
		       took;
		struct fm_gaussian g;

		if (fm_gaussian_set(&g, sigma, &err) < 0 ||
		    fm_gaussian_fill(&(struct fm_stream_name){&key, "long", (uint64_t)k}, &g, NULL, 0, draws, n, &err) <
			0)
			goto out;
		took = seconds() - begin;
		if (sigma >= FM_GAUSSIAN_LARGE) {
			struct gaussian_bins right = {sigma, (int64_t)(sigma / 500)}, wrong = {larger, right.width};

			gaussian_bins_of(draws, n, right.width);
			zlarger = chi_square(draws, n, 4500, gaussian_bin_weight, &wrong, NULL, NULL);
			z = chi_square(draws, n, 4500, gaussian_bin_weight, &right, &chi, &df);
		} else {
			zlarger = chi_square(draws, n, (int64_t)(9 * sigma) + 4, gaussian_weight, &larger, NULL, NULL);
			z = chi_square(draws, n, (int64_t)(9 * sigma) + 4, gaussian_weight, &sigma, &chi, &df);
		}
		printf("%g\t%zu\t%.1f\t%zu\t%.2f\t%.2f\t%.0f\n", sigma, n, chi, df, z, zlarger, took * 1e9 / (double)n);
	}
out:
	if (err.code < 0)
		fprintf(stderr, "make_noise: %s\n", err.message);
	free(draws);
	fm_secret_close(&key);
	return fm_exit_status(err.code);
}
