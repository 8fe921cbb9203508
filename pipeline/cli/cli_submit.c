/* submit: a run as jobs of a cluster. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ranks.h"
#include "model/generator.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/preflight.h"
#include "pipeline/runner.h"
#include "pipeline/shards.h"
#include "pipeline/submit.h"

struct submit_args {
	struct fm_words set, sbatch;
	const char *workspace;
	uint64_t shards, parts, ranks;
	bool slurm, print, unconfined, json;
};

static const struct fm_option submit_options[] = {
    {FM_SETS_FLAG(struct submit_args, slurm), .name = "slurm", .required = true,
     .help = "the cluster runs Slurm, the only kind that is supported"},
    {FM_SETS_FLAG(struct submit_args, print), .name = "print",
     .help = "show the batch files; write and submit nothing"},
    {FM_SETS_UINT(struct submit_args, shards), .name = "shards", .value = "N", .most = FM_SHARDS_MOST,
     .help = "make the flows in N shards (default 16); 0: in one piece"},
    {FM_SETS_UINT(struct submit_args, parts), .name = "parts", .value = "N", .most = FM_SHARDS_MOST,
     .help = "judge the flows in N parts (default 16); 0: in one piece"},
    {FM_SETS_UINT(struct submit_args, ranks), .name = "ranks", .value = "N", .most = FM_RANKS_MOST,
     .help = "train in N processes of mpirun, each a task with --cpus-per-task threads (default 1: in one)"},
    {FM_SETS_LIST(struct submit_args, sbatch), .name = "sbatch", .value = "OPTION",
     .help = "an option of sbatch for each file, as in --sbatch=--cpus-per-task=8; may be repeated"},
    {FM_SETS_LIST(struct submit_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "as for run"},
    {FM_SETS_TEXT(struct submit_args, workspace), .name = "workspace", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "as for run"},
    {FM_SETS_FLAG(struct submit_args, unconfined), .name = "unconfined", .help = "as for run"},
    FM_OPTION_JSON(struct submit_args),
    {0},
};

static const struct submit_args defaults = {.shards = 16, .parts = 16, .ranks = 1};

static int print_files(const struct fm_submit *s, bool json, struct fm_error *err)
{
	static const char *const ids[FM_NSUBMITS] = {"TRAIN", "SHARDS", "GENERATE", "PARTS", "EVALUATE", "RELEASE"};
	json_t *all = json ? json_array() : NULL;
	char wait[FM_SUBMIT_WAIT];

	for (int i = 0; i < FM_NSUBMITS; i++) {
		if (!s->file[i])
			continue;
		fm_submit_wait(s, i, ids, wait);
		if (json)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "job", fm_submit_name[i], "file",
							     s->file[i], "dependency", wait, "text", s->text[i].data));
		else
			fm_cli_print("# sbatch --dependency=%s %s\n%s\n", wait, s->file[i], s->text[i].data);
	}
	return json ? fm_cli_json(all, err) : FM_OK;
}

static int print_jobs(const struct fm_submit *s, json_t *jobs, bool json, struct fm_error *err)
{
	const char *name;
	json_t *id;

	if (json)
		return fm_cli_json(jobs, err);
	json_object_foreach(jobs, name, id)
	{
		fm_cli_print("%-9s job %s\n", name, json_string_value(id));
	}
	fm_cli_print("what they say: %s/*.log\n", s->folder);
	json_decref(jobs);
	return FM_OK;
}

/* What would end the run on the cluster is told here, before anything waits in a queue; the walls are those of the
 * nodes. */
static int look_ahead(const struct fm_config *cfg, const char *workspace, struct fm_error *err)
{
	struct fm_run_options o = {.cfg = cfg, .workspace = workspace, .until = FM_RELEASE, .unconfined = true};
	char *dir = fm_runner_workspace(&o);
	int rc = dir ? fm_preflight(&o, cfg->dir, dir, NULL, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	free(dir);
	return rc;
}

/* The workspace that the jobs get: where they begin is another folder. */
static int absolute(const char *given, char **path, struct fm_error *err)
{
	char *here;

	if (!given || given[0] == '/') {
		*path = given ? strdup(given) : NULL;
		return !given || *path ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if (!(here = getcwd(NULL, 0)))
		return fm_fail_errno(err, "cannot tell the current folder");
	*path = fm_path_join(here, given);
	free(here);
	return *path ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

static int submit(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct submit_args *a = args;
	struct fm_submit_in in = {.set = a->set.word,
				  .nset = a->set.n,
				  .option = a->sbatch.word,
				  .noption = a->sbatch.n,
				  .shards = (uint32_t)a->shards,
				  .parts = (uint32_t)a->parts,
				  .ranks = (uint32_t)a->ranks,
				  .unconfined = a->unconfined};
	struct fm_submit s = {0};
	struct fm_config *cfg = NULL;
	struct fm_error why;
	json_t *jobs = NULL;
	char *real = NULL, *workspace = NULL;
	const char *file;
	int rc;

	if ((rc = fm_place_config(call, call->operand[0], &file, err)) < 0 ||
	    (rc = fm_config_load(&cfg, file, a->set.word, a->set.n, err)) < 0)
		goto out;
	if (fm_generator_check_parts(cfg, &why) < 0)
		in.shards = 0;
	if (in.ranks > 1 && (rc = fm_generator_check_ranks(cfg, err)) < 0)
		goto out;
	if (!(real = realpath(cfg->file, NULL))) {
		rc = fm_fail_errno(err, "%s", cfg->file);
		goto out;
	}
	if ((rc = absolute(fm_place_run_workspace(a->workspace), &workspace, err)) < 0)
		goto out;
	in.cfg = cfg;
	in.file = real;
	in.workspace = workspace;
	if ((rc = fm_submit_make(&s, &in, err)) < 0)
		goto out;
	if (a->print) {
		rc = print_files(&s, a->json, err);
		goto out;
	}
	if ((rc = look_ahead(cfg, workspace, err)) < 0 || (rc = fm_submit_send(&s, &jobs, err)) < 0)
		goto out;
	rc = print_jobs(&s, jobs, a->json, err);
out:
	fm_submit_free(&s);
	fm_config_free(cfg);
	free(real);
	free(workspace);
	return rc;
}

const struct fm_verb fm_verb_submit = {
    .name = "submit",
    .summary = "a run as jobs of a cluster",
    .about =
	"Writes batch files into WORKSPACE/slurm/NAME-VERSION and submits them: training, a job array of shards of the "
	"flows (flowmint generate), generation, a job array of parts of the judging (flowmint judge), evaluation, and "
	"gate and release. Each calls flowmint as a person would, on any machine that shares the project's folder, and "
	"each waits for what it needs. The release is the same to the byte as flowmint run makes it on one machine.\n"
	"\n"
	"A job that was stopped goes on where it was when it is submitted again. A shard or part whose job failed is "
	"made by the generation or the evaluation; to make it apart before that, submit the one element: sbatch "
	"--array=3 .../shards.sbatch. Jobs of one workspace run one at a time, except those of the arrays.",
    .operands = "RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .options = submit_options,
    .defaults = &defaults,
    .args_size = sizeof(struct submit_args),
    .run = submit,
};
