/*
 * error.h - how everything in flowmint fails.
 *
 * A function that can fail returns int: FM_OK (0) or one of the negative codes below, and fills the struct fm_error
 * that its caller passes.  The code is the program's exit status with its sign turned (FM_EINPUT -> 3), so that a
 * failure travels from the deepest function to main unchanged.
 *
 *     static int port_parse(const char *s, uint16_t *port, struct fm_error *err)
 *     {
 *         ...
 *         if (v > 65535)
 *             return fm_fail(err, FM_EINPUT, "port %s is over 65535", s);
 *         return FM_OK;
 *     }
 *
 * A message begins with what is wrong, names the file and line of the input where there is one, and ends with what to
 * do where that is known.  A caller adds where it happened with fm_error_prefix("%s:%zu: ", path, line).
 */
#ifndef FM_BASE_ERROR_H
#define FM_BASE_ERROR_H

#define FM_MUST_CHECK __attribute__((warn_unused_result))
#define FM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum fm_code {
	FM_OK = 0,
	FM_EVERDICT = -1, /* a negative verdict: gate failed, signature bad, digests differ, ledger broken */
	FM_EUSAGE = -2,   /* the command line is wrong */
	FM_EINPUT = -3,   /* an input is wrong: a trace, a config, a key, an archive */
	FM_ESYSTEM = -4,  /* the system failed: disk, memory, permission */
};
/* A signal stopped it, in good order: the exit status is that of a shell, 130 for SIGINT and 143 for SIGTERM. */
#define FM_STOPPED(sig) (-128 - (sig))

#define FM_ERROR_TEXT 1024
struct fm_error {
	int code;
	char message[FM_ERROR_TEXT];
	const char *file; /* the source file that raised it (a string literal) */
	int line;
};

/* Fill err (which may be NULL) and return code.  Long messages are cut, never overrun; control characters and what is
 * not UTF-8 are escaped (text.h), so that no name from outside controls a terminal. */
#define fm_fail(err, code, ...) fm_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)
/* The same with ": " and strerror(errno) after the message; the code is FM_ESYSTEM unless errno says that the input is
 * wrong (ENOENT, EISDIR, ENOTDIR, ENAMETOOLONG, ELOOP, ENXIO: FM_EINPUT). */
#define fm_fail_errno(err, ...) fm_error_set_errno((err), __FILE__, __LINE__, __VA_ARGS__)

int fm_error_set(struct fm_error *err, int code, const char *file, int line, const char *fmt, ...) FM_PRINTF(5, 6);
int fm_error_set_errno(struct fm_error *err, const char *file, int line, const char *fmt, ...) FM_PRINTF(4, 5);

/* Put text before the message, keeping code and file.  Returns err->code, for "return fm_error_prefix(...)".  Without
 * an err there is no code to return and FM_ESYSTEM stands for it: where the caller may pass NULL, return the code that
 * the failed call returned instead. */
int fm_error_prefix(struct fm_error *err, const char *fmt, ...) FM_PRINTF(2, 3);

/* The exit status for a code: 0, 1, 2, 3 or 4, or 128 and the number of a signal. */
int fm_exit_status(int code);

#endif
