#include "pipeline/publish_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "release/shelf.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

static bool is_there(const char *out, const struct fm_record *r, const char *suffix)
{
	char *path;
	bool there;

	if (asprintf(&path, "%s/%s-%s%s", out, r->name, r->version, suffix) < 0)
		return true; /* then nothing is taken back */
	there = fm_file_exists(path);
	free(path);
	return there;
}

/* Take the last entry back if its release was never completed: its archive has no signature, and its record is still
 * there or the same version is being published again; or the same version is being published again, and its archive was
 * removed.  (Whoever moves releases elsewhere moves the record too.) */
static void take_back(struct fm_publish_log *l, const char *out, const char *name, const char *version)
{
	const struct fm_record *r = l->log.n ? &l->log.entry[l->log.n - 1].record : NULL;

	bool again = r && strcmp(r->name, name) == 0 && strcmp(r->version, version) == 0;

	if (!r || (is_there(out, r, ".tar.zst.sig") && !(again && !is_there(out, r, ".tar.zst"))))
		return;
	if (!again && !is_there(out, r, FM_RECORD_SUFFIX))
		return;
	l->log.n--;
	l->taken_back = true;
}

/* ---- is it whole? ---- */

static void keep_first(void *ctx, size_t i, const char *what)
{
	char *first = ctx;

	(void)i;
	if (!*first)
		snprintf(first, FM_ERROR_TEXT, "%s", what);
}

/* The newest release here says which log it is in. */
static int check_newest(const struct fm_publish_log *l, const char *out, const char *name,
			const struct fm_signers *signers, struct fm_error *err)
{
	struct fm_tlog_proof *proof = NULL;
	struct fm_buf text = {0};
	struct fm_record newest;
	char *path = NULL;
	bool has;
	int rc;

	if ((rc = fm_shelf_newest(out, name, signers, &newest, err)) < 0 || newest.sequence == 0)
		return rc;
	if (asprintf(&path, "%s/%s-%s" FM_TLOG_PROOF_SUFFIX, out, name, newest.version) < 0)
		return no_memory(err);
	if (!fm_file_exists(path))
		goto out;
	if ((rc = fm_alloc(&proof, 1, sizeof *proof, "the log", err)) < 0 ||
	    (rc = fm_file_read(path, FM_TLOG_PROOF_MAX, &text, err)) < 0)
		goto out;
	if ((rc = fm_tlog_proof_parse(proof, text.data ? text.data : "", text.len, err)) < 0) {
		fm_error_prefix(err, "%s: ", path);
		goto out;
	}
	if ((rc = fm_tlog_has_head(&l->log, &proof->head, &has, err)) < 0)
		goto out;
	if (!has)
		rc = fm_fail(
		    err, FM_EINPUT,
		    "%s is not the log that %s %s is in (%s): it is missing, older or another one, and partners "
		    "would refuse what is added to it; put it back from a copy",
		    l->path, name, newest.version, path);
out:
	fm_buf_free(&text);
	free(proof);
	free(path);
	return rc;
}

int fm_publish_log_open(struct fm_publish_log *l, const char *out, const char *name, const char *version,
			const struct fm_signers *signers, struct fm_error *err)
{
	const struct fm_trust trust = {.signers = signers};
	char first[FM_ERROR_TEXT] = "";
	int rc;

	memset(l, 0, sizeof *l);
	if (!(l->path = fm_path_join(out, FM_TLOG_FILE)))
		return no_memory(err);
	if ((rc = fm_tlog_load(&l->log, l->path, err)) < 0)
		return rc;
	take_back(l, out, name, version);
	if ((rc = fm_tlog_check(&l->log, &trust, name, keep_first, first, err)) < 0)
		return rc;
	if (first[0])
		return fm_fail(err, FM_EINPUT, "%s: %s; put it back from a copy, see flowmint audit --log", l->path,
			       first);
	return check_newest(l, out, name, signers, err);
}

/* ---- one entry more ---- */

int fm_publish_log_next(struct fm_publish_log *l, const struct fm_buf *record, struct fm_error *err)
{
	int rc;

	if ((rc = fm_tlog_next(&l->log, record->data, record->len, &l->head, err)) < 0)
		return rc;
	return fm_tlog_head_text(&l->head, &l->head_text, err);
}

int fm_publish_log_add(struct fm_publish_log *l, const struct fm_buf *record, const char *armored, struct fm_error *err)
{
	struct fm_tlog_proof *proof = NULL;
	int rc;

	if ((rc = fm_tlog_add(&l->log, record->data, record->len, &l->head, armored, err)) < 0 ||
	    (rc = fm_alloc(&proof, 1, sizeof *proof, "the log", err)) < 0)
		return rc;
	if ((rc = fm_tlog_prove(&l->log, l->log.n - 1, proof, err)) < 0 ||
	    (rc = fm_tlog_proof_text(proof, &l->proof, err)) < 0)
		goto out;
	rc = fm_tlog_text(&l->log, &l->text, err);
out:
	free(proof);
	return rc;
}

int fm_publish_log_write(const struct fm_publish_log *l, struct fm_error *err)
{
	return fm_file_write(l->path, 0644, l->text.data, l->text.len, err);
}

/* The log less its last entry. */
static int write_shorter(const struct fm_publish_log *l, size_t n, struct fm_error *err)
{
	struct fm_tlog shorter = l->log;
	struct fm_buf text = {0};
	int rc;

	shorter.n = n;
	if (n == 0)
		return unlink(l->path) != 0 && fm_file_exists(l->path) ? fm_fail_errno(err, "%s", l->path) : FM_OK;
	if ((rc = fm_tlog_text(&shorter, &text, err)) < 0)
		goto out;
	rc = fm_file_write(l->path, 0644, text.data, text.len, err);
out:
	fm_buf_free(&text);
	return rc;
}

int fm_publish_log_settle(const struct fm_publish_log *l, struct fm_error *err)
{
	return l->taken_back ? write_shorter(l, l->log.n - (l->text.len > 0), err) : FM_OK;
}

int fm_publish_log_undo(const struct fm_publish_log *l, struct fm_error *err)
{
	return l->text.len ? write_shorter(l, l->log.n - 1, err) : FM_OK;
}

void fm_publish_log_close(struct fm_publish_log *l)
{
	fm_tlog_free(&l->log);
	fm_buf_free(&l->head_text);
	fm_buf_free(&l->text);
	fm_buf_free(&l->proof);
	free(l->path);
}
