/* read.c - a trace by its reader (reader.h): counts rows and bad rows, and reports them. */
#include <stdio.h>
#include <string.h>

#include "traces/capture.h"
#include "traces/files.h"
#include "traces/reader.h"
#include "traces/sniff_unread.h"
#include "traces/trace.h"

#define EARLY_ROWS 10000 /* after this many rows a hopeless share of bad ones ends the reading */

#define REASONS 6

struct pass {
	const struct fm_trace_opts *o;
	const struct fm_reader_kind *kind;
	struct fm_reader *r;
	int64_t last_ms;
	uint64_t first_bad_line;
	char first_bad[256];
	struct {
		char words[128];
		uint64_t rows;
	} reason[REASONS]; /* reasons of bad rows, as they come; further ones are not counted separately */
	int nreasons;
	struct fm_trace_stats st;
};

static void count_reason(struct pass *p, const char *words)
{
	int i = 0;

	while (i < p->nreasons && strncmp(p->reason[i].words, words, sizeof p->reason[i].words - 1) != 0)
		i++;
	if (i == REASONS)
		return;
	if (i == p->nreasons)
		snprintf(p->reason[p->nreasons++].words, sizeof p->reason[i].words, "%s", words);
	p->reason[i].rows++;
}

/* "; 3 rows: byt is negative (column byt); 1 row: ..." where there are several reasons. */
static const char *list_reasons(const struct pass *p, char *text, size_t cap)
{
	uint64_t rest = p->st.bad;
	size_t at = 0;

	*text = '\0';
	for (int i = 0; p->nreasons > 1 && i < p->nreasons && at < cap; i++) {
		at += (size_t)snprintf(text + at, cap - at, "; %llu row%s: %s", (unsigned long long)p->reason[i].rows,
				       p->reason[i].rows == 1 ? "" : "s", p->reason[i].words);
		rest -= p->reason[i].rows;
	}
	if (p->nreasons > 1 && rest && at < cap)
		snprintf(text + at, cap - at, "; %llu for other reasons", (unsigned long long)rest);
	return text;
}

static int too_many_bad(const struct pass *p, struct fm_error *err)
{
	uint64_t all = p->st.rows + p->st.bad;
	const char *key = p->o->max_bad_key;
	char title[FM_FILES_TITLE], reasons[REASONS * 160];
	const char *path = fm_files_title(p->o->path, title);

	list_reasons(p, reasons, sizeof reasons);
	if (!p->st.rows)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: none of %llu row%s can be read by dialect %s, so nothing can be judged or learned; %s "
		    "%llu: %s%s%s",
		    path, (unsigned long long)all, all == 1 ? "" : "s", p->o->dialect->name, p->kind->place,
		    (unsigned long long)p->first_bad_line, p->first_bad,
		    p->nreasons == 1 && all > 1 ? ", and so in every row" : "", reasons);
	return fm_fail(err, FM_EINPUT,
		       "%s: %llu of %llu rows %s bad, over the limit of %g %%%s%s%s; first at %s %llu: %s%s", path,
		       (unsigned long long)p->st.bad, (unsigned long long)all, p->st.bad == 1 ? "is" : "are",
		       p->o->max_bad_share * 100, key ? " (" : "", key ? key : "", key ? ")" : "", p->kind->place,
		       (unsigned long long)p->first_bad_line, p->first_bad, reasons);
}

static bool is_hopeless(const struct pass *p)
{
	double bad = (double)p->st.bad, all = bad + (double)p->st.rows, max = p->o->max_bad_share;

	if (!p->o->limit_bad || all < EARLY_ROWS || bad <= max * all)
		return false;
	return bad > all / 2 || (p->o->rows && bad > max * (bad + (double)p->o->rows));
}

/* The bad rows of a batch; how many good rows came before each is known by their places. */
static int take_bad(struct pass *p, const struct fm_batch *b, struct fm_error *err)
{
	uint64_t before = p->st.rows;
	size_t good = 0;

	for (size_t i = 0; i < b->nbad; i++) {
		while (good < b->rows->rows && b->place[good] < b->bad[i].line)
			good++;
		p->st.rows = before + good;
		count_reason(p, b->bad[i].reason);
		if (!p->st.bad++) {
			p->first_bad_line = b->bad[i].line;
			snprintf(p->first_bad, sizeof p->first_bad, "%s", b->bad[i].reason);
		}
		if (p->o->bad)
			p->o->bad(p->o->ctx, &b->bad[i]);
		if (is_hopeless(p)) {
			int rc = too_many_bad(p, err);

			p->st.rows = before;
			return rc;
		}
	}
	p->st.rows = before;
	return FM_OK;
}

static int take_good(struct pass *p, const struct fm_batch *b, struct fm_error *err)
{
	const struct fm_table *t = b->rows;
	int rc;

	for (size_t i = 0; FM_HAS(t, FM_TE) && i < t->rows; i++) {
		p->st.unsorted += p->st.rows + i && t->te[i] < p->last_ms;
		p->last_ms = t->te[i];
	}
	if (t->rows && p->o->look && (rc = p->o->look(p->o->ctx, t, b->place, b->said, err)) < 0)
		return rc;
	p->st.rows += t->rows;
	p->st.missing_values += b->missing_values;
	p->st.labels_met |= b->labels_met;
	return t->rows && p->o->chunk ? p->o->chunk(p->o->ctx, b->rows, err) : FM_OK;
}

static int read_all(struct pass *p, struct fm_error *err)
{
	struct fm_batch b = {0};
	struct fm_error ignored;
	int rc;

	while (!b.end) {
		uint64_t left = p->o->rows ? p->o->rows - p->st.rows : FM_TRACE_CHUNK;

		if (!left)
			return p->kind->stop(p->r, err);
		if ((rc = p->kind->next(p->r, left < FM_TRACE_CHUNK ? (size_t)left : FM_TRACE_CHUNK, &b, err)) < 0) {
			(void)!take_bad(p, &b, &ignored);
			return rc;
		}
		if ((rc = take_bad(p, &b, err)) < 0 || (rc = take_good(p, &b, err)) < 0)
			return rc;
		struct fm_reader_at at = p->kind->at(p->r);
		p->st.bytes = at.bytes;
		p->st.passed_over = at.passed_over;
		if (p->o->progress)
			p->o->progress(p->o->ctx, at.consumed, at.total, p->st.rows);
	}
	return FM_OK;
}

static int check_result(const struct pass *p, struct fm_error *err)
{
	double all = (double)(p->st.rows + p->st.bad);

	if (p->st.bad && (!p->st.rows || (p->o->limit_bad && (double)p->st.bad > p->o->max_bad_share * all)))
		return too_many_bad(p, err);
	return FM_OK;
}

/* A dialect of captures or IPFIX also reads CSV: that of a release. */
static int find_kind(const struct fm_trace_opts *o, const struct fm_reader_kind **kind, struct fm_error *err)
{
	char first[FM_FILE_PATH];
	const char *list = o->path;
	enum fm_capture wanted = fm_capture_of(o->dialect), found;
	int rc;

	*kind = &fm_reader_csv;
	if (!wanted || !fm_files_next(&list, first))
		return FM_OK;
	if ((rc = fm_capture_look(first, o->member, &found, err)) < 0)
		return rc;
	if (found == wanted)
		*kind = found == FM_CAPTURE_IPFIX ? &fm_reader_ipfix : &fm_reader_pcap;
	return FM_OK;
}

int fm_trace_read(const struct fm_trace_opts *o, struct fm_trace_stats *stats, struct fm_error *err)
{
	struct pass p = {.o = o, .kind = &fm_reader_csv};
	int rc = find_kind(o, &p.kind, err);

	p.st.place = p.kind->place;
	if (rc >= 0 && !o->quiet && p.kind == &fm_reader_csv) /* in privacy.mode dp rows do not decide what is said */
		fm_unread_warn(o->dialect, o->path, o->member, o->ipv4_only);
	if (rc < 0 || (rc = p.kind->open(&p.r, o, err)) < 0 || (rc = read_all(&p, err)) < 0)
		goto out;
	rc = check_result(&p, err);
out:
	if (rc == FM_EINPUT && p.r)
		p.kind->explain(p.r, err);
	if (stats)
		*stats = p.st;
	p.kind->close(p.r);
	return rc;
}

int fm_trace_chunk_copy(struct fm_table *dst, const struct fm_table *chunk, size_t first, size_t rows,
			struct fm_error *err)
{
	size_t cap = dst->cap ? dst->cap : FM_TRACE_CHUNK;
	int rc;

	while (cap < dst->rows + rows)
		cap += cap / 2;
	if (cap > dst->cap && (rc = fm_table_reserve(dst, cap, err)) < 0)
		return rc;
	if (dst->addresses == NULL)
		dst->addresses = fm_address_dict_hold(chunk->addresses);
	for (int c = 0; c < FM_NCOL; c++) {
		size_t w = fm_cols[c].width;

		if (!FM_HAS(dst, c) || !FM_HAS(chunk, c))
			continue;
		memcpy((char *)dst->col[c] + dst->rows * w, (const char *)chunk->col[c] + first * w, rows * w);
		for (size_t i = dst->dict[c].n; i < chunk->dict[c].n; i++)
			if (fm_dict_index(&dst->dict[c], chunk->dict[c].value[i], strlen(chunk->dict[c].value[i]),
					  true) != (int)i)
				return fm_fail(err, FM_ESYSTEM, "out of memory: values of column %s", fm_cols[c].name);
	}
	dst->rows += rows;
	return FM_OK;
}

struct load {
	struct fm_table *t;
	const struct fm_trace_opts *o;
};

static int load_chunk(void *ctx, struct fm_table *chunk, struct fm_error *err)
{
	struct load *l = ctx;
	size_t first = l->t->rows;
	int rc;

	if (l->o->spill && !l->t->spilled && first && first + chunk->rows > FM_TRACE_IN_MEMORY &&
	    (rc = fm_table_spill(l->t, l->o->spill, err)) < 0)
		return rc;
	if ((rc = fm_trace_chunk_copy(l->t, chunk, 0, chunk->rows, err)) < 0)
		return rc;
	fm_table_forget(l->t, first, l->t->rows);
	return FM_OK;
}

static int load_look(void *ctx, const struct fm_table *rows, const uint64_t *place, const uint8_t *said,
		     struct fm_error *err)
{
	struct load *l = ctx;

	return l->o->look ? l->o->look(l->o->ctx, rows, place, said, err) : FM_OK;
}

static void load_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct load *l = ctx;

	if (l->o->bad)
		l->o->bad(l->o->ctx, bad);
}

static void load_progress(void *ctx, uint64_t bytes_read, uint64_t bytes_total, uint64_t rows)
{
	struct load *l = ctx;

	if (l->o->progress)
		l->o->progress(l->o->ctx, bytes_read, bytes_total, rows);
}

int fm_trace_load(struct fm_table **t, const struct fm_trace_opts *o, double max_bad_share,
		  struct fm_trace_stats *stats, struct fm_error *err)
{
	struct load l = {.o = o};
	struct fm_trace_opts mine = *o;
	int rc;

	*t = NULL;
	if ((rc = fm_table_new(&l.t, o->dialect->present, err)) < 0)
		return rc;
	mine.chunk = load_chunk;
	mine.look = load_look;
	mine.bad = load_bad;
	mine.progress = load_progress;
	mine.ctx = &l;
	mine.limit_bad = true;
	mine.max_bad_share = max_bad_share;
	if ((rc = fm_trace_read(&mine, stats, err)) < 0 || (rc = fm_table_sort_addresses(l.t, err)) < 0) {
		fm_table_free(l.t);
		return rc;
	}
	*t = l.t;
	return FM_OK;
}
