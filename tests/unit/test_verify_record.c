/*
 * What a partner is told beside the archive and remembers: a record that is not this release's, not its signer's or out
 * of date is refused; so is what is older than the last release accepted, or contradicts it.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "release/accepted.h"
#include "release/record.h"
#include "release/sign/dsse.h"
#include "release/sign/rotation.h"
#include "release/tlog.h"
#include "verify_fixture.h"

#define BOTH "namespaces=\"flowmint,flowmint-release\""

/* A release as the sender makes it: its own bytes, archive, signature and record. */
struct release {
	const char *version;
	int64_t sequence;
	const char *previous_version, *previous_sha256; /* NULL: none */
	const char *expires;
	unsigned salt; /* other contents under the same version */
	bool no_record;
};

static char archive_name[128], record_name[128];

static void make(const struct release *r, struct fm_record *rec)
{
	struct release_files files;
	struct fm_buf tar = {0}, zst = {0}, text = {0};
	char from[64], folder[96], path[256], sig[256];
	uint8_t digest[64];
	struct fm_error e;

	files_make(&files);
	fm_buf_printf(&files.f[0].text, "version %s, %u\n", r->version, r->salt);
	/* README.md and the version in manifest.json change, so their digests do. */
	snprintf(from, sizeof from, "\"version\":\"%s\"", r->version);
	replace(&files.f[4].text, "\"version\":\"1.0\"", from);
	{
		char old[FM_SHA256_HEX], hex[FM_SHA256_HEX], *at;
		struct fm_buf was = {0};

		fm_buf_puts(&was, "read me\n");
		hex_of(&was, old);
		hex_of(&files.f[0].text, hex);
		snprintf(from, sizeof from, "\"bytes\":%zu,", files.f[0].text.len);
		replace(&files.f[4].text, "\"bytes\":8,", from);
		assert_non_null(at = strstr(files.f[4].text.data, old));
		memcpy(at, hex, 64);
		assert_non_null(at = strstr(files.f[1].text.data, old));
		memcpy(at, hex, 64);
		fm_buf_free(&was);
	}
	sum_again(&files);
	snprintf(folder, sizeof folder, "demo-%s", r->version);
	snprintf(path, sizeof path, "%s/", folder);
	tar_add(&tar, path, '5', "", 0);
	for (size_t i = 0; i < files.n; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files.f[i].path);
		tar_add(&tar, path, '0', files.f[i].text.data, files.f[i].text.len);
	}
	tar_end(&tar);
	zst_of(&tar, &zst);
	snprintf(archive_name, sizeof archive_name, "%s.tar.zst", folder);
	snprintf(record_name, sizeof record_name, "%s.RELEASE.json", folder);
	put_file(archive_name, zst.data, zst.len);
	snprintf(sig, sizeof sig, "%s.sig", archive_name);
	sign_bytes(&key, "flowmint", zst.data, zst.len, sig);

	*rec = (struct fm_record){.name = "demo", .sequence = r->sequence, .issued = "2023-11-14"};
	snprintf(rec->version, sizeof rec->version, "%s", r->version);
	snprintf(rec->expires, sizeof rec->expires, "%s", r->expires ? r->expires : "");
	snprintf(rec->previous_version, sizeof rec->previous_version, "%s",
		 r->previous_version ? r->previous_version : "");
	snprintf(rec->previous_sha256, sizeof rec->previous_sha256, "%s", r->previous_sha256 ? r->previous_sha256 : "");
	rec->tar.nbytes = tar.len;
	hex_of(&tar, rec->tar.sha256);
	assert_int_equal(fm_sha512_bytes(tar.data, tar.len, digest, &e), FM_OK);
	fm_hex(digest, 64, rec->tar.sha512);
	rec->zst.nbytes = zst.len;
	hex_of(&zst, rec->zst.sha256);
	assert_int_equal(fm_sha512_bytes(zst.data, zst.len, digest, &e), FM_OK);
	fm_hex(digest, 64, rec->zst.sha512);
	snprintf(sig, sizeof sig, "%s.sig", record_name);
	unlink(in_dir(record_name));
	unlink(in_dir(sig));
	if (!r->no_record) {
		assert_int_equal(fm_record_text(rec, &text, &e), FM_OK);
		put_file(record_name, text.data, text.len);
		sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, sig);
	}
	fm_buf_free(&text);
	fm_buf_free(&tar);
	fm_buf_free(&zst);
	files_free(&files);
}

static const char *extract_to;
static int64_t now = NOW;

static int verify_with(const char *state)
{
	struct fm_verify_in in = {.archive = in_dir(archive_name),
				  .signers = in_dir("signers"),
				  .now_s = now,
				  .state = state ? in_dir(state) : NULL,
				  .extract = extract_to ? in_dir(extract_to) : NULL};

	fm_verify_report_free(&report);
	memset(&err, 0, sizeof err);
	return fm_verify(&in, &report, &err);
}

static void wants(const char *state, int rc, enum fm_reason reason)
{
	int got = verify_with(state);

	if (got != rc || report.reason != reason)
		fail_msg("wanted %d %s, got %d %s (%s)", rc, fm_reason_name(reason), got, fm_reason_name(report.reason),
			 err.message);
	fm_verify_report_free(&report);
}
#define GOOD(state) wants(state, FM_OK, FM_REASON_GOOD)
#define BAD(state, why) wants(state, FM_EVERDICT, FM_REASON_##why)

static const struct release first = {.version = "1.0", .sequence = 1};

static int fresh(void **state)
{
	struct fm_error e;
	char dir[512];

	(void)state;
	snprintf(dir, sizeof dir, "%s", fixture_dir);
	if (fm_dir_remove(dir, &e) < 0 || fm_dir_make(dir, 0700, &e) < 0)
		return -1;
	put_signers(BOTH);
	extract_to = NULL;
	now = NOW;
	return 0;
}

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
	SIGNED_AS(other.zst.sha512[5] ^= 1);
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.sha256[5] ^= 1);
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.sha512[5] ^= 1);
	BAD(NULL, RECORD_DISAGREES);
	SIGNED_AS(other.tar.nbytes += 512);
	BAD(NULL, RECORD_DISAGREES);
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

/* ---- attestations ---- */

/* Two envelopes by `by`, the record to fit, and the signers file with a line for `listed` (NULL: none). */
static void attest(const struct fm_sshkey *by, const struct fm_sshkey *listed, const char *ns, struct fm_record *rec,
		   const char *from, const char *to, const char *type, size_t flip)
{
	struct fm_buf lines = {0}, record = {0}, signers = {0};
	uint8_t digest[64];
	struct fm_error e;

	for (int i = 0; i < 2; i++) {
		struct fm_buf body = {0};

		fm_buf_printf(&body,
			      "{\"_type\":\"https://in-toto.io/Statement/"
			      "v1\",\"predicate\":{},\"predicateType\":\"x\",\"subject\":["
			      "{\"digest\":{\"sha256\":\"%s\",\"sha512\":\"%s\"},\"name\":\"demo-1.0.tar\"},"
			      "{\"digest\":{\"sha256\":\"%s\",\"sha512\":\"%s\"},\"name\":\"demo-1.0.tar.zst\"}]}",
			      rec->tar.sha256, rec->tar.sha512, rec->zst.sha256, rec->zst.sha512);
		if (from)
			replace(&body, from, to);
		assert_int_equal(fm_dsse_sign(by, type, body.data, body.len, &lines, &e), FM_OK);
		fm_buf_free(&body);
	}
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

/* ---- the log ---- */

static const char *proof_name(void)
{
	static char name[128];

	snprintf(name, sizeof name, "%.*s.LOG.json", (int)(strlen(archive_name) - strlen(".tar.zst")), archive_name);
	return name;
}

/* The release that was made last, as an entry more of the log; what goes beside it. */
static void log_it(struct fm_tlog *log, struct fm_tlog_proof *p)
{
	struct fm_buf record = {0}, head = {0}, sig = {0}, text = {0};
	struct fm_tlog_head h;
	uint8_t digest[64];

	assert_int_equal(fm_file_read(in_dir(record_name), 65536, &record, &err), FM_OK);
	assert_int_equal(fm_tlog_next(log, record.data, record.len, &h, &err), FM_OK);
	assert_int_equal(fm_tlog_head_text(&h, &head, &err), FM_OK);
	assert_int_equal(fm_sha512_bytes(head.data, head.len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(&key, FM_RECORD_NAMESPACE, digest, &sig, &err), FM_OK);
	assert_int_equal(fm_tlog_add(log, record.data, record.len, &h, sig.data, &err), FM_OK);
	assert_int_equal(fm_tlog_prove(log, log->n - 1, p, &err), FM_OK);
	assert_int_equal(fm_tlog_proof_text(p, &text, &err), FM_OK);
	put_file(proof_name(), text.data, text.len);
	fm_buf_free(&record);
	fm_buf_free(&head);
	fm_buf_free(&sig);
	fm_buf_free(&text);
}

static void put_proof(const struct fm_tlog_proof *p)
{
	struct fm_buf text = {0};

	assert_int_equal(fm_tlog_proof_text(p, &text, &err), FM_OK);
	put_file(proof_name(), text.data, text.len);
	fm_buf_free(&text);
}

/* Signed anew, as the publisher could. */
static void sign_head(struct fm_tlog_proof *p, const struct fm_sshkey *by, const char *ns)
{
	struct fm_buf head = {0}, sig = {0};
	uint8_t digest[64];

	assert_int_equal(fm_tlog_head_text(&p->head, &head, &err), FM_OK);
	assert_int_equal(fm_sha512_bytes(head.data, head.len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(by, ns, digest, &sig, &err), FM_OK);
	snprintf(p->signature, sizeof p->signature, "%s", sig.data);
	put_proof(p);
	fm_buf_free(&head);
	fm_buf_free(&sig);
}

static struct release number(int i)
{
	static char version[32];

	snprintf(version, sizeof version, "1.%d", i);
	return (struct release){.version = version, .sequence = 2 * i + 1}; /* others between */
}

static void each_tampering_with_the_log_has_its_reason(void **state)
{
	struct fm_tlog log = {0};
	struct fm_tlog_proof good, bad;
	struct fm_record rec;
	struct fm_buf text = {0};
	json_t *j;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct release r = number(i);

		make(&r, &rec);
		log_it(&log, &good);
	}
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_true(report.has_log);
	j = fm_verify_report_json(&report);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "log"), "size")), 5);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "log"), "index")), 4);
	json_decref(j);
	/* form */
	put_file(proof_name(), "{}\n", 3);
	BAD(NULL, LOG_MALFORMED);
	put_file(proof_name(), "", 0);
	BAD(NULL, LOG_MALFORMED);
	assert_int_equal(fm_tlog_proof_text(&good, &text, &err), FM_OK);
	put_file(proof_name(), text.data, text.len - 1);
	BAD(NULL, LOG_MALFORMED);
	fm_buf_puts(&text, " ");
	put_file(proof_name(), text.data, text.len);
	BAD(NULL, LOG_MALFORMED);
	/* the head: another size or root, and by whom it is signed */
	bad = good;
	bad.head.size = 6;
	put_proof(&bad);
	BAD(NULL, LOG_UNSIGNED);
	bad = good;
	bad.head.root.byte[0] ^= 1;
	put_proof(&bad);
	BAD(NULL, LOG_UNSIGNED);
	bad = good;
	sign_head(&bad, &stranger, FM_RECORD_NAMESPACE);
	BAD(NULL, LOG_UNSIGNED);
	sign_head(&bad, &key, "flowmint");
	BAD(NULL, LOG_UNSIGNED);
	memset(bad.signature, 'x', 40);
	put_proof(&bad);
	BAD(NULL, LOG_UNSIGNED);
	/* the proof: each hash, the place, a log that has another record in this one's place */
	for (int i = 0; i < good.inclusion.n; i++) {
		bad = good;
		bad.inclusion.hash[i].byte[7] ^= 1;
		put_proof(&bad);
		BAD(NULL, LOG_NOT_INCLUDED);
	}
	bad = good;
	bad.index = 3;
	put_proof(&bad);
	BAD(NULL, LOG_NOT_INCLUDED);
	assert_int_equal(fm_tlog_prove(&log, 3, &bad, &err), FM_OK);
	put_proof(&bad);
	BAD(NULL, LOG_NOT_INCLUDED);
	/* Each byte behind the proofs from earlier heads, which are of no use to who remembers nothing. */
	text.len--;
	put_proof(&good);
	GOOD(NULL);
	for (size_t i = (size_t)(strstr(text.data, "\"format\"") - text.data); i < text.len; i += 11) {
		text.data[i] ^= 1;
		put_file(proof_name(), text.data, text.len);
		if (verify_with(NULL) != FM_EVERDICT)
			fail_msg("byte %zu can be changed", i);
		fm_verify_report_free(&report);
		text.data[i] ^= 1;
	}
	fm_buf_free(&text);
	fm_tlog_free(&log);
}

static void log_only_grows_for_who_remembers_it(void **state)
{
	struct fm_tlog log = {0}, forked = {0};
	struct fm_tlog_proof p, bad;
	struct fm_record rec;
	struct release r;
	struct stat st;

	(void)state;
	for (int i = 0; i < 4; i++) {
		r = number(i);
		make(&r, &rec);
		log_it(&log, &p);
		GOOD("all");
		if (i == 1)
			GOOD("some");
	}
	GOOD("some"); /* two were not seen */
	GOOD("all");  /* the same once more */
	assert_int_equal(stat(in_dir("all/accepted.json"), &st), 0);
	/* The fifth, with the log as it is; then as somebody else was told that it is. */
	r = number(4);
	make(&r, &rec);
	BAD("all", LOG_MISSING);
	GOOD("none"); /* who never saw a log misses none */
	log_it(&log, &p);
	bad = p;
	bad.step[0].path.hash[0].byte[1] ^= 1;
	put_proof(&bad);
	BAD("all", LOG_FORK);
	bad = p;
	bad.nsteps = 0;
	put_proof(&bad);
	BAD("all", LOG_UNPROVED);
	/* Made anew without the first: each proof in it is right. */
	for (int i = 1; i < 4; i++) {
		r = number(i);
		make(&r, &rec);
		log_it(&forked, &bad);
	}
	r = number(4);
	make(&r, &rec);
	log_it(&forked, &bad);
	BAD("all", LOG_FORK); /* as many entries as before, others */
	r = number(5);
	make(&r, &rec);
	log_it(&forked, &bad);
	BAD("all", LOG_FORK); /* more */
	/* Begun anew. */
	fm_tlog_free(&forked);
	log_it(&forked, &bad);
	BAD("all", LOG_ROLLBACK);
	log_it(&log, &p);
	GOOD("all");
	fm_tlog_free(&log);
	fm_tlog_free(&forked);
	fm_verify_report_free(&report);
}

/* ---- keys that came after keys ---- */

static const char *keys_name(void)
{
	static char name[128];

	snprintf(name, sizeof name, "%.*s.KEYS.json", (int)(strlen(archive_name) - strlen(".tar.zst")), archive_name);
	return name;
}

static void put_keys(struct fm_keys *k)
{
	struct fm_buf text = {0};

	assert_int_equal(fm_keys_text(k, &text, &err), FM_OK);
	put_file(keys_name(), text.data, text.len);
	fm_buf_free(&text);
}

static void sign_rotation(const struct fm_sshkey *by, const struct fm_buf *text, const char *ns, char out[700])
{
	struct fm_buf sig = {0};
	uint8_t digest[64];

	assert_int_equal(fm_sha512_bytes(text->data, text->len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(by, ns, digest, &sig, &err), FM_OK);
	snprintf(out, 700, "%s", sig.data);
	fm_buf_free(&sig);
}

/* One more, from a key to a key, signed by these two. */
static void add_rotation(struct fm_keys *k, const struct fm_sshkey *from, const struct fm_sshkey *to,
			 const char *issued, const struct fm_sshkey *by_old, const struct fm_sshkey *by_new)
{
	struct fm_rotation *r = &k->r[k->n];
	struct fm_buf text = {0};

	memset(r, 0, sizeof *r);
	r->from = from->pub;
	r->to = to->pub;
	snprintf(r->issued, sizeof r->issued, "%s", issued);
	if (k->n)
		memcpy(r->previous, k->r[k->n - 1].sha256, sizeof r->previous);
	assert_int_equal(fm_rotation_text(k, k->n, &text, &err), FM_OK);
	sign_rotation(by_old, &text, FM_RECORD_NAMESPACE, r->by_old);
	sign_rotation(by_new, &text, FM_RECORD_NAMESPACE, r->by_new);
	k->n++;
	fm_buf_free(&text);
}

static struct fm_sshkey root_key, second_key, third_key;
static struct fm_keys chain; /* root, second, third */

/* The signers file names the root alone; releases are by the third from here on. */
static void begin_rotation(void)
{
	root_key = key;
	assert_int_equal(fm_sshkey_generate(&second_key, "2", &err), FM_OK);
	assert_int_equal(fm_sshkey_generate(&third_key, "3", &err), FM_OK);
	chain.n = 0;
	add_rotation(&chain, &root_key, &second_key, "2023-11-14", &root_key, &second_key);
	add_rotation(&chain, &second_key, &third_key, "2023-11-15", &second_key, &third_key);
	key = third_key;
}

static void end_rotation(void)
{
	fm_sshkey_close(&second_key);
	fm_sshkey_close(&third_key);
	key = root_key;
}

static void partner_follows_keys_that_both_signed_and_no_others(void **state)
{
	static struct fm_keys k;
	struct fm_record rec;
	struct fm_buf text = {0};
	json_t *j;

	(void)state;
	begin_rotation();
	make(&first, &rec);
	BAD(NULL, UNKNOWN_SIGNER); /* nothing says that the key came after the listed one */
	put_keys(&chain);
	assert_int_equal(verify_with(NULL), FM_OK);
	assert_string_equal(report.signer, "releases@example.org");
	assert_true(report.has_record);
	j = fm_verify_report_json(&report);
	assert_string_equal(json_string_value(json_object_get(j, "trusted")), report.trusted);
	assert_string_not_equal(report.trusted, report.fingerprint);
	json_decref(j);
	fm_verify_report_free(&report);
	/* Each statement by both: one of them, a third, for another purpose, of other words. */
	for (int i = 0; i < 2; i++) {
		k = chain;
		memcpy(k.r[i].by_new, k.r[i].by_old, sizeof k.r[i].by_new);
		put_keys(&k);
		BAD(NULL, KEYS_UNSIGNED);
		k = chain;
		memcpy(k.r[i].by_old, k.r[i].by_new, sizeof k.r[i].by_old);
		put_keys(&k);
		BAD(NULL, KEYS_UNSIGNED);
		k = chain;
		k.r[i].by_new[0] = 0;
		put_keys(&k);
		BAD(NULL, KEYS_UNSIGNED);
	}
	k.n = 0;
	add_rotation(&k, &root_key, &third_key, "2023-11-14", &stranger, &third_key);
	put_keys(&k);
	BAD(NULL, KEYS_UNSIGNED);
	k.n = 0;
	add_rotation(&k, &root_key, &third_key, "2023-11-14", &root_key, &stranger);
	put_keys(&k);
	BAD(NULL, KEYS_UNSIGNED);
	k.n = 0;
	add_rotation(&k, &root_key, &third_key, "2023-11-14", &root_key, &third_key);
	put_keys(&k);
	GOOD(NULL);
	assert_int_equal(fm_rotation_text(&k, 0, &text, &err), FM_OK);
	sign_rotation(&root_key, &text, FM_SSH_NAMESPACE, k.r[0].by_old);
	put_keys(&k);
	BAD(NULL, KEYS_UNSIGNED);
	k = chain;
	strcpy(k.r[0].issued, "2023-11-13");
	put_keys(&k);
	BAD(NULL, KEYS_UNSIGNED);
	/* The chain: without its first, its second from another key, back to a key that was given up, of other keys. */
	k = chain;
	k.r[0] = k.r[1];
	k.n = 1;
	put_keys(&k);
	BAD(NULL, KEYS_BROKEN);
	k.n = 0;
	add_rotation(&k, &root_key, &second_key, "2023-11-14", &root_key, &second_key);
	add_rotation(&k, &stranger, &third_key, "2023-11-14", &stranger, &third_key);
	put_keys(&k);
	BAD(NULL, KEYS_BROKEN);
	k.n = 1;
	add_rotation(&k, &second_key, &third_key, "2023-11-13", &second_key, &third_key); /* before the first */
	put_keys(&k);
	BAD(NULL, KEYS_BROKEN);
	k = chain;
	add_rotation(&k, &third_key, &root_key, "2023-11-16", &third_key, &root_key);
	put_keys(&k);
	BAD(NULL, KEYS_BROKEN);
	k.n = 0;
	add_rotation(&k, &root_key, &second_key, "2023-11-14", &root_key, &second_key);
	put_keys(&k);
	BAD(NULL, KEYS_BROKEN);
	/* A chain that begins elsewhere is good, and nobody's here. */
	k.n = 0;
	add_rotation(&k, &stranger, &third_key, "2023-11-14", &stranger, &third_key);
	put_keys(&k);
	BAD(NULL, UNKNOWN_SIGNER);
	/* Form. */
	put_file(keys_name(), "{}\n", 3);
	BAD(NULL, KEYS_MALFORMED);
	text.len = 0;
	assert_int_equal(fm_keys_text(&chain, &text, &err), FM_OK);
	put_file(keys_name(), text.data, text.len - 1);
	BAD(NULL, KEYS_MALFORMED);
	for (size_t i = 0; i < text.len; i += 23) {
		text.data[i] ^= 1;
		put_file(keys_name(), text.data, text.len);
		if (verify_with(NULL) != FM_EVERDICT)
			fail_msg("byte %zu can be changed", i);
		fm_verify_report_free(&report);
		text.data[i] ^= 1;
	}
	/* The line of the root must be good, now and for records; --signer is of its names. */
	put_keys(&chain);
	GOOD(NULL);
	key = root_key;
	put_signers("namespaces=\"flowmint\"");
	BAD(NULL, WRONG_NAMESPACE);
	put_signers(BOTH ",valid-before=\"20231101Z\"");
	BAD(NULL, KEY_EXPIRED);
	fm_buf_free(&text);
	end_rotation();
}

static void replaced_key_signs_no_more(void **state)
{
	static struct fm_keys k;
	struct release r = number(0);
	struct fm_record rec;

	(void)state;
	begin_rotation();
	/* By the root, before it was replaced: of the day of the rotation at the latest. */
	key = root_key;
	make(&r, &rec);
	GOOD("s");
	k = chain;
	k.n = 0;
	add_rotation(&k, &root_key, &second_key, "2023-11-13", &root_key, &second_key);
	put_keys(&k);
	BAD(NULL, KEY_ROTATED); /* issued on the 14th */
	put_keys(&chain);
	GOOD(NULL);
	unlink(in_dir(keys_name()));
	/* By the third, which is the same signer. */
	key = third_key;
	r = number(1);
	make(&r, &rec);
	put_keys(&chain);
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.memory, FM_MEMORY_LATER);
	fm_verify_report_free(&report);
	GOOD("s");
	r = number(0);
	make(&r, &rec);
	put_keys(&chain);
	BAD("s", ROLLBACK);
	/* Who has an old key: later versions by it, with no document, an older copy, or another successor. */
	key = root_key;
	r = number(2);
	make(&r, &rec);
	BAD("s", KEY_ROTATED);
	GOOD("elsewhere"); /* who never heard of the rotation cannot know */
	key = second_key;
	make(&r, &rec);
	k.n = 0;
	add_rotation(&k, &root_key, &second_key, "2023-11-14", &root_key, &second_key);
	put_keys(&k);
	BAD("s", KEYS_ROLLBACK);
	key = stranger;
	make(&r, &rec);
	k.n = 0;
	add_rotation(&k, &root_key, &stranger, "2023-11-14", &root_key, &stranger);
	put_keys(&k);
	BAD("s", KEYS_FORK);
	GOOD("elsewhere2");
	/* And the signer himself goes on. */
	key = third_key;
	make(&r, &rec);
	put_keys(&chain);
	GOOD("s");
	/* A partner who has the new line alone is the same partner. */
	put_signers(BOTH);
	r = number(1);
	make(&r, &rec);
	put_keys(&chain);
	BAD("s", ROLLBACK);
	end_rotation();
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
	    T(attestations_are_by_a_listed_key_and_of_this_release),
	    T(each_tampering_with_the_log_has_its_reason),
	    T(log_only_grows_for_who_remembers_it),
	    T(partner_follows_keys_that_both_signed_and_no_others),
	    T(replaced_key_signs_no_more),
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
