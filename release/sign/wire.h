/*
 * wire.h - the two encodings that OpenSSH's files are made of: the wire format of RFC 4251 section 5 (u32 big-endian,
 * string = u32 length and bytes) and base64 between BEGIN and END lines.
 *
 * Nothing here allocates: readers are views into the caller's bytes, writers fill the caller's memory (which may be a
 * secret's) and remember when it was too small.
 *
 *     struct fm_wire w = {blob, nblob}, type;
 *     if (fm_wire_string(&w, &type) || !fm_wire_is(&type, "ssh-ed25519")) ...
 */
#ifndef FM_RELEASE_SIGN_WIRE_H
#define FM_RELEASE_SIGN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Bytes not yet read. */
struct fm_wire {
	const uint8_t *p;
	size_t n;
};
/* 0, or -1 when the bytes end before the value does. */
int fm_wire_u32(struct fm_wire *w, uint32_t *v) FM_MUST_CHECK;
int fm_wire_string(struct fm_wire *w, struct fm_wire *s) FM_MUST_CHECK;
int fm_wire_bytes(struct fm_wire *w, size_t n, struct fm_wire *s) FM_MUST_CHECK;
bool fm_wire_is(const struct fm_wire *s, const char *text);

/* Memory being filled; full is set, and stays, when something did not fit. */
struct fm_wire_out {
	uint8_t *p;
	size_t n, cap;
	bool full;
};
void fm_wire_put(struct fm_wire_out *o, const void *p, size_t n);
void fm_wire_put_u32(struct fm_wire_out *o, uint32_t v);
void fm_wire_put_string(struct fm_wire_out *o, const void *p, size_t n);
void fm_wire_put_text(struct fm_wire_out *o, const char *s); /* as string */

/* Base64 with padding.  Encoding needs 4 * ((n + 2) / 3) bytes (no NUL is written).  Decoding skips white space and
 * refuses anything else that is not of the alphabet, wrong padding and bits left over; it returns -1 then, or when cap
 * is too small. */
void fm_base64_encode(const uint8_t *p, size_t n, struct fm_wire_out *o);
int fm_base64_decode(const char *s, size_t n, uint8_t *out, size_t cap, size_t *nout) FM_MUST_CHECK;

/* "-----BEGIN LABEL-----", lines of 70 base64 digits, "-----END LABEL-----".  Reading wants the first line at the very
 * start and nothing but white space after the last; -1 otherwise. */
void fm_armor_write(const char *label, const uint8_t *p, size_t n, struct fm_wire_out *o);
int fm_armor_read(const char *label, const char *s, size_t n, uint8_t *out, size_t cap, size_t *nout) FM_MUST_CHECK;

/* Copy at most cap - 1 bytes as text that is safe to print: bytes outside 0x20..0x7e become '?'. */
void fm_printable(const void *p, size_t n, char *out, size_t cap);

#endif
