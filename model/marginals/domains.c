#include "model/marginals/domains.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/marginals/domains_internal.h"
#include "model/marginals/grids.h"

const uint32_t fm_tail_at[FM_TAIL_BOUNDS] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128};

/* Weights of the queries; each has sensitivity 1, as a record counts once. */
#define W_PORT_END 0.15 /* twice */
#define W_TIME 0.3
#define W_KIND 0.5
#define W_KIND_COARSE 0.15
#define W_HOSTS 0.5 /* twice */
#define W_CLIENT 0.4
#define W_CLIENT_COARSE 0.1
#define W_SIZE 0.5 /* each way */
#define W_SIZE_COARSE 0.15
#define W_TD 0.4
#define W_TD_COARSE 0.1
#define W_CODES 0.1 /* flags and tos, each way */
#define W_TAIL 0.4  /* twice */

double fm_domain_weight(void)
{
	return 2 * W_PORT_END + W_TIME + W_KIND + W_KIND_COARSE + 2 * W_HOSTS + W_CLIENT + W_CLIENT_COARSE +
	       2 * (W_SIZE + W_SIZE_COARSE + W_TD + W_TD_COARSE + 2 * W_CODES) + 2 * W_TAIL;
}

double fm_discrete_sigma(double continuous)
{
	return sqrt(continuous * continuous + 3);
}

/* What the fit works with. */
struct fit {
	struct fm_domains *d;
	const struct fm_exchanges *e;
	const struct fm_domain_opts *o;
	struct fm_counts *counts;
	struct fm_view *view;
	uint32_t *value;        /* (n) */
	uint64_t *key;          /* (n) */
	int64_t *leaf, *coarse; /* as many as the largest grid has */
	double *width;
};

static double sigma_of(const struct fit *f, double weight)
{
	return fm_discrete_sigma(f->o->scale / sqrt(weight));
}

static int count_values(struct fit *f, const char *name, size_t n, size_t nbins, double weight, int64_t *out,
			struct fm_error *err)
{
	struct fm_items items = fm_items_units(n);
	struct fm_query q = {name, &items, sigma_of(f, weight)};
	int rc;

	if ((rc = fm_counts_histogram(f->counts, &q, (struct fm_values){f->value, nbins}, out, err)) < 0)
		return rc;
	if (f->o->tap)
		f->o->tap(f->o->tap_ctx, name, out, nbins);
	return FM_OK;
}

static uint32_t all_one(uint32_t leaf)
{
	(void)leaf;
	return 0;
}

/* Tokens of services from FM_SERVICE_RANGES on are single ports. */
void fm_domains_popularity(struct fm_domains *d)
{
	const struct fm_axis *a = &d->axis[FM_X_SERVICE];

	memset(d->popularity, 0, sizeof d->popularity);
	for (int k = FM_SERVICE_RANGES; k < a->ntokens; k++)
		if (a->first[k] + 1 == a->first[k + 1])
			d->popularity[a->leaf[a->first[k]]] = fm_axis_mass(a, k);
}

static int fit_ports(struct fit *f, struct fm_error *err)
{
	struct fm_domains *d = f->d;
	double sigma = sigma_of(f, W_PORT_END) * sqrt(2), own = fmax(5 * sigma, 15 * f->o->pair_scale);
	struct fm_axis_in in = {.nleaves = FM_PORTS,
				.ncoarse = FM_SERVICE_RANGES,
				.coarse_of = fm_service_range,
				.leaf = f->leaf,
				.coarse = f->coarse,
				.leaf_sigma = sigma,
				.own = own,
				.most = FM_SERVICE_TOKENS - FM_SERVICE_RANGES};
	int64_t *other = NULL;
	int rc;

	if ((rc = fm_alloc(&other, FM_PORTS, sizeof *other, "counts of ports", err)) < 0)
		return rc;
	for (int end = 0; end < 2; end++) {
		int64_t *to = end ? other : f->leaf;

		for (size_t i = 0; i < f->e->n; i++)
			f->value[i] = f->e->list[i].port[end];
		if ((rc = count_values(f, end ? "port-1" : "port-0", f->e->n, FM_PORTS, W_PORT_END, to, err)) < 0)
			goto out;
	}
	memset(f->coarse, 0, FM_SERVICE_RANGES * sizeof *f->coarse);
	for (uint32_t p = 0; p < FM_PORTS; p++) {
		f->leaf[p] += other[p];
		f->coarse[fm_service_range(p)] += f->leaf[p];
	}
	if ((rc = fm_axis_build(&d->axis[FM_X_SERVICE], &in, err)) >= 0)
		fm_domains_popularity(d);
out:
	free(other);
	return rc;
}

static uint32_t time_block(uint32_t slot)
{
	return slot; /* blocks are made by fit_time */
}

static int fit_time(struct fit *f, struct fm_error *err)
{
	struct fm_domains *d = f->d;
	struct fm_axis *axis = &d->axis[FM_X_TIME];
	int32_t n = d->nslots, blocks = n < 48 ? n : 48;
	struct fm_axis_in in = {.nleaves = (uint32_t)n,
				.ncoarse = (uint32_t)n,
				.row = (uint32_t)n,
				.coarse_of = time_block,
				.leaf = f->leaf,
				.coarse = f->coarse,
				.leaf_sigma = sigma_of(f, W_TIME)};
	int rc;

	for (size_t i = 0; i < f->e->n; i++) {
		int64_t slot = (int64_t)f->e->list[i].slot - d->first_slot;

		f->value[i] = (uint32_t)(slot < 0 ? 0 : slot >= n ? n - 1 : slot);
	}
	if ((rc = count_values(f, "time", f->e->n, (size_t)n, W_TIME, f->leaf, err)) < 0)
		return rc;
	/* Equal blocks of slots: a public division. */
	in.own = 1e18;
	in.join = 1;
	for (int32_t s = 0; s < n; s++)
		f->coarse[s] = (int64_t)(s + 1) * blocks / n != (int64_t)s * blocks / n;
	if ((rc = fm_axis_build(axis, &in, err)) < 0)
		return rc;
	for (int k = 0; k < axis->ntokens; k++) {
		double run = 0;

		for (uint32_t j = axis->first[k]; j < axis->first[k + 1]; j++) {
			run += f->leaf[axis->leaf[j]] > 0 ? (double)f->leaf[axis->leaf[j]] : 0;
			axis->cum[j] = run;
		}
	}
	return FM_OK;
}

static int fit_hosts(struct fit *f, int role, struct fm_error *err)
{
	struct fm_hosts_above *h = &f->d->hosts[role];
	struct fm_items items = fm_items_units(f->e->n);
	struct fm_query q = {role ? "clients" : "servers", &items, sigma_of(f, W_HOSTS)};
	struct fm_keys keys = {0};
	uint64_t *order = NULL;
	int rc, top, groups;

	for (size_t i = 0; i < f->e->n; i++)
		f->key[i] = f->e->list[i].host[role ? !f->view[i].server : f->view[i].server];
	if ((rc = fm_counts_keys(f->counts, &q, f->key, f->o->key_delta, &keys, err)) < 0)
		return rc;
	h->n = (int)keys.n;
	if ((rc = fm_alloc(&h->ip, keys.n + 1, sizeof *h->ip, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&h->count, keys.n + 1, sizeof *h->count, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&h->inside, keys.n + 1, sizeof *h->inside, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&h->token, keys.n + 1, sizeof *h->token, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&h->by_ip, keys.n + 1, sizeof *h->by_ip, "hosts", err)) < 0 ||
	    (rc = fm_alloc(&order, keys.n + 1, sizeof *order, "hosts", err)) < 0)
		goto out;
	/* Order by falling count, then by address: a sort of (count, place). */
	for (size_t i = 0; i < keys.n; i++)
		order[i] = ((uint64_t)(INT32_MAX - keys.list[i].count) << 32) | i;
	qsort(order, keys.n, sizeof *order, fm_compare_u64);
	top = 64;
	groups = 0;
	for (size_t r = 0; r < keys.n; r++) {
		size_t place = (uint32_t)order[r];

		h->ip[r] = (uint32_t)keys.list[place].key;
		h->count[r] = (double)keys.list[place].count;
		h->inside[r] = f->o->inside && f->o->inside(f->o->ctx, h->ip[r]);
		h->by_ip[place] = (uint32_t)r;
		if ((int)r < top) {
			h->token[r] = (uint16_t)r;
		} else {
			/* Two groups per octave of ranks, by side. */
			int g = (int)fm_octave_cell(r, 1) - (int)fm_octave_cell((uint64_t)top, 1);

			h->token[r] = (uint16_t)(top + 2 * g + h->inside[r]);
			groups = g + 1;
		}
	}
	h->ntokens = top + 2 * groups + 2;
out:
	free(order);
	fm_keys_free(&keys);
	return rc;
}

static int fit_same(struct fm_domains *d, struct fm_error *err)
{
	int rc = FM_OK;

	for (int r = 0; r < 2; r++) {
		struct fm_hosts_above *h = &d->hosts[r];

		if ((rc = fm_alloc(&h->same, (size_t)h->n + 1, sizeof *h->same, "hosts", err)) < 0)
			return rc;
		for (int i = 0; i < h->n; i++)
			h->same[i] = fm_hosts_place(&d->hosts[!r], h->ip[i]);
	}
	return rc;
}

static uint32_t kind_coarse(uint32_t leaf)
{
	struct fm_kind_parts k = fm_kind_parts(leaf);
	uint32_t service = k.service < 2 ? (uint32_t)k.service : k.service < FM_SERVICE_RANGES ? 2 : 3;
	uint32_t side = leaf / FM_PATTERNS % 4, pattern = leaf % FM_PATTERNS;

	return (((uint32_t)k.proto * 4 + service) * 4 + side) * FM_PATTERNS + pattern;
}

#define KIND_COARSE (FM_PROTOCOLS * 16 * FM_PATTERNS)

static int fit_kinds(struct fit *f, struct fm_error *err)
{
	struct fm_domains *d = f->d;
	const struct fm_axis *s = &d->axis[FM_X_SERVICE];
	double popularity[FM_SERVICE_TOKENS] = {0}, sum[4] = {0};
	struct fm_axis_in in = {.nleaves = FM_KIND_LEAVES,
				.ncoarse = KIND_COARSE,
				.row = FM_PATTERNS,
				.coarse_of = kind_coarse,
				.width = f->width,
				.leaf = f->leaf,
				.coarse = f->coarse,
				.leaf_sigma = sigma_of(f, W_KIND),
				.coarse_sigma = sigma_of(f, W_KIND_COARSE),
				.own = 30 * f->o->pair_scale,
				.join = 15 * f->o->pair_scale,
				.most = 420};
	int rc;

	for (size_t i = 0; i < f->e->n; i++)
		f->value[i] = fm_kind_leaf(d, &f->e->list[i], &f->view[i]);
	if ((rc = count_values(f, "kind", f->e->n, FM_KIND_LEAVES, W_KIND, f->leaf, err)) < 0)
		return rc;
	for (size_t i = 0; i < f->e->n; i++)
		f->value[i] = kind_coarse(f->value[i]);
	if ((rc = count_values(f, "kind-coarse", f->e->n, KIND_COARSE, W_KIND_COARSE, f->coarse, err)) < 0)
		return rc;
	/* Leaves of unknown count share their coarse cell by the popularity of the service. */
	for (int k = 0; k < s->ntokens; k++) {
		popularity[k] = fm_axis_mass(s, k);
		sum[k < 2 ? k : k < FM_SERVICE_RANGES ? 2 : 3] += popularity[k];
	}
	for (uint32_t l = 0; l < FM_KIND_LEAVES; l++) {
		int k = fm_kind_parts(l).service;
		double cell = (double)f->coarse[kind_coarse(l)];

		double all = sum[k < 2 ? k : k < FM_SERVICE_RANGES ? 2 : 3];

		if (k >= s->ntokens || cell < 3 * sigma_of(f, W_KIND_COARSE))
			f->leaf[l] = 0; /* impossible, or not above the noise */
		f->width[l] = k < s->ntokens && all > 0 && cell > 3.5 * sigma_of(f, W_KIND_COARSE)
				  ? cell * popularity[k] / all
				  : 0;
	}
	return fm_axis_build(&d->axis[FM_X_KIND], &in, err);
}

/* The queries of an axis: a leaf histogram and a coarse one of values that may be absent. */
struct axis_ask {
	enum fm_axis_id id;
	const char *name, *coarse_name; /* coarse_name NULL: sums of the leaves */
	double weight, coarse_weight;
	double own, join; /* times pair_scale */
	double (*width)(uint32_t leaf);
};

static int fit_axis(struct fit *f, const struct axis_ask *a, struct fm_axis_in *in, size_t n, struct fm_error *err)
{
	int rc;

	in->leaf = f->leaf;
	in->coarse = f->coarse;
	in->leaf_sigma = sigma_of(f, a->weight);
	in->coarse_sigma = a->coarse_name ? sigma_of(f, a->coarse_weight) : 0;
	in->own = fmax(5 * in->leaf_sigma, a->own * f->o->pair_scale);
	in->join = a->join * f->o->pair_scale;
	if ((rc = count_values(f, a->name, n, in->nleaves, a->weight, f->leaf, err)) < 0)
		return rc;
	if (a->coarse_name) {
		for (size_t i = 0; i < n; i++)
			f->value[i] = in->coarse_of(f->value[i]);
		if ((rc = count_values(f, a->coarse_name, n, in->ncoarse, a->coarse_weight, f->coarse, err)) < 0)
			return rc;
	} else {
		memset(f->coarse, 0, in->ncoarse * sizeof *f->coarse);
		for (uint32_t l = 0; l < in->nleaves; l++)
			f->coarse[in->coarse_of(l)] += f->leaf[l];
	}
	/* A leaf that stands out in a cell that does not is noise: there are many leaves. */
	for (uint32_t l = 0; l < in->nleaves; l++)
		if ((double)f->coarse[in->coarse_of(l)] < 2 * in->coarse_sigma)
			f->leaf[l] = 0;
	if (a->width) {
		for (uint32_t l = 0; l < in->nleaves; l++)
			f->width[l] = a->width(l);
		in->width = f->width;
	}
	return fm_axis_build(&f->d->axis[a->id], in, err);
}

static int fit_client_ports(struct fit *f, struct fm_error *err)
{
	static const struct axis_ask ask = {
	    FM_X_CLIENT, "client-port", "client-port-coarse", W_CLIENT, W_CLIENT_COARSE, 20, 15, NULL};
	struct fm_axis_in in = {.nleaves = FM_PORTS,
				.ncoarse = FM_CLIENT_RANGES,
				.row = FM_CLIENT_RANGES,
				.coarse_of = fm_client_range,
				.most = 120};

	for (size_t i = 0; i < f->e->n; i++)
		f->value[i] = f->e->list[i].port[!f->view[i].server];
	return fit_axis(f, &ask, &in, f->e->n, err);
}

static double duration_width(uint32_t leaf)
{
	uint64_t first, width;

	fm_duration_range(leaf, &first, &width);
	return (double)width;
}

/* A public guess: few packets rather than many, bytes even on a logarithmic scale, hardly less than 20 per packet (the
 * IPv4 header). */
static double size_width(uint32_t leaf)
{
	uint64_t pkt, npkt, byt, nbyt;
	double w;

	fm_size_range(leaf, &pkt, &npkt, &byt, &nbyt);
	w = (double)nbyt / ((double)byt + 1) * (double)npkt / ((double)pkt * (double)pkt);
	return byt < 20 * pkt || byt > 1600 * pkt ? 1e-3 * w : w;
}

static int fit_way(struct fit *f, int w, struct fm_error *err)
{
	static const struct axis_ask ask[2][4] = {
	    {{FM_X_A_SIZE, "a-size", "a-size-coarse", W_SIZE, W_SIZE_COARSE, 15, 15, size_width},
	     {FM_X_A_TD, "a-td", "a-td-coarse", W_TD, W_TD_COARSE, 25, 15, duration_width},
	     {FM_X_A_FLG, "a-flg", NULL, W_CODES, 0, 5, 0, NULL},
	     {FM_X_A_TOS, "a-tos", NULL, W_CODES, 0, 5, 0, NULL}},
	    {{FM_X_B_SIZE, "b-size", "b-size-coarse", W_SIZE, W_SIZE_COARSE, 15, 15, size_width},
	     {FM_X_B_TD, "b-td", "b-td-coarse", W_TD, W_TD_COARSE, 25, 15, duration_width},
	     {FM_X_B_FLG, "b-flg", NULL, W_CODES, 0, 5, 0, NULL},
	     {FM_X_B_TOS, "b-tos", NULL, W_CODES, 0, 5, 0, NULL}}};
	static const struct fm_axis_in grid[4] = {
	    {.nleaves = FM_SIZE_LEAVES,
	     .ncoarse = FM_SIZE_COARSE,
	     .row = FM_SIZE_COLUMNS,
	     .coarse_of = fm_size_coarse,
	     .most = 300,
	     .tail = true},
	    {.nleaves = FM_DURATION_LEAVES,
	     .ncoarse = FM_DURATION_COARSE,
	     .row = FM_DURATION_COARSE,
	     .coarse_of = fm_duration_coarse,
	     .most = 80,
	     .tail = true},
	    {.nleaves = FM_FLAGS, .ncoarse = 1, .coarse_of = all_one, .most = FM_FLAGS},
	    {.nleaves = FM_BYTES, .ncoarse = 1, .coarse_of = all_one, .most = FM_BYTES}};
	int rc;

	for (int k = 0; k < 4; k++) {
		struct fm_axis_in in = grid[k];
		size_t n = 0;

		for (size_t i = 0; i < f->e->n; i++) {
			const struct fm_exchange_flow *g = &f->e->list[i].flow[f->view[i].flow[w][0]];

			if (f->view[i].n[w])
				f->value[n++] = k == 0   ? fm_size_leaf(g->pkt, g->byt)
						: k == 1 ? fm_duration_leaf(g->td)
						: k == 2 ? g->flg
							 : g->tos;
		}
		if ((rc = fit_axis(f, &ask[w][k], &in, n, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* The service of each kind, for the tail: protocol, service and side where the kind is one leaf; any other kind is a
 * service by itself. */
static int fit_services(struct fm_domains *d, struct fm_error *err)
{
	const struct fm_axis *k = &d->axis[FM_X_KIND];
	uint32_t *id = NULL;
	int rc;

	if ((rc = fm_alloc(&d->service, (size_t)k->ntokens, sizeof *d->service, "services", err)) < 0 ||
	    (rc = fm_alloc(&id, FM_KIND_LEAVES / FM_PATTERNS, sizeof *id, "services", err)) < 0)
		goto out;
	for (int t = 0; t < k->ntokens; t++) {
		uint32_t *known = k->first[t] < k->nleaves ? &id[k->leaf[k->first[t]] / FM_PATTERNS] : id;

		if (k->first[t + 1] != k->first[t] + 1)
			d->service[t] = (uint16_t)d->nservices++;
		else if (*known)
			d->service[t] = (uint16_t)(*known - 1);
		else
			*known = 1u + (d->service[t] = (uint16_t)d->nservices++);
	}
out:
	free(id);
	return rc;
}

void fm_tail_mark(const uint64_t *key, size_t n, uint32_t none, uint32_t *value)
{
	for (size_t i = 0, j = 0; i < n; i++) {
		j = i && key[i] == key[i - 1] ? j + 1 : 1;
		value[i] = none;
		for (uint32_t k = 0; k < FM_TAIL_BOUNDS; k++)
			if (fm_tail_at[k] == j)
				value[i] = (uint32_t)(key[i] & 0xffff) * FM_TAIL_BOUNDS + k;
	}
}

static int fit_tail(struct fit *f, int role, struct fm_error *err)
{
	struct fm_domains *d = f->d;
	size_t n = 0, nbins = (size_t)d->nservices * FM_TAIL_BOUNDS;
	int64_t *noisy = NULL;
	double floor_at;
	int rc;

	if ((rc = fm_alloc(&noisy, nbins + 1, sizeof *noisy, "the tail", err)) < 0 ||
	    (rc = fm_alloc(&d->tail[role], nbins, sizeof **d->tail, "the tail", err)) < 0)
		goto out;
	for (size_t i = 0; i < f->e->n; i++) {
		const struct fm_exchange *x = &f->e->list[i];
		uint32_t ip = x->host[role ? !f->view[i].server : f->view[i].server];
		uint16_t service = d->service[d->axis[FM_X_KIND].token[fm_kind_leaf(d, x, &f->view[i])]];

		if (fm_hosts_token(&d->hosts[role], ip, f->view[i].inside[role]) >= d->hosts[role].ntokens - 2)
			f->key[n++] = (uint64_t)ip << 16 | service;
	}
	qsort(f->key, n, sizeof *f->key, fm_compare_u64);
	fm_tail_mark(f->key, n, (uint32_t)nbins, f->value);
	if ((rc = count_values(f, role ? "tail-clients" : "tail-servers", n, nbins + 1, W_TAIL, noisy, err)) < 0)
		goto out;
	floor_at = 2 * sigma_of(f, W_TAIL);
	for (size_t s = 0; s < (size_t)d->nservices; s++)
		for (size_t k = 0; k < FM_TAIL_BOUNDS; k++) {
			double y = (double)noisy[s * FM_TAIL_BOUNDS + k], *to = &d->tail[role][s * FM_TAIL_BOUNDS + k];

			*to = y < floor_at ? 0 : y;
			if (k && *to > to[-1])
				*to = to[-1];
		}
out:
	free(noisy);
	return rc;
}

void fm_domains_sizes(struct fm_domains *d)
{
	static const struct {
		enum fm_attr attr;
		enum fm_axis_id axis;
		int absent;
	} on[] = {{FM_A_KIND, FM_X_KIND, 0},    {FM_A_TIME, FM_X_TIME, 0},   {FM_A_PORT, FM_X_CLIENT, 0},
		  {FM_A_SIZE, FM_X_A_SIZE, 1},  {FM_B_SIZE, FM_X_B_SIZE, 1}, {FM_A_TD, FM_X_A_TD, 1},
		  {FM_B_TD, FM_X_B_TD, 1},      {FM_A_FLG, FM_X_A_FLG, 1},   {FM_B_FLG, FM_X_B_FLG, 1},
		  {FM_A_TOS, FM_X_A_TOS, 1},    {FM_B_TOS, FM_X_B_TOS, 1},   {FM_A2_SIZE, FM_X_A_SIZE, 1},
		  {FM_B2_SIZE, FM_X_B_SIZE, 1}, {FM_A2_TD, FM_X_A_TD, 1},    {FM_B2_TD, FM_X_B_TD, 1}};

	for (size_t i = 0; i < sizeof on / sizeof *on; i++)
		d->size[on[i].attr] = d->axis[on[i].axis].ntokens + on[i].absent;
	d->size[FM_A_SERVER] = d->hosts[0].ntokens;
	d->size[FM_A_CLIENT] = d->hosts[1].ntokens;
	d->size[FM_NEAR] = FM_NNEAR;
	d->size[FM_B_GAP] = d->size[FM_A2_GAP] = d->size[FM_B2_GAP] = FM_GAPS + 1;
	d->size[FM_A_LABEL] = d->nlabels;
}

int fm_domains_fit(struct fm_domains *d, const struct fm_exchanges *e, const struct fm_domain_opts *o,
		   struct fm_counts *counts, struct fm_error *err)
{
	struct fit f = {.d = d, .e = e, .o = o, .counts = counts};
	size_t largest = o->nslots > FM_KIND_LEAVES ? (size_t)o->nslots : FM_KIND_LEAVES; /* grid */
	int rc;

	memset(d, 0, sizeof *d);
	d->first_slot = o->first_slot;
	d->nslots = o->nslots;
	d->nlabels = o->nlabels;
	if ((rc = fm_alloc(&f.view, e->n + 1, sizeof *f.view, "views of records", err)) < 0 ||
	    (rc = fm_alloc(&f.value, e->n + 1, sizeof *f.value, "values", err)) < 0 ||
	    (rc = fm_alloc(&f.key, e->n + 1, sizeof *f.key, "keys", err)) < 0 ||
	    (rc = fm_alloc(&f.leaf, largest, sizeof *f.leaf, "counts of leaves", err)) < 0 ||
	    (rc = fm_alloc(&f.coarse, largest, sizeof *f.coarse, "counts of cells", err)) < 0 ||
	    (rc = fm_alloc(&f.width, largest, sizeof *f.width, "widths", err)) < 0 || (rc = fit_time(&f, err)) < 0 ||
	    (rc = fit_ports(&f, err)) < 0)
		goto out;
	for (size_t i = 0; i < e->n; i++)
		fm_view_set(&f.view[i], d, &e->list[i], o);
	for (int role = 0; role < 2; role++)
		if ((rc = fit_hosts(&f, role, err)) < 0)
			goto out;
	if ((rc = fit_same(d, err)) < 0 || (rc = fit_kinds(&f, err)) < 0 || (rc = fit_client_ports(&f, err)) < 0 ||
	    (rc = fit_way(&f, 0, err)) < 0 || (rc = fit_way(&f, 1, err)) < 0 || (rc = fit_services(d, err)) < 0)
		goto out;
	for (int role = 0; role < 2; role++)
		if ((rc = fit_tail(&f, role, err)) < 0)
			goto out;
	fm_domains_sizes(d);
out:
	free(f.view);
	free(f.value);
	free(f.key);
	free(f.leaf);
	free(f.coarse);
	free(f.width);
	if (rc < 0)
		fm_domains_free(d);
	return rc;
}

void fm_domains_free(struct fm_domains *d)
{
	for (int i = 0; i < FM_NAXES; i++)
		fm_axis_free(&d->axis[i]);
	for (int r = 0; r < 2; r++) {
		free(d->hosts[r].ip);
		free(d->hosts[r].count);
		free(d->hosts[r].inside);
		free(d->hosts[r].token);
		free(d->hosts[r].by_ip);
		free(d->hosts[r].same);
		free(d->tail[r]);
	}
	free(d->service);
	memset(d, 0, sizeof *d);
}
