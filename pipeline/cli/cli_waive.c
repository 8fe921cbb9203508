/* waive: a signed waiver of one check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "judge/gate/controls.h"
#include "manifests/config.h"
#include "pipeline/cli/cli.h"
#include "release/sign/waiver.h"

struct waive_args {
	const char *check, *reason, *expires, *key;
};

static int waive_options(int argc, char **argv, struct waive_args *a, struct fm_error *err)
{
	static const struct option options[] = {{"check", required_argument, NULL, 'c'},
						{"reason", required_argument, NULL, 'r'},
						{"expires", required_argument, NULL, 'e'},
						{"key", required_argument, NULL, 'k'},
						{0}};
	const char **where[] = {&a->check, &a->reason, &a->expires, &a->key};
	int c, rc;

	while ((c = fm_cli_option(argc, argv, options, err)) > 0)
		*where[c == 'c' ? 0 : c == 'r' ? 1 : c == 'e' ? 2 : 3] = optarg;
	if (c != -1)
		return c;
	if ((rc = fm_cli_operands(argc, argv, 1, 1, "one RELEASE.yaml", err)))
		return rc;
	for (int i = 0; i < 4; i++)
		if (!*where[i])
			return fm_fail(err, FM_EUSAGE, "waive wants --%s; see flowmint waive --help", options[i].name);
	return FM_OK;
}

static int check_name(const struct fm_config *cfg, const char *name, struct fm_error *err)
{
	const char *names[FM_CFG_MAXCHECKS + 2] = {FM_CONTROLS_CHECK}, *near;
	int n = 1;

	for (int i = 0; i < cfg->gate.n; i++)
		names[n++] = cfg->gate.check[i].name;
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return FM_OK;
	near = fm_cli_nearest(name, names);
	return fm_fail(err, FM_EUSAGE, "--check: the gate of %s has no check %s%s%s%s", cfg->file, name,
		       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int fill(struct fm_waiver *w, const struct fm_config *cfg, const struct waive_args *a, struct fm_error *err)
{
	if (strlen(a->reason) >= sizeof w->reason)
		return fm_fail(err, FM_EUSAGE, "--reason: at most %zu bytes", sizeof w->reason - 1);
	if (strlen(a->expires) >= sizeof w->expires)
		return fm_fail(err, FM_EUSAGE, "--expires: '%s' is no date, YYYY-MM-DD", a->expires);
	snprintf(w->release, sizeof w->release, "%s", cfg->release.name);
	snprintf(w->check, sizeof w->check, "%s", a->check);
	strcpy(w->reason, a->reason);
	strcpy(w->expires, a->expires);
	return FM_OK;
}

int fm_verb_waive(int argc, char **argv, struct fm_error *err)
{
	/* Only the name and the checks count: a project whose trace is not named yet will do. */
	static const char *const any_trace = "source.path=unused";
	char *signers_path = NULL, *dir = NULL, *path = NULL;
	int64_t now_s = (int64_t)time(NULL);
	struct fm_signers signers = {0};
	struct fm_config *cfg = NULL;
	struct waive_args a = {0};
	struct fm_sshkey key = {0};
	struct fm_waiver w = {0};
	int rc;

	if ((rc = waive_options(argc, argv, &a, err)) ||
	    (rc = fm_config_load(&cfg, argv[optind], &any_trace, 1, err)) || (rc = check_name(cfg, a.check, err)) ||
	    (rc = fill(&w, cfg, &a, err)) || (rc = fm_waiver_words(&w, now_s, err)))
		goto out;
	signers_path = fm_path_join(cfg->dir, "allowed_signers");
	dir = fm_path_join(cfg->dir, "waivers");
	if (!signers_path || !dir) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_signers_load(&signers, signers_path, err)) || (rc = fm_sshkey_read(&key, a.key, err)))
		goto out;
	if ((rc = fm_waiver_key_allowed(&key.pub, &signers, now_s, err))) {
		fm_error_prefix(err, "%s: ", signers_path);
		goto out;
	}
	if ((rc = fm_waiver_write(dir, &w, &key, now_s, &path, err)))
		goto out;
	printf("%s\n", path);
out:
	fm_sshkey_close(&key);
	fm_signers_free(&signers);
	fm_config_free(cfg);
	free(signers_path);
	free(dir);
	free(path);
	return rc;
}
