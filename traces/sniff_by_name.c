/* What the columns of a file with names may be (sniff_parts.h): by the names, as far as the values can be that. */
#include <string.h>
#include <strings.h>

#include "base/table.h"
#include "traces/sniff_parts.h"

/* Can values of that kind fill the column? */
static bool can_fill(const struct fm_sniff_guess *g, int col)
{
	switch (fm_cols[col].kind) {
	case FM_KIND_TIME:
		return g->kind == CLOCK || g->kind == EPOCH;
	case FM_KIND_DURATION:
		return g->kind == INTEGER || g->kind == DECIMAL || g->kind == EPOCH; /* 1500000000 ns are 1.5 s */
	case FM_KIND_ADDRESS:
		return g->kind == ADDRESS || (g->kind == INTEGER && g->most <= UINT32_MAX) || g->kind == EPOCH;
	case FM_KIND_PORT:
		return g->kind == INTEGER || g->kind == DECIMAL || g->kind == EMPTY || g->kind >= PROTOCOL; /* 0x50 */
	case FM_KIND_COUNT:
		return g->kind == INTEGER || g->kind == DECIMAL || g->kind == WORD;
	default:
		return true;
	}
}

int fm_sniff_taken_by(const struct fm_sniff_guess *g, int n, int col, bool start)
{
	for (int i = 0; i < n; i++)
		if (g[i].col == col && g[i].start == start && !g[i].sum)
			return i;
	return -1;
}

static bool is_taken(const struct fm_sniff_guess *g, int n, int col, bool start)
{
	return fm_sniff_taken_by(g, n, col, start) >= 0;
}

/* May a column of that name say when the record was written? */
static bool is_of_record(const struct fm_sniff_field *f)
{
	if (f->n > 13 && (!strncasecmp(f->s + f->n - 13, "end.timestamp", 13) ||
			  !strncasecmp(f->s + f->n - 13, "art.timestamp", 13))) /* flow.start.timestamp */
		return false;
	return (f->n == 5 && !memcmp(f->s, "_time", 5)) || /* Splunk's */
	       (f->n >= 9 && !strncasecmp(f->s + f->n - 9, "timestamp", 9) &&
		(f->n == 9 || strchr("@.", f->s[f->n - 10])));
}

/* Does the column say when the record was written, while another column says when the flow began: Suricata's timestamp
 * beside flow.start, @timestamp beside event.start? */
static bool is_record_time(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int at)
{
	struct fm_sniff_name name;

	for (int k = 0; k < p->ncells[0] && k < p->nfields && is_of_record(&p->cell[0][at]); k++)
		if (!is_of_record(&p->cell[0][k]) && can_fill(&g[k], FM_TE) && fm_sniff_column(p, k, &name) &&
		    name.col == FM_TE && name.start)
			return true;
	return false;
}

/* Of several columns that may be the label, prefer one of words to one of 0 and 1. */
static bool has_better_label(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int at)
{
	struct fm_sniff_name name;

	if (g[at].kind == WORD)
		return false;
	for (int k = 0; k < p->nfields && k < p->ncells[0]; k++)
		if (k != at && g[k].kind == WORD && !g[k].constant && g[k].whole && fm_sniff_column(p, k, &name) &&
		    name.col == FM_LABEL)
			return true;
	return false;
}

static bool is_of_way(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int k, enum fm_sniff_way way,
		      int col, bool rare)
{
	struct fm_sniff_name name;

	return k < p->nfields && k < p->ncells[0] && g[k].col < 0 && fm_sniff_column(p, k, &name) && name.way == way &&
	       name.col == col && (rare || !name.rare) && can_fill(&g[k], col);
}

/* The first columns of a way whose names are those of the two directions; where no two are, and there are more than
 * two, there is none that can be told. rare: rare names count too. */
static void find_ways_of(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, enum fm_sniff_way way, int col,
			 bool rare, int at[2])
{
	int n = 0;

	at[0] = at[1] = -1;
	for (int k = 0; k < p->nfields; k++) {
		if (!is_of_way(p, g, k, way, col, rare))
			continue;
		if (n < 2)
			at[n] = k;
		n++;
	}
	for (int k = 0; k < p->nfields && n > 2; k++)
		for (int m = k + 1; m < p->nfields && is_of_way(p, g, k, way, col, rare); m++) {
			const struct fm_sniff_field a = fm_sniff_bare(p, k);

			if (!is_of_way(p, g, m, way, col, rare))
				continue;
			const struct fm_sniff_field b = fm_sniff_bare(p, m);
			if (fm_sniff_are_ways(a.s, a.n, b.s, b.n)) {
				at[0] = k;
				at[1] = m;
				return;
			}
		}
	if (n > 2)
		at[0] = at[1] = -1;
}

/* Those of the usual names; with rare ones where the usual ones are not two. */
static void find_ways(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, enum fm_sniff_way way, int col,
		      int at[2])
{
	int all[2];

	find_ways_of(p, g, way, col, false, at);
	if (at[1] >= 0)
		return;
	find_ways_of(p, g, way, col, true, all);
	if (at[0] < 0 || all[1] >= 0)
		memcpy(at, all, sizeof all);
}

/* Has col a column for each direction, by names that are not rare? */
static bool has_ways(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int col)
{
	static const enum fm_sniff_way ways[] = {FM_WAY_WITH_HEADERS, FM_WAY_SUM, FM_WAY_PAYLOAD};
	int at[2] = {-1, -1};

	for (size_t i = 0; i < sizeof ways / sizeof *ways && at[1] < 0; i++)
		find_ways_of(p, g, ways[i], col, false, at);
	return at[1] >= 0;
}

/* How many columns have a part of col's sum, and with reply those of the way back; *at: the last of them. */
static int count_ways(const struct fm_sniff_guess *g, int n, int col, bool reply, int *at)
{
	int ways = 0;

	for (int k = 0; k < n; k++)
		if (g[k].col == col && (reply ? g[k].reply : g[k].sum)) {
			*at = k;
			ways++;
		}
	return ways;
}

/* Packets and bytes with a column for each direction: sums (of the payload only where nothing else gives bytes). */
static void by_name_of_way(const struct fm_sniff_page *p, struct fm_sniff_guess *g, enum fm_sniff_way way)
{
	for (int c = FM_PKT; c <= FM_BYT; c++) {
		int at[2];

		if (is_taken(g, p->nfields, c, false) || count_ways(g, p->nfields, c, false, at) > 0)
			continue;
		find_ways(p, g, way, c, at);
		for (int i = 0; i < 2; i++) {
			if (at[i] < 0)
				continue;
			fm_sniff_take(&g[at[i]], c, false,
				      at[1] < 0               ? "by its name: one way of two, whose other is not found"
				      : way == FM_WAY_PAYLOAD ? "by its name: one way of two, the payload alone"
							      : "by its name: one way of two");
			g[at[i]].sum = true;
		}
	}
}

/* Packets and bytes of the way back beside columns of the other direction: of both, as a dialect has neither alone. */
static void by_name_of_reply(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	int there[FM_BYT + 1], back[FM_BYT + 1][2];

	for (int c = FM_PKT; c <= FM_BYT; c++) {
		const int sums = count_ways(g, p->nfields, c, false, &there[c]);

		if (is_taken(g, p->nfields, c, false))
			there[c] = -1;
		else if (sums != 1)
			return;
		if (count_ways(g, p->nfields, c, true, back[c]) > 0)
			return;
		find_ways(p, g, FM_WAY_REPLY, c, back[c]);
		if (back[c][0] < 0)
			return;
	}
	for (int c = FM_PKT; c <= FM_BYT; c++) {
		fm_sniff_take(&g[back[c][0]], c, false, "by its name: the way back");
		g[back[c][0]].reply = true;
		if (there[c] >= 0) { /* fwd_packets beside rev_packets */
			g[there[c]].sum = false;
			g[there[c]].why = "by its name: the way there";
		}
	}
}

/* FM_SA or FM_DA where column k is one of IPv6 addresses by its name; else -1. */
static int ipv6_column(const struct fm_sniff_page *p, int k)
{
	struct fm_sniff_field f = fm_sniff_bare(p, k);

	return fm_sniff_ipv6_name(f.s, f.n);
}

/* A column of IPv6 addresses beside one of IPv4 is another name of it. */
static void join_families(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	for (int k = 0; k < p->nfields && k < p->ncells[0]; k++) {
		int col = g[k].col < 0 && g[k].kind == ADDRESS ? ipv6_column(p, k) : -1;

		for (int m = 0; m < p->nfields && m < p->ncells[0] && col >= 0; m++)
			if (g[m].col == col && g[m].kind == ADDRESS && !g[m].also && ipv6_column(p, m) < 0) {
				g[m].also = &p->cell[0][k];
				g[k].joined = true;
			}
	}
}

/* Does a column say the protocol of the network, IP in all rows, while another says that above it, as Splunk's protocol
 * and transport do? */
static bool has_better_protocol(const struct fm_sniff_page *p, int at)
{
	struct fm_sniff_name name;

	for (int i = p->header; i < p->nlines; i++) {
		const struct fm_sniff_field f = at < p->ncells[i] ? p->cell[i][at] : (struct fm_sniff_field){"", 0};

		if (f.n &&
		    (f.n < 2 || f.n > 4 || strncasecmp(f.s, "ip", 2) != 0 ||
		     (f.n > 2 && strncasecmp(f.s + 2, "v4", f.n - 2) != 0 && strncasecmp(f.s + 2, "v6", f.n - 2) != 0)))
			return false;
	}
	for (int k = 0; k < p->nfields && k < p->ncells[0]; k++)
		if (k != at && fm_sniff_column(p, k, &name) && name.col == FM_PR)
			return true;
	return false;
}

/* Is column k the same time as column m in a finer unit: TimeFlowStartMs beside TimeFlowStart? */
static bool is_finer(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int k, int m)
{
	static const char units[] = "seconds milliseconds microseconds nanoseconds";
	const struct fm_sniff_field *fine = &p->cell[0][k], *coarse = &p->cell[0][m];

	return g[k].kind == EPOCH && g[m].kind == EPOCH && fine->n > coarse->n &&
	       !strncasecmp(fine->s, coarse->s, coarse->n) && strstr(units, g[k].format) > strstr(units, g[m].format);
}

/* Columns that fill one by themselves, of names that are rare or that are not; any: those of addresses too that have
 * none, as where hosts have names. */
static void by_names_alone(const struct fm_sniff_page *p, struct fm_sniff_guess *g, enum fm_sniff_way way, bool rare,
			   bool any)
{
	for (int k = 0; k < p->nfields; k++) {
		struct fm_sniff_name name;
		int at;

		if (k >= p->ncells[0] || !fm_sniff_column(p, k, &name) || name.way != way || name.rare != rare)
			continue;
		if ((rare && fm_cols[name.col].kind == FM_KIND_COUNT && has_ways(p, g, name.col)) ||
		    (name.col == FM_TE && is_record_time(p, g, k)) ||
		    (name.col == FM_PR && has_better_protocol(p, k)) ||
		    (name.col == FM_LABEL && has_better_label(p, g, k)))
			continue;
		if ((name.col == FM_LABEL && g[k].constant &&
		     (p->json || fm_sniff_is_type(p->cell[0][k].s, p->cell[0][k].n))) ||
		    ((fm_cols[name.col].kind != FM_KIND_ADDRESS || !any) && !can_fill(&g[k], name.col) &&
		     !(name.col == FM_TD && fm_sniff_is_hms(p, k, p->header))))
			continue;
		at = fm_sniff_taken_by(g, p->nfields, name.col, name.start);
		if (at >= 0 && !(name.col == FM_TE && is_finer(p, g, k, at)))
			continue;
		if (at >= 0) {
			g[at].col = -1;
			g[at].why = NULL;
		}
		fm_sniff_take(&g[k], name.col, name.start, "by its name");
	}
}

/* The most that a part of a second in that unit can be, or 0. */
static uint64_t most_of(const char *unit)
{
	return !unit                           ? 0
	       : !strcmp(unit, "milliseconds") ? 999
	       : !strcmp(unit, "microseconds") ? 999999
	       : !strcmp(unit, "nanoseconds")  ? 999999999
					       : 0;
}

/* What is left of a second may stand in a column of its own: first_sec beside first_usec. */
static void join_seconds(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	for (int k = 0; k < p->nfields && k < p->ncells[0]; k++)
		for (int m = 0; m < p->nfields && m < p->ncells[0]; m++) {
			const struct fm_sniff_field f = fm_sniff_bare(p, m), whole = fm_sniff_bare(p, k);
			const char *unit = fm_sniff_unit_name(f.s, f.n);
			struct fm_sniff_name name;

			if (g[k].col != FM_TE || g[k].sum || g[k].kind != EPOCH ||
			    strcmp(g[k].format, "seconds") != 0 || g[k].fraction || g[m].col >= 0 ||
			    g[m].kind != INTEGER || g[m].most > most_of(unit) || !fm_sniff_column(p, m, &name) ||
			    name.col != FM_TE || name.start != g[k].start ||
			    !fm_sniff_same_stem(whole.s, whole.n, f.s, f.n))
				continue;
			fm_sniff_take(&g[m], FM_TE, g[k].start, "by its name: the rest of the second");
			g[m].format = unit;
			g[k].sum = g[m].sum = true;
		}
}

/* Names in a language that is not known here say nothing: what they leave open, by the values. */
static void by_place_after_all(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	int addresses = 0;

	for (int k = 0; k < p->nfields; k++)
		addresses += g[k].kind == ADDRESS;
	if (p->json || addresses < 2 || is_taken(g, p->nfields, FM_SA, false) || is_taken(g, p->nfields, FM_DA, false))
		return;
	fm_sniff_by_place(p, g);
}

void fm_sniff_by_name(const struct fm_sniff_page *p, struct fm_sniff_guess *g)
{
	by_names_alone(p, g, FM_WAY_ONE, false, false);
	by_names_alone(p, g, FM_WAY_ELSE, false, false);
	by_names_alone(p, g, FM_WAY_ONE, true, false);
	by_names_alone(p, g, FM_WAY_ONE, false, true);
	by_names_alone(p, g, FM_WAY_ONE, true, true);
	join_families(p, g);
	join_seconds(p, g);
	by_name_of_reply(p, g);
	by_name_of_way(p, g, FM_WAY_WITH_HEADERS);
	by_name_of_way(p, g, FM_WAY_SUM);
	by_name_of_way(p, g, FM_WAY_PAYLOAD);
	by_name_of_reply(p, g);
	for (int k = 0; k < p->nfields && k < p->ncells[0]; k++) {
		g[k].aside = g[k].col < 0 ? fm_sniff_aside(p->cell[0][k].s, p->cell[0][k].n) : NULL;
		if (p->json && g[k].aside &&
		    (!strncmp(g[k].aside, "flows", 5) ||
		     (!strncmp(g[k].aside, "reversed", 8) && !fm_sniff_has_arrows(p, k))))
			g[k].aside = NULL;
	}
	by_place_after_all(p, g);
}
