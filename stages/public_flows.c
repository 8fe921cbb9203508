/* public_flows.c - simulated flows as public traffic. */
#include "stages/public_flows.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/netshare/words.h"
#include "traces/simulate/simulate.h"

#define ROWS 40000 /* thousands of ports of clients are among them */
#define SEED 1

int fm_public_flows(struct fm_sentence **flows, size_t *n, struct fm_error *err)
{
	struct fm_simulate_in in = {.rows = ROWS, .seed = SEED};
	struct fm_simulated_ports *p = NULL;
	int rc;

	*flows = NULL;
	*n = ROWS;
	if ((rc = fm_alloc(&p, ROWS, sizeof *p, "public flows", err)) < 0 ||
	    (rc = fm_alloc(flows, ROWS, sizeof **flows, "public flows", err)) < 0 ||
	    (rc = fm_simulate_ports(&in, p, err)) < 0)
		goto out;
	for (size_t i = 0; i < ROWS; i++)
		(*flows)[i] = (struct fm_sentence){p[i].sp, p[i].dp, p[i].pr};
out:
	free(p);
	if (rc < 0) {
		free(*flows);
		*flows = NULL;
	}
	return rc;
}
