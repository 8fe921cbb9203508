/* key: replace the key of releases by another one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "manifests/config.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/outside.h"
#include "release/sign/rotation.h"
#include "release/sign/signers.h"

struct key_args {
	const char *new;
	uint64_t passphrase_fd;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct key_args, new), .name = "new", .value = "KEY", .required = true, .offer = FM_OFFER_FILE,
     .help = "the key that signs from now on, as publish.key; made where there is none"},
    FM_OPTION_PASSPHRASE(struct key_args),
    {0},
};

/* One that signs, here or by ssh-keygen. */
struct signing_key {
	const char *path, *named_by;
	struct fm_sshkey key;
	struct fm_outside outside;
	bool is_outside;
};

static int look(struct signing_key *k, struct fm_error *err)
{
	int rc;

	if ((rc = fm_outside_look(k->path, &k->key.pub, &k->is_outside, err)) < 0 ||
	    (!k->is_outside && (rc = fm_sshkey_read(&k->key, k->path, err)) < 0))
		fm_error_prefix(err, "%s: ", k->named_by);
	return rc;
}

static int sign(struct signing_key *k, const struct fm_buf *text, char out[FM_ROTATION_SIGNATURE_MAX],
		struct fm_error *err)
{
	struct fm_buf armored = {0};
	uint8_t digest[FM_SHA512_LEN];
	int rc;

	if (k->is_outside)
		rc = fm_outside_sign(&k->outside, k->path, FM_RECORD_NAMESPACE,
				     &(struct fm_to_sign){NULL, text->data, text->len}, &armored, err);
	else if ((rc = fm_sha512_bytes(text->data, text->len, digest, err)) >= 0)
		rc = fm_sshsig_sign(&k->key, FM_RECORD_NAMESPACE, digest, &armored, err);
	if (rc < 0)
		goto out;
	if (armored.len >= FM_ROTATION_SIGNATURE_MAX) {
		rc = fm_fail(err, FM_ESYSTEM, "the signature of %s is longer than signatures are", k->path);
		goto out;
	}
	memcpy(out, armored.data, armored.len + 1);
out:
	fm_buf_free(&armored);
	return rc;
}

static void close_key(struct signing_key *k)
{
	fm_sshkey_close(&k->key);
	fm_outside_close(&k->outside);
}

/* ---- the statement ---- */

static int add_rotation(struct fm_keys *keys, struct signing_key *old, struct signing_key *new, struct fm_error *err)
{
	struct fm_rotation *r = &keys->r[keys->n];
	char today[FM_TIME_MAX];
	enum fm_keys_fault fault;
	struct fm_buf text = {0};
	int rc;

	if (keys->n == FM_ROTATIONS_MAX)
		return fm_fail(err, FM_EINPUT,
			       FM_KEYS_FILE
			       " has %d rotations, and no more: give partners the new key as at the first, "
			       "and begin without the file",
			       FM_ROTATIONS_MAX);
	memset(r, 0, sizeof *r);
	r->from = old->key.pub;
	r->to = new->key.pub;
	fm_format_time_s((int64_t)time(NULL) * 1000, today);
	memcpy(r->issued, today, sizeof r->issued - 1);
	if (keys->n)
		memcpy(r->previous, keys->r[keys->n - 1].sha256, sizeof r->previous);
	if ((rc = fm_rotation_text(keys, keys->n, &text, err)) < 0 || (rc = sign(old, &text, r->by_old, err)) < 0 ||
	    (rc = sign(new, &text, r->by_new, err)) < 0)
		goto out;
	keys->n++;
	if ((rc = fm_keys_check(keys, &fault, err)) >= 0 && fault != FM_KEYS_GOOD)
		rc = FM_EINPUT;
	if (rc == FM_EINPUT && err)
		err->code = rc;
out:
	fm_buf_free(&text);
	return rc;
}

static int check_old(const struct fm_keys *keys, const struct signing_key *old, const char *path, struct fm_error *err)
{
	if (keys->n == 0 || fm_sshpub_same(&keys->r[keys->n - 1].to, &old->key.pub))
		return FM_OK;
	return fm_fail(err, FM_EINPUT, "publish.key: %s is not the key that %s ends with: set publish.key to that one",
		       old->path, path);
}

static int check_new(const struct signing_key *old, const struct signing_key *new, struct fm_error *err)
{
	return fm_sshpub_same(&old->key.pub, &new->key.pub)
		   ? fm_fail(err, FM_EINPUT, "--new: %s is publish.key itself: name the key that comes after it",
			     new->path)
		   : FM_OK;
}

/* ---- allowed_signers ---- */

/* The new key signs under the name of the old one. */
static int allow(const char *path, const struct fm_sshpub *old, const struct fm_sshpub *new, struct fm_buf *line,
		 struct fm_error *err)
{
	const struct fm_signer *who = NULL;
	struct fm_signers signers = {0};
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_signers_load(&signers, path, err)) < 0)
		goto out;
	(void)fm_signers_find(&signers, old, FM_RECORD_NAMESPACE, (int64_t)time(NULL), &who);
	if (!who) {
		rc = fm_fail(err, FM_EINPUT, "%s does not name publish.key, so no partner can follow it to another",
			     path);
		goto out;
	}
	if ((rc = fm_sshpub_signers_line(new, who->principals, line, err)) < 0)
		goto out;
	if (fm_signers_find(&signers, new, FM_RECORD_NAMESPACE, (int64_t)time(NULL), &who) == FM_SIGNER_OK)
		goto out;
	if ((rc = fm_file_read(path, FM_SIGNERS_FILE_MAX, &text, err)) < 0)
		goto out;
	if (text.len && text.data[text.len - 1] != '\n')
		fm_buf_puts(&text, "\n");
	fm_buf_puts(&text, line->data);
	if ((rc = fm_buf_check(&text, err)) < 0)
		goto out;
	rc = fm_file_write(path, 0644, text.data, text.len, err);
out:
	fm_signers_free(&signers);
	fm_buf_free(&text);
	return rc;
}

/* ---- all of it ---- */

static int make_where_absent(const char *path, struct fm_error *err)
{
	size_t n = strlen(path);
	struct fm_sshkey key = {0};
	int rc;

	if (fm_file_exists(path))
		return FM_OK;
	if (n > 4 && strcmp(path + n - 4, ".pub") == 0)
		return fm_fail(err, FM_EINPUT,
			       "--new: %s is not there, and has the name of a public key: the key that is made is "
			       "--new %.*s, and its public half goes to %s",
			       path, (int)n - 4, path, path);
	if ((rc = fm_sshkey_generate(&key, "flowmint", err)) < 0)
		return rc;
	rc = fm_sshkey_write(&key, path, err);
	fm_sshkey_close(&key);
	return rc;
}

/* The key as publish.key names it: by its path below the project's folder, else by its whole path.  Of free. */
static int name_key(const char *key, const char *dir, char **name, struct fm_error *err)
{
	char *real = realpath(key, NULL), *top = realpath(dir, NULL);
	size_t n = top ? strlen(top) : 0;
	int rc = FM_OK;

	*name = NULL;
	if (!real || !top)
		rc = fm_fail_errno(err, "%s", real ? dir : key);
	else if (!(*name = strdup(strncmp(real, top, n) == 0 && real[n] == '/' ? real + n + 1 : real)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	free(real);
	free(top);
	return rc;
}

static int rotate(const struct key_args *a, const struct fm_config *cfg, struct fm_error *err)
{
	char *keys_path = fm_path_join(cfg->dir, FM_KEYS_FILE), *signers = fm_path_join(cfg->dir, "allowed_signers");
	struct signing_key old = {.path = cfg->publish.key,
				  .named_by = "publish.key",
				  .outside = {.fd = (int)a->passphrase_fd}},
			   new = {.path = a->new, .named_by = "--new"};
	struct fm_buf text = {0}, line = {0};
	struct fm_keys *keys = NULL;
	char *named = NULL;
	int rc;

	if (!keys_path || !signers) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_alloc(&keys, 1, sizeof *keys, "the keys", err)) < 0 ||
	    (rc = fm_keys_load(keys, keys_path, err)) < 0 || (rc = look(&old, err)) < 0 ||
	    (rc = check_old(keys, &old, keys_path, err)) < 0 || (rc = make_where_absent(a->new, err)) < 0 ||
	    (rc = look(&new, err)) < 0 || (rc = check_new(&old, &new, err)) < 0 ||
	    (rc = add_rotation(keys, &old, &new, err)) < 0 || (rc = fm_keys_text(keys, &text, err)) < 0 ||
	    (rc = name_key(a->new, cfg->dir, &named, err)) < 0 ||
	    (rc = allow(signers, &old.key.pub, &new.key.pub, &line, err)) < 0)
		goto out;
	/* Said before it is done: a line that nobody got could not be had again. */
	if (fputs(line.data, stdout) == EOF || fflush(stdout) != 0) {
		rc = fm_fail_errno(err, "standard output");
		goto out;
	}
	if ((rc = fm_file_write(keys_path, 0644, text.data, text.len, err)) < 0)
		goto out;
	fm_log("%s has it, and each release from now on will: set publish.key to %s, and keep the old key until "
	       "partners have the new line",
	       keys_path, named);
out:
	free(named);
	close_key(&old);
	close_key(&new);
	fm_buf_free(&text);
	fm_buf_free(&line);
	free(keys);
	free(keys_path);
	free(signers);
	return rc;
}

static int key(const void *args, const struct fm_call *call, struct fm_error *err)
{
	struct fm_config *cfg = NULL;
	const char *file;
	int rc;

	if (strcmp(call->operand[0], "rotate") != 0)
		return fm_fail(err, FM_EUSAGE,
			       "key: '%s' is nothing that is done to a key: flowmint key rotate --new KEY",
			       call->operand[0]);
	if ((rc = fm_place_config(call, call->noperands > 1 ? call->operand[1] : NULL, &file, err)) < 0 ||
	    (rc = fm_config_load_draft(&cfg, file, NULL, 0, err)) < 0)
		goto out;
	rc = rotate(args, cfg, err);
out:
	fm_config_free(cfg);
	return rc;
}

const struct fm_verb fm_verb_key = {
    .name = "key",
    .summary = "replace the key that signs releases: key rotate",
    .about =
	"rotate: KEYS.json in the project says that the key of --new comes after publish.key, signed by both; each "
	"release made by the new key carries it as NAME-VERSION.KEYS.json, by which partners who trust the old key get "
	"to the new one. The new key gets a line in allowed_signers, which is printed for the partners' files too: "
	"theirs must name a key of the chain, and one that is replaced signs nothing more. Then set publish.key.",
    .operands = "rotate RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .options = options,
    .args_size = sizeof(struct key_args),
    .run = key,
};
