/*
 * signed_fixture.h - a whole honest release (that of tests/golden/release) signed by keys of the test, and changes of
 * what is in it: each is made in one place, and everything that hangs on it (sizes, digests, signatures, record,
 * attestations, log) is made anew, as who has the keys can do it.
 */
#ifndef FM_TESTS_SIGNED_FIXTURE_H
#define FM_TESTS_SIGNED_FIXTURE_H

#include <fcntl.h>

#include "manifests/canon.h"
#include "release/attestation.h"
#include "release/tlog.h"
#include "verify_fixture.h"

#define GOLDEN "tests/golden/release/golden-1.0.0.tar.zst"
#define FOLDER "golden-1.0.0"
#define SIGNED FOLDER ".tar.zst"
#define MAXFILES 16

/* One change.  In a file of the archive, or in what lies beside it:
 *     RECORD, PROOF     RELEASE.json, LOG.json
 *     PROVENANCE, TESTS the payload of that attestation
 *     ENVELOPE          that of the first attestation
 * at: a JSON pointer whose member is set to the JSON in to; to NULL: removed; a last part "-" appends.  Without at: the
 * first text `from` becomes `to`, or the whole file becomes `to` where from is NULL; with to NULL the file is left out.
 */
struct change {
	const char *file, *at, *from, *to;
	enum fm_reason reason;
	const char *words; /* that its message has */
};
#define RECORD "RELEASE.json"
#define PROOF "LOG.json"
#define PROVENANCE "provenance"
#define TESTS "test-result"
#define ENVELOPE "envelope"

struct signed_set {
	struct release_file f[MAXFILES];
	size_t n;
};
static struct signed_set honest;
static struct fm_sshkey second;
static int64_t golden_mtime_s;

/* ---- reading the golden release ---- */

static inline int keep_file(void *ctx, const char *path, struct fm_error *e)
{
	struct signed_set *s = ctx;

	(void)e;
	snprintf(s->f[s->n].path, sizeof s->f[s->n].path, "%s", path);
	s->n++;
	return FM_OK;
}

static inline int keep_bytes(void *ctx, const void *p, size_t n, struct fm_error *e)
{
	struct signed_set *s = ctx;

	(void)e;
	fm_buf_add(&s->f[s->n - 1].text, p, n);
	return FM_OK;
}

static inline int signed_setup(void **state)
{
	struct fm_archive_sink sink = {keep_file, keep_bytes, &honest};
	struct fm_archive_info info;
	enum fm_reason reason;
	int fd = open(GOLDEN, O_RDONLY);

	if (fixture_make(state) || fm_sshkey_generate(&key, "key", &err) ||
	    fm_sshkey_generate(&second, "second", &err) || fm_sshkey_generate(&stranger, "stranger", &err) || fd < 0 ||
	    fm_archive_read_into(fd, NULL, &sink, &info, &reason, &err) < 0)
		return -1;
	golden_mtime_s = info.mtime_s;
	fm_archive_info_free(&info);
	close(fd);
	return 0;
}

static inline int signed_teardown(void **state)
{
	for (size_t i = 0; i < honest.n; i++)
		fm_buf_free(&honest.f[i].text);
	fm_sshkey_close(&key);
	fm_sshkey_close(&second);
	fm_sshkey_close(&stranger);
	return fixture_remove(state);
}

/* ---- changing ---- */

static inline void set_text(struct fm_buf *b, const char *text)
{
	b->len = 0;
	fm_buf_puts(b, text);
}

static inline struct fm_buf *text_at(struct signed_set *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->f[i].path, path) == 0)
			return &s->f[i].text;
	return NULL;
}

/* Set, append or remove what a pointer says; the parents are there. */
static inline void json_change(json_t *at, const char *pointer, const char *to)
{
	json_t *v = to ? json_loads(to, JSON_DECODE_ANY, NULL) : NULL;
	char part[128];
	const char *end;

	assert_true(!to || v);
	for (; (end = strchr(pointer + 1, '/')); pointer = end) {
		snprintf(part, sizeof part, "%.*s", (int)(end - pointer - 1), pointer + 1);
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
		assert_non_null(at);
	}
	pointer++;
	if (json_is_object(at))
		assert_int_equal(v ? json_object_set_new(at, pointer, v) : json_object_del(at, pointer), 0);
	else if (strcmp(pointer, "-") == 0)
		assert_int_equal(json_array_append_new(at, v), 0);
	else
		assert_int_equal(v ? json_array_set_new(at, (size_t)atoi(pointer), v)
				   : json_array_remove(at, (size_t)atoi(pointer)),
				 0);
}

/* A value of a table without quotes; place: "/row/column", from 1. */
static inline void change_value(const struct fm_buf *b, const char *place, const char *to, struct fm_buf *out)
{
	const char *at = b->data;
	size_t n;
	int row, column;

	assert_int_equal(sscanf(place, "/%d/%d", &row, &column), 2);
	for (; row > 1; row--, at++)
		assert_non_null(at = strchr(at, '\n'));
	for (; column > 1; column--, at++)
		assert_non_null(at = strchr(at, ','));
	n = strcspn(at, ",\n");
	fm_buf_add(out, b->data, (size_t)(at - b->data));
	fm_buf_puts(out, to);
	fm_buf_add(out, at + n, b->len - (size_t)(at - b->data) - n);
}

static inline void change_text(struct fm_buf *b, const struct change *c, bool canonical)
{
	struct fm_buf out = {0};
	json_t *doc;
	char *at;

	if (c->at && strncmp(c->file, "data/", 5) == 0) {
		change_value(b, c->at, c->to, &out);
	} else if (c->at) {
		assert_non_null(doc = json_loadb(b->data, b->len, 0, NULL));
		json_change(doc, c->at, c->to);
		assert_int_equal(canonical ? fm_json_canonical(doc, &out, &err) : fm_json_pretty(doc, &out, &err),
				 FM_OK);
		if (canonical && b->data[b->len - 1] == '\n')
			fm_buf_puts(&out, "\n");
		json_decref(doc);
	} else if (c->from) {
		assert_non_null(at = strstr(b->data, c->from));
		fm_buf_add(&out, b->data, (size_t)(at - b->data));
		fm_buf_puts(&out, c->to);
		fm_buf_add(&out, at + strlen(c->from), b->len - (size_t)(at - b->data) - strlen(c->from));
	} else {
		fm_buf_puts(&out, c->to);
	}
	fm_buf_free(b);
	*b = out;
}

static inline int by_path(const void *a, const void *b)
{
	return strcmp(((const struct release_file *)a)->path, ((const struct release_file *)b)->path);
}

/* A change of a file: removed, new, or another text. */
static inline void change_file(struct signed_set *s, const struct change *c)
{
	struct fm_buf *b = text_at(s, c->file);

	if (b && !c->at && !c->to) {
		size_t i = (size_t)((struct release_file *)((char *)b - offsetof(struct release_file, text)) - s->f);

		fm_buf_free(b);
		memmove(&s->f[i], &s->f[i + 1], (s->n - i - 1) * sizeof *s->f);
		s->n--;
	} else if (b) {
		change_text(b, c, false);
	} else {
		struct release_file *f = &s->f[s->n++];

		memset(f, 0, sizeof *f);
		snprintf(f->path, sizeof f->path, "%s", c->file);
		fm_buf_puts(&f->text, c->to);
		qsort(s->f, s->n, sizeof *s->f, by_path);
	}
}

/* ---- making everything anew that hangs on it ---- */

static inline void put_json(struct signed_set *s, const char *path, json_t *doc)
{
	struct fm_buf *b = text_at(s, path);

	b->len = 0;
	assert_int_equal(fm_json_pretty(doc, b, &err), FM_OK);
	json_decref(doc);
}

/* What datapackage.json or croissant.json says of a file of flows. */
static inline void describe_file(struct signed_set *s, json_t *o, bool package)
{
	const char *path = json_string_value(json_object_get(o, package ? "path" : "contentUrl"));
	const struct fm_buf *data = path ? text_at(s, path) : NULL;
	char hex[FM_SHA256_HEX], text[96];

	if (!data)
		return;
	hex_of(data, hex);
	snprintf(text, sizeof text, package ? "sha256:%s" : "%s", hex);
	json_object_set_new(o, package ? "hash" : "sha256", json_string(text));
	snprintf(text, sizeof text, "%zu B", data->len);
	if (package)
		json_object_set_new(o, "bytes", json_integer((json_int_t)data->len));
	else
		json_object_set_new(o, "contentSize", json_string(text));
}

static inline void describe_data(struct signed_set *s)
{
	static const char *const docs[][2] = {{"datapackage.json", "resources"}, {"croissant.json", "distribution"}};

	for (size_t d = 0; d < 2; d++) {
		json_t *doc, *list;

		if (!text_at(s, docs[d][0]))
			continue;
		doc = json_loads(text_at(s, docs[d][0])->data, 0, NULL);
		list = json_object_get(doc, docs[d][1]);
		for (size_t i = 0; i < json_array_size(list); i++)
			describe_file(s, json_array_get(list, i), d == 0);
		put_json(s, docs[d][0], doc);
	}
}

static inline void list_files(struct signed_set *s)
{
	json_t *m, *list = json_array();
	char hex[FM_SHA256_HEX];

	if (!text_at(s, "manifest.json"))
		return;
	m = json_loads(text_at(s, "manifest.json")->data, 0, NULL);
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->f[i].path, "manifest.json") == 0 || strcmp(s->f[i].path, "SHA256SUMS") == 0)
			continue;
		hex_of(&s->f[i].text, hex);
		json_array_append_new(list, json_pack("{s:s,s:I,s:s}", "path", s->f[i].path, "bytes",
						      (json_int_t)s->f[i].text.len, "sha256", hex));
	}
	json_object_set_new(m, "files", list);
	put_json(s, "manifest.json", m);
}

static inline void sum_files(struct signed_set *s)
{
	struct fm_buf *sums = text_at(s, "SHA256SUMS");
	char hex[FM_SHA256_HEX];

	if (!sums)
		return;
	sums->len = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (&s->f[i].text == sums)
			continue;
		hex_of(&s->f[i].text, hex);
		fm_buf_printf(sums, "%s  %s\n", hex, s->f[i].path);
	}
}

static inline bool is(const struct change *c, const char *file)
{
	return c && strcmp(c->file, file) == 0;
}

static inline void digests_of(const struct fm_buf *b, struct fm_record_file *f)
{
	uint8_t digest[FM_SHA512_LEN];

	f->nbytes = b->len;
	hex_of(b, f->sha256);
	assert_int_equal(fm_sha512_bytes(b->data, b->len, digest, &err), FM_OK);
	fm_hex(digest, sizeof digest, f->sha512);
}

/* The attestations, of an archive whose manifest can be read at all. */
static inline bool attest(const struct fm_buf *zst, const struct change *c, const struct fm_sshkey *by,
			  struct fm_buf *lines)
{
	struct fm_archive_info info;
	enum fm_reason reason;
	bool readable;
	int fd;

	put_file("again", zst->data, zst->len);
	assert_true((fd = open(in_dir("again"), O_RDONLY)) >= 0);
	readable = fm_archive_read(fd, &info, &reason, &err) == FM_OK &&
		   fm_sha512_bytes(zst->data, zst->len, info.digests.sha512, &err) == FM_OK;
	for (int i = 0; readable && i < 2; i++) {
		struct fm_buf body = {0};

		readable = (i ? fm_attestation_tests : fm_attestation_provenance)(&info, &body, &err) == FM_OK;
		if (readable && is(c, i ? TESTS : PROVENANCE)) {
			if (!c->at && !c->to) {
				fm_buf_free(&body);
				continue;
			}
			change_text(&body, c, true);
		}
		if (readable)
			assert_int_equal(fm_dsse_sign(by, FM_ATTESTATION_TYPE, body.data, body.len, lines, &err),
					 FM_OK);
		fm_buf_free(&body);
		if (readable && i == 0 && is(c, ENVELOPE))
			change_text(lines, c, true);
	}
	fm_archive_info_free(&info);
	close(fd);
	return readable;
}

static inline void put_log(const struct fm_buf *record, const struct change *c)
{
	struct fm_buf head = {0}, sig = {0}, text = {0};
	struct fm_tlog log = {0};
	struct fm_tlog_proof proof;
	struct fm_tlog_head h;
	uint8_t digest[FM_SHA512_LEN];

	unlink(in_dir(FOLDER ".LOG.json"));
	/* What is no record is in no log of ours. */
	if (fm_tlog_next(&log, record->data, record->len, &h, &err) < 0)
		goto out;
	assert_int_equal(fm_tlog_head_text(&h, &head, &err), FM_OK);
	assert_int_equal(fm_sha512_bytes(head.data, head.len, digest, &err), FM_OK);
	assert_int_equal(fm_sshsig_sign(&key, FM_RECORD_NAMESPACE, digest, &sig, &err), FM_OK);
	if (fm_tlog_add(&log, record->data, record->len, &h, sig.data, &err) < 0)
		goto out;
	assert_int_equal(fm_tlog_prove(&log, 0, &proof, &err), FM_OK);
	assert_int_equal(fm_tlog_proof_text(&proof, &text, &err), FM_OK);
	if (is(c, PROOF))
		change_text(&text, c, true);
	put_file(FOLDER ".LOG.json", text.data, text.len);
out:
	fm_tlog_free(&log);
	fm_buf_free(&head);
	fm_buf_free(&sig);
	fm_buf_free(&text);
}

/* The release with one change, or none, as it lies on the partner's disk.  by: who attests. */
static inline void put_signed(const struct change *c, const struct fm_sshkey *by)
{
	struct fm_buf tar = {0}, zst = {0}, text = {0}, lines = {0};
	struct fm_record rec = {.name = "golden", .version = "1.0.0", .sequence = 1, .issued = "2026-11-28"};
	struct signed_set s = {.n = honest.n};

	for (size_t i = 0; i < s.n; i++) {
		memcpy(s.f[i].path, honest.f[i].path, sizeof s.f[i].path);
		fm_buf_add(&s.f[i].text, honest.f[i].text.data, honest.f[i].text.len);
		fm_buf_puts(&s.f[i].text, "");
	}
	if (c && strncmp(c->file, "data/", 5) == 0) {
		change_file(&s, c);
		describe_data(&s);
		list_files(&s);
		sum_files(&s);
	} else if (c && (text_at(&s, c->file) || strchr(c->file, '/') || strchr(c->file, '.')) && !is(c, RECORD) &&
		   !is(c, PROOF)) {
		change_file(&s, c);
		if (!is(c, "manifest.json") && !is(c, "SHA256SUMS"))
			list_files(&s);
		if (!is(c, "SHA256SUMS"))
			sum_files(&s);
	}
	tar_add_at(&tar, FOLDER "/", '5', "", 0, (unsigned)golden_mtime_s);
	for (size_t i = 0; i < s.n; i++) {
		char path[128];

		snprintf(path, sizeof path, FOLDER "/%s", s.f[i].path);
		tar_add_at(&tar, path, '0', s.f[i].text.data, s.f[i].text.len, (unsigned)golden_mtime_s);
	}
	tar_end(&tar);
	zst_of(&tar, &zst);
	put_file(SIGNED, zst.data, zst.len);
	sign_bytes(&key, "flowmint", zst.data, zst.len, SIGNED ".sig");
	unlink(in_dir(FOLDER ".intoto.jsonl"));
	digests_of(&tar, &rec.tar);
	digests_of(&zst, &rec.zst);
	if (attest(&zst, c, by, &lines) && lines.len) {
		rec.has_attestations = true;
		digests_of(&lines, &rec.attestations);
		put_file(FOLDER ".intoto.jsonl", lines.data, lines.len);
	}
	assert_int_equal(fm_record_text(&rec, &text, &err), FM_OK);
	if (is(c, RECORD))
		change_text(&text, c, true);
	put_file(FOLDER "." RECORD, text.data, text.len);
	sign_bytes(&key, FM_RECORD_NAMESPACE, text.data, text.len, FOLDER "." RECORD ".sig");
	put_log(&text, c);
	for (size_t i = 0; i < s.n; i++)
		fm_buf_free(&s.f[i].text);
	fm_buf_free(&tar);
	fm_buf_free(&zst);
	fm_buf_free(&text);
	fm_buf_free(&lines);
}

static inline void put_signed_signers(void)
{
	struct fm_buf line = {0};

	fm_buf_puts(&line, "releases@example.org namespaces=\"flowmint,flowmint-release\" ");
	fm_sshpub_line(&key.pub, &line);
	fm_buf_puts(&line, "\nbuilder namespaces=\"flowmint-attestation\" ");
	fm_sshpub_line(&second.pub, &line);
	put_file("signers", line.data, line.len);
	fm_buf_free(&line);
}

static inline int verify_signed(void)
{
	/* After the day of the release. */
	struct fm_verify_in in = {
	    .archive = in_dir(SIGNED), .signers = in_dir("signers"), .now_s = golden_mtime_s + 86400};

	fm_verify_report_free(&report);
	memset(&err, 0, sizeof err);
	return fm_verify(&in, &report, &err);
}

#endif
