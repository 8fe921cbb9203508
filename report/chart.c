#include "report/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "report/html.h"

/* The step chart, in units of its view box; text is 11 units high, so that it is legible when the chart is 320 pixels
 * wide. */
enum { WIDTH = 340, HEIGHT = 156, LEFT = 40, RIGHT = 10, TOP = 10, BOTTOM = 22 };
#define PLOT_W ((double)(WIDTH - LEFT - RIGHT))
#define PLOT_H ((double)(HEIGHT - TOP - BOTTOM))

static void open_svg(struct fm_buf *out, const struct fm_chart *c, int height)
{
	fm_buf_printf(out,
		      "<svg role=\"img\" aria-labelledby=\"%s-t\" aria-describedby=\"%s-d\" viewBox=\"0 0 %d "
		      "%d\"><title id=\"%s-t\">",
		      c->id, c->id, WIDTH, height, c->id);
	fm_html_text(out, c->title);
	fm_buf_printf(out, "</title><desc id=\"%s-d\">", c->id);
	fm_html_text(out, c->desc);
	fm_buf_puts(out, "</desc>");
}

/* name="1.5" */
static void put_at(struct fm_buf *out, const char *name, double v)
{
	fm_buf_printf(out, " %s=\"", name);
	fm_html_fixed(out, v, 1);
	fm_buf_puts(out, "\"");
}

static void put_line(struct fm_buf *out, const char *class, double x1, double y1, double x2, double y2)
{
	fm_buf_printf(out, "<line class=\"%s\"", class);
	put_at(out, "x1", x1);
	put_at(out, "y1", y1);
	put_at(out, "x2", x2);
	put_at(out, "y2", y2);
	fm_buf_puts(out, "/>");
}

static void put_rect(struct fm_buf *out, const char *class, double x, double y, double w, double h)
{
	fm_buf_printf(out, "<rect class=\"%s\"", class);
	put_at(out, "x", x);
	put_at(out, "y", y);
	put_at(out, "width", w);
	put_at(out, "height", h);
	fm_buf_puts(out, "/>");
}

static void open_text(struct fm_buf *out, const char *class, double x, double y)
{
	fm_buf_printf(out, "<text class=\"%s\"", class);
	put_at(out, "x", x);
	put_at(out, "y", y);
	fm_buf_puts(out, ">");
}

/* ---- steps ---- */

static double greatest(const struct fm_chart_steps *s)
{
	double top = 0;

	for (size_t i = 0; i < s->n; i++) {
		top = fmax(top, s->synthetic[i]);
		if (s->has_real)
			top = fmax(top, s->real[i]);
		if (s->has_holdout)
			top = fmax(top, s->holdout[i]);
	}
	return top > 0 ? top : 1;
}

/* The distance between grid lines: 1, 2 or 5 times a power of ten, so that there are two to four below the greatest
 * share. */
static double grid_step(double top)
{
	double unit = pow(10, floor(log10(top / 2)));

	for (int i = 0; i < 3; i++) {
		double step = unit * (i == 0 ? 1 : i == 1 ? 2 : 5);
		if (top / step <= 4.5)
			return step;
	}
	return unit * 10;
}

static double plot_x(double at)
{
	return LEFT + at * PLOT_W;
}

static void put_path(struct fm_buf *out, const char *class, const struct fm_chart_steps *s, const double *share,
		     double top, int closed)
{
	fm_buf_printf(out, "<path class=\"%s\" d=\"M", class);
	fm_html_fixed(out, plot_x(s->edge[0]), 1);
	fm_buf_printf(out, " %d", TOP + (int)PLOT_H);
	for (size_t i = 0; i < s->n; i++) {
		fm_buf_puts(out, "V");
		fm_html_fixed(out, TOP + PLOT_H * (1 - share[i] / top), 1);
		fm_buf_puts(out, "H");
		fm_html_fixed(out, plot_x(s->edge[i + 1]), 1);
	}
	fm_buf_printf(out, "V%d%s\"/>", TOP + (int)PLOT_H, closed ? "Z" : "");
}

static void put_grid(struct fm_buf *out, double top)
{
	double step = grid_step(top);

	for (int i = 0; i * step <= top; i++) {
		double y = TOP + PLOT_H * (1 - i * step / top);
		put_line(out, i ? "grid" : "axis", LEFT, y, WIDTH - RIGHT, y);
		open_text(out, "end", LEFT - 5, y + 4);
		fm_html_fixed(out, 100 * i * step, step >= 0.01 || i == 0 ? 0 : step >= 0.001 ? 1 : 2);
		fm_buf_puts(out, "\xe2\x80\xaf%</text>");
	}
}

void fm_chart_steps(struct fm_buf *out, const struct fm_chart *c, const struct fm_chart_steps *s)
{
	double top = greatest(s);

	open_svg(out, c, HEIGHT);
	if (s->has_real)
		put_path(out, "real", s, s->real, top, 1);
	put_grid(out, top);
	if (s->has_holdout)
		put_path(out, "holdout", s, s->holdout, top, 0);
	put_path(out, s->has_real ? "syn" : "syn alone", s, s->synthetic, top, 0);
	for (size_t i = 0; i < s->nticks; i++) {
		double x = plot_x(s->tick[i].at);
		put_line(out, "axis", x, TOP + PLOT_H, x, TOP + PLOT_H + 3);
		open_text(out,
			  s->tick[i].at > 0.95   ? "end"
			  : s->tick[i].at < 0.05 ? "start"
						 : "mid",
			  s->tick[i].at > 0.95   ? WIDTH - RIGHT + 6
			  : s->tick[i].at < 0.05 ? x - 3
						 : x,
			  HEIGHT - 6);
		fm_html_text(out, s->tick[i].text);
		fm_buf_puts(out, "</text>");
	}
	fm_buf_puts(out, "</svg>");
}

/* ---- rows ---- */

enum { ROW = 17, NAME_W = 112, NUMBER_W = 46, NAME_LETTERS = 18 };

/* At most NAME_LETTERS characters; none is cut. */
static void put_name(struct fm_buf *out, const char *name)
{
	size_t n = strlen(name), at = 0, letters = 0;
	char cut[4 * NAME_LETTERS + 8];

	while (at < n && letters < NAME_LETTERS) {
		size_t len = fm_utf8_next(name + at, n - at, NULL);
		at += len ? len : 1;
		letters++;
	}
	snprintf(cut, sizeof cut, "%.*s", (int)at, name);
	fm_html_text(out, n ? cut : "(empty)");
	if (at < n)
		fm_buf_puts(out, "\xe2\x80\xa6");
}

void fm_chart_rows(struct fm_buf *out, const struct fm_chart *c, const struct fm_chart_rows *r)
{
	double numbers = r->has_real ? 2 * NUMBER_W : NUMBER_W, bar = WIDTH - NAME_W - numbers - 8, top = 0;
	int height = (int)r->n * ROW + (r->has_real ? ROW : 4);

	for (size_t i = 0; i < r->n; i++)
		top = fmax(top, fmax(r->synthetic[i], r->has_real ? r->real[i] : 0));
	if (top <= 0)
		top = 1;
	open_svg(out, c, height);
	if (r->has_real) {
		open_text(out, "end head", WIDTH - NUMBER_W, 11);
		fm_buf_puts(out, "real</text>");
		open_text(out, "end head", WIDTH, 11);
		fm_buf_puts(out, "synth.</text>");
	}
	for (size_t i = 0; i < r->n; i++) {
		double y = (double)i * ROW + (r->has_real ? ROW : 0);
		double x = NAME_W + bar * r->synthetic[i] / top;

		open_text(out, "start name", 0, y + 12);
		put_name(out, r->name[i]);
		fm_buf_puts(out, "</text>");
		if (r->has_real) {
			put_rect(out, "real", NAME_W, y + 3, bar * r->real[i] / top, ROW - 6);
			put_rect(out, "syn", x - 1.25, y + 1, 2.5, ROW - 2);
			open_text(out, "end", WIDTH - NUMBER_W, y + 12);
			fm_html_percent(out, r->real[i]);
			fm_buf_puts(out, "</text>");
		} else {
			put_rect(out, "syn alone", NAME_W, y + 3, x - NAME_W, ROW - 6);
		}
		open_text(out, "end", WIDTH, y + 12);
		fm_html_percent(out, r->synthetic[i]);
		fm_buf_puts(out, "</text>");
	}
	if (r->has_real)
		put_line(out, "axis", NAME_W, ROW + 1, NAME_W, height);
	fm_buf_puts(out, "</svg>");
}

/* ---- hosts ---- */

enum { HOST_ROW = 7, HOST_HEAD = 14, SHADES = 4 };

/* The cells of one shade as one path; y: of the first row. */
static void put_shade(struct fm_buf *out, const char *class, const struct fm_chart_hosts *h,
		      const double cell[][FM_CHART_SLOTS], int shade, double y)
{
	double wide = PLOT_W / (double)h->slots;
	size_t begun = out->len;

	fm_buf_printf(out, "<path class=\"%s cell\" fill-opacity=\"%d.%02d\" d=\"", class, shade / SHADES,
		      100 * (shade % SHADES) / SHADES);
	size_t empty = out->len;
	for (size_t i = 0; i < h->hosts; i++)
		for (size_t k = 0; k < h->slots; k++) {
			if ((int)ceil(fmin(fmax(cell[i][k], 0), 1) * SHADES) != shade)
				continue;
			fm_buf_puts(out, "M");
			fm_html_fixed(out, LEFT + wide * (double)k, 1);
			fm_buf_puts(out, " ");
			fm_html_fixed(out, y + HOST_ROW * (double)i, 0);
			fm_buf_puts(out, "h");
			fm_html_fixed(out, wide, 1);
			fm_buf_printf(out, "v%dh-", HOST_ROW - 1);
			fm_html_fixed(out, wide, 1);
			fm_buf_puts(out, "z");
		}
	if (out->len == empty)
		out->len = begun;
	else
		fm_buf_puts(out, "\"/>");
}

void fm_chart_hosts(struct fm_buf *out, const struct fm_chart *c, const struct fm_chart_hosts *h)
{
	int block = HOST_HEAD + HOST_ROW * (int)h->hosts, height = block * (h->has_real ? 2 : 1) + BOTTOM;

	open_svg(out, c, height);
	for (int side = h->has_real ? 0 : 1; side < 2; side++) {
		double y = h->has_real ? side * block : 0;

		open_text(out, "start head", LEFT, y + 10);
		fm_buf_puts(out, side ? "synthetic</text>" : "real</text>");
		for (int shade = 1; shade <= SHADES; shade++)
			put_shade(out, side ? "syn" : "real", h, side ? h->synthetic : h->real, shade, y + HOST_HEAD);
		open_text(out, "end", LEFT - 5, y + HOST_HEAD + 7);
		fm_buf_puts(out, "1st</text>");
	}
	put_line(out, "axis", LEFT, height - BOTTOM, WIDTH - RIGHT, height - BOTTOM);
	open_text(out, "start", LEFT, height - 6);
	fm_html_text(out, h->first);
	fm_buf_puts(out, "</text>");
	open_text(out, "end", WIDTH - RIGHT, height - 6);
	fm_html_text(out, h->last);
	fm_buf_puts(out, "</text></svg>");
}

/* ---- a limit ---- */

void fm_chart_limit(struct fm_buf *out, double value, double limit, double floor_value, int is_max, int pass)
{
	enum { W = 90, H = 12 };
	double scale;

	if (!isfinite(value) || !isfinite(limit) || value < 0 || limit < 0)
		return;
	scale = fmax(value, fmax(limit, isfinite(floor_value) ? floor_value : 0));
	scale = scale > 0 ? (W - 4) / (1.08 * scale) : 0;
	fm_buf_printf(out, "<svg class=\"limit\" aria-hidden=\"true\" viewBox=\"0 0 %d %d\">", W, H);
	put_rect(out, is_max ? "within" : "within none", 1, 5, limit * scale, 2);
	put_rect(out, pass ? "value" : "value bad", 1, 3.5, fmax(value * scale, value > 0 ? 1 : 0), 5);
	if (isfinite(floor_value) && floor_value >= 0)
		put_line(out, "floor", 1 + floor_value * scale, 2, 1 + floor_value * scale, H - 2);
	put_line(out, "stop", 1 + limit * scale, 0, 1 + limit * scale, H);
	fm_buf_puts(out, "</svg>");
}
