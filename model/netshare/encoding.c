/* encoding.c - sessions as vectors, and back. */
#include "model/netshare/encoding.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

#define NUMBERS_MOST 65536 /* of a record */
#define PUBLIC_FEW 20      /* public flows that give a port a word of its own, whatever the trace is */

/* ---- places in the vectors ---- */

static void attribute_add(struct fm_share_codec *c, int n, int kind)
{
	c->attribute_head[c->nattribute_heads++] = (struct fm_head){c->attributes, n, kind};
	c->attributes += n;
}

static void record_add(struct fm_share_codec *c, int n, int kind)
{
	c->record_head[c->nrecord_heads++] = (struct fm_head){c->record, n, kind};
	c->record += n;
}

static bool is_word(enum fm_col col)
{
	return col == FM_SP || col == FM_DP || col == FM_PR;
}

static int lay(struct fm_share_codec *c, struct fm_error *err)
{
	c->attributes = c->record = c->nattribute_heads = c->nrecord_heads = 0;
	record_add(c, 1, FM_HEAD_UNIT); /* the time since the previous record */
	for (int i = 0; i < c->flows.n; i++) {
		const struct fm_row_column *k = &c->flows.column[i];

		c->column[i].attribute = k->kind == FM_ROW_BIT || is_word(k->col) || k->col == FM_TE;
		if (k->col == FM_TE)
			continue;
		c->column[i].at = c->column[i].attribute ? c->attributes : c->record;
		if (is_word(k->col))
			attribute_add(c, FM_WORD_NUMBERS, FM_HEAD_TANH);
		else if (k->kind == FM_ROW_BIT)
			attribute_add(c, 2, FM_HEAD_CHOICE);
		else if (k->kind == FM_ROW_CATEGORY)
			record_add(c, k->n, FM_HEAD_CHOICE);
		else
			record_add(c, 1, FM_HEAD_UNIT);
		if (c->record > NUMBERS_MOST)
			return fm_fail(err, FM_EINPUT,
				       "a record would be %d numbers, as its categories have so many values: set "
				       "model.min_count higher",
				       c->record);
	}
	c->starts = c->attributes;
	attribute_add(c, 2, FM_HEAD_CHOICE);
	c->present = c->attributes;
	for (int m = 0; m < c->chunks; m++)
		attribute_add(c, 2, FM_HEAD_CHOICE);
	c->column[0].at = c->attributes; /* te is the first column */
	attribute_add(c, 1, FM_HEAD_UNIT);
	c->follows = c->record;
	record_add(c, 2, FM_HEAD_CHOICE);
	c->steps = (c->most + c->each - 1) / c->each;
	return FM_OK;
}

int fm_share_word(const struct fm_share_codec *c, enum fm_col col)
{
	for (int i = 0; i < c->flows.n; i++)
		if (c->flows.column[i].col == col)
			return c->column[i].at;
	return -1;
}

int fm_share_start(const struct fm_share_codec *c)
{
	return c->column[0].at;
}

/* ---- learning ---- */

static int compare_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

/* The number that k of the n values reach, but at least `least`, and that of fewer than k values. x is sorted. */
static double most_of(double *x, size_t n, int k, double least)
{
	qsort(x, n, sizeof *x, compare_double);
	return n >= (size_t)k && x[n - (size_t)k] > least ? x[n - (size_t)k] : least;
}

/* x (t->rows) and code (t->rows) are scratch. */
static int columns_fit(struct fm_share_codec *c, const struct fm_table *t, const struct fm_share_opts *o, double *x,
		       uint16_t *code, struct fm_error *err)
{
	int rc;

	for (int i = 0; i < c->flows.n; i++) {
		struct fm_row_column *k = &c->flows.column[i];

		c->column[i].most = 1;
		if (k->kind != FM_ROW_NUMBER) {
			if ((rc = fm_row_column_fit(k, t, o->min_count, code, err)) < 0)
				return rc;
		} else if (k->log) {
			for (size_t r = 0; r < t->rows; r++)
				x[r] = fm_row_number(&c->flows, k, t, r);
			c->column[i].most = most_of(x, t->rows, o->k, 1);
		}
	}
	return FM_OK;
}

/* How many sessions go on, as the model may know it: no number below k.  The later chunks that fewer go on in are put
 * together, with the least of the others until k are. */
static void guard(struct fm_share_chunk *chunk, int first, int chunks, int k)
{
	chunk->rest = 0;
	if (chunk->lasting < k) {
		chunk->lasting = 0;
		memset(chunk->go_on, 0, sizeof chunk->go_on);
		return;
	}
	for (int l = first; l < chunks; l++)
		if (chunk->go_on[l] < k) {
			chunk->rest += chunk->go_on[l];
			chunk->go_on[l] = 0;
		}
	while (chunk->rest > 0 && chunk->rest < k) {
		int least = -1;

		for (int l = first; l < chunks; l++)
			if (chunk->go_on[l] > 0 && (least < 0 || chunk->go_on[l] < chunk->go_on[least]))
				least = l;
		if (least < 0)
			return; /* does not happen: all together are at least as many as last */
		chunk->rest += chunk->go_on[least];
		chunk->go_on[least] = 0;
	}
}

double fm_share_going_on(const struct fm_share_codec *c, int chunk, int later)
{
	const struct fm_share_chunk *m = &c->chunk[chunk];
	int pooled = 0;

	for (int l = chunk + 1; l < c->chunks; l++)
		pooled += m->go_on[l] == 0;
	return m->go_on[later] > 0 ? m->go_on[later] : m->rest / pooled;
}

/* The count, as the model may know it. */
static double of_k(double count, int k)
{
	return count < k ? 0 : count;
}

/* A chunk of fewer than k gaps has the largest one of all chunks, and where these are fewer, a chunk's length.
 * x (t->rows) is scratch. */
static int chunks_fit(struct fm_share_codec *c, const struct fm_sessions *s, const struct fm_table *t, int k, double *x,
		      struct fm_error *err)
{
	double length = fm_chunk_begin(1, c->chunks, c->flows.first_ms, c->flows.last_ms), starting = 0, gap;
	size_t all = 0;

	for (int m = 0; m < c->chunks; m++) {
		struct fm_share_chunk *chunk = &c->chunk[m];
		size_t n = 0;

		for (size_t i = s->at[m]; i < s->at[m + 1]; i++) {
			const struct fm_session *q = &s->session[i];

			chunk->sessions++;
			chunk->starting += q->starts;
			chunk->flows += q->n;
			chunk->lasting += q->starts && q->present >> m > 1;
			for (int l = m + 1; q->starts && l < c->chunks; l++)
				chunk->go_on[l] += (double)(q->present >> l & 1);
			for (uint32_t r = 1; r < q->n; r++)
				x[all + n++] =
				    (double)(t->te[s->order[q->first + r]] - t->te[s->order[q->first + r - 1]]);
		}
		chunk->gap = most_of(x + all, n, k, n < (size_t)k ? 0 : 1);
		all += n;
		chunk->sessions = of_k(chunk->sessions, k);
		chunk->flows = of_k(chunk->flows, k);
		starting += chunk->starting = of_k(chunk->starting, k);
		guard(chunk, m + 1, c->chunks, k);
	}
	gap = most_of(x, all, k, all < (size_t)k ? length : 1);
	for (int m = 0; m < c->chunks; m++)
		c->chunk[m].gap = c->chunk[m].gap > 0 ? c->chunk[m].gap : gap;
	if (starting == 0)
		return fm_fail(err, FM_EINPUT,
			       "fewer than %d sessions (privacy.min_count) start in each of the %d chunks: set "
			       "model.chunks lower, or train on more flows",
			       k, c->chunks);
	return FM_OK;
}

static int words_fit(struct fm_share_codec *c, const struct fm_table *t, const struct fm_share_opts *o,
		     struct fm_error *err)
{
	const struct fm_row_column *pr = NULL;
	struct fm_sentence *s = NULL;
	int rc;

	for (int i = 0; i < c->flows.n; i++)
		pr = c->flows.column[i].col == FM_PR ? &c->flows.column[i] : pr;
	if (!o->publics) {
		if ((rc = fm_alloc(&s, t->rows, sizeof *s, "sentences", err)) < 0)
			return rc;
		for (size_t i = 0; i < t->rows; i++)
			s[i] = (struct fm_sentence){t->sp[i], t->dp[i], fm_table_category(t, FM_PR, i)};
	}
	rc = fm_words_fit(&c->words,
			  &(struct fm_words_in){.s = s ? s : o->publics,
						.n = s ? t->rows : o->npublics,
						.min_count = s ? o->min_count : PUBLIC_FEW,
						.protocol = pr ? pr->value : NULL,
						.nprotocols = pr ? pr->n : 0,
						.seed = o->seed},
			  err);
	free(s);
	return rc;
}

int fm_share_codec_fit(struct fm_share_codec **out, struct fm_sessions *s, const struct fm_table *t,
		       const struct fm_share_opts *o, struct fm_error *err)
{
	struct fm_share_codec *c = NULL;
	uint16_t *code = NULL;
	double *x = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0)
		return rc;
	c->chunks = o->chunks;
	c->most = o->most;
	c->each = o->each;
	if ((rc = fm_row_columns_choose(&c->flows, t, FM_ROW_LOGS | FM_ROW_ADDRESS_BITS, o->k, err)) < 0 ||
	    (rc = fm_alloc(&x, t->rows, sizeof *x, "a column", err)) < 0 ||
	    (rc = fm_alloc(&code, t->rows, sizeof *code, "a column", err)) < 0 ||
	    (rc = columns_fit(c, t, o, x, code, err)) < 0 || (rc = words_fit(c, t, o, err)) < 0 ||
	    (rc = fm_sessions_cut(s, t, c->chunks, c->most, c->flows.first_ms, c->flows.last_ms, err)) < 0)
		goto out;
	if ((rc = chunks_fit(c, s, t, o->k, x, err)) == FM_OK)
		rc = lay(c, err);
out:
	free(x);
	free(code);
	if (rc < 0)
		fm_share_codec_free(c);
	else
		*out = c;
	return rc;
}

void fm_share_codec_free(struct fm_share_codec *c)
{
	if (!c)
		return;
	fm_row_columns_close(&c->flows);
	fm_words_close(&c->words);
	free(c);
}

/* ---- a session as vectors ---- */

static float share(double x, double of)
{
	return (float)(x < 0 ? 0 : x > of ? 1 : x / of);
}

static void attributes_of(const struct fm_share_codec *c, const struct fm_table *t, const struct fm_session *q,
			  size_t row, float *a)
{
	double begin = fm_chunk_begin(q->chunk, c->chunks, c->flows.first_ms, c->flows.last_ms);

	for (int i = 0; i < c->flows.n; i++) {
		const struct fm_row_column *k = &c->flows.column[i];
		float *to = a + c->column[i].at;
		const float *from = NULL;

		if (!c->column[i].attribute)
			continue;
		if (k->kind == FM_ROW_BIT) {
			to[fm_row_code(k, t, row)] = 1;
			continue;
		}
		if (k->col == FM_TE)
			to[0] = share((double)(t->te[row] - c->flows.first_ms) - begin,
				      fm_chunk_begin(1, c->chunks, c->flows.first_ms, c->flows.last_ms));
		else if (k->col == FM_PR)
			from = c->words.protocols + (size_t)fm_row_code(k, t, row) * FM_WORD_NUMBERS;
		else
			from = fm_word_of_port(&c->words, ((const uint16_t *)t->col[k->col])[row]);
		if (from)
			memcpy(to, from, sizeof *to * FM_WORD_NUMBERS);
	}
	a[c->starts + q->starts] = 1;
	for (int m = 0; m < c->chunks; m++)
		a[c->present + 2 * m + (int)(q->present >> m & 1)] = 1;
}

void fm_share_vectors(const struct fm_share_codec *c, const struct fm_table *t, const struct fm_sessions *s,
		      const struct fm_session *q, float *attributes, float *records)
{
	const uint32_t *row = s->order + q->first;

	memset(attributes, 0, sizeof *attributes * (size_t)c->attributes);
	memset(records, 0, sizeof *records * (size_t)(c->steps * c->each * c->record));
	attributes_of(c, t, q, row[0], attributes);
	for (uint32_t r = 0; r < q->n; r++, records += c->record) {
		if (r > 0)
			records[0] = share((double)(t->te[row[r]] - t->te[row[r - 1]]), c->chunk[q->chunk].gap);
		for (int i = 0; i < c->flows.n; i++) {
			const struct fm_row_column *k = &c->flows.column[i];
			float *to = records + c->column[i].at;

			if (c->column[i].attribute)
				continue;
			if (k->kind == FM_ROW_CATEGORY)
				to[fm_row_code(k, t, row[r])] = 1;
			else
				to[0] = share(fm_row_number(&c->flows, k, t, row[r]), c->column[i].most);
		}
		records[c->follows + (r + 1 == q->n)] = 1;
	}
}

/* ---- and back ---- */

bool fm_share_starts(const struct fm_share_codec *c, const float *a)
{
	return a[c->starts + 1] > a[c->starts];
}

bool fm_share_present(const struct fm_share_codec *c, const float *a, int chunk)
{
	const float *x = a + c->present + 2 * chunk;

	return x[1] > x[0];
}

static int chosen(const float *x, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		best = x[i] > x[best] ? i : best;
	return best;
}

static void decode_row(const struct fm_share_codec *c, double ms, const float *a, const float *record,
		       const int said[3], struct fm_table *t, size_t row)
{
	for (int i = 0; i < c->flows.n; i++) {
		const struct fm_row_column *k = &c->flows.column[i];
		const struct fm_share_column *p = &c->column[i];
		const float *x = (p->attribute ? a : record) + p->at;

		if (k->col == FM_TE)
			fm_row_number_put(&c->flows, k, ms, t, row);
		else if (k->kind == FM_ROW_BIT)
			fm_row_code_put(k, x[1] > x[0], t, row);
		else if (k->col == FM_SP || k->col == FM_DP)
			fm_row_number_put(&c->flows, k, said[k->col == FM_DP], t, row);
		else if (k->col == FM_PR)
			fm_row_code_put(k, said[2], t, row);
		else if (k->kind == FM_ROW_CATEGORY)
			fm_row_code_put(k, chosen(x, k->n), t, row);
		else
			fm_row_number_put(&c->flows, k, (double)x[0] * p->most, t, row);
	}
}

int fm_share_decode(const struct fm_share_codec *c, const struct fm_share_made *m, struct fm_table *t, size_t at,
		    int room)
{
	const float *a = m->attributes, *records = m->records;
	double length = fm_chunk_begin(1, c->chunks, c->flows.first_ms, c->flows.last_ms);
	double begin = fm_chunk_begin(m->chunk, c->chunks, c->flows.first_ms, c->flows.last_ms), ms;
	int n = 0;

	ms = (double)a[fm_share_start(c)] * length;
	for (int r = 0; r < c->most && n < room; r++, records += c->record) {
		ms += r > 0 ? (double)records[0] * c->chunk[m->chunk].gap : 0;
		if (ms >= length && r > 0)
			break;
		decode_row(c, begin + (ms < length ? ms : length - 1), a, records, m->said, t, at + (size_t)n++);
		if (records[c->follows + 1] > records[c->follows])
			break;
	}
	return n;
}

/* ---- as JSON ---- */

json_t *fm_share_codec_json(const struct fm_share_codec *c)
{
	json_t *j = fm_row_columns_json(&c->flows), *columns = json_object_get(j, "columns");
	json_t *chunks = json_array(), *ports = json_array();

	for (int i = 0; i < c->flows.n; i++)
		json_object_set_new(json_array_get(columns, (size_t)i), "most", json_real(c->column[i].most));
	for (int m = 0; m < c->chunks; m++) {
		json_t *of = json_pack("[f,f,f,f,f,f]", c->chunk[m].starting, c->chunk[m].sessions, c->chunk[m].flows,
				       c->chunk[m].gap, c->chunk[m].lasting, c->chunk[m].rest);

		for (int l = m + 1; l < c->chunks; l++)
			json_array_append_new(of, json_real(c->chunk[m].go_on[l]));
		json_array_append_new(chunks, of);
	}
	for (int i = 0; i < c->words.nports; i++)
		json_array_append_new(ports, json_integer(c->words.port[i]));
	json_object_set_new(j, "chunks", chunks);
	json_object_set_new(j, "ports", ports);
	json_object_set_new(j, "records", json_integer(c->most));
	json_object_set_new(j, "each", json_integer(c->each));
	return j;
}

static int damaged(const char *what, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT, "the model's codec is damaged: its %s", what);
}

static int words_read(struct fm_share_codec *c, const json_t *ports, struct fm_error *err)
{
	size_t n = json_array_size(ports), i;
	int protocols = 0, rc;
	const json_t *v;

	if (n < 1 || n > FM_WORD_RANGE + FM_WORD_RANGES)
		return damaged("ports", err);
	for (int k = 0; k < c->flows.n; k++)
		protocols = c->flows.column[k].col == FM_PR ? c->flows.column[k].n : protocols;
	if ((rc = fm_words_open(&c->words, (int)n, protocols, err)) < 0)
		return rc;
	json_array_foreach(ports, i, v)
	{
		json_int_t port = json_integer_value(v);

		if (port < 0 || port >= FM_WORD_RANGE + FM_WORD_RANGES || (i > 0 && port <= c->words.port[i - 1]))
			return damaged("ports", err);
		c->words.port[i] = (uint32_t)port;
	}
	return FM_OK;
}

static int chunks_read(struct fm_share_codec *c, const json_t *chunks, struct fm_error *err)
{
	size_t n = json_array_size(chunks), i;
	double starting = 0;
	const json_t *v;

	if (n < 1 || n > FM_CHUNKS_MOST)
		return damaged("chunks", err);
	c->chunks = (int)n;
	json_array_foreach(chunks, i, v)
	{
		struct fm_share_chunk *m = &c->chunk[i];
		size_t pooled = 0;

		if (json_array_size(v) != 5 + n - i)
			return fm_fail(err, FM_EINPUT,
				       "the model is of another version of flowmint, or damaged: chunk %zu of its "
				       "codec has %zu numbers, and this version's have %zu: train it anew",
				       i, json_array_size(v), 5 + n - i);
		m->starting = json_number_value(json_array_get(v, 0));
		m->sessions = json_number_value(json_array_get(v, 1));
		m->flows = json_number_value(json_array_get(v, 2));
		m->gap = json_number_value(json_array_get(v, 3));
		m->lasting = json_number_value(json_array_get(v, 4));
		m->rest = json_number_value(json_array_get(v, 5));
		for (size_t l = i + 1; l < n; l++) {
			m->go_on[l] = json_number_value(json_array_get(v, 5 + l - i));
			pooled += m->go_on[l] == 0;
			if (!(m->go_on[l] >= 0) || m->go_on[l] > m->lasting)
				return damaged("chunks", err);
		}
		if (!(m->rest >= 0) || m->rest > m->lasting * (double)pooled || !(m->starting >= m->lasting) ||
		    !(m->lasting >= 0) || !(m->sessions >= m->starting) || !(m->flows >= m->sessions) || !(m->gap > 0))
			return damaged("chunks", err);
		starting += m->starting;
	}
	return starting > 0 ? FM_OK : damaged("chunks", err);
}

int fm_share_codec_from_json(struct fm_share_codec **out, const json_t *j, struct fm_error *err)
{
	const json_t *columns = json_object_get(j, "columns");
	struct fm_share_codec *c = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0 ||
	    (rc = fm_row_columns_from_json(&c->flows, j, err)) < 0)
		goto out;
	for (int i = 0; i < c->flows.n; i++) {
		c->column[i].most = json_number_value(json_object_get(json_array_get(columns, (size_t)i), "most"));
		if (!(c->column[i].most > 0)) {
			rc = fm_row_columns_damaged(err, i);
			goto out;
		}
	}
	c->most = (int)json_integer_value(json_object_get(j, "records"));
	c->each = (int)json_integer_value(json_object_get(j, "each"));
	if (c->most < 1 || c->most > 4096 || c->each < 1 || c->each > c->most || c->flows.column[0].col != FM_TE) {
		rc = damaged("records", err);
		goto out;
	}
	if ((rc = words_read(c, json_object_get(j, "ports"), err)) < 0 ||
	    (rc = chunks_read(c, json_object_get(j, "chunks"), err)) < 0)
		goto out;
	rc = lay(c, err);
out:
	if (rc < 0)
		fm_share_codec_free(c);
	else
		*out = c;
	return rc;
}
