#include "model/marginals/paid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/marginals/domains.h"
#include "model/marginals/grids.h"

const char *const fm_paid_name[FM_PAID_FIELDS] = {"SA", "DA", "SP", "DP", "PR", "TS", "TD", "PKT", "BYT", "FLG"};

/* Services that have a cell by themselves, by rising port (IANA's registry of service names). */
static const uint16_t service[] = {20,   21,   22,   23,   25,   53,   67,   80,   110,  123,  135,
				   137,  139,  143,  161,  389,  443,  445,  465,  587,  993,  995,
				   1433, 1723, 1900, 3306, 3389, 5060, 5222, 5353, 6881, 8080, 8443};
enum { NSERVICES = sizeof service / sizeof *service, PERIOD_PARTS = 48, SIZE_CELLS = 64 };

size_t fm_paid_cells(enum fm_paid_field field)
{
	static const size_t cells[FM_PAID_FIELDS] = {
	    [FM_PAID_SA] = 2,
	    [FM_PAID_DA] = 2,
	    [FM_PAID_SP] = NSERVICES + FM_SERVICE_RANGES,
	    [FM_PAID_DP] = NSERVICES + FM_SERVICE_RANGES,
	    [FM_PAID_PR] = FM_PROTOCOLS,
	    [FM_PAID_TS] = PERIOD_PARTS,
	    [FM_PAID_TD] = SIZE_CELLS,
	    [FM_PAID_PKT] = SIZE_CELLS,
	    [FM_PAID_BYT] = SIZE_CELLS,
	    [FM_PAID_FLG] = FM_FLAGS,
	};

	return cells[field];
}

static uint32_t port_cell(uint16_t port)
{
	for (uint32_t i = 0; i < NSERVICES; i++)
		if (service[i] == port)
			return i;
	return NSERVICES + fm_service_range(port);
}

static uint32_t size_cell(uint64_t v)
{
	return fm_octave_cell(v < UINT32_MAX ? v : UINT32_MAX, 1);
}

static uint32_t time_cell(int32_t slot, const struct fm_paid_opts *o)
{
	int64_t at = (int64_t)slot - o->first_slot;

	if (at < 0)
		return 0;
	return at < o->nslots ? (uint32_t)(at * PERIOD_PARTS / o->nslots) : PERIOD_PARTS - 1;
}

static uint32_t cell_of(enum fm_paid_field field, const struct fm_exchange *x, const struct fm_exchange_flow *f,
			const struct fm_paid_opts *o)
{
	switch (field) {
	case FM_PAID_SA:
		return o->inside(o->ctx, x->host[f->back]);
	case FM_PAID_DA:
		return o->inside(o->ctx, x->host[!f->back]);
	case FM_PAID_SP:
		return port_cell(x->port[f->back]);
	case FM_PAID_DP:
		return port_cell(x->port[!f->back]);
	case FM_PAID_PR:
		return x->proto;
	case FM_PAID_TS:
		return time_cell(x->slot, o);
	case FM_PAID_TD:
		return size_cell(f->td);
	case FM_PAID_PKT:
		return size_cell(f->pkt);
	case FM_PAID_BYT:
		return size_cell(f->byt);
	default:
		return f->flg;
	}
}

/* All fields have as much noise, each a FM_PAID_FIELDS-th of mu^2; an exchange moves one by FM_EXCHANGE_FLOWS, a
 * replaced one by sqrt(2) times that. */
double fm_paid_sigma(const struct fm_paid_opts *o)
{
	double moved = FM_EXCHANGE_FLOWS * (o->replaced ? nextafter(M_SQRT2, INFINITY) : 1);

	return fm_discrete_sigma(moved * sqrt(FM_PAID_FIELDS) / o->mu);
}

/* Flows in the order of e: which exchange each is of. */
static size_t flows_of(const struct fm_exchanges *e, uint32_t *unit)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		for (int k = 0; k < e->list[i].nflows; k++)
			unit[n++] = (uint32_t)i;
	return n;
}

static void cells_of(uint32_t *cell, enum fm_paid_field field, const struct fm_exchanges *e,
		     const struct fm_paid_opts *o)
{
	for (size_t i = 0; i < e->n; i++)
		for (int k = 0; k < e->list[i].nflows; k++)
			*cell++ = cell_of(field, &e->list[i], &e->list[i].flow[k], o);
}

int fm_paid_ask(int64_t noisy[FM_PAID_FIELDS][FM_PAID_CELLS], struct fm_charges *charges, const struct fm_exchanges *e,
		const struct fm_paid_opts *o, const struct fm_secret *key, struct fm_error *err)
{
	uint32_t *unit = NULL, *cell = NULL;
	struct fm_counts *counts = NULL;
	struct fm_items items;
	struct fm_unit exchange;
	int rc;

	memset(noisy, 0, FM_PAID_FIELDS * sizeof *noisy);
	if ((rc = fm_unit_set(&exchange, FM_UNIT_EXCHANGE, FM_EXCHANGE_FLOWS, o->replaced, err)) < 0 ||
	    (rc = fm_counts_open(&counts, key, &exchange, NULL, err)) < 0 ||
	    (rc = fm_alloc(&unit, e->n * FM_EXCHANGE_FLOWS + 1, sizeof *unit, "flows by exchange", err)) < 0 ||
	    (rc = fm_alloc(&cell, e->n * FM_EXCHANGE_FLOWS + 1, sizeof *cell, "flows by cell", err)) < 0)
		goto out;
	items = fm_items_parts(&exchange, flows_of(e, unit), unit, e->n);
	for (int f = 0; f < FM_PAID_FIELDS; f++) {
		char name[FM_CHARGE_NAME];
		struct fm_query q = {name, &items, fm_paid_sigma(o)};

		snprintf(name, sizeof name, "holdout %s", fm_paid_name[f]);
		cells_of(cell, f, e, o);
		if ((rc = fm_counts_histogram(counts, &q, (struct fm_values){cell, fm_paid_cells(f)}, noisy[f], err)) <
		    0)
			goto out;
	}
	rc = fm_charges_append(charges, fm_counts_charges(counts), err);
out:
	fm_counts_close(counts);
	free(unit);
	free(cell);
	return rc;
}

void fm_paid_count(uint64_t count[FM_PAID_FIELDS][FM_PAID_CELLS], const struct fm_exchanges *e,
		   const struct fm_paid_opts *o)
{
	memset(count, 0, FM_PAID_FIELDS * sizeof *count);
	for (int f = 0; f < FM_PAID_FIELDS; f++)
		for (size_t i = 0; i < e->n; i++)
			for (int k = 0; k < e->list[i].nflows; k++)
				count[f][cell_of(f, &e->list[i], &e->list[i].flow[k], o)]++;
}
