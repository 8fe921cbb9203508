/* symptoms.c - flows outside the real range, and values that are not made. */
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

struct lost {
	size_t cell;
	double share;
};

/* Insert into the list of the largest ones, falling. */
static void keep_lost(struct lost top[FM_SYMPTOM_NAMED], size_t cell, double share)
{
	struct lost one = {cell, share};

	for (int i = 0; i < FM_SYMPTOM_NAMED; i++)
		if (one.share > top[i].share) {
			struct lost next = top[i];

			top[i] = one;
			one = next;
		}
}

static json_t *missing(const json_t *field, size_t n, const struct lost top[FM_SYMPTOM_NAMED])
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

json_t *fm_symptoms(const json_t *histograms)
{
	const json_t *field;
	json_t *list = json_array();
	size_t at;

	json_array_foreach(json_object_get(histograms, "real_cells"), at, field)
	{
		const json_t *real = json_object_get(field, "real"), *synthetic = json_object_get(field, "synthetic");
		const char *kind = json_string_value(json_object_get(field, "kind"));
		double nreal = sum_of(real), nsynthetic = sum_of(synthetic), lost = 0;
		struct lost top[FM_SYMPTOM_NAMED] = {0};
		size_t n = json_array_size(real);
		bool bins = kind && strcmp(kind, "bins") == 0;

		/* hosts in time are not a field of a flow */
		bool hosts = kind && (strcmp(kind, "powers") == 0 || strcmp(kind, "hosts") == 0);

		if (hosts || n < 2 || n != json_array_size(synthetic))
			continue;
		for (size_t i = 0; i < n; i++) {
			double r = share(real, i, nreal);

			if (r >= FM_SYMPTOM_CELL && share(synthetic, i, nsynthetic) < r / 10) {
				keep_lost(top, i, r);
				lost += r;
			}
		}
		json_array_append_new(
		    list,
		    json_pack("{s:O, s:o, s:f, s:o}", "field", json_object_get(field, "name"), "outside",
			      bins ? json_real(share(synthetic, 0, nsynthetic) + share(synthetic, n - 1, nsynthetic))
				   : json_null(),
			      "lost", lost, "missing", missing(field, n, top)));
	}
	return list;
}
