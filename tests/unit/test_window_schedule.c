/* test_window_schedule.c - windows come when they came, and as labels and hours are asked for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/kernels.h"
#include "model/codec/decode.h"
#include "model/codec/hosts.h"
#include "model/codec/label_budget.h"
#include "model/codec/relations.h"
#include "model/codec/structural_zeros.h"
#include "model/diffusion/label_weights.h"
#include "tests/unit/model_fixture.h"

enum { W = 32, ROWS = 20000 };
static struct fm_table *flows;
static struct fm_codec *codec;
static struct fm_hosts *hosts;
static struct fm_encoded data;

static int setup(void **state)
{
	struct fm_error err = {0};
	(void)state;
	flows = fixture_flows(ROWS, 7, W);
	if (!flows)
		return -1;
	struct fm_codec_opts o = fixture_opts(flows, W);
	return fm_codec_fit_with_hosts(&codec, &hosts, flows, &o, &err) < 0 ||
		       fm_codec_encode(codec, hosts, flows, 1, &data, &err) < 0
		   ? -1
		   : 0;
}

static int teardown(void **state)
{
	(void)state;
	fm_encoded_free(&data);
	fm_codec_free(codec);
	fm_hosts_free(hosts);
	fm_table_free(flows);
	return 0;
}

static void slots_keep_their_shares(void **state)
{
	struct fm_window_schedule p;
	struct fm_error err;
	struct fm_window_schedule_opts o = {.rows = ROWS, .seed = 1, .hours = {0, 24}};
	int made[FM_SLOTS] = {0};
	(void)state;
	assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
	assert_int_equal(p.n, ROWS / W);
	for (size_t i = 0; i < p.n; i++) {
		made[p.slot[i]]++;
		assert_in_range(p.start_ms[i], codec->times.first_ms, codec->times.last_ms);
		/* Each lasts until the next one begins. */
		assert_in_range(p.end_ms[i], p.start_ms[i], codec->times.last_ms + 1);
		if (i + 1 < p.n && p.slot[i + 1] == p.slot[i])
			assert_int_equal(p.end_ms[i], p.start_ms[i + 1]);
	}
	for (int s = 0; s < FM_SLOTS; s++) /* also where classes too rare to say when are spread */
		assert_true(abs(made[s] - (int)codec->times.slot[s]) <= 1);
	fm_window_schedule_free(&p);
}

/* Shares of labels in planned windows, by what windows of each class hold. */
static double planned(const struct fm_window_schedule *p, int label)
{
	double sum = 0;
	for (size_t i = 0; i < p->n; i++)
		sum += codec->times.class_share[p->cls[i]][label];
	return sum / (double)p->n;
}

static int token_of(const char *label)
{
	for (int i = 0; i < codec->cat[FM_T_LABEL].n; i++)
		if (strcmp(codec->cat[FM_T_LABEL].value[i], label) == 0)
			return i;
	return -1;
}

static void labels_come_in_the_shares_asked_for(void **state)
{
	struct fm_window_schedule p;
	struct fm_error err;
	int scan = token_of("scan11");
	(void)state;
	assert_true(scan > 0);
	struct fm_window_schedule_opts o = {
	    .rows = 64000, .seed = 1, .hours = {0, 24}, .nlabels = 2, .label = {0, scan}, .share = {0.8, 0.2}};
	assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
	assert_true(fabs(planned(&p, scan) - 0.2) < 0.03);
	fm_window_schedule_free(&p);
	/* Impossible wishes are named. */
	struct fm_codec none = *codec;
	memset(none.times.class_slot[scan], 0, sizeof none.times.class_slot[scan]);
	assert_int_equal(fm_window_schedule_make(&p, &none, &o, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "scan11"));
}

/* Without a wish, labels have the shares that were learned, also labels of classes too rare to say when they come, and
 * windows of a class have as different counts of its label as they had. */
static void labels_come_in_the_shares_learned(void **state)
{
	const struct fm_times *t = &codec->times;
	struct fm_window_schedule_opts o = {.rows = ROWS, .seed = 1, .hours = {0, 24}};
	struct fm_window_schedule p;
	struct fm_error err;
	int nc = t->nclasses, rare = 0;
	(void)state;
	assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
	assert_non_null(p.budget);
	for (int l = 0; l < nc; l++) {
		double real = 0, made = 0;
		uint32_t windows = 0;
		int least = W, most = 0;
		for (size_t i = 0; i < data.windows * W; i++)
			real += data.tok[i * FM_NTOK + FM_T_LABEL] == l;
		for (size_t w = 0; w < p.n; w++) {
			int own = p.budget[w * (size_t)nc + (size_t)l];
			made += own;
			windows += p.cls[w] == l;
			if (p.cls[w] == l) {
				least = own < least ? own : least;
				most = own > most ? own : most;
			}
		}
		assert_int_equal(windows, t->class_windows[l]);
		assert_true(fabs(made - real) <= 0.05 * real + 2);
		rare += windows < 20;
		if (l > 0 && windows >= 20)
			assert_true(least >= 1 && least <= t->class_count[l][0] + 1 &&
				    most >= t->class_count[l][FM_COUNTS - 1] - 1);
	}
	assert_true(rare > 0);
	for (size_t w = 0; w < p.n; w++) {
		int sum = 0;
		for (int l = 0; l < nc; l++)
			sum += p.budget[w * (size_t)nc + (size_t)l];
		assert_int_equal(sum, W);
	}
	fm_window_schedule_free(&p);
}

/* Related flows have one label. */
/* How far the mean durations of windows are off by class, of classes that k windows have; in buckets, all classes. */
static double spans_off(const struct fm_window_schedule *p)
{
	double off = 0;
	for (int cl = 1; cl < codec->times.nclasses; cl++) {
		double sum[2] = {0}, n[2] = {0};
		for (int made = 0; made < 2; made++)
			for (size_t w = 0; w < (made ? p->n : data.windows); w++)
				if ((made ? p->cls : data.cls)[w] == cl) {
					sum[made] += (made ? p->span : data.span)[w];
					n[made]++;
				}
		off += n[0] >= 20 ? fabs(sum[0] / n[0] - sum[1] / n[1]) : 0;
	}
	return off;
}

static void windows_of_a_class_last_as_long_as_they_did(void **state)
{
	struct fm_times *t = &codec->times, usual = *t;
	struct fm_window_schedule_opts o = {.rows = ROWS, .seed = 1, .hours = {0, 24}};
	struct fm_window_schedule p;
	struct fm_error err;
	double off[2];
	(void)state;
	for (int known = 0; known < 2; known++) {
		for (int cl = 0; cl < t->nclasses && !known; cl++)
			for (int i = 0; i < FM_COUNTS; i++)
				t->class_span[cl][i] = -1;
		assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
		off[known] = spans_off(&p);
		fm_window_schedule_free(&p);
		*t = usual;
	}
	if (!(off[1] < 0.5 * off[0]))
		fail_msg("durations are off by %.2f, and by %.2f when they are not known", off[1], off[0]);
}

/* Flows of a label in windows of another class come together, as they did. */
static void guests_come_together(void **state)
{
	struct fm_times *t = &codec->times, usual = *t;
	struct fm_window_schedule_opts o = {.rows = ROWS, .seed = 1, .hours = {0, 24}};
	struct fm_window_schedule p;
	struct fm_error err;
	int nc = t->nclasses, guest = token_of("nerisbotnet");
	size_t n = 0, windows = 0;
	double due = 0;
	(void)state;
	for (int cl = 0; cl < nc; cl++)
		assert_true(t->class_run[cl] >= 1 && t->class_run[cl] <= W);
	for (int cl = 1; cl < nc; cl++) {
		t->class_share[cl][guest] = cl == guest ? t->class_share[cl][guest] : 0.05;
		due += cl == guest ? 0 : 0.05 * W * t->class_windows[cl];
	}
	t->class_run[guest] = 4;
	assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
	for (size_t w = 0; w < p.n; w++) {
		int of = p.budget[w * (size_t)nc + (size_t)guest];
		if (p.cls[w] == guest || p.cls[w] == 0)
			continue;
		assert_true(of == 0 || of == 4 || p.budget[w * (size_t)nc] == 0);
		n += (size_t)of;
		windows += of > 0;
	}
	assert_true(windows >= 3 && fabs((double)n - due) <= 2);
	fm_window_schedule_free(&p);
	*t = usual;
}

static void relations_keep_to_a_label(void **state)
{
	size_t related = 0;
	(void)state;
	for (size_t i = 0; i < data.windows * W; i++) {
		const uint16_t *x = data.tok + i * FM_NTOK;
		int back, kind = fm_rel_kind(x[FM_T_REL], W, &back);
		if (kind == FM_RELATION_NONE)
			continue;
		related++;
		assert_int_equal(x[FM_T_LABEL], (x - (size_t)back * FM_NTOK)[FM_T_LABEL]);
	}
	assert_true(related > 1000);
}

/* A rare label counts more in what depends on it, within bounds, and all flows one on average. */
static void rare_labels_count_more(void **state)
{
	float *w = NULL;
	struct fm_error err;
	double sum = 0;
	int n = codec->cat[FM_T_LABEL].n;
	(void)state;
	assert_int_equal(fm_label_weights(&w, n, &data, W, 4, &err), FM_OK);
	for (size_t i = 0; i < data.windows * W; i++)
		sum += (double)w[data.tok[i * FM_NTOK + FM_T_LABEL]];
	assert_true(fabs(sum / (double)(data.windows * W) - 1) < 1e-5);
	for (int l = 1; l < n; l++)
		assert_true(w[l] > 2 * w[0] && w[l] <= 4 * w[0] * 1.0001f);
	free(w);
	assert_int_equal(fm_label_weights(&w, 1, &data, W, 4, &err), FM_OK);
	assert_null(w);
	assert_int_equal(fm_label_weights(&w, n, &data, W, 1, &err), FM_OK);
	assert_null(w);
}

/* Whatever is asked for, also more than windows of a class hold by themselves: each window is full, and labels sum up.
 */
static void quotas_fill_windows_and_sum_up(void **state)
{
	int scan = token_of("scan11"), dos = token_of("dos"), spam = token_of("anomaly-spam"),
	    nc = codec->times.nclasses;
	const struct fm_window_schedule_opts asked[] = {
	    {.rows = 64000, .nlabels = 2, .label = {0, scan}, .share = {0.9, 0.1}},
	    {.rows = 64000, .nlabels = 3, .label = {scan, 0, dos}, .share = {0.4, 0.2, 0.4}},
	    {.rows = 6400, .nlabels = 2, .label = {scan, dos}, .share = {0.5, 0.5}},
	    {.rows = 6400, .nlabels = 1, .label = {spam}, .share = {1}},
	    {.rows = 3 * W, .nlabels = 2, .label = {0, scan}, .share = {0.5, 0.5}},
	    {.rows = 1, .nlabels = 2, .label = {0, scan}, .share = {0.7, 0.3}},
	};
	(void)state;
	assert_true(scan > 0 && dos > 0 && spam > 0);
	for (size_t k = 0; k < sizeof asked / sizeof *asked; k++) {
		struct fm_window_schedule_opts o = asked[k];
		struct fm_window_schedule p;
		struct fm_error err;
		double got[FM_MAXCLASSES] = {0}, rows;
		o.hours[1] = 24;
		assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
		assert_non_null(p.budget);
		rows = (double)p.n * W;
		for (size_t w = 0; w < p.n; w++) {
			int sum = 0;
			for (int l = 0; l < nc; l++) {
				sum += p.budget[w * (size_t)nc + (size_t)l];
				got[l] += p.budget[w * (size_t)nc + (size_t)l];
			}
			assert_int_equal(sum, W);
		}
		for (int l = 0; l < nc; l++) {
			double want = 0;
			for (int i = 0; i < o.nlabels; i++)
				want += o.label[i] == l ? o.share[i] : 0;
			assert_true(fabs(got[l] - want * rows) <= 1 || (k == 2 && fabs(got[l] - want * rows) <= W));
		}
		fm_window_schedule_free(&p);
	}
}

/* A network that hardly ever says a label, and says it most of certain flows. */
static void a_window_gets_its_quota_where_it_is_likeliest(void **state)
{
	enum { V = 4, TRIES = 200 };
	const uint16_t budget[V] = {W - 10, 10, 0, 0};
	const struct fm_kernels *k = fm_kernels();
	int likely = 0;
	(void)state;
	for (int n = 0; n < TRIES; n++) {
		uint16_t tok[W * FM_NTOK];
		float z[W * V];
		int rows[W], count[V] = {0};
		struct fm_rng r;
		fm_rng_init(&r, 1, FM_RNG_JUDGE, (uint64_t)n, 0);
		for (int i = 0; i < W; i++) {
			tok[i * FM_NTOK + FM_T_LABEL] = V; /* masked */
			rows[i] = 5 * W + i;
			for (int l = 0; l < V; l++)
				z[i * V + l] = l == 0 ? 5 : l == 1 && i % 2 ? 2 : l == 1 ? -2 : 4;
		}
		fm_label_budget_balance(z, V, rows, W, W);
		for (int i = 0; i < W; i++) {
			int row = i * 13 % W; /* W is a power of 2 */
			fm_label_budget_left(z + row * V, V, budget, V, tok, W);
			int l = k->draw(z + row * V, V, fm_rng_uniform(&r));
			tok[row * FM_NTOK + FM_T_LABEL] = (uint16_t)l;
			count[l]++;
			likely += l == 1 && row % 2;
		}
		assert_true(count[0] == budget[0] && count[1] == budget[1] && count[2] == 0 && count[3] == 0);
	}
	assert_true(likely > TRIES * 10 * 8 / 10);
}

static void hours_are_kept(void **state)
{
	struct fm_window_schedule p;
	struct fm_error err;
	int last = (int)(codec->times.last_ms / 3600000 % 24);
	int64_t wished = 0, learned = 0, n = 0;
	struct fm_window_schedule_opts o = {.rows = 6400, .seed = 1, .hours = {1, 3}},
				       never = {.rows = 6400, .seed = 1, .hours = {last + 1, 24}};
	(void)state;
	assert_in_range(last, 3, 22); /* the fixture begins at midnight */
	assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
	assert_int_equal(p.n, 200);
	for (size_t i = 0; i < p.n; i++) {
		assert_in_range(p.start_ms[i] / 60000 % 1440, 45, 195); /* a slot belongs to the hour of its middle */
		wished += p.end_ms[i] - p.start_ms[i];
	}
	fm_window_schedule_free(&p);
	/* As many windows as these slots had last as long as they did, however few they are of all. */
	o = (struct fm_window_schedule_opts){.rows = ROWS, .seed = 1, .hours = {0, 24}};
	assert_int_equal(fm_window_schedule_make(&p, codec, &o, &err), FM_OK);
	for (size_t i = 0; i < p.n; i++)
		if (p.start_ms[i] / 60000 % 1440 >= 45 && p.start_ms[i] / 60000 % 1440 <= 195) {
			learned += p.end_ms[i] - p.start_ms[i];
			n++;
		}
	fm_window_schedule_free(&p);
	double longer = (double)wished / 200 / ((double)learned / (double)n);
	assert_true(n > 0 && longer > 0.9 * fmin(1, (double)n / 200) && longer < 1.2);
	assert_int_equal(fm_window_schedule_make(&p, codec, &never, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "generate.hours"));
}

/* What fewer than k rows show though chance would show it often is excluded, and nothing that k rows show is. */
static void pairs_that_do_not_go_together_are_excluded(void **state)
{
	struct fm_structural_zeros s, t;
	struct fm_error err;
	(void)state;
	assert_int_equal(fm_structural_zeros_fit(&s, codec->vocab, &data, W, 20, &err), FM_OK);
	size_t excluded = 0;
	for (int p = 0; p < FM_NPAIRS; p++) {
		size_t nb = (size_t)s.n[p][1];
		uint32_t *met = calloc((size_t)s.n[p][0] * nb, sizeof *met);
		for (size_t r = 0; r < data.windows * W; r++)
			met[data.tok[r * FM_NTOK + (size_t)fm_pair[p][0]] * nb +
			    data.tok[r * FM_NTOK + (size_t)fm_pair[p][1]]]++;
		for (size_t i = 0; s.out[p] && i < (size_t)s.n[p][0] * nb; i++) {
			assert_true(!s.out[p][i] || met[i] < 20);
			excluded += s.out[p][i];
		}
		free(met);
	}
	assert_true(excluded > 20);
	/* A UDP flow never draws TCP's flags. */
	int udp = -1, syn = -1;
	for (int i = 0; i < codec->cat[FM_T_PR].n; i++)
		udp = strcmp(codec->cat[FM_T_PR].value[i], "UDP") == 0 ? i : udp;
	for (int i = 0; i < codec->cat[FM_T_FLG].n; i++)
		syn = strcmp(codec->cat[FM_T_FLG].value[i], "....S.") == 0 ? i : syn;
	assert_true(udp >= 0 && syn >= 0);
	float z[256] = {0};
	uint16_t tok[FM_NTOK];
	for (int c = 0; c < FM_NTOK; c++)
		tok[c] = (uint16_t)codec->vocab[c];
	tok[FM_T_PR] = (uint16_t)udp;
	fm_structural_zeros_apply(&s, codec->vocab, tok, FM_T_FLG, z);
	assert_true(z[syn] < -1e29f);
	json_t *j = fm_structural_zeros_json(&s);
	assert_int_equal(fm_structural_zeros_from_json(&t, codec->vocab, j, &err), FM_OK);
	for (int p = 0; p < FM_NPAIRS; p++)
		if (s.out[p])
			assert_memory_equal(s.out[p], t.out[p], (size_t)s.n[p][0] * (size_t)s.n[p][1]);
	fm_structural_zeros_free(&t);
	json_array_remove(j, 0);
	assert_int_equal(fm_structural_zeros_from_json(&t, codec->vocab, j, &err), FM_EINPUT);
	json_decref(j);
	fm_structural_zeros_free(&s);
}

/* Whatever the tokens are, and whatever relations copy, no decoded flow has ports or flags that its protocol cannot. */
static void decoded_flows_obey_what_protocols_have(void **state)
{
	enum { N = 100 };
	struct fm_window_schedule_opts po = {.rows = N * W, .seed = 1, .hours = {0, 24}};
	struct fm_range in = {0x0a000000, 8}, out = {0x14000000, 8};
	struct fm_decode_opts o = {.rows = N * W, .seed = 1, .fresh = {{&out, 1}, {&in, 1}}};
	uint16_t *tok = calloc((size_t)N * W * FM_NTOK, sizeof *tok);
	float *res = calloc((size_t)N * W * FM_NRES, sizeof *res);
	struct fm_window_schedule p;
	struct fm_table *t = NULL;
	struct fm_error err;
	struct fm_rng rng;
	size_t without = 0, other = 0;
	(void)state;
	fm_rng_init(&rng, 3, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < (size_t)N * W * FM_NTOK; i++) {
		int V = codec->vocab[i % FM_NTOK];
		tok[i] = V > 1 ? (uint16_t)fm_rng_below(&rng, (uint32_t)V) : 0;
	}
	assert_int_equal(fm_window_schedule_make(&p, codec, &po, &err), FM_OK);
	assert_int_equal(fm_decode(&t, codec, &p, tok, res, &o, &err), FM_OK);
	for (size_t i = 0; i < t->rows; i++) {
		const char *pr = t->dict[FM_PR].value[t->pr[i]], *flg = t->dict[FM_FLG].value[t->flg[i]];
		if (strcmp(pr, "GRE") == 0 || strcmp(pr, "IPIP") == 0) {
			without++;
			assert_int_equal(t->sp[i] + t->dp[i], 0);
		}
		if (strcmp(pr, "ICMP") == 0)
			assert_int_equal(t->sp[i], 0);
		if (strcmp(pr, "TCP") != 0) {
			other++;
			assert_string_equal(flg, ".A....");
		}
	}
	assert_true(without > 100 && other > without + 100);
	fm_window_schedule_free(&p);
	fm_table_free(t);
	free(tok);
	free(res);
}

/* A protocol too rare for counts to say so draws no port all the same. */
static void rare_protocols_draw_no_port(void **state)
{
	struct fm_structural_zeros s;
	struct fm_error err;
	float z[4096] = {0};
	uint16_t flow[FM_NTOK];
	int left = 0, zero = -1, gre = 0;
	(void)state;
	assert_int_equal(fm_structural_zeros_fit(&s, codec->vocab, &data, W, 20, &err), FM_OK);
	assert_int_equal(fm_structural_zeros_forbid(&s, codec, &err), FM_OK);
	while (strcmp(codec->cat[FM_T_PR].value[gre], "GRE") != 0)
		assert_true(++gre < codec->cat[FM_T_PR].n);
	assert_true(codec->vocab[FM_T_DP] < 4096);
	for (int c = 0; c < FM_NTOK; c++)
		flow[c] = (uint16_t)codec->vocab[c];
	flow[FM_T_PR] = (uint16_t)gre;
	fm_structural_zeros_apply(&s, codec->vocab, flow, FM_T_DP, z);
	for (int i = 0; i < codec->vocab[FM_T_DP]; i++)
		if (z[i] > -1e29f) {
			left++;
			zero = i;
		}
	assert_int_equal(left, 1);
	assert_int_equal(fm_num_decode(&codec->num[FM_R_DP], zero, 0), 0);
	fm_structural_zeros_free(&s);
}

/* The assignment: as many distinct hosts and meetings as the histogram of kinds says. */
static void the_cast_has_the_shape_of_the_real_one(void **state)
{
	struct fm_assignment *assignment;
	struct fm_error err;
	uint32_t host;
	(void)state;
	struct fm_assignment_opts o = {.seed = 1, .grow = 1};
	assert_int_equal(fm_assignment_new(&assignment, &codec->roles, &o, &err), FM_OK);
	int64_t windows = 0, hosts_of = 0;
	for (int k = 0; k < codec->roles.npool[0]; k++) {
		windows += codec->roles.pool[0][k].windows * codec->roles.pool[0][k].hosts;
		hosts_of += codec->roles.pool[0][k].hosts;
	}
	for (int64_t i = 0; i < windows; i++) {
		struct fm_call call = {.cl = 0, .peer = (uint32_t)(i % 7), .now_ms = i * 1000};
		assert_int_equal(fm_assignment_draw(assignment, &call, &host, &err), FM_OK);
	}
	int64_t made = fm_assignment_hosts(assignment) - (uint32_t)codec->roles.nhosts;
	assert_true(made >= hosts_of && made <= 2 * hosts_of);
	/* Addresses are fresh, from the ranges, and never twice. */
	struct fm_address *a;
	struct fm_range in = {10u << 24, 8}, out = {240u << 24, 4}, tiny = {240u << 24, 30};
	struct fm_range_list from[FM_SIDES] = {{&out, 1}, {&in, 1}}, too_few[FM_SIDES] = {{&tiny, 1}, {&in, 1}};
	assert_int_equal(fm_addresses_make(&a, assignment, from, 5, &err), FM_OK);
	uint32_t n = fm_assignment_hosts(assignment);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t ip;
		assert_true(fm_address_ipv4(&a[i], &ip));
		assert_true(fm_assignment_side(assignment, i) ? ip >> 24 == 10 : ip >> 28 == 15);
		for (uint32_t j = 0; j < i; j++)
			assert_memory_not_equal(&a[i], &a[j], sizeof *a);
	}
	free(a);
	assert_int_equal(fm_addresses_make(&a, assignment, too_few, 5, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "generate.outside"));
	fm_assignment_free(assignment);
}

static bool among(const struct fm_address *a, uint32_t n, const struct fm_address *b)
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(&a[i], b, sizeof *b) == 0)
			return true;
	return false;
}

/* Of each side from its ranges; the inside of IPv6 is one site of 48 bits that the seed chooses. */
static void addresses_of_both_families_are_fresh(void **state)
{
	uint8_t side[400];
	struct fm_roles roles = {.nhosts = 400, .side = side};
	struct fm_assignment_opts o = {.seed = 1, .grow = 1};
	struct fm_range in = {10u << 24, 8}, out = {240u << 24, 4}, in6 = {0xfdull << 56, 8},
			out6[] = {{0x20010db8ull << 32, 63}, {0x3fffull << 48, 20}}, tiny = {0xfdull << 56, 64};
	struct fm_range_list from[FM_SIDES] = {{&out, 1}, {&in, 1}, {out6, 2}, {&in6, 1}};
	struct fm_assignment *assignment;
	struct fm_address *a, *b;
	struct fm_error err = {0};
	(void)state;
	for (int h = 0; h < 400; h++)
		side[h] = (uint8_t)(h % FM_SIDES);
	assert_int_equal(fm_assignment_new(&assignment, &roles, &o, &err), FM_OK);
	assert_int_equal(fm_addresses_make(&a, assignment, from, 5, &err), FM_OK);
	assert_int_equal(fm_addresses_make(&b, assignment, from, 6, &err), FM_OK);
	for (uint32_t h = 0; h < 400; h++) {
		uint64_t high = fm_address_half(&a[h], 0), low = fm_address_half(&a[h], 1);
		assert_false(among(a, h, &a[h]));
		assert_int_equal(fm_address_is_ipv6(&a[h]), side[h] >= FM_SIDE_IPV6);
		if (side[h] == FM_SIDE_IPV6)
			assert_true((high >> 1 == 0x20010db8ull << 31 || high >> 44 == 0x3fff0) && low >= 1 &&
				    low <= 254);
		if (side[h] == FM_SIDE_IPV6 + FM_SIDE_INSIDE) {
			assert_true(high >> 56 == 0xfd && low >= 1 && low <= 254);
			assert_int_equal(high >> 16, fm_address_half(&a[3], 0) >> 16);
			assert_true(high >> 16 != fm_address_half(&b[h], 0) >> 16);
		}
	}
	free(a);
	free(b);
	/* A network of 64 bits has 254. */
	from[3].range = &tiny;
	assert_int_equal(fm_addresses_make(&a, assignment, from, 5, &err), FM_OK);
	free(a);
	memset(side, 3, sizeof side);
	assert_int_equal(fm_addresses_make(&a, assignment, from, 5, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "400 fresh inside addresses of IPv6 are needed and the ranges hold 254: "
					    "widen generate.inside"));
	fm_assignment_free(assignment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_both_families_are_fresh),
	    cmocka_unit_test(slots_keep_their_shares),
	    cmocka_unit_test(labels_come_in_the_shares_asked_for),
	    cmocka_unit_test(labels_come_in_the_shares_learned),
	    cmocka_unit_test(windows_of_a_class_last_as_long_as_they_did),
	    cmocka_unit_test(guests_come_together),
	    cmocka_unit_test(relations_keep_to_a_label),
	    cmocka_unit_test(rare_labels_count_more),
	    cmocka_unit_test(quotas_fill_windows_and_sum_up),
	    cmocka_unit_test(a_window_gets_its_quota_where_it_is_likeliest),
	    cmocka_unit_test(hours_are_kept),
	    cmocka_unit_test(decoded_flows_obey_what_protocols_have),
	    cmocka_unit_test(rare_protocols_draw_no_port),
	    cmocka_unit_test(pairs_that_do_not_go_together_are_excluded),
	    cmocka_unit_test(the_cast_has_the_shape_of_the_real_one),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
