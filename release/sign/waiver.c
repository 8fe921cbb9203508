#include "release/sign/waiver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/num.h"
#include "base/text.h"
#include "manifests/canon.h"
#include "manifests/json_bounds.h"
#include "release/sign/signed_file.h"

#define WAIVER_MAX 16384
#define DAY_S 86400

/* The first second after the day, or -1 when it is no date. */
static int64_t end_of_day(const char *date)
{
	int64_t begin_s;

	return fm_parse_date_s(date, &begin_s) != 0 ? -1 : begin_s + DAY_S;
}

static int check_reason(const char *s, struct fm_error *err)
{
	size_t blanks = 0, n = strlen(s);

	if (fm_text_has_control(s))
		return fm_fail(err, FM_EINPUT, "the reason of a waiver is one line of text");
	for (size_t i = 0; i < n; i++)
		blanks += s[i] == ' ';
	return blanks == n ? fm_fail(err, FM_EINPUT, "a waiver without a reason is none") : FM_OK;
}

/* ---- writing ---- */

static int make_text(const struct fm_waiver *w, struct fm_buf *text, struct fm_error *err)
{
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s}", "format", FM_WAIVER_FORMAT, "release", w->release, "check",
				w->check, "reason", w->reason, "expires", w->expires);
	int rc = doc ? fm_json_pretty(doc, text, err) : fm_fail(err, FM_EINPUT, "the reason of a waiver is UTF-8 text");

	json_decref(doc);
	return rc;
}

int fm_waiver_words(const struct fm_waiver *w, int64_t now_s, struct fm_error *err)
{
	int64_t end = end_of_day(w->expires);

	if (end < 0)
		return fm_fail(err, FM_EINPUT, "expiry '%s' (--expires) is no date: YYYY-MM-DD", w->expires);
	if (end <= now_s)
		return fm_fail(err, FM_EINPUT,
			       "expiry %s (--expires) has passed: a waiver holds until the end of a day to come",
			       w->expires);
	return check_reason(w->reason, err);
}

int fm_waiver_write(const char *dir, const struct fm_waiver *w, const struct fm_sshkey *key, int64_t now_s, char **path,
		    struct fm_error *err)
{
	struct fm_buf text = {0}, armored = {0};
	uint8_t digest[FM_SHA512_LEN];
	char *sig = NULL;
	int rc;

	*path = NULL;
	if ((rc = fm_waiver_words(w, now_s, err)) < 0 || (rc = make_text(w, &text, err)) < 0 ||
	    (rc = fm_sha512_bytes(text.data, text.len, digest, err)) < 0 ||
	    (key && (rc = fm_sshsig_sign(key, FM_WAIVER_NAMESPACE, digest, &armored, err)) < 0) ||
	    (rc = fm_dir_make(dir, 0755, err)) < 0)
		goto out;
	if (asprintf(path, "%s/%s" FM_WAIVER_SUFFIX, dir, w->check) < 0) {
		*path = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (asprintf(&sig, "%s.sig", *path) < 0) {
		sig = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_file_write(*path, 0644, text.data, text.len, err)) < 0)
		goto out;
	rc = key ? fm_file_write(sig, 0644, armored.data, armored.len, err) : FM_OK;
out:
	if (rc < 0) {
		free(*path);
		*path = NULL;
	}
	free(sig);
	fm_buf_free(&text);
	fm_buf_free(&armored);
	return rc;
}

/* ---- checking ---- */

/* The text whose signature was checked: the file may be another by now. */
static int parse(const struct fm_buf *text, struct fm_waiver *w, struct fm_error *err)
{
	static const char *const keys[] = {"format", "release", "check", "reason", "expires"};
	char format[32];
	struct {
		char *out;
		size_t cap;
	} field[] = {{format, sizeof format},
		     {w->release, sizeof w->release},
		     {w->check, sizeof w->check},
		     {w->reason, sizeof w->reason},
		     {w->expires, sizeof w->expires}};
	const char *data = text->data ? text->data : "", *much = fm_json_too_much(data, text->len);
	json_error_t at;
	json_t *doc;
	int rc = FM_OK;

	if (much)
		return fm_fail(err, FM_EINPUT, "%s", much);
	if (!(doc = fm_json_parse(data, text->len, JSON_REJECT_DUPLICATES, &at)))
		return json_error_code(&at) == json_error_out_of_memory
			   ? fm_fail(err, FM_ESYSTEM, "out of memory for a waiver")
			   : fm_fail(err, FM_EINPUT, "line %d: %s (column %d): it is no JSON", at.line, at.text,
				     at.column);
	for (int i = 0; i < 5; i++) {
		const char *s = json_string_value(json_object_get(doc, keys[i]));

		if (!s || strlen(s) >= field[i].cap || json_object_size(doc) != 5) {
			rc = fm_fail(err, FM_EINPUT,
				     "it is no waiver: format, release, check, reason and expires stand in one");
			goto out;
		}
		strcpy(field[i].out, s);
	}
	if (strcmp(format, FM_WAIVER_FORMAT) != 0)
		rc = fm_fail(err, FM_EINPUT, "its format is %s, not " FM_WAIVER_FORMAT, format);
out:
	json_decref(doc);
	return rc;
}

static int check_scope(const struct fm_waiver *w, const char *release, int64_t now_s, struct fm_error *err)
{
	int64_t end = end_of_day(w->expires);

	if (end < 0)
		return fm_fail(err, FM_EVERDICT, "its expiry '%s' is no date", w->expires);
	if (end <= now_s)
		return fm_fail(err, FM_EVERDICT, "it expired on %s", w->expires);
	if (strcmp(w->release, release) != 0)
		return fm_fail(err, FM_EVERDICT, "it is for the release %s, not for %s", w->release, release);
	return FM_OK;
}

int fm_waiver_check(const char *path, const char *release, const struct fm_signers *signers, int64_t now_s,
		    json_t **record, struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX];
	struct fm_signed_by by = {.who = NULL};
	struct fm_waiver w = {0};
	struct fm_buf text = {0};
	int rc;

	*record = NULL;
	if ((rc = fm_file_read(path, WAIVER_MAX, &text, err)) < 0 ||
	    (rc = fm_signed_file_check(path, &text, FM_WAIVER_NAMESPACE, signers, now_s, &by, err)) < 0 ||
	    (rc = parse(&text, &w, err)) < 0 || (rc = check_reason(w.reason, err)) < 0)
		goto out;
	if ((rc = check_scope(&w, release, now_s, err)) < 0 ||
	    (rc = fm_sshpub_fingerprint(&by.sig.key, fingerprint, err)) < 0)
		goto out;
	if (!(*record = json_pack("{s:s, s:s, s:s, s:s, s:s}", "check", w.check, "reason", w.reason, "expires",
				  w.expires, "signer", by.who ? by.who->principals : "", "key", fingerprint)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for a waiver");
out:
	if (rc == FM_EINPUT) { /* what cannot be read does not hold */
		rc = FM_EVERDICT;
		if (err)
			err->code = rc;
	}
	fm_buf_free(&text);
	return rc;
}
