#include "traces/source_names.h"

#include <archive.h>
#include <string.h>
#include <strings.h>

#include "traces/source.h"

/* Longer suffixes come first. */
static const struct fm_source_suffix suffixes[] = {
    {".tar.gz", ARCHIVE_FILTER_GZIP, ARCHIVE_FORMAT_TAR, "a gzip-compressed tar archive"},
    {".tgz", ARCHIVE_FILTER_GZIP, ARCHIVE_FORMAT_TAR, "a gzip-compressed tar archive"},
    {".tar.xz", ARCHIVE_FILTER_XZ, ARCHIVE_FORMAT_TAR, "an xz-compressed tar archive"},
    {".txz", ARCHIVE_FILTER_XZ, ARCHIVE_FORMAT_TAR, "an xz-compressed tar archive"},
    {".tar.zst", ARCHIVE_FILTER_ZSTD, ARCHIVE_FORMAT_TAR, "a zstd-compressed tar archive"},
    {".tzst", ARCHIVE_FILTER_ZSTD, ARCHIVE_FORMAT_TAR, "a zstd-compressed tar archive"},
    {".tar.bz2", ARCHIVE_FILTER_BZIP2, ARCHIVE_FORMAT_TAR, "a bzip2-compressed tar archive"},
    {".tar", -1, ARCHIVE_FORMAT_TAR, "a tar archive"},
    {".zip", -1, ARCHIVE_FORMAT_ZIP, "a zip archive"},
    {".7z", -1, ARCHIVE_FORMAT_7ZIP, "a 7z archive"},
    {".gz", ARCHIVE_FILTER_GZIP, 0, "gzip data"},
    {".xz", ARCHIVE_FILTER_XZ, 0, "xz data"},
    {".zst", ARCHIVE_FILTER_ZSTD, 0, "zstd data"},
    {".bz2", ARCHIVE_FILTER_BZIP2, 0, "bzip2 data"},
    {".lz4", ARCHIVE_FILTER_LZ4, 0, "lz4 data"},
    {".lzma", ARCHIVE_FILTER_LZMA, 0, "lzma data"},
};

const struct fm_source_suffix *fm_source_suffix(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		const struct fm_source_suffix *x = &suffixes[i];
		size_t m = strlen(x->text);

		if (n >= m && strcasecmp(path + n - m, x->text) == 0)
			return x;
	}
	return NULL;
}

bool fm_source_is_packed(const char *path)
{
	const struct fm_source_suffix *x = fm_source_suffix(path);

	return x && (x->filter >= 0 || x->format != ARCHIVE_FORMAT_TAR);
}

bool fm_source_same_name(const char *a, const char *b)
{
	size_t n;

	if (!strncmp(a, "./", 2))
		a += 2;
	if (!strncmp(b, "*/", 2)) {
		if (!(a = strchr(a, '/')))
			return false;
		a++;
		b += 2;
	}
	if (!strncmp(b, "./", 2))
		b += 2;
	n = strlen(b);
	if (n > 2 && !strcmp(b + n - 2, ".*"))
		return !strncmp(a, b, n - 1) && !strchr(a + n - 1, '/');
	return !strcmp(a, b);
}
