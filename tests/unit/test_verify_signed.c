/*
 * What the partner's check accepts it has judged: an honest release is accepted, and each change of it that its own
 * keys signed, with all sizes and digests made anew, is refused for a reason of its own.
 */
#include "signed_fixture.h"

#define M "manifest.json"
#define D "datapackage.json"
#define C "croissant.json"
#define TOP_ROWS "\n  \"rows\":"
#define HEX64 "\"0000000000000000000000000000000000000000000000000000000000000000\""

#define LACKS(part)                                                                                                    \
	{                                                                                                              \
		M, "/" part, NULL, NULL, FM_REASON_MANIFEST_MALFORMED, part                                            \
	}
#define KIND(part)                                                                                                     \
	{                                                                                                              \
		M, "/" part, NULL, "7.5", FM_REASON_MANIFEST_MALFORMED, part                                           \
	}
#define MALFORMED(at, to, words)                                                                                       \
	{                                                                                                              \
		M, at, NULL, to, FM_REASON_MANIFEST_MALFORMED, words                                                   \
	}
#define UNKNOWN(at, words)                                                                                             \
	{                                                                                                              \
		M, at, NULL, "{\"a\":1}", FM_REASON_MANIFEST_MALFORMED, "it has " words                                \
	}
#define UNJUDGED(at, to, words)                                                                                        \
	{                                                                                                              \
		M, at, NULL, to, FM_REASON_NOT_JUDGED, words                                                           \
	}
#define ONE_CHECK                                                                                                      \
	"{\"name\":\"jsd.SP\",\"value\":0.1,\"threshold\":0.2,\"direction\":\"max\",\"margin\":0.1,\"n\":600,"         \
	"\"pass\":true,\"waived\":false,\"why\":\"\"}"
#define UNASKED_CHECK                                                                                                  \
	"{\"name\":\"leak.rows_equal\",\"value\":0,\"threshold\":0,\"direction\":\"min\",\"margin\":0,"                \
	"\"n\":600,\"pass\":true,\"waived\":false,\"why\":\"\"}"
#define ONE_WAIVER(check)                                                                                              \
	"{\"check\":\"" check "\",\"expires\":\"2099-12-31\",\"key\":\"SHA256:x\",\"reason\":\"r\",\"signer\":\"s\"}"

/* place: "/row/column", from 1. */
#define IN_ROW(place, to, words)                                                                                       \
	{                                                                                                              \
		"data/flows.csv", place, NULL, to, FM_REASON_DATAPACKAGE, words                                        \
	}

static const struct change changes[] = {
    /* a part that is not there, or is something else */
    LACKS("rows"),
    LACKS("schema"),
    LACKS("config"),
    LACKS("stages"),
    LACKS("privacy"),
    LACKS("metrics"),
    LACKS("environment"),
    LACKS("name"),
    LACKS("version"),
    LACKS("release"),
    KIND("rows"),
    KIND("schema"),
    KIND("config"),
    KIND("stages"),
    KIND("privacy"),
    KIND("metrics"),
    KIND("environment"),
    {M, "/format", NULL, NULL, FM_REASON_FORMAT_UNKNOWN, "format"},
    {M, "/format", NULL, "\"flowmint-manifest/2\"", FM_REASON_FORMAT_UNKNOWN, "format"},
    {M, "/files", NULL, NULL, FM_REASON_MANIFEST_MALFORMED, "files"},
    MALFORMED("/commitments", NULL, "commitments"),
    MALFORMED("/commitments/of/source", NULL, "commitments to the trace"),
    MALFORMED("/commitments/of/model", "\"1\"", "commitments.of.model is not 64 lower-case hex digits"),
    MALFORMED("/commitments/method", NULL, "commitments"),
    MALFORMED("/histograms", NULL, "histograms"),
    MALFORMED("/histograms/fields", "[]", "histograms"),
    MALFORMED("/histograms/fields/0/synthetic/0", "-1", "histograms.fields[0].synthetic[0] is not a whole number"),
    MALFORMED("/histograms/fields/0/synthetic", "[]", "a histogram has no counts"),
    UNJUDGED("/verdict", NULL, "it lacks verdict"),
    UNJUDGED("/checks", NULL, "'checks' must be"),
    {M, NULL, "{", "{\"rows\": 600,", FM_REASON_MANIFEST_MALFORMED, "duplicate object key"},
    {M, NULL, "\"mode\": \"none\"", "\"mode\": \"none\", \"mode\": \"none\"", FM_REASON_MANIFEST_MALFORMED,
     "duplicate"},
    {M, NULL, NULL, "[]\n", FM_REASON_MANIFEST_MALFORMED, "no object"},
    {M, NULL, NULL, "\n", FM_REASON_MANIFEST_MALFORMED, M},
    {M, NULL, "\"rows\": 600", "\"rows\": 99999999999999999999", FM_REASON_MANIFEST_MALFORMED, "must lie from 0"},
    {M, NULL, "\"rows\": 600", "\"rows\": 1e999", FM_REASON_MANIFEST_MALFORMED, M},
    {M, NULL, "\"verdict\": \"pass\"", "\"verdict\": \"pass\\u0000\"", FM_REASON_MANIFEST_MALFORMED, M},
    /* a member that no manifest has, at each depth; of a later version or not */
    UNKNOWN("/later", "later"),
    UNKNOWN("/checked_by", "checked_by"),
    UNKNOWN("/release/author", "release.author"),
    UNKNOWN("/files/0/mode", "files[0].mode"),
    UNKNOWN("/checks/0/x", "checks[0].x"),
    UNKNOWN("/metrics/7/sd", "metrics[7].sd"),
    UNKNOWN("/controls/1/score", "controls[1].score"),
    UNKNOWN("/stages/2/seed", "stages[2].seed"),
    UNKNOWN("/commitments/salt", "commitments.salt"),
    UNKNOWN("/environment/cpu", "environment.cpu"),
    UNKNOWN("/environment/escapes/train/held", "environment.escapes.train.held"),
    UNKNOWN("/histograms/note", "histograms.note"),
    UNKNOWN("/histograms/fields/0/note", "histograms.fields[0].note"),
    UNKNOWN("/privacy/certified", "privacy.certified"),
    UNKNOWN("/config/later", "config.later"),
    UNKNOWN("/config/train/later", "config.train.later"),
    UNKNOWN("/a_name_that_is_longer_than_any_name_that_the_table_of_members_can_have",
	    "a_name_that_is_longer_than_any_name_that_the_table_of_members_c,"),
    {M, NULL, "\"flowmint\": \"", "\"gpu\": \"H1\", \"flowmint\": \"9", FM_REASON_FORMAT_UNKNOWN,
     "does not know what environment.gpu in it is: take its flowmint-verify"},
    {M, NULL, "\"flowmint\": \"", "\"gpu\": \"H1\", \"flowmint\": \"0.0.1-", FM_REASON_MANIFEST_MALFORMED,
     "it has environment.gpu, which flowmint 0.0.1-"},
    {M, NULL, TOP_ROWS " 600", TOP_ROWS " 600, \"e\\u0000\": 1", FM_REASON_MANIFEST_MALFORMED, M},
    {M, NULL, TOP_ROWS " 600", TOP_ROWS " 600, \"\xff\": 1", FM_REASON_MANIFEST_MALFORMED, M},
    {M, NULL, TOP_ROWS " 600", TOP_ROWS " 600, \"\\u001b[2J\": 1", FM_REASON_MANIFEST_MALFORMED, "\\x1b[2J"},
    {M, NULL, TOP_ROWS " 600", TOP_ROWS " \"600\"", FM_REASON_MANIFEST_MALFORMED, "rows"},
    {M, NULL, TOP_ROWS " 600", TOP_ROWS " -0", FM_REASON_ROWS_DISAGREE, "rows"},
    {M, NULL, TOP_ROWS " 600", TOP_ROWS " 600e0", FM_REASON_MANIFEST_MALFORMED, "rows"},
    {M, NULL, TOP_ROWS " 600",
     TOP_ROWS " 600, \"deep\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
     FM_REASON_MANIFEST_MALFORMED, "nested more than 32 deep"},
    /* whose release it is, when, and what was done */
    {M, "/name", NULL, "\"other\"", FM_REASON_MANIFEST_DISAGREES, "another release"},
    {M, "/release/version", NULL, "\"1.0.1\"", FM_REASON_MANIFEST_DISAGREES, "another release"},
    {M, "/config/release/version", NULL, "\"1.0.1\"", FM_REASON_MANIFEST_DISAGREES, "config is of another release"},
    {M, "/config/release/name", NULL, "\"g\"", FM_REASON_MANIFEST_DISAGREES, "config is of another release"},
    MALFORMED("/release/date", "\"2026-11-31\"", "release.date"),
    {M, "/release/date", NULL, "\"2026-11-27\"", FM_REASON_MANIFEST_DISAGREES, "another day"},
    MALFORMED("/release/license", NULL, "license"),
    {M, "/release/license", NULL, "\"MIT\"", FM_REASON_MANIFEST_DISAGREES, "config.release"},
    {M, "/release/description", NULL, "\"other\"", FM_REASON_MANIFEST_DISAGREES, "config.release"},
    {M, "/schema/fields/0/name", NULL, "\"when\"", FM_REASON_DATAPACKAGE, "schema is not that of"},
    {M, "/rows", NULL, "0", FM_REASON_ROWS_DISAGREE, "rows is not a whole number from 1"},
    {M, "/rows", NULL, "-600", FM_REASON_ROWS_DISAGREE, "rows is not a whole number from 1"},
    {M, "/rows", NULL, "599", FM_REASON_ROWS_DISAGREE, "says 599"},
    {M, "/rows", NULL, "9223372036854775807", FM_REASON_ROWS_DISAGREE, "rows is not a whole number from 1"},
    MALFORMED("/environment/flowmint", NULL, "it lacks environment.flowmint"),
    MALFORMED("/environment/flowmint", "\"9\\u001b[2J\"", "environment.flowmint is not a text"),
    MALFORMED("/environment/flowmint", "\"9\\u009b2J\"", "without control characters"),
    MALFORMED("/environment/escapes/train/through", "[\"\\u001b]0;x\\u0007\"]", "without control characters"),
    MALFORMED("/environment/confinement", "\"walls\"", "confinement"),
    MALFORMED("/environment/escapes", NULL, "escapes"),
    MALFORMED("/environment/escapes/train", NULL, "escapes"),
    MALFORMED("/environment/escapes/train/tried", "0", "escapes.train.tried is not a whole number from 1"),
    MALFORMED("/environment/escapes/train/through", "null", "escapes.train.through is not of its kind: a list"),
    MALFORMED("/stages/1", NULL, "other stages"),
    MALFORMED("/stages/-", "{\"name\":\"train\"}", "a stage is there twice"),
    MALFORMED("/stages/-", "{\"name\":\"paint\"}", "stages[5].name is not one of"),
    MALFORMED("/stages/0/output", "\"ffff\"", "stages[0].output is not 64"),
    /* what it claims */
    MALFORMED("/privacy/mode", "\"some\"", "privacy.mode is not one of: none clip dp"),
    MALFORMED("/privacy/mode", "\"dp\"", "another than that of the config"),
    MALFORMED("/privacy/epsilon", "0.1", "a guarantee is claimed"),
    MALFORMED("/privacy/statement", "\"\"", "has no statement"),
    MALFORMED("/privacy/statement", "\"(0.1, 1e-09)-differential privacy for one host\"", "privacy.statement"),
    MALFORMED("/privacy/audit",
	      "{\"runs\":1,\"epsilon_lower\":0,\"confidence\":1,\"delta\":0,\"canaries\":1,\"most\":0}",
	      "guarantee is told"),
    MALFORMED("/config/privacy/mode", "\"dp\"", "another than that of the config"),
    MALFORMED("/filled", "{\"share\":1.5}", "filled"),
    MALFORMED("/left_out", "{\"share\":1.5,\"reasons\":[]}", "left_out"),
    MALFORMED("/left_out", "{\"share\":0.5,\"reasons\":[{\"share\":0.1}]}", "it lacks left_out.reasons[0].reason"),
    /* what was measured */
    UNJUDGED("/metrics/0/name", "\"jsd.NOSUCH\"", "no registry knows"),
    UNJUDGED("/metrics/0/name", "\"controls.broken\"", "no registry knows"),
    UNJUDGED("/metrics/0/name", "\"\\u001b[2J\"", "without control characters"),
    UNJUDGED("/metrics/0/value", "\"1460\"", "metrics[0].value is not a number"),
    UNJUDGED("/metrics/0/value", NULL, "it lacks metrics[0].value"),
    UNJUDGED("/metrics/0/n", "-1", "metrics[0].n is not a whole number"),
    UNJUDGED("/metrics/0/n", "1.5", "metrics[0].n is not a whole number"),
    UNJUDGED("/metrics/0/ci", "[1,2]", "has an interval where none is measured"),
    UNJUDGED("/metrics/85/ci", "[2,1]", "has an interval that does not hold its value"), /* c2st.flow_auc */
    UNJUDGED("/metrics/0", "{\"name\":\"ks.SP\",\"value\":-0.1,\"n\":600}", "a value that it can have"),
    UNJUDGED("/metrics/0", "{\"name\":\"ks.SP\",\"value\":2,\"n\":600}", "a value that it can have"),
    MALFORMED("/metrics/-", "{\"name\":\"jsd_mean8\",\"value\":0.27695,\"n\":600}", "there twice"),
    MALFORMED("/metrics", "[]", "no metrics"),
    /* what was judged */
    {M, "/verdict", NULL, "\"fail\"", FM_REASON_VERDICT_FAIL, "refused this release"},
    UNJUDGED("/verdict", "\"PASS\"", "verdict is not one of: pass fail"),
    UNJUDGED("/checks", "[]", "no such check is waived"),
    UNJUDGED("/checks/0", NULL, "jsd_mean8 is a check that its config asks for"),
    UNJUDGED("/checks/1", NULL, "leak.rows_equal is a check that its config asks for"),
    UNJUDGED("/checks/0/name", "\"jsd_mean9\"", "jsd_mean9 is a check that no registry knows"),
    UNJUDGED("/checks/0/name", "\"\\u001b]0;x\"", "without control characters"),
    UNJUDGED("/checks/-", ONE_CHECK, "jsd.SP has another value as a check than as a metric"),
    UNJUDGED("/checks/-", UNASKED_CHECK, "judged, and its config does not ask"),
    UNJUDGED("/checks/0/threshold", NULL, "it lacks checks[0].threshold"),
    UNJUDGED("/checks/0/threshold", "null", "does not meet its threshold"),
    UNJUDGED("/checks/0/value", NULL, "it lacks checks[0].value"),
    UNJUDGED("/checks/0/value", "null", "does not meet its threshold"),
    UNJUDGED("/checks/0/value", "\"0\"", "checks[0].value is not a number"),
    UNJUDGED("/checks/0/value", "-7", "is a check of a value that cannot be"),
    UNJUDGED("/checks/0/value", "0.5", "another margin"),
    UNJUDGED("/checks/0/threshold", "0.7", "another margin"),
    UNJUDGED("/checks/0/margin", "1", "another margin"),
    UNJUDGED("/checks/0/margin", NULL, "it lacks checks[0].margin"),
    UNJUDGED("/checks/0/n", NULL, "it lacks checks[0].n"),
    UNJUDGED("/checks/0/n", "-600", "checks[0].n is not a whole number"),
    UNJUDGED("/checks/0/n", "9223372036854775807", "checks[0].n is not a whole number"),
    UNJUDGED("/checks/0/direction", "\"min\"", "does not meet its threshold"),
    UNJUDGED("/checks/0/direction", "\"up\"", "checks[0].direction is not one of: max min"),
    UNJUDGED("/checks/0/pass", "false", "not every check passed"),
    UNJUDGED("/checks/0/pass", "1", "checks[0].pass is not true or false"),
    UNJUDGED("/checks/0/pass", NULL, "it lacks checks[0].pass"),
    UNJUDGED("/checks/0/waived", "true", "both pass and waived"),
    UNJUDGED("/checks/0/why", "\"above the threshold\"", "says why not"),
    UNJUDGED("/checks/0/ci", "[0,1]", "has an interval where none is measured"),
    UNJUDGED("/checks/1/ci", "[1,0]", "has an interval that does not hold its value"), /* leak.rows_equal */
    UNJUDGED("/checks/3/why", "\"\"", "fails without a reason"),
    UNJUDGED("/checks/3/waived", "false", "no such check is waived"),
    UNJUDGED("/checks/0/value", "0.3", "another margin"),
    UNJUDGED("/checks/3/value", "5", "another margin"),
    UNJUDGED("/config/gate/jsd_mean8/max", "0.1", "jsd_mean8 was judged by another threshold"),
    UNJUDGED("/config/gate/jsd_mean8/min", "0.1", "jsd_mean8 is a check that its config asks for"),
    UNJUDGED("/config/gate/jsd_mean8", NULL, "jsd_mean8 was judged, and its config does not ask"),
    UNJUDGED("/config/gate/pair_jsd", "{\"max\":0.5}", "pair_jsd is a check that its config asks for"),
    UNJUDGED("/config/gate", "{}", "the config asks for no check"),
    UNJUDGED("/unasked", "[\"leak.rows_equal\"]", "every trace can answer"),
    UNJUDGED("/unasked", "[\"jsd_mean8\"]", "jsd_mean8 was judged and is"),
    UNJUDGED("/unasked", "[\"tstr.macro_f1.trees\",\"tstr.macro_f1.trees\"]", "unasked names a check twice"),
    /* waivers */
    UNJUDGED("/waivers", NULL, "there is no waiver"),
    UNJUDGED("/waivers", "[]", "there is no waiver"),
    UNJUDGED("/waivers/-", ONE_WAIVER("jsd_mean8"), "no such check is waived"),
    UNJUDGED("/waivers/-", ONE_WAIVER("leak.nothing"), "no such check is waived"),
    UNJUDGED("/waivers/-", ONE_WAIVER("controls.broken"), "has two waivers"),
    UNJUDGED("/waivers/0/reason", "\"\"", "waived without a reason"),
    UNJUDGED("/waivers/0/reason", "\"a\\u009b2J\"", "waived without a reason"),
    UNJUDGED("/waivers/0/signer", "\"a\\u001b[2J\"", "waived without a reason"),
    UNJUDGED("/checks/3/why", "\"a\\u009b2J\"", "a text with control characters"),
    MALFORMED("/release/description", "\"a\\u009b2J\"", "a text with control characters"),
    UNJUDGED("/waivers/0/expires", "\"never\"", "waived without a reason"),
    UNJUDGED("/waivers/0/key", NULL, "'key' must be"),
    UNJUDGED("/waivers/0/signer", "7", "'signer' must be"),
    UNJUDGED("/waivers", "{}", "'waivers' must be"),
    UNJUDGED("/unasked", "[\"tstr.macro_f1.trees\"]", "unasked names a check that its config does not ask for"),
    /* controls */
    UNJUDGED("/controls", NULL, "its config asks for controls"),
    UNJUDGED("/controls/0", NULL, "counts other controls"),
    UNJUDGED("/controls/0/ok", "false", "is a control that is right"),
    UNJUDGED("/controls/0/got", "\"fail\"", "is a control that is right"),
    UNJUDGED("/controls/2/failed_checks", "[]", "fails without a check"),
    UNJUDGED("/controls/2/failed_checks", "[\"no.such\"]", "no registry knows"),
    UNJUDGED("/controls/2/level", "-1", "controls[2].level is not a number"),
    UNJUDGED("/controls/2/kind", "\"neutral\"", "controls[2].kind is not one of"),
    UNJUDGED("/control_rows", "-1", "control_rows is not a whole number"),
    UNJUDGED("/control_limit", "7", "control_limit is not a number from 0 to 1"),
    UNJUDGED("/smallest_leak_caught", "7", "smallest_leak_caught is not a number from 0 to 1"),
    /* files */
    {M, "/files/0", NULL, NULL, FM_REASON_MANIFEST_DISAGREES, "does not list"},
    {M, "/files/0/bytes", NULL, "1", FM_REASON_MANIFEST_DISAGREES, "another digest or size"},
    {M, "/files/0/sha256", NULL, HEX64, FM_REASON_MANIFEST_DISAGREES, "another digest or size"},
    {M, "/files/-", NULL, "{\"path\":\"../x\",\"bytes\":1,\"sha256\":" HEX64 "}", FM_REASON_MANIFEST_DISAGREES,
     "not in the archive"},
    {"README.md", NULL, NULL, NULL, FM_REASON_FILE_MISSING, "README.md"},
    {D, NULL, NULL, NULL, FM_REASON_FILE_MISSING, D},
    {M, NULL, NULL, NULL, FM_REASON_FILE_MISSING, M},
    {"SHA256SUMS", NULL, NULL, NULL, FM_REASON_FILE_MISSING, "SHA256SUMS"},
    {"data/flows.csv", NULL, NULL, NULL, FM_REASON_FILE_MISSING, "data/flows.csv"},
    {"LICENSE.txt", NULL, NULL, "", FM_REASON_FILE_EMPTY, "LICENSE.txt is empty"},
    {"README.md", NULL, NULL, "", FM_REASON_FILE_EMPTY, "README.md is empty"},
    {"CITATION.cff", NULL, NULL, "", FM_REASON_FILE_EMPTY, "CITATION.cff is empty"},
    {"LICENSE.txt", NULL, NULL, NULL, FM_REASON_DATAPACKAGE, "it is not there"},
    {"SHA256SUMS", NULL, "  README.md", "  README.MD", FM_REASON_FILE_MISSING, "README.MD"},
    {"SHA256SUMS", NULL, NULL, "x\n", FM_REASON_SUMS_MALFORMED, "SHA256SUMS:1"},
    {"data/flows.csv", NULL, "\n", "\n2016-04-11 00:05:59,1,10.0.0.1,10.0.0.2,1,2,UDP,.A....,0,0,1,58,background\n",
     FM_REASON_ROWS_DISAGREE, "has 601 rows"},
    {"data/flows.csv", NULL, "\n", "\n\n", FM_REASON_DATAPACKAGE, "more or fewer values than the schema"},
    {"data/flows.csv", NULL, "\n", "", FM_REASON_DATAPACKAGE, "more or fewer values than the schema"},
    {"data/flows.csv", NULL, "\n", ",\n", FM_REASON_DATAPACKAGE, "more or fewer values than the schema"},
    {"data/flows.csv", NULL, ",", "", FM_REASON_DATAPACKAGE, "more or fewer values than the schema"},
    {"data/flows.csv", NULL, ",", ";", FM_REASON_DATAPACKAGE, "more or fewer values than the schema"},
    {"data/flows.csv", NULL, ",", "\001,", FM_REASON_DATAPACKAGE, "control characters"},
    {"data/flows.csv", NULL, ",", "\033[2J,", FM_REASON_DATAPACKAGE, "control characters"},
    {"data/flows.csv", NULL, ",", "\177,", FM_REASON_DATAPACKAGE, "control characters"},
    {"data/flows.csv", NULL, ",", "\302\233,", FM_REASON_DATAPACKAGE, "control characters"},
    {"data/flows.csv", NULL, ",", "\377\376,", FM_REASON_DATAPACKAGE, "it is not in UTF-8"},
    {"data/flows.csv", NULL, ",", "\300\257,", FM_REASON_DATAPACKAGE, "it is not in UTF-8"},
    {"data/flows.csv", NULL, "\n", "\r\n", FM_REASON_DATAPACKAGE, "its lines end otherwise"},
    {"data/flows.csv", NULL, ",", "\r,", FM_REASON_DATAPACKAGE, "its lines end otherwise"},
    {D, "/resources/0/dialect/lineTerminator", NULL, "\"\\r\\n\"", FM_REASON_DATAPACKAGE, "its lines end otherwise"},
    {D, "/resources/0/dialect/delimiter", NULL, "\"\\t\"", FM_REASON_DATAPACKAGE, "more or fewer values"},
    {"data/flows.csv", NULL, "2",
     "\xef\xbb\xbf"
     "2",
     FM_REASON_DATAPACKAGE, "byte-order mark"},
    {"data/flows.csv", NULL, ",", ",\"", FM_REASON_ROWS_DISAGREE, "rows; manifest.json says"},
    /* each value is of its column's type, in the first rows and in those behind */
    IN_ROW("/1/1", "te", "te is not a time"),
    IN_ROW("/1/1", "2016-02-30 00:05:59", "te is not a time"),
    IN_ROW("/1/1", "2016-04-11T00:06:00", "te is not a time"),
    IN_ROW("/1/1", "2016-04-11 24:08:06", "te is not a time"),
    IN_ROW("/1/1", "2016-04-11 00:05:60", "te is not a time"),
    IN_ROW("/1/1", "2016-04-11 00:05:59.5", "te is not a time"),
    IN_ROW("/1/1", "1460332800", "te is not a time"),
    IN_ROW("/1/2", "", "td is empty"),
    IN_ROW("/1/2", "long", "td is not a number"),
    IN_ROW("/1/2", "1e3", "td is not a number"),
    IN_ROW("/1/2", "-1", "less than its schema allows"),
    IN_ROW("/1/2", "0x10", "td is not a number"),
    IN_ROW("/1/2", "nan", "td is not a number"),
    IN_ROW("/1/3", "246.209.166.256", "sa is not an address"),
    IN_ROW("/1/3", "246.209.166", "sa is not an address"),
    IN_ROW("/1/3", "office", "sa is not an address"),
    IN_ROW("/1/4", "0010.0.6.49", "da is not an address"),
    IN_ROW("/1/4", "fe80::1::2", "da is not an address"),
    IN_ROW("/1/4", "FE80::1", "da is not an address"),
    IN_ROW("/1/4", "", "da is empty"),
    IN_ROW("/1/5", "65536", "sp is less or more"),
    IN_ROW("/1/5", "-9843", "less than its schema allows"),
    IN_ROW("/1/5", "http", "sp is not a whole number"),
    IN_ROW("/1/5", "98.43", "sp is not a whole number"),
    IN_ROW("/1/6", "099", "dp is not a whole number"),
    IN_ROW("/1/6", "99999999999999999999", "dp is not a whole number"),
    IN_ROW("/1/11", "", "pkt is empty"),
    IN_ROW("/1/11", "one", "pkt is not a whole number"),
    IN_ROW("/1/12", "5 8", "byt is not a whole number"),
    IN_ROW("/401/1", "today", "row 401: its te is not a time"),
    IN_ROW("/401/2", "x", "row 401: its td is not a number"),
    IN_ROW("/401/3", "1.2.3", "row 401: its sa is not an address"),
    IN_ROW("/401/4", "::ffff:1.2.3.4", "row 401: its da is not an address"),
    IN_ROW("/401/5", "65536", "sp is less or more"),
    IN_ROW("/401/6", "", "row 401: its dp is empty"),
    IN_ROW("/401/11", "1.0", "row 401: its pkt is not a whole number"),
    IN_ROW("/401/12", "-1", "row 401: its byt is less than its schema"),
    {"data/flows.csv", NULL, "2016-04-11", "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n2016-04-11",
     FM_REASON_DATAPACKAGE, "row 1: its te is not a time"},
    {D, "/resources/0/encoding", NULL, "\"windows-1252\"", FM_REASON_DATAPACKAGE, "not that of the dialect"},
    {D, "/resources/0/dialect/delimiter", NULL, "\"\"", FM_REASON_DATAPACKAGE, "dialect.delimiter"},
    {D, "/resources/0/dialect/delimiter", NULL, "7", FM_REASON_DATAPACKAGE, "dialect.delimiter"},
    {D, "/resources/0/encoding", NULL, "\"utf-16\"", FM_REASON_DATAPACKAGE, "neither utf-8 nor windows-1252"},
    {M, "/config/publish/header", NULL, "true", FM_REASON_DATAPACKAGE, "it has no header"},
    {M, "/config/source/dialect", NULL, "\"cic-ids2017\"", FM_REASON_DATAPACKAGE, "not that of the dialect"},
    {D, "/resources/0/dialect/header", NULL, "true", FM_REASON_DATAPACKAGE,
     "its header has other names than the schema"},
    {"data/more.csv", NULL, NULL, "1\n", FM_REASON_DATAPACKAGE, "data/more.csv as it is: it is no resource"},
    {"data/flows.ipfix", NULL, NULL, "1", FM_REASON_DATAPACKAGE, "data/flows.ipfix as it is: it is no resource"},
    {"data/flows.jsonl", NULL, NULL, "{}\n", FM_REASON_FILE_EXTRA, "data/flows.jsonl"},
    /* the package */
    {D, "/name", NULL, "\"other\"", FM_REASON_DATAPACKAGE, "another name or version"},
    {D, "/version", NULL, NULL, FM_REASON_DATAPACKAGE, "another name or version"},
    {D, "/description", NULL, NULL, FM_REASON_DATAPACKAGE, "another description"},
    {D, "/created", NULL, "\"2026-11-27T00:00:00Z\"", FM_REASON_DATAPACKAGE, "another day"},
    {D, "/licenses", NULL, NULL, FM_REASON_DATAPACKAGE, "the licence"},
    {D, "/licenses/0/name", NULL, "\"MIT\"", FM_REASON_DATAPACKAGE, "manifest.json has another"},
    {D, "/licenses/0/path", NULL, "\"LICENCE\"", FM_REASON_DATAPACKAGE, "it is there"},
    {D, "/resources", NULL, "[]", FM_REASON_DATAPACKAGE, "it is no resource"},
    {D, "/resources/0/hash", NULL, HEX64, FM_REASON_DATAPACKAGE, "data/flows.csv as it is"},
    {D, "/resources/0/bytes", NULL, "1", FM_REASON_DATAPACKAGE, "data/flows.csv as it is"},
    {D, "/resources/0/path", NULL, "\"README.md\"", FM_REASON_DATAPACKAGE, "data/flows.csv as it is"},
    {D, "/resources/0/schema", NULL, NULL, FM_REASON_DATAPACKAGE, "schema is not that"},
    {D, "/resources/0/schema/fields/0", NULL, NULL, FM_REASON_DATAPACKAGE, "schema is not that"},
    {D, "/resources/0/dialect", NULL, NULL, FM_REASON_DATAPACKAGE, "dialect.header"},
    {D, "/resources/0/dialect/commentRows", NULL, "[1,2]", FM_REASON_ROWS_DISAGREE, "has 598 rows"},
    {D, "/resources/-", NULL, "{\"path\":\"data/none.csv\"}", FM_REASON_DATAPACKAGE, "a file that is not there"},
    {D, "/resources/-", NULL, "{\"path\":\"data/flows.csv\"}", FM_REASON_DATAPACKAGE, "it is there twice"},
    {D, NULL, "{", "{\"name\":\"golden\",", FM_REASON_DATAPACKAGE, "duplicate"},
    /* Croissant, citation */
    {C, "/name", NULL, "\"other\"", FM_REASON_METADATA_DISAGREES,
     "croissant.json does not describe this release: another name"},
    {C, "/version", NULL, "\"2.0.0\"", FM_REASON_METADATA_DISAGREES, "another name, version or licence"},
    {C, "/license", NULL, NULL, FM_REASON_METADATA_DISAGREES, "another name, version or licence"},
    {C, "/datePublished", NULL, "\"2020-01-01\"", FM_REASON_METADATA_DISAGREES, "another day"},
    {C, "/distribution/0/sha256", NULL, HEX64, FM_REASON_METADATA_DISAGREES, "another size or digest"},
    {C, "/distribution/0/contentSize", NULL, "\"1 B\"", FM_REASON_METADATA_DISAGREES, "another size or digest"},
    {C, "/distribution/0/contentUrl", NULL, "\"https://example.org/x\"", FM_REASON_METADATA_DISAGREES, "not there"},
    {C, "/distribution", NULL, NULL, FM_REASON_METADATA_DISAGREES, "is not in it"},
    {C, NULL, NULL, "no JSON\n", FM_REASON_METADATA_DISAGREES, C},
    {"CITATION.cff", NULL, "version: \"1.0.0", "version: \"2.0.0", FM_REASON_METADATA_DISAGREES,
     "CITATION.cff does not describe this release: another"},
    {"CITATION.cff", NULL, "golden 1.0.0", "golden 2.0.0", FM_REASON_METADATA_DISAGREES, "another name or version"},
    {"CITATION.cff", NULL, "2026-11-28", "2026-11-27", FM_REASON_METADATA_DISAGREES, "another day or licence"},
    {"CITATION.cff", NULL, "CC0-1.0", "MIT", FM_REASON_METADATA_DISAGREES, "another day or licence"},
    {"CITATION.cff", NULL, "cff-version", "version", FM_REASON_METADATA_DISAGREES, "CITATION.cff"},
    {"CITATION.cff", NULL, NULL, "[\n", FM_REASON_METADATA_DISAGREES, "CITATION.cff"},
    /* the record */
    {RECORD, "/sequence", NULL, "0", FM_REASON_RECORD_MALFORMED, "sequence"},
    {RECORD, "/sequence", NULL, "-1", FM_REASON_RECORD_MALFORMED, "sequence"},
    {RECORD, "/sequence", NULL, "9007199254740992", FM_REASON_RECORD_MALFORMED, "sequence"},
    {RECORD, NULL, "\"sequence\":1", "\"sequence\":9223372036854775808", FM_REASON_RECORD_MALFORMED,
     "a member is missing"},
    {RECORD, NULL, "\"sequence\":1", "\"sequence\":1,\"sequence\":1", FM_REASON_RECORD_MALFORMED, "no JSON"},
    {RECORD, NULL, "\"sequence\":1", "\"sequence\": 1", FM_REASON_RECORD_MALFORMED, "canonical"},
    {RECORD, NULL, "\"sequence\":1", "\"sequence\":1.0", FM_REASON_RECORD_MALFORMED, "missing or is not"},
    {RECORD, "/sequence", NULL, NULL, FM_REASON_RECORD_MALFORMED, "missing"},
    {RECORD, "/issued", NULL, "\"2026-11-27\"", FM_REASON_RECORD_DISAGREES, "was issued on 2026-11-27"},
    {RECORD, "/issued", NULL, "\"2026-02-30\"", FM_REASON_RECORD_MALFORMED, "issued"},
    {RECORD, "/expires", NULL, "\"2026-11-27\"", FM_REASON_RECORD_MALFORMED, "expires"},
    {RECORD, "/expires", NULL, "\"2026-11-28\"", FM_REASON_EXPIRED, "until 2026-11-28"},
    {RECORD, "/expires", NULL, NULL, FM_REASON_RECORD_MALFORMED, "missing"},
    {RECORD, "/name", NULL, "\"go/lden\"", FM_REASON_RECORD_MALFORMED, "of no release"},
    {RECORD, "/name", NULL, "\"\\u001b[2J\"", FM_REASON_RECORD_MALFORMED, "of no release"},
    {RECORD, "/version", NULL, "\"1.0.1\"", FM_REASON_RECORD_MALFORMED, "canonical"},
    {RECORD, "/format", NULL, "\"flowmint-release/2\"", FM_REASON_RECORD_MALFORMED, "format"},
    {RECORD, "/files/2/sha256", NULL, HEX64, FM_REASON_RECORD_DISAGREES, SIGNED},
    {RECORD, "/files/1/sha256", NULL, HEX64, FM_REASON_ATTESTATIONS, "of other files"},
    {RECORD, "/files/0/sha256", NULL, HEX64, FM_REASON_RECORD_DISAGREES, ".intoto.jsonl"},
    {RECORD, "/files/2/bytes", NULL, "1", FM_REASON_RECORD_DISAGREES, SIGNED},
    {RECORD, "/files/1/bytes", NULL, "1", FM_REASON_RECORD_DISAGREES, "the tar in the archive"},
    {RECORD, "/files/1", NULL, NULL, FM_REASON_RECORD_MALFORMED, "canonical"},
    {RECORD, "/files/0/name", NULL, "\"x\"", FM_REASON_RECORD_MALFORMED, "canonical"},
    {RECORD, "/previous", NULL, "{\"sha256\":" HEX64 ",\"version\":\"0.9\"}", FM_REASON_RECORD_MALFORMED,
     "first of a sequence"},
    {RECORD, "/approvals", NULL, "[]", FM_REASON_RECORD_MALFORMED, "missing or is not"},
    {RECORD, "/approvals", NULL, "[{\"key\":\"SHA256:x\",\"signer\":\"a\"},{\"key\":\"SHA256:x\",\"signer\":\"b\"}]",
     FM_REASON_RECORD_MALFORMED, "one key approved it twice"},
    {RECORD, "/approvals", NULL, "[{\"key\":\"SHA256:x\",\"signer\":\"\"}]", FM_REASON_RECORD_MALFORMED,
     "missing or is not"},
    {RECORD, NULL, "\"previous\":null,\"sequence\":1",
     "\"previous\":{\"sha256\":" HEX64 ",\"version\":\"1.0.0\"},\"sequence\":2", FM_REASON_RECORD_MALFORMED,
     "not later than that of the release before"},
    {RECORD, NULL, "\"previous\":null,\"sequence\":1",
     "\"previous\":{\"sha256\":" HEX64 ",\"version\":\"1.1\"},\"sequence\":2", FM_REASON_RECORD_MALFORMED,
     "not later than that of the release before"},
    {RECORD, "/x", NULL, "1", FM_REASON_RECORD_MALFORMED, "says more"},
    {RECORD, "/ledger", NULL, "{\"first\":\"x\",\"head\":\"y\"}", FM_REASON_RECORD_MALFORMED, "missing or is not"},
    /* the log */
    {PROOF, "/head/root", NULL, HEX64, FM_REASON_LOG_UNSIGNED, "LOG.json"},
    {PROOF, "/head/size", NULL, "2", FM_REASON_LOG_UNSIGNED, "LOG.json"},
    {PROOF, "/head/size", NULL, "0", FM_REASON_LOG_MALFORMED, "LOG.json"},
    {PROOF, "/inclusion", NULL, NULL, FM_REASON_LOG_MALFORMED, "LOG.json"},
    {PROOF, "/inclusion/index", NULL, "1", FM_REASON_LOG_MALFORMED, "LOG.json"},
    {PROOF, "/inclusion/path/-", NULL, HEX64, FM_REASON_LOG_NOT_INCLUDED, "LOG.json"},
    {PROOF, "/signature", NULL, "\"\"", FM_REASON_LOG_UNSIGNED, "LOG.json"},
    {PROOF, "/format", NULL, "\"flowmint-log-proof/2\"", FM_REASON_LOG_MALFORMED, "LOG.json"},
    {PROOF, "/consistency/-", NULL, "{\"path\":[],\"size\":1}", FM_REASON_LOG_MALFORMED, "LOG.json"},
    /* attestations */
    {PROVENANCE, NULL, NULL, NULL, FM_REASON_ATTESTATIONS, "lack the provenance"},
    {TESTS, NULL, NULL, NULL, FM_REASON_ATTESTATIONS, "lack the test result"},
    {PROVENANCE, "/predicateType", NULL, "\"https://slsa.dev/provenance/v2\"", FM_REASON_ATTESTATIONS,
     "lack the provenance"},
    {PROVENANCE, "/predicate/buildDefinition/externalParameters/config/generate/rows", NULL, "1",
     FM_REASON_ATTESTATIONS, "lack the provenance"},
    {PROVENANCE, "/predicate/runDetails/builder/id", NULL, "\"urn:other\"", FM_REASON_ATTESTATIONS,
     "lack the provenance"},
    {PROVENANCE, "/subject/0/digest/sha256", NULL, HEX64, FM_REASON_ATTESTATIONS, "of other files"},
    {PROVENANCE, "/subject/-", NULL, "{\"name\":\"x\",\"digest\":{}}", FM_REASON_ATTESTATIONS, "of other files"},
    {PROVENANCE, "/_type", NULL, "\"https://in-toto.io/Statement/v0.1\"", FM_REASON_ATTESTATIONS,
     "no in-toto statement"},
    {TESTS, "/predicate/result", NULL, "\"PASSED\"", FM_REASON_ATTESTATIONS, "lack the test result"},
    {TESTS, "/predicate/failedTests/-", NULL, "\"jsd_mean8 max\"", FM_REASON_ATTESTATIONS, "lack the test result"},
    {TESTS, "/predicate/passedTests/0", NULL, NULL, FM_REASON_ATTESTATIONS, "lack the test result"},
    {TESTS, "/predicate/configuration/0/digest/sha256", NULL, HEX64, FM_REASON_ATTESTATIONS, "lack the test result"},
    {ENVELOPE, "/note", NULL, "1", FM_REASON_ATTESTATIONS, "is no envelope"},
    {ENVELOPE, "/signatures/0/cert", NULL, "\"x\"", FM_REASON_ATTESTATIONS, "is no envelope"},
    {ENVELOPE, "/signatures/-", NULL, "{\"keyid\":\"x\",\"sig\":\"AA==\"}", FM_REASON_ATTESTATIONS, "is no envelope"},
    {ENVELOPE, "/payloadType", NULL, "7", FM_REASON_ATTESTATIONS, "is no envelope"},
    {TESTS, "/subject/1/name", NULL, "\"other-1.0.0.tar.zst\"", FM_REASON_ATTESTATIONS, "of other files"},
};

static void honest_release_is_accepted(void **state)
{
	(void)state;
	put_signed_signers();
	put_signed(NULL, &second);
	if (verify_signed() != FM_OK)
		fail_msg("%s: %s", fm_reason_name(report.reason), err.message);
	assert_true(report.has_record && report.has_log);
	assert_int_equal(report.attestations, 2);
	fm_verify_report_free(&report);
	/* Two who agreed, one of whom is the release's own key. */
	{
		char fingerprint[FM_FINGERPRINT_MAX], list[300];

		assert_int_equal(fm_sshpub_fingerprint(&key.pub, fingerprint, &err), FM_OK);
		snprintf(list, sizeof list,
			 "[{\"key\":\"SHA256:x\",\"signer\":\"a\"},{\"key\":\"%s\",\"signer\":\"b\"}]", fingerprint);
		put_signed(&(struct change){RECORD, "/approvals", NULL, list, FM_REASON_GOOD, ""}, &second);
		assert_int_equal(verify_signed(), FM_EVERDICT);
		assert_int_equal(report.reason, FM_REASON_RECORD_DISAGREES);
		fm_verify_report_free(&report);
	}
	/* A value that a spreadsheet would compute is its label's, and told. */
	assert_int_equal(report.nnotes, 0);
	put_signed(&(struct change){"data/flows.csv", NULL, ",background\n", ",=1+1\n", FM_REASON_GOOD, ""}, &second);
	if (verify_signed() != FM_OK)
		fail_msg("%s: %s", fm_reason_name(report.reason), err.message);
	assert_int_equal(report.nnotes, 1);
	assert_non_null(strstr(report.note[0], "1 value of data/flows.csv begins with =, +, - or @"));
	fm_verify_report_free(&report);
}

/* control_rows of the earlier programs, which did not round them: nobody takes that for a change on the way. */
static void refused_contents_are_told_from_changes_on_the_way(void **state)
{
	(void)state;
	put_signed_signers();
	put_signed(&(struct change){"manifest.json", "/control_rows", NULL, "240", FM_REASON_NOT_JUDGED, ""}, &second);
	assert_int_equal(verify_signed(), FM_EVERDICT);
	assert_int_equal(report.reason, FM_REASON_NOT_JUDGED);
	assert_int_equal(report.nnotes, 1);
	assert_non_null(strstr(report.note[0], "An earlier program"));
	fm_verify_report_free(&report);
	put_signed(&(struct change){RECORD, "/x", NULL, "1", FM_REASON_RECORD_MALFORMED, ""}, &second);
	assert_int_equal(verify_signed(), FM_EVERDICT);
	assert_int_equal(report.nnotes, 0);
	fm_verify_report_free(&report);
}

static void change_that_was_signed_is_refused(void **state)
{
	size_t n = sizeof changes / sizeof *changes, wrong = 0;

	(void)state;
	put_signed_signers();
	for (size_t i = 0; i < n; i++) {
		const struct change *c = &changes[i];
		int rc;

		put_signed(c, &second);
		rc = verify_signed();
		if (rc == FM_EVERDICT && report.reason == c->reason && strstr(report.message, c->words))
			continue;
		print_error("%s %s%s -> %.60s: wanted %s '%s', got %d %s '%s'\n", c->file, c->at ? c->at : "",
			    c->from ? c->from : "", c->to ? c->to : "(nothing)", fm_reason_name(c->reason), c->words,
			    rc, fm_reason_name(report.reason), report.message);
		wrong++;
	}
	fm_verify_report_free(&report);
	print_message("%zu changes, %zu not refused as they must be\n", n, wrong);
	assert_int_equal(wrong, 0);
	assert_true(n >= 200);
}

static void attestations_of_others_are_refused(void **state)
{
	(void)state;
	put_signed_signers();
	put_signed(NULL, &key); /* the release's own key: not listed for that */
	assert_int_equal(verify_signed(), FM_OK);
	assert_int_equal(report.attestations, 0);
	put_signed(NULL, &stranger);
	assert_int_equal(verify_signed(), FM_OK);
	assert_int_equal(report.attestations, 0);
	/* Signed by a stranger under the name of the key that is listed. */
	{
		struct fm_sshkey forged = stranger;

		forged.pub = second.pub;
		put_signed(NULL, &forged);
		assert_int_equal(verify_signed(), FM_EVERDICT);
		assert_int_equal(report.reason, FM_REASON_ATTESTATIONS);
		assert_non_null(strstr(report.message, "is not what builder signed"));
	}
	fm_verify_report_free(&report);
}

/* ---- the flows in two parts ---- */

#define ROWS 600
#define LAST 120 /* of them, with a test_share of 0.2 */

/* Where line i begins. */
static size_t line_at(const struct fm_buf *b, int i)
{
	const char *p = b->data;

	while (i--)
		p = strchr(p, '\n') + 1;
	return (size_t)(p - b->data);
}

/* A copy of the first member of a list in a document, for another file. */
static void add_like_first(const char *doc, const char *list, const char *at, const char *path)
{
	json_t *d = json_loads(text_at(&honest, doc)->data, 0, NULL), *l = json_object_get(d, list),
	       *o = json_deep_copy(json_array_get(l, 0));

	json_object_set_new(o, at, json_string(path));
	json_object_set_new(o, "name", json_string(strstr(path, "train") ? "train" : "test"));
	json_array_append_new(l, o);
	put_json(&honest, doc, d);
}

static void add_part(const char *path, size_t from, size_t to)
{
	struct release_file *f = &honest.f[honest.n++];
	const struct fm_buf *flows = text_at(&honest, "data/flows.csv");

	memset(f, 0, sizeof *f);
	snprintf(f->path, sizeof f->path, "%s", path);
	fm_buf_add(&f->text, flows->data + from, to - from);
	fm_buf_puts(&f->text, "");
	qsort(honest.f, honest.n, sizeof *honest.f, by_path);
	add_like_first(D, "resources", "path", path);
	add_like_first(C, "distribution", "contentUrl", path);
}

#define NAMES "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n"

/* A line of names before the rows of each of the files. */
static void add_header(void)
{
	static const char *const files[] = {"data/flows.csv", "data/train.csv", "data/test.csv"};
	json_t *d = json_loads(text_at(&honest, D)->data, 0, NULL), *list = json_object_get(d, "resources");

	for (size_t i = 0; i < 3; i++) {
		struct change c = {files[i], NULL, "2", NAMES "2", FM_REASON_GOOD, ""};

		change_text(text_at(&honest, files[i]), &c, false);
		fm_buf_puts(text_at(&honest, files[i]), "");
		json_object_set_new(json_object_get(json_array_get(list, i), "dialect"), "header", json_true());
	}
	put_json(&honest, D, d);
}

/* As it is now, all made anew that hangs on its files. */
static void wants(const char *what, enum fm_reason reason, const char *words)
{
	const struct change same = {"data/flows.csv", NULL, "\n", "\n", reason, words};
	int rc;

	put_signed(&same, &second);
	rc = verify_signed();
	if (rc != (reason == FM_REASON_GOOD ? FM_OK : FM_EVERDICT) || report.reason != reason ||
	    !strstr(report.message, words))
		fail_msg("%s: wanted %s '%s', got %s '%s'", what, fm_reason_name(reason), words,
			 fm_reason_name(report.reason), report.message);
	fm_verify_report_free(&report);
}

/* The first line of a file to its end, and back. */
static void turn(struct fm_buf *b, bool back)
{
	size_t n = back ? b->len - line_at(b, LAST - 1) : line_at(b, 1), rest = b->len - n;
	char row[512];

	assert_true(n < sizeof row);
	memcpy(row, back ? b->data + rest : b->data, n);
	memmove(back ? b->data + n : b->data, back ? b->data : b->data + n, rest);
	memcpy(back ? b->data : b->data + rest, row, n);
}

static void set_share(const char *share)
{
	json_t *m = json_loads(text_at(&honest, M)->data, 0, NULL);

	json_change(m, "/config/publish/test_share", share);
	put_json(&honest, M, m);
}

static void parts_refuse_other_flows(void)
{
	struct fm_buf *train = text_at(&honest, "data/train.csv"), *test = text_at(&honest, "data/test.csv");
	char *const changed[] = {train->data + train->len - 20, test->data + test->len / 2, train->data + 100,
				 test->data + test->len - 30};

	wants("the flows in two parts", FM_REASON_GOOD, "");
	for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
		char *at = changed[i], was;

		/* The first digit of a value, not of the first one: a time may have no other. */
		while (at[-1] != ',' || *at < '0' || *at > '9')
			at--;
		was = *at;
		*at = was == '1' ? '2' : '1';
		wants("another digit in a part", FM_REASON_ROWS_DISAGREE, "are other flows than it has");
		*at-- = was;
		*at = '1';
		wants("a comma less in a part", FM_REASON_DATAPACKAGE, "more or fewer");
		*at = ',';
	}
}

/* The gate judged the whole: what a partner trains and tests with is that, and nothing else. */
static void parts_are_the_flows(void **state)
{
	const struct fm_buf *flows = text_at(&honest, "data/flows.csv");
	size_t at = line_at(flows, ROWS - LAST);
	struct fm_buf *test;

	(void)state;
	put_signed_signers();
	add_part("data/test.csv", at, flows->len);
	add_part("data/train.csv", 0, at);
	wants("parts that its config does not ask for", FM_REASON_ROWS_DISAGREE, "of other sizes than the test_share");
	set_share("0.25");
	wants("parts of other sizes", FM_REASON_ROWS_DISAGREE, "of other sizes than the test_share");
	set_share("0.2");
	parts_refuse_other_flows();
	test = text_at(&honest, "data/test.csv");
	turn(test, false);
	wants("rows in another order", FM_REASON_ROWS_DISAGREE, "are other flows than it has");
	turn(test, true);
	add_header();
	parts_refuse_other_flows();
	/* A third file, of flows that are no part of them. */
	add_part("data/more.csv", 0, line_at(text_at(&honest, "data/flows.csv"), 2));
	wants("more flows", FM_REASON_DATAPACKAGE, "neither the flows nor a part of them");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(honest_release_is_accepted),
	    cmocka_unit_test(refused_contents_are_told_from_changes_on_the_way),
	    cmocka_unit_test(change_that_was_signed_is_refused),
	    cmocka_unit_test(attestations_of_others_are_refused),
	    cmocka_unit_test(parts_are_the_flows), /* it changes what the others begin with */
	};

	return cmocka_run_group_tests_name("verify_signed", tests, signed_setup, signed_teardown);
}
