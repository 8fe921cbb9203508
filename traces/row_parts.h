/*
 * row_parts.h - what the files that fill a row share (row.h): row.c, row_line_impl.h for lines, row_address.c for both
 * addresses, row_apart.c for columns of several names, row_icmp.c for type and code of ICMP, row_label.c for labels,
 * row_time.c for times, and row_ways.c for replies.
 */
#ifndef FM_TRACES_ROW_PARTS_H
#define FM_TRACES_ROW_PARTS_H

#include "traces/row.h"

/* The slot of a value (zero-padded) in the cache, and of one among the recent addresses. */
static inline size_t fm_row_cache_at(const uint64_t key[2])
{
	return (((key[0] ^ (key[1] * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu) >> 56) % FM_ROW_CACHE;
}

static inline size_t fm_row_recent_at(const uint64_t text[2])
{
	return ((text[0] ^ (text[1] << 29 | text[1] >> 35)) * 0x9e3779b97f4a7c15u) >> 51;
}

/* The row is bad: column k of the dialect has this fault.  why: the kind of fault, never the value, because reasons go
 * into messages, the log and the ledger. */
void fm_row_refuse_value(struct fm_row *r, int k, const char *why);
/* A field of te or start, and one of td. */
void fm_row_time(struct fm_row *r, int k, const char *s, size_t n);
void fm_row_duration(struct fm_row *r, int k, const char *s, size_t n);
/* After all fields: sets the two times that the table has, te and td. */
void fm_row_end_times(struct fm_row *r);
/* A field of sa or da: an address, one with a port, a word of one, or the family of both. */
void fm_row_address(struct fm_row *r, int k, const char *s, size_t n);
/* Column c of the table is address a: its code in the chunk's dictionary. */
void fm_row_set_address(struct fm_row *r, int c, const struct fm_address *a);
/* A field of a column that fills none: take what it says of the row. */
void fm_row_aside(struct fm_row *r, int k, const char *s, size_t n);
/* Exchange source and destination: addresses, ports (not type and code of ICMP), and the directions of packets and
 * bytes. */
void fm_row_turn(struct fm_row *r);
/* Multiply packets and bytes, also those of the reply, by the rate at which packets were sampled. */
void fm_row_multiply(struct fm_row *r, uint64_t rate);
/* A field, which is not missing, of a column with several names, or only for ICMP; true: there is nothing more to do
 * with it. After all fields: columns with several names that gave no value are missing, or addresses of zeros, and type
 * and code of ICMP become its ports. */
bool fm_row_take_apart(struct fm_row *r, int k, const char *s, size_t n);
void fm_row_end_apart(struct fm_row *r);
/* A field of a category; and a missing field of any column. */
void fm_row_category(struct fm_row *r, int k, const char *s, size_t n);
void fm_row_missing(struct fm_row *r, int k);
/* The label of a row that is bad already: which class loses a row. */
void fm_row_take_bad_label(struct fm_row *r, int k, const char *s, size_t n);
/* A field of a label of several columns; and, after all fields, the label. */
void fm_row_label_part(struct fm_row *r, int k, const char *s, size_t n, bool missing);
void fm_row_join_label(struct fm_row *r);
/* The protocol number of an ICMP row, 1 or 58; else 0. */
int fm_row_icmp_number(const struct fm_row *r);
/* After all fields: refuse type.code in a row that is not ICMP, and a port with a point in an ICMP row without that
 * format; convert ports of ICMP to the form of flows. */
void fm_row_check_dotted(struct fm_row *r);
void fm_row_icmp(struct fm_row *r);
/* Check that both ends are of one family; a missing end, or one of zeros in columns of both
 * families, is zero in the family of the other. */
void fm_row_check_families(struct fm_row *r);

#endif
