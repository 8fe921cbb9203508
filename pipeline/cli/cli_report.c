/* report: a run or an archive explained on one page. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/cli/walls.h"
#include "pipeline/facts.h"
#include "pipeline/ledger.h"
#include "report/report.h"
#include "stages/table.h"

struct report_args {
	const char *out, *workspace, *edition, *signers, *signature;
	bool unconfined;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct report_args, out), .name = "out", .value = "FILE.html", .required = true,
     .offer = FM_OFFER_FILE, .help = "where to; - is standard output"},
    {FM_SETS_TEXT(struct report_args, edition), .name = "edition", .value = "team|partner", .choices = "team|partner",
     .help =
	 "team, the default for a RUN, shows distributions of the private flows; the file is for its owner alone. "
	 "partner, and always for an ARCHIVE, shows nothing from private flows but what publish.report allows, and the "
	 "checks that the config asks for"},
    {FM_SETS_TEXT(struct report_args, signers), .name = "signers", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "check the archive's signature first, by this allowed_signers, and say who signed; without it only the "
	     "archive's form and contents are checked; a warning says where others may write to it, or to its folder"},
    {FM_SETS_TEXT(struct report_args, signature), .name = "signature", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "default: ARCHIVE.sig"},
    FM_OPTION_UNCONFINED(struct report_args),
    FM_OPTION_WORKSPACE(struct report_args),
    {0},
};

struct asked {
	const struct report_args *given;
	const char *what;
	bool archive, partner;
};

/* Which of the two it is, and what may be asked of it. */
static int check_asked(struct asked *a, struct fm_error *err)
{
	const struct report_args *given = a->given;
	bool team = given->edition && strcmp(given->edition, "team") == 0;

	a->archive = fm_run_is_file(a->what);
	a->partner = a->archive || (given->edition && !team);
	if (a->archive && team)
		return fm_fail(err, FM_EUSAGE,
			       "report: an archive has nothing for the team alone; the team's edition is made of a run "
			       "(flowmint log "
			       "lists them)");
	if (!a->archive && (given->signers || given->signature))
		return fm_fail(err, FM_EUSAGE, "report: a run has no signature; --signers is for an archive");
	if (given->signature && !given->signers)
		return fm_fail(err, FM_EUSAGE,
			       "report: --signature is checked against --signers FILE, which is not given");
	return FM_OK;
}

static int write_page(const struct asked *a, const struct fm_buf *html, struct fm_error *err)
{
	if (strcmp(a->given->out, "-") == 0)
		return fwrite(html->data, 1, html->len, stdout) == html->len ? FM_OK
									     : fm_fail_errno(err, "standard output");
	/* The team's edition is as private as the workspace. */
	return fm_file_write(a->given->out, a->partner ? 0644 : 0600, html->data, html->len, err);
}

/* ---- in children: one reads the archive, another, which sees no file, makes the page of what it said ---- */

static int facts_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct asked *a = ctx;

	return fm_facts_of_archive(a->what, a->given->signers, a->given->signature, result, err);
}

static int facts_of_archive(const struct asked *a, json_t **facts, struct fm_error *err)
{
	const struct report_args *given = a->given;
	char *beside = NULL, caution[FM_VERIFY_CAUTION];
	struct fm_walls w = {0};
	int rc;

	fm_walls_caution(given->signers, caution);
	if (asprintf(&beside, "%s.sig", a->what) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_walls_begin(&w, "report", given->unconfined, err)) < 0 ||
	    (rc = fm_walls_show(&w, a->what, false, err)) < 0 ||
	    (rc = fm_walls_show(&w, given->signers, false, err)) < 0 ||
	    (rc = fm_walls_show(&w, given->signature ? given->signature : beside, false, err)) < 0)
		goto out;
	fm_walls_threads(&w, 2); /* it unpacks beside taking digests */
	rc = fm_walls_run(&w, facts_fn, (void *)(uintptr_t)a, facts, err);
out:
	fm_walls_end(&w);
	free(beside);
	return rc;
}

struct page {
	const json_t *facts;
	bool partner;
};

static int page_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct page *p = ctx;
	json_t *partner = NULL;
	struct fm_buf html = {0};
	int rc;

	if (p->partner && (rc = fm_report_partner(p->facts, fm_stage_shows_output, &partner, err)) < 0)
		return rc;
	if ((rc = fm_report_html(partner ? partner : p->facts, p->partner, &html, err)) < 0)
		goto out;
	if (!(*result = json_stringn(html.data, html.len)))
		rc = fm_fail(err, FM_EINPUT, "the page is not UTF-8");
out:
	json_decref(partner);
	fm_buf_free(&html);
	return rc;
}

static int make_page(const struct asked *a, const json_t *facts, struct fm_error *err)
{
	struct page p = {facts, a->partner};
	struct fm_buf html = {0};
	struct fm_walls w = {0};
	json_t *text = NULL;
	int rc;

	if ((rc = fm_walls_begin(&w, "report", a->given->unconfined, err)) < 0 ||
	    (rc = fm_walls_run(&w, page_fn, &p, &text, err)) < 0)
		goto out;
	fm_buf_add(&html, json_string_value(text), json_string_length(text));
	if ((rc = fm_buf_check(&html, err)) < 0)
		goto out;
	rc = write_page(a, &html, err);
out:
	fm_walls_end(&w);
	fm_buf_free(&html);
	json_decref(text);
	return rc;
}

static int report(const void *args, const struct fm_call *call, struct fm_error *err)
{
	struct asked a = {.given = args, .what = call->operand[0]};
	json_t *facts = NULL;
	const char *workspace = NULL;
	int rc;

	if ((rc = fm_place_no_folder(call, err)) < 0 || (rc = check_asked(&a, err)) < 0)
		return rc;
	if (!a.archive && ((rc = fm_place_check_run(call, a.what, err)) < 0 ||
			   (rc = fm_place_workspace(call, a.given->workspace, &workspace, err)) < 0))
		return rc;
	rc = a.archive ? facts_of_archive(&a, &facts, err) : fm_facts_of_run(workspace, a.what, &facts, err);
	if (rc < 0)
		goto out;
	rc = make_page(&a, facts, err);
out:
	json_decref(facts);
	return rc;
}

const struct fm_verb fm_verb_report = {
    .name = "report",
    .summary = "explain a run or an archive on one page",
    .about =
	"Writes one HTML file that needs no network and no script: the verdict, each field real against synthetic, the "
	"checks with their margins, controls, privacy in plain words, provenance, how to verify.",
    .operands = "RUN|ARCHIVE",
    .offer = FM_OFFER_RUN_OR_FILE,
    .options = options,
    .args_size = sizeof(struct report_args),
    .run = report,
};
