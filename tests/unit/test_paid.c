/* The paid part of the gate: what an exchange of the holdout moves, what is charged for it, and whom it catches. */
#include "judge_fixture.h"

#include "base/file.h"
#include "base/rows.h"
#include "judge/divergence.h"
#include "judge/gate/check.h"
#include "judge/noisy_jsd.h"
#include "manifests/canon.h"
#include "manifests/registry.h"
#include "model/generator.h"
#include "model/private_counts.h"
#include "privacy/charge_json.h"
#include "stages/paid.h"
#include "stages/stage.h"
#include "tests/unit/noise_fixture.h"
#include "tests/unit/scratch.h"

enum { ROWS = 8000 };

/* Nobody of random_table is inside, on either side. */
static struct fm_config *config(const char *const *more)
{
	const char *set[24] = {"source.path=x.csv", "generate.inside=[\"172.16.0.0/12\"]"};
	struct fm_config *cfg;
	struct fm_error err;
	int n = 2;

	for (; *more; more++)
		set[n++] = *more;
	OK(fm_config_preset(&cfg, "ugr16-dp", set, n, &err));
	return cfg;
}
#define CONFIG(...) config((const char *const[]){__VA_ARGS__, NULL})

/* ---- what an exchange moves ---- */

static bool nobody(const void *ctx, uint32_t ip)
{
	(void)ctx;
	return ip % 2;
}

static const struct fm_paid_opts opts = {
    .mu = 0.5, .pairs = true, .nlabels = 5, .first_slot = 1000, .nslots = 96, .inside = nobody};

/* One that depends on (seed, i) alone; alike: all its flows are the same. */
static struct fm_exchange exchange(uint64_t seed, uint64_t i, bool alike)
{
	struct fm_exchange x = {0};
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, i, 3);
	x.host[0] = fm_rng_u32(&r);
	x.host[1] = fm_rng_u32(&r);
	x.port[0] = (uint16_t)fm_rng_below(&r, 65536);
	x.port[1] = fm_rng_below(&r, 2) ? 53 : (uint16_t)fm_rng_below(&r, 65536);
	x.proto = (uint8_t)fm_rng_below(&r, FM_PROTOCOLS);
	x.slot = 990 + (int32_t)fm_rng_below(&r, 120); /* some lie outside of the period */
	x.nflows = alike ? FM_EXCHANGE_FLOWS : (uint8_t)(1 + fm_rng_below(&r, FM_EXCHANGE_FLOWS));
	for (int k = 0; k < x.nflows; k++)
		x.flow[k] = alike && k > 0 ? x.flow[0]
					   : (struct fm_exchange_flow){.byt = fm_rng_u64(&r) >> fm_rng_below(&r, 64),
								       .td = fm_rng_u32(&r) >> fm_rng_below(&r, 32),
								       .pkt = fm_rng_u32(&r) >> fm_rng_below(&r, 32),
								       .back = (uint8_t)fm_rng_below(&r, 2),
								       .flg = (uint8_t)fm_rng_below(&r, FM_FLAGS),
								       .label = (uint8_t)fm_rng_below(&r, 5)};
	return x;
}

static void an_exchange_moves_each_field_by_what_is_charged(void **state)
{
	enum { PAIRS = 200, OTHERS = 30 };
	static int64_t with[FM_PAID_QUESTIONS][FM_PAID_CELLS], without[FM_PAID_QUESTIONS][FM_PAID_CELLS];
	double largest[FM_PAID_QUESTIONS] = {0};
	struct fm_error err;

	(void)state;
	for (int p = 0; p < PAIRS; p++) {
		struct fm_exchange list[OTHERS + 1];
		struct fm_exchanges more = {.list = list, .n = OTHERS + 1}, less = {.list = list, .n = OTHERS};
		struct fm_charges a = {0}, b = {0};
		struct fm_secret key;

		for (uint64_t i = 0; i < OTHERS; i++)
			list[i] = exchange((uint64_t)p, i, false);
		list[OTHERS] = exchange((uint64_t)p, OTHERS, p % 4 == 0);
		OK(noise_key(&key, (uint8_t)p));
		OK(fm_paid_ask(with, &a, &more, &opts, &key, &err));
		OK(fm_paid_ask(without, &b, &less, &opts, &key, &err));
		assert_true(fm_charges_equal(&a, &b));
		assert_int_equal(a.n, FM_PAID_QUESTIONS);
		for (int f = 0; f < FM_PAID_QUESTIONS; f++) {
			double l2 = 0;
			int64_t flows = 0;

			for (size_t c = 0; c < FM_PAID_CELLS; c++) {
				int64_t d = with[f][c] - without[f][c];

				assert_true(d >= 0 && (c < fm_paid_cells(&opts, f) || with[f][c] == 0));
				flows += d;
				l2 += (double)(d * d);
			}
			assert_int_equal(flows, list[OTHERS].nflows);
			assert_true(sqrt(l2) <= a.list[f].sensitivity);
			largest[f] = l2 > largest[f] ? l2 : largest[f];
		}
		fm_charges_free(&a);
		fm_charges_free(&b);
		fm_secret_close(&key);
	}
	for (int f = 0; f < FM_PAID_QUESTIONS; f++) /* and reaches it */
		assert_true(sqrt(largest[f]) == FM_EXCHANGE_FLOWS);
}

/* For unit flow an exchange is charged as one that is replaced by any other. */
static void a_replaced_exchange_moves_each_field_by_what_is_charged(void **state)
{
	enum { PAIRS = 60, OTHERS = 5 };
	static int64_t before[FM_PAID_QUESTIONS][FM_PAID_CELLS], after[FM_PAID_QUESTIONS][FM_PAID_CELLS];
	struct fm_paid_opts replaced = opts;
	double largest = 0;
	struct fm_error err;

	(void)state;
	replaced.replaced = true;
	/* A discrete Gaussian has 3 more in its square (noise.h). */
	assert_true(fabs((pow(fm_paid_sigma(&replaced), 2) - 3) / (pow(fm_paid_sigma(&opts), 2) - 3) - 2) < 1e-6);
	for (int p = 0; p < PAIRS; p++) {
		struct fm_exchange list[OTHERS];
		struct fm_exchanges e = {.list = list, .n = OTHERS};
		struct fm_charges a = {0}, b = {0};
		struct fm_secret key;

		for (uint64_t i = 0; i < OTHERS; i++)
			list[i] = exchange((uint64_t)p, i, i == 0);
		OK(noise_key(&key, (uint8_t)p));
		OK(fm_paid_ask(before, &a, &e, &replaced, &key, &err));
		list[0] = exchange((uint64_t)p + 1000, 0, true);
		OK(fm_paid_ask(after, &b, &e, &replaced, &key, &err));
		for (int f = 0; f < FM_PAID_QUESTIONS; f++) {
			double l2 = 0;

			for (size_t c = 0; c < FM_PAID_CELLS; c++)
				l2 += pow((double)(after[f][c] - before[f][c]), 2);
			assert_true(sqrt(l2) <= a.list[f].sensitivity);
			largest = fmax(largest, l2 / pow(a.list[f].sensitivity, 2));
		}
		fm_charges_free(&a);
		fm_charges_free(&b);
		fm_secret_close(&key);
	}
	assert_true(largest > 1 - 1e-12); /* and reaches it */
}

/* ---- windows ---- */

enum { WINDOWS = 12, WINDOW = 8, KEPT = 3, MINUTE = 1010 };

/* A flow of exchange k of window w, drawn for (seed, w, k, i); alike: the same for all of the window but the ports. */
static void put_flow(struct fm_table *t, uint64_t seed, unsigned w, unsigned k, unsigned i, bool alike)
{
	size_t row = t->rows++;
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, alike ? w : w * 100 + k, 4);
	for (unsigned skip = 0; !alike && skip < i; skip++)
		fm_rng_u64(&r);
	t->te[row] = (MINUTE + (int64_t)w / 4) * FM_SLOT_MS + (alike ? 7 : fm_rng_below(&r, FM_SLOT_MS));
	t->sa[row] = 0x0a000000u + w % 4;
	t->da[row] = 0x64400000u + w % 4;
	t->sp[row] = (uint16_t)(60000 + k);
	t->dp[row] = 443;
	t->pr[row] = 0;
	t->td[row] = fm_rng_below(&r, 60000);
	t->pkt[row] = 1 + fm_rng_below(&r, 500);
	t->byt[row] = t->pkt[row] * (40 + fm_rng_below(&r, 1000));
	t->flg[row] = t->fwd[row] = t->stos[row] = t->label[row] = 0;
}

/* Windows 0 ... WINDOWS - 1 but `window`, each of one to WINDOW exchanges, but `exchange` of window 0, which has all.
 */
static struct fm_table *windows(uint64_t seed, unsigned window, unsigned exchange, bool alike)
{
	struct fm_table *t = random_table(WINDOWS * WINDOW * 6, seed);

	t->rows = 0;
	for (unsigned w = 0; w < WINDOWS; w++) {
		struct fm_rng r;

		fm_rng_init(&r, seed, FM_RNG_JUDGE, w, 5);
		unsigned n = 1 + fm_rng_below(&r, WINDOW);

		for (unsigned k = 0; w != window && k < (w ? n : WINDOW); k++)
			for (unsigned i = 0; (w || k != exchange) && i < (alike && !w ? 6 : 1 + k % 6); i++)
				put_flow(t, seed, w, k, i, alike && !w);
	}
	return t;
}

static void asked(int64_t noisy[FM_PAID_QUESTIONS][FM_PAID_CELLS], struct fm_charges *charges, struct fm_table *t,
		  uint8_t key_of)
{
	static const char *const label[] = {"background"};
	const struct fm_record_opts cut = {.label = label, .nlabels = 1, .window = KEPT};
	struct fm_exchanges e;
	struct fm_secret key;
	struct fm_error err;

	OK(fm_exchanges_cut(&e, t, &cut, &err));
	OK(noise_key(&key, key_of));
	OK(fm_paid_ask(noisy, charges, &e, &opts, &key, &err));
	fm_secret_close(&key);
	fm_exchanges_free(&e);
	fm_table_free(t);
}

/* For unit window a field is charged as one that a group of KEPT exchanges moves: a window that is there or not, full
 * or not, moves it by no more, and reaches it.  An exchange more in a window is one, or takes the place of one: two. */
static void a_window_moves_each_field_by_what_is_charged(void **state)
{
	enum { PAIRS = 200 };
	static int64_t with[FM_PAID_QUESTIONS][FM_PAID_CELLS], without[FM_PAID_QUESTIONS][FM_PAID_CELLS];
	double window[FM_PAID_QUESTIONS] = {0}, most = 0;
	unsigned in_the_place_of_one = 0, left_out = 0;

	(void)state;
	for (unsigned p = 0; p < PAIRS; p++) {
		bool whole = p % 2 == 0, alike = p % 4 < 2;
		struct fm_charges a = {0}, b = {0};
		int64_t taken = 0;

		asked(with, &a, windows(p, WINDOWS, WINDOW, alike), (uint8_t)p);
		asked(without, &b, windows(p, whole ? 0 : WINDOWS, whole ? WINDOW : p / 4 % WINDOW, alike), (uint8_t)p);
		assert_true(fm_charges_equal(&a, &b));
		for (int f = 0; f < FM_PAID_QUESTIONS; f++) {
			double l2 = 0;

			for (size_t c = 0; c < FM_PAID_CELLS; c++) {
				int64_t d = with[f][c] - without[f][c];

				assert_true(d >= 0 || !whole); /* what is there stays */
				taken += d < 0;
				l2 += (double)(d * d);
			}
			assert_true(sqrt(l2) <= (whole ? KEPT : 2) * a.list[f].sensitivity);
			if (whole)
				window[f] = fmax(window[f], sqrt(l2) / a.list[f].sensitivity);
			else
				most = fmax(most, l2);
		}
		in_the_place_of_one += taken > 0;
		left_out += !whole && memcmp(with, without, sizeof with) == 0;
		fm_charges_free(&a);
		fm_charges_free(&b);
	}
	for (int f = 0; f < FM_PAID_QUESTIONS; f++)
		assert_true(window[f] == KEPT);
	assert_true(most > 1 && in_the_place_of_one > PAIRS / 20 && left_out > PAIRS / 20);
}

/* ---- the metrics ---- */

static void measure(struct fm_metrics *m, const struct fm_config *cfg, const struct fm_table *holdout,
		    const struct fm_table *made, uint8_t seed)
{
	struct fm_secret key;
	struct fm_error err;

	*m = (struct fm_metrics){0};
	OK(noise_key(&key, seed));
	OK(fm_paid_measure(&(struct fm_paid_in){cfg, holdout, made, &key}, m, &err));
	fm_secret_close(&key);
}

static bool same(const struct fm_metrics *a, const struct fm_metrics *b)
{
	json_t *x = fm_metrics_list(a), *y = fm_metrics_list(b);
	bool equal = json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return equal;
}

/* A row more of the 5-tuple and minute of row 0, which has four flows already, or of another. */
static struct fm_table *with_row(const struct fm_table *t, bool other)
{
	uint32_t *row = calloc(t->rows + 1, sizeof *row);
	struct fm_error err;
	struct fm_table *more;

	for (uint32_t i = 0; i < t->rows; i++)
		row[i] = i;
	row[t->rows] = other ? 4 : 0;
	OK(fm_table_take(&more, t, row, t->rows + 1, &err));
	free(row);
	return more;
}

/* What is published is a function of the counts alone: what they do not see changes no bit of it. */
static void only_the_counts_are_seen(void **state)
{
	struct fm_config *cfg = CONFIG("privacy.budget={gate: 0.5}");
	struct fm_table *h = random_table(2000, 1), *made = random_table(2000, 2), *more;
	struct fm_metrics before, after;

	(void)state;
	for (int i = 1; i < 4; i++) { /* an exchange of four */
		h->te[i] = h->te[0];
		h->sa[i] = h->sa[0];
		h->da[i] = h->da[0];
		h->sp[i] = h->sp[0];
		h->dp[i] = h->dp[0];
		h->pr[i] = h->pr[0];
	}
	measure(&before, cfg, h, made, 3);
	measure(&after, cfg, h, made, 3);
	assert_true(same(&before, &after));
	fm_metrics_free(&after);
	measure(&after, cfg, h, made, 4);
	assert_false(same(&before, &after)); /* other noise */
	fm_metrics_free(&after);

	/* The fifth flow of an exchange is not counted, the first of another is. */
	more = with_row(h, false);
	more->te[h->rows]++; /* behind the four */
	measure(&after, cfg, more, made, 3);
	assert_true(same(&before, &after));
	fm_metrics_free(&after);
	fm_table_free(more);
	more = with_row(h, true);
	measure(&after, cfg, more, made, 3);
	assert_false(same(&before, &after));
	fm_metrics_free(&after);
	fm_table_free(more);

	/* Other hosts of the same side, other client ports of the same range. */
	for (size_t i = 0; i < h->rows; i++) {
		h->sa[i] ^= 0x00010000;
		h->sp[i] ^= h->sp[i] >= 57344 ? 1 : 0;
	}
	measure(&after, cfg, h, made, 3);
	assert_true(same(&before, &after));
	fm_metrics_free(&after);
	fm_metrics_free(&before);
	fm_table_free(h);
	fm_table_free(made);
	fm_config_free(cfg);
}

static void the_plan_is_what_is_charged_and_keeps_to_epsilon(void **state)
{
	/* counts by either accountant, the network by one */
	static const char *const kinds[] = {"model.kind=marginals", "model.kind=diffusion"},
				 *const accountants[] = {"privacy.accountant=pld", "privacy.accountant=rdp"};
	struct fm_error err;

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct fm_config *cfg = CONFIG(kinds[k / 2], accountants[k % 2], "privacy.budget={gate: 0.2}"),
				 *without = CONFIG(kinds[k / 2], accountants[k % 2]);
		struct fm_charges model = {0}, gate = {0}, all = {0};
		double epsilon, before;

		OK(fm_generator_plan(without, &model, &err));
		OK(fm_private_gate_plan(without, &gate, &err));
		assert_int_equal(gate.n, 0);
		OK(fm_charges_epsilon(&model, 1e-6, 1, FM_ADD_OR_REMOVE, k % 2 ? FM_RDP : FM_PLD, &before, &err));
		fm_charges_free(&model);
		OK(fm_generator_plan(cfg, &model, &err));
		OK(fm_private_gate_plan(cfg, &gate, &err));
		assert_int_equal(gate.n, FM_PAID_FIELDS);
		for (size_t i = 0; i < gate.n; i++) {
			assert_true(gate.list[i].sensitivity == FM_EXCHANGE_FLOWS && gate.list[i].count == 1);
			assert_int_equal(gate.list[i].kind, FM_CHARGE_DISCRETE_GAUSSIAN);
		}
		OK(fm_charges_append(&all, &model, &err));
		OK(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, k % 2 ? FM_RDP : FM_PLD, &epsilon, &err));
		assert_true(epsilon < before); /* the model has given way */
		OK(fm_charges_append(&all, &gate, &err));
		OK(fm_charges_epsilon(&all, 1e-6, 1, FM_ADD_OR_REMOVE, k % 2 ? FM_RDP : FM_PLD, &epsilon, &err));
		assert_true(epsilon <= 4 && epsilon > 0.97 * before);
		fm_charges_free(&model);
		fm_charges_free(&gate);
		fm_charges_free(&all);
		fm_config_free(cfg);
		fm_config_free(without);
	}
}

/* The noise on each question is of how many there are; what is not asked is neither charged nor measured. */
static void what_the_config_asks_is_planned_charged_and_measured(void **state)
{
	static const struct {
		const char *asks;
		size_t questions, metrics;
	} cases[] = {{"privacy.gate_asks=fields", 10, 11},
		     {"privacy.gate_asks=pairs", 18, 20},
		     {"privacy.gate_asks=labels", 11, 12},
		     {"privacy.gate_asks=all", 19, 21}};
	struct fm_table *h = random_table(2000, 1), *made = random_table(2000, 2);
	struct fm_error err;
	double first = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fm_config *cfg = CONFIG("privacy.budget={gate: 0.2}", cases[i].asks);
		struct fm_charges gate = {0};
		struct fm_metrics m;

		OK(fm_private_gate_plan(cfg, &gate, &err));
		assert_int_equal(gate.n, cases[i].questions);
		first = i == 0 ? gate.list[0].scale : first;
		for (size_t k = 0; k < gate.n; k++)
			assert_true(fabs(pow(gate.list[k].scale, 2) - 3 -
					 (pow(first, 2) - 3) * (double)cases[i].questions / 10) < 1e-6 * first * first);
		measure(&m, cfg, h, made, 3);
		assert_int_equal(m.n, cases[i].metrics);
		for (size_t k = 0; k < m.n; k++)
			assert_true(fm_metric_is_paid(m.m[k].name));
		fm_metrics_free(&m);
		fm_charges_free(&gate);
		fm_config_free(cfg);
	}
	fm_table_free(h);
	fm_table_free(made);
}

/* ---- the verdict ---- */

/* All values of one field alike; FM_NCOL: none. */
static struct fm_table *made_table(enum fm_paid_field constant)
{
	struct fm_table *t = random_table(ROWS, 9);

	for (size_t i = 0; i < t->rows; i++)
		switch (constant) {
		case FM_PAID_SA:
			t->sa[i] = 0xac100001u; /* inside */
			break;
		case FM_PAID_DA:
			t->da[i] = 0xac100001u;
			break;
		case FM_PAID_SP:
			t->sp[i] = 53;
			break;
		case FM_PAID_DP:
			t->dp[i] = 22;
			break;
		case FM_PAID_PR:
			t->pr[i] = 0;
			break;
		case FM_PAID_TS:
			t->te[i] = t->te[0] + (int64_t)(i % 20) * 60000;
			break;
		case FM_PAID_TD:
			t->td[i] = 7;
			break;
		case FM_PAID_PKT:
			t->pkt[i] = 1;
			break;
		case FM_PAID_BYT:
			t->byt[i] = 40;
			break;
		default:
			break;
		}
	if (constant == FM_PAID_FLG) {
		free(t->dict[FM_FLG].value[0]);
		t->dict[FM_FLG].value[0] = strdup(".A....");
	}
	return t;
}

/* Through the stage, by paid.json. */
static struct fm_verdict judged(const struct fm_config *cfg, const struct fm_metrics *paid)
{
	const char *free_json = scratch_path("free.json"), *paid_json = scratch_path("paid.json");
	struct fm_gate_in in = {.cfg = cfg, .free_json = free_json, .paid_json = paid_json, .out_dir = scratch};
	json_t *none = json_array(), *list = fm_metrics_list(paid);
	struct fm_gate_out out;
	struct fm_error err;

	OK(fm_json_save(none, free_json, &err));
	OK(fm_json_save(list, paid_json, &err));
	OK(fm_stage_gate(&in, &out, &err));
	json_decref(none);
	json_decref(list);
	return out.verdict;
}

#define LIMIT "=0.04"
static struct fm_config *checked(const char *budget)
{
	return CONFIG(budget, "gate.paid.jsd.SA" LIMIT, "gate.paid.jsd.DA" LIMIT, "gate.paid.jsd.SP" LIMIT,
		      "gate.paid.jsd.DP" LIMIT, "gate.paid.jsd.PR" LIMIT, "gate.paid.jsd.TS" LIMIT,
		      "gate.paid.jsd.TD" LIMIT, "gate.paid.jsd.PKT" LIMIT, "gate.paid.jsd.BYT" LIMIT,
		      "gate.paid.jsd.FLG" LIMIT, "gate.paid.jsd_mean" LIMIT, "gate.rules.broken_share=~");
}

static const struct fm_check_result *line(const struct fm_verdict *v, const char *field)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->check[i].name + strlen("paid.jsd."), field) == 0)
			return &v->check[i];
	fail_msg("no check of %s", field);
	return NULL;
}

static void a_constant_field_fails_its_check_and_honest_flows_pass(void **state)
{
	struct fm_config *cfg = checked("privacy.budget={gate: 0.5}");
	struct fm_table *holdout = random_table(ROWS, 8);

	(void)state;
	for (int f = 0; f <= FM_PAID_FIELDS; f++) {
		struct fm_table *made = made_table(f);
		struct fm_metrics paid;
		struct fm_verdict v;

		measure(&paid, cfg, holdout, made, 7);
		v = judged(cfg, &paid);
		assert_int_equal(v.n, FM_PAID_FIELDS + 1);
		for (int k = 0; k < FM_PAID_FIELDS; k++) {
			const struct fm_check_result *c = line(&v, fm_paid_name[k]);

			if (c->pass != (k != f))
				fail_msg("%s %.4f, when field %d is constant", c->name, c->value, f);
			assert_true(c->value == c->ci_hi && c->ci_lo <= c->ci_hi);
		}
		assert_int_equal(v.pass, f == FM_PAID_FIELDS);
		fm_verdict_free(&v);
		fm_metrics_free(&paid);
		fm_table_free(made);
	}
	fm_table_free(holdout);
	fm_config_free(cfg);
}

/* Each field is as it should be, and the two do not go together: single fields let it through, the pair does not. */
static void fields_that_fit_and_pairs_that_do_not_are_found(void **state)
{
	struct fm_config *cfg = CONFIG("privacy.budget={gate: 0.5}", "privacy.gate_asks=all", "gate.paid.jsd.PKT=0.06",
				       "gate.paid.jsd.BYT=0.06", "gate.paid.jsd.TY=0.06", "gate.paid.pair.PKT_BYT=0.06",
				       "gate.paid.pair_jsd=0.06", "gate.rules.broken_share=~");
	struct fm_table *holdout = random_table(ROWS, 8), *made = random_table(ROWS, 9);

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		holdout->pkt[i] = i % 2 ? 1 : 64;
		holdout->byt[i] = i % 2 ? 40 : 9000;
	}
	for (int honest = 1; honest >= 0; honest--) {
		struct fm_metrics paid;
		struct fm_verdict v;

		for (size_t i = 0; i < ROWS; i++) {
			made->pkt[i] = i % 2 ? 1 : 64;
			made->byt[i] = (i / 2 + (honest ? i - i / 2 : 0)) % 2 ? 40 : 9000;
		}
		measure(&paid, cfg, holdout, made, 7);
		v = judged(cfg, &paid);
		assert_int_equal(v.n, 5);
		for (size_t k = 0; k < v.n; k++) {
			bool lies = !honest && strcmp(v.check[k].name, "paid.pair.PKT_BYT") == 0;

			if (v.check[k].pass == lies && strcmp(v.check[k].name, "paid.pair_jsd") != 0)
				fail_msg("%s %.4f of %s flows", v.check[k].name, v.check[k].value,
					 honest ? "honest" : "other");
		}
		assert_int_equal(v.pass, honest);
		fm_verdict_free(&v);
		fm_metrics_free(&paid);
	}
	fm_table_free(holdout);
	fm_table_free(made);
	fm_config_free(cfg);
}

/* Too few flows for the noise, or none at all, pass nothing, and no exact metric can stand in. */
static void noise_that_hides_all_passes_nothing(void **state)
{
	struct fm_config *cfg = checked("privacy.budget={gate: 0.01}");
	struct fm_table *few = random_table(300, 8), *made = random_table(ROWS, 9);
	struct fm_metrics paid, exact = {0};
	struct fm_verdict v;
	struct fm_error err;

	(void)state;
	for (int k = 0; k < 3; k++) {
		measure(&paid, cfg, k == 0 ? few : NULL, made, (uint8_t)(7 + k));
		v = judged(cfg, &paid);
		assert_false(v.pass);
		assert_false(line(&v, "BYT")->pass);
		fm_verdict_free(&v);
		fm_metrics_free(&paid);
	}
	OK(fm_metrics_add(&exact, "rules.broken_share", 0, 1, &err));
	v = judged(cfg, &exact);
	for (size_t i = 0; i < v.n; i++)
		assert_non_null(strstr(v.check[i].why, "not measured"));
	fm_verdict_free(&v);
	fm_metrics_free(&exact);
	fm_table_free(few);
	fm_table_free(made);
	fm_config_free(cfg);
}

/* ---- what noise does ---- */

/* The divergence without noise is in the interval in nineteen of twenty cases, and hardly ever above it; noise as large
 * as the counts says that nothing is known. */
static void the_interval_holds_the_divergence_without_noise(void **state)
{
	enum { K = 24, DRAWS = 40 };
	static const double sigmas[] = {20, 100}, tilts[] = {0, 0.2, 0.6}, totals[] = {2000, 40000};
	struct fm_noisy_jsd j;
	struct fm_error err;
	struct fm_secret key;

	(void)state;
	OK(noise_key(&key, 9));
	assert_int_equal(fm_jsd_noisy((int64_t[]){1}, (uint64_t[]){1}, 1, 0, &j, &err), FM_EINPUT);
	OK(fm_jsd_noisy((int64_t[]){-5, 3}, (uint64_t[]){1, 1}, 2, 10, &j, &err));
	assert_true(fm_noisy_range(&j, 1).most > 0.69);
	for (int c = 0; c < 12; c++) {
		double sigma = sigmas[c % 2], tilt = tilts[c / 2 % 3], total = totals[c / 6], exact;
		uint64_t h[K], q[K];
		int inside = 0, below = 0;
		struct fm_gaussian g;

		for (int i = 0; i < K; i++) {
			q[i] = (uint64_t)(1e6 * exp(-0.2 * i));
			h[i] = (uint64_t)(total * 0.18 * exp(-0.2 * i) * (i % 2 ? 1 + tilt : 1 - tilt) + 0.5);
		}
		exact = fm_jsd_counts(h, q, K);
		OK(fm_gaussian_set(&g, sigma, &err));
		for (uint64_t d = 0; d < DRAWS; d++) {
			int64_t noisy[K];
			struct fm_noisy_range r;

			OK(fm_gaussian_fill(&(struct fm_stream_name){&key, "interval", 100 * (uint64_t)c + d}, &g, NULL,
					    0, noisy, K, &err));
			for (int i = 0; i < K; i++)
				noisy[i] += (int64_t)h[i];
			OK(fm_jsd_noisy(noisy, q, K, sigma, &j, &err));
			r = fm_noisy_range(&j, 1);
			inside += r.least <= exact && exact <= r.most;
			below += exact <= r.most;
			if (sigma == 100 && total == 2000)
				assert_true(r.most > 0.1);
		}
		if (inside < 0.85 * DRAWS || below < 0.95 * DRAWS)
			fail_msg("sigma %g of %g, tilt %g: %d inside, %d below of %d", sigma, total, tilt, inside,
				 below, DRAWS);
	}
	fm_secret_close(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exchange_moves_each_field_by_what_is_charged),
	    cmocka_unit_test(a_replaced_exchange_moves_each_field_by_what_is_charged),
	    cmocka_unit_test(a_window_moves_each_field_by_what_is_charged),
	    cmocka_unit_test(only_the_counts_are_seen),
	    cmocka_unit_test(the_plan_is_what_is_charged_and_keeps_to_epsilon),
	    cmocka_unit_test(what_the_config_asks_is_planned_charged_and_measured),
	    cmocka_unit_test(fields_that_fit_and_pairs_that_do_not_are_found),
	    cmocka_unit_test(a_constant_field_fails_its_check_and_honest_flows_pass),
	    cmocka_unit_test(noise_that_hides_all_passes_nothing),
	    cmocka_unit_test(the_interval_holds_the_divergence_without_noise),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
