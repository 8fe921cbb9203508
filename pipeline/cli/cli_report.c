/* report: a run or an archive explained on one page. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "pipeline/cli/cli.h"
#include "pipeline/facts.h"
#include "report/report.h"

struct asked {
	const char *what, *out, *workspace, *edition, *signers, *signature;
	bool archive, partner;
};

static int report_options(int argc, char **argv, struct asked *a, struct fm_error *err)
{
	static const struct option options[] = {
	    {"out", required_argument, NULL, 'o'},       {"edition", required_argument, NULL, 'e'},
	    {"workspace", required_argument, NULL, 'w'}, {"signers", required_argument, NULL, 's'},
	    {"signature", required_argument, NULL, 'g'}, {0}};
	int c, rc;

	while ((c = fm_cli_option(argc, argv, options, err)) > 0) {
		if (c == 'o')
			a->out = optarg;
		else if (c == 'e')
			a->edition = optarg;
		else if (c == 'w')
			a->workspace = optarg;
		else if (c == 's')
			a->signers = optarg;
		else
			a->signature = optarg;
	}
	if (c != -1)
		return c;
	if ((rc = fm_cli_operands(argc, argv, 1, 1, "one RUN or ARCHIVE", err)))
		return rc;
	a->what = argv[optind];
	return a->out ? FM_OK : fm_fail(err, FM_EUSAGE, "report wants --out FILE.html; see flowmint report --help");
}

/* Which of the two it is, and what may be asked of it. */
static int check_asked(struct asked *a, struct fm_error *err)
{
	bool team = a->edition && strcmp(a->edition, "team") == 0;

	if (a->edition && !team && strcmp(a->edition, "partner") != 0)
		return fm_fail(err, FM_EUSAGE, "report --edition: '%s' is neither team nor partner", a->edition);
	a->archive = strchr(a->what, '/') || fm_file_exists(a->what);
	a->partner = a->archive || (a->edition && !team);
	if (a->archive && team)
		return fm_fail(err, FM_EUSAGE,
			       "report: an archive has nothing for the team alone; the team's edition is made of a run "
			       "(flowmint log "
			       "lists them)");
	if (!a->archive && (a->signers || a->signature))
		return fm_fail(err, FM_EUSAGE, "report: a run has no signature; --signers is for an archive");
	if (a->signature && !a->signers)
		return fm_fail(err, FM_EUSAGE,
			       "report: --signature is checked against --signers FILE, which is not given");
	return FM_OK;
}

static int write_page(const struct asked *a, const struct fm_buf *html, struct fm_error *err)
{
	if (strcmp(a->out, "-") == 0)
		return fwrite(html->data, 1, html->len, stdout) == html->len ? FM_OK
									     : fm_fail_errno(err, "standard output");
	/* The team's edition is as private as the workspace. */
	return fm_file_write(a->out, a->partner ? 0644 : 0600, html->data, html->len, err);
}

int fm_verb_report(int argc, char **argv, struct fm_error *err)
{
	struct asked a = {.workspace = "workspace"};
	json_t *facts = NULL, *partner = NULL;
	struct fm_buf html = {0};
	int rc;

	if ((rc = report_options(argc, argv, &a, err)) || (rc = check_asked(&a, err)))
		return rc;
	if ((rc = a.archive ? fm_facts_of_archive(a.what, a.signers, a.signature, &facts, err)
			    : fm_facts_of_run(a.workspace, a.what, &facts, err)))
		goto out;
	if (a.partner && (rc = fm_report_partner(facts, &partner, err)))
		goto out;
	if (!(rc = fm_report_html(a.partner ? partner : facts, a.partner, &html, err)))
		rc = write_page(&a, &html, err);
out:
	json_decref(facts);
	json_decref(partner);
	fm_buf_free(&html);
	return rc;
}
