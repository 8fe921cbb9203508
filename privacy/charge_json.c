#include "privacy/charge_json.h"

#include <stdio.h>
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

static int kind_of(const char *word)
{
	for (int k = 0; word && k < FM_CHARGE_NKINDS; k++)
		if (strcmp(word, fm_charge_kind_name((enum fm_charge_kind)k)) == 0)
			return k;
	return -1;
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

int fm_charges_from_json(struct fm_charges *c, const json_t *list, struct fm_error *err)
{
	int rc;

	if (!json_is_array(list))
		return fm_fail(err, FM_EINPUT, "a ledger of charges is a list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(o, "name"));
		int kind = kind_of(json_string_value(json_object_get(o, "kind")));
		struct fm_charge x = {.sensitivity = number(o, "sensitivity"),
				      .scale = number(o, "scale"),
				      .rate = number(o, "rate"),
				      .count = (uint64_t)json_integer_value(json_object_get(o, "times")),
				      .delta = number(o, "delta"),
				      .most = (unsigned)json_integer_value(json_object_get(o, "most")),
				      .threshold = json_integer_value(json_object_get(o, "threshold"))};

		if (!name || kind < 0 || strlen(name) >= sizeof x.name)
			return fm_fail(err, FM_EINPUT, "charge %zu has no name or no kind", i + 1);
		snprintf(x.name, sizeof x.name, "%s", name);
		x.kind = (enum fm_charge_kind)kind;
		if ((rc = fm_charges_add(c, &x, err)) < 0)
			return rc;
	}
	return FM_OK;
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
