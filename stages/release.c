/*
 * release.c - the stage: synthetic flows and a verdict that says pass become an archive.
 *
 * Nothing is written before the verdict is known to be good; the verifier's own code checks the archive before the
 * stage reports it; whatever fails, the folder is left as it was found.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/num.h"
#include "base/rows.h"
#include "base/table.h"
#include "judge/gate/check.h"
#include "judge/gate/controls.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "manifests/embed.h"
#include "model/generator.h"
#include "release/archive.h"
#include "release/metadata.h"
#include "report/report.h"
#include "stages/released_flows.h"
#include "stages/stage.h"
#include "stages/table.h"
#include "traces/ipfix.h"
#include "traces/spell.h"
#include "traces/trace.h"

#define VERDICT_MAX (16u << 20)
#define LICENSE_MAX (1u << 20)
#define EPOCH_1980 INT64_C(315532800)

/* In byte order of their paths, except the last. */
enum { CITATION, LICENSE, README, CROISSANT, DATA, IPFIX, TEST, TRAIN, PACKAGE, MANIFEST, REPORT, SUMS, NMEMBERS };
/* The parts of metadata.h. */
enum { FIRST, LAST };
static const char *const part_name[FM_METADATA_PARTS] = {"train", "test"};

struct job {
	const struct fm_release_in *in;
	struct fm_release_out *out;
	struct fm_error *err;
	struct fm_verdict verdict;
	struct fm_dialect *dialect, *source; /* source: NULL where it is the same dialect */
	struct fm_table *table;              /* once written: the flows as a reader of the release has them */
	bool headed;                         /* with a line of names that the dialect does not have */
	struct fm_buf citation, license, readme, croissant, package, manifest, report, sums;
	struct fm_archive_digests digests;
	struct fm_archive_file ipfix; /* as it lies in the archive, where the dialect is of such files */
	char csv[512], ipfix_file[512], part_csv[FM_METADATA_PARTS][512], part_path[FM_METADATA_PARTS][64], date[16];
	struct fm_metadata_part part[FM_METADATA_PARTS];
	int64_t mtime_s;
	char data_sha256[FM_SHA256_HEX];
	uint64_t data_nbytes;
};

/* --- may it be released? --- */

static const struct fm_check_result *find_line(const struct fm_verdict *v, const char *name, const char *direction)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->check[i].name, name) == 0 && strcmp(v->check[i].direction, direction) == 0)
			return &v->check[i];
	return NULL;
}

static bool is_unasked(const struct fm_verdict *v, const char *check)
{
	for (size_t i = 0; i < json_array_size(v->unasked); i++)
		if (strcmp(json_string_value(json_array_get(v->unasked, i)), check) == 0)
			return true;
	return false;
}

/* Does the verdict tell of this bound, with the config's own threshold? */
static int check_bound(const struct job *j, const struct fm_cfg_check *c, const char *direction, double threshold,
		       bool relative)
{
	const struct fm_check_result *line = find_line(&j->verdict, c->name, direction);

	if (!line && is_unasked(&j->verdict, c->name))
		return FM_OK;
	if (!line)
		return fm_fail(j->err, FM_EVERDICT,
			       "the verdict does not tell of the check %s (%s); nothing is released", c->name,
			       direction);
	if (!fm_threshold_asked(line, threshold, relative, fm_gate_may_move(c, j->in->cfg->gate.room)))
		return fm_fail(j->err, FM_EVERDICT,
			       "the verdict judged %s by %s %g where the config has %g: let the gate judge again; "
			       "nothing is released",
			       c->name, direction, line->threshold, threshold);
	return FM_OK;
}

/* A verdict counts for the config that it was made with. */
static int check_config(const struct job *j)
{
	const struct fm_config *cfg = j->in->cfg;
	int rc;

	if (fm_config_controls(cfg) && !find_line(&j->verdict, FM_METRIC_CONTROLS, "max"))
		return fm_fail(j->err, FM_EVERDICT,
			       "the verdict does not tell of the gate's controls; nothing is released");
	if (cfg->gate.n == 0)
		return fm_fail(j->err, FM_EVERDICT, "the config names no check, so nothing is released");
	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *c = &cfg->gate.check[i];

		if (!c->has_max && !c->has_min)
			return fm_fail(j->err, FM_EVERDICT,
				       "the config gives the check %s no threshold; nothing is released", c->name);
		if ((c->has_max && (rc = check_bound(j, c, "max", c->max, fm_gate_is_relative(c, 1))) < 0) ||
		    (c->has_min && (rc = check_bound(j, c, "min", c->min, fm_gate_is_relative(c, 0))) < 0))
			return rc;
	}
	return FM_OK;
}

static int load_verdict(struct job *j)
{
	json_t *doc = NULL;
	int rc;

	if ((rc = fm_json_load(&doc, j->in->verdict_json, VERDICT_MAX, j->err)) < 0)
		return rc;
	rc = fm_verdict_from_json(&j->verdict, doc, j->err);
	json_decref(doc);
	if (rc == FM_EINPUT) {
		/* A verdict that cannot be understood did not pass. */
		if (j->err)
			j->err->code = FM_EVERDICT;
		fm_error_prefix(j->err, "%s is no verdict, so nothing is released: ", j->in->verdict_json);
		return FM_EVERDICT;
	}
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < j->verdict.n; i++)
		if (!j->verdict.check[i].waived && !fm_check_holds(&j->verdict.check[i])) /* waived by the gate */
			return fm_fail(j->err, FM_EVERDICT,
				       "the gate's check %s failed (value %g, %s %g); nothing is released",
				       j->verdict.check[i].name, j->verdict.check[i].value,
				       j->verdict.check[i].direction, j->verdict.check[i].threshold);
	if (!j->verdict.pass || !fm_verdict_holds(&j->verdict))
		return fm_fail(j->err, FM_EVERDICT, "the gate's verdict is not pass; nothing is released");
	return check_config(j);
}

/* --- what goes in --- */

/* The date of the config.  Files of a release without a date are of 1980-01-01, the first day that zip and FAT can
 * hold. */
static int find_date(struct job *j)
{
	const char *date = j->in->cfg->release.date;
	char text[FM_TIME_MAX];
	int64_t ms;

	j->mtime_s = EPOCH_1980;
	snprintf(j->date, sizeof j->date, "%s", date);
	if (!date[0])
		return FM_OK;
	snprintf(text, sizeof text, "%.10s 00:00:00", date);
	if (strlen(date) != 10 || fm_parse_time_ms(text, strlen(text), &ms) || ms < 0)
		return fm_fail(j->err, FM_EINPUT, "release.date: %s is no date from 1970 on (YYYY-MM-DD)", date);
	j->mtime_s = ms / 1000;
	return FM_OK;
}

/* Is the member one of this release's? */
static bool has(const struct job *j, int member)
{
	return member == LICENSE ? j->license.len > 0
	       : member == IPFIX ? j->dialect->ipfix
				 : (member != TEST && member != TRAIN) || j->in->cfg->publish.test_share > 0;
}

/* Rows first to first + n of the flows in a file of their own. */
static int write_part(struct job *j, int part, size_t first, size_t n)
{
	struct fm_metadata_part *p = &j->part[part];
	struct fm_table *t = NULL;
	uint32_t *rows = NULL;
	int rc;

	if (n == 0)
		return fm_fail(j->err, FM_EINPUT, "publish.test_share: of %zu flows %s would have none",
			       (size_t)j->table->rows, j->part_path[part]);
	if ((rc = fm_alloc(&rows, n, sizeof *rows, "a part of the flows", j->err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		rows[i] = (uint32_t)(first + i);
	if ((rc = fm_table_take(&t, j->table, rows, n, j->err)) < 0 ||
	    (rc = fm_trace_write(t, j->dialect, j->part_csv[part], j->err)) < 0 ||
	    (rc = fm_sha256_file_hex(j->part_csv[part], p->sha256, j->err)) < 0)
		goto out;
	p->name = part_name[part];
	p->rows = n;
	rc = fm_file_size(j->part_csv[part], &p->nbytes, j->err);
out:
	fm_table_free(t);
	free(rows);
	return rc;
}

/* The last flows are for tests: a model trained on the others has seen nothing of that time. */
static int split_data(struct job *j)
{
	double share = j->in->cfg->publish.test_share;
	size_t n = j->table->rows, last = (size_t)(share * (double)n);
	int rc;

	if (share <= 0)
		return FM_OK;
	if ((rc = write_part(j, FIRST, 0, n - last)) < 0)
		return rc;
	return write_part(j, LAST, n - last, last);
}

/* The text that the config names, else the known text of the licence, else none. */
static int find_license(struct job *j)
{
	struct fm_embed known;

	if (j->in->license)
		return fm_file_read(j->in->license, LICENSE_MAX, &j->license, j->err);
	if (fm_embed_find(&known, FM_EMBED_LICENCE, j->in->cfg->release.license))
		fm_buf_add(&j->license, known.text, known.n);
	return fm_buf_check(&j->license, j->err);
}

/* The flows once more, for collectors. */
static int write_ipfix(struct job *j)
{
	int rc;

	snprintf(j->ipfix.path, sizeof j->ipfix.path, "%s", FM_ARCHIVE_DATA_IPFIX);
	if ((rc = fm_ipfix_write(j->table, (uint64_t)j->dialect->sampling, j->ipfix_file, j->err)) < 0 ||
	    (rc = fm_sha256_file_hex(j->ipfix_file, j->ipfix.sha256, j->err)) < 0)
		return rc;
	return fm_file_size(j->ipfix_file, &j->ipfix.nbytes, j->err);
}

/* The flows of an archive that is made again need be no more than those of its file from the start. */
static int write_flows(struct job *j)
{
	char before[FM_SHA256_HEX] = "";
	int rc;

	if (j->in->flows && (rc = fm_sha256_file_hex(j->in->flows, before, j->err)) < 0)
		return rc;
	return fm_released_settle(&j->table, j->dialect, j->headed, j->csv, j->in->out_dir, before, j->data_sha256,
				  j->err);
}

static int write_data(struct job *j)
{
	const struct fm_config *cfg = j->in->cfg;
	int rc;

	if ((rc = fm_dialect_load(&j->dialect, fm_config_published(cfg), j->err)) < 0 ||
	    (strcmp(fm_config_published(cfg), cfg->source.dialect) != 0 &&
	     (rc = fm_dialect_load(&j->source, cfg->source.dialect, j->err)) < 0))
		return rc;
	for (int i = 0; i < FM_METADATA_PARTS; i++)
		snprintf(j->part_path[i], sizeof j->part_path[i], "data/%s.%s", part_name[i],
			 j->dialect->json ? "jsonl" : "csv");
	j->headed = cfg->publish.header && !j->dialect->header && !j->dialect->json;
	if ((rc = j->in->flows
		      ? fm_released_flows(j->in->flows, j->dialect, j->headed, j->in->out_dir, &j->table, j->err)
		      : fm_table_open(&j->table, j->in->synthetic_dir, j->err)) < 0)
		return rc;
	if (j->headed)
		j->dialect->header = true;
	if (j->table->rows == 0)
		return fm_fail(j->err, FM_EINPUT, "%s has no flows; there is nothing to release", j->in->synthetic_dir);
	fm_spell_say_losses(j->table, j->dialect);
	if ((rc = write_flows(j)) < 0 || (rc = fm_file_size(j->csv, &j->data_nbytes, j->err)) < 0)
		return rc;
	if (j->dialect->ipfix && (rc = write_ipfix(j)) < 0)
		return rc;
	return split_data(j);
}

static int put_json(struct job *j, json_t *doc, struct fm_buf *out)
{
	int rc = doc ? fm_json_pretty(doc, out, j->err) : fm_fail(j->err, FM_ESYSTEM, "out of memory for the metadata");

	json_decref(doc);
	return rc;
}

static int describe(struct job *j, const char *path, const struct fm_buf *b, struct fm_archive_file *f)
{
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	if ((rc = fm_buf_check(b, j->err)) < 0 || (rc = fm_sha256_bytes(b->data, b->len, digest, j->err)) < 0)
		return rc;
	snprintf(f->path, sizeof f->path, "%s", path);
	f->nbytes = b->len;
	fm_hex(digest, sizeof digest, f->sha256);
	return FM_OK;
}

static const char *data_path(const struct job *j)
{
	return j->dialect->json ? FM_ARCHIVE_DATA_JSON : FM_ARCHIVE_DATA;
}

static void describe_data(const struct job *j, struct fm_archive_file f[NMEMBERS])
{
	static const int member[FM_METADATA_PARTS] = {TRAIN, TEST};

	snprintf(f[DATA].path, sizeof f[DATA].path, "%s", data_path(j));
	memcpy(f[DATA].sha256, j->data_sha256, sizeof f[DATA].sha256);
	f[DATA].nbytes = j->data_nbytes;
	f[IPFIX] = j->ipfix;
	for (int i = 0; i < FM_METADATA_PARTS && has(j, TRAIN); i++) {
		struct fm_archive_file *to = &f[member[i]];

		snprintf(to->path, sizeof to->path, "%s", j->part_path[i]);
		memcpy(to->sha256, j->part[i].sha256, sizeof to->sha256);
		to->nbytes = j->part[i].nbytes;
	}
}

/* Put those of the first `until` members that this release has into list. */
static size_t gather(const struct job *j, const struct fm_archive_file f[NMEMBERS], int until,
		     struct fm_archive_file list[NMEMBERS])
{
	size_t n = 0;

	for (int i = 0; i < until; i++)
		if (has(j, i))
			list[n++] = f[i];
	return n;
}

/* The manifest of a version that had not all of today's keys, with their values: the page shows a whole config. */
static json_t *with_all_keys(json_t *manifest, const struct fm_config *cfg)
{
	json_t *config = json_object_get(manifest, "config"), *all = fm_config_json(cfg, NULL, true), *section, *has;
	bool failed = !all;
	const char *name;

	if (!config || failed)
		goto out;
	json_object_foreach(all, name, section)
	{
		if (!(has = json_object_get(config, name)))
			failed |= json_object_set(config, name, section) != 0;
		else if (json_is_object(section))
			failed |= json_object_update_missing(has, section) != 0;
	}
out:
	json_decref(all);
	if (!failed)
		return manifest;
	json_decref(manifest);
	return NULL;
}

/* The page of what a partner may see of a manifest, which names the n files, not the page itself. */
static int write_report(struct job *j, const struct fm_metadata_in *in, const struct fm_archive_file *list, size_t n)
{
	json_t *facts = NULL, *partner = NULL;
	struct fm_buf text = {0};
	int rc;

	/* As a reader of the manifest has it: with its members in their order. */
	if ((rc = put_json(j, with_all_keys(fm_manifest_json(in, j->in->manifest, list, n), j->in->cfg), &text)) < 0)
		goto out;
	if (!(facts = fm_json_parse(text.data, text.len, JSON_REJECT_DUPLICATES, NULL))) {
		rc = fm_fail(j->err, FM_ESYSTEM, "out of memory for the report");
		goto out;
	}
	if ((rc = fm_report_partner(facts, fm_stage_shows_output, &partner, j->err)) >= 0)
		rc = fm_report_html(partner, true, &j->report, j->err);
out:
	fm_buf_free(&text);
	json_decref(partner);
	json_decref(facts);
	return rc;
}

/* The documents, each after those whose digests it names. */
static int write_documents(struct job *j)
{
	json_t *generator = fm_generator_describe(j->in->cfg);
	struct fm_metadata_in in = {.cfg = j->in->cfg,
				    .dialect = j->dialect,
				    .source = j->source,
				    .table = j->table,
				    .verdict = &j->verdict,
				    .date = j->date,
				    .data_sha256 = j->data_sha256,
				    .data_nbytes = j->data_nbytes,
				    .privacy = json_object_get(j->in->manifest, "privacy"),
				    .generator = generator,
				    .parts = has(j, TRAIN) ? j->part : NULL,
				    .ipfix = has(j, IPFIX) ? &j->ipfix : NULL,
				    .license_text = has(j, LICENSE),
				    .left_out = json_object_get(j->in->manifest, "left_out"),
				    .filled = json_object_get(j->in->manifest, "filled")};
	struct fm_archive_file f[NMEMBERS] = {0}, list[NMEMBERS];
	size_t n;
	int rc;

	if (!generator)
		return fm_fail(j->err, FM_ESYSTEM, "out of memory for the data sheet");
	fm_citation_text(&in, &j->citation);
	describe_data(j, f);
	if ((rc = fm_readme_text(&in, &j->readme, j->err)) < 0 ||
	    (rc = describe(j, FM_ARCHIVE_README, &j->readme, &f[README])) < 0 ||
	    (rc = describe(j, FM_ARCHIVE_CITATION, &j->citation, &f[CITATION])) < 0 ||
	    (has(j, LICENSE) && (rc = describe(j, FM_ARCHIVE_LICENSE, &j->license, &f[LICENSE])) < 0) ||
	    (rc = put_json(j, fm_croissant_json(&in), &j->croissant)) < 0 ||
	    (rc = describe(j, FM_ARCHIVE_CROISSANT, &j->croissant, &f[CROISSANT])) < 0 ||
	    (rc = put_json(j, fm_datapackage_json(&in), &j->package)) < 0 ||
	    (rc = describe(j, FM_ARCHIVE_DATAPACKAGE, &j->package, &f[PACKAGE])) < 0)
		goto out;
	n = gather(j, f, MANIFEST, list);
	if ((rc = write_report(j, &in, list, n)) < 0 ||
	    (rc = describe(j, FM_ARCHIVE_REPORT, &j->report, &f[REPORT])) < 0)
		goto out;
	list[n++] = f[REPORT];
	if ((rc = put_json(j, fm_manifest_json(&in, j->in->manifest, list, n), &j->manifest)) < 0 ||
	    (rc = describe(j, FM_ARCHIVE_MANIFEST, &j->manifest, &f[MANIFEST])) < 0)
		goto out;
	n = gather(j, f, SUMS, list);
	fm_sums_text(list, n, &j->sums);
	rc = fm_buf_check(&j->sums, j->err);
out:
	json_decref(generator);
	return rc;
}

/* --- the archive --- */

static int write_archive(struct job *j)
{
	const struct fm_config *cfg = j->in->cfg;
	char folder[FM_ARCHIVE_MAX_FOLDER];
	const struct fm_archive_member all[NMEMBERS] = {
	    [CITATION] = {.path = FM_ARCHIVE_CITATION, .data = j->citation.data, .n = j->citation.len},
	    [LICENSE] = {.path = FM_ARCHIVE_LICENSE, .data = j->license.data, .n = j->license.len},
	    [CROISSANT] = {.path = FM_ARCHIVE_CROISSANT, .data = j->croissant.data, .n = j->croissant.len},
	    [README] = {.path = FM_ARCHIVE_README, .data = j->readme.data, .n = j->readme.len},
	    [DATA] = {.path = data_path(j), .file = j->csv},
	    [IPFIX] = {.path = FM_ARCHIVE_DATA_IPFIX, .file = j->ipfix_file},
	    [TEST] = {.path = j->part_path[LAST], .file = j->part_csv[LAST]},
	    [TRAIN] = {.path = j->part_path[FIRST], .file = j->part_csv[FIRST]},
	    [PACKAGE] = {.path = FM_ARCHIVE_DATAPACKAGE, .data = j->package.data, .n = j->package.len},
	    [MANIFEST] = {.path = FM_ARCHIVE_MANIFEST, .data = j->manifest.data, .n = j->manifest.len},
	    [REPORT] = {.path = FM_ARCHIVE_REPORT, .data = j->report.data, .n = j->report.len},
	    [SUMS] = {.path = FM_ARCHIVE_SUMS, .data = j->sums.data, .n = j->sums.len},
	};
	struct fm_archive_member m[NMEMBERS];
	size_t n = 0;

	for (int i = 0; i < NMEMBERS; i++)
		if (has(j, i))
			m[n++] = all[i];
	snprintf(folder, sizeof folder, "%s-%s", cfg->release.name, cfg->release.version);
	return fm_archive_write(folder, j->mtime_s, m, n, j->out->archive, &j->digests, j->err);
}

/* Check what the partner will find, reading it from the disk. */
static int check_archive(struct job *j)
{
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	int fd, rc;

	fd = open(j->out->archive, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fm_fail_errno(j->err, "%s", j->out->archive);
	if ((rc = fm_archive_read(fd, &info, &reason, j->err)) < 0 ||
	    (rc = fm_archive_check_contents(&info, &reason, j->err)) < 0)
		goto out;
	if (strcmp(info.digests.sha256, j->digests.sha256) || strcmp(info.digests.tar_sha256, j->digests.tar_sha256))
		rc = fm_fail(j->err, FM_ESYSTEM, "it reads back differently from what was written");
out:
	if (rc < 0) {
		/* A new archive that does not verify is a failure of this machine, not a verdict on the data. */
		rc = FM_ESYSTEM;
		if (j->err)
			j->err->code = rc;
		fm_error_prefix(j->err, "the archive just written is not good: ");
	}
	fm_archive_info_free(&info);
	close(fd);
	return rc;
}

static int name_outputs(struct job *j)
{
	char name[FM_CONFIG_ARCHIVE];
	int n, k;

	n = snprintf(j->out->archive, sizeof j->out->archive, "%s/%s", j->in->out_dir,
		     fm_config_archive(j->in->cfg, name));
	k = snprintf(j->csv, sizeof j->csv, "%s/.flows.csv", j->in->out_dir);
	if (n < 0 || k < 0 || (size_t)n >= sizeof j->out->archive || (size_t)k >= sizeof j->csv)
		return fm_fail(j->err, FM_EINPUT, "%s: the path is too long", j->in->out_dir);
	snprintf(j->ipfix_file, sizeof j->ipfix_file, "%.490s/.flows.ipfix", j->in->out_dir);
	for (int i = 0; i < FM_METADATA_PARTS; i++)
		snprintf(j->part_csv[i], sizeof j->part_csv[i], "%.480s/.%s.csv", j->in->out_dir, part_name[i]);
	return FM_OK;
}

/* Make all of the release folder; the files of flows beside the archive are removed in any case. */
static int make_archive(struct job *j)
{
	int rc;

	if ((rc = find_license(j)) < 0 || (rc = write_data(j)) < 0 || (rc = write_documents(j)) < 0 ||
	    (rc = write_archive(j)) < 0 || (rc = check_archive(j)) < 0)
		goto out;
	if (unlink(j->csv) < 0 && errno != ENOENT)
		rc = fm_fail_errno(j->err, "%s", j->csv);
out:
	unlink(j->csv);
	unlink(j->ipfix_file);
	for (int i = 0; i < FM_METADATA_PARTS; i++)
		unlink(j->part_csv[i]);
	return rc;
}

int fm_stage_release(const struct fm_release_in *in, struct fm_release_out *out, struct fm_error *err)
{
	struct job j = {.in = in, .out = out, .err = err};
	int rc;

	memset(out, 0, sizeof *out);
	if ((rc = load_verdict(&j)) < 0 || (rc = name_outputs(&j)) < 0 || (rc = find_date(&j)) < 0)
		goto out;
	if ((rc = make_archive(&j)) < 0) {
		unlink(out->archive);
		goto out;
	}
	memcpy(out->tar_sha256, j.digests.tar_sha256, sizeof out->tar_sha256);
	memcpy(out->archive_sha256, j.digests.sha256, sizeof out->archive_sha256);
	out->nbytes = j.digests.nbytes;
out:
	if (rc < 0)
		memset(out, 0, sizeof *out);
	fm_verdict_free(&j.verdict);
	fm_dialect_free(j.dialect);
	fm_dialect_free(j.source);
	fm_table_free(j.table);
	fm_buf_free(&j.citation);
	fm_buf_free(&j.license);
	fm_buf_free(&j.report);
	fm_buf_free(&j.croissant);
	fm_buf_free(&j.readme);
	fm_buf_free(&j.package);
	fm_buf_free(&j.manifest);
	fm_buf_free(&j.sums);
	return rc;
}

json_t *fm_release_out_json(const struct fm_release_out *out)
{
	return json_pack("{s:s,s:s,s:s,s:I}", "archive", out->archive, "tar_sha256", out->tar_sha256, "archive_sha256",
			 out->archive_sha256, "bytes", (json_int_t)out->nbytes);
}
