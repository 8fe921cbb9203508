/* init, keygen, simulate: what a project starts from. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "manifests/config.h"
#include "pipeline/cli/cli.h"
#include "pipeline/project.h"
#include "release/sign/sshkey.h"
#include "traces/simulate/simulate.h"

#define DEFAULT_PRINCIPAL "flowmint"

/* ---- init ---- */

struct init_args {
	const char *preset, *principal;
};

static const struct fm_option init_options[] = {
    {FM_SETS_TEXT(struct init_args, preset), .name = "preset", .value = "NAME", .offer = FM_OFFER_PRESET,
     .help = "what to start from (default: ugr16)"},
    {FM_SETS_TEXT(struct init_args, principal), .name = "principal", .value = "NAME",
     .help = "who signs, as it stands in allowed_signers (default: flowmint)"},
    {0},
};

/* A preset cannot know how many releases of a trace there will be. */
static void tell_of_budget(const struct fm_config *cfg)
{
	if (fm_config_dp(cfg) && !(cfg->privacy.total_epsilon > 0))
		fm_log("each new question to a trace (a run of another config, an audit) is charged epsilon %g and "
		       "delta %g, "
		       "and they add up; privacy.total_epsilon is 0, which bounds nothing: decide what a trace may be "
		       "asked in all before the first run, and set it, with a privacy.delta that leaves room for as "
		       "many runs below one in privacy.records",
		       cfg->privacy.epsilon, cfg->privacy.delta);
}

static int init(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const char *dir = call->noperands ? call->operand[0] : ".";
	const struct init_args *a = args;
	char word[FM_TEXT_SHELL_MAX], *file = fm_path_join(dir, "release.yaml");
	struct fm_config *cfg = NULL;
	int rc;

	if (!file) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_config_preset(&cfg, a->preset, (const char *const[]){"source.path=trace.csv"}, 1, err)) < 0 ||
	    (rc = fm_project_init(dir, a->preset, a->principal, err)) < 0)
		goto out;
	fm_log("made a project in %s: set source.path in %s, then flowmint run %s", dir, file,
	       fm_text_shell(file, strlen(file), "FILE", word, sizeof word));
	tell_of_budget(cfg);
out:
	free(file);
	fm_config_free(cfg);
	return rc < 0 ? rc : FM_OK;
}

const struct fm_verb fm_verb_init = {
    .name = "init",
    .summary = "make a release project",
    .about =
	"Makes release.yaml, keys/, allowed_signers and .gitignore in DIR (default: the current folder). Nothing is "
	"overwritten. Set source.path in release.yaml before the first run.",
    .operands = "DIR",
    .optional = 1,
    .offer = FM_OFFER_FOLDER,
    .options = init_options,
    .defaults = &(const struct init_args){.preset = "ugr16", .principal = DEFAULT_PRINCIPAL},
    .args_size = sizeof(struct init_args),
    .run = init,
};

/* ---- keygen ---- */

struct keygen_args {
	const char *out, *principal;
};

static const struct fm_option keygen_options[] = {
    {FM_SETS_TEXT(struct keygen_args, out), .name = "out", .value = "KEY", .required = true, .offer = FM_OFFER_FILE,
     .help = "where to; nothing is overwritten"},
    {FM_SETS_TEXT(struct keygen_args, principal), .name = "principal", .value = "NAME",
     .help = "who signs (default: flowmint)"},
    {0},
};

static int keygen(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct keygen_args *a = args;

	(void)call;
	return fm_keygen(a->out, a->principal, err);
}

const struct fm_verb fm_verb_keygen = {
    .name = "keygen",
    .summary = "make an Ed25519 key pair",
    .about =
	"Writes KEY (in OpenSSH's form, mode 600) and KEY.pub, and prints the line for the allowed_signers file of "
	"partners.",
    .options = keygen_options,
    .defaults = &(const struct keygen_args){.principal = DEFAULT_PRINCIPAL},
    .args_size = sizeof(struct keygen_args),
    .run = keygen,
};

/* ---- simulate ---- */

struct simulate_args {
	const char *out;
	uint64_t rows, seed, threads;
	double hours, attacks, ipv6; /* hours 0, attacks NAN: the simulator's default */
	bool json;
};

static const struct fm_option simulate_options[] = {
    {FM_SETS_UINT(struct simulate_args, rows), .name = "rows", .value = "N", .required = true, .least = 1,
     .most = UINT64_C(1) << 48, .help = "flows"},
    {FM_SETS_TEXT(struct simulate_args, out), .name = "out", .value = "FILE", .required = true, .offer = FM_OFFER_FILE,
     .help = "CSV; a name that ends in .gz, .xz or .zst is compressed; - is standard output"},
    {FM_SETS_UINT(struct simulate_args, seed), .name = "seed", .value = "S", .help = "default 1"},
    {FM_SETS_REAL(struct simulate_args, hours), .name = "hours", .value = "H", .min = 1e-6, .max = FM_SIM_MAX_HOURS,
     .help = "time that the trace spans (default 24)"},
    {FM_SETS_REAL(struct simulate_args, attacks), .name = "attacks", .value = "SHARE", .min = 0,
     .max = FM_SIM_MAX_ATTACKS, .help = "share of flows that are attacks, 0 to 0.9 (default 0.08)"},
    {FM_SETS_REAL(struct simulate_args, ipv6), .name = "ipv6", .value = "SHARE", .min = 0, .max = 1,
     .help = "share of the hosts outside that speak IPv6 (default 0)"},
    FM_OPTION_THREADS(struct simulate_args, "byte"),
    FM_OPTION_JSON(struct simulate_args),
    {0},
};

static int simulate(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct simulate_args *a = args;
	struct fm_simulate_in in = {.out = a->out,
				    .rows = a->rows,
				    .seed = a->seed,
				    .hours = a->hours,
				    .ipv6 = a->ipv6,
				    .attacks = isnan(a->attacks) ? 0
					       : a->attacks <= 0 ? -1 /* the interface's "none" */
								 : a->attacks,
				    .threads = (int)a->threads};
	struct fm_simulate_out out;
	int rc;

	(void)call;
	if (a->json && strcmp(a->out, "-") == 0)
		return fm_fail(err, FM_EUSAGE, "simulate: --json and --out - both want standard output");
	/* A file that was begun is taken away; standard output may wait for its reader, who may never come. */
	if (strcmp(a->out, "-") != 0)
		fm_stop_hold();
	rc = fm_simulate(&in, &out, err);
	if (strcmp(a->out, "-") != 0)
		fm_stop_release();
	if (rc < 0)
		return rc;
	return a->json ? fm_cli_json(fm_simulate_out_json(&out), err) : FM_OK;
}

const struct fm_verb fm_verb_simulate = {
    .name = "simulate",
    .summary = "make a labelled UGR'16-format trace by white-box rules",
    .about = "No real record goes into it. The same rows, seed, hours and shares give the same bytes.",
    .options = simulate_options,
    .defaults = &(const struct simulate_args){.seed = 1, .attacks = NAN},
    .args_size = sizeof(struct simulate_args),
    .run = simulate,
};
