/* calibration_fine.c - contexts of ports by outline, of hosts by chain, and of sizes by service. */
#include "model/diffusion/calibration_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int fm_calibration_kind(const uint16_t *tok, int row, int window)
{
	const uint16_t *flow = tok + (size_t)row * FM_NTOK;
	int back, kind = fm_rel_kind(flow[FM_T_REL], window, &back);

	return kind < FM_NRELATIONS ? kind : FM_ROLE_RELATION(flow[FM_T_ROLE]);
}

enum fm_way fm_calibration_way(const uint16_t *tok, int row, int window)
{
	uint8_t way[FM_WINDOW_MOST];

	fm_relations_ways(tok, window, window, way);
	return (enum fm_way)way[row];
}

int fm_calibration_followed(const uint16_t *tok, int row, int window)
{
	bool of[FM_WINDOW_MOST] = {false};
	int n = 0, size = 0, first = FM_RELATION_NONE;

	of[row] = true;
	for (int i = row + 1; i < window; i++) {
		int back, kind = fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], window, &back);
		if (kind == FM_RELATION_NONE || kind == FM_RELATION_REPLY || kind >= FM_NRELATIONS || back > i ||
		    !of[i - back])
			continue;
		of[i] = true;
		first = n++ == 0 ? kind : first;
	}
	for (; n > 0 && size < FM_FOLLOWERS; n /= 2)
		size++;
	return size + (first == FM_RELATION_SOURCE || first == FM_RELATION_SERVE ? FM_FOLLOWERS : 0);
}

int fm_calibration_copies(const uint16_t *tok, int row, int window, int c)
{
	bool has[FM_WINDOW_MOST] = {false};
	int n = 1;

	if (fm_relation_source(FM_RELATION_REPLY, c) < 0)
		return 1;
	has[row] = true;
	for (int i = row + 1; i < window; i++) {
		int back, kind = fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], window, &back);
		has[i] = kind < FM_NRELATIONS && back <= i && has[i - back] && fm_relation_source(kind, c) == c;
		n += has[i];
	}
	return n;
}

static bool host(int c)
{
	return c == FM_T_SA || c == FM_T_DA;
}

static bool port(int c)
{
	return c == FM_T_SP || c == FM_T_DP;
}

static bool size(int c)
{
	return c == FM_T_FLG || c == FM_T_STOS || c == FM_T_PKT || c == FM_T_TD || c == FM_T_BPP;
}

static int values_of(const struct fm_calibration *k, int c)
{
	return k->codec->vocab[c] > 1 ? k->codec->vocab[c] : 1;
}

/* The place of a flow's service in k->service: protocol, and the lower of its ports; -1: not all of these show. */
static int place_of_service(const struct fm_calibration *k, const uint16_t *flow)
{
	int P = values_of(k, FM_T_PR), S = values_of(k, FM_T_SP), D = values_of(k, FM_T_DP);
	int pr = flow[FM_T_PR], sp = flow[FM_T_SP], dp = flow[FM_T_DP];

	if (pr >= P || sp >= S || dp >= D)
		return -1;
	int64_t source = fm_num_decode(&k->codec->num[FM_R_SP], sp, 0.5),
		to = fm_num_decode(&k->codec->num[FM_R_DP], dp, 0.5);
	return pr * (S + D) + (source == 0 || to <= source ? dp : D + sp);
}

/* The relation of the first later flow that is related to row `row` of a window, replies left out. */
static int first_follower(const uint16_t *tok, int row, int window)
{
	for (int i = row + 1; i < window; i++) {
		int back, kind = fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], window, &back);
		if (back == i - row && kind > FM_RELATION_REPLY && kind < FM_NRELATIONS)
			return kind;
	}
	return FM_RELATION_NONE;
}

/* The reply to row `row` of a window, or -1. */
static int reply_of(const uint16_t *tok, int row, int window)
{
	for (int i = row + 1; i < window; i++) {
		int back;
		if (fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], window, &back) == FM_RELATION_REPLY &&
		    back == i - row)
			return i;
	}
	return -1;
}

/* The place of the outline of row `row` in k->outline: protocol, direction, the way it goes, how it is related, and how
 * the first flow is that is related to it or, where there is none, to its reply; -1: not all of it shows. */
static int place_of_outline(const struct fm_calibration *k, const uint16_t *tok, int row, int window)
{
	const uint16_t *flow = tok + (size_t)row * FM_NTOK;
	int P = values_of(k, FM_T_PR), D = values_of(k, FM_T_DIR), kind = fm_calibration_kind(tok, row, window);

	if (flow[FM_T_PR] >= P || flow[FM_T_DIR] >= D || kind >= FM_NRELATIONS)
		return -1;
	int first = first_follower(tok, row, window), reply = first ? -1 : reply_of(tok, row, window);
	if (reply >= 0)
		first = FM_NRELATIONS + first_follower(tok, reply, window);
	int way = (flow[FM_T_PR] * D + flow[FM_T_DIR]) * FM_WAYS + (int)fm_calibration_way(tok, row, window);
	return (way * FM_NRELATIONS + kind) * 2 * FM_NRELATIONS + first;
}

/* The place of the chain of row `row` in k->chain: how it is related, whether it is answered, the way it goes, and how
 * many flows follow it; -1: not all of it shows. */
static int place_of_chain(const uint16_t *tok, int row, int window)
{
	int role = tok[(size_t)row * FM_NTOK + FM_T_ROLE], kind = fm_calibration_kind(tok, row, window);

	if (role >= FM_ROLE_TOKENS || kind >= FM_NRELATIONS)
		return -1;
	int followed = role & FM_ROLE_FOLLOWED ? fm_calibration_followed(tok, row, window) : 0,
	    way = (kind * 2 + (role & FM_ROLE_ANSWERED)) * FM_WAYS + (int)fm_calibration_way(tok, row, window);
	return way * (FM_FOLLOWERS + 1) + (followed > FM_FOLLOWERS ? followed - FM_FOLLOWERS : followed);
}

size_t fm_calibration_services(const struct fm_calibration *k)
{
	return (size_t)values_of(k, FM_T_PR) * (size_t)(values_of(k, FM_T_SP) + values_of(k, FM_T_DP));
}

size_t fm_calibration_outlines(const struct fm_calibration *k)
{
	return (size_t)values_of(k, FM_T_PR) * (size_t)values_of(k, FM_T_DIR) * FM_WAYS * FM_NRELATIONS * 2 *
	       FM_NRELATIONS;
}

int fm_calibration_fine_context(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c)
{
	if (k->fine[c] == 0)
		return -1;
	int at = port(c)   ? place_of_outline(k, tok, row, window)
		 : host(c) ? place_of_chain(tok, row, window)
			   : place_of_service(k, tok + (size_t)row * FM_NTOK);
	const uint16_t *context = port(c) ? k->outline : host(c) ? k->chain : k->service;
	return at < 0 || context[at] == FM_NO_CONTEXT ? -1 : context[at];
}

int fm_calibration_fine_room(struct fm_calibration *k, struct fm_error *err)
{
	int rc;

	for (int c = 0; c < FM_NTOK; c++) {
		k->fine[c] = k->width[c] == 0 ? 0
			     : port(c)        ? k->noutlines
			     : host(c)        ? k->nchains
			     : size(c)        ? k->nservices
					      : 0;
		if (k->fine[c] > 0 && (rc = fm_alloc(&k->fine_bias[c], (size_t)k->fine[c] * (size_t)k->width[c],
						     sizeof **k->fine_bias, "a calibration", err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* Number the places that at least min_flows flows have. */
static int number(uint16_t *context, const uint32_t *flows, size_t n, int min_flows)
{
	int found = 0;

	for (size_t i = 0; i < n; i++)
		if (flows[i] >= (uint32_t)min_flows && found < FM_NO_CONTEXT)
			context[i] = (uint16_t)found++;
	return found;
}

static int count_contexts(struct fm_calibration *k, const struct fm_encoded *e, int min_flows, struct fm_error *err)
{
	int W = k->codec->window, rc;
	uint32_t *service = NULL, *outline = NULL, chain[FM_CHAINS] = {0};

	if ((rc = fm_alloc(&service, fm_calibration_services(k), sizeof *service, "a calibration", err)) < 0 ||
	    (rc = fm_alloc(&outline, fm_calibration_outlines(k), sizeof *outline, "a calibration", err)) < 0)
		goto out;
	for (size_t r = 0; r < e->windows * (size_t)W; r++) {
		const uint16_t *tok = e->tok + (r - r % (size_t)W) * FM_NTOK;
		int at = place_of_service(k, e->tok + r * FM_NTOK),
		    place = place_of_outline(k, tok, (int)(r % (size_t)W), W);
		if (at >= 0)
			service[at]++;
		if (place >= 0)
			outline[place]++;
		int row = (int)(r % (size_t)W), link = place_of_chain(tok, row, W);
		int c = fm_relation_source(fm_calibration_kind(tok, row, W), FM_T_SA) < 0 ? FM_T_SA : FM_T_DA;
		if (link >= 0 && fm_relation_source(fm_calibration_kind(tok, row, W), c) < 0) /* it draws a host */
			chain[link] += (uint32_t)fm_calibration_copies(tok, row, W, c);
	}
	k->nservices = number(k->service, service, fm_calibration_services(k), min_flows);
	k->noutlines = number(k->outline, outline, fm_calibration_outlines(k), min_flows);
	k->nchains = number(k->chain, chain, FM_CHAINS, min_flows);
	rc = fm_calibration_fine_room(k, err);
out:
	free(service);
	free(outline);
	return rc;
}

int fm_calibration_refine(struct fm_calibration *k, const struct fm_codec *codec, const struct fm_encoded *e,
			  int min_flows, struct fm_error *err)
{
	int rc;

	if (k->width[FM_T_SP] == 0 || k->width[FM_T_DP] == 0)
		return FM_OK;
	k->codec = codec;
	if ((rc = fm_alloc(&k->service, fm_calibration_services(k), sizeof *k->service, "a calibration", err)) < 0 ||
	    (rc = fm_alloc(&k->outline, fm_calibration_outlines(k), sizeof *k->outline, "a calibration", err)) < 0 ||
	    (rc = fm_alloc(&k->chain, FM_CHAINS, sizeof *k->chain, "a calibration", err)) < 0)
		return rc;
	for (size_t i = 0; i < fm_calibration_services(k); i++)
		k->service[i] = FM_NO_CONTEXT;
	for (size_t i = 0; i < fm_calibration_outlines(k); i++)
		k->outline[i] = FM_NO_CONTEXT;
	for (size_t i = 0; i < FM_CHAINS; i++)
		k->chain[i] = FM_NO_CONTEXT;
	return e ? count_contexts(k, e, min_flows, err) : FM_OK;
}
