/* ipv4_of.h - the IPv4 number behind a code of a table's sa or da. */
#ifndef FM_TESTS_IPV4_OF_H
#define FM_TESTS_IPV4_OF_H

#include <stdlib.h>

#include "base/table.h"

static inline uint32_t ipv4_of(const struct fm_table *t, uint32_t code)
{
	struct fm_address a = fm_table_address(t, code);
	uint32_t ip;

	if (!fm_address_ipv4(&a, &ip))
		abort();
	return ip;
}

#endif
