/*
 * walls_once.h - the walls are tried once in a program, and each run gets the report of that: for tests of what a run
 * does behind them.  Whether each run of flowmint tries them is asked by cli_night.sh, and what it tries by
 * test_probes.
 *
 * A program that includes it is linked with --wrap=fm_probes_run.
 */
#ifndef FM_TESTS_WALLS_ONCE_H
#define FM_TESTS_WALLS_ONCE_H

#include "pipeline/walls/probes.h"

int __real_fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err);
int __wrap_fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err);
int __wrap_fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err)
{
	static json_t *kept[2];
	int rc;

	if (!kept[unconfined] && (rc = __real_fm_probes_run(workspace, unconfined, &kept[unconfined], err)) < 0)
		return rc;
	*report = json_deep_copy(kept[unconfined]);
	return *report ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

#endif
