/* symptoms.c - what lies outside, and what is not made. */
#include "judge/symptoms.h"

#include <stdbool.h>
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
		size_t n = json_array_size(real);
		bool bins = kind && strcmp(kind, "bins") == 0;

		/* hosts in time are no field of a flow */
		bool hosts = kind && (strcmp(kind, "powers") == 0 || strcmp(kind, "hosts") == 0);

		if (hosts || n < 2 || n != json_array_size(synthetic))
			continue;
		for (size_t i = 0; i < n; i++) {
			double r = share(real, i, nreal);

			if (r >= FM_SYMPTOM_CELL && share(synthetic, i, nsynthetic) < r / 10)
				lost += r;
		}
		json_array_append_new(
		    list,
		    json_pack("{s:O, s:o, s:f}", "field", json_object_get(field, "name"), "outside",
			      bins ? json_real(share(synthetic, 0, nsynthetic) + share(synthetic, n - 1, nsynthetic))
				   : json_null(),
			      "lost", lost));
	}
	return list;
}
