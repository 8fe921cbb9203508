#include "pipeline/cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "judge/gate/measure.h"
#include "manifests/config_schema.h"
#include "manifests/embed.h"
#include "manifests/registry.h"
#include "pipeline/rivals.h"

/* ---- what is offered ---- */

static void add_word(struct fm_buf *out, const char *word, size_t n)
{
	fm_buf_printf(out, "%s%.*s", out->len ? " " : "", (int)n, word);
}

/* What lacked memory for its words lacks it for all. */
static void end_words(struct fm_buf *out, struct fm_buf *words)
{
	out->failed |= words->failed;
	fm_buf_free(words);
}

static void embedded_words(struct fm_buf *out, enum fm_embed_kind kind)
{
	struct fm_embed e;

	for (size_t i = 0; fm_embed_at(&e, kind, i); i++)
		add_word(out, e.name, strlen(e.name));
}

/* Can a threshold say something about it?  A fact about the tables may be checked too, but is not offered. */
static bool is_check(const char *name, const struct fm_metric_kind *kind)
{
	char fresh[FM_METRIC_FLOOR];

	return !strchr(name, '*') && fm_check_known(name) &&
	       (kind->good == FM_LOW || kind->good == FM_HIGH ||
		(fm_metric_fresh(name, fresh) && !fm_metric_of_floor(fresh))); /* a task's score */
}

static void add_check(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	if (is_check(name, kind))
		add_word(ctx, name, strlen(name));
}

static void add_check_key(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	char key[160];

	if (is_check(name, kind))
		add_word(ctx, key, (size_t)snprintf(key, sizeof key, "gate.%s=", name));
}

/* The first part of one or several names, each once: "jsd". */
static void add_family(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	size_t n = strcspn(name, "._");
	struct fm_buf *out = ctx;

	(void)kind;
	if (!fm_evaluate_group(name))
		return;
	for (const char *p = out->data; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && strncmp(p, name, n) == 0)
			return;
	add_word(out, name, n);
}

static void add_metric(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	(void)kind;
	if (fm_evaluate_group(name) && name[strcspn(name, "._*")] && !strchr(name, '*'))
		add_word(ctx, name, strlen(name));
}

/* "a|b", up to the first blank. */
static void choice_words(struct fm_buf *out, const char *choices)
{
	for (const char *p = choices; p && *p && *p != ' '; p += strspn(p, "|")) {
		add_word(out, p, strcspn(p, "| "));
		p += strcspn(p, "| ");
	}
}

/* The words for an option's value, with blanks between them; out stays empty where there are none. */
static void value_words(struct fm_buf *out, const struct fm_option *o)
{
	char key[160];
	const char *model;

	choice_words(out, o->choices);
	if (o->offer == FM_OFFER_METRIC) {
		fm_metric_each(add_family, out);
		fm_metric_each(add_metric, out);
	}
	if (o->offer == FM_OFFER_CHECK) {
		fm_metric_each(add_check, out);
		add_word(out, FM_METRIC_CONTROLS, strlen(FM_METRIC_CONTROLS));
	}
	for (int i = 0; o->offer == FM_OFFER_MODEL && (model = fm_rival_name(i)); i++)
		add_word(out, model, strlen(model));
	if (o->offer == FM_OFFER_PRESET)
		embedded_words(out, FM_EMBED_PRESET);
	if (o->offer == FM_OFFER_DIALECT)
		embedded_words(out, FM_EMBED_DIALECT);
	for (size_t i = 0; o->offer == FM_OFFER_KEY && i < fm_nkeys; i++)
		if (fm_keys[i].type != FM_KEY_CHECKS)
			add_word(out, key,
				 (size_t)snprintf(key, sizeof(key), "%s.%s=", fm_keys[i].section, fm_keys[i].name));
	if (o->offer == FM_OFFER_KEY)
		fm_metric_each(add_check_key, out);
}

/* What a key of the config takes, where that is one of a few words. */
static void key_words(struct fm_buf *out, const struct fm_key *k)
{
	char why[256], word[64];

	for (const char *p = k->choices; p && *p; p += strspn(p, "|")) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(p, "|"), p);
		if (!fm_key_later(k, word, why, sizeof(why)))
			add_word(out, word, strlen(word));
		p += strcspn(p, "|");
	}
	if (k->type == FM_KEY_BOOL)
		choice_words(out, "true|false");
	if (k->type == FM_KEY_TEXT && strcmp(k->name, "dialect") == 0)
		embedded_words(out, FM_EMBED_DIALECT);
}

static bool is_list(const struct fm_option *o)
{
	return o->offer == FM_OFFER_METRIC || o->offer == FM_OFFER_MODEL;
}

/* The ids of the runs: the third column of flowmint log, behind its options. */
#define RUNS " 2>/dev/null | sed -n 's/^ *[0-9]*  [^ ]*  \\(r[0-9][0-9]*\\) .*/\\1/p' | uniq"

static void verb_words(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_word(out, verbs[i]->name, strlen(verbs[i]->name));
	add_word(out, "help", 4);
}

/* "bash|zsh|fish" of a verb whose first operand is one of these words; NULL for one with a name in capitals. */
static const char *operand_choices(const struct fm_verb *v)
{
	return v->operands && v->operands[0] >= 'a' && v->operands[0] <= 'z' ? v->operands : NULL;
}

/* Has a verb operands of another kind after the word? */
static bool more_operands(const struct fm_verb *v)
{
	return operand_choices(v) && strchr(v->operands, ' ');
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
	else if (o->offer == FM_OFFER_RUN)
		fm_buf_puts(out, "COMPREPLY=($(compgen -W \"$(_flowmint_runs)\" -- \"$cur\"))");
	else if (o->offer == FM_OFFER_RUN_OR_FILE)
		fm_buf_puts(out, "compopt -o filenames; "
				 "COMPREPLY=($(compgen -f -W \"$(_flowmint_runs)\" -- \"$cur\"))");
	else if (is_list(o))
		fm_buf_printf(out, "COMPREPLY=($(compgen -P \"$head\" -W \"%s\" -- \"${cur##*,}\"))", words.data);
	else if (words.len)
		fm_buf_printf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words.data);
	else if (o->offer == FM_OFFER_FILE)
		fm_buf_puts(out, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
	else
		fm_buf_puts(out, "COMPREPLY=()");
	end_words(out, &words);
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

/* Behind "key=". */
static void bash_keys(struct fm_buf *out)
{
	fm_buf_puts(out, "\tcase $key in\n");
	for (size_t i = 0; i < fm_nkeys; i++) {
		const struct fm_key *k = &fm_keys[i];
		struct fm_buf words = {0};
		struct fm_option o = {.offer = k->type == FM_KEY_PATH ? FM_OFFER_FILE : FM_OFFER_NOTHING};

		key_words(&words, k);
		if (words.len || o.offer) {
			fm_buf_printf(out, "\t%s.%s) ", k->section, k->name);
			if (words.len)
				fm_buf_printf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words.data);
			else
				bash_offer(out, &o);
			fm_buf_puts(out, "; return ;;\n");
		}
		end_words(out, &words);
	}
	for (size_t i = 0; i < fm_nsections; i++)
		fm_buf_printf(out, "%s%s.*", i ? " | " : "\t", fm_sections[i]);
	fm_buf_puts(out, ") COMPREPLY=(); return ;;\n\tesac\n");
}

static void bash_operand(struct fm_buf *out, const struct fm_verb *v)
{
	struct fm_option word = {.choices = operand_choices(v)}, other = {.offer = v->offer};

	if (more_operands(v)) {
		fm_buf_printf(out, "if [[ \" ${COMP_WORDS[*]:i+1:COMP_CWORD-i-1} \" =~ \" \"(%.*s)\" \" ]]; then ",
			      (int)strcspn(v->operands, " "), v->operands);
		bash_offer(out, &other);
		fm_buf_puts(out, "; else ");
		bash_offer(out, &word);
		fm_buf_puts(out, "; fi");
	} else {
		bash_offer(out, word.choices ? &word : &other);
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
		 "_flowmint_runs() { \"${COMP_WORDS[0]}\" ${dir:+-C \"$dir\"} log ${workspace:+--workspace "
		 "\"$workspace\"}" RUNS "; }\n"
		 "_flowmint() {\n"
		 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= key= head= dir= "
		 "workspace= at= i\n"
		 "\t# --set=train and train.steps=4: readline makes three words of each.\n"
		 "\tif [[ $cur == = ]]; then cur= key=$prev\n"
		 "\telif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]} key=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
		 "\t[[ $cur == *,* ]] && head=${cur%,*},\n"
		 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		 "\t\tcase ${COMP_WORDS[i]} in\n"
		 "\t\t-C | --directory)\n"
		 "\t\t\t((i++))\n"
		 "\t\t\t[[ ${COMP_WORDS[i]} != = ]] || ((i++))\n"
		 "\t\t\t((i >= COMP_CWORD)) || dir=${COMP_WORDS[i]/#\\~/$HOME} ;;\n"
		 "\t\t--workspace)\n"
		 "\t\t\t((i++))\n"
		 "\t\t\t[[ ${COMP_WORDS[i]} != = ]] || ((i++))\n"
		 "\t\t\t((i >= COMP_CWORD)) || workspace=${COMP_WORDS[i]/#\\~/$HOME} ;;\n"
		 "\t\t-* | help) ;;\n"
		 "\t\t*) [[ $verb ]] || { verb=${COMP_WORDS[i]} at=$i; } ;;\n"
		 "\t\tesac\n"
		 "\tdone\n"
		 "\ti=$at\n");
	bash_keys(out);
	fm_buf_puts(out, "\tcase $verb:$prev in\n");
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
	end_words(out, &words);
	for (size_t i = 0; i < n; i++) {
		fm_buf_printf(out, "\t%s:-*) COMPREPLY=($(compgen -W \"", verbs[i]->name);
		bash_names(out, verbs[i]->options);
		fm_buf_printf(out, " $common\" -- \"$cur\")) ;;\n\t%s:*) ", verbs[i]->name);
		bash_operand(out, verbs[i]);
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
		fm_buf_puts(out, "{_flowmint_set}");
	else if (o->offer == FM_OFFER_RUN)
		fm_buf_puts(out, "{_flowmint_runs}");
	else if (o->offer == FM_OFFER_RUN_OR_FILE)
		fm_buf_puts(out, "{_flowmint_runs; _files}");
	else if (is_list(o))
		fm_buf_printf(out, "{_values -s , names %s}", words.data);
	else if (o->offer == FM_OFFER_FOLDER)
		fm_buf_puts(out, "_files -/");
	else if (words.len)
		fm_buf_printf(out, "(%s)", words.data);
	else if (o->offer == FM_OFFER_FILE)
		fm_buf_puts(out, "_files");
	else
		fm_buf_puts(out, " ");
	end_words(out, &words);
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

/* A key of the config, or behind "key=" what the key takes. */
static void zsh_set(struct fm_buf *out)
{
	struct fm_buf keys = {0};

	value_words(&keys, &(struct fm_option){.offer = FM_OFFER_KEY});
	fm_buf_printf(out,
		      "_flowmint_set() {\n\tif ! compset -P 1 \"*=\"; then compadd -S \"\" -- %s; return; fi\n"
		      "\tcase $IPREFIX in\n",
		      keys.data ? keys.data : "");
	end_words(out, &keys);
	for (size_t i = 0; i < fm_nkeys; i++) {
		struct fm_buf words = {0};

		key_words(&words, &fm_keys[i]);
		if (words.len)
			fm_buf_printf(out, "\t*%s.%s=) compadd -- %s ;;\n", fm_keys[i].section, fm_keys[i].name,
				      words.data);
		else if (fm_keys[i].type == FM_KEY_PATH)
			fm_buf_printf(out, "\t*%s.%s=) _files ;;\n", fm_keys[i].section, fm_keys[i].name);
		end_words(out, &words);
	}
	fm_buf_puts(out, "\tesac\n}\n");
}

static void zsh_operand(struct fm_buf *out, const char *which, const char *name, const struct fm_option *o)
{
	fm_buf_printf(out, "\t\t'%s:", which);
	phrase(out, name, ZSH_ESCAPED);
	fm_buf_puts(out, ":");
	zsh_action(out, o);
	fm_buf_puts(out, "'");
}

static void zsh_operands(struct fm_buf *out, const struct fm_verb *v)
{
	struct fm_option word = {.choices = operand_choices(v)}, other = {.offer = v->offer};

	if (more_operands(v)) {
		zsh_operand(out, "1", "word", &word);
		fm_buf_puts(out, " \\\n");
		zsh_operand(out, "*", strchr(v->operands, ' ') + 1, &other);
	} else if (v->operands) {
		zsh_operand(out, "*", v->operands, word.choices ? &word : &other);
	} else {
		fm_buf_puts(out, "\t\t");
	}
	fm_buf_puts(out, " ;;\n");
}

void fm_complete_zsh(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	fm_buf_puts(out,
		    "#compdef flowmint\n"
		    "# zsh completion for flowmint, written by flowmint completion zsh.\n"
		    "_flowmint_runs() {\n"
		    "\tlocal where=${(Q)${opt_args[-C]:-${opt_args[--directory]:-$dir}}}\n"
		    "\tlocal workspace=${${(Q)opt_args[--workspace]}/#\\~\\//$HOME/}\n"
		    "\tcompadd -- $(flowmint ${where:+-C} $where log ${workspace:+--workspace} $workspace" RUNS ")\n"
		    "}\n");
	zsh_set(out);
	fm_buf_puts(out, "_flowmint() {\n"
			 "\tlocal context state state_descr line dir\n"
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
			 "\tdir=${opt_args[-C]:-${opt_args[--directory]}}\n"
			 "\tcase $state in\n"
			 "\tverb) _describe -t verbs verb verbs ;;\n"
			 "\targument) case $line[1] in\n"
			 "\thelp) _describe -t verbs verb verbs ;;\n");
	for (size_t i = 0; i < n; i++) {
		fm_buf_printf(out, "\t%s) _arguments \\\n", verbs[i]->name);
		zsh_options(out, verbs[i]->options);
		zsh_options(out, fm_common_options);
		zsh_operands(out, verbs[i]);
	}
	fm_buf_puts(
	    out, "\tesac ;;\n\tesac\n}\n"
		 "if [ \"$funcstack[1]\" = _flowmint ]; then _flowmint \"$@\"; else compdef _flowmint flowmint; fi\n");
}

/* ---- fish ---- */

#define FISH "complete -c flowmint"

/* "model.kind=plain" for each key that takes one of a few words. */
static void fish_settings(struct fm_buf *out)
{
	for (size_t i = 0; i < fm_nkeys; i++) {
		struct fm_buf words = {0};

		key_words(&words, &fm_keys[i]);
		for (const char *p = words.data; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
			fm_buf_printf(out, " %s.%s=%.*s", fm_keys[i].section, fm_keys[i].name, (int)strcspn(p, " "), p);
		end_words(out, &words);
	}
}

static void fish_operands(struct fm_buf *out, const struct fm_verb *v)
{
	struct fm_buf words = {0};

	choice_words(&words, operand_choices(v));
	if (words.len)
		fm_buf_printf(out, FISH " -n '__flowmint_verb %s; and not __fish_seen_subcommand_from %s' -a '%s'\n",
			      v->name, words.data, words.data);
	if (more_operands(v))
		fm_buf_printf(out, FISH " -n '__flowmint_verb %s; and __fish_seen_subcommand_from %s' -F\n", v->name,
			      words.data);
	else if (v->offer == FM_OFFER_FILE || v->offer == FM_OFFER_RUN_OR_FILE)
		fm_buf_printf(out, FISH " -n '__flowmint_verb %s' -F\n", v->name);
	else if (v->offer == FM_OFFER_FOLDER)
		fm_buf_printf(out, FISH " -n '__flowmint_verb %s' -a '(__fish_complete_directories)'\n", v->name);
	if (v->offer == FM_OFFER_RUN || v->offer == FM_OFFER_RUN_OR_FILE)
		fm_buf_printf(out, FISH " -n '__flowmint_verb %s' -a '(__flowmint_runs)'\n", v->name);
	end_words(out, &words);
}

static void fish_options(struct fm_buf *out, const char *verb, const struct fm_option *options)
{
	for (const struct fm_option *o = options; o && o->name; o++) {
		struct fm_buf words = {0};

		value_words(&words, o);
		if (o->offer == FM_OFFER_KEY)
			fish_settings(&words);
		fm_buf_puts(out, FISH);
		if (verb)
			fm_buf_printf(out, " -n '__flowmint_verb %s'", verb);
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
		end_words(out, &words);
	}
}

void fm_complete_fish(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n)
{
	fm_buf_puts(
	    out, "# fish completion for flowmint, written by flowmint completion fish.\n" FISH " -f\n"
		 /* the words of the line but options and the folders of -C and --workspace (verb), or one of these */
		 "function __flowmint_line\n"
		 "\tset -l words (commandline -opc)\n"
		 "\tset -l next none\n"
		 "\tset -l flag\n"
		 "\tset -e words[1]\n"
		 "\tfor word in $words\n"
		 "\t\tif test $next != none\n"
		 "\t\t\ttest $argv[1] = $next; and printf '%s\\n' $flag (string replace -r '^~' $HOME -- $word)\n"
		 "\t\t\tset next none\n"
		 "\t\t\tcontinue\n"
		 "\t\tend\n"
		 "\t\tswitch $word\n"
		 "\t\t\tcase -C --directory\n"
		 "\t\t\t\tset next directory\n"
		 "\t\t\t\tset flag -C\n"
		 "\t\t\tcase --workspace\n"
		 "\t\t\t\tset next workspace\n"
		 "\t\t\t\tset flag --workspace\n"
		 "\t\t\tcase '--directory=*'\n"
		 "\t\t\t\ttest $argv[1] = directory; and printf '%s\\n' $word\n"
		 "\t\t\tcase '--workspace=*'\n"
		 "\t\t\t\ttest $argv[1] = workspace; and printf '%s\\n' $word\n"
		 "\t\t\tcase '-*'\n"
		 "\t\t\tcase '*'\n"
		 "\t\t\t\ttest $argv[1] = verb; and printf '%s\\n' $word\n"
		 "\t\tend\n"
		 "\tend\n"
		 "\treturn 0\n"
		 "end\n"
		 "function __flowmint_no_verb\n\ttest (count (__flowmint_line verb)) = 0\nend\n"
		 "function __flowmint_verb\n"
		 "\tset -l words (__flowmint_line verb)\n"
		 "\ttest (count $words) -gt 0; and contains -- $words[1] $argv\n"
		 "end\n"
		 "function __flowmint_runs\n\tflowmint (__flowmint_line directory) log (__flowmint_line workspace)" RUNS
		 "\nend\n");
	fish_options(out, NULL, fm_common_options);
	fm_buf_puts(out, FISH " -n __flowmint_no_verb -a help -d 'explain a verb'\n");
	for (size_t i = 0; i < n; i++) {
		fm_buf_printf(out, FISH " -n '__flowmint_no_verb; or __flowmint_verb help' -a %s -d '", verbs[i]->name);
		phrase(out, verbs[i]->summary, "\\");
		fm_buf_puts(out, "'\n");
		fish_options(out, verbs[i]->name, verbs[i]->options);
		fish_operands(out, verbs[i]);
	}
}
