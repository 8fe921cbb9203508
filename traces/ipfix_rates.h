/*
 * ipfix_rates.h - at which rates an exporter sampled packets, by its option records (RFC 5477, and as routers carry
 * them over from NetFlow 9), which may come after the flows that they are about: so the file is looked through first.
 *
 * A rate belongs to an observation domain and a selector in it, which records of flows may name (selectorId,
 * samplerId). It holds until the exporter states another one.
 */
#ifndef FM_TRACES_IPFIX_RATES_H
#define FM_TRACES_IPFIX_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Of `of` packets `taken` were counted; taken 0: nothing is said. */
struct fm_ipfix_rate {
	uint64_t of, taken;
};
/* What a record of options or flows may say of sampling; a value that it does not say is 0, and has a flag where it
 * could say 0. */
struct fm_ipfix_sampling {
	uint64_t interval, random_interval;     /* samplingInterval, samplerRandomInterval: one packet of so many */
	uint64_t packet_interval, packet_space; /* this many packets are taken, then this many are skipped */
	uint64_t size, population;              /* this many packets out of this many */
	double probability;
	uint64_t selector;
	bool has_space, has_selector;
};
struct fm_ipfix_rate fm_ipfix_rate_of(const struct fm_ipfix_sampling *s);

struct fm_ipfix_rates {
	struct fm_ipfix_stated {
		uint32_t domain;
		bool has_selector;
		uint64_t selector, at; /* byte of the message that states it */
		struct fm_ipfix_rate rate;
	} * stated;
	size_t n, max;
};
/* What the options of a file state, in its order. Damage is left to the reader of its flows. */
int fm_ipfix_rates_read(struct fm_ipfix_rates *r, const char *path, const char *member,
			struct fm_error *err) FM_MUST_CHECK;
/* The rate of a record of flows in the message at byte `at`; *unsure: there are several, and the record does not say
 * which. */
struct fm_ipfix_rate fm_ipfix_rates_find(const struct fm_ipfix_rates *r, uint32_t domain,
					 const struct fm_ipfix_sampling *s, uint64_t at, bool *unsure);
/* Scale a count up to what went by, rounded to the nearest; false: over 2^63 - 1. */
bool fm_ipfix_rate_apply(struct fm_ipfix_rate rate, uint64_t *count);
void fm_ipfix_rates_free(struct fm_ipfix_rates *r);

#endif
