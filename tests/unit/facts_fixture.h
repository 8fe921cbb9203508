/*
 * facts_fixture.h - what an honest run says of itself in a manifest, as short as may be.
 */
#ifndef FM_TESTS_FACTS_FIXTURE_H
#define FM_TESTS_FACTS_FIXTURE_H

#define FACTS_HEX "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define FACTS_STAGE(name) "{\"name\":\"" name "\",\"output\":" FACTS_HEX "}"
#define FACTS_ESCAPES(name) "\"" name "\":{\"tried\":1,\"through\":[]}"
/* Members of a manifest: the stages, what was done to get out of them, and a privacy.mode none. */
#define FACTS_OF_STAGES                                                                                                                \
	"\"stages\":[{\"name\":\"ingest\"},{\"name\":\"train\"}," FACTS_STAGE("generate") "," FACTS_STAGE("evaluate") "," FACTS_STAGE( \
	    "gate") "],"                                                                                                               \
		    "\"privacy\":{\"mode\":\"none\",\"statement\":\"No differential "                                                  \
		    "privacy\"},\"commitments\":{\"method\":\"HMAC-SHA-"                                                               \
		    "256\",\"of\":{\"source\":" FACTS_HEX ",\"store\":" FACTS_HEX ",\"model\":" FACTS_HEX "}},"                        \
		    "\"environment\":{\"flowmint\":\"0\",\"evaluate_blas_kernel\":\"unknown\",\"confinement\":"                        \
		    "\"namespaces\",\"escapes\":{" FACTS_ESCAPES("ingest") "," FACTS_ESCAPES("train") "," FACTS_ESCAPES(               \
			"generate") "," FACTS_ESCAPES("evaluate") "," FACTS_ESCAPES("gate") "," FACTS_ESCAPES("releas"                 \
													      "e") "}"                 \
														   "}"
#define FACTS_HISTOGRAM(flows)                                                                                         \
	"\"histograms\":{\"format\":\"flowmint-public-histograms/"                                                     \
	"1\",\"fields\":[{\"name\":\"SP\",\"kind\":\"values\",\"synthetic\":[" flows "],\"values\":[\"53\"]}]}"

/* The line of the gate for two controls, and what it tells of them. */
#define FACTS_CONTROL_LINE                                                                                             \
	"{\"name\":\"controls.broken\",\"value\":0,\"threshold\":0,\"direction\":\"max\",\"n\":2,\"pass\":true,"       \
	"\"waived\":false,\"why\":\"\",\"margin\":0}"
#define FACTS_CONTROLS                                                                                                 \
	"\"control_rows\":500,\"control_limit\":0.005,\"smallest_leak_caught\":1,\"controls\":[{\"name\":\"fresh\","   \
	"\"kind\":\"positive\",\"level\":0,\"expected\":\"pass\",\"got\":\"pass\",\"ok\":true,\"failed_checks\":[]},"  \
	"{\"name\":\"copy\",\"kind\":\"negative\",\"level\":1,\"expected\":\"fail\",\"got\":\"fail\",\"ok\":true,"     \
	"\"failed_checks\":[\"jsd_mean8\"]}]"

#endif
