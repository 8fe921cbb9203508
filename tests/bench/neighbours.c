/*
 * neighbours.c POINTS QUERIES [N M DIM RUNS] - the exact nearest neighbour of each of M queries among N points, from
 * raw float32 files; without N: makes those files, 1,000,000 points and 100,000 queries of 16 dimensions, and stops.
 * Prints "SECONDS" a run, then the sum of the distances, so that another program's answer can be compared.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/neighbours.h"
#include "base/rng.h"

enum { CENTRES = 200 };

static void die(const char *what)
{
	fprintf(stderr, "neighbours: %s\n", what);
	exit(4);
}

static float *floats(size_t n)
{
	float *x = malloc(n * sizeof *x);

	if (!x)
		die("out of memory");
	return x;
}

static void file(const char *path, float *x, size_t n, int write)
{
	FILE *f = fopen(path, write ? "wb" : "rb");

	if (!f || (write ? fwrite(x, sizeof *x, n, f) : fread(x, sizeof *x, n, f)) != n || fclose(f))
		die(path);
}

/* Clusters of unequal size and width, as flows have. */
static void make(const char *path, size_t n, int dim, uint64_t stream)
{
	float *x = floats(n * (size_t)dim);

	for (size_t i = 0; i < n; i++) {
		struct fm_rng r, c;
		fm_rng_init(&r, 5, FM_RNG_JUDGE, i, (uint32_t)stream);
		float u = fm_rng_uniform(&r);
		uint32_t centre = (uint32_t)((float)CENTRES * u * u * u);
		fm_rng_init(&c, 7, FM_RNG_JUDGE, centre, 9);
		for (int k = 0; k < dim; k++) {
			float near = fm_rng_uniform(&r) + fm_rng_uniform(&r) - 1;
			x[i * (size_t)dim + (size_t)k] =
			    4 * fm_rng_uniform(&c) + near * (0.02f + (float)(centre % 7) * 0.05f);
		}
	}
	file(path, x, n * (size_t)dim, 1);
	free(x);
}

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	struct fm_points *p = NULL;
	struct fm_pool *pool = NULL;

	if (argc == 3) {
		make(argv[1], 1000000, 16, 1);
		make(argv[2], 100000, 16, 2);
		return 0;
	}
	if (argc != 7)
		die("POINTS QUERIES [N M DIM RUNS]");
	size_t n = strtoull(argv[3], NULL, 10), m = strtoull(argv[4], NULL, 10);
	int dim = atoi(argv[5]), runs = atoi(argv[6]);
	float *x = floats(n * (size_t)dim), *q = floats(m * (size_t)dim);
	uint32_t *row = malloc(m * sizeof *row);
	double *d2 = malloc(m * sizeof *d2), sum = 0;
	if (!row || !d2)
		die("out of memory");
	file(argv[1], x, n * (size_t)dim, 0);
	file(argv[2], q, m * (size_t)dim, 0);
	if (fm_pool_new(&pool, 0, &err))
		die(err.message);
	for (int r = 0; r < runs; r++) {
		double begin = fm_seconds();
		if (fm_points_new(&p, x, n, dim, &err) ||
		    fm_neighbours(p, &(struct fm_queries){.q = q, .m = m, .k = 1, .pool = pool}, row, d2, &err))
			die(err.message);
		printf("%.3f\n", fm_seconds() - begin);
		fflush(stdout);
		fm_points_free(p);
	}
	for (size_t i = 0; i < m; i++)
		sum += sqrt(d2[i]);
	printf("sum %.6f\n", sum);
	fm_pool_free(pool);
	free(x);
	free(q);
	free(row);
	free(d2);
	return 0;
}
