/* remake_report.c - what a release that was made again has to say: is it the same, and if not, why (remake.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/version.h"
#include "pipeline/difference.h"
#include "pipeline/keys.h"
#include "pipeline/project_secret.h"
#include "pipeline/remake_parts.h"

static bool made(const struct fm_remaking *m, int stage)
{
	return m->in->source || stage == FM_GENERATE || stage == FM_RELEASE;
}

static int stage_json(const struct fm_remaking *m, int stage, json_t **out, struct fm_error *err)
{
	const char *what = fm_stage_table[stage].shown == FM_SHOWN_COMMITTED ? fm_stage_table[stage].product : NULL,
		   *name = fm_stage_name(stage),
		   *recorded = what ? fm_recipe_commitment(&m->recipe, what) : fm_recipe_output(&m->recipe, name),
		   *again = m->run.stage[stage].output;
	char hex[FM_SHA256_HEX];
	struct fm_secret key;
	bool known = *recorded && made(m, stage);
	int rc;

	if (what && known) {
		if ((rc = fm_project_secret(&key, m->in->project, err)) < 0)
			return rc;
		rc = fm_commitment(&key, what, again, hex, err);
		fm_secret_close(&key);
		if (rc < 0)
			return rc;
		again = hex;
	}
	*out =
	    json_pack("{s:s, s:s, s:s, s:o, s:b}", "name", name, "recorded", recorded, "again", known ? again : "",
		      "same", known ? json_boolean(strcmp(recorded, again) == 0) : json_null(), "made", made(m, stage));
	return *out ? FM_OK : fm_remake_no_memory(err);
}

static void say(json_t *why, const char *fmt, ...) FM_PRINTF(2, 3);
static void say(json_t *why, const char *fmt, ...)
{
	char words[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	json_array_append_new(why, json_string(words));
}

/* Why the tar may differ: what is known to be different, then the first stage that made something else. */
static void explain(const struct fm_remaking *m, const json_t *stages, json_t *why)
{
	static const char *const at[FM_RELEASE] = {
	    [FM_INGEST] = "the same trace gave another store",
	    [FM_TRAIN] = "the same store gave another model",
	    [FM_GENERATE] = "the same model gave other flows",
	    [FM_EVALUATE] = "the same flows were measured otherwise",
	    [FM_GATE] = "the same metrics were judged otherwise",
	};
	const json_t *environment = json_object_get(m->recipe.manifest, "environment");
	const char *version = fm_remake_str(environment, "flowmint"),
		   *kernel = fm_remake_str(environment, "evaluate_blas_kernel"),
		   *confinement = fm_remake_str(environment, "confinement"),
		   *now = m->run.unconfined ? "unconfined" : "namespaces",
		   *here = fm_remake_str(m->run.stage[FM_EVALUATE].result, "blas_kernel");
	bool kernels = made(m, FM_EVALUATE) && *here && strcmp(kernel, here) != 0;

	if (strcmp(version, FM_VERSION) != 0)
		say(why, "another version of the program: %.32s made it, this is %s", version, FM_VERSION);
	if (kernels)
		say(why,
		    "another kernel class: OpenBLAS judged with %.32s then and with %.32s now; OPENBLAS_CORETYPE=%.32s "
		    "chooses that one where the processor can run it",
		    kernel, here, kernel);
	if (made(m, FM_EVALUATE) && strcmp(confinement, now) != 0)
		say(why, "the stages ran with confinement '%.32s' then and '%s' now", confinement, now);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		if (!json_is_false(json_object_get(json_array_get(stages, i), "same")))
			continue;
		if (i == FM_EVALUATE && kernels)
			return;
		say(why, "%s: %s", at[i],
		    i == FM_INGEST
			? "another dialect file, another config than made it, or another build of the program"
			: "another config than made it (a changed manifest), or another build of the program");
		return;
	}
	if (json_array_size(why) == 0)
		say(why, "all stages gave the same, and the documents differ: a changed manifest, or another build of "
			 "the program");
}

static int again_archive(const struct fm_remaking *m, char **path, struct fm_error *err)
{
	const struct fm_run_stage *s = &m->run.stage[FM_RELEASE];

	*path = NULL;
	if (m->run.nstages > FM_RELEASE && !(*path = fm_path_join(s->product, fm_remake_str(s->result, "archive"))))
		return fm_remake_no_memory(err);
	return FM_OK;
}

static int put_out(const struct fm_remaking *m, const char *archive, json_t *report, struct fm_error *err)
{
	const char *name = strrchr(archive, '/') + 1;
	char *to = fm_path_join(m->in->out, name);
	int rc;

	if (!to)
		return fm_remake_no_memory(err);
	if ((rc = fm_dir_make(m->in->out, 0755, err)) < 0)
		goto out;
	if (fm_file_exists(to)) {
		rc = fm_fail(err, FM_EINPUT, "--out: %s is there, and nothing is replaced: name another folder", to);
		goto out;
	}
	if ((rc = fm_file_copy(archive, to, 0644, err)) < 0)
		goto out;
	json_object_set_new(report, "archive", json_string(to));
out:
	free(to);
	return rc;
}

int fm_remake_compare(const struct fm_remaking *m, json_t **report, struct fm_error *err)
{
	json_t *stages = json_array(), *differences = NULL, *why = json_array(), *stage;
	const char *recorded = m->recipe.whole ? m->recipe.info.digests.tar_sha256 : "";
	char *archive = NULL;
	bool same;
	int rc;

	for (int i = 0; i < FM_RELEASE; i++)
		if ((rc = stage_json(m, i, &stage, err)) < 0 || json_array_append_new(stages, stage))
			goto out;
	if ((rc = again_archive(m, &archive, err)) < 0)
		goto out;
	if (!archive)
		differences = json_array();
	else if ((rc = fm_difference_find(&m->recipe, archive, m->dir, &differences, err)) < 0)
		goto out;
	same = archive && json_array_size(differences) == 0;
	if (same && m->recipe.whole && strcmp(recorded, m->run.tar_sha256) != 0) { /* the times of its files, then */
		same = false;
		say(why, "the files are the same, and the tar has another time or order");
	}
	if (!same)
		explain(m, stages, why);
	*report = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:O, s:O, s:O, s:n}", "manifest", m->in->what, "from",
			    m->in->source ? "trace" : "bundle", "verdict", same ? "same" : "different", "tar_sha256",
			    "recorded", recorded, "again", m->run.tar_sha256, "stages", stages, "differences",
			    differences, "why", why, "archive");
	if (!*report) {
		rc = fm_remake_no_memory(err);
		goto out;
	}
	if (!same)
		rc = fm_fail(err, FM_EVERDICT, "%s does not repeat: %s", m->in->what,
			     json_string_value(json_array_get(why, 0)));
	else if (m->in->out)
		rc = put_out(m, archive, *report, err);
out:
	json_decref(stages);
	json_decref(differences);
	json_decref(why);
	free(archive);
	return rc;
}
