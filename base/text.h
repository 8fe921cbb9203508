/*
 * text.h - text that came from outside: whether it is UTF-8, and how it is shown to people.
 *
 * File names, host labels and what a file says of itself may hold bytes that control a terminal.  Every message of
 * fm_fail, fm_error_prefix, fm_log, fm_warn and the progress line goes through fm_text_show; code that prints text by
 * other means calls it too.
 */
#ifndef FM_BASE_TEXT_H
#define FM_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the first character of s[0..n), 1 to 4, and its number; 0 when there is no well-formed UTF-8 (Unicode 15,
 * table 3-7), or when n is 0.  code may be NULL. */
size_t fm_utf8_next(const char *s, size_t n, uint32_t *code);

/* Is there a control character (U+0001 to 1F, 7F to 9F) in a text, which a terminal may obey? */
bool fm_text_has_control(const char *s);

/* Writes a character of a number below 0x110000 to out, 4 bytes at most; returns how many. */
size_t fm_utf8_put(uint32_t code, char *out);

/* n less the bytes of an incomplete last character: the length at which a text may be cut. */
size_t fm_utf8_cut(const char *s, size_t n);

/*
 * s[0..n) in out, with a NUL, cut before the first character that has no room in cap (> 0) bytes; returns its length.
 * Control characters (U+0000 to 1F, 7F to 9F) and bytes that are not UTF-8 become \xNN for each byte.  A backslash
 * stays as it is, so that showing a text twice changes nothing, and a backslash that was meant stays legible.
 */
size_t fm_text_show(const char *s, size_t n, char *out, size_t cap);
/* The same for what printf would write, of which the first FM_TEXT_FORMAT_MAX - 1 bytes count. */
#define FM_TEXT_FORMAT_MAX 2048
size_t fm_text_show_format(char *out, size_t cap, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

/* The word that a POSIX shell takes for s[0..n) as it stands, between single quotes where it needs them, in cap (> 0)
 * bytes of out; or other, which is printed in its place, where it begins like an option, has control characters, is no
 * UTF-8 or has no room. For commands in messages. */
const char *fm_text_shell(const char *s, size_t n, const char *other, char *out, size_t cap);
#define FM_TEXT_SHELL_MAX 1024 /* room for one that fits a message */

/* Put "[private]" in the place of every word of s, in its cap bytes, that looks like a flow record or an address of
 * one: four or more of , ; | and tab, or an IPv4 address, or an IPv6 address.  Paths (words that begin with /) stay.
 * The second line of defence: code that writes a message leaves the text of records out of it. */
void fm_text_hide_rows(char *s, size_t cap);

#endif
