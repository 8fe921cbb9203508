/*
 * input.h - what the config leaves open about the trace, settled before a run: the files of a pattern, standard input,
 * and which dialect source.dialect auto is. The trace is looked at in a child (sandbox.h), as the parent never reads
 * private records; standard input is copied by the kernel, not by this process.
 */
#ifndef FM_PIPELINE_INPUT_H
#define FM_PIPELINE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/config.h"

/*
 * Puts what was found into cfg, so that ledger, keys and stages have it. workspace: NULL is that of the project.
 *
 * A trace that can be read once only (-, a pipe) is copied to WORKSPACE/input/SHA256, where it stays, so that the run
 * can be done again; a complete copy alone gets that name. FM_EINPUT: a pattern that matches no file; no dialect fits,
 * or several do.
 */
int fm_input_settle(struct fm_config *cfg, const char *workspace, bool unconfined, struct fm_error *err) FM_MUST_CHECK;
/* All of one descriptor into another, or about its first `most` bytes (0: all), without a byte of it in this process.
 */
int fm_input_copy(int from, int to, const char *name, uint64_t most, struct fm_error *err) FM_MUST_CHECK;
/* Can this trace be read only once? */
bool fm_input_is_once_only(const char *path);

#endif
