/*
 * cli.h - the command line: the list of verbs, and what they share.
 *
 * cli.c finds the verb, reads its options by its table (option.h), gives help (usage.h) and checks that the output was
 * written.  To add a verb, write cli_NAME.c, which defines fm_verb_NAME, add its line here, and run `make docs`.
 */
#ifndef FM_PIPELINE_CLI_CLI_H
#define FM_PIPELINE_CLI_CLI_H

#include <jansson.h>

#include "pipeline/cli/option.h"

/* Every verb, in the order in which help shows them.  A name with a dash has _ here. */
#define FM_VERBS(X)                                                                                                    \
	X(init)                                                                                                        \
	X(keygen)                                                                                                      \
	X(key)                                                                                                         \
	X(simulate)                                                                                                    \
	X(config)                                                                                                      \
	X(dialects)                                                                                                    \
	X(sniff)                                                                                                       \
	X(run)                                                                                                         \
	X(generate)                                                                                                    \
	X(judge)                                                                                                       \
	X(submit)                                                                                                      \
	X(doctor)                                                                                                      \
	X(status)                                                                                                      \
	X(log)                                                                                                         \
	X(audit)                                                                                                       \
	X(evaluate)                                                                                                    \
	X(compare)                                                                                                     \
	X(waive)                                                                                                       \
	X(approve)                                                                                                     \
	X(verify)                                                                                                      \
	X(report)                                                                                                      \
	X(diff)                                                                                                        \
	X(unseal)                                                                                                      \
	X(purge)                                                                                                       \
	X(bundle)                                                                                                      \
	X(reproduce)                                                                                                   \
	X(epsilon)                                                                                                     \
	X(sigma)                                                                                                       \
	X(budget)                                                                                                      \
	X(audit_privacy)                                                                                               \
	X(completion)

#define FM_VERB_DECLARE(name) extern const struct fm_verb fm_verb_##name;
FM_VERBS(FM_VERB_DECLARE)
#undef FM_VERB_DECLARE
extern const struct fm_verb *const fm_verbs[];
extern const size_t fm_nverbs;

int fm_cli(int argc, char **argv, struct fm_error *err) FM_MUST_CHECK;

/* ---- for the verbs ---- */

/* One JSON document on standard output; takes doc over; NULL is out of memory. */
int fm_cli_json(json_t *doc, struct fm_error *err) FM_MUST_CHECK;
/* printf for an answer that people read: what strangers, paths or documents put into it is shown as text.h has it, and
 * controls no terminal.  Lines stay. */
void fm_cli_print(const char *fmt, ...) FM_PRINTF(1, 2);
/* cli_plan.c: a plan as people read it. */
void fm_cli_print_plan(const json_t *plan);

#endif
