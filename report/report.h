/*
 * report.h - a release explained to the people who sign it and to those who get it: one HTML file that needs nothing
 * else.
 *
 *     json_t *facts = ...;                              what is known (see below)
 *     fm_report_partner(facts, fm_stage_shows_output, &facts2, err)            what of it a partner may see
 *     fm_report_html(facts2, &html, err)
 *
 * Facts are the archive's manifest.json (docs/formats-release.md), each member of which may be absent and is then shown
 * as missing.  The report reads
 *
 *     release rows config stages commitments metrics checks verdict privacy environment files
 *     controls control_rows control_limit smallest_leak_caught waivers      of the verdict (manifests/metrics.h)
 *     histograms    judge/histogram.h (the team's) or what fm_report_histograms made of it
 *
 * and, where the caller added them:
 *
 *     archive       {"file","sha256","tar_sha256","checked":bool,"signer","fingerprint"}
 *     run           of the team alone: {"id","time","status","message","source","trace_sha256","ingest":{...},
 *                   "stages":[{"name","output","seconds","peak_rss_bytes","cached"}]}
 *
 * The page holds no script, no link to anything outside and no style attribute; its Content-Security-Policy admits its
 * one style sheet by digest and nothing else.  Text from outside is escaped.  It depends on its facts alone: no clock,
 * no locale.
 */
#ifndef FM_REPORT_REPORT_H
#define FM_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

#define FM_PUBLIC_HISTOGRAMS_FORMAT "flowmint-public-histograms/1"

/* Append the page to html.  A partner's edition says so; its facts come from fm_report_partner.  FM_EINPUT:
 * facts is no object, or a list in it has more entries than any run makes. */
int fm_report_html(const json_t *facts, bool partner, struct fm_buf *html, struct fm_error *err) FM_MUST_CHECK;

/* The page of an evaluation of files: histograms, metrics and, where a gate was asked, a verdict; for its owner
 * alone. */
int fm_report_evaluation(const json_t *facts, struct fm_buf *html, struct fm_error *err) FM_MUST_CHECK;

/* Append a page that compares models: the document of pipeline/compare.h, for its owner alone.  FM_EINPUT: doc is no
 * such document, or has more models. */
#define FM_REPORT_MODELS_MOST 32
int fm_report_comparison(const json_t *doc, struct fm_buf *html, struct fm_error *err) FM_MUST_CHECK;

/* May partners see the digest of what this stage made?  To be fm_stage_shows_output of stages/table.h, a room above
 * this one. */
typedef bool fm_report_open(const char *stage, bool dp);

/*
 * The part of facts that a partner may see, a new reference: the members named above except run; of the stages the
 * outputs that `shown` lets out; of the histograms what fm_report_histograms leaves; of the metrics what
 * fm_report_metrics leaves; the checks as they are.  Whatever is not known here is left out.  config.publish.report
 * says whether real marginals are part of it ("histograms") or not (anything else).
 */
int fm_report_partner(const json_t *facts, fm_report_open *shown, json_t **partner, struct fm_error *err) FM_MUST_CHECK;

/* privacy.min_count of the config in facts, the k below which a count is small.  NaN when there is none. */
double fm_report_k(const json_t *facts);

/*
 * The histograms as they may be published, a new reference: cells cut by the synthetic table, the synthetic counts and,
 * with real, the real counts rounded down to two digits of a multiple of k, so that a count below k is 0, and no count
 * can be calculated from the others and their sum, nor their sum from them; in ranks, cells of fewer than k hosts are
 * 0.  Counts of the holdout are never published.  NULL when doc has no histograms.
 */
int fm_report_histograms(const json_t *doc, bool real, int64_t k, json_t **published,
			 struct fm_error *err) FM_MUST_CHECK;

/*
 * The metrics as they may be published, a new list: those that fm_report_shows, rounded as their rows of the registry
 * say (fm_metric_published), each with n, the rows that it rests on (fm_metric_published_rows), which is left out when
 * nothing is left of it.  A label that fewer than k rows carry is left out.  Splits are of whole windows.  With k below
 * 1 it is not known how many are few, and there is no n at all.  Metrics that were published before come out unchanged.
 */
int fm_report_metrics(const json_t *list, const char *report, int64_t k, int64_t window, json_t **published,
		      struct fm_error *err) FM_MUST_CHECK;
/* Put a list of metrics in the registry's order, so that the order in which a stage left them says nothing. */
int fm_report_order(json_t *list, struct fm_error *err) FM_MUST_CHECK;
/* Does publish.report publish this metric (manifests/metrics.h)? */
bool fm_report_shows(const char *report, const char *metric);

#endif
