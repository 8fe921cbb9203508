/*
 * cli.h - the command line: verbs, their help, their options.
 *
 * A verb is a function of (argc, argv) that fills an error and prints its answer on standard output; cli.c finds it,
 * gives help and sees that what was printed has arrived.  Verbs stand in cli_project.c (init, keygen, simulate),
 * cli_run.c (run, reproduce), cli_waive.c (waive), cli_ledger.c (status, log, audit), cli_judge.c (evaluate, verify)
 * and cli_report.c (report).
 */
#ifndef FM_PIPELINE_CLI_CLI_H
#define FM_PIPELINE_CLI_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

int fm_cli(int argc, char **argv, struct fm_error *err) FM_MUST_CHECK;

/* ---- for the verbs ---- */

/* argv[0] is the verb's name. */
typedef int (*fm_verb_fn)(int argc, char **argv, struct fm_error *err);
int fm_verb_init(int argc, char **argv, struct fm_error *err);
int fm_verb_keygen(int argc, char **argv, struct fm_error *err);
int fm_verb_simulate(int argc, char **argv, struct fm_error *err);
int fm_verb_run(int argc, char **argv, struct fm_error *err);
int fm_verb_reproduce(int argc, char **argv, struct fm_error *err);
int fm_verb_doctor(int argc, char **argv, struct fm_error *err);
int fm_verb_status(int argc, char **argv, struct fm_error *err);
int fm_verb_log(int argc, char **argv, struct fm_error *err);
int fm_verb_audit(int argc, char **argv, struct fm_error *err);
int fm_verb_evaluate(int argc, char **argv, struct fm_error *err);
int fm_verb_waive(int argc, char **argv, struct fm_error *err);
int fm_verb_verify(int argc, char **argv, struct fm_error *err);
int fm_verb_report(int argc, char **argv, struct fm_error *err);

/* The next option's val, with its value in optarg; -1 after the last (operands from argv[optind]); FM_EUSAGE with err
 * set for an unknown or incomplete option.  Options must have val > 0. */
int fm_cli_option(int argc, char **argv, const struct option *options, struct fm_error *err);
/* Exactly min..max operands. */
int fm_cli_operands(int argc, char **argv, int min, int max, const char *what, struct fm_error *err) FM_MUST_CHECK;
int fm_cli_u64(const char *option, const char *text, uint64_t max, uint64_t *v, struct fm_error *err) FM_MUST_CHECK;
int fm_cli_double(const char *option, const char *text, double min, double max, double *v,
		  struct fm_error *err) FM_MUST_CHECK;
/* One JSON document on standard output; takes doc over; NULL is out of memory. */
int fm_cli_json(json_t *doc, struct fm_error *err) FM_MUST_CHECK;
/* The candidate nearest to a mistyped word, or NULL when none is near.  The list ends with NULL. */
const char *fm_cli_nearest(const char *word, const char *const *candidates);

/* cli_plan.c: a plan as people read it. */
void fm_cli_print_plan(const json_t *plan);

#endif
