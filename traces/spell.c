/* spell.c - values as a dialect spells them, and what it cannot spell. */
#include "traces/spell.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/num.h"
#include "traces/flags.h"
#include "traces/icmp.h"
#include "traces/protocol.h"
#include "traces/value.h"

/* Is it that many words with one blank between? */
static bool is_words(const char *s, int n)
{
	for (; *s && *s != ' '; n--) {
		s += strcspn(s, " ");
		if (*s == ' ' && s[1])
			s++;
	}
	return !*s && n == 0;
}

int fm_spell_value(const struct fm_dialect *d, int k, const char *s, char out[FM_SPELL_MAX], struct fm_error *err)
{
	enum fm_format f = d->cols[k].format;
	int number = f == FM_FMT_NUMBER ? fm_protocol_number(s, strlen(s)) : -1;
	size_t n;

	if (d->cols[k].col == FM_LABEL)
		s = fm_dialect_label(d, s);
	if (d->cols[k].col == FM_PR && d->icmp == FM_ICMP_ZEEK && strcmp(s, "ICMP6") == 0)
		s = "ICMP"; /* Zeek has one name */
	n = strlen(s);

	if (f == FM_FMT_NUMBER && d->cols[k].col == FM_PR && number < 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "a value of pr has no number in IANA's registry, and dialect %s has no names of protocols",
		    d->name);
	if (number >= 0) {
		out[fm_format_u64((uint64_t)number, out)] = 0;
		return FM_OK;
	}
	memcpy(out, s, n + 1);
	for (size_t i = 0; f == FM_FMT_LOWER && i < n; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	if (d->encoding == FM_ENCODING_WINDOWS_1252) {
		size_t len = fm_value_to_windows_1252(s, n, out);

		if (!len && n)
			return fm_fail(err, FM_EINPUT,
				       "a value of %s has no text in windows-1252: set encoding: utf-8 in dialect %s",
				       fm_cols[d->cols[k].col].name, d->name);
		out[len] = 0;
	}
	if (d->json)
		return FM_OK;
	if (d->blanks && d->cols[k].words > 1 && (strpbrk(out, "\t\r\n") || !is_words(out, d->cols[k].words)))
		return fm_fail(err, FM_EINPUT, "a value of %s is not %d words, as dialect %s has it",
			       fm_cols[d->cols[k].col].name, d->cols[k].words, d->name);
	if (d->blanks && d->cols[k].words <= 1 && (!*out || strpbrk(out, " \t\r\n")))
		return fm_fail(err, FM_EINPUT,
			       "a value of %s is empty or has a blank in it, and dialect %s has blanks between columns",
			       fm_cols[d->cols[k].col].name, d->name);
	if (k == 0 && (d->blanks || d->no_quotes) && fm_dialect_begins_comment(d, out))
		return fm_fail(err, FM_EINPUT,
			       "a value of %s in the first column begins as a comment, and dialect %s has no quotes",
			       fm_cols[d->cols[k].col].name, d->name);
	if (d->no_quotes && (strchr(out, d->delimiter) || strpbrk(out, "\r\n")))
		return fm_fail(err, FM_EINPUT, "a value of %s has the delimiter in it, and dialect %s has quote: none",
			       fm_cols[d->cols[k].col].name, d->name);
	return FM_OK;
}

/* ---- between quotes ---- */

bool fm_spell_needs_quotes(const struct fm_dialect *d, const char *s, bool first)
{
	size_t n = strlen(s);

	if (d->no_quotes || d->blanks)
		return false;
	if (first && fm_dialect_begins_comment(d, s))
		return true;
	/* A reader trims spaces around what is not quoted. */
	return n && (*s == ' ' || *s == '\t' || s[n - 1] == ' ' || s[n - 1] == '\t' || strchr(s, d->delimiter) ||
		     strpbrk(s, "\"\r\n"));
}

size_t fm_spell_json(char *out, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char *to = out;

	*to++ = '"';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == '"') {
			memcpy(to, "\\u00", 4);
			to[4] = hex[c >> 4];
			to[5] = hex[c & 15];
			to += 6;
			continue;
		}
		if (c == '\\')
			*to++ = '\\';
		*to++ = (char)c;
	}
	*to++ = '"';
	return (size_t)(to - out);
}

/* ---- what is lost ---- */

struct losses {
	char (*text)[320];
	int n;
	uint32_t columns;
};

/* Returns the sentences that were added, 0 or 1. */
static uint32_t say(struct losses *l, size_t n, size_t of, const char *what, const char *then)
{
	if (!n || l->n >= FM_UNSAID)
		return 0;
	snprintf(l->text[l->n++], sizeof l->text[0], "%zu of %zu %s: %s", n, of, what, then);
	return 1;
}

static void addresses(const struct fm_table *t, const struct fm_dialect *d, struct losses *l)
{
	size_t n = 0;
	uint32_t ip;

	for (size_t i = 0; t->addresses && i < t->addresses->n; i++)
		n += !fm_address_ipv4(&t->addresses->at[i], &ip);
	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].format == FM_FMT_IPV4_INTEGER) {
			say(l, n, t->addresses ? t->addresses->n : 0, "addresses are IPv6, for which it has no text",
			    "a release with one is refused; set publish.dialect to another one");
			return;
		}
}

static void protocols(const struct fm_table *t, struct losses *l)
{
	const struct fm_dict *pr = &t->dict[FM_PR];
	size_t n = 0;

	for (size_t i = 0; FM_HAS(t, FM_PR) && i < pr->n; i++)
		n += fm_protocol_number(pr->value[i], strlen(pr->value[i])) < 0;
	say(l, n, pr->n, "protocols have no number in IANA's registry, and IPFIX has no names",
	    "a release with one is refused; set publish.dialect to another one, or leave their rows out before ingest");
}

/* Values of column k that have no text (fails), or whose text is read as a missing value or as another one. */
static void values(const struct fm_table *t, const struct fm_dialect *d, int k, bool fails, struct losses *l)
{
	int c = d->cols[k].col;
	const struct fm_dict *dict = &t->dict[c];
	size_t none = 0, other = 0, textless = 0;
	char text[FM_SPELL_MAX], what[160];
	struct fm_error ignored;

	for (size_t i = 0; i < dict->n; i++) {
		if (fm_spell_value(d, k, dict->value[i], text, &ignored) < 0)
			textless++;
		else if (fm_dialect_is_missing(d, text, strlen(text)))
			none += strcmp(dict->value[i], "0") != 0;
		else if (c == FM_LABEL)
			other += strcmp(fm_dialect_label_read(d, text), dict->value[i]) != 0;
	}
	snprintf(what, sizeof what, "values of %s have no text in it", fm_cols[c].name);
	if (fails) {
		l->columns |= say(l, textless, dict->n, what,
				  c == FM_LABEL ? "a release with one is refused; map them to others with labels in "
						  "the dialect, or set publish.dialect to another one"
						: "a release with one is refused; set publish.dialect to another one, "
						  "or leave their rows out before ingest")
			      << c;
		return;
	}
	snprintf(what, sizeof what, "values of %s are words that it has for no value, and are read back as 0",
		 fm_cols[c].name);
	l->columns |= say(l, none, dict->n, what,
			  c == FM_LABEL ? "map them to others with labels in the dialect of the trace, or set "
					  "publish.dialect to a file without them under missing"
					: "set publish.dialect to a file without them under missing")
		      << c;
	l->columns |=
	    say(l, other, dict->n, "labels are in its map as another spelling of others, and are read back as those",
		"map them to others with labels in the dialect of the trace")
	    << c;
}

/* Words of flags and type of service that have no number, which IPFIX needs. */
static void numbers(const struct fm_table *t, struct losses *l)
{
	uint8_t bits[FM_DICT_MAX];
	size_t n = 0;

	if (FM_HAS(t, FM_FLG))
		say(l, fm_flags_of_words(&t->dict[FM_FLG], bits), t->dict[FM_FLG].n,
		    "words of flg are no flags of TCP but, as it seems, states of connections",
		    "the IPFIX file has no flags");
	for (size_t i = 0; FM_HAS(t, FM_STOS) && i < t->dict[FM_STOS].n; i++)
		n += fm_tos_of(t->dict[FM_STOS].value[i]) < 0;
	say(l, n, t->dict[FM_STOS].n, "words of stos are no number up to 255", "they are 0 in the IPFIX file");
}

int fm_spell_icmp(const struct fm_table *t, size_t row)
{
	const char *pr = FM_HAS(t, FM_PR) && t->pr[row] < t->dict[FM_PR].n ? t->dict[FM_PR].value[t->pr[row]] : "";

	return !strcmp(pr, "ICMP") ? 1 : !strcmp(pr, "ICMP6") ? 58 : 0;
}

/* Types and codes of ICMP that the dialect's form cannot express. */
static void messages(const struct fm_table *t, const struct fm_dialect *d, struct losses *l)
{
	size_t n = 0, of = 0;

	if (!d->icmp || !FM_HAS(t, FM_DP))
		return;
	for (size_t i = 0; i < t->rows; i++) {
		uint16_t sp = 0, dp = t->dp[i];
		int number = fm_spell_icmp(t, i);

		of += number > 0;
		n += number > 0 && !fm_icmp_write(d->icmp, number, &sp, &dp);
	}
	say(l, n, of, "flows of ICMP have a type or a code for which it has no text",
	    d->icmp == FM_ICMP_ARGUS ? "a type that is not assigned is 253 there, and a code of type 0 is 0"
				     : "the code is 0 there");
}

int fm_spell_losses(const struct fm_table *t, const struct fm_dialect *d, char text[FM_UNSAID][320], int *fails,
		    uint32_t *columns)
{
	struct losses l = {.text = text};

	addresses(t, d, &l);
	if (d->ipfix)
		protocols(t, &l);
	for (int pass = 0; pass < 2; pass++) {
		unsigned seen = 0;

		for (int k = 0; k < d->ncols; k++) {
			int c = d->cols[k].col;

			if (c >= 0 && FM_HAS(t, c) && fm_cols[c].kind == FM_KIND_CATEGORY && !(seen >> c & 1))
				values(t, d, k, !pass, &l);
			seen |= c >= 0 ? 1u << c : 0;
		}
		if (!pass)
			*fails = l.n;
	}
	messages(t, d, &l);
	if (d->ipfix)
		numbers(t, &l);
	*columns = l.columns;
	return l.n;
}

void fm_spell_say_losses(const struct fm_table *t, const struct fm_dialect *d)
{
	char text[FM_UNSAID][320];
	uint32_t columns;
	int fails, n = fm_spell_losses(t, d, text, &fails, &columns);

	for (int i = 0; i < n; i++)
		fm_warn("a release in dialect %s: %s", d->name, text[i]);
}
