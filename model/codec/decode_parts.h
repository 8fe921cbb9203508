/*
 * decode_parts.h - what decode.c and decode_hosts.c share.
 */
#ifndef FM_MODEL_CODEC_DECODE_PARTS_H
#define FM_MODEL_CODEC_DECODE_PARTS_H

#include "base/rng.h"
#include "model/codec/decode.h"
#include "model/codec/flow_rules.h"
#include "model/codec/host_reach.h"
#include "model/codec/kept_ports.h"
#include "model/codec/recency.h"
#include "model/codec/relations.h"
#include "model/codec/repeat_plan.h"
#include "model/codec/scan_windows.h"

struct fm_decoder {
	const struct fm_codec *c;
	struct fm_assignment *assignment;
	struct fm_table *t; /* sa and da hold host numbers until the end */
	struct fm_flow_rules rules;
	struct fm_recency recent[FM_SIDES];
	uint32_t window[2 * FM_WINDOW_MOST]; /* all tail hosts of this window */
	int nwindow;
	int64_t now_ms;                     /* when this window begins */
	uint64_t trade[2 * FM_WINDOW_MOST]; /* pairs of this window: tail host and trade */
	int ntrades;
	uint64_t seen, mixed; /* events of hosts seen before in their window, and those of a new trade */
	uint64_t served[FM_NRELATIONS], strays[FM_NRELATIONS]; /* flows whose source goes with a server (alike.h) */
	uint32_t *answer;                                      /* (rows) the reply of each flow, or UINT32_MAX */
	struct fm_reassign *reassign;                          /* or NULL */
	struct fm_reach *reach;                                /* or NULL */
	struct fm_scan_plan *scans;                            /* or NULL */
	struct fm_window_memory *memory;                       /* or NULL */
	struct fm_port_memory *ports;                          /* or NULL */
	struct fm_repeat_plan *repeats;                        /* or NULL */
	uint32_t nwindows;                                     /* windows decoded */
	bool recalled;                                         /* the flow that is made */
	bool closed[FM_WINDOW_MOST];                           /* by flow of this window: it is a reply or has one */
	int row_in_window;
	struct fm_rng apart;    /* with reassign: ports in the place of those that would make a 5-tuple again */
	struct fm_rng alike;    /* with reassign: decides which flows have the value of their source */
	int fallback[FM_SIDES]; /* class of a new host where no token gives one */
};

/* A host of the tail was seen in this window, the latest. */
void fm_decoder_remember(struct fm_decoder *d, uint32_t host);
/* Both ends of the flow in row r; sa is already set when `known`.  Recency of da counts after sa has moved to the
 * front. */
int fm_decoder_endpoints(struct fm_decoder *d, const uint16_t *tok, size_t r, bool known, uint32_t service,
			 struct fm_error *err) FM_MUST_CHECK;
/* Tell the reach of hosts about row r, whose destination was drawn. */
int fm_decoder_reach_event(struct fm_decoder *d, size_t r, struct fm_error *err) FM_MUST_CHECK;
/* Would row r, between these hosts, have the 5-tuple of a flow before it in its window, or its reverse? */
bool fm_decoder_repeats(const struct fm_decoder *d, size_t r, uint32_t from, uint32_t to);
/* A flow of the table as the memory of windows has it. */
struct fm_return_flow fm_decoder_memory_flow(const struct fm_decoder *d, size_t row, uint32_t from, uint32_t to, int ss,
					     int es);

#endif
