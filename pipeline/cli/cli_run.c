/* run, reproduce: from the trace to the archive, and again. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "judge/gate/check.h"
#include "manifests/config.h"
#include "pipeline/cli/cli.h"
#include "pipeline/plan.h"
#include "pipeline/project.h"
#include "pipeline/reproduce.h"
#include "pipeline/runner.h"

/* ---- run
 * ------------------------------------------------------------------------------------------------------------------ */

struct run_args {
	struct fm_run_options o;
	const char **set; /* argc long */
	int nset;
	bool json, plan;
};

static int find_stage(const char *name, int *id, struct fm_error *err)
{
	const char *names[FM_NSTAGES + 1] = {NULL}, *near;

	if ((*id = fm_stage_find(name)) >= 0)
		return FM_OK;
	for (int i = 0; i < FM_NSTAGES; i++)
		names[i] = fm_stage_name(i);
	near = fm_cli_nearest(name, names);
	return fm_fail(err, FM_EUSAGE,
		       "run --until: '%s' is no stage%s%s%s: ingest, train, generate, evaluate, gate, release", name,
		       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int run_options(int argc, char **argv, struct run_args *a, struct fm_error *err)
{
	static const struct option options[] = {
	    {"set", required_argument, NULL, 's'},  {"until", required_argument, NULL, 'u'},
	    {"out", required_argument, NULL, 'o'},  {"workspace", required_argument, NULL, 'w'},
	    {"plan", no_argument, NULL, 'p'},       {"force", no_argument, NULL, 'f'},
	    {"unconfined", no_argument, NULL, 'n'}, {"quiet", no_argument, NULL, 'q'},
	    {"json", no_argument, NULL, 'j'},       {0},
	};
	int c, rc = FM_OK;

	while (rc == FM_OK && (c = fm_cli_option(argc, argv, options, err)) != -1) {
		switch (c) {
		case 's':
			a->set[a->nset++] = optarg;
			break;
		case 'u':
			rc = find_stage(optarg, &a->o.until, err);
			break;
		case 'o':
			a->o.out = optarg;
			break;
		case 'w':
			a->o.workspace = optarg;
			break;
		case 'p':
			a->plan = true;
			break;
		case 'f':
			a->o.force = true;
			break;
		case 'n':
			a->o.unconfined = true;
			break;
		case 'q':
			fm_log_quiet(1);
			break;
		case 'j':
			a->json = true;
			break;
		default:
			rc = c;
		}
	}
	return rc ? rc : fm_cli_operands(argc, argv, 1, 1, "one RELEASE.yaml", err);
}

static int print_run(const struct fm_run *run, bool json, struct fm_error *err)
{
	if (json)
		return fm_cli_json(fm_run_json(run), err);
	if (run->has_verdict)
		fm_verdict_print(stdout, &run->verdict);
	if (run->archive[0])
		printf("archive: %s\ntar sha256: %s\n", run->archive, run->tar_sha256);
	if (!run->has_verdict)
		printf("run %s: %s is complete\n", run->id, run->stage[run->nstages - 1].name);
	return FM_OK;
}

/* "jsd.SA 0.31 (max 0.05)" of the failed checks, as many as fit. */
static int refuse(const struct fm_run *run, struct fm_error *err)
{
	char words[600] = "";
	size_t at = 0, failed = 0;

	for (size_t i = 0; i < run->verdict.n; i++) {
		const struct fm_check_result *c = &run->verdict.check[i];

		if (c->pass || c->waived)
			continue;
		failed++;
		if (at < sizeof words - 1)
			at += (size_t)snprintf(words + at, sizeof words - at, "%s%s %.4g (%s %.4g)", at ? ", " : "",
					       c->name, c->value, c->direction, c->threshold);
	}
	return fm_fail(err, FM_EVERDICT,
		       "the gate refuses the release: %zu of %zu checks failed: %s; nothing was released", failed,
		       run->verdict.n, words);
}

static int plan(const struct run_args *a, struct fm_error *err)
{
	json_t *doc = NULL;
	int rc = fm_plan(&a->o, &doc, err);

	if (rc)
		return rc;
	if (a->json)
		return fm_cli_json(doc, err);
	fm_cli_print_plan(doc);
	json_decref(doc);
	return FM_OK;
}

int fm_verb_run(int argc, char **argv, struct fm_error *err)
{
	struct run_args a = {.o = {.until = FM_RELEASE}, .set = calloc((size_t)argc, sizeof *a.set)};
	struct fm_config *cfg = NULL;
	struct fm_run run = {0};
	char *file = NULL;
	int rc;

	if (!a.set)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = run_options(argc, argv, &a, err)))
		goto out;
	if (!(file = fm_project_config(argv[optind]))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_config_load(&cfg, file, a.set, a.nset, err)))
		goto out;
	a.o.cfg = cfg;
	if (a.plan) {
		rc = plan(&a, err);
		goto out;
	}
	if ((rc = fm_runner_run(&a.o, &run, err)) || (rc = print_run(&run, a.json, err)))
		goto out;
	if (run.has_verdict && !run.verdict.pass)
		rc = refuse(&run, err);
out:
	fm_run_free(&run);
	fm_config_free(cfg);
	free(file);
	free(a.set);
	return rc;
}

/* ---- reproduce
 * -------------------------------------------------------------------------------------------------------------- */

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_comparison(const json_t *report)
{
	const json_t *stages = json_object_get(report, "stages"), *tar = json_object_get(report, "tar_sha256");

	for (size_t i = 0; i < json_array_size(stages); i++) {
		const json_t *s = json_array_get(stages, i);

		printf("%-9s  %.16s  %.16s  %s\n", str(s, "name"), str(s, "recorded"), str(s, "again"),
		       json_is_true(json_object_get(s, "same")) ? "same" : "DIFFERENT");
	}
	printf("tar sha256 recorded  %s\ntar sha256 again     %s\n%s\n", str(tar, "recorded"),
	       *str(tar, "again") ? str(tar, "again") : "(none: the gate refused)", str(report, "verdict"));
}

int fm_verb_reproduce(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {{"from", required_argument, NULL, 'f'},
						{"workspace", required_argument, NULL, 'w'},
						{"unconfined", no_argument, NULL, 'n'},
						{"json", no_argument, NULL, 'j'},
						{0}};
	struct fm_reproduce_in in = {.workspace = "workspace"};
	struct fm_error printing;
	json_t *report = NULL;
	bool json = false;
	int c, rc = FM_OK, shown = FM_OK;

	while (rc == FM_OK && (c = fm_cli_option(argc, argv, options, err)) != -1) {
		switch (c) {
		case 'f':
			in.from_model = strcmp(optarg, "model") == 0;
			if (!in.from_model && strcmp(optarg, "data") != 0)
				rc =
				    fm_fail(err, FM_EUSAGE, "reproduce --from: '%s' is neither data nor model", optarg);
			break;
		case 'w':
			in.workspace = optarg;
			break;
		case 'n':
			in.unconfined = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			rc = c;
		}
	}
	if (rc || (rc = fm_cli_operands(argc, argv, 1, 1, "one RUN or ARCHIVE", err)))
		return rc;
	in.what = argv[optind];
	rc = fm_reproduce(&in, &report, err);
	if (report && json)
		shown = fm_cli_json(report, &printing);
	else if (report)
		print_comparison(report), json_decref(report);
	return shown ? fm_error_set(err, printing.code, printing.file, printing.line, "%s", printing.message) : rc;
}
