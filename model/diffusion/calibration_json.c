/* calibration_json.c - a calibration as a document. */
#include "model/diffusion/calibration_parts.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *alike_json(const struct fm_calibration *k)
{
	json_t *all = json_object();

	for (int c = 0; c < FM_NTOK; c++) {
		json_t *list = json_array();
		bool any = false;
		for (int kind = 0; kind < FM_NRELATIONS; kind++) {
			any |= k->same[c][kind] != 0;
			json_array_append_new(list, json_real((double)k->same[c][kind]));
		}
		if (any)
			json_object_set(all, fm_tok_name[c], list);
		json_decref(list);
	}
	return all;
}

/* The contexts that have a bias, by number. */
static json_t *contexts_json(const float *bias, int contexts, int V)
{
	json_t *all = json_object();

	for (int i = 0; i < contexts; i++, bias += V) {
		json_t *list = json_array();
		bool any = false;
		char name[16];
		for (int v = 0; v < V; v++) {
			any |= bias[v] != 0;
			json_array_append_new(list, json_real((double)bias[v]));
		}
		snprintf(name, sizeof name, "%d", i);
		if (any)
			json_object_set(all, name, list);
		json_decref(list);
	}
	return all;
}

/* The places that have a finer context, in the order of its number. */
static json_t *places_json(const uint16_t *context, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; context && i < n; i++)
		if (context[i] != FM_NO_CONTEXT)
			json_array_append_new(list, json_integer((json_int_t)i));
	return list;
}

json_t *fm_calibration_json(const struct fm_calibration *k)
{
	json_t *all = json_object(), *sharp = json_object(), *finer = json_object();

	for (int c = 0; c < FM_NTOK; c++)
		if (k->sharp[c] != 1)
			json_object_set_new(sharp, fm_tok_name[c], json_real((double)k->sharp[c]));
	json_object_set_new(all, "sharpness", sharp);
	json_object_set_new(all, "alike", alike_json(k));
	json_t *joins = json_array();
	for (int kind = 0; kind < FM_NRELATIONS; kind++)
		json_array_append_new(joins, json_real((double)k->joins[kind]));
	json_object_set_new(all, "joins", joins);
	json_object_set_new(all, "services", places_json(k->service, k->codec ? fm_calibration_services(k) : 0));
	json_object_set_new(all, "outlines", places_json(k->outline, k->codec ? fm_calibration_outlines(k) : 0));
	json_object_set_new(all, "chains", places_json(k->chain, FM_CHAINS));
	json_object_set_new(all, "finer", finer);
	for (int c = 0; c < FM_NTOK; c++) {
		json_t *contexts = contexts_json(k->bias[c], k->contexts[c], k->width[c]),
		       *fine = contexts_json(k->fine_bias[c], k->fine[c], k->width[c]);
		if (json_object_size(contexts) > 0)
			json_object_set(all, fm_tok_name[c], contexts);
		if (json_object_size(fine) > 0)
			json_object_set(finer, fm_tok_name[c], fine);
		json_decref(contexts);
		json_decref(fine);
	}
	return all;
}

static int damaged(struct fm_error *err, int c)
{
	return fm_fail(err, FM_EINPUT, "the model's calibration of %s is damaged", fm_tok_name[c]);
}

static int contexts_from_json(float *bias, int contexts, int V, const json_t *j, int c, struct fm_error *err)
{
	const json_t *list;
	const char *name;

	json_object_foreach((json_t *)j, name, list)
	{
		char *end;
		long i = strtol(name, &end, 10);
		if (*end || i < 0 || i >= contexts || json_array_size(list) != (size_t)V)
			return damaged(err, c);
		for (int v = 0; v < V; v++)
			bias[(size_t)i * (size_t)V + (size_t)v] =
			    (float)json_number_value(json_array_get(list, (size_t)v));
	}
	return FM_OK;
}

/* Number the places (n) of j's list of this name; *found: how many there are. */
static int places_from_json(uint16_t *context, size_t n, int *found, const json_t *j, const char *name,
			    struct fm_error *err)
{
	const json_t *list = json_object_get(j, name);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t at = json_integer_value(json_array_get(list, i));
		if (!json_is_integer(json_array_get(list, i)) || at < 0 || (size_t)at >= n ||
		    context[at] != FM_NO_CONTEXT || *found == FM_NO_CONTEXT)
			return fm_fail(err, FM_EINPUT, "the model's calibration of %s is damaged", name);
		context[at] = (uint16_t)(*found)++;
	}
	return FM_OK;
}

int fm_calibration_from_json(struct fm_calibration *k, const json_t *j, struct fm_error *err)
{
	const json_t *finer = json_object_get(j, "finer");
	int rc;

	if (k->codec &&
	    ((rc = places_from_json(k->service, fm_calibration_services(k), &k->nservices, j, "services", err)) < 0 ||
	     (rc = places_from_json(k->outline, fm_calibration_outlines(k), &k->noutlines, j, "outlines", err)) < 0 ||
	     (rc = places_from_json(k->chain, FM_CHAINS, &k->nchains, j, "chains", err)) < 0 ||
	     (rc = fm_calibration_fine_room(k, err)) < 0))
		return rc;
	const json_t *joins = json_object_get(j, "joins");
	for (size_t kind = 0; joins && kind < FM_NRELATIONS; kind++) {
		double share = json_number_value(json_array_get(joins, kind));
		if (json_array_size(joins) != FM_NRELATIONS || !(share >= 0 && share <= 1))
			return damaged(err, FM_T_REL);
		k->joins[kind] = (float)share;
	}
	for (int c = 0; c < FM_NTOK; c++) {
		const json_t *sharp = json_object_get(json_object_get(j, "sharpness"), fm_tok_name[c]);
		if (sharp && !(json_number_value(sharp) >= 1 && json_number_value(sharp) <= FM_SHARPEST))
			return damaged(err, c);
		k->sharp[c] = sharp ? (float)json_number_value(sharp) : 1;
		const json_t *alike = json_object_get(json_object_get(j, "alike"), fm_tok_name[c]);
		for (size_t i = 0; alike && i < FM_NRELATIONS; i++) {
			double x = json_number_value(json_array_get(alike, i));
			if (json_array_size(alike) != FM_NRELATIONS || !(x >= -FM_MOST_ALIKE && x <= FM_MOST_ALIKE))
				return damaged(err, c);
			k->same[c][i] = (float)x;
		}
		if ((rc = contexts_from_json(k->bias[c], k->contexts[c], k->width[c],
					     json_object_get(j, fm_tok_name[c]), c, err)) < 0 ||
		    (rc = contexts_from_json(k->fine_bias[c], k->fine[c], k->width[c],
					     json_object_get(finer, fm_tok_name[c]), c, err)) < 0)
			return rc;
	}
	return FM_OK;
}
