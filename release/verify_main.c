/*
 * flowmint-verify - the partner's tool: is this archive what its signer released?  See flowmint-verify(1).
 */
#include <getopt.h>
#include <signal.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json_memory.h"
#include "base/mem.h"
#include "base/start.h"
#include "base/stop.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "release/extract.h"
#include "release/verify.h"
#include "release/verify_narrow.h"

static const char usage[] =
    "usage: flowmint-verify [OPTION...] --signers FILE ARCHIVE\n"
    "\n"
    "Check an archive of flowmint's: that a key in the signers file signed it, that it holds what it lists, and that "
    "it\n"
    "is not older than what was accepted before.\n"
    "\n"
    "  --signers FILE    whose signatures are accepted, in the form of ssh-keygen's allowed_signers\n"
    "  --signer NAME     who of them must have signed (default: anyone)\n"
    "  --revoked FILE    keys that are refused in any case: a KRL of ssh-keygen -k, or a public key a line\n"
    "  --signature FILE  the signature (default: ARCHIVE.sig)\n"
    "  --record FILE     the record (default: NAME-VERSION.RELEASE.json beside the archive, if it is there)\n"
    "  --extract DIR     put the files into DIR, which is made, when all is good\n"
    "  --state DIR       where what was accepted is remembered (default: $XDG_STATE_HOME/flowmint or\n"
    "                    ~/.local/state/flowmint)\n"
    "  --no-state        remember nothing, and look nothing up: for an old release that is wanted\n"
    "  --json            the report as one JSON document\n"
    "  --quiet           no report, the exit status alone\n"
    "  --version         the version of flowmint\n"
    "\n"
    "Exit status: 0 good, 1 refused, 2 usage, 3 no archive or no signers file, 4 the system failed.\n";

static int print_report(const struct fm_verify_report *report, bool json, struct fm_error *err)
{
	struct fm_buf out = {0};
	json_t *j = NULL;
	int rc;

	if (json) {
		j = fm_verify_report_json(report);
		if ((rc = j ? fm_json_shown(j, &out, err) : fm_fail(err, FM_ESYSTEM, "out of memory")) < 0)
			goto out;
	} else {
		fm_verify_report_text(report, &out);
	}
	if ((rc = fm_buf_check(&out, err)) < 0)
		goto out;
	if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		rc = fm_fail_errno(err, "standard output");
out:
	json_decref(j);
	fm_buf_free(&out);
	return rc;
}

struct args {
	struct fm_verify_in in;
	bool json, quiet, no_state;
	const char *answer; /* to --help and --version */
};

/* FM_EUSAGE: the message says what is wrong. */
static int parse(int argc, char **argv, struct args *a, struct fm_error *err)
{
	static const struct option options[] = {
	    {"signers", required_argument, NULL, 's'},
	    {"signer", required_argument, NULL, 'n'},
	    {"signature", required_argument, NULL, 'g'},
	    {"record", required_argument, NULL, 'r'},
	    {"revoked", required_argument, NULL, 'R'},
	    {"extract", required_argument, NULL, 'x'},
	    {"state", required_argument, NULL, 'S'},
	    {"no-state", no_argument, NULL, 'N'},
	    {"json", no_argument, NULL, 'j'},
	    {"quiet", no_argument, NULL, 'q'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'},
	    {0},
	};
	const char **text = NULL;
	int c;

	opterr = 0; /* getopt's own messages would show argv unescaped */
	while ((c = getopt_long(argc, argv, "s:jqh", options, NULL)) != -1) {
		text = NULL;
		switch (c) {
		case 's':
			text = &a->in.signers;
			break;
		case 'g':
			text = &a->in.signature;
			break;
		case 'n':
			text = &a->in.signer;
			break;
		case 'r':
			text = &a->in.record;
			break;
		case 'R':
			text = &a->in.revoked;
			break;
		case 'x':
			text = &a->in.extract;
			break;
		case 'S':
			text = &a->in.state;
			break;
		case 'N':
			a->no_state = true;
			break;
		case 'j':
			a->json = true;
			break;
		case 'q':
			a->quiet = true;
			break;
		case 'h':
			a->answer = usage;
			return FM_OK;
		case 'v':
			a->answer = "flowmint-verify " FM_VERSION "\n";
			return FM_OK;
		default:
			return fm_fail(err, FM_EUSAGE, "%s is no option, or lacks its value", argv[optind - 1]);
		}
		if (text)
			*text = optarg;
	}
	if (!a->in.signers)
		return fm_fail(err, FM_EUSAGE, "--signers FILE is missing");
	if (optind + 1 != argc)
		return fm_fail(err, FM_EUSAGE, "one ARCHIVE is wanted");
	if (a->no_state && a->in.state)
		return fm_fail(err, FM_EUSAGE, "--state and --no-state exclude each other");
	a->in.archive = argv[optind];
	return FM_OK;
}

#ifdef __SANITIZE_ADDRESS__
/* The leak checker starts a process, at which the filter of verify_narrow.h kills this one. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static int verify_main(int argc, char **argv)
{
	struct args a = {.in.verdict_only = true};
	struct fm_verify_report report;
	struct fm_error err = {0}, printing = {0};
	char *state = NULL, caution[FM_VERIFY_CAUTION];
	int rc;

	if (parse(argc, argv, &a, &err) < 0) {
		fprintf(stderr, "flowmint-verify: %s\n\n%s", err.message, usage);
		return 2;
	}
	if (a.answer)
		return fputs(a.answer, stdout) == EOF || fflush(stdout) != 0 ? 4 : 0;
	if (!a.no_state && !a.in.state) {
		if ((rc = fm_accepted_dir(&state, &err)) < 0) {
			fprintf(stderr, "flowmint-verify: %s\n", err.message);
			return fm_exit_status(rc);
		}
		a.in.state = state;
	}
	fm_verify_caution(a.in.signers, caution);
	a.in.caution = caution;
	if (caution[0] && !a.quiet)
		fprintf(stderr, "flowmint-verify: warning: %s\n", caution);
	if ((rc = fm_verify_narrow(&a.in, &err)) < 0) {
		fprintf(stderr, "flowmint-verify: %s\n", err.message);
		free(state);
		return fm_exit_status(rc);
	}
	/* A process that is stopped removes what it began of DIR. */
	if (a.in.extract)
		fm_stop_hold();
	rc = fm_json_memory_check(fm_verify(&a.in, &report, &err), &err);
	if (a.in.extract)
		fm_stop_release();
	if (rc < 0 && (rc != FM_EVERDICT || a.json) && !a.quiet)
		fprintf(stderr, "flowmint-verify: %s\n", err.message);
	if ((rc == FM_OK || rc == FM_EVERDICT) && !a.quiet && print_report(&report, a.json, &printing) < 0) {
		if (rc < 0 && !a.json)
			fprintf(stderr, "flowmint-verify: %s\n", err.message);
		fprintf(stderr, "flowmint-verify: %s\n", printing.message);
		if (report.extracted[0])
			fm_extract_take_back(report.extracted);
		rc = rc < 0 ? rc : FM_ESYSTEM;
	}
	fm_verify_report_free(&report);
	free(state);
	return fm_exit_status(rc);
}

/* libarchive ends the process with status 1 where it lacks memory, which would say that the archive is refused. */
static bool over;

static void end_by_a_library(void)
{
	if (over)
		return;
	fm_extract_abandon();
	_exit(fm_exit_status(FM_ESYSTEM));
}

static int over_with(int status)
{
	over = true;
	return status;
}

FM_START_BEFORE_LIBRARIES("flowmint-verify", 1u << 20);

int main(int argc, char **argv)
{
	struct fm_error err;

	fm_start_mask();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond ulimit -f fails then, with words */
	fm_stop_watch_time("flowmint-verify");
	fm_json_memory_watch();
	atexit(end_by_a_library);
	if (fm_start_check(&err) < 0 || fm_hash_begin(&err) < 0) {
		fprintf(stderr, "flowmint-verify: %s\n", err.message);
		return over_with(fm_exit_status(FM_ESYSTEM));
	}
	return over_with(verify_main(argc, argv));
}
