/*
 * mem.h - memory: checked allocation, an arena for what lives as long as a stage, and a growable byte buffer.
 *
 * fm_calloc returns zeroed memory or NULL and refuses sizes that overflow; every size that comes from a file is bounded
 * by its reader before it gets here.  All free and close functions take NULL.
 */
#ifndef FM_BASE_MEM_H
#define FM_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* n * size zeroed bytes, 64-byte aligned (for vector loads); NULL on overflow or out of memory.  Released by free(). */
void *fm_calloc(size_t n, size_t size) FM_MUST_CHECK;
/* The same as an error: *out is set, or FM_ESYSTEM "out of memory: N bytes for WHAT". */
int fm_alloc(void *out, size_t n, size_t size, const char *what, struct fm_error *err) FM_MUST_CHECK;
/* The same, not cleared, for what is written before it is read: pages that are never touched take no memory. */
int fm_alloc_room(void *out, size_t n, size_t size, const char *what, struct fm_error *err) FM_MUST_CHECK;
/* The same, in pages of 2 MiB where the system has them and that much is asked for: for what is written and read from
 * end to end time and again, which then takes little more than half the time. */
int fm_alloc_large(void *out, size_t n, size_t size, const char *what, struct fm_error *err) FM_MUST_CHECK;

/* An arena: memory that is released all at once. */
struct fm_arena;
int fm_arena_new(struct fm_arena **arena, size_t chunk, struct fm_error *err) FM_MUST_CHECK;
void *fm_arena_alloc(struct fm_arena *arena, size_t n,
		     size_t size) FM_MUST_CHECK; /* zeroed, 64-byte aligned, or NULL */
char *fm_arena_strdup(struct fm_arena *arena, const char *s) FM_MUST_CHECK;
void fm_arena_reset(struct fm_arena *arena); /* keep the chunks, forget the contents */
void fm_arena_free(struct fm_arena *arena);

/* A growable byte buffer; data[len] is always 0, so text in it is a C string.  Zero-initialised is empty.  After a
 * failed append `failed` stays set and further appends do nothing, so that a long series is checked once at the end. */
struct fm_buf {
	char *data;
	size_t len, cap;
	int failed;
};
void fm_buf_add(struct fm_buf *b, const void *p, size_t n);
void fm_buf_puts(struct fm_buf *b, const char *s);
void fm_buf_printf(struct fm_buf *b, const char *fmt, ...) FM_PRINTF(2, 3);
int fm_buf_check(const struct fm_buf *b, struct fm_error *err) FM_MUST_CHECK; /* FM_ESYSTEM when an append failed */
void fm_buf_free(struct fm_buf *b);

#endif
