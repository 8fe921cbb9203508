#include "release/record.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/num.h"
#include "manifests/canon.h"
#include "manifests/json_bounds.h"
#include "release/archive.h"
#include "release/version_order.h"

#define DAY_S 86400
#define MAX_FILES 3

/* Behind NAME-VERSION, in the order of the list. */
static const char *const suffix[MAX_FILES] = {FM_ATTESTATIONS_SUFFIX, ".tar", ".tar.zst"};

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

/* A version begins with a letter or a digit; for the rest, what a folder may be named. */
static bool names_ok(const char *name, const char *version)
{
	char folder[FM_ARCHIVE_MAX_FOLDER];

	snprintf(folder, sizeof folder, "%s-%s", name, version);
	return name[0] && version[0] && !strchr("-+._", version[0]) && fm_archive_folder_ok(folder);
}

static int check(const struct fm_record *r, struct fm_error *err)
{
	int64_t issued_s, expires_s;

	if (!names_ok(r->name, r->version))
		return fm_fail(err, FM_EINPUT, "name and version can be of no release");
	if (r->sequence < 1 || r->sequence > FM_RECORD_SEQUENCE_MAX)
		return fm_fail(err, FM_EINPUT, "the sequence is not from 1 to 2^53 - 1");
	if (r->sequence == 1 && r->previous_sha256[0])
		return fm_fail(err, FM_EINPUT, "the first of a sequence names one before it");
	if (r->previous_sha256[0] && (!is_hex(r->previous_sha256, 64) || !names_ok(r->name, r->previous_version)))
		return fm_fail(err, FM_EINPUT, "previous lacks a version or a digest");
	if (r->previous_sha256[0] && fm_version_compare(r->previous_version, r->version) >= 0)
		return fm_fail(err, FM_EINPUT, "its version is not later than that of the release before it");
	for (int i = 0; i < r->napprovals; i++)
		for (int k = 0; k < i; k++)
			if (strcmp(r->approval[i].key, r->approval[k].key) == 0)
				return fm_fail(err, FM_EINPUT, "one key approved it twice");
	if (fm_parse_date_s(r->issued, &issued_s) != 0)
		return fm_fail(err, FM_EINPUT, "issued is no date, YYYY-MM-DD");
	if (r->expires[0] && (fm_parse_date_s(r->expires, &expires_s) != 0 || expires_s < issued_s))
		return fm_fail(err, FM_EINPUT, "expires is no date, YYYY-MM-DD, from the day of issue on");
	return FM_OK;
}

int64_t fm_record_last_second(const struct fm_record *r)
{
	int64_t begin_s;

	return fm_parse_date_s(r->expires, &begin_s) != 0 ? INT64_MAX : begin_s + DAY_S - 1;
}

static struct fm_record_file *file_of(struct fm_record *r, int i)
{
	return i == 0 ? &r->attestations : i == 1 ? &r->tar : &r->zst;
}

static json_t *approvals_json(const struct fm_record *r)
{
	json_t *list = json_array();

	for (int i = 0; list && i < r->napprovals; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}", "signer", r->approval[i].signer, "key",
							  r->approval[i].key)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *to_json(struct fm_record *r)
{
	json_t *files = json_array(), *doc;

	for (int i = r->has_attestations ? 0 : 1; i < MAX_FILES; i++) {
		const struct fm_record_file *f = file_of(r, i);
		char name[128];

		snprintf(name, sizeof name, "%s-%s%s", r->name, r->version, suffix[i]);
		if (json_array_append_new(files, json_pack("{s:s, s:I, s:s, s:s}", "name", name, "bytes",
							   (json_int_t)f->nbytes, "sha256", f->sha256, "sha512",
							   f->sha512)) != 0) {
			json_decref(files);
			return NULL;
		}
	}
	doc = json_pack("{s:s, s:s, s:s, s:I, s:o, s:s, s:o, s:o}", "format", FM_RECORD_FORMAT, "name", r->name,
			"version", r->version, "sequence", (json_int_t)r->sequence, "previous",
			r->previous_sha256[0]
			    ? json_pack("{s:s, s:s}", "version", r->previous_version, "sha256", r->previous_sha256)
			    : json_null(),
			"issued", r->issued, "expires", r->expires[0] ? json_string(r->expires) : json_null(), "files",
			files);
	if (doc && r->ledger_first[0] &&
	    json_object_set_new(doc, "ledger",
				json_pack("{s:s, s:s}", "first", r->ledger_first, "head", r->ledger_head)) != 0) {
		json_decref(doc);
		return NULL;
	}
	if (doc && r->napprovals && json_object_set_new(doc, "approvals", approvals_json(r)) != 0) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

static int write_text(struct fm_record *r, struct fm_buf *out, struct fm_error *err)
{
	json_t *doc = to_json(r);
	uint8_t digest[FM_SHA256_LEN];
	size_t begin = out->len;
	int rc;

	if (!doc)
		return fm_fail(err, FM_ESYSTEM, "out of memory for the record of a release");
	if ((rc = fm_json_canonical(doc, out, err)) < 0)
		goto out;
	fm_buf_puts(out, "\n");
	if ((rc = fm_buf_check(out, err)) < 0 ||
	    (rc = fm_sha256_bytes(out->data + begin, out->len - begin, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, r->sha256);
out:
	json_decref(doc);
	return rc;
}

int fm_record_text(struct fm_record *r, struct fm_buf *out, struct fm_error *err)
{
	int rc;

	if ((rc = check(r, err)) < 0)
		return rc;
	for (int i = r->has_attestations ? 0 : 1; i < MAX_FILES; i++)
		if (!is_hex(file_of(r, i)->sha256, 64) || !is_hex(file_of(r, i)->sha512, 128))
			return fm_fail(err, FM_EINPUT, "a file of the release lacks a digest");
	return write_text(r, out, err);
}

/* ---- reading ---- */

/* 0, or -1 when there is no text of less than cap bytes; null is read as "" where it is allowed. */
static int take_text(const json_t *o, const char *key, bool may_be_null, char *out, size_t cap)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	out[0] = 0;
	if (may_be_null && json_is_null(v))
		return 0;
	if (!s || !s[0] || json_string_length(v) >= cap || strlen(s) != json_string_length(v))
		return -1;
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int take_files(struct fm_record *r, const json_t *files)
{
	size_t n = json_array_size(files);

	if (n != MAX_FILES && n != MAX_FILES - 1)
		return -1;
	r->has_attestations = n == MAX_FILES;
	for (size_t i = 0; i < n; i++) {
		struct fm_record_file *f = file_of(r, (int)(i + MAX_FILES - n));
		const json_t *o = json_array_get(files, i), *bytes = json_object_get(o, "bytes");

		if (!json_is_integer(bytes) || json_integer_value(bytes) < 0 ||
		    take_text(o, "sha256", false, f->sha256, sizeof f->sha256) < 0 ||
		    take_text(o, "sha512", false, f->sha512, sizeof f->sha512) < 0 || !is_hex(f->sha256, 64) ||
		    !is_hex(f->sha512, 128))
			return -1;
		f->nbytes = (uint64_t)json_integer_value(bytes);
	}
	return 0;
}

static int take_approvals(struct fm_record *r, const json_t *list)
{
	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > FM_APPROVALS_MAX)
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);

		if (take_text(o, "signer", false, r->approval[i].signer, sizeof r->approval[i].signer) < 0 ||
		    take_text(o, "key", false, r->approval[i].key, sizeof r->approval[i].key) < 0)
			return -1;
		r->napprovals++;
	}
	return 0;
}

/* Earlier versions wrote none. */
static int take_ledger(struct fm_record *r, const json_t *ledger)
{
	if (!ledger)
		return 0;
	return take_text(ledger, "first", false, r->ledger_first, sizeof r->ledger_first) < 0 ||
		       take_text(ledger, "head", false, r->ledger_head, sizeof r->ledger_head) < 0 ||
		       !is_hex(r->ledger_first, 64) || !is_hex(r->ledger_head, 64)
		   ? -1
		   : 0;
}

static int take_members(struct fm_record *r, const json_t *doc, struct fm_error *err)
{
	const json_t *previous = json_object_get(doc, "previous"), *sequence = json_object_get(doc, "sequence");
	const char *format = json_string_value(json_object_get(doc, "format"));

	if (!format || strcmp(format, FM_RECORD_FORMAT) != 0)
		return fm_fail(err, FM_EINPUT,
			       "it is not of format " FM_RECORD_FORMAT
			       ": was it made by a newer flowmint? Then take its flowmint-verify");
	if (take_text(doc, "name", false, r->name, sizeof r->name) < 0 ||
	    take_text(doc, "version", false, r->version, sizeof r->version) < 0 || !json_is_integer(sequence) ||
	    take_text(doc, "issued", false, r->issued, sizeof r->issued) < 0 ||
	    take_text(doc, "expires", true, r->expires, sizeof r->expires) < 0 ||
	    take_files(r, json_object_get(doc, "files")) < 0 || take_ledger(r, json_object_get(doc, "ledger")) < 0 ||
	    take_approvals(r, json_object_get(doc, "approvals")) < 0 ||
	    (!json_is_null(previous) &&
	     (take_text(previous, "version", false, r->previous_version, sizeof r->previous_version) < 0 ||
	      take_text(previous, "sha256", false, r->previous_sha256, sizeof r->previous_sha256) < 0)))
		return fm_fail(err, FM_EINPUT, "a member is missing or is not what it must be");
	r->sequence = json_integer_value(sequence);
	return FM_OK;
}

int fm_record_parse(struct fm_record *r, const char *text, size_t n, struct fm_error *err)
{
	const char *much = n > FM_RECORD_MAX ? "it is too long" : fm_json_too_much(text, n);
	struct fm_buf again = {0};
	json_t *doc = NULL;
	int rc;

	memset(r, 0, sizeof *r);
	if (much)
		return fm_fail(err, FM_EINPUT, "%s", much);
	if (!(doc = fm_json_parse(text, n, JSON_REJECT_DUPLICATES, NULL)))
		return fm_fail(err, FM_EINPUT, "it is no JSON");
	if ((rc = take_members(r, doc, err)) < 0 || (rc = check(r, err)) < 0 || (rc = write_text(r, &again, err)) < 0)
		goto out;
	/* Being equal, it has no other member, names its files rightly, and hides nothing in blanks and escapes. */
	if (again.len != n || memcmp(again.data, text, n) != 0)
		rc = fm_fail(err, FM_EINPUT, "it is not in canonical form, or says more than a record does");
out:
	json_decref(doc);
	fm_buf_free(&again);
	return rc;
}
