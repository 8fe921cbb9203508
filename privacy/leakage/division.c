#include "privacy/leakage/division.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define MAGIC "flowmint-judging/1"

struct head {
	char magic[24];
	uint32_t index, of;
};
struct block {
	char name[FM_DIVISION_NAME];
	uint64_t bytes;
};

/* A part's file, mapped. */
struct taken {
	const unsigned char *map; /* NULL: there is no file */
	size_t size, at, end;     /* its size, the position, the end of the current search */
};

struct fm_division {
	uint32_t index, of; /* index 0: parts are read */
	struct taken *part; /* (of) */
	char *path;         /* the file being written, */
	FILE *f;            /* and its stream */
	struct block block; /* the search being written */
	off_t at;           /* where its block begins */
};

/* ---- writing ---- */

static int failed(const struct fm_division *d, struct fm_error *err)
{
	return fm_fail_errno(err, "cannot write %s", d->path);
}

int fm_division_make(struct fm_division **out, const char *dir, uint32_t index, uint32_t of, struct fm_error *err)
{
	struct head head = {MAGIC, index, of};
	struct fm_division *d = NULL;
	int rc;

	*out = NULL;
	if (index < 1 || index > of || of > FM_DIVISION_MOST)
		return fm_fail(err, FM_EINPUT, "there is no part %u of %u", index, of);
	if ((rc = fm_alloc(&d, 1, sizeof *d, "a part of the judging", err)) < 0)
		return rc;
	d->index = index;
	d->of = of;
	if (!(d->path = fm_path_join(dir, FM_DIVISION_FILE))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!(d->f = fopen(d->path, "wxe")) || fwrite(&head, sizeof head, 1, d->f) != 1)
		rc = failed(d, err);
out:
	if (rc < 0) {
		fm_division_free(d);
		d = NULL;
	}
	*out = d;
	return rc;
}

int fm_division_put(struct fm_division *d, const void *bytes, size_t n, struct fm_error *err)
{
	if (!fm_division_makes(d) || n == 0)
		return FM_OK;
	d->block.bytes += n;
	return fwrite(bytes, n, 1, d->f) == 1 ? FM_OK : failed(d, err);
}

/* ---- reading ---- */

int fm_division_refuse(const struct fm_division *d, uint32_t i, struct fm_error *err)
{
	return fm_fail(err, FM_EVERDICT,
		       "part %u of %u of the judging does not fit its search: remove it, and it is made again", i + 1,
		       d->of);
}

static int map_part(struct taken *t, const char *path, struct fm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = FM_OK;
	struct stat st;
	void *map;

	if (fd < 0)
		return fm_fail_errno(err, "%s", path);
	if (fstat(fd, &st) != 0) {
		rc = fm_fail_errno(err, "%s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct head)) {
		rc = fm_fail(err, FM_EVERDICT, "%s is not a part of the judging", path);
		goto out;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		rc = fm_fail_errno(err, "%s", path);
		goto out;
	}
	t->map = map;
	t->size = (size_t)st.st_size;
out:
	close(fd);
	return rc;
}

static int take_part(struct fm_division *d, const char *dir, uint32_t i, struct fm_error *err)
{
	struct taken *t = &d->part[i];
	struct head head;
	char *path = NULL;
	int rc = FM_OK;

	if (asprintf(&path, "%s/%u/" FM_DIVISION_FILE, dir, i + 1) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (!fm_file_exists(path) || (rc = map_part(t, path, err)) < 0)
		goto out;
	memcpy(&head, t->map, sizeof head);
	t->at = t->end = sizeof head;
	if (memcmp(head.magic, (char[sizeof head.magic]){MAGIC}, sizeof head.magic) != 0 || head.index != i + 1 ||
	    head.of != d->of)
		rc = fm_division_refuse(d, i, err);
out:
	free(path);
	return rc;
}

int fm_division_take(struct fm_division **out, const char *dir, uint32_t of, struct fm_error *err)
{
	struct fm_division *d = NULL;
	int rc;

	*out = NULL;
	if (of < 1 || of > FM_DIVISION_MOST)
		return fm_fail(err, FM_EINPUT, "there are no %u parts", of);
	if ((rc = fm_alloc(&d, 1, sizeof *d, "parts of the judging", err)) < 0)
		return rc;
	d->of = of;
	if ((rc = fm_alloc(&d->part, of, sizeof *d->part, "parts of the judging", err)) < 0)
		goto out;
	for (uint32_t i = 0; i < of; i++)
		if ((rc = take_part(d, dir, i, err)) < 0)
			goto out;
out:
	if (rc < 0) {
		fm_division_free(d);
		d = NULL;
	}
	*out = d;
	return rc;
}

size_t fm_division_left(const struct fm_division *d, uint32_t i)
{
	return d->part[i].end - d->part[i].at;
}

int fm_division_get(struct fm_division *d, uint32_t i, void *bytes, size_t n, struct fm_error *err)
{
	struct taken *t = &d->part[i];

	if (n > fm_division_left(d, i))
		return fm_division_refuse(d, i, err);
	if (n > 0)
		memcpy(bytes, t->map + t->at, n);
	t->at += n;
	return FM_OK;
}

/* ---- both ---- */

uint32_t fm_division_of(const struct fm_division *d)
{
	return d ? d->of : 1;
}

bool fm_division_makes(const struct fm_division *d)
{
	return d && d->index > 0;
}

bool fm_division_skips(const struct fm_division *d, uint32_t i)
{
	return fm_division_makes(d) && d->index != i + 1;
}

bool fm_division_has(const struct fm_division *d, uint32_t i)
{
	return d && d->index == 0 && d->part[i].map;
}

void fm_division_range(const struct fm_division *d, uint32_t i, size_t n, size_t *from, size_t *to)
{
	size_t of = fm_division_of(d), whole = n / of, rest = n % of;

	*from = whole * i + rest * i / of;
	*to = whole * (i + 1) + rest * (i + 1) / of;
}

int fm_division_begin(struct fm_division *d, uint32_t i, const char *name, struct fm_error *err)
{
	struct block block = {0};
	int rc;

	if (fm_division_makes(d)) {
		d->block = block;
		snprintf(d->block.name, sizeof d->block.name, "%s", name);
		d->at = ftello(d->f);
		return d->at < 0 || fwrite(&d->block, sizeof d->block, 1, d->f) != 1 ? failed(d, err) : FM_OK;
	}
	if (!fm_division_has(d, i))
		return FM_OK;
	d->part[i].end = d->part[i].size;
	if ((rc = fm_division_get(d, i, &block, sizeof block, err)) < 0)
		return rc;
	if (strncmp(block.name, name, sizeof block.name) != 0 || block.bytes > fm_division_left(d, i))
		return fm_division_refuse(d, i, err);
	d->part[i].end = d->part[i].at + (size_t)block.bytes;
	return FM_OK;
}

int fm_division_end(struct fm_division *d, uint32_t i, struct fm_error *err)
{
	if (fm_division_makes(d))
		return fseeko(d->f, d->at, SEEK_SET) != 0 || fwrite(&d->block, sizeof d->block, 1, d->f) != 1 ||
			       fseeko(d->f, 0, SEEK_END) != 0
			   ? failed(d, err)
			   : FM_OK;
	return fm_division_has(d, i) && fm_division_left(d, i) > 0 ? fm_division_refuse(d, i, err) : FM_OK;
}

int fm_division_finish(struct fm_division *d, struct fm_error *err)
{
	if (fm_division_makes(d))
		return fflush(d->f) != 0 || fsync(fileno(d->f)) != 0 ? failed(d, err) : FM_OK;
	for (uint32_t i = 0; d && i < d->of; i++)
		if (d->part[i].map && d->part[i].at != d->part[i].size)
			return fm_division_refuse(d, i, err);
	return FM_OK;
}

void fm_division_free(struct fm_division *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; d->part && i < d->of; i++)
		if (d->part[i].map)
			munmap((void *)(uintptr_t)d->part[i].map, d->part[i].size);
	if (d->f)
		fclose(d->f);
	free(d->part);
	free(d->path);
	free(d);
}
