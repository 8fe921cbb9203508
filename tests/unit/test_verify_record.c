/*
 * What a partner is told beside the archive and remembers: a record that is not this release's, not its signer's or out
 * of date is refused; so is what is older than the last release accepted, or contradicts it.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "record_fixture.h"
#include "release/accepted.h"
#include "release/attestation.h"

/* ---- the record ---- */

static void record_of_the_release_is_good(void **state)
{
	struct fm_record rec;
	json_t *j;

	(void)state;
	make(&first, &rec);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_true(report.has_record);
	assert_int_equal(report.record.sequence, 1);
	assert_int_equal(report.nnotes, 0);
	assert_int_equal(report.memory, FM_MEMORY_OFF);
	j = fm_verify_report_json(&report);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "record"), "sequence")), 1);
	assert_string_equal(json_string_value(json_object_get(j, "memory")), "off");
	json_decref(j);
	fm_verify_report_free(&report);
}

static void without_a_record_it_says_what_is_not_known(void **state)
{
	struct release r = first;
	struct fm_record rec;

	(void)state;
	r.no_record = true;
	make(&r, &rec);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_false(report.has_record);
	assert_int_equal(report.nnotes, 1);
	assert_non_null(strstr(report.note[0], "are not known"));
	fm_verify_report_free(&report);
}

static void record_must_be_signed_by_the_archives_key_for_records(void **state)
{
	struct fm_record rec;
	struct fm_buf text = {0};
	const char *sig = "demo-1.0.RELEASE.json.sig";

	(void)state;
	make(&first, &rec);
	assert_int_equal(fm_file_read(in_dir(record_name), 65536, &text, &err), FM_OK);
	assert_int_equal(unlink(in_dir(sig)), 0);
	BAD(NULL, RECORD_UNSIGNED);
	put_file(sig, "no", 2);
	BAD(NULL, RECORD_UNSIGNED);
	sign_bytes(&key, "flowmint", text.data, text.len, sig); /* for another purpose */
	BAD(NULL, RECORD_UNSIGNED);
	sign_bytes(&stranger, FM_RECORD_NAMESPACE, text.data, text.len, sig);
	BAD(NULL, RECORD_UNSIGNED);
	sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len - 1, sig); /* other bytes */
	BAD(NULL, RECORD_UNSIGNED);
	sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, sig);
	GOOD(NULL);
	put_signers("namespaces=\"flowmint\"");
	BAD(NULL, RECORD_UNSIGNED);
	put_signers("namespaces=\"flowmint*\"");
	GOOD(NULL);
	put_signers("");
	GOOD(NULL);
	fm_buf_free(&text);
}

static void each_changed_byte_of_a_record_is_refused(void **state)
{
	struct fm_record rec;
	struct fm_buf text = {0};

	(void)state;
	make(&first, &rec);
	assert_int_equal(fm_file_read(in_dir(record_name), 65536, &text, &err), FM_OK);
	for (size_t i = 0; i < text.len; i += 13) {
		text.data[i] = (char)(text.data[i] ^ 1);
		put_file(record_name, text.data, text.len);
		BAD(NULL, RECORD_UNSIGNED);
		/* And signed so: it is not in its form, or not of these files. */
		sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, "demo-1.0.RELEASE.json.sig");
		if (verify_with(NULL) == FM_OK &&
		    (report.record.sequence == 1 && !strcmp(report.record.issued, "2023-11-14")))
			fail_msg("byte %zu can be changed", i);
		fm_verify_report_free(&report);
		text.data[i] = (char)(text.data[i] ^ 1);
	}
	put_file(record_name, "", 0);
	sign_bytes(&key, FM_RECORD_NAMESPACE, "", 0, "demo-1.0.RELEASE.json.sig");
	BAD(NULL, RECORD_MALFORMED);
	fm_buf_free(&text);
}

static void record_of_another_release_is_refused(void **state)
{
	struct fm_record rec, other;
	struct fm_buf text = {0};

	(void)state;
	make(&first, &rec);
#define SIGNED_AS(change)                                                                                              \
	do {                                                                                                           \
		other = rec;                                                                                           \
		change;                                                                                                \
		text.len = 0;                                                                                          \
		assert_int_equal(fm_record_text(&other, &text, &err), FM_OK);                                          \
		put_file(record_name, text.data, text.len);                                                            \
		sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, "demo-1.0.RELEASE.json.sig");               \
	} while (0)
	SIGNED_AS(strcpy(other.version, "2.0"));
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(strcpy(other.name, "other"));
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.zst.nbytes++);
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.zst.sha512[5] = other.zst.sha512[5] == '0' ? '1' : '0');
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.sha256[5] = other.tar.sha256[5] == '0' ? '1' : '0');
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.sha512[5] = other.tar.sha512[5] == '0' ? '1' : '0');
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.nbytes += 512);
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.nbytes = 512); /* nothing is unpacked beyond it */
	BAD(NULL, RECORD_DISAGREES);
	assert_non_null(strstr(err.message, "512 bytes"));
	SIGNED_AS((other.has_attestations = true, other.attestations = rec.tar));
	assert_int_equal(verify_with(NULL), FM_OK); /* the attestations are not at hand */
	assert_int_equal(report.nnotes, 1);
	fm_verify_report_free(&report);
	put_file("demo-1.0.intoto.jsonl", "{}\n", 3);
	BAD(NULL, RECORD_DISAGREES);
	fm_buf_free(&text);
}

static void expired_release_is_refused(void **state)
{
	struct release r = first;
	struct fm_record rec;

	(void)state;
	r.expires = "2023-11-14"; /* NOW is 2023-11-14 22:13:20 */
	make(&r, &rec);
	GOOD(NULL);
	now = NOW + 6399; /* the last second of the day */
	GOOD(NULL);
	now++;
	BAD(NULL, EXPIRED);
	now = NOW - 86400; /* a clock before the day of issue */
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_int_equal(report.nnotes, 1);
	fm_verify_report_free(&report);
}

/* Who sets the clock back does not bring back what has expired for who accepted something since. */
static void clock_that_was_set_back_is_found(void **state)
{
	struct release r = first;
	struct fm_record rec;

	(void)state;
	r.expires = "2023-11-14";
	make(&r, &rec);
	now = NOW + 86400;
	BAD("s", EXPIRED);
	now = NOW;
	GOOD("s");
	r = (struct release){.version = "2.0", .sequence = 3};
	make(&r, &rec);
	now = NOW + 86400;
	GOOD("s");
	now = NOW - 86400; /* it does not expire, and the clock is told */
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.nnotes, 2);
	assert_non_null(strstr(report.note[1], "the clock says 2023-11-13"));
	fm_verify_report_free(&report);
	r = (struct release){.version = "3.0", .sequence = 5, .expires = "2023-11-14"};
	make(&r, &rec);
	BAD("s", EXPIRED);
	assert_non_null(strstr(err.message, "the clock was set back"));
	assert_non_null(strstr(err.message, "s/accepted.json says when, and may be put right there"));
	GOOD(NULL);
	now = NOW + 3600; /* of the last day, and so is what was accepted, a day on */
	BAD("s", EXPIRED);
	r.expires = "2023-11-15"; /* the day on which something was accepted */
	make(&r, &rec);
	GOOD("s");
}

/* ---- attestations ---- */

/* Two envelopes by `by`, the record to fit, and the signers file with a line for `listed` (NULL: none). */
static void attest(const struct fm_sshkey *by, const struct fm_sshkey *listed, const char *ns, struct fm_record *rec,
		   const char *from, const char *to, const char *type, size_t flip)
{
	struct fm_buf lines = {0}, record = {0}, signers = {0};
	struct fm_archive_info info;
	enum fm_reason reason;
	uint8_t digest[64];
	struct fm_error e;
	int fd = open(in_dir(archive_name), O_RDONLY);

	assert_int_equal(fm_archive_read(fd, &info, &reason, &e), FM_OK);
	close(fd);
	for (size_t i = 0; i < 64; i++) {
		unsigned byte;

		assert_int_equal(sscanf(rec->zst.sha512 + 2 * i, "%2x", &byte), 1);
		info.digests.sha512[i] = (uint8_t)byte;
	}
	for (int i = 0; i < 2; i++) {
		struct fm_buf body = {0};

		assert_int_equal((i ? fm_attestation_tests : fm_attestation_provenance)(&info, &body, &e), FM_OK);
		if (from)
			replace(&body, from, to);
		assert_int_equal(fm_dsse_sign(by, type, body.data, body.len, &lines, &e), FM_OK);
		fm_buf_free(&body);
	}
	fm_archive_info_free(&info);
	if (flip)
		lines.data[flip] ^= 1;
	put_file("demo-1.0.intoto.jsonl", lines.data, lines.len);
	rec->has_attestations = true;
	rec->attestations.nbytes = lines.len;
	hex_of(&lines, rec->attestations.sha256);
	assert_int_equal(fm_sha512_bytes(lines.data, lines.len, digest, &e), FM_OK);
	fm_hex(digest, 64, rec->attestations.sha512);
	assert_int_equal(fm_record_text(rec, &record, &e), FM_OK);
	put_file(record_name, record.data, record.len);
	sign_bytes(&key, FM_RECORD_NAMESPACE, record.data, record.len, "demo-1.0.RELEASE.json.sig");
	put_signers(BOTH);
	if (listed) {
		assert_int_equal(fm_file_read(in_dir("signers"), 65536, &signers, &e), FM_OK);
		fm_buf_printf(&signers, "builder namespaces=\"%s\" ", ns);
		fm_sshpub_line(&listed->pub, &signers);
		put_file("signers", signers.data, signers.len);
	}
	fm_buf_free(&lines);
	fm_buf_free(&record);
	fm_buf_free(&signers);
}

static void attestations_are_by_a_listed_key_and_of_this_release(void **state)
{
	static const char type[] = "application/vnd.in-toto+json", ns[] = "flowmint-attestation";
	struct fm_sshkey second;
	struct fm_record rec;
	struct fm_error e;

	(void)state;
	make(&first, &rec);
	assert_int_equal(fm_sshkey_generate(&second, "b", &e), FM_OK);
	attest(&second, &second, ns, &rec, NULL, NULL, type, 0);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_int_equal(report.attestations, 2);
	assert_string_equal(report.attester, "builder");
	assert_int_equal(report.nnotes, 0);
	/* A key that nobody listed for this: no more is known than that the record names them. */
	attest(&second, NULL, ns, &rec, NULL, NULL, type, 0);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_int_equal(report.attestations, 0);
	assert_int_equal(report.nnotes, 1);
	attest(&second, &second, "flowmint", &rec, NULL, NULL, type, 0);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_int_equal(report.attestations, 0);
	attest(&stranger, &second, ns, &rec, NULL, NULL, type, 0);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_int_equal(report.attestations, 0);
	assert_int_equal(report.nnotes, 1);
	/* The key of the release says nothing about itself. */
	attest(&key, &key, ns, &rec, NULL, NULL, type, 0);
	BAD(NULL, ATTESTATIONS);
	/* Another payload under the signature, another type, another form. */
	attest(&second, &second, ns, &rec, NULL, NULL, type, 40);
	BAD(NULL, ATTESTATIONS);
	attest(&second, &second, ns, &rec, NULL, NULL, "text/plain", 0);
	BAD(NULL, ATTESTATIONS);
	attest(&second, &second, ns, &rec, "Statement/v1", "Statement/v2", type, 0);
	BAD(NULL, ATTESTATIONS);
	/* Signed well, and of other files. */
	attest(&second, &second, ns, &rec, "demo-1.0.tar.zst", "demo-1.1.tar.zst", type, 0);
	BAD(NULL, ATTESTATIONS);
	attest(&second, &second, ns, &rec, rec.zst.sha256, rec.tar.sha256, type, 0);
	BAD(NULL, ATTESTATIONS);
	attest(&second, &second, ns, &rec, "\"subject\":[", "\"subject\":[{},", type, 0);
	BAD(NULL, ATTESTATIONS);
	fm_sshkey_close(&second);
}

/* ---- what was accepted before ---- */

static void later_releases_follow_and_older_ones_do_not_come_back(void **state)
{
	struct release r = first;
	struct fm_record one, two;
	struct stat st;

	(void)state;
	make(&r, &one);
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.memory, FM_MEMORY_FIRST);
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.memory, FM_MEMORY_SAME);
	assert_int_equal(stat(in_dir("s/accepted.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(in_dir("s"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	r = (struct release){.version = "1.1", .sequence = 2, .previous_version = "1.0", .previous_sha256 = one.sha256};
	make(&r, &two);
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.memory, FM_MEMORY_LATER);
	assert_string_equal(report.last.version, "1.0");
	make(&first, &one);
	BAD("s", ROLLBACK);
	GOOD(NULL);        /* who wants the old one, says so */
	GOOD("elsewhere"); /* and who never saw the new one cannot know */
	fm_verify_report_free(&report);
}

static void what_contradicts_the_last_release_is_a_fork(void **state)
{
	struct release r = first;
	struct fm_record one, other;

	(void)state;
	make(&r, &one);
	GOOD("s");
	r.salt = 7;
	make(&r, &other);
	BAD("s", FORK); /* two archives of one version */
	r = first;
	r.expires = "2030-01-01";
	make(&r, &other);
	BAD("s", FORK); /* two records of one version */
	r = (struct release){
	    .version = "1.1", .sequence = 2, .previous_version = "1.0", .previous_sha256 = other.sha256};
	make(&r, &other);
	BAD("s", FORK); /* it follows the one that we were not given */
	r.previous_version = r.previous_sha256 = NULL;
	make(&r, &other);
	BAD("s", FORK); /* it follows none */
	r = (struct release){.version = "1.1", .sequence = 1};
	make(&r, &other);
	BAD("s", FORK); /* two releases of one number */
	r = (struct release){
	    .version = "1.1", .sequence = 3, .previous_version = "1.0.5", .previous_sha256 = one.zst.sha256};
	make(&r, &other);
	assert_int_equal(verify_with("s"), FM_OK); /* one between was not seen here */
	assert_int_equal(report.nnotes, 1);
	r.version = "1.2", r.sequence = 2;
	make(&r, &other);
	BAD("s", ROLLBACK); /* a later version under an earlier number */
	fm_verify_report_free(&report);
}

static void record_may_come_but_not_go(void **state)
{
	struct release r = first;
	struct fm_record rec;

	(void)state;
	r.no_record = true;
	make(&r, &rec);
	GOOD("s");
	make(&first, &rec);
	GOOD("s");
	r.version = "1.1";
	make(&r, &rec);
	BAD("s", RECORD_MISSING);
	r = first;
	r.no_record = true;
	make(&r, &rec);
	BAD("s", RECORD_MISSING);
}

static void signer_is_known_by_name_or_key(void **state)
{
	struct release r = {.version = "2.0", .sequence = 5};
	struct fm_record rec;
	struct fm_buf line = {0};
	struct fm_sshkey kept = key;

	(void)state;
	make(&r, &rec);
	GOOD("s");
	/* The same key under another name. */
	fm_buf_puts(&line, "new@example.org ");
	fm_sshpub_line(&key.pub, &line);
	put_file("signers", line.data, line.len);
	make(&first, &rec);
	BAD("s", ROLLBACK);
	/* Another key under the same name, beside the one before. */
	key = stranger;
	line.len = 0;
	fm_buf_puts(&line, "releases@example.org ");
	fm_sshpub_line(&stranger.pub, &line);
	fm_buf_puts(&line, "releases@example.org ");
	fm_sshpub_line(&kept.pub, &line);
	put_file("signers", line.data, line.len);
	make(&first, &rec);
	BAD("s", ROLLBACK);
	/* In a file of its own it is another team's, and forgets nothing of the first. */
	put_signers("");
	GOOD("s");
	key = kept;
	put_signers("");
	make(&first, &rec);
	BAD("s", ROLLBACK);
	key = kept;
	fm_buf_free(&line);
}

static void damaged_memory_is_an_error_and_not_a_pass(void **state)
{
	static const char *const damage[] = {"",
					     "{",
					     "[]",
					     "{}",
					     "{\"format\":\"flowmint-accepted/2\",\"releases\":[]}",
					     "{\"format\":\"flowmint-accepted/1\"}",
					     "{\"format\":\"flowmint-accepted/1\",\"releases\":[1]}",
					     "{\"format\":\"flowmint-accepted/1\",\"releases\":[{\"name\":\"demo\"}]}"};
	struct fm_buf good = {0};
	struct fm_record rec;

	(void)state;
	make(&first, &rec);
	GOOD("s");
	assert_int_equal(fm_file_read(in_dir("s/accepted.json"), 1 << 20, &good, &err), FM_OK);
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		put_file("s/accepted.json", damage[i], strlen(damage[i]));
		assert_int_equal(chmod(in_dir("s/accepted.json"), 0600), 0);
		assert_int_equal(verify_with("s"), FM_EINPUT);
		assert_non_null(strstr(err.message, "accepted.json"));
		assert_false(report.good);
	}
	for (size_t n = 0; n + 2 < good.len; n += 17) { /* without its last brace at least */
		put_file("s/accepted.json", good.data, n);
		assert_int_equal(verify_with("s"), FM_EINPUT);
	}
	put_file("s/accepted.json", good.data, good.len);
	GOOD("s");
	assert_int_equal(chmod(in_dir("s/accepted.json"), 0666), 0);
	assert_int_equal(verify_with("s"), FM_EINPUT);
	assert_int_equal(chmod(in_dir("s/accepted.json"), 0600), 0);
	GOOD("s");
	for (int i = 0; i < 3; i++) {
		static const mode_t open_to[] = {0777, 0770, 0702};

		assert_int_equal(chmod(in_dir("s"), open_to[i]), 0);
		assert_int_equal(verify_with("s"), FM_EINPUT);
		assert_non_null(strstr(err.message, "may be written to by others"));
	}
	assert_int_equal(chmod(in_dir("s"), 01777), 0); /* where nobody takes away what is another's */
	GOOD("s");
	assert_int_equal(chmod(in_dir("s"), 0755), 0);
	GOOD("s");
	if (geteuid() == 0) {
		assert_int_equal(chown(in_dir("s"), 65534, 65534), 0);
		assert_int_equal(verify_with("s"), FM_EINPUT);
		assert_non_null(strstr(err.message, "belongs to another"));
		assert_int_equal(chmod(in_dir("s"), 01777), 0); /* its owner takes away what he likes */
		assert_int_equal(verify_with("s"), FM_EINPUT);
		assert_non_null(strstr(err.message, "belongs to another"));
		assert_int_equal(chown(in_dir("s"), 0, 0), 0);
	}
	assert_int_equal(unlink(in_dir("s/accepted.json")), 0);
	assert_int_equal(symlink("elsewhere", in_dir("s/accepted.json")), 0);
	assert_int_equal(verify_with("s"), FM_EINPUT);
	put_file("file", "x", 1);
	assert_int_equal(verify_with("file"), FM_ESYSTEM); /* no folder can be made there */
	fm_verify_report_free(&report);
	fm_buf_free(&good);
}

/* Two releases verified at once, many times: the later one is what is remembered, whoever came last. */
static void memory_is_locked(void **state)
{
	struct release r = first;
	struct fm_record one, two;
	pid_t child;
	int status;

	(void)state;
	make(&r, &one);
	r = (struct release){.version = "1.1", .sequence = 2, .previous_version = "1.0", .previous_sha256 = one.sha256};
	make(&r, &two);
	for (int i = 0; i < 20; i++) {
		char s[16];
		int rc;

		snprintf(s, sizeof s, "s%d", i);
		if ((child = fork()) == 0) {
			snprintf(archive_name, sizeof archive_name, "demo-1.0.tar.zst");
			rc = verify_with(s);
			_exit(rc == FM_OK || report.reason == FM_REASON_ROLLBACK ? 0 : 1);
		}
		snprintf(archive_name, sizeof archive_name, "demo-1.1.tar.zst");
		assert_int_equal(verify_with(s), FM_OK);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		snprintf(archive_name, sizeof archive_name, "demo-1.0.tar.zst");
		BAD(s, ROLLBACK);
	}
}

/* ---- extraction ---- */

static void extraction_gives_the_files_or_nothing(void **state)
{
	struct fm_record rec;
	struct fm_buf text = {0};
	char **names;
	size_t n;

	(void)state;
	make(&first, &rec);
	extract_to = "out";
	assert_int_equal(verify_with("s"), FM_OK);
	assert_string_equal(report.extracted, in_dir("out"));
	assert_int_equal(fm_dir_files(in_dir("out"), &names, &n, &err), FM_OK);
	assert_int_equal(n, report.info.n);
	for (size_t i = 0; i < n; i++) {
		char path[600], hex[FM_SHA256_HEX];

		snprintf(path, sizeof path, "%s/%s", in_dir("out"), names[i]);
		assert_string_equal(names[i], report.info.file[i].path);
		assert_int_equal(fm_sha256_file_hex(path, hex, &err), FM_OK);
		assert_string_equal(hex, report.info.file[i].sha256);
	}
	fm_names_free(names, n);
	assert_int_equal(verify_with("s"), FM_EINPUT); /* it is there */
	/* Refused at the last: for a changed sum, and for what was accepted before. */
	extract_to = "not";
	assert_int_equal(fm_file_read(in_dir(record_name), 65536, &text, &err), FM_OK);
	replace(&text, rec.tar.sha512, rec.zst.sha512);
	put_file(record_name, text.data, text.len);
	sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, "demo-1.0.RELEASE.json.sig");
	BAD("s", RECORD_DISAGREES);
	assert_int_equal(access(in_dir("not"), F_OK), -1);
	make(&(struct release){.version = "0.9", .sequence = 1}, &rec);
	BAD("s", ROLLBACK);
	assert_int_equal(access(in_dir("not"), F_OK), -1);
	assert_int_equal(fm_dir_list(fixture_dir, &names, &n, &err), FM_OK);
	for (size_t i = 0; i < n; i++)
		if (strstr(names[i], "tmp"))
			fail_msg("%s is left", names[i]);
	fm_names_free(names, n);
	fm_verify_report_free(&report);
	fm_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, fresh)
	    T(record_of_the_release_is_good),
	    T(without_a_record_it_says_what_is_not_known),
	    T(record_must_be_signed_by_the_archives_key_for_records),
	    T(each_changed_byte_of_a_record_is_refused),
	    T(record_of_another_release_is_refused),
	    T(expired_release_is_refused),
	    T(clock_that_was_set_back_is_found),
	    T(attestations_are_by_a_listed_key_and_of_this_release),
	    T(later_releases_follow_and_older_ones_do_not_come_back),
	    T(what_contradicts_the_last_release_is_a_fork),
	    T(record_may_come_but_not_go),
	    T(signer_is_known_by_name_or_key),
	    T(damaged_memory_is_an_error_and_not_a_pass),
	    T(memory_is_locked),
	    T(extraction_gives_the_files_or_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
