#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"

#define LINE_MAX_BYTES 2048
#define DRAW_SECONDS 0.2
#define SAY_SECONDS 30.0

static atomic_int quiet, verbose, hide_rows;
static atomic_int line_drawn; /* a live progress line stands on the terminal and must be wiped before other text */

/* One write a line, so that lines of several threads or processes do not mix. */
static void put(const char *text, size_t n)
{
	int saved = errno;

	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break; /* nobody to tell */
		text += done;
		n -= (size_t)done;
	}
	errno = saved;
}

static void put_line(const char *prefix, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES + 1];
	size_t n =
	    (size_t)snprintf(text, LINE_MAX_BYTES, "%s%s", atomic_exchange(&line_drawn, 0) ? "\r\033[K" : "", prefix);

	fm_text_show_format(text + n, LINE_MAX_BYTES - n, fmt, ap);
	if (atomic_load(&hide_rows))
		fm_text_hide_rows(text + n, LINE_MAX_BYTES - n);
	n += strlen(text + n);
	text[n++] = '\n';
	put(text, n);
}

void fm_log(const char *fmt, ...)
{
	va_list ap;

	if (atomic_load(&quiet))
		return;
	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

void fm_warn(const char *fmt, ...)
{
	va_list ap;

	if (atomic_load(&quiet) > 1)
		return;
	va_start(ap, fmt);
	put_line("flowmint: warning: ", fmt, ap);
	va_end(ap);
}

void fm_log_hide_rows(int on)
{
	atomic_store(&hide_rows, on != 0);
}

void fm_detail(const char *fmt, ...)
{
	va_list ap;

	if (!atomic_load(&verbose))
		return;
	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

void fm_log_verbose(int v)
{
	atomic_store(&verbose, v);
}

int fm_log_is_verbose(void)
{
	return atomic_load(&verbose);
}

void fm_log_quiet(int how)
{
	atomic_store(&quiet, how);
}

int fm_log_is_quiet(void)
{
	return atomic_load(&quiet);
}

double fm_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* 11200 -> "11,200" */
static const char *grouped(uint64_t v, char out[32])
{
	char digits[24];
	size_t n = fm_format_u64(v, digits), k = 0;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = '\0';
	return out;
}

/* "1 row", "2 rows": the unit of n.  Valid until the next call in the thread. */
static const char *counted(const char *unit, uint64_t n)
{
	static _Thread_local char one[32];
	size_t len = strlen(unit);

	if (n != 1 || len == 0 || len > sizeof one || unit[len - 1] != 's')
		return unit;
	snprintf(one, sizeof one, "%.*s", (int)len - 1, unit);
	return one;
}

/* 43 -> "0:43", 3723 -> "1:02:03" */
static const char *span(double seconds, char out[32])
{
	unsigned long s = seconds < 0 ? 0 : seconds > 1e9 ? 1000000000ul : (unsigned long)(seconds + 0.5);

	if (s < 3600)
		snprintf(out, 32, "%lu:%02lu", s / 60, s % 60);
	else
		snprintf(out, 32, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	return out;
}

/* ", 11,200 flows/s", ", 3.2 steps/s", ", 14 s each"; "" where nothing is done.  lead stands before it. */
static const char *pace(const struct fm_progress *p, double now, const char *lead, char out[64])
{
	double spent = now - p->started, r = spent > 0 ? (double)(p->done - p->before) / spent : 0;
	char n[32];

	out[0] = '\0';
	if (p->done <= p->before || spent <= 0 || r > 1e18 || p->uneven)
		return out;
	if (r >= 9.95)
		snprintf(out, 64, "%s%s %.20s/s", lead, grouped((uint64_t)(r + 0.5), n), p->unit);
	else if (r >= 0.95)
		snprintf(out, 64, "%s%.1f %.20s/s", lead, r, p->unit);
	else
		snprintf(out, 64, "%s%.*f s each", lead, 1 / r < 9.95 ? 1 : 0, 1 / r);
	return out;
}

/* Time left as text, "" where it is not known. */
static const char *left(const struct fm_progress *p, double now, const char *lead, char out[64])
{
	char t[32];

	out[0] = '\0';
	if (p->total > p->done && p->done > p->before && !p->uneven)
		snprintf(out, 64, "%s%s left", lead,
			 span((now - p->started) * (double)(p->total - p->done) / (double)(p->done - p->before), t));
	return out;
}

/* ---- what another process sees ---- */

/* seq is odd while the rest is being changed. */
struct fm_progress_shared {
	atomic_uint seq;
	struct fm_progress_view view;
};
static struct fm_progress_shared *shown;

struct fm_progress_shared *fm_progress_shared_new(void)
{
	void *p =
	    mmap(NULL, sizeof(struct fm_progress_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void fm_progress_shared_free(struct fm_progress_shared *s)
{
	if (s)
		munmap(s, sizeof *s);
}

void fm_progress_show(struct fm_progress_shared *s)
{
	shown = s;
}

int fm_progress_look(const struct fm_progress_shared *s, struct fm_progress_view *v)
{
	unsigned before = atomic_load(&s->seq);

	*v = s->view;
	atomic_thread_fence(memory_order_acquire);
	return before > 0 && before % 2 == 0 && atomic_load(&s->seq) == before;
}

static void show(const struct fm_progress *p, int64_t began)
{
	struct fm_progress_view *v;

	if (!shown)
		return;
	v = &shown->view;
	atomic_fetch_add(&shown->seq, 1);
	if (began) {
		snprintf(v->stage, sizeof v->stage, "%s", p->stage);
		snprintf(v->unit, sizeof v->unit, "%s", p->unit);
		v->began = began;
	}
	v->done = p->done;
	v->total = p->total;
	v->before = p->before;
	v->uneven = p->uneven;
	atomic_fetch_add(&shown->seq, 1);
}

/* ---- the line ---- */

static atomic_int told_terminal = -1;

void fm_log_say_terminal(int columns)
{
	atomic_store(&told_terminal, columns);
}

int fm_log_terminal(void)
{
	const char *term = getenv("TERM");
	struct winsize ws = {0};

	if (atomic_load(&told_terminal) >= 0)
		return atomic_load(&told_terminal);
	if (!isatty(STDERR_FILENO) || term == NULL || strcmp(term, "dumb") == 0)
		return 0;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
}

bool fm_log_due(double *last)
{
	double now = fm_seconds();

	if (fm_log_terminal() == 0 && !fm_log_is_verbose() && now - *last < SAY_SECONDS)
		return false;
	*last = now;
	return true;
}

void fm_progress_begin(struct fm_progress *p, const char *stage, const char *unit, uint64_t total)
{
	fm_progress_go_on(p, stage, unit, total, 0);
}

void fm_progress_go_on(struct fm_progress *p, const char *stage, const char *unit, uint64_t total, uint64_t before)
{
	char n[32], all[32];

	*p = (struct fm_progress){
	    .stage = stage, .unit = unit, .total = total, .done = before, .before = before, .started = fm_seconds()};
	p->live = !atomic_load(&quiet) && fm_log_terminal() > 0;
	show(p, (int64_t)time(NULL));
	if (p->live)
		return;
	p->drawn = p->started;
	if (total > 0 && before > 0)
		fm_log("%s: %s of %s %s to do", stage, grouped(total - before, n), grouped(total, all),
		       counted(unit, total));
	else if (total > 0)
		fm_log("%s: %s %s to do", stage, grouped(total, n), counted(unit, total));
	else
		fm_log("%s: begins", stage);
}

static void draw(struct fm_progress *p, double now, const char *note)
{
	char text[512], whole_text[512], rate[64], rest[64];
	size_t n, width = (size_t)fm_log_terminal();

	n = (size_t)snprintf(text, sizeof(text), "%.64s", p->stage);
	if (p->total > 0)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "  %2d %%",
				      (int)(100.0 * (double)p->done / (double)p->total));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", pace(p, now, "  ", rate), left(p, now, "  ", rest));
	if (note != NULL && note[0] != '\0')
		n += (size_t)snprintf(text + n, sizeof(text) - n, "  %.320s", note);
	n = fm_text_show(text, fm_utf8_cut(text, n), whole_text, sizeof(whole_text));
	if (width > 0 && n >= width)
		n = fm_utf8_cut(whole_text, width - 1); /* a line that wraps cannot be redrawn */

	char whole[sizeof(whole_text) + 8];
	int len = snprintf(whole, sizeof(whole), "\r%.*s\033[K", (int)n, whole_text);
	put(whole, (size_t)len);
	atomic_store(&line_drawn, 1);
}

/* "train: 42 %, 8,192 of 19,456 flows, 310 flows/s, 0:36 left" */
static void say(struct fm_progress *p, double now)
{
	char n[32], total[32], rate[64], rest[64];

	if (p->total > 0)
		fm_log("%s: %d %%, %s of %s %s%s%s", p->stage, (int)(100.0 * (double)p->done / (double)p->total),
		       grouped(p->done, n), grouped(p->total, total), counted(p->unit, p->total),
		       pace(p, now, ", ", rate), left(p, now, ", ", rest));
	else
		fm_log("%s: %s %s%s", p->stage, grouped(p->done, n), counted(p->unit, p->done),
		       pace(p, now, ", ", rate));
}

void fm_progress_step(struct fm_progress *p, uint64_t done, const char *note)
{
	double now;

	p->done = done;
	show(p, 0);
	now = fm_seconds();
	if (now - p->drawn < (p->live ? DRAW_SECONDS : SAY_SECONDS))
		return;
	p->drawn = now;
	if (p->live)
		draw(p, now, note);
	else
		say(p, now);
}

void fm_progress_end(struct fm_progress *p, const char *note)
{
	double now = fm_seconds();
	uint64_t done = p->done - p->before;
	char n[32], t[32], rate[64];

	show(p, 0);
	pace(p, now, " (", rate);
	fm_log("%s: %s %s in %s%s%s%s%s", p->stage, grouped(done, n), counted(p->unit, done), span(now - p->started, t),
	       rate, rate[0] ? ")" : "", note != NULL && note[0] != '\0' ? "  " : "", note != NULL ? note : "");
}
