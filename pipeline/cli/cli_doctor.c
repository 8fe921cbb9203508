/* doctor: what this machine can enforce. */
#include <stdbool.h>
#include <stdio.h>

#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/doctor.h"

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_report(const json_t *report)
{
	const json_t *checks = json_object_get(report, "checks"), *c;
	size_t i;

	json_array_foreach((json_t *)checks, i, c)
	{
		fm_cli_print("%-5s %-12s %s\n", str(c, "state"), str(c, "name"), str(c, "found"));
		if (*str(c, "advice"))
			fm_cli_print("      %-12s to do: %s\n", "", str(c, "advice"));
	}
}

struct doctor_args {
	const char *workspace;
	bool json;
};

static const struct doctor_args defaults = {0};
static const struct fm_option options[] = {
    FM_OPTION_WORKSPACE(struct doctor_args),
    FM_OPTION_JSON(struct doctor_args),
    {0},
};

static int doctor(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct doctor_args *a = args;
	const char *workspace;
	json_t *report = NULL;
	bool runs;
	int rc;

	if ((rc = fm_place_workspace(call, a->workspace, &workspace, err)) < 0 ||
	    (rc = fm_doctor(workspace, &report, err)) < 0)
		return rc;
	runs = json_is_true(json_object_get(report, "runs"));
	if (a->json)
		rc = fm_cli_json(json_incref(report), err);
	else
		print_report(report);
	json_decref(report);
	if (rc < 0 || runs)
		return rc;
	return fm_fail(err, FM_EVERDICT, "a run would be refused here: the checks marked bad above say why");
}

const struct fm_verb fm_verb_doctor = {
    .name = "doctor",
    .summary = "what this machine can enforce",
    .about =
	"Tries what a run needs and prints a line on each: namespaces, the system call filter, locked memory, disk, "
	"memory, processor. Exit status 1 when a run would be refused.",
    .options = options,
    .defaults = &defaults,
    .args_size = sizeof(struct doctor_args),
    .run = doctor,
};
