/* scan_windows.c - windows of a scan change places until they follow each other. */
#include "model/codec/scan_windows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/codec/host_profiles.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"
#include "model/codec/window_kinds.h"

/* The longest sweep of a window. */
struct sweep {
	uint64_t key;     /* side of its source << 32 | service */
	uint32_t targets; /* drawn one after the other */
	uint32_t at;      /* place of its window */
	bool taken;       /* by a scan */
};

/* The places that a scan's windows come from. */
struct scanned {
	size_t first, n; /* in gather.from */
};

struct gather {
	const struct fm_made_windows *s;
	size_t n;
	uint32_t *content, *of;
	struct sweep *sweep; /* (nsweeps) by key, then place */
	size_t nsweeps;
	uint32_t *window; /* (nwindows) of the scans, one scan after the other */
	size_t nwindows;
	struct scanned *scanned; /* (nscans) */
	uint32_t *place;         /* (n) of each window */
	uint64_t *in, *out, *to; /* (n) windows and places to be sorted by duration */
};

static int compare_sweeps(const void *a, const void *b)
{
	const struct sweep *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* ---- sweeps ---- */

static void find_sweeps(struct gather *g)
{
	enum { SHARE = 8 }; /* a sweep over less than that of a window is hardly a scan's */
	const struct fm_codec *c = g->s->codec;
	size_t W = (size_t)c->window;
	for (size_t i = 0; i < g->n; i++) {
		const uint16_t *tok = g->s->tok + g->s->order[i] * W * FM_NTOK;
		const float *res = g->s->res + g->s->order[i] * W * FM_NRES;
		int root = 0, dir;
		uint32_t targets = fm_longest_sweep(tok, c->window, &root);
		int side;
		if (targets * SHARE < W)
			continue;
		tok += root * FM_NTOK;
		res += root * FM_NRES;
		dir = c->vocab[FM_T_DIR] > 1 ? tok[FM_T_DIR] : 0;
		side = (dir & 1) + (c->roles.any_ipv6 && dir & FM_DIR_IPV6 ? FM_SIDE_IPV6 : 0);
		g->sweep[g->nsweeps++] = (struct sweep){
		    .key = (uint64_t)side << 32 | fm_service_of(&c->num[FM_R_DP], tok[FM_T_PR],
								(uint16_t)fm_codec_number(c, FM_R_SP, tok, res),
								(uint16_t)fm_codec_number(c, FM_R_DP, tok, res), false),
		    .targets = targets,
		    .at = (uint32_t)i};
	}
	qsort(g->sweep, g->nsweeps, sizeof *g->sweep, compare_sweeps);
}

/* ---- choosing ---- */

/* The first sweep whose key is not below `key`. */
static size_t lower(const struct gather *g, uint64_t key)
{
	size_t lo = 0, hi = g->nsweeps;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (g->sweep[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void take(struct gather *g, struct sweep *w, uint64_t *events)
{
	w->taken = true;
	*events += w->targets;
	g->window[g->nwindows++] = g->s->order[w->at];
}

/* Choose the windows of a scan: the one with the longest sweep that is left, and the nearest ones with half of that or
 * more, until they have its events. */
static void choose(struct gather *g, const struct fm_scan *scan)
{
	uint64_t key = (uint64_t)g->s->codec->roles.side[scan->from] << 32 | scan->service, events = 0;
	size_t from = lower(g, key), to = lower(g, key + 1), lo, hi;
	struct sweep *first = NULL;
	for (size_t i = from; i < to; i++)
		if (!g->sweep[i].taken && (!first || g->sweep[i].targets > first->targets))
			first = &g->sweep[i];
	if (!first)
		return;
	take(g, first, &events);
	lo = (size_t)(first - g->sweep);
	hi = lo + 1;
	while (events < scan->events && (lo > from || hi < to)) {
		bool before = hi == to || (lo > from && first->at - g->sweep[lo - 1].at <= g->sweep[hi].at - first->at);
		struct sweep *w = before ? &g->sweep[--lo] : &g->sweep[hi++];
		if (!w->taken && 2 * w->targets >= first->targets)
			take(g, w, &events);
	}
}

/* ---- placing ---- */

static uint64_t by_span(const struct gather *g, uint32_t window, uint32_t what)
{
	return (uint64_t)g->s->schedule->span[window] << 32 | what;
}

/* How far the durations of m places from `at` on are from those counted in `wanted`: the least sum of differences in
 * any order. */
static size_t misfit(const struct gather *g, size_t at, size_t m, const size_t wanted[FM_SPANS])
{
	size_t have[FM_SPANS] = {0}, sum = 0;
	int64_t ahead = 0;
	for (size_t i = at; i < at + m; i++)
		have[g->s->schedule->span[g->s->order[i]]]++;
	for (int b = 0; b < FM_SPANS; b++) {
		ahead += (int64_t)have[b] - (int64_t)wanted[b];
		sum += (size_t)(ahead < 0 ? -ahead : ahead);
	}
	return sum;
}

static bool is_free(const struct gather *g, size_t at, size_t m)
{
	for (size_t i = at; i < at + m; i++)
		if (g->of[i])
			return false;
	return true;
}

/* The place near `near` where m windows fit best, the nearest of these; g->n: there is none. */
static size_t best_place(const struct gather *g, size_t near, size_t m, const size_t wanted[FM_SPANS])
{
	enum { REACH = 256 };
	size_t best = g->n, least = SIZE_MAX;
	for (size_t far = 0; far <= 2 * REACH; far++) {
		size_t by = (far + 1) / 2, at = far & 1 ? near - by : near + by, miss;
		if ((far & 1 && by > near) || at + m > g->n || !is_free(g, at, m))
			continue;
		miss = misfit(g, at, m, wanted);
		if (miss < least) {
			least = miss;
			best = at;
		}
	}
	return best;
}

static void put(struct gather *g, uint64_t place, uint64_t window)
{
	g->content[(uint32_t)place] = (uint32_t)window;
	g->place[(uint32_t)window] = (uint32_t)place;
}

/* Put the windows of a scan at m places in a row, and what was there where they came from: the longer ones of each at
 * the longer places. */
static void move(struct gather *g, size_t scan, size_t at, const uint32_t *window, size_t m)
{
	size_t nin = 0, nout = 0, nto = 0;
	for (size_t i = at; i < at + m; i++)
		g->of[i] = (uint32_t)scan + 1;
	/* in: the scan's windows; to: the places that they leave; out: windows that leave the scan's places */
	for (size_t i = 0; i < m; i++) {
		uint32_t from = g->place[window[i]];
		g->in[nin++] = by_span(g, window[i], window[i]);
		if (from < at || from >= at + m)
			g->to[nto++] = by_span(g, g->s->order[from], from);
		else
			g->content[from] = UINT32_MAX;
	}
	for (size_t i = at; i < at + m; i++)
		if (g->content[i] != UINT32_MAX)
			g->out[nout++] = by_span(g, g->content[i], g->content[i]);
	qsort(g->in, nin, sizeof *g->in, fm_compare_u64);
	qsort(g->out, nout, sizeof *g->out, fm_compare_u64);
	qsort(g->to, nto, sizeof *g->to, fm_compare_u64);
	for (size_t i = 0; i < nout; i++)
		put(g, g->to[i], g->out[i]);
	for (size_t i = 0; i < m; i++)
		g->to[i] = by_span(g, g->s->order[at + i], (uint32_t)(at + i));
	qsort(g->to, m, sizeof *g->to, fm_compare_u64);
	for (size_t i = 0; i < m; i++)
		put(g, g->to[i], g->in[i]);
}

static void place(struct gather *g, size_t scan)
{
	const struct scanned *x = &g->scanned[scan];
	const uint32_t *window = g->window + x->first;
	size_t wanted[FM_SPANS] = {0}, near, at;
	if (x->n == 0)
		return;
	for (size_t i = 0; i < x->n; i++)
		wanted[g->s->schedule->span[window[i]]]++;
	near = g->place[window[0]];
	at = best_place(g, near, x->n, wanted);
	if (at < g->n)
		move(g, scan, at, window, x->n);
}

int fm_scan_windows_gather(const struct fm_made_windows *w, const struct fm_scan *scan, size_t nscans,
			   uint32_t *content, uint32_t *of, struct fm_error *err)
{
	struct gather g = {.s = w, .n = w->schedule->n, .content = content, .of = of};
	int rc;
	if ((rc = fm_alloc(&g.sweep, g.n + 1, sizeof *g.sweep, "scans", err)) < 0 ||
	    (rc = fm_alloc(&g.window, g.n + 1, sizeof *g.window, "scans", err)) < 0 ||
	    (rc = fm_alloc(&g.scanned, nscans + 1, sizeof *g.scanned, "scans", err)) < 0 ||
	    (rc = fm_alloc(&g.place, g.n + 1, sizeof *g.place, "scans", err)) < 0 ||
	    (rc = fm_alloc(&g.in, g.n + 1, sizeof *g.in, "scans", err)) < 0 ||
	    (rc = fm_alloc(&g.out, g.n + 1, sizeof *g.out, "scans", err)) < 0 ||
	    (rc = fm_alloc(&g.to, g.n + 1, sizeof *g.to, "scans", err)) < 0)
		goto out;
	for (size_t i = 0; i < g.n; i++) {
		put(&g, i, w->order[i]);
		of[i] = 0;
	}
	find_sweeps(&g);
	for (size_t i = 0; i < nscans; i++) {
		g.scanned[i].first = g.nwindows;
		choose(&g, &scan[i]);
		g.scanned[i].n = g.nwindows - g.scanned[i].first;
	}
	for (size_t i = 0; i < nscans; i++)
		place(&g, i);
out:
	free(g.sweep);
	free(g.window);
	free(g.scanned);
	free(g.place);
	free(g.in);
	free(g.out);
	free(g.to);
	return rc;
}

/* ---- while windows are decoded ---- */

struct fm_scan_plan {
	struct fm_made_windows w;
	struct fm_scan *scan;
	size_t nscans;
	uint32_t *content, *of;   /* (schedule->n) as fm_scan_windows_gather fills them in */
	uint32_t *port;           /* (nscans) the port that a scan keeps; UINT32_MAX: none yet */
	const struct fm_scan *on; /* the scan of this window, or NULL */
	bool one_port;            /* most flows of this window's sweep have one source port */
	uint32_t drawn;           /* the source port of the window's first flow of the scan; UINT32_MAX: none yet */
};

int fm_scan_plan_new(struct fm_scan_plan **out, const struct fm_made_windows *w, struct fm_reach *reach,
		     struct fm_error *err)
{
	struct fm_scan_plan *p = NULL;
	size_t n = w->schedule->n;
	int rc;
	if ((rc = fm_alloc(&p, 1, sizeof *p, "scans", err)) < 0)
		return rc;
	p->w = *w;
	if ((rc = fm_reach_scans(reach, &p->scan, &p->nscans, err)) < 0 ||
	    (rc = fm_alloc(&p->content, n + 1, sizeof *p->content, "scans", err)) < 0 ||
	    (rc = fm_alloc(&p->of, n + 1, sizeof *p->of, "scans", err)) < 0 ||
	    (rc = fm_alloc(&p->port, p->nscans + 1, sizeof *p->port, "scans", err)) < 0 ||
	    (rc = fm_scan_windows_gather(w, p->scan, p->nscans, p->content, p->of, err)) < 0) {
		fm_scan_plan_free(p);
		return rc;
	}
	for (size_t i = 0; i < p->nscans; i++)
		p->port[i] = UINT32_MAX;
	for (size_t i = 0; i < n; i++)
		if (p->of[i])
			fm_reach_gathered(reach, &p->scan[p->of[i] - 1]);
	*out = p;
	return FM_OK;
}

void fm_scan_plan_free(struct fm_scan_plan *p)
{
	if (!p)
		return;
	free(p->scan);
	free(p->content);
	free(p->of);
	free(p->port);
	free(p);
}

/* Do most flows of a window's longest sweep have the source port of the first, as far as tokens tell? */
static bool has_one_port(const uint16_t *tok, int window)
{
	int root = 0, back, same = 0, all = 0;
	fm_longest_sweep(tok, window, &root);
	for (int i = root + 1; i < window; i++) {
		const uint16_t *x = tok + i * FM_NTOK;
		if (fm_rel_kind(x[FM_T_REL], window, &back) != FM_RELATION_SWEEP)
			continue;
		all++;
		same += x[FM_T_SP] == tok[root * FM_NTOK + FM_T_SP];
	}
	return 2 * same > all;
}

size_t fm_scan_plan_window(struct fm_scan_plan *p, size_t place)
{
	int W = p->w.codec->window;
	size_t window = p->content[place];
	p->on = p->of[place] ? &p->scan[p->of[place] - 1] : NULL;
	p->drawn = UINT32_MAX;
	p->one_port = p->on && has_one_port(p->w.tok + window * (size_t)W * FM_NTOK, W);
	return window;
}

const struct fm_scan *fm_scan_plan_under_way(const struct fm_scan_plan *p, uint32_t service)
{
	return p->on && p->on->service == service ? p->on : NULL;
}

bool fm_scan_plan_port(struct fm_scan_plan *p, int pr, uint16_t *sp, uint16_t dp)
{
	const struct fm_num *ports = &p->w.codec->num[FM_R_DP];
	uint32_t *port;
	if (!p->on || fm_service_of(ports, pr, *sp, dp, false) != p->on->service)
		return false;
	if (!p->one_port)
		return true;
	port = &p->port[p->on - p->scan];
	if (p->drawn == UINT32_MAX)
		p->drawn = *sp;
	if (*port == UINT32_MAX)
		*port = *sp;
	if (*sp == p->drawn && fm_service_of(ports, pr, (uint16_t)*port, dp, false) == p->on->service)
		*sp = (uint16_t)*port;
	return true;
}
