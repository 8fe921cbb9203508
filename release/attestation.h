/*
 * attestation.h - what a release says of itself to tools that read in-toto: NAME-VERSION.intoto.jsonl, two statements
 * (in-toto Statement v1) in DSSE envelopes, one a line, by a key of their own.
 *
 *     https://slsa.dev/provenance/v1                        the config, flowmint's version, commitments to the inputs
 *     https://in-toto.io/attestation/test-result/v0.1       each check of the gate; waived ones are warnings
 *
 * Both are about the archive and the tar in it, and say nothing that manifest.json in the archive does not.
 */
#ifndef FM_RELEASE_ATTESTATION_H
#define FM_RELEASE_ATTESTATION_H

#include "base/error.h"
#include "base/mem.h"
#include "release/archive.h"
#include "release/sign/dsse.h"

#define FM_ATTESTATION_TYPE "application/vnd.in-toto+json"
#define FM_ATTESTATION_BUILD "urn:x-flowmint:release:1"  /* buildType: config as externalParameters, no other */
#define FM_ATTESTATION_BUILDER "urn:x-flowmint:flowmint" /* builder: the program, wherever it ran */

/* The two statements, canonical JSON without a newline, of an archive that fm_verify accepted. */
int fm_attestation_provenance(const struct fm_archive_info *info, struct fm_buf *out,
			      struct fm_error *err) FM_MUST_CHECK;
int fm_attestation_tests(const struct fm_archive_info *info, struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;

#endif
