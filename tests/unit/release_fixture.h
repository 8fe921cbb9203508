/*
 * release_fixture.h - a folder of its own, keys, and archives made by hand: one header at a time, so that each can be
 * wrong in one way only.
 */
#ifndef FM_TESTS_RELEASE_FIXTURE_H
#define FM_TESTS_RELEASE_FIXTURE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "facts_fixture.h"
#include "release/archive.h"
#include "release/sign/sshsig.h"

static char fixture_dir[256];

static inline int fixture_make(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(fixture_dir, sizeof fixture_dir, "%s/flowmint-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(fixture_dir) ? 0 : -1;
}

static inline int fixture_remove(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(fixture_dir, &err);
}

/* A path in the folder; good for the next seven calls. */
static inline const char *in_dir(const char *name)
{
	static char path[8][512];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof path[0], "%s/%s", fixture_dir, name);
	return p;
}

static inline void put_file(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(in_dir(name), "wb");

	if (!f || (n && fwrite(p, 1, n, f) != n) || fclose(f))
		abort();
}

#define TAR_MTIME 315532800u

static inline void tar_checksum(uint8_t *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	h[155] = ' ';
}

/* One entry as flowmint writes it; returns the offset of its header, for those who want to spoil it. */
static inline size_t tar_add_at(struct fm_buf *tar, const char *path, char type, const void *data, size_t n,
				unsigned mtime_s)
{
	static const char zeros[512];
	uint8_t h[512] = {0};
	char size[32], mtime[32];
	size_t at = tar->len;

	memcpy(h, path, strlen(path) < 100 ? strlen(path) : 100);
	snprintf((char *)h + 100, 8, "%s", type == '5' ? "000755 " : "000644 ");
	memcpy(h + 108, "000000 ", 8);
	memcpy(h + 116, "000000 ", 8);
	snprintf(size, sizeof size, "%011lo ", (unsigned long)n);
	snprintf(mtime, sizeof mtime, "%011lo ", (unsigned long)mtime_s);
	memcpy(h + 124, size, 12);
	memcpy(h + 136, mtime, 12);
	h[156] = (uint8_t)type;
	memcpy(h + 257, "ustar\00000", 8);
	tar_checksum(h);
	fm_buf_add(tar, h, sizeof h);
	fm_buf_add(tar, data, n);
	fm_buf_add(tar, zeros, (512 - n % 512) % 512);
	return at;
}

static inline size_t tar_add(struct fm_buf *tar, const char *path, char type, const void *data, size_t n)
{
	return tar_add_at(tar, path, type, data, n, TAR_MTIME);
}

static inline void tar_end(struct fm_buf *tar)
{
	static const char zeros[10240];

	fm_buf_add(tar, zeros, 1024);
	fm_buf_add(tar, zeros, (10240 - tar->len % 10240) % 10240);
}

static inline la_ssize_t fixture_emit(struct archive *a, void *ctx, const void *p, size_t n)
{
	(void)a;
	fm_buf_add(ctx, p, n);
	return (la_ssize_t)n;
}

static inline void zst_of(const struct fm_buf *raw, struct fm_buf *zst)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();

	archive_write_set_format_raw(a);
	archive_write_add_filter_zstd(a);
	archive_write_set_bytes_in_last_block(a, 1);
	archive_write_open(a, zst, NULL, fixture_emit, NULL);
	archive_entry_set_pathname(e, "x");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_write_header(a, e);
	archive_write_data(a, raw->data, raw->len);
	archive_entry_free(e);
	archive_write_free(a);
}

/* The files of a small good release, "demo-1.0", with SHA256SUMS and manifest.json that fit. */
struct release_file {
	char path[64];
	struct fm_buf text;
};
#define NFILES 5
#define FIXTURE_CHECK                                                                                                  \
	"{\"name\":\"jsd_mean8\",\"value\":0.05,\"threshold\":0.1,\"direction\":\"max\",\"n\":4000,\"pass\":true,"     \
	"\"waived\":false,\"why\":\"\",\"margin\":0.05}"
#define FIXTURE_SCHEMA "{\"fields\":[{\"name\":\"te\",\"type\":\"string\"}]}"
/* What the runner says of a run, beside name and version. */
#define FIXTURE_FACTS                                                                                                  \
	FACTS_CONTROLS "," FACTS_OF_STAGES ",\"metrics\":[{\"name\":\"rows.synthetic\",\"value\":4000},{\"name\":"     \
		       "\"jsd_mean8\",\"value\":0.05}]," FACTS_HISTOGRAM("4000")
struct release_files {
	struct release_file f[NFILES + 4];
	size_t n;
};

static inline void hex_of(const struct fm_buf *b, char hex[FM_SHA256_HEX])
{
	uint8_t digest[FM_SHA256_LEN];
	struct fm_error err;

	if (fm_sha256_bytes(b->data ? b->data : "", b->len, digest, &err))
		abort();
	fm_hex(digest, sizeof digest, hex);
}

static inline void files_make_of(struct release_files *r, const char *version, const char *readme)
{
	static const char *const path[NFILES] = {"README.md", "SHA256SUMS", "data/flows.csv", "datapackage.json",
						 "manifest.json"};
	static const int named[3] = {0, 2, 3};
	char hex[FM_SHA256_HEX];
	struct fm_buf *m;

	memset(r, 0, sizeof *r);
	r->n = NFILES;
	for (int i = 0; i < NFILES; i++)
		snprintf(r->f[i].path, sizeof r->f[i].path, "%s", path[i]);
	fm_buf_puts(&r->f[0].text, readme);
	for (unsigned i = 0; i < 4000; i++)
		fm_buf_printf(&r->f[2].text,
			      "2016-04-11 00:00:00,0.%03u,10.0.0.%u,100.64.0.1,%u,53,UDP,.A....,0,0,1,%u,background\n",
			      i * 7919 % 1000, i * 31 % 255, 1024 + i * 104729 % 60000, 60 + i % 1400);
	hex_of(&r->f[2].text, hex);
	fm_buf_printf(&r->f[3].text,
		      "{\"resources\":[{\"path\":\"data/flows.csv\",\"bytes\":%zu,\"hash\":\"sha256:%s\","
		      "\"dialect\":{\"delimiter\":\" \",\"header\":false},\"schema\":" FIXTURE_SCHEMA
		      "}],\"name\":\"demo\",\"version\":\"%s\",\"description\":\"\"}\n",
		      r->f[2].text.len, hex, version);
	m = &r->f[4].text;
	fm_buf_printf(m,
		      "{\"release\":{\"name\":\"demo\",\"version\":\"%s\",\"description\":\"\",\"license\":\"\","
		      "\"date\":\"\"},\"format\":\"flowmint-manifest/1\",\"rows\":4000,\"verdict\":\"pass\","
		      "\"checks\":[" FACTS_CONTROL_LINE "," FIXTURE_CHECK "],\"files\":[",
		      version);
	for (int i = 0; i < 3; i++) {
		hex_of(&r->f[named[i]].text, hex);
		fm_buf_printf(m, "%s{\"path\":\"%s\",\"bytes\":%zu,\"sha256\":\"%s\"}", i ? "," : "", path[named[i]],
			      r->f[named[i]].text.len, hex);
	}
	fm_buf_printf(m,
		      "],\"name\":\"demo\",\"version\":\"%s\",\"schema\":" FIXTURE_SCHEMA "," FIXTURE_FACTS
		      ",\"config\":{\"release\":{\"name\":\"demo\",\"version\":\"%s\"},\"privacy\":{\"mode\":\"none\"},"
		      "\"gate\":{\"jsd_mean8\":{\"max\":0.1}}}}\n",
		      version, version);
	for (int i = 0; i < NFILES; i++) {
		if (i == 1)
			continue;
		hex_of(&r->f[i].text, hex);
		fm_buf_printf(&r->f[1].text, "%s  %s\n", hex, path[i]);
	}
}

static inline void files_make(struct release_files *r)
{
	files_make_of(r, "1.0", "read me\n");
}

static inline void files_free(struct release_files *r)
{
	for (size_t i = 0; i < r->n; i++)
		fm_buf_free(&r->f[i].text);
}

static inline void tar_of(const struct release_files *r, struct fm_buf *tar)
{
	tar_add(tar, "demo-1.0/", '5', "", 0);
	for (size_t i = 0; i < r->n; i++) {
		char path[128];

		snprintf(path, sizeof path, "demo-1.0/%s", r->f[i].path);
		tar_add(tar, path, '0', r->f[i].text.data, r->f[i].text.len);
	}
}

/* Sign the bytes of an archive as a file of the folder. */
static inline void sign_bytes(const struct fm_sshkey *key, const char *ns, const void *p, size_t n, const char *name)
{
	struct fm_sha512 *h;
	struct fm_buf sig = {0};
	struct fm_error err;
	uint8_t digest[FM_SHA512_LEN];

	if (fm_sha512_new(&h, &err) || fm_sha512_add(h, p, n, &err) || fm_sha512_end(h, digest, &err) ||
	    fm_sshsig_sign(key, ns, digest, &sig, &err))
		abort();
	put_file(name, sig.data, sig.len);
	fm_buf_free(&sig);
}

#endif
