/* What the values of a column are (sniff_parts.h): times and their forms, addresses, numbers, protocols, words. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/num.h"
#include "manifests/time_pattern.h"
#include "traces/hints.h"
#include "traces/protocol.h"
#include "traces/sniff_parts.h"
#include "traces/value.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const char *const patterns[] = {
    "%Y/%m/%d %H:%M:%S.%f",     "%d/%m/%Y %H:%M:%S.%f",     "%d/%m/%Y %H:%M:%S",        "%d/%m/%Y %H:%M",
    "%d/%m/%Y %I:%M:%S %p",     "%d/%m/%Y %I:%M %p",        "%m/%d/%Y %H:%M:%S",        "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",     "%m/%d/%Y %I:%M %p",        "%Y%m%d %H:%M:%S",          "%Y%m%dT%H%M%S.%f%z",
    "%Y%m%dT%H%M%S.%f",         "%d.%m.%Y %H:%M:%S",        "%b %d %Y %H:%M:%S",        "%d %b %Y %H:%M:%S",
    "%Y-%m-%d %H:%M",           "%Y-%m-%d %H:%M:%S.%f",     "%Y-%m-%d %H:%M:%S:%f",     "%Y-%m-%d %I:%M:%S.%f %p",
    "%Y/%m/%d %I:%M:%S.%f %p",  "%m/%d/%Y %H:%M:%S.%f",     "%d.%m.%Y %H:%M:%S.%f",     "%d.%m.%Y %H:%M",
    "%Y.%m.%d %H:%M:%S.%f",     "%Y-%m-%d_%H:%M:%S.%f",     "%Y-%m-%d-%H:%M:%S.%f",     "%Y%m%d%H%M%S.%f",
    "%d-%m-%Y %H:%M:%S.%f",     "%m-%d-%Y %H:%M:%S.%f",     "%d-%b-%Y %H:%M:%S.%f",     "%d-%b-%y %H:%M:%S.%f",
    "%d/%b/%Y:%H:%M:%S %z",     "%d/%m/%y %H:%M:%S.%f",     "%d/%m/%y %H:%M",           "%m/%d/%y %H:%M:%S.%f",
    "%m/%d/%y %H:%M",           "%m/%d/%y %I:%M:%S %p",     "%b %d %Y %H:%M:%S.%f",     "%b %d %Y %H:%M:%S.%f %Z",
    "%b %d, %Y %H:%M:%S.%f",    "%b %d, %Y %H:%M:%S.%f %Z", "%b %d, %Y %I:%M:%S.%f %p", "%b %d, %Y @ %H:%M:%S.%f",
    "%a %b %d %H:%M:%S.%f %Y",  "%a %b %d %H:%M:%S %Z %Y",  "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z",
    "%a %d %b %Y %H:%M:%S %z",  "%d/%m/%Y, %H:%M:%S.%f",    "%d/%m/%Y, %I:%M:%S.%f %p", "%m/%d/%Y, %H:%M:%S.%f",
    "%m/%d/%Y, %I:%M:%S.%f %p", "%d.%m.%Y, %H:%M:%S.%f",    "%Y/%m/%d.%H:%M:%S.%f",
};

/* Can s be read by form i: 0 is datetime, the others are patterns? */
static bool is_clock(const struct fm_sniff_field *f, size_t i)
{
	char text[20];
	int64_t ms;

	if (fm_hint_half_day(f->s, f->n) && (!i || !strstr(patterns[i - 1], "%p"))) /* no zone is called AM */
		return false;
	if (i)
		return fm_time_pattern_read(patterns[i - 1], -1, NULL, f->s, f->n, &ms) != -1 && ms >= 0;
	if (f->n < 19 || f->n > 64 || (f->n > 19 && f->s[19] == ':'))
		return false;
	memcpy(text, f->s, 19);
	if (text[10] == 'T' && text[4] == '/' && text[7] == '/')
		text[4] = text[7] = '-';
	return fm_parse_time_ms(text, 19, &ms) == 0;
}

static bool is_any_clock(const struct fm_sniff_field *f)
{
	for (size_t i = 0; i <= COUNT_OF(patterns); i++)
		if (is_clock(f, i))
			return true;
	return false;
}

/* The unit of seconds since 1970 in the years 1990 to 2100, or NULL. */
static const char *epoch_format(double v)
{
	static const struct {
		const char *name;
		double scale;
	} units[] = {{"seconds", 1}, {"milliseconds", 1e3}, {"microseconds", 1e6}, {"nanoseconds", 1e9}};

	/* Before 2001 nothing counted nanoseconds: with so few digits they are 100 ns since 1601, or since the year 1.
	 */
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (v >= (i == 3 ? 1e9 : 631152000) * units[i].scale && v < 4102444800 * units[i].scale)
			return units[i].name;
	return NULL;
}

static bool is_missing(const struct fm_sniff_field *f)
{
	return !f->n || (f->n == 1 && *f->s == '-') || fm_hint_is_nothing(f->s, f->n);
}

/* 10.0.0.1:443, 10.0.0.1.443 or [2001:db8::1]:443 */
static bool is_address_port(const struct fm_sniff_field *f)
{
	const char *colon = memrchr(f->s, memchr(f->s, ':', f->n) ? ':' : '.', f->n);
	size_t n = colon ? (size_t)(colon - f->s) : 0;
	struct fm_address a;
	uint64_t port;

	if (n < 3 || fm_parse_u64(colon + 1, f->n - n - 1, 65535, &port))
		return false;
	return *f->s == '[' ? f->s[n - 1] == ']' && !fm_address_parse(f->s + 1, n - 2, &a)
			    : !memchr(f->s, ':', n) && !fm_address_parse(f->s, n, &a);
}

enum fm_sniff_kind fm_sniff_kind_of(const struct fm_sniff_field *f, const char **format, uint64_t *number)
{
	struct fm_address a;
	double v;

	*format = NULL;
	*number = 0;
	if (is_missing(f))
		return EMPTY;
	if (fm_address_parse(f->s, f->n, &a) == 0)
		return ADDRESS;
	if ((f->n == 14 || (f->n > 14 && f->s[14] == '.')) && (!memcmp(f->s, "19", 2) || !memcmp(f->s, "20", 2)) &&
	    is_any_clock(f))
		return CLOCK;
	if (fm_parse_double(f->s, f->n, &v) == 0) {
		if ((*f->s != '0' || f->n < 2 || f->s[1] == '.') &&
		    (*format = epoch_format(v))) /* 001606001116 is a name */
			return EPOCH;
		if (fm_parse_u64(f->s, f->n, INT64_MAX, number) == 0)
			return INTEGER;
		*number = v > 0 && v < 0x1p53 ? (uint64_t)v : 0;
		return DECIMAL;
	}
	if (is_any_clock(f))
		return CLOCK;
	if (is_address_port(f)) {
		*format = "address-port";
		return ADDRESS;
	}
	if (f->n == 4 &&
	    !strncasecmp(f->s, "ipv", 3)) /* the version, of a network, rather than what a tunnel carries */
		return WORD;
	return f->n < 32 && fm_protocol_number(f->s, f->n) >= 0 ? PROTOCOL : WORD;
}

bool fm_sniff_has_no_value(const struct fm_sniff_page *p, int i)
{
	const char *format;
	uint64_t number;

	for (int k = 0; k < p->ncells[i]; k++) {
		enum fm_sniff_kind kind = fm_sniff_kind_of(&p->cell[i][k], &format, &number);

		if (kind > EMPTY && kind < PROTOCOL)
			return false;
	}
	return true;
}

/* The form that reads most of a column of clock times: two forms can read 11/4, only one 31/12. */
static const char *clock_of(const struct fm_sniff_page *p, int k, int from)
{
	const char *best = "datetime";
	int most = 0;

	for (size_t i = 0; i <= COUNT_OF(patterns); i++) {
		int n = 0;

		for (int row = from; row < p->nlines; row++)
			n += k < p->ncells[row] && is_clock(&p->cell[row][k], i);
		if (n > most) {
			most = n;
			best = i ? patterns[i - 1] : "datetime";
		}
	}
	return best;
}

/* Can each date of the column be read with the month first too? */
static bool reads_month_first(const struct fm_sniff_page *p, int k, int from)
{
	for (int row = from; row < p->nlines; row++) {
		const struct fm_sniff_field *f = &p->cell[row][k];
		char *end;

		if (k >= p->ncells[row] || !f->n)
			continue;
		if (strtoul(f->s, &end, 10) > 12 || (*end != '/' && *end != '-'))
			return false;
	}
	return true;
}

/* 0:00:02.5, 00:02.5, or behind days: 1 day, 2:00:00 of Python, 0 days 00:00:02 of pandas. */
static bool is_hms(const struct fm_sniff_field *f)
{
	const char *blank = memrchr(f->s, ' ', f->n), *s = blank ? blank + 1 : f->s, *end = f->s + f->n;
	int colons = 0;

	if (blank && (f->n < 8 || !isdigit((unsigned char)*f->s) || !memmem(f->s, f->n, " day", 4)))
		return false;
	for (const char *c = s; c < end; c++) {
		colons += *c == ':';
		if (!isdigit((unsigned char)*c) && *c != ':' && *c != '.')
			return false;
	}
	return (colons == 2 || (colons == 1 && !blank)) && isdigit((unsigned char)*s);
}

/* ->, <-, <->, <?>, |>, ?>, o> and their likes, and who, where Argus cannot tell. */
static bool is_arrow(const struct fm_sniff_field *f)
{
	const char first = f->n > 1 ? f->s[0] : 0, last = f->n > 1 ? f->s[f->n - 1] : 0;

	if (!first || !last)
		return false;
	return (strchr("<->|", first) && strchr("<->|?o", last)) || (strchr("?o", first) && last == '>') ||
	       (f->n == 3 && !memcmp(f->s, "who", 3));
}

bool fm_sniff_has_arrows(const struct fm_sniff_page *p, int k)
{
	for (int i = p->header; i < p->nlines; i++)
		if (k < p->ncells[i] && is_arrow(&p->cell[i][k]))
			return true;
	return false;
}

bool fm_sniff_is_hms(const struct fm_sniff_page *p, int k, int from)
{
	int n = 0;

	for (int i = from; i < p->nlines; i++) {
		if (k >= p->ncells[i] || is_missing(&p->cell[i][k]))
			continue;
		int64_t ms;

		if (!is_hms(&p->cell[i][k]) && !fm_value_units(p->cell[i][k].s, p->cell[i][k].n, &ms))
			return false;
		n++;
	}
	return n > 0;
}

/* Are the values of column k days of a spreadsheet, from 1990 to 2100? Of a trace they are within a year, and some are
 * no midnight. */
static bool are_days(const struct fm_sniff_page *p, int k, int from)
{
	double least = 73051, most = 0;
	int fine = 0;

	for (int i = from; i < p->nlines; i++) {
		const struct fm_sniff_field *f = &p->cell[i][k];
		double v;

		if (k >= p->ncells[i] || is_missing(f))
			continue;
		if (fm_parse_double(f->s, f->n, &v) || v < 32874 || v >= 73051)
			return false;
		least = v < least ? v : least;
		most = v > most ? v : most;
		fine += f->n > 8 && f->s[5] == '.';
	}
	return fine > 0 && most - least < 366;
}

/* Is it one of the protocols that most flows are of? */
static bool is_protocol(enum fm_sniff_kind kind, uint64_t number)
{
	static const uint8_t usual[] = {1, 2, 6, 17, 41, 47, 50, 51, 58, 88, 89, 103, 112, 132};

	return kind == INTEGER && number < 256 && memchr(usual, (int)number, sizeof usual);
}

/* ICMP's type and code: two numbers of at most three digits, the second without zeros before it. */
static bool is_type_code(const struct fm_sniff_field *f)
{
	const char *point = memchr(f->s, '.', f->n);
	uint64_t number;

	return point && point - f->s < 4 && !fm_parse_u64(f->s, (size_t)(point - f->s), 255, &number) &&
	       !fm_parse_u64(point + 1, (size_t)(f->s + f->n - point) - 1, 255, &number) &&
	       (point[1] != '0' || point + 2 == f->s + f->n);
}

/* The kind of most values of column k, from line `from` on. */
void fm_sniff_look(const struct fm_sniff_page *p, int k, int from, struct fm_sniff_guess *g)
{
	int count[WORD + 1] = {0}, most = 0;
	const char *format, *epoch = NULL, *address = NULL;
	uint64_t number = 0, before = 0;
	bool tcp = false; /* or UDP, as in almost every trace */

	*g = (struct fm_sniff_guess){.kind = EMPTY,
				     .col = -1,
				     .counts = p->nlines - from > 2,
				     .constant = true,
				     .protocols = true,
				     .codes = true};
	for (int i = from; i < p->nlines; i++) {
		enum fm_sniff_kind kind = EMPTY;

		if (k < p->ncells[i]) {
			kind = fm_sniff_kind_of(&p->cell[i][k], &format, &number);
			epoch = kind == EPOCH ? format : epoch;
			address = kind == ADDRESS ? format : address;
			g->most = number > g->most ? number : g->most;
		}
		g->fraction = g->fraction ||
			      ((kind == DECIMAL || kind == EPOCH) && memchr(p->cell[i][k].s, '.', p->cell[i][k].n));
		g->counts = g->counts && kind == INTEGER && (i == from || number == before + 1);
		g->protocols = g->protocols && (kind == EMPTY || is_protocol(kind, number));
		tcp = tcp || (kind == INTEGER && (number == 6 || number == 17));
		before = number;
		g->codes = g->codes && (kind != DECIMAL || is_type_code(&p->cell[i][k]));
		g->constant = g->constant && k < p->ncells[i] && k < p->ncells[from] &&
			      p->cell[i][k].n == p->cell[from][k].n &&
			      !memcmp(p->cell[i][k].s, p->cell[from][k].s, p->cell[i][k].n);
		count[kind]++;
	}
	for (int i = CLOCK; i <= WORD; i++)
		if (count[i] > most) {
			most = count[i];
			g->kind = (enum fm_sniff_kind)i;
		}
	g->protocols = g->protocols && tcp;
	g->mixed = count[INTEGER] && count[DECIMAL];
	g->whole = !count[EMPTY];
	if (g->kind == INTEGER && count[DECIMAL])
		g->kind = DECIMAL;
	if (g->kind == ADDRESS)
		g->format = address;
	if (g->kind == CLOCK) {
		g->format = clock_of(p, k, from);
		g->either = (!strncmp(g->format, "%d/%m", 5) || !strncmp(g->format, "%d-%m", 5)) &&
			    reads_month_first(p, k, from);
	}
	if (g->kind == EPOCH)
		g->format = epoch;
	if (g->kind == DECIMAL && are_days(p, k, from)) {
		g->kind = EPOCH;
		g->format = "days-1900";
	}
}

/* Has the cell no number that could be a count, but a hole or a large number that looks like a time? */
static bool says_nothing(const struct fm_sniff_page *p, int i, int k)
{
	enum fm_sniff_kind kind = EMPTY;
	const char *format;
	uint64_t number;

	if (k >= 0 && k < p->ncells[i])
		kind = fm_sniff_kind_of(&p->cell[i][k], &format, &number);
	return kind == EMPTY || kind == EPOCH;
}

bool fm_sniff_counts_at(const struct fm_sniff_page *p, int i, int pkt, int byt, uint64_t *packets, uint64_t *bytes)
{
	const int at[2] = {pkt, byt};
	uint64_t *const to[2] = {packets, bytes};
	const char *format;

	for (int c = 0; c < 2; c++) {
		enum fm_sniff_kind kind = EMPTY;

		if (at[c] >= 0 && at[c] < p->ncells[i])
			kind = fm_sniff_kind_of(&p->cell[i][at[c]], &format, to[c]);
		if (kind != INTEGER && kind != DECIMAL)
			return false;
	}
	return true;
}

bool fm_sniff_are_counts(const struct fm_sniff_page *p, int pkt, int byt)
{
	int rows = 0, fit = 0;

	for (int i = p->header; i < p->nlines; i++) {
		uint64_t packets, bytes;

		if (says_nothing(p, i, pkt) || says_nothing(p, i, byt))
			continue;
		if (!fm_sniff_counts_at(p, i, pkt, byt, &packets, &bytes)) {
			rows++;
			continue;
		}
		rows += packets || bytes;
		fit += packets && bytes / 20 >= packets && bytes / 65536 < packets;
	}
	return fit > 0 && fit * 10 >= rows * 9;
}

int fm_sniff_against(const struct fm_sniff_page *p, int pkt, int byt, unsigned least, int *rows)
{
	int against = 0;

	*rows = 0;
	for (int i = p->header; i < p->nlines; i++) {
		uint64_t packets, bytes;

		if (!fm_sniff_counts_at(p, i, pkt, byt, &packets, &bytes) || !bytes)
			continue;
		++*rows;
		against += bytes / least < packets || bytes / 65536 >= packets;
	}
	return against;
}

/* How many pairs of rows have more in column a where they have more in column b, and less. */
static void count_pairs(const struct fm_sniff_page *p, int a, int b, int *more, int *less, int *all)
{
	*more = *less = *all = 0;
	for (int i = p->header; i < p->nlines; i++)
		for (int m = i + 1; m < p->nlines; m++) {
			uint64_t x[2], y[2];
			int way;

			if (!fm_sniff_counts_at(p, i, a, b, &x[0], &y[0]) ||
			    !fm_sniff_counts_at(p, m, a, b, &x[1], &y[1]))
				continue;
			way = ((x[0] < x[1]) - (x[0] > x[1])) * ((y[0] < y[1]) - (y[0] > y[1]));
			++*all;
			*more += way > 0;
			*less += way < 0;
		}
}

int fm_sniff_agree(const struct fm_sniff_page *p, int a, int b, int *all)
{
	int more, less, pairs;

	count_pairs(p, a, b, &more, &less, &pairs);
	if (all)
		*all = pairs;
	return more - less;
}

#define FEW_PAIRS 20

bool fm_sniff_go_together(const struct fm_sniff_page *p, int a, int b)
{
	int more, less, pairs;

	count_pairs(p, a, b, &more, &less, &pairs);
	return more + less < FEW_PAIRS || more >= 2 * less;
}
