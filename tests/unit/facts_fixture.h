/*
 * facts_fixture.h - what an honest run says of itself in a manifest, as short as may be.
 */
#ifndef FM_TESTS_FACTS_FIXTURE_H
#define FM_TESTS_FACTS_FIXTURE_H

#include "manifests/claim.h"

#define FACTS_HEX "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define FACTS_STAGE(name) "{\"name\":\"" name "\",\"output\":" FACTS_HEX "}"
#define FACTS_ESCAPES(name) "\"" name "\":{\"tried\":1,\"through\":[]}"
/* Members of a manifest: the stages, what was done to get out of them, and a privacy.mode none. */
#define FACTS_OF_STAGES FACTS_OF_RUN "," FACTS_OF_PRIVACY "," FACTS_OF_WALLS
#define FACTS_OF_RUN                                                                                                   \
	"\"stages\":[{\"name\":\"ingest\"},{\"name\":\"train\"}," FACTS_STAGE("generate") "," FACTS_STAGE(             \
	    "evaluate") "," FACTS_STAGE("gate") "]"
#define FACTS_OF_PRIVACY                                                                                               \
	"\"privacy\":{\"mode\":\"none\",\"statement\":\"" FM_CLAIM_NONE "\"},"                                         \
	"\"commitments\":{\"method\":\"HMAC-SHA-256\",\"of\":{"                                                        \
	"\"source\":" FACTS_HEX ",\"store\":" FACTS_HEX ",\"model\":" FACTS_HEX "}}"
#define FACTS_OF_WALLS                                                                                                 \
	"\"environment\":{\"flowmint\":\"0\",\"evaluate_blas_kernel\":\"unknown\",\"confinement\":\"namespaces\","     \
	"\"escapes\":{" FACTS_ESCAPES("ingest") "," FACTS_ESCAPES("train") "," FACTS_ESCAPES(                          \
	    "generate") "," FACTS_ESCAPES("evaluate") "," FACTS_ESCAPES("gate") "," FACTS_ESCAPES("release") "}}"
#define FACTS_HISTOGRAM(flows)                                                                                         \
	"\"histograms\":{\"format\":\"flowmint-public-histograms/"                                                     \
	"1\",\"fields\":[{\"name\":\"SP\",\"kind\":\"values\",\"synthetic\":[" flows "],\"values\":[\"53\"]}]}"

/* The line of the gate for all controls (manifests/planted.c), each caught, and what it tells of them. */
#define FACTS_CONTROL_LINE                                                                                             \
	"{\"name\":\"controls.broken\",\"value\":0,\"threshold\":0,\"direction\":\"max\",\"n\":18,\"pass\":true,"      \
	"\"waived\":false,\"why\":\"\",\"margin\":0}"
#define FACTS_CAUGHT(name, level, expected)                                                                            \
	"{\"name\":\"" name "\",\"kind\":\"negative\",\"level\":" level ",\"expected\":\"" expected                    \
	"\",\"got\":\"fail\",\"ok\":true,\"failed_checks\":[\"jsd_mean8\"]}"
/* clang-format off */
#define FACTS_CONTROLS \
	"\"control_rows\":500,\"control_limit\":0.005,\"smallest_leak_caught\":0.001,\"controls\":[" \
	"{\"name\":\"fresh\",\"kind\":\"positive\",\"level\":0,\"expected\":\"pass\",\"got\":\"pass\",\"ok\":true," \
	"\"failed_checks\":[]}" \
	"," FACTS_CAUGHT("copy", "0.001", "any") \
	"," FACTS_CAUGHT("copy", "0.005", "fail") \
	"," FACTS_CAUGHT("copy", "0.01", "fail") \
	"," FACTS_CAUGHT("copy", "0.05", "fail") \
	"," FACTS_CAUGHT("copy", "1", "fail") \
	"," FACTS_CAUGHT("copy_fresh_ids", "0.05", "any") \
	"," FACTS_CAUGHT("copy_fresh_ids", "1", "fail") \
	"," FACTS_CAUGHT("copy_doubled", "0.05", "any") \
	"," FACTS_CAUGHT("copy_doubled", "1", "fail") \
	"," FACTS_CAUGHT("noise", "0.001", "fail") \
	"," FACTS_CAUGHT("noise", "0.01", "fail") \
	"," FACTS_CAUGHT("noise", "0.1", "fail") \
	"," FACTS_CAUGHT("outliers", "10", "fail") \
	"," FACTS_CAUGHT("one_row", "0", "fail") \
	"," FACTS_CAUGHT("independent", "0", "fail") \
	"," FACTS_CAUGHT("shuffled", "0", "fail") \
	"," FACTS_CAUGHT("constant", "0", "fail") "]"
/* clang-format on */

#endif
