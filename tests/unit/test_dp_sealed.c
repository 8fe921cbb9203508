/* The run's secret: what it depends on, and its sealed half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "manifests/canon.h"
#include "manifests/config_schema.h"
#include "pipeline/sealed.h"
#include "pipeline/stage_run.h"
#include "stages/table.h"

static char project[64], workspace[96];
#define TRACE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void put_key(char c)
{
	char path[128], bytes[32];
	struct fm_error err;

	snprintf(path, sizeof path, "%s/keys/commitment.key", project);
	memset(bytes, c, sizeof bytes);
	assert_int_equal(fm_file_write(path, 0600, bytes, sizeof bytes, &err), FM_OK);
}

static int make(void **state)
{
	char path[128];
	struct fm_error err;

	(void)state;
	snprintf(project, sizeof project, "/tmp/fm-sealed-XXXXXX");
	if (!mkdtemp(project))
		return -1;
	snprintf(path, sizeof path, "%s/keys", project);
	snprintf(workspace, sizeof workspace, "%s/workspace", project);
	if (fm_dir_make(path, 0700, &err) || fm_dir_make(workspace, 0700, &err))
		return -1;
	put_key('k');
	return 0;
}

static int clean(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(project, &err);
}

static struct fm_config *config(const char *set)
{
	const char *all[] = {"source.path=x.csv", "privacy.mode=dp", set};
	struct fm_config *cfg;
	struct fm_error err;

	if (fm_config_preset(&cfg, "ugr16-dp", all, set ? 3 : 2, &err))
		fail_msg("%s", err.message);
	return cfg;
}

static void secret_of_files(struct fm_secret *s, const char *set, json_t *files)
{
	struct fm_config *cfg = config(set);
	struct fm_sealed_of of = {cfg, files};
	struct fm_error err;

	if (fm_run_secret(s, project, &of, &err))
		fail_msg("%s", err.message);
	json_decref(files);
	fm_config_free(cfg);
}

static json_t *files_of(const char *trace)
{
	return json_pack("{s:s}", "trace", trace);
}

static void secret_of(struct fm_secret *s, const char *set, const char *trace)
{
	secret_of_files(s, set, files_of(trace));
}

static bool equal(struct fm_secret *a, struct fm_secret *b)
{
	bool equal = a->len == b->len && memcmp(a->data, b->data, a->len) == 0;

	fm_secret_close(a);
	fm_secret_close(b);
	return equal;
}

static bool same(const char *set, const char *trace)
{
	struct fm_secret a, b;

	secret_of(&a, NULL, TRACE);
	secret_of(&b, set, trace);
	return equal(&a, &b);
}

static bool same_files(json_t *files, json_t *others)
{
	struct fm_secret a, b;

	secret_of_files(&a, NULL, files);
	secret_of_files(&b, NULL, others);
	return equal(&a, &b);
}

static void noise_is_shared_by_the_same_run_alone(void **state)
{
	(void)state;
	assert_true(same(NULL, TRACE));
	/* What looks at no record, or only bounds others, makes no other noise. */
	assert_true(same("generate.rows=1000", TRACE));
	assert_true(same("privacy.total_epsilon=9", TRACE));
	assert_true(same("release.version=2.0.0", TRACE));
	/* Another trace, or another question, does. */
	assert_false(same(NULL, OTHER));
	assert_false(same("privacy.epsilon=3", TRACE));
	assert_false(same("split.holdout=0.3", TRACE));
	assert_false(same("privacy.labels=background", TRACE));
	assert_false(same("source.member=a.csv", TRACE));
	assert_false(same("privacy.budget={gate: 0.1}", TRACE));
}

/* The files of a run whose dialect is a file of the team's own with that text. */
static json_t *files_with(const char *dialect)
{
	char path[128], set[160];
	struct fm_run_options o = {.trace_sha256 = TRACE};
	struct fm_run run = {0};
	struct fm_error err;
	json_t *files;

	snprintf(path, sizeof path, "%s/own.yaml", project);
	snprintf(set, sizeof set, "source.dialect=%s", path);
	assert_int_equal(fm_file_write(path, 0600, dialect, strlen(dialect), &err), FM_OK);
	o.cfg = config(set);
	struct fm_runner r = {.o = &o, .cfg = o.cfg, .run = &run, .project = project};

	if (fm_runner_files(&r, &files, &err))
		fail_msg("%s", err.message);
	fm_config_free((struct fm_config *)(uintptr_t)o.cfg);
	return files;
}

#define OWN                                                                                                            \
	"name: own\nheader: false\ncolumns:\n  - {name: te, column: te, format: datetime}\n"                           \
	"  - {name: td, column: td, format: seconds, decimals: 3}\n  - {name: sa, column: sa, format: address}\n"      \
	"  - {name: da, column: da, format: address}\n  - {name: sp, column: sp, format: integer}\n"                   \
	"  - {name: dp, column: dp, format: integer}\n  - {name: pr, column: pr, format: text}\n"                      \
	"  - {name: pkt, column: pkt, format: integer}\n  - {name: byt, column: byt, format: integer}\n"
#define ZONE "timezone: Europe/Madrid\n"

static void another_dialect_or_clock_is_another_answer(void **state)
{
	json_t *files = files_with(OWN), *zone;

	(void)state;
	assert_true(same_files(files_with(OWN), json_incref(files)));
	assert_false(same_files(files_with(OWN "missing: [\"42.219.150.7\"]\n"), json_incref(files)));
	assert_false(same_files(files_with(OWN "internal: [\"42.219.0.0/16\"]\n"), files));
	/* The same file, and a zoneinfo with other rules. */
	zone = files_with(OWN ZONE);
	assert_non_null(json_object_get(zone, "dialect_zone"));
	json_object_set_new(zone, "dialect_zone", json_string(OTHER));
	assert_false(same_files(files_with(OWN ZONE), zone));
}

static bool is_one_of(const char *word, const char *const list[])
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* A key of the config that the secret does not depend on is here for a reason. */
static void all_keys_of_what_is_learned_decide_the_secret(void **state)
{
	static const char *const elsewhere[] = {"source.path", /* the digest of the trace */
						"split.seed",
						"train.seed", /* derived from the secret, refused where set */
						"train.threads",
						"train.checkpoint_every", /* change no bit */
						"train.checkpoint_seconds",
						"privacy.total_epsilon", /* asks nothing */
						NULL};
	/* Of a stage, the sections that ask nothing of private records: planted generators are refused; it says how a
	 * release before, which is refused, is read; the verdict is of what was paid for. */
	static const char *const asks_nothing[] = {"gate.controls", "publish.dialect", NULL};
	struct fm_config *cfg = config(NULL);

	(void)state;
	for (int i = 0; i <= FM_EVALUATE; i++)
		for (int k = 0; i != FM_GENERATE && fm_stage_table[i].section[k]; k++) {
			char name[64];

			snprintf(name, sizeof name, "%s", fm_stage_table[i].section[k]);
			if (is_one_of(name, asks_nothing))
				continue;
			name[strcspn(name, ".")] = '\0';
			if (!is_one_of(name, fm_config_learning))
				fail_msg("%s depends on %s, and the secret of a run does not", fm_stage_table[i].name,
					 name);
		}
	for (size_t i = 0; i < fm_nkeys; i++) {
		const struct fm_key *k = &fm_keys[i];
		json_t *section = fm_config_json(cfg, k->section, true);
		char key[80];

		snprintf(key, sizeof key, "%s.%s", k->section, k->name);
		if (is_one_of(k->section, fm_config_learning) && !json_object_get(section, k->name) &&
		    !is_one_of(key, elsewhere))
			fail_msg("%s says what is learned, and is not in the secret of a run", key);
		json_decref(section);
	}
	fm_config_free(cfg);
}

/* So is an item of a stage that sees private records. */
static void all_files_of_what_is_learned_decide_the_secret(void **state)
{
	json_t *files = files_with(OWN);

	(void)state;
	for (int s = 0; s <= FM_EVALUATE; s++)
		for (int i = 0; s != FM_GENERATE && i < FM_NITEMS; i++) {
			const struct fm_item *item = &fm_items[i];
			bool known = false;

			if (!(fm_stage_table[s].items & FM_ITEM(i)))
				continue;
			switch (item->from) {
			case FM_FROM_USER: /* evaluate reads with those two a release before, which is refused; train
					    * rehearses a release with the first, and never with a secret */
				known = json_object_get(files, item->digest) ||
					(s == FM_TRAIN && fm_stage_table[s].unkeyed & FM_ITEM(i)) ||
					(s == FM_EVALUATE && (i == FM_ITEM_PUBLISHED || i == FM_ITEM_PREVIOUS));
				break;
			case FM_FROM_PRODUCT: /* made of the same; or of a model alone, which asks nothing more */
				known = item->stage <= FM_GENERATE;
				break;
			case FM_FROM_STAGE: /* under a key with the secret's id in it; written alone */
				known = i == FM_ITEM_CHECKPOINT || i == FM_ITEM_QUARANTINE;
				break;
			case FM_FROM_SHARDS: /* of the same flows, by their key */
				known = i == FM_ITEM_PARTS;
				break;
			case FM_FROM_RUNNER:
				break;
			}
			if (!known)
				fail_msg("%s is given the %s, on which the secret of a run does not depend",
					 fm_stage_table[s].name, item->words);
		}
	json_decref(files);
}

/* Whoever makes a run again does it with what it was made of. */
static void a_sealed_half_is_for_what_it_was_sealed_with(void **state)
{
	struct fm_config *cfg = config(NULL), *other = config("privacy.epsilon=3"),
			 *free_one = config("generate.rows=10");
	json_t *files = files_of(TRACE), *others = files_of(OTHER);
	struct fm_sealed_of of = {cfg, files};
	struct fm_secret s;
	struct fm_error err;

	(void)state;
	secret_of(&s, NULL, TRACE);
	assert_int_equal(fm_sealed_write(workspace, project, "r0003", &s, &of, &err), FM_OK);
	assert_int_equal(fm_sealed_check(workspace, "r0003", &s, &of, &err), FM_OK);
	assert_int_equal(fm_sealed_check(workspace, "r0003", &s, &(struct fm_sealed_of){free_one, files}, &err), FM_OK);
	assert_int_equal(fm_sealed_check(workspace, "r0003", &s, &(struct fm_sealed_of){cfg, others}, &err),
			 FM_EVERDICT);
	assert_non_null(strstr(err.message, "another trace"));
	assert_int_equal(fm_sealed_check(workspace, "r0003", &s, &(struct fm_sealed_of){other, files}, &err),
			 FM_EVERDICT);
	assert_non_null(strstr(err.message, "another config"));
	/* One that does not say is for nothing. */
	assert_int_equal(fm_sealed_write(workspace, project, "r0004", &s, NULL, &err), FM_OK);
	assert_int_equal(fm_sealed_check(workspace, "r0004", &s, &of, &err), FM_EVERDICT);
	fm_secret_close(&s);
	json_decref(files);
	json_decref(others);
	fm_config_free(cfg);
	fm_config_free(other);
	fm_config_free(free_one);
}

static void another_project_has_another_noise(void **state)
{
	struct fm_secret a, b;

	(void)state;
	secret_of(&a, NULL, TRACE);
	put_key('l');
	secret_of(&b, NULL, TRACE);
	put_key('k');
	assert_memory_not_equal(a.data, b.data, a.len);
	fm_secret_close(&a);
	fm_secret_close(&b);
}

static void the_id_tells_nothing_of_the_secret(void **state)
{
	struct fm_secret s;
	char id[FM_SHA256_HEX], hex[FM_SHA256_HEX];
	struct fm_error err;

	(void)state;
	secret_of(&s, NULL, TRACE);
	assert_int_equal(fm_secret_id(&s, id, &err), FM_OK);
	fm_hex(s.data, s.len, hex);
	assert_string_not_equal(id, hex);
	fm_secret_close(&s);
}

static void what_is_sealed_comes_back_and_only_so(void **state)
{
	struct fm_secret s, back;
	char path[160], hex[FM_SHA256_HEX];
	struct fm_error err;
	struct stat st;
	json_t *doc;
	char *text;

	(void)state;
	secret_of(&s, NULL, TRACE);
	assert_int_equal(fm_sealed_write(workspace, project, "r0001", &s, NULL, &err), FM_OK);
	assert_int_equal(fm_sealed_read(&back, workspace, project, "r0001", &err), FM_OK);
	assert_int_equal(back.len, s.len);
	assert_memory_equal(back.data, s.data, s.len);
	fm_secret_close(&back);
	snprintf(path, sizeof path, "%s/sealed/r0001.json", workspace);
	assert_int_equal(stat(path, &st), 0);
	/* The secret itself is not in the file. */
	assert_int_equal(fm_json_load(&doc, path, 65536, &err), FM_OK);
	text = json_dumps(doc, 0);
	fm_hex(s.data, s.len, hex);
	assert_null(strstr(text, hex));
	free(text);
	/* Of another project, under another run's name, or with one digit changed it is refused. */
	put_key('l');
	assert_int_equal(fm_sealed_read(&back, workspace, project, "r0001", &err), FM_EVERDICT);
	put_key('k');
	snprintf(path, sizeof path, "%s/sealed/r0002.json", workspace);
	assert_int_equal(fm_json_save(doc, path, &err), FM_OK);
	assert_int_equal(fm_sealed_read(&back, workspace, project, "r0002", &err), FM_EVERDICT);
	for (int f = 0; f < 3; f++) {
		const char *field = ((const char *const[]){"nonce", "tag", "data"})[f];
		char *changed = strdup(json_string_value(json_object_get(doc, field)));
		json_t *copy = json_deep_copy(doc);

		changed[3] = changed[3] == '0' ? '1' : '0';
		json_object_set_new(copy, field, json_string(changed));
		snprintf(path, sizeof path, "%s/sealed/r0001.json", workspace);
		assert_int_equal(fm_json_save(copy, path, &err), FM_OK);
		assert_int_equal(fm_sealed_read(&back, workspace, project, "r0001", &err), FM_EVERDICT);
		json_decref(copy);
		free(changed);
	}
	assert_int_equal(fm_sealed_read(&back, workspace, project, "r0009", &err), FM_EINPUT);
	json_decref(doc);
	fm_secret_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(noise_is_shared_by_the_same_run_alone),
	    cmocka_unit_test(another_dialect_or_clock_is_another_answer),
	    cmocka_unit_test(all_keys_of_what_is_learned_decide_the_secret),
	    cmocka_unit_test(all_files_of_what_is_learned_decide_the_secret),
	    cmocka_unit_test(a_sealed_half_is_for_what_it_was_sealed_with),
	    cmocka_unit_test(another_project_has_another_noise),
	    cmocka_unit_test(the_id_tells_nothing_of_the_secret),
	    cmocka_unit_test(what_is_sealed_comes_back_and_only_so),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
