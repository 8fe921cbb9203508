/* ipfix.h - what reading and writing of IPFIX (RFC 7011) share: libfixbuf's model of the elements, and its errors. */
#ifndef FM_TRACES_IPFIX_H
#define FM_TRACES_IPFIX_H

#include <fixbuf/public.h>

#include "base/error.h"
#include "base/table.h"

#define FM_IPFIX_HEAD 16       /* bytes of a message's header */
#define FM_IPFIX_MESSAGE 65535 /* of a message, at most */
#define FM_IPFIX_DATAGRAM                                                                                              \
	1400 /* of a message that we write: it fits a packet, so that a file can be sent to a collector                \
	      */

/* The elements of IANA's registry, their reverse ones (RFC 5103), and those that YAF adds to a flow. */
fbInfoModel_t *fm_ipfix_model(void);
/* Fail with libfixbuf's message as FM_ESYSTEM; frees *why. */
int fm_ipfix_fail(const char *what, GError **why, struct fm_error *err);
/* The rows of t as an IPFIX file at path, atomically: one record a flow, IPv4 and IPv6 in templates of their own,
 * nothing that depends on the clock. sampling: the dialect's factor, by which a reader multiplies. Columns that the
 * table lacks are 0. FM_EINPUT: a protocol without a number. */
int fm_ipfix_write(const struct fm_table *t, uint64_t sampling, const char *path, struct fm_error *err) FM_MUST_CHECK;

#endif
