/*
 * table.h - the columnar flow table: one .npy file per column and schema.json, so that NumPy opens them as they are.
 *
 *     DIR/schema.json   {"format":"flowmint-table/2","rows":N,"columns":[{"name","kind","unit","dtype"},...],
 *                        "categories":{"pr":["TCP",...],...},"addresses":N}
 *     DIR/te.npy ...    NumPy format 1.0, little-endian, C order, one dimension
 *     DIR/addresses.npy, inside.npy   the dictionary of addresses (address.h)
 *
 * Columns, kinds and units are fixed; a data set that lacks one (netshare has no flags) leaves it absent.
 *
 *     te     time      i64  milliseconds since 1970, UTC: the flow's end as UGR'16 has it (or the data set's one time)
 *     td     duration  u32  milliseconds
 *     sa da  address   u32  code into the dictionary of addresses
 *     sp dp  port      u16
 *     pr flg fwd stos label   category  u16, index into categories[column]
 *     pkt    count     u64  packets
 *     byt    count     u64  bytes
 *     win    count     u32  number of the row's window in the source (rows of a window are neighbours); optional
 *     gap    count     u32  milliseconds since the row before it in the source, 0 for the first; optional
 *
 * A table is either built in memory (fm_table_new, fm_table_reserve, columns written directly) or mapped read-only
 * (fm_table_open).  fm_table_writer writes one of unknown length in bounded memory.
 */
#ifndef FM_BASE_TABLE_H
#define FM_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

enum fm_col {
	FM_TE,
	FM_TD,
	FM_SA,
	FM_DA,
	FM_SP,
	FM_DP,
	FM_PR,
	FM_FLG,
	FM_FWD,
	FM_STOS,
	FM_PKT,
	FM_BYT,
	FM_LABEL,
	FM_WIN,
	FM_GAP,
	FM_NCOL
};
#define FM_NFLOWCOL 13 /* te..label: what a flow is; win and gap are the store's own */
enum fm_kind { FM_KIND_TIME, FM_KIND_DURATION, FM_KIND_ADDRESS, FM_KIND_PORT, FM_KIND_CATEGORY, FM_KIND_COUNT };

struct fm_col_info {
	const char *name;
	enum fm_kind kind;
	const char *unit;
	const char *dtype; /* NumPy: "<i8", "<u4", "<u2", "<u8" */
	size_t width;      /* bytes */
};
extern const struct fm_col_info fm_cols[FM_NCOL];
int fm_col_find(const char *name); /* enum fm_col, or -1 */

/* The values of a category column, in order of index.  Zero-initialised is empty. */
struct fm_dict {
	char **value;
	size_t n, cap;
	struct fm_dict_slot *slot; /* private: a hash table over the first nhashed values, of nslot slots */
	size_t nslot, nhashed;
};
#define FM_DICT_MAX 65535
#define FM_DICT_VALUE_MAX 255 /* bytes in one value */
/* Index of a value, adding it when add is set; -1 when absent (or the dictionary is full, or out of memory, or the
 * value cannot be one: over FM_DICT_VALUE_MAX bytes, not UTF-8, or with a NUL in it).  Without add it changes nothing
 * and may be called from several threads. */
int fm_dict_index(struct fm_dict *d, const char *s, size_t n, bool add);
int fm_dict_copy(struct fm_dict *dst, const struct fm_dict *src,
		 struct fm_error *err) FM_MUST_CHECK; /* dst is empty before */
void fm_dict_free(struct fm_dict *d);

struct fm_table {
	size_t rows;
	unsigned present; /* bit c set: column c is there */
	union {
		void *col[FM_NCOL];
		struct {
			int64_t *te;
			uint32_t *td, *sa, *da;
			uint16_t *sp, *dp, *pr, *flg, *fwd, *stos;
			uint64_t *pkt, *byt;
			uint16_t *label;
			uint32_t *win, *gap;
		};
	};
	struct fm_dict dict[FM_NCOL]; /* used for category columns */
	/* What sa and da are codes into, shared with other tables. NULL in a table made in memory whose codes are IPv4
	 * numbers themselves; then no host is inside, and the table gets a dictionary when it is saved. */
	struct fm_address_dict *addresses;
	size_t cap;         /* rows reserved; 0 when mapped */
	void *map[FM_NCOL]; /* mappings behind col, when opened from disk (then col is read-only) or spilled */
	size_t map_len[FM_NCOL];
	bool spilled;
	int fd[FM_NCOL]; /* of spilled columns: their files, which have no name */
};
#define FM_HAS(t, c) (((t)->present >> (c)) & 1u)
#define FM_COLS_UGR16 ((1u << FM_NFLOWCOL) - 1)
/* The columns that every flow has, whether its source gives them or not. */
#define FM_COLS_FLOW                                                                                                   \
	(1u << FM_TE | 1u << FM_TD | 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR |             \
	 1u << FM_PKT | 1u << FM_BYT)

int fm_table_new(struct fm_table **t, unsigned present, struct fm_error *err) FM_MUST_CHECK;
int fm_table_reserve(struct fm_table *t, size_t rows, struct fm_error *err) FM_MUST_CHECK;
/* The same, but the new rows hold arbitrary values: each column must be written before it is read. */
int fm_table_room(struct fm_table *t, size_t rows, struct fm_error *err) FM_MUST_CHECK; /* capacity; then set t->rows */
/* Move what a table in memory holds, and what is added later, to files without a name in `dir`, which are gone when the
 * table is freed or the process ends.  The table can be written as before, and fm_table_forget works on it. */
int fm_table_spill(struct fm_table *t, const char *dir, struct fm_error *err) FM_MUST_CHECK;
/* Copy row i of src behind the rows of dst; categories are matched by value.  Columns that src lacks become 0,
 * categories the value "".  The first row brings src's dictionary of addresses with it; later rows must have the same
 * one. */
int fm_table_append(struct fm_table *dst, const struct fm_table *src, size_t i, struct fm_error *err) FM_MUST_CHECK;
/* Open a folder read-only: checks schema, dtypes, lengths, that category indices are in range.  FM_EINPUT names the
 * file. */
int fm_table_open(struct fm_table **t, const char *dir, struct fm_error *err) FM_MUST_CHECK;
/* Write a table as a folder (made if absent; the table that stands there is replaced). */
int fm_table_save(const struct fm_table *t, const char *dir, struct fm_error *err) FM_MUST_CHECK;
void fm_table_free(struct fm_table *t);
const char *fm_table_category(const struct fm_table *t, enum fm_col c,
			      size_t row); /* the value as text; "" when there is none */

/* ---- addresses ---- */

static inline struct fm_address fm_table_address(const struct fm_table *t, uint32_t code)
{
	return t->addresses ? t->addresses->at[code] : fm_address_of_ipv4(code);
}
static inline bool fm_table_inside(const struct fm_table *t, uint32_t code)
{
	return t->addresses && t->addresses->inside[code];
}
/* Put the addresses of a table in memory into rising order, without those that no row has: it gets a dictionary of its
 * own, and its codes change. */
int fm_table_sort_addresses(struct fm_table *t, struct fm_error *err) FM_MUST_CHECK;
/* Give n tables in memory one dictionary, in rising order, so that their codes compare. */
int fm_tables_share_addresses(struct fm_table *const *t, size_t n, struct fm_error *err) FM_MUST_CHECK;

/* ---- values ---- */

/* The value of a present column as a number: of a category and an address its index, of te the bits of its two's
 * complement. */
static inline uint64_t fm_table_value(const struct fm_table *t, int c, size_t row)
{
	switch (fm_cols[c].width) {
	case 2:
		return ((const uint16_t *)t->col[c])[row];
	case 4:
		return ((const uint32_t *)t->col[c])[row];
	default:
		return ((const uint64_t *)t->col[c])[row];
	}
}

/* The same as a number that compares between tables where the value is an address (address.h). */
static inline uint64_t fm_table_key(const struct fm_table *t, int c, size_t row)
{
	uint64_t v = fm_table_value(t, c, row);

	return fm_cols[c].kind == FM_KIND_ADDRESS && t->addresses ? fm_address_key(&t->addresses->at[v]) : v;
}

/* The network of an address of a row (fm_address_network), the same number in every table. */
static inline uint64_t fm_table_network(const struct fm_table *t, int c, size_t row, unsigned drop)
{
	struct fm_address a = fm_table_address(t, ((const uint32_t *)t->col[c])[row]);

	return fm_address_network(&a, drop);
}

/* Release the memory of rows [from, to) of a mapped table; the system reads them again when they are needed. Does
 * nothing to a table in memory.  For callers that read a table that may be larger than their memory. */
void fm_table_forget(const struct fm_table *t, size_t from, size_t to);
/* The same for callers that read all rows in order, after row i: from time to time the last rows are released. */
static inline void fm_table_forget_behind(const struct fm_table *t, size_t i)
{
	const size_t some = 65536;

	if ((i + 1) % some == 0)
		fm_table_forget(t, i + 1 - some, i + 1);
}
/* The same for callers that read the rows of a rising list, after the i-th: from time to time the rows before it are
 * released. *last is the caller's, at first 0. */
void fm_table_forget_passed(const struct fm_table *t, const uint32_t *row, size_t i, size_t *last);

/* Streaming writer: append rows of an in-memory chunk (its dictionaries grow; indices must keep their meaning from
 * chunk to chunk).  Addresses are written in rising order, and only those that a row has. */
struct fm_table_writer;
int fm_table_writer_open(struct fm_table_writer **w, const char *dir, unsigned present,
			 struct fm_error *err) FM_MUST_CHECK;
int fm_table_writer_add(struct fm_table_writer *w, const struct fm_table *chunk, size_t first, size_t rows,
			struct fm_error *err) FM_MUST_CHECK;
int fm_table_writer_close(struct fm_table_writer *w, const struct fm_dict dict[FM_NCOL],
			  struct fm_error *err) FM_MUST_CHECK; /* headers, schema, sync; frees w */
void fm_table_writer_abort(struct fm_table_writer *w);

#endif
