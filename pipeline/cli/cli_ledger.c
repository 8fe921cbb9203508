/* status, log: what the ledger tells. */
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json_text.h"
#include "base/text.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/ledger.h"
#include "pipeline/state.h"

struct ledger_args {
	const char *workspace, *project;
	bool json;
};

static const struct fm_option ledger_options[] = {
    FM_OPTION_WORKSPACE(struct ledger_args),
    {FM_SETS_TEXT(struct ledger_args, project), .name = "project", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "whose secret the ledger is under (default: the folder around the workspace, else what the ledger says)"},
    FM_OPTION_JSON(struct ledger_args),
    {0},
};

/* What was printed can be trusted no more than the ledger: FM_EVERDICT when that is broken. */
static int check_ledger(const char *workspace, const char *project, struct fm_error *err)
{
	json_t *report = NULL;
	const char *problem;
	int rc;

	if ((rc = fm_ledger_audit(workspace, project, &report, err)) < 0)
		return rc;
	problem = fm_json_str(json_array_get(json_object_get(report, "problems"), 0), "problem");
	if (*problem)
		rc = fm_fail(err, FM_EVERDICT, "the ledger is broken: %s; see flowmint audit", problem);
	json_decref(report);
	return rc;
}

/* What a verb is about: a run, or all of a workspace.  The operand is a run, or, as with other verbs, a project's
 * folder or its release.yaml. */
static int place(const struct fm_call *call, const struct ledger_args *a, const char **workspace, const char **run,
		 char id[FM_RUN_ID_MAX], struct fm_error *err)
{
	const char *word = call->noperands ? call->operand[0] : NULL, *project = NULL;
	struct stat st;
	char *parent;

	*run = word ? fm_run_id(word, id) : NULL;
	if (!word || *run == id)
		return fm_place_workspace(call, a->workspace, workspace, err);
	if (stat(word, &st) != 0)
		return fm_fail(err, FM_EINPUT,
			       "%s: '%s' is no run (r0001, or 1) and no project's folder; flowmint log lists all runs",
			       call->verb->name, word);
	if (a->workspace)
		return fm_fail(err, FM_EUSAGE, "%s: '%s' and --workspace %s both say where to look: give one",
			       call->verb->name, word, a->workspace);
	if (!(parent = fm_arena_strdup(call->arena, word)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for the command line");
	project = S_ISDIR(st.st_mode) ? word : dirname(parent);
	*run = NULL;
	return fm_place_workspace(call, project, workspace, err);
}

/* ---- status ---- */

/* {"run","time","name","version","status","stages":[...],"verdict","archive"} of one run, from its rows. */
static json_t *summarise(const json_t *rows, const char *run)
{
	json_t *s = json_pack("{s:s, s:s, s:[], s:n, s:n}", "run", run, "status", "unfinished", "stages", "verdict",
			      "archive"),
	       *stages = json_object_get(s, "stages");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i), *body = json_object_get(row, "body");
		const char *kind = fm_json_str(row, "kind");

		if (strcmp(fm_json_str(row, "run"), run) != 0)
			continue;
		if (strcmp(kind, "run") == 0) {
			json_object_set(s, "time", json_object_get(row, "time"));
			json_object_set(s, "name", json_object_get(body, "name"));
			json_object_set(s, "version", json_object_get(body, "version"));
			json_object_set(s, "confinement", json_object_get(body, "confinement"));
		} else if (strcmp(kind, "stage") == 0) {
			json_array_append_new(stages,
					      json_pack("{s:O, s:O, s:O, s:O}", "name", json_object_get(body, "name"),
							"seconds", json_object_get(body, "seconds"), "peak_rss_bytes",
							json_object_get(body, "peak_rss_bytes"), "cached",
							json_object_get(body, "cached")));
		} else if (strcmp(kind, "verdict") == 0) {
			json_object_set(s, "verdict", json_object_get(body, "verdict"));
		} else if (strcmp(kind, "release") == 0) {
			json_object_set(s, "archive", json_object_get(body, "archive"));
			json_object_set(s, "tar_sha256", json_object_get(body, "tar_sha256"));
		} else if (strcmp(kind, "purge") == 0) {
			json_object_set(s, "purged", json_object_get(row, "time"));
		} else if (strcmp(kind, "end") == 0) {
			json_object_set(s, "status", json_object_get(body, "status"));
			if (json_object_get(body, "message"))
				json_object_set(s, "message", json_object_get(body, "message"));
		}
	}
	return s;
}

static void print_summary(const json_t *s)
{
	const json_t *stages = json_object_get(s, "stages");

	fm_cli_print("run %s  %s  %s %s: %s\n", fm_json_str(s, "run"), fm_json_str(s, "time"), fm_json_str(s, "name"),
		     fm_json_str(s, "version"), fm_json_str(s, "status"));
	for (size_t i = 0; i < json_array_size(stages); i++) {
		const json_t *st = json_array_get(stages, i);

		fm_cli_print("  %-9s %10.1f s %8.0f MiB%s\n", fm_json_str(st, "name"),
			     json_number_value(json_object_get(st, "seconds")),
			     json_number_value(json_object_get(st, "peak_rss_bytes")) / 1048576,
			     json_is_true(json_object_get(st, "cached")) ? "  cached" : "");
	}
	if (*fm_json_str(s, "verdict"))
		fm_cli_print("  verdict   %s\n", fm_json_str(s, "verdict"));
	if (*fm_json_str(s, "archive"))
		fm_cli_print("  archive   %s\n", fm_json_str(s, "archive"));
	if (*fm_json_str(s, "purged"))
		fm_cli_print("  purged    %s: nothing of it is left in the workspace but what other runs need\n",
			     fm_json_str(s, "purged"));
	if (*fm_json_str(s, "message"))
		fm_cli_print("  reason    %s\n", fm_json_str(s, "message"));
	if (fm_json_says(s, "status", "stopped") || fm_json_says(s, "status", "killed"))
		fm_cli_print("  the same flowmint run goes on from what is complete\n");
	if (!json_is_object(json_object_get(s, "now")) && *fm_json_str(s, "why"))
		fm_cli_print("  %-9s %s\n", fm_json_says(s, "status", "running") ? "now" : "why",
			     fm_json_str(s, "why"));
}

/* "0:43", "1:02:03" */
static const char *span(double seconds, char out[32])
{
	long s = seconds < 0 ? 0 : seconds > 1e9 ? 1000000000 : (long)(seconds + 0.5);

	if (s < 3600)
		snprintf(out, 32, "%ld:%02ld", s / 60, s % 60);
	else
		snprintf(out, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	return out;
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* What the run does now, or did when it was killed. */
static void print_now(const json_t *now)
{
	bool running = json_is_true(json_object_get(now, "running"));
	const char *stage = fm_json_str(now, "stage"),
		   *what = strcmp(fm_json_str(now, "what"), stage) ? fm_json_str(now, "what") : "";
	char t[32];

	fm_cli_print("  %s  %-*s", running ? "now     " : "was in  ", *what || num(now, "total") > 0 ? 9 : 0, stage);
	if (*what)
		fm_cli_print(" %s", what);
	if (num(now, "total") > 0)
		fm_cli_print(" %.0f %%, %.0f of %.0f %s", 100 * num(now, "done") / num(now, "total"), num(now, "done"),
			     num(now, "total"), fm_json_str(now, "unit"));
	if (json_is_number(json_object_get(now, "seconds_left")))
		fm_cli_print(", %s left of this step", span(num(now, "seconds_left"), t));
	if (running)
		fm_cli_print(", process %.0f", num(now, "pid"));
	fm_cli_print("\n");
	if (!running)
		fm_cli_print("  why       %s\n", fm_json_str(now, "killed_by"));
}

/* A run without an end in the ledger is at work, or was killed: then running.json says where, of the newest run. */
static json_t *unfinished(json_t *summary, const char *workspace, bool newest)
{
	bool open = fm_json_says(summary, "status", "unfinished");
	long holder = open && newest ? fm_state_holder(workspace) : 0;
	json_t *now = open ? fm_state_read(workspace) : NULL, *why = NULL;
	bool running = holder > 0;

	if (now && strcmp(fm_json_str(now, "run"), fm_json_str(summary, "run")) != 0) {
		json_decref(now);
		now = NULL;
	}
	if (now)
		running = json_is_true(json_object_get(now, "running"));
	else if (open)
		why = running  ? json_sprintf("about to begin its first stage, process %ld", holder)
		      : newest ? json_string("killed, most likely before its first stage: nothing says where it was")
			       : json_string("killed; where it was is remembered of the newest run alone");
	if (open)
		json_object_set_new(summary, "status", json_string(running ? "running" : "killed"));
	json_object_set_new(summary, "why", why ? why : json_null());
	json_object_set(summary, "now", now ? now : json_null());
	return now;
}

static int no_run(const char *workspace, const char *run, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT, "%s: the ledger has no run %s; flowmint log lists all", workspace, run);
}

static int status(const void *args, const struct fm_call *call, struct fm_error *err)
{
	json_t *rows = NULL, *releases = NULL, *last = NULL, *now = NULL;
	const struct ledger_args *a = args;
	char id[FM_RUN_ID_MAX], shown[4 * PATH_MAX];
	const char *workspace, *wanted, *newest = "";
	struct fm_ledger *l = NULL;
	size_t runs = 0;
	int rc;

	if ((rc = place(call, a, &workspace, &wanted, id, err)) < 0 ||
	    (rc = fm_ledger_open(&l, workspace, a->project, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, NULL, &rows, err)) < 0)
		goto out;
	releases = json_array();
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (fm_json_says(row, "kind", "run"))
			newest = fm_json_str(row, "run");
		if (wanted && strcmp(fm_json_str(row, "run"), wanted) != 0)
			continue;
		if (fm_json_says(row, "kind", "run")) {
			runs++;
			json_decref(last);
			last = summarise(rows, fm_json_str(row, "run"));
		} else if (fm_json_says(row, "kind", "release")) {
			json_t *r = json_copy(json_object_get(row, "body"));

			json_object_set(r, "run", json_object_get(row, "run"));
			json_object_set(r, "time", json_object_get(row, "time"));
			json_array_append_new(releases, r);
		}
	}
	if (wanted && !last) {
		rc = no_run(workspace, wanted, err);
		goto out;
	}
	if (last)
		now = unfinished(last, workspace, strcmp(fm_json_str(last, "run"), newest) == 0);
	if (a->json) {
		fm_text_show(workspace, strlen(workspace), shown, sizeof shown);
		if ((rc = fm_cli_json(json_pack("{s:s, s:i, s:O, s:O}", "workspace", shown, "runs", (int)runs, "last",
						last ? last : json_null(), "releases", releases),
				      err)) >= 0)
			rc = check_ledger(workspace, a->project, err);
		goto out;
	}
	if (last)
		print_summary(last);
	else
		fm_cli_print("nothing has run yet\n");
	if (now)
		print_now(now);
	fm_cli_print("%zu run%s, %zu release%s\n", runs, runs == 1 ? "" : "s", json_array_size(releases),
		     json_array_size(releases) == 1 ? "" : "s");
	for (size_t i = 0; i < json_array_size(releases); i++) {
		const json_t *r = json_array_get(releases, i);

		fm_cli_print("  %s  %s  %s %s  tar sha256 %s\n", fm_json_str(r, "time"), fm_json_str(r, "run"),
			     fm_json_str(r, "name"), fm_json_str(r, "version"), fm_json_str(r, "tar_sha256"));
	}
	rc = check_ledger(workspace, a->project, err);
out:
	json_decref(now);
	json_decref(rows);
	json_decref(last);
	json_decref(releases);
	fm_ledger_close(l);
	return rc;
}

const struct fm_verb fm_verb_status = {
    .name = "status",
    .summary = "what runs now or ran last, and what was released",
    .about =
	"For a run that is at work it says the stage, the share done and the time left of its step, and the process. "
	"For a run that was killed it says where the run was, and what killed it as far as can be told. With RUN "
	"(r0001, or 1) that run; with a project's folder in its place that project.",
    .operands = "RUN",
    .optional = 1,
    .offer = FM_OFFER_RUN,
    .options = ledger_options,
    .args_size = sizeof(struct ledger_args),
    .run = status,
};

/* ---- log ---- */

static void print_escapes(const json_t *body)
{
	size_t through = 0;
	json_int_t tried = 0;
	const char *stage;
	json_t *one;

	json_object_foreach((json_t *)(uintptr_t)body, stage, one)
	{
		tried += json_integer_value(json_object_get(one, "tried"));
		through += json_array_size(json_object_get(one, "through"));
	}
	fm_cli_print("%lld attempts to get out of a stage, %zu got through\n", (long long)tried, through);
}

static void print_row(const json_t *row)
{
	const json_t *body = json_object_get(row, "body");
	const char *kind = fm_json_str(row, "kind");

	fm_cli_print("%4lld  %s  %-6s %-9s ", (long long)json_integer_value(json_object_get(row, "row")),
		     fm_json_str(row, "time"), fm_json_str(row, "run"), kind);
	if (strcmp(kind, "run") == 0)
		fm_cli_print("%s %s, flowmint %s, %s\n", fm_json_str(body, "name"), fm_json_str(body, "version"),
			     fm_json_str(body, "flowmint"), fm_json_str(body, "confinement"));
	else if (strcmp(kind, "stage") == 0)
		fm_cli_print("%-9s %.1f s, %.0f MiB%s, output %.12s\n", fm_json_str(body, "name"),
			     json_number_value(json_object_get(body, "seconds")),
			     json_number_value(json_object_get(body, "peak_rss_bytes")) / 1048576,
			     json_is_true(json_object_get(body, "cached")) ? ", cached" : "",
			     fm_json_str(body, "output"));
	else if (strcmp(kind, "verdict") == 0)
		fm_cli_print("%s, %zu checks\n", fm_json_str(body, "verdict"),
			     json_array_size(json_object_get(body, "checks")));
	else if (strcmp(kind, "release") == 0)
		fm_cli_print("%s, tar sha256 %.12s%s%.12s\n", fm_json_str(body, "archive"),
			     fm_json_str(body, "tar_sha256"), *fm_json_str(body, "replaces") ? ", in place of " : "",
			     fm_json_str(body, "replaces"));
	else if (strcmp(kind, "source") == 0)
		fm_cli_print("%s, sha256 %.12s\n", fm_json_str(json_object_get(body, "file"), "path"),
			     fm_json_str(body, "sha256"));
	else if (strcmp(kind, "charge") == 0)
		fm_cli_print("epsilon %g, delta %g, to the trace %.12s\n",
			     json_number_value(json_object_get(body, "epsilon")),
			     json_number_value(json_object_get(body, "delta")), fm_json_str(body, "trace"));
	else if (strcmp(kind, "audit") == 0 || strcmp(kind, "audited") == 0)
		fm_cli_print("epsilon at least %.3f of %g%s, %s trace %.12s\n",
			     json_number_value(json_object_get(body, "epsilon_lower")),
			     json_number_value(json_object_get(body, "epsilon")),
			     json_is_true(json_object_get(body, "refuted")) ? ", REFUTED" : "",
			     json_is_true(json_object_get(body, "public")) ? "public" : "private",
			     fm_json_str(body, "trace"));
	else if (strcmp(kind, "escapes") == 0)
		print_escapes(body);
	else if (strcmp(kind, "purge") == 0 || strcmp(kind, "retain") == 0)
		fm_cli_print("%zu products destroyed, %zu kept for other runs (%s)\n",
			     json_array_size(json_object_get(body, "destroyed")),
			     json_array_size(json_object_get(body, "kept")), fm_json_str(body, "why"));
	else if (strcmp(kind, "waiver") == 0 || strcmp(kind, "approval") == 0)
		fm_cli_print("%s, %s%s\n", fm_json_str(body, "file"),
			     json_is_true(json_object_get(body, "holds")) ? "holds, by " : "counts for nothing: ",
			     json_is_true(json_object_get(body, "holds")) ? fm_json_str(body, "signer")
									  : fm_json_str(body, "why"));
	else if (strcmp(kind, "reproduce") == 0)
		fm_cli_print("from %s: %s\n", fm_json_str(body, "from"), fm_json_str(body, "verdict"));
	else
		fm_cli_print("%s%s%s\n", fm_json_str(body, "status"), *fm_json_str(body, "message") ? ": " : "",
			     fm_json_str(body, "message"));
}

static int show_log(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const char *workspace, *run;
	const struct ledger_args *a = args;
	char id[FM_RUN_ID_MAX];
	struct fm_ledger *l = NULL;
	json_t *rows = NULL;
	int rc;

	if ((rc = place(call, a, &workspace, &run, id, err)) < 0 ||
	    (rc = fm_ledger_open(&l, workspace, a->project, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, run, NULL, &rows, err)) < 0)
		goto out;
	if (run && json_array_size(rows) == 0) {
		rc = no_run(workspace, run, err);
		goto out;
	}
	if (a->json) {
		if ((rc = fm_cli_json(json_incref(rows), err)) < 0)
			goto out;
	} else {
		for (size_t i = 0; i < json_array_size(rows); i++)
			print_row(json_array_get(rows, i));
	}
	rc = check_ledger(workspace, a->project, err);
out:
	json_decref(rows);
	fm_ledger_close(l);
	return rc;
}

const struct fm_verb fm_verb_log = {
    .name = "log",
    .summary = "the ledger, row by row",
    .about = "With RUN (r0001) the rows of that run; with a project's folder in its place the rows of that project.",
    .operands = "RUN",
    .optional = 1,
    .offer = FM_OFFER_RUN,
    .options = ledger_options,
    .args_size = sizeof(struct ledger_args),
    .run = show_log,
};
