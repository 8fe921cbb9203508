/*
 * domains.h - the categorical attributes of a record, and what their values mean.
 *
 * Every domain is a public grid whose cells are joined by noisy counts (axis.h), or a list of hosts above the noise.
 * Fitting goes through privacy/counts.h only; what it returns, and so how any one record is encoded, depends on private
 * records only through noisy answers.  Encoding a record looks at nothing but that record.
 *
 *     end      of the service: that whose port is more popular by the noisy counts of ports, else the lower port; ICMP:
 *              the port above 0; if both are equal: the inside one; if both are inside or outside: where the first flow
 *              went.  The other end is the client's.
 *     kind     protocol x port of the service x which ends are inside x flows each way (a from the client, b to it)
 *     client, server   hosts above the noise (tokens of their own by rank, or groups of ranks by side), or the tail
 *     size, duration, flags, tos   of the first and the second flow of each way; near: how the two durations agree
 *     gap      seconds from the first flow a to the first b, and from the first to the second of each way
 */
#ifndef FM_MODEL_MARGINALS_DOMAINS_H
#define FM_MODEL_MARGINALS_DOMAINS_H

#include <stdbool.h>

#include "model/marginals/axis.h"
#include "model/marginals/grids.h"
#include "model/marginals/records.h"
#include "privacy/counts.h"

enum fm_attr {
	FM_A_KIND,
	FM_A_TIME,
	FM_A_SERVER,
	FM_A_CLIENT,
	FM_A_PORT,
	FM_A_SIZE,
	FM_B_SIZE,
	FM_A_TD,
	FM_B_TD,
	FM_NEAR,
	FM_A_FLG,
	FM_B_FLG,
	FM_A_TOS,
	FM_B_TOS,
	FM_A2_SIZE,
	FM_B2_SIZE,
	FM_A2_TD,
	FM_B2_TD,
	FM_B_GAP,
	FM_A2_GAP,
	FM_B2_GAP,
	FM_A_LABEL,
	FM_NATTRS
};
extern const char *const fm_attr_name[FM_NATTRS];

/* The axes of public grids. */
enum fm_axis_id {
	FM_X_KIND,
	FM_X_SERVICE,
	FM_X_CLIENT,
	FM_X_TIME,
	FM_X_A_SIZE,
	FM_X_B_SIZE,
	FM_X_A_TD,
	FM_X_B_TD,
	FM_X_A_FLG,
	FM_X_B_FLG,
	FM_X_A_TOS,
	FM_X_B_TOS,
	FM_NAXES
};

#define FM_PATTERNS 14 /* numbers of flows from the client and to it, 1 to 4 in all */
extern const uint8_t fm_pattern[FM_PATTERNS][2];
enum { FM_NEAR_SAME, FM_NEAR_100MS, FM_NEAR_SECOND, FM_NEAR_FAR, FM_NEAR_NONE, FM_NNEAR };

/* Hosts above the noise in one role. */
struct fm_hosts_above {
	int n;
	uint32_t *ip;    /* (n), the most frequent first; the private side's alone */
	double *count;   /* (n), noisy number of exchanges */
	uint8_t *inside; /* (n) */
	uint16_t *token; /* (n) */
	int ntokens;     /* the last two: the tail, outside and inside */
	uint32_t *by_ip; /* (n) places in ip[] by rising address */
	int32_t *same;   /* (n) place of the same address in the list of the other role, or -1 */
};
/* The population of a role's tail: for each service, how many hosts have at least FM_TAIL_AT[k] of its records. */
#define FM_TAIL_BOUNDS 14
extern const uint32_t fm_tail_at[FM_TAIL_BOUNDS];

struct fm_domains {
	int32_t first_slot, nslots; /* public */
	int nlabels;
	double popularity[FM_PORTS]; /* noisy number of exchanges of a port that is a token by itself; else 0 */
	struct fm_axis axis[FM_NAXES];
	struct fm_hosts_above hosts[2]; /* servers, clients */
	int size[FM_NATTRS];            /* tokens of each attribute; the last one is for absent flows */
	int nservices;
	uint16_t *service; /* (tokens of kind): the service of each, for the tail */
	double *tail[2];   /* (nservices, FM_TAIL_BOUNDS), servers and clients; falling, not negative */
};

/* Shares of the budget: weight w gets the standard deviation `scale` / sqrt(w). */
struct fm_domain_opts {
	int32_t first_slot, nslots;
	int nlabels;
	double scale;      /* standard deviation at weight 1, of a continuous Gaussian */
	double pair_scale; /* that of the tables to be counted over the domains: smaller cells are joined */
	double key_delta;  /* delta of each list of hosts */
	double total;      /* a public guess or a noisy count of the records */
	bool (*inside)(const void *ctx, uint32_t ip);
	const void *ctx;
	/* Called with each noisy histogram, for tests of sensitivity; may be NULL. */
	void (*tap)(void *ctx, const char *name, const int64_t *noisy, size_t n);
	void *tap_ctx;
};
double fm_domain_weight(void); /* sum of w sensitivity^2 over the queries of fm_domains_fit */
int fm_domains_fit(struct fm_domains *d, const struct fm_exchanges *e, const struct fm_domain_opts *o,
		   struct fm_counts *counts, struct fm_error *err) FM_MUST_CHECK;
void fm_domains_free(struct fm_domains *d);
/* The sigma of a discrete Gaussian for which the privacy of this continuous one may be claimed. */
double fm_discrete_sigma(double continuous);

/* Leaf of axis FM_X_KIND. */
struct fm_kind_parts {
	int proto, server_inside, client_inside, a, b;
	int service; /* token of FM_X_SERVICE */
};
struct fm_kind_parts fm_kind_parts(uint32_t leaf);
/* Do records of such a kind have the attribute?  Those without it have its last token. */
bool fm_kind_has(const struct fm_kind_parts *p, enum fm_attr a);

/* Encode: tok[a * stride] for each attribute. */
void fm_domains_encode(const struct fm_domains *d, const struct fm_exchange *x, const struct fm_domain_opts *o,
		       uint32_t *tok, size_t stride);

#endif
