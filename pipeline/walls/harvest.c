#include "pipeline/walls/harvest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_memory.h"
#include "base/json_text.h"
#include "judge/gate/controls.h"
#include "manifests/domain.h"
#include "manifests/planted.h"
#include "manifests/registry.h"
#include "stages/audit.h"
#include "traces/left_out.h"

#define MOST_VALUE FM_DOMAIN_MOST
#define MOST_COUNT 1e15       /* rows, bytes, steps, milliseconds since 1970 */
#define MOST_RESULT (1 << 16) /* numbers in what a stage says of itself */

const char fm_harvest_refusal[] = __FILE__;

bool fm_harvest_refused(const struct fm_error *err)
{
	struct fm_error ignored;

	return err->file == fm_harvest_refusal && fm_json_memory_check(FM_OK, &ignored) == FM_OK;
}

int fm_harvest_unreadable(const char *name, const char *file, struct fm_error *err)
{
	struct fm_error why = *err;

	return fm_harvest_refuse(err,
				 "stage %s left a %s that no honest stage writes, so nothing that it made is used: %s",
				 name, file, why.message);
}

static int refuse(enum fm_stage_id id, const char *where, const char *what, struct fm_error *err)
{
	return fm_harvest_refuse(err, "stage %s: its %s %s: no honest stage says so, so nothing that it made is used",
				 fm_stage_name(id), where, what);
}

static bool bounded(const json_t *v, double most)
{
	return json_is_number(v) && fabs(json_number_value(v)) <= most;
}

static bool is_count(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0 && bounded(v, MOST_COUNT);
}

/* ---- metrics ---- */

static bool is_rounded(const json_t *v)
{
	return json_is_null(v) || json_number_value(v) == fm_metric_round(json_number_value(v));
}

/* What rows.NAME has to be; NULL: not known here.  A table larger than the sample has a number of all rows and of the
 * sampled ones. */
static const double *rows_told(const char *name, const struct fm_harvest_rows *rows)
{
	static const char *const whole[] = {"rows.real", "rows.holdout", "rows.synthetic"},
				 *const part[] = {"rows.judged_real", "rows.judged_holdout", "rows.judged_synthetic"};
	static const double none = -1;
	const double *all[] = {&rows->real, &rows->holdout, &rows->made};

	for (int i = 0; i < 3; i++) {
		if (strcmp(name, whole[i]) == 0)
			return all[i];
		if (strcmp(name, part[i]) == 0)
			return *all[i] > rows->sampled && rows->sampled > 0 ? &rows->sampled : &none;
	}
	return NULL;
}

static bool is_sampled(const struct fm_harvest_rows *rows)
{
	return rows->sampled > 0 &&
	       (rows->real > rows->sampled || rows->holdout > rows->sampled || rows->made > rows->sampled);
}

/* Why a run with these rows cannot have this metric, or NULL. */
static const char *fault_in_run(const json_t *m, const char *name, const struct fm_harvest_rows *rows)
{
	double n = json_number_value(json_object_get(m, "n")), value = json_number_value(json_object_get(m, "value"));
	/* A sum of noisy counts may be more than the rows there are. */
	double most =
	    fm_metric_is_paid(name) ? rows->noisy : fm_metric_most_rows(rows->real, rows->holdout, rows->made);
	const double *told = rows_told(name, rows);

	if (n > most || (told && (n < *told || n > *told || value < *told || value > *told)))
		return "has a metric on an impossible number of rows";
	return fm_metric_interval_fault(name, json_object_get(m, "ci"), json_object_get(m, "value"), is_sampled(rows));
}

static const char *metric_fault(const json_t *m, enum fm_harvest_list of, const struct fm_harvest_rows *rows)
{
	const char *name = json_string_value(json_object_get(m, "name"));
	const json_t *value = json_object_get(m, "value"), *ci = json_object_get(m, "ci"), *n = json_object_get(m, "n");

	if (!json_is_object(m) || json_object_size(m) != (ci ? 4u : 3u) || !name)
		return "has an entry that is no metric";
	if (!fm_metric_kind(name) || fm_metric_kind(name)->is & FM_BY_GATE)
		return "has a metric that is not registered";
	if (of == FM_LIST_FREE && !fm_metric_is_free(name))
		return "has a metric that is not of synthetic flows alone";
	if (of == FM_LIST_PAID && !fm_metric_is_paid(name))
		return "has a metric that nothing paid for";
	if (!json_is_null(value) && !bounded(value, MOST_VALUE))
		return "has a value that is no number of a metric";
	if (!fm_metric_can_be(name, json_is_null(value) ? (double)NAN : json_number_value(value)))
		return "has a value that no metric of its name has";
	if ((of == FM_LIST_EVALUATE || of == FM_LIST_PAID) && !fm_metric_counts_rows(name) &&
	    (!is_rounded(value) || (ci && (!is_rounded(json_array_get(ci, 0)) || !is_rounded(json_array_get(ci, 1))))))
		return "has a value with more digits than are kept";
	if (!is_count(n))
		return "has a metric on an impossible number of rows";
	if (rows)
		return fault_in_run(m, name, rows);
	return ci && !fm_domain_interval(ci, value) ? "has an interval that does not hold its value" : NULL;
}

static int check_list(enum fm_stage_id id, const char *where, const json_t *list, enum fm_harvest_list of,
		      const struct fm_harvest_rows *rows, struct fm_error *err)
{
	char words[FM_DOMAIN_WORDS];
	const char *fault;

	if (!json_is_array(list))
		return refuse(id, where, "is no list", err);
	for (size_t i = 0; i < json_array_size(list); i++)
		if ((fault = metric_fault(json_array_get(list, i), of, rows)))
			return refuse(id, where, fault, err);
	return fm_domain_fault(list, "metrics", words) ? refuse(id, where, "has a number that cannot be", err) : FM_OK;
}

int fm_harvest_metrics(const json_t *list, enum fm_harvest_list of, const struct fm_harvest_rows *rows,
		       struct fm_metrics *out, struct fm_error *err)
{
	enum fm_stage_id id = of == FM_LIST_FREE ? FM_GENERATE : FM_EVALUATE;
	int rc;

	*out = (struct fm_metrics){0};
	if ((rc = check_list(id, "list of metrics", list, of, rows, err)) < 0)
		return rc;
	if ((rc = fm_metrics_from_list(out, list, err)) < 0)
		return rc == FM_ESYSTEM ? rc : refuse(id, "list of metrics", "has one twice", err);
	return FM_OK;
}

/* ---- controls ---- */

int fm_harvest_controls(const struct fm_config *cfg, const json_t *doc, struct fm_error *err)
{
	const json_t *list = json_object_get(doc, "controls"), *rows = json_object_get(doc, "rows");
	char words[FM_DOMAIN_WORDS];
	size_t which;
	int rc;

	if (json_object_size(doc) != 5 || !fm_json_says(doc, "format", FM_CONTROLS_FORMAT) || !json_is_array(list) ||
	    !json_is_integer(rows) ||
	    !fm_control_rows_are(json_integer_value(rows), cfg->gate.control_rows, json_array_size(list)) ||
	    json_number_value(json_object_get(doc, "limit")) != cfg->gate.control_limit)
		return refuse(FM_EVALUATE, "document of controls", "is none of this config", err);
	if ((rc = check_list(FM_EVALUATE, "list of floors", json_object_get(doc, "floor"), FM_LIST_CONTROL, NULL,
			     err)) < 0)
		return rc;
	if (fm_domain_fault(list, "controls", words) || !fm_controls_are(list, cfg->gate.control_limit, &which))
		return refuse(FM_EVALUATE, "document of controls", "has a control that nobody planted", err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);

		if (json_object_size(o) != 5)
			return refuse(FM_EVALUATE, "document of controls", "has a control that nobody planted", err);
		if ((rc = check_list(FM_EVALUATE, "score of a control", json_object_get(o, "metrics"), FM_LIST_CONTROL,
				     NULL, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* ---- what a stage says of itself ---- */

enum value { COUNT, REAL, SIGNED, FLAG, LEFT_OUT, HEX, ARCHIVE };
struct member {
	const char *name;
	enum value is;
	bool may_lack;
};
static const struct member of_ingest[] = {
    {"rows", COUNT, false},           {"bad", COUNT, false},          {"missing_values", COUNT, false},
    {"train_rows", COUNT, false},     {"holdout_rows", COUNT, false}, {"validation_rows", COUNT, false},
    {"windows", COUNT, false},        {"first_ms", SIGNED, false},    {"last_ms", SIGNED, false},
    {"unsorted", COUNT, false},       {"tail_rows", COUNT, false},    {"passed_over", COUNT, true},
    {"sorted", FLAG, true},           {"left_out", LEFT_OUT, true},   {"duplicates", COUNT, true},
    {"near_duplicates", COUNT, true}, {"dropped", COUNT, true},       {NULL, COUNT, false},
};
static const struct member of_train[] = {
    {"steps", COUNT, false},
    {"parameters", COUNT, false},
    {"loss", REAL, false},
    {"validation_nats_per_flow", REAL, false},
    {"flows_per_second", REAL, false},
    {"rollbacks", COUNT, false},
    {NULL, COUNT, false},
};
static const struct member of_generate[] = {
    {"rows", COUNT, false}, {"flows_per_second", REAL, false}, {NULL, COUNT, false}};
static const struct member of_release[] = {
    {"archive", ARCHIVE, false}, {"tar_sha256", HEX, false}, {"archive_sha256", HEX, false},
    {"bytes", COUNT, false},     {NULL, COUNT, false},
};

static bool is_left_out(const json_t *list)
{
	if (!json_is_array(list) || json_array_size(list) > FM_LEFT_OUT_KINDS + 1)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i), *lines = json_object_get(o, "lines");

		if (json_object_size(o) != 3 || !is_count(json_object_get(o, "rows")) || !json_is_array(lines) ||
		    json_array_size(lines) > FM_DOUBT_EXAMPLES || !json_is_string(json_object_get(o, "reason")) ||
		    json_string_length(json_object_get(o, "reason")) > 255)
			return false;
		for (size_t k = 0; k < json_array_size(lines); k++)
			if (!is_count(json_array_get(lines, k)))
				return false;
	}
	return true;
}

static bool is_hex(const char *s)
{
	return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool is_archive(const struct fm_config *cfg, const char *s)
{
	return s && strcmp(s, fm_config_archive(cfg, (char[FM_CONFIG_ARCHIVE]){0})) == 0;
}

static bool fits(const struct fm_config *cfg, const json_t *v, enum value is)
{
	switch (is) {
	case COUNT:
		return is_count(v);
	case SIGNED:
		return json_is_integer(v) && bounded(v, MOST_COUNT);
	case REAL:
		return json_is_null(v) || bounded(v, MOST_VALUE);
	case FLAG:
		return json_is_boolean(v);
	case LEFT_OUT:
		return is_left_out(v);
	case HEX:
		return is_hex(json_string_value(v));
	case ARCHIVE:
		return is_archive(cfg, json_string_value(v));
	}
	return false;
}

static int check_members(const struct fm_config *cfg, enum fm_stage_id id, const struct member *m, const json_t *result,
			 struct fm_error *err)
{
	size_t known = 0;

	if (!json_is_object(result))
		return refuse(id, "result", "is no object", err);
	for (; m->name; m++) {
		const json_t *v = json_object_get(result, m->name);

		if (!v && m->may_lack)
			continue;
		if (!v || !fits(cfg, v, m->is))
			return refuse(id, m->name, "is out of bounds", err);
		known++;
	}
	return known == json_object_size(result) ? FM_OK : refuse(id, "result", "has a member that is not known", err);
}

/* Metrics nested by name (fm_metrics_json): numbers under registered names. */
static int check_nested(const json_t *o, const char *above, size_t *left, struct fm_error *err)
{
	char name[128];
	const char *key;
	json_t *v;
	int rc;

	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		if ((*left)-- == 0 || snprintf(name, sizeof name, "%s%s%s", above, *above ? "." : "", key) >= 64)
			return refuse(FM_EVALUATE, "result", "is larger than all metrics", err);
		if (json_is_object(v)) {
			if ((rc = check_nested(v, name, left, err)) < 0)
				return rc;
		} else if (!fm_metric_kind(name) || !(json_is_null(v) || bounded(v, MOST_VALUE))) {
			return refuse(FM_EVALUATE, "result", "has a member that is no metric", err);
		}
	}
	return FM_OK;
}

int fm_harvest_result(const struct fm_config *cfg, enum fm_stage_id id, const json_t *result, struct fm_error *err)
{
	static const struct member *const of[FM_NSTAGES] = {
	    [FM_INGEST] = of_ingest, [FM_TRAIN] = of_train, [FM_GENERATE] = of_generate, [FM_RELEASE] = of_release};
	size_t left = MOST_RESULT;
	struct fm_verdict v = {0};

	if (of[id])
		return check_members(cfg, id, of[id], result, err);
	if (id == FM_EVALUATE)
		return json_is_object(result) ? check_nested(result, "", &left, err)
					      : refuse(id, "result", "is no object", err);
	/* The gate's is compared with a verdict of our own (runner.c) before it is believed. */
	if (fm_verdict_from_json(&v, result, err) < 0)
		return refuse(id, "result", "is no verdict", err);
	fm_verdict_free(&v);
	return FM_OK;
}

/* ---- an audit of the claim ---- */

static bool is_attack(const json_t *o)
{
	bool known = false;

	for (const char *const *by = fm_audit_by; *by; by++)
		known = known || fm_json_says(o, "by", *by);
	return known && json_object_size(o) == 5 && bounded(json_object_get(o, "epsilon_lower"), MOST_VALUE) &&
	       is_count(json_object_get(o, "guesses")) && is_count(json_object_get(o, "right")) &&
	       is_count(json_object_get(o, "included"));
}

int fm_harvest_audit(const json_t *result, struct fm_error *err)
{
	const json_t *runs = json_object_get(result, "runs");
	bool good = json_object_size(result) == 6 && is_count(json_object_get(result, "canaries")) &&
		    json_is_array(runs) && json_array_size(runs) <= FM_AUDIT_RUNS_MAX;

	for (const char *const *number = fm_audit_numbers; *number; number++)
		good = good && bounded(json_object_get(result, *number), MOST_VALUE);
	for (size_t i = 0; i < json_array_size(runs); i++)
		good = good && is_attack(json_array_get(runs, i));
	return good ? FM_OK : fm_harvest_refuse(err, "the audit told what no honest one tells: it does not count");
}
