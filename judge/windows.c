#include "judge/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/rows.h"
#include "judge/column.h"

enum { MOST = 8, NCOUNTED = 5, PORTS = 65536 };

/* Columns whose most frequent values, by the keys of real, are counted. */
static const enum fm_col counted[NCOUNTED] = {FM_PR, FM_FLG, FM_STOS, FM_LABEL, FM_DP};

struct fm_windows {
	const struct fm_table *real;
	unsigned present;
	size_t size, width;
	uint32_t value[NCOUNTED][MOST]; /* real's keys, the most frequent first */
	size_t values[NCOUNTED];
};

static int has(const struct fm_windows *w, enum fm_col c)
{
	return (w->present >> c) & 1u;
}

static size_t count_width(const struct fm_windows *w)
{
	int hosts = has(w, FM_SA) && has(w, FM_DA), ports = has(w, FM_SP) && has(w, FM_DP);
	size_t n = 7; /* numbers for time */

	n += hosts ? 11 : 0;
	n += ports ? 5 : 0;
	n += hosts && ports && has(w, FM_PR) ? 1 : 0;
	n += has(w, FM_PKT) ? 5 : 0;
	n += has(w, FM_BYT) ? 6 : 0;
	n += has(w, FM_TD) ? 4 : 0;
	for (int k = 0; k < NCOUNTED; k++)
		n += w->values[k];
	return n;
}

/* The most frequent keys of a column of real, ties to the smaller key. */
static int find_frequent(struct fm_windows *w, int k, struct fm_error *err)
{
	enum fm_col c = counted[k];
	const uint16_t *v = w->real->col[c];
	uint32_t *count = NULL;
	int rc;

	if ((rc = fm_alloc(&count, PORTS, sizeof *count, "counts of a column", err)) < 0)
		return rc;
	for (size_t i = 0; i < w->real->rows; i++)
		count[v[i]]++;
	for (w->values[k] = 0; w->values[k] < MOST; w->values[k]++) {
		uint32_t best = 0;
		for (uint32_t i = 1; i < PORTS; i++)
			if (count[i] > count[best])
				best = i;
		if (count[best] == 0)
			break;
		w->value[k][w->values[k]] = best;
		count[best] = 0;
	}
	free(count);
	return FM_OK;
}

int fm_windows_new(struct fm_windows **out, const struct fm_table *real, unsigned present, size_t size,
		   struct fm_error *err)
{
	struct fm_windows *w = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "windows", err)) < 0)
		return rc;
	*w = (struct fm_windows){.real = real, .present = present & real->present, .size = size};
	for (int k = 0; k < NCOUNTED; k++)
		if (has(w, counted[k]) && (rc = find_frequent(w, k, err)) < 0) {
			free(w);
			return rc;
		}
	w->width = count_width(w);
	*out = w;
	return FM_OK;
}

size_t fm_windows_width(const struct fm_windows *w)
{
	return w->width;
}

void fm_windows_free(struct fm_windows *w)
{
	free(w);
}

/* ---- small sorted sets ---- */

/* Append the number of distinct keys as a share of n, and the share of the most frequent one; sorts the keys. */
static void spread(uint64_t *key, size_t n, float **x)
{
	size_t distinct = 0, most = 0;

	qsort(key, n, sizeof *key, fm_compare_u64);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && key[j] == key[i]; j++)
			;
		distinct++;
		most = j - i > most ? j - i : most;
	}
	*(*x)++ = (float)distinct / (float)n;
	*(*x)++ = (float)most / (float)n;
}

static void mean_and_deviation(const double *v, size_t n, float **x)
{
	double mean = 0, square = 0;

	for (size_t i = 0; i < n; i++)
		mean += v[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		square += (v[i] - mean) * (v[i] - mean) / (double)n;
	*(*x)++ = (float)mean;
	*(*x)++ = (float)sqrt(square);
}

/* ---- the numbers of one window: row[0 .. n) of t ---- */

static void times(const struct fm_table *t, const uint32_t *row, size_t n, float **x)
{
	double gap[FM_WINDOW_MAX] = {0};
	size_t none = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		gap[i] = log1p((double)((uint64_t)t->te[row[i + 1]] - (uint64_t)t->te[row[i]]));
		none += gap[i] == 0;
	}
	*(*x)++ = (float)log1p((double)((uint64_t)t->te[row[n - 1]] - (uint64_t)t->te[row[0]]));
	*(*x)++ = (float)none / (float)(n - 1);
	qsort(gap, n - 1, sizeof *gap, fm_compare_doubles);
	for (size_t q = 1; q <= 5; q++)
		*(*x)++ = (float)gap[q * (n - 2) / 5];
}

static void hosts(const struct fm_table *t, const uint32_t *row, size_t n, float **x)
{
	uint64_t key[2 * FM_WINDOW_MAX], pair[FM_WINDOW_MAX];
	size_t same_source = 0, same_pair = 0, peers = 0;

	for (size_t i = 0; i < n; i++)
		key[i] = t->sa[row[i]];
	spread(key, n, x);
	for (size_t i = 0; i < n; i++)
		key[i] = t->da[row[i]];
	spread(key, n, x);
	for (size_t i = 0; i < n; i++) {
		uint64_t a = t->sa[row[i]], b = t->da[row[i]];
		key[2 * i] = a;
		key[2 * i + 1] = b;
		pair[i] = a < b ? a << 32 | b : b << 32 | a;
	}
	spread(key, 2 * n, x);
	spread(pair, n, x);
	for (size_t i = 0; i < n; i++)
		pair[i] = (uint64_t)t->sa[row[i]] << 32 | t->da[row[i]];
	for (size_t i = 1; i < n; i++) {
		same_source += pair[i] >> 32 == pair[i - 1] >> 32;
		same_pair += pair[i] == pair[i - 1];
	}
	qsort(pair, n, sizeof *pair, fm_compare_u64);
	for (size_t i = 0, j; i < n; i = j) { /* the most peers of one source */
		size_t p = 0;
		for (j = i; j < n && pair[j] >> 32 == pair[i] >> 32; j++)
			p += j == i || pair[j] != pair[j - 1];
		peers = p > peers ? p : peers;
	}
	*(*x)++ = (float)same_source / (float)(n - 1);
	*(*x)++ = (float)same_pair / (float)(n - 1);
	*(*x)++ = (float)peers / (float)n;
}

static void ports(const struct fm_table *t, const uint32_t *row, size_t n, float **x)
{
	uint64_t key[FM_WINDOW_MAX] = {0};
	size_t low_source = 0, low = 0;

	for (size_t i = 0; i < n; i++) {
		key[i] = t->sp[row[i]];
		low_source += t->sp[row[i]] < 1024;
		low += t->dp[row[i]] < 1024;
	}
	spread(key, n, x);
	for (size_t i = 0; i < n; i++)
		key[i] = t->dp[row[i]];
	qsort(key, n, sizeof *key, fm_compare_u64);
	size_t distinct = 1;
	for (size_t i = 1; i < n; i++)
		distinct += key[i] != key[i - 1];
	*(*x)++ = (float)distinct / (float)n;
	*(*x)++ = (float)low_source / (float)n;
	*(*x)++ = (float)low / (float)n;
}

/* Append the share of flows that reverse the 5-tuple of an earlier flow of the window. */
static void answers(const struct fm_table *t, const uint32_t *row, size_t n, float **x)
{
	size_t hits = 0;

	for (size_t i = 1; i < n; i++) {
		uint32_t a = row[i];
		for (size_t j = i; j-- > 0;) {
			uint32_t b = row[j];
			if (t->sa[a] == t->da[b] && t->da[a] == t->sa[b] && t->sp[a] == t->dp[b] &&
			    t->dp[a] == t->sp[b] && t->pr[a] == t->pr[b]) {
				hits++;
				break;
			}
		}
	}
	*(*x)++ = (float)hits / (float)n;
}

/* Append the numbers of a count column: log of the sum, share of the smallest value, mean and deviation of the log,
 * distinct values; for bytes also the largest. */
static void counts(const uint64_t *v, const uint32_t *row, size_t n, int largest, float **x)
{
	double logs[FM_WINDOW_MAX], sum = 0, most = 0;
	uint64_t key[FM_WINDOW_MAX] = {0};
	size_t ones = 0, distinct = 1;

	for (size_t i = 0; i < n; i++) {
		key[i] = v[row[i]];
		logs[i] = log1p((double)key[i]);
		sum += (double)key[i];
		most = fmax(most, logs[i]);
		ones += key[i] == 1;
	}
	qsort(key, n, sizeof *key, fm_compare_u64);
	for (size_t i = 1; i < n; i++)
		distinct += key[i] != key[i - 1];
	*(*x)++ = (float)log1p(sum);
	*(*x)++ = (float)ones / (float)n;
	mean_and_deviation(logs, n, x);
	*(*x)++ = (float)distinct / (float)n;
	if (largest)
		*(*x)++ = (float)most;
}

static void durations(const struct fm_table *t, const uint32_t *row, size_t n, float **x)
{
	double logs[FM_WINDOW_MAX], most = 0;
	size_t none = 0;

	for (size_t i = 0; i < n; i++) {
		logs[i] = log1p((double)t->td[row[i]]);
		most = fmax(most, logs[i]);
		none += t->td[row[i]] == 0;
	}
	*(*x)++ = (float)none / (float)n;
	mean_and_deviation(logs, n, x);
	*(*x)++ = (float)most;
}

static void shares(const struct fm_windows *w, int k, const uint32_t *code, const struct fm_table *t,
		   const uint32_t *row, size_t n, float **x)
{
	const uint16_t *v = t->col[counted[k]];
	size_t count[MOST] = {0};

	for (size_t i = 0; i < n; i++) {
		uint32_t key = code ? code[v[row[i]]] : v[row[i]];
		for (size_t j = 0; j < w->values[k]; j++)
			count[j] += key == w->value[k][j];
	}
	for (size_t j = 0; j < w->values[k]; j++)
		*(*x)++ = (float)count[j] / (float)n;
}

static void fill_window(const struct fm_windows *w, uint32_t *const code[NCOUNTED], const struct fm_table *t,
			const uint32_t *row, float *x)
{
	int with_hosts = has(w, FM_SA) && has(w, FM_DA), with_ports = has(w, FM_SP) && has(w, FM_DP);
	size_t n = w->size;

	times(t, row, n, &x);
	if (with_hosts)
		hosts(t, row, n, &x);
	if (with_ports)
		ports(t, row, n, &x);
	if (with_hosts && with_ports && has(w, FM_PR))
		answers(t, row, n, &x);
	if (has(w, FM_PKT))
		counts(t->pkt, row, n, 0, &x);
	if (has(w, FM_BYT))
		counts(t->byt, row, n, 1, &x);
	if (has(w, FM_TD))
		durations(t, row, n, &x);
	for (int k = 0; k < NCOUNTED; k++)
		if (w->values[k])
			shares(w, k, code[k], t, row, n, &x);
}

int fm_windows_fill(const struct fm_windows *w, const struct fm_table *t, const uint32_t *which, size_t n, float *x,
		    struct fm_error *err)
{
	uint32_t *code[NCOUNTED] = {NULL}, *order = NULL;
	int rc = FM_OK;

	for (int k = 0; k < NCOUNTED; k++) {
		const struct fm_dict *d = &t->dict[counted[k]];
		if (!w->values[k] || counted[k] == FM_DP)
			continue;
		if ((rc = fm_alloc(&code[k], d->n ? d->n : 1, sizeof *code[k], "category codes", err)) < 0 ||
		    (rc = fm_dict_match(&w->real->dict[counted[k]], d, code[k], err)) < 0)
			goto out;
	}
	if ((rc = fm_rows_by_time(t, &order, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		fill_window(w, code, t, order + which[i] * w->size, x + i * w->width);
out:
	for (int k = 0; k < NCOUNTED; k++)
		free(code[k]);
	free(order);
	return rc;
}
