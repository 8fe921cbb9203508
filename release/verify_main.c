/*
 * flowmint-verify - the partner's tool: is this archive what its signer released?  See flowmint-verify(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/version.h"
#include "manifests/canon.h"
#include "release/verify.h"

static const char usage[] =
    "usage: flowmint-verify [--json] [--quiet] [--signature FILE] [--signer NAME] --signers FILE ARCHIVE\n"
    "\n"
    "Check an archive of flowmint's: that a key in the signers file signed it, and that it holds what it lists.\n"
    "Nothing is extracted.\n"
    "\n"
    "  --signers FILE    whose signatures are accepted, in the form of ssh-keygen's allowed_signers\n"
    "  --signer NAME     who of them must have signed (default: anyone)\n"
    "  --signature FILE  the signature (default: ARCHIVE.sig)\n"
    "  --json            the report as one JSON document\n"
    "  --quiet           no report, the exit status alone\n"
    "  --version         the version of flowmint\n"
    "\n"
    "Exit status: 0 good, 1 refused, 2 usage, 3 no archive or no signers file, 4 the system failed.\n";

static int print_report(const struct fm_verify_report *report, bool json, struct fm_error *err)
{
	struct fm_buf out = {0};
	json_t *j = NULL;
	int rc = FM_OK;

	if (json) {
		j = fm_verify_report_json(report);
		rc = j ? fm_json_pretty(j, &out, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	} else {
		fm_verify_report_text(report, &out);
	}
	if (rc == FM_OK)
		rc = fm_buf_check(&out, err);
	if (rc == FM_OK && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
		rc = fm_fail_errno(err, "standard output");
	json_decref(j);
	fm_buf_free(&out);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"signers", required_argument, NULL, 's'},   {"signer", required_argument, NULL, 'n'},
	    {"signature", required_argument, NULL, 'g'}, {"json", no_argument, NULL, 'j'},
	    {"quiet", no_argument, NULL, 'q'},           {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'},         {0},
	};
	struct fm_verify_in in = {.now_s = (int64_t)time(NULL)};
	struct fm_verify_report report;
	struct fm_error err = {0}, printing = {0};
	bool json = false, quiet = false;
	int c, rc;

	opterr = 0; /* its messages would show what is in argv as it is */
	while ((c = getopt_long(argc, argv, "s:jqh", options, NULL)) != -1) {
		switch (c) {
		case 's':
			in.signers = optarg;
			break;
		case 'g':
			in.signature = optarg;
			break;
		case 'n':
			in.signer = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 'h':
			return fputs(usage, stdout) == EOF || fflush(stdout) ? 4 : 0;
		case 'v':
			return puts("flowmint-verify " FM_VERSION) == EOF || fflush(stdout) ? 4 : 0;
		default:
			fm_fail(&err, FM_EUSAGE, "%s is no option, or lacks its value", argv[optind - 1]);
			fprintf(stderr, "flowmint-verify: %s\n\n%s", err.message, usage);
			return 2;
		}
	}
	if (optind + 1 != argc || !in.signers) {
		fprintf(stderr, "flowmint-verify: %s\n\n%s",
			!in.signers ? "--signers FILE is missing" : "one ARCHIVE is wanted", usage);
		return 2;
	}
	in.archive = argv[optind];
	rc = fm_verify(&in, &report, &err);
	if ((rc == FM_OK || rc == FM_EVERDICT) && !quiet && print_report(&report, json, &printing)) {
		fprintf(stderr, "flowmint-verify: %s\n", printing.message);
		rc = rc ? rc : FM_ESYSTEM;
	}
	if (rc && (rc != FM_EVERDICT || json) && !quiet)
		fprintf(stderr, "flowmint-verify: %s\n", err.message);
	fm_verify_report_free(&report);
	return fm_exit_status(rc);
}
