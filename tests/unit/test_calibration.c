/* test_calibration.c - what a network draws comes nearer to what it learned from; nothing of what fewer than k flows
 * have is kept; the same bits for any number of threads and ranks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/diffusion/recalibrate.h"
#include "trainer_fixture.h"

enum { W = SMALL_WINDOW, K = 20, WINDOWS = 200, ROUND = 64 };
static struct small S;
static struct fm_structural_zeros zeros;
static float *weights;

static const double *nats; /* of fm_recalibrate_opts */

static void calibrate_in(struct fm_ranks *ranks, struct fm_calibration *k, uint64_t trained, int threads)
{
	struct fm_denoiser d = {S.net, &S.pr, weights};
	struct fm_recalibrate_opts o = {.seed = 1, .trained = trained, .min_count = K, .nats = nats, .ranks = ranks};
	struct fm_error err = {0};

	assert_int_equal(fm_calibration_new(k, S.codec->vocab, &err), FM_OK);
	assert_int_equal(fm_pool_new(&o.pool, threads, &err), FM_OK);
	assert_int_equal(fm_recalibrate(k, &d, S.codec, &zeros, &S.train, &o, &err), FM_OK);
	fm_pool_free(o.pool);
}

static void calibrate(struct fm_calibration *k, uint64_t trained, int threads)
{
	calibrate_in(NULL, k, trained, threads);
}

/* Half the difference of the shares of column c's tokens, made with k or without and real, over flows that draw it. */
static double off(const struct fm_calibration *k, enum fm_tok c)
{
	struct fm_window_schedule_opts po = {.rows = 4 * WINDOWS * W, .seed = 4, .hours = {0, 24}};
	struct fm_sample_opts o = {.steps = 24, .seed = 9, .calibration = k};
	struct fm_window_schedule p;
	struct fm_error err = {0};
	double share[2][4096] = {{0}}, n[2] = {0}, sum = 0;
	assert_int_equal(fm_window_schedule_make(&p, S.codec, &po, &err), FM_OK);
	uint16_t *tok = calloc(p.n * W * FM_NTOK, sizeof *tok);
	float *res = calloc(p.n * W * FM_NRES, sizeof *res);
	assert_int_equal(fm_sample(&(struct fm_sample_of){{S.net, &S.pr, weights}, S.codec, &zeros, &p},
				   (struct fm_window_range){0, p.n}, &o, &(struct fm_sampled){tok, res}, &err),
			 FM_OK);
	for (int made = 0; made < 2; made++)
		for (size_t r = 0; r < (made ? p.n : S.train.windows) * W; r++) {
			const uint16_t *x = (made ? tok : S.train.tok) + r * FM_NTOK;
			int back, kind = fm_rel_kind(x[FM_T_REL], W, &back);
			if (fm_relation_source(kind, c) >= 0)
				continue;
			share[made][x[c]]++;
			n[made]++;
		}
	for (int v = 0; v < S.codec->vocab[c]; v++)
		sum += fabs(share[0][v] / n[0] - share[1][v] / n[1]) / 2;
	free(tok);
	free(res);
	fm_window_schedule_free(&p);
	return sum;
}

static void what_is_drawn_comes_nearer(void **state)
{
	static const enum fm_tok column[] = {FM_T_ROLE, FM_T_PR, FM_T_DP, FM_T_FLG, FM_T_PKT, FM_T_TD};
	struct fm_calibration k;
	(void)state;
	calibrate(&k, WINDOWS * ROUND, 2);
	for (size_t i = 0; i < sizeof column / sizeof *column; i++) {
		double before = off(NULL, column[i]), after = off(&k, column[i]);
		if (!(after < 0.7 * before))
			fail_msg("%s was off by %.3f and is by %.3f", fm_tok_name[column[i]], before, after);
	}
	fm_calibration_free(&k);
}

static void threads_change_nothing(void **state)
{
	struct fm_calibration one, many;
	(void)state;
	calibrate(&one, WINDOWS * ROUND, 1);
	calibrate(&many, WINDOWS * ROUND, 5);
	for (int c = 0; c < FM_NTOK; c++)
		assert_memory_equal(one.bias[c], many.bias[c],
				    (size_t)one.contexts[c] * (size_t)one.width[c] * sizeof **one.bias);
	fm_calibration_free(&one);
	fm_calibration_free(&many);
}

static void few_windows_teach_nothing(void **state)
{
	struct fm_calibration k;
	(void)state;
	calibrate(&k, 10 * ROUND, 1);
	for (int c = 0; c < FM_NTOK; c++)
		for (int i = 0; i < k.contexts[c] * k.width[c]; i++)
			assert_true(k.bias[c][i] == 0);
	fm_calibration_free(&k);
}

/* Every rank has the calibration that one process has, and no rank makes all windows. */
static void ranks_change_no_bit(void **state)
{
	struct fm_calibration one, k;
	(void)state;
	calibrate(&one, WINDOWS * ROUND, 1);
	json_t *wanted = fm_calibration_json(&one);
	assert_true(json_object_size(wanted) > 2);
	for (int size = 2; size <= 5; size += 3) {
		struct fm_ranks *ranks;
		struct fm_error err = {0};
		int status;
		assert_int_equal(fm_ranks_new(&ranks, size, (uint64_t)64 << 20, &err), FM_OK);
		assert_int_equal(fm_ranks_fork(ranks, &err), FM_OK);
		calibrate_in(ranks, &k, WINDOWS * ROUND, 1);
		json_t *got = fm_calibration_json(&k);
		bool same = json_equal(got, wanted);
		json_decref(got);
		fm_calibration_free(&k);
		if (fm_ranks_rank(ranks) != 0)
			_exit(!same);
		assert_true(same);
		for (int i = 1; i < size; i++) {
			assert_true(waitpid(-1, &status, 0) > 0);
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		}
		fm_ranks_free(ranks);
	}
	json_decref(wanted);
	fm_calibration_free(&one);
}

/* j is refused as damaged there. */
static void refused(const json_t *j, const char *where)
{
	struct fm_calibration k;
	struct fm_error err = {0};
	char wanted[64];

	snprintf(wanted, sizeof wanted, "calibration of %s is damaged", where);
	assert_int_equal(fm_calibration_new(&k, S.codec->vocab, &err), FM_OK);
	assert_int_equal(fm_calibration_refine(&k, S.codec, NULL, 0, &err), FM_OK);
	assert_int_equal(fm_calibration_from_json(&k, j, &err), FM_EINPUT);
	if (!strstr(err.message, wanted))
		fail_msg("%s, and not %s", err.message, wanted);
	fm_calibration_free(&k);
}

static void a_document_keeps_every_bit(void **state)
{
	struct fm_calibration k, back;
	struct fm_error err = {0};
	(void)state;
	calibrate(&k, WINDOWS * ROUND, 2);
	json_t *j = fm_calibration_json(&k);
	assert_int_equal(fm_calibration_new(&back, S.codec->vocab, &err), FM_OK);
	assert_int_equal(fm_calibration_refine(&back, S.codec, NULL, 0, &err), FM_OK);
	assert_int_equal(fm_calibration_from_json(&back, j, &err), FM_OK);
	assert_true(k.nservices > 0 && k.fine[FM_T_FLG] == k.nservices && k.fine[FM_T_SP] > 0);
	assert_memory_equal(k.fine, back.fine, sizeof k.fine);
	for (int c = 0; c < FM_NTOK; c++) {
		assert_memory_equal(k.bias[c], back.bias[c],
				    (size_t)k.contexts[c] * (size_t)k.width[c] * sizeof **k.bias);
		if (k.fine[c] > 0)
			assert_memory_equal(k.fine_bias[c], back.fine_bias[c],
					    (size_t)k.fine[c] * (size_t)k.width[c] * sizeof **k.bias);
	}
	assert_memory_equal(k.joins, back.joins, sizeof k.joins);
	bool any = false;
	for (int kind = 0; kind < FM_NRELATIONS; kind++)
		any |= k.joins[kind] > 0;
	assert_true(any && k.nchains > 0);
	json_t *again = fm_calibration_json(&back);
	assert_true(json_equal(again, j));
	json_decref(again);
	fm_calibration_free(&back);
	fm_calibration_free(&k);

	json_t *damaged = json_deep_copy(j);
	json_object_set_new(json_object_get(damaged, "sp"), "99999", json_array());
	refused(damaged, "sp");
	json_decref(damaged);
	static const char *const places[] = {"services", "outlines", "chains"};
	for (size_t i = 0; i < 3; i++) { /* twice the same, and one behind the last */
		for (int twice = 0; twice < 2; twice++) {
			damaged = json_deep_copy(j);
			json_t *list = json_object_get(damaged, places[i]);
			json_array_insert_new(list, 0, json_integer(twice ? 0 : INT32_MAX));
			if (twice)
				json_array_insert_new(list, 0, json_integer(0));
			refused(damaged, places[i]);
			json_decref(damaged);
		}
	}
	for (int kind = 0; kind <= FM_NRELATIONS; kind++) { /* no share, and one share too few */
		damaged = json_deep_copy(j);
		json_t *joins = json_object_get(damaged, "joins");
		if (kind < FM_NRELATIONS)
			json_array_set_new(joins, (size_t)kind, json_real(kind % 2 ? 1.5 : -0.5));
		else
			json_array_remove(joins, 0);
		refused(damaged, fm_tok_name[FM_T_REL]);
		json_decref(damaged);
	}
	json_decref(j);
}

/* Tokens that fewer than k flows have share one ratio, so that of each of them it says nothing; a context that fewer
 * than k flows have, has none. */
static void what_few_flows_have_is_one(void **state)
{
	int vocab[FM_NTOK] = {[FM_T_ROLE] = FM_ROLE_TOKENS, [FM_T_REL] = FM_REL_TOKENS(W), [FM_T_FLG] = 5};
	static const double real[5] = {60, 30, 19, 3, 0}, made[5] = {30, 60, 1, 9, 40};
	struct fm_calibration k;
	struct fm_tally a, b;
	struct fm_error err = {0};
	(void)state;
	assert_int_equal(fm_calibration_new(&k, vocab, &err), FM_OK);
	assert_int_equal(fm_tally_new(&a, &k, &err), FM_OK);
	assert_int_equal(fm_tally_new(&b, &k, &err), FM_OK);
	for (int v = 0; v < 5; v++) {
		a.n[FM_T_FLG][v] = (uint64_t)(real[v] * FM_TALLY_ONE);
		b.n[FM_T_FLG][v] = (uint64_t)(made[v] * FM_TALLY_ONE);
		a.n[FM_T_FLG][5 + v] = v == 0 ? (K - 1) * (uint64_t)FM_TALLY_ONE : 0;
		b.n[FM_T_FLG][5 + v] = 100 * (uint64_t)FM_TALLY_ONE;
	}
	fm_calibration_learn(&k, &a, &b, K, 1);
	const float *bias = k.bias[FM_T_FLG];
	assert_true(bias[0] > 0.5f && bias[1] < -0.4f);
	assert_true(bias[2] < 0 && bias[2] == bias[3] && bias[3] == bias[4]);
	for (int v = 0; v < 5; v++)
		assert_true(bias[5 + v] == 0);
	fm_tally_free(&a);
	fm_tally_free(&b);
	fm_calibration_free(&k);
}

/* What is frequent in other contexts and has fewer than k flows in this one shares a ratio apart from what is rare
 * everywhere: it is hardly drawn any more, and the rare ones are as they were. */
static void what_is_frequent_elsewhere_is_no_rare_token(void **state)
{
	enum { TOKENS = 6, REST = 3 };
	int vocab[FM_NTOK] = {[FM_T_ROLE] = FM_ROLE_TOKENS, [FM_T_REL] = FM_REL_TOKENS(W), [FM_T_FLG] = TOKENS};
	static const double here[2][TOKENS] = {{500, 0, K - 1, 5, 5, 0}, {400, 60, 60, 5, 5, 0}},
			    there[TOKENS] = {500, 600, 600, 0, 0, 0};
	struct fm_calibration k;
	struct fm_tally t[2];
	struct fm_error err = {0};
	(void)state;
	assert_int_equal(fm_calibration_new(&k, vocab, &err), FM_OK);
	for (int made = 0; made < 2; made++) {
		assert_int_equal(fm_tally_new(&t[made], &k, &err), FM_OK);
		for (int v = 0; v < TOKENS; v++) {
			t[made].n[FM_T_FLG][v] = (uint64_t)here[made][v] * FM_TALLY_ONE;
			t[made].n[FM_T_FLG][TOKENS + v] = (uint64_t)there[v] * FM_TALLY_ONE;
		}
	}
	fm_calibration_learn(&k, &t[0], &t[1], K, 1);
	const float *bias = k.bias[FM_T_FLG];
	assert_true(bias[1] < -1.9f && bias[1] == bias[2]); /* of K - 1 flows nothing is said */
	for (int v = REST; v < TOKENS; v++)
		assert_true(bias[v] == bias[REST] && fabsf(bias[v]) < 0.1f);
	for (int v = 0; v < 2; v++)
		fm_tally_free(&t[v]);
	fm_calibration_free(&k);
}

/* Two services whose flows have different flags; drawn, they have both, each half the time, so that all flows together
 * are right. */
static void services_are_told_apart(void **state)
{
	enum { FLOWS = 200, HTTP, DNS };
	struct fm_num atoms[FM_NRES] = {{0}};
	int64_t port[] = {53, 80, 40000};
	struct fm_codec codec = {.window = W,
				 .vocab = {[FM_T_ROLE] = FM_ROLE_TOKENS,
					   [FM_T_REL] = FM_REL_TOKENS(W),
					   [FM_T_SP] = 3,
					   [FM_T_DP] = 3,
					   [FM_T_FLG] = 2}};
	uint16_t(*tok)[W * FM_NTOK] = calloc(FLOWS, sizeof *tok);
	struct fm_encoded e = {.windows = FLOWS, .tok = tok[0]};
	struct fm_calibration k;
	struct fm_tally real, made;
	struct fm_error err = {0};
	float z[2] = {0, 0}, dns[2] = {0, 0}, http[2] = {0, 0};
	(void)state;
	atoms[0] = (struct fm_num){.natoms = 3, .atom = port, .step = 1};
	codec.num[FM_R_SP] = codec.num[FM_R_DP] = atoms[0];
	for (int i = 0; i < FLOWS; i++)
		for (int row = 0; row < W; row++) {
			uint16_t *flow = tok[i] + row * FM_NTOK;
			flow[FM_T_SP] = 2;
			flow[FM_T_DP] = (uint16_t)(i % 2);
			flow[FM_T_FLG] = (uint16_t)(i % 2);
		}
	assert_int_equal(fm_calibration_new(&k, codec.vocab, &err), FM_OK);
	assert_int_equal(fm_calibration_refine(&k, &codec, &e, K, &err), FM_OK);
	assert_int_equal(k.nservices, 2);
	assert_int_equal(fm_tally_new(&real, &k, &err), FM_OK);
	assert_int_equal(fm_tally_new(&made, &k, &err), FM_OK);
	fm_tally_real(&real, &e, W);
	for (int i = 0; i < FLOWS; i++)
		fm_tally_add(&made, tok[i], 0, W, FM_T_FLG, z);
	fm_calibration_learn(&k, &real, &made, K, 1);
	fm_calibration_apply(&k, tok[0], 0, W, FM_T_FLG, dns);
	fm_calibration_apply(&k, tok[1], 0, W, FM_T_FLG, http);
	assert_true(dns[0] > dns[1] + 0.5f && http[1] > http[0] + 0.5f);
	/* Of a flow whose ports do not show yet nothing is known. */
	tok[0][FM_T_DP] = 3;
	float unknown[2] = {0, 0};
	fm_calibration_apply(&k, tok[0], 0, W, FM_T_FLG, unknown);
	assert_true(fabsf(unknown[0]) < 0.01f && fabsf(unknown[1]) < 0.01f);
	fm_tally_free(&real);
	fm_tally_free(&made);
	fm_calibration_free(&k);
	free(tok);
}

/* The second flow of a window serves as the first does, the third goes any way, and to it is the fourth related, which
 * goes to its service.  Drawn as likely from each, it then joins two ways as often as real flows do: never, or half of
 * the time. */
static void sources_go_the_same_way(void **state)
{
	enum { FLOWS = 200 };
	int vocab[FM_NTOK] = {[FM_T_ROLE] = FM_ROLE_TOKENS, [FM_T_REL] = FM_REL_TOKENS(W)};
	uint16_t(*tok)[W * FM_NTOK] = calloc(FLOWS, sizeof *tok);
	struct fm_encoded e = {.windows = FLOWS, .tok = tok[0]};
	struct fm_error err = {0};
	(void)state;
	for (int joined = 0; joined <= FLOWS / 2; joined += FLOWS / 2) {
		struct fm_calibration k;
		struct fm_tally real, made;
		float z[3];
		uint8_t way[FM_WINDOW_MOST];
		for (int i = 0; i < FLOWS; i++)
			for (int row = 0; row < W; row++) {
				uint16_t *flow = tok[i] + row * FM_NTOK;
				int kind = row == 1   ? FM_RELATION_SERVE
					   : row == 3 ? FM_RELATION_TARGET
						      : FM_RELATION_NONE;
				flow[FM_T_ROLE] = (uint16_t)(4 * kind);
				flow[FM_T_REL] = (uint16_t)fm_rel_token(kind, row == 3 && i < joined ? 2 : 1, W);
			}
		assert_int_equal(fm_calibration_new(&k, vocab, &err), FM_OK);
		assert_int_equal(fm_tally_new(&real, &k, &err), FM_OK);
		fm_tally_real(&real, &e, W);
		for (int round = 0; round < 6; round++) {
			assert_int_equal(fm_tally_new(&made, &k, &err), FM_OK);
			for (int i = 0; i < FLOWS; i++) {
				z[0] = z[1] = z[2] = 0;
				tok[i][3 * FM_NTOK + FM_T_REL] = (uint16_t)FM_REL_TOKENS(W);
				fm_relations_ways(tok[i], W, W, way);
				fm_calibration_chain(&k, tok[i], way, 3, FM_RELATION_TARGET, z);
				fm_tally_add_chain(&made, tok[i], way, 3, FM_RELATION_TARGET, z);
			}
			fm_calibration_learn(&k, &real, &made, K, 1);
			fm_tally_free(&made);
		}
		double joins = exp((double)z[1]) + exp((double)z[2]), share = joins / (joins + exp((double)z[0]));
		if (!(fabs(share - (double)joined / FLOWS) < 0.02))
			fail_msg("%.3f of made flows join two ways, of real ones %.3f", share, (double)joined / FLOWS);
		fm_tally_free(&real);
		fm_calibration_free(&k);
	}
	free(tok);
}

/* A host that one flow draws and others copy is counted as often as flows have it: one host sweeps in windows of K
 * flows and more together, and as many flows that stand alone are of another.  Drawn as likely, each kind has its own
 * host afterwards, though fewer than K flows draw that of the sweeps. */
static void what_is_copied_counts_as_flows(void **state)
{
	enum { HOSTS = 3, SWEEPS = K / W + 1, WINDOWS_ALL = 2 * SWEEPS };
	int64_t port[] = {53, 80};
	struct fm_codec codec = {.window = W,
				 .vocab = {[FM_T_ROLE] = FM_ROLE_TOKENS,
					   [FM_T_REL] = FM_REL_TOKENS(W),
					   [FM_T_SA] = HOSTS,
					   [FM_T_SP] = 2,
					   [FM_T_DP] = 2}};
	uint16_t(*tok)[W * FM_NTOK] = calloc(WINDOWS_ALL, sizeof *tok);
	struct fm_encoded e = {.windows = WINDOWS_ALL, .tok = tok[0]};
	struct fm_calibration k;
	struct fm_tally real, made;
	struct fm_error err = {0};
	float sweep[HOSTS], alone[HOSTS];
	(void)state;
	codec.num[FM_R_SP] = codec.num[FM_R_DP] = (struct fm_num){.natoms = 2, .atom = port, .step = 1};
	for (int i = 0; i < WINDOWS_ALL; i++)
		for (int row = 0; row < W; row++) {
			uint16_t *flow = tok[i] + row * FM_NTOK;
			int kind = i < SWEEPS && row > 0 ? FM_RELATION_SWEEP : FM_RELATION_NONE;
			flow[FM_T_ROLE] = (uint16_t)(4 * kind + (i < SWEEPS && row + 1 < W ? FM_ROLE_FOLLOWED : 0));
			flow[FM_T_REL] = (uint16_t)fm_rel_token(kind, 1, W);
			flow[FM_T_SA] = i < SWEEPS;
		}
	assert_true((int)SWEEPS < (int)K && SWEEPS * W >= K);
	assert_int_equal(fm_calibration_new(&k, codec.vocab, &err), FM_OK);
	assert_int_equal(fm_calibration_refine(&k, &codec, &e, K, &err), FM_OK);
	assert_true(k.nchains == 2);
	assert_int_equal(fm_tally_new(&real, &k, &err), FM_OK);
	fm_tally_real(&real, &e, W);
	for (int round = 0; round < 8; round++) {
		assert_int_equal(fm_tally_new(&made, &k, &err), FM_OK);
		for (int i = 0; i < WINDOWS_ALL; i++)
			for (int row = 0; row < (i < SWEEPS ? 1 : W); row++) {
				float *z = i < SWEEPS ? sweep : alone;
				z[0] = z[1] = z[2] = 0;
				fm_calibration_apply(&k, tok[i], row, W, FM_T_SA, z);
				fm_tally_add(&made, tok[i], row, W, FM_T_SA, z);
			}
		fm_calibration_learn(&k, &real, &made, K, 1);
		fm_tally_free(&made);
	}
	assert_true(sweep[1] > sweep[0] + 2 && sweep[1] > sweep[2] + 2);
	assert_true(alone[0] > alone[1] + 2 && alone[0] > alone[2] + 2);
	fm_tally_free(&real);
	fm_calibration_free(&k);
	free(tok);
}

/* Of two tokens as likely, log 2 nats. */
static void what_is_too_unsure_is_sharpened(void **state)
{
	int vocab[FM_NTOK] = {
	    [FM_T_ROLE] = FM_ROLE_TOKENS, [FM_T_REL] = FM_REL_TOKENS(W), [FM_T_FLG] = 2, [FM_T_STOS] = 2};
	double wanted[FM_NTOK] = {[FM_T_FLG] = 0.4, [FM_T_STOS] = 0.8};
	uint16_t tok[W * FM_NTOK] = {0};
	struct fm_calibration k, back;
	struct fm_tally t;
	struct fm_error err = {0};
	float z[2] = {0, 0};
	(void)state;
	assert_int_equal(fm_calibration_new(&k, vocab, &err), FM_OK);
	assert_int_equal(fm_tally_new(&t, &k, &err), FM_OK);
	for (int i = 0; i < 100; i++) {
		fm_tally_add(&t, tok, 0, W, FM_T_FLG, z);
		fm_tally_add(&t, tok, 0, W, FM_T_STOS, z);
	}
	fm_calibration_sharpen(&k, &t, 100, wanted);
	assert_true(fabs((double)k.sharp[FM_T_FLG] - log(2) / 0.4) < 1e-4);
	assert_true(k.sharp[FM_T_STOS] == 1 && k.sharp[FM_T_ROLE] == 1);
	z[1] = 1;
	fm_calibration_apply(&k, tok, 0, W, FM_T_FLG, z);
	assert_true(z[0] == 0 && z[1] == k.sharp[FM_T_FLG]);
	json_t *j = fm_calibration_json(&k);
	assert_int_equal(fm_calibration_new(&back, vocab, &err), FM_OK);
	assert_int_equal(fm_calibration_from_json(&back, j, &err), FM_OK);
	assert_memory_equal(k.sharp, back.sharp, sizeof k.sharp);
	json_object_set_new(json_object_get(j, "sharpness"), "flg", json_real(7));
	assert_int_equal(fm_calibration_from_json(&back, j, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "calibration of flg is damaged"));
	json_decref(j);
	wanted[FM_T_FLG] = 0.01; /* so far and no further; and it goes back */
	fm_calibration_sharpen(&k, &t, 100, wanted);
	assert_true(k.sharp[FM_T_FLG] == FM_SHARPEST);
	wanted[FM_T_FLG] = 3;
	fm_calibration_sharpen(&k, &t, 100, wanted);
	assert_true(k.sharp[FM_T_FLG] == 1);
	fm_tally_free(&t);
	fm_calibration_free(&k);
	fm_calibration_free(&back);
}

/* Of 100 sweeps 80 have the flags of their source; as likely as not, when they are drawn. */
static void related_flows_are_as_alike_as_they_were(void **state)
{
	enum { SWEEPS = 100, ALIKE = 80 };
	int vocab[FM_NTOK] = {[FM_T_ROLE] = FM_ROLE_TOKENS, [FM_T_REL] = FM_REL_TOKENS(W), [FM_T_FLG] = 2};
	uint16_t tok[SWEEPS][W * FM_NTOK] = {{0}}, *two;
	struct fm_encoded e = {.windows = SWEEPS, .tok = tok[0]};
	struct fm_calibration k, back;
	struct fm_tally real, made;
	struct fm_error err = {0};
	float z[2] = {0, 0};
	(void)state;
	assert_int_equal(fm_calibration_new(&k, vocab, &err), FM_OK);
	assert_int_equal(fm_tally_new(&real, &k, &err), FM_OK);
	assert_int_equal(fm_tally_new(&made, &k, &err), FM_OK);
	for (int i = 0; i < SWEEPS; i++) {
		two = tok[i] + FM_NTOK;
		tok[i][FM_T_ROLE] = FM_ROLE_FOLLOWED;
		two[FM_T_ROLE] = 4 * FM_RELATION_SWEEP;
		two[FM_T_REL] = (uint16_t)fm_rel_token(FM_RELATION_SWEEP, 1, W);
		tok[i][FM_T_FLG] = (uint16_t)(i % 2);
		two[FM_T_FLG] = (uint16_t)(i < ALIKE ? i % 2 : (i + 1) % 2);
	}
	fm_tally_real(&real, &e, W);
	for (int i = 0; i < SWEEPS; i++)
		fm_tally_add(&made, tok[i], 1, W, FM_T_FLG, z);
	fm_calibration_learn(&k, &real, &made, K, 1);
	float same = k.same[FM_T_FLG][FM_RELATION_SWEEP];
	assert_true(fabs((double)same - log(4)) < 0.1);
	assert_true(k.same[FM_T_FLG][FM_RELATION_TARGET] == 0);
	/* Whichever of the two is drawn last, and nothing where none shows. */
	for (int row = 0; row < 2; row++) {
		for (int v = 0; v < 3; v++) {
			float y[2] = {0, 0}, bias[2] = {0, 0};
			tok[0][(1 - row) * FM_NTOK + FM_T_FLG] = 2;
			fm_calibration_apply(&k, tok[0], row, W, FM_T_FLG, bias);
			tok[0][(1 - row) * FM_NTOK + FM_T_FLG] = (uint16_t)v;
			fm_calibration_apply(&k, tok[0], row, W, FM_T_FLG, y);
			for (int x = 0; x < 2; x++)
				assert_true(y[x] == (x == v ? bias[x] + same : bias[x]));
		}
	}
	json_t *j = fm_calibration_json(&k);
	assert_int_equal(fm_calibration_new(&back, vocab, &err), FM_OK);
	assert_int_equal(fm_calibration_from_json(&back, j, &err), FM_OK);
	assert_memory_equal(k.same, back.same, sizeof k.same);
	json_array_set_new(json_object_get(json_object_get(j, "alike"), "flg"), 0, json_real(99));
	assert_int_equal(fm_calibration_from_json(&back, j, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "calibration of flg is damaged"));
	json_decref(j);
	fm_calibration_free(&back);
	/* Of fewer than k that are not alike nothing is said. */
	fm_calibration_free(&k);
	assert_int_equal(fm_calibration_new(&k, vocab, &err), FM_OK);
	fm_calibration_learn(&k, &real, &made, SWEEPS - ALIKE + 1, 1);
	assert_true(k.same[FM_T_FLG][FM_RELATION_SWEEP] == 0);
	fm_tally_free(&real);
	fm_tally_free(&made);
	fm_calibration_free(&k);
}

static void calibration_sharpens_where_it_is_told_to(void **state)
{
	double wanted[FM_NTOK] = {[FM_T_ROLE] = 0.01};
	struct fm_calibration k;
	(void)state;
	nats = wanted;
	calibrate(&k, WINDOWS * ROUND, 2);
	nats = NULL;
	for (int c = 0; c < FM_NTOK; c++)
		assert_true(k.sharp[c] == (c == FM_T_ROLE ? FM_SHARPEST : 1));
	fm_calibration_free(&k);
}

static int setup(void **state)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result r;
	struct fm_error err = {0};
	(void)state;
	fm_log_quiet(1);
	if (small_make(&S, &err) < 0 || small_train(&S, &o, 2, &weights, &r, &err) < 0 ||
	    fm_structural_zeros_fit(&zeros, S.codec->vocab, &S.train, W, K, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(weights);
	fm_structural_zeros_free(&zeros);
	small_free(&S);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_drawn_comes_nearer),
	    cmocka_unit_test(threads_change_nothing),
	    cmocka_unit_test(few_windows_teach_nothing),
	    cmocka_unit_test(ranks_change_no_bit),
	    cmocka_unit_test(a_document_keeps_every_bit),
	    cmocka_unit_test(what_few_flows_have_is_one),
	    cmocka_unit_test(what_is_frequent_elsewhere_is_no_rare_token),
	    cmocka_unit_test(services_are_told_apart),
	    cmocka_unit_test(sources_go_the_same_way),
	    cmocka_unit_test(what_is_copied_counts_as_flows),
	    cmocka_unit_test(what_is_too_unsure_is_sharpened),
	    cmocka_unit_test(related_flows_are_as_alike_as_they_were),
	    cmocka_unit_test(calibration_sharpens_where_it_is_told_to),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
