#include "pipeline/cli/cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/version.h"
#include "manifests/canon.h"

#define JSON_LINE "  --json             the answer as one JSON document\n"
#define WORKSPACE_LINE "  --workspace DIR    default: ./workspace\n"

static const struct verb {
	const char *name;
	fm_verb_fn run;
	const char *synopsis, *summary, *help;
} verbs[] = {
    {"init", fm_verb_init, "[--preset ugr16|demo] [--principal NAME] [DIR]", "make a release project",
     "Makes release.yaml, keys/, allowed_signers and .gitignore in DIR (default: here). Set source.path in\n"
     "release.yaml, then: flowmint run DIR/release.yaml\n\n"
     "  --preset NAME      what to start from (default: ugr16)\n"
     "  --principal NAME   who signs, as it stands in allowed_signers (default: flowmint)\n"},
    {"keygen", fm_verb_keygen, "--out KEY [--principal NAME]", "make an Ed25519 key pair",
     "Writes KEY (OpenSSH's form, mode 600) and KEY.pub; prints the line for partners' allowed_signers.\n\n"
     "  --out KEY          where to; nothing is overwritten\n"
     "  --principal NAME   who signs (default: flowmint)\n"},
    {"simulate", fm_verb_simulate,
     "--rows N --out FILE [--seed S] [--hours H] [--attacks SHARE] [--threads N] [--json]",
     "make a labelled UGR'16-format trace by white-box rules",
     "The same options give the same bytes.\n\n"
     "  --rows N           flows\n"
     "  --out FILE         CSV; .gz, .xz and .zst compress; - is standard output\n"
     "  --seed S           default 1\n"
     "  --hours H          time that the trace spans (default 24)\n"
     "  --attacks SHARE    share of flows that are attacks, 0 to 0.9 (default 0.08)\n"
     "  --threads N        default: as many as allowed; changes no byte\n" JSON_LINE},
    {"run", fm_verb_run,
     "[--plan] [--set KEY=VALUE]... [--until STAGE] [--out DIR] [--workspace DIR] [--force] [--unconfined] [--quiet] "
     "[--json] "
     "RELEASE.yaml|PROJECT",
     "from the trace to a signed archive",
     "Runs ingest, train, generate, evaluate, gate and release, each in a workspace of its own. What is complete in\n"
     "the workspace is not done again. Exit status 1 when the gate refuses the release.\n\n"
     "  --plan             only say what is to do and about what time, memory and disk it takes, from a few measured "
     "steps\n"
     "  --set KEY=VALUE    override a key of the config: --set train.steps=500\n"
     "  --until STAGE      stop after this stage\n"
     "  --out DIR          where the archive goes (default: publish.out)\n"
     "  --workspace DIR    default: workspace/ beside RELEASE.yaml\n"
     "  --force            do every stage again\n"
     "  --unconfined       run where the kernel cannot confine a stage; stands in manifest and ledger\n"
     "  --quiet            no messages but errors\n" JSON_LINE},
    {"doctor", fm_verb_doctor, "[--workspace DIR] [--json]", "what this machine can enforce",
     "Tries what a run needs: namespaces, the system call filter, locked memory, disk, processor; a line each. Exit "
     "status 1\nwhen a run would be refused.\n\n" WORKSPACE_LINE JSON_LINE},
    {"status", fm_verb_status, "[--workspace DIR] [--json] [RUN]", "what runs now or ran last, and what was released",
     "Of a run that is at work: stage, share done, time left, process. Of one that was killed: where, and by what as "
     "far as\ncan be told.\n\n" WORKSPACE_LINE JSON_LINE},
    {"log", fm_verb_log, "[--workspace DIR] [--json] [RUN]", "the ledger, row by row", WORKSPACE_LINE JSON_LINE},
    {"audit", fm_verb_audit, "[--workspace DIR] [--json]", "is the ledger intact?",
     "Finds edited, removed, reordered, added and cut rows. Exit status 1 when there are any.\n\n" WORKSPACE_LINE
	 JSON_LINE},
    {"evaluate", fm_verb_evaluate,
     "--real FILE --synthetic FILE [--holdout FILE] [--previous FILE] [--dialect NAME] [--rows N] [--gate "
     "[RELEASE.yaml]] [--preset "
     "NAME] [--no-controls] [--memory MIB] [--json]",
     "score any generator's output",
     "  --real FILE        the flows that the generator learned from\n"
     "  --synthetic FILE   what it made\n"
     "  --holdout FILE     real flows that it never saw: for the noise floor, the prediction task and leakage\n"
     "  --previous FILE    the release before this one, its .tar.zst or CSV: what do the two say side by side?\n"
     "  --dialect NAME     of the files: ugr16 (default), netshare, or a file of your own\n"
     "  --rows N           the first N flows of each file\n"
     "  --gate [FILE]      apply the thresholds of FILE; exit status 1 when a check fails. Without FILE those of the\n"
     "                     preset, addresses are judged by role, and what needs a holdout is left out without one, so "
     "that\n"
     "                     fresh real flows pass. Checks of leak.mia_model_*, which need the model, are left out of "
     "either\n"
     "  --no-controls      do not try the gate on planted generators, which needs a holdout (docs/gate.md)\n"
     "  --preset NAME      ugr16 (default) or demo\n"
     "  --memory MIB       default: the config's gate.memory, 1024; of more flows than fit, some are judged, and "
     "leakage is\n"
     "                     looked for in all of them, a part at a time\n"
     "  --threads N        default: as many as allowed; changes no value\n" JSON_LINE},
    {"waive", fm_verb_waive, "--check NAME --reason TEXT --expires YYYY-MM-DD --key KEY RELEASE.yaml",
     "sign that one failing check need not stop the releases of a name",
     "Writes waivers/NAME.waiver and its signature beside RELEASE.yaml, where flowmint run finds it. The check still\n"
     "fails, is marked as waived, and stands with the reason in verdict, ledger, manifest and data sheet.\n\n"
     "  --check NAME       a check of the gate, or controls.broken\n"
     "  --reason TEXT      why, in one line that partners may read\n"
     "  --expires DATE     the last day that it holds (UTC)\n"
     "  --key KEY          whose public half allowed_signers names for the namespace flowmint-waiver\n"},
    {"verify", fm_verb_verify, "--signers FILE [--signature FILE] [--json] ARCHIVE",
     "is this archive what its signer released?",
     "Checks the signature first, then the contents; nothing is extracted. flowmint-verify is the same check alone.\n\n"
     "  --signers FILE     whose signatures are accepted (OpenSSH's allowed_signers)\n"
     "  --signature FILE   default: ARCHIVE.sig\n" JSON_LINE},
    {"report", fm_verb_report,
     "[--edition team|partner] [--workspace DIR] [--signers FILE] [--signature FILE] --out FILE.html RUN|ARCHIVE",
     "explain a run or an archive on one page",
     "Writes one HTML file that needs no network and no script: the verdict, each field real against synthetic, the\n"
     "checks with their margins, privacy in plain words, provenance, how to verify.\n\n"
     "  --out FILE.html    where to; - is standard output\n"
     "  --edition team     of a run (r0001), the default: with distributions of the private flows; mode 600\n"
     "  --edition partner  nothing from private flows but what publish.report allows; always so of an ARCHIVE\n"
     "  --signers FILE     check the archive's signature first, by this allowed_signers, and say who signed\n"
     "  --signature FILE   default: ARCHIVE.sig\n" WORKSPACE_LINE},
    {"reproduce", fm_verb_reproduce, "[--from data|model] [--workspace DIR] [--unconfined] [--json] RUN|ARCHIVE",
     "make it again and compare digests",
     "Repeats a recorded run (r0001, or the run that made ARCHIVE) in a temporary workspace and compares the digest\n"
     "of the tar. Exit status 1 when they differ.\n\n"
     "  --from data        everything from the trace on (default)\n"
     "  --from model       with the recorded model: generate, evaluate, gate, release\n"
     "  --unconfined       as for run\n" WORKSPACE_LINE JSON_LINE},
};
enum { NVERBS = sizeof verbs / sizeof *verbs };

/* ---- suggestions ----------------------------------------------------------------------------------------------------
 */

/* Levenshtein distance of two short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= 64)
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

const char *fm_cli_nearest(const char *word, const char *const *candidates)
{
	size_t best = strlen(word) / 3 + 2;
	const char *found = NULL;

	for (; *candidates; candidates++) {
		size_t d = distance(word, *candidates);

		if (d < best) {
			best = d;
			found = *candidates;
		}
	}
	return found;
}

/* ---- options
 * ------------------------------------------------------------------------------------------------------------ */

int fm_cli_option(int argc, char **argv, const struct option *options, struct fm_error *err)
{
	const char *names[32] = {NULL}, *given, *near;
	int c, n = 0;

	opterr = 0;
	c = getopt_long(argc, argv, ":", options, NULL);
	if (c != '?' && c != ':')
		return c;
	given = argv[optind - 1];
	if (c == ':')
		return fm_fail(err, FM_EUSAGE, "%s %s wants a value; see flowmint %s --help", argv[0], given, argv[0]);
	if (optopt && strncmp(given, "--", 2) == 0)
		return fm_fail(err, FM_EUSAGE, "%s %s takes no value; see flowmint %s --help", argv[0], given, argv[0]);
	while (options[n].name && n < 31) {
		names[n] = options[n].name;
		n++;
	}
	near = fm_cli_nearest(given + strspn(given, "-"), names);
	return fm_fail(err, FM_EUSAGE, "%s has no option %s%s%s%s; see flowmint %s --help", argv[0], given,
		       near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "", argv[0]);
}

int fm_cli_operands(int argc, char **argv, int min, int max, const char *what, struct fm_error *err)
{
	int n = argc - optind;

	if (n < min)
		return fm_fail(err, FM_EUSAGE, "%s wants %s; see flowmint %s --help", argv[0], what, argv[0]);
	if (n > max)
		return fm_fail(err, FM_EUSAGE, "%s: '%s' is too much; see flowmint %s --help", argv[0],
			       argv[optind + max], argv[0]);
	return FM_OK;
}

int fm_cli_u64(const char *option, const char *text, uint64_t max, uint64_t *v, struct fm_error *err)
{
	if (fm_parse_u64(text, strlen(text), max, v))
		return fm_fail(err, FM_EUSAGE, "--%s: '%s' is no whole number from 0 to %llu", option, text,
			       (unsigned long long)max);
	return FM_OK;
}

int fm_cli_double(const char *option, const char *text, double min, double max, double *v, struct fm_error *err)
{
	if (fm_parse_double(text, strlen(text), v) || *v < min || *v > max)
		return fm_fail(err, FM_EUSAGE, "--%s: '%s' is no number from %g to %g", option, text, min, max);
	return FM_OK;
}

int fm_cli_json(json_t *doc, struct fm_error *err)
{
	struct fm_buf b = {0};
	int rc;

	if (!doc)
		return fm_fail(err, FM_ESYSTEM, "out of memory for the answer");
	if (!(rc = fm_json_pretty(doc, &b, err)) && !(rc = fm_buf_check(&b, err)) &&
	    fwrite(b.data, 1, b.len, stdout) != b.len)
		rc = fm_fail_errno(err, "standard output");
	json_decref(doc);
	fm_buf_free(&b);
	return rc;
}

/* ---- dispatch
 * ------------------------------------------------------------------------------------------------------------ */

static void print_usage(FILE *f)
{
	fputs("usage: flowmint VERB [OPTION]...\n\n", f);
	for (int i = 0; i < NVERBS; i++)
		fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\nflowmint VERB --help explains each; flowmint(1) says it all.\n"
	      "Exit status: 0 done and good, 1 a negative verdict, 2 usage, 3 bad input, 4 the system failed.\n",
	      f);
}

static void print_help(const struct verb *v)
{
	printf("usage: flowmint %s %s\n\n%c%s.\n%s%s", v->name, v->synopsis, v->summary[0] & ~0x20, v->summary + 1,
	       strncmp(v->help, "  --", 4) == 0 ? "\n" : "", v->help);
}

static bool asks(const char *arg, const char *a, const char *b)
{
	return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (asks(argv[i], "--help", "-h"))
			return true;
	return false;
}

static int unknown_verb(const char *word, struct fm_error *err)
{
	const char *names[NVERBS + 1] = {NULL}, *near;

	for (int i = 0; i < NVERBS; i++)
		names[i] = verbs[i].name;
	near = fm_cli_nearest(word, names);
	return fm_fail(err, FM_EUSAGE, "'%s' is no verb%s%s%s; flowmint --help lists them", word,
		       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static const struct verb *find_verb(const char *name)
{
	for (int i = 0; i < NVERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int dispatch(int argc, char **argv, struct fm_error *err)
{
	const struct verb *v;

	if (argc < 2) {
		print_usage(stderr);
		return fm_fail(err, FM_EUSAGE, "no verb given");
	}
	if (asks(argv[1], "--version", "-V") || asks(argv[1], "version", "--version")) {
		puts("flowmint " FM_VERSION);
		return FM_OK;
	}
	if (asks(argv[1], "--help", "-h") || asks(argv[1], "help", "--help")) {
		if (argc < 3) {
			print_usage(stdout);
			return FM_OK;
		}
		if (!(v = find_verb(argv[2])))
			return unknown_verb(argv[2], err);
		print_help(v);
		return FM_OK;
	}
	if (!(v = find_verb(argv[1])))
		return unknown_verb(argv[1], err);
	if (wants_help(argc - 1, argv + 1)) {
		print_help(v);
		return FM_OK;
	}
	optind = 0; /* glibc: begin anew */
	return v->run(argc - 1, argv + 1, err);
}

int fm_cli(int argc, char **argv, struct fm_error *err)
{
	int rc = dispatch(argc, argv, err);

	/* An answer that did not arrive is not given. */
	if ((fflush(stdout) || ferror(stdout)) && (rc == FM_OK || rc == FM_EVERDICT))
		rc = fm_fail_errno(err, "cannot write to standard output");
	return rc;
}
