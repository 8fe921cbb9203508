/*
 * service.h - ports by name, as Argus, tcpdump and pmacct write them where they are not told to write numbers.
 *
 * The names are those of IANA's "Service Name and Transport Protocol Port Number Registry" that are in wide use, in any
 * case; any other name is refused as a port, so that none is taken for another.
 */
#ifndef FM_TRACES_SERVICE_H
#define FM_TRACES_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool fm_service_port(const char *s, size_t n, uint64_t *port);

#endif
