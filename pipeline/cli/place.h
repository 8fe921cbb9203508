/*
 * place.h - which project and which workspace a verb is about when the command line names none.
 *
 *     config      the operand; a folder stands for the release.yaml in it; without one, the release.yaml of the current
 *                 folder or of the nearest folder above that has one
 *     workspace   --workspace; else $FLOWMINT_WORKSPACE; else workspace/ of that project; else ./workspace
 *
 * What comes back lives in the call's arena, or is the text that was given.
 */
#ifndef FM_PIPELINE_CLI_PLACE_H
#define FM_PIPELINE_CLI_PLACE_H

#include "pipeline/cli/option.h"

/* FM_EUSAGE when nothing is given and no folder from here up has a release.yaml; FM_EINPUT when a release.yaml found
 * above belongs to another user. */
int fm_place_config(const struct fm_call *call, const char *given, const char **file,
		    struct fm_error *err) FM_MUST_CHECK;
int fm_place_workspace(const struct fm_call *call, const char *given, const char **dir,
		       struct fm_error *err) FM_MUST_CHECK;
/* The folder whose keys/ a verb works with: given, else the project here or above; FM_EUSAGE without one. */
int fm_place_project(const struct fm_call *call, const char *given, const char **dir,
		     struct fm_error *err) FM_MUST_CHECK;
/* The workspace beside it: given, else $FLOWMINT_WORKSPACE, else PROJECT/workspace. */
int fm_place_project_workspace(const struct fm_call *call, const char *given, const char *project, const char **dir,
			       struct fm_error *err) FM_MUST_CHECK;
/* FM_EUSAGE where the first operand is a folder, for verbs whose operands are no folders; the message says what is
 * wanted. */
int fm_place_no_folder(const struct fm_call *call, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT where `what` is not written as a run's id (fm_run_id); no ledger is looked for. */
int fm_place_check_run(const struct fm_call *call, const char *what, struct fm_error *err) FM_MUST_CHECK;
/* What a run works in: NULL where it is the one beside its config. */
const char *fm_place_run_workspace(const char *given);

#endif
