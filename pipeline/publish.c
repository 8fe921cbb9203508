#include "pipeline/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "manifests/canon.h"
#include "pipeline/outside.h"
#include "pipeline/publish_log.h"
#include "pipeline/publish_parts.h"
#include "pipeline/released.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/sandbox.h"
#include "release/attestation.h"
#include "release/metadata.h"
#include "release/shelf.h"
#include "release/sign/rotation.h"

struct publication {
	const struct fm_config *cfg;
	struct fm_run *run;
	const char *out;
	char *signers_path;
	struct fm_signers signers;
	char *from, *from_sig, *to, *to_sig, *record, *record_sig, *attested, *proof, *keys, *from_keys;
	struct fm_verify_report report;
	struct fm_record next;
	struct fm_buf text, sig; /* of the record */
	struct fm_buf attestations, keys_text;
	struct fm_publish_log log;
	bool signs_outside; /* this program cannot read publish.key (outside.h) */
	int folder;         /* locked; -1 */
};

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* ---- signing, in a child: the key is in no other process ---- */

#define TO_SIGN 2 /* the record, and the head of the log with it */
struct signing {
	const char *key, *ns;
	int n;
	uint8_t sha512[TO_SIGN][FM_SHA512_LEN];
};

static int sign_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct signing *s = ctx;
	struct fm_sshkey key = {0};
	struct fm_buf text = {0};
	int rc;

	*result = json_array();
	if ((rc = fm_sshkey_read(&key, s->key, err)) < 0)
		goto out;
	for (int i = 0; i < s->n; i++) {
		text.len = 0;
		if ((rc = fm_sshsig_sign(&key, s->ns, s->sha512[i], &text, err)) < 0)
			goto out;
		if (json_array_append_new(*result, json_string(text.data)) != 0) {
			rc = no_memory(err);
			goto out;
		}
	}
out:
	fm_sshkey_close(&key);
	fm_buf_free(&text);
	return rc;
}

/* The signature that the child sent, if it is one that partners will accept. */
static int take_signature(struct publication *p, const uint8_t sha512[FM_SHA512_LEN], const json_t *result,
			  struct fm_buf *armored, struct fm_error *err)
{
	const char *text = json_string_value(result);
	const struct fm_signer *who;
	struct fm_sshsig sig;
	int rc, good;

	if (!text)
		return fm_fail(err, FM_ESYSTEM, "no signature came back");
	if ((rc = fm_sshsig_parse(&sig, text, strlen(text), err)) < 0)
		return rc;
	if ((good = fm_sshsig_check(&sig, sha512, err)) < 0)
		return good;
	if (!good || strcmp(sig.ns, FM_RECORD_NAMESPACE) != 0)
		return fm_fail(err, FM_ESYSTEM, "the signature that came back is not of the record");
	if (fm_signers_find(&p->signers, &sig.key, sig.ns, (int64_t)time(NULL), &who) != FM_SIGNER_OK)
		return fm_fail(err, FM_EINPUT,
			       "%s does not let publish.key sign records of releases: let its line say "
			       "namespaces=\"" FM_SSH_NAMESPACES "\"",
			       p->signers_path);
	if ((rc = fm_publish_same_key(p->report.fingerprint, &sig.key, err)) < 0)
		return rc;
	fm_buf_puts(armored, text);
	return fm_buf_check(armored, err);
}

/* By ssh-keygen, where this program cannot read the key. */
static int sign_outside(struct publication *p, const char *ns, const char *file, const struct fm_buf *text,
			struct fm_buf *armored, struct fm_error *err)
{
	return fm_outside_sign(&p->run->outside, p->cfg->publish.key, ns,
			       &(struct fm_to_sign){file, text ? text->data : NULL, text ? text->len : 0}, armored,
			       err);
}

static int sign_text_outside(struct publication *p, const struct fm_buf *text, const uint8_t sha512[FM_SHA512_LEN],
			     struct fm_buf *taken, struct fm_error *err)
{
	struct fm_buf armored = {0};
	json_t *result = NULL;
	int rc;

	if ((rc = sign_outside(p, FM_RECORD_NAMESPACE, NULL, text, &armored, err)) < 0)
		goto out;
	if (!(result = json_stringn(armored.data, armored.len))) {
		rc = fm_fail(err, FM_ESYSTEM, "ssh-keygen made no signature");
		goto out;
	}
	rc = take_signature(p, sha512, result, taken, err);
out:
	json_decref(result);
	fm_buf_free(&armored);
	return rc;
}

/* By the key, which a child reads that sees nothing else. */
static int sign_inside(struct publication *p, struct fm_buf *armored, struct fm_error *err)
{
	struct signing s = {.key = p->cfg->publish.key, .ns = FM_SSH_NAMESPACE, .n = 1};
	struct fm_sandbox box = {.name = "signing", .unconfined = p->run->unconfined};
	struct fm_sandbox_report report = {0};
	const char *text;
	int rc;

	fm_sandbox_path(&box, s.key, false);
	if ((rc = fm_sha512_file(p->from, s.sha512[0], err)) < 0 ||
	    (rc = fm_sandbox_run(&box, sign_fn, &s, &report, err)) < 0)
		goto out;
	text = json_string_value(json_array_get(report.result, 0));
	fm_buf_puts(armored, text ? text : ""); /* the archive is verified by it next */
	rc = fm_buf_check(armored, err);
out:
	json_decref(report.result);
	return rc;
}

/* The archive, which the release stage left without a signature. */
static int sign_archive(struct publication *p, struct fm_error *err)
{
	struct fm_buf armored = {0};
	struct fm_sshpub pub;
	int rc;

	if ((rc = fm_outside_look(p->cfg->publish.key, &pub, &p->signs_outside, err)) < 0)
		return rc;
	if ((rc = p->signs_outside ? sign_outside(p, FM_SSH_NAMESPACE, p->from, NULL, &armored, err)
				   : sign_inside(p, &armored, err)) >= 0)
		rc = fm_file_write(p->from_sig, 0644, armored.data, armored.len, err);
	fm_buf_free(&armored);
	return rc;
}

/* Does the archive say of the run what the release stage was given to say? */
static int check_manifest(const struct publication *p, struct fm_error *err)
{
	const struct fm_buf *text = &p->report.info.manifest;
	const json_t *given = json_object_get(p->run->stage[FM_RELEASE].inputs, "manifest");
	json_t *told = fm_json_parse(text->data ? text->data : "", text->len, JSON_REJECT_DUPLICATES, NULL),
	       *base = told ? fm_manifest_base(told) : NULL;
	char hex[FM_SHA256_HEX];
	int rc = base ? fm_json_digest(base, hex, err) : FM_OK;

	if (rc >= 0 && (!base || !json_is_string(given) || strcmp(hex, json_string_value(given)) != 0))
		rc = fm_harvest_refuse(err, "stage release left an archive with another manifest than it was given: no "
					    "honest stage does, so nothing is released");
	json_decref(base);
	json_decref(told);
	return rc;
}

/* Record and head: into p->sig, and into the log. */
static int sign_record(struct publication *p, struct fm_error *err)
{
	const struct fm_buf *text[TO_SIGN] = {&p->text, &p->log.head_text};
	struct fm_buf head_sig = {0}, *taken[TO_SIGN] = {&p->sig, &head_sig};
	struct signing s = {.key = p->cfg->publish.key, .ns = FM_RECORD_NAMESPACE, .n = TO_SIGN};
	struct fm_sandbox box = {.name = "record", .unconfined = p->run->unconfined};
	struct fm_sandbox_report report = {0};
	int rc = FM_OK;

	for (int i = 0; i < TO_SIGN; i++)
		if ((rc = fm_sha512_bytes(text[i]->data, text[i]->len, s.sha512[i], err)) < 0)
			return rc;
	fm_sandbox_path(&box, s.key, false);
	if (!p->signs_outside && (rc = fm_sandbox_run(&box, sign_fn, &s, &report, err)) < 0)
		goto out;
	for (int i = 0; i < TO_SIGN; i++)
		if ((rc = p->signs_outside ? sign_text_outside(p, text[i], s.sha512[i], taken[i], err)
					   : take_signature(p, s.sha512[i], json_array_get(report.result, (size_t)i),
							    taken[i], err)) < 0)
			goto out;
	rc = fm_publish_log_add(&p->log, &p->text, head_sig.data, err);
out:
	json_decref(report.result);
	fm_buf_free(&head_sig);
	return rc;
}

/* ---- attestations, signed in a child too ---- */

struct attesting {
	const char *key;
	const struct fm_buf *statement[2];
};

static int attest_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct attesting *a = ctx;
	struct fm_sshkey key = {0};
	struct fm_buf lines = {0};
	int rc;

	if ((rc = fm_sshkey_read(&key, a->key, err)) < 0)
		goto out;
	for (int i = 0; i < 2; i++)
		if ((rc = fm_dsse_sign(&key, FM_ATTESTATION_TYPE, a->statement[i]->data, a->statement[i]->len, &lines,
				       err)) < 0)
			goto out;
	if (!(*result = json_string(lines.data)))
		rc = no_memory(err);
out:
	fm_sshkey_close(&key);
	fm_buf_free(&lines);
	return rc;
}

static int take_attestations(struct publication *p, const json_t *result, struct fm_error *err)
{
	struct fm_record_file *f = &p->next.attestations;
	uint8_t sha256[FM_SHA256_LEN], sha512[FM_SHA512_LEN];
	int rc;

	if (!json_is_string(result) || json_string_length(result) > FM_ATTESTATIONS_MAX)
		return fm_fail(err, FM_ESYSTEM, "no attestations came back");
	fm_buf_add(&p->attestations, json_string_value(result), json_string_length(result));
	if ((rc = fm_buf_check(&p->attestations, err)) < 0 ||
	    (rc = fm_sha256_bytes(p->attestations.data, p->attestations.len, sha256, err)) < 0 ||
	    (rc = fm_sha512_bytes(p->attestations.data, p->attestations.len, sha512, err)) < 0)
		return rc;
	p->next.has_attestations = true;
	f->nbytes = p->attestations.len;
	fm_hex(sha256, sizeof sha256, f->sha256);
	fm_hex(sha512, sizeof sha512, f->sha512);
	return FM_OK;
}

static int attest(struct publication *p, struct fm_error *err)
{
	struct fm_buf provenance = {0}, tests = {0};
	struct attesting a = {p->cfg->publish.attestation_key, {&provenance, &tests}};
	struct fm_sandbox box = {.name = "attestations", .unconfined = p->run->unconfined};
	struct fm_sandbox_report report = {0};
	int rc;

	if ((rc = fm_attestation_provenance(&p->report.info, &provenance, err)) < 0 ||
	    (rc = fm_attestation_tests(&p->report.info, &tests, err)) < 0)
		goto out;
	fm_sandbox_path(&box, a.key, false);
	if ((rc = fm_sandbox_run(&box, attest_fn, &a, &report, err)) < 0)
		goto out;
	rc = take_attestations(p, report.result, err);
out:
	json_decref(report.result);
	fm_buf_free(&provenance);
	fm_buf_free(&tests);
	return rc;
}

/* A release that was made before keeps its record, with the dates and ledger of that time. */
static int record_text(struct publication *p, struct fm_error *err)
{
	const struct fm_released *known = p->run->released;
	const struct fm_record *then = known ? &known->record : NULL;
	struct fm_record *r = &p->next;

	if (!then || !then->sequence || then->sequence != r->sequence || strcmp(then->zst.sha256, r->zst.sha256) != 0 ||
	    strcmp(then->attestations.sha256, r->attestations.sha256) != 0)
		return fm_record_text(r, &p->text, err);
	*r = *then;
	fm_buf_add(&p->text, known->text.data, known->text.len);
	return fm_buf_check(&p->text, err);
}

static int make_record(struct publication *p, struct fm_error *err)
{
	const struct fm_archive_digests *d = &p->report.info.digests;
	struct fm_record *r = &p->next;
	int rc;

	r->tar.nbytes = d->tar_nbytes;
	memcpy(r->tar.sha256, d->tar_sha256, sizeof r->tar.sha256);
	fm_hex(d->tar_sha512, FM_SHA512_LEN, r->tar.sha512);
	r->zst.nbytes = d->nbytes;
	memcpy(r->zst.sha256, d->sha256, sizeof r->zst.sha256);
	fm_hex(d->sha512, FM_SHA512_LEN, r->zst.sha512);
	memcpy(r->ledger_first, p->run->ledger_first, sizeof r->ledger_first);
	memcpy(r->ledger_head, p->run->ledger_head, sizeof r->ledger_head);
	for (size_t i = 0; i < json_array_size(p->run->approvals); i++, r->napprovals++) {
		const json_t *a = json_array_get(p->run->approvals, i);

		snprintf(r->approval[i].signer, sizeof r->approval[i].signer, "%s",
			 json_string_value(json_object_get(a, "signer")));
		snprintf(r->approval[i].key, sizeof r->approval[i].key, "%s",
			 json_string_value(json_object_get(a, "key")));
	}
	if (p->cfg->publish.attestation_key[0] && (rc = attest(p, err)) < 0)
		return rc;
	if ((rc = record_text(p, err)) < 0 ||
	    (rc = fm_publish_log_open(&p->log, p->out, r->name, r->version, &p->signers, err)) < 0 ||
	    (rc = fm_publish_log_next(&p->log, &p->text, err)) < 0)
		return rc;
	return sign_record(p, err);
}

/* ---- the folder ---- */

/* Has path the digest of the file `of`, which is hex?  One of another size is not read. */
static int same_digest(const char *path, const char *of, const char *hex, bool *same, struct fm_error *err)
{
	char have[FM_SHA256_HEX];
	struct stat st, own;
	int rc;

	*same = false;
	if (!fm_file_exists(path))
		return FM_OK;
	if (stat(path, &st) == 0 && stat(of, &own) == 0 && S_ISREG(st.st_mode) && st.st_size != own.st_size)
		return FM_OK;
	if ((rc = fm_sha256_file_hex(path, have, err)) < 0)
		return rc;
	*same = strcmp(have, hex) == 0;
	return FM_OK;
}

/* Is the archive there, with all that belongs to it?  Another one of this version is refused, unless it has no
 * signature: then it was never released. */
static int look(struct publication *p, bool *archive, bool *complete, struct fm_error *err)
{
	struct fm_record found;
	int rc;

	*complete = false;
	if ((rc = same_digest(p->to, p->from, p->run->archive_sha256, archive, err)) < 0)
		return rc;
	if (!*archive && fm_file_exists(p->to) && fm_file_exists(p->to_sig))
		return fm_fail(
		    err, FM_EINPUT,
		    "release.version: %s %s is taken: %s has other bytes; raise release.version, or remove the "
		    "archive if nobody was given it",
		    p->cfg->release.name, p->cfg->release.version, p->to);
	if (!*archive || !fm_file_exists(p->to_sig))
		return FM_OK;
	if ((rc = fm_shelf_find(p->out, p->cfg->release.name, p->cfg->release.version, &p->signers, &found, err)) < 0)
		return rc;
	if (!found.sequence) /* released by a flowmint that made no records, or where no key may sign them */
		return FM_OK;
	if (strcmp(found.zst.sha256, p->run->archive_sha256) != 0)
		return fm_fail(err, FM_EINPUT, "%s is not of the archive beside it: remove it, and run again",
			       p->record);
	if (p->cfg->publish.sequence && p->cfg->publish.sequence != found.sequence)
		return fm_fail(err, FM_EINPUT,
			       "publish.sequence: %s %s was released as number %lld: delete the line, or raise "
			       "release.version",
			       found.name, found.version, (long long)found.sequence);
	*complete = true;
	return fm_publish_warn_kept(p->cfg, &found, err);
}

/* What partners get of the project's KEYS.json, which may have changed since the run began. */
static int read_keys(struct publication *p, struct fm_error *err)
{
	char last[FM_FINGERPRINT_MAX];
	struct fm_keys *keys = NULL;
	int rc;

	if ((rc = fm_alloc(&keys, 1, sizeof *keys, "the keys", err)) < 0 ||
	    (rc = fm_keys_load(keys, p->from_keys, err)) < 0 || keys->n == 0)
		goto out;
	if ((rc = fm_keys_text(keys, &p->keys_text, err)) < 0 ||
	    (rc = fm_sshpub_fingerprint(&keys->r[keys->n - 1].to, last, err)) < 0)
		goto out;
	if (strcmp(last, p->report.fingerprint) != 0)
		rc =
		    fm_fail(err, FM_EINPUT,
			    "publish.key: the key %s was replaced by %s while this ran, as %s says, and partners would "
			    "refuse what it signs: set publish.key to that one, and run again",
			    p->report.fingerprint, last, p->from_keys);
out:
	free(keys);
	return rc;
}

static int write_record(struct publication *p, struct fm_error *err)
{
	int rc;

	if (p->next.sequence == 0)
		return FM_OK;
	if (p->next.has_attestations &&
	    (rc = fm_file_write(p->attested, 0644, p->attestations.data, p->attestations.len, err)) < 0)
		return rc;
	if (p->keys_text.len && (rc = fm_file_write(p->keys, 0644, p->keys_text.data, p->keys_text.len, err)) < 0)
		return rc;
	if ((rc = fm_file_write(p->record, 0644, p->text.data, p->text.len, err)) < 0)
		return rc;
	if ((rc = fm_file_write(p->record_sig, 0644, p->sig.data, p->sig.len, err)) < 0 ||
	    (rc = fm_file_write(p->proof, 0644, p->log.proof.data, p->log.proof.len, err)) < 0)
		return rc;
	return fm_publish_log_write(&p->log, err);
}

/* Of the folder that is locked, wherever it is by now. */
static int remove_file(const struct publication *p, const char *path, struct fm_error *err)
{
	return unlinkat(p->folder, strrchr(path, '/') + 1, 0) != 0 && errno != ENOENT ? fm_fail_errno(err, "%s", path)
										      : FM_OK;
}

/* Put the files into the folder; the archive may be there already. */
static int place(struct publication *p, bool there, struct fm_error *err)
{
	const char *const old[] = {p->record_sig, p->record, p->attested, p->proof, p->keys};
	int rc;

	/* Without its signature the archive is no release while files change. */
	if ((rc = remove_file(p, p->to_sig, err)) < 0 || (rc = fm_publish_log_settle(&p->log, err)) < 0)
		return rc;
	for (size_t i = 0; i < sizeof old / sizeof *old; i++)
		if ((rc = remove_file(p, old[i], err)) < 0)
			return rc;
	if ((rc = write_record(p, err)) < 0)
		return rc;
	if (!there && ((rc = fm_file_copy(p->from, p->to, 0644, err)) < 0 ||
		       (rc = same_digest(p->to, p->from, p->run->archive_sha256, &there, err)) < 0))
		return rc;
	if (!there)
		return fm_fail(err, FM_ESYSTEM, "%s reads back other bytes than were written", p->to);
	if ((rc = fm_held_check(p->folder, p->out, err)) < 0 ||
	    (rc = fm_file_copy(p->from_sig, p->to_sig, 0644, err)) < 0)
		return rc;
	return fm_held_check(p->folder, p->out, err);
}

/* What was put there before something failed: half a release is none. */
static void take_away(const struct publication *p, bool there)
{
	const char *const made[] = {p->to_sig, p->record_sig, p->attested, p->proof, p->keys, there ? NULL : p->to};
	struct fm_error later;

	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		if (made[i])
			(void)!remove_file(p, made[i], &later);
	/* When the log's entry cannot be taken back now, the record stays with it: by the record the next run can. */
	if (fm_held_check(p->folder, p->out, &later) < 0 || fm_publish_log_undo(&p->log, &later) < 0)
		fm_warn("%s", later.message);
	else
		(void)!remove_file(p, p->record, &later);
}

static int put(struct publication *p, struct fm_error *err)
{
	bool there, complete;
	int rc;

	if ((rc = look(p, &there, &complete, err)) < 0 || complete)
		return rc;
	if ((rc = fm_publish_next(p->cfg, p->out, &p->signers, p->run->released, &p->next, err)) < 0)
		return rc;
	if (p->next.sequence == 0)
		fm_warn(
		    "%s lets no key sign records, so no RELEASE.json is made, and partners cannot tell an old release "
		    "from a new one: let the line of publish.key say namespaces=\"" FM_SSH_NAMESPACES "\"",
		    p->signers_path);
	else if ((rc = make_record(p, err)) < 0)
		return rc;
	if ((rc = fm_held_check(p->folder, p->out, err)) < 0) /* a signature may have waited for a passphrase */
		return rc;
	if ((rc = place(p, there, err)) < 0) {
		take_away(p, there);
		return rc;
	}
	if (p->text.len && !(p->run->record = strdup(p->text.data)))
		return no_memory(err);
	p->run->log_size = p->log.head.size;
	if (p->log.head.size)
		fm_hex(p->log.head.root.byte, FM_SHA256_LEN, p->run->log_root);
	return FM_OK;
}

/* ---- the whole way ---- */

static int name_files(struct publication *p, const char *project, struct fm_error *err)
{
	const char *made = json_string_value(json_object_get(p->run->stage[FM_RELEASE].result, "archive")), *name;

	if (!made)
		return fm_fail(err, FM_ESYSTEM, "the release stage named no archive");
	name = strrchr(made, '/') ? strrchr(made, '/') + 1 : made;
	p->signers_path = fm_path_join(project, "allowed_signers");
	p->from = fm_path_join(p->run->stage[FM_RELEASE].product, name);
	p->to = fm_path_join(p->out, name);
	p->from_keys = fm_path_join(project, FM_KEYS_FILE);
	if (!p->signers_path || !p->from_keys || !p->from || !p->to || asprintf(&p->from_sig, "%s.sig", p->from) < 0 ||
	    asprintf(&p->to_sig, "%s.sig", p->to) < 0 ||
	    asprintf(&p->record, "%s/%s-%s" FM_RECORD_SUFFIX, p->out, p->cfg->release.name, p->cfg->release.version) <
		0 ||
	    asprintf(&p->record_sig, "%s.sig", p->record) < 0 ||
	    asprintf(&p->attested, "%s/%s-%s" FM_ATTESTATIONS_SUFFIX, p->out, p->cfg->release.name,
		     p->cfg->release.version) < 0 ||
	    asprintf(&p->keys, "%s/%s-%s" FM_KEYS_SUFFIX, p->out, p->cfg->release.name, p->cfg->release.version) < 0 ||
	    asprintf(&p->proof, "%s/%s-%s" FM_TLOG_PROOF_SUFFIX, p->out, p->cfg->release.name,
		     p->cfg->release.version) < 0)
		return no_memory(err);
	return FM_OK;
}

int fm_publish_put(const struct fm_stages *stages, const struct fm_config *cfg, const char *project, const char *out,
		   struct fm_run *run, struct fm_error *err)
{
	struct publication p = {.cfg = cfg, .run = run, .out = out, .folder = -1};
	struct fm_verify_in in = {0};
	int rc;

	if ((rc = name_files(&p, project, err)) < 0)
		goto out;
	if ((rc = sign_archive(&p, err)) < 0)
		goto out;
	in.archive = p.from;
	in.signers = p.signers_path;
	if ((rc = stages->verify(&in, &p.report, err)) < 0) {
		fm_error_prefix(err, "the archive does not verify against %s, nothing is released: ", p.signers_path);
		goto out;
	}
	if ((rc = check_manifest(&p, err)) < 0)
		goto out;
	if ((rc = fm_signers_load(&p.signers, p.signers_path, err)) < 0 ||
	    (rc = fm_held_lock(&run->held, p.out, &p.folder, err)) < 0 || (rc = read_keys(&p, err)) < 0 ||
	    (rc = fm_dir_sweep(p.out, err)) < 0 || (rc = put(&p, err)) < 0)
		goto out;
	snprintf(run->archive, sizeof run->archive, "%s", p.to);
out:
	if (p.folder >= 0)
		close(p.folder); /* and with it the lock */
	fm_verify_report_free(&p.report);
	fm_signers_free(&p.signers);
	fm_buf_free(&p.text);
	fm_buf_free(&p.sig);
	fm_buf_free(&p.attestations);
	fm_buf_free(&p.keys_text);
	fm_publish_log_close(&p.log);
	free(p.proof);
	free(p.keys);
	free(p.from_keys);
	free(p.attested);
	free(p.signers_path);
	free(p.from);
	free(p.from_sig);
	free(p.to);
	free(p.to_sig);
	free(p.record);
	free(p.record_sig);
	return rc;
}
