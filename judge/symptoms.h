/*
 * symptoms.h - how a table of synthetic flows fails, field by field, from its histograms (judge/histogram.h).
 *
 *     outside   share of the synthetic flows outside the range of the real ones; for fields of kind bins.  above: of
 *               those beyond its upper end
 *     lost      share of the real flows that are in cells with a share of at least FM_SYMPTOM_CELL in the real flows
 *               and less than a tenth of that in the synthetic ones: what a collapsed model does not make
 *     piled     share of the synthetic flows that are in cells with a share of at least FM_SYMPTOM_CELL in them and
 *               less than a tenth of that in the real ones, those outside not counted: where a collapsed model piles
 *               up its flows, and numbers that were clamped to the edge of a range
 */
#ifndef FM_JUDGE_SYMPTOMS_H
#define FM_JUDGE_SYMPTOMS_H

#include <jansson.h>

#define FM_SYMPTOM_CELL 0.005
#define FM_SYMPTOM_NAMED 3

/* [{"field":"TD","outside":0.1,"above":0.1,"lost":0.02,"missing":[{"value":"0.2 s","share":0.01}, ...],
 *   "piled":0.3,"piles":[{"value":"7 s","share":0.3}, ...]}, ...]
 * from a document of histograms, a new reference; missing and piles: the largest such cells; outside and above are null
 * where a field has no range.  NULL without memory. */
json_t *fm_symptoms(const json_t *histograms);

#endif
