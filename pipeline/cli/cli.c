#include "pipeline/cli/cli.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "pipeline/cli/usage.h"
#include "pipeline/cli/walls.h"

#define VERB_ADDRESS(name) &fm_verb_##name,
const struct fm_verb *const fm_verbs[] = {FM_VERBS(VERB_ADDRESS)};
const size_t fm_nverbs = sizeof(fm_verbs) / sizeof(fm_verbs[0]);

int fm_cli_json(json_t *doc, struct fm_error *err)
{
	struct fm_buf b = {0};
	int rc;

	if (!doc)
		return fm_fail(err, FM_ESYSTEM, "out of memory for the answer");
	if ((rc = fm_json_shown(doc, &b, err)) < 0 || (rc = fm_buf_check(&b, err)) < 0)
		goto out;
	if (fwrite(b.data, 1, b.len, stdout) != b.len)
		rc = fm_fail_errno(err, "standard output");
out:
	json_decref(doc);
	fm_buf_free(&b);
	return rc;
}

static bool lacked; /* memory for an answer */

void fm_cli_print(const char *fmt, ...)
{
	struct fm_error ignored; /* asked of the stream at the end */
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		lacked = true;
		return;
	}
	(void)!fm_walls_print(text, &ignored);
	free(text);
}

/* What is printed about verbs: takes text over. */
static int print(struct fm_buf *text, FILE *f, struct fm_error *err)
{
	int rc;

	if ((rc = fm_buf_check(text, err)) < 0)
		goto out;
	fwrite(text->data, 1, text->len, f);
out:
	fm_buf_free(text);
	return rc;
}

static int print_list(FILE *f, struct fm_error *err)
{
	struct fm_buf text = {0};

	fm_usage_list(&text, fm_verbs, fm_nverbs);
	return print(&text, f, err);
}

static int print_help(const struct fm_verb *verb, struct fm_error *err)
{
	struct fm_buf text = {0};

	fm_usage_verb(&text, verb);
	return print(&text, stdout, err);
}

static int print_version(void)
{
	puts("flowmint " FM_VERSION);
	return FM_OK;
}

static int find_verb(const char *name, const struct fm_verb **verb, struct fm_error *err)
{
	const char *names[sizeof(fm_verbs) / sizeof(fm_verbs[0])];
	char hint[80];

	for (size_t i = 0; i < fm_nverbs; i++) {
		names[i] = fm_verbs[i]->name;
		if (strcmp(names[i], name) == 0) {
			*verb = fm_verbs[i];
			return FM_OK;
		}
	}
	return fm_fail(err, FM_EUSAGE, "'%s' is no verb%s; flowmint --help lists them", name,
		       fm_did_you_mean(name, names, fm_nverbs, hint, sizeof(hint)));
}

static int apply_common(const struct fm_common *common, struct fm_error *err)
{
	if (common->quiet && common->verbose)
		return fm_fail(err, FM_EUSAGE, "--quiet and --verbose exclude each other");
	fm_log_quiet(common->quiet);
	fm_log_verbose(common->verbose);
	if (common->dir && chdir(common->dir) != 0)
		return fm_fail_errno(err, "--directory %s", common->dir);
	return FM_OK;
}

static int run_verb(const struct fm_verb *verb, int argc, char **argv, struct fm_common *common, struct fm_error *err)
{
	struct fm_call call = {.verb = verb};
	void *args = NULL;
	int rc;

	if ((rc = fm_arena_new(&call.arena, 4096, err)) < 0)
		return rc;
	if (!(args = fm_arena_alloc(call.arena, 1, verb->args_size + 1))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the command line");
		goto out;
	}
	if (verb->defaults)
		memcpy(args, verb->defaults, verb->args_size);
	if ((rc = fm_options_parse(&call, argc, argv, args, common, err)) < 0)
		goto out;
	if (common->help)
		rc = print_help(verb, err);
	else if (common->version)
		rc = print_version();
	else if ((rc = apply_common(common, err)) >= 0)
		rc = verb->run(args, &call, err);
out:
	fm_arena_free(call.arena);
	return rc;
}

static int dispatch(int argc, char **argv, struct fm_error *err)
{
	struct fm_common common = {0};
	const struct fm_verb *verb = NULL;
	int used, rc;

	if ((rc = fm_common_parse(argc, argv, &common, &used, err)) < 0)
		return rc;
	argc -= used;
	argv += used;
	if (argc > 0 && strcmp(argv[0], "help") == 0) {
		common.help = true;
		if ((rc = fm_common_parse(argc, argv, &common, &used, err)) < 0)
			return rc;
		argc -= used;
		argv += used;
	}
	if (common.version || (argc > 0 && strcmp(argv[0], "version") == 0))
		return print_version();
	if (argc == 0 && common.help)
		return print_list(stdout, err);
	if (argc == 0) {
		if ((rc = print_list(stderr, err)) < 0)
			return rc;
		return fm_fail(err, FM_EUSAGE, "no verb given");
	}
	if ((rc = find_verb(argv[0], &verb, err)) < 0)
		return rc;
	return common.help ? print_help(verb, err) : run_verb(verb, argc, argv, &common, err);
}

int fm_cli(int argc, char **argv, struct fm_error *err)
{
	int rc = dispatch(argc, argv, err);

	/* An answer that did not arrive is not given. */
	if ((fflush(stdout) || ferror(stdout)) && (rc == FM_OK || rc == FM_EVERDICT))
		rc = fm_fail_errno(err, "cannot write to standard output");
	if (lacked && (rc == FM_OK || rc == FM_EVERDICT))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the answer");
	return rc;
}
