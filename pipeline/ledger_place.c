#include "pipeline/ledger_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"

#define MACHINE_ID "/etc/machine-id" /* machine-id(5), which asks that it be hashed before it is shown */
#define MACHINE_ID_DIGITS 32
#define MACHINE_DIGITS 16

/* machine-id(5): 32 hexadecimal digits, not all of them 0, and a newline.  "uninitialized" is the same for all machines
 * that are started from one image. */
static bool is_machine_id(const char *text)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	return n == MACHINE_ID_DIGITS && strspn(text, "0") < n && text[n + strspn(text + n, "\n")] == '\0';
}

/* "" where the machine has none, or keeps it from this user. */
static int machine_of(char out[MACHINE_DIGITS + 1], struct fm_error *err)
{
	static const char what[] = "flowmint ledger place\n";
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	struct fm_buf id = {0};
	int rc;

	*out = '\0';
	fm_buf_puts(&id, what);
	if ((rc = fm_file_read(MACHINE_ID, 4096, &id, err)) < 0) {
		rc = rc == FM_EINPUT || fm_file_is_kept(MACHINE_ID) ? FM_OK : rc;
		goto out;
	}
	if (id.len < sizeof what || !is_machine_id(id.data + sizeof what - 1) ||
	    (rc = fm_sha256_bytes(id.data, id.len, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
	snprintf(out, MACHINE_DIGITS + 1, "%.*s", MACHINE_DIGITS, hex);
out:
	fm_buf_free(&id);
	return rc;
}

/* Of this workspace as it is. */
static int place_of(const char *workspace, json_t **place, struct fm_error *err)
{
	char machine[MACHINE_DIGITS + 1], folder[64] = "", born[64] = "", *real;
	struct statx st;
	json_t *is;
	int rc;

	*place = NULL;
	if ((rc = machine_of(machine, err)) < 0)
		return rc;
	if (!(real = realpath(workspace, NULL)) && errno == ENOMEM)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (statx(AT_FDCWD, workspace, 0, STATX_INO | STATX_BTIME, &st) == 0) {
		snprintf(folder, sizeof folder, "%llu:%llu",
			 (unsigned long long)makedev(st.stx_dev_major, st.stx_dev_minor),
			 (unsigned long long)st.stx_ino);
		if (st.stx_mask & STATX_BTIME)
			snprintf(born, sizeof born, "%lld.%09u", (long long)st.stx_btime.tv_sec,
				 (unsigned)st.stx_btime.tv_nsec);
	}
	is = json_pack("{s:s, s:s, s:s}", "folder", folder, "born", born, "machine", machine);
	/* a path that is not UTF-8 is no text */
	if (!is || (json_object_set_new(is, "path", json_string(real ? real : workspace)) != 0 &&
		    json_object_set_new(is, "path", json_string("")) != 0)) {
		json_decref(is);
		is = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	*place = is;
	free(real);
	return rc;
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

/* Is it one folder, seen perhaps from two machines, each of which numbers its disks by itself? */
static bool is_same_folder(const json_t *a, const json_t *b, bool any_device)
{
	const char *fa = fm_json_str(a, "folder"), *fb = fm_json_str(b, "folder");

	if (*fm_json_str(a, "born") && *fm_json_str(b, "born") && !says_same(a, b, "born"))
		return false;
	if (!any_device)
		return strcmp(fa, fb) == 0;
	fa = strchr(fa, ':');
	fb = strchr(fb, ':');
	return !fa || !fb || strcmp(fa, fb) == 0;
}

/* Is a ledger where this one was? */
static bool is_still_there(const json_t *was)
{
	const char *path = fm_json_str(was, "path");

	return *path && fm_file_exists_in(path, "ledger.db");
}

/* It is elsewhere.  1: it has released something. */
static int tell(struct fm_ledger *l, const char *workspace, const json_t *was, bool other_machine, bool same_path,
		bool publishes, struct fm_error *err)
{
	const char *path = fm_json_str(was, "path"), *where = other_machine         ? " on another machine"
							      : same_path           ? ", which was another folder then"
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
		    "get two archives of one version, and refuse both histories; run with --moved when it does not%s",
		    workspace, path, where,
		    other_machine && same_path ? " (each time on a machine that is made anew for each run)" : "");
	fm_warn("%s is a copy, or was moved: its last run was in %s%s; only one of the two should go on", workspace,
		path, where);
	return rc;
}

int fm_ledger_check_place(struct fm_ledger *l, const char *workspace, bool publishes, bool moved, json_t **place,
			  struct fm_error *err)
{
	json_t *was = NULL, *is = NULL;
	bool known, other_machine, same_path;
	int rc;

	*place = NULL;
	if ((rc = place_of(workspace, &is, err)) < 0 || (rc = last_place(l, &was, err)) < 0 || !was || moved)
		goto out;
	known = *fm_json_str(was, "machine") && *fm_json_str(is, "machine");
	other_machine = known && !says_same(was, is, "machine");
	same_path = says_same(was, is, "path");
	if (is_same_folder(was, is, same_path) && (same_path || !other_machine)) /* or renamed */
		goto out;
	if (same_path && known && !other_machine) /* put back from a backup */
		goto out;
	/* A machine without an id, which may be made anew each night, has the path alone. */
	if ((rc = tell(l, workspace, was, other_machine, same_path, publishes && (known || !same_path), err)) > 0 &&
	    (known || !same_path))
		*place = json_incref(was);
out:
	if (rc >= 0 && !*place)
		*place = json_incref(is);
	json_decref(was);
	json_decref(is);
	return rc < 0 ? rc : FM_OK;
}
