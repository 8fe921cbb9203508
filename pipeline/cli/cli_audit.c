/* audit: is the record of what ran intact, and the log of what was released? */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/num.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/cli/walls.h"
#include "pipeline/ledger.h"
#include "pipeline/tlog_audit.h"
#include "release/sign/revoked.h"
#include "release/tlog.h"

struct audit_args {
	const char *workspace, *project, *log, *signers, *revoked, *between, *export;
	struct fm_words head;
	bool unconfined, json;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct audit_args, log), .name = "log", .value = "FILE", .offer = FM_OFFER_FILE,
     .help =
	 "check only this log of releases, and no ledger: LOG.jsonl of a release folder, or an exported copy of one"},
    {FM_SETS_TEXT(struct audit_args, signers), .name = "signers", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "who may have signed the heads of --log FILE, and by the KEYS.json files beside that file the keys after "
	     "theirs (default: whoever did, whose keys are shown); a warning says where others may write to it, or to "
	     "its folder"},
    {FM_SETS_TEXT(struct audit_args, revoked), .name = "revoked", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "keys whose heads, and whose word on keys after them, count for nothing: a KRL of ssh-keygen -k, or a "
	     "public key a line"},
    {FM_SETS_LIST(struct audit_args, head), .name = "head", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "a NAME-VERSION.LOG.json that somebody was given: its head must be one of the log"},
    {FM_SETS_TEXT(struct audit_args, between), .name = "between", .value = "M:N",
     .help = "prove that the log with N entries begins with the one with M, and show the proof"},
    {FM_SETS_TEXT(struct audit_args, export), .name = "export", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "write the log to FILE when it is intact: an auditor checks that file with --log FILE"},
    FM_OPTION_WORKSPACE(struct audit_args),
    {FM_SETS_TEXT(struct audit_args, project), .name = "project", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "whose secret the ledger is under (default: the folder around the workspace, else what the ledger says)"},
    FM_OPTION_UNCONFINED(struct audit_args),
    FM_OPTION_JSON(struct audit_args),
    {0},
};

static long long num(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

static int read_between(const char *text, struct fm_tlog_audit_in *in, struct fm_error *err)
{
	const char *colon = text ? strchr(text, ':') : NULL;

	if (!text)
		return FM_OK;
	if (!colon || fm_parse_u64(text, (size_t)(colon - text), UINT32_MAX, &in->from) != 0 ||
	    fm_parse_u64(colon + 1, strlen(colon + 1), UINT32_MAX, &in->to) != 0 || in->from < 1 || in->to < in->from)
		return fm_fail(
		    err, FM_EUSAGE,
		    "--between: '%s' is not M:N, two numbers of entries of which the second is not the smaller one",
		    text);
	return FM_OK;
}

/* ---- what was found, for people ---- */

static int print_log(const json_t *log, struct fm_error *err)
{
	const json_t *signers = json_object_get(log, "signers"), *c = json_object_get(log, "consistency"),
		     *problems = json_object_get(log, "problems");
	struct fm_buf out = {0};
	int rc;

	fm_buf_printf(&out, "%s: %s, %lld entr%s, root %s\n",
		      json_is_true(json_object_get(log, "intact")) ? "intact" : "broken", fm_json_str(log, "log"),
		      num(log, "entries"), num(log, "entries") == 1 ? "y" : "ies", fm_json_str(log, "root"));
	for (size_t i = 0; i < json_array_size(signers); i++) {
		const json_t *s = json_array_get(signers, i);

		fm_buf_printf(&out, "  signed by  %s %s, %lld head%s%s\n",
			      *fm_json_str(s, "signer") ? fm_json_str(s, "signer") : "?", fm_json_str(s, "fingerprint"),
			      num(s, "heads"), num(s, "heads") == 1 ? "" : "s",
			      json_is_true(json_object_get(s, "revoked")) ? ", REVOKED" : "");
	}
	for (size_t i = 0; i < json_array_size(json_object_get(log, "heads")); i++) {
		const json_t *h = json_array_get(json_object_get(log, "heads"), i);

		fm_buf_printf(&out, "  head       %s: %s\n", fm_json_str(h, "file"),
			      json_is_true(json_object_get(h, "in_log")) ? "one of the log" : "NOT one of the log");
	}
	if (json_is_object(c)) {
		fm_buf_printf(&out,
			      "  consistent the log of %lld entries, root %s,\n             begins with that of %lld, "
			      "root %s; the proof:\n",
			      num(c, "to"), fm_json_str(c, "to_root"), num(c, "from"), fm_json_str(c, "from_root"));
		for (size_t i = 0; i < json_array_size(json_object_get(c, "path")); i++)
			fm_buf_printf(&out, "             %s\n",
				      json_string_value(json_array_get(json_object_get(c, "path"), i)));
	}
	for (size_t i = 0; i < json_array_size(problems); i++)
		fm_buf_printf(&out, "broken: %s\n", fm_json_str(json_array_get(problems, i), "problem"));
	if ((rc = fm_buf_check(&out, err)) < 0)
		goto out;
	rc = fm_walls_print(out.data, err);
out:
	fm_buf_free(&out);
	return rc;
}

static void print_ledger(const json_t *report)
{
	const json_t *problems = json_object_get(report, "problems");

	for (size_t i = 0; i < json_array_size(problems); i++)
		fm_cli_print("broken: %s\n", fm_json_str(json_array_get(problems, i), "problem"));
	if (json_array_size(problems))
		return;
	fm_cli_print("intact: %lld row%s, head %s\n", num(report, "rows"), num(report, "rows") == 1 ? "" : "s",
		     fm_json_str(report, "head"));
	if (*fm_json_str(report, "project"))
		fm_cli_print("under the key of the project %s\n", fm_json_str(report, "project"));
	else
		fm_cli_print("by its digests alone: no project's secret was at hand (--project DIR), without which a "
			     "chain that was made anew is not found\n");
	if (*fm_json_str(report, "project") && !json_is_true(json_object_get(report, "witnessed")))
		fm_cli_print(
		    "without a witness in its keys/, as after a move: an older copy that was put back is found by "
		    "the records of later releases alone\n");
	if (*fm_json_str(report, "caution"))
		fm_cli_print("caution: %s\n", fm_json_str(report, "caution"));
}

/* ---- a log alone, which may be a stranger's: read by a child behind walls ---- */

static int audit_fn(void *ctx, json_t **result, struct fm_error *err)
{
	return fm_tlog_audit(ctx, result, err);
}

static int audit_log_alone(const struct audit_args *a, struct fm_tlog_audit_in *in, json_t **report,
			   struct fm_error *err)
{
	struct fm_walls w = {0};
	char **keys = NULL, caution[FM_VERIFY_CAUTION];
	int rc;

	fm_walls_caution(a->signers, caution);
	in->log = a->log;
	in->signers = a->signers;
	if (!fm_file_exists(a->log))
		return fm_fail(err, FM_EINPUT, "%s is not there", a->log);
	if (a->signers && (rc = fm_tlog_audit_keys(a->log, &keys, &in->nkeys, err)) < 0)
		return rc;
	in->keys = (const char *const *)keys;
	if ((rc = fm_walls_begin(&w, "audit", a->unconfined, err)) < 0 ||
	    (rc = fm_walls_show(&w, a->log, false, err)) < 0 || (rc = fm_walls_show(&w, a->signers, false, err)) < 0 ||
	    (rc = fm_walls_show(&w, a->revoked, false, err)) < 0)
		goto out;
	for (int i = 0; i < a->head.n; i++)
		if ((rc = fm_walls_show(&w, a->head.word[i], false, err)) < 0)
			goto out;
	for (size_t i = 0; i < in->nkeys; i++)
		if ((rc = fm_walls_show(&w, keys[i], false, err)) < 0)
			goto out;
	rc = fm_walls_run(&w, audit_fn, in, report, err);
out:
	fm_walls_end(&w);
	fm_names_free(keys, in->nkeys);
	in->keys = NULL;
	in->nkeys = 0;
	return rc;
}

/* ---- the logs of the folders that the ledger names ---- */

/* {folder: true} for each of those that exist. */
static json_t *folders_of(const json_t *rows)
{
	json_t *folders = json_object();

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const char *archive = fm_json_str(json_object_get(json_array_get(rows, i), "body"), "archive"),
			   *slash = strrchr(archive, '/');
		char folder[1024];

		if (!slash || (size_t)(slash - archive) >= sizeof folder)
			continue;
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - archive), archive);
		if (fm_file_exists(folder))
			json_object_set_new(folders, folder, json_true());
	}
	return folders;
}

static bool names_a_log(const json_t *rows, const char *folder)
{
	size_t n = strlen(folder);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *body = json_object_get(json_array_get(rows, i), "body");

		if (strncmp(fm_json_str(body, "archive"), folder, n) == 0 && json_object_get(body, "log_size"))
			return true;
	}
	return false;
}

static int audit_folder(const char *folder, const char *project, const json_t *rows, struct fm_tlog_audit_in *in,
			json_t *logs, struct fm_error *err)
{
	char *log = fm_path_join(folder, FM_TLOG_FILE),
	     *signers = project ? fm_path_join(project, "allowed_signers") : NULL, **keys = NULL;
	json_t *report = NULL;
	int rc = FM_OK;

	if (!log || (project && !signers)) {
		rc = no_memory(err);
		goto out;
	}
	if (!fm_file_exists(log) && !names_a_log(rows, folder))
		goto out;
	in->log = log;
	in->signers = signers && fm_file_exists(signers) ? signers : NULL;
	in->folder = folder;
	in->released = rows;
	if (in->signers && (rc = fm_tlog_audit_keys(log, &keys, &in->nkeys, err)) < 0)
		goto out;
	in->keys = (const char *const *)keys;
	if ((rc = fm_tlog_audit(in, &report, err)) < 0)
		goto out;
	if (json_array_append_new(logs, report) != 0)
		rc = no_memory(err);
out:
	fm_names_free(keys, in->nkeys);
	in->keys = NULL;
	in->nkeys = 0;
	free(signers);
	free(log);
	return rc;
}

static int audit_folders(const char *workspace, const struct audit_args *a, struct fm_tlog_audit_in *in, json_t *logs,
			 struct fm_error *err)
{
	json_t *rows = NULL, *folders = NULL, *v;
	struct fm_ledger *l = NULL;
	const char *folder;
	int rc;

	if ((rc = fm_ledger_open(&l, workspace, a->project, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, "release", &rows, err)) < 0)
		goto out;
	if (!(folders = folders_of(rows))) {
		rc = no_memory(err);
		goto out;
	}
	json_object_foreach(folders, folder, v)
	{
		if ((rc = audit_folder(folder, fm_ledger_project(l), rows, in, logs, err)) < 0)
			goto out;
	}
out:
	json_decref(folders);
	json_decref(rows);
	fm_ledger_close(l);
	return rc;
}

/* ---- the whole audit ---- */

static bool is_intact(const json_t *report)
{
	return json_is_true(json_object_get(report, "intact"));
}

static int export_log(const struct audit_args *a, const char *log, struct fm_error *err)
{
	return a->export ? fm_file_copy(log, a->export, 0644, err) : FM_OK;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return a && b && stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* What is read is not what is written. */
static int check_export(const struct audit_args *a, struct fm_error *err)
{
	bool same = is_same_file(a->export, a->signers) || is_same_file(a->export, a->revoked);

	for (int i = 0; i < a->head.n; i++)
		same = same || is_same_file(a->export, a->head.word[i]);
	return same ? fm_fail(err, FM_EUSAGE, "--export: %s is also what the log is checked by: name another file",
			      a->export)
		    : FM_OK;
}

static int audit_log(const struct audit_args *a, struct fm_tlog_audit_in *in, struct fm_error *err)
{
	json_t *report = NULL;
	int rc;

	if ((rc = audit_log_alone(a, in, &report, err)) < 0)
		return rc;
	if ((rc = a->json ? fm_cli_json(json_incref(report), err) : print_log(report, err)) < 0)
		goto out;
	/* Not the path in the report: a child that read a stranger's log says that one. */
	rc = is_intact(report) ? export_log(a, a->log, err)
			       : fm_fail(err, FM_EVERDICT, "%s: the log of releases is broken", a->log);
out:
	json_decref(report);
	return rc;
}

/* --between, --head and --export are of one log. */
static int one_log(const struct audit_args *a, const json_t *logs, struct fm_error *err)
{
	const char *option = a->between ? "between" : a->export ? "export" : a->head.n ? "head" : NULL;

	if (!option || json_array_size(logs) == 1)
		return FM_OK;
	return fm_fail(err, FM_EUSAGE, "--%s: %s: name one with --log FILE", option,
		       json_array_size(logs) ? "several release folders have a log"
					     : "no release folder that the ledger names has a log");
}

static int audit_all(const struct audit_args *a, const struct fm_call *call, struct fm_tlog_audit_in *in,
		     struct fm_error *err)
{
	json_t *report = NULL, *logs = json_array();
	const char *workspace, *broken = NULL;
	int rc;

	if (!logs) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_place_workspace(call, a->workspace, &workspace, err)) < 0 ||
	    (rc = fm_ledger_audit(workspace, a->project, &report, err)) < 0)
		goto out;
	/* What a broken ledger says of folders is not followed. */
	if (!is_intact(report))
		broken = "the ledger";
	else if ((rc = audit_folders(workspace, a, in, logs, err)) < 0 || (rc = one_log(a, logs, err)) < 0)
		goto out;
	for (size_t i = 0; i < json_array_size(logs); i++)
		if (!is_intact(json_array_get(logs, i)))
			broken = "the log of releases";
	if (a->json) {
		json_object_set(report, "logs", logs);
		rc = fm_cli_json(json_incref(report), err);
	} else {
		print_ledger(report);
		for (size_t i = 0; i < json_array_size(logs) && rc >= 0; i++)
			rc = print_log(json_array_get(logs, i), err);
	}
	if (rc < 0)
		goto out;
	rc = broken ? fm_fail(err, FM_EVERDICT, "%s: %s is broken", workspace, broken)
		    : export_log(a, fm_json_str(json_array_get(logs, 0), "log"), err);
out:
	json_decref(report);
	json_decref(logs);
	return rc;
}

static int audit(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct audit_args *a = args;
	struct fm_tlog_audit_in in = {.revoked = a->revoked, .head = a->head.word, .nhead = a->head.n};
	int rc;

	if ((rc = read_between(a->between, &in, err)) < 0 || (rc = check_export(a, err)) < 0)
		return rc;
	if (a->log && (a->workspace || a->project))
		return fm_fail(err, FM_EUSAGE, "--log is of a log alone: --workspace and --project are of a ledger");
	if (!a->log && a->signers)
		return fm_fail(err, FM_EUSAGE, "--signers is for --log FILE; a project has its own allowed_signers");
	if (a->log)
		return audit_log(a, &in, err);
	/* No log may be there to ask it of. */
	if (a->revoked && (rc = fm_revoked_check(a->revoked, err)) < 0)
		return rc;
	return audit_all(a, call, &in, err);
}

const struct fm_verb fm_verb_audit = {
    .name = "audit",
    .summary = "are the ledger and the log of releases intact?",
    .about =
	"Checks the ledger's files and tables, its chain of digests and the MAC of each row under the project's secret "
	"(keys/commitment.key), its head, the witness of it in keys/, and what the records of releases say of it. "
	"Edited, removed, reordered, added and cut rows, an older copy that was put back, a foreign trigger or view "
	"and a "
	"file that others may write are named and make the exit status 1. Each run does the same before it adds a row."
	"\n\n"
	"Then the logs of releases (LOG.jsonl) of the folders that the ledger names: each root is calculated again, "
	"each "
	"head's signature checked, and each head that the ledger or a release there has must be one of the log. An "
	"auditor needs one file: --export FILE writes it, and --log FILE checks it anywhere, behind the walls of a "
	"stage. Where a key was replaced, an auditor with --signers keeps NAME-VERSION.KEYS.json of a release by the "
	"newest one beside it, or the lines of all keys. Heads that partners were given (--head) show whether they "
	"were shown the same log. With --revoked FILE, as partners have it, a head by a key of that list is a finding.",
    .options = options,
    .args_size = sizeof(struct audit_args),
    .run = audit,
};
