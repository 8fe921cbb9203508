#include "pipeline/ledger_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"

#define MACHINE_ID "/etc/machine-id" /* machine-id(5), which asks that it be hashed before it is shown */
#define MACHINE_DIGITS 16

static void machine_of(char out[MACHINE_DIGITS + 1])
{
	static const char what[] = "flowmint ledger place\n";
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	struct fm_error ignored;
	struct fm_buf id = {0};

	*out = '\0';
	fm_buf_puts(&id, what);
	if (fm_file_read(MACHINE_ID, 4096, &id, &ignored) < 0 || id.len <= sizeof what ||
	    fm_sha256_bytes(id.data, id.len, digest, &ignored) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
	snprintf(out, MACHINE_DIGITS + 1, "%.*s", MACHINE_DIGITS, hex);
out:
	fm_buf_free(&id);
}

/* Of this workspace as it is; NULL without memory. */
static json_t *place_of(const char *workspace)
{
	char machine[MACHINE_DIGITS + 1], folder[64] = "", *real = realpath(workspace, NULL);
	struct stat st;
	json_t *place;

	machine_of(machine);
	if (stat(workspace, &st) == 0)
		snprintf(folder, sizeof folder, "%llu:%llu", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
	place = json_pack("{s:s, s:s, s:s}", "path", real ? real : workspace, "folder", folder, "machine", machine);
	if (!place) /* a path that is not UTF-8 is no text */
		place = json_pack("{s:s, s:s, s:s}", "path", "", "folder", folder, "machine", machine);
	free(real);
	return place;
}

/* The place that the newest run told, a new reference; NULL: none did. */
static int last_place(struct fm_ledger *l, json_t **place, struct fm_error *err)
{
	json_t *rows = NULL;
	int rc = fm_ledger_rows(l, NULL, "run", &rows, err);

	*place = NULL;
	for (size_t i = json_array_size(rows); rc >= 0 && i > 0 && !*place; i--)
		*place =
		    json_incref(json_object_get(json_object_get(json_array_get(rows, i - 1), "body"), "workspace"));
	json_decref(rows);
	return rc;
}

static bool says_same(const json_t *a, const json_t *b, const char *key)
{
	return fm_json_says(a, key, fm_json_str(b, key));
}

/* Is a ledger where this one was? */
static bool is_still_there(const json_t *was)
{
	char *path = fm_path_join(fm_json_str(was, "path"), "ledger.db");
	bool yes = path && *fm_json_str(was, "path") && fm_file_exists(path);

	free(path);
	return yes;
}

/* It is elsewhere.  1: it has released something. */
static int tell(struct fm_ledger *l, const char *workspace, const json_t *was, bool other_machine, bool publishes,
		struct fm_error *err)
{
	const char *path = fm_json_str(was, "path"), *where = other_machine         ? " on another machine"
							      : is_still_there(was) ? ", where it still is"
										    : "";
	json_t *releases = NULL;
	int rc = fm_ledger_rows(l, NULL, "release", &releases, err);

	if (rc < 0)
		return rc;
	rc = json_array_size(releases) > 0;
	json_decref(releases);
	if (publishes && rc)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s is a copy, or was moved: its last run was in %s%s. If that one goes on too, partners "
		    "get two archives of one version, and refuse both histories; run with --moved when it does not",
		    workspace, path, where);
	fm_warn("%s is a copy, or was moved: its last run was in %s%s; only one of the two should go on", workspace,
		path, where);
	return rc;
}

int fm_ledger_check_place(struct fm_ledger *l, const char *workspace, bool publishes, bool moved, json_t **place,
			  struct fm_error *err)
{
	json_t *was = NULL, *is = place_of(workspace);
	int rc = is ? last_place(l, &was, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	bool other_machine;

	*place = NULL;
	if (rc < 0 || !was || moved)
		goto out;
	other_machine = *fm_json_str(was, "machine") && *fm_json_str(is, "machine") && !says_same(was, is, "machine");
	/* Put back from a backup; a machine that is made anew each night has the path alone. */
	if (says_same(was, is, "path"))
		goto out;
	if (says_same(was, is, "folder") && !other_machine) /* renamed */
		goto out;
	if ((rc = tell(l, workspace, was, other_machine, publishes, err)) > 0)
		*place = json_incref(was);
out:
	if (rc >= 0 && !*place)
		*place = json_incref(is);
	json_decref(was);
	json_decref(is);
	return rc < 0 ? rc : FM_OK;
}
