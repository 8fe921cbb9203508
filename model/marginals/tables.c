#include "model/marginals/tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The queries and their weights.  One-way tables have W_ONE each. */
#define W_ONE 0.2
static const struct {
	enum fm_attr x, y;
	double weight;
} asked[] = {
    {FM_A_KIND, FM_A_TIME, 1},     {FM_A_KIND, FM_A_SERVER, 1},    {FM_A_KIND, FM_A_CLIENT, 1},
    {FM_A_KIND, FM_A_PORT, 1},     {FM_A_KIND, FM_A_SIZE, 1.5},    {FM_A_KIND, FM_B_SIZE, 1.5},
    {FM_A_KIND, FM_A_TD, 1.5},     {FM_A_KIND, FM_B_TD, 1},        {FM_A_KIND, FM_NEAR, 0.4},
    {FM_A_KIND, FM_A_FLG, 0.5},    {FM_A_KIND, FM_B_FLG, 0.5},     {FM_A_KIND, FM_A_TOS, 0.5},
    {FM_A_KIND, FM_B_TOS, 0.5},    {FM_A_KIND, FM_A2_SIZE, 0.5},   {FM_A_KIND, FM_B2_SIZE, 0.5},
    {FM_A_KIND, FM_A2_TD, 0.5},    {FM_A_KIND, FM_B2_TD, 0.4},     {FM_A_KIND, FM_B_GAP, 0.7},
    {FM_A_KIND, FM_A2_GAP, 0.4},   {FM_A_KIND, FM_B2_GAP, 0.4},    {FM_A_KIND, FM_A_LABEL, 0.3},
    {FM_A_SIZE, FM_B_SIZE, 1.5},   {FM_A_SIZE, FM_A_TD, 1.5},      {FM_B_SIZE, FM_B_TD, 1.5},
    {FM_A_TD, FM_B_TD, 1},         {FM_A_SIZE, FM_B_TD, 0.7},      {FM_B_SIZE, FM_A_TD, 0.7},
    {FM_A_TD, FM_NEAR, 0.3},       {FM_A_SIZE, FM_A_FLG, 0.7},     {FM_B_SIZE, FM_B_FLG, 0.7},
    {FM_A_FLG, FM_B_FLG, 0.4},     {FM_A_TD, FM_A_FLG, 0.4},       {FM_A_SIZE, FM_A_PORT, 0.7},
    {FM_A_TD, FM_A_PORT, 0.5},     {FM_A_TIME, FM_A_PORT, 0.7},    {FM_A_TIME, FM_A_SIZE, 0.7},
    {FM_A_TIME, FM_B_SIZE, 0.4},   {FM_A_TIME, FM_A_TD, 0.5},      {FM_A_SERVER, FM_A_CLIENT, 1},
    {FM_A_TIME, FM_A_SERVER, 0.7}, {FM_A_TIME, FM_A_CLIENT, 0.7},  {FM_A_SERVER, FM_A_SIZE, 1},
    {FM_A_SERVER, FM_B_SIZE, 0.7}, {FM_A_CLIENT, FM_A_SIZE, 1},    {FM_A_CLIENT, FM_B_SIZE, 0.5},
    {FM_A_SERVER, FM_A_TD, 0.7},   {FM_A_CLIENT, FM_A_TD, 0.7},    {FM_A_CLIENT, FM_A_PORT, 0.7},
    {FM_A_SERVER, FM_A_PORT, 0.5}, {FM_A_SERVER, FM_A_TOS, 0.3},   {FM_A_CLIENT, FM_A_TOS, 0.3},
    {FM_A_TOS, FM_B_TOS, 0.3},     {FM_A_SIZE, FM_A_TOS, 0.3},     {FM_B_SIZE, FM_B_TOS, 0.2},
    {FM_A_SIZE, FM_A2_SIZE, 0.5},  {FM_B_SIZE, FM_B2_SIZE, 0.4},   {FM_A2_SIZE, FM_B2_SIZE, 0.4},
    {FM_A2_SIZE, FM_A2_TD, 0.4},   {FM_B2_SIZE, FM_B2_TD, 0.3},    {FM_A_TD, FM_A2_TD, 0.3},
    {FM_A_TD, FM_A2_GAP, 0.2},     {FM_A_TD, FM_B_GAP, 0.3},       {FM_NEAR, FM_B_GAP, 0.2},
    {FM_B2_GAP, FM_A2_GAP, 0.2},   {FM_A_SERVER, FM_A_LABEL, 0.2},
};
#define NASKED (int)(sizeof asked / sizeof *asked)

double fm_tables_weight(void)
{
	double w = FM_NATTRS * W_ONE;

	for (int i = 0; i < NASKED; i++)
		w += asked[i].weight;
	return w;
}

int fm_tables_measure(struct fm_tables *t, const struct fm_domains *d, const uint32_t *tok, size_t n, double scale,
		      struct fm_counts *counts, struct fm_error *err)
{
	struct fm_items items = fm_items_units(n);
	int64_t *noisy = NULL;
	size_t most = 1;
	int rc;

	memset(t, 0, sizeof *t);
	memcpy(t->size, d->size, sizeof t->size);
	for (int i = 0; i < NASKED; i++) {
		size_t cells = (size_t)d->size[asked[i].x] * (size_t)d->size[asked[i].y];

		most = cells > most ? cells : most;
	}
	for (int a = 0; a < FM_NATTRS; a++)
		most = (size_t)d->size[a] > most ? (size_t)d->size[a] : most;
	if ((rc = fm_alloc(&noisy, most, sizeof *noisy, "noisy counts", err)) < 0)
		return rc;
	t->one_sigma = fm_discrete_sigma(scale / sqrt(W_ONE));
	for (int a = 0; a < FM_NATTRS; a++) {
		size_t size = (size_t)d->size[a];
		struct fm_values v = {tok + (size_t)a * n, size};
		char name[FM_CHARGE_NAME];
		struct fm_query q = {name, &items, t->one_sigma};

		snprintf(name, sizeof name, "one %s", fm_attr_name[a]);
		if ((rc = fm_alloc(&t->one[a], size, sizeof(double), "a table", err)) < 0 ||
		    (rc = fm_counts_histogram(counts, &q, v, noisy, err)) < 0)
			goto out;
		for (size_t i = 0; i < size; i++)
			t->one[a][i] = (double)noisy[i];
	}
	for (int i = 0; i < NASKED; i++) {
		struct fm_table2 *p = &t->pair[t->npairs++];
		size_t nx = (size_t)d->size[asked[i].x], ny = (size_t)d->size[asked[i].y];
		char name[FM_CHARGE_NAME];

		*p = (struct fm_table2){asked[i].x, asked[i].y, asked[i].weight,
					fm_discrete_sigma(scale / sqrt(asked[i].weight)), NULL};
		snprintf(name, sizeof name, "%s x %s", fm_attr_name[p->x], fm_attr_name[p->y]);
		if ((rc = fm_alloc(&p->cell, nx * ny, sizeof(double), "a table", err)) < 0 ||
		    (rc = fm_counts_pairs(counts, &(struct fm_query){name, &items, p->sigma},
					  (struct fm_values){tok + (size_t)p->x * n, nx},
					  (struct fm_values){tok + (size_t)p->y * n, ny}, noisy, err)) < 0)
			goto out;
		for (size_t j = 0; j < nx * ny; j++)
			p->cell[j] = (double)noisy[j];
	}
out:
	free(noisy);
	if (rc < 0)
		fm_tables_free(t);
	return rc;
}

const struct fm_table2 *fm_tables_find(const struct fm_tables *t, enum fm_attr x, enum fm_attr y)
{
	for (int i = 0; i < t->npairs; i++)
		if ((t->pair[i].x == x && t->pair[i].y == y) || (t->pair[i].x == y && t->pair[i].y == x))
			return &t->pair[i];
	return NULL;
}

void fm_tables_free(struct fm_tables *t)
{
	for (int a = 0; a < FM_NATTRS; a++)
		free(t->one[a]);
	for (int i = 0; i < t->npairs; i++)
		free(t->pair[i].cell);
	memset(t, 0, sizeof *t);
}
