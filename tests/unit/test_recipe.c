/*
 * Recipes: what is made again from an archive was read from it by a process behind walls, which is not this one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "pipeline/difference.h"
#include "pipeline/walls/sandbox.h"

#define GOLDEN "tests/golden/release/golden-1.0.0.tar.zst"

static bool unconfined;

/* Within walls there is no other file.  (A process there may not ask for its number.) */
static bool sees_more(void)
{
	int fd = open("Makefile", O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int __real_fm_archive_read(int fd, struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err);
int __wrap_fm_archive_read(int fd, struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err);
int __real_fm_archive_read_into(int fd, const struct fm_archive_told *told, const struct fm_archive_sink *sink,
				struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err);
int __wrap_fm_archive_read_into(int fd, const struct fm_archive_told *told, const struct fm_archive_sink *sink,
				struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err);

int __wrap_fm_archive_read(int fd, struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err)
{
	if (sees_more())
		return fm_fail(err, FM_ESYSTEM, "the archive is read by who sees more than it");
	return __real_fm_archive_read(fd, info, reason, err);
}

int __wrap_fm_archive_read_into(int fd, const struct fm_archive_told *told, const struct fm_archive_sink *sink,
				struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err)
{
	if (sees_more())
		return fm_fail(err, FM_ESYSTEM, "the archive is read by who sees more than it");
	return __real_fm_archive_read_into(fd, told, sink, info, reason, err);
}

static void an_archive_is_read_within_walls(void **state)
{
	struct fm_recipe r;
	struct fm_error err;

	(void)state;
	if (fm_recipe_read(&r, GOLDEN, unconfined, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(r.whole);
	assert_int_equal(strlen(r.info.digests.tar_sha256), 64);
	assert_true(r.info.n > 4);
	assert_string_equal(r.info.file[0].path, "CITATION.cff");
	assert_true(r.info.file[0].nbytes > 0);
	assert_string_equal(r.cfg->release.name, "golden");
	fm_recipe_free(&r);
}

static void so_is_a_file_of_it(void **state)
{
	char dir[] = "/tmp/fm-recipe-XXXXXX", to[64];
	struct fm_buf text = {0};
	struct fm_error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(to, sizeof to, "%s/x", dir);
	if (fm_archive_pick(GOLDEN, unconfined, "CITATION.cff", to, &err) < 0 ||
	    fm_file_read(to, 10000, &text, &err) < 0)
		fail_msg("%s", err.message);
	assert_non_null(strstr(text.data, "cff-version"));
	fm_buf_free(&text);
	assert_int_equal(fm_dir_remove(dir, &err), FM_OK);
}

/* A manifest alone is parsed by the child too: this process meets what it was made into, and no text. */
static void a_manifest_is_read_within_walls(void **state)
{
	static const char good[] = "tests/golden/manifests/labels.json";
	char path[] = "/tmp/fm-recipe-XXXXXX";
	struct fm_buf text = {0};
	struct fm_recipe r;
	struct fm_error err;
	char *at;

	(void)state;
	assert_int_equal(fm_file_read(good, 1 << 20, &text, &err), FM_OK);
	if (fm_recipe_read(&r, good, unconfined, &err) < 0)
		fail_msg("%s", err.message);
	assert_false(r.whole);
	assert_int_equal(text.len, r.info.manifest.len);
	assert_memory_equal(text.data, r.info.manifest.data, text.len);
	assert_true(r.info.n > 4);
	fm_recipe_free(&r);
	assert_non_null(at = strstr(text.data, "\"control_limit\":0.005,\"control_rows\":3"));
	at[16] = '7';
	close(mkstemp(path));
	assert_int_equal(fm_file_write(path, 0600, text.data, text.len, &err), FM_OK);
	assert_int_equal(fm_recipe_read(&r, path, unconfined, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "control_limit"));
	fm_recipe_free(&r);
	assert_int_equal(fm_file_write(path, 0600, text.data, text.len / 2, &err), FM_OK);
	assert_int_equal(fm_recipe_read(&r, path, unconfined, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "neither an archive"));
	fm_recipe_free(&r);
	fm_buf_free(&text);
	unlink(path);
}

static void what_is_no_archive_is_refused_as_before(void **state)
{
	char path[] = "/tmp/fm-recipe-XXXXXX";
	int fd = mkstemp(path);
	struct fm_recipe r;
	struct fm_error err;

	(void)state;
	assert_int_equal(write(fd, "\x28\xb5\x2f\xfd garbage", 12), 12);
	assert_int_equal(fm_recipe_read(&r, path, unconfined, &err), FM_EVERDICT);
	assert_non_null(strstr(err.message, path));
	fm_recipe_free(&r);
	close(fd);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_archive_is_read_within_walls),
	    cmocka_unit_test(so_is_a_file_of_it),
	    cmocka_unit_test(a_manifest_is_read_within_walls),
	    cmocka_unit_test(what_is_no_archive_is_refused_as_before),
	};
	struct fm_error err;

	unconfined = fm_sandbox_probe(&err) < 0;
	return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
