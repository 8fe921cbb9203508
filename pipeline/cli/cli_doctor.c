/* doctor: what this machine can enforce. */
#include <stdbool.h>
#include <stdio.h>

#include "pipeline/cli/cli.h"
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
		printf("%-5s %-12s %s\n", str(c, "state"), str(c, "name"), str(c, "found"));
		if (*str(c, "advice"))
			printf("      %-12s to do: %s\n", "", str(c, "advice"));
	}
}

int fm_verb_doctor(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {
	    {"workspace", required_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'}, {0}};
	const char *workspace = "workspace";
	json_t *report = NULL;
	bool json = false, runs;
	int c, rc;

	while ((c = fm_cli_option(argc, argv, options, err)) > 0) {
		if (c == 'w')
			workspace = optarg;
		else
			json = true;
	}
	if (c != -1)
		return c;
	if ((rc = fm_cli_operands(argc, argv, 0, 0, "", err)) || (rc = fm_doctor(workspace, &report, err)))
		return rc;
	runs = json_is_true(json_object_get(report, "runs"));
	if (json)
		rc = fm_cli_json(json_incref(report), err);
	else
		print_report(report);
	json_decref(report);
	if (!rc && !runs)
		rc = fm_fail(err, FM_EVERDICT, "a run would be refused here: what is bad above says why");
	return rc;
}
