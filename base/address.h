/*
 * address.h - addresses of hosts, and the dictionary that a flow table's sa and da are codes into.
 *
 * An address has 16 bytes in network order; IPv4 is mapped, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). A dictionary knows of
 * each of its addresses whether its host is inside, which ingest decides once by the dialect.
 *
 * While rows are read a dictionary grows in the order in which addresses are first seen. fm_table_sort_addresses (and
 * whatever writes a table) puts it into rising order, without those that no row has: codes then compare as addresses
 * do. Each table of a store has a dictionary of its own, so that the training split does not show addresses that only
 * the holdout has; fm_address_key gives a value that compares between tables.
 */
#ifndef FM_BASE_ADDRESS_H
#define FM_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

struct fm_address {
	uint8_t b[16];
};
static inline struct fm_address fm_address_of_ipv4(uint32_t ip)
{
	return (struct fm_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (uint8_t)(ip >> 24), (uint8_t)(ip >> 16),
				    (uint8_t)(ip >> 8), (uint8_t)ip}};
}
static inline uint64_t fm_address_half(const struct fm_address *a, int low) /* as a number */
{
	uint64_t v;

	memcpy(&v, a->b + 8 * low, sizeof v);
	return __builtin_bswap64(v);
}
static inline struct fm_address fm_address_of_halves(uint64_t high, uint64_t low)
{
	struct fm_address a;

	high = __builtin_bswap64(high);
	low = __builtin_bswap64(low);
	memcpy(a.b, &high, sizeof high);
	memcpy(a.b + 8, &low, sizeof low);
	return a;
}
/* Is it IPv4? *ip is its number. */
static inline bool fm_address_ipv4(const struct fm_address *a, uint32_t *ip)
{
	uint64_t low = fm_address_half(a, 1);

	*ip = (uint32_t)low;
	return fm_address_half(a, 0) == 0 && low >> 32 == 0xffff;
}
static inline bool fm_address_is_ipv6(const struct fm_address *a)
{
	uint32_t ip;

	return !fm_address_ipv4(a, &ip);
}
/* The address as one number that is the same in every table: of IPv4 the number itself, of IPv6 a hash with the top bit
 * set. Among a million IPv6 addresses two share a number with probability 10^-7. */
uint64_t fm_address_key(const struct fm_address *a);
/* 32 bits of an address: of IPv4 its number, of IPv6 a hash, which may equal an IPv4 address's number. */
static inline uint32_t fm_address_fold(const struct fm_address *a)
{
	uint64_t key = fm_address_key(a);

	return (uint32_t)(key ^ key >> 32);
}
/* Parse the address in n bytes of text: dotted quad, or IPv6 in any form of RFC 4291 (2.2), in either case, with an
 * IPv4 address at its end or a zone (%eth0) behind it, which is dropped: a zone means something only on the machine
 * that saw the flow. Returns 0, or -1. */
int fm_address_parse(const char *s, size_t n, struct fm_address *a);
/* The one text of an address, RFC 5952 (4) of IPv6; IPv4, mapped too, is a dotted quad. Returns its length; no NUL. */
#define FM_ADDRESS_TEXT_MAX 40
size_t fm_address_format(const struct fm_address *a, char *out);
/* The network of an address: of IPv4 the number without its last `drop` bits, 8 or 16; of IPv6 its first 64 or 48 bits,
 * with the top bit set. */
uint64_t fm_address_network(const struct fm_address *a, unsigned drop);

struct fm_address_dict {
	size_t n;
	const struct fm_address *at;    /* (n) */
	const uint8_t *inside;          /* (n) 0 or 1 */
	struct fm_address_store *store; /* private: memory or mappings behind it, who else holds it */
};
#define FM_ADDRESSES_MAX (UINT32_MAX - 1)

int fm_address_dict_new(struct fm_address_dict **d, struct fm_error *err) FM_MUST_CHECK;
struct fm_address_dict *fm_address_dict_hold(struct fm_address_dict *d); /* one more owner; NULL stays NULL */
void fm_address_dict_free(struct fm_address_dict *d);                    /* the last owner's call frees it */
/* The code of an address, added behind the others where it is new. */
int fm_address_dict_add(struct fm_address_dict *d, const struct fm_address *a, bool inside, uint32_t *code,
			struct fm_error *err) FM_MUST_CHECK;
/* The same for n addresses in order, faster than one call for each. */
int fm_address_dict_add_all(struct fm_address_dict *d, const struct fm_address *a, const uint8_t *inside, size_t n,
			    uint32_t *code, struct fm_error *err) FM_MUST_CHECK;
/* A new dictionary in rising order of those that are `used` (a byte for each code; NULL: all); to[code] is its new
 * code, and is freed by the caller. */
int fm_address_dict_sorted(const struct fm_address_dict *d, const uint8_t *used, struct fm_address_dict **sorted,
			   uint32_t **to, struct fm_error *err) FM_MUST_CHECK;
/* DIR/addresses.npy (n, 16) of bytes and DIR/inside.npy (n) of bool; the dictionary is in rising order. */
int fm_address_dict_save(const struct fm_address_dict *d, const char *dir, struct fm_error *err) FM_MUST_CHECK;
/* Map a dictionary of n addresses. FM_EINPUT, naming the file: not n of them, not in rising order, or an inside that is
 * neither 0 nor 1. */
int fm_address_dict_open(struct fm_address_dict **d, const char *dir, size_t n, struct fm_error *err) FM_MUST_CHECK;

#endif
