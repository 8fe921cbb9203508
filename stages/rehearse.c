#include "stages/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rows.h"
#include "manifests/dialect.h"
#include "stages/released_flows.h"
#include "traces/spell.h"
#include "traces/trace.h"

/* Rows spread evenly, and before them the first of each value of a category. */
static int choose(struct fm_table **out, const struct fm_table *t, struct fm_error *err)
{
	size_t most = t->rows < FM_REHEARSED ? t->rows : FM_REHEARSED, n = 0;
	uint32_t *row = NULL;
	uint8_t *seen = NULL;
	int rc;

	if ((rc = fm_alloc(&row, most + (size_t)FM_NCOL * FM_DICT_MAX, sizeof *row, "a choice of rows", err)) < 0 ||
	    (rc = fm_alloc(&seen, FM_DICT_MAX, 1, "values that were met", err)) < 0)
		goto out;
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		size_t left = t->dict[c].n;

		if (!FM_HAS(t, c) || fm_cols[c].kind != FM_KIND_CATEGORY)
			continue;
		memset(seen, 0, FM_DICT_MAX);
		for (size_t i = 0; i < t->rows && left; i++) {
			uint64_t v = fm_table_value(t, c, i);

			if (v >= FM_DICT_MAX || seen[v])
				continue;
			seen[v] = 1;
			left--;
			row[n++] = (uint32_t)i;
		}
	}
	for (size_t k = 0; k < most; k++)
		row[n++] = (uint32_t)((uint64_t)k * t->rows / most);
	rc = fm_table_take(out, t, row, n, err);
out:
	free(row);
	free(seen);
	return rc;
}

/* The finest step in which the dialect tells a time or duration, 1 for what has none. */
static uint64_t step_of(const struct fm_dialect *d, int c)
{
	uint64_t least = 0;

	for (int k = 0; k < d->ncols; k++) {
		uint64_t step = (uint64_t)fm_dialect_step_ms(d, k);

		if ((d->cols[k].col == c || (c == FM_TD && d->cols[k].col == FM_TE)) && (!least || step < least))
			least = step;
	}
	return c != FM_TE && c != FM_TD ? 1 : least ? least : 1;
}

/* Is column c of row i another in b?  Of a time: by a step or more, for a coarser one is told before the run. */
static bool differs(const struct fm_table *a, const struct fm_table *b, int c, size_t i, uint64_t step)
{
	uint64_t x = fm_table_key(a, c, i), y = fm_table_key(b, c, i);

	if (fm_cols[c].kind == FM_KIND_CATEGORY)
		return strcmp(a->dict[c].value[x], b->dict[c].value[y]) != 0;
	return x != y && (x > y ? x - y : y - x) >= step;
}

static const char *advice(int c)
{
	switch (c) {
	case FM_TE:
	case FM_TD:
		return "a format or zone that cannot tell them?";
	case FM_SP:
	case FM_DP:
		return "a number under missing, or a type of ICMP that it cannot tell?";
	case FM_PKT:
	case FM_BYT:
		return "a number under missing, or suffixes that round?";
	default:
		return "blanks or quotes that it cannot keep, a word under missing, or another spelling in a map?";
	}
}

/* Warn of each column in which read is not what was written, beside the columns told. */
static void compare(const struct fm_table *written, const struct fm_table *read, const struct fm_dialect *d,
		    uint32_t told)
{
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		uint64_t step = step_of(d, c);
		bool is_port = fm_cols[c].kind == FM_KIND_PORT;
		size_t n = 0;

		if (d->sampling > 1 && (c == FM_PKT || c == FM_BYT)) /* its steps are told */
			continue;
		if (told >> c & 1u || !FM_HAS(written, c) || !FM_HAS(read, c) || !(d->present >> c & 1u))
			continue;
		for (size_t i = 0; i < written->rows; i++)
			n += !(is_port && d->icmp && fm_spell_icmp(written, i)) && /* said of these */
			     differs(written, read, c, i, step);
		if (n)
			fm_warn("a release in dialect %s: %s of %zu of %zu flows that were written in it for a trial "
				"is read back as another (%s), and would be released as that",
				d->name, fm_cols[c].name, n, (size_t)written->rows, advice(c));
	}
}

int fm_rehearse_release(const struct fm_table *t, const struct fm_config *cfg, bool told, const char *dir,
			struct fm_error *err)
{
	char *csv = fm_path_join(dir, ".rehearsal"), text[FM_UNSAID][320], sha256[FM_SHA256_HEX];
	struct fm_table *written = NULL, *read = NULL;
	struct fm_dialect *d = NULL;
	struct fm_error why = {0};
	bool headed;
	uint32_t columns;
	int rc, fails;

	if (!csv)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_dialect_load(&d, fm_config_published(cfg), err)) < 0)
		goto out;
	if (!told)
		fm_spell_say_losses(t, d);
	(void)fm_spell_losses(t, d, text, &fails, &columns);
	/* A trial would be refused for what has no text. What else is lost is found when that is mended. */
	if (fails || t->rows == 0)
		goto out;
	headed = cfg->publish.header && !d->header && !d->json;
	d->header |= headed;
	if ((rc = choose(&written, t, err)) < 0)
		goto out;
	written->present &= ~(cfg->absent | 1u << FM_WIN | 1u << FM_GAP);
	/* all of its rows: a copy */
	if ((rc = fm_table_sample(&read, written, written->rows, 0, 0, err)) < 0)
		goto out;
	if ((rc = fm_released_settle(&read, d, headed, csv, dir, "", sha256, &why)) < 0) {
		rc = fm_fail(err, why.code, "a release of flows such as these would be refused: %s", why.message);
		goto out;
	}
	compare(written, read, d, columns);
out:
	if (csv)
		unlink(csv);
	free(csv);
	fm_table_free(written);
	fm_table_free(read);
	fm_dialect_free(d);
	return rc;
}
