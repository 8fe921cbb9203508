/* preflight_keys.c - can what signs a release sign, and will partners accept it? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "pipeline/outside.h"
#include "pipeline/preflight_parts.h"
#include "release/sign/approval.h"
#include "release/sign/rotation.h"
#include "release/sign/signers.h"
#include "release/sign/sshkey.h"

static int check_listed(const struct fm_sshpub *key, const char *file, const char *project, struct fm_error *err)
{
	char *path = fm_path_join(project, "allowed_signers");
	struct fm_signers signers = {0};
	const struct fm_signer *who = NULL;
	struct fm_buf line = {0};
	enum fm_signer_state state;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	fm_sshpub_line(key, &line);
	if ((rc = fm_buf_check(&line, err)) < 0)
		goto out;
	if (access(path, F_OK) && errno == ENOENT) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: no such file: it names the keys whose releases are accepted; make it with the line: "
			     "flowmint namespaces=\"" FM_SSH_NAMESPACES "\" %.*s",
			     path, (int)strcspn(line.data, "\n"), line.data);
		goto out;
	}
	if ((rc = fm_signers_load(&signers, path, err)) < 0)
		goto out;
	state = fm_signers_find(&signers, key, FM_SSH_NAMESPACE, (int64_t)time(NULL), &who);
	if (state == FM_SIGNER_OK)
		goto out;
	if (who)
		rc = fm_fail(err, FM_EINPUT, "publish.key: %s may not sign a release today: line %zu of %s %s", file,
			     who->line, path,
			     state == FM_SIGNER_EXPIRED   ? "is no longer valid (valid-before)"
			     : state == FM_SIGNER_NOT_YET ? "is not valid yet (valid-after)"
			     : state == FM_SIGNER_OTHER_NAME
				 ? "excludes names by a pattern with !"
				 : "names it for other namespaces, not for " FM_SSH_NAMESPACE);
	else
		rc =
		    fm_fail(err, FM_EINPUT,
			    "publish.key: %s does not name the key %s, so no release of it would verify; add the line: "
			    "NAME namespaces=\"" FM_SSH_NAMESPACES "\" %.*s",
			    path, file, (int)strcspn(line.data, "\n"), line.data);
out:
	fm_buf_free(&line);
	fm_signers_free(&signers);
	free(path);
	return rc;
}

/* Are there as many who may approve as must?  Lines can be added while it waits.  A key and a name count once, as they
 * do in the end (approvals.h). */
static int warn_few_approvers(const struct fm_config *cfg, const struct fm_sshpub *release, const char *project,
			      struct fm_error *err)
{
	char *path = fm_path_join(project, "allowed_signers");
	int64_t now_s = (int64_t)time(NULL);
	char shared[FM_PRINCIPALS_MAX] = "", same[FM_PRINCIPALS_MAX + 64] = "";
	struct fm_signers signers = {0};
	int approvers = 0, rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_signers_load(&signers, path, err)) < 0)
		goto out;
	for (size_t i = 0; i < signers.n; i++) {
		const struct fm_signer *s = &signers.s[i], *who;
		bool counts =
		    s->valid_before_s > now_s && !(cfg->publish.approvals > 1 && fm_sshpub_same(&s->key, release));

		/* A key that may not sign yet may be able to when it is time. */
		counts = counts &&
			 fm_signers_find(&signers, &s->key, FM_APPROVAL_NAMESPACE,
					 s->valid_after_s > now_s ? s->valid_after_s : now_s, &who) == FM_SIGNER_OK;
		for (size_t k = 0; k < i && counts; k++)
			counts = !fm_sshpub_same(&signers.s[k].key, &s->key) &&
				 !fm_signers_share(signers.s[k].principals, s->principals, shared);
		approvers += counts;
	}
	if (shared[0])
		snprintf(same, sizeof same, " (lines that share a name, such as %s, are one person's)", shared);
	if (approvers < cfg->publish.approvals)
		fm_warn(
		    "publish.approvals is %d, and %s lets %d sign approvals%s%s: the release will wait until there is "
		    "for each approver a line: NAME namespaces=\"" FM_APPROVAL_NAMESPACE "\" ssh-ed25519 AAAA...",
		    (int)cfg->publish.approvals, path, approvers,
		    cfg->publish.approvals > 1 ? " beside publish.key" : "", same);
out:
	fm_signers_free(&signers);
	free(path);
	return rc;
}

/* A release whose attestations no partner can check is still a release: only warn. */
static int warn_unlisted(const struct fm_sshpub *key, const char *project, struct fm_error *err)
{
	char *path = fm_path_join(project, "allowed_signers");
	struct fm_signers signers = {0};
	const struct fm_signer *who;
	struct fm_buf line = {0};
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_signers_load(&signers, path, err)) < 0 ||
	    fm_signers_find(&signers, key, FM_ATTEST_NAMESPACE, (int64_t)time(NULL), &who) == FM_SIGNER_OK)
		goto out;
	fm_sshpub_line(key, &line);
	if ((rc = fm_buf_check(&line, err)) < 0)
		goto out;
	fm_warn("publish.attestation_key: no line of %s lets it sign attestations, so partners cannot check them: add, "
		"in their "
		"files too, the line: NAME namespaces=\"" FM_ATTEST_NAMESPACE "\" %.*s",
		path, (int)strcspn(line.data, "\n"), line.data);
out:
	fm_buf_free(&line);
	fm_signers_free(&signers);
	free(path);
	return rc;
}

/* The holder of one of the two keys can make a release, or attest how it was made, but not both. */
static int check_attestation_key(const struct fm_config *cfg, const char *project, const struct fm_sshpub *release,
				 struct fm_error *err)
{
	const char *path = cfg->publish.attestation_key;
	struct fm_sshkey key = {0};
	int rc;

	if (!path[0])
		return FM_OK;
	if ((rc = fm_preflight_file(cfg, "publish.attestation_key", path, err)) < 0)
		return rc;
	if ((rc = fm_sshkey_read(&key, path, err)) < 0) {
		fm_error_prefix(err, "publish.attestation_key: ");
		goto out;
	}
	if (fm_sshpub_same(&key.pub, release))
		rc = fm_fail(
		    err, FM_EINPUT,
		    "publish.attestation_key: %s is the key of publish.key: attestations are by a key of their own "
		    "(flowmint keygen --out FILE)",
		    path);
	else
		rc = warn_unlisted(&key.pub, project, err);
out:
	fm_sshkey_close(&key); /* before any stage is started */
	return rc;
}

/* Partners refuse what a replaced key signs. */
static int check_not_replaced(const struct fm_sshpub *key, const char *file, const char *project, struct fm_error *err)
{
	char *path = fm_path_join(project, FM_KEYS_FILE);
	struct fm_keys *keys = NULL;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_alloc(&keys, 1, sizeof *keys, "the keys", err)) < 0 || (rc = fm_keys_load(keys, path, err)) < 0)
		goto out;
	if (keys->n && !fm_sshpub_same(&keys->r[keys->n - 1].to, key))
		rc =
		    fm_fail(err, FM_EINPUT,
			    "publish.key: %s is not the key that %s ends with, so partners would refuse what it signs: "
			    "set publish.key to the key that came last (flowmint key rotate made it)",
			    file, path);
out:
	free(keys);
	free(path);
	return rc;
}

/* Is it NAME-VERSION.KEYS.json of releases of this name? */
static bool is_of_name(const char *file, const char *name)
{
	size_t n = strlen(name);

	return strncmp(file, name, n) == 0 && file[n] == '-' && file[n + 1] >= '0' && file[n + 1] <= '9';
}

/* One KEYS.json beside a release that is there.  own: it is of a release of this name, so it must be what partners
 * accept; of another one that is damaged nothing is said here. */
static int check_beside(const struct fm_sshpub *key, const char *file, const char *path, bool own, struct fm_keys *keys,
			struct fm_error *err)
{
	struct fm_error why;
	int rc;

	if ((rc = fm_keys_load(keys, path, &why)) < 0)
		return own ? fm_error_set(err, rc, why.file, why.line,
					  "publish.key: whether %s was replaced is in a file of an earlier release "
					  "that %s (put the file there as it was released): %s",
					  file, rc == FM_EINPUT ? "is damaged" : "cannot be read", why.message)
			   : FM_OK;
	return fm_keys_from(keys, key) < 0
		   ? FM_OK
		   : fm_fail(err, FM_EINPUT,
			     "publish.key: %s was replaced by another, as %s says, so partners would refuse what it "
			     "signs: is " FM_KEYS_FILE " of the project an older copy, or gone? Put that file there",
			     file, path);
}

/* The project's document may be an older copy, or gone; what was released tells of the key all the same. */
static int check_not_replaced_there(const struct fm_sshpub *key, const char *file, const char *out, const char *name,
				    struct fm_error *err)
{
	struct fm_keys *keys = NULL;
	char **names = NULL;
	size_t n = 0;
	int rc;

	if (!fm_file_exists(out) || access(out, W_OK) < 0) /* where nothing can be released, which is said next */
		return FM_OK;
	if ((rc = fm_alloc(&keys, 1, sizeof *keys, "the keys", err)) < 0)
		return rc;
	if ((rc = fm_dir_list(out, &names, &n, err)) < 0) {
		rc = fm_error_prefix(err, "publish.out: what was released is not known: ");
		goto out;
	}
	for (size_t i = 0; i < n && rc >= 0; i++) {
		size_t len = strlen(names[i]), tail = strlen(FM_KEYS_SUFFIX);
		char *path;

		if (len <= tail || strcmp(names[i] + len - tail, FM_KEYS_SUFFIX) != 0)
			continue;
		if (!(path = fm_path_join(out, names[i])))
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		else
			rc = check_beside(key, file, path, is_of_name(names[i], name), keys, err);
		free(path);
	}
out:
	fm_names_free(names, n);
	free(keys);
	return rc;
}

/* Could somebody be asked for a passphrase, or to touch a token, when it is time to sign? */
static bool somebody_is_there(const struct fm_sshpub *key)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (tty >= 0)
		close(tty);
	return tty >= 0 || getenv("SSH_ASKPASS") || key->application[0];
}

/* Sign a text of no use now: after all stages it would be late to learn that the passphrase is wrong. */
static int try_passphrase(struct fm_outside *o, const char *key, struct fm_error *err)
{
	static const char text[] = "to see whether the passphrase is right";
	struct fm_buf armored = {0};
	int rc =
	    fm_outside_sign(o, key, "flowmint-trial", &(struct fm_to_sign){NULL, text, sizeof text - 1}, &armored, err);

	fm_buf_free(&armored);
	return rc;
}

int fm_preflight_key(const struct fm_config *cfg, const char *project, const char *out, bool dry,
		     struct fm_outside *signer, struct fm_error *err)
{
	const char *path = cfg->publish.key;
	struct fm_sshkey key = {0};
	struct stat st;
	bool outside;
	int rc;

	if (stat(path, &st) && errno == ENOENT) {
		rc = fm_fail(err, FM_EINPUT, "publish.key: %s: no such file; flowmint keygen --out FILE makes one",
			     path);
		return fm_config_prefix_line(cfg, "publish.key", err);
	}
	if ((rc = fm_preflight_file(cfg, "publish.key", path, err)) < 0)
		return rc;
	if ((rc = fm_outside_look(path, &key.pub, &outside, err)) < 0 ||
	    (!outside && (rc = fm_sshkey_read(&key, path, err)) < 0)) {
		fm_error_prefix(err, "publish.key: ");
		goto out;
	}
	if (dry || (rc = check_listed(&key.pub, path, project, err)) < 0 ||
	    (rc = check_not_replaced(&key.pub, path, project, err)) < 0 ||
	    (rc = check_not_replaced_there(&key.pub, path, out, cfg->release.name, err)) < 0)
		goto out;
	if ((cfg->publish.approvals > 0 && (rc = warn_few_approvers(cfg, &key.pub, project, err)) < 0) ||
	    (rc = check_attestation_key(cfg, project, &key.pub, err)) < 0)
		goto out;
	if (outside && signer && (signer->fd > 0 || !somebody_is_there(&key.pub)))
		rc = try_passphrase(signer, path, err);
out:
	fm_sshkey_close(&key); /* before any stage is started */
	return rc;
}
