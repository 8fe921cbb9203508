/*
 * records.h - flows cut into exchanges, the records that the guarantee is about.
 *
 * An exchange is the flows of one unordered 5-tuple (two ends of address and port, protocol) that end in the same slot
 * of FM_SLOT_MS of UTC, in the order of their times and, where those agree, of their other values; only the first
 * FM_EXCHANGE_FLOWS of them are kept.  Which exchange a flow is in, its place there and whether it is dropped depend
 * only on the flows of the same 5-tuple and slot, so that
 *
 *     an exchange added to a trace or taken from it      adds or takes one record
 *     a flow added or taken                              changes, adds or takes one record
 *
 * and no other record changes.  Exchanges outside of a public period are none: a rule on each record alone.  Values are
 * kept as codes of public lists (protocols, flags, labels); what is not on the list has the code for it.  The records
 * stand in the order of their keys, whatever the order of the rows was.
 *
 * The split of a record is a keyed hash of its key: it depends on no other record.
 */
#ifndef FM_MODEL_MARGINALS_RECORDS_H
#define FM_MODEL_MARGINALS_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/table.h"

#define FM_SLOT_MS 60000
#define FM_EXCHANGE_FLOWS 4

/* Codes of protocols: FM_PROTOCOLS names as nfdump writes them; the last stands for all others. */
#define FM_PROTOCOLS 16
enum { FM_P_TCP, FM_P_UDP, FM_P_ICMP };
extern const char *const fm_protocol_names[FM_PROTOCOLS];
/* Codes of flags: bit i for letter i of "UAPRSF", as in ".AP.SF"; FM_FLAGS - 1 for anything else. */
#define FM_FLAGS 65
#define FM_FLAGS_ACK 2
/* Codes of ToS and forwarding status: the number, 0 to 255; anything else is 0. */
#define FM_BYTES 256
/* Labels: codes are places in the caller's public list; what is not on it is 0. */
#define FM_LABELS_MAX 32

struct fm_exchange_flow {
	uint64_t byt;
	uint32_t td, pkt; /* pkt at most 2^32 - 1 */
	uint16_t at;      /* milliseconds from the slot's start to te */
	uint8_t back;     /* 0: from end 0 to end 1; 1: the other way */
	uint8_t flg, tos, fwd, label;
};
/* End 0 has the lower (address, port). */
struct fm_exchange {
	uint32_t host[2];
	uint16_t port[2];
	uint8_t proto, nflows;
	int32_t slot; /* slots since 1970, rounded down */
	struct fm_exchange_flow flow[FM_EXCHANGE_FLOWS];
};
struct fm_exchanges {
	struct fm_exchange *list;
	size_t n;
	uint64_t flows, dropped; /* of the table: only for the log of the private side */
};

struct fm_record_opts {
	const char *const *label; /* the public list of labels, nlabels of them; the first is the usual one */
	int nlabels;
	/* The most exchanges of two hosts in one slot, a window, that are kept; 0: all.  Which ones depends only on the
	 * keys of the window's exchanges, so that one more window adds its own and changes no other. */
	unsigned window;
	int32_t first_slot, nslots; /* the public period: exchanges of other slots are left out; nslots 0: none are */
};
/* The slots that o keeps: those with a part of the period from first_ms to just before last_ms. */
void fm_record_period(struct fm_record_opts *o, int64_t first_ms, int64_t last_ms);
int fm_exchanges_cut(struct fm_exchanges *e, const struct fm_table *t, const struct fm_record_opts *o,
		     struct fm_error *err) FM_MUST_CHECK;
void fm_exchanges_free(struct fm_exchanges *e);

/* A number in [0, 1) from HMAC-SHA-256 of the record's key (ends, protocol, slot): the record is in the holdout when
 * the number is below the share of the holdout. */
int fm_exchange_split(const struct fm_secret *key, const struct fm_exchange *x, double *place,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
