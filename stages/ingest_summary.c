/* ingest_summary.c - what ingest says of a trace: words, and store.json. */
#include <string.h>

#include "manifests/canon.h"
#include "stages/ingest.h"

void fm_ingest_fill(const struct fm_ingest *g, struct fm_ingest_out *out)
{
	*out = (struct fm_ingest_out){
	    .rows = g->st.rows,
	    .bad = g->st.bad,
	    .missing_values = g->st.missing_values,
	    .unsorted = g->st.unsorted,
	    .train_rows = g->rows[FM_SPLIT_TRAIN],
	    .validation_rows = g->rows[FM_SPLIT_VALIDATION],
	    .holdout_rows = g->rows[FM_SPLIT_HOLDOUT],
	    .tail_rows = g->tail_rows,
	    .windows = g->windows,
	    .first_ms = g->order.min_ms,
	    .last_ms = g->order.max_ms,
	    .passed_over = g->st.passed_over,
	    .sorted = g->sorted,
	    .left_out = g->left_out,
	    .duplicates = g->duplicates.exact,
	    .near_duplicates = g->duplicates.near,
	    .dropped = g->dropped,
	};
}

void fm_ingest_say_untrained(const struct fm_ingest *g, const char *trace)
{
	const struct fm_doubts *d = &g->doubts;
	const struct fm_dict *names = g->sorted ? &g->unsorted_labels : &g->pending->dict[FM_LABEL];
	struct fm_examples first = {0};
	char lines[FM_EXAMPLES_MAX];

	if (g->secret || !FM_HAS(g->pending, FM_LABEL))
		return;
	for (size_t i = 0; i < d->nlabels; i++) {
		const char *s = names->value[i];
		int now = d->label[i] ? fm_dict_index(&g->pending->dict[FM_LABEL], s, strlen(s), false) : -1;

		if (now >= 0 && ((size_t)now >= g->ntrain_of || !g->train_of[now]))
			fm_examples_add(&first, d->label[i]);
	}
	if (first.n)
		fm_warn("%s: %llu of %zu classes %s no row in the training split (%s): the model cannot learn %s; give "
			"more rows or a smaller model.window",
			trace, (unsigned long long)first.n, g->pending->dict[FM_LABEL].n, first.n == 1 ? "has" : "have",
			fm_examples_text(&first, g->st.place, lines), first.n == 1 ? "it" : "them");
}

void fm_ingest_say_fallen(const struct fm_ingest *g, const char *trace)
{
	const struct fm_doubts *d = &g->doubts;
	uint64_t rows = fm_time_order_behind(&g->order);

	if (!g->secret && rows)
		fm_warn("%s: about %llu of %llu rows lie over a minute behind rows before them (the time falls back by "
			"%lld s at %s %llu): a clock that is set back, or two exporters' traces in one? They stay "
			"where they are; rows of two exporters are to be sorted by their time first",
			trace, (unsigned long long)rows, (unsigned long long)g->st.rows,
			(long long)(d->farthest_ms / 1000), g->st.place, (unsigned long long)d->farthest_place);
}

void fm_ingest_say_duplicates(const struct fm_ingest *g)
{
	const struct fm_duplicates *d = &g->duplicates;

	if (d->exact + d->near > 0)
		fm_log("ingest: %llu row%s an earlier row, and %llu more %s one but for a second at most, as rows "
		       "of a second exporter do: %s",
		       (unsigned long long)d->exact, d->exact == 1 ? " equals" : "s equal", (unsigned long long)d->near,
		       d->near == 1 ? "equals" : "equal",
		       g->drop ? "they are dropped" : "source.duplicates keeps or drops them");
}

void fm_ingest_say(const struct fm_ingest_out *out)
{
	fm_log("ingest: %llu windows; rows: %llu for training, %llu for validation, %llu held out, %llu left over at "
	       "the end",
	       (unsigned long long)out->windows, (unsigned long long)out->train_rows,
	       (unsigned long long)out->validation_rows, (unsigned long long)out->holdout_rows,
	       (unsigned long long)out->tail_rows);
	if (out->bad)
		fm_log("ingest: %llu bad row%s left out", (unsigned long long)out->bad,
		       out->bad == 1 ? " is" : "s are");
	if (out->missing_values)
		fm_log("ingest: %llu missing value%s 0 now", (unsigned long long)out->missing_values,
		       out->missing_values == 1 ? " is" : "s are");
	if (out->unsorted)
		fm_log("ingest: %llu row%s earlier than the row before %s", (unsigned long long)out->unsorted,
		       out->unsorted == 1 ? " is" : "s are", out->unsorted == 1 ? "it" : "them");
}

json_t *fm_ingest_out_json(const struct fm_ingest_out *out)
{
	json_t *j =
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rows", (json_int_t)out->rows, "bad",
		      (json_int_t)out->bad, "missing_values", (json_int_t)out->missing_values, "unsorted",
		      (json_int_t)out->unsorted, "train_rows", (json_int_t)out->train_rows, "validation_rows",
		      (json_int_t)out->validation_rows, "holdout_rows", (json_int_t)out->holdout_rows, "tail_rows",
		      (json_int_t)out->tail_rows, "windows", (json_int_t)out->windows, "first_ms",
		      (json_int_t)out->first_ms, "last_ms", (json_int_t)out->last_ms);
	int bad = !j;

	if (!bad && out->sorted)
		bad |= json_object_set_new(j, "sorted", json_true());
	if (!bad && out->passed_over)
		bad |= json_object_set_new(j, "passed_over", json_integer((json_int_t)out->passed_over));
	if (!bad && out->duplicates)
		bad |= json_object_set_new(j, "duplicates", json_integer((json_int_t)out->duplicates));
	if (!bad && out->near_duplicates)
		bad |= json_object_set_new(j, "near_duplicates", json_integer((json_int_t)out->near_duplicates));
	if (!bad && out->dropped)
		bad |= json_object_set_new(j, "dropped", json_integer((json_int_t)out->dropped));
	if (!bad && out->left_out.n)
		bad |= json_object_set_new(j, "left_out", fm_left_out_json(&out->left_out));
	if (!bad)
		return j;
	json_decref(j);
	return NULL;
}

int fm_ingest_save(const struct fm_ingest *g, const struct fm_ingest_out *out, const char *path, struct fm_error *err)
{
	json_t *j = fm_ingest_out_json(out);
	int rc;

	if (!j || json_object_set_new(j, "format", json_string("flowmint-store/1")) ||
	    json_object_set_new(j, "ties", json_string(fm_text_order_found(&g->ties) ? "text" : "arrival")) ||
	    json_object_set_new(j, "window", json_integer((json_int_t)g->window)) ||
	    json_object_set_new(j, "dialect", json_string(g->dialect->name)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else
		rc = fm_json_save(j, path, err);
	json_decref(j);
	return rc;
}
