/*
 * flows.h - the flows that an operand of `evaluate` names: a trace, an archive of flowmint's or the folder that it was
 * unpacked into, a stage's product, or a project or workspace, which stands for its newest run that generated flows.
 */
#ifndef FM_PIPELINE_CLI_FLOWS_H
#define FM_PIPELINE_CLI_FLOWS_H

#include "base/table.h"
#include "manifests/dialect.h"

enum fm_flows_role { FM_FLOWS_REAL, FM_FLOWS_SYNTHETIC, FM_FLOWS_HOLDOUT };

struct fm_flows {
	const char *path;
	enum fm_flows_role role;
	const struct fm_dialect *dialect;
	uint64_t rows; /* only the first of this number; 0: all */
};

/* *bad: rows that cannot be read and that the caller counts as flows that cannot exist; NULL: they are left out.  A
 * warning says so. */
int fm_flows_load(const struct fm_flows *f, struct fm_table **t, uint64_t *bad, struct fm_error *err) FM_MUST_CHECK;
/* Where what does not fit in memory is kept. */
const char *fm_flows_spill(void);

#endif
