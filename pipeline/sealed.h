/*
 * sealed.h - the half of a run in privacy.mode dp that stays with the team: its secret, encrypted.
 *
 *     WORKSPACE/sealed/RUN.json    {"format": "flowmint-sealed/1", "cipher": "AES-256-GCM", "run": "r0001",
 *                                   "nonce": hex, "tag": hex, "data": hex}
 *
 * data is canonical JSON under a key derived from the project's secret, PROJECT/keys/commitment.key; the run's id is
 * authenticated with it.  With the run's secret, the trace and the config anyone can make the run again bit for bit,
 * and take the noise off what was released: it is published nowhere.
 *
 * The run's secret is HMAC-SHA-256 under the project's secret of {program, config, digest of the trace}.  The same run
 * twice has the same noise, and so costs nothing more.  Any change of data, program or config changes all of the noise,
 * so that no noise is on two different answers.
 */
#ifndef FM_PIPELINE_SEALED_H
#define FM_PIPELINE_SEALED_H

#include <jansson.h>

#include "base/hash.h"
#include "base/secret.h"
#include "manifests/config.h"

/* The secret of a run over the trace of that digest.  FM_EINPUT when the project has no secret. */
int fm_run_secret(struct fm_secret *run, const char *project, const struct fm_config *cfg, const char *trace_sha256,
		  struct fm_error *err) FM_MUST_CHECK;
/* A name for a secret that reveals nothing about it: for keys of stages, and to recognise a charge. */
int fm_secret_id(const struct fm_secret *run, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;

int fm_sealed_write(const char *workspace, const char *project, const char *run_id, const struct fm_secret *run,
		    struct fm_error *err) FM_MUST_CHECK;
/* FM_EVERDICT when the file was altered or is of another run or project; FM_EINPUT when there is none. */
int fm_sealed_read(struct fm_secret *run, const char *workspace, const char *project, const char *run_id,
		   struct fm_error *err) FM_MUST_CHECK;

#endif
