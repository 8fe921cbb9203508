/*
 * fields.h - the fields of a flow that histograms and the report show, in their order.
 */
#ifndef FM_BASE_FIELDS_H
#define FM_BASE_FIELDS_H

#include "base/table.h"

struct fm_field {
	const char *name; /* as metrics and histograms have it: "TS" */
	enum fm_col col;
	const char *words;
	const char *metric; /* metric of this field's distribution alone; NULL: it has none */
};
enum { FM_NFIELDS = 13 };
extern const struct fm_field fm_fields[FM_NFIELDS];

#endif
