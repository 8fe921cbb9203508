/* What a run in privacy.mode dp does before its first stage: determine, seal and charge what it will ask. */
#include "base/json_text.h"
#include "base/log.h"
#include "pipeline/budget.h"
#include "pipeline/claim_audit.h"
#include "pipeline/sealed.h"
#include "pipeline/stage_run.h"

/* A ledger is that of a workspace. */
static void warn_of_others(const struct fm_ledger *l)
{
	int n = fm_ledger_others(l);

	if (n > 0)
		fm_warn("this project has a ledger in %d other workspace%s too (keys/ledger-*.head), and what was "
			"charged there is not added up with what is charged here: keep one workspace for a trace",
			n, n == 1 ? "" : "s");
}

/* In privacy.mode dp: determine, seal and charge what the run will ask, before a record is read.  A plan looks first
 * whether the run could be charged (probe), which seals nothing, and then measures samples in a workspace that is
 * removed: what they ask is nobody's to see, and is charged nowhere. */
int fm_runner_open_private(struct fm_runner *r, struct fm_error *err)
{
	struct fm_sealed_of of = {.cfg = r->cfg};
	struct fm_claim claim = {0};
	struct fm_secret secret = {0};
	const char *trace;
	int rc;

	if (!fm_config_dp(r->cfg))
		return FM_OK;
	/* A replay makes flows of a model, and reads no trace. */
	if ((rc = fm_budget_claim(&claim, r->cfg, err)) < 0 ||
	    (!r->o->replay && (rc = fm_runner_files(r, &r->files, err)) < 0))
		goto out;
	of.files = r->files;
	if (r->o->sealed_run) {
		if ((rc = fm_runner_secret(r, &secret, err)) < 0 ||
		    (!r->o->replay &&
		     (rc = fm_sealed_check(fm_runner_sealed(r), r->o->sealed_run, &secret, &of, err)) < 0))
			goto out;
	} else if ((rc = fm_run_secret(&secret, r->project, &of, err)) < 0 ||
		   (!r->o->probe &&
		    (rc = fm_sealed_write(r->ws.path, r->project, r->run->id, &secret, &of, err)) < 0)) {
		goto out;
	}
	if ((rc = fm_secret_id(&secret, r->secret_id, err)) < 0 || r->o->sealed_run || r->o->dry)
		goto out;
	warn_of_others(r->ledger);
	trace = json_string_value(json_object_get(r->files, "trace"));
	rc = r->o->probe ? fm_budget_check(r->ledger, r->cfg, &claim, r->run->id, trace, r->secret_id, err)
			 : fm_budget_charge(r->ledger, r->cfg, &claim, r->run->id, trace, r->secret_id, err);
out:
	fm_secret_close(&secret);
	fm_claim_free(&claim);
	return rc;
}

static bool of_this_trace(const struct fm_runner *r, const json_t *audit)
{
	const char *trace = json_string_value(json_object_get(r->files, "trace"));

	return trace && json_is_true(json_object_get(audit, "public")) && fm_json_says(audit, "trace", trace);
}

/* Any audit with --public of the very trace of this run was a look that nothing paid for, whichever one decides. */
static int warn_of_public(const struct fm_runner *r, struct fm_error *err)
{
	json_t *rows = NULL;
	int rc = fm_ledger_rows(r->ledger, NULL, "audit", &rows, err);
	size_t n = 0;

	for (size_t i = 0; rc >= 0 && i < json_array_size(rows); i++)
		n += of_this_trace(r, json_object_get(json_array_get(rows, i), "body"));
	if (n > 0)
		fm_warn("an audit with --public was charged nothing for the trace of this run, and nothing that is "
			"released tells what it found; audit the trace without --public, or a public one");
	json_decref(rows);
	return rc;
}

/* The audit of the claim that counts goes into the run's rows, so that it is known when the run is made again. */
int fm_runner_read_audits(struct fm_runner *r, struct fm_error *err)
{
	int rc;

	if (!fm_config_dp(r->cfg))
		return FM_OK;
	if (r->o->audits) {
		r->run->audits = json_deep_copy(r->o->audits);
		return r->run->audits ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if ((rc = warn_of_public(r, err)) < 0 ||
	    (rc = fm_claim_audit_find(r->ledger, r->cfg, &r->run->audits, err)) < 0)
		return rc;
	for (size_t i = 0; i < json_array_size(r->run->audits); i++) /* the run says that its trace is none */
		if (of_this_trace(r, json_array_get(r->run->audits, i)))
			json_object_set_new(json_array_get(r->run->audits, i), "public", json_false());
	for (size_t i = 0; i < json_array_size(r->run->audits) && !r->o->probe; i++)
		if ((rc = fm_ledger_append(r->ledger, r->run->id, "audited", json_array_get(r->run->audits, i), err)) <
		    0)
			return rc;
	return FM_OK;
}
