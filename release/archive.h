/*
 * archive.h - NAME-VERSION.tar.zst: one folder of regular files, in the one byte form that such a tar can have.
 *
 * The tar is POSIX ustar: the folder (0755), then its files (0644) sorted by the bytes of their paths; owner 0:0
 * without names, one modification time for all, no links, no extended headers, zero blocks up to a multiple of 10,240
 * bytes.  It depends on nothing but the members and that time.  The zstd around it may differ between versions of
 * libzstd, so both digests are given.
 *
 *     struct fm_archive_member m[] = {{.path = "README.md", .data = text, .n = len},
 *                                     {.path = "data/flows.csv", .file = csv}};
 *     fm_archive_write("demo-1.0", 315532800, m, 2, "out/demo-1.0.tar.zst", &digests, err)
 *
 *     struct fm_archive_info info;
 *     fm_archive_read(fd, &info, &reason, err)              nothing is extracted; memory does not grow with the archive
 *     fm_archive_check_contents(&info, &reason, err)        SHA256SUMS and manifest.json against what is there
 *     fm_archive_info_free(&info)
 */
#ifndef FM_RELEASE_ARCHIVE_H
#define FM_RELEASE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "manifests/metrics.h"
#include "release/polyprint.h"
#include "release/reason.h"
#include "release/sign/sshsig.h"
#include "release/table_form.h"
#include "release/table_values.h"

#define FM_ARCHIVE_ZSTD_LEVEL "9"
#define FM_MANIFEST_FORMAT "flowmint-manifest/1"
/* Its files, docs/formats-release.md. */
#define FM_ARCHIVE_MANIFEST "manifest.json"
#define FM_ARCHIVE_SUMS "SHA256SUMS"
#define FM_ARCHIVE_README "README.md"
#define FM_ARCHIVE_DATAPACKAGE "datapackage.json"
#define FM_ARCHIVE_CROISSANT "croissant.json"
#define FM_ARCHIVE_CITATION "CITATION.cff"
#define FM_ARCHIVE_LICENSE "LICENSE.txt"
#define FM_ARCHIVE_REPORT "report.html"
#define FM_ARCHIVE_DATA "data/flows.csv"
#define FM_ARCHIVE_DATA_IPFIX "data/flows.ipfix" /* beside data/flows.csv, where the dialect is of IPFIX */
#define FM_ARCHIVE_DATA_JSON "data/flows.jsonl"  /* in place of data/flows.csv: JSON objects */
#define FM_ARCHIVE_MAX_FILES 1024
#define FM_ARCHIVE_MAX_FOLDER 96                      /* NAME (63), a hyphen, VERSION (31) and a NUL */
#define FM_ARCHIVE_MAX_PATH 100                       /* below the folder, with its NUL */
#define FM_ARCHIVE_MAX_BYTES ((uint64_t)077777777777) /* of one file: 8 GiB - 1, what ustar can say */
#define FM_ARCHIVE_MAX_FILE ((uint64_t)64 << 30)      /* of the compressed file */
#define FM_ARCHIVE_MAX_DOCUMENT (2u << 20)            /* of each document that is read into memory */
#define FM_ARCHIVE_MAX_CITATION 65536                 /* of CITATION.cff, which has a few hundred */
/* The tar may have at most this many times the bytes of the compressed file, and some more; for flows it is 5 to 10
 * times. */
#define FM_ARCHIVE_MAX_RATIO 100
#define FM_ARCHIVE_RATIO_FREE (16u << 20)

/* A file to be put in: from a file, or n bytes of memory when file is NULL.  nbytes and sha256 are set by the writer.
 */
struct fm_archive_member {
	const char *path; /* below the folder: "data/flows.csv" */
	const char *file;
	const void *data;
	size_t n;
	uint64_t nbytes;
	char sha256[FM_SHA256_HEX];
};
struct fm_archive_digests {
	char tar_sha256[FM_SHA256_HEX]; /* of the uncompressed tar */
	char sha256[FM_SHA256_HEX];     /* of the compressed file */
	uint8_t tar_sha512[FM_SHA512_LEN];
	uint8_t sha512[FM_SHA512_LEN]; /* of the compressed file: what the signature is over */
	uint64_t tar_nbytes, nbytes;
};
/* Write path atomically.  Members may come in any order and are sorted in place.  FM_EINPUT: a folder, path or size
 * that the format does not allow, the same path twice. */
int fm_archive_write(const char *folder, int64_t mtime_s, struct fm_archive_member *members, size_t n, const char *path,
		     struct fm_archive_digests *digests, struct fm_error *err) FM_MUST_CHECK;

bool fm_archive_is_data(const char *path);  /* FM_ARCHIVE_DATA or FM_ARCHIVE_DATA_JSON */
bool fm_archive_is_table(const char *path); /* a file of flows or of a part of them: data/NAME.csv, data/NAME.jsonl */
bool fm_archive_folder_ok(const char *folder); /* [a-z0-9] then [A-Za-z0-9.+_-], shorter than FM_ARCHIVE_MAX_FOLDER */
bool fm_archive_path_ok(
    const char *path); /* the same letters, '/' between parts, no part beginning with '.', '+' or '-' or ending with
			* '.', none that Windows takes for a device (NUL, con.txt) */
/* Are two paths one file, or one of them the folder of the other, where case does not count? */
bool fm_archive_paths_collide(const char *a, const char *b);

/* Fingerprints (polyprint.h) of a file of flows, and of its first lines, up to as many as may stand before the rows. */
struct fm_archive_prints {
	uint64_t all, head[FM_FORM_HEAD];
	uint64_t head_nbytes[FM_FORM_HEAD];
	size_t nheads;
};
struct fm_archive_file {
	char path[FM_ARCHIVE_MAX_PATH];
	uint64_t nbytes;
	char sha256[FM_SHA256_HEX];
	struct fm_table_form form; /* where fm_archive_is_table(path) */
	struct fm_archive_prints prints;
};
struct fm_archive_info {
	char folder[FM_ARCHIVE_MAX_FOLDER];
	char name[FM_ARCHIVE_MAX_FOLDER], version[FM_ARCHIVE_MAX_FOLDER]; /* set by fm_archive_check_contents */
	char date[16];                                                    /* YYYY-MM-DD or "", likewise */
	int64_t mtime_s;
	struct fm_archive_digests digests; /* without sha512, which fm_verify knows already */
	struct fm_archive_file *file;      /* sorted by path */
	size_t n;
	struct fm_table_values *values;       /* values of the file of flows, where there is one: ... */
	const struct fm_archive_file *judged; /* ... this one */
	struct fm_polyprint_point point;
	/* the text of the documents, empty when absent */
	struct fm_buf sums, manifest, datapackage, croissant, citation;
	char waived[256]; /* names of checks that failed and were waived, or "" */
	bool unwalled;    /* its stages ran without walls ... */
	size_t through;   /* ... and how many attempts got out of them */
};
/* Where the files go as they are read, before it is known whether what follows is good: whoever stores them keeps them
 * apart until the whole archive was accepted. */
struct fm_archive_sink {
	/* A file begins, and the one before has ended. */
	int (*file)(void *ctx, const char *path, struct fm_error *err);
	int (*bytes)(void *ctx, const void *p, size_t n, struct fm_error *err);
	void *ctx;
};
/* What is known of a tar before it is unpacked. */
struct fm_archive_told {
	uint64_t nbytes; /* its length by a signed record, beyond which nothing is unpacked; 0: not known, and
			    FM_ARCHIVE_MAX_RATIO is the bound */
	bool no_sha512;  /* leave its SHA-512 zeros, which nobody asks for: it takes a fifth of the time */
};
/* Read an archive from fd, from where it stands to its end, and check its form.  FM_EVERDICT sets *reason; FM_EINPUT:
 * this is no zstd file at all.  info is to be freed in every case.  told: NULL where nothing is known; sink may be
 * NULL. */
int fm_archive_read_into(int fd, const struct fm_archive_told *told, const struct fm_archive_sink *sink,
			 struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err) FM_MUST_CHECK;
int fm_archive_read(int fd, struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err) FM_MUST_CHECK;
/* Check that SHA256SUMS and manifest.json list every file with its digest (and size), and no other; that name and
 * version of the manifest make the folder's name; that its format is known, its verdict is pass by its own checks, and
 * data/flows.csv has as many rows as it says. */
int fm_archive_check_contents(struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err) FM_MUST_CHECK;
/* A manifest.json by itself, without the files of its list: the same of all else. */
int fm_archive_check_manifest(const json_t *manifest, enum fm_reason *reason, struct fm_error *err) FM_MUST_CHECK;
/* The verdict in a manifest.json, by the rules of metrics.h; v is to be freed when it was read. */
int fm_manifest_verdict(const json_t *manifest, struct fm_verdict *v, struct fm_error *err) FM_MUST_CHECK;
void fm_archive_info_free(struct fm_archive_info *info);

#endif
