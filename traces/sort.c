#include "traces/sort.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "traces/text_order.h"
#include "traces/trace.h"

#define READ_BYTES ((size_t)16 << 20) /* of all runs together while they are merged */
#define READ_LEAST 64                 /* rows of one run */
#define WRITE_ROWS 4096

/* A run in the file: rows packed one behind the other, column by column within a row. */
struct run {
	uint64_t at, left;    /* bytes into the file; rows there that are not in the buffer yet */
	unsigned char *block; /* of READ_BYTES, borrowed */
	size_t n, next;       /* rows in the block; the next of them */
};

struct fm_sorter {
	const char *dir;
	enum fm_sort_ties ties;
	struct fm_table *rows; /* those in memory; while runs are merged row i is the head of run i */
	size_t cap, row_bytes;
	uint32_t *order; /* (cap) */
	int fd;
	uint64_t bytes;
	struct run *run;
	size_t nruns, cap_runs;
	unsigned char *block;     /* what is written or read, packed */
	struct fm_table *out;     /* the chunk that is being filled */
	int32_t *number[FM_NCOL]; /* value in rows->dict -> value in out->dict, or -1 */
	int (*take)(void *ctx, struct fm_table *chunk, struct fm_error *err);
	void *ctx;
};

int fm_sorter_new(struct fm_sorter **out, const char *dir, enum fm_sort_ties ties, size_t rows, struct fm_error *err)
{
	struct fm_sorter *s;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&s, 1, sizeof *s, "a sorter", err)) < 0)
		return rc;
	s->dir = dir;
	s->ties = ties;
	s->cap = rows ? rows : FM_SORT_ROWS;
	s->fd = -1;
	if ((rc = fm_alloc(&s->order, s->cap, sizeof *s->order, "row order", err)) < 0) {
		fm_sorter_free(s);
		return rc;
	}
	*out = s;
	return FM_OK;
}

void fm_sorter_free(struct fm_sorter *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	for (int c = 0; c < FM_NCOL; c++)
		free(s->number[c]);
	fm_table_free(s->rows);
	fm_table_free(s->out);
	free(s->order);
	free(s->run);
	free(s->block);
	free(s);
}

/* ---- the order ---- */

/* first: row i came before row j; of two rows with the same te, does it stay first? */
static int compare_rows(const struct fm_sorter *s, size_t i, size_t j, bool first)
{
	const struct fm_table *t = s->rows;
	int text;

	if (t->te[i] != t->te[j])
		return t->te[i] < t->te[j] ? -1 : 1;
	if (s->ties == FM_SORT_TEXT && (text = fm_text_order_compare(t, i, j)))
		return text;
	return first != (s->ties == FM_SORT_REVERSED) ? -1 : 1;
}

static int compare_order(const void *a, const void *b, void *ctx)
{
	const uint32_t *i = a, *j = b;

	return *i == *j ? 0 : compare_rows(ctx, *i, *j, *i < *j);
}

static void sort_memory(struct fm_sorter *s)
{
	for (size_t i = 0; i < s->rows->rows; i++)
		s->order[i] = (uint32_t)i;
	qsort_r(s->order, s->rows->rows, sizeof *s->order, compare_order, s);
}

/* ---- runs ---- */

static void pack(const struct fm_sorter *s, size_t row, unsigned char *to)
{
	const struct fm_table *t = s->rows;

	for (int c = 0; c < FM_NCOL; c++) {
		size_t w = fm_cols[c].width;

		if (!FM_HAS(t, c))
			continue;
		memcpy(to, (const char *)t->col[c] + row * w, w);
		to += w;
	}
}

static void unpack(struct fm_sorter *s, const unsigned char *from, size_t row)
{
	struct fm_table *t = s->rows;

	for (int c = 0; c < FM_NCOL; c++) {
		size_t w = fm_cols[c].width;

		if (!FM_HAS(t, c))
			continue;
		memcpy((char *)t->col[c] + row * w, from, w);
		from += w;
	}
}

static int open_file(struct fm_sorter *s, struct fm_error *err)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/.sort-XXXXXX", s->dir) >= (int)sizeof path)
		return fm_fail(err, FM_EINPUT, "the name of the folder %.60s... is too long", s->dir);
	if ((s->fd = mkostemp(path, O_CLOEXEC)) < 0)
		return fm_fail_errno(err, "cannot sort the trace in %s", s->dir);
	(void)unlink(path);
	return fm_alloc(&s->block, READ_BYTES + (size_t)WRITE_ROWS * s->row_bytes, 1, "rows to sort", err);
}

static int write_block(struct fm_sorter *s, size_t bytes, struct fm_error *err)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pwrite(s->fd, s->block + done, bytes - done, (off_t)s->bytes);

		if (n <= 0)
			return fm_fail_errno(err, "cannot sort the trace in %s", s->dir);
		done += (size_t)n;
		s->bytes += (uint64_t)n;
	}
	return FM_OK;
}

/* The rows in memory become a run. */
static int write_run(struct fm_sorter *s, struct fm_error *err)
{
	size_t n = s->rows->rows, packed = 0;
	int rc;

	if (s->fd < 0 && (rc = open_file(s, err)) < 0)
		return rc;
	if (s->nruns == s->cap_runs) {
		size_t cap = s->cap_runs ? 2 * s->cap_runs : 16;
		struct run *more = reallocarray(s->run, cap, sizeof *more);

		if (!more)
			return fm_fail(err, FM_ESYSTEM, "out of memory: runs");
		s->run = more;
		s->cap_runs = cap;
	}
	sort_memory(s);
	s->run[s->nruns++] = (struct run){.at = s->bytes, .left = n};
	for (size_t i = 0; i < n; i++) {
		pack(s, s->order[i], s->block + packed++ * s->row_bytes);
		if (packed < WRITE_ROWS && i + 1 < n)
			continue;
		if ((rc = write_block(s, packed * s->row_bytes, err)) < 0)
			return rc;
		packed = 0;
	}
	s->rows->rows = 0;
	return FM_OK;
}

static int begin(struct fm_sorter *s, const struct fm_table *chunk, struct fm_error *err)
{
	int rc;

	if ((rc = fm_table_new(&s->rows, chunk->present, err)) < 0 || (rc = fm_table_reserve(s->rows, s->cap, err)) < 0)
		return rc;
	for (int c = 0; c < FM_NCOL; c++)
		s->row_bytes += FM_HAS(chunk, c) ? fm_cols[c].width : 0;
	return FM_OK;
}

int fm_sorter_add(struct fm_sorter *s, const struct fm_table *chunk, struct fm_error *err)
{
	int rc;

	if (!s->rows && (rc = begin(s, chunk, err)) < 0)
		return rc;
	for (size_t at = 0, n; at < chunk->rows; at += n) {
		size_t room = s->cap - s->rows->rows;

		n = chunk->rows - at < room ? chunk->rows - at : room;
		if ((rc = fm_trace_chunk_copy(s->rows, chunk, at, n, err)) < 0 ||
		    (s->rows->rows == s->cap && (rc = write_run(s, err)) < 0))
			return rc;
	}
	return FM_OK;
}

/* ---- out again ---- */

static int give(struct fm_sorter *s, struct fm_error *err)
{
	int rc = s->out->rows ? s->take(s->ctx, s->out, err) : FM_OK;

	s->out->rows = 0;
	return rc;
}

/* The number that value i of column c has in the chunks that are given out. */
static int renumber(struct fm_sorter *s, int c, uint16_t i, uint16_t *out, struct fm_error *err)
{
	int32_t *known = &s->number[c][i];

	if (*known < 0) {
		const char *value = s->rows->dict[c].value[i];

		if ((*known = fm_dict_index(&s->out->dict[c], value, strlen(value), true)) < 0)
			return fm_fail(err, FM_ESYSTEM, "out of memory: values of column %s", fm_cols[c].name);
	}
	*out = (uint16_t)*known;
	return FM_OK;
}

static int give_row(struct fm_sorter *s, size_t row, struct fm_error *err)
{
	const struct fm_table *t = s->rows;
	size_t to = s->out->rows;
	int rc;

	for (int c = 0; c < FM_NCOL; c++) {
		size_t w = fm_cols[c].width;

		if (!FM_HAS(t, c))
			continue;
		if (fm_cols[c].kind != FM_KIND_CATEGORY)
			memcpy((char *)s->out->col[c] + to * w, (const char *)t->col[c] + row * w, w);
		else if ((rc = renumber(s, c, ((const uint16_t *)t->col[c])[row], &((uint16_t *)s->out->col[c])[to],
					err)) < 0)
			return rc;
	}
	return ++s->out->rows == FM_TRACE_CHUNK ? give(s, err) : FM_OK;
}

static int open_out(struct fm_sorter *s, struct fm_error *err)
{
	int rc;

	if ((rc = fm_table_new(&s->out, s->rows->present, err)) < 0 ||
	    (rc = fm_table_reserve(s->out, FM_TRACE_CHUNK, err)) < 0)
		return rc;
	s->out->addresses = fm_address_dict_hold(s->rows->addresses);
	for (int c = 0; c < FM_NCOL; c++) {
		size_t n = s->rows->dict[c].n;

		if ((rc = fm_alloc(&s->number[c], n + 1, sizeof *s->number[c], "numbers of values", err)) < 0)
			return rc;
		memset(s->number[c], 0xff, (n + 1) * sizeof *s->number[c]);
	}
	return FM_OK;
}

/* The next row of run i becomes its head; *end: there is none. */
static int next_head(struct fm_sorter *s, size_t i, size_t block_rows, bool *end, struct fm_error *err)
{
	struct run *r = &s->run[i];

	*end = false;
	if (r->next == r->n) {
		r->n = r->left < block_rows ? (size_t)r->left : block_rows;
		r->next = 0;
		if (!r->n) {
			*end = true;
			return FM_OK;
		}
		for (size_t done = 0, want = r->n * s->row_bytes; done < want;) {
			ssize_t n = pread(s->fd, r->block + done, want - done, (off_t)(r->at + done));

			if (n <= 0)
				return fm_fail_errno(err, "cannot read the sorted rows again in %s", s->dir);
			done += (size_t)n;
		}
		r->at += r->n * s->row_bytes;
		r->left -= r->n;
	}
	unpack(s, r->block + r->next++ * s->row_bytes, i);
	return FM_OK;
}

/* heap[0..n) is in order but for heap[at]; the smallest head comes first. */
static void sift(const struct fm_sorter *s, uint32_t *heap, size_t n, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && compare_rows(s, heap[child + 1], heap[child], heap[child + 1] < heap[child]) < 0)
			child++;
		if (compare_rows(s, heap[at], heap[child], heap[at] < heap[child]) < 0)
			return;
		uint32_t t = heap[at];
		heap[at] = heap[child];
		heap[child] = t;
	}
}

static int merge_runs(struct fm_sorter *s, struct fm_error *err)
{
	size_t block_rows = READ_BYTES / s->nruns / s->row_bytes, n = s->nruns;
	uint32_t *heap = s->order;
	bool end;
	int rc;

	if (block_rows < READ_LEAST || n > s->cap)
		return fm_fail(err, FM_EINPUT, "the trace is too large to be sorted: give it in order of time");
	for (size_t i = 0; i < n; i++) {
		s->run[i].block = s->block + i * block_rows * s->row_bytes;
		heap[i] = (uint32_t)i;
		if ((rc = next_head(s, i, block_rows, &end, err)) < 0)
			return rc;
	}
	for (size_t i = n / 2; i-- > 0;)
		sift(s, heap, n, i);
	while (n) {
		if ((rc = give_row(s, heap[0], err)) < 0 || (rc = next_head(s, heap[0], block_rows, &end, err)) < 0)
			return rc;
		if (end)
			heap[0] = heap[--n];
		sift(s, heap, n, 0);
	}
	return give(s, err);
}

int fm_sorter_finish(struct fm_sorter *s, int (*take)(void *ctx, struct fm_table *chunk, struct fm_error *err),
		     void *ctx, struct fm_error *err)
{
	int rc;

	if (!s->rows)
		return FM_OK;
	s->take = take;
	s->ctx = ctx;
	if ((rc = open_out(s, err)) < 0)
		return rc;
	if (s->nruns) {
		if (s->rows->rows && (rc = write_run(s, err)) < 0)
			return rc;
		return merge_runs(s, err);
	}
	sort_memory(s);
	for (size_t i = 0; i < s->rows->rows; i++)
		if ((rc = give_row(s, s->order[i], err)) < 0)
			return rc;
	return give(s, err);
}
