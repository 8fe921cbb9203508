#include "pipeline/submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "pipeline/input.h"

#define JOB_ID_MAX 40

const char *const fm_submit_name[FM_NSUBMITS] = {"train", "shards", "generate", "parts", "evaluate", "release"};

static bool is_array(int job)
{
	return job == FM_SUBMIT_SHARDS || job == FM_SUBMIT_PARTS;
}

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: batch files");
}

/* ---- texts ---- */

/* A word for the shell. */
static void put_word(struct fm_buf *b, const char *word)
{
	fm_buf_puts(b, "'");
	for (const char *c = word; *c; c++)
		if (*c == '\'')
			fm_buf_puts(b, "'\\''");
		else
			fm_buf_add(b, c, 1);
	fm_buf_puts(b, "'");
}

static void put_option(struct fm_buf *b, const char *option, const char *word)
{
	fm_buf_printf(b, " \\\n\t%s ", option);
	put_word(b, word);
}

/* Versions differ in how they read quotes in lines of #SBATCH, and % begins a pattern: refuse text that would need
 * either. */
static int check_line(const char *what, const char *text, const char * not, struct fm_error *err)
{
	if (text[strcspn(text, not )] != '\0')
		return fm_fail(err, FM_EINPUT, "%s %s: a batch file cannot hold one of its characters", what, text);
	return FM_OK;
}

/* What every file begins with. */
static void put_head(const struct fm_submit *s, const struct fm_submit_in *in, int job, struct fm_buf *b)
{
	bool array = is_array(job);

	fm_buf_printf(
	    b, "#!/bin/sh\n#SBATCH --job-name=%s%s%s\n#SBATCH --comment=%s-%s-%s\n#SBATCH --output=%s/%s%s.log\n",
	    s->name, array ? "-" : "", array ? fm_submit_name[job] : "", in->cfg->release.name,
	    in->cfg->release.version, fm_submit_name[job], s->folder, fm_submit_name[job], array ? "-%a" : "");
	if (array)
		fm_buf_printf(b, "#SBATCH --array=1-%u\n", job == FM_SUBMIT_PARTS ? in->parts : in->shards);
	if (job == FM_SUBMIT_TRAIN && in->ranks > 1)
		fm_buf_printf(b, "#SBATCH --ntasks=%u\n", in->ranks);
	/* SIGTERM two minutes before the time is over: training writes a checkpoint. After a node failed, the job
	 * begins again by itself and goes on. */
	fm_buf_puts(b, "#SBATCH --open-mode=append\n#SBATCH --signal=B:TERM@120\n#SBATCH --requeue\n");
	for (int i = 0; i < in->noption; i++)
		fm_buf_printf(b, "#SBATCH %s\n", in->option[i]);
	fm_buf_puts(b, "set -eu\n");
}

/* What every call of flowmint ends with. */
static void put_tail(const struct fm_submit_in *in, struct fm_buf *b)
{
	for (int i = 0; i < in->nset; i++)
		put_option(b, "--set", in->set[i]);
	fm_buf_puts(b, " \\\n\t--set train.threads=\"${SLURM_CPUS_PER_TASK:-0}\"");
	if (in->workspace)
		put_option(b, "--workspace", in->workspace);
	if (in->unconfined)
		fm_buf_puts(b, " \\\n\t--unconfined");
	fm_buf_puts(b, "\n");
}

static void put_taken(struct fm_buf *b, const char *key, const char *folder)
{
	fm_buf_printf(b, " \\\n\t--set %s=", key);
	put_word(b, folder);
}

static int put_job(const struct fm_submit *s, const struct fm_submit_in *in, int job, const char *self,
		   struct fm_buf *b, struct fm_error *err)
{
	char *shards = fm_path_join(s->folder, "shards"), *parts = fm_path_join(s->folder, "parts");
	bool generates = job == (in->parts > 0 ? FM_SUBMIT_GENERATE : FM_SUBMIT_EVALUATE),
	     takes_shards = in->shards > 0 && generates, takes_parts = in->parts > 0 && job == FM_SUBMIT_EVALUATE;
	int rc;

	if (!shards || !parts) {
		rc = no_memory(err);
		goto out;
	}
	put_head(s, in, job, b);
	if (takes_shards || takes_parts) {
		fm_buf_puts(b, "mkdir -p -m 700 "); /* where each job of the array failed */
		put_word(b, takes_parts ? parts : shards);
		fm_buf_puts(b, "\n");
	}
	if (job != FM_SUBMIT_RELEASE)
		fm_buf_puts(b, "exec ");
	if (job == FM_SUBMIT_TRAIN && in->ranks > 1)
		fm_buf_printf(b, "mpirun -n %u ", in->ranks);
	put_word(b, self);
	fm_buf_puts(b, job == FM_SUBMIT_SHARDS ? " generate " : job == FM_SUBMIT_PARTS ? " judge " : " run ");
	put_word(b, in->file);
	if (!is_array(job) && job != FM_SUBMIT_RELEASE)
		put_option(b, "--until", fm_submit_name[job]);
	if (is_array(job)) {
		fm_buf_printf(b, " \\\n\t--%s \"$SLURM_ARRAY_TASK_ID/%u\"", job == FM_SUBMIT_PARTS ? "part" : "shard",
			      job == FM_SUBMIT_PARTS ? in->parts : in->shards);
		put_option(b, "--out", job == FM_SUBMIT_PARTS ? parts : shards);
	}
	if (takes_shards)
		put_taken(b, "run.shards", shards);
	if (takes_parts)
		put_taken(b, "run.parts", parts);
	put_tail(in, b);
	if (job == FM_SUBMIT_RELEASE) {
		fm_buf_puts(b, "rm -rf ");
		put_word(b, shards);
		fm_buf_puts(b, " ");
		put_word(b, parts);
		fm_buf_puts(b, "\n");
	}
	rc = fm_buf_check(b, err);
out:
	free(shards);
	free(parts);
	return rc;
}

static int check(const struct fm_submit_in *in, struct fm_error *err)
{
	int rc;

	if (fm_input_is_once_only(in->cfg->source.path))
		return fm_fail(err, FM_EINPUT,
			       "source.path %s can be read once, and by no job of a cluster: put the trace into a file",
			       in->cfg->source.path);
	for (int i = 0; i < in->noption; i++) {
		if (in->option[i][0] != '-')
			return fm_fail(err, FM_EUSAGE, "--sbatch %s: give an option of sbatch, as in --sbatch=--mem=8G",
				       in->option[i]);
		if ((rc = check_line("--sbatch", in->option[i], "\n", err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_submit_make(struct fm_submit *s, const struct fm_submit_in *in, struct fm_error *err)
{
	char self[4096], *workspace = in->workspace ? strdup(in->workspace) : fm_path_join(in->cfg->dir, "workspace");
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	*s = (struct fm_submit){0};
	if (n <= 0) {
		rc = fm_fail_errno(err, "/proc/self/exe");
		goto out;
	}
	self[n] = '\0';
	if ((rc = check(in, err)) < 0)
		goto out;
	if (!workspace ||
	    asprintf(&s->folder, "%s/slurm/%s-%s", workspace, in->cfg->release.name, in->cfg->release.version) < 0) {
		s->folder = NULL;
		rc = no_memory(err);
		goto out;
	}
	if ((rc = check_line("the workspace", s->folder, " \t\n\"'\\%", err)) < 0)
		goto out;
	if ((rc = fm_sha256_bytes(workspace, strlen(workspace), digest, err)) < 0)
		goto out;
	snprintf(s->name, sizeof s->name, "flowmint-%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
	for (int i = 0; i < FM_NSUBMITS; i++) {
		if ((i == FM_SUBMIT_SHARDS && in->shards == 0) ||
		    ((i == FM_SUBMIT_GENERATE || i == FM_SUBMIT_PARTS) && in->parts == 0))
			continue;
		if (asprintf(&s->file[i], "%s/%s.sbatch", s->folder, fm_submit_name[i]) < 0) {
			s->file[i] = NULL;
			rc = no_memory(err);
			goto out;
		}
		if ((rc = put_job(s, in, i, self, &s->text[i], err)) < 0)
			goto out;
	}
out:
	free(workspace);
	if (rc < 0)
		fm_submit_free(s);
	return rc;
}

void fm_submit_free(struct fm_submit *s)
{
	for (int i = 0; i < FM_NSUBMITS; i++) {
		free(s->file[i]);
		fm_buf_free(&s->text[i]);
	}
	free(s->folder);
	*s = (struct fm_submit){0};
}

/* ---- jobs ---- */

/* singleton: of all jobs of a name one runs at a time, in the order in which they were submitted. So two submissions do
 * not find the workspace locked, and the second finds what the first has made. A job that takes what an array made
 * waits until the array has ended, well or not: it makes what failed there. */
void fm_submit_wait(const struct fm_submit *s, int i, const char *const *ids, char out[FM_SUBMIT_WAIT])
{
	bool apart = s->file[FM_SUBMIT_PARTS] != NULL;
	int before = FM_SUBMIT_TRAIN, array = -1;

	if (i == FM_SUBMIT_PARTS || (i == FM_SUBMIT_EVALUATE && apart))
		before = FM_SUBMIT_GENERATE;
	else if (i == FM_SUBMIT_RELEASE)
		before = FM_SUBMIT_EVALUATE;
	if (i == FM_SUBMIT_EVALUATE && apart)
		array = FM_SUBMIT_PARTS;
	else if ((i == FM_SUBMIT_GENERATE || i == FM_SUBMIT_EVALUATE) && s->file[FM_SUBMIT_SHARDS])
		array = FM_SUBMIT_SHARDS;
	if (i == FM_SUBMIT_TRAIN)
		snprintf(out, FM_SUBMIT_WAIT, "singleton");
	else if (is_array(i))
		snprintf(out, FM_SUBMIT_WAIT, "afterok:%s", ids[before]);
	else if (array >= 0)
		snprintf(out, FM_SUBMIT_WAIT, "afterok:%s,afterany:%s,singleton", ids[before], ids[array]);
	else
		snprintf(out, FM_SUBMIT_WAIT, "afterok:%s,singleton", ids[before]);
}

/* Call sbatch; what it prints is the id, with ";CLUSTER" behind it where there are several. */
static int call_sbatch(const char *wait, const char *file, char id[JOB_ID_MAX], struct fm_error *err)
{
	struct fm_buf command = {0};
	char line[256] = "";
	FILE *pipe;
	int rc, status;

	fm_buf_puts(&command, "exec sbatch --parsable --kill-on-invalid-dep=yes --dependency=");
	put_word(&command, wait);
	fm_buf_puts(&command, " ");
	put_word(&command, file);
	if ((rc = fm_buf_check(&command, err)) < 0)
		goto out;
	if (!(pipe = popen(command.data, "re"))) {
		rc = fm_fail_errno(err, "sbatch cannot be started");
		goto out;
	}
	if (!fgets(line, sizeof line, pipe))
		line[0] = '\0';
	status = pclose(pipe);
	line[strcspn(line, ";\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		rc = fm_fail(
		    err, FM_ESYSTEM,
		    "there is no sbatch here: submit from a machine of the cluster, or see the files with --print");
	else if (status != 0 || !line[0] || line[strspn(line, "0123456789")] != '\0' || strlen(line) >= JOB_ID_MAX)
		rc = fm_fail(err, FM_ESYSTEM, "sbatch refused %s; it says why above", file);
	else
		strcpy(id, line);
out:
	fm_buf_free(&command);
	return rc;
}

int fm_submit_send(const struct fm_submit *s, json_t **jobs, struct fm_error *err)
{
	char id[FM_NSUBMITS][JOB_ID_MAX] = {""}, wait[FM_SUBMIT_WAIT];
	const char *ids[FM_NSUBMITS];
	int rc;

	for (int i = 0; i < FM_NSUBMITS; i++)
		ids[i] = id[i];

	if (!(*jobs = json_object()))
		return no_memory(err);
	if ((rc = fm_dir_make(s->folder, 0700, err)) < 0)
		goto out;
	for (int i = 0; i < FM_NSUBMITS; i++)
		if (s->file[i] && (rc = fm_file_write(s->file[i], 0700, s->text[i].data, s->text[i].len, err)) < 0)
			goto out;
	for (int i = 0; i < FM_NSUBMITS; i++) {
		if (!s->file[i])
			continue;
		fm_submit_wait(s, i, ids, wait);
		if ((rc = call_sbatch(wait, s->file[i], id[i], err)) < 0) {
			if (i > 0)
				fm_error_prefix(err, "job %s and what waits for it: scancel takes them back: ",
						id[FM_SUBMIT_TRAIN]);
			goto out;
		}
		json_object_set_new(*jobs, fm_submit_name[i], json_string(id[i]));
	}
out:
	if (rc < 0) {
		json_decref(*jobs);
		*jobs = NULL;
	}
	return rc;
}
