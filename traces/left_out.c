#include "traces/left_out.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"

void fm_left_out_add(struct fm_left_out *l, const char *reason, uint64_t line)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->kind[i].reason, reason) != 0)
		i++;
	if (i == FM_LEFT_OUT_KINDS) {
		fm_examples_add(&l->others, line);
		return;
	}
	if (i == l->n)
		snprintf(l->kind[l->n++].reason, sizeof l->kind[i].reason, "%s", reason);
	fm_examples_add(&l->kind[i].rows, line);
}

void fm_left_out_rows(struct fm_left_out *l, const char *reason, uint64_t rows)
{
	if (l->n == FM_LEFT_OUT_KINDS) {
		l->others.n += rows;
		return;
	}
	snprintf(l->kind[l->n].reason, sizeof l->kind[l->n].reason, "%s", reason);
	l->kind[l->n++].rows = (struct fm_examples){.n = rows};
}

static void say(const struct fm_left_out *l, const char *path, const char *reason, const struct fm_examples *e)
{
	char lines[FM_EXAMPLES_MAX];

	fm_warn("%s: %llu row%s left out: %s (%s)", path, (unsigned long long)e->n, e->n == 1 ? " is" : "s are", reason,
		fm_examples_text(e, l->place, lines));
}

void fm_left_out_say(const struct fm_left_out *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		say(l, path, l->kind[i].reason, &l->kind[i].rows);
	if (l->others.n)
		say(l, path, "for other reasons", &l->others);
}

static int add(json_t *list, const char *reason, const struct fm_examples *e)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < FM_DOUBT_EXAMPLES && i < e->n; i++)
		if (e->line[i])
			json_array_append_new(lines, json_integer((json_int_t)e->line[i]));
	return json_array_append_new(
	    list, json_pack("{s:s, s:I, s:o}", "reason", reason, "rows", (json_int_t)e->n, "lines", lines));
}

json_t *fm_left_out_json(const struct fm_left_out *l)
{
	json_t *list = json_array();
	int bad = !list;

	for (size_t i = 0; i < l->n && !bad; i++)
		bad = add(list, l->kind[i].reason, &l->kind[i].rows);
	if (!bad && l->others.n)
		bad = add(list, "other reasons", &l->others);
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- what is published of a reason ---- */

/* Texts that follow the name of a column; of two that begin alike the longer comes first. */
static const char *const of_value[] = {
    "is missing",
    "is negative",
    "is a time that the time zone skips",
    "is not a time of the pattern that the dialect gives",
    "is not a time in numbers",
    "is not a time",
    "has neither Z nor an offset",
    "lies outside the years 1970 to 2261",
    "is not a duration",
    "is over 49 days",
    "is neither a port nor type.code of ICMP",
    "is type.code in a row that is not ICMP",
    "is not a port number",
    "is over 65535",
    "has no port number behind it",
    "has no port behind it",
    "has a port over 65535 behind it",
    "is a scaled number such as 4.2 M",
    "is over 2^63 millionths",
    "is not a nonnegative integer",
    "is, as a sum, over 2^63 - 1",
    "is an IPv6 address, and privacy.mode dp takes IPv4 alone",
    "is an IPv4 address with a port behind it",
    "is a MAC address",
    "is a shortened IPv6 address",
    "is not an IPv4 address as an integer",
    "is not an address",
    "is longer than 255 bytes",
    "is not text in windows-1252",
    "is not text in UTF-8",
    "has a control character",
};
static const char *const of_row[] = {
    "te lies before the start",
    "packets or bytes are, times the sampling rate, over 2^63 - 1",
    "the sampling rate is no whole number",
    "sa and da are of two families",
    "td is over 49 days",
    "the row is of a kind that the dialect does not read",
    "misplaced quotes",
    "a quote is not closed on its line",
    "a carriage return inside the row",
    "the line is over 1 MiB long",
    "a NUL byte in the row",
    "no object of JSON",
    "text behind the object of JSON",
    "several objects of JSON on one line (jq -c . writes a line for each)",
    "an object of JSON is not closed on its line",
    "a list of JSON is not closed on its line",
    "a string of JSON is not closed on its line",
    "a key of JSON stands twice",
    "a set of records has no template before it in the file",
    "its template has no two of start, end and duration",
    "its template lacks protocol, ports, packets or bytes",
    "pkt or byt is over 2^63 - 1",
    "the packet is cut before the end of its IP header",
    "the packet is cut before its ports",
    "the IP header is damaged",
};

size_t fm_left_out_texts(void)
{
	return sizeof of_row / sizeof *of_row + FM_NFLOWCOL * (sizeof of_value / sizeof *of_value) + 2;
}

static const char *begins_with_one(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(text, list[i], strlen(list[i])) == 0)
			return list[i];
	return NULL;
}

const char *fm_left_out_public(const char *reason, char buf[128])
{
	const char *words = begins_with_one(reason, of_row, sizeof of_row / sizeof *of_row);
	size_t digits = strspn(reason, "0123456789");

	if (words)
		return words;
	if (digits && strncmp(reason + digits, " column", 7) == 0)
		return "another number of columns than expected";
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		size_t n = strlen(fm_cols[c].name);

		if (strncmp(reason, fm_cols[c].name, n) != 0 || reason[n] != ' ' ||
		    !(words = begins_with_one(reason + n + 1, of_value, sizeof of_value / sizeof *of_value)))
			continue;
		snprintf(buf, 128, "%s %s", fm_cols[c].name, words);
		return buf;
	}
	return "other reasons";
}
