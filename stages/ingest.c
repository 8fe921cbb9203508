/*
 * ingest.c - the first stage: a trace becomes the private store, in one pass and in bounded memory.
 *
 * A window is model.window consecutive good rows; gap is the time since the good row before, whichever window that was
 * in. Every window has exactly model.window rows: what is left over at the end, fewer rows than one window, goes into
 * no split and is counted as tail_rows, so that rows = train_rows + validation_rows + holdout_rows + tail_rows.
 *
 * A row that is earlier than the row before it stays where it is, with gap 0, and is counted as unsorted. Where the
 * newest rows come first, or the rows are in no order of time (traces/time_order.h), windows would mean nothing: the
 * trace is read once more and sorted (traces/sort.h), to the store of the same trace in order.
 *
 * What a dialect says its traces do not have is filled by a fixed rule, for models learn whole flows (ingest_absent.c).
 *
 * Rows in which another exporter reports a flow once more (traces/duplicates.h) are counted and, where
 * source.duplicates says so, dropped, before windows are made: rows = the above + dropped.
 *
 * In privacy.mode dp no row influences what becomes of the rows of another exchange (traces/exchange.h): there are no
 * windows and no gaps (both columns are 0), no tail, and each exchange goes to its split by a keyed hash of itself.
 */
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "stages/ingest.h"
#include "stages/judged_rows.h"
#include "stages/table.h"
#include "traces/exchange.h"
#include "traces/files.h"
#include "traces/spell.h"

#define QUARANTINE_ROWS 1000

/* Count labels of the rows that go to training. */
static int count_labels(struct fm_ingest *g, size_t first, size_t rows, struct fm_error *err)
{
	const struct fm_table *t = g->pending;
	size_t n = t->dict[FM_LABEL].n;

	if (!FM_HAS(t, FM_LABEL))
		return FM_OK;
	if (n > g->ntrain_of) {
		uint64_t *more = reallocarray(g->train_of, n, sizeof *more);

		if (!more)
			return fm_fail(err, FM_ESYSTEM, "out of memory: counts of labels");
		memset(more + g->ntrain_of, 0, (n - g->ntrain_of) * sizeof *more);
		g->train_of = more;
		g->ntrain_of = n;
	}
	for (size_t i = first; i < first + rows; i++)
		g->train_of[t->label[i]]++;
	return FM_OK;
}

/* Give the first n windows of the pending block to their splits. */
static int flush_block(struct fm_ingest *g, size_t n, struct fm_error *err)
{
	uint8_t split[FM_SPLIT_FEW];
	int rc;

	for (size_t i = 0; i < n; i += FM_SPLIT_BLOCK)
		fm_splitter_block(&g->splitter, n - i < FM_SPLIT_BLOCK ? n - i : FM_SPLIT_BLOCK, split + i);
	for (size_t i = 0, run; i < n; i += run) {
		size_t rows;

		for (run = 1; i + run < n && split[i + run] == split[i]; run++)
			;
		rows = run * g->window;
		if ((rc = fm_table_writer_add(g->writer[split[i]], g->pending, i * g->window, rows, err)) < 0)
			return rc;
		if (split[i] == FM_SPLIT_TRAIN && (rc = count_labels(g, i * g->window, rows, err)) < 0)
			return rc;
		g->rows[split[i]] += rows;
	}
	g->windows += n;
	g->pending->rows = 0;
	return FM_OK;
}

/* Give the pending rows to their splits one by one, each by its own exchange alone. */
static int flush_exchanges(struct fm_ingest *g, struct fm_error *err)
{
	const struct fm_table *t = g->pending;
	enum fm_split now = FM_SPLIT_TRAIN, next;
	size_t from = 0;
	int rc;

	for (size_t i = 0; i <= t->rows; i++) {
		next = now;
		if (i < t->rows && (rc = fm_exchange_split_of(g->secret, t, i, g->cfg->split.validation,
							      g->cfg->split.holdout, &next, err)) < 0)
			return rc;
		if (i < t->rows && next == now)
			continue;
		if (i > from && (rc = fm_table_writer_add(g->writer[now], t, from, i - from, err)) < 0)
			return rc;
		g->rows[now] += i - from;
		from = i;
		now = next;
	}
	g->pending->rows = 0;
	return FM_OK;
}

static int flush(struct fm_ingest *g, size_t nwindows, struct fm_error *err)
{
	return g->secret ? flush_exchanges(g, err) : flush_block(g, nwindows, err);
}

/* Window numbers and gaps of the pending rows from `first` on. */
static int number_rows(struct fm_ingest *g, size_t first, struct fm_error *err)
{
	struct fm_table *t = g->pending;

	/* Both would depend on the rows before, so they are 0 here. */
	if (g->secret) {
		memset(t->win + first, 0, (t->rows - first) * sizeof *t->win);
		memset(t->gap + first, 0, (t->rows - first) * sizeof *t->gap);
		return FM_OK;
	}
	if (g->windows + FM_SPLIT_FEW > UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "%s: over 4294967295 windows: raise model.window or set source.rows",
			       g->cfg->source.path);
	for (size_t i = first; i < t->rows; i++) {
		int64_t gap = fm_time_order_step(&g->order, FM_HAS(t, FM_TE) ? t->te[i] : 0);

		gap = gap > 0 ? gap : 0;
		t->win[i] = (uint32_t)(g->windows + i / g->window);
		t->gap[i] = gap > UINT32_MAX ? UINT32_MAX : (uint32_t)gap;
	}
	return FM_OK;
}

/* Count the copies among the pending rows from `first` on, and drop them where that is asked for. */
static int look_for_duplicates(struct fm_ingest *g, size_t first, struct fm_error *err)
{
	struct fm_table *t = g->pending;
	size_t rows = t->rows - first, kept = first;
	uint8_t *copy = NULL;
	int rc;

	/* With a secret, what becomes of a row would depend on others. */
	if (g->secret || g->dialect->absent & FM_DUPLICATES_NEED)
		return FM_OK;
	if ((rc = fm_alloc(&copy, rows + 1, 1, "copies", err)) < 0)
		return rc;
	fm_duplicates_look(&g->duplicates, t, first, copy);
	for (size_t i = first; i < t->rows && g->drop; i++) {
		if (copy[i - first])
			continue;
		for (int c = 0; c < FM_NCOL && kept < i; c++)
			if (FM_HAS(t, c))
				memcpy((char *)t->col[c] + kept * fm_cols[c].width,
				       (char *)t->col[c] + i * fm_cols[c].width, fm_cols[c].width);
		kept++;
	}
	if (g->drop) {
		g->dropped += t->rows - kept;
		t->rows = kept;
	}
	free(copy);
	return FM_OK;
}

static int on_chunk(void *ctx, struct fm_table *chunk, struct fm_error *err)
{
	struct fm_ingest *g = ctx;
	int rc;

	for (size_t at = 0, n; at < chunk->rows; at += n) {
		/* What the splits of a few windows are depends on how many they are. */
		size_t first = g->pending->rows, windows = g->windows ? FM_SPLIT_BLOCK : FM_SPLIT_FEW,
		       full = windows * g->window;

		n = chunk->rows - at < full - first ? chunk->rows - at : full - first;
		if ((rc = fm_trace_chunk_copy(g->pending, chunk, at, n, err)) < 0 ||
		    (rc = fm_ingest_absent(g, first, err)) < 0 || (rc = look_for_duplicates(g, first, err)) < 0 ||
		    (rc = number_rows(g, first, err)) < 0)
			return rc;
		fm_text_order_look(&g->ties, g->pending, first);
		if (g->pending->rows == full && (rc = flush(g, windows, err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int on_look(void *ctx, const struct fm_table *rows, const uint64_t *place, const uint8_t *said,
		   struct fm_error *err)
{
	struct fm_ingest *g = ctx;

	return fm_doubts_look(&g->doubts, rows, place, said, err);
}

static void add_quoted(struct fm_buf *b, const char *s)
{
	char text[2 * 1024 + 3];
	size_t n = strlen(s);

	fm_buf_add(b, text, csv_write(text, sizeof text, s, n < 1024 ? n : 1024));
}

static void on_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct fm_ingest *g = ctx;

	fm_left_out_add(&g->left_out, bad->reason, bad->line);
	fm_doubts_bad(&g->doubts, bad);
	if (g->quarantined++ >= QUARANTINE_ROWS)
		return;
	fm_buf_printf(&g->quarantine, "%llu,", (unsigned long long)bad->line);
	add_quoted(&g->quarantine, bad->reason);
	fm_buf_puts(&g->quarantine, ",");
	add_quoted(&g->quarantine, bad->text);
	fm_buf_puts(&g->quarantine, "\n");
}

static void on_progress(void *ctx, uint64_t bytes_read, uint64_t bytes_total, uint64_t rows)
{
	struct fm_ingest *g = ctx;
	uint64_t wanted = (uint64_t)g->cfg->source.rows;

	/* How many rows there will be is estimated from the part of the file that was read. */
	if (bytes_read && bytes_total)
		g->progress.total = (uint64_t)((double)rows * (double)bytes_total / (double)bytes_read);
	if (wanted && (!g->progress.total || g->progress.total > wanted))
		g->progress.total = wanted;
	fm_progress_step(&g->progress, rows, NULL);
}

static int save_quarantine(struct fm_ingest *g, const char *path, struct fm_error *err)
{
	int rc;

	if (g->quarantined > QUARANTINE_ROWS)
		fm_buf_printf(&g->quarantine, ",%llu more bad rows are not listed,\n",
			      (unsigned long long)(g->quarantined - QUARANTINE_ROWS));
	if ((rc = fm_buf_check(&g->quarantine, err)) < 0)
		return rc;
	return fm_file_write(path, 0600, g->quarantine.data, g->quarantine.len, err);
}

/* Threads that parse: together with those that decompress and this one they stay within limits.threads. */
static int threads_of(const struct fm_config *cfg)
{
	int wanted = cfg->train.threads > 0 ? cfg->train.threads : fm_processors();
	int may = cfg->limits.threads > 0 ? (cfg->limits.threads - 1) / 2 : wanted;

	return wanted < may ? wanted : may;
}

static struct fm_trace_opts options(struct fm_ingest *g, const char *trace)
{
	const struct fm_config *cfg = g->cfg;

	return (struct fm_trace_opts){
	    .path = trace,
	    .member = cfg->source.member,
	    .dialect = g->dialect,
	    .rows = (uint64_t)cfg->source.rows,
	    .missing = strcmp(cfg->source.missing, "reject") ? FM_MISSING_ZERO : FM_MISSING_REJECT,
	    .chunk = on_chunk,
	    .progress = on_progress,
	    .ctx = g,
	    .limit_bad = true,
	    .max_bad_share = cfg->source.max_bad_share,
	    .max_bad_key = "source.max_bad_share",
	    .ipv4_only = g->secret != NULL,
	    .threads = threads_of(cfg),
	};
}

/* quarantine: where the bad rows go when the trace is accepted; kept: where they go when it is refused. */
static int read_trace(struct fm_ingest *g, const char *trace, const char *quarantine, const char *kept,
		      struct fm_error *err)
{
	struct fm_trace_opts o = options(g, trace);
	struct fm_error first = {0}, ignored;
	int rc;

	o.look = on_look;
	o.bad = on_bad;
	fm_buf_puts(&g->quarantine, "line,reason,text\n");
	fm_progress_begin(&g->progress, "ingest", "rows", o.rows);
	rc = fm_trace_read(&o, &g->st, &first);
	if (rc >= 0 || g->st.rows) /* no row was read: the error says all */
		fm_progress_end(&g->progress, NULL);
	if (rc >= 0)
		return save_quarantine(g, quarantine, err);
	if (err)
		*err = first;
	if (rc == FM_EINPUT && g->quarantined && save_quarantine(g, kept, &ignored) == FM_OK)
		return fm_fail(err, rc,
			       "%s; the bad rows, with line and reason, are private and are in %s until the next "
			       "ingest: less %s",
			       first.message, kept, kept);
	return rc;
}

/* ---- order ---- */

static int on_unsorted(void *ctx, struct fm_table *chunk, struct fm_error *err)
{
	struct fm_ingest *g = ctx;

	return fm_sorter_add(g->sorter, chunk, err);
}

/* The order of rows of the same time: reversed in a trace that is reversed; the order of their text where the trace has
 * that one, or where rows go back and forth so often that their order says nothing; else, as in files joined in a wrong
 * order, the order of the rows. */
static enum fm_sort_ties ties_of(const struct fm_ingest *g)
{
	const struct fm_doubts *d = &g->doubts;

	if (fm_doubts_newest_first(d))
		return FM_SORT_REVERSED;
	return d->back.n > d->forward / 3 || fm_text_order_found(&g->ties) ? FM_SORT_TEXT : FM_SORT_ARRIVAL;
}

static int open_store(struct fm_ingest *g, struct fm_error *err)
{
	unsigned present = g->dialect->present | g->dialect->absent | 1u << FM_WIN | 1u << FM_GAP;
	int rc;

	fm_splitter_init(&g->splitter, g->cfg->split.validation, g->cfg->split.holdout, g->cfg->split.seed);
	if ((rc = fm_table_new(&g->pending, present, err)) < 0 ||
	    (rc = fm_table_reserve(g->pending, FM_SPLIT_FEW * g->window, err)) < 0)
		return rc;
	for (int k = 0; k < FM_NSPLIT; k++) {
		char *dir = fm_path_join(g->out_dir, fm_items[FM_ITEM_TRAIN + k].name);

		if (!dir)
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		rc = fm_table_writer_open(&g->writer[k], dir, present, err);
		free(dir);
		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

static void drop_store(struct fm_ingest *g)
{
	for (int k = 0; k < FM_NSPLIT; k++) {
		fm_table_writer_abort(g->writer[k]);
		g->writer[k] = NULL;
		g->rows[k] = 0;
	}
	fm_table_free(g->pending);
	g->pending = NULL;
	g->windows = 0;
	g->dropped = 0;
	g->filled = 0;
	fm_duplicates_close(&g->duplicates);
	g->order = (struct fm_time_order){0};
	g->ties = (struct fm_text_order){0};
	free(g->train_of);
	g->train_of = NULL;
	g->ntrain_of = 0;
}

/* Read the trace once more, in order of time. */
static int read_sorted(struct fm_ingest *g, const char *trace, const char *shown, struct fm_error *err)
{
	struct fm_trace_opts o = options(g, trace);
	struct fm_trace_stats again;
	enum fm_sort_ties ties = ties_of(g);
	char lines[FM_EXAMPLES_MAX];
	int rc;

	if (fm_doubts_half_clock(&g->doubts)) /* sorting would mix morning and afternoon */
		return fm_fail(err, FM_EINPUT,
			       "%s: the clock falls back by 12 hours (%s) and no row is later than 12:59: the times "
			       "are those of a 12-hour clock: give the time column a pattern with %%I and day_starts "
			       "in the dialect",
			       shown, fm_examples_text(fm_doubts_half_clock(&g->doubts), g->st.place, lines));
	fm_warn("%s is not in the order of time: %llu of %llu rows are earlier than the row before them (%s); it is "
		"sorted",
		shown, (unsigned long long)g->doubts.back.n, (unsigned long long)g->st.rows,
		fm_examples_text(&g->doubts.back, g->st.place, lines));
	if ((rc = fm_dict_copy(&g->unsorted_labels, &g->pending->dict[FM_LABEL], err)) < 0)
		return rc;
	drop_store(g);
	if ((rc = open_store(g, err)) < 0 || (rc = fm_duplicates_open(&g->duplicates, err)) < 0 ||
	    (rc = fm_sorter_new(&g->sorter, g->out_dir, ties, 0, err)) < 0)
		return rc;
	o.chunk = on_unsorted;
	o.quiet = true;
	fm_progress_begin(&g->progress, "sort", "rows", g->st.rows);
	if ((rc = fm_trace_read(&o, &again, err)) < 0 || (rc = fm_sorter_finish(g->sorter, on_chunk, g, err)) < 0)
		goto out;
	if (again.rows != g->st.rows || again.bad != g->st.bad)
		rc = fm_fail(err, FM_EINPUT, "%s changed while it was read: %llu rows, then %llu", shown,
			     (unsigned long long)g->st.rows, (unsigned long long)again.rows);
	g->sorted = true;
out:
	fm_progress_end(&g->progress, NULL);
	fm_sorter_free(g->sorter);
	g->sorter = NULL;
	return rc;
}

static int check_size(const struct fm_ingest *g, const char *trace, struct fm_error *err)
{
	double v = g->cfg->split.validation, h = g->cfg->split.holdout;
	uint64_t needed = fm_splitter_needed(v, h);
	char advice[96];

	if (g->secret)
		return g->st.rows ? FM_OK : fm_fail(err, FM_EINPUT, "%s has no flows", trace);

	if (g->windows >= needed ||
	    (g->rows[FM_SPLIT_TRAIN] && g->rows[FM_SPLIT_VALIDATION] && g->rows[FM_SPLIT_HOLDOUT]))
		return FM_OK;
	fm_splitter_advice(v, h, g->windows, advice);
	return fm_fail(err, FM_EINPUT,
		       "%s: %llu row%s %llu window%s of %zu; at least %llu rows are needed for one window in each "
		       "split: give more rows,%s lower model.window%s",
		       trace, (unsigned long long)g->st.rows, g->st.rows == 1 ? " makes" : "s make",
		       (unsigned long long)g->windows, g->windows == 1 ? "" : "s", g->window,
		       (unsigned long long)(needed * g->window), *advice ? "" : " or", advice);
}

static int close_store(struct fm_ingest *g, struct fm_error *err)
{
	int rc;

	for (int k = 0; k < FM_NSPLIT; k++) {
		struct fm_table_writer *w = g->writer[k];

		g->writer[k] = NULL;
		if ((rc = fm_table_writer_close(w, g->pending->dict, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* Warn of what a release in the trace's own dialect will lose.  For a dialect file of the user's, which only this stage
 * and later ones read, this is said here, before training; for built-in dialects training says it. */
static void say_losses(const struct fm_ingest *g)
{
	const char *published = fm_config_published(g->cfg);

	if (!g->secret && fm_dialect_is_file(published) && strcmp(published, g->cfg->source.dialect) == 0)
		fm_spell_say_losses(g->pending, g->dialect);
}

int fm_stage_ingest(const struct fm_ingest_in *in, struct fm_ingest_out *out, struct fm_error *err)
{
	const struct fm_config *cfg = in->cfg;
	struct fm_ingest g = {.cfg = cfg,
			      .window = (size_t)cfg->model.window,
			      .secret = in->secret,
			      .out_dir = in->out_dir,
			      .drop = strcmp(cfg->source.duplicates, "drop") == 0};
	char title[FM_FILES_TITLE];
	const char *shown = fm_files_title(in->trace, title);
	char *quarantine = fm_path_join(in->out_dir, "quarantine.csv"),
	     *summary = fm_path_join(in->out_dir, "store.json");
	int rc;

	if (!quarantine || !summary) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (cfg->model.window < 1 || cfg->source.rows < 0) {
		rc = fm_fail(err, FM_EINPUT, "model.window is %d and source.rows %lld: at least 1 and 0 are needed",
			     cfg->model.window, (long long)cfg->source.rows);
		goto out;
	}
	if (fm_config_dp(cfg) != (in->secret != NULL)) {
		rc = fm_fail(err, FM_EINPUT, "ingest has %s secret in privacy.mode %s", in->secret ? "a" : "no",
			     cfg->privacy.mode);
		goto out;
	}
	if ((rc = fm_dialect_load(&g.dialect, cfg->source.dialect, err)) < 0 ||
	    (rc = fm_config_flows_alone(cfg, g.dialect, err)) < 0)
		goto out;
	g.doubts.dialect = g.dialect;
	if ((rc = open_store(&g, err)) < 0 || (rc = fm_duplicates_open(&g.duplicates, err)) < 0 ||
	    (rc = read_trace(&g, in->trace, quarantine, in->quarantine ? in->quarantine : quarantine, err)) < 0)
		goto out;
	g.doubts.place = g.left_out.place = g.st.place;
	if ((rc = fm_doubts_judge(&g.doubts, shown, &g.pending->dict[FM_LABEL], err)) < 0)
		goto out;
	if (!g.secret && !(g.dialect->absent >> FM_PR & 1u))
		fm_doubts_protocols(shown, &g.pending->dict[FM_PR]);
	if (!g.secret)
		fm_doubts_unmet(g.dialect, cfg->source.dialect, g.st.labels_met, shown);
	/* Without windows no row's place matters. */
	if (!g.secret &&
	    (fm_doubts_newest_first(&g.doubts) || !fm_time_order_found(&g.order, fm_files_count(in->trace) > 1)) &&
	    (rc = read_sorted(&g, in->trace, shown, err)) < 0)
		goto out;
	fm_ingest_say_fallen(&g, shown);
	g.tail_rows = in->secret ? 0 : g.pending->rows % g.window;
	if (g.windows == 0)
		fm_splitter_hold(&g.splitter, g.pending->rows / g.window, fm_holdout_least(cfg));
	if ((rc = flush(&g, g.pending->rows / g.window, err)) < 0 || (rc = check_size(&g, shown, err)) < 0)
		goto out;
	fm_ingest_say_untrained(&g, shown);
	say_losses(&g);
	if ((rc = close_store(&g, err)) < 0)
		goto out;
	fm_left_out_say(&g.left_out, shown);
	fm_ingest_say_duplicates(&g);
	if (g.dropped)
		fm_left_out_rows(&g.left_out, "a copy of another row, a second apart at most", g.dropped);
	fm_ingest_fill(&g, out);
	fm_ingest_say(out);
	rc = fm_ingest_save(&g, out, summary, err);
out:
	for (int k = 0; k < FM_NSPLIT; k++)
		fm_table_writer_abort(g.writer[k]);
	fm_table_free(g.pending);
	fm_dialect_free(g.dialect);
	fm_buf_free(&g.quarantine);
	fm_doubts_free(&g.doubts);
	fm_duplicates_close(&g.duplicates);
	fm_dict_free(&g.unsorted_labels);
	free(g.train_of);
	free(quarantine);
	free(summary);
	return rc;
}
