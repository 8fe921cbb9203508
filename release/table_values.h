/*
 * table_values.h - what the values of each column of a table are, as it passes by: whole numbers, times, addresses or
 * other words.  The schema and the delimiter that they are judged by come later in an archive, so what was seen is kept
 * for each delimiter that the rows have, with quotes and without, in memory that does not grow with the table.
 *
 *     fm_table_values_new(&v, json, err)
 *     fm_table_values_add(v, p, n, err)                   the whole file, in order
 *     fm_table_values_end(v, err)
 *     fm_table_values_fault(v, &layout, schema, why)      NULL, or which column has what its field cannot have
 */
#ifndef FM_RELEASE_TABLE_VALUES_H
#define FM_RELEASE_TABLE_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fm_table_values;
/* What is said of a table's text: of CSV the delimiter, whether double quotes mean anything, how many lines are before
 * the first row, and which of them, from 1, has the names of the columns; 0: none has. */
struct fm_table_layout {
	char delimiter;
	bool quotes;
	uint64_t head, names;
};

/* json: each line is an object. */
int fm_table_values_new(struct fm_table_values **v, bool json, struct fm_error *err) FM_MUST_CHECK;
int fm_table_values_add(struct fm_table_values *v, const uint8_t *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_table_values_end(struct fm_table_values *v, struct fm_error *err) FM_MUST_CHECK;
/* After the end: does each value of each row fit its column's field of `schema`, a Frictionless Table Schema?  NULL, or
 * why, in `why` where it is not a constant.  Between blanks a datetime is two values. */
const char *fm_table_values_fault(const struct fm_table_values *v, const struct fm_table_layout *layout,
				  const json_t *schema, char why[256]);
void fm_table_values_free(struct fm_table_values *v);

#endif
