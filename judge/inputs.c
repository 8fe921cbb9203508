#include "judge/inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/rows.h"

enum { MOST_PROTOCOLS = 64, LETTERS = 8, PORTS = 16, ALL_PORTS = 65536, STEPS = 24 };
#define LIMIT 10.0f /* standard deviations */

/* The letters that collectors write for TCP flags. */
static const char letters[LETTERS + 1] = "UAPRSFEC";

struct fm_inputs {
	const struct fm_table *real;
	unsigned present, what;
	double first, span; /* of real's times, milliseconds */
	size_t protocols, width;
	uint16_t port[2][PORTS]; /* the most frequent of sp and of dp */
	size_t ports[2];
};

static int has(const struct fm_inputs *f, enum fm_col c)
{
	return (f->present >> c) & 1u;
}

/* Time since the first flow as a double: exact for times less than 2^53 ms after it. */
static double since(int64_t te, double first)
{
	return (double)te - first;
}

static size_t count_width(const struct fm_inputs *f)
{
	size_t w = 2 * (size_t)has(f, FM_SP) + 2 * (size_t)has(f, FM_DP) + (size_t)has(f, FM_TD) +
		   (size_t)has(f, FM_PKT) + (size_t)has(f, FM_PR) * f->protocols;

	if (f->what & FM_INPUTS_BYTES)
		w += (size_t)has(f, FM_BYT) + (size_t)(has(f, FM_BYT) && has(f, FM_PKT));
	if (f->what & (FM_INPUTS_TIME | FM_INPUTS_COARSE_TIME))
		w += (size_t)has(f, FM_TE);
	if (f->what & FM_INPUTS_LABEL)
		w += (size_t)has(f, FM_LABEL);
	if (f->what & FM_INPUTS_FLAGS)
		w += (size_t)has(f, FM_FWD) + (size_t)has(f, FM_STOS) + (size_t)has(f, FM_FLG) * LETTERS;
	if (f->what & FM_INPUTS_PORTS)
		w += f->ports[0] + f->ports[1];
	return w;
}

/* The most frequent values of a port column of real, ties to the smaller port. */
static int find_ports(struct fm_inputs *f, int k, enum fm_col c, struct fm_error *err)
{
	const uint16_t *v = f->real->col[c];
	uint32_t *count = NULL;
	int rc;

	if ((rc = fm_alloc(&count, ALL_PORTS, sizeof *count, "port counts", err)) < 0)
		return rc;
	for (size_t i = 0; i < f->real->rows; i++)
		count[v[i]]++;
	for (; f->ports[k] < PORTS; f->ports[k]++) {
		uint32_t best = 0;
		for (uint32_t p = 1; p < ALL_PORTS; p++)
			best = count[p] > count[best] ? p : best;
		if (count[best] == 0)
			break;
		f->port[k][f->ports[k]] = (uint16_t)best;
		count[best] = 0;
	}
	free(count);
	return FM_OK;
}

int fm_inputs_new(struct fm_inputs **out, const struct fm_table *real, unsigned present, unsigned what,
		  struct fm_error *err)
{
	struct fm_inputs *f = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&f, 1, sizeof *f, "features", err)) < 0)
		return rc;
	f->real = real;
	f->present = present & real->present;
	f->what = what;
	f->span = 1.0;
	if (has(f, FM_TE) && real->rows > 0) {
		int64_t lo = real->te[0], hi = lo;
		for (size_t i = 1; i < real->rows; i++) {
			lo = real->te[i] < lo ? real->te[i] : lo;
			hi = real->te[i] > hi ? real->te[i] : hi;
		}
		f->first = (double)lo;
		f->span = hi > lo ? (double)hi - (double)lo : 1.0;
	}
	f->protocols = real->dict[FM_PR].n < MOST_PROTOCOLS ? real->dict[FM_PR].n : MOST_PROTOCOLS;
	for (int k = 0; k < 2 && what & FM_INPUTS_PORTS; k++)
		if (has(f, k ? FM_DP : FM_SP) && (rc = find_ports(f, k, k ? FM_DP : FM_SP, err)) < 0) {
			free(f);
			return rc;
		}
	f->width = count_width(f);
	*out = f;
	return FM_OK;
}

size_t fm_inputs_width(const struct fm_inputs *f)
{
	return f->width;
}

void fm_inputs_free(struct fm_inputs *f)
{
	free(f);
}

/* ---- categories as numbers ---- */

/* The value as a number where it is one, else its code in real's dictionary. */
static int as_numbers(const struct fm_inputs *f, const struct fm_table *t, enum fm_col c, float *number,
		      struct fm_error *err)
{
	const struct fm_dict *d = &t->dict[c];
	uint32_t *code = NULL;
	int rc;

	if ((rc = fm_alloc(&code, d->n ? d->n : 1, sizeof *code, "category codes", err)) < 0)
		return rc;
	if ((rc = fm_dict_match(&f->real->dict[c], d, code, err)) < 0)
		goto out;
	for (size_t i = 0; i < d->n; i++) {
		uint64_t v;
		int plain = c != FM_LABEL && fm_parse_u64(d->value[i], strlen(d->value[i]), 1u << 20, &v) == 0;
		/* all values that real does not have get one code */
		size_t known = code[i] < f->real->dict[c].n ? code[i] : f->real->dict[c].n;
		number[i] = plain ? (float)v : (float)known;
	}
out:
	free(code);
	return rc;
}

/* Look-up tables for one pass over a table's rows: the protocol column, number and flags of each category. */
struct codes {
	uint32_t *protocol;
	float *label, *fwd, *stos;
	uint8_t *flags;
};

static void codes_free(struct codes *k)
{
	free(k->protocol);
	free(k->label);
	free(k->fwd);
	free(k->stos);
	free(k->flags);
}

static int codes_make(struct codes *k, const struct fm_inputs *f, const struct fm_table *t, struct fm_error *err)
{
	const struct {
		enum fm_col c;
		float **number;
	} numbered[] = {{FM_LABEL, &k->label}, {FM_FWD, &k->fwd}, {FM_STOS, &k->stos}};
	int rc;

	*k = (struct codes){0};
	if (has(f, FM_PR)) {
		const struct fm_dict *d = &t->dict[FM_PR];
		if ((rc = fm_alloc(&k->protocol, d->n ? d->n : 1, sizeof *k->protocol, "protocol codes", err)) < 0 ||
		    (rc = fm_dict_match(&f->real->dict[FM_PR], d, k->protocol, err)) < 0)
			return rc;
	}
	for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) {
		size_t n = t->dict[numbered[i].c].n;
		if (!has(f, numbered[i].c))
			continue;
		if ((rc = fm_alloc(numbered[i].number, n ? n : 1, sizeof(float), "category numbers", err)) < 0 ||
		    (rc = as_numbers(f, t, numbered[i].c, *numbered[i].number, err)) < 0)
			return rc;
	}
	if (has(f, FM_FLG)) {
		const struct fm_dict *d = &t->dict[FM_FLG];
		if ((rc = fm_alloc(&k->flags, d->n ? d->n : 1, sizeof *k->flags, "flags", err)) < 0)
			return rc;
		for (size_t i = 0; i < d->n; i++)
			for (int b = 0; b < LETTERS; b++)
				if (strchr(d->value[i], letters[b]))
					k->flags[i] |= (uint8_t)(1u << b);
	}
	return FM_OK;
}

/* With columns for the frequent ports the others become ranges, so that the port of a single scan is not learned by
 * heart. */
static float port_number(const struct fm_inputs *f, uint16_t port)
{
	return (float)(f->what & FM_INPUTS_PORTS && port >= 1024 ? port / 1024 * 1024 : port);
}

static void fill_row(const struct fm_inputs *f, const struct codes *k, const struct fm_table *t, size_t i, float *x)
{
	double pkt = has(f, FM_PKT) ? (double)t->pkt[i] : 1.0, byt = has(f, FM_BYT) ? (double)t->byt[i] : 0.0;

	if (has(f, FM_SP))
		*x++ = port_number(f, t->sp[i]);
	if (has(f, FM_DP))
		*x++ = port_number(f, t->dp[i]);
	if (has(f, FM_SP))
		*x++ = t->sp[i] < 1024;
	if (has(f, FM_DP))
		*x++ = t->dp[i] < 1024;
	if (has(f, FM_TD))
		*x++ = (float)log1p((double)t->td[i]);
	if (has(f, FM_PKT))
		*x++ = (float)log1p(pkt);
	if (f->what & FM_INPUTS_BYTES && has(f, FM_BYT)) {
		*x++ = (float)log1p(byt);
		if (has(f, FM_PKT))
			*x++ = (float)log1p(byt / fmax(pkt, 1.0));
	}
	if (f->what & (FM_INPUTS_TIME | FM_INPUTS_COARSE_TIME) && has(f, FM_TE)) {
		double place = since(t->te[i], f->first) / f->span;
		*x++ = (float)(f->what & FM_INPUTS_TIME ? place : floor(STEPS * place) / STEPS);
	}
	if (has(f, FM_PR)) {
		for (size_t p = 0; p < f->protocols; p++)
			x[p] = 0;
		if (k->protocol[t->pr[i]] < f->protocols)
			x[k->protocol[t->pr[i]]] = 1;
		x += f->protocols;
	}
	if (f->what & FM_INPUTS_LABEL && has(f, FM_LABEL))
		*x++ = k->label[t->label[i]];
	if (f->what & FM_INPUTS_FLAGS) {
		if (has(f, FM_FWD))
			*x++ = k->fwd[t->fwd[i]];
		if (has(f, FM_STOS))
			*x++ = k->stos[t->stos[i]];
		for (int b = 0; has(f, FM_FLG) && b < LETTERS; b++)
			*x++ = (float)((k->flags[t->flg[i]] >> b) & 1);
	}
	for (int c = 0; c < 2; c++) /* none without FM_INPUTS_PORTS */
		for (size_t p = 0; p < f->ports[c]; p++)
			*x++ = (float)((c ? t->dp[i] : t->sp[i]) == f->port[c][p]);
}

int fm_inputs_fill(const struct fm_inputs *f, const struct fm_table *t, const uint32_t *row, size_t n, float *x,
		   struct fm_error *err)
{
	struct codes k;
	int rc;

	if ((rc = codes_make(&k, f, t, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		fill_row(f, &k, t, row ? row[i] : i, x + i * f->width);
out:
	codes_free(&k);
	return rc;
}

/* ---- standardising ---- */

void fm_scale_make(struct fm_scale *s, const float *x, size_t n, size_t width)
{
	for (size_t k = 0; k < width; k++) {
		double mean = 0, square = 0;
		for (size_t i = 0; i < n; i++)
			mean += (double)x[i * width + k] / (double)n;
		for (size_t i = 0; i < n; i++)
			square += ((double)x[i * width + k] - mean) * ((double)x[i * width + k] - mean) / (double)n;
		s->mean[k] = (float)mean;
		s->sd[k] = square > 1e-12 ? (float)sqrt(square) : 1.0f;
	}
}

void fm_scale_apply(const struct fm_scale *s, float *x, size_t n, size_t width)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < width; k++) {
			float z = (x[i * width + k] - s->mean[k]) / s->sd[k];
			x[i * width + k] = fminf(LIMIT, fmaxf(-LIMIT, z));
		}
}
