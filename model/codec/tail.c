/* tail.c - the largest flows. */
#include "model/codec/tail.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/order.h"

/* ---- learning ---- */

/* A sum, and the largest part of it. */
struct total {
	double sum, most;
	int64_t n;
};

static void add(struct total *t, double x)
{
	t->sum += x;
	t->most = x > t->most ? x : t->most;
	t->n++;
}

/* May the mean be kept? */
static bool is_safe(const struct total *t, int k)
{
	return t->n >= k && t->most <= t->sum / 2;
}

/* The mean of a total's values, or 0, as one that may not be kept. */
static double mean_of(const struct total *t, int k)
{
	return is_safe(t, k) ? t->sum / (double)t->n : 0;
}

/* Bytes per packet, or 0; packets: in units of `unit`. */
static double size_of(const struct total *bytes, const struct total *packets, int64_t unit, int k)
{
	return is_safe(bytes, k) && is_safe(packets, k) ? bytes->sum / (packets->sum * (double)unit) : 0;
}

static uint64_t conversation_of(const struct fm_table *t, size_t i)
{
	uint64_t x = (uint64_t)t->sa[i] << 32 | t->da[i],
		 y = (uint64_t)t->sp[i] << 24 | (uint64_t)t->dp[i] << 8 | t->pr[i];
	x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9ull + y * 0x94d049bb133111ebull;
	return x ^ x >> 29;
}

static size_t different(uint64_t *key, size_t n)
{
	size_t found = 0;
	qsort(key, n, sizeof *key, fm_compare_u64);
	for (size_t i = 0; i < n; i++)
		found += i == 0 || key[i] != key[i - 1];
	return found;
}

/* Rows per conversation, and conversations per source, of the n > 0 rows with at least `from` and less than `to`
 * packets. */
static int count_company(const struct fm_table *t, uint64_t from, uint64_t to, size_t n, struct fm_company *company,
			 struct fm_error *err)
{
	uint64_t *key = NULL;
	size_t m = 0, talks, sources;
	int rc;
	if ((rc = fm_alloc(&key, n, sizeof *key, "the largest flows", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] >= from && t->pkt[i] < to)
			key[m++] = conversation_of(t, i);
	talks = different(key, m);
	m = 0;
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] >= from && t->pkt[i] < to)
			key[m++] = t->sa[i];
	sources = different(key, m);
	*company = (struct fm_company){(double)n / (double)talks, (double)talks / (double)sources};
	free(key);
	return FM_OK;
}

static bool has_host(const uint64_t *host, size_t n, uint64_t h)
{
	return n > 0 && bsearch(&h, host, n, sizeof *host, fm_compare_u64);
}

/* The share of the n > 0 rows with at least `from` and less than `to` packets whose source has a row with more; 0 where
 * they are fewer than k. */
static int count_again(const struct fm_table *t, uint64_t from, uint64_t to, size_t n, int k, double *again,
		       struct fm_error *err)
{
	uint64_t *above = NULL;
	size_t m = 0, same = 0;
	int rc;
	if ((rc = fm_alloc(&above, t->rows + 1, sizeof *above, "the largest flows", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] >= to)
			above[m++] = t->sa[i];
	qsort(above, m, sizeof *above, fm_compare_u64);
	for (size_t i = 0; i < t->rows; i++)
		same += t->pkt[i] >= from && t->pkt[i] < to && has_host(above, m, t->sa[i]);
	*again = same >= (size_t)k ? (double)same / (double)n : 0;
	free(above);
	return FM_OK;
}

/* The rows of [low, next) as a bin.  *rows: how many there are; *bin is set only where these are k. */
static int fit_bin(struct fm_tail_bin *bin, const struct fm_table *t, int64_t low, int64_t next, int k, int64_t *rows,
		   struct fm_error *err)
{
	struct total packets = {0}, bytes = {0};
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] >= (uint64_t)low && t->pkt[i] < (uint64_t)next) {
			add(&packets, (double)t->pkt[i] / (double)low);
			add(&bytes, (double)t->byt[i]);
		}
	*rows = packets.n;
	if (packets.n < k)
		return FM_OK;
	*bin = (struct fm_tail_bin){
	    .low = low, .rows = packets.n, .mean = mean_of(&packets, k), .size = size_of(&bytes, &packets, low, k)};
	int rc = count_company(t, (uint64_t)low, (uint64_t)next, (size_t)packets.n, &bin->company, err);
	return rc < 0 ? rc : count_again(t, (uint64_t)low, (uint64_t)next, (size_t)packets.n, k, &bin->again, err);
}

/* The last bins, each with k rows or joined to the next lower one, until one row in ONE_IN is in them or above.
 */
static int fit_bins(struct fm_tail *tail, const struct fm_tail_source *s, int k, struct fm_error *err)
{
	enum { ONE_IN = 1000 };
	int64_t next = tail->edge + 1, rows;
	int rc;
	for (size_t b = s->n; b-- > 0 && tail->bins < FM_TAIL_BINS && s->low[b] > 0;) {
		if (tail->bins > 0 && (size_t)tail->from * ONE_IN >= s->t->rows)
			break;
		if ((rc = fit_bin(&tail->bin[tail->bins], s->t, s->low[b], next, k, &rows, err)) < 0)
			return rc;
		if (rows < k)
			continue;
		tail->from += rows;
		tail->bins++;
		next = s->low[b];
	}
	return FM_OK;
}

int fm_tail_fit(struct fm_tail *tail, const struct fm_tail_source *s, int k, struct fm_error *err)
{
	const struct fm_table *t = s->t;
	struct total above = {0}, bytes = {0};
	double logs = 0;
	int rc;
	memset(tail, 0, sizeof *tail);
	if (s->edge < 1 || s->n == 0)
		return FM_OK;
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] > (uint64_t)s->edge) {
			add(&above, (double)t->pkt[i] / (double)s->edge);
			add(&bytes, (double)t->byt[i]);
			logs += fm_det_log((double)t->pkt[i] / (double)s->edge);
		}
	if (above.n < k - 1 || logs <= 0 || (double)above.n / logs < 0.5) /* too few; too heavy to be any flow's */
		return FM_OK;
	*tail = (struct fm_tail){.edge = s->edge,
				 .above = above.n,
				 .from = above.n,
				 .alpha = (double)above.n / logs,
				 .mean = mean_of(&above, k - 1),
				 .size = size_of(&bytes, &above, s->edge, k - 1)};
	if ((rc = count_company(t, (uint64_t)s->edge + 1, UINT64_MAX, (size_t)above.n, &tail->largest, err)) < 0)
		return rc;
	return fit_bins(tail, s, k, err);
}

/* ---- as a document ---- */

static json_t *company_json(const struct fm_company *company)
{
	return json_pack("[f,f]", company->talk, company->source);
}

json_t *fm_tail_json(const struct fm_tail *tail)
{
	json_t *bins = json_array();
	for (size_t b = 0; b < tail->bins; b++)
		json_array_append_new(
		    bins, json_pack("{s:I, s:I, s:f, s:f, s:f, s:o}", "low", (json_int_t)tail->bin[b].low, "rows",
				    (json_int_t)tail->bin[b].rows, "mean", tail->bin[b].mean, "size", tail->bin[b].size,
				    "again", tail->bin[b].again, "company", company_json(&tail->bin[b].company)));
	return json_pack("{s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:o}", "edge", (json_int_t)tail->edge, "above",
			 (json_int_t)tail->above, "from", (json_int_t)tail->from, "alpha", tail->alpha, "mean",
			 tail->mean, "size", tail->size, "largest", company_json(&tail->largest), "bins", bins);
}

/* Read both numbers and check their ranges. */
static bool company_read(struct fm_company *company, const json_t *j)
{
	*company =
	    (struct fm_company){json_number_value(json_array_get(j, 0)), json_number_value(json_array_get(j, 1))};
	return company->talk >= 1 && company->source >= 1;
}

/* Read the bins; false where one is damaged. */
static bool bins_read(struct fm_tail *tail, const json_t *j)
{
	int64_t next = tail->edge, rows = tail->above;
	tail->bins = json_array_size(j);
	if (!json_is_array(j) || tail->bins > FM_TAIL_BINS)
		return false;
	for (size_t b = 0; b < tail->bins; b++) {
		const json_t *at = json_array_get(j, b);
		struct fm_tail_bin *bin = &tail->bin[b];
		bin->low = json_integer_value(json_object_get(at, "low"));
		bin->rows = json_integer_value(json_object_get(at, "rows"));
		bin->mean = json_number_value(json_object_get(at, "mean"));
		bin->size = json_number_value(json_object_get(at, "size"));
		bin->again = json_number_value(json_object_get(at, "again"));
		if (!company_read(&bin->company, json_object_get(at, "company")) || bin->low < 1 || bin->low > next ||
		    bin->rows < 1 || bin->rows > tail->from - rows || !(bin->mean >= 0) || !(bin->size >= 0) ||
		    !(bin->again >= 0 && bin->again <= 1))
			return false;
		next = bin->low - 1;
		rows += bin->rows;
	}
	return rows == tail->from;
}

int fm_tail_from_json(struct fm_tail *tail, const json_t *j, struct fm_error *err)
{
	memset(tail, 0, sizeof *tail);
	bool company = company_read(&tail->largest, json_object_get(j, "largest"));
	tail->edge = json_integer_value(json_object_get(j, "edge"));
	tail->above = json_integer_value(json_object_get(j, "above"));
	tail->from = json_integer_value(json_object_get(j, "from"));
	tail->alpha = json_number_value(json_object_get(j, "alpha"));
	tail->mean = json_number_value(json_object_get(j, "mean"));
	tail->size = json_number_value(json_object_get(j, "size"));
	if (tail->above < 0 || tail->from < tail->above || !bins_read(tail, json_object_get(j, "bins")) ||
	    !(tail->mean >= 0) || !(tail->size >= 0) ||
	    (tail->above > 0 &&
	     (tail->edge < 1 || tail->edge > ((int64_t)1 << 40) || !(tail->alpha >= 0.5) || !company)))
		return fm_fail(err, FM_EINPUT, "the model's codec is damaged: a tail");
	return FM_OK;
}

/* ---- made flows ---- */

/* The x in [lo, hi] at which a rising f has the value y. */
static double solve(double (*f)(const void *ctx, double x), const void *ctx, double lo, double hi, double y)
{
	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;
		if (f(ctx, mid) < y)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

static double power(double x, double e)
{
	return x > 0 ? fm_det_exp(e * fm_det_log(x)) : 0;
}

/* n quantiles, of shares (i + 1/2) / n, the largest first. */
struct quantiles {
	size_t n;
	double alpha, ratio; /* of the Pareto tail; a bin's next edge / low */
};

/* Quantile i of the Pareto tail truncated at exp(cut), as a multiple of the edge. */
static double above_at(const struct quantiles *q, double cut, size_t i)
{
	double share = ((double)i + 0.5) / (double)q->n, beyond = fm_det_exp(-q->alpha * cut);
	return power(beyond + share * (1 - beyond), -1 / q->alpha);
}

/* Quantile i of a bin, as a multiple of low. */
static double bin_at(const struct quantiles *q, double g, size_t i)
{
	double u = 1 - ((double)i + 0.5) / (double)q->n;
	return power(q->ratio, power(u, g));
}

static double above_mean(const void *ctx, double cut)
{
	const struct quantiles *q = ctx;
	double sum = 0;
	for (size_t i = 0; i < q->n; i++)
		sum += above_at(q, cut, i);
	return sum / (double)q->n;
}

static double bin_fall(const void *ctx, double g) /* minus the mean: it rises with g */
{
	const struct quantiles *q = ctx;
	double sum = 0;
	for (size_t i = 0; i < q->n; i++)
		sum += bin_at(q, g, i);
	return -sum / (double)q->n;
}

struct large {
	uint64_t first, then; /* sort keys, falling */
	size_t row;
};

static int compare_large(const void *a, const void *b)
{
	const struct large *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? 1 : -1;
	if (x->then != y->then)
		return x->then < y->then ? 1 : -1;
	return (x->row > y->row) - (x->row < y->row);
}

/* The nearest whole number; a damaged model may ask for more than there are. */
static uint64_t whole(double x)
{
	return x < 0x1p63 ? (uint64_t)(x + 0.5) : (uint64_t)1 << 63;
}

static void give_packets(struct fm_table *t, size_t row, double pkt)
{
	double was = t->pkt[row] > 0 ? (double)t->pkt[row] : 1;
	t->pkt[row] = pkt < 1 ? 1 : whole(pkt);
	t->byt[row] = whole((double)t->byt[row] * ((double)t->pkt[row] / was));
}

/* The packets of n flows beyond the edge. */
static void lay_above(const struct fm_tail *tail, struct fm_table *t, const struct large *large, size_t n)
{
	enum { FARTHEST = 12 }; /* logarithm of the largest, as a multiple of the edge */
	struct quantiles q = {n, tail->alpha, 0};
	double cut = tail->mean > 0 && n > 0 ? solve(above_mean, &q, 1e-6, FARTHEST, tail->mean) : FARTHEST;
	for (size_t i = 0; i < n; i++)
		give_packets(t, large[i].row, (double)tail->edge * above_at(&q, cut, i));
}

/* The packets of n flows of a bin that ends before `next`. */
static void lay_bin(const struct fm_tail_bin *bin, int64_t next, struct fm_table *t, const struct large *large,
		    size_t n)
{
	struct quantiles q = {n, 0, (double)(next - 1) / (double)bin->low};
	double g = bin->mean > 0 && n > 0 ? solve(bin_fall, &q, 0.01, 100, -bin->mean) : 1;
	for (size_t i = 0; i < n; i++)
		give_packets(t, large[i].row, (double)bin->low * bin_at(&q, g, i));
}

/* Copy to row `row` the columns of row `from` that say what kind of flow it is. */
static void take_after(struct fm_table *t, size_t row, size_t from)
{
	t->byt[row] = whole((double)t->pkt[row] * (double)t->byt[from] / (double)t->pkt[from]);
	t->sa[row] = t->sa[from];
	t->sp[row] = t->sp[from];
	t->pr[row] = t->pr[from];
	if (FM_HAS(t, FM_FLG))
		t->flg[row] = t->flg[from];
	if (FM_HAS(t, FM_STOS))
		t->stos[row] = t->stos[from];
}

static bool labels_differ(const struct fm_table *t, size_t row, size_t from)
{
	return FM_HAS(t, FM_LABEL) && t->label[row] != t->label[from];
}

/* Row `row` becomes a flow of the conversation of row `from`. */
static void join_conversation(struct fm_table *t, size_t row, size_t from)
{
	if (labels_differ(t, row, from))
		return;
	take_after(t, row, from);
	t->da[row] = t->da[from];
	t->dp[row] = t->dp[from];
}

/* May the source of row `from` send row `row`?  Not to itself, and only from the side that the row comes from. */
static bool may_send(const struct fm_table *t, size_t row, size_t from, const struct fm_tail_opts *o)
{
	return !labels_differ(t, row, from) && t->da[row] != t->sa[from] &&
	       (!o->side || o->side(o->ctx, t->sa[row]) == o->side(o->ctx, t->sa[from]));
}

/* Row `row` becomes one that the source of row `from` sends to another host, where that may be. */
static void join_source(struct fm_table *t, size_t row, size_t from, const struct fm_tail_opts *o)
{
	enum { SYSTEM_PORTS = 1024 };
	bool own_port = t->pr[row] == t->pr[from] && t->dp[row] >= SYSTEM_PORTS && t->dp[from] >= SYSTEM_PORTS;
	if (!may_send(t, row, from, o))
		return;
	take_after(t, row, from);
	if (!own_port)
		t->dp[row] = t->dp[from];
}

/* Make n rows flows of as few conversations, of as few sources, as was learned: the first row of each run gives its
 * conversation or source. */
static void lay_company(const struct fm_company *company, struct fm_table *t, const struct large *large, size_t n,
			const struct fm_tail_opts *o)
{
	size_t talks = (size_t)((double)n / company->talk + 0.5), sources, lead = 0, source = 0;
	talks = talks > 0 ? talks : 1;
	sources = (size_t)((double)talks / company->source + 0.5);
	sources = sources > 0 ? sources : 1;
	for (size_t i = 1; i < n; i++) {
		size_t talk = i * talks / n, before = lead * talks / n;
		if (talk == before) {
			join_conversation(t, large[i].row, large[lead].row);
			continue;
		}
		lead = i;
		if (talk * sources / talks == source * talks / n * sources / talks)
			join_source(t, large[i].row, large[source].row, o);
		else
			source = i;
	}
}

/* Rows [i, ...) of `large` before `end` that have one source: where they end. */
static size_t same_source(const struct fm_table *t, const struct large *large, size_t i, size_t end)
{
	uint32_t source = t->sa[large[i].row];
	while (i < end && t->sa[large[i].row] == source)
		i++;
	return i;
}

/* Give rows [i, end) of `large` the source of one of the `at` larger ones, the first that may be from `from` on.
 * Returns how many have it. */
static size_t take_source(struct fm_table *t, const struct large *large, size_t i, size_t end, size_t at, size_t from,
			  const struct fm_tail_opts *o)
{
	size_t taken = 0, tried = 0;
	while (tried < at && !may_send(t, large[i].row, large[from].row, o)) {
		from = (from + 1) % at;
		tried++;
	}
	for (; tried < at && i < end; i++) {
		join_source(t, large[i].row, large[from].row, o);
		taken += t->sa[large[i].row] == t->sa[large[from].row];
	}
	return taken;
}

/* Of rows [at, end) of `large`, as many as was learned have a source of larger ones, those before `at`: where too few
 * have, further sources of the rows become one, of larger rows as often as they have any. */
static int lay_again(double again, struct fm_table *t, const struct large *large, size_t at, size_t end,
		     const struct fm_tail_opts *o, struct fm_error *err)
{
	uint64_t *above = NULL;
	double wanted = again * (double)(end - at) + 0.5, have = 0;
	size_t next;
	int rc;
	if ((rc = fm_alloc(&above, at + 1, sizeof *above, "the largest flows", err)) < 0)
		return rc;
	for (size_t i = 0; i < at; i++)
		above[i] = t->sa[large[i].row];
	qsort(above, at, sizeof *above, fm_compare_u64);
	for (size_t i = at; i < end; i++)
		have += has_host(above, at, t->sa[large[i].row]);
	for (size_t i = at; i < end; i = next) {
		next = same_source(t, large, i, end);
		if (have + (double)(next - i) <= wanted && !has_host(above, at, t->sa[large[i].row]))
			have += (double)take_source(t, large, i, next, at, (i - at) * at / (end - at), o);
	}
	free(above);
	return FM_OK;
}

struct sizes {
	const struct fm_table *t;
	const struct large *large;
	size_t n;
	double most;
};

#define HEADERS 40.0 /* bytes of an IP and a TCP header */

static double size_at(const struct sizes *s, size_t i, double factor)
{
	size_t row = s->large[i].row;
	double was = (double)s->t->byt[row] / (double)s->t->pkt[row], size = fm_det_exp(factor) * was;
	double least = was < HEADERS ? was : HEADERS;
	return size < least ? least : size < s->most ? size : s->most;
}

static double bytes_a_packet(const void *ctx, double factor)
{
	const struct sizes *s = ctx;
	double byt = 0, pkt = 0;
	for (size_t i = 0; i < s->n; i++) {
		byt += size_at(s, i, factor) * (double)s->t->pkt[s->large[i].row];
		pkt += (double)s->t->pkt[s->large[i].row];
	}
	return byt / pkt;
}

/* All packets of n rows are larger, or smaller, by one factor, so that they have `size` bytes in the mean, but none is
 * larger than the largest, and none is without its headers. */
static void lay_bytes(double size, struct fm_table *t, const struct large *large, size_t n, double most)
{
	struct sizes s = {t, large, n, most};
	double factor;
	if (size <= 0 || n == 0)
		return;
	factor = solve(bytes_a_packet, &s, -8, 8, size);
	for (size_t i = 0; i < n; i++)
		t->byt[large[i].row] = whole(size_at(&s, i, factor) * (double)t->pkt[large[i].row]);
}

/* How many of n made rows stand for the first `rows` of those that were learned. */
static size_t rows_of(size_t n, const struct fm_tail *tail, int64_t rows)
{
	return (size_t)((double)n * (double)rows / (double)tail->from + 0.5);
}

int fm_tail_lay(const struct fm_tail *tail, struct fm_table *t, const struct fm_tail_opts *o, struct fm_error *err)
{
	struct large *large = NULL;
	size_t n, at, end, last;
	int64_t rows = tail->above, next = tail->edge + 1;
	int rc;
	if (tail->above == 0)
		return FM_OK;
	if ((rc = fm_alloc(&large, t->rows + 1, sizeof *large, "the largest flows", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		large[i] = (struct large){t->pkt[i], t->byt[i], i};
	qsort(large, t->rows, sizeof *large, compare_large);
	n = (size_t)((double)t->rows * o->share + 0.5);
	n = n < t->rows ? n : t->rows;
	last = rows_of(n, tail, rows + (tail->bins > 0 ? tail->bin[0].rows : 0));
	for (size_t i = 0; i < last; i++) {
		large[i].then = large[i].first;
		large[i].first = t->td[large[i].row];
	}
	qsort(large, last, sizeof *large, compare_large);
	at = rows_of(n, tail, rows);
	lay_above(tail, t, large, at);
	lay_company(&tail->largest, t, large, at, o);
	lay_bytes(tail->size, t, large, at, o->most);
	for (size_t b = 0; b < tail->bins; b++, at = end) {
		rows += tail->bin[b].rows;
		end = rows_of(n, tail, rows);
		lay_bin(&tail->bin[b], next, t, large + at, end - at);
		lay_company(&tail->bin[b].company, t, large + at, end - at, o);
		if ((rc = lay_again(tail->bin[b].again, t, large, at, end, o, err)) < 0)
			break;
		lay_bytes(tail->bin[b].size, t, large + at, end - at, o->most);
		next = tail->bin[b].low;
	}
	free(large);
	return rc;
}
