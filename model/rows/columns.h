/*
 * columns.h - what models of single rows share: which columns of a flow table they see, as numbers, categories and
 * bits, and how they go back into a table.  Each model has its own way to make a number part of a vector.
 *
 *     number     te, in milliseconds from the first flow; td, pkt and byt, or log(1 + x) of them; a port, an address
 *     category   its values that at least min_count rows have; a rarer one is taken for the most frequent
 *     bit        one bit of an address or of a port
 *     value      the index among the most frequent ports, or hosts, with at least min_count rows; the last: any other,
 *                which the column's number tells.  Hosts are ranked by their rows as source or destination, and both
 *                columns have the same ranks
 *
 * No address is saved: only the side of a ranked host is kept.  A bit, number or rank of an address comes back as a raw
 * number, which fm_row_addresses replaces by a fresh address.  The side of a raw number is that of most rows with its
 * first octet, where at least k rows have that octet; ranks are numbers of 0.0.0.0/8 and 255.0.0.0/8, which no host
 * has.
 */
#ifndef FM_MODEL_ROWS_COLUMNS_H
#define FM_MODEL_ROWS_COLUMNS_H

#include <jansson.h>

#include "base/table.h"

#define FM_ROW_COLUMNS 112

struct fm_row_column {
	enum fm_col col;
	enum { FM_ROW_NUMBER, FM_ROW_CATEGORY, FM_ROW_BIT, FM_ROW_VALUE } kind;
	bool log;
	int bit;       /* 0: the lowest */
	int n;         /* values of a category; 2 for a bit; known values and one more for a value; 0 for a number */
	char **value;  /* a category's text; a port's number; "inside" or "outside" for a host; "" for all others */
	double *count; /* (n) rows of the training flows */
	struct fm_row_known *known; /* (n - 1) for a value, by raw number; for hosts only after fm_row_columns_know */
};
struct fm_row_known {
	uint32_t raw;
	uint16_t code;
};
struct fm_row_columns {
	int n;
	struct fm_row_column column[FM_ROW_COLUMNS];
	unsigned present;
	int64_t first_ms, last_ms, step_ms;
	uint64_t rows;       /* rows learned from */
	uint8_t inside[256]; /* side by first octet */
};

/* Options of fm_row_columns_choose. */
#define FM_ROW_LOGS 1         /* td, pkt and byt are logs */
#define FM_ROW_ADDRESS_BITS 2 /* addresses are 32 bits */
#define FM_ROW_PORT_BITS 4    /* ports are 16 bits */
#define FM_ROW_VALUES 8       /* ports and addresses are numbers, and values */
#define FM_ROW_VALUES_MOST 256
/* The columns, period and sides of a table; values are not known yet.  FM_EINPUT for an empty table, one of over 2^32
 * rows, or one with an address of IPv6. */
int fm_row_columns_choose(struct fm_row_columns *c, const struct fm_table *t, unsigned how, int k,
			  struct fm_error *err) FM_MUST_CHECK;
/* Learn the values of a category, bit or value column, and code its rows: code (t->rows). */
int fm_row_column_fit(struct fm_row_column *k, const struct fm_table *t, int min_count, uint16_t *code,
		      struct fm_error *err) FM_MUST_CHECK;
/* Learn again which host has which rank, from the table that the columns were chosen for: what was saved lacks it. */
int fm_row_columns_know(struct fm_row_columns *c, const struct fm_table *t, struct fm_error *err) FM_MUST_CHECK;
void fm_row_columns_close(struct fm_row_columns *c);

/* The number in row i, its log(1 + x) where the column is of logs. */
double fm_row_number(const struct fm_row_columns *c, const struct fm_row_column *k, const struct fm_table *t, size_t i);
/* The code of row i of any table, as fm_row_column_fit gives it; an unknown category is coded as the most frequent. */
int fm_row_code(const struct fm_row_column *k, const struct fm_table *t, size_t i);

/* A table of `rows` rows in memory, with the columns and their dictionaries. */
int fm_row_table_new(struct fm_table **t, const struct fm_row_columns *c, size_t rows,
		     struct fm_error *err) FM_MUST_CHECK;
/* Write a value back into row i.  A number beyond a field's range is moved to its end; the bits of a field come in the
 * order of the columns, from the highest. */
void fm_row_number_put(const struct fm_row_columns *c, const struct fm_row_column *k, double v, struct fm_table *t,
		       size_t i);
void fm_row_code_put(const struct fm_row_column *k, int code, struct fm_table *t, size_t i);

/* The columns as the member "columns" and its neighbours; what else a model knows about a column goes into its
 * entry. */
json_t *fm_row_columns_json(const struct fm_row_columns *c);
int fm_row_columns_from_json(struct fm_row_columns *c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;
/* The error for a damaged entry, for models that read more of one. */
int fm_row_columns_damaged(struct fm_error *err, int column);

#endif
