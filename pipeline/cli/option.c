/* option.c - what stands on the command line, into the verb's struct, by the verb's table. */
#include "pipeline/cli/option.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "manifests/yaml.h"

#define MAXOPTIONS 48
#define LONG_VAL 1000 /* getopt's val of the i-th option is LONG_VAL + i, which is no letter */

const struct fm_option fm_common_options[] = {
    {FM_SETS_TEXT(struct fm_common, dir), .name = "directory", .letter = 'C', .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "work in DIR; other paths are relative to it"},
    {FM_SETS_FLAG(struct fm_common, quiet), .name = "quiet", .letter = 'q',
     .help = "no messages but warnings and errors"},
    {FM_SETS_FLAG(struct fm_common, verbose), .name = "verbose", .letter = 'v',
     .help = "say which files are used, and where in the source an error was found"},
    {FM_SETS_FLAG(struct fm_common, help), .name = "help", .letter = 'h', .help = "this text"},
    {FM_SETS_FLAG(struct fm_common, version), .name = "version", .letter = 'V', .help = "the program's version"},
    {0},
};

/* The options that may stand somewhere: a verb's own, then the common ones, as getopt wants them. */
struct known {
	const struct fm_option *option[MAXOPTIONS];
	struct option longs[MAXOPTIONS + 1];
	char letters[2 * MAXOPTIONS + 3];
	int n, nown;
};

static void known_add(struct known *k, const struct fm_option *options)
{
	char *at = k->letters + strlen(k->letters);

	for (const struct fm_option *o = options; o && o->name && k->n < MAXOPTIONS; o++) {
		int wants = o->kind == FM_OPTION_FLAG    ? no_argument
			    : o->kind == FM_OPTION_MAYBE ? optional_argument
							 : required_argument;

		k->option[k->n] = o;
		k->longs[k->n] = (struct option){o->name, wants, NULL, LONG_VAL + k->n};
		k->n++;
		if (o->letter) {
			*at++ = o->letter;
			if (wants == required_argument)
				*at++ = ':';
		}
	}
}

static int known_index(const struct known *k, int val)
{
	for (int i = 0; i < k->n; i++)
		if (val == LONG_VAL + i || (k->option[i]->letter && val == k->option[i]->letter))
			return i;
	return -1;
}

const char *fm_did_you_mean(const char *word, const char *const *candidates, size_t n, char *out, size_t cap)
{
	const char *near = fm_suggest(word, candidates, n);

	if (near)
		snprintf(out, cap, " (did you mean %s?)", near);
	else
		out[0] = '\0';
	return out;
}

/* What a verb's table says to do instead of giving the option "--preset" or "--preset=demo"; NULL: nothing. */
static const char *instead_of(const struct fm_verb *verb, const char *given, int *length)
{
	const char *name = given + strspn(given, "-");
	size_t n = strcspn(name, "=");

	for (const char *p = verb->instead; p && n; p = strchr(p, ';'), p = p ? p + 2 : NULL)
		if (strncmp(p, name, n) == 0 && p[n] == ':') {
			*length = (int)strcspn(p + n + 2, ";");
			return p + n + 2;
		}
	return NULL;
}

/* Why getopt refused: c is what it returned, at the word before optind. */
static int refuse(const struct known *k, int c, char **argv, const struct fm_verb *v, struct fm_error *err)
{
	const char *verb = v->name, *instead;
	int length;
	const char *given = argv[optind - 1], *names[MAXOPTIONS], *near;
	char letter[3] = {'-', (char)optopt, '\0'};

	if (optopt > 0 && optopt < LONG_VAL)
		given = letter;
	if (c == ':')
		return fm_fail(err, FM_EUSAGE, "%s %s wants a value; see flowmint %s --help", verb, given, verb);
	if (optopt >= LONG_VAL)
		return fm_fail(err, FM_EUSAGE, "%s %s takes no value; see flowmint %s --help", verb, given, verb);
	if (given != letter && (instead = instead_of(v, given, &length)))
		return fm_fail(err, FM_EUSAGE, "%s has no option %s: %.*s", verb, given, length, instead);
	for (int i = 0; i < k->n; i++)
		names[i] = k->option[i]->name;
	near = given == letter ? NULL : fm_suggest(given + strspn(given, "-"), names, (size_t)k->n);
	return fm_fail(err, FM_EUSAGE, "%s has no option %s%s%s%s; see flowmint %s --help", verb, given,
		       near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "", verb);
}

/* ---- values ---- */

static bool is_choice(const char *choices, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = choices; p && n; p = strchr(p, '|'), p = p ? p + 1 : NULL)
		if (strncmp(p, word, n) == 0 && (p[n] == '|' || p[n] == '\0'))
			return true;
	return false;
}

/* "--from: 'nowhere' is none of data, model (did you mean ...?)" */
static int refuse_choice(const struct fm_option *o, const char *text, struct fm_error *err)
{
	char list[256], words[256], hint[80];
	const char *names[32];
	size_t n = 0, len = 0;

	snprintf(words, sizeof(words), "%s", o->choices);
	for (char *save = NULL, *w = strtok_r(words, "|", &save); w && n < 32; w = strtok_r(NULL, "|", &save)) {
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", n ? ", " : "", w);
		names[n++] = w;
	}
	return fm_fail(err, FM_EUSAGE, "--%s: '%s' is none of %s%s", o->name, text, list,
		       fm_did_you_mean(text, names, n, hint, sizeof(hint)));
}

static int set_uint(const struct fm_option *o, const char *text, uint64_t *v, struct fm_error *err)
{
	uint64_t most = o->most ? o->most : UINT64_MAX;

	if (fm_parse_u64(text, strlen(text), most, v) || *v < o->least)
		return fm_fail(err, FM_EUSAGE, "--%s: '%s' is no whole number from %llu to %llu", o->name, text,
			       (unsigned long long)o->least, (unsigned long long)most);
	return FM_OK;
}

static int set_real(const struct fm_option *o, const char *text, double *v, struct fm_error *err)
{
	if (fm_parse_double(text, strlen(text), v) || *v < o->min || *v > o->max)
		return fm_fail(err, FM_EUSAGE, "--%s: '%s' is no number from %g to %g", o->name, text, o->min, o->max);
	return FM_OK;
}

static int list_add(struct fm_words *list, const char *text, int most, struct fm_arena *arena, struct fm_error *err)
{
	if (!list->word && !(list->word = fm_arena_alloc(arena, (size_t)most, sizeof(*list->word))))
		return fm_fail(err, FM_ESYSTEM, "out of memory for the command line");
	list->word[list->n++] = text;
	return FM_OK;
}

/* text: NULL for a flag, or for a value that was left out. */
static int set(const struct fm_option *o, const char *text, void *args, int argc, struct fm_arena *arena,
	       struct fm_error *err)
{
	void *field = (char *)args + o->offset;

	if (text && o->choices && !is_choice(o->choices, text))
		return refuse_choice(o, text, err);
	switch (o->kind) {
	case FM_OPTION_FLAG:
		*(bool *)field = true;
		return FM_OK;
	case FM_OPTION_TEXT:
	case FM_OPTION_MAYBE:
		*(const char **)field = text ? text : "";
		return FM_OK;
	case FM_OPTION_LIST:
		return list_add(field, text, argc, arena, err);
	case FM_OPTION_UINT:
		return set_uint(o, text, field, err);
	case FM_OPTION_REAL:
		return set_real(o, text, field, err);
	}
	return FM_OK;
}

/* ---- parsing ---- */

int fm_verb_max_operands(const struct fm_verb *verb)
{
	int n = 0;

	for (const char *p = verb->operands; p && *p; p += strspn(p, " ")) {
		p += strcspn(p, " ");
		n++;
	}
	return n;
}

/* "RUN|ARCHIVE" as "RUN or ARCHIVE". */
void fm_say_operands(const struct fm_verb *verb, char *out, size_t cap)
{
	size_t len = 0;

	out[0] = '\0';
	for (const char *p = verb->operands; *p && len + 8 < cap; p++)
		len += (size_t)snprintf(out + len, cap - len, *p == '|' ? " or " : *p == ' ' ? " and " : "%c", *p);
}

static int check_operands(const struct fm_call *call, struct fm_error *err)
{
	const struct fm_verb *v = call->verb;
	int most = fm_verb_max_operands(v);
	char what[128];

	if (call->noperands > most)
		return fm_fail(err, FM_EUSAGE, "%s: '%s' is one word too many; see flowmint %s --help", v->name,
			       call->operand[most], v->name);
	for (int i = 0; i < call->noperands; i++)
		if (!*call->operand[i])
			return fm_fail(err, FM_EUSAGE, "%s: a word is empty: was a variable of the shell not set?",
				       v->name);
	if (call->noperands >= most - v->optional)
		return FM_OK;
	fm_say_operands(v, what, sizeof(what));
	return fm_fail(err, FM_EUSAGE, "%s wants %s; see flowmint %s --help", v->name, what, v->name);
}

static int check_required(const struct known *k, const bool given[MAXOPTIONS], const char *verb, struct fm_error *err)
{
	for (int i = 0; i < k->nown; i++)
		if (k->option[i]->required && !given[i])
			return fm_fail(err, FM_EUSAGE, "%s wants --%s%s%s; see flowmint %s --help", verb,
				       k->option[i]->name, k->option[i]->value ? " " : "",
				       k->option[i]->value ? k->option[i]->value : "", verb);
	return FM_OK;
}

int fm_options_parse(struct fm_call *call, int argc, char **argv, void *args, struct fm_common *common,
		     struct fm_error *err)
{
	bool given[MAXOPTIONS] = {false}, takes_operands = fm_verb_max_operands(call->verb) > 0;
	struct known k = {.letters = ":"};
	int c, rc;

	known_add(&k, call->verb->options);
	k.nown = k.n;
	known_add(&k, fm_common_options);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while ((c = getopt_long(argc, argv, k.letters, k.longs, NULL)) != -1) {
		int i = known_index(&k, c);
		const char *text = optarg;

		if (i < 0)
			return common->help ? FM_OK : refuse(&k, c, argv, call->verb, err);
		/* getopt wants --gate=FILE; where there are no operands, a word that follows is the value. */
		if (k.option[i]->kind == FM_OPTION_MAYBE && !text && !takes_operands && optind < argc &&
		    argv[optind][0] != '-')
			text = argv[optind++];
		given[i] = true;
		if ((rc = set(k.option[i], text, i < k.nown ? args : common, argc, call->arena, err)) < 0)
			return rc;
	}
	call->operand = argv + optind;
	call->noperands = argc - optind;
	if (common->help || common->version)
		return FM_OK;
	if ((rc = check_operands(call, err)) < 0)
		return rc;
	return check_required(&k, given, call->verb->name, err);
}

int fm_common_parse(int argc, char **argv, struct fm_common *common, int *used, struct fm_error *err)
{
	struct known k = {.letters = "+:"};
	const char *names[MAXOPTIONS], *near;
	int c, rc;

	known_add(&k, fm_common_options);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, k.letters, k.longs, NULL)) != -1) {
		int i = known_index(&k, c);

		if (c == ':')
			return fm_fail(err, FM_EUSAGE, "%s wants a value: see flowmint --help", argv[optind - 1]);
		if (i < 0) {
			for (int j = 0; j < k.n; j++)
				names[j] = k.option[j]->name;
			near = fm_suggest(argv[optind - 1] + strspn(argv[optind - 1], "-"), names, (size_t)k.n);
			return fm_fail(err, FM_EUSAGE,
				       "%s comes before the verb but is not an option of all verbs%s%s%s; flowmint "
				       "--help lists these",
				       argv[optind - 1], near ? " (did you mean --" : "", near ? near : "",
				       near ? "?)" : "");
		}
		if ((rc = set(k.option[i], optarg, common, argc, NULL, err)) < 0)
			return rc;
	}
	*used = optind;
	return FM_OK;
}
