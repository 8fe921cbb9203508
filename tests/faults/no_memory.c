/*
 * no_memory.c - LD_PRELOAD for tests/no_memory.py: the allocation with the number FM_NO_MEMORY, from 0 on, fails,
 * whoever asks for it, from the loader's end on.  With FM_NO_MEMORY_COUNT set the process says at its end how many
 * there were.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static atomic_long asked;

static int fails(void)
{
	static long at = -2;
	const char *s;

	if (at == -2) {
		s = getenv("FM_NO_MEMORY");
		at = s ? atol(s) : -1;
	}
	if (atomic_fetch_add(&asked, 1) != at)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

__attribute__((destructor)) static void say(void)
{
	if (getenv("FM_NO_MEMORY_COUNT"))
		fprintf(stderr, "allocations: %ld\n", (long)asked);
}
