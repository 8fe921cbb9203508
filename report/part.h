/*
 * part.h - the parts of the page; each appends its section, or what is shown in its place when its facts are missing.
 */
#ifndef FM_REPORT_PART_H
#define FM_REPORT_PART_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

struct fm_page {
	const json_t *facts;
	bool partner;
	bool evaluation;    /* an evaluation of files: there is no release, so what only a release has is not called
			       missing */
	const char *prefix; /* [A-Za-z0-9]: put before ids of what a page has more than once; NULL: none */
};

/* The page up to <body>, under its policy. */
int fm_page_head(struct fm_buf *out, const char *title, struct fm_error *err) FM_MUST_CHECK;

void fm_part_verdict(const struct fm_page *p, struct fm_buf *out); /* summary.c */
void fm_part_fields(const struct fm_page *p, struct fm_buf *out);  /* fields.c */
/* The same without its section: legend and charts. */
void fm_part_charts(const struct fm_page *p, struct fm_buf *out);
void fm_part_hosts(const struct fm_page *p, struct fm_buf *out);    /* hosts.c */
void fm_part_checks(const struct fm_page *p, struct fm_buf *out);   /* checks.c */
void fm_part_explain(const struct fm_page *p, struct fm_buf *out);  /* explain.c: what the checks ask */
void fm_part_measures(const struct fm_page *p, struct fm_buf *out); /* checks.c */
void fm_part_tasks(const struct fm_page *p, struct fm_buf *out);    /* tasks.c */
void fm_part_controls(const struct fm_page *p, struct fm_buf *out); /* controls.c: and waivers */
/* The same without its section and waivers: the smallest leak that was caught, and a row for each control. */
void fm_part_control_table(const struct fm_page *p, struct fm_buf *out);
/* The trial of the gate of each model of a comparison, with its section. */
void fm_part_trials(const json_t *models, struct fm_buf *out);
void fm_part_privacy(const struct fm_page *p, struct fm_buf *out);    /* privacy.c */
void fm_part_provenance(const struct fm_page *p, struct fm_buf *out); /* provenance.c */
void fm_part_verify(const struct fm_page *p, struct fm_buf *out);     /* provenance.c */

/* A metric of the facts, {"name","value",...}; NULL when it is absent. */
const json_t *fm_page_find(const struct fm_page *p, const char *name);
/* The value of a metric, NaN when it is absent or null; *absent, which may be NULL, tells the two apart. */
double fm_page_metric(const struct fm_page *p, const char *name, bool *absent);
/* Columns of a flow that the trace lacks, by enum fm_col. */
unsigned fm_page_absent(const struct fm_page *p);
/* Why a metric that the facts lack is not shown: "not in the trace" where the trace lacks a column that it needs, "not
 * published" in a partner's edition, which does not have it, else "missing". */
const char *fm_page_lacks(const struct fm_page *p, const char *name);
/* How a check stands by its own numbers: a pass that they deny fails. */
enum fm_state { FM_FAILS, FM_WAIVED, FM_HOLDS, FM_NSTATES };
enum fm_state fm_page_check_state(const json_t *check);
/* count[s]: how many checks are in state s. */
void fm_page_checks(const struct fm_page *p, size_t count[FM_NSTATES]);
/* A metric's name as text and code: <b>words</b> <code>name</code>. */
void fm_page_metric_name(struct fm_buf *out, const char *name);
/* One fact of a list: <div><dt>name</dt><dd>; the caller writes the rest and "</dd></div>". */
void fm_page_fact(struct fm_buf *out, const char *name);
/* The same with the value, or "missing" for "". */
void fm_page_fact_text(struct fm_buf *out, const char *name, const char *value);

#define FM_WORDS_MAX 160 /* of a metric (fm_metric_words) */

#endif
