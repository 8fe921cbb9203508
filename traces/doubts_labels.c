/* doubts_labels.c - labels that are probably not meant (doubts.h): two spellings of one, words for no value, classes
 * that vanish. The text of a label is never shown. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "traces/doubts.h"
#include "traces/flags.h"
#include "traces/hints.h"
#include "traces/protocol.h"

/* Blanks of any kind, hyphens and dashes, an underscore, and the sign for a character that was lost. */
static bool is_between_words(uint32_t code)
{
	return code <= ' ' || code == '-' || code == '_' || code == 0xa0 || code == 0xad ||
	       (code >= 0x2000 && code <= 0x2015) || code == 0x202f || code == 0x2060 || code == 0x2212 ||
	       code == 0x3000 || code == 0xfeff || code == 0xfffd;
}

#define LOOK_MAX (2 * FM_DICT_VALUE_MAX) /* longer labels are compared up to here */
#define PARTS 18                         /* Unicode 15: of the longest compatibility decomposition */

/* A label as it sounds: lower case, without what stands between words, accents apart from their letters (NFKD, so that
 * NFC and NFD are alike), 1.0 as 1, without an s or a point at its end. */
static void looks(const char *s, char out[LOOK_MAX + 1])
{
	size_t n = 0, all = strlen(s), len;
	gunichar part[PARTS];
	uint32_t code;

	for (size_t i = 0; i < all; i += len) {
		size_t parts = 0;

		if ((len = fm_utf8_next(s + i, all - i, &code)) == 0) {
			len = 1;
			if (n < LOOK_MAX)
				out[n++] = s[i];
			continue;
		}
		if (!is_between_words(code))
			parts = g_unichar_fully_decompose(code, true, part, PARTS);
		for (size_t k = 0; k < parts && n + 4 <= LOOK_MAX; k++)
			if (!is_between_words(part[k]))
				n += fm_utf8_put(g_unichar_tolower(part[k]), out + n);
	}
	if (n > 2 && !memcmp(out + n - 2, ".0", 2) && strspn(out, "0123456789") == n - 2)
		n -= 2;
	n -= n > 1 && out[n - 1] == '.';
	n -= n > 3 && out[n - 1] == 's';
	out[n] = 0;
}

struct look {
	char text[LOOK_MAX + 1];
	uint64_t place;
};

static int compare_looks(const void *a, const void *b)
{
	const struct look *x = a, *y = b;
	int text = strcmp(x->text, y->text);

	return text ? text : (x->place > y->place) - (x->place < y->place);
}

static int similar_labels(const struct fm_doubts *d, const char *path, const struct fm_dict *labels,
			  struct fm_error *err)
{
	struct look *look = calloc(labels->n + 1, sizeof *look);
	size_t n = 0, pairs = 0, first = 0;

	if (!look)
		return fm_fail(err, FM_ESYSTEM, "out of memory: labels");
	for (size_t i = 0; i < labels->n && i < d->nlabels; i++) {
		if (!d->label[i])
			continue;
		looks(labels->value[i], look[n].text);
		look[n++].place = d->label[i];
	}
	qsort(look, n, sizeof *look, compare_looks);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(look[i - 1].text, look[i].text) && !pairs++)
			first = i;
	if (pairs)
		fm_warn("%s: %zu label%s differ%s from another in case or blanks alone, or in a hyphen or the plural, "
			"or in how a letter is encoded (%ss %llu and %llu, for one) and count%s as another class: map "
			"one to the other with labels "
			"in the dialect",
			path, pairs, pairs == 1 ? "" : "s", pairs == 1 ? "s" : "", d->place ? d->place : "line",
			(unsigned long long)look[first - 1].place, (unsigned long long)look[first].place,
			pairs == 1 ? "s" : "");
	free(look);
	return FM_OK;
}

/* Labels that are a word for a missing value, and became a class. */
static void nothing_as_label(const struct fm_doubts *d, const char *path, const struct fm_dict *labels)
{
	for (size_t i = 0; i < labels->n && i < d->nlabels; i++)
		if (d->label[i] && fm_hint_is_nothing(labels->value[i], strlen(labels->value[i])))
			fm_warn("%s: a label is a word for no value, as None and nan are (first at %s %llu), and "
				"counts as a class: name it under missing in the dialect",
				path, d->place ? d->place : "line", (unsigned long long)d->label[i]);
}

/* A label that a spreadsheet takes for a formula; the released table would contain it as it is. A signed number and a
 * lone hyphen are no formulas. */
static bool is_formula(const char *s)
{
	size_t n = strlen(s);

	if (n < 2 || !strchr("=@+-", s[0]))
		return false;
	return s[0] == '=' || s[0] == '@' || s[1 + strspn(s + 1, "0123456789.")] != '\0';
}

static void formulas_as_labels(const struct fm_doubts *d, const char *path, const struct fm_dict *labels)
{
	uint64_t first = 0;
	size_t n = 0;

	for (size_t i = 0; i < labels->n && i < d->nlabels; i++)
		if (d->label[i] && is_formula(labels->value[i]) && (!n++ || d->label[i] < first))
			first = d->label[i];
	if (n)
		fm_warn("%s: %zu label%s begin%s with =, +, - or @ (first at %s %llu), as formulas do, and would stand "
			"in the release as %s: a partner's spreadsheet may compute them; map each to another with "
			"labels in "
			"the dialect",
			path, n, n == 1 ? "" : "s", n == 1 ? "s" : "", d->place ? d->place : "line",
			(unsigned long long)first, n == 1 ? "it is" : "they are");
}

/* Classes that have rows in the trace, none of which could be read. */
static void vanished_labels(const struct fm_doubts *d, const char *path, const struct fm_dict *labels)
{
	struct fm_examples first = {0};
	uint64_t classes = 0, rows = 0;
	char lines[FM_EXAMPLES_MAX];

	for (size_t i = 0; i < d->nbad; i++) {
		const char *s = d->bad_label.value[i];
		int at = labels->n ? fm_dict_index((struct fm_dict *)labels, s, strlen(s), false) : -1;

		if (at >= 0 && (size_t)at < d->nlabels && d->label[at])
			continue;
		if (!classes++)
			first = d->bad[i];
		rows += d->bad[i].n;
	}
	if (classes)
		fm_warn("%s: %llu class%s vanish%s: all %llu rows of %s are bad rows (%s); the quarantine.csv of the "
			"ingest stage says why (flowmint unseal --stage ingest)",
			path, (unsigned long long)classes, classes == 1 ? "" : "es", classes == 1 ? "es" : "",
			(unsigned long long)rows, classes == 1 ? "it" : "them",
			fm_examples_text(&first, d->place, lines));
}

int fm_doubts_labels(const struct fm_doubts *d, const char *path, const struct fm_dict *labels, struct fm_error *err)
{
	vanished_labels(d, path, labels);
	nothing_as_label(d, path, labels);
	formulas_as_labels(d, path, labels);
	return similar_labels(d, path, labels, err);
}

int fm_doubts_other_spelling(const struct fm_dict *real, const struct fm_dict *synthetic, const char *path,
			     struct fm_error *err)
{
	struct look *look = calloc(real->n + 1, sizeof *look), key = {.place = 0}, *at;
	size_t others = 0;

	if (!look)
		return fm_fail(err, FM_ESYSTEM, "out of memory: labels");
	for (size_t i = 0; i < real->n; i++)
		looks(real->value[i], look[i].text);
	qsort(look, real->n, sizeof *look, compare_looks);
	for (size_t i = 0; i < synthetic->n; i++) {
		const char *s = synthetic->value[i];

		if (fm_dict_index((struct fm_dict *)real, s, strlen(s), false) >= 0)
			continue;
		looks(s, key.text);
		at = bsearch(&key, look, real->n, sizeof *look, compare_looks);
		others += at != NULL;
	}
	if (others)
		fm_warn("%s: %zu label%s differ%s from one of the real flows in case or blanks alone, or in how a "
			"letter is "
			"encoded, and count%s as another class: map one to the other with labels in the dialect",
			path, others, others == 1 ? "" : "s", others == 1 ? "s" : "", others == 1 ? "s" : "");
	free(look);
	return FM_OK;
}

/* The one form of all words of a column: letters or numbers of flags, 184, 0xb8 or 184.0 of types of service; NULL:
 * they have several, or none. */
static const char *form_of(const struct fm_table *t, enum fm_col col)
{
	const char *form = NULL;

	for (size_t i = 0; FM_HAS(t, col) && i < t->dict[col].n; i++) {
		const char *s = t->dict[col].value[i], *is;
		bool number = false;

		if (col == FM_FLG)
			is = fm_flags_of(s, &number) < 0 ? NULL : number ? "numbers" : "letters";
		else
			is = fm_tos_of(s) < 0 ? NULL : strpbrk(s, "xX") ? "0xb8" : strchr(s, '.') ? "184.0" : "184";
		if (!is || (form && is != form && strcmp(is, form) != 0))
			return NULL;
		form = is;
	}
	return form;
}

void fm_doubts_other_form(const struct fm_table *real, const struct fm_table *synthetic, const char *path)
{
	static const enum fm_col cols[] = {FM_FLG, FM_STOS};

	for (size_t i = 0; i < 2; i++) {
		const char *theirs = form_of(synthetic, cols[i]), *ours = form_of(real, cols[i]);

		if (theirs && ours && strcmp(theirs, ours) != 0)
			fm_warn("%s: %s are written as %s, and those of the real flows as %s, so the same one counts "
				"as two values: "
				"have both written in one form",
				path, cols[i] == FM_FLG ? "flags" : "types of service", theirs, ours);
	}
}

void fm_doubts_unmet(const struct fm_dialect *d, const char *file, uint64_t met, const char *path)
{
	char list[400] = "";
	size_t n = 0, unmet = 0, first = 0;

	for (int i = 0; i < d->nlabels && fm_dialect_is_file(file); i++) {
		if (met >> i & 1u || strcmp(d->labels[i].from, "*") == 0) /* all other labels may be none */
			continue;
		first = unmet++ ? first : d->labels[i].line;
		if (n + strlen(d->labels[i].from) + 40 < sizeof list)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s'%s' (line %zu)", n ? ", " : "",
					      d->labels[i].from, d->labels[i].line);
	}
	if (unmet)
		fm_warn("%s:%zu: labels: no row that was read of %s is met by %zu of %d entries, which are misspelt, "
			"or of rows "
			"or a trace that this is not: %s",
			file, first, path, unmet, d->nlabels, list);
}

void fm_doubts_protocols(const char *path, const struct fm_dict *protocols)
{
	size_t n = 0;

	for (size_t i = 0; i < protocols->n; i++)
		n += fm_protocol_number(protocols->value[i], strlen(protocols->value[i])) < 0;
	if (n)
		fm_log("%s: %zu of %zu protocols have no number in IANA's registry, as arp has none, or names of "
		       "services, or a "
		       "word for an unknown one: each stays a word of its own",
		       path, n, protocols->n);
}
