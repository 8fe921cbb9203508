/*
 * metadata.h - the documents in an archive that say what it is.
 *
 *     README.md         a data sheet for people: what this is, how it was made, its columns, what the gate measured,
 *                       what it promises about privacy and what it does not, how to verify it, its licence
 *     datapackage.json  Frictionless Data Package v2 with one table
 *     croissant.json    Croissant 1.1 with fields of responsible AI
 *     CITATION.cff      Citation File Format 1.2
 *     manifest.json     what the runner knows (stages, environment, metrics), and "release", "rows", "schema", "files"
 *     LICENSE.txt       the licence's text, where it is known
 *     SHA256SUMS        "HEX  path" a line, for sha256sum -c inside the folder
 *
 * All of them are functions of their inputs: no clock, no host, no user.
 */
#ifndef FM_RELEASE_METADATA_H
#define FM_RELEASE_METADATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/table.h"
#include "manifests/config.h"
#include "manifests/dialect.h"
#include "manifests/metrics.h"
#include "release/archive.h"

/* A part of the flows in a file of its own. */
struct fm_metadata_part {
	const char *name; /* "train", of data/train.csv */
	char sha256[FM_SHA256_HEX];
	uint64_t nbytes, rows;
};
#define FM_METADATA_PARTS 2

struct fm_metadata_in {
	const struct fm_config *cfg;
	const struct fm_dialect *dialect; /* in which data/flows.csv, or data/flows.jsonl, is written */
	const struct fm_dialect *source;  /* the dialect of the trace, where that is another one; or NULL */
	const struct fm_table *table;     /* the synthetic flows: for their number, span and labels */
	const struct fm_verdict *verdict;
	const char *date;        /* YYYY-MM-DD of the release, "" when none is set */
	const char *data_sha256; /* of data/flows.csv */
	uint64_t data_nbytes;
	const json_t *privacy;                /* the manifest's, in privacy.mode dp; or NULL */
	const json_t *generator;              /* fm_generator_describe (model/generator.h): how the flows were made */
	const struct fm_metadata_part *parts; /* FM_METADATA_PARTS of them, or NULL: the flows are not split */
	const struct fm_archive_file *ipfix;  /* the same flows as messages of IPFIX, or NULL */
	bool license_text;                    /* LICENSE.txt is there */
	const json_t *left_out;               /* the manifest's: rows of the trace that were left out; or NULL */
	const json_t *filled;                 /* the manifest's: missing values that count as 0; or NULL */
};

/* Each json_t is a new reference; NULL without memory. */
/* {"fields":[{"name","type","format",...}],"missingValues":[""]}; for a dialect that lacks columns of a flow also
 * "absent", their list, and in each field "column", its name. */
json_t *fm_schema_json(const struct fm_dialect *d);
json_t *fm_datapackage_json(const struct fm_metadata_in *in);
json_t *fm_croissant_json(const struct fm_metadata_in *in);
void fm_citation_text(const struct fm_metadata_in *in, struct fm_buf *out);
/* base: the runner's part, or NULL; files: all in the archive except manifest.json and SHA256SUMS, with digests and
 * sizes. */
json_t *fm_manifest_json(const struct fm_metadata_in *in, const json_t *base, const struct fm_archive_file *files,
			 size_t n);
/* The runner's part of a manifest: all except what fm_manifest_json adds. */
json_t *fm_manifest_base(const json_t *manifest);
int fm_readme_text(const struct fm_metadata_in *in, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;
void fm_sums_text(const struct fm_archive_file *files, size_t n, struct fm_buf *out); /* sorted as given */

#endif
