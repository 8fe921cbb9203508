/* The runner: a failed gate leaves nothing, a killed run goes on and ends with the same bytes, nothing is done twice,
 * no stage sees more than its row.  The stages are small ones of this file; the gate is the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/table.h"
#include "pipeline/project.h"
#include "pipeline/reproduce.h"
#include "pipeline/runner.h"
#include "pipeline/walls/sandbox.h"
#include "tests/unit/signed_by.h"
#include "tests/unit/walls_once.h"

static char dir[256], trace[300], workspace[300], out_dir[300], yaml[300];
static bool confined;

/* What the small stages are to do; inherited by their processes. */
static struct {
	double metric;
	int kill_in; /* the stage that kills itself, or -1 */
	int fail_in; /* the stage that fails after writing something, or -1 */
	int hang_in;
	int peek_in; /* the stage that tries to open what it must not see */
	bool bad_archive;
	char link[400]; /* verification puts a link in the place of this file, which becomes DIR/elsewhere */
	bool blab;      /* ingest fails, and its message has a private row */
} plan;

/* ---- small stages ---- */

static int put(const char *folder, const char *name, const char *text, struct fm_error *err)
{
	char *path = fm_path_join(folder, name);
	int rc = fm_file_write(path, 0600, text, strlen(text), err);

	free(path);
	return rc;
}

static int must_not_open(const char *path, struct fm_error *err)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return FM_OK;
	close(fd);
	return fm_fail(err, FM_EVERDICT, "%s can be read", path);
}

/* Look for everything but what the paths seen by the stage allow. */
static int peek(enum fm_stage_id id, struct fm_error *err)
{
	static const char *const names[] = {"ledger.db",    "ledger.head",     "lock",           "stages/ingest",
					    "stages/train", "stages/generate", "stages/evaluate"};
	char path[400];
	int rc = FM_OK;

	for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++) {
		/* The folders above an input are there, but a stage's own inputs are all that lies in them. */
		if ((i == 3 && (id == FM_TRAIN || id == FM_EVALUATE)) ||
		    (i == 4 && (id == FM_GENERATE || id == FM_EVALUATE)) ||
		    (i == 5 && (id == FM_EVALUATE || id == FM_RELEASE)) || (i == 6 && id == FM_GATE) ||
		    (int)i == (int)id + 3)
			continue;
		snprintf(path, sizeof path, "%s/%s", workspace, names[i]);
		rc = must_not_open(path, err);
	}
	if (!rc && id != FM_INGEST)
		rc = must_not_open(trace, err);
	snprintf(path, sizeof path, "%s/keys/commitment.key", dir);
	if (!rc)
		rc = must_not_open(path, err);
	snprintf(path, sizeof path, "%s/keys/release.key", dir);
	if (!rc && id != FM_RELEASE)
		rc = must_not_open(path, err);
	return rc ? rc : must_not_open("/etc/passwd", err);
}

static int obey(enum fm_stage_id id, const char *folder, struct fm_error *err)
{
	int rc = FM_OK;

	if (plan.kill_in == (int)id || plan.fail_in == (int)id)
		rc = put(folder, "half", "half a file", err);
	if (!rc && plan.kill_in == (int)id) {
		volatile int *nowhere = NULL;

		signal(SIGSEGV, SIG_DFL);
		*nowhere = 1;
	}
	if (!rc && plan.fail_in == (int)id)
		return fm_fail(err, FM_ESYSTEM, "%s: No space left on device", folder);
	if (plan.hang_in == (int)id)
		for (;;)
			pause();
	return !rc && plan.peek_in == (int)id && confined ? peek(id, err) : rc;
}

static int small_ingest(const struct fm_ingest_in *in, struct fm_ingest_out *out, struct fm_error *err)
{
	static const char *const parts[] = {"train", "validation", "holdout"};
	struct fm_buf b = {0};
	int rc = obey(FM_INGEST, in->out_dir, err);

	if (!rc && plan.blab) {
		if ((rc = fm_file_write(in->quarantine, 0600, "line,reason,text\n", 17, err)))
			return rc;
		return fm_fail(err, FM_EINPUT,
			       "line 1 is bad (2016-03-18 10:00:00,0.1,42.219.1.7,8.8.8.8,80,99,TCP); from "
			       "42.219.1.7 and 2001:db8::7 at 10:00:00; see %s",
			       in->quarantine);
	}
	if (!rc)
		rc = fm_file_read(in->trace, 1000, &b, err);
	for (int i = 0; i < 3 && !rc; i++) {
		char *part = fm_path_join(in->out_dir, parts[i]);

		if (!(rc = fm_dir_make(part, 0700, err)))
			rc = put(part, "sa.npy", b.data, err);
		free(part);
	}
	fm_buf_free(&b);
	out->rows = out->train_rows = 500;
	out->holdout_rows = 200;
	return rc ? rc : put(in->out_dir, "store.json", "{}", err);
}

static int small_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err)
{
	char *holdout, text[100];
	int rc = obey(FM_TRAIN, in->out_dir, err);

	/* its row has the training and validation split, not the holdout beside them */
	holdout = malloc(strlen(in->train_dir) + 20);
	sprintf(holdout, "%s/../holdout/sa.npy", in->train_dir);
	if (!rc && confined)
		rc = must_not_open(holdout, err);
	free(holdout);
	out->steps = (uint64_t)in->cfg->train.steps;
	snprintf(text, sizeof text, "weights after %d steps", in->cfg->train.steps);
	return rc ? rc : put(in->out_dir, "weights.safetensors", text, err);
}

/* A table of three flows with the label dos, other ones for other text. */
static int put_flows(const char *folder, const char *text, struct fm_error *err)
{
	struct fm_table *t = NULL;
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	if ((rc = fm_table_new(&t, 1u << FM_TD | 1u << FM_LABEL, err)) || (rc = fm_table_reserve(t, 3, err)) ||
	    (rc = fm_sha256_bytes(text, strlen(text), digest, err)))
		goto out;
	for (int i = 0; i < 3; i++) {
		t->td[i] = (uint32_t)(digest[i] << 8 | digest[i + 3]);
		t->label[i] = (uint16_t)fm_dict_index(&t->dict[FM_LABEL], "dos", 3, true);
	}
	t->rows = 3;
	rc = fm_table_save(t, folder, err);
out:
	fm_table_free(t);
	return rc;
}

static int small_generate(const struct fm_generate_in *in, struct fm_generate_out *out, struct fm_error *err)
{
	char *path = fm_path_join(in->model_dir, "weights.safetensors");
	struct fm_buf b = {0};
	int rc = obey(FM_GENERATE, in->out_dir, err);

	if (!rc)
		rc = fm_file_read(path, 1000, &b, err);
	if (!rc)
		rc = put_flows(in->out_dir, b.data, err);
	fm_buf_free(&b);
	free(path);
	out->rows = 3;
	return rc;
}

static int small_evaluate(const struct fm_evaluate_in *in, struct fm_evaluate_out *out, struct fm_error *err)
{
	char text[400];
	int rc = obey(FM_EVALUATE, in->out_dir, err);

	(void)out;
	snprintf(text, sizeof text,
		 "[{\"name\":\"jsd.SA\",\"value\":%g,\"n\":3},{\"name\":\"time.PAIR_real\",\"value\":0.4321,\"n\":139},"
		 "{\"name\":\"heavy.SA_flows_top10_real\",\"value\":0.5432,\"n\":139},"
		 "{\"name\":\"tstr.f1.trees.dos\",\"value\":0.6543,\"n\":139}]",
		 plan.metric);
	if (rc || (rc = put(in->out_dir, "metrics.json", text, err)))
		return rc;
	/* Two controls, as the gate wants them: real flows and useless ones. */
	return put(in->out_dir, "controls.json",
		   "{\"format\":\"flowmint-controls/1\",\"rows\":100,\"limit\":0.005,\"floor\":[],\"controls\":["
		   "{\"name\":\"fresh\",\"kind\":\"positive\",\"level\":0,\"expected\":\"pass\","
		   "\"metrics\":[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":100}]},"
		   "{\"name\":\"constant\",\"kind\":\"negative\",\"level\":0,\"expected\":\"fail\","
		   "\"metrics\":[{\"name\":\"jsd.SA\",\"value\":0.6,\"n\":100}]}]}",
		   err);
}

static int small_gate(const struct fm_gate_in *in, struct fm_gate_out *out, struct fm_error *err)
{
	int rc = obey(FM_GATE, in->out_dir, err);

	return rc ? rc : fm_stage_gate(in, out, err);
}

static int small_release(const struct fm_release_in *in, struct fm_release_out *out, struct fm_error *err)
{
	char *text = json_dumps(in->manifest, JSON_SORT_KEYS), name[128];
	int rc = obey(FM_RELEASE, in->out_dir, err);

	snprintf(name, sizeof name, "%s-%s.tar.zst", in->cfg->release.name, in->cfg->release.version);
	if (!rc)
		rc = put(in->out_dir, name, plan.bad_archive ? "bad" : text, err);
	snprintf(out->archive, sizeof out->archive, "%s/%s", in->out_dir, name);
	if (!rc)
		rc = fm_sha256_file_hex(out->archive, out->archive_sha256, err);
	memcpy(out->tar_sha256, out->archive_sha256, sizeof out->tar_sha256);
	free(text);
	return rc;
}

static int small_verify(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err)
{
	struct fm_buf b = {0};
	int rc = fm_file_read(in->archive, 1u << 20, &b, err);

	if (!rc) {
		struct fm_archive_digests *d = &report->info.digests;

		d->nbytes = d->tar_nbytes = b.len;
		rc = fm_sha256_file_hex(in->archive, d->sha256, err);
		memcpy(d->tar_sha256, d->sha256, sizeof d->sha256);
		fm_buf_add(&report->info.manifest, b.data, b.len); /* the archive is the manifest itself */
		if (!rc)
			rc = signed_by(in, report, err);
	}
	if (!rc && plan.link[0]) {
		char elsewhere[400];

		snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
		rc = rename(plan.link, elsewhere) || symlink(elsewhere, plan.link) ? fm_fail_errno(err, "link") : FM_OK;
		plan.link[0] = '\0';
	}
	if (!rc && strcmp(b.data, "bad") == 0)
		rc = fm_fail(err, FM_EVERDICT, "bad-signature");
	fm_buf_free(&b);
	return rc;
}

/* The archive is the manifest, whose form is looked at when it is verified. */
static int small_again(const struct fm_release_in *in, const char *archive, struct fm_release_out *out,
		       struct fm_error *err)
{
	int rc;

	snprintf(out->archive, sizeof out->archive, "%s/%s", in->out_dir, strrchr(archive, '/') + 1);
	if ((rc = fm_sha256_file_hex(archive, out->archive_sha256, err)) < 0)
		return rc;
	memcpy(out->tar_sha256, out->archive_sha256, sizeof out->tar_sha256);
	return FM_OK;
}

static const struct fm_stages small = {small_ingest,   small_train, small_generate,
				       small_evaluate, small_gate,  small_release,
				       small_verify,   small_again, NULL};

/* ---- a project ---- */

static const char config_text[] =
    "preset: demo\n"
    "source: {path: trace.csv}\n"
    "gate: {jsd_mean8: null, jsd.PR: null, jsd.TS: null, jsd.TD: null, jsd.PKT: null, jsd.BYT: null, jsd.DA: null, "
    "leak.rows_equal: null,\n"
    "  leak.share_nearer_train: null, rules.broken_share: null, downstream.mse_ratio: null, pair_jsd: null,\n"
    "  assoc.mean: null, leak.family_p: null, leak.mia_model_auc: null, leak.echo_addr: null,\n"
    "  heavy.share_gap: null, burst.dispersion_gap: null, c2st.flow_blocks_auc: null,\n"
    "  anomaly.score_correlation: null, host.LIFE: null, host.TALK: null, jsd.TY: null,\n"
    "  tstr.macro_f1.trees: null, jsd.SA: 0.1}\n";

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct fm_error err = {0};

	(void)state;
	fm_log_quiet(1);
	memset(&plan, 0, sizeof plan);
	plan.metric = 0.05;
	plan.kill_in = plan.fail_in = plan.hang_in = plan.peek_in = -1;
	snprintf(dir, sizeof dir, "%s/fm-runner-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(trace, sizeof trace, "%s/trace.csv", dir);
	snprintf(workspace, sizeof workspace, "%s/workspace", dir);
	snprintf(out_dir, sizeof out_dir, "%s/release", dir);
	snprintf(yaml, sizeof yaml, "%s/release.yaml", dir);
	if (fm_project_init(dir, "demo", "tester", &err) ||
	    fm_file_write(yaml, 0644, config_text, sizeof config_text - 1, &err) ||
	    fm_file_write(trace, 0600, "three private flows", 19, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	confined = fm_sandbox_probe(&err) == FM_OK;
	return 0;
}

static int teardown(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(dir, &err);
}

struct how {
	const char *set[2];
	int nset, until;
	bool force;
	bool keep;    /* what lies in the release folder; else it is emptied first, for the version to be free */
	bool replace; /* where releases are kept too */
};

static int run_how(struct how how, struct fm_run *run, struct fm_error *err)
{
	struct fm_run_options o = {
	    .workspace = workspace, .until = how.until, .force = how.force, .unconfined = !confined, .stages = &small};
	struct fm_config *cfg = NULL;
	int rc;

	memset(run, 0, sizeof *run);
	if (fm_config_load(&cfg, yaml, how.set, how.nset, err))
		fail_msg("%s", err->message);
	o.cfg = cfg;
	o.replace = how.replace || !how.keep;
	if (!how.keep && fm_dir_remove(out_dir, err))
		fail_msg("%s", err->message);
	rc = fm_runner_run(&o, run, err);
	fm_config_free(cfg);
	return rc;
}

static const struct how plain = {.until = FM_RELEASE};

/* Run to a release; digest of the tar in hex, and how many stages were cached. */
static int run_well(struct how how, char hex[FM_SHA256_HEX])
{
	struct fm_run run;
	struct fm_error err;
	int cached = 0;

	if (run_how(how, &run, &err))
		fail_msg("%s", err.message);
	assert_true(run.has_verdict && run.verdict.pass);
	assert_true(fm_file_exists(run.archive));
	assert_int_equal(run.nstages, FM_NSTAGES);
	for (int i = 0; i < FM_NSTAGES; i++)
		cached += run.stage[i].cached;
	if (hex)
		memcpy(hex, run.tar_sha256, FM_SHA256_HEX);
	fm_run_free(&run);
	return cached;
}

static void expect_nothing_released(void)
{
	struct fm_error err;
	char **names;
	size_t n;

	if (!fm_file_exists(out_dir) && access(out_dir, F_OK))
		return;
	assert_int_equal(fm_dir_list(out_dir, &names, &n, &err), FM_OK);
	assert_int_equal(n, 0);
	fm_names_free(names, n);
}

static void expect_no_temporary_files(void)
{
	struct fm_error err;
	char **names;
	size_t n;

	for (int i = 0; i < FM_NSTAGES; i++) {
		char path[400];

		snprintf(path, sizeof path, "%s/stages/%s", workspace, fm_stage_name(i));
		if (access(path, F_OK))
			continue;
		assert_int_equal(fm_dir_list(path, &names, &n, &err), FM_OK);
		for (size_t j = 0; j < n; j++)
			assert_int_not_equal(names[j][0], '.');
		fm_names_free(names, n);
	}
}

/* ---- the tests ---- */

static void test_run_releases_and_repeats(void **state)
{
	char first[FM_SHA256_HEX], second[FM_SHA256_HEX], third[FM_SHA256_HEX], sig[400];
	struct stat st;

	(void)state;
	assert_int_equal(run_well(plain, first), 0);
	snprintf(sig, sizeof sig, "%s/demo-1.0.0.tar.zst.sig", out_dir);
	assert_true(fm_file_exists(sig));
	assert_int_equal(stat(workspace, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(run_well((struct how){.until = FM_RELEASE, .keep = true}, second), 5);
	assert_string_equal(first, second);
	assert_int_equal(run_well((struct how){.until = FM_RELEASE, .force = true, .keep = true}, third), 0);
	assert_string_equal(first, third);
	expect_no_temporary_files();
}

static void test_json_has_the_shape_of_the_contract(void **state)
{
	static const char *const keys[] = {"run", "stages", "metrics", "verdict", "checks", "archive"};
	struct fm_run run;
	struct fm_error err;
	json_t *doc, *stage;

	(void)state;
	assert_int_equal(run_how(plain, &run, &err), FM_OK);
	doc = fm_run_json(&run);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		assert_non_null(json_object_get(doc, keys[i]));
	assert_string_equal(json_string_value(json_object_get(doc, "verdict")), "pass");
	assert_true(json_number_value(json_object_get(json_object_get(json_object_get(doc, "metrics"), "jsd"), "SA")) ==
		    0.05);
	stage = json_array_get(json_object_get(doc, "stages"), 1);
	assert_string_equal(json_string_value(json_object_get(stage, "name")), "train");
	assert_true(json_is_number(json_object_get(stage, "seconds")) &&
		    json_is_integer(json_object_get(stage, "peak_rss_bytes")) &&
		    json_is_false(json_object_get(stage, "cached")));
	json_decref(doc);
	fm_run_free(&run);
}

static void test_only_what_depends_on_a_change_is_made_again(void **state)
{
	(void)state;
	assert_int_equal(run_well(plain, NULL), 0);
	assert_int_equal(run_well((struct how){{"train.threads=7"}, 1, FM_RELEASE, false, false, false}, NULL), 5);
	assert_int_equal(run_well((struct how){{"gate.jsd.SA=0.2"}, 1, FM_RELEASE, false, false, false}, NULL), 4);
	assert_int_equal(run_well((struct how){{"generate.seed=9"}, 1, FM_RELEASE, false, false, false}, NULL),
			 4); /* the same flows come out */
	assert_int_equal(run_well((struct how){{"train.steps=77"}, 1, FM_RELEASE, false, false, false}, NULL),
			 2); /* other flows, the same metrics */
	assert_int_equal(run_well((struct how){{"release.version=2.0"}, 1, FM_RELEASE, false, false, false}, NULL), 5);
}

static void test_changed_trace_is_noticed(void **state)
{
	struct fm_error err;

	(void)state;
	assert_int_equal(run_well(plain, NULL), 0);
	assert_int_equal(fm_file_write(trace, 0600, "three private flowz", 19, &err), FM_OK);
	assert_true(run_well(plain, NULL) < 5);
}

static void test_failed_gate_leaves_nothing(void **state)
{
	struct fm_run run;
	struct fm_error err;
	json_t *doc;

	(void)state;
	plan.metric = 0.5;
	assert_int_equal(run_how(plain, &run, &err), FM_OK);
	assert_true(run.has_verdict && !run.verdict.pass);
	assert_int_equal(run.nstages, FM_GATE + 1);
	assert_string_equal(run.archive, "");
	doc = fm_run_json(&run);
	assert_string_equal(json_string_value(json_object_get(doc, "verdict")), "fail");
	assert_true(json_is_null(json_object_get(doc, "archive")));
	json_decref(doc);
	fm_run_free(&run);
	expect_nothing_released();
}

static void test_unknown_check_is_a_failure(void **state)
{
	struct fm_run run;
	struct fm_error err;

	(void)state;
	assert_int_equal(run_how((struct how){{"gate.jsd.DP=0.5"}, 1, FM_RELEASE, false, false, false}, &run, &err),
			 FM_OK);
	assert_false(run.verdict.pass);
	fm_run_free(&run);
	expect_nothing_released();
}

static void test_failed_gate_keeps_the_last_good_release(void **state)
{
	char before[FM_SHA256_HEX], after[FM_SHA256_HEX], archive[400];
	struct fm_run run;
	struct fm_error err;

	(void)state;
	run_well(plain, NULL);
	snprintf(archive, sizeof archive, "%s/demo-1.0.0.tar.zst", out_dir);
	assert_int_equal(fm_sha256_file_hex(archive, before, &err), FM_OK);
	plan.metric = 0.5; /* as if the code had changed */
	assert_int_equal(run_how((struct how){.until = FM_RELEASE, .force = true, .keep = true}, &run, &err), FM_OK);
	assert_false(run.verdict.pass);
	fm_run_free(&run);
	assert_int_equal(fm_sha256_file_hex(archive, after, &err), FM_OK);
	assert_string_equal(before, after);
}

/* A stage that dies or fails, any of them, releases nothing, leaves no half files, and the next run ends with the bytes
 * that an undisturbed one has. */
static void test_any_stage_may_die(void **state)
{
	char expected[FM_SHA256_HEX], got[FM_SHA256_HEX];
	struct fm_error err;

	run_well(plain, expected);
	/* Another project has another secret: keep this one, begin with a new workspace. */
	for (int id = 0; id < FM_NSTAGES; id++)
		for (int kind = 0; kind < (id < FM_GATE ? 1 : 2); kind++) {
			struct fm_run run;

			assert_int_equal(fm_dir_remove(workspace, &err), FM_OK);
			assert_int_equal(fm_dir_remove(out_dir, &err), FM_OK);
#ifdef __SANITIZE_ADDRESS__
			kind = 1; /* only failing: the sanitizer takes the fault for its own */
#endif
			*(kind ? &plan.fail_in : &plan.kill_in) = id;
			assert_int_equal(run_how(plain, &run, &err), FM_ESYSTEM);
			assert_non_null(strstr(err.message, kind ? "No space left" : "killed by signal 11"));
			fm_run_free(&run);
			expect_nothing_released();
			expect_no_temporary_files();
			plan.fail_in = plan.kill_in = -1;
			assert_int_equal(run_well(plain, got), id < FM_RELEASE ? id : 5);
			assert_string_equal(got, expected);
		}
	(void)state;
}

/* SIGKILL of the whole run while a stage is at work. */
static void test_killed_run_goes_on(void **state)
{
	char expected[FM_SHA256_HEX], got[FM_SHA256_HEX];
	struct fm_error err;
	int status;
	pid_t pid;

	(void)state;
	run_well(plain, expected);
	assert_int_equal(fm_dir_remove(workspace, &err), FM_OK);
	assert_int_equal(fm_dir_remove(out_dir, &err), FM_OK);
	plan.hang_in = FM_GENERATE;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct fm_run run;
		int rc = run_how(plain, &run, &err);

		_exit(rc ? 1 : 0);
	}
	plan.hang_in = -1;
	/* until the temporary folder of generate is there */
	for (int i = 0; i < 30000; i++) {
		char path[400];

		snprintf(path, sizeof path, "%s/stages/generate/.tmp-%ld", workspace, (long)pid);
		if (access(path, F_OK) == 0)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(run_well(plain, got), 2);
	assert_string_equal(got, expected);
	expect_no_temporary_files();
}

static void test_two_runs_do_not_collide(void **state)
{
	struct fm_run run;
	struct fm_error err;
	char words[64];
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		plan.hang_in = FM_INGEST;
		_exit(run_how(plain, &run, &err) ? 1 : 0);
	}
	for (int i = 0; i < 30000; i++) {
		char path[400];

		snprintf(path, sizeof path, "%s/stages/ingest/.tmp-%ld", workspace, (long)pid);
		if (access(path, F_OK) == 0)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	assert_int_equal(run_how(plain, &run, &err), FM_ESYSTEM);
	snprintf(words, sizeof words, "process %ld", (long)pid);
	assert_non_null(strstr(err.message, words));
	fm_run_free(&run);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* It says that it was told to stop, or the signal came before its stage was under way and ended it at once. */
	assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 1 : WTERMSIG(status) == SIGTERM);
	run_well(plain, NULL);
}

static void test_tampered_workspace_is_made_again(void **state)
{
	char expected[FM_SHA256_HEX], got[FM_SHA256_HEX], path[700];
	struct fm_buf b = {0};
	struct fm_run run;
	struct fm_error err;

	(void)state;
	assert_int_equal(run_how(plain, &run, &err), FM_OK);
	memcpy(expected, run.tar_sha256, sizeof expected);
	snprintf(path, sizeof path, "%s/synthetic.sealed", run.stage[FM_GENERATE].entry);
	assert_int_equal(fm_file_read(path, 1 << 20, &b, &err), FM_OK);
	b.data[b.len / 2] ^= 1;
	assert_int_equal(fm_file_write(path, 0600, b.data, b.len, &err), FM_OK);
	fm_buf_free(&b);
	fm_run_free(&run);
	assert_int_equal(run_well(plain, got), 4);
	assert_string_equal(got, expected);
}

static void test_archive_that_does_not_verify_stays_inside(void **state)
{
	struct fm_run run;
	struct fm_error err;

	(void)state;
	plan.bad_archive = true;
	assert_int_equal(run_how(plain, &run, &err), FM_EVERDICT);
	assert_non_null(strstr(err.message, "does not verify"));
	fm_run_free(&run);
	expect_nothing_released();
}

/* A version that was released is not released again as another one; what repeats it is welcome. */
static void test_taken_version_is_refused_before_training(void **state)
{
	static const struct how other = {{"generate.seed=9"}, 1, FM_RELEASE, .keep = true},
				same = {.until = FM_RELEASE, .keep = true};
	char archive[400], before[FM_SHA256_HEX], after[FM_SHA256_HEX];
	struct fm_run run;
	struct fm_error err;

	(void)state;
	snprintf(archive, sizeof archive, "%s/demo-1.0.0.tar.zst", out_dir);
	run_well(plain, before);
	assert_int_equal(run_how(other, &run, &err), FM_EINPUT);
	assert_int_equal(run.nstages, 0);
	assert_non_null(strstr(err.message, "release.version"));
	assert_non_null(strstr(err.message, "r0001"));
	assert_non_null(strstr(err.message, "generate differs"));
	fm_run_free(&run);
	run_well((struct how){{"train.threads=3"}, 1, FM_RELEASE, .keep = true}, after);
	assert_string_equal(before, after);
	/* One that does not rise, and a number that does not. */
	assert_int_equal(run_how((struct how){{"release.version=0.9"}, 1, FM_RELEASE, .keep = true}, &run, &err),
			 FM_EINPUT);
	assert_int_equal(run.nstages, 0);
	assert_non_null(strstr(err.message, "release.version"));
	fm_run_free(&run);
	assert_int_equal(
	    run_how((struct how){{"release.version=1.1", "publish.sequence=1"}, 2, FM_RELEASE, .keep = true}, &run,
		    &err),
	    FM_EINPUT);
	assert_int_equal(run.nstages, 0);
	assert_non_null(strstr(err.message, "publish.sequence"));
	fm_run_free(&run);
	/* Other flows in the trace: known when they are ingested. */
	assert_int_equal(fm_file_write(trace, 0600, "three private flowz", 19, &err), FM_OK);
	assert_int_equal(run_how(same, &run, &err), FM_EINPUT);
	assert_int_equal(run.nstages, FM_INGEST + 1);
	assert_non_null(strstr(err.message, "the trace differs"));
	fm_run_free(&run);
	/* An archive that nobody here made. */
	assert_int_equal(fm_file_write(archive, 0644, "x", 1, &err), FM_OK);
	assert_int_equal(run_how(same, &run, &err), FM_EINPUT);
	assert_int_equal(run.nstages, 0);
	fm_run_free(&run);
}

/* Never a signature beside an archive that it is not of: what was released is not replaced, and what a killed run left
 * without a signature gets one when it is whole. */
static void test_released_archive_is_not_replaced(void **state)
{
	struct how other = {.until = FM_RELEASE, .force = true, .keep = true};
	char archive[400], sig[500], before[FM_SHA256_HEX], after[FM_SHA256_HEX], elsewhere[400], inside[600];
	struct fm_run run;
	struct fm_error err;

	(void)state;
	snprintf(archive, sizeof archive, "%s/demo-1.0.0.tar.zst", out_dir);
	snprintf(sig, sizeof sig, "%s.sig", archive);
	run_well(plain, NULL);
	plan.metric = 0.06; /* other bytes, as if the code had changed */
	assert_int_equal(run_how(other, &run, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "is taken"));
	fm_run_free(&run);
	/* Nobody was given it, but a signature cannot be removed: the archive stays. */
	other.replace = true;
	assert_int_equal(fm_sha256_file_hex(archive, before, &err), FM_OK);
	assert_int_equal(unlink(sig), 0);
	assert_int_equal(mkdir(sig, 0755), 0);
	snprintf(inside, sizeof inside, "%s/x", sig);
	assert_int_equal(fm_file_write(inside, 0644, "x", 1, &err), FM_OK);
	assert_true(run_how(other, &run, &err) < 0);
	fm_run_free(&run);
	assert_int_equal(fm_sha256_file_hex(archive, after, &err), FM_OK);
	assert_string_equal(before, after);
	assert_int_equal(fm_dir_remove(sig, &err), FM_OK);
	/* An archive that cannot be replaced, a link that came while the run was at work. */
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
	snprintf(plan.link, sizeof plan.link, "%s", archive);
	plan.metric = 0.07;
	assert_true(run_how(other, &run, &err) < 0);
	fm_run_free(&run);
	assert_int_not_equal(access(sig, F_OK), 0);
	assert_int_equal(fm_sha256_file_hex(elsewhere, after, &err), FM_OK);
	assert_string_equal(before, after);
}

static void test_no_stage_sees_more_than_its_row(void **state)
{
	struct fm_error err;

	(void)state;
	if (!confined)
		skip();
	for (int id = 0; id < FM_NSTAGES; id++) {
		assert_int_equal(fm_dir_remove(workspace, &err), FM_OK);
		plan.peek_in = id;
		run_well(plain, NULL);
	}
}

/* The public half of the manifest: no digest of a private thing that a guess could be tested with, nothing of the
 * occasion. */
static void test_manifest_gives_nothing_away(void **state)
{
	char path[400];
	struct fm_buf b = {0};
	struct fm_run run;
	struct fm_error err;

	(void)state;
	assert_int_equal(run_how(plain, &run, &err), FM_OK);
	snprintf(path, sizeof path, "%s/demo-1.0.0.tar.zst", out_dir);
	assert_int_equal(fm_file_read(path, 1u << 20, &b, &err), FM_OK);
	assert_null(strstr(b.data, json_string_value(json_object_get(run.stage[FM_INGEST].inputs, "trace"))));
	assert_null(strstr(b.data, run.stage[FM_INGEST].output));
	assert_null(strstr(b.data, run.stage[FM_TRAIN].output));
	assert_null(strstr(b.data, dir));
	assert_null(strstr(b.data, "seconds"));
	assert_null(strstr(b.data, "threads"));
	assert_non_null(strstr(b.data, run.stage[FM_GENERATE].output));
	assert_non_null(strstr(b.data, "\"statement\""));
	assert_non_null(strstr(b.data, confined ? "namespaces" : "unconfined"));
	fm_buf_free(&b);
	fm_run_free(&run);
}

/* What an archive of small_release's, the manifest itself, says of a metric; NULL when it does not name it. */
static const json_t *published(const json_t *manifest, const char *name)
{
	const json_t *list = json_object_get(manifest, "metrics"), *m;
	size_t i;

	json_array_foreach((json_t *)list, i,
			   m) if (strcmp(json_string_value(json_object_get(m, "name")), name) == 0) return m;
	return NULL;
}

static json_t *manifest_of(struct how how)
{
	struct fm_run run;
	struct fm_error err;
	json_t *manifest;

	if (run_how(how, &run, &err))
		fail_msg("%s", err.message);
	assert_true(run.verdict.pass);
	assert_non_null(manifest = json_load_file(run.archive, 0, NULL));
	/* The workspace and who runs it keep everything. */
	assert_int_equal(run.metrics.n, 4);
	assert_true(fm_metrics_find(&run.metrics, "heavy.SA_flows_top10_real")->value == 0.5432);
	fm_run_free(&run);
	return manifest;
}

static void test_manifest_has_no_number_of_the_real_flows_alone(void **state)
{
	static const char *const keys[] = {"name", "kind", "level", "expected", "got", "ok", "failed_checks"};
	json_t *closed = manifest_of(plain),
	       *open = manifest_of((struct how){{"publish.report=histograms"}, 1, FM_RELEASE, false, false, false}),
	       *checked = manifest_of(
		   (struct how){{"gate.heavy.SA_flows_top10_real=0.6"}, 1, FM_RELEASE, false, false, false}),
	       *c;
	char *text = json_dumps(closed, 0);
	bool told = false;
	size_t i;

	(void)state;
	assert_null(strstr(text, "_real"));
	assert_null(strstr(text, ": 139")); /* the number; a digest may have these digits */
	assert_null(strstr(text, "0.4321"));
	assert_non_null(published(closed, "jsd.SA"));
	assert_int_equal(json_integer_value(json_object_get(published(closed, "tstr.f1.trees.dos"), "n")), 120);
	assert_non_null(published(open, "time.PAIR_real"));
	assert_null(published(open, "heavy.SA_flows_top10_real"));
	assert_int_equal(json_integer_value(json_object_get(published(open, "tstr.f1.trees.dos"), "n")), 120);
	/* Controls are real flows: what they scored stays, what became of them goes out. */
	assert_int_equal(json_array_size(json_object_get(closed, "controls")), 2);
	json_array_foreach(json_object_get(closed, "controls"), i, c)
	{
		assert_int_equal(json_object_size(c), 7);
		for (size_t k = 0; k < 7; k++)
			assert_non_null(json_object_get(c, keys[k]));
	}
	/* A check of such a metric is the config's, and so is its line. */
	assert_null(published(checked, "heavy.SA_flows_top10_real"));
	json_array_foreach(json_object_get(checked, "checks"), i,
			   c) if (strcmp(json_string_value(json_object_get(c, "name")), "heavy.SA_flows_top10_real") ==
				  0) told = json_real_value(json_object_get(c, "value")) == 0.5432;
	assert_true(told);
	free(text);
	json_decref(closed);
	json_decref(open);
	json_decref(checked);
}

static void test_missing_secret_or_key_stops_before_publication(void **state)
{
	struct fm_run run;
	struct fm_error err;
	char path[400];

	(void)state;
	snprintf(path, sizeof path, "%s/keys/commitment.key", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run_how(plain, &run, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "commitment.key"));
	fm_run_free(&run);
	snprintf(path, sizeof path, "%s/keys/release.key", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run_how(plain, &run, &err), FM_EINPUT);
	assert_int_equal(run.nstages, 0); /* found before anything was done */
	fm_run_free(&run);
	expect_nothing_released();
}

/* A refused trace leaves its bad rows where the message says, for the owner alone, until the next ingest; the message
 * and the ledger have nothing of a row. */
static void test_refused_rows_are_kept_and_not_told(void **state)
{
	char path[400], ledger[400];
	struct fm_run run;
	struct fm_error err;
	struct fm_buf b = {0};
	struct stat st;

	(void)state;
	plan.blab = true;
	assert_int_equal(run_how(plain, &run, &err), FM_EINPUT);
	fm_run_free(&run);
	snprintf(path, sizeof path, "%s/quarantine/r0001.csv", workspace);
	assert_non_null(strstr(err.message, path));
	assert_non_null(strstr(err.message, "line 1 is bad"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(ledger, sizeof ledger, "%s/ledger.db", workspace);
	assert_int_equal(fm_file_read(ledger, 1u << 24, &b, &err), FM_OK);
	assert_null(memmem(b.data, b.len, "42.219", 6));
	assert_non_null(memmem(b.data, b.len, "line 1 is bad", 13));
	fm_buf_free(&b);
	assert_int_equal(run_how(plain, &run, &err), FM_EINPUT);
	assert_null(strstr(err.message, "42.219"));
	assert_null(strstr(err.message, "TCP"));
	assert_null(strstr(err.message, "db8"));
	assert_non_null(strstr(err.message, "at 10:00:00"));
	fm_run_free(&run);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/quarantine/r0002.csv", workspace);
	assert_int_equal(access(path, F_OK), 0);
	plan.blab = false;
	run_well(plain, NULL);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_until_stops_there(void **state)
{
	struct fm_run run;
	struct fm_error err;

	(void)state;
	assert_int_equal(run_how((struct how){.until = FM_TRAIN}, &run, &err), FM_OK);
	assert_int_equal(run.nstages, FM_TRAIN + 1);
	assert_false(run.has_verdict);
	fm_run_free(&run);
	expect_nothing_released();
	assert_int_equal(run_well(plain, NULL), 2);
}

static void reproduce(const char *what, bool from_model, int expected, const char *verdict)
{
	struct fm_reproduce_in in = {workspace, what, from_model, !confined, &small};
	struct fm_error err = {0};
	json_t *report = NULL;
	char path[400];
	int rc = fm_reproduce(&in, &report, &err);

	if (rc != expected)
		fail_msg("%d instead of %d: %s", rc, expected, err.message);
	if (verdict)
		assert_string_equal(json_string_value(json_object_get(report, "verdict")), verdict);
	else
		assert_null(report);
	json_decref(report);
	snprintf(path, sizeof path, "%s/reproduce-tmp", workspace);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_reproduce_compares(void **state)
{
	struct fm_error err;
	char archive[400];

	(void)state;
	run_well((struct how){{"train.steps=77"}, 1, FM_RELEASE, false, false, false}, NULL);
	snprintf(archive, sizeof archive, "%s/demo-1.0.0.tar.zst", out_dir);
	reproduce("r0001", false, FM_OK, "same");
	reproduce("r0001", true, FM_OK, "same");
	reproduce(archive, false, FM_OK, "same");
	reproduce("r0099", false, FM_EINPUT, NULL);
	plan.metric = 0.06; /* as if the code had changed */
	reproduce("r0001", true, FM_EVERDICT, "different");
	plan.metric = 0.05;
	assert_int_equal(fm_file_write(trace, 0600, "three private flowz", 19, &err), FM_OK);
	reproduce("r0001", true, FM_OK, "same");
	reproduce("r0001", false, FM_EVERDICT, "different");
	assert_int_equal(fm_file_write(archive, 0644, "x", 1, &err), FM_OK);
	reproduce(archive, false, FM_EVERDICT, NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_run_releases_and_repeats),
	    T(test_json_has_the_shape_of_the_contract),
	    T(test_only_what_depends_on_a_change_is_made_again),
	    T(test_changed_trace_is_noticed),
	    T(test_failed_gate_leaves_nothing),
	    T(test_unknown_check_is_a_failure),
	    T(test_failed_gate_keeps_the_last_good_release),
	    T(test_any_stage_may_die),
	    T(test_killed_run_goes_on),
	    T(test_two_runs_do_not_collide),
	    T(test_tampered_workspace_is_made_again),
	    T(test_archive_that_does_not_verify_stays_inside),
	    T(test_taken_version_is_refused_before_training),
	    T(test_released_archive_is_not_replaced),
	    T(test_no_stage_sees_more_than_its_row),
	    T(test_manifest_gives_nothing_away),
	    T(test_manifest_has_no_number_of_the_real_flows_alone),
	    T(test_missing_secret_or_key_stops_before_publication),
	    T(test_refused_rows_are_kept_and_not_told),
	    T(test_until_stops_there),
	    T(test_reproduce_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
