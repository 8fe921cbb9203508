/* test_multinomial.c - the bound is one and is met by the best there is; what is drawn has the posterior's shares;
 * steps of any number make every token once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/codec/relations.h"
#include "model/diffusion/process.h"

enum { K = 5, T = 9 };

/* What is kept after step t of T: all at 0, nothing at T. */
static double kept(int t)
{
	return t == 0 ? 1 : t == T ? 0 : pow(1 - (double)t / T, 1.3);
}

static struct fm_keep keep_of(int t)
{
	return (struct fm_keep){kept(t), kept(t - 1)};
}

/* Some network: logits of x_0 at step t, given x_t (a mask at the last step). */
static void network(int t, int xt, float z[K])
{
	struct fm_rng r;
	fm_rng_init(&r, 3, FM_RNG_JUDGE, (uint64_t)t, (uint32_t)xt);
	for (int j = 0; j < K; j++)
		z[j] = 1.5f * fm_rng_normal(&r);
}

/* Shares of x_s given x_t by eq. 11 to 14, term by term. */
static void posterior(const struct fm_keep *keep, int xt, const double x0[K], double p[K])
{
	double a = keep->at / keep->before, sum = 0;
	for (int j = 0; j < K; j++) {
		p[j] = (a * (j == xt) + (1 - a) / K) * (keep->before * x0[j] + (1 - keep->before) / K);
		sum += p[j];
	}
	for (int j = 0; j < K; j++)
		p[j] /= sum;
}

static void softmax(const float z[K], double h[K])
{
	double sum = 0;
	for (int j = 0; j < K; j++)
		sum += exp((double)z[j]);
	for (int j = 0; j < K; j++)
		h[j] = exp((double)z[j]) / sum;
}

/* The bound on -log p(x_0), exactly: over all x_t. */
static double bound(int x0, void (*net)(int, int, float[K]))
{
	double sum = 0;
	for (int t = 1; t <= T; t++) {
		struct fm_keep keep = keep_of(t);
		for (int xt = 0; xt < (t == T ? 1 : K); xt++) {
			float z[K], y[K];
			int x = t == T ? K : xt;
			double q = t == T ? 1 : keep.at * (xt == x0) + (1 - keep.at) / K;
			net(t, x, z);
			sum += q * fm_multinomial_loss(fm_kernels(), z, y, K, x0, x, &keep, 1);
		}
	}
	return sum;
}

static void divergence_is_that_of_the_posteriors(void **state)
{
	(void)state;
	for (int t = 1; t <= T; t++)
		for (int x0 = 0; x0 < K; x0++)
			for (int i = 0; i < (t == T ? 1 : K); i++) {
				struct fm_keep keep = keep_of(t);
				float z[K], y[K];
				double h[K], p[K], q[K], one[K] = {0}, kl = 0;
				int xt = t == T ? K : i;
				one[x0] = 1;
				network(t, xt, z);
				softmax(z, h);
				posterior(&keep, xt, h, p);
				posterior(&keep, xt, one, q);
				for (int j = 0; j < K; j++)
					kl += q[j] > 0 ? q[j] * log(q[j] / p[j]) : 0;
				double is = fm_multinomial_loss(fm_kernels(), z, y, K, x0, xt, &keep, 1);
				if (!(fabs(is - kl) <= 2e-6 + 1e-5 * kl))
					fail_msg("step %d, x0 %d, xt %d: %.9g, not %.9g", t, x0, xt, is, kl);
			}
}

/* p(x_0) of the whole chain by summing over all ways, against the bound. */
static void the_bound_is_above_the_likelihood(void **state)
{
	double p[K], sum = 0;
	(void)state;
	for (int t = T; t >= 1; t--) {
		struct fm_keep keep = keep_of(t);
		double next[K] = {0};
		for (int xt = 0; xt < (t == T ? 1 : K); xt++) {
			float z[K];
			double h[K], step[K];
			network(t, t == T ? K : xt, z);
			softmax(z, h);
			posterior(&keep, t == T ? K : xt, h, step);
			for (int j = 0; j < K; j++)
				next[j] += (t == T ? 1 : p[xt]) * step[j];
		}
		memcpy(p, next, sizeof p);
	}
	for (int x0 = 0; x0 < K; x0++) {
		double b = bound(x0, network);
		assert_true(b > -log(p[x0]));
		assert_true(b < -log(p[x0]) + 3);
		sum += p[x0];
	}
	assert_true(fabs(sum - 1) < 1e-9);
}

static const double shares[K] = {0.5, 0.2, 0.15, 0.1, 0.05};

static void knows_the_shares(int t, int xt, float z[K])
{
	(void)t, (void)xt;
	for (int j = 0; j < K; j++)
		z[j] = (float)log(shares[j]);
}

static void the_best_network_meets_the_entropy(void **state)
{
	double sum = 0, entropy = 0;
	(void)state;
	for (int x0 = 0; x0 < K; x0++) {
		sum += shares[x0] * bound(x0, knows_the_shares);
		entropy -= shares[x0] * log(shares[x0]);
	}
	if (!(fabs(sum - entropy) < 1e-5))
		fail_msg("the bound is %.9g, the entropy %.9g", sum, entropy);
}

static void draws_have_the_posterior_s_shares(void **state)
{
	enum { N = 20000 };
	struct fm_rng r;
	(void)state;
	fm_rng_init(&r, 8, FM_RNG_JUDGE, 0, 0);
	for (int t = 1; t <= T; t += 2)
		for (int i = 0; i < (t == T ? 1 : K); i++) {
			struct fm_keep keep = keep_of(t);
			float z[K], logit[K];
			double h[K], p[K], n[K] = {0}, chi2 = 0;
			int xt = t == T ? K : i;
			network(t, xt, logit);
			softmax(logit, h);
			posterior(&keep, xt, h, p);
			for (int k = 0; k < N; k++) {
				memcpy(z, logit, sizeof z);
				n[fm_multinomial_draw(fm_kernels(), z, K, xt, &keep, fm_rng_uniform(&r))]++;
			}
			for (int j = 0; j < K; j++)
				chi2 += (n[j] - N * p[j]) * (n[j] - N * p[j]) / (N * p[j]);
			assert_true(chi2 < 25); /* 4 degrees of freedom: one in 20,000 */
		}
}

static void an_excluded_value_is_never_drawn(void **state)
{
	const struct fm_keep keep = {0.9, 1};
	(void)state;
	for (int i = 0; i < 1000; i++) {
		float z[K] = {-1e30f, 0, -1e30f, 1, -1e30f};
		int j = fm_multinomial_draw(fm_kernels(), z, K, i % (K + 1), &keep, (float)i / 1000);
		assert_true(j == 1 || j == 3);
	}
}

/* ---- the schedule ---- */

/* Between 1 and 0 a token of each column shows once, in however many steps: so often it counts. */
static void every_token_counts_once(void **state)
{
	enum { W = 256 };
	static const int steps[] = {2, 3, 7, 50, 100, 333, 1000};
	static uint16_t tok[W * FM_NTOK], in[W * FM_NTOK];
	static float res[W * FM_NRES], res_in[W * FM_NRES], tw[W * FM_NTOK], v[W * FM_NRES], vw[W * FM_NRES];
	struct fm_keep keep[FM_NTOK];
	int vocab[FM_NTOK];
	struct fm_error err;
	(void)state;
	for (int c = 0; c < FM_NTOK; c++)
		vocab[c] = 4;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		double times[FM_NTOK] = {0};
		struct fm_process pr;
		struct fm_rng r;
		fm_rng_init(&r, 5, FM_RNG_JUDGE, i, 0);
		assert_int_equal(fm_process_init(&pr, steps[i], "cosine", &err), FM_OK);
		for (int t = 1; t <= pr.T; t++) {
			struct fm_clean_window clean = {vocab, W, tok, res, W, 0.2};
			struct fm_example ex = {in, res_in, tw, v, vw, keep};
			fm_process_corrupt(&pr, &clean, (double)t / pr.T, &r, &ex);
			for (int j = 0; j < W * FM_NTOK; j++)
				times[j % FM_NTOK] += (double)tw[j] / pr.T;
		}
		for (int c = 0; c < FM_NTOK; c++)
			if (!(times[c] > 0.8 && times[c] < 1.25))
				fail_msg("T %d: a token of %s counts %g times", pr.T, fm_tok_name[c], times[c]);
	}
}

/* Nothing is kept at the end, all at the beginning; the steps of a column hang together and none is left out. */
static void nothing_is_kept_at_the_end(void **state)
{
	static const int steps[] = {2, 3, 7, 1000};
	struct fm_error err;
	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct fm_process pr;
		assert_int_equal(fm_process_init(&pr, steps[i], "linear", &err), FM_OK);
		assert_int_equal(fm_process_choose(&pr, "multinomial", "noise", &err), FM_OK);
		for (int c = 0; c < FM_NTOK; c++) {
			double before = 1;
			for (int t = 1; t <= pr.T; t++) {
				struct fm_keep keep;
				bool moves = fm_process_keep(&pr, c, (double)t / pr.T,
							     fm_process_before(&pr, (double)t / pr.T), &keep);
				assert_true(keep.before == before && keep.at <= before);
				assert_true(moves || keep.at == before);
				before = keep.at;
			}
			assert_true(before == 0);
		}
		assert_int_equal(fm_process_choose(&pr, "gaussian", "v", &err), FM_EINPUT);
		assert_non_null(strstr(err.message, "model.process"));
		assert_int_equal(fm_process_choose(&pr, "absorbing", "x0", &err), FM_EINPUT);
		assert_non_null(strstr(err.message, "model.prediction"));
	}
}

/* Uniform noise comes in the shares that the schedule says; what a reply copies is masked until rel is clean, and then
 * copied. */
static void noise_comes_in_its_shares(void **state)
{
	enum { W = 64, ROUNDS = 200, V = 4 };
	static uint16_t tok[W * FM_NTOK], in[W * FM_NTOK];
	static float res[W * FM_NRES], res_in[W * FM_NRES], tw[W * FM_NTOK], v[W * FM_NRES], vw[W * FM_NRES];
	static const double times[] = {0.02, 0.1, 0.3, 0.4, 0.6, 0.8, 0.95};
	struct fm_keep keep[FM_NTOK];
	int vocab[FM_NTOK];
	struct fm_process pr;
	struct fm_error err;
	struct fm_rng r;
	(void)state;
	fm_rng_init(&r, 5, FM_RNG_JUDGE, 0, 0);
	assert_int_equal(fm_process_init(&pr, 1000, "cosine", &err), FM_OK);
	assert_int_equal(fm_process_choose(&pr, "multinomial", "v", &err), FM_OK);
	for (int c = 0; c < FM_NTOK; c++)
		vocab[c] = c == FM_T_REL ? FM_REL_TOKENS(W) : V;
	for (int i = 0; i < W; i++) {
		tok[i * FM_NTOK + FM_T_REL] = i % 4 == 3;
		tok[i * FM_NTOK + FM_T_SA] = tok[i * FM_NTOK + FM_T_SP] = (uint16_t)(i % 3);
	}
	fm_relations_copy(tok, res, W);
	for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
		double t = times[k], same[FM_NTOK] = {0}, n[FM_NTOK] = {0};
		for (int round = 0; round < ROUNDS; round++) {
			struct fm_clean_window clean = {vocab, W, tok, res, W, 0.2};
			struct fm_example ex = {in, res_in, tw, v, vw, keep};
			fm_process_corrupt(&pr, &clean, t, &r, &ex);
			for (int i = 0; i < W; i++)
				for (int c = 0; c < FM_NTOK; c++) {
					int y = in[i * FM_NTOK + c], x = tok[i * FM_NTOK + c];
					double m = fm_process_mask(&pr, c, t);
					bool copied = fm_relation_source(FM_RELATION_REPLY, c) >= 0 && i % 4 == 3,
					     none = copied ? t > pr.lo[FM_T_REL] : m >= 1;
					/* A reply shows what its request shows, noise and all. */
					int source =
					    copied && !none
						? in[(i - 1) * FM_NTOK + fm_relation_source(FM_RELATION_REPLY, c)]
						: y;
					if (c == FM_T_DIR && copied && source < 4)
						source = (source & 1) << 1 | source >> 1;
					assert_int_equal(y, source);
					if (none ? y != vocab[c] : !copied && y >= vocab[c])
						fail_msg("t %g, row %d: %s is %d of %d", t, i, fm_tok_name[c], y,
							 vocab[c]);
					assert_true((tw[i * FM_NTOK + c] > 0) ==
						    (!copied && m > 0 && keep[c].before > 0));
					if (!none && !copied) {
						same[c] += y == x;
						n[c]++;
					}
				}
		}
		for (int c = 0; c < FM_NTOK; c++) {
			double m = fm_process_mask(&pr, c, t), p = 1 - m + m / vocab[c];
			if (n[c] > 0 && !(fabs(same[c] / n[c] - p) < 5 * sqrt(0.25 / n[c])))
				fail_msg("t %g: %s is kept %g of the time, not %g", t, fm_tok_name[c], same[c] / n[c],
					 p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(divergence_is_that_of_the_posteriors), cmocka_unit_test(the_bound_is_above_the_likelihood),
	    cmocka_unit_test(the_best_network_meets_the_entropy),   cmocka_unit_test(draws_have_the_posterior_s_shares),
	    cmocka_unit_test(an_excluded_value_is_never_drawn),     cmocka_unit_test(every_token_counts_once),
	    cmocka_unit_test(nothing_is_kept_at_the_end),           cmocka_unit_test(noise_comes_in_its_shares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
