/*
 * domain.h - what each number and word of a manifest can be: the table, and the check of a document against it.
 *
 * One table for the two that accept documents of others: the runner, before it believes a document that a stage left
 * (pipeline/walls/harvest.h), and the verifier, before it believes a manifest.  What a metric can be is in the registry
 * (fm_metric_can_be), what a key of the config can be in its schema.  A member that the table does not have is no
 * fault; the verifier asks for it by itself, to tell a later version's manifest from an odd one.
 */
#ifndef FM_MANIFESTS_DOMAIN_H
#define FM_MANIFESTS_DOMAIN_H

#include <jansson.h>
#include <stdbool.h>

#define FM_DOMAIN_WORDS 384
#define FM_DOMAIN_MOST 1e30 /* of any measured number: bytes of all flows, squared, are less */

/* NULL, or out (of FM_DOMAIN_WORDS bytes), which says what is impossible, with the name of the field: "metrics[3].n is
 * -1: it must be a count ...".  at: where in a manifest the document belongs, "" for a whole one, "metrics" for its
 * list of metrics. */
const char *fm_domain_fault(const json_t *doc, const char *at, char *out);
/* NULL, or the first member of a whole manifest without a fault that the table does not have, as "stages[2].seed", in
 * out (of FM_DOMAIN_WORDS bytes).  Not below schema, config, waivers and unasked. */
const char *fm_domain_unknown(const json_t *manifest, char *out);
/* An interval of an estimate: two numbers in their order, with the value between them where there is one. */
bool fm_domain_interval(const json_t *ci, const json_t *value);

#endif
