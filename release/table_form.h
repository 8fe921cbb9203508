/*
 * table_form.h - the form of a file of flows, seen as it passes by: how many values its rows have with each possible
 * delimiter, how its lines end, and bytes that no flow holds.  Which of it matters is known when datapackage.json has
 * been read, which comes later in an archive.
 */
#ifndef FM_RELEASE_TABLE_FORM_H
#define FM_RELEASE_TABLE_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FM_FORM_NDELIMITERS                                                                                            \
	4               /* comma, semicolon, bar, tab; blanks, of which several may be one delimiter, are not counted  \
			 */
#define FM_FORM_HEAD 16 /* lines that are kept one by one: those before the first row are among them */

/* Lines and what is in them, by one reading of double quotes. */
struct fm_form_lines {
	uint64_t n;
	uint32_t now[FM_FORM_NDELIMITERS]; /* in the line that is not ended yet */
	uint32_t head[FM_FORM_HEAD][FM_FORM_NDELIMITERS];
	uint32_t least[FM_FORM_NDELIMITERS], most[FM_FORM_NDELIMITERS]; /* of the lines behind the head */
};

struct fm_table_form {
	struct fm_form_lines plain, quoted; /* quotes as plain bytes; quotes that hide delimiters and line ends */
	bool has_quotes, is_open;           /* until there is one, quoted is not filled */
	uint64_t cr, crlf;                  /* carriage returns; those before the end of a line */
	uint64_t control;                   /* other control characters of ASCII */
	uint64_t wide_control;              /* U+0080 to U+009F in UTF-8 */
	uint64_t broken;                    /* bytes that are no UTF-8 */
	char begun[4];                      /* a character that is not whole yet */
	uint8_t nbegun;
	uint64_t objects;  /* lines from a { to a } */
	uint64_t formulas; /* values that begin with = or @, or with a sign but no number: a spreadsheet would compute
			      them */
	bool sign;         /* the last byte is a sign that begins a value */
	bool bom;          /* it begins with a byte-order mark */
	uint8_t first[3], last;
	bool opens; /* the line began with a { */
	uint64_t nbytes;
};

void fm_table_form_add(struct fm_table_form *f, const uint8_t *p, size_t n);
/* Do all lines after the first `head` have this many values, with this delimiter?  True where it cannot be told. */
bool fm_table_form_has(const struct fm_table_form *f, bool quotes, char delimiter, uint64_t head, size_t values);

#endif
