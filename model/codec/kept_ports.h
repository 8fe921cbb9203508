/*
 * kept_ports.h - clients that keep one source port, and those that never do.
 *
 * Windows are drawn one by one, so a client would have another port in each.  The codec learns, over the flows of
 * clients that are related to none in their window (relations.h), how many have the source port of the last flow of the
 * same source and service (host_profiles.h) in an earlier window: by service, and by how many flows in a row had kept
 * the port, or had not, up to FM_STREAK.  Clients are of two kinds, and a few flows tell which one a host is.  Counts
 * are kept where k flows kept their port and k did not, or where of at least 5 k flows fewer than k differ from the
 * rest, and are counted like it.  No address and no port.
 *
 * While windows are decoded, a flow gets its source's last port as often as was learned, less the share that has it
 * already.
 */
#ifndef FM_MODEL_CODEC_KEPT_PORTS_H
#define FM_MODEL_CODEC_KEPT_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/codec/flow_shares.h"
#include "model/codec/host_profiles.h"

#define FM_STREAK 3
/* By service and streak, how many flows kept the port. */
int fm_kept_ports_fit(struct fm_flow_shares *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;

/* The flow of a client. */
struct fm_client_flow {
	uint32_t from, service; /* host; fm_service_of, as if not answered */
	uint32_t window;        /* number of its window */
	uint16_t sp;
};
/* Is the source port of flows of this service the client's? */
bool fm_client_service(const struct fm_num *ports, uint32_t service);
struct fm_port_memory;
/* Borrows p. */
int fm_port_memory_new(struct fm_port_memory **m, const struct fm_flow_shares *p, uint64_t seed,
		       struct fm_error *err) FM_MUST_CHECK;
void fm_port_memory_free(struct fm_port_memory *m);
/* The source port to give to a flow that is related to none in its window. */
uint16_t fm_port_memory_ask(struct fm_port_memory *m, const struct fm_client_flow *f);
/* Remember a flow that was made. */
int fm_port_memory_add(struct fm_port_memory *m, const struct fm_client_flow *f, struct fm_error *err) FM_MUST_CHECK;

#endif
