/*
 * The release stage: a failed gate leaves nothing behind, neither does a full disk, and the same inputs
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

#include "base/num.h"
#include "base/rows.h"
#include "manifests/embed.h"
#include "release/extract.h"
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

static const char *license;        /* the file of release.license_file */
static const char *made = "table"; /* the folder of the flows */

static int run(const json_t *manifest)
{
	struct fm_release_in in = {.cfg = cfg,
				   .synthetic_dir = in_dir(made),
				   .verdict_json = in_dir("verdict.json"),
				   .out_dir = in_dir("out"),
				   .license = license};
	json_t *facts = fixture_manifest(cfg);
	int rc;

	if (manifest)
		json_object_update(facts, (json_t *)(uintptr_t)manifest);
	in.manifest = facts;
	memset(&err, 0, sizeof err);
	rc = fm_stage_release(&in, &out, &err);
	json_decref(facts);
	return rc;
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
	struct fm_buf line = {0}, archive = {0};

	(void)state;
	if (run(NULL) != FM_OK)
		fail_msg("%s", err.message);
	assert_string_equal(out.archive, in_dir("out/office-1.2.0.tar.zst"));
	assert_int_equal(access(in_dir("out/office-1.2.0.tar.zst.sig"), F_OK), -1); /* the stage has no key */
	assert_int_equal(fm_sshkey_read(&key, in_dir("key"), &err), FM_OK);
	assert_int_equal(fm_file_read(out.archive, 1u << 30, &archive, &err), FM_OK);
	sign_bytes(&key, FM_SSH_NAMESPACE, archive.data, archive.len, "out/office-1.2.0.tar.zst.sig");
	fm_buf_free(&archive);
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
	json_t *manifest = json_pack("{s:{s:f}}", "filled", "share", 0.25);

	assert_int_equal(run(manifest), FM_OK);
	memcpy(first, out.tar_sha256, sizeof first);
	reset(state);
	umask(077);
	setenv("TZ", "America/St_Johns", 1);
	setenv("USER", "somebody", 1);
	setenv("SOURCE_DATE_EPOCH", "1", 1); /* the config's date goes first */
	assert_int_equal(run(manifest), FM_OK);
	assert_string_equal(out.tar_sha256, first);
	json_object_set_new(json_object_get(manifest, "filled"), "share", json_real(0.5));
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
	struct fm_release_in in = {.cfg = cfg,
				   .synthetic_dir = in_dir("none"),
				   .verdict_json = in_dir("verdict.json"),
				   .out_dir = in_dir("out")};

	(void)state;
	assert_int_equal(fixture_table(in_dir("none"), 0, &err), FM_OK);
	assert_int_equal(fm_stage_release(&in, &out, &err), FM_EINPUT);
	assert_nothing_written();
}

/* The files of the release just made, in a fresh folder. */
static void unpack(const char *dir)
{
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	struct fm_extract *x;
	int fd;

	assert_int_equal(fm_dir_remove(dir, &err), FM_OK);
	assert_int_equal(fm_extract_begin(&x, dir, &err), FM_OK);
	assert_int_equal(fm_file_open(out.archive, &fd, &err), FM_OK);
	assert_int_equal(fm_archive_read_into(fd, NULL, fm_extract_sink(x), &info, &reason, &err), FM_OK);
	assert_int_equal(fm_archive_check_contents(&info, &reason, &err), FM_OK);
	assert_int_equal(fm_extract_commit(x, &err), FM_OK);
	fm_archive_info_free(&info);
	close(fd);
}

static void text_of(const char *dir, const char *name, struct fm_buf *b)
{
	char *path = fm_path_join(dir, name);

	b->len = 0;
	assert_int_equal(fm_file_read(path, 64u << 20, b, &err), FM_OK);
	free(path);
}

static size_t lines_of(const struct fm_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* The parts are the flows, in their order, each file below its own header where there is one. */
static void flows_are_split_and_headed(void **state)
{
	struct fm_buf flows = {0}, train = {0}, test = {0}, package = {0};
	char dir[512];

	snprintf(dir, sizeof dir, "%s", in_dir("x"));
	for (int header = 0; header < 2; header++) {
		size_t head = 0, n;

		reset(state);
		cfg->publish.header = header;
		cfg->publish.test_share = 0.25;
		assert_int_equal(run(NULL), FM_OK);
		unpack(dir);
		text_of(dir, "data/flows.csv", &flows);
		text_of(dir, "data/train.csv", &train);
		text_of(dir, "data/test.csv", &test);
		if (header) {
			head = (size_t)((char *)memchr(flows.data, '\n', flows.len) + 1 - flows.data);
			assert_memory_equal(flows.data, "te,td,sa,da,", 12);
			assert_memory_equal(train.data, flows.data, head);
			assert_memory_equal(test.data, flows.data, head);
		}
		n = lines_of(&flows) - (size_t)header;
		assert_int_equal(lines_of(&test) - (size_t)header, n / 4);
		assert_int_equal(flows.len - head, train.len + test.len - 2 * head);
		assert_memory_equal(flows.data, train.data, train.len);
		assert_memory_equal(flows.data + train.len, test.data + head, test.len - head);
		text_of(dir, "datapackage.json", &package);
		assert_non_null(strstr(package.data, "\"path\": \"data/test.csv\""));
		assert_non_null(strstr(package.data, header ? "\"header\": true" : "\"header\": false"));
	}
	cfg->publish.test_share = 1e-9;
	assert_int_equal(fm_dir_remove(in_dir("out"), &err), FM_OK);
	assert_int_equal(mkdir(in_dir("out"), 0755), 0);
	assert_int_equal(run(NULL), FM_EINPUT);
	assert_nothing_written();
	fm_buf_free(&flows);
	fm_buf_free(&train);
	fm_buf_free(&test);
	fm_buf_free(&package);
}

static void text_of_the_licence_is_there(void **state)
{
	struct fm_buf text = {0};
	char dir[512], terms[512], *path;

	snprintf(dir, sizeof dir, "%s", in_dir("x"));
	snprintf(terms, sizeof terms, "%s", in_dir("terms"));
	path = fm_path_join(dir, "LICENSE.txt");
	snprintf(cfg->release.license, sizeof cfg->release.license, "CC0-1.0");
	assert_int_equal(run(NULL), FM_OK);
	unpack(dir);
	text_of(dir, "LICENSE.txt", &text);
	assert_non_null(strstr(text.data, "CC0 1.0 Universal"));
	text_of(dir, "README.md", &text);
	assert_non_null(strstr(text.data, "its text is in `LICENSE.txt`"));
	reset(state);
	snprintf(cfg->release.license, sizeof cfg->release.license, "CC-BY-4.0");
	assert_int_equal(run(NULL), FM_OK);
	unpack(dir);
	text_of(dir, "LICENSE.txt", &text);
	assert_non_null(strstr(text.data, "Attribution 4.0 International"));
	assert_non_null(strstr(text.data, "retain the following if it is supplied by the Licensor"));
	/* A file of the team's own goes before, and makes known what is not. */
	reset(state);
	put_file("terms", "Ask first.\n", 11);
	license = terms;
	snprintf(cfg->release.license, sizeof cfg->release.license, "LicenseRef-internal");
	assert_int_equal(run(NULL), FM_OK);
	unpack(dir);
	text_of(dir, "LICENSE.txt", &text);
	assert_string_equal(text.data, "Ask first.\n");
	license = NULL;
	reset(state);
	snprintf(cfg->release.license, sizeof cfg->release.license, "LicenseRef-internal");
	assert_int_equal(run(NULL), FM_OK);
	unpack(dir);
	assert_false(fm_file_exists(path));
	fm_buf_free(&text);
	free(path);
}

/* An archive without a date holds times of 1980, the first that tar and zip can say: no partner is told of them. */
static void data_sheet_without_a_date_names_none(void **state)
{
	struct fm_buf text = {0};
	char dir[512];

	snprintf(dir, sizeof dir, "%s", in_dir("x"));
	for (int dated = 0; dated < 2; dated++) {
		reset(state);
		snprintf(cfg->release.date, sizeof cfg->release.date, "%s", dated ? "2023-11-14" : "");
		assert_int_equal(run(NULL), FM_OK);
		unpack(dir);
		text_of(dir, "README.md", &text);
		assert_int_equal(strstr(text.data, " Released on 2023-11-14.") != NULL, dated);
		assert_int_equal(strstr(text.data, "Released on") != NULL, dated);
		assert_null(strstr(text.data, "1980"));
	}
	fm_buf_free(&text);
}

/* Of the archive in out: what who looks at it before it is signed finds. */
static int again(void)
{
	struct fm_release_in in = {
	    .cfg = cfg, .verdict_json = in_dir("verdict.json"), .out_dir = in_dir("again"), .license = license};
	json_t *facts = fixture_manifest(cfg);
	struct fm_release_out remade;
	char **names;
	size_t n;
	int rc;

	in.manifest = facts;
	assert_int_equal(fm_dir_remove(in.out_dir, &err), FM_OK);
	assert_int_equal(mkdir(in.out_dir, 0755), 0);
	memset(&err, 0, sizeof err);
	rc = fm_release_again(&in, out.archive, &remade, &err);
	assert_int_equal(rc, err.code);
	if (rc == FM_OK)
		assert_string_equal(remade.archive_sha256, out.archive_sha256);
	json_decref(facts);
	assert_int_equal(fm_dir_list(in_dir("again"), &names, &n, &(struct fm_error){0}), FM_OK);
	assert_int_equal(n, 0);
	fm_names_free(names, n);
	return rc;
}

/* In each dialect, and with each choice of publish. */
static void comes_out_the_same_from_its_flows(void **state)
{
	struct fm_embed e;
	int tried = 0;

	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++)
		for (int parts = 0; parts < 2; parts++) {
			reset(state);
			snprintf(cfg->publish.dialect, sizeof cfg->publish.dialect, "%s", e.name);
			cfg->publish.header = parts;
			cfg->publish.test_share = parts * 0.25;
			if (run(NULL) < 0)
				continue; /* a dialect that cannot say these flows */
			if (again() < 0)
				fail_msg("%s: %s", e.name, err.message);
			tried++;
		}
	assert_true(tried >= 60);
}

/* n flows of every kind, and of so many protocols, of which the last two have no number, without the columns of
 * `lacks`: ICMP with each number for a
 * type and a code, times at both ends of summer time and of a day, and labels that a
 * file spells with quotes, or in another alphabet, or not at all. */
static void make_odd_flows(const char *folder, size_t n, size_t nprotocols, unsigned lacks)
{
	static const char *const label[] = {
	    "scan, wide", "a \"quoted\" one", "gr\303\266\303\237er", "-",     "=1+1", "0", "Background",
	    " blanks ",   "two  blanks",      "semi;colon|bar",       "normal"};
	static const char *const pr[] = {"TCP", "UDP", "ICMP", "ICMP6", "ICMP", "GRE", "ARP", "unas"};
	static const char *const day[] = {"2016-03-27 00:59:59", "2016-10-30 00:20:00", "2016-10-30 01:10:00",
					  "2016-07-05 23:59:59", "2016-07-06 00:00:30", "2016-07-06 20:10:00"};
	struct fm_table *t = NULL, *from = NULL;
	static uint32_t rows[ROWS];
	int64_t te[6];

	assert_int_equal(fixture_table(in_dir(folder), n, &err), FM_OK);
	assert_int_equal(fm_table_open(&from, in_dir(folder), &err), FM_OK);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = i;
	assert_int_equal(fm_table_take(&t, from, rows, n, &err), FM_OK);
	fm_table_free(from);
	for (int i = 0; i < 6; i++)
		assert_int_equal(fm_parse_time_ms(day[i], strlen(day[i]), &te[i]), 0);
	for (size_t i = 0; i < t->rows; i++) {
		const char *text = label[i % (sizeof label / sizeof *label)], *name = pr[i / 3 % nprotocols];

		t->label[i] = (uint16_t)fm_dict_index(&t->dict[FM_LABEL], text, strlen(text), true);
		t->pr[i] = (uint16_t)fm_dict_index(&t->dict[FM_PR], name, strlen(name), true);
		t->te[i] = (i % 4 ? t->te[i] : te[i / 4 % 6]) + (int64_t)(i * 7919 % 1000);
		if (i % 4 == 0)
			t->td[i] = (uint32_t)(i * 104729 % 5400000);
		else
			t->td[i] = i % 5 ? t->td[i] : i % 2 ? (uint32_t)(i % 90) * 60000 : 86400000u + (uint32_t)i;
		t->byt[i] = i % 7 ? t->byt[i] : UINT64_C(1) << (20 + i % 20);
		t->dp[i] = (uint16_t)(i % 3 == 2 ? i % 40 * 256 + i % 8 : i % 3 ? i * 2477 : i % 300);
	}
	t->present &= ~lacks;
	assert_int_equal(fm_table_save(t, in_dir(folder), &err), FM_OK);
	fm_table_free(t);
}

/* Whatever a model learns to make, of a trace with whichever columns. */
static void odd_flows_come_out_the_same(void **state)
{
	static const unsigned lacks[] = {0, 1u << FM_FLG, 1u << FM_STOS | 1u << FM_FWD, 1u << FM_LABEL | 1u << FM_TD,
					 1u << FM_FLG | 1u << FM_STOS | 1u << FM_FWD | 1u << FM_LABEL};
	struct fm_embed e;
	int tried = 0, failed = 0;

	for (size_t k = 0; k < sizeof lacks / sizeof *lacks; k++) {
		make_odd_flows("odd", k ? 1200 : ROWS, 8, lacks[k]);
		make_odd_flows("numbered", k ? 1200 : ROWS, 6, lacks[k]);
		for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
			reset(state);
			snprintf(cfg->publish.dialect, sizeof cfg->publish.dialect, "%s", e.name);
			cfg->publish.header = i % 2;
			made = "odd";
			if (run(NULL) < 0 && strstr(err.message, "has no number in IANA's registry"))
				made = "numbered"; /* as it was told before training */
			if ((!*out.archive && run(NULL) < 0) || again() < 0) {
				print_error("%s, without columns %x: %s\n", e.name, lacks[k], err.message);
				failed++;
			}
			tried++;
		}
	}
	made = "table";
	fixture_rows = ROWS;
	assert_int_equal(failed, 0);
	assert_true(tried >= 40 * 5);
}

/* The text of a time may say less than the flow has: of a start and an end each row can still be read. */
static void start_is_never_after_the_end_in_text(void **state)
{
	static const char *const dialects[] = {
	    /* as summer time ends, an hour comes twice */
	    "timezone: Europe/Madrid\ncolumns:\n  - {name: start, column: start, decimals: 3}\n"
	    "  - {name: end, column: te, decimals: 3}\n",
	    "timezone: Europe/Madrid\ncolumns:\n  - {name: sd, column: start, format: \"%Y-%m-%d\", sum: true}\n"
	    "  - {name: st, column: start, format: \"%H:%M:%S.%f\", sum: true}\n  - {name: ed, column: te, format: "
	    "\"%Y-%m-%d\", sum: true}\n"
	    "  - {name: et, column: te, format: \"%H:%M:%S.%f\", sum: true}\n",
	    /* a clock of 12 hours */
	    "columns:\n  - {name: start, column: start, format: \"%d/%m/%Y %I:%M:%S\", day_starts: 8}\n"
	    "  - {name: end, column: te, format: \"%d/%m/%Y %I:%M:%S\", day_starts: 8}\n",
	    /* a time of day alone */
	    "relative_to: 2016-03-27 00:00:00\ncolumns:\n  - {name: start, column: start, format: \"%H:%M:%S.%f\"}\n"
	    "  - {name: end, column: te, format: \"%H:%M:%S.%f\"}\n",
	    /* a start finer than the end, and a coarser one, which is rounded */
	    "columns:\n  - {name: start, column: start, format: seconds, decimals: 3}\n  - {name: end, column: te}\n",
	    "columns:\n  - {name: start, column: start, format: seconds, decimals: 0}\n"
	    "  - {name: end, column: te, format: milliseconds}\n",
	    "delimiter: \";\"\ndecimal: \",\"\ncolumns:\n"
	    "  - {name: start, column: start, format: seconds, decimals: 1}\n"
	    "  - {name: end, column: te, format: seconds, decimals: 2}\n",
	};
	struct fm_buf text = {0};
	int failed = 0;

	make_odd_flows("numbered", ROWS, 6, 0);
	for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
		reset(state);
		text.len = 0;
		fm_buf_printf(&text,
			      "name: own\nheader: true\n%s"
			      "  - {name: sa, column: sa}\n  - {name: da, column: da}\n  - {name: sp, column: sp}\n"
			      "  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n"
			      "  - {name: byt, column: byt}\n  - {name: label, column: label}\n",
			      dialects[i]);
		put_file("own.yaml", text.data, text.len);
		snprintf(cfg->publish.dialect, sizeof cfg->publish.dialect, "%s", in_dir("own.yaml"));
		made = "numbered";
		if (run(NULL) < 0 || again() < 0) {
			print_error("%s: %s\n", dialects[i], err.message);
			failed++;
		}
	}
	made = "table";
	fixture_rows = ROWS;
	fm_buf_free(&text);
	assert_int_equal(failed, 0);
}

/* A value that would end another, or make a line no row, stands between quotes; where there are none, that is said. */
static void rows_can_be_read_where_they_can_be_written(void **state)
{
	static const struct {
		const char *head, *words; /* of the refusal, or NULL */
	} of[] = {
	    {"comment: [normal, \"-\"]\ncolumns:\n  - {name: label, column: label}\n  - {name: end, column: te}\n",
	     NULL},
	    {"delimiter: /\ncolumns:\n  - {name: end, column: te, format: \"%d/%m/%Y %H:%M:%S\"}\n", NULL},
	    {"delimiter: \" \"\ncolumns:\n  - {name: end, column: te, format: \"%d/%m/%Y %H:%M:%S\"}\n", NULL},
	    {"delimiter: \">\"\ncolumns:\n  - {name: end, column: te}\n  - {name: to, only: [\"->\"]}\n", NULL},
	    {"delimiter: \"\\t\"\nquote: none\ncomment: [normal]\ncolumns:\n  - {name: label, column: label}\n"
	     "  - {name: end, column: te}\n",
	     "begins as a comment"},
	};
	char name[32];
	int failed = 0;

	make_odd_flows("numbered", 1200, 6, 0);
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf text = {0};
		bool labelled = strstr(of[i].head, "column: label") != NULL;

		reset(state);
		fm_buf_printf(&text,
			      "name: own\n%s  - {name: td, column: td, decimals: 3}\n  - {name: sa, column: sa}\n"
			      "  - {name: da, column: da}\n  - {name: sp, column: sp}\n  - {name: dp, column: dp}\n"
			      "  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n  - {name: byt, column: byt}\n"
			      "%s",
			      of[i].head, labelled ? "" : "  - {name: label, column: label}\n");
		snprintf(name, sizeof name, "own%zu.yaml", i);
		put_file(name, text.data, text.len);
		snprintf(cfg->publish.dialect, sizeof cfg->publish.dialect, "%s", in_dir(name));
		made = "numbered";
		if (run(NULL) < 0 ? !of[i].words || !strstr(err.message, of[i].words) : of[i].words || again() < 0) {
			print_error("%s: %s\n", of[i].head, err.message);
			failed++;
		}
		fm_buf_free(&text);
	}
	made = "table";
	fixture_rows = ROWS;
	assert_int_equal(failed, 0);
}

/* The archive in out with another text of one file, or another time: its form is good, and what it lists fits nothing.
 */
static void write_otherwise(const char *path, const char *from, const char *to, int64_t mtime_s)
{
	struct fm_archive_member m[16] = {{0}};
	struct fm_archive_digests digests;
	struct fm_buf text[16] = {{0}};
	char dir[512], *at, **names;
	size_t n;

	snprintf(dir, sizeof dir, "%s", in_dir("x"));
	unpack(dir);
	assert_int_equal(fm_dir_files(dir, &names, &n, &err), FM_OK);
	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++) {
		text_of(dir, names[i], &text[i]);
		if (strcmp(names[i], path) == 0) {
			assert_non_null(at = strstr(text[i].data, from));
			fm_buf_puts(&text[15], at + strlen(from));
			text[i].len = (size_t)(at - text[i].data);
			fm_buf_puts(&text[i], to);
			fm_buf_add(&text[i], text[15].data, text[15].len);
		}
		m[i] = (struct fm_archive_member){.path = names[i], .data = text[i].data, .n = text[i].len};
	}
	assert_int_equal(fm_archive_write("office-1.2.0", mtime_s, m, n, out.archive, &digests, &err), FM_OK);
	fm_names_free(names, n);
	for (int i = 0; i < 16; i++)
		fm_buf_free(&text[i]);
}

static void unzst(const struct fm_buf *zst, struct fm_buf *tar)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	char chunk[65536];
	la_ssize_t n;

	archive_read_support_filter_zstd(a);
	archive_read_support_format_raw(a);
	assert_int_equal(archive_read_open_memory(a, zst->data, zst->len), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
	while ((n = archive_read_data(a, chunk, sizeof chunk)) > 0)
		fm_buf_add(tar, chunk, (size_t)n);
	archive_read_free(a);
}

/* A stage that was taken over has no place for a word or a bit of its own: each of these is an archive of good form. */
static void choice_of_its_maker_is_found(void **state)
{
	static const struct {
		const char *path, *from, *to, *found;
	} hides[] = {
	    {"README.md", "None of them was observed", "10.11.12.13 called at 09:41", "README.md"},
	    {"CITATION.cff", "\n", " \n", "CITATION.cff"},
	    {"LICENSE.txt", "Attribution", "attribution", "LICENSE.txt"},
	    {"report.html", "</title>", " </title>", "report.html"},
	    {"croissant.json", "\"description\": \"", "\"description\": \"10.11.12.13 ", "croissant.json"},
	    {"datapackage.json", ": ", ":  ", "datapackage.json"},
	    {"manifest.json", ": ", ":  ", "manifest.json"},
	    {"SHA256SUMS", "\n", "\n\n", "SHA256SUMS"},
	    {"data/flows.csv", ",0,0,", ",00,0,", "comes out otherwise"},                 /* a word spelled otherwise */
	    {"data/flows.csv", ",0.000,", ",0.0,", "data/flows.csv comes out otherwise"}, /* or with fewer digits */
	    {"data/flows.csv", "\n", "\r\n", "comes out otherwise"},                      /* another end of a line */
	    {"data/flows.csv", "\n", "\n\n", "comes out otherwise"},                      /* an empty line */
	    {"data/flows.csv", ",UDP,", ",\"UDP\",", "comes out otherwise"},
	    {"data/flows.csv", ",background", ",10.11.12.13 called", "comes out otherwise"}, /* a label is in the data
											      * sheet */
	    {"data/flows.csv", "\n", " and more\n", "comes out otherwise"},
	    {"data/flows.csv", "\n", ",and more\n", "1 of 3000 rows is bad"},
	};
	struct fm_buf zst = {0}, tar = {0};

	for (size_t i = 0; i < sizeof hides / sizeof *hides; i++) {
		reset(state);
		assert_int_equal(run(NULL), FM_OK);
		write_otherwise(hides[i].path, hides[i].from, hides[i].to, 1709164800);
		if (again() == FM_OK || err.code == FM_ESYSTEM || !strstr(err.message, hides[i].found))
			fail_msg("%zu, %s: code %d, %s", i, hides[i].path, err.code, err.message);
	}
	/* The same files, at another time or in another compression. */
	reset(state);
	assert_int_equal(run(NULL), FM_OK);
	write_otherwise("", "", "", 1709164801);
	assert_int_equal(again(), FM_EVERDICT);
	assert_non_null(strstr(err.message, "its tar comes out otherwise"));
	reset(state);
	assert_int_equal(run(NULL), FM_OK);
	assert_int_equal(fm_file_read(out.archive, 64u << 20, &zst, &err), FM_OK);
	unzst(&zst, &tar);
	zst.len = 0;
	zst_of(&tar, &zst); /* at another level */
	assert_int_equal(fm_file_write(out.archive, 0644, zst.data, zst.len, &err), FM_OK);
	assert_int_equal(again(), FM_EVERDICT);
	assert_non_null(strstr(err.message, "its compression comes out otherwise"));
	fm_buf_free(&zst);
	fm_buf_free(&tar);
}

#define T(f) cmocka_unit_test_setup(f, reset)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(good_release_verifies),
	    T(failed_gate_leaves_nothing),
	    T(verdict_of_another_config_leaves_nothing),
	    T(bad_name_leaves_nothing),
	    T(full_disk_leaves_nothing),
	    T(same_inputs_give_the_same_tar),
	    T(date_comes_from_the_config_and_neither_from_clock_nor_environment),
	    T(data_sheet_without_a_date_names_none),
	    T(empty_table_is_not_released),
	    T(flows_are_split_and_headed),
	    T(text_of_the_licence_is_there),
	    T(comes_out_the_same_from_its_flows),
	    T(choice_of_its_maker_is_found),
	    T(odd_flows_come_out_the_same),
	    T(start_is_never_after_the_end_in_text),
	    T(rows_can_be_read_where_they_can_be_written),
	};

	return cmocka_run_group_tests_name("release", tests, setup, teardown);
}
