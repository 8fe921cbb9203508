/* symptoms.c - flows outside the real range, values that are not made, and values that are made too often. */
#include "judge/symptoms.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static double sum_of(const json_t *counts)
{
	double sum = 0;

	for (size_t i = 0; i < json_array_size(counts); i++)
		sum += json_number_value(json_array_get(counts, i));
	return sum;
}

static double share(const json_t *counts, size_t i, double sum)
{
	return sum > 0 ? json_number_value(json_array_get(counts, i)) / sum : 0;
}

/* The name of a cell: its value, or the number in the middle of a bin on a logarithmic scale; empty where there is
 * neither. */
static void cell_name(const json_t *field, size_t i, size_t n, char name[64])
{
	const json_t *values = json_object_get(field, "values");
	const char *value = json_string_value(json_array_get(values, i)), *unit, *scale;
	double lo = json_number_value(json_object_get(field, "lo")),
	       hi = json_number_value(json_object_get(field, "hi")), x;
	bool ms;

	name[0] = '\0';
	if (values) {
		snprintf(name, 64, "%s", value ? value : "");
		return;
	}
	scale = json_string_value(json_object_get(field, "scale"));
	unit = json_string_value(json_object_get(field, "unit"));
	if (!scale || strcmp(scale, "log1p") != 0 || n < 3 || i == 0 || i == n - 1)
		return;
	ms = unit && strcmp(unit, "ms") == 0;
	x = expm1(lo + ((double)i - 0.5) * (hi - lo) / (double)(n - 2));
	if (ms)
		snprintf(name, 64, "%.3g s", round(x) / 1000);
	else
		snprintf(name, 64, "%.0f", x);
}

struct cell {
	size_t cell;
	double share;
};

/* Insert into the list of the largest ones, falling. */
static void keep_cell(struct cell top[FM_SYMPTOM_NAMED], size_t cell, double share)
{
	struct cell one = {cell, share};

	for (int i = 0; i < FM_SYMPTOM_NAMED; i++)
		if (one.share > top[i].share) {
			struct cell next = top[i];

			top[i] = one;
			one = next;
		}
}

static json_t *named(const json_t *field, size_t n, const struct cell top[FM_SYMPTOM_NAMED])
{
	json_t *list = json_array();

	for (int i = 0; i < FM_SYMPTOM_NAMED && top[i].share > 0; i++) {
		char name[64];

		cell_name(field, top[i].cell, n, name);
		if (*name)
			json_array_append_new(list, json_pack("{s:s, s:f}", "value", name, "share", top[i].share));
	}
	return list;
}

/* The share of the flows of `in` that are in cells, from `from` to before `to`, of which `by` has less than a tenth;
 * top: the largest of them. */
static double cells_without(const json_t *in, const json_t *by, size_t from, size_t to,
			    struct cell top[FM_SYMPTOM_NAMED])
{
	double nin = sum_of(in), nby = sum_of(by), all = 0;

	for (size_t i = from; i < to; i++) {
		double r = share(in, i, nin);

		if (r >= FM_SYMPTOM_CELL && share(by, i, nby) < r / 10) {
			keep_cell(top, i, r);
			all += r;
		}
	}
	return all;
}

json_t *fm_symptoms(const json_t *histograms)
{
	const json_t *field;
	json_t *list = json_array();
	size_t at;

	json_array_foreach(json_object_get(histograms, "real_cells"), at, field)
	{
		const json_t *real = json_object_get(field, "real"), *synthetic = json_object_get(field, "synthetic");
		const char *kind = json_string_value(json_object_get(field, "kind"));
		struct cell lost[FM_SYMPTOM_NAMED] = {0}, piles[FM_SYMPTOM_NAMED] = {0};
		double made = sum_of(synthetic), missing, piled;
		size_t n = json_array_size(real);
		bool bins = kind && strcmp(kind, "bins") == 0;

		/* hosts in time are not a field of a flow */
		bool hosts = kind && (strcmp(kind, "powers") == 0 || strcmp(kind, "hosts") == 0);

		if (hosts || n < 2 || n != json_array_size(synthetic))
			continue;
		missing = cells_without(real, synthetic, 0, n, lost);
		piled = cells_without(synthetic, real, bins, n - bins, piles);
		json_array_append_new(
		    list,
		    json_pack("{s:O, s:o, s:o, s:f, s:o, s:f, s:o}", "field", json_object_get(field, "name"), "outside",
			      bins ? json_real(share(synthetic, 0, made) + share(synthetic, n - 1, made)) : json_null(),
			      "above", bins ? json_real(share(synthetic, n - 1, made)) : json_null(), "lost", missing,
			      "missing", named(field, n, lost), "piled", piled, "piles", named(field, n, piles)));
	}
	return list;
}
