/*
 * usage.h - the words about verbs, made from their tables: the list, --help, and the parts of docs/flowmint.1.
 */
#ifndef FM_PIPELINE_CLI_USAGE_H
#define FM_PIPELINE_CLI_USAGE_H

#include "base/mem.h"
#include "pipeline/cli/option.h"

/* What `flowmint --help` prints.  verbs: n of them. */
void fm_usage_list(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);
/* What `flowmint VERB --help` prints. */
void fm_usage_verb(struct fm_buf *out, const struct fm_verb *verb);
/* The lines of the man page (mdoc) for its synopsis and for its list of verbs. */
void fm_usage_man_synopsis(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);
void fm_usage_man_verbs(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);

#endif
