#include "model/marginals/paid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/marginals/domains.h"
#include "model/marginals/grids.h"

const char *const fm_paid_name[FM_PAID_QUESTIONS] = {"SA",     "DA",     "SP",      "DP",     "PR",    "TS",    "TD",
						     "PKT",    "BYT",    "FLG",     "SA_DP",  "PR_DP", "TS_DP", "SP_DP",
						     "DP_PKT", "DP_BYT", "PKT_BYT", "TD_PKT", "TY"};

/* The two fields of a pair. */
static const enum fm_paid_field pair[FM_PAID_QUESTIONS][2] = {
    [FM_PAID_SA_DP] = {FM_PAID_SA, FM_PAID_DP},     [FM_PAID_PR_DP] = {FM_PAID_PR, FM_PAID_DP},
    [FM_PAID_TS_DP] = {FM_PAID_TS, FM_PAID_DP},     [FM_PAID_SP_DP] = {FM_PAID_SP, FM_PAID_DP},
    [FM_PAID_DP_PKT] = {FM_PAID_DP, FM_PAID_PKT},   [FM_PAID_DP_BYT] = {FM_PAID_DP, FM_PAID_BYT},
    [FM_PAID_PKT_BYT] = {FM_PAID_PKT, FM_PAID_BYT}, [FM_PAID_TD_PKT] = {FM_PAID_TD, FM_PAID_PKT},
};

/* Services that have a cell by themselves, by rising port (IANA's registry of service names). */
static const uint16_t service[] = {20,   21,   22,   23,   25,   53,   67,   80,   110,  123,  135,
				   137,  139,  143,  161,  389,  443,  445,  465,  587,  993,  995,
				   1433, 1723, 1900, 3306, 3389, 5060, 5222, 5353, 6881, 8080, 8443};
enum { NSERVICES = sizeof service / sizeof *service, PERIOD_PARTS = 48, SIZE_CELLS = 64, COARSE = 8 };

bool fm_paid_is_pair(enum fm_paid_field question)
{
	return question >= FM_PAID_FIELDS && question < FM_PAID_TY;
}

bool fm_paid_asks(const struct fm_paid_opts *o, enum fm_paid_field question)
{
	return question < FM_PAID_FIELDS || (question == FM_PAID_TY ? o->nlabels > 0 : o->pairs);
}

size_t fm_paid_cells(const struct fm_paid_opts *o, enum fm_paid_field question)
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

	if (question == FM_PAID_TY)
		return (size_t)o->nlabels;
	return fm_paid_is_pair(question) ? COARSE * COARSE : cells[question];
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

/* ---- coarse cells, COARSE at most ---- */

static uint32_t port_kind(uint16_t port)
{
	switch (port) {
	case 21: /* files and shells */
	case 22:
	case 23:
	case 3389:
		return 0;
	case 25: /* mail */
	case 110:
	case 143:
	case 465:
	case 587:
	case 993:
	case 995:
		return 1;
	case 53:
		return 2;
	case 80: /* web */
	case 443:
	case 8080:
	case 8443:
		return 3;
	default:
		return port < 1024 ? 4 : port < 32768 ? 5 : 6;
	}
}

/* The cell of v: octaves from `from` on, `each` of them to a cell. */
static uint32_t octaves(uint64_t v, uint32_t from, uint32_t each)
{
	uint32_t bits = 0;

	for (; v; v >>= 1)
		bits++;
	bits = bits > from ? (bits - from + each - 1) / each : 0;
	return bits < COARSE ? bits : COARSE - 1;
}

static uint32_t fine_cell(enum fm_paid_field field, const struct fm_exchange *x, const struct fm_exchange_flow *f,
			  const struct fm_paid_opts *o);

static uint32_t coarse_cell(enum fm_paid_field field, const struct fm_exchange *x, const struct fm_exchange_flow *f,
			    const struct fm_paid_opts *o)
{
	switch (field) {
	case FM_PAID_SP:
		return port_kind(x->port[f->back]);
	case FM_PAID_DP:
		return port_kind(x->port[!f->back]);
	case FM_PAID_PR:
		return x->proto < 3 ? x->proto : 3;
	case FM_PAID_TS:
		return time_cell(x->slot, o) * COARSE / PERIOD_PARTS;
	case FM_PAID_TD:
		return octaves(f->td, 0, 2);
	case FM_PAID_PKT:
		return octaves(f->pkt, 1, 1);
	case FM_PAID_BYT:
		return octaves(f->byt, 6, 1);
	default:
		return fine_cell(field, x, f, o);
	}
}

static uint32_t cell_of(enum fm_paid_field question, const struct fm_exchange *x, const struct fm_exchange_flow *f,
			const struct fm_paid_opts *o)
{
	if (question == FM_PAID_TY)
		return f->label < o->nlabels ? f->label : 0;
	if (fm_paid_is_pair(question))
		return coarse_cell(pair[question][0], x, f, o) * COARSE + coarse_cell(pair[question][1], x, f, o);
	return fine_cell(question, x, f, o);
}

static uint32_t fine_cell(enum fm_paid_field field, const struct fm_exchange *x, const struct fm_exchange_flow *f,
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

/* All questions get equal noise and an equal share of mu^2; an exchange moves each count vector by FM_EXCHANGE_FLOWS, a
 * replaced one by sqrt(2) times that. */
double fm_paid_sigma(const struct fm_paid_opts *o)
{
	double moved = FM_EXCHANGE_FLOWS * (o->replaced ? nextafter(M_SQRT2, INFINITY) : 1);
	int asked = 0;

	for (int f = 0; f < FM_PAID_QUESTIONS; f++)
		asked += fm_paid_asks(o, f);
	return fm_discrete_sigma(moved * sqrt(asked) / o->mu);
}

/* unit: the exchange of each flow, in the order of e; returns the number of flows. */
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

int fm_paid_ask(int64_t noisy[FM_PAID_QUESTIONS][FM_PAID_CELLS], struct fm_charges *charges,
		const struct fm_exchanges *e, const struct fm_paid_opts *o, const struct fm_secret *key,
		struct fm_error *err)
{
	uint32_t *unit = NULL, *cell = NULL;
	struct fm_counts *counts = NULL;
	struct fm_items items;
	struct fm_unit exchange;
	int rc;

	memset(noisy, 0, FM_PAID_QUESTIONS * sizeof *noisy);
	if ((rc = fm_unit_set(&exchange, FM_EXCHANGE_FLOWS, o->replaced, err)) < 0 ||
	    (rc = fm_counts_open(&counts, key, &exchange, NULL, err)) < 0 ||
	    (rc = fm_alloc(&unit, e->n * FM_EXCHANGE_FLOWS + 1, sizeof *unit, "flows by exchange", err)) < 0 ||
	    (rc = fm_alloc(&cell, e->n * FM_EXCHANGE_FLOWS + 1, sizeof *cell, "flows by cell", err)) < 0)
		goto out;
	items = fm_items_parts(&exchange, flows_of(e, unit), unit, e->n);
	for (int f = 0; f < FM_PAID_QUESTIONS; f++) {
		char name[FM_CHARGE_NAME];
		struct fm_query q = {name, &items, fm_paid_sigma(o)};

		if (!fm_paid_asks(o, f))
			continue;
		snprintf(name, sizeof name, "holdout %s", fm_paid_name[f]);
		cells_of(cell, f, e, o);
		if ((rc = fm_counts_histogram(counts, &q, (struct fm_values){cell, fm_paid_cells(o, f)}, noisy[f],
					      err)) < 0)
			goto out;
	}
	rc = fm_charges_append(charges, fm_counts_charges(counts), err);
out:
	fm_counts_close(counts);
	free(unit);
	free(cell);
	return rc;
}

void fm_paid_count(uint64_t count[FM_PAID_QUESTIONS][FM_PAID_CELLS], const struct fm_exchanges *e,
		   const struct fm_paid_opts *o)
{
	memset(count, 0, FM_PAID_QUESTIONS * sizeof *count);
	for (int f = 0; f < FM_PAID_QUESTIONS; f++)
		for (size_t i = 0; fm_paid_asks(o, f) && i < e->n; i++)
			for (int k = 0; k < e->list[i].nflows; k++)
				count[f][cell_of(f, &e->list[i], &e->list[i].flow[k], o)]++;
}
