/*
 * preflight.h - what can be checked before a run is checked before it: hours of training must not end at a wrong file
 * mode.
 *
 * Checked are, as far as the run gets to the stage that needs them: the model can do what the config asks (always); the
 * trace is there; model.window against
 * source.rows; the signing key (mode, form, passphrase) and that allowed_signers names it for releases today; the
 * secret for commitments; the release folder; that the version is free; room on the disk; whether the kernel can
 * confine a stage.  Each message names the key of the config, the file and what to do.
 */
#ifndef FM_PIPELINE_PREFLIGHT_H
#define FM_PIPELINE_PREFLIGHT_H

#include "pipeline/ledger.h"
#include "pipeline/run.h"

/* To be called before the workspace is opened and the run has a number.  run: with its outside the passphrase of
 * publish.key is tried, where one was given or nobody could be asked later, and its held has the release folder from
 * now on; NULL: neither.  FM_EINPUT: the config or one of its files (FM_EUSAGE:  a key given by --set); FM_ESYSTEM: the
 * machine. */
int fm_preflight(const struct fm_run_options *o, const char *project, const char *workspace, struct fm_run *run,
		 struct fm_error *err) FM_MUST_CHECK;

/* Is NAME-VERSION free in the release folder, and does it rise, with its number (publish.h)?  It is free when there is
 * no archive of it, or one of the same config (l says what this project released, else the archive's own manifest) and,
 * with run, of the same store.  Else FM_EINPUT. */
int fm_preflight_version(const struct fm_run_options *o, struct fm_ledger *l, const struct fm_run *run,
			 struct fm_error *err) FM_MUST_CHECK;

/* Has ingest left rows enough for the gate to be tried on controls, where it will be and nobody waives that?  Else
 * FM_EINPUT, with how many flows it takes. */
int fm_preflight_rows(const struct fm_run_options *o, const struct fm_run *run, const json_t *waivers,
		      struct fm_error *err) FM_MUST_CHECK;

/* The folder that takes the archive: --out or publish.out. */
const char *fm_preflight_out(const struct fm_run_options *o);
/* Bytes free for this user where path is, or where its nearest folder that exists is. */
int fm_preflight_free(const char *path, uint64_t *nbytes, struct fm_error *err) FM_MUST_CHECK;

#endif
