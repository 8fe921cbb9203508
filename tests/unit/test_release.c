/*
 * The release stage: a failed gate leaves nothing behind, neither does a bad key or a full disk, and the same inputs
 * give the same tar.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "release/verify.h"
#include "release_fixture.h"
#include "stage_fixture.h"

#define ROWS 3000

static struct fm_config *cfg;
static struct fm_release_out out;
static struct fm_error err;

static int setup(void **state)
{
	unsetenv("SOURCE_DATE_EPOCH");
	return fixture_make(state) || fixture_table(in_dir("table"), ROWS, &err) || fixture_config(&cfg, &err) ||
	       fm_keygen_line(in_dir("key"), "releases@example.org", NULL, &err);
}

static int teardown(void **state)
{
	fm_config_free(cfg);
	return fixture_remove(state);
}

static int reset(void **state)
{
	(void)state;
	fm_config_free(cfg);
	cfg = NULL;
	put_file("verdict.json", VERDICT_PASS, strlen(VERDICT_PASS));
	return fm_dir_remove(in_dir("out"), &err) || mkdir(in_dir("out"), 0755) || fixture_config(&cfg, &err);
}

static int run(const json_t *manifest)
{
	struct fm_release_in in = {cfg,           in_dir("table"), in_dir("verdict.json"),
				   in_dir("key"), in_dir("out"),   manifest};

	memset(&err, 0, sizeof err);
	return fm_stage_release(&in, &out, &err);
}

static void assert_nothing_written(void)
{
	char **names;
	size_t n;
	struct fm_error e;

	assert_int_equal(fm_dir_list(in_dir("out"), &names, &n, &e), FM_OK);
	if (n)
		fail_msg("%s was left behind", names[0]);
	fm_names_free(names, n);
	assert_int_equal(out.archive[0], 0);
	assert_int_equal(out.tar_sha256[0], 0);
}

static void good_release_verifies(void **state)
{
	struct fm_verify_report report;
	struct fm_verify_in in;
	struct fm_sshkey key;
	struct fm_buf line = {0};

	(void)state;
	assert_int_equal(run(NULL), FM_OK);
	assert_string_equal(out.archive, in_dir("out/office-1.2.0.tar.zst"));
	assert_string_equal(out.signature, in_dir("out/office-1.2.0.tar.zst.sig"));
	assert_int_equal(fm_sshkey_read(&key, in_dir("key"), &err), FM_OK);
	assert_int_equal(fm_sshpub_signers_line(&key.pub, "a@b", &line, &err), FM_OK);
	put_file("signers", line.data, line.len);
	in = (struct fm_verify_in){.archive = out.archive, .signers = in_dir("signers"), .now_s = 1};
	assert_int_equal(fm_verify(&in, &report, &err), FM_OK);
	assert_string_equal(report.sha256, out.archive_sha256);
	assert_string_equal(report.info.digests.tar_sha256, out.tar_sha256);
	assert_int_equal(report.info.mtime_s, 1709164800);
	fm_verify_report_free(&report);
	fm_sshkey_close(&key);
	fm_buf_free(&line);
}

/* Every verdict but a true "pass" of all that the config asks. */
static void failed_gate_leaves_nothing(void **state)
{
	static const struct {
		const char *from, *to;
	} spoil[] = {
	    {"\"verdict\":\"pass\"", "\"verdict\":\"fail\""},
	    {"\"verdict\":\"pass\"", "\"verdict\":\"maybe\""},
	    {"\"verdict\":\"pass\",", ""},
	    {"\"value\":0.05", "\"value\":null"},
	    {"\"value\":0.05", "\"value\":0.11"}, /* over its threshold, though it says pass */
	    {"\"value\":1.0", "\"value\":0.999"},
	    {"\"pass\":true", "\"pass\":false"},
	    {"\"direction\":\"max\"", "\"direction\":\"min\""},
	    {"\"direction\":\"max\"", "\"direction\":\"any\""},
	    {"\"name\":\"jsd_mean8\"", "\"name\":\"jsd_mean9\""},
	    {"]}", "]"},
	    {"{\"verdict\"", "[\"verdict\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
		struct fm_buf v = {0};
		const char *at = strstr(VERDICT_PASS, spoil[i].from);
		int rc;

		assert_non_null(at);
		fm_buf_add(&v, VERDICT_PASS, (size_t)(at - VERDICT_PASS));
		fm_buf_puts(&v, spoil[i].to);
		fm_buf_puts(&v, at + strlen(spoil[i].from));
		put_file("verdict.json", v.data, v.len);
		fm_buf_free(&v);
		rc = run(NULL);
		if (rc != FM_EVERDICT && rc != FM_EINPUT)
			fail_msg("%s instead of %s: %d", spoil[i].to, spoil[i].from, rc);
		assert_nothing_written();
	}
	put_file("verdict.json", "{\"verdict\":\"pass\",\"checks\":[]}", 30);
	memset(&cfg->gate, 0, sizeof cfg->gate);
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_nothing_written();
}

/* A verdict of another config: for each check of this one it needs a line with this one's threshold. */
static void verdict_of_another_config_leaves_nothing(void **state)
{
	struct fm_cfg_check *more;

	(void)state;
	/* a check more than the verdict tells of */
	more = &cfg->gate.check[cfg->gate.n++];
	snprintf(more->name, sizeof more->name, "leak.rows_equal");
	more->has_max = true;
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_non_null(strstr(err.message, "leak.rows_equal"));
	assert_nothing_written();
	cfg->gate.n--;
	/* a bound more for one that it has */
	cfg->gate.check[0].has_min = true;
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_nothing_written();
	cfg->gate.check[0].has_min = false;
	/* judged by thresholds that were looser, or tighter */
	cfg->gate.check[0].max = 0.0999;
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_non_null(strstr(err.message, "jsd_mean8"));
	assert_non_null(strstr(err.message, "0.0999"));
	assert_nothing_written();
	cfg->gate.check[0].max = 0.2;
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_nothing_written();
	cfg->gate.check[0].max = 0.1;
	cfg->gate.check[1].min = 1.5;
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_nothing_written();
	cfg->gate.check[1].min = 1;
	/* max times a floor that only the gate knows */
	cfg->gate.check[0].max = 2;
	cfg->gate.check[0].relative_to_floor = true;
	assert_int_equal(run(NULL), FM_OK);
	assert_int_equal(reset(NULL), 0);
	/* a config that asks for nothing lets nothing through, whatever the verdict says */
	cfg->gate.n = 0;
	memset(&out, 0, sizeof out);
	assert_int_equal(run(NULL), FM_EVERDICT);
	assert_nothing_written();
}

static void bad_key_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(chmod(in_dir("key"), 0644), 0);
	assert_int_equal(run(NULL), FM_EINPUT);
	assert_nothing_written();
	assert_int_equal(chmod(in_dir("key"), 0600), 0);
	assert_int_equal(rename(in_dir("key"), in_dir("key.away")), 0);
	assert_int_equal(run(NULL), FM_EINPUT);
	assert_nothing_written();
	assert_int_equal(rename(in_dir("key.away"), in_dir("key")), 0);
}

static void bad_name_leaves_nothing(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../up", "a/b", "/a", "-a", "A b"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(cfg->release.name, sizeof cfg->release.name, "%s", bad[i]);
		assert_int_equal(run(NULL), FM_EINPUT);
		assert_nothing_written();
		assert_false(fm_file_exists(in_dir("up-1.2.0.tar.zst")));
	}
}

/* At each size that a file may reach, writing fails in another place: the data, the archive, never half a release. */
static void full_disk_leaves_nothing(void **state)
{
	static const rlim_t room[] = {0, 100, 4096, 100000};
	struct rlimit old, tight;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof room / sizeof *room; i++) {
		int rc;

		tight = old;
		tight.rlim_cur = room[i];
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		rc = run(NULL);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(rc, FM_ESYSTEM);
		assert_nothing_written();
	}
	signal(SIGXFSZ, SIG_DFL);
}

static void same_inputs_give_the_same_tar(void **state)
{
	char first[65];
	json_t *manifest = json_pack("{s:s,s:[i,i]}", "code", "abc", "n", 1, 2);

	assert_int_equal(run(manifest), FM_OK);
	memcpy(first, out.tar_sha256, sizeof first);
	reset(state);
	umask(077);
	setenv("TZ", "America/St_Johns", 1);
	setenv("USER", "somebody", 1);
	setenv("SOURCE_DATE_EPOCH", "1", 1); /* the config's date goes first */
	assert_int_equal(run(manifest), FM_OK);
	assert_string_equal(out.tar_sha256, first);
	json_object_set_new(manifest, "code", json_string("abd"));
	reset(state);
	assert_int_equal(run(manifest), FM_OK);
	assert_string_not_equal(out.tar_sha256, first);
	umask(022);
	unsetenv("SOURCE_DATE_EPOCH");
	json_decref(manifest);
}

static int64_t mtime_of_release(void)
{
	struct fm_archive_info info;
	enum fm_reason reason;
	int64_t t;
	int fd = open(out.archive, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fm_archive_read(fd, &info, &reason, &err), FM_OK);
	t = info.mtime_s;
	fm_archive_info_free(&info);
	close(fd);
	return t;
}

static void date_comes_from_the_config_and_neither_from_clock_nor_environment(void **state)
{
	(void)state;
	cfg->release.date[0] = 0;
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1); /* the config has taken it in already */
	assert_int_equal(run(NULL), FM_OK);
	assert_int_equal(mtime_of_release(), 315532800);
	unsetenv("SOURCE_DATE_EPOCH");
	reset(state);
	snprintf(cfg->release.date, sizeof cfg->release.date, "2023-11-14");
	assert_int_equal(run(NULL), FM_OK);
	assert_int_equal(mtime_of_release(), 1699920000);
	reset(state);
	snprintf(cfg->release.date, sizeof cfg->release.date, "2023-02-29");
	assert_int_equal(run(NULL), FM_EINPUT);
	assert_nothing_written();
}

static void empty_table_is_not_released(void **state)
{
	struct fm_release_in in = {cfg, in_dir("none"), in_dir("verdict.json"), in_dir("key"), in_dir("out"), NULL};

	(void)state;
	assert_int_equal(fixture_table(in_dir("none"), 0, &err), FM_OK);
	assert_int_equal(fm_stage_release(&in, &out, &err), FM_EINPUT);
	assert_nothing_written();
}

#define T(f) cmocka_unit_test_setup(f, reset)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(good_release_verifies),
	    T(failed_gate_leaves_nothing),
	    T(verdict_of_another_config_leaves_nothing),
	    T(bad_key_leaves_nothing),
	    T(bad_name_leaves_nothing),
	    T(full_disk_leaves_nothing),
	    T(same_inputs_give_the_same_tar),
	    T(date_comes_from_the_config_and_neither_from_clock_nor_environment),
	    T(empty_table_is_not_released),
	};

	return cmocka_run_group_tests_name("release", tests, setup, teardown);
}
