/*
 * spell.h - how a dialect spells the values of category columns, and what it cannot spell.
 */
#ifndef FM_TRACES_SPELL_H
#define FM_TRACES_SPELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "manifests/dialect.h"

#define FM_SPELL_MAX (4 * FM_DICT_VALUE_MAX + 8)
/* A value of column k of the dialect. FM_EINPUT: it has no text there. */
int fm_spell_value(const struct fm_dialect *d, int k, const char *s, char out[FM_SPELL_MAX],
		   struct fm_error *err) FM_MUST_CHECK;

/* The protocol number of an ICMP row, 1 or 58; else 0. */
int fm_spell_icmp(const struct fm_table *t, size_t row);

/* What the values of a table lose when it is written in the dialect, and in its IPFIX file where it has one: sentences
 * without a full stop, with what to do. Returns how many; *fails: how many of them, which come first, prevent a
 * release; *columns: a bit for each column (enum fm_col) whose values in the table itself they tell of. */
#define FM_UNSAID 8
int fm_spell_losses(const struct fm_table *t, const struct fm_dialect *d, char text[FM_UNSAID][320], int *fails,
		    uint32_t *columns);
/* The same, as warnings. */
void fm_spell_say_losses(const struct fm_table *t, const struct fm_dialect *d);

/* Must s stand between double quotes in a table, so that it is read as one value?  first: its row begins with it, which
 * would be no row where that is a word of comment.  False where the dialect has no quotes. */
bool fm_spell_needs_quotes(const struct fm_dialect *d, const char *s, bool first);
/* s as a string of JSON, out of 6 n + 2 bytes. A quote is \u0022, so that each line has an even number of them and
 * whoever counts lines need not know JSON. */
size_t fm_spell_json(char *out, const char *s, size_t n);

#endif
