/* How hosts behave in time, real against synthetic: flows a minute, lifetimes, and when the busiest are active. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/num.h"
#include "base/table.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/part.h"

enum { POWERS = 24, HOSTS = 10, SLOTS = 48 }; /* as the document has them (judge/host_histogram.h) */

/* Counts of one side, (n).  Returns their sum, 0 where they are missing or cannot be drawn. */
static double read_counts(const json_t *field, const char *side, size_t n, double *count)
{
	const json_t *list = json_object_get(field, side);
	double sum = 0;

	if (json_array_size(list) != n)
		return 0;
	for (size_t i = 0; i < n; i++) {
		count[i] = json_number_value(json_array_get(list, i));
		if (!(count[i] >= 0) || !isfinite(count[i]))
			return 0;
		sum += count[i];
	}
	return isfinite(sum) ? sum : 0;
}

/* ---- cells in powers of two ---- */

static const struct powers {
	const char *name, *title, *unit, *metric;
	struct {
		size_t cell;
		const char *text;
	} tick[5];
} powers[] = {
    {"MINUTES", "Flows a minute", "minutes", NULL, {{0, "none"}, {1, "1"}, {4, "8-15"}, {8, "128-255"}, {12, "2 k"}}},
    {"LIFE",
     "Lifetimes of sources",
     "sources",
     "host.LIFE",
     {{0, "0 s"}, {4, "15 s"}, {8, "4 min"}, {12, "1 h"}, {16, "18 h"}}},
};

/* "16 to 31 flows", "15 to 30 seconds" */
static void put_range(struct fm_buf *b, const struct powers *w, size_t cell)
{
	bool life = strcmp(w->name, "LIFE") == 0;
	int64_t from = life   ? (INT64_C(1) << cell) - 1
		       : cell ? INT64_C(1) << (cell - 1)
			      : 0,
		to = life   ? 2 * from
		     : cell ? 2 * from - 1
			    : 0;

	fm_html_count(b, from);
	if (to > from) {
		fm_buf_puts(b, " to ");
		fm_html_count(b, to);
	}
	fm_buf_puts(b, life ? " seconds" : " flows");
}

static void describe_powers(struct fm_buf *b, const struct powers *w, const struct fm_chart_steps *s)
{
	double largest = 0;

	fm_buf_printf(b, "Shares of %s, in cells that double. ", w->unit);
	for (int side = s->has_real ? 0 : 1; side < 2; side++) {
		const double *share = side ? s->synthetic : s->real;
		size_t most = 0;

		for (size_t i = 1; i < s->n; i++)
			most = share[i] > share[most] ? i : most;
		fm_buf_puts(b, side ? "Synthetic: " : "Real: ");
		fm_html_percent(b, share[most]);
		fm_buf_puts(b, " have ");
		put_range(b, w, most);
		fm_buf_puts(b, ", more than any other cell. ");
	}
	for (size_t i = 0; i < s->n && s->has_real; i++)
		largest = fmax(largest, fabs(s->real[i] - s->synthetic[i]));
	if (s->has_real) {
		fm_buf_puts(b, "The largest difference in one cell is ");
		fm_html_fixed(b, 100 * largest, 2);
		fm_buf_puts(b, " percentage points.");
	}
}

static void put_head(const struct fm_page *p, struct fm_buf *out, const char *title, const char *metric)
{
	bool absent = true;
	double value = metric ? fm_page_metric(p, metric, &absent) : NAN;

	fm_buf_puts(out, "<figcaption><b>");
	fm_html_text(out, title);
	fm_buf_puts(out, "</b>");
	if (!absent) {
		fm_buf_puts(out, "<span>divergence ");
		fm_html_number(out, value);
		fm_buf_puts(out, "</span>");
	}
	fm_buf_puts(out, "</figcaption>");
}

static bool put_powers(const struct fm_page *p, struct fm_buf *out, const json_t *list, const struct powers *w)
{
	const json_t *field = fm_json_named(list, w->name);
	struct fm_chart_steps *s = calloc(1, sizeof *s);
	struct fm_buf desc = {0};
	char id[16], title[96];
	double sum[2];
	size_t n = 1;

	if (!s) {
		out->failed = 1;
		return false;
	}
	sum[0] = read_counts(field, "real", POWERS, s->real);
	sum[1] = read_counts(field, "synthetic", POWERS, s->synthetic);
	if (!(sum[1] > 0)) {
		free(s);
		return false;
	}
	s->has_real = sum[0] > 0;
	for (size_t i = 0; i < POWERS; i++) {
		s->real[i] = s->has_real ? s->real[i] / sum[0] : 0;
		s->synthetic[i] /= sum[1];
		n = s->real[i] > 0 || s->synthetic[i] > 0 ? i + 1 : n;
	}
	s->n = n;
	for (size_t i = 0; i <= n; i++)
		s->edge[i] = (double)i / (double)n;
	for (size_t i = 0; i < sizeof w->tick / sizeof *w->tick; i++)
		if (w->tick[i].cell < n) {
			s->tick[s->nticks].at = ((double)w->tick[i].cell + 0.5) / (double)n;
			snprintf(s->tick[s->nticks++].text, sizeof s->tick->text, "%s", w->tick[i].text);
		}
	describe_powers(&desc, w, s);
	snprintf(id, sizeof id, "h%s", w->name);
	snprintf(title, sizeof title, "%s: %s", w->title, s->has_real ? "real against synthetic" : "synthetic");
	fm_buf_puts(out, "<figure>");
	put_head(p, out, w->title, w->metric);
	fm_chart_steps(out, &(struct fm_chart){id, title, desc.data ? desc.data : ""}, s);
	fm_buf_puts(out, "</figure>\n");
	out->failed |= desc.failed;
	fm_buf_free(&desc);
	free(s);
	return true;
}

/* ---- the busiest hosts ---- */

/* Each slot as a share of its host's busiest one.  Returns in how many slots a host has flows, averaged over hosts that
 * have any. */
static double shades_of(const double *count, double cell[][FM_CHART_SLOTS])
{
	size_t busy = 0, hosts = 0;

	for (size_t h = 0; h < HOSTS; h++) {
		double most = 0;
		for (size_t k = 0; k < SLOTS; k++)
			most = fmax(most, count[h * SLOTS + k]);
		hosts += most > 0;
		for (size_t k = 0; k < SLOTS; k++) {
			cell[h][k] = most > 0 ? count[h * SLOTS + k] / most : 0;
			busy += cell[h][k] > 0;
		}
	}
	return hosts ? (double)busy / (double)hosts : 0;
}

static void put_time(char text[FM_TIME_MAX], double us)
{
	size_t n = isfinite(us) && fabs(us) < 8e18 ? fm_format_time_s((int64_t)(us / 1000), text) : 0;

	text[n < 16 ? n : 16] = '\0'; /* to the minute */
}

static bool put_busy(struct fm_buf *out, const json_t *list)
{
	const json_t *field = fm_json_named(list, "BUSY");
	double count[2][HOSTS * SLOTS], slots[2];
	struct fm_chart_hosts *h = calloc(1, sizeof *h);
	char first[FM_TIME_MAX], last[FM_TIME_MAX];
	struct fm_buf desc = {0};

	if (!h) {
		out->failed = 1;
		return false;
	}
	h->has_real = read_counts(field, "real", HOSTS * SLOTS, count[0]) > 0;
	if (!(read_counts(field, "synthetic", HOSTS * SLOTS, count[1]) > 0)) {
		free(h);
		return false;
	}
	h->hosts = HOSTS;
	h->slots = SLOTS;
	slots[0] = h->has_real ? shades_of(count[0], h->real) : 0;
	slots[1] = shades_of(count[1], h->synthetic);
	put_time(first, fm_json_real(field, "lo"));
	put_time(last, fm_json_real(field, "hi"));
	h->first = first;
	h->last = last;
	fm_buf_printf(
	    &desc,
	    "The ten sources with most flows, a row each, the busiest first; a cell is a %dth part of the time "
	    "from %s to %s, and the darker, the more of its flows a source has there. Cells with flows, on "
	    "average, of %d: ",
	    SLOTS, first, last, SLOTS);
	if (h->has_real) {
		fm_buf_puts(&desc, "real ");
		fm_html_fixed(&desc, slots[0], 1);
		fm_buf_puts(&desc, ", synthetic ");
	}
	fm_html_fixed(&desc, slots[1], 1);
	fm_buf_puts(&desc, ".");
	fm_buf_puts(out, "<figure><figcaption><b>The busiest sources over time</b></figcaption>");
	fm_chart_hosts(out, &(struct fm_chart){"hBUSY", "The busiest sources over time", desc.data ? desc.data : ""},
		       h);
	fm_buf_puts(out, "</figure>\n");
	out->failed |= desc.failed;
	fm_buf_free(&desc);
	free(h);
	return true;
}

/* ---- the section ---- */

void fm_part_hosts(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *hist = json_object_get(p->facts, "histograms"), *list = json_object_get(hist, "fields");
	size_t start = out->len;
	bool any = false;

	fm_buf_puts(out, "<section id=\"hosts\"><h2>Hosts in time</h2>\n");
	if (!p->partner && !list)
		list = json_object_get(hist, "real_cells");
	fm_buf_puts(out, "<div class=\"charts\">\n");
	for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
		any |= put_powers(p, out, list, &powers[i]);
	any |= put_busy(out, list);
	fm_buf_puts(out, "</div>\n");
	if (!any && (p->evaluation || fm_page_absent(p) & (1u << FM_TE | 1u << FM_SA))) {
		out->len = start;
		if (out->data)
			out->data[start] = '\0';
		return;
	}
	if (!any)
		fm_buf_puts(out, "<p class=\"missing\">Missing: what hosts do in time was not counted.</p>\n");
	else
		fm_buf_puts(out, "<p class=\"note\">A busy source is a rank, not a host that exists. What single real "
				 "hosts do is shown to the team alone.</p>\n");
	fm_buf_puts(out, "</section>\n");
}
