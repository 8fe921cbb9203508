/*
 * What a partner trusts beyond one release: that its record is in a log which only grows, and that a key came after the
 * one that he knows; and what he remembers of times.  Each tampering is refused with a reason of its own.
 */
#include "record_fixture.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "release/sign/rotation.h"
#include "release/tlog.h"

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

static void put_revoked(const struct fm_sshkey *k)
{
	struct fm_buf line = {0};

	fm_sshpub_line(&k->pub, &line);
	put_file("revoked", line.data, line.len);
	fm_buf_free(&line);
}

/* A thief of the root names a key of his own first; then the root is revoked, and the team's new key gets a line. */
static void revoked_key_no_longer_says_who_came_after_it(void **state)
{
	static struct fm_keys k;
	struct release r = number(1);
	struct fm_record rec;

	(void)state;
	begin_rotation();
	k.n = 0;
	add_rotation(&k, &root_key, &stranger, "2023-11-14", &root_key, &stranger);
	key = stranger;
	make(&r, &rec);
	put_keys(&k);
	GOOD("s");
	key = third_key; /* the team, whose version is lower than the thief's */
	r = number(0);
	make(&r, &rec);
	put_keys(&chain);
	BAD("s", KEYS_FORK);
	put_signers(BOTH); /* of the third */
	BAD("s", KEYS_FORK);
	put_revoked(&second_key); /* another */
	revoked_in = "revoked";
	BAD("s", KEYS_FORK);
	put_revoked(&root_key);
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.memory, FM_MEMORY_FIRST); /* the thief's releases are not this signer's */
	assert_int_equal(report.nnotes, 1);
	assert_non_null(strstr(report.note[0], "was revoked"));
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.memory, FM_MEMORY_SAME);
	assert_int_equal(report.nnotes, 0); /* it was forgotten, and what the team says is remembered */
	fm_verify_report_free(&report);
	revoked_in = NULL;
	GOOD("s");
	key = stranger; /* who now contradicts it */
	r = number(2);
	make(&r, &rec);
	put_keys(&k);
	BAD("s", UNKNOWN_SIGNER);
	key = root_key;
	put_signers(BOTH);
	key = stranger;
	BAD("s", KEYS_FORK);
	revoked_in = "revoked";
	BAD("s", KEY_REVOKED);
	end_rotation();
}

/* ---- the time ---- */

/* A wrong clock spoils what one signer released, not what all did. */
static void time_of_another_signer_is_not_asked(void **state)
{
	struct release r = first;
	struct fm_sshkey kept = key;
	struct fm_record rec;

	(void)state;
	key = stranger;
	put_signers(BOTH);
	make(&r, &rec);
	now = NOW + 100 * 86400;
	GOOD("s");
	key = kept;
	put_signers(BOTH);
	r.expires = "2023-11-14";
	make(&r, &rec);
	now = NOW;
	assert_int_equal(verify_with("s"), FM_OK);
	assert_int_equal(report.nnotes, 0);
	fm_verify_report_free(&report);
}

/* One that read for long while others were accepted: the time is asked for when the list is. */
static void time_passes_while_an_archive_is_read(void **state)
{
	struct fm_accepted one = {0};
	struct fm_accepted_state *list = NULL;
	struct fm_signers signers = {0};
	struct fm_record rec;
	time_t t;
	struct tm tm;
	pid_t child;
	int status;

	(void)state;
	now = 0; /* the clock's */
	make(&first, &rec);
	GOOD("s");
	assert_int_equal(fm_accepted_open(&list, in_dir("s"), &signers, &err), FM_OK); /* and nobody else has it */
	if ((child = fork()) == 0) {
		fm_accepted_close(list); /* the parent's lock stays */
		_exit(verify_with("s") == FM_OK ? report.nnotes : 99);
	}
	sleep(2);
	assert_int_equal(fm_sshpub_fingerprint(&key.pub, one.fingerprint, &err), FM_OK);
	snprintf(one.name, sizeof one.name, "other");
	snprintf(one.version, sizeof one.version, "1.0");
	memset(one.tar_sha256, '0', FM_SHA256_HEX - 1);
	t = time(NULL);
	assert_non_null(gmtime_r(&t, &tm));
	strftime(one.accepted, sizeof one.accepted, "%Y-%m-%dT%H:%M:%SZ", &tm);
	assert_int_equal(fm_accepted_remember(list, &one, &err), FM_OK);
	fm_accepted_close(list);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, fresh)
	    T(each_tampering_with_the_log_has_its_reason),
	    T(log_only_grows_for_who_remembers_it),
	    T(partner_follows_keys_that_both_signed_and_no_others),
	    T(replaced_key_signs_no_more),
	    T(revoked_key_no_longer_says_who_came_after_it),
	    T(time_of_another_signer_is_not_asked),
	    T(time_passes_while_an_archive_is_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
