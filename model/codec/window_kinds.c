/* window_kinds.c - what kind of window, and how often. */
#include "model/codec/window_kinds.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/rng.h"
#include "model/codec/relations.h"

enum { WINDOWS = 100, LEAST = 64 }; /* a kind for each so many windows; no kind has fewer than one in LEAST of all */

/* ---- traits ---- */

uint32_t fm_longest_sweep(const uint16_t *tok, int window, int *root)
{
	int of[FM_WINDOW_MOST] = {0}, back;
	uint32_t targets[FM_WINDOW_MOST], most = 0;

	for (int i = 0; i < window; i++) {
		int kind = fm_rel_kind(tok[i * FM_NTOK + FM_T_REL], window, &back);
		bool on =
		    back <= i && (kind == FM_RELATION_SWEEP || kind == FM_RELATION_AGAIN || kind == FM_RELATION_TARGET);
		of[i] = on ? of[i - back] : i;
		targets[i] = !on;
		targets[of[i]] += on && kind == FM_RELATION_SWEEP;
		if (targets[of[i]] > most) {
			most = targets[of[i]];
			*root = of[i];
		}
	}
	return most;
}

void fm_window_traits(const uint16_t *tok, int window, uint16_t trait[FM_NTRAITS])
{
	uint64_t service[FM_WINDOW_MOST], size[FM_WINDOW_MOST];
	int services = 0, root = 0, back;

	memset(trait, 0, FM_NTRAITS * sizeof *trait);
	for (int i = 0; i < window; i++) {
		const uint16_t *flow = tok + i * FM_NTOK;
		int kind = fm_rel_kind(flow[FM_T_REL], window, &back);

		if (kind == FM_RELATION_REPLY)
			trait[FM_TRAIT_REPLIES]++;
		/* Tokens below `window` say that a host was seen before, and others that it was not. */
		for (int c = FM_T_SA; c <= FM_T_DA; c++)
			if (fm_relation_source(kind, c) < 0 && flow[c] >= window)
				trait[FM_TRAIT_HOSTS]++;
		if (kind == FM_RELATION_NONE)
			service[services++] =
			    (uint64_t)flow[FM_T_PR] << 32 | (uint64_t)flow[FM_T_SP] << 16 | flow[FM_T_DP];
		size[i] = (uint64_t)flow[FM_T_PKT] << 16 | flow[FM_T_BPP];
	}
	trait[FM_TRAIT_SWEEP] = (uint16_t)fm_longest_sweep(tok, window, &root);
	trait[FM_TRAIT_SERVICES] = (uint16_t)fm_count_different(service, (size_t)services);
	trait[FM_TRAIT_SIZES] = (uint16_t)fm_count_different(size, (size_t)window);
}

static int kind_of(const struct fm_window_kinds *kinds, const uint16_t trait[FM_NTRAITS])
{
	const struct fm_kind_node *at = kinds->node;

	while (at->under > 0)
		at = kinds->node + at->under + (trait[at->trait] > at->most);
	return at->kind;
}

int fm_window_kind(const struct fm_window_kinds *kinds, const uint16_t *tok, int window)
{
	uint16_t trait[FM_NTRAITS];

	fm_window_traits(tok, window, trait);
	return kind_of(kinds, trait);
}

int fm_window_kinds_assign(const struct fm_window_kinds *kinds, struct fm_encoded *e, int window, struct fm_error *err)
{
	size_t W = (size_t)window;
	int rc;

	if ((rc = fm_alloc(&e->kind, e->windows + 1, 1, "kinds of windows", err)) < 0)
		return rc;
	for (size_t w = 0; w < e->windows; w++)
		e->kind[w] = (uint8_t)fm_window_kind(kinds, e->tok + w * W * FM_NTOK, window);
	return FM_OK;
}

/* ---- the tree ---- */

struct window {
	uint16_t trait[FM_NTRAITS];
};

/* A leaf while the tree grows: its windows are w[first .. first + n), and the best way to divide it. */
struct leaf {
	size_t first, n;
	double gain; /* by how much the sum of squares falls; 0: it is not divided */
	int trait;
	uint16_t most;
};

struct forest {
	struct window *w;
	size_t n, least;
	double weight[FM_NTRAITS]; /* 1 / variance */
	struct leaf leaf[2 * FM_KINDS - 1];
};

/* Sums of a trait over the windows with each value of the trait by which a leaf may be divided. */
struct sums {
	size_t n[FM_WINDOW_MOST * 2 + 1];
	double of[FM_WINDOW_MOST * 2 + 1][FM_NTRAITS];
};

/* The best place to divide a leaf by a trait: what is on both sides, squared and over its number, is to be most. */
static void divide_by(const struct forest *f, struct leaf *l, int trait, struct sums *s)
{
	double total[FM_NTRAITS] = {0}, left[FM_NTRAITS] = {0};
	size_t under = 0;
	int last = 0;

	memset(s, 0, sizeof *s);
	for (size_t i = l->first; i < l->first + l->n; i++) {
		const uint16_t *x = f->w[i].trait;
		s->n[x[trait]]++;
		last = x[trait] > last ? x[trait] : last;
		for (int t = 0; t < FM_NTRAITS; t++) {
			s->of[x[trait]][t] += x[t];
			total[t] += x[t];
		}
	}
	for (int v = 0; v < last; v++) {
		double gain = 0;
		under += s->n[v];
		for (int t = 0; t < FM_NTRAITS; t++)
			left[t] += s->of[v][t];
		if (s->n[v] == 0 || under < f->least || l->n - under < f->least)
			continue;
		double a = (double)under, b = (double)(l->n - under);
		for (int t = 0; t < FM_NTRAITS; t++) {
			double apart = left[t] / a - (total[t] - left[t]) / b;
			gain += f->weight[t] * apart * apart * a * b / (a + b);
		}
		if (gain > l->gain)
			*l = (struct leaf){l->first, l->n, gain, trait, (uint16_t)v};
	}
}

static void look_at(const struct forest *f, struct leaf *l, struct sums *s)
{
	for (int t = 0; t < FM_NTRAITS; t++)
		divide_by(f, l, t, s);
}

/* Divide a leaf's windows: the two new leaves are the last of the tree. */
static void divide(struct forest *f, struct fm_window_kinds *kinds, int at, struct sums *s)
{
	struct leaf *l = &f->leaf[at], *under = &f->leaf[kinds->nnodes];
	size_t to = l->first;

	for (size_t i = l->first; i < l->first + l->n; i++)
		if (f->w[i].trait[l->trait] <= l->most) {
			struct window w = f->w[to];
			f->w[to++] = f->w[i];
			f->w[i] = w;
		}
	under[0] = (struct leaf){.first = l->first, .n = to - l->first};
	under[1] = (struct leaf){.first = to, .n = l->first + l->n - to};
	look_at(f, under, s);
	look_at(f, under + 1, s);
	kinds->node[at] =
	    (struct fm_kind_node){.trait = (uint8_t)l->trait, .under = (uint8_t)kinds->nnodes, .most = l->most};
	kinds->nnodes += 2;
	kinds->n++;
	l->gain = 0;
}

static void grow(struct forest *f, struct fm_window_kinds *kinds, struct sums *s)
{
	int most = f->n / WINDOWS < FM_KINDS ? (int)(f->n / WINDOWS) : FM_KINDS, kind = 0;
	double mean, square;

	for (int t = 0; t < FM_NTRAITS; t++) {
		mean = square = 0;
		for (size_t i = 0; i < f->n; i++)
			mean += f->w[i].trait[t];
		mean /= (double)(f->n > 0 ? f->n : 1);
		for (size_t i = 0; i < f->n; i++)
			square += (f->w[i].trait[t] - mean) * (f->w[i].trait[t] - mean);
		f->weight[t] = square > 0 ? (double)f->n / square : 0;
	}
	kinds->n = kinds->nnodes = 1;
	f->leaf[0] = (struct leaf){.n = f->n};
	look_at(f, &f->leaf[0], s);
	while (kinds->n < most) {
		int best = 0;
		for (int i = 1; i < kinds->nnodes; i++)
			if (f->leaf[i].gain > f->leaf[best].gain)
				best = i;
		if (!(f->leaf[best].gain > 0))
			break;
		divide(f, kinds, best, s);
	}
	for (int i = 0; i < kinds->nnodes; i++)
		if (kinds->node[i].under == 0)
			kinds->node[i].kind = (uint8_t)kind++;
}

static int time_of(int span)
{
	return span * FM_KIND_TIMES / FM_SPANS;
}

/* Forget counts below k. */
static void only_frequent(uint32_t *count, size_t n, int k)
{
	for (size_t i = 0; i < n; i++)
		count[i] = count[i] < (uint32_t)k ? 0 : count[i];
}

/* The windows of a kind that no row of count (n, FM_KINDS) tells are known by the difference from all of the kind.
 * Where they are fewer than k, the smallest row that is told is forgotten too. */
static void hide_rests(const struct fm_window_kinds *kinds, uint32_t (*count)[FM_KINDS], int n, int min_count)
{
	for (int k = 0; k < FM_KINDS; k++)
		for (;;) {
			int64_t rest = kinds->windows[k];
			int least = -1;
			for (int i = 0; i < n; i++) {
				rest -= count[i][k];
				if (count[i][k] > 0 && (least < 0 || count[i][k] < count[least][k]))
					least = i;
			}
			if (least < 0 || rest <= 0 || rest >= min_count)
				break;
			count[least][k] = 0;
		}
}

int fm_window_kinds_learn(struct fm_window_kinds *kinds, struct fm_encoded *e, int window, int min_count,
			  struct fm_error *err)
{
	struct forest f = {.n = e->own};
	struct sums *s = NULL;
	size_t W = (size_t)window, k = min_count > 1 ? (size_t)min_count : 1;
	int rc;

	memset(kinds, 0, sizeof *kinds);
	if ((rc = fm_alloc(&f.w, f.n + 1, sizeof *f.w, "kinds of windows", err)) < 0 ||
	    (rc = fm_alloc(&s, 1, sizeof *s, "kinds of windows", err)) < 0)
		goto out;
	for (size_t w = 0; w < f.n; w++)
		fm_window_traits(e->tok + w * W * FM_NTOK, window, f.w[w].trait);
	f.least = f.n / LEAST > k ? f.n / LEAST : k;
	grow(&f, kinds, s);
	if ((rc = fm_window_kinds_assign(kinds, e, window, err)) < 0)
		goto out;
	for (size_t w = 0; w < e->own; w++) {
		kinds->windows[e->kind[w]]++;
		kinds->of_class[e->cls[w]][e->kind[w]]++;
		kinds->of_time[time_of(e->span[w])][e->kind[w]]++;
	}
	only_frequent(kinds->windows, FM_KINDS, min_count);
	only_frequent(kinds->of_class[0], (size_t)FM_MAXCLASSES * FM_KINDS, min_count);
	only_frequent(kinds->of_time[0], (size_t)FM_KIND_TIMES * FM_KINDS, min_count);
	hide_rests(kinds, kinds->of_class, FM_MAXCLASSES, min_count);
	hide_rests(kinds, kinds->of_time, FM_KIND_TIMES, min_count);
out:
	free(f.w);
	free(s);
	return rc;
}

/* ---- drawing ---- */

/* The shares of the kinds; false where there are no counts. */
static bool shares(const double count[FM_KINDS], double share[FM_KINDS])
{
	double total = 0;

	for (int k = 0; k < FM_KINDS; k++)
		total += count[k];
	for (int k = 0; k < FM_KINDS; k++)
		share[k] = total > 0 ? count[k] / total : 0;
	return total > 0;
}

/* Where counts were forgotten, the windows of a kind that no row tells are spread over the rows that tell nothing of
 * it, by the windows of these: count (n, FM_KINDS) into full. */
static void complete(const struct fm_window_kinds *kinds, const uint32_t (*count)[FM_KINDS], int n,
		     double (*full)[FM_KINDS])
{
	double windows[FM_MAXCLASSES] = {0};

	for (int i = 0; i < n; i++)
		for (int k = 0; k < FM_KINDS; k++)
			windows[i] += count[i][k];
	for (int k = 0; k < FM_KINDS; k++) {
		double left = kinds->windows[k], room = 0;
		for (int i = 0; i < n; i++) {
			left -= count[i][k];
			room += count[i][k] > 0 ? 0 : windows[i];
		}
		for (int i = 0; i < n; i++)
			full[i][k] = count[i][k] > 0        ? count[i][k]
				     : room > 0 && left > 0 ? left * windows[i] / room
							    : 0;
	}
}

/* How often kinds come: by class, and by time. */
struct rates {
	double of_class[FM_MAXCLASSES][FM_KINDS], of_time[FM_KIND_TIMES][FM_KINDS], all[FM_KINDS];
};

/* The chances of a window's kinds given its class and its duration, as if these two said independent things of it. */
static void chances(const struct rates *rates, int cl, int time, double chance[FM_KINDS])
{
	double all[FM_KINDS], of_class[FM_KINDS], of_time[FM_KINDS], total = 0;
	bool timed = shares(rates->of_time[time], of_time), known = shares(rates->of_class[cl], of_class);

	shares(rates->all, all);
	for (int k = 0; k < FM_KINDS; k++) {
		chance[k] = known ? of_class[k] : all[k];
		if (timed)
			chance[k] *= all[k] > 0 ? of_time[k] / all[k] : 0;
		total += chance[k];
	}
	for (int k = 0; k < FM_KINDS; k++)
		chance[k] = total > 0 ? chance[k] / total : all[k];
}

/* The windows of a class and time: their places into order, room for all of the schedule's. */
static size_t alike(const struct fm_window_schedule *schedule, int cl, int time, uint32_t *order)
{
	size_t n = 0;

	for (size_t w = 0; w < schedule->n; w++)
		if (schedule->cls[w] == cl && time_of(schedule->span[w]) == time)
			order[n++] = (uint32_t)w;
	return n;
}

int fm_window_kinds_draw(const struct fm_window_kinds *kinds, struct fm_window_schedule *schedule, uint64_t seed,
			 struct fm_error *err)
{
	uint32_t *order = NULL;
	double due[FM_KINDS] = {0}, chance[FM_KINDS]; /* due: how many more windows of a kind there should be by now */
	struct rates *rates = NULL;
	struct fm_rng r;
	size_t made = 0;
	int rc;

	if ((rc = fm_alloc(&schedule->kind, schedule->n + 1, 1, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&rates, 1, sizeof *rates, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&order, schedule->n + 1, sizeof *order, "a schedule", err)) < 0)
		goto out;
	complete(kinds, kinds->of_class, FM_MAXCLASSES, rates->of_class);
	complete(kinds, kinds->of_time, FM_KIND_TIMES, rates->of_time);
	for (int k = 0; k < FM_KINDS; k++)
		rates->all[k] = kinds->windows[k];
	fm_rng_init(&r, seed, FM_RNG_KIND, 0, 0);
	/* Windows that are alike come together, in a random order: what is due is made among its like. */
	for (int g = 0; g < FM_MAXCLASSES * FM_KIND_TIMES && made < schedule->n; g++) {
		int cl = g / FM_KIND_TIMES, time = g % FM_KIND_TIMES;
		size_t n = alike(schedule, cl, time, order);

		fm_rng_shuffle(&r, order, n);
		chances(rates, cl, time, chance);
		for (size_t i = 0; i < n; i++) {
			int most = 0;

			for (int k = 0; k < FM_KINDS; k++) {
				due[k] += chance[k];
				if (chance[k] > 0 && (!(chance[most] > 0) || due[k] > due[most]))
					most = k;
			}
			schedule->kind[order[i]] = (uint8_t)most;
			due[most] -= 1;
		}
		made += n;
	}
out:
	free(rates);
	free(order);
	return rc;
}

/* ---- as a document ---- */

static json_t *rows_json(const uint32_t (*count)[FM_KINDS], size_t n)
{
	json_t *j = json_array();

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < FM_KINDS; k++)
			if (count[i][k] > 0)
				json_array_append_new(j,
						      json_pack("[I,i,I]", (json_int_t)i, k, (json_int_t)count[i][k]));
	return j;
}

static json_int_t number(const json_t *list, size_t i)
{
	const json_t *x = json_array_get(list, i);

	return json_is_integer(x) ? json_integer_value(x) : -1;
}

static bool rows_from_json(uint32_t (*count)[FM_KINDS], size_t n, const json_t *j)
{
	for (size_t i = 0; i < json_array_size(j); i++) {
		const json_t *one = json_array_get(j, i);
		json_int_t row = number(one, 0), k = number(one, 1), x = number(one, 2);

		if (row < 0 || row >= (json_int_t)n || k < 0 || k >= FM_KINDS || x < 0 || x > UINT32_MAX)
			return false;
		count[row][k] = (uint32_t)x;
	}
	return json_is_array(j);
}

json_t *fm_window_kinds_json(const struct fm_window_kinds *kinds)
{
	json_t *tree = json_array();

	for (int i = 0; i < kinds->nnodes; i++) {
		const struct fm_kind_node *at = &kinds->node[i];
		json_array_append_new(tree, json_pack("[i,i,i,i]", at->trait, at->most, at->under, at->kind));
	}
	return json_pack("{s:i, s:o, s:o, s:o, s:o}", "kinds", kinds->n, "tree", tree, "windows",
			 rows_json(&kinds->windows, 1), "of_class", rows_json(kinds->of_class, FM_MAXCLASSES),
			 "of_time", rows_json(kinds->of_time, FM_KIND_TIMES));
}

int fm_window_kinds_from_json(struct fm_window_kinds *kinds, const json_t *j, struct fm_error *err)
{
	const json_t *tree = json_object_get(j, "tree");
	json_int_t n = json_integer_value(json_object_get(j, "kinds"));
	size_t nodes = json_array_size(tree);
	bool good = n >= 0 && n <= FM_KINDS && nodes <= 2 * FM_KINDS - 1;

	memset(kinds, 0, sizeof *kinds);
	if (!j)
		return FM_OK;
	for (size_t i = 0; i < nodes && good; i++) {
		const json_t *one = json_array_get(tree, i);
		json_int_t trait = number(one, 0), most = number(one, 1), under = number(one, 2), kind = number(one, 3);

		good = trait >= 0 && trait < FM_NTRAITS && most >= 0 && most <= UINT16_MAX && kind >= 0 &&
		       kind < FM_KINDS && (under == 0 || (under > (json_int_t)i && under + 1 < (json_int_t)nodes));
		if (good)
			kinds->node[i] =
			    (struct fm_kind_node){(uint8_t)trait, (uint8_t)under, (uint8_t)kind, (uint16_t)most};
	}
	kinds->n = (int)n;
	kinds->nnodes = (int)nodes;
	if (!good || !rows_from_json(&kinds->windows, 1, json_object_get(j, "windows")) ||
	    !rows_from_json(kinds->of_class, FM_MAXCLASSES, json_object_get(j, "of_class")) ||
	    !rows_from_json(kinds->of_time, FM_KIND_TIMES, json_object_get(j, "of_time")))
		return fm_fail(err, FM_EINPUT, "the model's kinds of windows are damaged");
	return FM_OK;
}
