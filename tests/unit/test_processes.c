/* test_processes.c - every process, prediction, sampler and order, with every denoiser: it learns, and what it makes
 * obeys what flows obey; the same bits for any number of threads; what goes together with nothing is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/codec/decode.h"
#include "model/codec/relations.h"
#include "model/diffusion/sampler.h"
#include "trainer_fixture.h"

enum { W = SMALL_WINDOW, ROWS = 400 };
static struct small S;
static struct fm_structural_zeros zeros;
static struct fm_window_schedule schedule;

struct made {
	uint16_t *tok;
	float *res;
};

static int make(const struct fm_net *net, const struct fm_process *pr, const float *p, const struct fm_sample_opts *o,
		int threads, struct made *m, struct fm_error *err)
{
	struct fm_pool *pool = NULL;
	m->tok = calloc(schedule.n * W * FM_NTOK, sizeof *m->tok);
	m->res = calloc(schedule.n * W * FM_NRES, sizeof *m->res);
	int ret = fm_pool_new(&pool, threads, err);
	struct fm_sample_opts pooled = *o;
	pooled.pool = pool;
	if (ret == FM_OK)
		ret = fm_sample(&(struct fm_sample_of){{net, pr, p}, S.codec, &zeros, &schedule},
				(struct fm_window_range){0, schedule.n}, &pooled, &(struct fm_sampled){m->tok, m->res},
				err);
	fm_pool_free(pool);
	return ret;
}

static void made_free(struct made *m)
{
	free(m->tok);
	free(m->res);
}

/* Does flow x, related in a way `kind` to the one k places before, have both its ports, one of them drawn by both? Then
 * it were the same 5-tuple again. */
static bool has_its_sources_ports(const uint16_t *x, int kind, int k)
{
	const uint16_t *source = x - k * FM_NTOK;
	int c = kind == FM_RELATION_SOURCE ? FM_T_DP : FM_T_SP, back;
	if (kind != FM_RELATION_SOURCE && kind != FM_RELATION_TARGET)
		return false;
	return x[c] == source[c] && x[c] < S.codec->num[c == FM_T_DP ? FM_R_DP : FM_R_SP].natoms &&
	       fm_relation_source(fm_rel_kind(source[FM_T_REL], W, &back), c) < 0;
}

/* Tokens are of their vocabulary; a flow is related to an earlier one to which no other is in that way, and shares with
 * it what it should; addresses lie on the side that dir says; no excluded pair. */
static void check_rows(const char *what, const struct made *m)
{
	const int *vocab = S.codec->vocab;
	size_t replies = 0, pairs = 0, same_ports = 0, related = 0, twice = 0;
	for (size_t w = 0; w < schedule.n; w++) {
		bool taken[FM_NRELATIONS][W] = {{false}}, followed[W] = {false};
		uint16_t before[W * FM_NTOK];
		float res[W * FM_NRES];
		for (int i = 0; i < W; i++) {
			const uint16_t *x = m->tok + (w * W + (size_t)i) * FM_NTOK;
			for (int c = 0; c < FM_NTOK; c++)
				if (vocab[c] > 1 ? x[c] >= vocab[c] : x[c] != 0)
					fail_msg("%s: window %zu, row %d: %s is %d of %d", what, w, i, fm_tok_name[c],
						 x[c], vocab[c]);
			for (int k = 0; k < FM_NRES; k++)
				assert_true(isfinite(m->res[(w * W + (size_t)i) * FM_NRES + (size_t)k]));
			int k, before_that, kind = fm_rel_kind(x[FM_T_REL], W, &k);
			assert_true(k <= i);
			assert_int_equal(kind, FM_ROLE_RELATION(x[FM_T_ROLE]));
			if (k > 0) {
				assert_false(taken[kind][i - k]);
				taken[kind][i - k] = true;
				twice += kind != FM_RELATION_REPLY && followed[i - k];
				related += kind != FM_RELATION_REPLY;
				followed[i - k] |= kind != FM_RELATION_REPLY;
				/* Nothing replies to a reply. */
				assert_true(kind != FM_RELATION_REPLY ||
					    fm_rel_kind((x - k * FM_NTOK)[FM_T_REL], W, &before_that) != kind);
				replies += kind == FM_RELATION_REPLY;
				same_ports += S.pr.multinomial ? 0 : has_its_sources_ports(x, kind, k);
			}
			for (int p = 0; p < FM_NPAIRS; p++) {
				int a = fm_pair[p][0], b = fm_pair[p][1];
				bool mirrored = fm_relation_source(kind, a) >= 0 && fm_relation_source(kind, b) >= 0;
				if (zeros.out[p] && !mirrored && zeros.out[p][(size_t)x[a] * (size_t)vocab[b] + x[b]])
					pairs++;
			}
			if (k == 0 && vocab[FM_T_DIR] > 1) {
				assert_true(fm_address_sides(S.codec, x[FM_T_SA]) &
					    (x[FM_T_DIR] & 1 ? 1 << FM_SIDE_INSIDE : 1));
				assert_true(fm_address_sides(S.codec, x[FM_T_DA]) &
					    (x[FM_T_DIR] & 2 ? 1 << FM_SIDE_INSIDE : 1));
			}
		}
		for (int i = 0; i < W; i++) { /* roles say what the relations are */
			int role = m->tok[(w * W + (size_t)i) * FM_NTOK + FM_T_ROLE];
			assert_int_equal((role & FM_ROLE_ANSWERED) != 0, taken[FM_RELATION_REPLY][i]);
			assert_int_equal((role & FM_ROLE_FOLLOWED) != 0, followed[i]);
		}
		memcpy(before, m->tok + w * W * FM_NTOK, sizeof before);
		memcpy(res, m->res + w * W * FM_NRES, sizeof res);
		fm_relations_copy(before, res, W);
		assert_memory_equal(before, m->tok + w * W * FM_NTOK, sizeof before);
		assert_memory_equal(res, m->res + w * W * FM_NRES, sizeof res);
	}
	if (10 * twice > related)
		fail_msg("%s: %zu of %zu flows are related to one that another is related to", what, twice, related);
	if (replies < schedule.n / 4 || pairs > 0 || same_ports > 0)
		fail_msg(
		    "%s: %zu replies in %zu windows, %zu excluded pairs, %zu flows with both ports of their source",
		    what, replies, schedule.n, pairs, same_ports);
}

static void decodes(const struct made *m)
{
	static const struct fm_range in = {10u << 24, 8}, out = {240u << 24, 4};
	struct fm_decode_opts o = {.rows = ROWS, .seed = 1, .fresh = {{&out, 1}, {&in, 1}}};
	struct fm_table *t;
	struct fm_error err = {0};
	if (fm_decode(&t, S.codec, &schedule, m->tok, m->res, &o, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(t->rows, ROWS);
	for (size_t i = 0; i < t->rows; i++)
		assert_true(t->pkt[i] >= 1 && t->byt[i] >= t->pkt[i] && t->sa[i] != t->da[i]);
	fm_table_free(t);
}

static const struct fm_sample_opts samplers[] = {
    {.steps = 20, .solver = FM_DDIM, .seed = 2},
    {.steps = 20, .solver = FM_DPM2, .seed = 2},
    {.steps = 100, .solver = FM_ANCESTRAL, .seed = 2},
    {.steps = 1, .solver = FM_DPM2, .seed = 2, .guidance = 0.5},
    {.steps = 3, .solver = FM_DDIM, .seed = 2},
    {.steps = 20, .solver = FM_DDIM, .seed = 2, .confident = true},
    {.steps = 1, .solver = FM_DDIM, .seed = 2, .confident = true},
};

static void every_one_learns_and_makes_flows(const char *denoiser, const char *tokens, const char *prediction,
					     const char *noise)
{
	struct fm_arch a = {W, 32, 1, 2, 64};
	struct fm_net *net, *usual = S.net;
	struct fm_process pr_usual = S.pr;
	struct fm_train_opts o = small_opts();
	struct fm_train_result begin, end;
	struct fm_error err = {0};
	float *ema;
	char what[120];

	assert_int_equal(fm_net_new(&net, denoiser, &a, S.codec->vocab, S.codec->roles.nhosts, &err), FM_OK);
	S.net = net;
	assert_int_equal(fm_process_init(&S.pr, 100, noise, &err), FM_OK);
	assert_int_equal(fm_process_choose(&S.pr, tokens, prediction, &err), FM_OK);
	o.steps = 1;
	o.rate = 1e-12;
	assert_int_equal(small_train(&S, &o, 2, &ema, &begin, &err), FM_OK);
	free(ema);
	o.steps = 150;
	o.rate = 4e-3;
	assert_int_equal(small_train(&S, &o, 2, &ema, &end, &err), FM_OK);
	print_message("%s, %s, %s, %s: %.2f nats a flow before, %.2f after\n", denoiser, tokens, prediction, noise,
		      begin.validation, end.validation);
	assert_true(end.validation < 0.8 * begin.validation);
	for (int c = 0; c < FM_NTOK; c++)
		assert_true(end.column[c] >= 0);
	for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
		struct made m, again;
		if (samplers[i].confident && S.pr.multinomial)
			continue;
		snprintf(what, sizeof what, "%s, %s, %s, sampler %zu", denoiser, tokens, prediction, i);
		assert_int_equal(make(net, &S.pr, ema, &samplers[i], 1, &m, &err), FM_OK);
		check_rows(what, &m);
		decodes(&m);
		assert_int_equal(make(net, &S.pr, ema, &samplers[i], 7, &again, &err), FM_OK);
		assert_memory_equal(m.tok, again.tok, schedule.n * W * FM_NTOK * sizeof *m.tok);
		assert_memory_equal(m.res, again.res, schedule.n * W * FM_NRES * sizeof *m.res);
		made_free(&m);
		made_free(&again);
	}
	free(ema);
	fm_net_free(net);
	S.net = usual;
	S.pr = pr_usual;
}

static void transformer(void **state)
{
	(void)state;
	every_one_learns_and_makes_flows("transformer", "absorbing", "v", "linear");
	every_one_learns_and_makes_flows("transformer", "absorbing", "noise", "cosine");
	every_one_learns_and_makes_flows("transformer", "multinomial", "v", "cosine");
	every_one_learns_and_makes_flows("transformer", "multinomial", "noise", "linear");
}

static void unet(void **state)
{
	(void)state;
	every_one_learns_and_makes_flows("unet", "absorbing", "noise", "linear");
	every_one_learns_and_makes_flows("unet", "multinomial", "v", "cosine");
}

static void mlp(void **state)
{
	(void)state;
	every_one_learns_and_makes_flows("mlp", "absorbing", "noise", "cosine");
	every_one_learns_and_makes_flows("mlp", "multinomial", "noise", "linear");
}

/* Weights and windows by the kernels of each kind of processor that this one runs, and with any number of threads. */
static void multinomial_depends_on_neither_threads_nor_processor(void **state)
{
	const struct fm_kernels *best = fm_kernels(), *sets[] = {best, best, best, &fm_kernels_v3, &fm_kernels_v1};
	static const int threads[] = {1, 2, 7, 2, 2};
	struct fm_process usual = S.pr;
	struct fm_train_opts o = small_opts();
	struct fm_train_result r;
	struct fm_error err = {0};
	struct made first = {0}, m;
	float *p = NULL, *q;
	(void)state;
	assert_int_equal(fm_process_choose(&S.pr, "multinomial", "noise", &err), FM_OK);
	o.steps = 3;
	for (int i = 0; i < 5; i++) {
		if (sets[i] == &fm_kernels_v3 && best == &fm_kernels_v1)
			continue;
		S.net->k = sets[i];
		assert_int_equal(small_train(&S, &o, threads[i], &q, &r, &err), FM_OK);
		assert_int_equal(make(S.net, &S.pr, q, &samplers[1], threads[i], &m, &err), FM_OK);
		if (i == 0) {
			p = q;
			first = m;
			continue;
		}
		assert_memory_equal(p, q, S.net->layout.nfloats * 4);
		assert_memory_equal(first.tok, m.tok, schedule.n * W * FM_NTOK * sizeof *m.tok);
		assert_memory_equal(first.res, m.res, schedule.n * W * FM_NRES * sizeof *m.res);
		free(q);
		made_free(&m);
	}
	free(p);
	made_free(&first);
	S.net->k = best;
	S.pr = usual;
}

/* Wanted shares of labels come out as the schedule says, window by window, whatever the network thinks. */
static void labels_fill_their_budget(void **state)
{
	struct fm_window_schedule usual = schedule;
	struct fm_window_schedule_opts po = {
	    .rows = ROWS, .seed = 4, .hours = {0, 24}, .nlabels = 2, .label = {0, 1}, .share = {0.7, 0.3}};
	int classes = S.net->nclasses;
	float *p = calloc(S.net->layout.nfloats, 4);
	struct fm_error err = {0};
	(void)state;
	assert_true(S.codec->vocab[FM_T_LABEL] > 1);
	fm_layout_init(&S.net->layout, p, 4);
	if (fm_window_schedule_make(&schedule, S.codec, &po, &err) < 0)
		fail_msg("%s", err.message);
	for (int multinomial = 0; multinomial < 2; multinomial++)
		for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
			struct fm_process pr;
			struct made m;
			int right = 0;
			if (samplers[i].confident && multinomial)
				continue;
			assert_int_equal(fm_process_init(&pr, 100, "cosine", &err), FM_OK);
			pr.multinomial = multinomial;
			assert_int_equal(make(S.net, &pr, p, &samplers[i], 2, &m, &err), FM_OK);
			for (size_t w = 0; w < schedule.n; w++) {
				int n[FM_MAXCLASSES] = {0};
				for (size_t r = 0; r < W; r++)
					n[m.tok[(w * W + r) * FM_NTOK + FM_T_LABEL]]++;
				for (int l = 0; l < classes; l++)
					right += n[l] == schedule.budget[w * (size_t)classes + (size_t)l];
			}
			assert_int_equal(right, (int)schedule.n * classes);
			made_free(&m);
		}
	free(p);
	fm_window_schedule_free(&schedule);
	schedule = usual;
}

static void refused(const struct fm_process *pr, const struct fm_sample_opts *o, const char *words)
{
	struct fm_error err = {0};
	struct made m;
	float *p = calloc(S.net->layout.nfloats, 4);
	assert_int_equal(make(S.net, pr, p, o, 1, &m, &err), FM_EINPUT);
	if (!strstr(err.message, words))
		fail_msg("'%s' does not say '%s'", err.message, words);
	made_free(&m);
	free(p);
}

static void what_does_not_go_together_is_refused(void **state)
{
	struct fm_process pr, uniform;
	struct fm_error err;
	(void)state;
	for (int T = -1; T < 2; T++)
		assert_int_equal(fm_process_init(&pr, T, "cosine", &err), FM_EINPUT);
	assert_int_equal(fm_process_init(&pr, 10, "cosine", &err), FM_OK);
	uniform = pr;
	uniform.multinomial = true;
	for (int solver = FM_DDIM; solver <= FM_DPM2; solver++) {
		refused(&pr, &(struct fm_sample_opts){.steps = 0, .solver = (enum fm_solver)solver},
			"generate.steps is 0");
		refused(&pr, &(struct fm_sample_opts){.steps = 11, .solver = (enum fm_solver)solver},
			"generate.steps is 11: give 1 to model.steps (10)");
	}
	refused(&pr, &(struct fm_sample_opts){.steps = 9, .solver = FM_ANCESTRAL}, "all 10 steps");
	refused(&pr, &(struct fm_sample_opts){.steps = 10, .solver = FM_ANCESTRAL, .confident = true},
		"generate.order");
	refused(&uniform, &(struct fm_sample_opts){.steps = 5, .confident = true}, "generate.order");
}

/* The first step shows one flow's relation of 64 or two, the next ones more and more; other columns have even steps. */
static void the_outline_has_steps_of_its_own(void **state)
{
	static const int all[] = {1, 2, 4, 5, 10, 20, 24, 40, 99};
	struct fm_process pr, uniform;
	struct fm_error err;
	(void)state;
	assert_int_equal(fm_process_init(&pr, 100, "cosine", &err), FM_OK);
	uniform = pr;
	uniform.multinomial = true;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int n = all[i];
		assert_true(fm_process_step(&pr, n, n) == 1 && fm_process_step(&pr, 0, n) == 0);
		for (int left = 1; left <= n; left++) {
			assert_true(fm_process_step(&pr, left - 1, n) < fm_process_step(&pr, left, n));
			assert_true(fm_process_step(&uniform, left, n) == (double)left / n);
		}
	}
	for (int left = 0; left <= 100; left++)
		assert_true(fm_process_step(&pr, left, 100) == (double)left / 100);
	double shown = 0, before = 0;
	for (int left = 19; left >= 12; left--) {
		double now = 1 - fm_process_mask(&pr, FM_T_ROLE, fm_process_step(&pr, left, 20));
		assert_true(now - before > shown);
		shown = now - before;
		before = now;
		if (left == 19)
			assert_true(64 * shown < 2);
	}
	assert_true(before > 0.999);
	assert_true(fabs(fm_process_step(&pr, 6, 20) - pr.lo[FM_T_ROLE] / 2) < 1e-9);
}

/* T of 2 and every number of steps up to it. */
static void the_shortest_process_works(void **state)
{
	struct fm_process usual = S.pr;
	struct fm_train_opts o = small_opts();
	struct fm_train_result r;
	struct fm_error err = {0};
	(void)state;
	o.steps = 60;
	for (int i = 0; i < 2; i++) {
		float *p;
		assert_int_equal(fm_process_init(&S.pr, 2, "linear", &err), FM_OK);
		assert_int_equal(fm_process_choose(&S.pr, i ? "multinomial" : "absorbing", i ? "v" : "noise", &err),
				 FM_OK);
		assert_int_equal(small_train(&S, &o, 2, &p, &r, &err), FM_OK);
		for (int c = 0; c < FM_NTOK; c++)
			assert_true(S.codec->vocab[c] > 1 ? r.column[c] > 0 : r.column[c] == 0);
		for (int solver = FM_DDIM; solver <= FM_DPM2; solver++)
			for (int steps = solver == FM_ANCESTRAL ? 2 : 1; steps <= 2; steps++) {
				struct made m;
				struct fm_sample_opts so = {
				    .steps = steps, .solver = (enum fm_solver)solver, .seed = 3};
				assert_int_equal(make(S.net, &S.pr, p, &so, 2, &m, &err), FM_OK);
				check_rows("T of 2", &m);
				decodes(&m);
				made_free(&m);
			}
		free(p);
	}
	S.pr = usual;
}

/* Are protocol and ports of a flow a service of its label? */
static bool is_service(const uint16_t *x)
{
	uint16_t atoms = (uint16_t)S.codec->num[FM_R_DP].natoms;
	uint16_t sp = x[FM_T_SP] < atoms ? x[FM_T_SP] : atoms, dp = x[FM_T_DP] < atoms ? x[FM_T_DP] : atoms;
	for (size_t i = 0; i < zeros.services.n; i++) {
		const struct fm_label_service *s = &zeros.services.service[i];
		if (s->label == x[FM_T_LABEL] && s->pr == x[FM_T_PR] && s->sp == sp && s->dp == dp)
			return true;
	}
	return false;
}

/* A network that has learned nothing makes flows of the services that their labels have, as often as these do. */
static void flows_keep_to_the_services_of_their_label(void **state)
{
	struct fm_process pr;
	struct fm_error err = {0};
	struct made m;
	float *p = malloc(sizeof(float) * S.net->layout.nfloats);
	(void)state;
	fm_layout_init(&S.net->layout, p, 3);
	assert_int_equal(fm_label_services_fit(&zeros.services, S.codec, &S.train, 5, &err), FM_OK);
	assert_true(zeros.services.n > 1);
	for (int multinomial = 0; multinomial < 2; multinomial++)
		for (size_t k = 0; k < 2; k++) {
			const struct fm_sample_opts o = {.steps = k ? 3 : 20, .solver = FM_DDIM, .seed = 2};
			size_t n[2] = {0},
			       out[2] = {0}; /* without and with services that are everything to the label */
			assert_int_equal(fm_process_init(&pr, 100, "cosine", &err), FM_OK);
			assert_int_equal(fm_process_choose(&pr, multinomial ? "multinomial" : "absorbing", "v", &err),
					 FM_OK);
			for (int all = 0; all < 2; all++) {
				for (int l = 0; all && l < FM_MAXCLASSES; l++)
					zeros.services.share[l] = zeros.services.share[l] > 0;
				assert_int_equal(make(S.net, &pr, p, &o, 2, &m, &err), FM_OK);
				for (size_t r = 0; r < schedule.n * W; r++) {
					const uint16_t *x = m.tok + r * FM_NTOK;
					if (x[FM_T_REL] != 0 || !(zeros.services.share[x[FM_T_LABEL]] > 0))
						continue;
					n[all]++;
					out[all] += !is_service(x);
				}
				made_free(&m);
			}
			assert_true(n[1] > 50);
			assert_int_equal(out[1], 0);
			assert_true(out[0] < n[0] / 5);
		}
	fm_label_services_free(&zeros.services);
	free(p);
}

static int setup(void **state)
{
	struct fm_error err = {0};
	struct fm_window_schedule_opts po = {.rows = ROWS, .seed = 4, .hours = {0, 24}};
	(void)state;
	fm_log_quiet(1);
	if (small_make(&S, &err) < 0 || fm_window_schedule_make(&schedule, S.codec, &po, &err) < 0 ||
	    fm_structural_zeros_fit(&zeros, S.codec->vocab, &S.train, W, 20, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fm_structural_zeros_free(&zeros);
	fm_window_schedule_free(&schedule);
	small_free(&S);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_outline_has_steps_of_its_own),
	    cmocka_unit_test(flows_keep_to_the_services_of_their_label),
	    cmocka_unit_test(transformer),
	    cmocka_unit_test(unet),
	    cmocka_unit_test(mlp),
	    cmocka_unit_test(multinomial_depends_on_neither_threads_nor_processor),
	    cmocka_unit_test(labels_fill_their_budget),
	    cmocka_unit_test(what_does_not_go_together_is_refused),
	    cmocka_unit_test(the_shortest_process_works),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
