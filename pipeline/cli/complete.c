#include "pipeline/cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "manifests/config_schema.h"
#include "manifests/embed.h"

/* ---- what is offered ---- */

static void add_word(struct fm_buf *out, const char *word, size_t n)
{
	fm_buf_printf(out, "%s%.*s", out->len ? " " : "", (int)n, word);
}

static void embedded_words(struct fm_buf *out, enum fm_embed_kind kind)
{
	struct fm_embed e;

	for (size_t i = 0; fm_embed_at(&e, kind, i); i++)
		add_word(out, e.name, strlen(e.name));
}

/* The words for an option's value, with blanks between them; out stays empty where there are none. */
static void value_words(struct fm_buf *out, const struct fm_option *o)
{
	char key[160];

	for (const char *p = o->choices; p && *p; p += strspn(p, "|")) {
		add_word(out, p, strcspn(p, "|"));
		p += strcspn(p, "|");
	}
	if (o->offer == FM_OFFER_PRESET)
		embedded_words(out, FM_EMBED_PRESET);
	if (o->offer == FM_OFFER_DIALECT)
		embedded_words(out, FM_EMBED_DIALECT);
	for (size_t i = 0; o->offer == FM_OFFER_KEY && i < fm_nkeys; i++)
		if (fm_keys[i].type != FM_KEY_CHECKS)
			add_word(out, key,
				 (size_t)snprintf(key, sizeof(key), "%s.%s=", fm_keys[i].section, fm_keys[i].name));
}

static void verb_words(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_word(out, verbs[i]->name, strlen(verbs[i]->name));
	add_word(out, "help", 4);
}

/* "bash|zsh|fish" of a verb whose operand is one of these words; NULL for one with a name in capitals. */
static const char *operand_choices(const struct fm_verb *v)
{
	return v->operands && v->operands[0] >= 'a' && v->operands[0] <= 'z' ? v->operands : NULL;
}

static void operand_words(struct fm_buf *out, const struct fm_verb *v)
{
	const struct fm_option o = {.choices = operand_choices(v)};

	value_words(out, &o);
}

/* A help text as one short phrase: up to the first full stop or semicolon.  escape: characters that get a backslash. */
static void phrase(struct fm_buf *out, const char *help, const char *escape)
{
	for (const char *p = help; *p && *p != ';' && !(*p == '.' && p[1] == ' '); p++) {
		if (*p == '\'')
			fm_buf_puts(out, "'\\''");
		else
			fm_buf_printf(out, "%s%c", strchr(escape, *p) ? "\\" : "", *p);
	}
}

/* ---- bash ---- */

static void bash_offer(struct fm_buf *out, const struct fm_option *o)
{
	struct fm_buf words = {0};

	value_words(&words, o);
	if (o->offer == FM_OFFER_KEY)
		fm_buf_puts(out, "compopt -o nospace; ");
	if (o->offer == FM_OFFER_FOLDER)
		fm_buf_puts(out, "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
	else if (words.len)
		fm_buf_printf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words.data);
	else if (o->offer == FM_OFFER_FILE)
		fm_buf_puts(out, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
	else
		fm_buf_puts(out, "COMPREPLY=()");
	fm_buf_free(&words);
}

/* Cases for the values of the options of a verb; "*" is any verb. */
static void bash_values(struct fm_buf *out, const char *verb, const struct fm_option *options)
{
	for (const struct fm_option *o = options; o && o->name; o++) {
		if (o->kind == FM_OPTION_FLAG)
			continue;
		fm_buf_printf(out, "\t%s:--%s", verb, o->name);
		if (o->letter)
			fm_buf_printf(out, " | %s:-%c", verb, o->letter);
		fm_buf_puts(out, ") ");
		bash_offer(out, o);
		fm_buf_puts(out, "; return ;;\n");
	}
}

static void bash_names(struct fm_buf *out, const struct fm_option *options)
{
	for (const struct fm_option *o = options; o && o->name; o++) {
		if (o->letter)
			fm_buf_printf(out, " -%c", o->letter);
		fm_buf_printf(out, " --%s", o->name);
	}
}

void fm_complete_bash(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	struct fm_buf words = {0};

	fm_buf_puts(
	    out, "# bash completion for flowmint, written by flowmint completion bash.\n"
		 "_flowmint() {\n"
		 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= i\n"
		 "\t# --set=train: readline makes three words of it.\n"
		 "\tif [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		 "\t\tcase ${COMP_WORDS[i]} in\n"
		 "\t\t-C | --directory) ((i++)) ;;\n"
		 "\t\t-* | help) ;;\n"
		 "\t\t*) verb=${COMP_WORDS[i]}; break ;;\n"
		 "\t\tesac\n"
		 "\tdone\n"
		 "\tcase $verb:$prev in\n");
	for (size_t i = 0; i < n; i++)
		bash_values(out, verbs[i]->name, verbs[i]->options);
	bash_values(out, "*", fm_common_options);
	verb_words(&words, verbs, n);
	fm_buf_puts(out, "\tesac\n\tlocal common=\"");
	bash_names(out, fm_common_options);
	fm_buf_printf(out,
		      "\"\n\tcase $verb:$cur in\n\t:-*) COMPREPLY=($(compgen -W \"$common\" -- \"$cur\")) ;;\n"
		      "\t:*) COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")) ;;\n",
		      words.data);
	fm_buf_free(&words);
	for (size_t i = 0; i < n; i++) {
		struct fm_option operand = {.offer = verbs[i]->offer, .choices = operand_choices(verbs[i])};

		fm_buf_printf(out, "\t%s:-*) COMPREPLY=($(compgen -W \"", verbs[i]->name);
		bash_names(out, verbs[i]->options);
		fm_buf_printf(out, " $common\" -- \"$cur\")) ;;\n\t%s:*) ", verbs[i]->name);
		bash_offer(out, &operand);
		fm_buf_puts(out, " ;;\n");
	}
	fm_buf_puts(out, "\tesac\n}\ncomplete -F _flowmint flowmint\n");
}

/* ---- zsh ---- */

#define ZSH_ESCAPED "[]:\\"

static void zsh_action(struct fm_buf *out, const struct fm_option *o)
{
	struct fm_buf words = {0};

	value_words(&words, o);
	if (o->offer == FM_OFFER_KEY)
		fm_buf_printf(out, "{compadd -S \"\" -- %s}", words.data);
	else if (o->offer == FM_OFFER_FOLDER)
		fm_buf_puts(out, "_files -/");
	else if (words.len)
		fm_buf_printf(out, "(%s)", words.data);
	else if (o->offer == FM_OFFER_FILE)
		fm_buf_puts(out, "_files");
	else
		fm_buf_puts(out, " ");
	fm_buf_free(&words);
}

/* "'*--set[override a key]:KEY=VALUE:{...}'" a line for each option. */
static void zsh_options(struct fm_buf *out, const struct fm_option *options)
{
	for (const struct fm_option *o = options; o && o->name; o++) {
		if (o->letter)
			fm_buf_printf(out, "\t\t'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
		else
			fm_buf_printf(out, "\t\t'%s--%s[", o->kind == FM_OPTION_LIST ? "*" : "", o->name);
		phrase(out, o->help, ZSH_ESCAPED);
		fm_buf_puts(out, "]");
		if (o->kind != FM_OPTION_FLAG) {
			fm_buf_puts(out, o->kind == FM_OPTION_MAYBE ? "::" : ":");
			phrase(out, o->value, ZSH_ESCAPED);
			fm_buf_puts(out, ":");
			zsh_action(out, o);
		}
		fm_buf_puts(out, "' \\\n");
	}
}

void fm_complete_zsh(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	fm_buf_puts(out, "#compdef flowmint\n"
			 "# zsh completion for flowmint, written by flowmint completion zsh.\n"
			 "_flowmint() {\n"
			 "\tlocal context state state_descr line\n"
			 "\tlocal -a verbs common\n"
			 "\ttypeset -A opt_args\n"
			 "\tverbs=(\n");
	for (size_t i = 0; i < n; i++) {
		fm_buf_printf(out, "\t\t'%s:", verbs[i]->name);
		phrase(out, verbs[i]->summary, ":\\");
		fm_buf_puts(out, "'\n");
	}
	fm_buf_puts(out, "\t\t'help:explain a verb'\n\t)\n\t_arguments -C \\\n");
	zsh_options(out, fm_common_options);
	fm_buf_puts(out, "\t\t'1:verb:->verb' '*::argument:->argument' && return\n"
			 "\tcase $state in\n"
			 "\tverb) _describe -t verbs verb verbs ;;\n"
			 "\targument) case $line[1] in\n"
			 "\thelp) _describe -t verbs verb verbs ;;\n");
	for (size_t i = 0; i < n; i++) {
		struct fm_option operand = {.offer = verbs[i]->offer, .choices = operand_choices(verbs[i])};

		fm_buf_printf(out, "\t%s) _arguments \\\n", verbs[i]->name);
		zsh_options(out, verbs[i]->options);
		zsh_options(out, fm_common_options);
		if (verbs[i]->operands) {
			fm_buf_puts(out, "\t\t'*:");
			phrase(out, verbs[i]->operands, ZSH_ESCAPED);
			fm_buf_puts(out, ":");
			zsh_action(out, &operand);
			fm_buf_puts(out, "' ;;\n");
		} else {
			fm_buf_puts(out, "\t\t;;\n");
		}
	}
	fm_buf_puts(
	    out, "\tesac ;;\n\tesac\n}\n"
		 "if [ \"$funcstack[1]\" = _flowmint ]; then _flowmint \"$@\"; else compdef _flowmint flowmint; fi\n");
}

/* ---- fish ---- */

#define FISH "complete -c flowmint"

static void fish_options(struct fm_buf *out, const char *verb, const struct fm_option *options)
{
	for (const struct fm_option *o = options; o && o->name; o++) {
		struct fm_buf words = {0};

		value_words(&words, o);
		fm_buf_puts(out, FISH);
		if (verb)
			fm_buf_printf(out, " -n '__fish_seen_subcommand_from %s'", verb);
		if (o->letter)
			fm_buf_printf(out, " -s %c", o->letter);
		fm_buf_printf(out, " -l %s", o->name);
		if (words.len)
			fm_buf_printf(out, "%s -a '%s'", o->offer == FM_OFFER_DIALECT ? " -r -F" : " -x", words.data);
		else if (o->offer == FM_OFFER_FOLDER)
			fm_buf_puts(out, " -x -a '(__fish_complete_directories)'");
		else if (o->kind != FM_OPTION_FLAG)
			fm_buf_puts(out, o->offer == FM_OFFER_FILE ? " -r -F" : " -x");
		fm_buf_puts(out, " -d '");
		phrase(out, o->help, "\\");
		fm_buf_puts(out, "'\n");
		fm_buf_free(&words);
	}
}

void fm_complete_fish(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	fm_buf_puts(out, "# fish completion for flowmint, written by flowmint completion fish.\n" FISH " -f\n");
	fish_options(out, NULL, fm_common_options);
	fm_buf_puts(out, FISH " -n __fish_use_subcommand -a help -d 'explain a verb'\n");
	for (size_t i = 0; i < n; i++) {
		struct fm_buf words = {0};

		fm_buf_printf(out, FISH " -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a %s -d '",
			      verbs[i]->name);
		phrase(out, verbs[i]->summary, "\\");
		fm_buf_puts(out, "'\n");
		fish_options(out, verbs[i]->name, verbs[i]->options);
		operand_words(&words, verbs[i]);
		if (words.len)
			fm_buf_printf(out, FISH " -n '__fish_seen_subcommand_from %s' -a '%s'\n", verbs[i]->name,
				      words.data);
		else if (verbs[i]->offer == FM_OFFER_FILE)
			fm_buf_printf(out, FISH " -n '__fish_seen_subcommand_from %s' -F\n", verbs[i]->name);
		else if (verbs[i]->offer == FM_OFFER_FOLDER)
			fm_buf_printf(out,
				      FISH " -n '__fish_seen_subcommand_from %s' -a '(__fish_complete_directories)'\n",
				      verbs[i]->name);
		fm_buf_free(&words);
	}
}
