/*
 * icmp.h - where a dialect has type and code of ICMP <-> where flows have them: type * 256 + code in dp, and 0 in sp.
 *
 * Zeek has the type in the source's port and the code in the destination's; of a message that has an answer, whose code
 * is 0, the type of the answer (ICMP4_counterpart and ICMP6_counterpart in its ICMP.cc). Argus has code * 256 + type in
 * the source's port and an identifier in the destination's, but of ICMPv6 type and code in a port each. UNSW-NB15 has
 * Argus's, and of some echoes type * 256 + code.
 */
#ifndef FM_TRACES_ICMP_H
#define FM_TRACES_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "manifests/dialect.h"

/* number: that of the protocol, 1 or 58. False: the ports are no type and code in that form. */
bool fm_icmp_read(enum fm_icmp form, int number, uint16_t *sp, uint16_t *dp);
/* What it writes can be read back. False: as another type or code, since the form has no text for these. Argus's has
 * none for a type that is not assigned, which becomes 253 (of experiments, RFC 4727), and loses a code of type 0 that
 * is the number of a type; Zeek's loses a code that is the type of the answer. */
bool fm_icmp_write(enum fm_icmp form, int number, uint16_t *sp, uint16_t *dp);

#endif
