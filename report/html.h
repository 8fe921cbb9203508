/*
 * html.h - text and numbers as they stand in a page: escaped, the same in every locale.
 *
 * What these write is safe between tags and inside an attribute in double quotes, of HTML and of SVG in it.  Memory is
 * checked once, at the end, by fm_buf_check.
 */
#ifndef FM_REPORT_HTML_H
#define FM_REPORT_HTML_H

#include <jansson.h>
#include <stdint.h>

#include "base/mem.h"

/* Text from outside (NULL is "").  & < > " ' become references; control characters, characters that turn the direction
 * of writing and what is not UTF-8 become U+FFFD, line ends a blank. */
void fm_html_text(struct fm_buf *out, const char *s);

void fm_html_count(struct fm_buf *out, int64_t v);              /* 12,345 */
void fm_html_fixed(struct fm_buf *out, double v, int decimals); /* 0.1250; decimals 0 to 6 */
/* A measured value: whole numbers as counts, else four decimals below 100, fewer above, an exponent below 0.00005; a
 * dash for what is no number. */
void fm_html_number(struct fm_buf *out, double v);
void fm_html_percent(struct fm_buf *out, double share); /* 12.3 %, or 0.04 % */
void fm_html_short(struct fm_buf *out, double v);       /* 1.2 k, 35 M: for axes */

#endif
