#include "report/html.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DASH "\xe2\x80\x93"
#define MINUS "\xe2\x88\x92"
#define UNKNOWN "\xef\xbf\xbd" /* U+FFFD */

/* ---- text ---- */

/* Would it control a terminal, be invisible, or turn the direction of the text around it? */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe;
}

void fm_html_text(struct fm_buf *out, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	while (n) {
		uint32_t c;
		size_t len = fm_utf8_next(s, n, &c);

		if (len == 0) {
			fm_buf_puts(out, UNKNOWN);
			len = 1;
		} else if (c == '\n' || c == '\r' || c == '\t') {
			fm_buf_puts(out, " ");
		} else if (harmful(c)) {
			fm_buf_puts(out, UNKNOWN);
		} else if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') {
			fm_buf_printf(out, "&#%u;", (unsigned)c);
		} else {
			fm_buf_add(out, s, len);
		}
		s += len;
		n -= len;
	}
}

/* ---- numbers: by integers, so that no locale matters ---- */

static void put_grouped(struct fm_buf *out, uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);

	for (int i = 0; i < n; i++)
		fm_buf_printf(out, i && (n - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
}

void fm_html_count(struct fm_buf *out, int64_t v)
{
	if (v < 0)
		fm_buf_puts(out, MINUS);
	put_grouped(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_exponent(struct fm_buf *out, double v)
{
	int e = (int)floor(log10(v));
	double m = v / pow(10, e);

	if (m >= 9.95) {
		m /= 10;
		e++;
	}
	fm_html_fixed(out, m, 1);
	fm_buf_printf(out, "e%d", e);
}

void fm_html_fixed(struct fm_buf *out, double v, int decimals)
{
	static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
	double scaled;
	uint64_t u, unit;

	if (!isfinite(v)) {
		fm_buf_puts(out, DASH);
		return;
	}
	scaled = round(fabs(v) * power[decimals]);
	if (v < 0 && scaled > 0)
		fm_buf_puts(out, "-");
	if (scaled >= 1e18) {
		put_exponent(out, fabs(v));
		return;
	}
	u = (uint64_t)scaled;
	unit = (uint64_t)power[decimals];
	fm_buf_printf(out, "%llu", (unsigned long long)(u / unit));
	if (decimals)
		fm_buf_printf(out, ".%0*llu", decimals, (unsigned long long)(u % unit));
}

void fm_html_number(struct fm_buf *out, double v)
{
	double a = fabs(v);

	if (!isfinite(v)) {
		fm_buf_puts(out, DASH);
		return;
	}
	if (v < 0)
		fm_buf_puts(out, MINUS);
	if (a == 0)
		fm_buf_puts(out, "0");
	else if (a < 5e-5 || a >= 1e15)
		put_exponent(out, a);
	else if (a == floor(a))
		put_grouped(out, (uint64_t)a);
	else if (a < 99.99995)
		fm_html_fixed(out, a, 4);
	else if (a < 999.95)
		fm_html_fixed(out, a, 1);
	else
		put_grouped(out, (uint64_t)round(a));
}

void fm_html_percent(struct fm_buf *out, double share)
{
	double p = share * 100, a = fabs(p);

	if (!isfinite(p)) {
		fm_buf_puts(out, DASH);
		return;
	}
	fm_html_fixed(out, p, a == 0 || a >= 99.95 ? 0 : a < 1 ? 2 : 1);
	fm_buf_puts(out, "\xe2\x80\xaf%"); /* a narrow space that does not break */
}

void fm_html_short(struct fm_buf *out, double v)
{
	static const char *const suffix[] = {"", "\xe2\x80\xafk", "\xe2\x80\xafM", "\xe2\x80\xafG", "\xe2\x80\xafT"};
	int i = 0;

	if (!isfinite(v)) {
		fm_buf_puts(out, DASH);
		return;
	}
	for (; i < 4 && fabs(v) >= 999.5; i++)
		v /= 1000;
	fm_html_fixed(out, v, fabs(v) < 9.95 && fabs(v - round(v)) > 0.05 ? 1 : 0);
	fm_buf_puts(out, suffix[i]);
}
