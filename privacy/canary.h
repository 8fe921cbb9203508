/*
 * canary.h - how much each canary looks as if it had been counted: scores from noisy counts.
 *
 * The auditor is the strongest that a claim must withstand (Nasr et al., "Adversary instantiation", S&P 2021): it knows
 * everything about the private records except which canaries are in, and sees every noisy count.  A count less the
 * known records is canaries and noise: in cell c of answer k, with x_i = in_i - 1/2 and m_c canaries that would be
 * counted there,
 *
 *     r = noisy - known - m_c / 2 = sum of x_i over the canaries of the cell + noise of variance v_k
 *
 * Where a canary that is out leaves another record, which is counted in a cell of its own, x_i is taken off there, and
 * m_c counts both.  The scores are the best linear estimates of x, whose variance is 1/4:  (H + 4 I) x = b,  b_i the
 * sum of r / v_k over the cells of i, the other record's with the opposite sign, and H_ij that of 1 / v_k over the
 * cells that i and j share, the sign opposite where one of them is there as the other record.  The auditor does not
 * believe the claim: v_k is the variance over the cells in which no canary can be, where that is below the stated one,
 * so that noise that was never drawn is noticed.  It does not believe either that noise is new each time: it remembers
 * the noise of the run before, and takes it off where it comes again.
 *
 *     fm_canary_open(&s, m, &memory, err);            memory: zeroed, of all runs of an audit
 *     for each answer: fm_canary_add(s, &answer, in, err);
 *     fm_canary_scores(s, score, err);
 *     fm_canary_close(s);
 *
 * in[] is used only for the memory: to find the noise of this run's answers for the next run, which has tosses of its
 * own.
 */
#ifndef FM_PRIVACY_CANARY_H
#define FM_PRIVACY_CANARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_NO_CELL UINT32_MAX
#define FM_CANARY_ANSWERS 128

struct fm_canary_memory {
	size_t n;
	struct {
		char name[64];
		size_t ncells;
		double *noise; /* (ncells) */
	} answer[FM_CANARY_ANSWERS];
};
void fm_canary_forget(struct fm_canary_memory *m);

/* The canaries of one run of an audit: exchanges that could exist but do not, some of which are among the flows of a
 * fit.  Each is between two hosts that no other flow has.  All tables have one dictionary of addresses. */
struct fm_planted {
	size_t n, each;                /* canary i is the rows i * each ... i * each + each - 1 of */
	const struct fm_table *canary; /* (n * each) */
	/* (n * each): likewise what is among the flows where canary i is out; NULL: nothing is. */
	const struct fm_table *instead;
	const struct fm_table *known;    /* the flows of the fit that are none of these */
	const uint8_t *in;               /* (n): is canary i among the flows? */
	struct fm_canary_memory *memory; /* of the audit's runs before */
};

struct fm_canary_answer {
	const char *name;
	size_t ncells;
	double sigma;         /* standard deviation of the noise, as charged */
	const double *noisy;  /* (ncells) */
	const double *known;  /* (ncells): counts without any canary or what is left of one */
	const uint32_t *cell; /* (m): where canary i is counted when it is in, or FM_NO_CELL */
	/* (m): where what is left of it is counted when it is out, or FM_NO_CELL; NULL: nothing is left of any.  Both
	 * may be one cell, which then tells nothing of it. */
	const uint32_t *other;
};

struct fm_canary_scorer;
int fm_canary_open(struct fm_canary_scorer **c, size_t m, struct fm_canary_memory *memory,
		   struct fm_error *err) FM_MUST_CHECK;
int fm_canary_add(struct fm_canary_scorer *c, const struct fm_canary_answer *a, const uint8_t *in,
		  struct fm_error *err) FM_MUST_CHECK;
int fm_canary_scores(const struct fm_canary_scorer *c, double *score,
		     struct fm_error *err) FM_MUST_CHECK; /* score: (m) */
void fm_canary_close(struct fm_canary_scorer *c);

#endif
