/* The tables of verbs: that they are sound, that --help and the man page say what they say, and that they are obeyed.
 *
 *     test_cli update-docs      writes the parts of docs/flowmint.1 that are made from the tables */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/usage.h"
#include "pipeline/run.h"

#define MAN "docs/flowmint.1"

/* ---- the man page ---- */

static const struct {
	const char *name;
	void (*make)(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);
} parts[] = {{"synopsis", fm_usage_man_synopsis}, {"verbs", fm_usage_man_verbs}};

/* The page as it should be: what stands between the two comments of a part is made from the tables. */
static int man_page(const struct fm_buf *is, struct fm_buf *out, struct fm_error *err)
{
	char begin[96], end[96], *from, *to;
	const char *rest = is->data;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(begin, sizeof(begin), ".\\\" %s: written by make docs from the tables of verbs\n",
			 parts[i].name);
		snprintf(end, sizeof(end), ".\\\" end of %s\n", parts[i].name);
		from = strstr(rest, begin);
		to = strstr(rest, end);
		if (!from || !to || to < from)
			return fm_fail(err, FM_EINPUT, MAN ": the comments around its %s are gone", parts[i].name);
		fm_buf_add(out, rest, (size_t)(from - rest) + strlen(begin));
		parts[i].make(out, fm_verbs, fm_nverbs);
		rest = to;
	}
	fm_buf_puts(out, rest);
	return fm_buf_check(out, err);
}

static int update_docs(void)
{
	struct fm_buf is = {0}, page = {0};
	struct fm_error err = {0};
	int rc;

	if ((rc = fm_file_read(MAN, 1 << 20, &is, &err)) < 0 || (rc = man_page(&is, &page, &err)) < 0)
		goto out;
	rc = fm_file_write(MAN, 0644, page.data, page.len, &err);
out:
	if (rc < 0)
		fprintf(stderr, "%s\n", err.message);
	fm_buf_free(&is);
	fm_buf_free(&page);
	return fm_exit_status(rc);
}

static void test_the_man_page_is_made_from_the_tables(void **state)
{
	struct fm_buf is = {0}, page = {0};
	struct fm_error err = {0};

	(void)state;
	if (fm_file_read(MAN, 1 << 20, &is, &err) < 0 || man_page(&is, &page, &err) < 0)
		fail_msg("%s (tests run in the root of the repository)", err.message);
	if (is.len != page.len || memcmp(is.data, page.data, is.len) != 0)
		fail_msg(MAN " does not say what the tables of verbs say: run `make docs`");
	fm_buf_free(&is);
	fm_buf_free(&page);
}

/* ---- the tables ---- */

/* Each option of each verb, its common ones included. */
static void each_option(void (*check)(const struct fm_verb *v, const struct fm_option *o))
{
	for (size_t i = 0; i < fm_nverbs; i++) {
		for (const struct fm_option *o = fm_verbs[i]->options; o && o->name; o++)
			check(fm_verbs[i], o);
		for (const struct fm_option *o = fm_common_options; o->name; o++)
			check(fm_verbs[i], o);
	}
}

static void check_option(const struct fm_verb *v, const struct fm_option *o)
{
	int same = 0;

	if (!o->help || !o->help[0] || (o->kind == FM_OPTION_FLAG) != (o->value == NULL))
		fail_msg("%s --%s: an option has help, and all but a flag the name of its value", v->name, o->name);
	if (o->help[strlen(o->help) - 1] == '.')
		fail_msg("%s --%s: its help ends without a full stop", v->name, o->name);
	if (o->kind == FM_OPTION_UINT && o->most && o->least > o->most)
		fail_msg("%s --%s: least is more than most", v->name, o->name);
	if (o->kind == FM_OPTION_REAL && !(o->min < o->max))
		fail_msg("%s --%s: min is not less than max", v->name, o->name);
	for (const struct fm_option *p = v->options; p && p->name; p++)
		same += strcmp(p->name, o->name) == 0 || (p->letter && p->letter == o->letter);
	for (const struct fm_option *p = fm_common_options; p->name; p++)
		same += strcmp(p->name, o->name) == 0 || (p->letter && p->letter == o->letter);
	if (same != 1)
		fail_msg("%s --%s: %d options of one verb have this name or letter", v->name, o->name, same);
}

static void test_the_tables_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < fm_nverbs; i++) {
		const struct fm_verb *v = fm_verbs[i];

		if (!v->run || !v->name || !v->summary || v->summary[0] < 'a' || v->summary[0] > 'z' ||
		    v->summary[strlen(v->summary) - 1] == '.' || v->optional > fm_verb_max_operands(v))
			fail_msg("verb %zu (%s) is not whole", i, v->name);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(v->name, fm_verbs[j]->name);
	}
	each_option(check_option);
}

static void check_help(const struct fm_verb *v, const struct fm_option *o)
{
	struct fm_buf help = {0};
	char name[64];

	fm_usage_verb(&help, v);
	snprintf(name, sizeof(name), "  --%s", o->name);
	if (o->letter)
		snprintf(name, sizeof(name), " -%c", o->letter);
	if (!strstr(help.data, name))
		fail_msg("flowmint %s --help is silent about --%s", v->name, o->name);
	for (const char *p = help.data, *end; (end = strchr(p, '\n')); p = end + 1)
		if (end - p > 80)
			fail_msg("flowmint %s --help has a line of %d columns", v->name, (int)(end - p));
	fm_buf_free(&help);
}

static void test_help_has_every_option_within_80_columns(void **state)
{
	(void)state;
	each_option(check_help);
}

static void test_stages_of_until_are_those_that_there_are(void **state)
{
	char stages[256] = "";

	(void)state;
	for (int i = 0; i < FM_NSTAGES; i++)
		snprintf(stages + strlen(stages), sizeof(stages) - strlen(stages), "%s%s", i ? "|" : "",
			 fm_stage_name(i));
	for (const struct fm_option *o = fm_verb_run.options; o->name; o++)
		if (strcmp(o->name, "until") == 0)
			assert_string_equal(o->choices, stages);
}

/* ---- parsing ---- */

struct greet_args {
	const char *name, *how, *maybe;
	struct fm_words set;
	uint64_t times;
	double loud;
	bool json;
};
static const struct fm_option greet_options[] = {
    {FM_SETS_TEXT(struct greet_args, name), .name = "name", .letter = 'n', .value = "NAME", .required = true,
     .help = "x"},
    {FM_SETS_TEXT(struct greet_args, how), .name = "how", .value = "HOW", .choices = "well|ill", .help = "x"},
    {FM_SETS_MAYBE(struct greet_args, maybe), .name = "maybe", .value = "FILE", .help = "x"},
    {FM_SETS_LIST(struct greet_args, set), .name = "set", .value = "K=V", .help = "x"},
    {FM_SETS_UINT(struct greet_args, times), .name = "times", .value = "N", .least = 1, .most = 9, .help = "x"},
    {FM_SETS_REAL(struct greet_args, loud), .name = "loud", .value = "X", .min = -1, .max = 1, .help = "x"},
    FM_OPTION_JSON(struct greet_args),
    {0},
};
static struct fm_verb greet = {.name = "greet", .options = greet_options, .args_size = sizeof(struct greet_args)};

/* Parses up to 12 words; the arguments and the call live until the next one. */
static int parse(struct greet_args *a, struct fm_call *call, struct fm_common *common, struct fm_error *err,
		 const char *line)
{
	static char text[256], *argv[16];
	static struct fm_arena *arena;
	int argc = 0;

	fm_arena_free(arena);
	assert_int_equal(fm_arena_new(&arena, 4096, err), FM_OK);
	*a = (struct greet_args){.how = "well"};
	*common = (struct fm_common){0};
	*call = (struct fm_call){.verb = &greet, .arena = arena};
	snprintf(text, sizeof(text), "%s", line);
	for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return fm_options_parse(call, argc, argv, a, common, err);
}

static void test_options_fill_the_struct(void **state)
{
	struct fm_error err = {0};
	struct fm_common common;
	struct greet_args a;
	struct fm_call call;

	(void)state;
	greet.operands = "OLD NEW";
	greet.optional = 1;
	assert_int_equal(parse(&a, &call, &common, &err,
			       "greet one --set a=1 -n me --set b=2 two --times 9 --loud=-0.5 --json -q -C sub"),
			 FM_OK);
	assert_string_equal(a.name, "me");
	assert_string_equal(a.how, "well");
	assert_null(a.maybe);
	assert_int_equal(a.set.n, 2);
	assert_string_equal(a.set.word[1], "b=2");
	assert_int_equal(a.times, 9);
	assert_true(a.loud == -0.5 && a.json && common.quiet && !common.verbose);
	assert_string_equal(common.dir, "sub");
	assert_int_equal(call.noperands, 2);
	assert_string_equal(call.operand[1], "two");
	assert_int_equal(parse(&a, &call, &common, &err, "greet -nme -- --one"), FM_OK);
	assert_string_equal(call.operand[0], "--one");
	assert_int_equal(parse(&a, &call, &common, &err, "greet --help"), FM_OK);
	assert_true(common.help);
	greet.operands = NULL;
	greet.optional = 0;
	assert_int_equal(parse(&a, &call, &common, &err, "greet -n me --maybe file --json"), FM_OK);
	assert_string_equal(a.maybe, "file");
	assert_int_equal(parse(&a, &call, &common, &err, "greet -n me --maybe --json"), FM_OK);
	assert_string_equal(a.maybe, "");
}

static void test_wrong_words_are_refused_and_named(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
	    {"greet one", "greet wants --name NAME"},
	    {"greet -n me", "greet wants OLD and NEW"},
	    {"greet -n me a b c", "'c' is one word too many"},
	    {"greet --nane me a", "has no option --nane (did you mean --name?)"},
	    {"greet -n me -x a", "has no option -x;"},
	    {"greet a -n", "-n wants a value"},
	    {"greet a --name", "--name wants a value"},
	    {"greet -n me --json=yes a", "takes no value"},
	    {"greet -n me --how wel a", "'wel' is none of well, ill (did you mean well?)"},
	    {"greet -n me --how we|ll a", "is none of"},
	    {"greet -n me --times 0 a", "no whole number from 1 to 9"},
	    {"greet -n me --times 10 a", "no whole number from 1 to 9"},
	    {"greet -n me --loud 1.5 a", "no number from -1 to 1"},
	    {"greet -n me --loud nan a", "no number from -1 to 1"},
	};
	struct fm_common common;
	struct greet_args a;
	struct fm_call call;

	(void)state;
	greet.operands = "OLD NEW";
	greet.optional = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fm_error err = {0};

		if (parse(&a, &call, &common, &err, cases[i].line) != FM_EUSAGE || !strstr(err.message, cases[i].says))
			fail_msg("%s: '%s' where '%s' is expected", cases[i].line, err.message, cases[i].says);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_man_page_is_made_from_the_tables),
	    cmocka_unit_test(test_the_tables_are_sound),
	    cmocka_unit_test(test_help_has_every_option_within_80_columns),
	    cmocka_unit_test(test_stages_of_until_are_those_that_there_are),
	    cmocka_unit_test(test_options_fill_the_struct),
	    cmocka_unit_test(test_wrong_words_are_refused_and_named),
	};

	if (argc == 2 && strcmp(argv[1], "update-docs") == 0)
		return update_docs();
	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
