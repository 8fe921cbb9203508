/*
 * bundle.h - a run's model, sealed for keeping: with it and the manifest the release is made again without the trace.
 *
 *     NAME-VERSION.bundle     a sealed file (base/seal.h, label "bundle") under the project's secret
 *
 *     bytes   what is in it
 *         4   length of the index, big-endian
 *         N   index, canonical JSON: {"files":[{"bytes","path"},...], "flowmint", "format":"flowmint-bundle/1",
 *             "model": digest of the folder, "name", "run", "secret": hex in privacy.mode dp else "", "version"}
 *             the files of the model's folder, in the order of the index
 *
 * No row of the trace is in it, but the model is as private as in the workspace.  Without the project's secret a bundle
 * tells only its size.
 */
#ifndef FM_PIPELINE_BUNDLE_H
#define FM_PIPELINE_BUNDLE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/secret.h"
#include "pipeline/ledger.h"

#define FM_BUNDLE_SUFFIX ".bundle"

struct fm_bundle_in {
	const char *workspace;
	const char *run; /* "r0001" or "1" */
	const char *out; /* the file; NULL: NAME-VERSION.bundle beside the run's archive */
	bool unconfined;
};
/* *report: {"bundle": path, "bytes", "run", "name", "version"}.  FM_EINPUT: no such run, it released nothing, or its
 * model is no longer in the workspace; FM_EVERDICT: the model is not the one that the run left there. */
int fm_bundle_make(const struct fm_bundle_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

struct fm_bundle {
	char name[64], version[32], run[FM_RUN_ID_MAX], flowmint[32];
	char model_sha256[FM_SHA256_HEX]; /* of the folder, as it was taken out */
	struct fm_secret secret;          /* of the run in privacy.mode dp, else of no bytes */
};
/* Take the model out into the folder `dir`, which is made.  FM_EVERDICT: the bundle was altered, or is of another
 * project; FM_EINPUT: it is none. */
int fm_bundle_open(struct fm_bundle *b, const char *path, const char *project, const char *dir, bool unconfined,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_bundle_close(struct fm_bundle *b);

#endif
