#include "traces/doubts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "traces/flags.h"
#include "traces/hints.h"
#include "traces/protocol.h"

#define HOUR_MS INT64_C(3600000)
#define WRAP_MS (INT64_C(1) << 32) /* 49.7 days: a clock of 32 bits begins anew */
#define WRAP_NEAR_MS INT64_C(60000)

static int grow_labels(struct fm_doubts *d, size_t n, struct fm_error *err)
{
	uint64_t *label = n > d->nlabels ? reallocarray(d->label, n, sizeof *label) : d->label;

	if (n <= d->nlabels)
		return FM_OK;
	if (!label)
		return fm_fail(err, FM_ESYSTEM, "out of memory: lines of labels");
	memset(label + d->nlabels, 0, (n - d->nlabels) * sizeof *label);
	d->label = label;
	d->nlabels = n;
	return FM_OK;
}

void fm_examples_add(struct fm_examples *e, uint64_t line)
{
	if (e->n < FM_DOUBT_EXAMPLES)
		e->line[e->n] = line;
	e->n++;
}

const char *fm_examples_text(const struct fm_examples *e, const char *place, char out[FM_EXAMPLES_MAX])
{
	size_t len = (size_t)snprintf(out, FM_EXAMPLES_MAX, "first at %s %llu", place ? place : "line",
				      (unsigned long long)e->line[0]);

	for (size_t i = 1; i < FM_DOUBT_EXAMPLES && i < e->n; i++)
		len += (size_t)snprintf(out + len, FM_EXAMPLES_MAX - len, "%s%llu", i == 1 ? ", then " : " and ",
					(unsigned long long)e->line[i]);
	return out;
}

/* offset: the text says it. */
static void look_at_time(struct fm_doubts *d, const struct fm_table *t, size_t i, bool offset, uint64_t place)
{
	int64_t ms = t->te[i], step = ms - d->last_ms;

	if (!d->rows)
		d->first_ms = d->least_ms = d->most_ms = ms;
	else if (step > 0)
		d->forward++;
	else if (step < 0) {
		fm_examples_add(&d->back, place);
		if (-step > d->farthest_ms) {
			d->farthest_ms = -step;
			d->farthest_place = place;
		}
		if (-step > 11 * HOUR_MS && -step < 12 * HOUR_MS + HOUR_MS / 2)
			fm_examples_add(&d->half_day, place);
	}
	if (!d->after_noon) {
		int64_t start =
		    ms + (d->dialect ? fm_dialect_ahead(d->dialect, ms) : 0) - (FM_HAS(t, FM_TD) ? t->td[i] : 0);

		d->after_noon = start >= 0 && start % (24 * HOUR_MS) >= 13 * HOUR_MS;
	}
	if (!offset && d->dialect && d->dialect->zone && fm_zone_comes_again(d->dialect->zone, ms))
		fm_examples_add(&d->again, place);
	if (d->rows && llabs(llabs(step) - WRAP_MS) <= WRAP_NEAR_MS)
		fm_examples_add(&d->clock_wraps, place);
	d->last_ms = ms;
	d->least_ms = ms < d->least_ms ? ms : d->least_ms;
	d->most_ms = ms > d->most_ms ? ms : d->most_ms;
	fm_doubts_time(d, ms, place);
}

/* The words of flags that are new, up to number `last`: does another word stand for the same flags? */
static void look_at_flags(struct fm_doubts *d, const struct fm_dict *flags, size_t last, uint64_t place)
{
	for (; d->nflags <= last && d->nflags < flags->n; d->nflags++) {
		bool number;
		int bits = fm_flags_of(flags->value[d->nflags], &number);

		if (bits <= 0)
			continue;
		if (d->flags_seen[bits] && !d->flags_twice)
			d->flags_twice = place;
		d->flags_seen[bits] = true;
	}
}

/* The same of the type of service, as 184 and as 0xb8 or 184.0. */
static void look_at_tos(struct fm_doubts *d, const struct fm_dict *tos, size_t last, uint64_t place)
{
	for (; d->ntos <= last && d->ntos < tos->n; d->ntos++) {
		int v = fm_tos_of(tos->value[d->ntos]);

		if (v < 0)
			continue;
		if (d->tos_seen[v] && !d->tos_twice)
			d->tos_twice = place;
		d->tos_seen[v] = true;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* Is the row equal to one shortly before in the columns that every dialect has? */
static void look_for_twice(struct fm_doubts *d, const struct fm_table *t, size_t i, uint64_t place)
{
	uint64_t h = mix(mix(mix(mix((uint64_t)t->te[i], t->td[i]), (uint64_t)t->sa[i] << 32 | t->da[i]),
			     (uint64_t)t->sp[i] << 48 | (uint64_t)t->dp[i] << 32 | t->pr[i]),
			 t->pkt[i] << 40 ^ t->byt[i]) |
		     1;

	if (d->recent[h >> 52] == h)
		fm_examples_add(&d->twice, place);
	d->recent[h >> 52] = h;
}

static void look_at_said(struct fm_doubts *d, unsigned said, uint64_t place)
{
	if (said & FM_SAID_OTHER_TD)
		fm_examples_add(&d->other_td, place);
	if (said & FM_SAID_ONE_TIME)
		fm_examples_add(&d->one_time, place);
	if (said & FM_SAID_ROUNDED_TIME)
		fm_examples_add(&d->rounded_time, place);
	if (said & FM_SAID_ROUNDED)
		fm_examples_add(&d->rounded, place);
	if (said & FM_SAID_SEVERAL)
		fm_examples_add(&d->several, place);
	if (said & FM_SAID_OFFSET)
		fm_examples_add(&d->offset, place);
	if (said & FM_SAID_THOUSANDS)
		fm_examples_add(&d->thousands, place);
	if (said & FM_SAID_COARSE)
		fm_examples_add(&d->coarse, place);
}

/* A row from an address to itself, or from none to none. */
static void look_at_ends(struct fm_doubts *d, const struct fm_table *t, size_t i, uint64_t place)
{
	struct fm_address a = fm_table_address(t, t->sa[i]);
	uint32_t ip;

	if (fm_address_ipv4(&a, &ip) ? !ip : !memcmp(&a, &(struct fm_address){{0}}, sizeof a))
		fm_examples_add(&d->nowhere, place);
	else
		fm_examples_add(&d->to_self, place);
}

/* The protocols that are new: which of them has the registry? */
static void look_at_protocols(struct fm_doubts *d, const struct fm_dict *pr)
{
	for (; d->nprotocols < pr->n; d->nprotocols++)
		if (fm_protocol_number(pr->value[d->nprotocols], strlen(pr->value[d->nprotocols])) < 0)
			d->odd_protocol[d->nprotocols / 8] |= (uint8_t)(1u << d->nprotocols % 8);
}

/* Which codes are no address: 0.0.0.0 and ::. */
static void find_zeros(struct fm_doubts *d, const struct fm_address_dict *a)
{
	const struct fm_address none = {{0}}, none4 = fm_address_of_ipv4(0);

	for (; a && d->naddresses < a->n; d->naddresses++)
		for (int four = 0; four < 2; four++)
			if (!memcmp(&a->at[d->naddresses], four ? &none4 : &none, sizeof none))
				d->zeros[four] = (uint32_t)d->naddresses + 1;
}

static inline bool is_no_address(const struct fm_doubts *d, uint32_t code)
{
	return code + 1 == d->zeros[0] || code + 1 == d->zeros[1];
}

/* What an aggregate lacks: addresses, ports and protocol that were not asked for are zeros; protocol: the indices of 0
 * and of ICMP. */
static void look_for_zeros(struct fm_doubts *d, const struct fm_table *t, size_t i, uint64_t place,
			   const int protocol[2])
{
	if (is_no_address(d, t->sa[i]) != is_no_address(d, t->da[i]))
		fm_examples_add(&d->one_end, place);
	if (d->odd_protocol[t->pr[i] / 8] >> t->pr[i] % 8 & 1)
		fm_examples_add(&d->no_such, place);
	if (t->pr[i] == protocol[1] && !t->sp[i] && t->dp[i] - 1u < 255)
		fm_examples_add(&d->no_type, place);
	if (t->pr[i] == protocol[1] && t->sp[i])
		fm_examples_add(&d->two_ports, place);
	if (t->pr[i] == protocol[0] && !t->sp[i] && !t->dp[i])
		fm_examples_add(&d->no_ports, place);
}

int fm_doubts_look(struct fm_doubts *d, const struct fm_table *t, const uint64_t *place, const uint8_t *said,
		   struct fm_error *err)
{
	bool whole = (t->present & FM_COLS_FLOW) == FM_COLS_FLOW, counts = FM_HAS(t, FM_PKT) && FM_HAS(t, FM_BYT);
	int rc, protocol[2] = {-1, -1};

	if (whole) {
		protocol[0] = fm_dict_index((struct fm_dict *)&t->dict[FM_PR], "0", 1, false);
		protocol[1] = fm_dict_index((struct fm_dict *)&t->dict[FM_PR], "ICMP", 4, false);
		look_at_protocols(d, &t->dict[FM_PR]);
		find_zeros(d, t->addresses);
	}
	if (FM_HAS(t, FM_LABEL) && (rc = grow_labels(d, t->dict[FM_LABEL].n, err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++) {
		if (FM_HAS(t, FM_TE))
			look_at_time(d, t, i, said && said[i] & FM_SAID_OFFSET, place[i]);
		if (FM_HAS(t, FM_LABEL) && !d->label[t->label[i]])
			d->label[t->label[i]] = place[i];
		if (FM_HAS(t, FM_FLG) && t->flg[i] >= d->nflags)
			look_at_flags(d, &t->dict[FM_FLG], t->flg[i], place[i]);
		if (FM_HAS(t, FM_STOS) && t->stos[i] >= d->ntos)
			look_at_tos(d, &t->dict[FM_STOS], t->stos[i], place[i]);
		if (FM_HAS(t, FM_TD))
			fm_examples_add(&d->lasting[t->td[i] ? 32 - __builtin_clz(t->td[i]) : 0], place[i]);
		if (FM_HAS(t, FM_TD) && t->td[i] > UINT32_MAX - 60000)
			fm_examples_add(&d->wrapped, place[i]);
		if (said && said[i])
			look_at_said(d, said[i], place[i]);
		if (whole) {
			look_for_twice(d, t, i, place[i]);
			look_for_zeros(d, t, i, place[i], protocol);
			if (t->sa[i] == t->da[i] && t->addresses)
				look_at_ends(d, t, i, place[i]);
		}
		if (counts) {
			if (t->byt[i] == UINT32_MAX || t->pkt[i] == UINT32_MAX)
				fm_examples_add(&d->full, place[i]);
			if (!t->pkt[i])
				fm_examples_add(&d->no_packets, place[i]);
			else if (!t->byt[i])
				fm_examples_add(&d->no_bytes, place[i]);
			else if (t->byt[i] / 20 < t->pkt[i] && t->byt[i] < 20 * t->pkt[i])
				fm_examples_add(&d->thin, place[i]);
			else if (t->byt[i] / 65536 >= t->pkt[i])
				fm_examples_add(&d->fat, place[i]);
		}
		d->rows++;
	}
	return FM_OK;
}

void fm_doubts_bad(struct fm_doubts *d, const struct fm_trace_bad *bad)
{
	struct fm_examples *more;
	int i;

	if (!bad->label || (i = fm_dict_index(&d->bad_label, bad->label, strlen(bad->label), true)) < 0)
		return;
	if ((size_t)i == d->nbad) {
		if (!(more = reallocarray(d->bad, d->nbad + 1, sizeof *more)))
			return;
		more[d->nbad++] = (struct fm_examples){0};
		d->bad = more;
	}
	if ((size_t)i < d->nbad)
		fm_examples_add(&d->bad[i], bad->line);
}

/* Rows that are like `what`, where there are some: "have 0 packets"; then: what may be the matter, and what to do. */
static void warn_of(const struct fm_doubts *d, const char *path, const struct fm_examples *rows, const char *what,
		    const char *then)
{
	char lines[FM_EXAMPLES_MAX];

	if (rows->n)
		fm_warn("%s: %llu of %llu rows %s (%s): %s", path, (unsigned long long)rows->n,
			(unsigned long long)d->rows, what, fm_examples_text(rows, d->place, lines), then);
}

/* Refuse rows in which one of the times must be wrong. */
static int wrong_times(const struct fm_doubts *d, const char *path, struct fm_error *err)
{
	const struct {
		const struct fm_examples *rows;
		const char *what, *remedy;
	} of[] = {
	    {&d->other_td, "have a duration that is not the time from start to end, by over a second",
	     "is its unit another (format in the dialect)? A dialect without it reads start and end, one without the "
	     "start reads end and duration"},
	    {&d->rounded_time, "have times with an exponent and fewer digits than they have",
	     "a program that keeps six digits has rounded them: have them written in full"},
	};
	char lines[FM_EXAMPLES_MAX];

	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		if ((double)of[i].rows->n > FM_DOUBT_TIMES_SHARE * (double)d->rows)
			return fm_fail(err, FM_EINPUT, "%s: %llu of %llu rows %s (%s), more than a quarter: %s", path,
				       (unsigned long long)of[i].rows->n, (unsigned long long)d->rows, of[i].what,
				       fm_examples_text(of[i].rows, d->place, lines), of[i].remedy);
		warn_of(d, path, of[i].rows, of[i].what, of[i].remedy);
	}
	return FM_OK;
}

/* Flows that are longer than the trace: with a wrong unit most of them are. */
static void long_flows(const struct fm_doubts *d, const char *path)
{
	uint64_t rows = 0, span = (uint64_t)(d->most_ms - d->least_ms);
	const struct fm_examples *first = NULL;
	char lines[FM_EXAMPLES_MAX];

	for (int i = 1; i < 33; i++)
		if (d->lasting[i].n && UINT64_C(1) << (i - 1) > span) {
			first = first && first->line[0] < d->lasting[i].line[0] ? first : &d->lasting[i];
			rows += d->lasting[i].n;
		}
	if (d->rows >= 100 && span && first && (double)rows > FM_DOUBT_LONG_SHARE * (double)d->rows)
		fm_warn(
		    "%s: %llu of %llu rows last longer than the whole trace (%s): a short piece of a longer one, or "
		    "is the unit of td not the format that the dialect gives?",
		    path, (unsigned long long)rows, (unsigned long long)d->rows,
		    fm_examples_text(first, d->place, lines));
}

static void odd_flows(const struct fm_doubts *d, const char *path)
{
	char lines[FM_EXAMPLES_MAX];

	warn_of(d, path, &d->no_packets, "have 0 packets",
		"no flow is like that, and the gate's rules.broken_share counts what is learned from them: a sampling "
		"fault, or missing values that source.missing: zero filled? Leave them out before; in a project, "
		"source.missing: reject does");
	warn_of(d, path, &d->no_bytes, "have packets and 0 bytes",
		"no flow is like that, and the gate's rules.broken_share counts what is learned from them");
	warn_of(d, path, &d->thin, "have under 20 bytes a packet, less than the header of IP",
		"payload alone, or packets and bytes in each other's place? the gate's rules.broken_share counts what "
		"is learned "
		"from them");
	warn_of(d, path, &d->fat, "have over 65,535 bytes a packet, more than IP has", "is a unit another one?");
	if (d->flags_twice)
		fm_warn("%s: flags are written in two forms, as letters and as numbers or 27 and 0x1b, and the same "
			"flags in "
			"both count as two (first at %s %llu): have them written in one form",
			path, d->place ? d->place : "line", (unsigned long long)d->flags_twice);
	if (d->tos_twice)
		fm_warn(
		    "%s: types of service are written in two forms, such as 184 and 0xb8 or 184.0, and the same one in "
		    "both counts as two (first at %s %llu): have them written in one form",
		    path, d->place ? d->place : "line", (unsigned long long)d->tos_twice);
	long_flows(d, path);
	warn_of(
	    d, path, &d->one_time, "have one time as start and end, and a duration of over a second",
	    "the duration is taken and the time is the end; is it the start? Then leave the end out of the dialect");
	warn_of(d, path, &d->rounded, "have counts with an exponent and fewer digits than they have",
		"a program that keeps six digits has rounded them? have whole numbers written");
	if (d->thousands.n < d->rows / 2) /* else a program that writes three decimals */
		warn_of(
		    d, path, &d->thousands,
		    "have a count such as 1.000, which is read as 1, and most others have no point",
		    "is it a point between thousands? decimal: \",\" and thousands: \".\" in the dialect read that");
	warn_of(d, path, &d->full, "have 4294967295 packets or bytes", "a counter of 32 bits that was full, or -1?");
	warn_of(d, path, &d->nowhere, "have no address, but zeros at both ends",
		"were addresses taken out, or did they have columns of another name?");
	warn_of(d, path, &d->several, "are sums of several flows, says their count of them",
		"an aggregate (nfdump -a, -A)? the gaps and sizes of single flows are not in it: have the flows "
		"themselves written");
	if (d->coarse.n * 20 > d->rows) /* else whole seconds whose zeros at the end were dropped: one in 216 */
		warn_of(d, path, &d->coarse, "have times in days with under five decimals, in steps of over a second",
			"a spreadsheet writes the digits that it shows: have it show the column as date and time, or "
			"with nine "
			"decimals");
	if (d->offset.n < d->rows)
		warn_of(d, path, &d->offset, "have times with an offset from UTC and the others have none",
			"those are read as of the dialect's clock (timezone); were they written by another one?");
	warn_of(d, path, &d->no_type, "have a code of ICMP and no type",
		"is it the type alone? the port is type * 256 + code, or type.code");
	warn_of(d, path, &d->two_ports, "are of ICMP and have a port at the source, where ICMP has none",
		"type and code in a port each? icmp: zeek in the dialect reads that, icmp: argus both in the first");
	warn_of(
	    d, path, &d->no_such, "have a protocol that IANA's registry does not have",
	    "each such word counts as a protocol of its own; is it another spelling, or a word for several or none?");
	if (d->no_ports.n > d->rows / 2)
		warn_of(d, path, &d->no_ports, "have protocol 0 and no ports",
			"an aggregate without them (nfdump -A)? have the flows themselves written");
	if (d->one_end.n > d->rows / 2)
		warn_of(d, path, &d->one_end, "have an address at one end and zeros at the other",
			"an aggregate by one address (nfdump -A)? have the flows themselves written");
	if (d->to_self.n > d->rows / 2)
		warn_of(d, path, &d->to_self, "go from an address to itself", "two columns of one address?");
	if (d->rows > 1 && d->least_ms == d->most_ms && !(d->dialect && d->dialect->absent >> FM_TE & 1u))
		fm_warn("%s: all %llu rows have the same time: a column of the file's time, or a rounded one?", path,
			(unsigned long long)d->rows);
	warn_of(d, path, &d->clock_wraps,
		"lie 49.7 days before or after the row before them, to within a minute of 2^32 milliseconds",
		"an exporter's clock of 32 bits that began anew? Rows up to the next such step are that much off: "
		"correct them, or leave them out before ingest");
	warn_of(d, path, &d->wrapped, "last 49.7 days, to within a minute of 2^32 milliseconds",
		"ends that lie before the start, of an exporter that cannot say so? leave them out before ingest");
	if ((double)d->twice.n > FM_DOUBT_TWICE_SHARE * (double)d->rows)
		warn_of(d, path, &d->twice, "repeat a row shortly before them",
			"flows that two exporters saw? source.duplicates: drop leaves one row of each");
	warn_of(d, path, &d->again, "end in the hour that the clock shows twice as summer time ends",
		"they are read as of the first of the two");
	if (fm_doubts_half_clock(d))
		fm_warn("%s: the clock falls back by 12 hours (%s) and no row is later than 12:59: a 12-hour clock "
			"without AM and PM? give the time column a pattern with %%I and day_starts in the dialect",
			path, fm_examples_text(&d->half_day, d->place, lines));
}

const struct fm_examples *fm_doubts_half_clock(const struct fm_doubts *d)
{
	return d->half_day.n && !d->after_noon ? &d->half_day : NULL;
}

bool fm_doubts_newest_first(const struct fm_doubts *d)
{
	return d->back.n > 2 * d->forward && d->last_ms < d->first_ms;
}

/* Are the times written as dates, so that they have no unit that could be wrong? */
static bool has_dates(const struct fm_dialect *d)
{
	for (int k = 0; d && k < d->ncols; k++)
		if (d->cols[k].col == FM_TE && !fm_format_has_calendar(d->cols[k].format))
			return false;
	return d != NULL;
}

int fm_doubts_judge(const struct fm_doubts *d, const char *path, const struct fm_dict *labels, struct fm_error *err)
{
	int rc;

	if (d->rows && d->year[0].n == d->rows && has_dates(d->dialect))
		fm_warn(
		    "%s: all %llu times lie in 1970, where a clock begins that nobody set; relative_to in the dialect "
		    "moves them",
		    path, (unsigned long long)d->rows);
	else if (d->rows && d->year[0].n == d->rows)
		return fm_fail(err, FM_EINPUT,
			       "%s: all %llu times lie in 1970: the unit of the time column is wrong, seconds read as "
			       "milliseconds or the like (format in the dialect), or its clock began there "
			       "(relative_to in the dialect)",
			       path, (unsigned long long)d->rows);
	if ((rc = fm_doubts_times(d, path, err)) < 0 || (rc = wrong_times(d, path, err)) < 0)
		return rc;
	odd_flows(d, path);
	return fm_doubts_labels(d, path, labels, err);
}

void fm_doubts_free(struct fm_doubts *d)
{
	free(d->label);
	free(d->bad);
	fm_dict_free(&d->bad_label);
}
