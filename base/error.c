#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A message may quote the error that it replaces, so it is formatted aside first. */
static int error_fill(struct fm_error *err, int code, const char *file, int line, const char *fmt, va_list ap)
{
	char text[sizeof(err->message)];

	fm_text_show_format(text, sizeof(text), fmt, ap);
	memcpy(err->message, text, sizeof(text));
	err->code = code;
	err->file = file;
	err->line = line;
	return code;
}

int fm_error_set(struct fm_error *err, int code, const char *file, int line, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	error_fill(err, code, file, line, fmt, ap);
	va_end(ap);
	errno = saved;
	return code;
}

/* strerror follows the locale; these texts do not. */
static const char *errno_text(int e)
{
	const char *text;

	if (e == ENOSPC)
		return "disk is full (no space left on device)";
	if (e == EDQUOT)
		return "disk is full (disk quota exceeded)";
	text = strerrordesc_np(e);
	return text != NULL ? text : "unknown error";
}

/* Does errno e say that a path or what it names is wrong, rather than that the system failed? */
static bool is_input(int e)
{
	return e == ENOENT || e == EISDIR || e == ENOTDIR || e == ENAMETOOLONG || e == ELOOP || e == ENXIO;
}

int fm_error_set_errno(struct fm_error *err, const char *file, int line, const char *fmt, ...)
{
	int saved = errno, code = is_input(saved) ? FM_EINPUT : FM_ESYSTEM;
	const char *why = errno_text(saved);
	size_t len, nwhy = strlen(why);
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	error_fill(err, code, file, line, fmt, ap);
	va_end(ap);
	/* The reason is what a reader needs most: a long message is cut before it, not in it. */
	len = strlen(err->message);
	if (len + 2 + nwhy >= sizeof(err->message))
		len = fm_utf8_cut(err->message, sizeof(err->message) - 3 - nwhy);
	snprintf(err->message + len, sizeof(err->message) - len, ": %s", why);
	errno = saved;
	return code;
}

int fm_error_prefix(struct fm_error *err, const char *fmt, ...)
{
	char text[2 * FM_ERROR_TEXT];
	size_t len;
	va_list ap;

	if (err == NULL)
		return FM_ESYSTEM;
	va_start(ap, fmt);
	len = fm_text_show_format(text, FM_ERROR_TEXT, fmt, ap);
	va_end(ap);
	snprintf(text + len, sizeof(text) - len, "%s", err->message);
	fm_text_show(text, strlen(text), err->message, sizeof(err->message));
	return err->code;
}

int fm_exit_status(int code)
{
	if (code >= 0)
		return 0;
	return code >= FM_ESYSTEM || (code < FM_STOPPED(0) && code > FM_STOPPED(65)) ? -code : -FM_ESYSTEM;
}
