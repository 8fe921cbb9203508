/*
 * fuzz_archive - whatever bytes come as an archive: no crash, no leak, bounded memory.  With an even first byte the
 * rest is the file as it is; with an odd one it is a tar that is compressed here first, so that the fuzzer need not
 * find out zstd.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... && ./fuzz_archive -max_len=65536 -rss_limit_mb=1024
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "release/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static la_ssize_t emit(struct archive *a, void *ctx, const void *p, size_t n)
{
	(void)a;
	return write(*(int *)ctx, p, n);
}

static void compress_into(int fd, const uint8_t *data, size_t size)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();

	if (!a || !e)
		abort();
	archive_write_set_format_raw(a);
	archive_write_add_filter_zstd(a);
	archive_write_set_filter_option(a, "zstd", "compression-level", "1");
	archive_write_set_bytes_in_last_block(a, 1);
	archive_write_open(a, &fd, NULL, emit, NULL);
	archive_entry_set_pathname(e, "tar");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_write_header(a, e);
	archive_write_data(a, data, size);
	archive_entry_free(e);
	archive_write_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fm_archive_info info;
	enum fm_reason reason;
	struct fm_error err = {0};
	int fd, rc;

	if (size == 0)
		return 0;
	fd = memfd_create("archive", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	if (data[0] & 1)
		compress_into(fd, data + 1, size - 1);
	else if (write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
		abort();
	if (lseek(fd, 0, SEEK_SET))
		abort();
	rc = fm_archive_read(fd, &info, &reason, &err);
	if (rc == FM_OK)
		rc = fm_archive_check_contents(&info, &reason, &err);
	/* A refusal has its reason, and a reason is a refusal. */
	if ((rc == FM_EVERDICT) != (reason != FM_REASON_GOOD))
		abort();
	fm_archive_info_free(&info);
	close(fd);
	return 0;
}
