/* What the columns of a file without a header may be: by kinds of values, and by the order in which collectors write
 * them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/table.h"
#include "manifests/dialect.h"
#include "manifests/embed.h"
#include "traces/sniff_parts.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* The next column of a kind that is not taken, from `from` on, or -1. */
static int next_of(const struct fm_sniff_guess *g, int n, int from, unsigned kinds)
{
	for (int k = from; k < n; k++)
		if (g[k].col < 0 && !g[k].aside && !g[k].counts && kinds >> g[k].kind & 1u)
			return k;
	return -1;
}

/* Can it be a column of ports, which may have ICMP's type and code as 8.0? */
static bool is_port(const struct fm_sniff_guess *g)
{
	return (g->kind == INTEGER || g->kind == EMPTY || (g->kind == DECIMAL && g->mixed && g->codes)) && !g->counts &&
	       g->most <= 65535;
}

/* Can column k be a port? Then one more than its largest number, else 0. */
static uint64_t port_at(const struct fm_sniff_guess *g, int n, int k)
{
	return k < n && is_port(&g[k]) ? g[k].most + 1 : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How much columns a and b look like the ends of a flow, by the ports beside them: each behind its address, or both
 * behind both. What stands beside an exporter or a next hop is mostly the small number of an interface. */
static uint64_t ends_at(const struct fm_sniff_guess *g, int n, int a, int b)
{
	if (b == a + 2)
		return least(port_at(g, n, a + 1), port_at(g, n, b + 1));
	return b == a + 1 ? least(port_at(g, n, b + 1), port_at(g, n, b + 2)) : 0;
}

#define FEW_PORTS 20 /* no flow has them alone; interfaces have such numbers */

/* Of more than two columns of addresses, those of an exporter or a next hop are no ends of flows. Where the ports do
 * not tell, a column of one address in all rows is none where two others are. */
static void leave_exporters(struct fm_sniff_guess *g, int n)
{
	int all = 0, others = 0, ends[2] = {-1, -1};
	uint64_t most = 0;

	for (int k = 0; k < n; k++) {
		all += g[k].kind == ADDRESS;
		others += g[k].kind == ADDRESS && !g[k].constant;
		for (int m = k + 1; m < n && m < k + 3; m++)
			if (g[k].kind == ADDRESS && g[m].kind == ADDRESS && ends_at(g, n, k, m) > most) {
				most = ends_at(g, n, k, m);
				ends[0] = k;
				ends[1] = m;
			}
	}
	if (most < FEW_PORTS && others == 2)
		most = 0;
	for (int k = 0; k < n && all > 2; k++)
		if (g[k].kind == ADDRESS && (most > 0 ? k != ends[0] && k != ends[1] : others > 1 && g[k].constant))
			g[k].kind = NOTHING;
}

/* The column that fills col, or one of those whose sum does, or -1. */
static int filled_by(const struct fm_sniff_guess *g, int n, int col, bool start)
{
	for (int k = 0; k < n; k++)
		if (g[k].col == col && g[k].start == start && !g[k].reply)
			return k;
	return -1;
}

static const char by_place[] = "by its values and place";

#define TIMES_MAX 8 /* columns of times that are compared */

/* Of the columns of times, the first two of which one is mostly the earlier one where they differ, as clocks may be
 * wrong: start and end, whatever their order. Without such two *one and *two stay. */
static void find_start_and_end(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int *one, int *two)
{
	int at[TIMES_MAX], n = 0, order[3];

	for (int k = *one; k >= 0 && n < TIMES_MAX; k = next_of(g, p->nfields, k + 1, 1u << CLOCK | 1u << EPOCH))
		at[n++] = k;
	for (int a = 0; a < n; a++)
		for (int b = a + 1; b < n; b++) {
			fm_sniff_order(p, g, at[a], at[b], order);
			if (order[0] <= 2 * order[2] && order[2] <= 2 * order[0])
				continue;
			*one = at[order[0] > order[2] ? a : b];
			*two = at[order[0] > order[2] ? b : a];
			return;
		}
}

/* Two of start, te and td, as far as they are not known. */
static void place_times(const struct fm_sniff_page *p, struct fm_sniff_guess *g, int n)
{
	const unsigned times = 1u << CLOCK | 1u << EPOCH;
	const int start = filled_by(g, n, FM_TE, true), end = filled_by(g, n, FM_TE, false);
	const int td = filled_by(g, n, FM_TD, false);
	int one = next_of(g, n, 0, times), two = one < 0 ? -1 : next_of(g, n, one + 1, times), at;

	if ((start >= 0) + (end >= 0) + (td >= 0) > 1)
		return;
	if (start < 0 && end < 0)
		find_start_and_end(p, g, &one, &two);
	if (one >= 0 && start < 0)
		fm_sniff_take(&g[one], FM_TE, true,
			      end < 0 && two < 0 ? "by its values: or is it the end (te)?" : by_place);
	else if (one >= 0)
		fm_sniff_take(&g[one], FM_TE, false, by_place);
	if (two >= 0 && start < 0 && end < 0)
		fm_sniff_take(&g[two], FM_TE, false, by_place);
	/* The duration stands behind a time. */
	for (at = 0; at < n && g[at].col != FM_TE; at++)
		;
	if (td < 0 && (at = next_of(g, n, at < n ? at + 1 : 0, 1u << DECIMAL)) >= 0)
		fm_sniff_take(&g[at], FM_TD, false, by_place);
}

static bool number_at(const struct fm_sniff_page *p, int i, int k, uint64_t *number)
{
	const char *format;

	*number = 0;
	return k >= 0 && k < p->ncells[i] && fm_sniff_kind_of(&p->cell[i][k], &format, number) == INTEGER;
}

/* May they be packets and the bytes of their payload alone? Then some rows have none, and at most one of `few` that
 * have any has fewer than packets. */
static bool are_payload(const struct fm_sniff_page *p, int pkt, int byt, int few)
{
	int rows, against = fm_sniff_against(p, pkt, byt, 1, &rows);

	return against * few <= rows;
}

/* Numbers that may be packets and bytes. */
struct pair {
	int pkt, byt; /* columns, or -1 */
};

/* The last two numbers from column `from` on, as far as they are not 0 in all rows. */
static struct pair last_two(const struct fm_sniff_guess *g, int n, int from)
{
	struct pair last = {-1, -1};

	for (int k = next_of(g, n, from, 1u << INTEGER); k >= 0; k = next_of(g, n, k + 1, 1u << INTEGER))
		if (g[k].most)
			last = (struct pair){last.byt, k};
	return last;
}

static void take_pair(struct fm_sniff_guess *g, struct pair at, const char *why)
{
	fm_sniff_take(&g[at.pkt], FM_PKT, false, by_place);
	fm_sniff_take(&g[at.byt], FM_BYT, false, why);
}

/* Is column k a number that differs from row to row, and not taken? */
static bool is_open(const struct fm_sniff_guess *g, int n, int k)
{
	return k >= 0 && k < n && next_of(g, k + 1, k, 1u << INTEGER) == k && !g[k].constant;
}

static bool are_open_counts(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct pair at)
{
	return is_open(g, p->nfields, at.pkt) && is_open(g, p->nfields, at.byt) &&
	       fm_sniff_are_counts(p, at.pkt, at.byt);
}

/* Are the two columns before `at` those of the way there, and `at` of the way back? Some flows have no way back, or
 * both pairs are more and less together, as few other numbers are: those of two interfaces are few. */
static bool are_ways(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct pair at)
{
	const struct pair there = {at.pkt - 2, at.byt - 2};
	int one_way = 0, all[2];

	if (at.byt != at.pkt + 1 || !are_open_counts(p, g, there) || !are_open_counts(p, g, at))
		return false;
	for (int i = p->header; i < p->nlines; i++) {
		uint64_t x[2], y[2];

		if (!fm_sniff_counts_at(p, i, there.pkt, there.byt, &x[0], &y[0]) ||
		    !fm_sniff_counts_at(p, i, at.pkt, at.byt, &x[1], &y[1]))
			continue;
		if (!x[0] || !y[0])
			return false;
		one_way += !x[1] && !y[1];
	}
	for (int w = 0; w < 2 && !one_way; w++)
		if (fm_sniff_agree(p, at.pkt - 2 * w, at.byt - 2 * w, &all[w]) * 4 < all[w] * 3)
			return false;
	return true;
}

/* Are the columns around the neighbours `at` such numbers too, as packets of both ways before the bytes of both? Then
 * which are which cannot be told. */
static bool are_mixed_ways(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct pair at)
{
	const int first = at.pkt < at.byt ? at.pkt : at.byt;
	const int before = first - 1, behind = first + 2;

	return is_open(g, p->nfields, before) && is_open(g, p->nfields, behind) &&
	       (at.pkt == first ? fm_sniff_are_counts(p, before, at.byt) && fm_sniff_are_counts(p, at.pkt, behind)
				: fm_sniff_are_counts(p, at.pkt, before) && fm_sniff_are_counts(p, behind, at.byt));
}

/* Are the last two numbers the bytes, or the packets, of both ways behind the packets, or the bytes? */
static bool are_last_mixed(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, struct pair last)
{
	const struct pair there = {last.pkt - 1, last.pkt}, back = {last.pkt, last.pkt - 1};

	return (are_open_counts(p, g, there) && are_mixed_ways(p, g, there)) ||
	       (are_open_counts(p, g, back) && are_mixed_ways(p, g, back));
}

/* Packets and bytes by what they can be: the last two numbers, or else neighbours from column `from` on, packets first
 * or, with back, bytes; of several those that are more and less together. Numbers of networks and interfaces, flags and
 * sums of flows may stand before and behind them. With likely only those that are mostly more together count.
 * False: they are of both ways, and which are which cannot be told. */
static bool place_neighbours(const struct fm_sniff_page *p, struct fm_sniff_guess *g, int n, int from, bool back,
			     bool likely)
{
	const struct pair last = last_two(g, n, from);
	const bool open = is_open(g, n, last.pkt) && is_open(g, n, last.byt);
	const bool are_last = last.pkt >= 0 && (open || !likely) && fm_sniff_are_counts(p, last.pkt, last.byt);
	struct pair best = {-1, -1};
	bool payload;
	int most = -1;

	if (filled_by(g, n, FM_PKT, false) >= 0 || filled_by(g, n, FM_BYT, false) >= 0)
		return true;
	if (!back && are_last && (!likely || fm_sniff_agree(p, last.pkt, last.byt, NULL) >= 0)) {
		best = last;
	} else {
		payload = open && are_payload(p, last.pkt, last.byt, 2) &&
			  (!likely || fm_sniff_go_together(p, last.pkt, last.byt));
		if (payload && are_payload(p, last.pkt, last.byt, 10) && !are_last_mixed(p, g, last))
			return true;
		if (payload)
			most = fm_sniff_agree(p, last.pkt, last.byt, NULL);
		for (int k = from; k + 1 < n; k++) {
			struct pair at = {k + back, k + !back};
			int together;

			if (!are_open_counts(p, g, at) || (likely && !fm_sniff_go_together(p, at.pkt, at.byt)))
				continue;
			if (are_mixed_ways(p, g, at)) {
				if (likely && are_last)
					continue;
				return false;
			}
			together = fm_sniff_agree(p, at.pkt, at.byt, NULL);
			if (best.pkt < 0 ? !payload || together > most : together > most) {
				best = at;
				most = together;
			}
		}
	}
	if (best.pkt < 0)
		return true;
	if (are_ways(p, g, best)) {
		g[best.pkt].why = "not read: packets of the way back? (column: pkt, reply: true)";
		g[best.byt].why = "not read: bytes of the way back? (column: byt, reply: true)";
		best = (struct pair){best.pkt - 2, best.byt - 2};
	}
	take_pair(g, best, by_place);
	return true;
}

/* Else packets are the last but one of the numbers, bytes the last, if they can be that, be it without the headers;
 * where one of them is known, the other is beside it, and the packets are the fewer. */
static void place_counts(const struct fm_sniff_page *p, struct fm_sniff_guess *g, int n, int from)
{
	const int pkt = filled_by(g, n, FM_PKT, false), byt = filled_by(g, n, FM_BYT, false);
	const int other = pkt >= 0 ? pkt : byt;
	int best = -1;

	if (pkt < 0 && byt < 0) {
		const struct pair last = last_two(g, n, from);

		if (last.pkt >= 0 && fm_sniff_are_counts(p, last.pkt, last.byt))
			take_pair(g, last, by_place);
		else if (last.pkt >= 0 && are_payload(p, last.pkt, last.byt, 2))
			take_pair(g, last, "by its values and place, few bytes a packet: of the payload alone?");
		return;
	}
	if (pkt >= 0 && byt >= 0)
		return;
	for (int k = next_of(g, n, 0, 1u << INTEGER); k >= 0; k = next_of(g, n, k + 1, 1u << INTEGER))
		if (g[k].most && (pkt < 0 ? g[k].most <= g[other].most : g[other].most <= g[k].most) &&
		    (best < 0 || abs(k - other) < abs(best - other)))
			best = k;
	if (best >= 0)
		fm_sniff_take(&g[best], pkt < 0 ? FM_PKT : FM_BYT, false, by_place);
}

/* The label is one of the last two columns. */
static void place_label(struct fm_sniff_guess *g, int n)
{
	for (int k = n - 1; k >= 0 && k >= n - 2 && filled_by(g, n, FM_LABEL, false) < 0; k--)
		if (g[k].col < 0 && !g[k].aside && g[k].kind == WORD)
			fm_sniff_take(&g[k], FM_LABEL, false, by_place);
}

/* Are both ports in the columns of the ends? */
static bool has_ports(const struct fm_sniff_guess *g, int n)
{
	for (int c = FM_SA; c <= FM_DA; c++) {
		const int k = filled_by(g, n, c, false);

		if (k < 0 || !g[k].format || strcmp(g[k].format, "address-port") != 0)
			return false;
	}
	return true;
}

/* The ports beside the ends, where they can be there. */
static void place_ports_beside(struct fm_sniff_guess *g, int n)
{
	const int a = filled_by(g, n, FM_SA, false), b = filled_by(g, n, FM_DA, false);
	const int sp = b == a + 1 ? b + 1 : a + 1, dp = b == a + 1 ? b + 2 : b + 1;

	if (a < 0 || filled_by(g, n, FM_SP, false) >= 0 || filled_by(g, n, FM_DP, false) >= 0 || !ends_at(g, n, a, b) ||
	    g[sp].col >= 0 || g[dp].col >= 0)
		return;
	fm_sniff_take(&g[sp], FM_SP, false, by_place);
	fm_sniff_take(&g[dp], FM_DP, false, by_place);
}

/* Else they are what can be one of the numbers behind the ends, rather than a small one that is the same in all rows,
 * as that of an interface. */
static void place_ports(struct fm_sniff_guess *g, int n, int last)
{
	int from = last > 3 ? last - 3 : 0;

	for (int c = FM_SP; c <= FM_DP; c++)
		for (int any = 0; any < 2; any++)
			for (int k = from; k < n && filled_by(g, n, c, false) < 0; k++)
				if (g[k].col < 0 && !g[k].aside && is_port(&g[k]) &&
				    (any || !g[k].constant || g[k].most >= FEW_PORTS)) {
					fm_sniff_take(&g[k], c, false, by_place);
					from = k + 1;
				}
}

/* What names do not tell: by kinds and in the order that most collectors have. */
void fm_sniff_by_place(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	const int n = p->nfields;
	int at, last = 0;
	bool apart, told;

	leave_exporters(g, n);
	for (int c = FM_SA; c <= FM_DA; c++)
		if (filled_by(g, n, c, false) < 0 && (at = next_of(g, n, 0, 1u << ADDRESS)) >= 0) {
			fm_sniff_take(&g[at], c, false,
				      c == FM_SA && !p->header ? "by its values: or is it the destination?" : by_place);
			last = at;
		}
	at = next_of(g, n, 0, 1u << PROTOCOL);
	for (int k = next_of(g, n, 0, 1u << INTEGER); at < 0 && k >= 0; k = next_of(g, n, k + 1, 1u << INTEGER))
		at = g[k].protocols ? k : -1;
	if (at >= 0 && filled_by(g, n, FM_PR, false) < 0)
		fm_sniff_take(&g[at], FM_PR, false, by_place);
	place_times(p, g, n);
	apart = !has_ports(g, n);
	if (apart)
		place_ports_beside(g, n);
	told = place_neighbours(p, g, n, last, false, true) && place_neighbours(p, g, n, last, true, true);
	if (told && place_neighbours(p, g, n, 0, false, true))
		(void)place_neighbours(p, g, n, 0, true, true);
	told = told && place_neighbours(p, g, n, last, false, false);
	if (apart)
		place_ports(g, n, last);
	if (told && place_neighbours(p, g, n, last, true, false))
		place_counts(p, g, n, last);
	place_label(g, n);
}

/* Can values such as those of g stand in column k of the dialect? */
static bool can_stand(const struct fm_dialect *d, int k, const struct fm_sniff_guess *g)
{
	enum fm_format f = d->cols[k].format;

	if (d->cols[k].counts_flows || d->cols[k].samples)
		return g->kind == INTEGER;
	if (d->cols[k].col < 0)
		return true;
	switch (fm_cols[d->cols[k].col].kind) {
	case FM_KIND_TIME:
		return f == FM_FMT_DATETIME ? g->kind == CLOCK && !strcmp(g->format, "datetime")
		       : f == FM_FMT_SECONDS
			   ? g->kind == EPOCH && !strcmp(g->format, "seconds")
			   : f == FM_FMT_MILLISECONDS && g->kind == EPOCH && !strcmp(g->format, "milliseconds");
	case FM_KIND_DURATION:
		return f == FM_FMT_SECONDS && (g->kind == INTEGER || g->kind == DECIMAL);
	case FM_KIND_ADDRESS:
		return f == FM_FMT_ADDRESS && g->kind == ADDRESS && !g->format;
	case FM_KIND_PORT:
		return (g->kind == INTEGER || g->kind == DECIMAL || g->kind == EMPTY) && g->most <= 65535;
	case FM_KIND_COUNT:
		return g->kind == INTEGER || g->kind == DECIMAL;
	case FM_KIND_CATEGORY:
		return d->cols[k].col != FM_PR || g->kind == PROTOCOL || (g->kind == INTEGER && g->most < 256);
	}
	return false;
}

/* Has column k one of the words that the dialect's has, in all rows or, where it passes others over, in most? *word: it
 * has, and the dialect says so. */
static bool has_words(const struct fm_dialect *d, const struct fm_sniff_page *p, int k, bool *word)
{
	int have = 0;

	for (int i = p->header; i < p->nlines; i++)
		for (int m = 0; k < p->ncells[i] && m < d->cols[k].nonly; m++)
			have += strlen(d->cols[k].only[m]) == p->cell[i][k].n &&
				!memcmp(d->cols[k].only[m], p->cell[i][k].s, p->cell[i][k].n);
	*word = *word || d->cols[k].nonly;
	return !d->cols[k].nonly || (d->cols[k].skips_others ? have * 2 > p->nlines : have == p->nlines - p->header);
}

static int first_of(const struct fm_dialect *d, int col)
{
	int k = 0;

	while (k < d->ncols && d->cols[k].col != col)
		k++;
	return k < d->ncols ? k : -1;
}

/* Are the columns those of the dialect, in its order, with or without more behind them? */
static bool is_in_order(const struct fm_dialect *d, const struct fm_sniff_page *p, const struct fm_sniff_guess *g)
{
	const unsigned ends = 1u << FM_SA | 1u << FM_DA;
	bool words = false;
	int pkt, byt, rows;

	if (d->json || d->packets || d->ipfix || d->blanks || d->delimiter != p->delimiter || d->ncols > p->nfields ||
	    (d->present & ends) != ends)
		return false;
	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].part || !has_words(d, p, k, &words) || !can_stand(d, k, &g[k]))
			return false;
	pkt = first_of(d, FM_PKT);
	byt = first_of(d, FM_BYT);
	if (words)
		return fm_sniff_are_counts(p, pkt, byt);
	return (d->ncols == p->nfields || d->header || d->extra_columns) &&
	       fm_sniff_against(p, pkt, byt, 2, &rows) * 2 <= rows;
}

/* May column k say of how many flows each row is the sum? Most rows are one flow, none is no flow, and none has fewer
 * packets than flows; a label of 0 and 1, a type of service and the number of a network look otherwise. */
static bool counts_flows(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int k)
{
	const int pkt = filled_by(g, p->nfields, FM_PKT, false);
	int ones = 0;

	for (int i = 0; i < p->nlines; i++) {
		uint64_t flows, packets;

		if (!number_at(p, i, k, &flows) || flows == 0 || (number_at(p, i, pkt, &packets) && packets < flows))
			return false;
		ones += flows == 1;
	}
	return ones * 2 > p->nlines;
}

/* Why the column fills that one: the only time of a row may be the other one too. */
static const char *why_in_order(const struct fm_dialect *d, int k)
{
	int times = 0;

	for (int m = 0; m < d->ncols; m++)
		times += d->cols[m].col == FM_TE;
	if (d->cols[k].col != FM_TE || times > 1)
		return "by its place, as in the table of a program that is known";
	return d->cols[k].role == FM_ROLE_START
		   ? "by its place, as in the table of a program that is known: or is it the end (te)?"
		   : "by its place, as in the table of a program that is known: or is it the start?";
}

int fm_sniff_by_order(const struct fm_sniff_page *p, struct fm_sniff_guess *g, bool *is, struct fm_error *err)
{
	struct fm_dialect *best = NULL, *d = NULL;
	struct fm_embed e;
	int rc = FM_OK;

	for (size_t i = 0; rc >= 0 && fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
		if ((rc = fm_dialect_load(&d, e.name, err)) < 0)
			break;
		if (is_in_order(d, p, g) && (!best || d->ncols > best->ncols)) {
			fm_dialect_free(best);
			best = d;
		} else {
			fm_dialect_free(d);
		}
	}
	*is = rc >= 0 && best;
	for (int k = 0; *is && k < best->ncols; k++) {
		if (best->cols[k].skips_others)
			g[k].aside = fm_sniff_aside(best->cols[k].name, strlen(best->cols[k].name));
		if (best->cols[k].col < 0)
			continue;
		fm_sniff_take(&g[k], best->cols[k].col, best->cols[k].role == FM_ROLE_START, why_in_order(best, k));
		g[k].sum = best->cols[k].role == FM_ROLE_SUM;
		g[k].reply = best->cols[k].role == FM_ROLE_REPLY;
	}
	for (int k = 0; *is && k < best->ncols; k++)
		if (best->cols[k].counts_flows && counts_flows(p, g, k)) {
			if (g[k].constant) /* a label may be 1 in the first rows too */
				g[k].why =
				    "1 in all rows: flows: true where it counts the flows that the row is the sum of";
			else
				g[k].aside = "flows: true}   # by its place: of how many flows the row is the sum";
		}
	if (*is)
		place_label(g, p->nfields);
	fm_dialect_free(best);
	return rc;
}

/* Are these rows of Zeek's conn.log, whose comments were removed? a time, an id that begins with C, the ends and the
 * protocol stand first, as Zeek writes them since 2012; local_resp came later. */
bool fm_sniff_is_zeek(const struct fm_sniff_page *p)
{
	if (p->header || p->delimiter != '\t' || p->nfields < 20)
		return false;
	for (int i = 0; i < p->nlines; i++) {
		const struct fm_sniff_field *c = p->cell[i];
		const char *format;
		uint64_t number;
		size_t k = 1;

		while (k < c[1].n && isalnum((unsigned char)c[1].s[k]))
			k++;
		if (p->ncells[i] < 20 || c[1].n < 12 || *c[1].s != 'C' || k < c[1].n ||
		    fm_sniff_kind_of(&c[2], &format, &number) != ADDRESS ||
		    fm_sniff_kind_of(&c[4], &format, &number) != ADDRESS)
			return false;
	}
	return p->nlines > 0;
}

void fm_sniff_by_zeek(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	static const struct {
		int at, col;
		bool sum;
	} of[] = {{2, FM_SA, false},  {3, FM_SP, false},  {4, FM_DA, false},   {5, FM_DP, false},
		  {6, FM_PR, false},  {8, FM_TD, false},  {11, FM_FLG, false}, {-5, FM_PKT, true},
		  {-4, FM_BYT, true}, {-3, FM_PKT, true}, {-2, FM_BYT, true}};
	const char *why = "by its place in Zeek's conn.log";
	int end = p->nfields > 20 ? 21 : 20; /* the place behind tunnel_parents */

	fm_sniff_take(&g[0], FM_TE, true, why);
	for (size_t i = 0; i < COUNT_OF(of); i++) {
		int k = of[i].at < 0 ? end + of[i].at : of[i].at;

		fm_sniff_take(&g[k], of[i].col, false, why);
		g[k].sum = of[i].sum;
	}
}
