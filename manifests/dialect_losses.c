/* What a dialect cannot say of flows that were read in another one. */
#include "manifests/dialect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct losses {
	char (*text)[256];
	int n;
};

/* "What: a, b and c": add a name to the list. */
struct names {
	char text[160];
	size_t n;
};

static void add_name(struct names *l, const char *name)
{
	size_t len = strlen(l->text);

	if (len + strlen(name) + 8 < sizeof(l->text))
		snprintf(l->text + len, sizeof(l->text) - len, "%s%s", l->n ? ", " : "", name);
	else if (len + 6 < sizeof(l->text) && strcmp(l->text + len - 3, "...") != 0)
		snprintf(l->text + len, sizeof(l->text) - len, ", ...");
	l->n++;
}

static void say(struct losses *out, const char *fmt, const char *what)
{
	if (out->n < FM_DIALECT_LOSSES)
		snprintf(out->text[out->n++], sizeof(out->text[0]), fmt, what);
}

int64_t fm_dialect_step_ms(const struct fm_dialect *d, int k)
{
	int decimals = d->cols[k].decimals < 0 ? 0 : d->cols[k].decimals;
	int64_t ms = 1000;

	switch (d->cols[k].format) {
	case FM_FMT_PATTERN:
		if (!strstr(d->cols[k].pattern, "%S"))
			return strstr(d->cols[k].pattern, "%M") ? 60000 : 3600000;
		if (!strstr(d->cols[k].pattern, "%f"))
			return 1000;
		decimals = decimals < 1 ? 3 : decimals;
		break;
	case FM_FMT_HMS:
	case FM_FMT_MILLISECONDS:
	case FM_FMT_MICROSECONDS:
	case FM_FMT_NANOSECONDS:
	case FM_FMT_DAYS:
	case FM_FMT_DAYS_1900:
	case FM_FMT_DAYS_1904:
	case FM_FMT_MINUTES:
	case FM_FMT_HOURS:
		return 1;
	default:
		break;
	}
	for (int i = 0; i < decimals && i < 3; i++)
		ms /= 10;
	return ms;
}

static void say_step(struct losses *out, const char *name, int64_t ms)
{
	char what[128];

	snprintf(what, sizeof(what), "%s in %s", name,
		 ms == 1000    ? "whole seconds"
		 : ms == 60000 ? "whole minutes"
		 : ms > 60000  ? "whole hours"
		 : ms == 100   ? "tenths of a second"
			       : "hundredths of a second");
	if (ms > 1)
		say(out, "times are coarser: %s", what);
}

/* The finest resolution of the columns that tell the time or the duration; 0: none does. */
static int64_t finest(const struct fm_dialect *d, enum fm_col col)
{
	int64_t least = 0;

	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].col == (int)col && (!least || fm_dialect_step_ms(d, k) < least))
			least = fm_dialect_step_ms(d, k);
	return least;
}

static void say_times(const struct fm_dialect *to, struct losses *out)
{
	int64_t te = finest(to, FM_TE), td = finest(to, FM_TD);

	say_step(out, "the end or start of a flow", te);
	say_step(out, "its duration", td ? td : te);
	for (int k = 0; k < to->ncols && to->relative; k++)
		if (to->cols[k].col == FM_TE && to->cols[k].format == FM_FMT_PATTERN)
			say(out, "times over a day after its start read as a day earlier: %s", to->cols[k].name);
	for (int k = 0; k < to->ncols; k++)
		if (to->cols[k].day_starts >= 0) {
			char what[64];

			snprintf(what, sizeof(what), "%d to %d o'clock", to->cols[k].day_starts,
				 (to->cols[k].day_starts + 11) % 24);
			say(out, "the clock has 12 hours: times outside %s read as 12 hours off", what);
		}
}

static void say_sums(const struct fm_dialect *to, struct losses *out)
{
	struct names list = {0};

	for (int k = 0; k < to->ncols; k++)
		for (int i = 0; i < k; i++)
			if (to->cols[k].role == FM_ROLE_SUM && to->cols[i].col == to->cols[k].col &&
			    to->cols[k].col != FM_LABEL) {
				add_name(&list, to->cols[k].name);
				break;
			}
	if (list.n)
		say(out, "both ways of a conversation are summed in one column: always 0 are %s", list.text);
	list = (struct names){0};
	for (int k = 0, first = 1; k < to->ncols; k++)
		if (to->cols[k].role == FM_ROLE_SUM && to->cols[k].col == FM_LABEL && !first--)
			add_name(&list, to->cols[k].name);
	if (list.n)
		say(out, "the parts of a label are joined in one column: always empty are %s", list.text);
	list = (struct names){0};
	for (int k = 0; k < to->ncols; k++)
		if (to->cols[k].role == FM_ROLE_REPLY)
			add_name(&list, to->cols[k].name);
	if (list.n)
		say(out, "the way back is a row of its own: always 0 are %s", list.text);
}

static const char *name_of(const struct fm_dialect *d, enum fm_col col)
{
	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].col == (int)col)
			return d->cols[k].name;
	return NULL;
}

/* TCP flags and the state of a connection are in the same column of the table, and are written as they were read. */
static void say_words(const struct fm_dialect *from, const struct fm_dialect *to, struct losses *out)
{
	const char *a = name_of(from, FM_FLG), *b = name_of(to, FM_FLG);
	char what[160];

	if (!a || !b || strcasecmp(a, b) == 0)
		return;
	snprintf(what, sizeof(what), "column %s has the words of %s in the trace", b, a);
	say(out, "%s, which may mean something else there", what);
}

int fm_dialect_losses(const struct fm_dialect *from, const struct fm_dialect *to, char text[FM_DIALECT_LOSSES][256])
{
	struct names lost = {0}, constant = {0}, empty = {0}, numbers = {0};
	bool same = strcmp(from->name, to->name) == 0;
	struct losses out = {.text = text};

	for (int c = 0; c < FM_NFLOWCOL; c++) {
		if (from->present >> c & 1u && !(to->present >> c & 1u))
			add_name(&lost, fm_cols[c].name);
		if (to->present >> c & 1u && !(from->present >> c & 1u))
			add_name(&constant, fm_cols[c].name);
	}
	for (int k = 0; k < to->ncols; k++)
		if (to->cols[k].col < 0 && !to->cols[k].nonly && !fm_dialect_is_aside(to, k))
			add_name(&empty, to->cols[k].name);
	if (lost.n)
		say(&out, "it has no column for what the trace tells: %s", lost.text);
	if (constant.n)
		say(&out, "the trace does not tell, so that it is 0 in every row: %s", constant.text);
	say_sums(to, &out);
	if (to->sampling > 1) {
		char what[32];

		snprintf(what, sizeof(what), "%lld", (long long)to->sampling);
		say(&out, "packets and bytes in steps of %s, at least one, as its sampling is", what);
	}
	for (int i = 0; i < to->nmissing; i++) {
		const char *word = to->missing[i];

		if (*word && strcmp(word, "0") != 0 && strspn(word, "0123456789") == strlen(word))
			add_name(&numbers, word);
	}
	if (numbers.n)
		say(&out, "numbers that stand for no value in it are read as 0: %s", numbers.text);
	if (empty.n)
		say(&out, "no model fills, so that they are empty in every row: %s", empty.text);
	if (!same) {
		say_words(from, to, &out);
		say_times(to, &out);
	}
	for (int k = 0; k < to->ncols && to->zone && fm_zone_changes(to->zone); k++)
		if (to->cols[k].format == FM_FMT_DATETIME ||
		    (to->cols[k].format == FM_FMT_PATTERN && !fm_dialect_says_zone(to, k))) {
			say(&out, "%s",
			    "the clock shows an hour twice as summer time ends: times in it read as the first");
			break;
		}
	if (to->encoding == FM_ENCODING_UTF16)
		say(&out, "%s", "the release is written in UTF-8, not in UTF-16");
	return out.n;
}
