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
#include "pipeline/sealed.h"

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

static void secret_of(struct fm_secret *s, const char *set, const char *trace)
{
	struct fm_config *cfg = config(set);
	struct fm_error err;

	if (fm_run_secret(s, project, cfg, trace, &err))
		fail_msg("%s", err.message);
	fm_config_free(cfg);
}

static bool same(const char *set, const char *trace)
{
	struct fm_secret a, b;
	bool equal;

	secret_of(&a, NULL, TRACE);
	secret_of(&b, set, trace);
	equal = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
	fm_secret_close(&a);
	fm_secret_close(&b);
	return equal;
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
	assert_int_equal(fm_sealed_write(workspace, project, "r0001", &s, &err), FM_OK);
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
	    cmocka_unit_test(another_project_has_another_noise),
	    cmocka_unit_test(the_id_tells_nothing_of_the_secret),
	    cmocka_unit_test(what_is_sealed_comes_back_and_only_so),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
