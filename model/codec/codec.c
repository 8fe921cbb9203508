/* codec.c - learning the codec from the training split, and flows to tokens. */
#include "model/codec/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "model/codec/hosts.h"
#include "model/codec/label_counts.h"
#include "model/codec/relations.h"
#include "model/codec/window_follow.h"

const char *const fm_tok_name[FM_NTOK] = {"role", "rel", "gap", "label", "dir",  "pr",  "sa", "da",
					  "sp",   "dp",  "flg", "fwd",   "stos", "pkt", "td", "bpp"};
const int fm_res_tok[FM_NRES] = {FM_T_GAP, FM_T_SP, FM_T_DP, FM_T_PKT, FM_T_TD, FM_T_BPP};

/* Category tokens and the table columns behind them. */
static const struct {
	enum fm_tok tok;
	enum fm_col col;
} cats[] = {{FM_T_LABEL, FM_LABEL}, {FM_T_PR, FM_PR}, {FM_T_FLG, FM_FLG}, {FM_T_FWD, FM_FWD}, {FM_T_STOS, FM_STOS}};
#define NCATS (sizeof cats / sizeof *cats)

int fm_span_bucket(int64_t ms)
{
	int b = (int)(4 * 1.4426950408889634 * fm_det_log1p((double)(ms > 0 ? ms : 0) / 1000.0) + 0.5);
	return b < FM_SPANS ? b : FM_SPANS - 1;
}

double fm_span_ms(int bucket, double u)
{
	double x = (bucket - 0.5 + u) / (4 * 1.4426950408889634);
	return bucket == 0 && u < 0.5 ? 0 : 1000.0 * fm_det_expm1(x > 0 ? x : 0);
}

static int64_t numeric(const struct fm_table *t, enum fm_res r, size_t i)
{
	uint64_t pkt;
	switch (r) {
	case FM_R_GAP:
		return FM_HAS(t, FM_GAP) ? t->gap[i] : i > 0 && t->te[i] > t->te[i - 1] ? t->te[i] - t->te[i - 1] : 0;
	case FM_R_SP:
		return t->sp[i];
	case FM_R_DP:
		return t->dp[i];
	case FM_R_PKT:
		return (int64_t)(t->pkt[i] < (1ull << 40) ? t->pkt[i] : 1ull << 40);
	case FM_R_TD:
		return t->td[i];
	default:
		pkt = t->pkt[i] ? t->pkt[i] : 1;
		return t->byt[i] < (1ull << 50) ? (int64_t)((t->byt[i] * 1000 + pkt / 2) / pkt)
						: (int64_t)(t->byt[i] / pkt) * 1000;
	}
}

/* ---- categories ---- */

/* The token of each value that a table's dictionary has for a category column; NULL when the column is not there. */
static int category_tokens(const struct fm_codec *c, const struct fm_table *t, enum fm_tok tok, int **token,
			   struct fm_error *err)
{
	enum fm_col col = FM_PR;
	int rc;
	*token = NULL;
	for (size_t k = 0; k < NCATS; k++)
		if (cats[k].tok == tok)
			col = cats[k].col;
	const struct fm_dict *d = &t->dict[col];
	if (c->cat[tok].n == 0 || !FM_HAS(t, col))
		return FM_OK;
	if ((rc = fm_alloc(token, d->n + 1, sizeof **token, "category tokens", err)) < 0)
		return rc;
	for (size_t j = 0; j < d->n; j++)
		(*token)[j] = fm_cat_token(&c->cat[tok], d->value[j]);
	return FM_OK;
}

/* ---- numeric columns ---- */

static int fit_numeric(struct fm_codec *c, const struct fm_table *t, enum fm_res r, const struct fm_codec_opts *opts,
		       struct fm_error *err)
{
	int64_t ports[80];
	struct fm_num_opts o = {.min_count = opts->min_count, .log = true};
	int64_t *v = NULL;
	int np = 0;

	switch (r) {
	case FM_R_GAP:
		o.bins = 24;
		o.atom_share = 0.0005;
		break;
	case FM_R_PKT:
		o.bins = 64;
		o.atom_share = 0.001;
		break;
	case FM_R_TD:
		o.bins = 96;
		o.atom_share = 0.0005;
		break;
	case FM_R_BPP:
		o.bins = 128;
		o.atom_share = 0.0005;
		break;
	default: /* ports: 64 wide below 1024, 1024 wide above */
		for (int p = 0; p < 1024; p += 64)
			ports[np++] = p;
		for (int p = 1024; p <= 65536; p += 1024)
			ports[np++] = p;
		o.log = false;
		o.fixed = ports;
		o.nfixed = np;
	}
	/* Both ports have one vocabulary: a reply's source port is its request's destination port. */
	bool port = r == FM_R_SP || r == FM_R_DP;
	if (fm_alloc(&v, t->rows * 2, sizeof *v, "a column", err) < 0)
		return err->code;
	for (size_t i = 0; i < t->rows; i++) {
		v[i] = port ? t->sp[i] : numeric(t, r, i);
		v[t->rows + i] = port ? t->dp[i] : 0;
	}
	int rc = fm_num_fit(&c->num[r], v, t->rows << port, &o, err);
	const struct fm_num *num = &c->num[r];
	if (rc == FM_OK && r == FM_R_PKT && num->nbins > 0)
		fm_tail_fit(&c->pkt_tail, v, t->rows, num->edge[num->nbins - 1], num->edge[num->nbins] - num->step,
			    opts->k - 1);
	free(v);
	return rc;
}

/* ---- time ---- */

static int slot_of(const struct fm_times *t, int64_t ms)
{
	int64_t span = t->last_ms - t->first_ms + 1, s = (ms - t->first_ms) * FM_SLOTS / (span > 0 ? span : 1);
	return (int)(s < 0 ? 0 : s >= FM_SLOTS ? FM_SLOTS - 1 : s);
}

static int window_span(const struct fm_table *t, size_t first, int window)
{
	return fm_span_bucket(t->te[first + (size_t)window - 1] - t->te[first] + numeric(t, FM_R_GAP, first));
}

/* How the durations of the windows follow each other. */
static int fit_follow(struct fm_codec *c, const struct fm_table *t, const size_t *first, size_t nw, int min_count,
		      struct fm_error *err)
{
	uint8_t *slot = NULL;
	int64_t *length = NULL;
	uint32_t *number = NULL;
	int rc;
	if ((rc = fm_alloc(&slot, nw + 1, sizeof *slot, "durations of windows", err)) < 0 ||
	    (rc = fm_alloc(&length, nw + 1, sizeof *length, "durations of windows", err)) < 0 ||
	    (rc = fm_alloc(&number, nw + 1, sizeof *number, "durations of windows", err)) < 0)
		goto out;
	for (size_t w = 0; w < nw; w++) {
		size_t last = first[w] + (size_t)c->window - 1;
		slot[w] = (uint8_t)slot_of(&c->times, t->te[first[w]]);
		length[w] = t->te[last] - t->te[first[w]] + numeric(t, FM_R_GAP, first[w]);
		number[w] = FM_HAS(t, FM_WIN) ? t->win[first[w]] : (uint32_t)w;
	}
	rc = fm_window_follow_fit(&c->times, &(struct fm_window_lengths){nw, slot, length, number}, min_count, err);
out:
	free(slot);
	free(length);
	free(number);
	return rc;
}

/* Labels of a window's flows, and the window's class. count (FM_MAXCLASSES) */
static int window_class(const struct fm_table *t, size_t first, int window, const int *label, int count[FM_MAXCLASSES])
{
	int best = 0;
	memset(count, 0, sizeof(int) * FM_MAXCLASSES);
	for (int i = 0; i < window; i++)
		count[label ? label[t->label[first + (size_t)i]] : 0]++;
	for (int c = 1; c < FM_MAXCLASSES; c++)
		if (count[c] > (best ? count[best] : 0))
			best = c;
	return best;
}

/* Tokens of the labels of a table's dictionary, those beyond FM_MAXCLASSES as the most frequent; NULL without labels.
 */
static int label_tokens(const struct fm_codec *c, const struct fm_table *t, int **label, struct fm_error *err)
{
	*label = NULL;
	if (!FM_HAS(t, FM_LABEL) || c->cat[FM_T_LABEL].n == 0)
		return FM_OK;
	if (fm_alloc(label, t->dict[FM_LABEL].n + 1, sizeof **label, "label tokens", err) < 0)
		return err->code;
	for (size_t i = 0; i < t->dict[FM_LABEL].n; i++) {
		(*label)[i] = fm_cat_token(&c->cat[FM_T_LABEL], t->dict[FM_LABEL].value[i]);
		if ((*label)[i] >= FM_MAXCLASSES)
			(*label)[i] = 0;
	}
	return FM_OK;
}

/* Where the windows of each class lie and what labels they hold.  A class of fewer than k windows is said to be
 * anywhere. */
static int fit_classes(struct fm_codec *c, const struct fm_table *t, const size_t *first, size_t nw, int min_count,
		       struct fm_error *err)
{
	struct fm_times *times = &c->times;
	int *label, count[FM_MAXCLASSES];
	uint32_t windows[FM_MAXCLASSES] = {0},
		 guests[FM_MAXCLASSES] = {0}; /* guests: of other classes, with the label */
	uint16_t *own = NULL;                 /* (nw) of a class's windows */
	uint8_t *cls = NULL;                  /* (nw) */
	int rc;
	if ((rc = label_tokens(c, t, &label, err)) < 0 ||
	    (rc = fm_alloc(&own, nw + 1, sizeof *own, "labels", err)) < 0 ||
	    (rc = fm_alloc(&cls, nw + 1, 1, "classes of windows", err)) < 0)
		goto out;
	times->nclasses = c->cat[FM_T_LABEL].n < 1               ? 1
			  : c->cat[FM_T_LABEL].n < FM_MAXCLASSES ? c->cat[FM_T_LABEL].n
								 : FM_MAXCLASSES;
	for (size_t w = 0; w < nw; w++) {
		int cl = window_class(t, first[w], c->window, label, count);
		windows[cl]++;
		cls[w] = (uint8_t)cl;
		times->class_slot[cl][slot_of(times, t->te[first[w]])]++;
		for (int l = 0; l < times->nclasses; l++)
			times->class_share[cl][l] += (double)count[l] / c->window;
		for (int l = 0; l < times->nclasses; l++) {
			guests[l] += l != cl && count[l] > 0;
			times->class_run[l] += l != cl ? count[l] : 0;
		}
	}
	for (int l = 0; l < times->nclasses; l++)
		times->class_run[l] =
		    guests[l] >= (uint32_t)min_count && guests[l] > 0 ? times->class_run[l] / guests[l] : 1;
	for (int cl = 0; cl < times->nclasses; cl++) {
		times->class_windows[cl] = windows[cl];
		for (int l = 0; l < times->nclasses; l++)
			times->class_share[cl][l] = windows[cl] ? times->class_share[cl][l] / windows[cl] : l == cl;
		if (cl > 0 && windows[cl] < (uint32_t)min_count && windows[cl] > 0)
			for (int s = 0; s < FM_SLOTS; s++)
				times->class_slot[cl][s] = times->slot[s] > 0;
		size_t n = 0;
		for (size_t w = 0; w < nw; w++)
			if (cls[w] == cl) {
				window_class(t, first[w], c->window, label, count);
				own[n++] = (uint16_t)count[cl];
			}
		fm_label_counts_fit(times, cl, own, n, c->window, min_count);
		n = 0;
		for (size_t w = 0; w < nw; w++)
			if (cls[w] == cl)
				own[n++] = (uint16_t)window_span(t, first[w], c->window);
		fm_label_spans_fit(times, cl, own, n, min_count);
	}
out:
	free(label);
	free(own);
	free(cls);
	return rc;
}

/* ---- durations of replies ---- */

bool fm_td_near(int64_t td, int64_t source)
{
	int64_t apart = td > source ? td - source : source - td, longer = td > source ? td : source;
	return td > 0 && source > 0 && apart <= FM_NEAR_MS && 2 * apart <= longer;
}

int64_t fm_td_decode(const struct fm_codec *c, int token, double u, int64_t source)
{
	int n = fm_num_tokens(&c->num[FM_R_TD]);
	return token < n ? fm_num_decode(&c->num[FM_R_TD], token, u)
			 : source + fm_num_decode(&c->near, token - n, u) - FM_NEAR_MS;
}

/* How far near durations differ. */
static int fit_near(struct fm_codec *c, const struct fm_table *t, const size_t *first, size_t nw, int min_count,
		    struct fm_error *err)
{
	struct fm_num_opts o = {.min_count = min_count, .bins = 64};
	struct fm_relations l;
	int64_t *v = NULL;
	size_t n = 0;
	int rc;
	if ((rc = fm_alloc(&v, nw * (size_t)c->window + 1, sizeof *v, "durations of replies", err)) < 0)
		return rc;
	for (size_t w = 0; w < nw; w++) {
		fm_relations_find(t, first[w], c->window, c->text_order, &l);
		for (int i = 0; i < c->window; i++) {
			int64_t td = t->td[first[w] + l.row[i]], source = t->td[first[w] + l.row[i - l.back[i]]];
			if (l.kind[i] == FM_RELATION_REPLY && fm_td_near(td, source))
				v[n++] = FM_NEAR_MS + td - source;
		}
	}
	o.atom_share = 0.002;
	if (n >= (size_t)min_count && n > 100)
		rc = fm_num_fit(&c->near, v, n, &o, err);
	free(v);
	return rc;
}

/* What popular hosts do. */
static int fit_profiles(struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t, const size_t *first,
			size_t nw, int min_count, double share, struct fm_error *err)
{
	struct fm_profile_data d = {.t = t,
				    .hosts = hosts,
				    .ports = &c->num[FM_R_DP],
				    .first = first,
				    .windows = nw,
				    .window = c->window,
				    .min_count = min_count,
				    .text_order = c->text_order};
	int *pr, rc;
	if ((rc = category_tokens(c, t, FM_T_PR, &pr, err)) < 0)
		return rc;
	d.pr = pr;
	if ((rc = fm_profiles_fit(&c->profiles, &d, err)) == FM_OK)
		rc = fm_returns_fit(&c->returns, &d, share, err);
	free(pr);
	return rc;
}

/* ---- families ---- */

static int fit_families(struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t, int min_count,
			struct fm_error *err)
{
	size_t n = (size_t)c->cat[FM_T_PR].n;
	uint64_t *rows = NULL; /* (n,2) */
	int *pr = NULL, rc;
	if (!c->roles.any_ipv6 || n == 0)
		return FM_OK;
	if ((rc = category_tokens(c, t, FM_T_PR, &pr, err)) < 0 ||
	    (rc = fm_alloc(&rows, 2 * n, sizeof *rows, "families of protocols", err)) < 0 ||
	    (rc = fm_alloc(&c->families, n, 1, "families of protocols", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		rows[2 * (size_t)pr[t->pr[i]] + (fm_host_side(hosts, t, t->sa[i]) & FM_SIDE_IPV6 ? 1 : 0)]++;
	for (size_t k = 0; k < n; k++) {
		c->families[k] = (uint8_t)((rows[2 * k] >= (uint64_t)min_count ? FM_FAMILY_IPV4 : 0) |
					   (rows[2 * k + 1] >= (uint64_t)min_count ? FM_FAMILY_IPV6 : 0));
		if (c->families[k] == 0)
			c->families[k] = FM_FAMILY_IPV4 | FM_FAMILY_IPV6;
	}
out:
	free(rows);
	free(pr);
	return rc;
}

int fm_families(const struct fm_codec *c, int pr)
{
	return c->families && pr < c->cat[FM_T_PR].n ? c->families[pr] : FM_FAMILY_IPV4 | FM_FAMILY_IPV6;
}

int fm_dir_tokens(const struct fm_roles *r)
{
	return r->any_ipv6 ? 8 : r->any_inside ? 4 : 1;
}

/* ---- the whole ---- */

/* Of the source's flows, those that the training split has. */
static double share_of(const struct fm_codec_opts *o, const struct fm_table *t)
{
	double share = o->source_rows > 0 ? (double)t->rows / o->source_rows : 1;
	return share < 1 ? share : 1;
}

static int fit(struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t,
	       const struct fm_codec_opts *o, struct fm_error *err)
{
	size_t *first = NULL, nw = 0;
	int rc;
	if ((rc = fm_windows_find(t, o->window, &first, &nw, err)) < 0)
		goto out;
	if (nw == 0) {
		rc = fm_fail(err, FM_EINPUT,
			     "the training split has %zu rows and no whole window of %d: give more rows or a smaller "
			     "model.window",
			     t->rows, o->window);
		goto out;
	}
	c->window = o->window;
	c->present = t->present;
	c->train_rows = t->rows;
	c->text_order = o->text_order;
	for (size_t i = 0; i < NCATS; i++)
		if (FM_HAS(t, cats[i].col) &&
		    (rc = fm_cat_fit(&c->cat[cats[i].tok], t, cats[i].col, o->min_count, err)) < 0)
			goto out;
	for (int r = 0; r < FM_NRES; r++)
		if ((rc = fit_numeric(c, t, (enum fm_res)r, o, err)) < 0)
			goto out;
	if ((rc = fm_roles_fit(&c->roles, hosts, o, err)) < 0 || (rc = fit_families(c, hosts, t, o->k, err)) < 0)
		goto out;
	c->times.first_ms = o->first_ms;
	c->times.last_ms = o->last_ms;
	c->times.source_windows = o->source_rows / o->window;
	for (size_t w = 0; w < nw; w++) {
		int s = slot_of(&c->times, t->te[first[w]]);
		c->times.slot[s]++;
		c->times.span[s][window_span(t, first[w], o->window)]++;
	}
	if ((rc = fit_follow(c, t, first, nw, o->k, err)) < 0 || (rc = fit_classes(c, t, first, nw, o->k, err)) < 0 ||
	    (rc = fit_near(c, t, first, nw, o->min_count, err)) < 0 ||
	    (rc = fit_profiles(c, hosts, t, first, nw, o->k, share_of(o, t), err)) < 0 ||
	    (rc = fm_beats_fit(&c->beats, t, share_of(o, t), o->k, err)) < 0)
		goto out;
	c->vocab[FM_T_ROLE] = FM_ROLE_TOKENS;
	c->vocab[FM_T_REL] = FM_REL_TOKENS(o->window);
	c->vocab[FM_T_DIR] = fm_dir_tokens(&c->roles);
	for (size_t i = 0; i < NCATS; i++)
		c->vocab[cats[i].tok] = c->cat[cats[i].tok].n;
	c->vocab[FM_T_SA] = c->vocab[FM_T_DA] = o->window + c->roles.nhosts + c->roles.nclasses;
	for (int r = 0; r < FM_NRES; r++)
		c->vocab[fm_res_tok[r]] = fm_num_tokens(&c->num[r]);
	c->vocab[FM_T_TD] += fm_num_tokens(&c->near);
out:
	free(first);
	return rc;
}

int fm_codec_fit_with_hosts(struct fm_codec **codec, struct fm_hosts **hosts, const struct fm_table *t,
			    const struct fm_codec_opts *o, struct fm_error *err)
{
	struct fm_codec *c = NULL;
	struct fm_hosts *h = NULL;
	int rc;
	if ((rc = fm_hosts_fit(&h, t, o->window, o->min_count, o->max_hosts, err)) < 0 ||
	    (rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 || (rc = fit(c, h, t, o, err)) < 0)
		goto out;
	*codec = c;
	*hosts = h;
	c = NULL;
	h = NULL;
out:
	fm_codec_free(c);
	fm_hosts_free(h);
	return rc;
}

/* ---- encoding ---- */

/* Addresses of the tail of one side seen in this window, the latest first. */
struct recent {
	uint32_t code[FM_WINDOW_MOST];
	int n;
};

static int recent_find(const struct recent *r, uint32_t code)
{
	for (int i = 0; i < r->n; i++)
		if (r->code[i] == code)
			return i;
	return -1;
}

static void recent_touch(struct recent *r, uint32_t code, int at)
{
	if (at < 0)
		at = r->n < FM_WINDOW_MOST ? r->n++ : FM_WINDOW_MOST - 1;
	memmove(r->code + 1, r->code, sizeof r->code[0] * (size_t)at);
	r->code[0] = code;
}

static uint16_t address_token(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t,
			      struct recent *r, uint32_t code)
{
	const struct fm_host *h = fm_hosts_find(hosts, t, code);
	if (h && h->rank >= 0)
		return (uint16_t)(c->window + h->rank);
	r += fm_host_side(hosts, t, code);
	int at = recent_find(r, code);
	recent_touch(r, code, at);
	if (at >= 0 && at < c->window)
		return (uint16_t)at;
	return (uint16_t)(c->window + c->roles.nhosts + c->roles.class_id[fm_host_class(hosts, t, code)]);
}

static int direction(const struct fm_hosts *hosts, const struct fm_table *t, size_t row)
{
	int side = fm_host_side(hosts, t, t->sa[row]);
	return (side & FM_SIDE_INSIDE) + 2 * fm_table_inside(t, t->da[row]) + (side & FM_SIDE_IPV6 ? FM_DIR_IPV6 : 0);
}

/* A relation that copies dir is dropped where the two flows differ in it. */
static void same_way_only(const struct fm_hosts *hosts, const struct fm_table *t, size_t first, int window,
			  struct fm_relations *l)
{
	for (int i = 0; i < window; i++)
		if ((l->kind[i] == FM_RELATION_SWEEP || l->kind[i] == FM_RELATION_SERVE) &&
		    direction(hosts, t, first + l->row[i]) != direction(hosts, t, first + l->row[i - l->back[i]])) {
			l->kind[i] = FM_RELATION_NONE;
			l->back[i] = 0;
		}
}

/* Flows of two labels are not related: a relation copies what its label is the cause of. */
static void same_label_only(const int *label, const struct fm_table *t, size_t first, int window,
			    struct fm_relations *l)
{
	for (int i = 0; label && i < window; i++)
		if (label[t->label[first + l->row[i]]] != label[t->label[first + l->row[i - l->back[i]]]]) {
			l->kind[i] = FM_RELATION_NONE;
			l->back[i] = 0;
		}
}

/* The token of a duration. A reply's is coded as the difference from its request's, `source`, where that loses nothing.
 */
static uint16_t td_token(const struct fm_codec *c, int64_t td, int kind, int64_t source, double jitter, float *res)
{
	int n = fm_num_tokens(&c->num[FM_R_TD]), token;
	double u;
	if (kind == FM_RELATION_REPLY && fm_num_tokens(&c->near) > 0 && fm_td_near(td, source)) {
		token = n + fm_num_encode(&c->near, FM_NEAR_MS + td - source, jitter, &u);
		*res = u < 0 ? NAN : (float)fm_normal_quantile(u);
		if (fm_td_decode(c, token, fm_normal_cdf(*res), source) == td)
			return (uint16_t)token;
	}
	token = fm_num_encode(&c->num[FM_R_TD], td, jitter, &u);
	*res = u < 0 ? NAN : (float)fm_normal_quantile(u);
	return (uint16_t)token;
}

struct encoder {
	const struct fm_codec *c;
	const struct fm_hosts *hosts;
	const struct fm_table *t;
	uint64_t seed;
	int *map[NCATS]; /* (the column's dictionary): value to token; NULL where the column has one token */
	int *label;      /* (labels of the table): value to token, or NULL */
};

static void encoder_free(struct encoder *e)
{
	for (size_t k = 0; k < NCATS; k++)
		free(e->map[k]);
	free(e->label);
}

static int encoder_init(struct encoder *e, struct fm_error *err)
{
	int rc;
	if ((rc = label_tokens(e->c, e->t, &e->label, err)) < 0)
		return rc;
	for (size_t k = 0; k < NCATS; k++)
		if ((rc = category_tokens(e->c, e->t, cats[k].tok, &e->map[k], err)) < 0)
			return rc;
	return FM_OK;
}

/* The window that begins at row `first`: tok (window, FM_NTOK), res (window, FM_NRES). */
static void encode_window(const struct encoder *e, size_t first, uint16_t *tok, float *res)
{
	const struct fm_codec *c = e->c;
	const struct fm_table *t = e->t;
	struct recent r[FM_SIDES] = {{.n = 0}};
	int64_t td[FM_WINDOW_MOST] = {0};
	struct fm_relations l;
	fm_relations_find(t, first, c->window, c->text_order, &l);
	same_way_only(e->hosts, t, first, c->window, &l);
	same_label_only(e->label, t, first, c->window, &l);
	for (int i = 0; i < c->window; i++) {
		size_t row = first + l.row[i];
		uint16_t *x = tok + (size_t)i * FM_NTOK;
		float *rx = res + (size_t)i * FM_NRES;
		struct fm_rng g;
		fm_rng_init(&g, e->seed, FM_RNG_BATCH, row, 0);
		x[FM_T_REL] = (uint16_t)fm_rel_token(l.kind[i], l.back[i], c->window);
		for (size_t k = 0; k < NCATS; k++)
			x[cats[k].tok] = e->map[k] ? (uint16_t)e->map[k][((uint16_t *)t->col[cats[k].col])[row]] : 0;
		for (int k = 0; k < FM_NRES; k++) {
			/* A gap belongs to a place: flows of one time may stand in another order here. */
			double u, jitter = fm_rng_uniform53(&g);
			int64_t v = numeric(t, (enum fm_res)k, k == FM_R_GAP ? first + (size_t)i : row);
			if (k == FM_R_TD) {
				x[FM_T_TD] = td_token(c, v, l.kind[i], td[i - l.back[i]], jitter, &rx[k]);
				td[i] = fm_td_decode(c, x[FM_T_TD], fm_normal_cdf(rx[k]), td[i - l.back[i]]);
				continue;
			}
			x[fm_res_tok[k]] = (uint16_t)fm_num_encode(&c->num[k], v, jitter, &u);
			rx[k] = u < 0 ? NAN : (float)fm_normal_quantile(u);
		}
		x[FM_T_DIR] = (uint16_t)direction(e->hosts, t, row);
		x[FM_T_SA] = address_token(c, e->hosts, t, r, t->sa[row]);
		x[FM_T_DA] = address_token(c, e->hosts, t, r, t->da[row]);
		x[FM_T_ROLE] = (uint16_t)(4 * l.kind[i]);
		if (l.kind[i] != FM_RELATION_NONE)
			tok[(size_t)(i - l.back[i]) * FM_NTOK + FM_T_ROLE] |=
			    l.kind[i] == FM_RELATION_REPLY ? FM_ROLE_ANSWERED : FM_ROLE_FOLLOWED;
	}
	fm_relations_copy(tok, res, c->window); /* a related flow shows what its source shows */
}

int fm_codec_encode(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t, uint64_t seed,
		    struct fm_encoded *e, struct fm_error *err)
{
	struct encoder encoder = {.c = c, .hosts = hosts, .t = t, .seed = seed};
	size_t *first = NULL, W = (size_t)c->window;
	int rc, count[FM_MAXCLASSES];
	if ((rc = fm_windows_find(t, c->window, &first, &e->windows, err)) < 0 ||
	    (rc = fm_alloc(&e->tok, e->windows * W * FM_NTOK + 1, sizeof *e->tok, "tokens", err)) < 0 ||
	    (rc = fm_alloc(&e->res, e->windows * W * FM_NRES + 1, sizeof *e->res, "residuals", err)) < 0 ||
	    (rc = fm_alloc(&e->slot, e->windows + 1, 1, "slots", err)) < 0 ||
	    (rc = fm_alloc(&e->span, e->windows + 1, 1, "spans", err)) < 0 ||
	    (rc = fm_alloc(&e->cls, e->windows + 1, 1, "classes", err)) < 0 || (rc = encoder_init(&encoder, err)) < 0)
		goto out;
	for (size_t w = 0; w < e->windows; w++) {
		encode_window(&encoder, first[w], e->tok + w * W * FM_NTOK, e->res + w * W * FM_NRES);
		e->slot[w] = (uint8_t)slot_of(&c->times, t->te[first[w]]);
		e->span[w] = (uint8_t)window_span(t, first[w], c->window);
		e->cls[w] = (uint8_t)window_class(t, first[w], c->window, encoder.label, count);
	}
out:
	encoder_free(&encoder);
	free(first);
	if (rc < 0)
		fm_encoded_free(e);
	return rc;
}

int fm_address_sides(const struct fm_codec *c, int token)
{
	int at = token - c->window;
	if (at < 0 || fm_dir_tokens(&c->roles) == 1)
		return (1 << FM_SIDES) - 1;
	return 1 << (at < c->roles.nhosts ? c->roles.side[at] : fm_role_side(c->roles.class_of[at - c->roles.nhosts]));
}

void fm_encoded_free(struct fm_encoded *e)
{
	if (!e)
		return;
	free(e->tok);
	free(e->res);
	free(e->slot);
	free(e->span);
	free(e->cls);
	memset(e, 0, sizeof *e);
}
