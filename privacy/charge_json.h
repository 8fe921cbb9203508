/*
 * charge_json.h - a ledger of charges as a document: the train stage leaves it beside the model, and the manifest
 * contains it.
 *
 *     [{"name": "ports", "kind": "discrete_gaussian", "sensitivity": 2, "scale": 60, "rate": 1, "times": 1},
 *      {..., "delta": 1e-9, "most": 2, "threshold": 410}, ...]
 */
#ifndef FM_PRIVACY_CHARGE_JSON_H
#define FM_PRIVACY_CHARGE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "privacy/charge.h"

json_t *fm_charges_json(const struct fm_charges *c); /* a new reference, NULL without memory */
/* The same entries in the same order? */
bool fm_charges_equal(const struct fm_charges *a, const struct fm_charges *b);

#endif
