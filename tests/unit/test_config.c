/*
 * Configs: what is wrong in release.yaml or behind --set is refused with its place and a way out, and what is right
 * means the same however it was written.
 *
 *     test_config update-docs     write the table of keys in docs/release-yaml.md again
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "manifests/config_schema.h"

#define DOC "docs/release-yaml.md"
#define DOC_BEGIN "not by hand -->\n"
#define DOC_END "<!-- end of keys -->"

static char dir[256];

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	unsetenv("SOURCE_DATE_EPOCH");
	snprintf(dir, sizeof(dir), "%s/fm-config-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return fm_dir_remove(dir, NULL);
}

static int load_bytes(struct fm_config **cfg, const char *text, size_t n, const char *set, struct fm_error *err)
{
	char path[300];
	struct fm_error e;

	snprintf(path, sizeof(path), "%s/release.yaml", dir);
	assert_int_equal(fm_file_write(path, 0600, text, n, &e), FM_OK);
	return fm_config_load(cfg, path, &set, set ? 1 : 0, err);
}

static struct fm_config *load(const char *text, const char *set)
{
	struct fm_error err = {0};
	struct fm_config *cfg;

	if (load_bytes(&cfg, text, strlen(text), set, &err) != FM_OK)
		fail_msg("refused: %s", err.message);
	return cfg;
}

/* Refused with code, and the message has both texts. */
static void refused_bytes(const char *text, size_t n, const char *set, int code, const char *says, const char *also)
{
	struct fm_error err = {0};
	struct fm_config *cfg;
	int rc = load_bytes(&cfg, text, n, set, &err);

	if (rc == FM_OK)
		fail_msg("taken: %s (--set %s)", text, set ? set : "");
	assert_null(cfg);
	assert_int_equal(rc, code);
	if (strstr(err.message, says) == NULL || strstr(err.message, also) == NULL)
		fail_msg("'%s' does not say '%s' and '%s'", err.message, says, also);
}

static void refused(const char *text, const char *says, const char *also)
{
	refused_bytes(text, strlen(text), NULL, FM_EINPUT, says, also);
}

static void refused_set(const char *set, const char *says)
{
	static const char good[] = "source: {path: x.csv}\n";

	refused_bytes(good, strlen(good), set, FM_EUSAGE, "--set ", says);
}

static char *json_of(const struct fm_config *cfg, const char *section, bool public_only)
{
	struct fm_error err;
	struct fm_buf b = {0};
	json_t *j = fm_config_json(cfg, section, public_only);

	assert_non_null(j);
	assert_int_equal(fm_json_canonical(j, &b, &err), FM_OK);
	json_decref(j);
	return b.data;
}

static const struct fm_cfg_check *check_of(const struct fm_config *cfg, const char *name)
{
	for (int i = 0; i < cfg->gate.n; i++)
		if (strcmp(cfg->gate.check[i].name, name) == 0)
			return &cfg->gate.check[i];
	return NULL;
}

#define SOURCE "source: {path: x.csv}\n"

static void test_unknown_keys_are_refused_with_a_suggestion(void **state)
{
	(void)state;
	refused(SOURCE "trian:\n  steps: 5\n", "release.yaml:2: unknown key 'trian'", "did you mean 'train'?");
	refused(SOURCE "model:\n  width: 64\n  trian: {steps: 5}\n",
		"release.yaml:4: unknown key 'trian' in section 'model'", "did you mean 'train'?");
	refused(SOURCE "train:\n  stesp: 5\n", "release.yaml:3: unknown key 'stesp' in section 'train'",
		"did you mean 'steps'?");
	refused(SOURCE "train:\n  xyzzy: 5\n", "release.yaml:3: unknown key 'xyzzy'", "warmup");
	refused(SOURCE "window: 5\n", "release.yaml:2: 'window' is a key of section model", "put it below 'model:'");
	refused(SOURCE "nonsense: 5\n", "release.yaml:2: unknown key 'nonsense'", "publish");
	refused(SOURCE "file: x\n", "release.yaml:2: unknown key 'file'", "");
	refused(SOURCE "gate:\n  jsd.SA: {mxa: 1}\n", "release.yaml:3: unknown key 'mxa' in gate.jsd.SA",
		"did you mean 'max'?");
	refused(SOURCE "gate:\n  jsd_maen8: 0.5\n",
		"release.yaml:3: unknown check 'gate.jsd_maen8', did you mean 'jsd_mean8'?", "");
	refused(SOURCE "gate: {leak.rows_equals: {max: 0}}\n", "unknown check 'gate.leak.rows_equals'",
		"did you mean 'leak.rows_equal'?");
	refused(SOURCE "gate: {floor.jsd.sa: 1}\n", "unknown check 'gate.floor.jsd.sa'",
		"did you mean 'floor.jsd.SA'?");
	refused(SOURCE "gate: {tstr.f1.tree.scan11: {min: 0.5}}\n", "unknown check 'gate.tstr.f1.tree.scan11'", "");
	refused(SOURCE "gate: {quality: 1}\n", "unknown check 'gate.quality': docs/metrics.md lists", "");
	refused(SOURCE "preset: dmeo\n", "release.yaml:2: unknown preset 'dmeo', did you mean 'demo'?",
		"any, demo, ugr16, ugr16-dp");
	refused("source: {path: x, dialect: urg16}\n", "release.yaml:1: unknown dialect 'urg16', did you mean 'ugr16'?",
		"flowmint dialects lists those");
}

static void test_keys_out_of_their_section_are_shown_their_place(void **state)
{
	(void)state;
	refused("source:\npath: x.csv\ndialect: ugr16\n",
		"release.yaml:2: 'path' is a key of section source: put two blanks before it, below 'source:'", "");
	refused("source:\n  path: x\ntrain:\nsteps: 5\n",
		"release.yaml:4: 'steps' is a key of section train: put two blanks before it, below 'train:'", "");
	refused("steps: 5\n", "release.yaml:1: 'steps' is a key of the sections model, train and generate",
		"put it below the one that is meant, two blanks in");
	refused("jsd.SA: 0.1\n", "release.yaml:1: 'jsd.SA' is a check: put it below 'gate:', two blanks in", "");
	refused_set("steps=100",
		    "'steps' is a key of the sections model, train and generate: write section.key, such as "
		    "model.steps");
	refused_set("member=x", "'member' is a key of section source: write source.member");
	refused_set("dialect=x", "'dialect' is a key of the sections source and publish: write section.key");
	refused_set("jsd.SA=0.1", "'jsd.SA' is a check: write gate.jsd.SA");
}

static void test_yaml_errors_quote_their_line(void **state)
{
	(void)state;
	refused("source:\n  path: a: b\n", "release.yaml:2: '  path: a: b': mapping values are not allowed",
		"put quotes around a value that has ': ' in it");
	refused("source:\n\tpath: a\n", "release.yaml:2: '\\x09path: a':", "indent with blanks, not with a tab");
	refused("source:\npath: a\n  dialect: ugr16\n",
		"release.yaml:3: '  dialect: ugr16':", "indent the keys of a section alike, by two blanks");
	refused("source:\n  path: a\n dialect: ugr16\n",
		"release.yaml:3: ' dialect: ugr16':", "indent the keys of a section alike, by two blanks");
	refused("source: {path: [a}\n", "release.yaml:1: 'source: {path: [a}':", "column");
	refused("source: {path: a\n", "release.yaml:1: 'source: {path: a':", "column 9");
	refused("source:\n  path: \"a\n",
		"release.yaml:2: '  path: \"a':", "(column 9): the quote that opens here is not closed");
	refused("source:\n  path: 'it's'\n", "release.yaml:2: '  path: 'it's'':", "is written twice ('it''s')");
	refused("source:\n  path: 'J\xc3\xb6rg's \xc3\xb6 trace'\n", "release.yaml:2:", "is written twice ('it''s')");
	refused("source: {path: 'it's'}\n", "release.yaml:1: 'source: {path: 'it's'}':", "is written twice ('it''s')");
	refused("source:\n  path: \"a\"b\"\n", "release.yaml:2: '  path: \"a\"b\"':", "has a \\ before it");
	refused("release: {name: 'a'}\nsource:\n  path: 'a'\n dialect: ugr16\n",
		"release.yaml:4: ' dialect: ugr16':", "indent the keys of a section alike, by two blanks");
}

/* A trace, or a log, that was given for a config: no message has a word of it. */
static void test_rows_of_a_trace_are_not_quoted(void **state)
{
	static const char *const trace[] = {
	    "2016-04-11 00:00:01,1.504,10.9.8.7,42.219.155.167,38358,80,TCP,.AP.SF,0,0,8,1000,background\n",
	    "\n# Zeek\n1331901000.0\tC1\t10.9.8.7\t[\n",
	    "{\"src_ip\":\"10.9.8.7\",\"dst_ip\":\"1.2.3.4\"}\n{\"src_ip\":\"10.9.8.7\"}\n",
	    "'10.9.8.7',x\n",
	    "10.9.8.7: {a: b}\n",
	    "- 10.9.8.7: b\n",
	    "-,10.9.8.7,80\n-,10.9.8.7: x: y\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof trace / sizeof *trace; i++) {
		struct fm_error err = {0};
		struct fm_config *cfg;
		assert_int_equal(load_bytes(&cfg, trace[i], strlen(trace[i]), NULL, &err), FM_EINPUT);
		if (strstr(err.message, "9.8.7"))
			fail_msg("%s", err.message);
	}
}

static void test_duplicate_keys_are_refused(void **state)
{
	(void)state;
	refused(SOURCE "train:\n  steps: 5\n  rate: 0.1\n  steps: 6\n", "release.yaml:5: key 'steps'", "line 3");
	refused(SOURCE "train: {steps: 5}\nmodel: {}\ntrain: {steps: 6}\n", "release.yaml:4: key 'train'", "line 2");
	refused(SOURCE "gate:\n  jsd.SA: 1\n  \"jsd.SA\": 2\n", "release.yaml:4: key 'jsd.SA'", "line 3");
}

static void test_wrong_types_are_refused(void **state)
{
	(void)state;
	refused(SOURCE "train:\n  steps: many\n", "release.yaml:3: train.steps takes an integer", "'many'");
	refused(SOURCE "train:\n  steps: \"500\"\n", "release.yaml:3: train.steps takes an integer", "the text '500'");
	refused(SOURCE "train:\n  steps: 5.5\n", "release.yaml:3: train.steps takes an integer", "5.5");
	refused(SOURCE "train:\n  steps: 1e3\n", "release.yaml:3: train.steps takes an integer", "1e3");
	refused(SOURCE "train:\n  steps: 0x10\n", "release.yaml:3: train.steps takes an integer", "0x10");
	refused(SOURCE "train:\n  steps:\n", "release.yaml:3: train.steps takes an integer", "nothing");
	refused(SOURCE "train:\n  steps: [5]\n", "release.yaml:3: train.steps takes an integer", "a list");
	refused(SOURCE "train:\n  steps: {a: 5}\n", "release.yaml:3: train.steps takes an integer", "a map");
	refused(SOURCE "train:\n  rate: fast\n", "release.yaml:3: train.rate takes a number", "'fast'");
	refused(SOURCE "train:\n  rate: .nan\n", "release.yaml:3: train.rate takes a number", ".nan");
	refused(SOURCE "train:\n  rate: .inf\n", "release.yaml:3: train.rate takes a number", ".inf");
	refused(SOURCE "train:\n  rate: 1e999\n", "release.yaml:3: train.rate", "");
	refused(SOURCE "train: 5\n", "release.yaml:2: section 'train' takes a map", "5");
	refused(SOURCE "train: [steps]\n", "release.yaml:2: section 'train' takes a map", "a list");
	refused("source:\n  path: [a, {b: c}]\n", "release.yaml:2: source.path takes text", "a map");
	refused("source:\n  path: []\n", "release.yaml:2: source.path: the list is empty", "");
	refused("source:\n  path: [a, '']\n", "release.yaml:2: source.path: a path is empty", "");
	refused("publish:\n  key: [a, b]\n", "release.yaml:2: publish.key takes text", "a list");
	refused("source:\n  path:\n", "release.yaml:2: source.path takes text", "nothing");
	refused(SOURCE "model:\n  denoiser: {a: b}\n", "release.yaml:3: model.denoiser takes text", "a map");
	refused(SOURCE "generate:\n  hours: 5\n", "release.yaml:3: generate.hours takes a list", "5");
	refused(SOURCE "generate:\n  inside: 10.0.0.0/8\n", "release.yaml:3: generate.inside takes a list",
		"10.0.0.0/8");
	refused(SOURCE "generate:\n  labels: [a]\n", "release.yaml:3: generate.labels takes a map", "a list");
	refused(SOURCE "gate: [a]\n", "release.yaml:2: section 'gate' takes a map", "a list");
	refused(SOURCE "gate: {jsd.SA: low}\n", "release.yaml:2: gate.jsd.SA takes a number", "'low'");
	refused(SOURCE "gate: {jsd.SA: [1]}\n", "release.yaml:2: gate.jsd.SA takes a number", "a list");
	refused(SOURCE "gate: {jsd.SA: {max: 1, relative_to_floor: yes}}\n",
		"release.yaml:2: gate.jsd.SA.relative_to_floor takes true or false", "");
	refused("- a\n- b\n", "release.yaml:1: a config takes a map", "a list");
	refused("just text\n", "release.yaml:1: a config takes a map", "not text (is it a trace?)");
}

static void test_values_out_of_range_are_refused(void **state)
{
	(void)state;
	refused(SOURCE "train:\n  batch: 0\n", "release.yaml:3: train.batch is 0", "from 1");
	refused(SOURCE "train:\n  steps: -5\n", "release.yaml:3: train.steps is -5", "from 0");
	refused(SOURCE "train:\n  steps: 99999999999999999999\n", "release.yaml:3: train.steps is 99999999999999999999",
		"from 0");
	refused(SOURCE "train:\n  seed: 9007199254740992\n", "release.yaml:3: train.seed", "9007199254740991");
	refused(SOURCE "train:\n  rate: 0\n", "release.yaml:3: train.rate is 0", "above 0");
	refused(SOURCE "train:\n  ema: 1\n", "release.yaml:3: train.ema is 1", "below 1");
	refused(SOURCE "train:\n  ema: -0.1\n", "release.yaml:3: train.ema is -0.1", "0 to below 1");
	refused(SOURCE "split: {holdout: 0.91}\n", "release.yaml:2: split.holdout is 0.91", "0 to 0.9");
	refused(SOURCE "split:\n  validation: 0.4\n  holdout: 0.6\n",
		"release.yaml:4: split.validation 0.4 and split.holdout 0.6", "0.95");
	refused(SOURCE "model:\n  window: 1024\n", "release.yaml:3: model.window is 1024", "512");
	refused(SOURCE "model:\n  depth: 33\n", "release.yaml:3: model.depth is 33", "32");
	refused(SOURCE "generate:\n  steps: 1001\n",
		"release.yaml:3: generate.steps 1001 is more than model.steps 1000", "");
	refused(SOURCE "generate: {steps: 1001, sampler: dpm2}\n",
		"release.yaml:2: generate.steps 1001 is more than model.steps 1000", "");
	refused(SOURCE "generate:\n  order: confidence\n  sampler: ancestral\n",
		"release.yaml:4: generate.order confidence needs few steps", "set generate.order to random");
	refused(SOURCE "model:\n  process: multinomial\ngenerate: {order: confidence}\n",
		"release.yaml:4: generate.order confidence needs model.process absorbing, not multinomial", "");
	/* thresholds that no manifest can hold: found here, and not when all of a run is done */
	refused(SOURCE "gate:\n  jsd.SA: 1e30\n", "release.yaml:3: gate.jsd.SA is 1e30, which no metric can be", "");
	refused(SOURCE "gate:\n  jsd.SA:\n    max: 1\n    relative_to_floor: true\n    plus: 1e30\n",
		"release.yaml:6: gate.jsd.SA.plus is 1e30, which no metric can be", "");
	refused(SOURCE "gate:\n  jsd.SA:\n    relative_to_floor: true\n    max: 1e23\n",
		"release.yaml:5: gate.jsd.SA.max is 1e23, and more than 1e+06 times its floor no metric is", "");
	refused(SOURCE "gate:\n  heavy.SP_rank100: {min: -2e6, relative_to_floor: true}\n",
		"release.yaml:3: gate.heavy.SP_rank100.min is -2e6", "");
	refused(SOURCE "generate:\n  hours: [8, 8]\n", "release.yaml:3: generate.hours", "no time");
	refused(SOURCE "generate:\n  hours: [0, 25]\n", "release.yaml:3: generate.hours is 25", "");
	refused(SOURCE "generate:\n  hours: [1, 2, 3]\n", "release.yaml:3: generate.hours takes two", "");
	refused(SOURCE "generate:\n  labels: {a: 0.5, b: 0.4}\n",
		"release.yaml:3: the shares of generate.labels sum to 0.9", "");
	refused(SOURCE "generate:\n  labels: {a: 1.5, b: -0.5}\n", "release.yaml:3: generate.labels.a is 1.5", "");
	refused(SOURCE "generate:\n  inside: []\n", "release.yaml:3: generate.inside takes 1 to 16", "");
	refused(SOURCE "generate:\n  inside: [10.0.0.0/33]\n",
		"release.yaml:3: generate.inside: '10.0.0.0/33' is no range of addresses", "");
	refused(SOURCE "generate:\n  inside: [10.0.0.1/8]\n", "release.yaml:3: generate.inside", "write 10.0.0.0/8");
	refused(SOURCE "generate:\n  inside: [here]\n",
		"release.yaml:3: generate.inside: 'here' is no range of addresses", "");
	refused(SOURCE "generate:\n  inside: [10.0.0.0/8, 10.1.0.0/16]\n", "release.yaml:3: generate.inside",
		"overlap");
	refused(SOURCE "generate:\n  inside: [fd00::/65]\n", "release.yaml:3: generate.inside: fd00::/65 is smaller",
		"a /64");
	refused(SOURCE "generate:\n  inside: [10.0.0.0/8, 2001:db8:8::/48]\n",
		"release.yaml:3: generate.inside 2001:db8:8::/48 and generate.outside 2001:db8::/32 overlap",
		"name both");
	refused(SOURCE "generate:\n  inside: [240.1.0.0/16]\n", "release.yaml:3: generate.inside 240.1.0.0/16",
		"overlap");
	refused(SOURCE "release: {name: Big Name}\n", "release.yaml:2: release.name takes small letters", "'Big Name'");
	refused(SOURCE "release: {name: ../../etc}\n", "release.yaml:2: release.name takes small letters", "");
	refused(SOURCE "release: {version: 1/2}\n", "release.yaml:2: release.version takes a version", "");
	refused(SOURCE "release: {date: 2026-02-30}\n", "release.yaml:2: release.date takes a date", "");
	refused(SOURCE "release: {date: yesterday}\n", "release.yaml:2: release.date takes a date", "");
	refused(SOURCE "release: {license: do what you want}\n",
		"release.yaml:2: release.license takes an identifier of the SPDX list", "");
	refused(SOURCE "release: {license: CC-BY-4}\n",
		"release.yaml:2: release.license takes an identifier of the SPDX list", "");
	refused(SOURCE "release: {license: cc-by-4.0}\n",
		"release.yaml:2: release.license takes an identifier of the SPDX list", "");
	refused(SOURCE "release: {license: internal}\n", "LicenseRef- and a name of your own", "");
	refused(SOURCE "release: {license: LicenseRef-}\n", "LicenseRef- and a name of your own", "");
	refused(SOURCE "gate: {jsd.SA: {}}\n", "release.yaml:2: gate.jsd.SA has neither max nor min", "");
	refused(SOURCE "publish:\n  out: \"\"\n", "release.yaml:3: publish.out takes the name of a folder", "");
	refused(SOURCE "gate:\n  leak.rows_equal: -0.5\n",
		"release.yaml:3: gate.leak.rows_equal: no value is at most -0.5: this metric is never below 0", "");
	refused(SOURCE "gate: {leak.family_p: {min: 5}}\n",
		"release.yaml:2: gate.leak.family_p: no value is at least 5: this metric is never above 1", "");
	refused(SOURCE "gate: {jsd_mean8: -1}\n", "gate.jsd_mean8: no value is at most -1", "never below 0");
	refused(SOURCE "gate: {jsd.SA: {max: 1, min: 2}}\n", "release.yaml:2: gate.jsd.SA: no value", "");
	refused(SOURCE "gate: {jsd.SA: {relative_to_floor: true}}\n",
		"release.yaml:2: gate.jsd.SA has neither max nor min", "");
	refused(SOURCE "gate: {a/b: 1}\n", "release.yaml:2: 'a/b'", "no name of a metric");
}

static void test_what_this_version_cannot_do_is_refused(void **state)
{
	(void)state;
	refused(SOURCE "privacy: {mode: clip, epsilon: 1}\n",
		"release.yaml:2: privacy.epsilon: not in privacy.mode clip", "which promises nothing");
	refused(SOURCE "privacy:\n  epsilon: 1\n", "release.yaml:3: privacy.epsilon: not in privacy.mode none",
		"which promises nothing");
	refused(SOURCE "privacy: {noise_multiplier: 1}\n", "release.yaml:2: privacy.noise_multiplier", "none");
	refused(SOURCE "privacy: {clip: 1.0}\n", "release.yaml:2: privacy.clip: not in privacy.mode none",
		"leave it out");
	refused(SOURCE "privacy: {max_flows_per_host: 1}\n",
		"release.yaml:2: privacy.max_flows_per_host is no key any more", "delete the line");
	refused(SOURCE "publish: {sequence: -1}\n", "release.yaml:2: publish.sequence", "0");
	refused(SOURCE "publish: {expires: 0}\n", "release.yaml:2: publish.expires", "1 to 36500");
	refused(SOURCE "publish: {expires: soon}\n", "release.yaml:2: publish.expires", "YYYY-MM-DD");
	refused(SOURCE "publish: {expires: 2027-02-29}\n", "release.yaml:2: publish.expires", "YYYY-MM-DD");
	refused(SOURCE "model: {denoiser: gan}\n",
		"release.yaml:2: model.denoiser takes transformer or unet or mlp, not 'gan'", "");
	refused(SOURCE "model: {process: gaussian}\n", "model.process takes absorbing or multinomial, not 'gaussian'",
		"");
	refused(SOURCE "model: {prediction: x0}\n", "model.prediction takes v or noise, not 'x0'", "");
	refused(SOURCE "model: {schedule: square}\n", "model.schedule takes linear or cosine, not 'square'", "");
	refused(SOURCE "model: {schedule: lin}\n", "model.schedule takes linear or cosine, not 'lin'", "");
	refused(SOURCE "model: {schedule: \"\"}\n", "model.schedule takes linear or cosine", "");
	refused(SOURCE "generate: {sampler: magic}\n", "generate.sampler takes fewstep or dpm2 or ancestral",
		"'magic'");
	refused(SOURCE "generate: {order: alphabetical}\n", "generate.order takes random or confidence",
		"'alphabetical'");
}

static void test_yaml_beyond_one_plain_document_is_refused(void **state)
{
	static const char nul[] = SOURCE "train: {ste\0ps: 5}\n", latin[] = SOURCE "release: {description: \"\xe4\"}\n";

	(void)state;
	refused(SOURCE "train: &t {steps: 5}\n", "release.yaml:2: anchors", "");
	refused(SOURCE "release: {name: &n a, description: *n}\n", "release.yaml:2: anchors", "");
	refused(SOURCE "train: *t\n", "release.yaml:2: aliases", "");
	refused(SOURCE "? &k train\n: {}\n", "release.yaml:2: anchors", "");
	refused(SOURCE "train: {steps: !!int 5}\n", "release.yaml:2: tags", "");
	refused(SOURCE "---\n" SOURCE, "release.yaml:2: a second document", "");
	refused(SOURCE "? [a, b]\n: 5\n", "release.yaml:2: a key must be plain text", "");
	refused("source: {path: x\n", "release.yaml:", "column");
	refused("source:\n\tpath: x\n", "release.yaml:2:", "");
	refused(SOURCE "release: {description: \"a\\0b\"}\n", "release.yaml:2: a NUL byte", "");
	refused(SOURCE "release: {description: \"a\\nb\"}\n",
		"release.yaml:2: release.description has a control character", "0x0a");
	refused(SOURCE "train: [[[[[[[[[[[[[[[[[[[[5]]]]]]]]]]]]]]]]]]]]\n", "release.yaml:2: nested deeper", "");
	refused_bytes(nul, sizeof(nul) - 1, NULL, FM_EINPUT, "release.yaml:2: a NUL byte", "UTF-8");
	refused_bytes(latin, sizeof(latin) - 1, NULL, FM_EINPUT, "release.yaml:2:", "UTF-8");
}

static void test_sizes_are_bounded(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err = {0};
	struct fm_config *cfg;

	(void)state;
	fm_buf_puts(&b, SOURCE "gate:\n");
	for (int i = 0; i < 200; i++)
		fm_buf_printf(&b, "  tstr.f1.trees.m%d: 1\n", i);
	refused_bytes(b.data, b.len, NULL, FM_EINPUT, "more than 128 checks", "release.yaml:1");
	fm_buf_free(&b);
	fm_buf_puts(&b, SOURCE "generate:\n  labels:\n");
	for (int i = 0; i < 65; i++)
		fm_buf_printf(&b, "    m%d: 0.01\n", i);
	refused_bytes(b.data, b.len, NULL, FM_EINPUT, "release.yaml:3: generate.labels has 65 labels", "64");
	fm_buf_free(&b);
	fm_buf_puts(&b, SOURCE "gate: [");
	for (int i = 0; i < 20000; i++)
		fm_buf_puts(&b, "1,");
	fm_buf_puts(&b, "]\n");
	refused_bytes(b.data, b.len, NULL, FM_EINPUT, "more values", "release.yaml:2");
	fm_buf_free(&b);
	fm_buf_puts(&b, SOURCE "release: {name: ");
	for (int i = 0; i < 64; i++)
		fm_buf_puts(&b, "x");
	fm_buf_puts(&b, "}\n");
	refused_bytes(b.data, b.len, NULL, FM_EINPUT, "release.yaml:2: release.name is longer than 63", "");
	fm_buf_free(&b);
	fm_buf_puts(&b, SOURCE);
	while (b.len < (1 << 20) + 10)
		fm_buf_puts(&b, "# a comment that fills the file\n");
	assert_int_equal(load_bytes(&cfg, b.data, b.len, NULL, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "release.yaml"));
	fm_buf_free(&b);
}

static void test_missing_things_are_named(void **state)
{
	struct fm_error err = {0};
	struct fm_config *cfg;
	char path[300];

	(void)state;
	refused("", "source.path is not set", "--set source.path=FILE");
	refused("# nothing\n", "source.path is not set", "release.yaml");
	refused("preset: demo\nsource:\n", "source.path is not set", "release.yaml");
	refused("preset: demo\nsource: {path: ''}\n", "source.path is not set", "release.yaml");
	snprintf(path, sizeof(path), "%s/absent.yaml", dir);
	assert_int_equal(fm_config_load(&cfg, path, NULL, 0, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "absent.yaml: no such file; flowmint init DIR makes a project with one"));
	snprintf(path, sizeof(path), "%s/empty", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(fm_config_load(&cfg, path, NULL, 0, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "empty/release.yaml: no such file; flowmint init DIR makes a project"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(fm_config_load(&cfg, dir, NULL, 0, &err), FM_EINPUT);
	assert_int_equal(fm_config_preset(&cfg, "nosuch", NULL, 0, &err), FM_EUSAGE);
	assert_non_null(strstr(err.message, "any, demo, ugr16, ugr16-dp"));
	assert_null(cfg);
}

static void test_overrides_are_refused_as_usage(void **state)
{
	(void)state;
	refused_set("train.stesp=5", "unknown key 'stesp' in section 'train', did you mean 'steps'?");
	refused_set("trian.steps=5", "did you mean 'train'?");
	refused_set("train=5", "'train' is a section");
	refused_set("train.steps", "section.key=value");
	refused_set("=5", "section.key=value");
	refused_set("", "section.key=value");
	refused_set("train.steps=", "takes an integer, not nothing");
	refused_set("train.batch=0", "must lie from 1");
	refused_set("train.steps={", "column");
	refused_set("train.steps=5\n---\n6", "a second document");
	refused_set("train.steps=&a 5", "anchors");
	refused_set("gate.jsd_mean8=", "no threshold");
	refused_set("gate.jsd_maen8=null", "did you mean 'jsd_mean8'?");
	refused_set("gate.=1", "no name of a metric");
	refused_set("gate.jsd.SA={max: 1, plus: 0.1}", "plus is for relative_to_floor");
	refused_set("gate.jsd.SA={max: 1, relative_to_floor: true, plus: -1}", "must not be below 0");
	refused_set("gate.control_rows=5", "100 to");
	refused_set("gate.control_limit=0", "0.001 to 1");
	refused_set("preset=dmeo", "did you mean 'demo'?");
	refused_set("preset=UGR16-DP", "did you mean 'ugr16-dp'?");
	refused_set("source.dialect=UGR16", "did you mean 'ugr16'?");
	refused_set("Train.STEPS=3", "did you mean");
	refused_set("split.holdout=0.95", "0 to 0.9");
	refused_set("privacy.mode=dp", "needs privacy.epsilon");
	refused_set("source.path=a\nb", "control character");
	refused_set("release.description=a\xc2\x9b"
		    "2J",
		    "control character");
}

static void test_layers_override_one_another(void **state)
{
	struct fm_config *c = load("preset: demo\n" SOURCE "train: {batch: 7}\n", "train.batch=9");

	(void)state;
	assert_string_equal(c->preset, "demo");
	assert_int_equal(c->train.batch, 9);        /* --set */
	assert_int_equal(c->generate.hours[1], 24); /* built in */
	fm_config_free(c);
	c = load("preset: demo\n" SOURCE "train: {batch: 7}\nmodel:\n", NULL);
	assert_int_equal(c->train.batch, 7); /* file */
	fm_config_free(c);
	c = load(SOURCE, NULL); /* no preset: ugr16 */
	assert_string_equal(c->preset, "ugr16");
	assert_non_null(check_of(c, "jsd_mean8"));
	fm_config_free(c);
	c = load("preset: ugr16\n" SOURCE, "preset=demo");
	assert_string_equal(c->preset, "demo");
	fm_config_free(c);
}

static void test_override_values_are_yaml_and_text_is_text(void **state)
{
	struct fm_config *c = load(SOURCE, "generate.labels={scan11: 0.1, background: 0.9}");

	(void)state;
	assert_int_equal(c->generate.nlabels, 2);
	assert_string_equal(c->generate.labels[0].name, "background");
	assert_true(c->generate.labels[0].share == 0.9 && c->generate.labels[1].share == 0.1);
	fm_config_free(c);
	c = load(SOURCE, "source.path=/a b: [c] #&*!.csv");
	assert_string_equal(c->source.path, "/a b: [c] #&*!.csv");
	fm_config_free(c);
	c = load(SOURCE, "source.path=[/a b.csv, \"/week/[ab]*.csv\"]");
	assert_string_equal(c->source.path, "/a b.csv\n/week/[ab]*.csv");
	fm_config_free(c);
	c = load(SOURCE, "source.path=[a-f]"); /* a pattern */
	assert_non_null(strstr(c->source.path, "/[a-f]"));
	fm_config_free(c);
	c = load(SOURCE, "release.description=\"with \\u00e9\"");
	assert_string_equal(c->release.description, "with \xc3\xa9");
	fm_config_free(c);
	c = load(SOURCE, "release.description=");
	assert_string_equal(c->release.description, "");
	fm_config_free(c);
	c = load(SOURCE, "release.version=1.10");
	assert_string_equal(c->release.version, "1.10");
	fm_config_free(c);
	c = load(SOURCE, "generate.hours=[8, 18]");
	assert_int_equal(c->generate.hours[0], 8);
	fm_config_free(c);
}

static void test_gate_checks_merge_by_name(void **state)
{
	struct fm_config *c = load(
	    SOURCE "gate:\n  jsd_mean8: 0.5\n  jsd.SA: null\n  jsd.TS: {min: 0.01}\n  leak.mia_auc: {max: 2, min: 1}\n"
		   "  c2st.flow_auc: {max: 1.5, relative_to_floor: true}\n",
	    "gate.jsd.PR=0.0001");
	const struct fm_cfg_check *k;
	int n = c->gate.n;

	(void)state;
	k = check_of(c, "jsd_mean8");
	assert_true(k && k->has_max && !k->has_min && k->max == 0.5);
	assert_null(check_of(c, "jsd.SA"));
	k = check_of(c, "jsd.TS");
	assert_true(k && !k->has_max && k->has_min && k->min == 0.01);
	k = check_of(c, "leak.mia_auc");
	assert_true(k && k->has_max && k->has_min && k->max == 2 && k->min == 1);
	k = check_of(c, "c2st.flow_auc");
	assert_true(k && k->relative_to_floor && k->max == 1.5);
	k = check_of(c, "jsd.PR");
	assert_true(k && k->max == 0.0001);
	assert_non_null(check_of(c, "leak.rows_equal"));
	fm_config_free(c);
	c = load(SOURCE, NULL);
	assert_int_equal(n, c->gate.n + 1); /* two new, one dropped */
	fm_config_free(c);
}

static void test_every_preset_has_every_promised_check(void **state)
{
	static const char *const names[] = {"jsd_mean8",
					    "jsd.PR",
					    "jsd.TS",
					    "jsd.TD",
					    "jsd.PKT",
					    "jsd.BYT",
					    "jsd.SA",
					    "jsd.DA",
					    "leak.rows_equal",
					    "leak.share_nearer_train",
					    "rules.broken_share",
					    "downstream.mse_ratio"};
	static const char *const presets[] = {"ugr16", "demo"};

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct fm_error err = {0};
		struct fm_config *c;
		const char *text = "";
		size_t n = 0;
		assert_int_equal(fm_config_preset(&c, presets[p], NULL, 0, &err), FM_OK);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (check_of(c, names[i]) == NULL)
				fail_msg("preset %s does not check %s", presets[p], names[i]);
		assert_true(check_of(c, "leak.rows_equal")->max == 0);
		fm_config_free(c);
		/* Its text is a release.yaml of the same meaning, but for the path. */
		assert_int_equal(fm_config_preset_text(presets[p], &text, &n, &err), FM_OK);
		assert_int_equal(strlen(text), n);
		assert_int_equal(load_bytes(&c, text, n, "source.path=x", &err), FM_OK);
		assert_string_equal(c->preset, presets[p]);
		fm_config_free(c);
	}
}

static void test_a_list_of_paths_comes_back_from_json(void **state)
{
	struct fm_config *c = load("source:\n  path: [a.csv, /b/*.csv]\n", NULL);
	char want[2 * PATH_MAX], real[PATH_MAX];
	json_t *j;

	(void)state;
	assert_non_null(realpath(dir, real));
	snprintf(want, sizeof(want), "%s/a.csv\n/b/*.csv", real);
	assert_string_equal(c->source.path, want);
	j = fm_config_json(c, "source", false);
	assert_int_equal(json_array_size(json_object_get(j, "path")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(j, "path"), 1)), "/b/*.csv");
	json_decref(j);
	fm_config_free(c);
	c = load("source:\n  path: \"-\"\n", NULL);
	assert_string_equal(c->source.path, "-");
	fm_config_free(c);
}

static void test_paths_are_relative_to_the_file(void **state)
{
	struct fm_config *c = load("source: {path: ./data/x.csv, dialect: my.yaml}\npublish: {out: /abs/out}\n", NULL);
	char want[PATH_MAX + 64], real[PATH_MAX];

	(void)state;
	assert_non_null(realpath(dir, real));
	assert_string_equal(c->dir, real);
	snprintf(want, sizeof(want), "%s/data/x.csv", real);
	assert_string_equal(c->source.path, want);
	snprintf(want, sizeof(want), "%s/my.yaml", real);
	assert_string_equal(c->source.dialect, want);
	snprintf(want, sizeof(want), "%s/keys/release.key", real);
	assert_string_equal(c->publish.key, want);
	assert_string_equal(c->publish.out, "/abs/out");
	fm_config_free(c);
}

static void test_a_version_can_be_the_day(void **state)
{
	char today[16], version[16];
	time_t now = time(NULL);
	struct fm_config *c, *again;
	struct fm_error err;
	json_t *json;
	struct tm tm;

	(void)state;
	setenv("SOURCE_DATE_EPOCH", "1460332800", 1);
	c = load(SOURCE "release: {version: date}\n", NULL);
	assert_string_equal(c->release.version, "2016.04.11");
	assert_string_equal(c->release.date, "2016-04-11");
	/* Written out it is that day's for ever. */
	unsetenv("SOURCE_DATE_EPOCH");
	json = fm_config_json(c, NULL, false);
	assert_non_null(json);
	assert_int_equal(fm_config_from_json(&again, json, &err), FM_OK);
	assert_string_equal(again->release.version, "2016.04.11");
	assert_string_equal(again->release.date, "2016-04-11");
	json_decref(json);
	fm_config_free(again);
	fm_config_free(c);
	c = load(SOURCE, "release.version=date");
	gmtime_r(&now, &tm);
	strftime(today, sizeof today, "%Y-%m-%d", &tm);
	strftime(version, sizeof version, "%Y.%m.%d", &tm);
	if (strcmp(c->release.date, today) == 0) /* else midnight was between */
		assert_string_equal(c->release.version, version);
	fm_config_free(c);
	refused(SOURCE "release: {version: date, date: 2026-11-28}\n", "release.date", "empty");
	refused(SOURCE "release: {version: date}\npublish: {approvals: 2}\n", "publish.approvals", "name the version");
}

static void test_date_never_comes_from_the_clock(void **state)
{
	struct fm_config *c = load(SOURCE, NULL);

	(void)state;
	assert_string_equal(c->release.date, "");
	fm_config_free(c);
	setenv("SOURCE_DATE_EPOCH", "1460332800", 1);
	c = load(SOURCE, NULL);
	assert_string_equal(c->release.date, "2016-04-11");
	fm_config_free(c);
	c = load(SOURCE "release: {date: 2020-02-29}\n", NULL);
	assert_string_equal(c->release.date, "2020-02-29");
	fm_config_free(c);
	setenv("SOURCE_DATE_EPOCH", "315532800", 1); /* 1980: a builder's way to say none */
	c = load(SOURCE, NULL);
	assert_string_equal(c->release.date, "");
	fm_config_free(c);
	setenv("SOURCE_DATE_EPOCH", "now", 1);
	refused(SOURCE, "SOURCE_DATE_EPOCH is 'now'", "");
	setenv("SOURCE_DATE_EPOCH", "99999999999999", 1);
	refused(SOURCE, "SOURCE_DATE_EPOCH", "");
	unsetenv("SOURCE_DATE_EPOCH");
}

static void test_public_json_says_nothing_of_the_machine(void **state)
{
	struct fm_config *c =
	    load("source: {path: secret-trace.csv, dialect: hidden-folder/my.yaml}\ntrain: {threads: 3}\n", NULL);
	char *text = json_of(c, NULL, true), *section;

	(void)state;
	assert_null(strstr(text, "secret-trace"));
	assert_null(strstr(text, "hidden-folder"));
	assert_non_null(strstr(text, "my.yaml"));
	assert_null(strstr(text, "threads"));
	assert_null(strstr(text, "release.key"));
	assert_non_null(strstr(
	    text, "\"publish\":{\"dialect\":\"source\",\"header\":false,\"report\":\"metrics\",\"test_share\":0}"));
	assert_null(strstr(text, dir));
	assert_null(strstr(text, "release.yaml"));
	free(text);
	section = json_of(c, "train", true);
	assert_null(strstr(section, "threads"));
	free(section);
	section = json_of(c, "train", false);
	assert_non_null(strstr(section, "\"threads\":3"));
	free(section);
	assert_null(fm_config_json(c, "nosuch", false));
	fm_config_free(c);
}

/* But for who set them. */
static void drop_places(struct fm_config *c)
{
	memset(c->named, 0, sizeof c->named);
	memset(c->set, 0, sizeof c->set);
	for (int i = 0; i < c->gate.n; i++) {
		c->gate.check[i].set = (struct fm_cfg_place){0};
		c->gate.check[i].preset = false;
	}
}

static void same_values(const struct fm_config *a, const struct fm_config *b)
{
	struct fm_config *both = calloc(2, sizeof *both);

	both[0] = *a;
	both[1] = *b;
	drop_places(&both[0]);
	drop_places(&both[1]);
	assert_memory_equal(&both[0], &both[1], sizeof *both);
	free(both);
}

static void test_json_does_not_depend_on_how_it_was_written(void **state)
{
	struct fm_config *a = load(SOURCE "train: {steps: 5, rate: 0.002}\ngate: {pair_jsd: 1, jsd.SA: "
					  "0.10}\ngenerate: {labels: {b: 0.5, a: 0.5}}\n",
				   NULL),
			 *b = load("\xef\xbb\xbfgenerate:\r\n  labels: {\"a\": 5e-1, b: .5}\r\ngate:\r\n  jsd.SA: "
				   "1e-1\r\n  pair_jsd: {max: "
				   "1.0}\r\ntrain:\r\n"
				   "  rate: 2E-3\r\n  steps: 05\r\nsource:\r\n  path: 'x.csv'\r\n",
				   NULL);
	char *ja = json_of(a, NULL, false), *jb = json_of(b, NULL, false);

	(void)state;
	assert_string_equal(ja, jb);
	/* The structs, too: what is learned and made follows their order. */
	assert_memory_equal(&a->generate, &b->generate, sizeof(a->generate));
	drop_places(a);
	drop_places(b);
	assert_memory_equal(&a->gate, &b->gate, sizeof(a->gate));
	free(ja);
	free(jb);
	fm_config_free(a);
	fm_config_free(b);
}

static void test_json_and_back_is_the_same_config(void **state)
{
	struct fm_error err = {0};
	struct fm_config
	    *a = load("preset: demo\n" SOURCE
		      "gate: {leak.family_p: {min: 0.1}, jsd.SA: null}\nrelease: {description: \"q\\\"\\u00e9: {x\"}\n"
		      "generate: {labels: {\"a b\": 0.5, 7: 0.5}, hours: [1, 2]}\n",
		      "train.rate=1e-7"),
	    *b, *c;
	json_t *j = fm_config_json(a, NULL, false), *p = fm_config_json(a, NULL, true), *bad;
	char *pa = json_of(a, NULL, true), *pc;

	(void)state;
	assert_int_equal(fm_config_from_json(&b, j, &err), FM_OK);
	same_values(a, b);
	assert_int_equal(fm_config_from_json(&c, p, &err), FM_OK);
	pc = json_of(c, NULL, true);
	assert_string_equal(pa, pc);
	assert_string_equal(c->source.path, "");
	fm_config_free(c);
	/* As an earlier version wrote it: a key that is gone since is passed over. */
	json_object_set_new(json_object_get(j, "privacy"), "max_flows_per_host", json_integer(3));
	assert_int_equal(fm_config_from_json(&c, j, &err), FM_OK);
	same_values(a, c);
	fm_config_free(c);
	bad = json_pack("{s:{s:i}}", "train", "steps", -1);
	assert_int_equal(fm_config_from_json(&c, bad, &err), FM_EINPUT);
	assert_null(c);
	json_decref(bad);
	bad = json_pack("{s:{s:i}}", "train", "stesp", 1);
	assert_int_equal(fm_config_from_json(&c, bad, &err), FM_EINPUT);
	json_decref(bad);
	free(pa);
	free(pc);
	json_decref(j);
	json_decref(p);
	fm_config_free(a);
	fm_config_free(b);
}

/* ---- the schema and its documentation ---- */

static void test_every_key_has_a_default_that_it_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < fm_nkeys; i++) {
		assert_true(fm_section_known(fm_keys[i].section));
		assert_non_null(fm_keys[i].help);
		assert_ptr_equal(fm_key_find(fm_keys[i].section, fm_keys[i].name), &fm_keys[i]);
		if (fm_keys[i].type == FM_KEY_CHOICE)
			assert_true(fm_choice_has(fm_keys[i].choices, fm_keys[i].dflt));
		/* What it needs are values of other choices. */
		for (const char *p = fm_keys[i].needs; p; p = strchr(p, ';'), p = p ? p + 2 : NULL) {
			char section[32], name[32], takes[64];
			const struct fm_key *other;

			assert_int_equal(sscanf(p, "%31[^.].%31[^ ] %63[^;]", section, name, takes), 3);
			assert_non_null(other = fm_key_find(section, name));
			assert_int_equal(other->type, FM_KEY_CHOICE);
			for (char *save, *word = strtok_r(takes, "|", &save); word; word = strtok_r(NULL, "|", &save))
				assert_true(fm_choice_has(other->choices, word));
		}
		for (size_t j = 0; j < i; j++) /* no two keys share a field */
			assert_true(fm_keys[i].type == FM_KEY_CHECKS ||
				    fm_keys[i].offset >= fm_keys[j].offset + fm_keys[j].size ||
				    fm_keys[j].offset >= fm_keys[i].offset + fm_keys[i].size);
	}
}

static void read_doc(struct fm_buf *doc, char **begin, char **end)
{
	struct fm_error err = {0};

	if (fm_file_read(DOC, 1 << 20, doc, &err) != FM_OK)
		fail_msg("%s (tests run in the root of the repository)", err.message);
	*begin = strstr(doc->data, DOC_BEGIN);
	*end = strstr(doc->data, DOC_END);
	assert_true(*begin && *end && *begin < *end);
	*begin += strlen(DOC_BEGIN);
}

static void test_the_documentation_has_every_key_and_default(void **state)
{
	struct fm_error err = {0};
	struct fm_buf doc = {0}, table = {0};
	char *begin, *end, name[64];

	(void)state;
	read_doc(&doc, &begin, &end);
	assert_int_equal(fm_config_doc(&table, &err), FM_OK);
	for (size_t i = 0; i < fm_nkeys; i++) {
		snprintf(name, sizeof(name), "| `%s` |", fm_keys[i].name);
		assert_non_null(strstr(table.data, name));
		assert_non_null(strstr(table.data, fm_keys[i].help));
	}
	if (strlen(table.data) + 1 != (size_t)(end - begin) || strncmp(table.data, begin, table.len) != 0)
		fail_msg("the keys in " DOC " are not those of the schema and the presets: run `make docs`");
	fm_buf_free(&doc);
	fm_buf_free(&table);
}

static int update_docs(void)
{
	struct fm_error err = {0};
	struct fm_buf doc = {0}, table = {0}, out = {0};
	char *begin, *end;
	int rc;

	read_doc(&doc, &begin, &end);
	if ((rc = fm_config_doc(&table, &err)) == FM_OK) {
		fm_buf_add(&out, doc.data, (size_t)(begin - doc.data));
		fm_buf_add(&out, table.data, table.len);
		fm_buf_printf(&out, "\n%s", end);
		rc = fm_file_write(DOC, 0644, out.data, out.len, &err);
	}
	if (rc != FM_OK)
		fprintf(stderr, "%s\n", err.message);
	fm_buf_free(&doc);
	fm_buf_free(&table);
	fm_buf_free(&out);
	return fm_exit_status(rc);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unknown_keys_are_refused_with_a_suggestion),
	    cmocka_unit_test(test_keys_out_of_their_section_are_shown_their_place),
	    cmocka_unit_test(test_yaml_errors_quote_their_line),
	    cmocka_unit_test(test_rows_of_a_trace_are_not_quoted),
	    cmocka_unit_test(test_duplicate_keys_are_refused),
	    cmocka_unit_test(test_wrong_types_are_refused),
	    cmocka_unit_test(test_values_out_of_range_are_refused),
	    cmocka_unit_test(test_what_this_version_cannot_do_is_refused),
	    cmocka_unit_test(test_yaml_beyond_one_plain_document_is_refused),
	    cmocka_unit_test(test_sizes_are_bounded),
	    cmocka_unit_test(test_missing_things_are_named),
	    cmocka_unit_test(test_overrides_are_refused_as_usage),
	    cmocka_unit_test(test_layers_override_one_another),
	    cmocka_unit_test(test_override_values_are_yaml_and_text_is_text),
	    cmocka_unit_test(test_gate_checks_merge_by_name),
	    cmocka_unit_test(test_every_preset_has_every_promised_check),
	    cmocka_unit_test(test_a_list_of_paths_comes_back_from_json),
	    cmocka_unit_test(test_paths_are_relative_to_the_file),
	    cmocka_unit_test(test_a_version_can_be_the_day),
	    cmocka_unit_test(test_date_never_comes_from_the_clock),
	    cmocka_unit_test(test_public_json_says_nothing_of_the_machine),
	    cmocka_unit_test(test_json_does_not_depend_on_how_it_was_written),
	    cmocka_unit_test(test_json_and_back_is_the_same_config),
	    cmocka_unit_test(test_every_key_has_a_default_that_it_takes),
	    cmocka_unit_test(test_the_documentation_has_every_key_and_default),
	};

	if (argc == 2 && strcmp(argv[1], "update-docs") == 0)
		return update_docs();
	return cmocka_run_group_tests_name("config", tests, make_dir, drop_dir);
}
