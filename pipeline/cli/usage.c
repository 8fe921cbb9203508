#include "pipeline/cli/usage.h"

#include <stdio.h>
#include <string.h>

#include "manifests/embed.h"
#include "pipeline/rivals.h"

#define COLUMNS 80
#define HELP_COLUMN 21 /* where an option's help begins */

/* ---- plain text ---- */

/* Words of text from column at on, no line longer than COLUMNS, the next ones indented.  A line end in text begins a
 * new line, two a new paragraph. */
static void wrap(struct fm_buf *out, const char *text, size_t at, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " \n");

		if (n && !first && at + 1 + n > COLUMNS) {
			fm_buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		if (n) {
			fm_buf_printf(out, "%s%.*s", first ? "" : " ", (int)n, text);
			at += n + !first;
			first = false;
		}
		text += n;
		if (*text == '\n') {
			fm_buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		text += *text != '\0';
	}
	fm_buf_puts(out, "\n");
}

/* "--set KEY=VALUE", with its letter "-q, --quiet". */
static void option_words(const struct fm_option *o, char *out, size_t cap)
{
	char letter[8] = "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	if (o->kind == FM_OPTION_FLAG)
		snprintf(out, cap, "%s--%s", letter, o->name);
	else
		snprintf(out, cap, o->kind == FM_OPTION_MAYBE ? "%s--%s [%s]" : "%s--%s %s", letter, o->name, o->value);
}

/* An option's help; what it can name is listed behind it. */
static void option_help(struct fm_buf *out, const struct fm_option *o)
{
	struct fm_embed e;
	const char *name;

	fm_buf_puts(out, o->help);
	for (size_t i = 0; o->offer == FM_OFFER_PRESET && fm_embed_at(&e, FM_EMBED_PRESET, i); i++)
		fm_buf_printf(out, "%s%s", i ? ", " : ": ", e.name);
	for (int i = 0; o->offer == FM_OFFER_MODEL && (name = fm_rival_name(i)); i++)
		fm_buf_printf(out, "%s%s", i ? ", " : ": ", name);
}

static void option_line(struct fm_buf *out, const struct fm_option *o)
{
	struct fm_buf help = {0};
	char words[96];
	size_t at;

	option_words(o, words, sizeof(words));
	at = 2 + strlen(words);
	fm_buf_printf(out, "  %s", words);
	if (at + 2 > HELP_COLUMN) {
		fm_buf_puts(out, "\n");
		at = 0;
	}
	fm_buf_printf(out, "%*s", (int)(HELP_COLUMN - at), "");
	option_help(&help, o);
	wrap(out, help.data ? help.data : "", HELP_COLUMN, HELP_COLUMN);
	fm_buf_free(&help);
}

static void add_word(struct fm_buf *out, size_t *at, const char *word, size_t indent)
{
	size_t n = strlen(word);

	if (*at + 1 + n > COLUMNS) {
		fm_buf_printf(out, "\n%*s", (int)indent - 1, "");
		*at = indent - 1;
	}
	fm_buf_printf(out, " %s", word);
	*at += 1 + n;
}

/* The i-th operand, in brackets where it may be left out; false past the last. */
static bool operand_word(const struct fm_verb *v, int i, char *out, size_t cap)
{
	int most = fm_verb_max_operands(v);
	const char *p = v->operands;

	if (i >= most)
		return false;
	for (int j = 0; j < i; j++)
		p += strcspn(p, " ") + 1;
	snprintf(out, cap, i >= most - v->optional ? "[%.*s]" : "%.*s", (int)strcspn(p, " "), p);
	return true;
}

static void synopsis(struct fm_buf *out, const struct fm_verb *v)
{
	size_t start = out->len, at, indent;
	char word[128], inner[112];

	fm_buf_printf(out, "usage: flowmint %s", v->name);
	at = indent = out->len - start;
	indent++;
	for (int required = 1; required >= 0; required--)
		for (const struct fm_option *o = v->options; o && o->name; o++) {
			if (o->required != required)
				continue;
			option_words(o, inner, sizeof(inner));
			snprintf(word, sizeof(word), required ? "%s" : "[%s]%s", inner,
				 o->kind == FM_OPTION_LIST ? "..." : "");
			add_word(out, &at, word, indent);
		}
	for (int i = 0; operand_word(v, i, word, sizeof(word)); i++)
		add_word(out, &at, word, indent);
	fm_buf_puts(out, "\n\n");
}

/* "Is the ledger intact?" or "Make a key." */
static void summary(struct fm_buf *out, const struct fm_verb *v)
{
	fm_buf_printf(out, "%c%s%s\n", v->summary[0] & ~0x20, v->summary + 1,
		      v->summary[strlen(v->summary) - 1] == '?' ? "" : ".");
}

void fm_usage_verb(struct fm_buf *out, const struct fm_verb *v)
{
	synopsis(out, v);
	summary(out, v);
	if (v->about) {
		fm_buf_puts(out, "\n");
		wrap(out, v->about, 0, 0);
	}
	fm_buf_puts(out, "\n");
	for (const struct fm_option *o = v->options; o && o->name; o++)
		option_line(out, o);
	if (v->options && v->options->name)
		fm_buf_puts(out, "\n");
	fm_buf_puts(out, "Every verb takes");
	for (const struct fm_option *o = fm_common_options; o->name; o++)
		fm_buf_printf(out, "%s -%c%s%s",
			      o == fm_common_options ? ""
			      : o[1].name            ? ","
						     : " and",
			      o->letter, o->value ? " " : "", o->value ? o->value : "");
	fm_buf_puts(out, " too; see flowmint --help.\n");
}

void fm_usage_list(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	int width = 10;

	for (size_t i = 0; i < n; i++)
		width = (int)strlen(verbs[i]->name) > width ? (int)strlen(verbs[i]->name) : width;
	fm_buf_puts(out, "usage: flowmint [-C DIR] VERB [OPTION]...\n\n");
	for (size_t i = 0; i < n; i++)
		fm_buf_printf(out, "  %-*s  %s\n", width, verbs[i]->name, verbs[i]->summary);
	fm_buf_puts(out, "\nOf every verb:\n");
	for (const struct fm_option *o = fm_common_options; o->name; o++)
		option_line(out, o);
	fm_buf_puts(out, "\nflowmint VERB --help explains each; flowmint(1) says it all.\n"
			 "Exit status: 0 done and good, 1 a negative verdict, 2 usage, 3 bad input, 4 the\n"
			 "system failed.\n");
}

/* ---- mdoc ---- */

/* Text as mdoc: each sentence on a line of its own, no line that looks like a request, dashes of options kept. */
static void man_text(struct fm_buf *out, const char *text)
{
	bool fresh = true; /* at the beginning of a line */

	for (const char *p = text; *p; p++) {
		if (fresh && (*p == '.' || *p == '\''))
			fm_buf_puts(out, "\\&");
		fresh = false;
		if (*p == '\\') {
			fm_buf_puts(out, "\\e");
		} else if (*p == '-' && (p[1] == '-' || (p > text && p[-1] == '-'))) {
			fm_buf_puts(out, "\\-");
		} else if (*p == '\n') {
			fm_buf_puts(out, p[1] == '\n' ? "\n.Pp\n" : "\n");
			p += p[1] == '\n';
			fresh = true;
		} else if (*p == ' ' && p > text && strchr(".?!", p[-1]) && p[1] >= 'A' && p[1] <= 'Z') {
			fm_buf_puts(out, "\n");
			fresh = true;
		} else {
			fm_buf_add(out, p, 1);
		}
	}
	fm_buf_puts(out, "\n");
}

/* "Fl Fl set Ar KEY=VALUE"; "a|b" is "Ar a | Ar b". */
static void man_operand(struct fm_buf *out, const char *words)
{
	fm_buf_puts(out, "Ar ");
	for (const char *p = words; *p; p++) {
		if (*p == '|')
			fm_buf_puts(out, " | ");
		else
			fm_buf_add(out, p, 1);
	}
}

static void man_option(struct fm_buf *out, const struct fm_option *o, bool with_letter)
{
	if (with_letter && o->letter)
		fm_buf_printf(out, "Fl %c , ", o->letter);
	fm_buf_printf(out, "Fl Fl %s", o->name);
	if (o->kind == FM_OPTION_FLAG)
		return;
	fm_buf_puts(out, o->kind == FM_OPTION_MAYBE ? " Op " : " ");
	man_operand(out, o->value);
}

void fm_usage_man_synopsis(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct fm_verb *v = verbs[i];
		int most = fm_verb_max_operands(v);
		char word[128];

		fm_buf_printf(out, ".Nm\n.Cm %s\n", v->name);
		for (int required = 1; required >= 0; required--)
			for (const struct fm_option *o = v->options; o && o->name; o++) {
				if (o->required != required)
					continue;
				fm_buf_puts(out, required ? "." : ".Op ");
				man_option(out, o, false);
				fm_buf_puts(out, o->kind == FM_OPTION_LIST ? " ...\n" : "\n");
			}
		for (int j = 0; operand_word(v, j, word, sizeof(word)); j++) {
			bool may_lack = j >= most - v->optional;

			word[strlen(word) - may_lack] = '\0';
			fm_buf_puts(out, may_lack ? ".Op " : ".");
			man_operand(out, word + may_lack);
			fm_buf_puts(out, "\n");
		}
	}
}

static void man_options(struct fm_buf *out, const struct fm_option *options)
{
	if (!options || !options->name)
		return;
	fm_buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct fm_option *o = options; o->name; o++) {
		struct fm_buf help = {0};

		fm_buf_puts(out, ".It ");
		man_option(out, o, true);
		fm_buf_puts(out, "\n");
		option_help(&help, o);
		man_text(out, help.data ? help.data : "");
		fm_buf_free(&help);
	}
	fm_buf_puts(out, ".El\n");
}

void fm_usage_man_verbs(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	fm_buf_puts(out, ".Ss Options of every verb\n");
	man_options(out, fm_common_options);
	for (size_t i = 0; i < n; i++) {
		fm_buf_printf(out, ".Ss %s\n", verbs[i]->name);
		summary(out, verbs[i]);
		if (verbs[i]->about)
			man_text(out, verbs[i]->about);
		man_options(out, verbs[i]->options);
	}
}
