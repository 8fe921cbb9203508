/* init, keygen, simulate: what a project starts from. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pipeline/cli/cli.h"
#include "pipeline/project.h"
#include "release/sign/sshkey.h"
#include "traces/simulate/simulate.h"

#define DEFAULT_PRINCIPAL "flowmint"

int fm_verb_init(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {
	    {"preset", required_argument, NULL, 'p'}, {"principal", required_argument, NULL, 'n'}, {0}};
	const char *preset = "ugr16", *principal = DEFAULT_PRINCIPAL, *dir;
	int c, rc;

	while ((c = fm_cli_option(argc, argv, options, err)) > 0) {
		if (c == 'p')
			preset = optarg;
		else
			principal = optarg;
	}
	if (c != -1)
		return c;
	if ((rc = fm_cli_operands(argc, argv, 0, 1, "a folder", err)))
		return rc;
	dir = optind < argc ? argv[optind] : ".";
	if ((rc = fm_project_init(dir, preset, principal, err)))
		return rc;
	fm_log("made a project in %s: set source.path in %s/release.yaml, then flowmint run %s/release.yaml", dir, dir,
	       dir);
	return FM_OK;
}

int fm_verb_keygen(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {
	    {"out", required_argument, NULL, 'o'}, {"principal", required_argument, NULL, 'n'}, {0}};
	const char *out = NULL, *principal = DEFAULT_PRINCIPAL;
	int c, rc;

	while ((c = fm_cli_option(argc, argv, options, err)) > 0) {
		if (c == 'o')
			out = optarg;
		else
			principal = optarg;
	}
	if (c != -1)
		return c;
	if ((rc = fm_cli_operands(argc, argv, 0, 0, "", err)))
		return rc;
	if (!out)
		return fm_fail(err, FM_EUSAGE, "keygen wants --out KEY");
	return fm_keygen(out, principal, err);
}

int fm_verb_simulate(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {
	    {"rows", required_argument, NULL, 'r'},    {"seed", required_argument, NULL, 's'},
	    {"out", required_argument, NULL, 'o'},     {"hours", required_argument, NULL, 'h'},
	    {"attacks", required_argument, NULL, 'a'}, {"threads", required_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},          {0},
	};
	struct fm_simulate_in in = {.seed = 1};
	struct fm_simulate_out out;
	uint64_t threads = 0;
	int c, rc = FM_OK, json = 0;

	while (rc == FM_OK && (c = fm_cli_option(argc, argv, options, err)) != -1) {
		switch (c) {
		case 'r':
			rc = fm_cli_u64("rows", optarg, UINT64_C(1) << 48, &in.rows, err);
			break;
		case 's':
			rc = fm_cli_u64("seed", optarg, UINT64_MAX, &in.seed, err);
			break;
		case 'o':
			in.out = optarg;
			break;
		case 'h':
			rc = fm_cli_double("hours", optarg, 1e-6, FM_SIM_MAX_HOURS, &in.hours, err);
			break;
		case 'a':
			rc = fm_cli_double("attacks", optarg, 0, FM_SIM_MAX_ATTACKS, &in.attacks, err);
			if (in.attacks <= 0)
				in.attacks = -1; /* the interface's "none"; its 0 is the default */
			break;
		case 't':
			rc = fm_cli_u64("threads", optarg, 1024, &threads, err);
			break;
		case 'j':
			json = 1;
			break;
		default:
			rc = c;
		}
	}
	if (rc || (rc = fm_cli_operands(argc, argv, 0, 0, "", err)))
		return rc;
	if (!in.out || in.rows == 0)
		return fm_fail(err, FM_EUSAGE,
			       "simulate wants --rows N (1 or more) and --out FILE; see flowmint simulate --help");
	if (json && strcmp(in.out, "-") == 0)
		return fm_fail(err, FM_EUSAGE, "simulate: --json and --out - both want standard output");
	in.threads = (int)threads;
	if ((rc = fm_simulate(&in, &out, err)))
		return rc;
	return json ? fm_cli_json(fm_simulate_out_json(&out), err) : FM_OK;
}
