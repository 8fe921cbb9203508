#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN 64
#define LARGE ((size_t)2 << 20) /* a large page */

/* n * size rounded up to ALIGN, at least ALIGN; 0 when that overflows. */
static size_t size_rounded(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX - ALIGN)
		return 0;
	if (bytes == 0)
		bytes = 1;
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *fm_calloc(size_t n, size_t size)
{
	size_t bytes = size_rounded(n, size);
	void *p = bytes == 0 ? NULL : aligned_alloc(ALIGN, bytes);

	if (p != NULL)
		memset(p, 0, bytes);
	return p;
}

static int give(void *p, void *out, size_t n, size_t size, const char *what, struct fm_error *err)
{
	memcpy(out, &p, sizeof(p)); /* out is the address of a pointer of any type */
	if (p == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: %.0f bytes for %s", (double)n * (double)size, what);
	return FM_OK;
}

int fm_alloc(void *out, size_t n, size_t size, const char *what, struct fm_error *err)
{
	return give(fm_calloc(n, size), out, n, size, what, err);
}

int fm_alloc_room(void *out, size_t n, size_t size, const char *what, struct fm_error *err)
{
	size_t bytes = size_rounded(n, size);

	return give(bytes == 0 ? NULL : aligned_alloc(ALIGN, bytes), out, n, size, what, err);
}

int fm_alloc_large(void *out, size_t n, size_t size, const char *what, struct fm_error *err)
{
	size_t bytes = size_rounded(n, size);
	void *p;

	if (bytes < LARGE || bytes > PTRDIFF_MAX - LARGE)
		return fm_alloc_room(out, n, size, what, err);
	bytes = (bytes + LARGE - 1) & ~(LARGE - 1);
	if ((p = aligned_alloc(LARGE, bytes)) != NULL)
		(void)madvise(p, bytes, MADV_HUGEPAGE); /* at worst its pages are small */
	return give(p, out, n, size, what, err);
}

struct chunk {
	struct chunk *next;
	size_t cap, used; /* bytes behind this header */
	char pad[ALIGN - 3 * sizeof(size_t)];
	char data[];
};
_Static_assert(sizeof(struct chunk) == ALIGN, "the data of a chunk is aligned");

struct fm_arena {
	struct chunk *first, *now;
	size_t chunk;
};

int fm_arena_new(struct fm_arena **arena, size_t chunk, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(arena, 1, sizeof(**arena), "an arena", err)) < 0)
		return rc;
	(*arena)->chunk = chunk;
	return FM_OK;
}

static struct chunk *chunk_new(size_t cap)
{
	size_t bytes;
	struct chunk *c;

	if (__builtin_add_overflow(cap, sizeof(*c), &bytes) || (bytes = size_rounded(bytes, 1)) == 0)
		return NULL;
	c = aligned_alloc(ALIGN, bytes);
	if (c == NULL)
		return NULL;
	c->next = NULL;
	c->cap = bytes - sizeof(*c);
	c->used = 0;
	return c;
}

/* n bytes, not cleared, at a multiple of align (a power of two up to ALIGN). */
static void *arena_take(struct fm_arena *a, size_t n, size_t align)
{
	struct chunk *c = a->now;
	size_t at;

	while (c != NULL) {
		at = (c->used + align - 1) & ~(align - 1);
		if (at <= c->cap && n <= c->cap - at) {
			c->used = at + n;
			a->now = c;
			return c->data + at;
		}
		if (c->next == NULL)
			break;
		c = c->next;
		c->used = 0;
	}
	struct chunk *fresh = chunk_new(n > a->chunk ? n : a->chunk);
	if (fresh == NULL)
		return NULL;
	if (c == NULL)
		a->first = fresh;
	else
		c->next = fresh;
	a->now = fresh;
	fresh->used = n;
	return fresh->data;
}

void *fm_arena_alloc(struct fm_arena *arena, size_t n, size_t size)
{
	size_t bytes = size_rounded(n, size);
	void *p = bytes == 0 ? NULL : arena_take(arena, bytes, ALIGN);

	if (p != NULL)
		memset(p, 0, bytes);
	return p;
}

char *fm_arena_strdup(struct fm_arena *arena, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = arena_take(arena, n, 1);

	if (p != NULL)
		memcpy(p, s, n);
	return p;
}

void fm_arena_reset(struct fm_arena *arena)
{
	if (arena == NULL)
		return;
	arena->now = arena->first;
	if (arena->first != NULL)
		arena->first->used = 0;
}

void fm_arena_free(struct fm_arena *arena)
{
	if (arena == NULL)
		return;
	for (struct chunk *c = arena->first, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(arena);
}

/* Make room for n more bytes and the final 0; without memory `failed` is set. */
static int buf_reserve(struct fm_buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->failed)
		return -1;
	if (__builtin_add_overflow(b->len, n, &need) || need >= PTRDIFF_MAX / 2) {
		b->failed = 1;
		return -1;
	}
	need++;
	if (need <= b->cap)
		return 0;
	cap = b->cap < 64 ? 64 : b->cap * 2;
	if (cap < need)
		cap = need;
	p = realloc(b->data, cap);
	if (p == NULL) {
		b->failed = 1;
		return -1;
	}
	b->data = p;
	b->cap = cap;
	return 0;
}

void fm_buf_add(struct fm_buf *b, const void *p, size_t n)
{
	if (buf_reserve(b, n) != 0)
		return;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void fm_buf_puts(struct fm_buf *b, const char *s)
{
	fm_buf_add(b, s, strlen(s));
}

void fm_buf_printf(struct fm_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = 1;
		return;
	}
	if (buf_reserve(b, (size_t)n) != 0)
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

int fm_buf_check(const struct fm_buf *b, struct fm_error *err)
{
	if (b->failed)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a text of more than %zu bytes", b->len);
	return FM_OK;
}

void fm_buf_free(struct fm_buf *b)
{
	if (b == NULL)
		return;
	free(b->data);
	*b = (struct fm_buf){0};
}
