/*
 * What a stage writes to standard error, passed on by its parent: text by lines, without what controls a terminal, in
 * lines of bounded length and up to a bound in all.  On a terminal the two marks of the progress line stay
 * (base/log.c): the return to its beginning, and the wiping of what is behind.  Where several children look at the same
 * flows, a warning can be passed on once.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "pipeline/walls/sandbox.h"

#define MOST ((size_t)8 << 20) /* bytes that one stage may say */
#define WIPE "\033[K"

static void put(const char *s, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, s, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		s += done;
		n -= (size_t)done;
	}
}

#define WARNINGS 64 /* that are remembered */
static char *warned[WARNINGS];
static int nwarned = -1; /* -1: none is to be left out */

void fm_relay_warn_once(void)
{
	nwarned = nwarned < 0 ? 0 : nwarned;
}

/* Is the line a warning that was passed on before? */
static bool warned_before(const char *line, size_t n)
{
	static const char start[] = "flowmint: warning: ";
	char *said;

	if (nwarned < 0 || n < sizeof start || memcmp(line, start, sizeof start - 1) != 0)
		return false;
	for (int i = 0; i < nwarned; i++)
		if (strlen(warned[i]) == n && memcmp(warned[i], line, n) == 0)
			return true;
	if (nwarned < WARNINGS && (said = strndup(line, n)))
		warned[nwarned++] = said;
	return false;
}

/* Pass on what is held: the line has ended, the buffer is full, or nothing more comes. */
static void flush(struct fm_relay *r)
{
	/* four bytes for one that is escaped */
	char shown[4 * sizeof r->line + 16];
	bool terminal = fm_log_terminal() > 0;
	size_t from = 0, out = 0;

	if (warned_before(r->line, r->held)) {
		r->held = 0;
		return;
	}
	for (size_t i = 0; i <= r->held; i++) {
		bool wipe = terminal && r->held - i >= 3 && memcmp(r->line + i, WIPE, 3) == 0,
		     mark = i < r->held && (r->line[i] == '\n' || (terminal && r->line[i] == '\r'));

		if (i < r->held && !wipe && !mark)
			continue;
		out += fm_text_show(r->line + from, i - from, shown + out, sizeof shown - out);
		if (mark)
			shown[out++] = r->line[i];
		if (wipe) {
			memcpy(shown + out, WIPE, 3);
			out += 3;
			i += 2;
		}
		from = i + 1;
	}
	put(shown, out);
	r->held = 0;
}

void fm_relay_take(struct fm_relay *r, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (r->passed == MOST) {
			if (!r->full)
				fm_warn("a stage says more than %zu MiB: the rest is left out", MOST >> 20);
			r->full = true;
			return;
		}
		r->passed++;
		r->line[r->held++] = text[i];
		if (text[i] == '\n' || r->held == sizeof r->line ||
		    (r->held >= 3 && memcmp(r->line + r->held - 3, WIPE, 3) == 0))
			flush(r);
	}
}

void fm_relay_end(struct fm_relay *r)
{
	if (r->held)
		flush(r);
}
