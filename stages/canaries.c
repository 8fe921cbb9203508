#include "stages/canaries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/marginals/records.h"
#include "model/ranges.h"
#include "privacy/stream.h"

struct making {
	struct fm_table *t;
	const struct fm_config *cfg;
	struct fm_stream *s;
	struct fm_range inside, outside;
	size_t n, each; /* exchanges or windows that are made, and rows of one */
	int64_t first_s, last_s;
	const char *label[FM_LABELS_MAX];
	int nlabels;
	char labels[FM_CFG_STR];
};

static int word(struct making *k, enum fm_col c, size_t row, const char *text, struct fm_error *err)
{
	int code;

	if (!FM_HAS(k->t, c))
		return FM_OK;
	if ((code = fm_dict_index(&k->t->dict[c], text, strlen(text), true)) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory: canaries");
	((uint16_t *)k->t->col[c])[row] = (uint16_t)code;
	return FM_OK;
}

/* An address for canary i alone: a random one in the i-th of n parts of the range. */
static int fresh(struct making *k, struct fm_range r, size_t i, bool inside, uint32_t *code, struct fm_error *err)
{
	uint64_t part = (UINT64_C(1) << (32 - r.bits)) / k->n;
	struct fm_address a = fm_address_of_ipv4((uint32_t)(r.base + i * part + fm_stream_below(k->s, part)));

	return fm_address_dict_add(k->t->addresses, &a, inside, code, err);
}

/* A random number of up to `bits` bits; each length in bits is equally likely. */
static uint64_t any_size(struct fm_stream *s, unsigned bits)
{
	return fm_stream_bits(s, (unsigned)fm_stream_below(s, bits + 1));
}

static int make_flow(struct making *k, size_t row, const char *protocol, struct fm_error *err)
{
	static const char letter[] = "UAPRSF";
	struct fm_table *t = k->t;
	char flags[8] = ".A....", tos[8];
	uint64_t packets = 1 + any_size(k->s, 12);
	int rc;

	if (strcmp(protocol, "TCP") == 0)
		for (int i = 0; i < 6; i++)
			flags[i] = fm_stream_bit(k->s) ? letter[i] : '.';
	snprintf(tos, sizeof tos, "%u", (unsigned)fm_stream_below(k->s, 256));
	if (FM_HAS(t, FM_TD))
		t->td[row] = (uint32_t)any_size(k->s, 16);
	if (FM_HAS(t, FM_PKT))
		t->pkt[row] = packets;
	if (FM_HAS(t, FM_BYT))
		t->byt[row] = packets * (40 + fm_stream_below(k->s, 1400));
	if ((rc = word(k, FM_PR, row, protocol, err)) < 0 || (rc = word(k, FM_FLG, row, flags, err)) < 0 ||
	    (rc = word(k, FM_FWD, row, "0", err)) < 0 || (rc = word(k, FM_STOS, row, tos, err)) < 0)
		return rc;
	return word(k, FM_LABEL, row, k->label[fm_stream_below(k->s, (uint64_t)k->nlabels)], err);
}

/* The exchanges of a canary behind its first: the same flows of another port inside. */
static void repeat(struct making *k, size_t at)
{
	struct fm_table *t = k->t;

	for (size_t f = FM_CANARY_FLOWS; f < k->each; f++) {
		size_t row = at + f, as = row - FM_CANARY_FLOWS;

		for (int c = 0; c < FM_NCOL; c++)
			if (FM_HAS(t, c))
				memcpy((char *)t->col[c] + row * fm_cols[c].width,
				       (const char *)t->col[c] + as * fm_cols[c].width, fm_cols[c].width);
		uint16_t *port = fm_table_inside(t, t->sa[row]) ? &t->sp[row] : &t->dp[row];
		*port = *port < 65535 ? *port + 1 : 1024;
	}
}

/* Canary i, as the rows from `at` on. */
static int make_canary(struct making *k, size_t i, size_t at, struct fm_error *err)
{
	struct fm_table *t = k->t;
	const char *protocol = fm_protocol_names[fm_stream_below(k->s, FM_PROTOCOLS - 1)];
	int64_t second = k->first_s + (int64_t)fm_stream_below(k->s, (uint64_t)(k->last_s - k->first_s + 1)),
		minute = second - second % 60;
	uint32_t end[2];
	uint16_t port[2] = {(uint16_t)(1024 + fm_stream_below(k->s, 64512)),
			    (uint16_t)(1 + fm_stream_below(k->s, 65535))};
	unsigned first = fm_stream_bit(k->s);
	int rc;

	if ((rc = fresh(k, k->inside, i, true, &end[0], err)) < 0 ||
	    (rc = fresh(k, k->outside, i, false, &end[1], err)) < 0)
		return rc;
	for (size_t f = 0; f < FM_CANARY_FLOWS; f++) {
		size_t row = at + f, from = (first + f) % 2;

		if (FM_HAS(t, FM_TE))
			t->te[row] = (f ? minute + (int64_t)fm_stream_below(k->s, 60) : second) * 1000;
		t->sa[row] = end[from];
		t->da[row] = end[!from];
		t->sp[row] = port[from];
		t->dp[row] = port[!from];
		if ((rc = make_flow(k, row, protocol, err)) < 0)
			return rc;
	}
	repeat(k, at);
	return FM_OK;
}

/* The public facts of the trace, its period and labels; and the ranges of fresh addresses. */
static int read_config(struct making *k, struct fm_error *err)
{
	const struct fm_config *cfg = k->cfg;
	struct fm_range inside[FM_CFG_MAXRANGES], outside[FM_CFG_MAXRANGES];
	int64_t first = 0, last = 0;
	int ninside, noutside, rc;

	if ((rc = fm_ranges(inside, &ninside, cfg, FM_SIDE_INSIDE, err)) < 0 ||
	    (rc = fm_ranges(outside, &noutside, cfg, 0, err)) < 0)
		return rc;
	if (UINT64_C(1) << (32 - inside[0].bits) < k->n || UINT64_C(1) << (32 - outside[0].bits) < k->n)
		return fm_fail(err, FM_EINPUT,
			       "generate.inside and generate.outside: the first range of each must hold %zu addresses, "
			       "one for each exchange that the audit makes up",
			       k->n);
	if ((rc = fm_config_public_period(cfg, &first, &last, err)) < 0)
		return rc;
	k->inside = inside[0];
	k->outside = outside[0];
	k->first_s = first / 1000;
	k->last_s = (last - 1) / 1000;
	k->nlabels = fm_config_public_labels(cfg, k->labels, k->label, FM_LABELS_MAX);
	return k->nlabels ? FM_OK : fm_fail(err, FM_EINPUT, "privacy.labels names no label");
}

/* The canaries from the one of that number on, as many as t has room for. */
static int make_some(struct making *k, struct fm_table **t, size_t from, size_t n, unsigned present,
		     struct fm_error *err)
{
	int rc;

	k->t = NULL;
	if ((rc = fm_table_new(&k->t, present, err)) < 0 || (rc = fm_table_reserve(k->t, n * k->each, err)) < 0 ||
	    (rc = fm_address_dict_new(&k->t->addresses, err)) < 0)
		goto out;
	for (int c = 0; c < FM_NCOL; c++) /* the store's own columns are 0 */
		if (FM_HAS(k->t, c))
			memset(k->t->col[c], 0, n * k->each * fm_cols[c].width);
	for (size_t i = 0; i < n; i++) {
		fm_stream_at(k->s, from + i);
		if ((rc = make_canary(k, from + i, i * k->each, err)) < 0)
			goto out;
	}
	k->t->rows = n * k->each;
out:
	if (rc < 0)
		fm_table_free(k->t);
	else
		*t = k->t;
	return rc;
}

int fm_canaries_make(struct fm_table **t, struct fm_table **instead, size_t n, unsigned present,
		     const struct fm_config *cfg, const struct fm_secret *key, struct fm_error *err)
{
	struct making k = {.cfg = cfg, .n = fm_config_unit_flow(cfg) ? 2 * n : n, .each = fm_canary_rows(cfg)};
	int rc;

	*t = *instead = NULL;
	if ((rc = read_config(&k, err)) < 0 || (rc = fm_stream_open(&k.s, key, "audit/canaries", 0, err)) < 0 ||
	    (rc = make_some(&k, t, 0, n, present, err)) < 0 ||
	    (k.n > n && (rc = make_some(&k, instead, n, n, present, err)) < 0))
		goto out;
	rc = fm_stream_check(k.s, err);
out:
	fm_stream_close(k.s);
	if (rc < 0) {
		fm_table_free(*t);
		fm_table_free(*instead);
		*t = *instead = NULL;
	}
	return rc;
}

/* ---- the most similar flow ---- */

/* A flow as numbers that can be compared between tables. */
struct looks {
	int protocol;
	uint16_t port[2];
	uint32_t duration;
	uint64_t packets, bytes;
	int64_t minute;
};

static int protocol_of(const struct fm_table *t, size_t row)
{
	const char *name = FM_HAS(t, FM_PR) ? fm_table_category(t, FM_PR, row) : "";

	for (int p = 0; p < FM_PROTOCOLS; p++)
		if (strcmp(name, fm_protocol_names[p]) == 0)
			return p;
	return FM_PROTOCOLS;
}

static struct looks looks_of(const struct fm_table *t, size_t row)
{
	return (struct looks){.protocol = protocol_of(t, row),
			      .port = {t->sp[row], t->dp[row]},
			      .duration = FM_HAS(t, FM_TD) ? t->td[row] : 0,
			      .packets = FM_HAS(t, FM_PKT) ? t->pkt[row] : 0,
			      .bytes = FM_HAS(t, FM_BYT) ? t->byt[row] : 0,
			      .minute = FM_HAS(t, FM_TE) ? t->te[row] / 60000 : 0};
}

/* How many fields agree; the rarer a value is, the more it tells. */
static unsigned likeness(const struct looks *a, const struct looks *b)
{
	return (unsigned)((a->protocol == b->protocol) + 4 * (a->port[0] == b->port[0]) +
			  4 * (a->port[1] == b->port[1]) + 2 * (a->duration == b->duration) +
			  2 * (a->packets == b->packets) + 4 * (a->bytes == b->bytes) + (a->minute == b->minute));
}

int fm_canaries_nearest(const struct fm_table *canary, size_t n, const struct fm_table *t, double sign, double *score,
			struct fm_error *err)
{
	struct looks *all = NULL;
	int rc;

	if ((rc = fm_alloc(&all, t->rows + 1, sizeof *all, "synthetic flows", err)) < 0)
		return rc;
	for (size_t j = 0; j < t->rows; j++)
		all[j] = looks_of(t, j);
	for (size_t i = 0; i < n; i++) {
		double sum = 0;

		for (size_t f = 0; f < FM_CANARY_FLOWS; f++) {
			struct looks l = looks_of(canary, i * (canary->rows / n) + f);
			unsigned most = 0;

			for (size_t j = 0; j < t->rows; j++) {
				unsigned like = likeness(&l, &all[j]);

				most = like > most ? like : most;
			}
			sum += most;
		}
		score[i] += sign * sum;
	}
	free(all);
	return FM_OK;
}
