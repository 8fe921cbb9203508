#include "traces/csv_ahead.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "traces/csv_ahead_parts.h"

#define BLOCK ((size_t)64 << 10)
#define ROWS FM_CSV_AHEAD_ROWS
#define MAX_THREADS 16
#define MAX_ADDRESSES 65536           /* in a thread's dictionary, and likewise values: a larger one begins anew */
#define MAX_VALUES 4096               /* a block has fewer new ones than fit in a dictionary */
#define MAX_OPEN ((uint64_t)64 << 20) /* bytes that decompressing later files may take */

/* ---- the threads ---- */

/* Dictionaries that have become large, or whose blocks were not joined, begin anew. */
static int freshen(struct fm_csv_worker *w, struct fm_csv_slot *s, bool forget, struct fm_error *err)
{
	bool large = forget || !w->addresses || w->addresses->n > MAX_ADDRESSES;

	for (int k = 0; k < FM_NCOL; k++)
		large = large || w->dict[k].n > MAX_VALUES;
	s->anew = large;
	s->generation = w->generation += large;
	if (!large)
		return FM_OK;
	for (int k = 0; k < FM_NCOL; k++)
		fm_dict_free(&w->dict[k]);
	fm_address_dict_free(w->addresses);
	memset(w->memory, 0, sizeof *w->memory);
	return fm_address_dict_new(&w->addresses, err); /* which it leaves NULL where it fails */
}

/* Lend the thread's dictionaries to the block's table, or take them back. */
static void exchange_dictionaries(struct fm_csv_worker *w, struct fm_table *t)
{
	struct fm_address_dict *addresses = t->addresses;
	struct fm_dict dict[FM_NCOL];

	t->addresses = w->addresses;
	w->addresses = addresses;
	memcpy(dict, t->dict, sizeof dict);
	memcpy(t->dict, w->dict, sizeof dict);
	memcpy(w->dict, dict, sizeof dict);
}

static int keep_fresh(struct fm_csv_worker *w, struct fm_csv_slot *s, struct fm_error *err)
{
	const size_t n = w->addresses->n - s->naddress;
	int rc;

	s->addresses.len = s->inside.len = s->values.len = 0;
	if (n) {
		fm_buf_add(&s->addresses, &w->addresses->at[s->naddress], n * sizeof *w->addresses->at);
		fm_buf_add(&s->inside, &w->addresses->inside[s->naddress], n);
	}
	for (int k = 0; k < FM_NCOL; k++) {
		s->more[k] = w->dict[k].n - s->nvalue[k];
		for (size_t i = s->nvalue[k]; i < w->dict[k].n; i++)
			fm_buf_add(&s->values, w->dict[k].value[i], strlen(w->dict[k].value[i]) + 1);
	}
	if ((rc = fm_buf_check(&s->addresses, err)) < 0 || (rc = fm_buf_check(&s->inside, err)) < 0)
		return rc;
	return fm_buf_check(&s->values, err);
}

static void parse(struct fm_csv_worker *w, struct fm_csv_slot *s, bool forget)
{
	struct fm_csv *c = s->c;
	const struct fm_table *t = c->chunk;
	struct fm_error ignored;
	uint64_t before;
	int rc;

	s->by = w;
	s->usable = false;
	if (freshen(w, s, forget, &ignored) < 0)
		return;
	s->naddress = w->addresses->n;
	for (int k = 0; k < FM_NCOL; k++)
		s->nvalue[k] = w->dict[k].n;
	c->row->memory = w->memory;
	exchange_dictionaries(w, c->chunk);
	c->lines_before = 0;
	c->line = s->first ? 0 : 1; /* 1: not the file's first line, in which a byte-order mark may stand */
	before = c->line;
	if (s->first)
		fm_csv_file(c);
	c->good = c->headers = c->comments = c->others = c->empty = c->unended = c->summary = 0;
	c->row->missing_values = c->row->labels_met = 0;
	memset(c->row->lacking, 0, sizeof c->row->lacking);
	c->row->error.code = 0;
	c->carry.len = 0;
	c->some = c->replies = false;
	fm_csv_batch(c, FM_TRACE_CHUNK);
	c->left = s->piece.data;
	c->nleft = s->piece.n;
	rc = fm_csv_take(c, &ignored);
	if (rc >= 0 && !c->nleft && s->piece.ends && !fm_csv_is_full(c))
		rc = fm_csv_end(c, &ignored);
	s->lines = c->line - before;
	s->usable = rc >= 0 && !c->nleft && !c->replies && !c->carry.len && c->begun && !c->footer && !c->summary;
	for (int k = 0; k < FM_NCOL; k++)
		s->usable = s->usable && t->dict[k].n < FM_DICT_MAX;
	exchange_dictionaries(w, c->chunk);
	s->usable = s->usable && keep_fresh(w, s, &ignored) >= 0;
}

/* Parse the next waiting block. The lock is held before and after. */
static void parse_next(struct fm_csv_worker *w)
{
	struct fm_csv_ahead *a = w->of;
	struct fm_csv_slot *s = fm_csv_slot_at(a, a->claimed++);
	bool forget = w->forget && !s->raw;

	w->forget = w->forget && s->raw;
	pthread_mutex_unlock(&a->lock);
	if (!s->raw)
		parse(w, s, forget);
	pthread_mutex_lock(&a->lock);
	s->parsed = true;
	if (s == fm_csv_slot_at(a, a->tail)) /* the reader waits for no other */
		pthread_cond_signal(&a->done);
}

static void *work(void *arg)
{
	struct fm_csv_worker *w = arg;
	struct fm_csv_ahead *a = w->of;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		if (a->claimed != a->head)
			parse_next(w);
		else
			pthread_cond_wait(&a->fed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static int start_threads(struct fm_csv_ahead *a, struct fm_error *err)
{
	sigset_t all, old;
	int e = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; a->started < a->nthreads - 1 && !e; a->started += e == 0)
		e = pthread_create(&a->worker[a->started].thread, NULL, work, &a->worker[a->started]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return e ? fm_fail_errno(err, "cannot start a thread to parse %s", a->o->path) : FM_OK;
}

/* ---- the feed ---- */

/* Open later files while an earlier one is read, so that they are decompressed meanwhile. A file that cannot be opened
 * is no failure before its turn. */
static void open_next(struct fm_csv_ahead *a)
{
	uint64_t room = MAX_OPEN;
	struct fm_error ignored;

	for (size_t i = a->file + 1; i < a->order->n && i < a->file + (size_t)a->nthreads; i++) {
		uint64_t needs = fm_source_needs(a->order->file[i].path);

		if (needs > room)
			return;
		room -= needs;
		if (!a->opened[i] && fm_csv_input_open(&a->opened[i], a->order->file[i].path, a->o->member, &ignored))
			return;
	}
}

static int next_file(struct fm_csv_ahead *a, struct fm_error *err)
{
	size_t i = ++a->file;

	a->input = a->opened[i];
	a->opened[i] = NULL;
	a->begins = true;
	a->mid = a->known = false;
	a->start = NULL;
	a->nleft = a->ntail = 0;
	if (a->input)
		return FM_OK;
	return fm_csv_input_open(&a->input, a->order->file[i].path, a->o->member, err);
}

/* Bytes of the file into the slot, up to a block of them. *more: the file goes on. */
static int fill(struct fm_csv_ahead *a, struct fm_csv_slot *s, bool *more, struct fm_error *err)
{
	int rc = FM_OK;

	memcpy(s->data, a->tail_bytes, a->ntail);
	s->piece.n = a->ntail;
	a->ntail = 0;
	*more = true;
	while (s->piece.n < BLOCK) {
		size_t n;

		if (!a->nleft &&
		    ((rc = fm_csv_input_next(a->input, a->o->dialect, &a->data, &a->nleft, err)) < 0 || !a->nleft)) {
			a->nleft = 0;
			*more = false;
			break;
		}
		n = a->nleft < BLOCK - s->piece.n ? a->nleft : BLOCK - s->piece.n;
		memcpy(s->data + s->piece.n, a->data, n);
		s->piece.n += n;
		a->data += n;
		a->nleft -= n;
	}
	return rc;
}

/* The next block of the trace into the next slot. */
static int feed_block(struct fm_csv_ahead *a, struct fm_csv_slot *s, struct fm_error *err)
{
	struct fm_csv_piece *p = &s->piece;
	bool more = false;
	const char *lf;

	*p = (struct fm_csv_piece){.path = a->order->n ? a->order->file[a->file].path : a->o->path, .data = s->data};
	if (!a->input) {
		p->rc = next_file(a, &p->error);
		p->path = a->order->file[a->file].path;
	}
	s->first = a->begins;
	if (p->rc >= 0) {
		p->starts = a->begins && a->file ? a->input : NULL;
		open_next(a);
		p->rc = fill(a, s, &more, &p->error);
	}
	s->raw = a->mid || (!a->begins && !a->known) || p->rc < 0;
	lf = memrchr(s->data, '\n', p->n);
	a->mid = more && !lf;
	if (more && lf) {
		a->ntail = p->n - (size_t)(lf + 1 - s->data);
		memcpy(a->tail_bytes, lf + 1, a->ntail);
		p->n -= a->ntail;
	}
	a->begins = false;
	p->ends = !more && p->rc >= 0;
	p->last = p->ends && (!a->order->n || a->file + 1 == a->order->n);
	a->end = p->last || p->rc < 0;
	if (p->ends)
		a->input = NULL; /* the reader has it */
	s->parsed = s->usable = false;
	s->by = NULL;
	if (s->raw)
		return FM_OK;
	return s->first ? FM_OK : fm_csv_follow(s->c, a->model, err);
}

/* May the next block be cut? While the first line of a file is still being looked at, only its first block may. */
static int may_feed(struct fm_csv_ahead *a, bool *may, struct fm_error *err)
{
	bool parsed;

	*may = false;
	if (a->end || a->head - a->tail == a->nslot)
		return FM_OK;
	*may = true;
	if (!a->input || a->begins || a->known || !a->start)
		return FM_OK;
	pthread_mutex_lock(&a->lock);
	parsed = a->start->parsed;
	pthread_mutex_unlock(&a->lock);
	*may = parsed && a->start->usable;
	a->known = *may;
	return *may ? fm_csv_follow(a->model, a->start->c, err) : FM_OK;
}

static int feed(struct fm_csv_ahead *a, struct fm_error *err)
{
	bool may;
	int rc;

	for (;;) {
		struct fm_csv_slot *s = fm_csv_slot_at(a, a->head);

		if ((rc = may_feed(a, &may, err)) < 0 || !may || (rc = feed_block(a, s, err)) < 0)
			return rc;
		if (s->first)
			a->start = s;
		pthread_mutex_lock(&a->lock);
		a->head++;
		pthread_cond_signal(&a->fed);
		pthread_mutex_unlock(&a->lock);
	}
}

int fm_csv_ahead_next(struct fm_csv_ahead *a, struct fm_csv_piece **piece, struct fm_error *err)
{
	struct fm_csv_slot *s = fm_csv_slot_at(a, a->tail);
	int rc = feed(a, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&a->lock);
	while (!s->parsed) {
		if (a->claimed != a->head)
			parse_next(&a->worker[a->nthreads - 1]);
		else
			pthread_cond_wait(&a->done, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	*piece = &s->piece;
	return FM_OK;
}

int fm_csv_ahead_done(struct fm_csv_ahead *a, const struct fm_csv *c, struct fm_error *err)
{
	const struct fm_csv_slot *s = fm_csv_slot_at(a, a->tail);

	pthread_mutex_lock(&a->lock);
	a->tail++;
	pthread_mutex_unlock(&a->lock);
	if (a->start == s)
		a->start = NULL;
	/* Take over what the reader found in the file's first block where the thread could not tell. */
	if (a->start || a->begins || a->known || !a->input || !c->begun)
		return FM_OK;
	a->known = true;
	return fm_csv_follow(a->model, c, err);
}

/* ---- all threads ---- */

static int new_workers(struct fm_csv_ahead *a, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(&a->worker, (size_t)a->nthreads, sizeof *a->worker, "threads", err)) < 0)
		return rc;
	for (int i = 0; i < a->nthreads; i++) {
		a->worker[i].of = a;
		if ((rc = fm_alloc(&a->worker[i].memory, 1, sizeof *a->worker->memory, "recent values", err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int new_slots(struct fm_csv_ahead *a, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(&a->slot, a->nslot, sizeof *a->slot, "blocks of a trace", err)) < 0)
		return rc;
	for (unsigned i = 0; i < a->nslot; i++)
		if ((rc = fm_alloc_room(&a->slot[i].data, BLOCK, 1, "a block of a trace", err)) < 0 ||
		    (rc = fm_csv_new(&a->slot[i].c, &a->opts, ROWS, a->worker->memory, err)) < 0)
			return rc;
	return FM_OK;
}

int fm_csv_ahead_new(struct fm_csv_ahead **out, const struct fm_trace_opts *o, const struct fm_file_order *order,
		     struct fm_csv_input *first, int nthreads, struct fm_error *err)
{
	struct fm_csv_ahead *a;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&a, 1, sizeof *a, "blocks of a trace", err)) < 0)
		return rc;
	a->o = o;
	a->opts = *o;
	a->opts.path = "the trace";
	a->order = order;
	a->input = first;
	a->begins = true;
	a->nthreads = nthreads < MAX_THREADS ? nthreads : MAX_THREADS;
	a->nslot = 2 * (unsigned)a->nthreads + 4;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->fed, NULL);
	pthread_cond_init(&a->done, NULL);
	if ((rc = new_workers(a, err)) < 0 ||
	    (rc = fm_alloc(&a->opened, order->n + 1, sizeof(struct fm_csv_input *), "files", err)) < 0 ||
	    (rc = fm_alloc_room(&a->tail_bytes, BLOCK, 1, "a block of a trace", err)) < 0 ||
	    (rc = fm_csv_new(&a->model, &a->opts, 1, a->worker->memory, err)) < 0 || (rc = new_slots(a, err)) < 0 ||
	    (rc = start_threads(a, err)) < 0) {
		a->input = NULL; /* the caller's still */
		fm_csv_ahead_close(a);
		return rc;
	}
	*out = a;
	return FM_OK;
}

void fm_csv_ahead_close(struct fm_csv_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->fed);
	pthread_mutex_unlock(&a->lock);
	for (int i = 0; i < a->started; i++)
		pthread_join(a->worker[i].thread, NULL);
	/* Files that the reader did not come to. */
	for (unsigned i = a->tail; i != a->head && a->slot; i++)
		fm_csv_input_close(fm_csv_slot_at(a, i)->piece.starts);
	for (size_t i = 0; a->opened && i < a->order->n; i++)
		fm_csv_input_close(a->opened[i]);
	for (unsigned i = 0; a->slot && i < a->nslot; i++) {
		struct fm_csv_slot *s = &a->slot[i];

		free(s->data);
		fm_buf_free(&s->addresses);
		fm_buf_free(&s->inside);
		fm_buf_free(&s->values);
		fm_csv_free(s->c);
	}
	for (int i = 0; a->worker && i < a->nthreads; i++) {
		struct fm_csv_worker *w = &a->worker[i];

		free(w->memory);
		free(w->address);
		fm_address_dict_free(w->addresses);
		for (int k = 0; k < FM_NCOL; k++) {
			fm_dict_free(&w->dict[k]);
			free(w->value[k]);
		}
	}
	fm_csv_free(a->model);
	free(a->slot);
	free(a->opened);
	free(a->worker);
	free(a->tail_bytes);
	pthread_cond_destroy(&a->fed);
	pthread_cond_destroy(&a->done);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
