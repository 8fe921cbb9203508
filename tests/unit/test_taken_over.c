/* Stages that were taken over, alone and in chains: what they leave and say is refused, each with its own reason; with
 * the one look taken away (the linker puts ours in its place) the same stage gets through, so that the tests can fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/table.h"
#include "judge/histogram.h"
#include "manifests/canon.h"
#include "pipeline/keys.h"
#include "pipeline/manifest_public.h"
#include "pipeline/project.h"
#include "pipeline/runner.h"
#include "pipeline/vault.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/sandbox.h"
#include "tests/unit/signed_by.h"
#include "tests/unit/walls_once.h"

#define SECRET "10.11.12.13 called 14.15.16.17 at 09:41"

static char dir[256], workspace[300], out_dir[300], yaml[300], secret[300];
static bool confined, dry;

/* How a stage behaves that was taken over. */
enum crime {
	HONEST,
	LINK_TO_ROOT,
	LINK_TO_FILE,
	PIPE,
	ONE_FILE_MORE,
	ONE_FOLDER_MORE,
	SETUID,
	WRITABLE,
	HUGE,
	TEXT_IN_RESULT,
	TEXT_IN_INGEST,
	REASON_IN_INGEST,
	NAME_IN_METRICS,
	KEY_IN_METRICS,
	TEXT_IN_METRICS,
	LARGE_IN_METRICS,
	RANGE_IN_METRICS,
	COUNT_IN_METRICS,
	ROWS_IN_METRICS,
	HELD_OUT_IN_METRICS,
	SAMPLE_IN_METRICS,
	FAR_INTERVAL_IN_METRICS,
	INTERVAL_OF_Z_IN_METRICS,
	INTERVAL_OF_NOTHING_IN_METRICS,
	DIGITS_IN_METRICS,
	INTERVAL_IN_METRICS,
	LABEL_IN_METRICS,
	NAME_IN_CONTROLS,
	KEY_IN_CONTROLS,
	UNIT_IN_HISTOGRAMS,
	VALUE_IN_HISTOGRAMS,
	KEY_IN_HISTOGRAMS,
	WHY_IN_VERDICT,
	PASS_IN_VERDICT,
	SPACE_IN_VERDICT,
	NAME_OF_ARCHIVE,
	SIGNATURE_OF_ITS_OWN,
	MANIFEST_OF_ITS_OWN,
	KEY_FOR_ITSELF,
	WORDS_IN_ARCHIVE,
	DIGEST_OF_ITS_OWN,
	FILE_BESIDE_MODEL,
	RAW_METRICS, /* a document of evaluate's that is raw */
	RAW_CONTROLS,
	RAW_HISTOGRAMS,
	WORDS, /* evaluate fails, and says what is raw */
};
static enum crime crime;
static struct fm_buf raw;

/* ---- the looks, which a test may take away ---- */

static struct {
	bool tree, holds, result, metrics, controls, compare, digest;
	bool seal;   /* sealing the store, which follows no link either */
	bool calls;  /* filter and Landlock, which let no stage make a link in the first place */
	bool probes; /* the looks are away from what a run tries before it begins, not from its stages */
} off;

/* A run tries the looks before it begins, and would not begin. */
static bool of_this(const char *path)
{
	return off.probes == (strstr(path, "/probe-tmp/") != NULL);
}

int __real_fm_harvest_tree(const struct fm_config *, enum fm_stage_id, const char *, uint64_t, struct fm_error *);
int __wrap_fm_harvest_tree(const struct fm_config *cfg, enum fm_stage_id id, const char *path, uint64_t max,
			   struct fm_error *err);
int __wrap_fm_harvest_tree(const struct fm_config *cfg, enum fm_stage_id id, const char *path, uint64_t max,
			   struct fm_error *err)
{
	return off.tree && of_this(path) ? FM_OK : __real_fm_harvest_tree(cfg, id, path, max, err);
}

bool __real_fm_harvest_holds(const char *, const char *);
bool __wrap_fm_harvest_holds(const char *path, const char *name);
bool __wrap_fm_harvest_holds(const char *path, const char *name)
{
	char whole[700];
	struct stat st;

	if (!off.holds || !of_this(path))
		return __real_fm_harvest_holds(path, name);
	snprintf(whole, sizeof whole, "%s/%s", path, name ? name : "");
	return stat(whole, &st) == 0;
}

int __real_fm_vault_put(const struct fm_vault *, const char *, const char *, const char *, struct fm_run_stage *,
			struct fm_error *);
int __wrap_fm_vault_put(const struct fm_vault *v, const char *run_id, const char *folder, const char *output,
			struct fm_run_stage *s, struct fm_error *err);
int __wrap_fm_vault_put(const struct fm_vault *v, const char *run_id, const char *folder, const char *output,
			struct fm_run_stage *s, struct fm_error *err)
{
	return off.seal && v->stage == FM_INGEST ? FM_OK : __real_fm_vault_put(v, run_id, folder, output, s, err);
}

int __real_fm_harvest_result(const struct fm_config *, enum fm_stage_id, const json_t *, struct fm_error *);
int __wrap_fm_harvest_result(const struct fm_config *cfg, enum fm_stage_id id, const json_t *result,
			     struct fm_error *err);
int __wrap_fm_harvest_result(const struct fm_config *cfg, enum fm_stage_id id, const json_t *result,
			     struct fm_error *err)
{
	return off.result ? FM_OK : __real_fm_harvest_result(cfg, id, result, err);
}

int __real_fm_harvest_metrics(const json_t *, enum fm_harvest_list, const struct fm_harvest_rows *, struct fm_metrics *,
			      struct fm_error *);
int __wrap_fm_harvest_metrics(const json_t *list, enum fm_harvest_list of, const struct fm_harvest_rows *rows,
			      struct fm_metrics *out, struct fm_error *err);
int __wrap_fm_harvest_metrics(const json_t *list, enum fm_harvest_list of, const struct fm_harvest_rows *rows,
			      struct fm_metrics *out, struct fm_error *err)
{
	return off.metrics ? fm_metrics_from_list(out, list, err) : __real_fm_harvest_metrics(list, of, rows, out, err);
}

int __real_fm_harvest_controls(const struct fm_config *, const json_t *, struct fm_error *);
int __wrap_fm_harvest_controls(const struct fm_config *cfg, const json_t *doc, struct fm_error *err);
int __wrap_fm_harvest_controls(const struct fm_config *cfg, const json_t *doc, struct fm_error *err)
{
	return off.controls ? FM_OK : __real_fm_harvest_controls(cfg, doc, err);
}

int __real_fm_manifest_compare(const struct fm_config *, const struct fm_run *, const json_t *, json_t *,
			       struct fm_error *);
int __wrap_fm_manifest_compare(const struct fm_config *cfg, const struct fm_run *run, const json_t *histograms,
			       json_t *metrics, struct fm_error *err);
int __wrap_fm_manifest_compare(const struct fm_config *cfg, const struct fm_run *run, const json_t *histograms,
			       json_t *metrics, struct fm_error *err)
{
	return off.compare ? FM_OK : __real_fm_manifest_compare(cfg, run, histograms, metrics, err);
}

int __real_fm_folder_digest(const char *, const char *, bool, char *, struct fm_run_stage *, struct fm_error *);
int __wrap_fm_folder_digest(const char *name, const char *path, bool unconfined, char *hex, struct fm_run_stage *s,
			    struct fm_error *err);
int __wrap_fm_folder_digest(const char *name, const char *path, bool unconfined, char *hex, struct fm_run_stage *s,
			    struct fm_error *err)
{
	if (!off.digest || strcmp(name, "ingest") != 0)
		return __real_fm_folder_digest(name, path, unconfined, hex, s, err);
	memset(hex, 'a', FM_SHA256_HEX - 1); /* as the stage itself would have said */
	hex[FM_SHA256_HEX - 1] = '\0';
	return FM_OK;
}

int __real_fm_sandbox_filter(const struct fm_sandbox *, struct fm_error *);
int __wrap_fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err);
int __wrap_fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err)
{
	return off.calls && strcmp(box->name, "probe") != 0 ? FM_OK : __real_fm_sandbox_filter(box, err);
}

int __real_fm_sandbox_landlock(const struct fm_sandbox *, struct fm_error *);
int __wrap_fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err);
int __wrap_fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err)
{
	return off.calls && strcmp(box->name, "probe") != 0 ? FM_OK : __real_fm_sandbox_landlock(box, err);
}

/* ---- the stages ---- */

static int put(const char *folder, const char *name, const char *text, struct fm_error *err)
{
	char *path = fm_path_join(folder, name);
	int rc = fm_file_write(path, 0600, text, strlen(text), err);

	free(path);
	return rc;
}

static char *in_folder(const char *folder, const char *name)
{
	static char path[8][700];
	static int next;
	char whole[700], *p = path[next++ % 8];

	snprintf(whole, sizeof whole, "%s/%s", folder, name);
	memcpy(p, whole, sizeof whole);
	return p;
}

static int commit_crime(const char *folder, struct fm_error *err)
{
	const char *td = in_folder(folder, "train");
	int fd;

	switch (crime) {
	case LINK_TO_ROOT:
		return fm_dir_remove(td, err) < 0 || symlink("/", td) ? fm_fail_errno(err, "%s", td) : FM_OK;
	case LINK_TO_FILE:
		return symlink(secret, in_folder(td, "da.npy")) ? fm_fail_errno(err, "%s", td) : FM_OK;
	case PIPE:
		return mkfifo(in_folder(td, "da.npy"), 0600) ? fm_fail_errno(err, "%s", td) : FM_OK;
	case ONE_FILE_MORE:
		return put(td, "notes", SECRET, err);
	case ONE_FOLDER_MORE:
		return fm_dir_make(in_folder(folder, "more"), 0700, err);
	case SETUID:
		return chmod(in_folder(td, "sa.npy"), 04700) ? fm_fail_errno(err, "%s", td) : FM_OK;
	case WRITABLE:
		return chmod(td, 0777) ? fm_fail_errno(err, "%s", td) : FM_OK;
	case HUGE:
		if ((fd = open(in_folder(td, "da.npy"), O_WRONLY | O_CREAT, 0600)) < 0 ||
		    ftruncate(fd, INT64_C(1) << 42))
			return fm_fail_errno(err, "%s", td);
		close(fd);
		return FM_OK;
	default:
		return FM_OK;
	}
}

static int small_ingest(const struct fm_ingest_in *in, struct fm_ingest_out *out, struct fm_error *err)
{
	static const char *const parts[] = {"train", "validation", "holdout"};
	int rc;

	for (int i = 0; i < 3; i++)
		if ((rc = fm_dir_make(in_folder(in->out_dir, parts[i]), 0700, err)) < 0 ||
		    (rc = put(in_folder(in->out_dir, parts[i]), "sa.npy", "rows", err)) < 0)
			return rc;
	if (crime == TEXT_IN_INGEST)
		out->rows = UINT64_MAX;
	out->rows = out->rows ? out->rows : 700;
	out->train_rows = 500;
	out->holdout_rows = 200;
	if (crime == REASON_IN_INGEST) {
		out->bad = 1;
		fm_left_out_add(&out->left_out, "sa " SECRET, 1);
		fm_left_out_add(&out->left_out, "sp is over 65535 (column 5)", 2);
	}
	return (rc = put(in->out_dir, "store.json", "{}", err)) < 0 ? rc : commit_crime(in->out_dir, err);
}

/* It has been taken over too, whatever ingest does: what it can read of the host goes into the model. */
static int small_train(const struct fm_train_in *in, struct fm_train_out *out, struct fm_error *err)
{
	struct fm_buf b = {0};
	int rc = fm_file_read(in_folder(in->train_dir, secret + 1), 1000, &b, err);

	if (strstr(in->cfg->source.path, "trace.csv"))
		return fm_fail(err, FM_EVERDICT, "train knows where the trace is");
	out->steps = 1;
	rc = put(in->out_dir, "weights.safetensors", rc == FM_OK ? b.data : "weights", err);
	if (rc == FM_OK && crime == FILE_BESIDE_MODEL)
		rc = put(in->out_dir, "marginals.txt", SECRET, err);
	fm_buf_free(&b);
	return rc;
}

static int small_generate(const struct fm_generate_in *in, struct fm_generate_out *out, struct fm_error *err)
{
	struct fm_table *t = NULL;
	int rc;

	if ((rc = fm_table_new(&t, 1u << FM_TD | 1u << FM_LABEL, err)) || (rc = fm_table_reserve(t, 300, err)))
		goto out;
	for (int i = 0; i < 300; i++) {
		t->td[i] = (uint32_t)i;
		t->label[i] = (uint16_t)fm_dict_index(&t->dict[FM_LABEL], "dos", 3, true);
	}
	fm_dict_index(&t->dict[FM_LABEL], "scan44", 6, true); /* the model knows it, and no flow has it */
	t->rows = out->rows = 300;
	rc = fm_table_save(t, in->out_dir, err);
out:
	fm_table_free(t);
	return rc;
}

static const char *metrics_text(void)
{
	switch (crime) {
	case NAME_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300},{\"name\":\"row.10-11-12-13\",\"value\":1,"
		       "\"n\":1}]";
	case KEY_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300,\"row\":\"" SECRET "\"}]";
	case TEXT_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":\"" SECRET "\",\"n\":300}]";
	case LARGE_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300},{\"name\":\"jsd.DA\",\"value\":1e300,\"n\":300}"
		       "]";
	case COUNT_IN_METRICS: /* 500 of training, 200 of the holdout and 300 made */
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":2001}]";
	case ROWS_IN_METRICS:
		return "[{\"name\":\"rows.real\",\"value\":480,\"n\":480}]";
	case HELD_OUT_IN_METRICS:
		return "[{\"name\":\"rows.holdout\",\"value\":101,\"n\":200}]";
	case SAMPLE_IN_METRICS:
		return "[{\"name\":\"rows.judged_real\",\"value\":500,\"n\":500},"
		       "{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300,\"ci\":[0.0011,0.14]}]";
	case FAR_INTERVAL_IN_METRICS:
		return "[{\"name\":\"leak.mia_auc\",\"value\":0.5,\"n\":300,\"ci\":[-10.11,12.13]}]";
	case INTERVAL_OF_Z_IN_METRICS:
		return "[{\"name\":\"leak.unique_z\",\"value\":0.5,\"n\":300,\"ci\":[0.1,0.9]}]";
	case INTERVAL_OF_NOTHING_IN_METRICS:
		return "[{\"name\":\"leak.mia_auc\",\"value\":null,\"n\":300,\"ci\":[0.1011,0.1213]}]";
	case DIGITS_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.0101112131415,\"n\":300}]";
	case INTERVAL_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300,\"ci\":[10.11,12.13]}]";
	case LABEL_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300},"
		       "{\"name\":\"tstr.f1.trees.10-11-12-13\",\"value\":0.5,\"n\":300},"
		       "{\"name\":\"tstr.f1.trees.dos\",\"value\":0.5,\"n\":300},"
		       "{\"name\":\"tstr.f1.trees.scan44\",\"value\":0.5,\"n\":300},"
		       "{\"name\":\"tstr.f1.trees.dos-2\",\"value\":0.5,\"n\":300},"
		       "{\"name\":\"jsd.DA\",\"value\":0.01,\"n\":300}]";
	case RANGE_IN_METRICS:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300},"
		       "{\"name\":\"tstr.f1.trees.dos\",\"value\":10.112,\"n\":300}]";
	default:
		return "[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":300}]";
	}
}

static int put_histograms(const struct fm_evaluate_in *in, struct fm_error *err)
{
	struct fm_table *t = NULL;
	json_t *doc = NULL, *field;
	char *path = fm_path_join(in->out_dir, "histograms.json");
	int rc;

	if (crime == RAW_HISTOGRAMS) {
		rc = fm_file_write(path, 0600, raw.data, raw.len, err);
		goto out;
	}
	if ((rc = fm_table_open(&t, in->synthetic_dir, err)) < 0 || (rc = fm_histograms(t, t, NULL, &doc, err)) < 0)
		goto out;
	field = json_array_get(json_object_get(doc, "synthetic_cells"), 0);
	if (crime == UNIT_IN_HISTOGRAMS)
		json_object_set_new(field, "unit", json_string(SECRET));
	if (crime == KEY_IN_HISTOGRAMS)
		json_object_set_new(field, "name", json_string(SECRET));
	field = json_array_get(json_object_get(doc, "synthetic_cells"), 1);
	if (crime == VALUE_IN_HISTOGRAMS)
		json_array_set_new(json_object_get(field, "values"), 0, json_string(SECRET));
	rc = fm_json_save(doc, path, err);
out:
	fm_table_free(t);
	json_decref(doc);
	free(path);
	return rc;
}

static int small_evaluate(const struct fm_evaluate_in *in, struct fm_evaluate_out *out, struct fm_error *err)
{
	char text[900];
	int rc;

	if (strstr(in->cfg->source.path, "trace.csv"))
		return fm_fail(err, FM_EVERDICT, "evaluate knows where the trace is");
	snprintf(text, sizeof text,
		 "{\"format\":\"flowmint-controls/1\",\"rows\":100,\"limit\":0.005,\"floor\":[],\"controls\":["
		 "{\"name\":\"fresh\",\"kind\":\"positive\",\"level\":0,\"expected\":\"pass\","
		 "\"metrics\":[{\"name\":\"jsd.SA\",\"value\":0.01,\"n\":100}]},"
		 "{\"name\":\"%s\",\"kind\":\"negative\",\"level\":0,\"expected\":\"fail\",%s"
		 "\"metrics\":[{\"name\":\"jsd.SA\",\"value\":0.6,\"n\":100}]}]}",
		 crime == NAME_IN_CONTROLS ? "10.11.12.13" : "constant",
		 crime == KEY_IN_CONTROLS ? "\"row\":\"" SECRET "\"," : "");
	if (crime == WORDS)
		return fm_fail(err, FM_EVERDICT, "%s", raw.data);
	if ((rc = put(in->out_dir, "metrics.json", crime == RAW_METRICS ? raw.data : metrics_text(), err)) < 0 ||
	    (rc = put(in->out_dir, "controls.json", crime == RAW_CONTROLS ? raw.data : text, err)) < 0)
		return rc;
	if (crime == TEXT_IN_RESULT && (rc = fm_metrics_add(&out->metrics, "jsd.SA", 0.01, 300, err)) < 0)
		return rc;
	return put_histograms(in, err);
}

static int small_gate(const struct fm_gate_in *in, struct fm_gate_out *out, struct fm_error *err)
{
	struct fm_check_result *c;
	json_t *doc;
	char *path = fm_path_join(in->out_dir, "verdict.json");
	int rc;

	if ((rc = fm_stage_gate(in, out, err)) < 0)
		goto out;
	c = &out->verdict.check[0];
	if (crime == WHY_IN_VERDICT)
		snprintf(c->why, sizeof c->why, SECRET);
	if (crime == PASS_IN_VERDICT)
		c->value = c->threshold / 2;
	if (crime == SPACE_IN_VERDICT) {
		struct fm_buf b = {0};

		if ((rc = fm_file_read(path, 1u << 20, &b, err)) < 0)
			goto out;
		fm_buf_puts(&b, " \t \n");
		rc = fm_file_write(path, 0600, b.data, b.len, err);
		fm_buf_free(&b);
	} else if ((doc = fm_verdict_json(&out->verdict))) {
		rc = fm_json_save(doc, path, err);
		json_decref(doc);
	}
out:
	free(path);
	return rc;
}

static int small_release(const struct fm_release_in *in, struct fm_release_out *out, struct fm_error *err)
{
	char *text, name[128];
	json_t *manifest = json_deep_copy(in->manifest);
	int rc;

	if (crime == MANIFEST_OF_ITS_OWN)
		json_object_set_new(json_object_get(manifest, "config"), "preset", json_string("10.11.12.13"));
	if (crime == KEY_FOR_ITSELF && access(in_folder(dir, "keys/release.key"), R_OK) == 0)
		json_object_set_new(manifest, "key", json_string("readable"));
	text = json_dumps(manifest, JSON_SORT_KEYS);
	json_decref(manifest);
	snprintf(name, sizeof name, "%s-%s.tar.zst", in->cfg->release.name, in->cfg->release.version);
	if ((rc = put(in->out_dir, name, text, err)) < 0)
		goto out;
	snprintf(out->archive, sizeof out->archive, "%s/%s", in->out_dir, name);
	if ((rc = fm_sha256_file_hex(out->archive, out->archive_sha256, err)) < 0)
		goto out;
	memcpy(out->tar_sha256, out->archive_sha256, sizeof out->tar_sha256);
	if (crime == DIGEST_OF_ITS_OWN)
		memset(out->tar_sha256, 'a', sizeof out->tar_sha256 - 1);
	if (crime == NAME_OF_ARCHIVE)
		snprintf(out->archive, sizeof out->archive, "../../../../keys/release.key");
	if (crime == SIGNATURE_OF_ITS_OWN)
		rc = put(in->out_dir, strcat(name, ".sig"), "signature", err);
out:
	free(text);
	return rc;
}

static int small_verify(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err)
{
	struct fm_archive_digests *d = &report->info.digests;
	int rc;

	if ((rc = fm_sha256_file_hex(in->archive, d->sha256, err)) < 0)
		return rc;
	memcpy(d->tar_sha256, d->sha256, sizeof d->sha256);
	if ((rc = signed_by(in, report, err)) < 0)
		return rc;
	return fm_file_read(in->archive, 1u << 20, &report->info.manifest,
			    err); /* the archive is the manifest itself */
}

/* The archive is the manifest, whose form is looked at when it is verified. */
static int small_again(const struct fm_release_in *in, const char *archive, struct fm_release_out *out,
		       struct fm_error *err)
{
	int rc;

	if (crime == WORDS_IN_ARCHIVE)
		return fm_fail(err, FM_EVERDICT, "made again from its flows, README.md comes out otherwise");
	if (in->synthetic_dir || (confined && access(in_folder(dir, "keys/release.key"), R_OK) == 0))
		return fm_fail(err, FM_EVERDICT, "it sees more than the archive");
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

static const char config_text[] = "preset: demo\nsource: {path: trace.csv}\n";

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct fm_error err = {0};

	(void)state;
	fm_log_quiet(1);
	memset(&off, 0, sizeof off);
	crime = HONEST;
	snprintf(dir, sizeof dir, "%s/fm-taken-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(workspace, sizeof workspace, "%s/workspace", dir);
	snprintf(out_dir, sizeof out_dir, "%s/release", dir);
	snprintf(yaml, sizeof yaml, "%s/release.yaml", dir);
	snprintf(secret, sizeof secret, "%s/elsewhere", dir);
	if (fm_project_init(dir, "demo", "tester", &err) ||
	    fm_file_write(yaml, 0644, config_text, sizeof config_text - 1, &err) ||
	    fm_file_write(secret, 0600, SECRET, strlen(SECRET), &err) || put(dir, "trace.csv", "rows", &err)) {
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

static int only_jsd_sa(const char **set, char text[FM_CFG_MAXCHECKS][100])
{
	struct fm_config *cfg = NULL;
	struct fm_error err;
	int n = 0;

	if (fm_config_load(&cfg, yaml, NULL, 0, &err))
		fail_msg("%s", err.message);
	for (int i = 0; i < cfg->gate.n; i++) {
		snprintf(text[n], 100, "gate.%s=%s", cfg->gate.check[i].name,
			 strcmp(cfg->gate.check[i].name, "jsd.SA") == 0 ? "0.1" : "null");
		set[n] = text[n];
		n++;
	}
	fm_config_free(cfg);
	return n;
}

/* A whole run.  FM_OK and the text of the archive, the manifest itself; or the error. */
static int run(const char *more, struct fm_buf *manifest, struct fm_error *err)
{
	const char *set[FM_CFG_MAXCHECKS + 1];
	char text[FM_CFG_MAXCHECKS][100];
	struct fm_run_options o = {
	    .workspace = workspace, .until = FM_RELEASE, .unconfined = !confined, .dry = dry, .stages = &small};
	struct fm_config *cfg = NULL;
	struct fm_run done;
	int rc, n = only_jsd_sa(set, text);

	*err = (struct fm_error){0};
	if (more)
		set[n++] = more;
	if (fm_config_load(&cfg, yaml, set, n, err))
		fail_msg("%s", err->message);
	o.cfg = cfg;
	rc = fm_runner_run(&o, &done, err);
	if (rc == FM_OK && manifest) {
		assert_true(done.verdict.pass);
		assert_int_equal(fm_file_read(done.archive, 1u << 20, manifest, err), FM_OK);
	}
	fm_run_free(&done);
	fm_config_free(cfg);
	return rc;
}

static void expect_refused(enum crime what, const char *words)
{
	struct fm_error err;

	crime = what;
	if (run(NULL, NULL, &err) != FM_ESYSTEM)
		fail_msg("crime %d, code %d, expected \"%s\": %s", what, err.code, words, err.message);
	if (!strstr(err.message, words))
		fail_msg("expected \"%s\", got \"%s\"", words, err.message);
	assert_int_not_equal(access(out_dir, F_OK), 0);
	assert_null(strstr(err.message, SECRET));
}

/* ---- files ---- */

static void test_honest_stages_pass(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	if (run(NULL, &b, &err))
		fail_msg("%s", err.message);
	assert_null(strstr(b.data, SECRET));
	fm_buf_free(&b);
}

static void test_files_that_no_stage_makes_are_refused(void **state)
{
	struct fm_error err = {0};

	(void)state;
	/* What the filter, Landlock and the limits do not even let it make. */
	for (enum crime c = LINK_TO_ROOT; c <= PIPE; c++)
		expect_refused(c, "system call that no stage may make");
	expect_refused(SETUID, "system call that no stage may make");
	expect_refused(HUGE, "File too large");
	off.calls = true;
	expect_refused(LINK_TO_ROOT, "left train, a symbolic link");
	expect_refused(LINK_TO_FILE, "left train/da.npy, a symbolic link");
	expect_refused(PIPE, "left train/da.npy, neither a file nor a folder");
	expect_refused(SETUID, "left train/sa.npy, with a special mode");
	off.calls = false;
	expect_refused(WRITABLE, "left train, which every user may write");
	expect_refused(ONE_FILE_MORE, "left train/notes, a name that is not expected");
	expect_refused(ONE_FOLDER_MORE, "left more, a name that is not expected");
	expect_refused(FILE_BESIDE_MODEL, "left marginals.txt, a name that is not expected");
	expect_refused(NAME_OF_ARCHIVE, "archive is out of bounds");
	expect_refused(SIGNATURE_OF_ITS_OWN, ".sig, a name that is not expected there");
	expect_refused(MANIFEST_OF_ITS_OWN, "another manifest than it was given");
	expect_refused(WORDS_IN_ARCHIVE, "README.md comes out otherwise");
	expect_refused(DIGEST_OF_ITS_OWN, "another tar_sha256 than its archive has");
	dry = true; /* who asks what a release would be is told the same */
	expect_refused(WORDS_IN_ARCHIVE, "README.md comes out otherwise");
	expect_refused(DIGEST_OF_ITS_OWN, "another tar_sha256 than its archive has");
	dry = false;
	crime = KEY_FOR_ITSELF; /* it finds none, and so does as an honest one */
	if (confined && (access(in_folder(dir, "keys/release.key"), R_OK) || run(NULL, NULL, &err)))
		fail_msg("%s", err.message);
}

/* The first chain of the review: ingest leaves train -> /, the parent shows it to train, train reads the host. */
static void test_first_chain_is_one_without_the_looks(void **state)
{
	char path[700], opened[600], hex[FM_SHA256_HEX];
	struct fm_error err;
	struct fm_buf b = {0};
	char **names;
	size_t n;

	(void)state;
	crime = LINK_TO_ROOT;
	off.calls = off.tree = off.digest = off.seal = true; /* the last look holds alone */
	assert_int_equal(run(NULL, NULL, &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "is not where stage ingest should have put it"));
	off.holds = true;
	assert_int_equal(run(NULL, NULL, &err), FM_OK);
	snprintf(path, sizeof path, "%s/stages/train", workspace);
	assert_int_equal(fm_dir_list(path, &names, &n, &err), FM_OK);
	assert_int_equal(n, 1);
	snprintf(path, sizeof path, "%s/stages/train/%s", workspace, names[0]);
	snprintf(opened, sizeof opened, "%s/opened", dir);
	assert_int_equal(fm_dir_make(opened, 0700, &err), FM_OK);
	assert_int_equal(fm_vault_get(&(struct fm_vault){dir, path, names[0], FM_TRAIN, true}, opened, hex, NULL, &err),
			 FM_OK);
	snprintf(path, sizeof path, "%s/weights.safetensors", opened);
	assert_int_equal(fm_file_read(path, 1000, &b, &err), FM_OK);
	assert_string_equal(b.data, SECRET); /* the chain */
	fm_buf_free(&b);
	fm_names_free(names, n);
}

/* ---- what goes into the manifest ---- */

static void test_evaluate_says_nothing_but_numbers(void **state)
{
	(void)state;
	expect_refused(NAME_IN_METRICS, "a metric that is not registered");
	expect_refused(KEY_IN_METRICS, "an entry that is no metric");
	expect_refused(TEXT_IN_METRICS, "a value that is no number");
	expect_refused(LARGE_IN_METRICS, "a value that is no number of a metric");
	expect_refused(RANGE_IN_METRICS, "a value that no metric of its name has");
	expect_refused(DIGITS_IN_METRICS, "a value with more digits than are kept");
	expect_refused(INTERVAL_IN_METRICS, "an interval where none is measured");
	expect_refused(COUNT_IN_METRICS, "an impossible number of rows");
	expect_refused(ROWS_IN_METRICS, "an impossible number of rows");
	expect_refused(HELD_OUT_IN_METRICS, "an impossible number of rows");
	expect_refused(SAMPLE_IN_METRICS, "an impossible number of rows");
	expect_refused(FAR_INTERVAL_IN_METRICS, "an interval that reaches beyond what the metric can be");
	expect_refused(INTERVAL_OF_Z_IN_METRICS, "an interval where none is measured");
	expect_refused(INTERVAL_OF_NOTHING_IN_METRICS, "an interval that does not hold its value");
	expect_refused(NAME_IN_CONTROLS, "a control that nobody planted");
	expect_refused(KEY_IN_CONTROLS, "a control that nobody planted");
	expect_refused(UNIT_IN_HISTOGRAMS, "histograms that do not follow");
	expect_refused(VALUE_IN_HISTOGRAMS, "histograms that do not follow");
	expect_refused(KEY_IN_HISTOGRAMS, "histograms that do not follow");
}

static void test_gate_says_what_follows(void **state)
{
	(void)state;
	expect_refused(WHY_IN_VERDICT, "does not follow");
	expect_refused(PASS_IN_VERDICT, "does not follow");
	expect_refused(SPACE_IN_VERDICT, "does not follow");
}

static void test_ingest_says_nothing_but_numbers(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	expect_refused(TEXT_IN_INGEST, "rows is out of bounds");
	crime = REASON_IN_INGEST;
	if (run("release.version=3.0", &b, &err))
		fail_msg("%s", err.message);
	assert_null(strstr(b.data, "10.11.12.13"));
	assert_non_null(strstr(b.data, "\"other reasons\""));
	assert_non_null(strstr(b.data, "\"sp is over 65535\""));
	fm_buf_free(&b);
}

/* A label that no synthetic flow has is no name that a partner may read, nor is a number behind one; and metrics are in
 * the order of the registry, whatever theirs was. */
static void test_labels_are_those_of_the_public_table(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	crime = LABEL_IN_METRICS;
	if (run(NULL, &b, &err))
		fail_msg("%s", err.message);
	assert_null(strstr(b.data, "10-11-12-13"));
	assert_non_null(strstr(b.data, "tstr.f1.trees.dos"));
	assert_null(strstr(b.data, "tstr.f1.trees.dos-2"));
	assert_null(strstr(b.data, "tstr.f1.trees.scan44"));
	assert_true(strstr(b.data, "\"name\":\"jsd.DA\"") < strstr(b.data, "tstr.f1.trees.dos"));
	fm_buf_free(&b);
}

/* ---- documents that are no honest JSON, or are too much of it ---- */

static size_t peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	size_t kib = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtoul(line + 6, NULL, 10);
	fclose(f);
	assert_int_not_equal(kib, 0);
	return kib;
}

/* before, n times what, behind. */
static void make_raw(const char *before, const char *what, size_t n, const char *behind)
{
	fm_buf_free(&raw);
	fm_buf_puts(&raw, before);
	for (size_t i = 0; i < n; i++)
		fm_buf_puts(&raw, what);
	fm_buf_puts(&raw, behind);
	assert_false(raw.failed);
}

static void test_documents_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *before, *what;
		size_t n;
		const char *behind, *words;
	} doc[] = {
	    {"[", "[],", 4000000, "[]]", "more values than"},
	    {"{\"a\":[", "{},", 3000000, "{}]}", "more values than"},
	    {"[", "0,", 7000000, "0]", "more values than"},
	    {"", "[", 100000, "", "nested more than"},
	    {"", "{\"a\":", 100000, "", "nested more than"},
	    {"[{\"name\":\"jsd.SA\",\"value\":NaN,\"n\":300}]", "", 0, "", "not the JSON"},
	    {"[{\"name\":\"jsd.SA\",\"value\":1e999,\"n\":300}]", "", 0, "", "not the JSON"},
	    {"[{\"name\":\"jsd.SA\",\"value\":0,\"value\":1,\"n\":300}]", "", 0, "", "not the JSON"},
	    {"[{\"name\":\"jsd.SA\",\"value\":0,\"n\":300}] []", "", 0, "", "not the JSON"},
	    {"\xef\xbb\xbf[]", "", 0, "", "not the JSON"},
	    {"[\"\xc0\xaf\"]", "", 0, "", "not the JSON"},
	    {"[\"\\ud800\"]", "", 0, "", "not the JSON"},
	    {"[\"\\u0000\"]", "", 0, "", "not the JSON"},
	    {"[\033]2;x\007", "", 0, "", "not the JSON"},
	    {" ", " ", 1000, "", "not the JSON"},
	    {"", "", 0, "", "not the JSON"},
	};
	static const enum crime where[] = {RAW_METRICS, RAW_CONTROLS, RAW_HISTOGRAMS};
	size_t before = peak_kib();

	(void)state;
	/* Each place, and half of them; with LONG each in each. */
	for (size_t i = 0; i < sizeof doc / sizeof *doc; i++)
		for (size_t k = 0; k < sizeof where / sizeof *where; k++) {
			if ((k != i % 3 || i >= 8) && !getenv("LONG"))
				continue;
			make_raw(doc[i].before, doc[i].what, doc[i].n, doc[i].behind);
			expect_refused(where[k], doc[i].words);
		}
	if (peak_kib() > before + 256 * 1024)
		fail_msg("the parent took %zu MiB for what a stage said", (peak_kib() - before) >> 10);
	fm_buf_free(&raw);
}

/* Why a stage failed is told on a terminal, by whatever it is. */
static void test_words_of_a_stage_drive_no_terminal(void **state)
{
	struct fm_error err;

	(void)state;
	crime = WORDS;
	make_raw("\033]2;x\007\n\r\x9b\u202e ", "x", 40, "");
	assert_int_equal(run(NULL, NULL, &err), FM_EVERDICT);
	for (const char *c = err.message; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			fail_msg("byte %d in \"%s\"", *c, err.message);
	fm_buf_free(&raw);
}

/* The second chain, and its kin: with the one look away, the private row stands in the manifest. */
static void leaks(enum crime what, bool *look, const char *words)
{
	struct fm_buf b = {0};
	struct fm_error err;

	memset(&off, 0, sizeof off);
	crime = what;
	*look = true;
	if (run(NULL, &b, &err))
		fail_msg("%s", err.message);
	if (!strstr(b.data, words))
		fail_msg("crime %d did not reach the manifest without the look: the test of it proves nothing", what);
	fm_buf_free(&b);
	if (fm_dir_remove(out_dir, &err) || fm_dir_remove(workspace, &err))
		fail_msg("%s", err.message);
}

static void test_second_chain_is_one_without_the_looks(void **state)
{
	(void)state;
	leaks(UNIT_IN_HISTOGRAMS, &off.compare, SECRET);
	leaks(VALUE_IN_HISTOGRAMS, &off.compare, SECRET);
	leaks(KEY_IN_HISTOGRAMS, &off.compare, SECRET);
	leaks(LABEL_IN_METRICS, &off.compare, "10-11-12-13");
	leaks(NAME_IN_CONTROLS, &off.controls, "10.11.12.13");
}

/* Is an attempt of this name among those of the stage that got through? */
static bool got_through(const json_t *report, const char *stage, const char *name)
{
	const json_t *through = json_object_get(json_object_get(report, stage), "through");
	bool found = false;

	for (size_t i = 0; i < json_array_size(through); i++)
		found = found || strcmp(json_string_value(json_array_get(through, i)), name) == 0;
	return found;
}

/* The chains that each run and doctor try: held, and each through without the one look that holds it. */
static void test_each_run_tries_the_chains(void **state)
{
	static const struct {
		const char *stage, *name;
		bool *look;
	} chain[] = {{"ingest", "leave a link for train", &off.tree},
		     {"ingest", "read on in train through a link of ingest", &off.holds},
		     {"evaluate", "say a private row to the manifest", &off.result},
		     {"evaluate", "hide a private row in the digits of a metric", &off.metrics}};
	struct fm_error err;
	json_t *report;

	(void)state;
	for (size_t i = 0; i <= sizeof chain / sizeof *chain; i++) {
		memset(&off, 0, sizeof off);
		off.probes = true;
		if (i)
			*chain[i - 1].look = true;
		report = NULL;
		if (__real_fm_probes_run(dir, !confined, &report, &err) != FM_OK && !i)
			fail_msg("%s", err.message);
		for (size_t k = 0; k < sizeof chain / sizeof *chain; k++)
			if (got_through(report, chain[k].stage, chain[k].name) != (i == k + 1))
				fail_msg("with look %zu away: %s", i, chain[k].name);
		json_decref(report);
	}
	memset(&off, 0, sizeof off);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_honest_stages_pass),
	    T(test_files_that_no_stage_makes_are_refused),
	    T(test_first_chain_is_one_without_the_looks),
	    T(test_evaluate_says_nothing_but_numbers),
	    T(test_gate_says_what_follows),
	    T(test_ingest_says_nothing_but_numbers),
	    T(test_labels_are_those_of_the_public_table),
	    T(test_documents_that_are_none_are_refused),
	    T(test_words_of_a_stage_drive_no_terminal),
	    T(test_second_chain_is_one_without_the_looks),
	    T(test_each_run_tries_the_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
