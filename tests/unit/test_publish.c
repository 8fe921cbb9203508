/*
 * What lies in a release folder: each archive beside its own signature and record, whoever publishes at once and
 * wherever a run is killed; numbers and versions rise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#include "base/log.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "pipeline/publish.h"
#include "pipeline/runner.h"
#include "pipeline/walls/sandbox.h"
#include "release/metadata.h"
#include "release/shelf.h"
#include "release/tlog.h"
#include "release/verify.h"
#include "release_fixture.h"

static struct fm_error err;
static struct fm_signers signers;
static char signers_path[512], key_path[512], out[512], product[512];
static bool confined;

static int setup(void **state)
{
	struct fm_buf line = {0};

	fm_log_quiet(1);
	if (fixture_make(state) != 0)
		return -1;
	snprintf(signers_path, sizeof signers_path, "%s", in_dir("allowed_signers"));
	snprintf(key_path, sizeof key_path, "%s", in_dir("release.key"));
	snprintf(out, sizeof out, "%s", in_dir("out"));
	snprintf(product, sizeof product, "%s", in_dir("product"));
	if (fm_keygen_line(key_path, "releases@example.org", &line, &err) < 0)
		return -1;
	put_file("allowed_signers", line.data, line.len);
	fm_buf_free(&line);
	confined = fm_sandbox_probe(&err) == FM_OK;
	return fm_signers_load(&signers, signers_path, &err);
}

static int teardown(void **state)
{
	fm_signers_free(&signers);
	return fixture_remove(state);
}

static int fresh(void **state)
{
	(void)state;
	return fm_dir_remove(out, &err) < 0 || fm_dir_remove(product, &err) < 0 ? -1 : 0;
}

static struct fm_config *config(const char *version, const char *more)
{
	char set[3][600];
	const char *sets[3] = {set[0], set[1], set[2]};
	struct fm_config *cfg;

	snprintf(set[0], sizeof set[0], "release.version=%s", version);
	snprintf(set[1], sizeof set[1], "publish.key=%s", key_path);
	snprintf(set[2], sizeof set[2], "%s", more ? more : "release.name=demo");
	if (fm_config_preset(&cfg, "demo", sets, 3, &err) < 0)
		fail_msg("%s", err.message);
	return cfg;
}

static char given[FM_SHA256_HEX]; /* of the manifest that the release stage was given */

static void note_manifest(const struct fm_buf *text)
{
	json_t *m = json_loadb(text->data, text->len, 0, NULL), *base = fm_manifest_base(m);

	if (fm_json_digest(base, given, &err) < 0)
		fail_msg("%s", err.message);
	json_decref(base);
	json_decref(m);
}

/* A good small archive of this version, with a salt in it, as the release stage leaves it in dir. */
static void make_product(const char *dir, const char *version, unsigned salt, char archive[600])
{
	struct fm_archive_digests digests;
	struct release_files files;
	struct fm_archive_member m[NFILES];
	char folder[96], text[64];

	assert_int_equal(fm_dir_make(dir, 0700, &err), FM_OK);
	snprintf(text, sizeof text, "%07u\n", salt); /* README.md is another one in each */
	files_make_of(&files, version, text);
	for (int i = 0; i < NFILES; i++) {
		m[i] = (struct fm_archive_member){
		    .path = files.f[i].path, .data = files.f[i].text.data, .n = files.f[i].text.len};
		if (strcmp(m[i].path, FM_ARCHIVE_MANIFEST) == 0)
			note_manifest(&files.f[i].text);
	}
	snprintf(folder, sizeof folder, "demo-%s", version);
	snprintf(archive, 600, "%s/%s.tar.zst", dir, folder);
	assert_int_equal(fm_archive_write(folder, TAR_MTIME, m, NFILES, archive, &digests, &err), FM_OK);
	files_free(&files);
}

/* Publish the product of dir; verify looks at the archive between its signature and that of its record. */
static int publish_seen(int (*verify)(const struct fm_verify_in *, struct fm_verify_report *, struct fm_error *),
			const char *dir, const char *version, unsigned salt, const char *more)
{
	const struct fm_stages stages = {.verify = verify};
	struct fm_config *cfg = config(version, more);
	struct fm_run run = {.unconfined = !confined};
	char archive[600];
	int rc;

	make_product(dir, version, salt, archive);
	run.stage[FM_RELEASE].result = json_pack("{s:s}", "archive", archive);
	run.stage[FM_RELEASE].inputs = json_pack("{s:s}", "manifest", given);
	run.stage[FM_RELEASE].product = strdup(dir);
	if (fm_sha256_file_hex(archive, run.archive_sha256, &err) < 0)
		fail_msg("%s", err.message);
	rc = fm_publish_put(&stages, cfg, fixture_dir, out, &run, &err);
	fm_run_free(&run);
	fm_config_free(cfg);
	return rc;
}

static int publish_from(const char *dir, const char *version, unsigned salt, const char *more)
{
	return publish_seen(fm_verify, dir, version, salt, more);
}

static int publish(const char *version, unsigned salt, const char *more)
{
	return publish_from(product, version, salt, more);
}

static struct fm_record newest(void)
{
	struct fm_record r;

	assert_int_equal(fm_shelf_newest(out, "demo", &signers, &r, &err), FM_OK);
	return r;
}

static void print_finding(void *ctx, size_t i, const char *what)
{
	(void)i;
	++*(int *)ctx;
	print_message("%s\n", what);
}

/* The log has each release once, and holds. */
static size_t log_entries(void)
{
	struct fm_tlog log;
	char path[700];
	int wrong = 0;
	size_t n;

	snprintf(path, sizeof path, "%s/" FM_TLOG_FILE, out);
	if (fm_tlog_load(&log, path, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(
	    fm_tlog_check(&log, &(struct fm_trust){.signers = &signers}, NULL, print_finding, &wrong, &err), FM_OK);
	assert_int_equal(wrong, 0);
	n = log.n;
	fm_tlog_free(&log);
	return n;
}

/* Does all in the release folder verify?  How many archives there are. */
static int all_verifies(void)
{
	char **names;
	size_t n;
	int archives = 0;

	assert_int_equal(fm_dir_list(out, &names, &n, &err), FM_OK);
	for (size_t i = 0; i < n; i++) {
		struct fm_verify_report report;
		char path[1200];
		struct fm_verify_in in = {.archive = path, .signers = signers_path, .now_s = (int64_t)time(NULL)};
		size_t m = strlen(names[i]);

		if (strstr(names[i], "tmp"))
			fail_msg("%s is left", names[i]);
		if (m < 8 || strcmp(names[i] + m - 8, ".tar.zst") != 0)
			continue;
		archives++;
		snprintf(path, sizeof path, "%s/%s", out, names[i]);
		if (fm_verify(&in, &report, &err) < 0 || !report.has_record || !report.has_log)
			fail_msg("%s: %s", names[i], err.message);
		fm_verify_report_free(&report);
	}
	fm_names_free(names, n);
	assert_int_equal(log_entries(), archives);
	return archives;
}

static void releases_are_numbered_and_chained(void **state)
{
	struct fm_record one, two, three;

	(void)state;
	assert_int_equal(publish("1.0", 1, NULL), FM_OK);
	one = newest();
	assert_int_equal(one.sequence, 1);
	assert_string_equal(one.previous_sha256, "");
	assert_string_equal(one.expires, "");
	assert_int_equal(publish("1.1", 1, "publish.expires=30"), FM_OK);
	two = newest();
	assert_int_equal(two.sequence, 2);
	assert_string_equal(two.previous_version, "1.0");
	assert_string_equal(two.previous_sha256, one.sha256);
	assert_string_not_equal(two.expires, "");
	assert_int_equal(publish("1.2", 1, "publish.sequence=9"), FM_OK);
	three = newest();
	assert_int_equal(three.sequence, 9);
	assert_string_equal(three.previous_sha256, two.sha256);
	assert_int_equal(all_verifies(), 3);
}

/* Two releases of one number, in whatever way they came into a log, are a fork, as a partner calls it. */
static void number_that_does_not_rise_is_found_in_the_log(void **state)
{
	struct fm_tlog log;
	char path[700];
	int wrong = 0;

	(void)state;
	assert_int_equal(publish("1.0", 1, NULL), FM_OK);
	assert_int_equal(publish("1.1", 1, NULL), FM_OK);
	snprintf(path, sizeof path, "%s/" FM_TLOG_FILE, out);
	assert_int_equal(fm_tlog_load(&log, path, &err), FM_OK);
	log.entry[1].record.sequence = log.entry[0].record.sequence;
	assert_int_equal(
	    fm_tlog_check(&log, &(struct fm_trust){.signers = &signers}, NULL, print_finding, &wrong, &err), FM_OK);
	assert_int_equal(wrong, 1);
	fm_tlog_free(&log);
}

static void dates_are_the_configs(void **state)
{
	struct fm_signers none = {0};
	struct fm_record r;
	struct fm_config *cfg;

	(void)state;
#define NEXT(more, change)                                                                                             \
	cfg = config("1.0", more);                                                                                     \
	change;                                                                                                        \
	if (fm_publish_next(cfg, out, &signers, NULL, &r, &err) < 0)                                                   \
		fail_msg("%s", err.message);                                                                           \
	fm_config_free(cfg)
	NEXT("publish.expires=30", strcpy(cfg->release.date, "2024-02-01"));
	assert_string_equal(r.issued, "2024-02-01");
	assert_string_equal(r.expires, "2024-03-02");
	NEXT("publish.expires=2024-02-01", strcpy(cfg->release.date, "2024-02-01"));
	assert_string_equal(r.expires, "2024-02-01");
	cfg = config("1.0", "publish.expires=2024-01-31");
	strcpy(cfg->release.date, "2024-02-01");
	assert_int_equal(fm_publish_next(cfg, out, &signers, NULL, &r, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "publish.expires"));
	/* Where nobody may sign records there are none, unless they were asked for. */
	assert_int_equal(fm_publish_next(cfg, out, &none, NULL, &r, &err), FM_EINPUT);
	fm_config_free(cfg);
	cfg = config("1.0", "publish.expires=9");
	assert_int_equal(fm_publish_next(cfg, out, &none, NULL, &r, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "namespaces="));
	fm_config_free(cfg);
	cfg = config("1.0", NULL);
	assert_int_equal(fm_publish_next(cfg, out, &none, NULL, &r, &err), FM_OK);
	assert_int_equal(r.sequence, 0);
	fm_config_free(cfg);
}

static void what_does_not_rise_is_refused(void **state)
{
	struct fm_record before, after;

	(void)state;
	assert_int_equal(publish("1.5", 1, "publish.sequence=5"), FM_OK);
	before = newest();
	assert_int_equal(publish("1.5", 1, NULL), FM_OK); /* the same once more */
	assert_int_equal(publish("1.5", 1, "publish.sequence=5"), FM_OK);
	assert_int_equal(publish("1.5", 1, "publish.sequence=6"), FM_EINPUT);
	assert_non_null(strstr(err.message, "publish.sequence"));
	assert_int_equal(publish("1.5", 2, NULL), FM_EINPUT); /* other bytes */
	assert_non_null(strstr(err.message, "is taken"));
	assert_int_equal(publish("1.4", 1, NULL), FM_EINPUT);
	assert_non_null(strstr(err.message, "release.version"));
	assert_int_equal(publish("1.6", 1, "publish.sequence=5"), FM_EINPUT);
	assert_non_null(strstr(err.message, "publish.sequence"));
	assert_int_equal(publish("1.6", 1, "publish.sequence=4"), FM_EINPUT);
	after = newest();
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(all_verifies(), 1);
}

static char other_path[512];

static int verify_then_swap(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *e)
{
	int rc = fm_verify(in, report, e);

	assert_int_equal(rename(other_path, key_path), 0);
	return rc;
}

/* Both keys may sign: partners would refuse what one of them signed half of each. */
static void key_that_is_replaced_between_two_signatures_stops_it(void **state)
{
	struct fm_buf line = {0}, both = {0}, first = {0}, was = {0};

	(void)state;
	snprintf(other_path, sizeof other_path, "%s", in_dir("other.key"));
	assert_int_equal(fm_keygen_line(other_path, "releases@example.org", &line, &err), FM_OK);
	assert_int_equal(fm_file_read(signers_path, 65536, &was, &err), FM_OK);
	assert_int_equal(fm_file_read(key_path, 65536, &first, &err), FM_OK);
	fm_buf_printf(&both, "%s%s", was.data, line.data);
	put_file("allowed_signers", both.data, both.len);
	assert_int_equal(publish_seen(verify_then_swap, product, "1.0", 1, NULL), FM_EINPUT);
	assert_non_null(strstr(err.message, "another key was put into the file meanwhile"));
	assert_int_equal(all_verifies(), 0);
	assert_int_equal(publish("1.0", 1, NULL), FM_OK); /* by the other alone */
	assert_int_equal(fm_file_write(key_path, 0600, first.data, first.len, &err), FM_OK);
	put_file("allowed_signers", was.data, was.len);
	fm_buf_free(&line);
	fm_buf_free(&both);
	fm_buf_free(&first);
	fm_buf_free(&was);
}

static void what_a_killed_run_left_is_no_release(void **state)
{
	static const char *const last[] = {"demo-1.1.RELEASE.json", "demo-1.1.RELEASE.json.sig", "demo-1.1.tar.zst",
					   "demo-1.1.tar.zst.sig"};
	char path[700];

	(void)state;
	/* It wrote so many of the four, in their order; the log between the second and the third. */
	for (int n = 0; n <= 4; n++) {
		assert_int_equal(fresh(NULL), 0);
		assert_int_equal(publish("1.0", 1, NULL), FM_OK);
		assert_int_equal(publish("1.1", 1, NULL), FM_OK);
		for (int i = n; i < 4; i++) {
			snprintf(path, sizeof path, "%s/%s", out, last[i]);
			assert_int_equal(unlink(path), 0);
		}
		assert_int_equal(newest().sequence, n == 4 ? 2 : 1);
		/* Other bytes may take its place as long as it was not released. */
		assert_int_equal(publish("1.1", 2, NULL), n == 4 ? FM_EINPUT : FM_OK);
		assert_int_equal(all_verifies(), 2);
		assert_int_equal(newest().sequence, 2);
	}
}

/* Copy a file of the release folder. */
static void copy(const char *from, const char *to)
{
	char a[700], b[700];

	snprintf(a, sizeof a, "%s/%s", out, from);
	snprintf(b, sizeof b, "%s/%s", out, to);
	assert_int_equal(fm_file_copy(a, b, 0644, &err), FM_OK);
}

static void remove_of(const char *version, const char *const *suffix)
{
	char path[700];

	for (; *suffix; suffix++) {
		snprintf(path, sizeof path, "%s/demo-%s%s", out, version, *suffix);
		assert_int_equal(unlink(path), 0);
	}
}

static void entry_of_what_never_was_a_release_is_taken_back(void **state)
{
	static const char *const archive[] = {".tar.zst", ".tar.zst.sig", NULL}, *const sig[] = {".tar.zst.sig", NULL},
				 *const all[] = {".tar.zst",          ".tar.zst.sig", ".RELEASE.json",
						 ".RELEASE.json.sig", ".LOG.json",    NULL};

	(void)state;
	assert_int_equal(publish("1.0", 1, NULL), FM_OK);
	assert_int_equal(publish("1.1", 1, NULL), FM_OK);
	remove_of("1.1", sig); /* killed before the last file; then another version comes */
	assert_int_equal(publish("1.2", 1, NULL), FM_OK);
	assert_int_equal(log_entries(), 2);
	remove_of("1.2", archive); /* nobody was given it */
	assert_int_equal(publish("1.2", 2, NULL), FM_OK);
	assert_int_equal(log_entries(), 2);
	remove_of("1.2", all); /* it lies elsewhere now: its entry stays */
	assert_int_equal(publish("1.3", 2, NULL), FM_OK);
	assert_int_equal(newest().sequence, 3); /* who has 1.2 has number 2 */
	assert_int_equal(log_entries(), 3);
}

/* Where its archive was removed by hand, an old signature goes before another archive comes: never does one lie beside
 * what it is not of, not even where a run is killed between the two. */
static void old_signature_goes_before_its_archive_is_replaced(void **state)
{
	static const char *const archive[] = {".tar.zst", NULL};
	char seen[16384] __attribute__((aligned(8)));
	bool gone = false, come = false;
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	(void)state;
	assert_int_equal(publish("1.0", 1, NULL), FM_OK);
	remove_of("1.0", archive);
	assert_true(watch >= 0 && inotify_add_watch(watch, out, IN_DELETE | IN_CREATE | IN_MOVED_TO) >= 0);
	assert_int_equal(publish("1.0", 2, NULL), FM_OK);
	for (ssize_t n; (n = read(watch, seen, sizeof seen)) > 0;)
		for (const char *at = seen; at < seen + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)at;

			gone = gone || (e->mask & IN_DELETE && strcmp(e->name, "demo-1.0.tar.zst.sig") == 0);
			come = come || (!(e->mask & IN_DELETE) && strcmp(e->name, "demo-1.0.tar.zst") == 0);
			assert_true(gone || !come);
			at += sizeof *e + e->len;
		}
	close(watch);
	assert_true(gone && come);
	assert_int_equal(all_verifies(), 1);
}

static void log_that_is_not_whole_stops_it(void **state)
{
	struct fm_buf text = {0};
	char path[700];

	(void)state;
	snprintf(path, sizeof path, "%s/" FM_TLOG_FILE, out);
	assert_int_equal(publish("1.0", 1, NULL), FM_OK);
	copy(FM_TLOG_FILE, "older");
	assert_int_equal(publish("1.1", 1, NULL), FM_OK);
	copy(FM_TLOG_FILE, "whole");
#define STOPS(words)                                                                                                   \
	assert_int_equal(publish("1.2", 1, NULL), FM_EINPUT);                                                          \
	if (!strstr(err.message, words))                                                                               \
		fail_msg("wanted '%s': %s", words, err.message);                                                       \
	copy("whole", FM_TLOG_FILE)
	copy("older", FM_TLOG_FILE);
	STOPS("is not the log that demo 1.1 is in");
	assert_int_equal(unlink(path), 0);
	STOPS("is not the log that demo 1.1 is in");
	assert_int_equal(fm_file_read(path, 65536, &text, &err), FM_OK);
	/* Another day of issue in the first entry; a signature that is none; a line that is cut. */
	memcpy(strstr(text.data, "\"issued\":\"") + 10, "2020", 4);
	assert_int_equal(fm_file_write(path, 0644, text.data, text.len, &err), FM_OK);
	STOPS("entry 1 (demo 1.0): the root of its head is not that of the entries");
	text.len = 0;
	assert_int_equal(fm_file_read(path, 65536, &text, &err), FM_OK);
	strstr(text.data, "SIGNATURE-----\\n")[20] ^= 1;
	assert_int_equal(fm_file_write(path, 0644, text.data, text.len, &err), FM_OK);
	STOPS("entry 1 (demo 1.0): the signature of its head is");
	assert_int_equal(fm_file_write(path, 0644, text.data, text.len - 1, &err), FM_OK);
	STOPS("line 2");
	assert_int_equal(publish("1.2", 1, NULL), FM_OK);
	assert_int_equal(all_verifies(), 3);
	fm_buf_free(&text);
}

static void attestations_are_named_by_the_record(void **state)
{
	char set[600], attested[600], archive[600];
	struct fm_verify_in in = {.archive = archive, .signers = signers_path, .now_s = (int64_t)time(NULL)};
	struct fm_verify_report report;
	struct fm_buf text = {0};
	struct fm_record r;
	struct fm_sshkey key;

	(void)state;
	snprintf(set, sizeof set, "publish.attestation_key=%s", in_dir("attestation.key"));
	assert_int_equal(fm_sshkey_generate(&key, "a", &err), FM_OK);
	assert_int_equal(fm_sshkey_write(&key, in_dir("attestation.key"), &err), FM_OK);
	fm_sshkey_close(&key);
	if (publish("1.0", 1, set) < 0)
		fail_msg("%s", err.message);
	r = newest();
	assert_true(r.has_attestations);
	snprintf(attested, sizeof attested, "%s/demo-1.0.intoto.jsonl", out);
	snprintf(archive, sizeof archive, "%s/demo-1.0.tar.zst", out);
	assert_int_equal(fm_file_read(attested, 1 << 20, &text, &err), FM_OK);
	assert_int_equal(text.len, r.attestations.nbytes);
	assert_int_equal(all_verifies(), 1);
	/* A byte of them changed: the record tells. */
	text.data[100] ^= 1;
	assert_int_equal(fm_file_write(attested, 0644, text.data, text.len, &err), FM_OK);
	assert_int_equal(fm_verify(&in, &report, &err), FM_EVERDICT);
	assert_int_equal(report.reason, FM_REASON_RECORD_DISAGREES);
	fm_verify_report_free(&report);
	assert_int_equal(publish("1.1", 1, NULL), FM_OK); /* without a key there are none */
	assert_false(newest().has_attestations);
	fm_buf_free(&text);
}

static void record_of_a_stranger_stops_it(void **state)
{
	struct fm_buf text = {0};
	struct fm_sshkey stranger;
	uint8_t digest[FM_SHA512_LEN];
	struct fm_buf sig = {0};
	char path[700];

	(void)state;
	assert_int_equal(publish("1.0", 1, NULL), FM_OK);
	snprintf(path, sizeof path, "%s/demo-1.0.RELEASE.json", out);
	assert_int_equal(fm_file_read(path, 65536, &text, &err), FM_OK);
	assert_int_equal(fm_sshkey_generate(&stranger, "s", &err), FM_OK);
	assert_int_equal(fm_sha512_bytes(text.data, text.len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(&stranger, FM_RECORD_NAMESPACE, digest, &sig, &err), FM_OK);
	snprintf(path, sizeof path, "%s/demo-1.0.RELEASE.json.sig", out);
	assert_int_equal(fm_file_write(path, 0644, sig.data, sig.len, &err), FM_OK);
	assert_int_equal(publish("1.1", 1, NULL), FM_EINPUT);
	assert_non_null(strstr(err.message, "demo-1.0.RELEASE.json"));
	fm_sshkey_close(&stranger);
	fm_buf_free(&text);
	fm_buf_free(&sig);
}

/* Two at once, many times: of one version one wins and the other is refused; of two, each gets a number of its own or
 * hears that it does not rise.  Never is there a signature or record beside another archive. */
static void two_publishers_never_mix(void **state)
{
	char dir[2][600];
	int status, mine, refused = 0;
	pid_t child;

	(void)state;
	snprintf(dir[0], sizeof dir[0], "%s/p0", fixture_dir);
	snprintf(dir[1], sizeof dir[1], "%s/p1", fixture_dir);
	for (unsigned i = 0; i < 24; i++) {
		const char *version = i % 2 ? "1.1" : "1.0";

		assert_int_equal(fresh(NULL), 0);
		if ((child = fork()) == 0) {
			int rc = publish_from(dir[1], "1.0", 2 * i + 1, NULL);

			_exit(rc == FM_OK ? 0 : rc == FM_EINPUT ? 1 : 2);
		}
		mine = publish_from(dir[0], version, 2 * i, NULL);
		assert_int_equal(waitpid(child, &status, 0), child);
		status = WEXITSTATUS(status);
		if ((mine != FM_OK && mine != FM_EINPUT) || status > 1)
			fail_msg("round %u: %d, %d: %s", i, mine, status, err.message);
		refused += (mine != FM_OK) + status;
		/* 1.1 always comes through; one of the two 1.0 does. */
		assert_true(i % 2 ? mine == FM_OK : (mine == FM_OK) != (status == 0));
		assert_int_equal(all_verifies(), (mine == FM_OK) + (status == 0));
		assert_int_equal(newest().sequence, (mine == FM_OK) + (status == 0));
	}
	assert_true(refused >= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, fresh)
	    T(releases_are_numbered_and_chained),
	    T(number_that_does_not_rise_is_found_in_the_log),
	    T(dates_are_the_configs),
	    T(what_does_not_rise_is_refused),
	    T(key_that_is_replaced_between_two_signatures_stops_it),
	    T(what_a_killed_run_left_is_no_release),
	    T(record_of_a_stranger_stops_it),
	    T(attestations_are_named_by_the_record),
	    T(entry_of_what_never_was_a_release_is_taken_back),
	    T(old_signature_goes_before_its_archive_is_replaced),
	    T(log_that_is_not_whole_stops_it),
	    T(two_publishers_never_mix),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
