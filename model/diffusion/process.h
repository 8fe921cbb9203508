/*
 * process.h - the hybrid diffusion process: tokens are absorbed (masked), residuals become Gaussian noise, in one time
 * t from 0 (data) to 1 (noise), cut into T steps.
 *
 * Tokens (absorbing state: Austin et al. 2021, sec. 3.1; as masking with a schedule, Sahoo et al. 2024, eq. 10-11):
 * column c is masked at t with probability m_c(t), which rises from 0 at lo[c] to 1 at hi[c]: m = x (2 - x) at x = (t -
 * lo) / (hi - lo), so that in the reverse process the first tokens of a column show one by one, and decide what kind of
 * window it is before many show at once.  The columns' intervals are staggered, so that the reverse process makes the
 * labels of a window first, on which all else depends, and its structure (which flows ask and which answer), then who
 * asks whom over which ports, then which flow answers which, then sizes: each column is learned given what will be
 * known when it is drawn.  The bound on -log p of a column is the integral of m_c'(t) / m_c(t) times the cross-entropy
 * of its masked tokens.
 *
 * Or (multinomial diffusion: multinomial.h) column c becomes uniform with probability m_c(t), on the same intervals: 1
 * - m_c(t) is kept, so that the reverse process makes things in the same order.  A column of which nothing is kept yet
 * is shown as masked.  What a reply copies from its request is masked as long as any part of rel may be noise; that it
 * is a reply is known from role, which is clean before anything copied shows.
 *
 * Residuals (Ho, Jain, Abbeel 2020, eq. 4): r_t = sqrt(ab(t)) r_0 + sqrt(1 - ab(t)) eps.  The network predicts the
 * noise in the velocity form v = sqrt(ab) eps - sqrt(1 - ab) r_0 (Salimans, Ho 2022, app. D), so that eps = sqrt(1 -
 * ab) r_t + sqrt(ab) v: residuals are standard normal by construction, so the best v without knowledge is 0, and an
 * untrained network does no harm.  Or it predicts the noise itself, as Ho, Jain, Abbeel do.  ab is the cosine schedule
 * (Nichol, Dhariwal 2021, eq. 17) or the linear one (Ho et al.; continuous form of Song et al. 2021, eq. 32) of t /
 * FM_RES_SPAN: residuals are pure noise until their tokens begin to show.
 */
#ifndef FM_MODEL_DIFFUSION_PROCESS_H
#define FM_MODEL_DIFFUSION_PROCESS_H

#include <stdbool.h>

#include "base/rng.h"
#include "model/diffusion/net.h"

#define FM_RES_SPAN 0.35

struct fm_process {
	int T;
	bool cosine;
	bool multinomial; /* tokens become uniform; else they are absorbed */
	bool noise;       /* the network predicts noise; else v */
	double lo[FM_NTOK], hi[FM_NTOK];
};
/* A network with its process and its parameters, which make windows and say how likely they are.  All borrowed. */
struct fm_denoiser {
	const struct fm_net *net;
	const struct fm_process *process;
	const float *p;
};
/* The absorbing process that predicts v.  FM_EINPUT for an unknown schedule. */
int fm_process_init(struct fm_process *pr, int T, const char *schedule, struct fm_error *err) FM_MUST_CHECK;
/* tokens: absorbing or multinomial; prediction: v or noise. */
int fm_process_choose(struct fm_process *pr, const char *tokens, const char *prediction,
		      struct fm_error *err) FM_MUST_CHECK;
double fm_process_mask(const struct fm_process *pr, int c, double t);  /* m_c(t) */
double fm_process_shows(const struct fm_process *pr, int c, double m); /* the time t at which m_c(t) = m */
/* The time at which the step begins that is number `left` from the end, out of `steps`: 0 for left = 0, 1 for left =
 * steps. Two fifths of the steps go to the outline of an absorbing process's window: the relations of its first flows
 * decide what kind of window it is, and flows that show at once are drawn independently, so each step shows more than
 * the one before.  The other steps are even; so are all steps of multinomial, and those on the grid of T. For steps
 * spread by what they decide see Park et al., Jump Your Steps, 2024. */
double fm_process_step(const struct fm_process *pr, int left, int steps);
double fm_process_alpha_bar(const struct fm_process *pr, double t);
double fm_process_before(const struct fm_process *pr, double t); /* the time one step before t, of T steps */
/* Multinomial: what is kept of column c at t and at s < t.  False: nothing happens between them. */
bool fm_process_keep(const struct fm_process *pr, int c, double t, double s, struct fm_keep *keep);

/* A window of data, and how its loss counts. */
struct fm_clean_window {
	const int *vocab;    /* (FM_NTOK) */
	int window;          /* W flows */
	const uint16_t *tok; /* (W, FM_NTOK) */
	const float *res;    /* (W, FM_NRES); NaN: atom */
	double flows;        /* the weights are those of the bound, divided by this */
	double res_share;    /* weighs the residuals' squared error */
};
/* What the network sees of a window at t, and what it should predict: (W,...) arrays. */
struct fm_example {
	uint16_t *tok_in;
	float *res_in;
	float *tok_weight, *v, *v_weight; /* v: velocity or noise */
	struct fm_keep *keep;             /* (FM_NTOK), multinomial; else it may be NULL */
};
void fm_process_corrupt(const struct fm_process *pr, const struct fm_clean_window *x, double t, struct fm_rng *rng,
			const struct fm_example *out);
/* One normal number by Box and Muller 1958, from deterministic functions. */
float fm_rng_normal(struct fm_rng *r);

#endif
