/*
 * style.h - the one style sheet, report.css, taken into the program, and its digest for the page's policy.
 */
#ifndef FM_REPORT_STYLE_H
#define FM_REPORT_STYLE_H

#include <stddef.h>

#include "base/error.h"

#define FM_STYLE_DIGEST_MAX 64
extern const char fm_style_text[]; /* ends with a NUL */
/* "sha256-BASE64" of the sheet, as Content-Security-Policy writes it. */
int fm_style_digest(char out[FM_STYLE_DIGEST_MAX], struct fm_error *err) FM_MUST_CHECK;

#endif
