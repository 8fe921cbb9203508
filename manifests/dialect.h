/*
 * dialect.h - how a data set writes its flows: a YAML file, built in (manifests/dialects/NAME.yaml) or the user's own.
 *
 *     name: ugr16
 *     description: one line for `flowmint dialects`
 *     header: false                 # true: columns are found by header name
 *     delimiter: ","
 *     newline: "\n"                 # what the writer emits; readers take \n and \r\n
 *     missing: ["", "nan", "-"]     # tokens that stand for no value
 *     internal: ["42.219.0.0/16"]   # addresses of the inside, where the data set has one
 *     columns:                      # in file order; for a header dialect order is that of the output
 *       - {name: te, column: te, format: datetime}
 *       - {name: td, column: td, format: seconds, decimals: 3}
 *       - {name: srcip, column: sa, format: ipv4}        # ipv4 | ipv4-integer
 *       - {name: ts, column: te, format: microseconds}   # datetime | seconds | milliseconds | microseconds
 *       - {name: proto, column: pr, format: text}        # integer for pkt, byt, ports, text for categories
 *     labels: {benign: background}  # optional mapping applied on reading
 */
#ifndef FM_MANIFESTS_DIALECT_H
#define FM_MANIFESTS_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

enum fm_format {
	FM_FMT_DATETIME,
	FM_FMT_SECONDS,
	FM_FMT_MILLISECONDS,
	FM_FMT_MICROSECONDS, /* te, td (td: no datetime) */
	FM_FMT_IPV4,
	FM_FMT_IPV4_INTEGER,
	FM_FMT_INTEGER,
	FM_FMT_TEXT,
};
#define FM_DIALECT_MAXCOLS 64
struct fm_dialect {
	char name[64], description[160];
	bool header;
	char delimiter, newline[3];
	int nmissing;
	char missing[16][32];
	int ninternal;
	struct {
		uint32_t base, mask;
	} internal[16];
	int ncols;
	struct {
		char name[64]; /* header name */
		int col;       /* enum fm_col, or -1: read and ignored, written empty */
		enum fm_format format;
		int decimals; /* of seconds and the like when written; -1 = an integer without a point */
	} cols[FM_DIALECT_MAXCOLS];
	int nlabels;
	struct {
		char from[64], to[64];
	} labels[FM_DIALECT_MAXCOLS];
	unsigned present; /* the table columns it fills */
};
/* name: a built-in dialect or, with a '/' or ending in .yaml, a file. */
int fm_dialect_load(struct fm_dialect **d, const char *name, struct fm_error *err) FM_MUST_CHECK;
/* A dialect file cannot be read: say before the message that it is one, and which are built in. Returns err->code. */
int fm_dialect_blame(struct fm_error *err);
bool fm_dialect_is_file(const char *name); /* rather than a built-in one */
/* FM_OK when name is a file's (which is not looked for) or a built-in dialect's; else FM_EINPUT with the names there
 * are. */
int fm_dialect_check_name(const char *name, struct fm_error *err) FM_MUST_CHECK;
bool fm_dialect_is_internal(const struct fm_dialect *d, uint32_t ip);
void fm_dialect_free(struct fm_dialect *d);

#endif
