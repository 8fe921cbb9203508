#include "privacy/charge_json.h"

#include <string.h>

json_t *fm_charges_json(const struct fm_charges *c)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < c->n; i++) {
		const struct fm_charge *x = &c->list[i];
		json_t *o = json_pack("{s:s, s:s, s:f, s:f, s:f, s:I}", "name", x->name, "kind",
				      fm_charge_kind_name(x->kind), "sensitivity", x->sensitivity, "scale", x->scale,
				      "rate", x->rate, "times", (json_int_t)x->count);

		if (o && x->delta > 0 &&
		    (json_object_set_new(o, "delta", json_real(x->delta)) ||
		     json_object_set_new(o, "most", json_integer(x->most)) ||
		     json_object_set_new(o, "threshold", json_integer(x->threshold)))) {
			json_decref(o);
			o = NULL;
		}
		if (json_array_append_new(list, o)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

bool fm_charges_equal(const struct fm_charges *a, const struct fm_charges *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct fm_charge *x = &a->list[i], *y = &b->list[i];

		if (strcmp(x->name, y->name) != 0 || x->kind != y->kind || x->sensitivity != y->sensitivity ||
		    x->scale != y->scale || x->rate != y->rate || x->count != y->count || x->delta != y->delta ||
		    x->most != y->most || x->threshold != y->threshold)
			return false;
	}
	return true;
}
