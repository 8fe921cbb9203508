/* sniff_names.h - what column of a flow a name in a header, or a key of JSON, stands for. */
#ifndef FM_TRACES_SNIFF_NAMES_H
#define FM_TRACES_SNIFF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* A value for the flow, or one direction of it; the same by a name that stands for something else beside a better one
 * (client, source); one of two that are summed; the same where the name says that headers count, or that only the
 * payload does; the reply. */
enum fm_sniff_way { FM_WAY_ONE, FM_WAY_ELSE, FM_WAY_SUM, FM_WAY_WITH_HEADERS, FM_WAY_PAYLOAD, FM_WAY_REPLY };
struct fm_sniff_name {
	int col;               /* enum fm_col */
	bool start;            /* of FM_TE: the start of the flow */
	enum fm_sniff_way way; /* of packets and bytes */
	bool rare;             /* a name that counts where no column has one of the others */
};
/* False: the name is not known. Case, blanks and marks do not count. Where a key inside others (conn.id.orig_h) is not
 * known as a whole, its end counts. */
bool fm_sniff_name(const char *s, size_t n, struct fm_sniff_name *out);
/* The unit of durations and times that the name ends with, as a format of dialects: duration_ms, Duration (min); or
 * NULL. */
const char *fm_sniff_unit_name(const char *s, size_t n);
/* Are two names the same but for the units behind them: first_sec and first_usec, start and start_ms? */
bool fm_sniff_same_stem(const char *a, size_t na, const char *b, size_t nb);
/* Is it the name of packets or bytes in another unit, as Bytes (KB), which fm_sniff_name() does not know? */
bool fm_sniff_other_unit(const char *s, size_t n, struct fm_sniff_name *out);
/* The rest of a dialect's line for a column of that name that fills none but says something of the row; or NULL. */
const char *fm_sniff_aside(const char *s, size_t n);

/* Are two names those of the two ways of one thing: fwd_pkts and bwd_pkts? */
bool fm_sniff_are_ways(const char *a, size_t na, const char *b, size_t nb);
/* Is it the name of a type or a unit, as some programs write them below the names of columns? */
bool fm_sniff_is_kind(const char *s, size_t n);
/* Is it called type, which is more often the kind of a record than that of an attack? */
bool fm_sniff_is_type(const char *s, size_t n);
/* FM_SA or FM_DA, for a name that says that the address is of IPv6; else -1. */
int fm_sniff_ipv6_name(const char *s, size_t n);

#endif
