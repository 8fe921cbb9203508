/* csv_ahead_join.c - a block that a thread parsed, as the reader's own: its values and addresses get the reader's
 * numbers. */
#include <stdlib.h>
#include <string.h>

#include "traces/csv_ahead_parts.h"

/* Is there room in the reader's dictionaries for all that is new in the slot's? */
static bool has_room(const struct fm_csv_slot *s, const struct fm_table *t)
{
	for (int k = 0; k < FM_NCOL; k++)
		if (t->dict[k].n + s->more[k] > FM_DICT_MAX)
			return false;
	return true;
}

/* Has the reader numbers for all that its thread knew before the block? */
static bool follows(const struct fm_csv_slot *s)
{
	const struct fm_csv_worker *w = s->by;

	if (s->anew)
		return true;
	for (int k = 0; k < FM_NCOL; k++)
		if (s->nvalue[k] != w->nvalue[k])
			return false;
	return s->generation == w->known && s->naddress == w->naddress;
}

static int number_values(struct fm_csv_worker *w, const struct fm_csv_slot *s, struct fm_table *t, struct fm_error *err)
{
	const char *value = s->values.data;
	int rc;

	for (int k = 0; k < FM_NCOL; k++) {
		if (s->more[k] && !w->value[k] &&
		    (rc = fm_alloc(&w->value[k], FM_DICT_MAX, sizeof *w->value[k], "numbers of values", err)) < 0)
			return rc;
		for (size_t i = 0; i < s->more[k]; i++, value += strlen(value) + 1) {
			int at = fm_dict_index(&t->dict[k], value, strlen(value), true);

			if (at < 0)
				return fm_fail(err, FM_ESYSTEM, "out of memory: values of column %s", fm_cols[k].name);
			w->value[k][w->nvalue[k]++] = (uint16_t)at;
		}
	}
	return FM_OK;
}

/* The numbers that new values and addresses have in the reader's dictionaries, in the order in which they came. */
static int number_new(struct fm_csv_slot *s, struct fm_table *t, struct fm_error *err)
{
	struct fm_csv_worker *w = s->by;
	size_t n = s->inside.len;
	int rc;

	if (s->anew) {
		memset(w->nvalue, 0, sizeof w->nvalue);
		w->naddress = 0;
		w->known = s->generation;
	}
	if ((rc = number_values(w, s, t, err)) < 0)
		return rc;
	if (w->naddress + n > w->cap) {
		size_t cap = w->naddress + n + (w->naddress + n) / 2;
		uint32_t *more = reallocarray(w->address, cap, sizeof *more);

		if (!more)
			return fm_fail(err, FM_ESYSTEM, "out of memory: numbers of addresses");
		w->address = more;
		w->cap = cap;
	}
	if (n && (rc = fm_address_dict_add_all(t->addresses, (const struct fm_address *)s->addresses.data,
					       (const uint8_t *)s->inside.data, n, w->address + w->naddress, err)) < 0)
		return rc;
	w->naddress += n;
	return FM_OK;
}

static void copy_rows(const struct fm_csv_slot *s, struct fm_table *t)
{
	const struct fm_table *from = s->c->chunk;

	for (int k = 0; k < FM_NCOL; k++) {
		if (!FM_HAS(t, k))
			continue;
		if (fm_cols[k].kind == FM_KIND_CATEGORY)
			for (size_t i = 0; i < from->rows; i++)
				((uint16_t *)t->col[k])[i] = s->by->value[k][((const uint16_t *)from->col[k])[i]];
		else if (fm_cols[k].kind == FM_KIND_ADDRESS)
			for (size_t i = 0; i < from->rows; i++)
				((uint32_t *)t->col[k])[i] = s->by->address[((const uint32_t *)from->col[k])[i]];
		else
			memcpy(t->col[k], from->col[k], from->rows * fm_cols[k].width);
	}
	t->rows = from->rows;
}

int fm_csv_ahead_join(struct fm_csv_ahead *a, struct fm_csv *c, bool *joined, struct fm_error *err)
{
	struct fm_csv_slot *s = fm_csv_slot_at(a, a->tail);
	const struct fm_csv *of = s->c;
	uint64_t before = c->line - (s->first ? 0 : 1);
	int rc;

	*joined = s->usable && follows(s) && !c->footer && !c->replies && !c->carry.len &&
		  of->chunk->rows <= c->limit && has_room(s, c->chunk);
	if (!*joined) {
		pthread_mutex_lock(&a->lock);
		if (s->by)
			s->by->forget = true;
		pthread_mutex_unlock(&a->lock);
		return FM_OK;
	}
	if ((rc = number_new(s, c->chunk, err)) < 0)
		return rc;
	copy_rows(s, c->chunk);
	for (size_t i = 0; i < of->chunk->rows; i++)
		c->place[i] = of->place[i] + before;
	memcpy(c->said, of->said, of->chunk->rows);
	for (size_t i = 0; i < of->nbad; i++) {
		c->bad[i] = of->bad[i];
		c->bad[i].line += before;
	}
	c->nbad = of->nbad;
	c->line += s->lines;
	c->good += of->good;
	c->some = c->some || of->some;
	c->headers += of->headers;
	c->comments += of->comments;
	c->others += of->others;
	c->empty += of->empty;
	if (of->unended)
		c->unended = of->unended + before;
	c->row->missing_values += of->row->missing_values;
	c->row->labels_met |= of->row->labels_met;
	for (int k = 0; k < FM_NCOL; k++)
		c->row->lacking[k] += of->row->lacking[k];
	return s->first ? fm_csv_follow(c, of, err) : FM_OK;
}
