/*
 * harvest.h - what comes out of a stage is looked at like a stranger's file: a stage that was taken over may have made
 * it.
 *
 * The parent looks at it when the stage's process is gone, so that nothing changes any more.  What is not exactly what
 * an honest stage makes is refused (FM_ESYSTEM), and nothing of it is used.
 */
#ifndef FM_PIPELINE_HARVEST_H
#define FM_PIPELINE_HARVEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "stages/table.h"

/* How each refusal here is made, and told from a failure of the machine: only what was refused is thrown away. */
#define fm_harvest_refuse(err, ...) fm_error_set((err), FM_ESYSTEM, fm_harvest_refusal, __LINE__, __VA_ARGS__)
extern const char fm_harvest_refusal[]; /* stands for the source file in err */
bool fm_harvest_refused(const struct fm_error *err);
/* A document that stage `name` left cannot be read: err, which says why, becomes a refusal. */
int fm_harvest_unreadable(const char *name, const char *file, struct fm_error *err) FM_MUST_CHECK;

/* The product folder of stage id: the files of its row of the table and no others, regular ones of one name, in folders
 * of this file system, without links, special modes or more than max bytes in all. */
int fm_harvest_tree(const struct fm_config *cfg, enum fm_stage_id id, const char *dir, uint64_t max,
		    struct fm_error *err) FM_MUST_CHECK;
/* Likewise the folder of a shard of the stage generate or evaluate, which has one file. */
int fm_harvest_shard(enum fm_stage_id id, const char *dir, uint64_t max, struct fm_error *err) FM_MUST_CHECK;
/* Does dir hold this name (NULL: is dir) as a file or folder that no link leads to?  Asked before another stage is
 * shown it. */
bool fm_harvest_holds(const char *dir, const char *name);
/* What a stage said of itself: the numbers that it has to tell, and no text but the words that this version knows. */
int fm_harvest_result(const struct fm_config *cfg, enum fm_stage_id id, const json_t *result,
		      struct fm_error *err) FM_MUST_CHECK;
/* How many rows of each table are judged, and how many of a larger table statistics are made of: what the parent knows
 * from other stages.  The metrics rows.* have to say the same. */
struct fm_harvest_rows {
	double real, holdout, made;
	double sampled; /* 0: of all */
	double noisy;   /* the most that a sum of noisy counts may be */
};
/* A list of metrics: registered names, finite numbers or null.  Of a run (rows not NULL) on no more rows than there
 * are, and with an interval only where one is measured.  Those of evaluate, but for rows.*, are
 * rounded (fm_metric_round). */
enum fm_harvest_list {
	FM_LIST_EVALUATE,
	FM_LIST_CONTROL,
	FM_LIST_FREE, /* generate's, of synthetic flows alone */
	FM_LIST_PAID  /* evaluate's, that privacy.budget.gate pays for */
};
int fm_harvest_metrics(const json_t *list, enum fm_harvest_list of, const struct fm_harvest_rows *rows,
		       struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;
/* Likewise what an audit of the claim found (stages/audit.h). */
int fm_harvest_audit(const json_t *result, struct fm_error *err) FM_MUST_CHECK;
/* Likewise a document of controls: those of judge/gate/controls.h in their order, with metrics as above. */
int fm_harvest_controls(const struct fm_config *cfg, const json_t *doc, struct fm_error *err) FM_MUST_CHECK;

#endif
