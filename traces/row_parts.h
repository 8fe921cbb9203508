/*
 * row_parts.h - what the files that fill a row share (row.h): row.c, row_address.c for both addresses, and row_time.c
 * for times.
 */
#ifndef FM_TRACES_ROW_PARTS_H
#define FM_TRACES_ROW_PARTS_H

#include "traces/row.h"

/* The row is bad: column k of the dialect has such a fault.  The kind of fault, never the value: reasons go into
 * messages, the log and the ledger. */
void fm_row_refuse_value(struct fm_row *r, int k, const char *why);
/* A field of te or start, and one of td. */
void fm_row_time(struct fm_row *r, int k, const char *s, size_t n);
void fm_row_duration(struct fm_row *r, int k, const char *s, size_t n);
/* Behind all fields: the two times that the table has, te and td. */
void fm_row_end_times(struct fm_row *r);
/* A field of sa or da: an address, one with a port, a word of one, or the family of both. */
void fm_row_address(struct fm_row *r, int k, const char *s, size_t n);
/* Column c of the table is address a, IPv4's ip: its code in the chunk's dictionary.  Addresses repeat, so the last
 * ones of IPv4 are remembered. */
void fm_row_ipv4(struct fm_row *r, int c, const struct fm_address *a, uint32_t ip);
/* Both ends are of one family; a missing one is the "::" of the other's. */
void fm_row_check_families(struct fm_row *r);

#endif
