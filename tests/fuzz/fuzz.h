/*
 * fuzz.h - what the fuzzers share.  Each is a file fuzz_X.c with LLVMFuzzerTestOneInput, which libFuzzer calls (make
 * fuzz), and replay.c with the inputs of tests/fuzz/corpus/X and what a few changes make of them (make test).
 */
#ifndef FM_TESTS_FUZZ_H
#define FM_TESTS_FUZZ_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input that the fuzzer makes itself, i from 0, in a new buffer; 0: there is none.  For what is too large to be
 * kept, or follows from the program.  A fuzzer need not have it. */
size_t fuzz_seed(size_t i, uint8_t **data) __attribute__((weak));

static char fuzz_dir_name[64];
static pid_t fuzz_owner;

static inline void fuzz_remove(void)
{
	struct fm_error ignored;

	if (getpid() == fuzz_owner)
		(void)!fm_dir_remove(fuzz_dir_name, &ignored);
}

/* A folder that is removed at the end. */
static inline const char *fuzz_dir(void)
{
	if (!fuzz_dir_name[0]) {
		snprintf(fuzz_dir_name, sizeof fuzz_dir_name, "%s/flowmint-fuzz-XXXXXX",
			 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (!mkdtemp(fuzz_dir_name) || atexit(fuzz_remove))
			abort();
		fuzz_owner = getpid();
	}
	return fuzz_dir_name;
}

/* The bytes as a file there; its path, until the next call. */
static inline const char *fuzz_put(const char *name, const void *data, size_t size)
{
	static char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0 ||
	    write(fd, data, size) != (ssize_t)size || close(fd) != 0)
		abort();
	return path;
}

/* A file's bytes behind one that says which of several it is, for fuzz_seed. */
static inline size_t fuzz_read(const char *path, uint8_t first, uint8_t **data)
{
	struct fm_buf b = {0};
	struct fm_error err;
	size_t n;

	if (fm_file_read(path, 1u << 24, &b, &err) < 0 || !(*data = malloc(b.len + 1)))
		abort();
	(*data)[0] = first;
	if (b.len)
		memcpy(*data + 1, b.data, b.len);
	n = b.len + 1;
	fm_buf_free(&b);
	return n;
}

#endif
