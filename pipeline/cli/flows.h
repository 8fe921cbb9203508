/*
 * flows.h - the flows that an operand of `evaluate` names: a trace, an archive of flowmint's, the folder that it was
 * unpacked into, or a folder that holds it alone; a stage's product, a project or workspace, which stands for its
 * newest run that generated flows, or a run of the workspace (r0001).
 */
#ifndef FM_PIPELINE_CLI_FLOWS_H
#define FM_PIPELINE_CLI_FLOWS_H

#include <jansson.h>

#include "base/table.h"
#include "manifests/dialect.h"
#include "pipeline/product.h"

enum fm_flows_role { FM_FLOWS_REAL, FM_FLOWS_SYNTHETIC, FM_FLOWS_HOLDOUT };

struct fm_flows {
	const char *path;
	enum fm_flows_role role;
	const struct fm_dialect *dialect;
	const char *spill;     /* a folder for what does not fit in memory; NULL: fm_flows_spill() */
	uint64_t rows;         /* only the first of this number; 0: all */
	const char *workspace; /* whose runs path may name; NULL: none */
};
/* Does it read like a run, with no file or folder of that name? */
bool fm_flows_is_run(const char *path);

/* *archive: the one archive that a folder holds, the caller's to free, or NULL; FM_EINPUT when it holds several. */
int fm_flows_archive_in(const char *dir, char **archive, struct fm_error *err) FM_MUST_CHECK;
/* Does it end as an archive's name does? */
bool fm_flows_is_archive(const char *path);

/* Where the flows of a run are, decrypted. */
struct fm_flows_place {
	struct fm_product product;
	char *dir;
};
/* Where f->path names a product, runs or a folder with an archive, let it name the file or folder of their flows; a
 * product is opened for that.  After FM_OK call fm_flows_forget when the flows are loaded. */
int fm_flows_find(struct fm_flows *f, struct fm_flows_place *place, struct fm_error *err) FM_MUST_CHECK;
void fm_flows_forget(struct fm_flows_place *place);
/* The name of the dialect that a release with this config in its manifest is written in. */
const char *fm_flows_dialect(const json_t *config);
/* An archive, and the folder of one, is read in the dialect that its manifest names, where that is a built-in one, and
 * in f's where it is not.  *bad: rows that cannot be read and that the caller counts as flows that cannot exist; NULL:
 * they are left out.  A warning says so. */
int fm_flows_load(const struct fm_flows *f, struct fm_table **t, uint64_t *bad, struct fm_error *err) FM_MUST_CHECK;
/* Where what does not fit in memory is kept. */
const char *fm_flows_spill(void);
/* *dir: a fresh folder there, to be given to fm_flows_spill_end, which removes it with all that is in it (NULL:
 * nothing). After a failure it is NULL. */
int fm_flows_spill_make(char **dir, struct fm_error *err) FM_MUST_CHECK;
void fm_flows_spill_end(char *dir);

#endif
