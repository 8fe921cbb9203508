/*
 * marginals.h - flows from noisy counts: differential privacy without a network.
 *
 *     records.h   flows -> exchanges, one of which is added or removed between neighbouring traces
 *     domains.h   exchanges -> categorical attributes over domains that noisy counts have refined
 *     tables.h    noisy one- and two-way tables, made consistent
 *     synth.h     tables -> encoded records, by gradual updates
 *     flows.h     encoded records -> flows
 *
 * Every number taken from the records goes through privacy/counts.h; its charges are what the model costs.  All that
 * comes after, the model and what is sampled from it, is post-processing.
 */
#ifndef FM_MODEL_MARGINALS_MARGINALS_H
#define FM_MODEL_MARGINALS_MARGINALS_H

#include "model/marginals/flows.h"

struct fm_marginals;
/* Hooks of an audit (planted.h): called with each histogram of the domains, and with the model while its tables are
 * still noisy counts, before estimates are made of them. */
struct fm_marginals_watch {
	void *ctx;
	void (*answer)(void *ctx, const char *name, const int64_t *noisy, size_t n);
	int (*measured)(void *ctx, const struct fm_marginals *m, const struct fm_domain_opts *o,
			const struct fm_charges *charges, struct fm_error *err);
};
struct fm_marginals_opts {
	double mu; /* of all Gaussian counts together: a continuous Gaussian of sensitivity 1 and deviation 1 / mu */
	double vocabulary; /* share of mu^2 for the domains, the rest for the tables; 0: by the weights of both */
	double key_delta;  /* delta of each of the two lists of hosts */
	bool replaced;     /* neighbouring traces differ in one exchange replaced, not one more or less */
	/* The most exchanges of two hosts in a slot that are kept; as many may change at once, and the thresholds of
	 * the lists are set for that many.  mu still counts one exchange.  0: no windows, all are kept. */
	unsigned window;
	const struct fm_secret *key; /* key of the noise */
	int64_t first_ms, last_ms;   /* public: when the trace begins and ends */
	const char *const *label;    /* public */
	int nlabels;
	bool (*inside)(const void *ctx, uint32_t ip); /* public */
	const void *ctx;
	int64_t step_ms; /* public: te is a multiple of it */
	struct fm_pool *pool;
	const struct fm_marginals_watch *watch; /* set in an audit only, else NULL */
};
struct fm_marginals {
	struct fm_domains domains;
	struct fm_tables tables;
	char *label[FM_LABELS_MAX];
	struct fm_charges charges;
	double flows_per_record;
	int64_t step_ms;
	unsigned present;
};
/* mu of (epsilon, delta): the greatest for which the Gaussian mechanism is (epsilon, delta) private (Balle, Wang 2018,
 * theorem 8). */
double fm_marginals_mu(double epsilon, double delta);
/* How a fit cuts flows into exchanges; refers to o's labels.  What is not of o's period is left out. */
struct fm_record_opts fm_marginals_cut(const struct fm_marginals_opts *o);
int fm_marginals_fit(struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
		     struct fm_error *err) FM_MUST_CHECK;
struct fm_marginals_sample_in {
	uint64_t rows, seed;
	const struct fm_range *inside, *outside;
	int ninside, noutside, rounds;
	struct fm_pool *pool;
};
int fm_marginals_sample(struct fm_table **table, const struct fm_marginals *m, const struct fm_marginals_sample_in *in,
			struct fm_error *err) FM_MUST_CHECK;
/* The two halves of fm_marginals_sample, for callers that make records in another way: records needed for a number of
 * rows, and their flows.
 */
size_t fm_marginals_records(const struct fm_marginals *m, uint64_t rows);
int fm_marginals_flows(struct fm_table **table, const struct fm_marginals *m, const struct fm_synth *s,
		       const struct fm_marginals_sample_in *in, struct fm_error *err) FM_MUST_CHECK;
/* The exchanges of a table as the model's records, private: *tok (*n, FM_NATTRS), wiped and freed by the caller.  o:
 * the options of the model's fit. */
int fm_marginals_encode(const struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
			uint16_t **tok, size_t *n, struct fm_error *err) FM_MUST_CHECK;
/* All that sampling needs, in one file, without addresses and charges.  A loaded model's charges are empty. FM_EINPUT
 * for a file that is incomplete or has impossible contents. */
int fm_marginals_save(const struct fm_marginals *m, const char *path, struct fm_error *err) FM_MUST_CHECK;
int fm_marginals_load(struct fm_marginals *m, const char *path, struct fm_error *err) FM_MUST_CHECK;
void fm_marginals_free(struct fm_marginals *m);

#endif
