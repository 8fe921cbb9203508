/* codec.c - learning the codec from the training split. */
#include "model/codec/codec.h"
#include "model/codec/codec_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "model/codec/host_reach.h"
#include "model/codec/hosts.h"
#include "model/codec/kept_ports.h"
#include "model/codec/label_counts.h"
#include "model/codec/relations.h"
#include "model/codec/repeats.h"
#include "model/codec/window_follow.h"

const char *const fm_tok_name[FM_NTOK] = {"role", "rel", "gap", "label", "dir",  "pr",  "sa", "da",
					  "sp",   "dp",  "flg", "fwd",   "stos", "pkt", "td", "bpp"};
const int fm_res_tok[FM_NRES] = {FM_T_GAP, FM_T_SP, FM_T_DP, FM_T_PKT, FM_T_TD, FM_T_BPP};

const struct fm_category_column fm_category_columns[FM_NCATEGORIES] = {
    {FM_T_LABEL, FM_LABEL}, {FM_T_PR, FM_PR}, {FM_T_FLG, FM_FLG}, {FM_T_FWD, FM_FWD}, {FM_T_STOS, FM_STOS}};

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

/* ---- categories ---- */

int fm_category_tokens(const struct fm_codec *c, const struct fm_table *t, enum fm_tok tok, int **token,
		       struct fm_error *err)
{
	enum fm_col col = FM_PR;
	int rc;
	*token = NULL;
	for (size_t k = 0; k < FM_NCATEGORIES; k++)
		if (fm_category_columns[k].tok == tok)
			col = fm_category_columns[k].col;
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
	struct fm_num_opts o = {.min_count = opts->min_count, .k = opts->k, .log = true};
	int64_t *v = NULL;
	int np = 0, rc;

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
	default: /* ports: bins 64 wide below 1024, 1024 wide above */
		for (int p = 0; p < 1024; p += 64)
			ports[np++] = p;
		for (int p = 1024; p <= 65536; p += 1024)
			ports[np++] = p;
		o.log = false;
		o.fixed = ports;
		o.nfixed = np;
	}
	/* Both ports have one vocabulary: the source port of a reply is the destination port of its request. */
	bool port = r == FM_R_SP || r == FM_R_DP;
	if ((rc = fm_alloc(&v, t->rows * 2, sizeof *v, "a column", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++) {
		v[i] = port ? t->sp[i] : fm_flow_number(t, r, i);
		v[t->rows + i] = port ? t->dp[i] : 0;
	}
	if ((rc = fm_num_fit(&c->num[r], v, t->rows << port, &o, err)) < 0)
		goto out;
	const struct fm_num *num = &c->num[r];
	if (r == FM_R_PKT && num->nbins > 0)
		rc = fm_tail_fit(
		    &c->pkt_tail,
		    &(struct fm_tail_source){t, num->edge, (size_t)num->nbins, num->edge[num->nbins] - num->step},
		    opts->k, err);
out:
	free(v);
	return rc;
}

/* ---- time ---- */

int fm_window_slot(const struct fm_times *t, int64_t ms)
{
	int64_t span = t->last_ms - t->first_ms + 1, s = (ms - t->first_ms) * FM_SLOTS / (span > 0 ? span : 1);
	return (int)(s < 0 ? 0 : s >= FM_SLOTS ? FM_SLOTS - 1 : s);
}

int fm_window_span_of(const struct fm_table *t, size_t first, int window)
{
	return fm_span_bucket(t->te[first + (size_t)window - 1] - t->te[first] + fm_flow_number(t, FM_R_GAP, first));
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
		slot[w] = (uint8_t)fm_window_slot(&c->times, t->te[first[w]]);
		length[w] = t->te[last] - t->te[first[w]] + fm_flow_number(t, FM_R_GAP, first[w]);
		number[w] = FM_HAS(t, FM_WIN) ? t->win[first[w]] : (uint32_t)w;
	}
	rc = fm_window_follow_fit(&c->times, &(struct fm_window_lengths){nw, slot, length, number}, min_count, err);
out:
	free(slot);
	free(length);
	free(number);
	return rc;
}

int fm_window_class_of(const struct fm_table *t, size_t first, int window, const int *label, int count[FM_MAXCLASSES])
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

int fm_label_tokens(const struct fm_codec *c, const struct fm_table *t, int **label, struct fm_error *err)
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

/* Where the windows of each class lie and what labels they hold.  A class of fewer than k windows is taken to be
 * equally likely in every slot that has windows. */
static int fit_classes(struct fm_codec *c, const struct fm_table *t, const size_t *first, size_t nw, int min_count,
		       struct fm_error *err)
{
	struct fm_times *times = &c->times;
	int *label, count[FM_MAXCLASSES];
	uint32_t windows[FM_MAXCLASSES] = {0},
		 guests[FM_MAXCLASSES] = {0}; /* guests: windows of other classes that have the label */
	uint16_t *own = NULL;                 /* (nw) of a class's windows */
	uint8_t *cls = NULL;                  /* (nw) */
	int rc;
	if ((rc = fm_label_tokens(c, t, &label, err)) < 0 ||
	    (rc = fm_alloc(&own, nw + 1, sizeof *own, "labels", err)) < 0 ||
	    (rc = fm_alloc(&cls, nw + 1, 1, "classes of windows", err)) < 0)
		goto out;
	times->nclasses = c->cat[FM_T_LABEL].n < 1               ? 1
			  : c->cat[FM_T_LABEL].n < FM_MAXCLASSES ? c->cat[FM_T_LABEL].n
								 : FM_MAXCLASSES;
	for (size_t w = 0; w < nw; w++) {
		int cl = fm_window_class_of(t, first[w], c->window, label, count);
		windows[cl]++;
		cls[w] = (uint8_t)cl;
		times->class_slot[cl][fm_window_slot(times, t->te[first[w]])]++;
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
				fm_window_class_of(t, first[w], c->window, label, count);
				own[n++] = (uint16_t)count[cl];
			}
		fm_label_counts_fit(times, cl, own, n, c->window, min_count);
		n = 0;
		for (size_t w = 0; w < nw; w++)
			if (cls[w] == cl)
				own[n++] = (uint16_t)fm_window_span_of(t, first[w], c->window);
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

int64_t fm_codec_number(const struct fm_codec *c, enum fm_res r, const uint16_t *tok, const float *res)
{
	return fm_num_decode(&c->num[r], tok[fm_res_tok[r]], fm_normal_cdf(res[r]));
}

/* How far the durations of replies and requests differ, where they are near. */
static int fit_near(struct fm_codec *c, const struct fm_table *t, const size_t *first, size_t nw,
		    const struct fm_codec_opts *opts, struct fm_error *err)
{
	struct fm_num_opts o = {.min_count = opts->min_count, .k = opts->k, .bins = 64};
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
	if (n >= (size_t)opts->k && n > 100)
		rc = fm_num_fit(&c->near, v, n, &o, err);
	free(v);
	return rc;
}

/* What popular hosts do. */
static int fit_profiles(struct fm_codec *c, struct fm_profile_data d, double share, struct fm_error *err)
{
	int *pr, rc;
	if ((rc = fm_category_tokens(c, d.t, FM_T_PR, &pr, err)) < 0)
		return rc;
	d.ports = &c->num[FM_R_DP];
	d.window = c->window;
	d.text_order = c->text_order;
	d.pr = pr;
	if ((rc = fm_profiles_fit(&c->profiles, &d, err)) < 0 || (rc = fm_reaches_fit(&c->profiles, &d, err)) < 0)
		goto out;
	if ((rc = fm_returns_fit(&c->returns, &d, share, err)) < 0)
		goto out;
	if ((rc = fm_kept_ports_fit(&c->kept_ports, &d, err)) < 0)
		goto out;
	rc = fm_repeats_fit(&c->repeats, &d, err);
out:
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
	if ((rc = fm_category_tokens(c, t, FM_T_PR, &pr, err)) < 0 ||
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

/* The share of the source's flows that the training split has. */
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
	for (size_t i = 0; i < FM_NCATEGORIES; i++)
		if (FM_HAS(t, fm_category_columns[i].col) &&
		    (rc = fm_cat_fit(&c->cat[fm_category_columns[i].tok], t, fm_category_columns[i].col, o->min_count,
				     err)) < 0)
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
		int s = fm_window_slot(&c->times, t->te[first[w]]);
		c->times.slot[s]++;
		c->times.span[s][fm_window_span_of(t, first[w], o->window)]++;
	}
	if ((rc = fit_follow(c, t, first, nw, o->k, err)) < 0 || (rc = fit_classes(c, t, first, nw, o->k, err)) < 0 ||
	    (rc = fit_near(c, t, first, nw, o, err)) < 0 ||
	    (rc = fit_profiles(
		 c, (struct fm_profile_data){.t = t, .hosts = hosts, .first = first, .windows = nw, .min_count = o->k},
		 share_of(o, t), err)) < 0 ||
	    (rc = fm_beats_fit(&c->beats, t, share_of(o, t), o->k, err)) < 0)
		goto out;
	fm_alike_fit(&c->alike, &(struct fm_alike_data){t, c->num, first, nw, o->window, o->k, o->text_order});
	c->vocab[FM_T_ROLE] = FM_ROLE_TOKENS;
	c->vocab[FM_T_REL] = FM_REL_TOKENS(o->window);
	c->vocab[FM_T_DIR] = fm_dir_tokens(&c->roles);
	for (size_t i = 0; i < FM_NCATEGORIES; i++)
		c->vocab[fm_category_columns[i].tok] = c->cat[fm_category_columns[i].tok].n;
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

int fm_address_sides(const struct fm_codec *c, int token)
{
	int at = token - c->window;
	if (at < 0 || fm_dir_tokens(&c->roles) == 1)
		return (1 << FM_SIDES) - 1;
	return 1 << (at < c->roles.nhosts ? c->roles.side[at] : fm_role_side(c->roles.class_of[at - c->roles.nhosts]));
}
