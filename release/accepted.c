#include "release/accepted.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "manifests/canon.h"
#include "release/json_scan.h"
#include "release/merkle.h"
#include "release/record.h"
#include "release/version_order.h"

#define FILE_MAX (4u << 20)

/* What is asked of each release; the rest is in the text. */
struct entry {
	size_t begin, n; /* its bytes in the text */
	char fingerprint[FM_FINGERPRINT_MAX], accepted[24];
	char *name, *signer; /* one allocation, name's */
};
struct fm_accepted_state {
	char *path; /* of the list */
	int lock;
	struct fm_buf text;
	struct entry *list;
	size_t n, cap;
	struct fm_accepted_rotation *rotation;
	size_t nrotations;
	char (*known)[FM_FINGERPRINT_MAX]; /* keys of the signers file, and those before and after them by rotations */
	size_t nknown, nlisted;            /* the first nlisted are of the file */
};

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for what was accepted");
}

/* ---- the list ---- */

#define TEXT(key, field)                                                                                               \
	{                                                                                                              \
		key, offsetof(struct fm_accepted, field), sizeof(((struct fm_accepted *)0)->field)                     \
	}
static const struct {
	const char *key;
	size_t offset, size;
} texts[] = {TEXT("signer", signer),    TEXT("fingerprint", fingerprint),     TEXT("name", name),
	     TEXT("version", version),  TEXT("record_sha256", record_sha256), TEXT("tar_sha256", tar_sha256),
	     TEXT("accepted", accepted)};
#define NTEXTS (sizeof texts / sizeof *texts)

static bool is_digest(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* Both members are there, or neither. */
static bool read_log(const json_t *o, struct fm_accepted *a)
{
	const json_t *size = json_object_get(o, "log_size");
	const char *root = json_string_value(json_object_get(o, "log_root"));

	if (!size && json_object_size(o) == NTEXTS + 1)
		return true;
	if (!json_is_integer(size) || !root || !is_digest(root) || json_object_size(o) != NTEXTS + 3)
		return false;
	a->log_size = json_integer_value(size);
	memcpy(a->log_root, root, FM_SHA256_HEX);
	return a->log_size > 0 && a->log_size <= (int64_t)FM_MERKLE_SIZE_MAX;
}

/* "2026-11-29T14:40:33Z", or "?" where the clock could not be read. */
static bool is_time(const char *s)
{
	static const char form[] = "0000-00-00T00:00:00Z";

	if (strcmp(s, "?") == 0)
		return true;
	for (size_t i = 0; i < sizeof form; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return true;
}

static bool read_one(const json_t *o, struct fm_accepted *a)
{
	const json_t *sequence = json_object_get(o, "sequence");

	memset(a, 0, sizeof *a);
	if (!json_is_object(o) || !json_is_integer(sequence) || !read_log(o, a))
		return false;
	for (size_t i = 0; i < NTEXTS; i++) {
		const char *s = json_string_value(json_object_get(o, texts[i].key));

		if (!s || strlen(s) >= texts[i].size)
			return false;
		memcpy((char *)a + texts[i].offset, s, strlen(s) + 1);
	}
	a->sequence = json_integer_value(sequence);
	return a->fingerprint[0] && a->name[0] && a->version[0] && is_digest(a->tar_sha256) && is_time(a->accepted) &&
	       a->sequence >= 0 && a->sequence <= FM_RECORD_SEQUENCE_MAX &&
	       (a->sequence ? is_digest(a->record_sha256) : !a->record_sha256[0]);
}

static bool take(const json_t *o, const char *key, char *out, size_t cap)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s || !*s || strlen(s) >= cap)
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static int add_rotation(struct fm_accepted_state *s, const struct fm_accepted_rotation *r, struct fm_error *err)
{
	void *more = realloc(s->rotation, (s->nrotations + 1) * sizeof *s->rotation);

	if (!more)
		return no_memory(err);
	s->rotation = more;
	s->rotation[s->nrotations++] = *r;
	return FM_OK;
}

static int read_rotation(struct fm_accepted_state *s, const json_t *o, struct fm_error *err)
{
	struct fm_accepted_rotation r = {.from = ""};

	if (!take(o, "from", r.from, sizeof r.from) || !take(o, "to", r.to, sizeof r.to) ||
	    !take(o, "issued", r.issued, sizeof r.issued) || !take(o, "sha256", r.sha256, sizeof r.sha256) ||
	    json_object_size(o) != 4 || !is_digest(r.sha256))
		return fm_fail(err, FM_EINPUT, "rotation %zu is not what it must be", s->nrotations + 1);
	return add_rotation(s, &r, err);
}

static int read_release(struct fm_accepted_state *s, const json_t *o, size_t begin, size_t n, struct fm_error *err)
{
	struct fm_accepted a;
	struct entry *e;
	size_t nname;

	if (!read_one(o, &a))
		return fm_fail(err, FM_EINPUT, "entry %zu is not what it must be", s->n + 1);
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		void *more = realloc(s->list, cap * sizeof *s->list);

		if (!more)
			return no_memory(err);
		s->list = more;
		s->cap = cap;
	}
	e = &s->list[s->n];
	*e = (struct entry){.begin = begin, .n = n};
	memcpy(e->fingerprint, a.fingerprint, sizeof e->fingerprint);
	memcpy(e->accepted, a.accepted, sizeof e->accepted);
	nname = strlen(a.name) + 1;
	if (!(e->name = malloc(nname + strlen(a.signer) + 1)))
		return no_memory(err);
	memcpy(e->name, a.name, nname);
	e->signer = e->name + nname;
	memcpy(e->signer, a.signer, strlen(a.signer) + 1);
	s->n++;
	return FM_OK;
}

/* The elements of one of the two lists, one at a time. */
static int read_elements(struct fm_accepted_state *s, struct fm_json_scan *scan, bool rotations, struct fm_error *err)
{
	int rc;

	if (!fm_json_scan_is(scan, '['))
		return fm_fail(err, FM_EINPUT, "%s is no list", rotations ? "rotations" : "releases");
	if (fm_json_scan_is(scan, ']'))
		return FM_OK;
	do {
		json_t *o;
		size_t begin;

		(void)fm_json_scan_end(scan); /* skips blanks */
		begin = scan->at;
		if ((rc = fm_json_scan_value(scan, &o, err)) < 0)
			return rc;
		rc = rotations ? read_rotation(s, o, err) : read_release(s, o, begin, scan->at - begin, err);
		json_decref(o);
		if (rc < 0)
			return rc;
	} while (fm_json_scan_is(scan, ','));
	return fm_json_scan_is(scan, ']') ? FM_OK : fm_fail(err, FM_EINPUT, "a list in it does not end");
}

enum { HAS_FORMAT = 1, HAS_RELEASES = 2, HAS_ROTATIONS = 4 }; /* rotations: earlier versions wrote none */

static int read_member(struct fm_accepted_state *s, struct fm_json_scan *scan, int *seen, struct fm_error *err)
{
	json_t *key = NULL, *v = NULL;
	int rc, what;

	if ((rc = fm_json_scan_value(scan, &key, err)) < 0)
		return rc;
	what = !json_is_string(key)                               ? 0
	       : strcmp(json_string_value(key), "format") == 0    ? HAS_FORMAT
	       : strcmp(json_string_value(key), "releases") == 0  ? HAS_RELEASES
	       : strcmp(json_string_value(key), "rotations") == 0 ? HAS_ROTATIONS
								  : 0;
	json_decref(key);
	if (!what || (*seen & what) || !fm_json_scan_is(scan, ':'))
		return fm_fail(err, FM_EINPUT, "it is no list of format " FM_ACCEPTED_FORMAT);
	*seen |= what;
	if (what != HAS_FORMAT)
		return read_elements(s, scan, what == HAS_ROTATIONS, err);
	if ((rc = fm_json_scan_value(scan, &v, err)) < 0)
		return rc;
	if (!json_is_string(v) || strcmp(json_string_value(v), FM_ACCEPTED_FORMAT) != 0)
		rc = fm_fail(err, FM_EINPUT, "it is no list of format " FM_ACCEPTED_FORMAT);
	json_decref(v);
	return rc;
}

static int read_list(struct fm_accepted_state *s, struct fm_error *err)
{
	struct fm_json_scan scan = {.text = s->text.data ? s->text.data : "", .n = s->text.len};
	int seen = 0, rc;

	if (!fm_json_scan_is(&scan, '{'))
		return fm_fail(err, FM_EINPUT, "it is no JSON object");
	do
		if ((rc = read_member(s, &scan, &seen, err)) < 0)
			return rc;
	while (fm_json_scan_is(&scan, ','));
	if (!fm_json_scan_is(&scan, '}') || !fm_json_scan_end(&scan) || !(seen & HAS_FORMAT) || !(seen & HAS_RELEASES))
		return fm_fail(err, FM_EINPUT, "it is no list of format " FM_ACCEPTED_FORMAT);
	return FM_OK;
}

static int load(struct fm_accepted_state *s, struct fm_error *err)
{
	struct stat st;
	int rc;

	if (lstat(s->path, &st) < 0)
		return errno == ENOENT ? FM_OK : fm_fail_errno(err, "%s", s->path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 022) || st.st_uid != geteuid())
		return fm_fail(err, FM_EINPUT,
			       "%s must be a file of your own that no one else may write to: look who changed it",
			       s->path);
	if ((rc = fm_file_read(s->path, FILE_MAX, &s->text, err)) < 0 || (rc = read_list(s, err)) < 0) {
		if (rc == FM_EINPUT)
			rc = fm_error_prefix(err,
					     "%s is damaged, so what was accepted before is not known: restore it, or "
					     "remove it to begin anew: ",
					     s->path);
	}
	return rc;
}

static int take_lock(struct fm_accepted_state *s, const char *dir, struct fm_error *err)
{
	char *path = fm_path_join(dir, "lock");
	int rc = FM_OK;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0 && errno == EROFS) /* to look something up, which may be all */
		s->lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	while (s->lock >= 0 && (rc = flock(s->lock, LOCK_EX)) != 0 && errno == EINTR)
		;
	if (s->lock < 0 || rc != 0)
		rc = fm_fail(err, FM_ESYSTEM, "%s cannot be locked: %s", path, strerror(errno));
	free(path);
	return rc;
}

/* ---- whose they are ---- */

static bool is_known(const struct fm_accepted_state *s, const char *fingerprint)
{
	for (size_t i = 0; i < s->nknown; i++)
		if (strcmp(s->known[i], fingerprint) == 0)
			return true;
	return false;
}

static int add_known(struct fm_accepted_state *s, const char *fingerprint, struct fm_error *err)
{
	void *more = realloc(s->known, (s->nknown + 1) * sizeof *s->known);

	if (!more)
		return no_memory(err);
	s->known = more;
	snprintf(s->known[s->nknown++], sizeof *s->known, "%s", fingerprint);
	return FM_OK;
}

/* Add keys until none is new: each rotation makes its two keys one signer's. */
static int spread(struct fm_accepted_state *s, struct fm_error *err)
{
	bool more = true;
	int rc;

	while (more) {
		more = false;
		for (size_t i = 0; i < s->nrotations; i++) {
			const struct fm_accepted_rotation *r = &s->rotation[i];
			bool from = is_known(s, r->from), to = is_known(s, r->to);

			if (from == to)
				continue;
			if ((rc = add_known(s, from ? r->to : r->from, err)) < 0)
				return rc;
			more = true;
		}
	}
	return FM_OK;
}

static int mark_known(struct fm_accepted_state *s, const struct fm_signers *signers, struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX];
	int rc;

	for (size_t i = 0; i < signers->n && (s->n || s->nrotations); i++)
		if ((rc = fm_sshpub_fingerprint(&signers->s[i].key, fingerprint, err)) < 0 ||
		    (rc = add_known(s, fingerprint, err)) < 0)
			return rc;
	s->nlisted = s->nknown;
	return spread(s, err);
}

const struct fm_accepted_rotation *fm_accepted_rotation(const struct fm_accepted_state *s, size_t i)
{
	return i < s->nrotations ? &s->rotation[i] : NULL;
}

int fm_accepted_follow(struct fm_accepted_state *s, const struct fm_accepted_rotation *r, struct fm_error *err)
{
	int rc = add_rotation(s, r, err);

	return rc < 0 ? rc : spread(s, err);
}

int fm_accepted_forget(struct fm_accepted_state *s, size_t i, struct fm_error *err)
{
	memmove(&s->rotation[i], &s->rotation[i + 1], (s->nrotations - i - 1) * sizeof *s->rotation);
	s->nrotations--;
	s->nknown = s->nlisted;
	return spread(s, err);
}

/* Whoever may write to the folder may remove the list, and with it all that was accepted.  In a folder like /tmp others
 * may not. */
static int check_folder(const char *dir, struct fm_error *err)
{
	struct stat st;
	bool open;

	if (stat(dir, &st) < 0)
		return fm_fail(err, FM_ESYSTEM, "%s: %s", dir, strerror(errno));
	open = (st.st_mode & 022) && !(st.st_mode & S_ISVTX);
	if (!open && (st.st_uid == geteuid() || st.st_uid == 0))
		return FM_OK;
	return fm_fail(
	    err, FM_EINPUT,
	    "%s %s, who could take away what was accepted before: %s, or name another folder with --state DIR", dir,
	    open ? "may be written to by others" : "belongs to another",
	    open ? "look who did, and chmod go-w it" : "take one of your own");
}

int fm_accepted_open(struct fm_accepted_state **out, const char *dir, const struct fm_signers *signers,
		     struct fm_error *err)
{
	struct fm_accepted_state *s = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&s, 1, sizeof *s, "what was accepted", err)) < 0)
		return rc;
	s->lock = -1;
	if ((rc = fm_accepted_make(dir, err)) < 0 || (rc = check_folder(dir, err)) < 0)
		goto out;
	if (!(s->path = fm_path_join(dir, FM_ACCEPTED_FILE))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = take_lock(s, dir, err)) < 0)
		goto out;
	if ((rc = load(s, err)) < 0)
		goto out;
	rc = mark_known(s, signers, err);
out:
	if (rc < 0)
		fm_accepted_close(s);
	else
		*out = s;
	return rc;
}

void fm_accepted_close(struct fm_accepted_state *s)
{
	if (!s)
		return;
	if (s->lock >= 0)
		close(s->lock); /* this unlocks too */
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].name);
	free(s->path);
	free(s->list);
	fm_buf_free(&s->text);
	free(s->rotation);
	free(s->known);
	free(s);
}

bool fm_accepted_is_after(const struct fm_accepted_state *s, const char *from, const char *to)
{
	for (size_t n = 0; from && n < s->nrotations; n++) {
		const char *next = NULL;

		for (size_t i = 0; !next && i < s->nrotations; i++)
			if (strcmp(s->rotation[i].from, from) == 0)
				next = s->rotation[i].to;
		if (next && strcmp(next, to) == 0)
			return true;
		from = next;
	}
	return false;
}

static bool is_of_signer(const struct fm_accepted_state *s, size_t i, const struct fm_accepted *now)
{
	const struct entry *a = &s->list[i];

	return strcmp(a->fingerprint, now->fingerprint) == 0 ||
	       fm_accepted_is_after(s, a->fingerprint, now->fingerprint) ||
	       fm_accepted_is_after(s, now->fingerprint, a->fingerprint) ||
	       (is_known(s, a->fingerprint) && strcmp(a->signer, now->signer) == 0);
}

static bool is_before(const struct fm_accepted_state *s, size_t i, const struct fm_accepted *now)
{
	return strcmp(s->list[i].name, now->name) == 0 && is_of_signer(s, i, now);
}

const char *fm_accepted_latest(const struct fm_accepted_state *s, const struct fm_accepted *now)
{
	const char *latest = "";

	for (size_t i = 0; i < s->n; i++)
		if (is_of_signer(s, i, now) && s->list[i].accepted[0] != '?' && strcmp(s->list[i].accepted, latest) > 0)
			latest = s->list[i].accepted;
	return latest;
}

static int read_again(const struct fm_accepted_state *s, size_t i, struct fm_accepted *a, struct fm_error *err)
{
	struct fm_json_scan scan = {.text = s->text.data + s->list[i].begin, .n = s->list[i].n};
	json_t *o;
	int rc;

	if ((rc = fm_json_scan_value(&scan, &o, err)) < 0)
		return rc;
	if (!read_one(o, a))
		rc = no_memory(err); /* it was good when it was read first */
	json_decref(o);
	return rc;
}

int fm_accepted_last(const struct fm_accepted_state *s, const struct fm_accepted *now, bool *found,
		     struct fm_accepted *last, struct fm_error *err)
{
	struct fm_accepted a;
	int rc;

	*found = false;
	for (size_t i = 0; i < s->n; i++) {
		if (!is_before(s, i, now))
			continue;
		if ((rc = read_again(s, i, &a, err)) < 0)
			return rc;
		if (!*found || fm_version_compare(a.version, last->version) > 0) {
			*last = a;
			*found = true;
		}
	}
	return FM_OK;
}

/* ---- remembering ---- */

static json_t *to_json(const struct fm_accepted *a)
{
	json_t *o = json_pack("{s:I}", "sequence", (json_int_t)a->sequence);

	for (size_t i = 0; i < NTEXTS; i++)
		if (json_object_set_new(o, texts[i].key, json_string((const char *)a + texts[i].offset)) != 0) {
			json_decref(o);
			return NULL;
		}
	if (a->log_size && (json_object_set_new(o, "log_size", json_integer((json_int_t)a->log_size)) != 0 ||
			    json_object_set_new(o, "log_root", json_string(a->log_root)) != 0)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* A value as it stands in the file, so many blanks from the left; takes v over. */
static int write_value(json_t *v, size_t indent, struct fm_buf *out, struct fm_error *err)
{
	struct fm_buf text = {0};
	int rc = v ? fm_json_pretty(v, &text, err) : no_memory(err);

	json_decref(v);
	for (size_t i = 0; rc >= 0 && i + 1 < text.len; i++) {
		fm_buf_add(out, text.data + i, 1);
		if (text.data[i] == '\n')
			fm_buf_printf(out, "%*s", (int)indent, "");
	}
	fm_buf_free(&text);
	return rc;
}

static int write_rotations(const struct fm_accepted_state *s, struct fm_buf *out, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < s->nrotations; i++) {
		const struct fm_accepted_rotation *r = &s->rotation[i];

		fm_buf_puts(out, i ? ",\n    " : ",\n  \"rotations\": [\n    ");
		if ((rc = write_value(json_pack("{s:s, s:s, s:s, s:s}", "from", r->from, "to", r->to, "issued",
						r->issued, "sha256", r->sha256),
				      4, out, err)) < 0)
			return rc;
	}
	if (s->nrotations)
		fm_buf_puts(out, "\n  ]");
	return FM_OK;
}

/* As fm_json_pretty would write it; what is kept is copied. */
static int write_list(const struct fm_accepted_state *s, const struct fm_accepted *now, struct fm_buf *out,
		      struct fm_error *err)
{
	int rc;

	fm_buf_puts(out, "{\n  \"format\": \"" FM_ACCEPTED_FORMAT "\",\n  \"releases\": [\n    ");
	for (size_t i = 0; i < s->n; i++)
		if (!is_before(s, i, now)) {
			fm_buf_add(out, s->text.data + s->list[i].begin, s->list[i].n);
			fm_buf_puts(out, ",\n    ");
		}
	if ((rc = write_value(to_json(now), 4, out, err)) < 0)
		return rc;
	fm_buf_puts(out, "\n  ]");
	if ((rc = write_rotations(s, out, err)) < 0)
		return rc;
	fm_buf_puts(out, "\n}\n");
	return fm_buf_check(out, err);
}

int fm_accepted_remember(struct fm_accepted_state *s, const struct fm_accepted *now, struct fm_error *err)
{
	struct fm_buf text = {0};
	int rc;

	if ((rc = write_list(s, now, &text, err)) < 0)
		goto out;
	if (text.len > FILE_MAX) {
		rc = fm_fail(err, FM_ESYSTEM, "%s would be larger than %u bytes: name another folder with --state DIR",
			     s->path, FILE_MAX);
		goto out;
	}
	if ((rc = fm_file_write(s->path, 0600, text.data, text.len, err)) < 0) {
		if (err)
			err->code = FM_ESYSTEM;
		fm_error_prefix(err, "what was accepted cannot be remembered (--no-state does without): ");
		rc = FM_ESYSTEM;
	}
out:
	fm_buf_free(&text);
	return rc;
}
