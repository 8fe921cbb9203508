/*
 * no_memory.c - LD_PRELOAD for tests/no_memory.py: the allocation with the number FM_NO_MEMORY, from 0 on, fails,
 * whoever asks for it but libarchive itself, which writes to what it did not get (3.6.2).  With FM_NO_MEMORY_COUNT set
 * the process says at its end how many there were.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static atomic_long asked;

static int fails(const void *caller)
{
	static long at = -2;
	const char *s;
	Dl_info who;

	if (at == -2) {
		s = getenv("FM_NO_MEMORY");
		at = s ? atol(s) : -1;
	}
	if (atomic_fetch_add(&asked, 1) != at || (dladdr(caller, &who) && strstr(who.dli_fname, "libarchive")))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

__attribute__((destructor)) static void say(void)
{
	if (getenv("FM_NO_MEMORY_COUNT"))
		fprintf(stderr, "allocations: %ld\n", (long)asked);
}
