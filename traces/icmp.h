/*
 * icmp.h - where a dialect has type and code of ICMP <-> where flows have them: type * 256 + code in dp, and 0 in sp.
 *
 * Zeek has the type in the source's port and the code in the destination's; for a message that has an answer its code
 * is 0, and it has the type of the answer there (ICMP4_counterpart and ICMP6_counterpart in its ICMP.cc). Argus has
 * code * 256 + type in the source's port and an identifier in the destination's, but for ICMPv6 type and code in one
 * port each. UNSW-NB15 has Argus's form, and for some echoes type * 256 + code.
 */
#ifndef FM_TRACES_ICMP_H
#define FM_TRACES_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "manifests/dialect.h"

/* number: the protocol's, 1 or 58. False: the ports are no type and code in that form. */
bool fm_icmp_read(enum fm_icmp form, int number, uint16_t *sp, uint16_t *dp);
/* What it writes can be read back; false: as another type or code, because the form has no text for these. Argus's form
 * has none for an unassigned type, which becomes 253 (for experiments, RFC 4727), and loses a code of type 0 that is
 * the number of a type; Zeek's form loses a code that is the type of the answer. */
bool fm_icmp_write(enum fm_icmp form, int number, uint16_t *sp, uint16_t *dp);

#endif
