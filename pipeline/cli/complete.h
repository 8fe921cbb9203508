/*
 * complete.h - scripts that complete verbs, options and their values in a shell, made from the tables of verbs.
 */
#ifndef FM_PIPELINE_CLI_COMPLETE_H
#define FM_PIPELINE_CLI_COMPLETE_H

#include "base/mem.h"
#include "pipeline/cli/option.h"

/* verbs: n of them. */
void fm_complete_bash(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);
void fm_complete_zsh(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);
void fm_complete_fish(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);

#endif
