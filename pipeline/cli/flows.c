#include "pipeline/cli/flows.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rows.h"
#include "manifests/embed.h"
#include "manifests/json_bounds.h"
#include "pipeline/product.h"
#include "release/archive.h"
#include "traces/doubts.h"
#include "traces/source.h"
#include "traces/trace.h"

#define MAX_BAD_SHARE 0.01
#define MAX_BAD_SYNTHETIC 0.5 /* they count as flows that cannot exist; a file with more is none of this dialect */
#define ARCHIVE ".tar.zst"

const char *fm_flows_spill(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp && *tmp ? tmp : "/tmp";
}

int fm_flows_spill_make(char **dir, struct fm_error *err)
{
	int rc;

	if (asprintf(dir, "%s/flowmint-XXXXXX", fm_flows_spill()) < 0) {
		*dir = NULL;
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if (mkdtemp(*dir))
		return FM_OK;
	rc = fm_fail_errno(err, "%s", fm_flows_spill());
	free(*dir);
	*dir = NULL;
	return rc;
}

void fm_flows_spill_end(char *dir)
{
	if (dir)
		fm_dir_clear_away(dir);
	free(dir);
}

/* ---- tables of a run ---- */

bool fm_flows_is_archive(const char *path)
{
	size_t n = strlen(path), suffix = strlen(ARCHIVE);

	return n > suffix && strcmp(path + n - suffix, ARCHIVE) == 0;
}

/* The table in a stage's product, or in the folder around it, for each role. */
static bool find_table(const struct fm_flows *f, const char *path, char dir[PATH_MAX + 32])
{
	const char *synthetic = fm_stage_table[FM_GENERATE].product, *store = fm_stage_table[FM_INGEST].product,
		   *split = fm_items[f->role == FM_FLOWS_HOLDOUT ? FM_ITEM_HOLDOUT : FM_ITEM_TRAIN].name;
	const char *const inner[][4] = {
	    {"", "", "", ""}, {"/", synthetic, "", ""}, {"/", store, "/", split}, {"/", split, "", ""}};

	for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
		const char *const *in = inner[i];

		snprintf(dir, PATH_MAX + 32, "%s%s%s%s%s/schema.json", path, in[0], in[1], in[2], in[3]);
		if (fm_file_exists(dir)) {
			dir[strlen(dir) - strlen("/schema.json")] = '\0';
			return true;
		}
	}
	return false;
}

/* What the newest run of a project or workspace made. */
static int find_newest(const struct fm_flows *f, char **entry, struct fm_error *err)
{
	enum fm_stage_id id = f->role == FM_FLOWS_SYNTHETIC ? FM_GENERATE : FM_INGEST;
	char *workspace, run[FM_RUN_ID_MAX];
	int rc;

	*entry = NULL;
	if ((rc = fm_product_workspace(f->path, &workspace, err)) < 0)
		return rc;
	if (!workspace)
		return fm_fail(err, FM_EINPUT,
			       "%s holds no flows of a run: name a project or its workspace, a stage's product such as "
			       "WORKSPACE/stages/generate/KEY, an unpacked archive or a folder with one archive, or a "
			       "file",
			       f->path);
	if ((rc = fm_product_newest(workspace, id, entry, run, err)) >= 0)
		fm_log("%s: the %s stage of run %s, the newest that generated flows", f->path, fm_stage_name(id), run);
	free(workspace);
	return rc;
}

int fm_flows_archive_in(const char *dir, char **archive, struct fm_error *err)
{
	const char *found = NULL;
	char **names = NULL;
	size_t n = 0;
	int rc;

	*archive = NULL;
	if ((rc = fm_dir_list(dir, &names, &n, err)) < 0)
		return rc;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (!fm_flows_is_archive(names[i]))
			continue;
		if (found)
			rc = fm_fail(err, FM_EINPUT, "%s holds several archives: name one of them", dir);
		found = names[i];
	}
	if (rc >= 0 && found && !(*archive = fm_path_join(dir, found)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	fm_names_free(names, n);
	return rc;
}

bool fm_flows_is_run(const char *path)
{
	return fm_run_is_named(path) && !fm_file_exists(path);
}

/* Flows, and no folder of a product or of runs. */
static bool is_plain(const struct fm_flows *f)
{
	char path[PATH_MAX + 32];
	struct stat st;

	if (stat(f->path, &st) != 0 || !S_ISDIR(st.st_mode))
		return true;
	snprintf(path, sizeof path, "%s/data/flows.csv", f->path);
	return fm_file_exists(path) || find_table(f, f->path, path);
}

/* The stage's product that f->path stands for: itself, that of a run, or of the newest one. */
static int find_entry(const struct fm_flows *f, bool run, char **entry, struct fm_error *err)
{
	*entry = NULL;
	if (run)
		return fm_product_of_run(f->workspace, f->role == FM_FLOWS_SYNTHETIC ? FM_GENERATE : FM_INGEST, f->path,
					 entry, err);
	return fm_product_is_entry(f->path) ? FM_OK : find_newest(f, entry, err);
}

int fm_flows_find(struct fm_flows *f, struct fm_flows_place *place, struct fm_error *err)
{
	bool run = f->workspace && fm_flows_is_run(f->path), runs;
	char dir[PATH_MAX + 32], *entry = NULL, *workspace;
	int rc;

	*place = (struct fm_flows_place){0};
	if (!run && is_plain(f))
		return FM_OK;
	workspace = NULL;
	if (!run && (rc = fm_product_workspace(f->path, &workspace, err)) < 0)
		return rc;
	runs = run || workspace;
	free(workspace);
	if (!runs && !fm_product_is_entry(f->path)) {
		if ((rc = fm_flows_archive_in(f->path, &place->dir, err)) < 0)
			return rc;
		if (place->dir) {
			f->path = place->dir;
			return FM_OK;
		}
	}
	if ((rc = find_entry(f, run, &entry, err)) < 0)
		return rc;
	if ((rc = fm_product_open(&place->product, entry ? entry : f->path, err)) < 0)
		goto out;
	if (!find_table(f, place->product.dir, dir))
		rc = fm_fail(err, FM_EINPUT, "%s: holds no flows", entry ? entry : f->path);
	else if (!(place->dir = strdup(dir)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else
		f->path = place->dir;
out:
	if (rc < 0)
		fm_flows_forget(place);
	free(entry);
	return rc;
}

void fm_flows_forget(struct fm_flows_place *place)
{
	fm_product_close(&place->product);
	free(place->dir);
	*place = (struct fm_flows_place){0};
}

static int load_folder(const struct fm_flows *f, struct fm_table **t, struct fm_error *err)
{
	struct fm_table *all = NULL;
	char dir[PATH_MAX + 32];
	uint32_t *first = NULL;
	int rc;

	if (!find_table(f, f->path, dir))
		return fm_fail(err, FM_EINPUT, "%s: holds no flows", f->path);
	if ((rc = fm_table_open(&all, dir, err)) < 0)
		return rc;
	if (!f->rows || f->rows >= all->rows) {
		*t = all;
		return FM_OK;
	}
	if ((rc = fm_alloc(&first, f->rows, sizeof *first, "a choice of rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < f->rows; i++)
		first[i] = (uint32_t)i;
	rc = fm_table_take(t, all, first, f->rows, err);
out:
	free(first);
	fm_table_free(all);
	return rc;
}

/* ---- text ---- */

/* What is noted while a text is read: the first bad row, and what is probably not meant. */
struct notes {
	uint64_t line;
	char reason[160];
	struct fm_doubts doubts;
};

static void note_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct notes *notes = ctx;

	fm_doubts_bad(&notes->doubts, bad);
	if (notes->line)
		return;
	notes->line = bad->line;
	snprintf(notes->reason, sizeof notes->reason, "%s", bad->reason);
}

static int note_rows(void *ctx, const struct fm_table *rows, const uint64_t *place, const uint8_t *said,
		     struct fm_error *err)
{
	struct notes *notes = ctx;

	return fm_doubts_look(&notes->doubts, rows, place, said, err);
}

static void say_notes(const struct notes *notes, const struct fm_flows *f, const struct fm_table *t,
		      const struct fm_trace_stats *stats, bool counted)
{
	struct fm_error err;

	if (stats->bad)
		fm_warn("%s: %llu of %llu rows cannot be read and %s; first at line %llu: %s", f->path,
			(unsigned long long)stats->bad, (unsigned long long)stats->rows + stats->bad,
			counted ? "count as flows that cannot exist" : "are left out", (unsigned long long)notes->line,
			notes->reason);
	if (stats->missing_values)
		fm_warn("%s: %llu missing value%s as 0", f->path, (unsigned long long)stats->missing_values,
			stats->missing_values == 1 ? " counts" : "s count");
	if (stats->unsorted > stats->rows / 3)
		fm_warn("%s: %llu of %llu rows are earlier than the row before them, and the time between the two "
			"counts as "
			"0: sort it by time first",
			f->path, (unsigned long long)stats->unsorted, (unsigned long long)stats->rows);
	/* What a run would refuse is scored all the same. */
	if (fm_doubts_judge(&notes->doubts, f->path, &t->dict[FM_LABEL], &err) < 0)
		fm_warn("%s", err.message);
}

/* ---- releases ---- */

const char *fm_flows_dialect(const json_t *config)
{
	const char *own = json_string_value(json_object_get(json_object_get(config, "publish"), "dialect"));
	const char *source = json_string_value(json_object_get(json_object_get(config, "source"), "dialect"));

	return own && strcmp(own, "source") != 0 ? own : source ? source : "";
}

/* The manifest of an archive, or of the folder dir of one; NULL where there is none: whoever reads the flows says so.
 */
static int find_manifest(const char *archive, const char *dir, json_t **manifest, struct fm_error *err)
{
	struct fm_archive_info info = {0};
	struct fm_buf text = {0};
	enum fm_reason reason;
	char path[PATH_MAX];
	int fd = -1, rc;

	*manifest = NULL;
	snprintf(path, sizeof path, "%s/manifest.json", dir ? dir : "");
	if (dir)
		rc = fm_file_read(path, FM_ARCHIVE_MAX_DOCUMENT, &text, err);
	else if ((rc = fm_file_open(archive, &fd, err)) >= 0)
		rc = fm_archive_read(fd, &info, &reason, err);
	if (rc < 0)
		goto out;
	if (info.manifest.len)
		fm_buf_add(&text, info.manifest.data, info.manifest.len);
	if ((rc = fm_buf_check(&text, err)) >= 0 && text.len && !fm_json_too_much(text.data, text.len))
		*manifest = fm_json_parse(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
out:
	fm_archive_info_free(&info);
	fm_buf_free(&text);
	if (fd >= 0)
		close(fd);
	return rc == FM_ESYSTEM ? rc : FM_OK;
}

/* The dialect that a release is written in: the built-in one that its manifest names, else a copy of f's.  What is
 * inside is f's word in any case, as for the flows that it is compared with. */
static int find_dialect(const struct fm_flows *f, const char *archive, const char *dir, struct fm_dialect **d,
			struct fm_error *err)
{
	struct fm_embed e;
	const char *name;
	json_t *manifest;
	int rc;

	if ((rc = find_manifest(archive, dir, &manifest, err)) < 0)
		return rc;
	name = fm_flows_dialect(json_object_get(manifest, "config"));
	if (fm_embed_find(&e, FM_EMBED_DIALECT, name)) {
		if ((rc = fm_dialect_load(d, name, err)) < 0)
			goto out;
		memcpy((*d)->internal, f->dialect->internal, sizeof f->dialect->internal);
		(*d)->ninternal = f->dialect->ninternal;
	} else {
		if ((rc = fm_alloc(d, 1, sizeof **d, "a dialect", err)) < 0)
			goto out;
		**d = *f->dialect;
	}
	/* A release says itself whether it has a header. */
	if (!(*d)->json)
		(*d)->header = (*d)->header_optional = true;
out:
	json_decref(manifest);
	return rc;
}

/* The user must hear of rows that are not scored, or not scored as they are in the file. */
int fm_flows_load(const struct fm_flows *f, struct fm_table **t, uint64_t *bad, struct fm_error *err)
{
	struct notes *notes = NULL;
	struct fm_trace_opts o = {.path = f->path,
				  .dialect = f->dialect,
				  .rows = f->rows,
				  .missing = FM_MISSING_ZERO,
				  .bad = note_bad,
				  .spill = f->spill ? f->spill : fm_flows_spill()};
	double max_bad = f->role == FM_FLOWS_SYNTHETIC ? MAX_BAD_SYNTHETIC : MAX_BAD_SHARE;
	struct fm_dialect *released = NULL;
	struct fm_trace_stats stats;
	char unpacked[PATH_MAX];
	struct stat st;
	int rc;

	if (bad)
		*bad = 0;
	if (stat(f->path, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(unpacked, sizeof unpacked, "%s/" FM_ARCHIVE_DATA, f->path);
		if (!fm_file_exists(unpacked))
			snprintf(unpacked, sizeof unpacked, "%s/" FM_ARCHIVE_DATA_JSON, f->path);
		if (!fm_file_exists(unpacked))
			return load_folder(f, t, err);
		o.path = unpacked;
	}
	if (fm_flows_is_archive(f->path))
		o.member = FM_SOURCE_FLOWS;
	if (o.member || o.path == unpacked) {
		if ((rc = find_dialect(f, f->path, o.member ? NULL : f->path, &released, err)) < 0)
			return rc;
		o.dialect = released;
	}
	if ((rc = fm_alloc(&notes, 1, sizeof *notes, "notes of a trace", err)) < 0)
		goto out;
	notes->doubts.dialect = o.dialect;
	o.ctx = notes;
	o.look = released ? NULL : note_rows; /* a release was judged when it was made */
	if ((rc = fm_trace_load(t, &o, max_bad, &stats, err)) < 0)
		goto out;
	if (bad)
		*bad = stats.bad;
	notes->doubts.place = stats.place;
	say_notes(notes, f, *t, &stats, bad != NULL);
out:
	if (notes)
		fm_doubts_free(&notes->doubts);
	free(notes);
	fm_dialect_free(released);
	return rc;
}
