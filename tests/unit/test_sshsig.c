/*
 * Signatures and signers files as text: a golden signature byte for byte, damage of every byte, patterns and times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/secret.h"
#include "release/sign/signers.h"
#include "release_fixture.h"

/* The key of RFC 8032 section 7.1, test 3, and what `ssh-keygen -Y sign -n flowmint` made with it over the 6 bytes
 * "hello\n" (OpenSSH 9.2). */
static const char seed_hex[] = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
static const char point_hex[] = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
static const char golden[] = "-----BEGIN SSH SIGNATURE-----\n"
			     "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg/FHNjmIYoaONpH7QAjDwWAgW7R\n"
			     "O6MwOsXeuRFUiQgCUAAAAIZmxvd21pbnQAAAAAAAAABnNoYTUxMgAAAFMAAAALc3NoLWVk\n"
			     "MjU1MTkAAABAX2tKJRGnsaphw9YXr2nghHFj23Fv4uK4vdnJLj6c6qz1l35uuRnO2GaABp\n"
			     "50V0kyKud9WByS3zW0pDownH7mAg==\n"
			     "-----END SSH SIGNATURE-----\n";

static struct fm_sshkey key;
static struct fm_error err;

static int setup(void **state)
{
	(void)state;
	return fm_secret_new(&key.seed, 32, &err) || fm_unhex(seed_hex, 32, key.seed.data, &err) ||
	       fm_unhex(point_hex, 32, key.pub.point, &err);
}

static int teardown(void **state)
{
	(void)state;
	fm_sshkey_close(&key);
	return 0;
}

static void digest_of(const char *text, uint8_t digest[FM_SHA512_LEN])
{
	struct fm_sha512 *h;

	assert_int_equal(fm_sha512_new(&h, &err), FM_OK);
	assert_int_equal(fm_sha512_add(h, text, strlen(text), &err), FM_OK);
	assert_int_equal(fm_sha512_end(h, digest, &err), FM_OK);
}

static void signature_equals_the_one_of_ssh_keygen(void **state)
{
	struct fm_buf out = {0};
	uint8_t digest[FM_SHA512_LEN];

	(void)state;
	digest_of("hello\n", digest);
	assert_int_equal(fm_sshsig_sign(&key, "flowmint", digest, &out, &err), FM_OK);
	assert_string_equal(out.data, golden);
	fm_buf_free(&out);
}

static void golden_signature_holds_for_its_file_alone(void **state)
{
	struct fm_sshsig s;
	uint8_t digest[FM_SHA512_LEN];

	(void)state;
	assert_int_equal(fm_sshsig_parse(&s, golden, strlen(golden), &err), FM_OK);
	assert_string_equal(s.ns, "flowmint");
	assert_memory_equal(s.key.point, key.pub.point, 32);
	digest_of("hello\n", digest);
	assert_int_equal(fm_sshsig_check(&s, digest, &err), 1);
	memcpy(s.ns, "flowmin2", 8);
	assert_int_equal(fm_sshsig_check(&s, digest, &err), 0);
	memcpy(s.ns, "flowmint", 8);
	digest_of("hello", digest);
	assert_int_equal(fm_sshsig_check(&s, digest, &err), 0);
}

static void damaged_signature_never_holds(void **state)
{
	uint8_t digest[FM_SHA512_LEN];
	char copy[sizeof golden];
	size_t parsed = 0;

	(void)state;
	digest_of("hello\n", digest);
	for (size_t i = 0; i < strlen(golden); i++) {
		struct fm_sshsig s;

		memcpy(copy, golden, sizeof copy);
		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		if (fm_sshsig_parse(&s, copy, strlen(golden), &err) == FM_OK) {
			assert_int_equal(fm_sshsig_check(&s, digest, &err), 0);
			parsed++;
		}
	}
	assert_true(parsed > 50);
	for (size_t n = 0; n + 1 < strlen(golden); n++) {
		struct fm_sshsig s;

		assert_int_equal(fm_sshsig_parse(&s, golden, n, &err), FM_EINPUT);
	}
}

/* A blob of any fields, armored. */
static int parse_blob(const char *magic, uint32_t version, const char *type, const char *ns, const char *reserved,
		      const char *hash, size_t nsig, const char *tail)
{
	uint8_t blob[1024], pub[256], sig[256], text[2048], zeros[128] = {0};
	struct fm_wire_out b = {blob, 0, sizeof blob, false}, p = {pub, 0, sizeof pub, false},
			   s = {sig, 0, sizeof sig, false};
	struct fm_wire_out t = {text, 0, sizeof text, false};
	struct fm_sshsig parsed;

	fm_wire_put_text(&p, type);
	fm_wire_put_string(&p, key.pub.point, 32);
	fm_wire_put_text(&s, "ssh-ed25519");
	fm_wire_put_string(&s, zeros, nsig);
	fm_wire_put(&b, magic, 6);
	fm_wire_put_u32(&b, version);
	fm_wire_put_string(&b, pub, p.n);
	fm_wire_put_text(&b, ns);
	fm_wire_put_text(&b, reserved);
	fm_wire_put_text(&b, hash);
	fm_wire_put_string(&b, sig, s.n);
	fm_wire_put(&b, tail, strlen(tail));
	fm_armor_write("SSH SIGNATURE", blob, b.n, &t);
	assert_false(t.full);
	return fm_sshsig_parse(&parsed, (char *)text, t.n, &err);
}

static void field_that_is_not_ours_is_refused(void **state)
{
	static const char ed[] = "ssh-ed25519";

	(void)state;
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flowmint", "", "sha512", 64, ""), FM_OK);
	assert_int_equal(parse_blob("SSHSIg", 1, ed, "flowmint", "", "sha512", 64, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 2, ed, "flowmint", "", "sha512", 64, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, "ssh-rsa", "flowmint", "", "sha512", 64, ""), FM_EINPUT);
	assert_non_null(strstr(err.message, "ssh-rsa"));
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "", "", "sha512", 64, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flow\033mint", "", "sha512", 64, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flowmint", "x", "sha512", 64, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flowmint", "", "sha256", 64, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flowmint", "", "sha512", 63, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flowmint", "", "sha512", 65, ""), FM_EINPUT);
	assert_int_equal(parse_blob("SSHSIG", 1, ed, "flowmint", "", "sha512", 64, "x"), FM_EINPUT);
}

/* A signers file of one line with these words before the key. */
static int parse_signers(struct fm_signers *list, const char *before)
{
	struct fm_buf line = {0};
	int rc;

	fm_buf_printf(&line, "%s ", before);
	fm_sshpub_line(&key.pub, &line);
	rc = fm_signers_parse(list, line.data, line.len, &err);
	fm_buf_free(&line);
	return rc;
}

static enum fm_signer_state state_of(const char *before, const char *ns, int64_t now_s)
{
	struct fm_signers list;
	const struct fm_signer *who;
	enum fm_signer_state s;

	assert_int_equal(parse_signers(&list, before), FM_OK);
	s = fm_signers_find(&list, &key.pub, ns, now_s, &who);
	assert_int_equal(who == NULL, s == FM_SIGNER_UNKNOWN);
	fm_signers_free(&list);
	return s;
}

static void options_mean_what_they_mean_to_ssh_keygen(void **state)
{
	static const struct {
		const char *before, *ns;
		int64_t now_s;
		enum fm_signer_state want;
	} t[] = {
	    {"a", "flowmint", 0, FM_SIGNER_OK},
	    {"a,b", "flowmint", 0, FM_SIGNER_OK},
	    {"\"a b\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"flowmint\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a NameSpaces=\"flowmint\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"git,flowmint\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"flow?int\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"*m*nt\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"flowmint*\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"flowmin\"", "flowmint", 0, FM_SIGNER_OTHER_NAMESPACE},
	    {"a namespaces=\"lowmint\"", "flowmint", 0, FM_SIGNER_OTHER_NAMESPACE},
	    {"a namespaces=\"flowmint?\"", "flowmint", 0, FM_SIGNER_OTHER_NAMESPACE},
	    {"a namespaces=\"!flowmint,*\"", "flowmint", 0, FM_SIGNER_OTHER_NAMESPACE},
	    {"a namespaces=\"*,!flow*\"", "flowmint", 0, FM_SIGNER_OTHER_NAMESPACE},
	    {"a namespaces=\"!git\"", "flowmint", 0, FM_SIGNER_OTHER_NAMESPACE},
	    {"a valid-after=\"19700102Z\"", "flowmint", 86399, FM_SIGNER_NOT_YET},
	    {"a valid-after=\"19700102Z\"", "flowmint", 86400, FM_SIGNER_OK},
	    {"a valid-before=\"197001020000Z\"", "flowmint", 86400, FM_SIGNER_OK},
	    {"a valid-before=\"19700102000000\"", "flowmint", 86401, FM_SIGNER_EXPIRED},
	    {"a valid-before=\"19700102UTC\"", "flowmint", 86401, FM_SIGNER_EXPIRED},
	    {"!a", "flowmint", 0, FM_SIGNER_OTHER_NAME},
	    {"*,!a", "flowmint", 0, FM_SIGNER_OTHER_NAME},
	    {"a,!b", "flowmint", 0, FM_SIGNER_OTHER_NAME},
	    {"a cert-authority", "flowmint", 0, FM_SIGNER_UNKNOWN},
	    {"a cert-authority,namespaces=\"flowmint\"", "flowmint", 0, FM_SIGNER_UNKNOWN},
	    {"a cert-authority,cert-authority", "flowmint", 0, FM_SIGNER_UNKNOWN},
	    {"a ,namespaces=\"flowmint\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a namespaces=\"git\",,valid-after=\"19700102Z\"", "flowmint", 86400, FM_SIGNER_OTHER_NAMESPACE},
	    {"\t a\r \r namespaces=\"flowmint\"", "flowmint", 0, FM_SIGNER_OK},
	    {"a\r", "flowmint", 0, FM_SIGNER_OK},
	    /* April 31 is May 1, and 23:59:61 the next day. */
	    {"a valid-after=\"19700431Z\"", "flowmint", 120 * 86400 - 1, FM_SIGNER_NOT_YET},
	    {"a valid-after=\"19700431Z\"", "flowmint", 120 * 86400, FM_SIGNER_OK},
	    {"a valid-before=\"19700101235961Z\"", "flowmint", 86401, FM_SIGNER_OK},
	    {"a valid-before=\"19700101235961Z\"", "flowmint", 86402, FM_SIGNER_EXPIRED},
	    {"# a", "flowmint", 0, FM_SIGNER_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (state_of(t[i].before, t[i].ns, t[i].now_s) != t[i].want)
			fail_msg("%s", t[i].before);
}

static void line_that_ssh_keygen_refuses_is_refused(void **state)
{
	static const char *const before[] = {
	    "a valid-before=\"20300101Z\",valid-before=\"20300101Z\"",
	    "a valid-after=\"20200101Z\",valid-after=\"20200101Z\"",
	    "a namespaces=\"flowmint\",NameSpaces=\"flowmint\"",
	    "a namespaces=\"flowmint\",",
	    "a\r namespaces=\"flowmint\"\r",
	    "\ra",
	    "a valid-before=\"20301301Z\"",
	    "a valid-before=\"20301232Z\"",
	    "a valid-before=\"20301231235962Z\"",
	    "a namespaces=\"flow\"mint\"",
	    "a valid-before=\"19700101Z\"",
	    "\357\273\277a",
	    "\"a b\",c",
	    "\"\"",
	    "\"a",
	};
	struct fm_signers list;

	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (parse_signers(&list, before[i]) != FM_EINPUT)
			fail_msg("%s", before[i]);
}

static void name_is_matched_with_the_principals(void **state)
{
	static const struct {
		const char *before, *name;
		enum fm_signer_state want;
	} t[] = {
	    {"a@b", "a@b", FM_SIGNER_OK},        {"a@b", "A@b", FM_SIGNER_OTHER_NAME},
	    {"a@b,c", "c", FM_SIGNER_OK},        {"*@b", "a@b", FM_SIGNER_OK},
	    {"*,!c", "a@b", FM_SIGNER_OK},       {"*,!c", "c", FM_SIGNER_OTHER_NAME},
	    {"!c", "a@b", FM_SIGNER_OTHER_NAME}, {"a@b", "", FM_SIGNER_OTHER_NAME},
	};
	struct fm_signers list;
	const struct fm_signer *who;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(parse_signers(&list, t[i].before), FM_OK);
		if (fm_signers_find_name(&list, &key.pub, t[i].name, "flowmint", 0, &who) != t[i].want)
			fail_msg("%s for %s", t[i].before, t[i].name);
		fm_signers_free(&list);
	}
}

static void long_lists_of_names_are_taken(void **state)
{
	struct fm_signers list;
	const struct fm_signer *who;
	char before[FM_PRINCIPALS_MAX + 8];

	(void)state;
	memset(before, 'x', sizeof before);
	memcpy(before + FM_PRINCIPALS_MAX - 3, ",a", 3);
	assert_int_equal(parse_signers(&list, before), FM_OK);
	assert_int_equal(fm_signers_find_name(&list, &key.pub, "a", "flowmint", 0, &who), FM_SIGNER_OK);
	assert_int_equal(strlen(who->principals), FM_PRINCIPALS_MAX - 1);
	fm_signers_free(&list);
	memcpy(before + FM_PRINCIPALS_MAX - 3, "xx,a", 5);
	assert_int_equal(parse_signers(&list, before), FM_EINPUT);
}

static void principals_that_may_be_one_person_are_told(void **state)
{
	static const struct {
		const char *a, *b;
		bool share;
	} pairs[] = {
	    {"alice", "alice", true},      {"alice", "bob", false},     {"alice,a.smith", "a.smith,alice", true},
	    {"alice,", "bob,alice", true}, {"alice@x", "*@x", true},    {"alice@x", "*@y", false},
	    {"al?ce", "bob,alice", true},  {"*@x", "alice@*", true},    {"", "", false},
	    {"alice", "alice2", false},    {"alice2,bob", "al", false}, {",", ",,", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_int_equal(fm_signers_share(pairs[i].a, pairs[i].b, NULL), pairs[i].share);
		assert_int_equal(fm_signers_share(pairs[i].b, pairs[i].a, NULL), pairs[i].share);
	}
}

static void hostile_signers_file_is_refused_or_bounded(void **state)
{
	struct fm_signers list;
	struct fm_buf b = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		fm_buf_puts(&b, "x");
	assert_int_equal(fm_signers_parse(&list, b.data, b.len, &err), FM_EINPUT);
	assert_int_equal(fm_signers_parse(&list, "a\0b ssh-ed25519 x\n", 18, &err), FM_EINPUT);
	assert_int_equal(fm_signers_parse(&list, "a\n", 2, &err), FM_EINPUT);
	assert_int_equal(fm_signers_parse(&list, "a ssh-ed25519\n", 14, &err), FM_EINPUT);
	assert_int_equal(fm_signers_parse(&list, "a ssh-ed25519 AAAA", 18, &err), FM_EINPUT);
	assert_int_equal(fm_signers_parse(&list, "a ssh-rsa garbage\n", 18, &err), FM_OK);
	assert_int_equal(list.n, 0);
	fm_signers_free(&list);
	b.len = 0;
	for (int i = 0; i <= FM_SIGNERS_MAX; i++) {
		fm_buf_puts(&b, "a ");
		fm_sshpub_line(&key.pub, &b);
	}
	assert_int_equal(fm_signers_parse(&list, b.data, b.len, &err), FM_EINPUT);
	assert_null(list.s);
	fm_buf_free(&b);
	/* A pattern that would take a naive matcher for ever. */
	assert_int_equal(state_of("a namespaces=\"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\"",
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0),
			 FM_SIGNER_OTHER_NAMESPACE);
}

/* ---- a key on a FIDO token, whose part the key above plays (PROTOCOL.u2f) ---- */

struct token {
	const char *application; /* of the public key */
	const char *signed_for;  /* the application that the token hashed */
	const char *type;        /* of the signature */
	uint8_t flags, flags_signed;
	uint32_t counter, counter_signed;
	size_t more; /* bytes behind the counter */
};
static const struct token touched = {"ssh:", "ssh:", "sk-ssh-ed25519@openssh.com", 1, 1, 7, 7, 0};

/* The armored signature of "hello\n" that such a token makes. */
static size_t token_signs(const struct token *t, char text[2048])
{
	uint8_t digest[FM_SHA512_LEN], plain[256], all[128], sig[64], public[FM_SSHKEY_BLOB], inner[256], blob[1024];
	struct fm_wire_out m = {plain, 0, sizeof plain, false}, a = {all, 0, sizeof all, false},
			   i = {inner, 0, sizeof inner, false}, p = {public, 0, sizeof public, false},
			   b = {blob, 0, sizeof blob, false}, out = {(uint8_t *)text, 0, 2048, false};
	uint8_t hash[FM_SHA256_LEN];
	struct fm_sshpub pub = key.pub;

	snprintf(pub.application, sizeof pub.application, "%s", t->application);
	digest_of("hello\n", digest);
	fm_wire_put(&m, "SSHSIG", 6);
	fm_wire_put_text(&m, "flowmint");
	fm_wire_put_text(&m, "");
	fm_wire_put_text(&m, "sha512");
	fm_wire_put_string(&m, digest, sizeof digest);
	assert_int_equal(fm_sha256_bytes(t->signed_for, strlen(t->signed_for), hash, &err), FM_OK);
	fm_wire_put(&a, hash, sizeof hash);
	fm_wire_put(&a, &t->flags_signed, 1);
	fm_wire_put_u32(&a, t->counter_signed);
	assert_int_equal(fm_sha256_bytes(plain, m.n, hash, &err), FM_OK);
	fm_wire_put(&a, hash, sizeof hash);
	assert_int_equal(fm_sshkey_sign(&key, all, a.n, sig, &err), FM_OK);
	fm_wire_put_text(&i, t->type);
	fm_wire_put_string(&i, sig, sizeof sig);
	fm_wire_put(&i, &t->flags, 1);
	fm_wire_put_u32(&i, t->counter);
	fm_wire_put(&i, plain, t->more);
	fm_sshpub_blob(&pub, &p);
	fm_wire_put(&b, "SSHSIG", 6);
	fm_wire_put_u32(&b, 1);
	fm_wire_put_string(&b, public, p.n);
	fm_wire_put_text(&b, "flowmint");
	fm_wire_put_text(&b, "");
	fm_wire_put_text(&b, "sha512");
	fm_wire_put_string(&b, inner, i.n);
	fm_armor_write("SSH SIGNATURE", blob, b.n, &out);
	assert_false(m.full || a.full || i.full || p.full || b.full || out.full);
	return out.n;
}

/* 1 good, 0 not, -1 refused before it was checked. */
static int token_holds(const struct token *t)
{
	uint8_t digest[FM_SHA512_LEN];
	struct fm_sshsig s;
	char text[2048];

	digest_of("hello\n", digest);
	if (fm_sshsig_parse(&s, text, token_signs(t, text), &err) < 0)
		return -1;
	return fm_sshsig_check(&s, digest, &err);
}

static void signature_of_a_token_holds_when_it_was_touched(void **state)
{
	struct token t = touched;
	struct fm_sshpub other = key.pub;
	char text[2048];
	struct fm_sshsig s;

	(void)state;
	assert_int_equal(token_holds(&t), 1);
	t.flags = t.flags_signed = 5; /* and its user was verified */
	assert_int_equal(token_holds(&t), 1);
	t.flags = t.flags_signed = 4;
	assert_int_equal(token_holds(&t), 0);
	t = touched, t.flags_signed = 0;
	assert_int_equal(token_holds(&t), 0);
	t = touched, t.counter = 8;
	assert_int_equal(token_holds(&t), 0);
	t = touched, t.signed_for = "ssh:else";
	assert_int_equal(token_holds(&t), 0);
	t = touched, t.type = "ssh-ed25519";
	assert_int_equal(token_holds(&t), -1);
	t = touched, t.more = 1;
	assert_int_equal(token_holds(&t), -1);
	t = touched, t.application = "ssh: and more";
	assert_int_equal(token_holds(&t), -1);
	/* The same point as a plain key is another key. */
	assert_int_equal(fm_sshsig_parse(&s, text, token_signs(&touched, text), &err), FM_OK);
	assert_false(fm_sshpub_same(&s.key, &other));
	snprintf(other.application, sizeof other.application, "ssh:");
	assert_true(fm_sshpub_same(&s.key, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signature_equals_the_one_of_ssh_keygen),
	    cmocka_unit_test(golden_signature_holds_for_its_file_alone),
	    cmocka_unit_test(damaged_signature_never_holds),
	    cmocka_unit_test(field_that_is_not_ours_is_refused),
	    cmocka_unit_test(options_mean_what_they_mean_to_ssh_keygen),
	    cmocka_unit_test(line_that_ssh_keygen_refuses_is_refused),
	    cmocka_unit_test(name_is_matched_with_the_principals),
	    cmocka_unit_test(long_lists_of_names_are_taken),
	    cmocka_unit_test(principals_that_may_be_one_person_are_told),
	    cmocka_unit_test(hostile_signers_file_is_refused_or_bounded),
	    cmocka_unit_test(signature_of_a_token_holds_when_it_was_touched),
	};

	return cmocka_run_group_tests_name("sshsig", tests, setup, teardown);
}
