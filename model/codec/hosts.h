/*
 * hosts.h - real addresses while a trace is being learned: how often each occurs, with how many peers, its rank and its
 * role. This exists in the train stage only; the model keeps ranks and histograms (struct fm_roles), never an address.
 */
#ifndef FM_MODEL_CODEC_HOSTS_H
#define FM_MODEL_CODEC_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* The side of an address: 1 inside, 2 more for IPv6. Both ends of a flow are of one family. */
#define FM_SIDES 4
#define FM_SIDE_INSIDE 1
#define FM_SIDE_IPV6 2
/* Roles of addresses. */
#define FM_ROLE_CLASSES (FM_SIDES * 49) /* (side) x (log2 windows 0..6) x (log2 peers 0..6) */
#define FM_LIVES 24
struct fm_pool_entry { /* a kind of host of the tail: how many hosts come in `windows` windows with `peers` peers */
	int windows, peers;
	int64_t hosts;
};
struct fm_roles {
	int nhosts;                                  /* popular hosts, by rank */
	uint8_t *side;                               /* (nhosts) */
	int nclasses;                                /* classes that occur */
	int class_id[FM_ROLE_CLASSES];               /* packed class -> index in [0,nclasses) */
	int class_of[FM_ROLE_CLASSES];               /* and back */
	struct fm_pool_entry *pool[FM_ROLE_CLASSES]; /* by class index */
	int npool[FM_ROLE_CLASSES];
	int64_t life[FM_ROLE_CLASSES][FM_LIVES]; /* by class index: hosts that live 2^b - 1 seconds and more */
	bool any_inside;                         /* the data set knows an inside */
	bool any_ipv6;                           /* min_count rows are IPv6; if fewer are, they are learned like IPv4 */
};

/* Options of learning. */
struct fm_codec_opts {
	int window;
	int min_count; /* training rows that a value needs for a token of its own */
	int k;         /* training rows that anything else needs to be kept */
	int max_hosts;
	int64_t first_ms, last_ms;
	double source_rows;
	bool text_order; /* rows of one time stand in the order of their text */
};

struct fm_host {
	uint64_t key;     /* of its address, fm_address_key */
	uint32_t flows;   /* rows it is in, either side */
	uint32_t windows; /* windows that it is in */
	uint32_t peers;   /* distinct peers */
	uint32_t last_window;
	int64_t first_ms, last_ms; /* of its flows */
	int rank;                  /* popular: 0..; else -1 */
	uint8_t side;
};
struct fm_hosts {
	struct fm_host *host;
	size_t n, cap;
	uint32_t *slot; /* open addressing: index + 1, 0 empty */
	size_t nslots;
	int npopular;
	bool ipv6; /* fm_roles.any_ipv6 */
};
int fm_host_side(const struct fm_hosts *h, const struct fm_table *t, uint32_t code);
/* The host of a code in the addresses of t, which may be of another split; NULL when the training split does not have
 * it. */
const struct fm_host *fm_hosts_find(const struct fm_hosts *h, const struct fm_table *t, uint32_t code);
/* Packed class of a host of the tail: side, and log2 of windows and peers, 0..6 each; and the side of a class. */
int fm_role_class(int side, uint32_t windows, uint32_t peers);
int fm_role_side(int packed);
/* The place of a lifetime of ms milliseconds in fm_roles.life. */
int fm_life_bin(int64_t ms);
/* The packed class of a real address; one that the training split does not have is taken as seen once. */
int fm_host_class(const struct fm_hosts *hosts, const struct fm_table *t, uint32_t code);
/* Fill in class_id from nclasses and class_of: a class that does not occur is mapped to the largest of its side.
 * members: (nclasses) hosts of each. */
void fm_roles_index(struct fm_roles *r, const int64_t *members);
/* The class that most hosts of a side's tail belong to; if it has none, that of the other side of its family, or of any
 * side. */
int fm_roles_common_class(const struct fm_roles *r, int side);
/* Learn *r, the ranks and histograms that the model keeps.  The caller frees it, whether it fails or not. */
int fm_roles_fit(struct fm_roles *r, const struct fm_hosts *hosts, const struct fm_codec_opts *o,
		 struct fm_error *err) FM_MUST_CHECK;

int fm_hosts_fit(struct fm_hosts **h, const struct fm_table *t, int window, int min_count, int max_hosts,
		 struct fm_error *err) FM_MUST_CHECK;
void fm_hosts_free(struct fm_hosts *h);

#endif
