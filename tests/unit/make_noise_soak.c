/*
 * make_noise_soak.c FIRST RUNS [verbose] - runs in privacy.mode dp, from a small odd trace to the verdict, each under
 * the noise of a key of its own: run r (FIRST ... FIRST + RUNS - 1) chooses the trace, the config and the key, so that
 * a run that failed is the same run again.  None may fail: no stage may refuse what the noise has made, no number may
 * be none, no process may die.  A line of each run that failed; exit status 1 where there is one.
 */
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "manifests/registry.h"
#include "stages/audit.h"
#include "stages/stage.h"

#define SECONDS 300 /* of a run, at most */

enum { NSHAPES = 7 };
static const char *const shape_name[NSHAPES] = {"any",
						"one host",
						"one service",
						"constant columns",
						"between two hosts inside",
						"scan of all ports",
						"one long exchange"};

struct run {
	uint64_t number;
	int shape, flows;
	char option[20][96];
	const char *options[20];
	int noptions;
	bool audit;
	char dir[256];
};

__attribute__((format(printf, 2, 3))) static void option(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->option[r->noptions], sizeof r->option[0], fmt, ap);
	va_end(ap);
	r->options[r->noptions] = r->option[r->noptions];
	r->noptions++;
}

/* Everything of a run but its key. */
static void choose(struct run *r)
{
	static const int flows[] = {1, 2, 5, 30, 600};
	static const double epsilon[] = {0.05, 0.5, 4, 16};
	static const char *const asks[] = {"fields", "pairs", "labels", "all"};
	static const char *const inside[] = {"[\"10.0.0.0/8\"]", "[\"10.1.2.0/28\"]", "[\"10.1.2.3/32\"]"};
	uint64_t n = r->number;
	struct fm_rng rng;
	static const char *const denoiser[] = {"mlp", "transformer", "unet"};
	static const int window[] = {2, 4, 16, 64};
	bool network, gate, flow;

	fm_rng_init(&rng, n, FM_RNG_SIMULATE, 0, 0);
	r->flows = flows[n % 5];
	r->shape = (int)fm_rng_below(&rng, NSHAPES);
	network = fm_rng_below(&rng, 4) == 0;
	gate = fm_rng_below(&rng, 2);
	r->audit = fm_rng_below(&rng, 16) == 0;
	option(r, "privacy.epsilon=%g", epsilon[fm_rng_below(&rng, 4)]);
	option(r, "train.threads=1");
	if (network) {
		bool all = fm_rng_below(&rng, 4) == 0;

		option(r, "model.kind=diffusion");
		option(r, "model.width=16");
		option(r, "train.steps=%u", 1 + fm_rng_below(&rng, 6));
		option(r, "train.warmup=1");
		option(r, "privacy.records=%d", all ? 50 : 10000);
		option(r, "train.batch=%d", all ? 50 : 500);
		option(r, "generate.by=%s", fm_rng_below(&rng, 2) ? "both" : "network");
	}
	if (gate) {
		option(r, network ? "privacy.budget={vocabulary: 0.1, pairs: 0.5, training: 0.2, gate: 0.2}"
				  : "privacy.budget={gate: 0.2}");
		option(r, "privacy.gate_asks=%s", asks[fm_rng_below(&rng, 4)]);
	} else if (fm_rng_below(&rng, 4) == 0) {
		option(r, network ? "privacy.budget={vocabulary: 0.01, pairs: 0.09, training: 0.9}"
				  : "privacy.budget={vocabulary: 0.02, pairs: 0.98}");
	}
	flow = fm_rng_below(&rng, 4) == 0;
	if (flow) {
		option(r, "privacy.unit=flow");
		option(r, "privacy.delta=1e-7");
	}
	if (!r->audit) /* each canary wants an address of its own */
		option(r, "generate.inside=%s", inside[fm_rng_below(&rng, 3)]);
	if (fm_rng_below(&rng, 3) == 0)
		option(r, "generate.rows=%d", fm_rng_below(&rng, 2) ? 1 : 20000);
	if (!flow && fm_rng_below(&rng, 3) == 0) {
		option(r, "privacy.unit=window");
		option(r, "privacy.window_exchanges=%d", window[fm_rng_below(&rng, 4)]);
	}
	if (network) {
		const char *d = denoiser[fm_rng_below(&rng, 3)];

		option(r, "model.denoiser=%s", d);
		if (strcmp(d, "mlp") != 0)
			option(r, "model.heads=1");
	}
}

static void describe(const struct run *r, char *text, size_t n)
{
	int at = snprintf(text, n, "run %llu: %d flows, %s%s", (unsigned long long)r->number, r->flows,
			  shape_name[r->shape], r->audit ? ", audited" : "");

	for (int i = 0; i < r->noptions && at < (int)n; i++)
		at += snprintf(text + at, n - (size_t)at, " %s", r->option[i]);
}

/* ---- the trace ---- */

static void trace_put(const struct run *r, struct fm_buf *b)
{
	static const char *const protocol[] = {"TCP", "UDP", "ICMP", "GRE", "odd"};
	static const char *const flags[] = {".AP.SF", "....S.", ".A...."};
	struct fm_rng rng;

	fm_rng_init(&rng, r->number, FM_RNG_SIMULATE, 1, 0);
	fm_buf_puts(b, "");
	for (int i = 0; i < r->flows; i++) {
		bool alike = r->shape == 3, back = !alike && fm_rng_below(&rng, 3) == 0;
		unsigned slot =
			     r->shape == 6 || alike ? 7 : (unsigned)((int)fm_rng_below(&rng, 3) + i * 1400 / r->flows),
			 second = alike ? 0 : fm_rng_below(&rng, 60),
			 in = r->shape == 1 || alike ? 9 : fm_rng_below(&rng, 40),
			 out = alike ? 9 : fm_rng_below(&rng, 200),
			 client = 1024 + (alike ? 5 : fm_rng_below(&rng, 64000)),
			 service =
			     alike || r->shape == 2 ? 80 : 1 + fm_rng_below(&rng, fm_rng_below(&rng, 2) ? 1000 : 65000);
		unsigned long long packets = alike ? 1 : 1ull << fm_rng_below(&rng, 20),
				   bytes = packets * (alike ? 40 : 40 + fm_rng_below(&rng, 1400));
		char a[64], c[64];

		if (r->shape == 5) {
			service = 1 + (unsigned)i;
			client = 40000;
		} else if (r->shape == 6) {
			in = out = 5;
			service = 22;
			client = 50000;
		}
		snprintf(a, sizeof a, "42.219.150.%u", in);
		snprintf(c, sizeof c, r->shape == 4 ? "42.219.150.2%02u" : "143.72.8.%u",
			 r->shape == 4 ? out % 50 : out);
		fm_buf_printf(b, "2016-04-11 %02u:%02u:%02u,%u.%03u,%s,%s,%u,%u,%s,%s,0,%u,%llu,%llu,%s\n",
			      slot / 60 % 24, slot % 60, second,
			      alike ? 0 : fm_rng_below(&rng, 1u << fm_rng_below(&rng, 16)),
			      alike ? 0 : fm_rng_below(&rng, 1000), back ? c : a, back ? a : c, back ? service : client,
			      back ? client : service, protocol[alike ? 0 : fm_rng_below(&rng, 12) / 3 % 5],
			      flags[alike ? 0 : fm_rng_below(&rng, 3)], alike ? 0 : fm_rng_below(&rng, 3) * 40, packets,
			      bytes, alike || fm_rng_below(&rng, 20) ? "background" : "dos");
	}
}

/* ---- a run ---- */

static int put_trace(const struct run *r, const char *path, struct fm_error *err)
{
	struct fm_buf b = {0};
	int rc;

	trace_put(r, &b);
	rc = fm_file_write(path, 0600, b.data, b.len, err);
	fm_buf_free(&b);
	return rc;
}

static int secret_of(const struct run *r, const char *stage, struct fm_secret *secret, struct fm_error *err)
{
	struct fm_rng rng;
	int rc = fm_secret_new(secret, 32, err);

	fm_rng_init(&rng, r->number, FM_RNG_NOISE, (uint64_t)stage[0] << 8 | (uint64_t)stage[1], 0);
	for (size_t i = 0; rc >= 0 && i < secret->len; i++)
		secret->data[i] = (uint8_t)fm_rng_below(&rng, 256);
	return rc;
}

/* What every flow of a table keeps to, whatever the noise was. */
static int table_check(const char *dir, struct fm_error *err)
{
	struct fm_table *t;
	int rc = fm_table_open(&t, dir, err);

	if (rc < 0)
		return rc;
	if (t->rows == 0)
		rc = fm_fail(err, FM_ESYSTEM, "no flow was made");
	for (size_t i = 0; i < t->rows && rc >= 0; i++)
		if (t->sa[i] == t->da[i] || t->pkt[i] < 1 || t->byt[i] < 20 * t->pkt[i] ||
		    t->byt[i] > 65535 * t->pkt[i] || t->te[i] < 1460332800000 || t->te[i] > 1460419260000)
			rc = fm_fail(err, FM_ESYSTEM,
				     "flow %zu of %zu breaks a rule: %s, %llu packets, %llu bytes, %lld ms", i, t->rows,
				     t->sa[i] == t->da[i] ? "to itself" : "to another", (unsigned long long)t->pkt[i],
				     (unsigned long long)t->byt[i], (long long)t->te[i]);
	fm_table_free(t);
	return rc;
}

static int weights_check(const char *path, struct fm_error *err)
{
	const uint8_t *data;
	struct fm_map map;
	uint64_t head;
	int rc;

	if (access(path, F_OK) != 0)
		return FM_OK;
	if ((rc = fm_map_open(&map, path, err)) < 0)
		return rc;
	data = map.data;
	memcpy(&head, data, sizeof head);
	for (size_t at = 8 + head; at + sizeof(float) <= map.len; at += sizeof(float)) {
		float v;

		memcpy(&v, data + at, sizeof v);
		if (!isfinite(v)) {
			rc = fm_fail(err, FM_ESYSTEM, "a weight is %g", (double)v);
			break;
		}
	}
	fm_map_close(&map);
	return rc;
}

/* Exact ones that are the team's may be none: so few flows have no profile of their hosts. */
static int metrics_check(const struct fm_metrics *m, struct fm_error *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (fm_metric_is_paid(m->m[i].name) && !isfinite(m->m[i].value))
			return fm_fail(err, FM_ESYSTEM, "%s is %g", m->m[i].name, m->m[i].value);
	return FM_OK;
}

static int audit(const struct run *r, const struct fm_config *cfg, const char *trace, struct fm_error *err)
{
	char dir[300];
	struct fm_secret secret;
	struct fm_audit_in in = {.cfg = cfg,
				 .trace = trace,
				 .work_dir = dir,
				 .secret = &secret,
				 .canaries = FM_AUDIT_CANARIES_MIN,
				 .runs = 1};
	json_t *result = NULL;
	int rc;

	snprintf(dir, sizeof dir, "%s/audit", r->dir);
	if ((rc = fm_dir_make(dir, 0700, err)) < 0 || (rc = secret_of(r, "audit", &secret, err)) < 0)
		return rc;
	rc = fm_stage_audit(&in, &result, err); /* its bound may err, once in 20 */
	json_decref(result);
	fm_secret_close(&secret);
	return rc;
}

static int stages(const struct run *r, const struct fm_config *cfg, const char **stage, struct fm_error *err)
{
	static const char *const name[] = {"ingest", "train", "generate", "evaluate", "gate"};
	char trace[300], dir[5][300], path[8][360];
	struct fm_secret secret[4];
	struct fm_gate_out gate;
	struct fm_evaluate_out evaluated;
	int rc;
#define IN(i, k, what) (snprintf(path[i], sizeof path[i], "%s/%s", dir[k], what), path[i])

	snprintf(trace, sizeof trace, "%s/trace.csv", r->dir);
	*stage = "trace";
	if ((rc = put_trace(r, trace, err)) < 0)
		return rc;
	for (int k = 0; k < 5; k++) {
		snprintf(dir[k], sizeof dir[k], "%s/%s", r->dir, name[k]);
		if ((rc = fm_dir_make(dir[k], 0700, err)) < 0 ||
		    (k < 4 && (rc = secret_of(r, name[k], &secret[k], err)) < 0))
			return rc;
	}
	*stage = name[0];
	if ((rc = fm_stage_ingest(
		 &(struct fm_ingest_in){.cfg = cfg, .trace = trace, .out_dir = dir[0], .secret = &secret[0]},
		 &(struct fm_ingest_out){0}, err)) < 0)
		return rc;
	*stage = name[1];
	if ((rc = fm_stage_train(&(struct fm_train_in){.cfg = cfg,
						       .train_dir = IN(0, 0, "train"),
						       .validation_dir = IN(1, 0, "validation"),
						       .store_json = IN(2, 0, "store.json"),
						       .out_dir = dir[1],
						       .secret = &secret[1]},
				 &(struct fm_train_out){0}, err)) < 0 ||
	    (rc = weights_check(IN(3, 1, "weights.safetensors"), err)) < 0)
		return rc;
	*stage = name[2];
	if ((rc = fm_stage_generate(
		 &(struct fm_generate_in){.cfg = cfg, .model_dir = dir[1], .out_dir = dir[2], .secret = &secret[2]},
		 &(struct fm_generate_out){0}, err)) < 0 ||
	    (rc = table_check(dir[2], err)) < 0)
		return rc;
	*stage = name[3];
	if ((rc = fm_stage_evaluate(&(struct fm_evaluate_in){.cfg = cfg,
							     .train_dir = path[0],
							     .holdout_dir = IN(3, 0, "holdout"),
							     .synthetic_dir = dir[2],
							     .out_dir = dir[3],
							     .model_dir = dir[1],
							     .store_json = path[2],
							     .secret = &secret[3]},
				    &evaluated, err)) < 0)
		return rc;
	rc = metrics_check(&evaluated.metrics, err);
	fm_metrics_free(&evaluated.metrics);
	if (rc < 0)
		return rc;
	*stage = name[4];
	if ((rc = fm_stage_gate(
		 &(struct fm_gate_in){.cfg = cfg,
				      .free_json = IN(4, 2, "free.json"),
				      .paid_json = fm_config_pays_gate(cfg) ? IN(5, 3, "paid.json") : NULL,
				      .metrics_json = IN(6, 3, "metrics.json"),
				      .out_dir = dir[4]},
		 &gate, err)) < 0)
		return rc;
	fm_verdict_free(&gate.verdict);
	*stage = "audit";
	return r->audit ? audit(r, cfg, trace, err) : FM_OK;
#undef IN
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* In a process of its own: what it says of a failure is in the file at `said`. */
static int run_one(struct run *r, const char *said)
{
	struct fm_config *cfg = NULL;
	const char *stage = "config";
	struct fm_error err = {0};
	FILE *f;
	int rc;

	alarm(SECONDS);
	if ((rc = fm_config_preset(&cfg, "ugr16-dp", r->options, r->noptions, &err)) >= 0)
		rc = stages(r, cfg, &stage, &err);
	if (rc >= 0)
		return 0;
	if ((f = fopen(said, "w")) != NULL) {
		fprintf(f, "%s: %s", stage, err.message);
		fclose(f);
	}
	return 1;
}

static bool run_passes(struct run *r, const char *dir)
{
	char said[300], line[2048] = "", text[1024];
	int status = 0;
	FILE *f;
	pid_t pid;

	snprintf(r->dir, sizeof r->dir, "%s/run", dir);
	snprintf(said, sizeof said, "%s/said", dir);
	remove(said);
	if (mkdir(r->dir, 0700) < 0)
		return false;
	fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(run_one(r, said));
	waitpid(pid, &status, 0);
	nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if ((f = fopen(said, "r")) != NULL) {
		line[fread(line, 1, sizeof line - 1, f)] = '\0';
		fclose(f);
	}
	if (WIFSIGNALED(status))
		snprintf(line, sizeof line, "killed by signal %d", WTERMSIG(status));
	describe(r, text, sizeof text);
	printf("%s\n  %s\n", text, *line ? line : "it ended without a word");
	return false;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0,
		 runs = argc > 2 ? strtoull(argv[2], NULL, 10) : 100, failed = 0;
	const char *tmp = getenv("TMPDIR");
	char dir[200];

	snprintf(dir, sizeof dir, "%s/noise-soak-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 4;
	if (argc <= 3)
		fm_log_quiet(1);
	for (uint64_t n = first; n < first + runs; n++) {
		struct run r = {.number = n};

		choose(&r);
		failed += !run_passes(&r, dir);
	}
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	printf("%llu of %llu runs failed\n", (unsigned long long)failed, (unsigned long long)runs);
	return failed > 0;
}
