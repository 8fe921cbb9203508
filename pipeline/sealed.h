/*
 * sealed.h - the half of a run in privacy.mode dp that stays with the team: its secret, encrypted.
 *
 *     WORKSPACE/sealed/RUN.json    {"format": "flowmint-sealed/2", "cipher": "AES-256-GCM", "run": "r0001",
 *                                   "files": hex, "config": hex, "nonce": hex, "tag": hex, "data": hex}
 *
 * data is canonical JSON under a key derived from the project's secret, PROJECT/keys/commitment.key; the run's id is
 * authenticated with it.  With the run's secret, the trace and the config anyone can make the run again bit for bit,
 * and take the noise off what was released: it is published nowhere.
 *
 * The run's secret is HMAC-SHA-256 under the project's secret of {program, config, files}: all that decides what is
 * asked of which records.  The same run twice has the same noise, and so costs nothing more.  Any change of data,
 * program or config changes all of the noise, so that no noise is on two different answers.
 *
 *     config   the sections of fm_config_learning, without the keys that stay on the machine: source.path (its digest
 *              is among the files), train.threads and train.checkpoint_* (they change no bit) and
 *              privacy.total_epsilon (it asks nothing).  Overrides, of the environment too, are in it.
 *     files    of each file of the user's that ingest or train reads, its digest, by the stage's row of the table: the
 *              trace (of several files the digest of all, in order), a dialect of the team's own, the clock of its zone
 *
 * Not in it, for they see no private record, or ask nothing more of one: generate, gate, publish, release, run, limits;
 * SOURCE_DATE_EPOCH (a date); numbers of threads, ranks and shards (they change no bit).  An audit has a secret of its
 * own, made from this one, its canaries and its number among the runs.  A checkpoint is named for a key with this
 * secret in it, so that no other run goes on from it.  test_dp_sealed walks the table for what is missing here.
 *
 * files and config are digests, keyed with the run's secret, of what that secret depends on.  Making a run again from
 * the sealed half is refused with another trace, dialect or config, as that would put the noise of one answer on
 * another.
 */
#ifndef FM_PIPELINE_SEALED_H
#define FM_PIPELINE_SEALED_H

#include <jansson.h>

#include "base/hash.h"
#include "base/secret.h"
#include "manifests/config.h"

/* What a run learns from. */
struct fm_sealed_of {
	const struct fm_config *cfg;
	const json_t *files; /* {"trace": hex, ...}: fm_runner_files */
};

/* The secret of such a run.  FM_EINPUT when the project has none. */
int fm_run_secret(struct fm_secret *run, const char *project, const struct fm_sealed_of *of,
		  struct fm_error *err) FM_MUST_CHECK;
/* A name for a secret that reveals nothing about it: for keys of stages, and to recognise a charge. */
int fm_secret_id(const struct fm_secret *run, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;

/* of: NULL where it is not known, as for a bundle, whose secret only draws flows. */
int fm_sealed_write(const char *workspace, const char *project, const char *run_id, const struct fm_secret *run,
		    const struct fm_sealed_of *of, struct fm_error *err) FM_MUST_CHECK;
/* FM_EVERDICT when the file was altered or is of another run or project; FM_EINPUT when there is none. */
int fm_sealed_read(struct fm_secret *run, const char *workspace, const char *project, const char *run_id,
		   struct fm_error *err) FM_MUST_CHECK;
/* Is the sealed half, whose secret is run, of this?  FM_EVERDICT where not; the message names what differs. */
int fm_sealed_check(const char *workspace, const char *run_id, const struct fm_secret *run,
		    const struct fm_sealed_of *of, struct fm_error *err) FM_MUST_CHECK;

#endif
