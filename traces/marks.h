/* marks.h - numbers as spreadsheets of other languages write them: 1.234,5 and 1'234.5. */
#ifndef FM_TRACES_MARKS_H
#define FM_TRACES_MARKS_H

#include <stddef.h>

#include "manifests/dialect.h"

#define FM_NUMBER_MAX 64 /* bytes of a number with marks; a longer one stays as it is */

/* Bytes of the mark between thousands at s, in any of its forms: a no-break blank for ' ', an apostrophe that is
 * printed for
 * '\''; 0: no such mark. */
size_t fm_thousands_at(char mark, const char *s, size_t n);
/* By the dialect's marks decimal and thousands, *s of *n bytes becomes a number of digits with a point before its
 * fraction, in out, to which *s points then. NULL, or why it is no number, as the end of "td ..."; the reason holds
 * nothing of the text. */
const char *fm_plain_number(const struct fm_dialect *d, const char **s, size_t *n, char out[FM_NUMBER_MAX]);

#endif
