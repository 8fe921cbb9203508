/*
 * make_mixture.c - fit a mixture to numbers, for a comparison with another program.
 *
 *     make_mixture SEED <NUMBERS >MODES      numbers: one a line
 *     {"rounds": N, "start": [[x, k], ...], "modes": [[weight, mean, sd], ...]}
 */
#include <stdio.h>
#include <stdlib.h>

#include "model/ctgan/mixture.h"

static int compare(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	static double x[1 << 21];
	static struct fm_mixture_value v[1 << 21];
	static uint8_t start[1 << 21];
	struct fm_mixture m;
	struct fm_error err;
	size_t n = 0, d = 0;

	while (n < sizeof x / sizeof *x && scanf("%lf", &x[n]) == 1)
		n++;
	qsort(x, n, sizeof *x, compare);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || x[i] > v[d - 1].x)
			v[d++] = (struct fm_mixture_value){x[i], 0};
		v[d - 1].rows++;
	}
	if (fm_mixture_fit(&m, v, d, argc > 1 ? strtoull(argv[1], NULL, 10) : 1, start, &err) < 0) {
		fprintf(stderr, "make_mixture: %s\n", err.message);
		return 1;
	}
	printf("{\"rounds\": %d, \"start\": [", m.rounds);
	for (size_t i = 0; i < d; i++)
		printf("%s[%.17g, %d]", i ? ", " : "", v[i].x, start[i]);
	printf("], \"modes\": [");
	for (int k = 0; k < m.n; k++)
		printf("%s[%.17g, %.17g, %.17g]", k ? ", " : "", m.weight[k], m.mean[k], m.sd[k]);
	printf("]}\n");
	return 0;
}
