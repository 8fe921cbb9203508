/* table_parts.h - what writing and reading a table on disk have in common. */
#ifndef FM_BASE_TABLE_PARTS_H
#define FM_BASE_TABLE_PARTS_H

#include "base/table.h"

#define FM_TABLE_FORMAT "flowmint-table/2"
#define FM_TABLE_SCHEMA_MAX (64u << 20) /* bytes of a schema.json, read or written */
#define FM_TABLE_HAS_ADDRESSES(w) (FM_HAS(w, FM_SA) || FM_HAS(w, FM_DA))

const char *fm_table_kind_name(enum fm_kind kind);
char *fm_table_column_path(const char *dir, int c); /* to be freed; NULL without memory */
uint16_t fm_table_highest(const uint16_t *v, size_t n);

#endif
