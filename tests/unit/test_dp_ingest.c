/*
 * Neighbouring traces, in privacy.mode dp, from the text of the trace to the counts: an exchange or a flow more changes
 * the rows of that exchange in the store, its record and its encoding, and exact counts by what is charged for it; and
 * nothing else, wherever it stands in the trace.
 */
#include "base/rng.h"
#include "model/marginals/marginals.h"
#include "stages/stage.h"
#include "tests/unit/trace_fixture.h"
#include "traces/exchange.h"

/* The linker puts these in the place of the real ones, in this program alone: hundreds of stores are made here, and
 * none has to outlive a loss of power. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

static const char *const names[FM_NSPLIT] = {"train", "validation", "holdout"};
/* TRACES times NEIGHBOURS pairs of traces; every other neighbour lacks a flow, the rest an exchange. */
enum { TRACES = 20, NEIGHBOURS = 10, EXCHANGES = 60 };
/* A pair is compared under one key of the split and the same noise, as the claim has it; each trace has another key,
 * and one in KEYS the same noise. */
enum { KEYS = 4 };

static struct fm_config *config(const char *mode)
{
	struct fm_config *cfg = calloc(1, sizeof *cfg);

	assert_non_null(cfg);
	strcpy(cfg->source.dialect, "ugr16");
	strcpy(cfg->source.missing, "zero");
	strcpy(cfg->privacy.mode, mode);
	cfg->source.max_bad_share = 0.01;
	cfg->split.validation = 0.1;
	cfg->split.holdout = 0.25;
	cfg->model.window = 8;
	return cfg;
}

static struct fm_secret key(uint8_t byte)
{
	struct fm_secret s;
	struct fm_error err;

	assert_int_equal(fm_secret_new(&s, 32, &err), FM_OK);
	memset(s.data, byte, s.len);
	return s;
}

/* More flows than a record takes (FM_CFG_EXCHANGE_FLOWS), so that the cut is met. */
enum { MOST_FLOWS = 7, NO_FLOW = MOST_FLOWS, NO_EXCHANGE = EXCHANGES };

/* The flows of exchange e but flow `odd`, drawn for (seed, e): 1 to 7 of them, one in three the other way. */
static void put_flows(struct fm_buf *b, uint64_t seed, unsigned e, unsigned odd)
{
	/* The last is on no public list. */
	static const char *const protocol[] = {"TCP", "UDP", "ICMP", "GRE", "XNS-IDP"};
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_SPLIT, e, 0);
	unsigned n = 1 + fm_rng_below(&r, MOST_FLOWS), minute = e * 60 / EXCHANGES % 60, host = fm_rng_below(&r, 20),
		 peer = fm_rng_below(&r, 20), port = 1024 + fm_rng_below(&r, 60000),
		 proto = fm_rng_below(&r, sizeof protocol / sizeof *protocol);

	for (unsigned i = 0; i < n; i++) {
		/* Drawn for an odd flow too, so that those after it are as they were. */
		unsigned second = fm_rng_below(&r, 60), bytes = 20 * MOST_FLOWS + fm_rng_below(&r, 5000);
		char a[64], c[64];

		if (i == odd)
			continue;
		snprintf(a, sizeof a, "42.219.150.%u,143.72.8.%u,%u,%u", host, peer, port, 53u);
		snprintf(c, sizeof c, "143.72.8.%u,42.219.150.%u,%u,%u", peer, host, 53u, port);
		fm_buf_printf(b, "2016-04-11 03:%02u:%02u,0.%03u,%s,%s,.A....,0,0,%u,%u,background\n", minute, second,
			      i, i % 3 == 2 ? c : a, protocol[proto], 1 + i, bytes);
	}
}

static void put_exchange(struct fm_buf *b, uint64_t seed, unsigned e)
{
	put_flows(b, seed, e, NO_FLOW);
}

struct store {
	struct fm_table *t[FM_NSPLIT];
	struct fm_ingest_out out;
};

static void ingest(struct store *s, const struct fm_config *cfg, const struct fm_secret *secret, const struct fm_buf *b)
{
	const char *dir = at("store");
	struct fm_ingest_in in = {
	    .cfg = cfg, .trace = put_bytes("trace.csv", b->data, b->len), .out_dir = dir, .secret = secret};
	struct fm_error err;
	char path[1100];

	assert_int_equal(fm_dir_remove(dir, &err), FM_OK);
	assert_int_equal(fm_dir_make(dir, 0700, &err), FM_OK);
	if (fm_stage_ingest(&in, &s->out, &err))
		fail_msg("%s", err.message);
	for (int k = 0; k < FM_NSPLIT; k++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[k]);
		if (fm_table_open(&s->t[k], path, &err))
			fail_msg("%s", err.message);
	}
}

static void done_with(struct store *s)
{
	for (int k = 0; k < FM_NSPLIT; k++)
		fm_table_free(s->t[k]);
}

static unsigned long long host(const struct fm_table *t, uint32_t code)
{
	struct fm_address a = fm_table_address(t, code);

	return fm_address_key(&a);
}

/* A row as text: what it holds, whatever the codes of its categories. */
static void put_row(struct fm_buf *b, const struct fm_table *t, size_t i)
{
	fm_buf_printf(b, "%lld %u %llu %llu %u %u %llu %llu %u %u", (long long)t->te[i], t->td[i], host(t, t->sa[i]),
		      host(t, t->da[i]), t->sp[i], t->dp[i], (unsigned long long)t->pkt[i],
		      (unsigned long long)t->byt[i], t->win[i], t->gap[i]);
	for (int c = 0; c < FM_NCOL; c++)
		if (fm_cols[c].kind == FM_KIND_CATEGORY && FM_HAS(t, c))
			fm_buf_printf(b, " %s", fm_table_category(t, (enum fm_col)c, i));
	fm_buf_puts(b, "\n");
}

static char *rows_of(const struct fm_table *t)
{
	struct fm_buf b = {0};

	fm_buf_puts(&b, "");
	for (size_t i = 0; i < t->rows; i++)
		put_row(&b, t, i);
	fm_buf_add(&b, "", 1);
	return b.data;
}

/* Do the lines of `with` that are not the one run of `n` more lines equal those of `without`?  That run at *from. */
static bool one_run_more(const char *with, const char *without, size_t *nmore)
{
	size_t a = strlen(with), b = strlen(without), head = 0;

	if (a < b)
		return false;
	while (head < b && with[head] == without[head])
		head++;
	*nmore = a - b;
	/* The tail agrees from some cut on: lines of another row that begin alike move it back at most to a common one.
	 */
	for (size_t cut = head + 1; cut-- > 0;)
		if (strcmp(with + cut + (a - b), without + cut) == 0)
			return true;
	return false;
}

/* All but one exchange, or but its first flow; odd is none when it is NO_EXCHANGE. */
static void all_but(struct fm_buf *b, uint64_t seed, unsigned odd, bool flow)
{
	for (unsigned e = 0; e < EXCHANGES; e++) {
		if (e == odd && flow)
			put_flows(b, seed, e, 0);
		else if (e != odd)
			put_exchange(b, seed, e);
	}
}

/* How many splits have other changes than the rows of one exchange, and how many have any. */
static void compare(const struct store *with, const struct store *without, unsigned *broken, unsigned *changed)
{
	for (int k = 0; k < FM_NSPLIT; k++) {
		char *more = rows_of(with->t[k]), *less = rows_of(without->t[k]);
		size_t n = 0;

		*broken += !one_run_more(more, less, &n);
		*changed += n > 0;
		free(more);
		free(less);
	}
}

/* ---- records, encodings, counts ---- */

#define DAY 1460332800000 /* 2016-04-11 */
static const char *const labels[] = {"background", "blacklist"};
static const struct fm_record_opts record_opts = {.label = labels, .nlabels = 2};

static bool inside(const void *ctx, uint32_t ip)
{
	(void)ctx;
	return ip >> 16 == 0x2adb;
}

/* Domains from noisy counts of some trace, by a noise key: any that do not depend on the pair. */
static struct fm_marginals *domains(uint8_t noise)
{
	struct fm_marginals *m = calloc(1, sizeof *m);
	struct fm_config *cfg = config("dp");
	struct fm_secret secret = key(noise);
	struct fm_buf b = {0};
	struct store s;
	struct fm_error err;
	struct fm_marginals_opts o = {.mu = 20,
				      .key_delta = 1e-3,
				      .key = &secret,
				      .first_ms = DAY,
				      .last_ms = DAY + 86399999,
				      .label = labels,
				      .nlabels = 2,
				      .inside = inside,
				      .step_ms = 1000};

	assert_non_null(m);
	all_but(&b, 77, NO_EXCHANGE, false);
	ingest(&s, cfg, &secret, &b);
	if (fm_marginals_fit(m, s.t[FM_SPLIT_TRAIN], &o, &err))
		fail_msg("%s", err.message);
	done_with(&s);
	fm_buf_free(&b);
	fm_secret_close(&secret);
	free(cfg);
	return m;
}

/* The records of a split, each with its encoding. */
struct coded {
	struct fm_exchanges e;
	uint32_t (*tok)[FM_NATTRS];
};

/* How a codec would be that looks beyond the record: its host is coded by its rank among the hosts of the table. */
static uint32_t rank_of(const struct fm_exchanges *e, uint32_t ip)
{
	uint32_t own = 0, rank = 0;

	for (size_t i = 0; i < e->n; i++)
		own += e->list[i].host[0] == ip;
	for (size_t i = 0; i < e->n; i++) {
		uint32_t n = 0;

		for (size_t j = 0; j < e->n; j++)
			n += e->list[j].host[0] == e->list[i].host[0];
		rank += n > own;
	}
	return rank;
}

static unsigned window; /* exchanges that are kept of one; 0: all */

static void code(struct coded *c, const struct fm_marginals *m, const struct fm_table *t, bool global)
{
	struct fm_record_opts o_cut = record_opts;
	struct fm_domain_opts o = {
	    .first_slot = m->domains.first_slot, .nslots = m->domains.nslots, .nlabels = 2, .inside = inside};
	struct fm_error err;

	o_cut.window = window;
	if (fm_exchanges_cut(&c->e, t, &o_cut, &err))
		fail_msg("%s", err.message);
	c->tok = calloc(c->e.n + 1, sizeof *c->tok);
	assert_non_null(c->tok);
	for (size_t i = 0; i < c->e.n; i++) {
		fm_domains_encode(&m->domains, &c->e.list[i], &o, c->tok[i], 1);
		if (global)
			c->tok[i][FM_A_SERVER] = rank_of(&c->e, c->e.list[i].host[0]);
	}
}

static void coded_free(struct coded *c)
{
	fm_exchanges_free(&c->e);
	free(c->tok);
}

static int same_key(const struct fm_exchange *a, const struct fm_exchange *b)
{
	return memcmp(a->host, b->host, sizeof a->host) == 0 && memcmp(a->port, b->port, sizeof a->port) == 0 &&
	       a->proto == b->proto && a->slot == b->slot;
}

static bool key_before(const struct fm_exchange *a, const struct fm_exchange *b)
{
	const int64_t x[] = {a->slot, a->host[0], a->host[1], a->port[0], a->port[1], a->proto},
		      y[] = {b->slot, b->host[0], b->host[1], b->port[0], b->port[1], b->proto};

	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		if (x[i] != y[i])
			return x[i] < y[i];
	return false;
}

/* Records that are in one split alone or have another value there; of those, and of all others, how many are encoded
 * otherwise. */
struct differences {
	unsigned records, encodings_of_them, encodings_of_others;
};

static struct differences differ(const struct coded *with, const struct coded *without)
{
	struct differences d = {0};

	for (size_t i = 0, j = 0; i < with->e.n || j < without->e.n;) {
		const struct fm_exchange *a = i < with->e.n ? &with->e.list[i] : NULL,
					 *b = j < without->e.n ? &without->e.list[j] : NULL;

		if (a && b && same_key(a, b)) {
			bool other = memcmp(a, b, sizeof *a) != 0,
			     coded = memcmp(with->tok[i], without->tok[j], sizeof *with->tok) != 0;

			d.records += other;
			d.encodings_of_them += other && coded;
			d.encodings_of_others += !other && coded;
			i++;
			j++;
		} else { /* both are by rising keys: the lower one is missing from the other */
			d.records++;
			if (a && (!b || key_before(a, b)))
				i++;
			else
				j++;
		}
	}
	return d;
}

/* By how much the exact counts of attributes x and y together differ, in all. */
static unsigned moved(const struct coded *with, const struct coded *without, int x, int y, const int *size)
{
	size_t n = (size_t)size[x] * (size_t)size[y];
	int *count = calloc(n, sizeof *count);
	unsigned sum = 0;

	assert_non_null(count);
	for (size_t i = 0; i < with->e.n; i++)
		count[with->tok[i][x] * (size_t)size[y] + with->tok[i][y]]++;
	for (size_t i = 0; i < without->e.n; i++)
		count[without->tok[i][x] * (size_t)size[y] + without->tok[i][y]]--;
	for (size_t k = 0; k < n; k++)
		sum += (unsigned)abs(count[k]);
	free(count);
	return sum;
}

/* One pair of stores: an exchange (or a flow, which changes its exchange) is there or not.  Returns how many records
 * are others: 1, or 0 for a flow that the cut leaves out, or that is in the place of one like it. */
static unsigned codes_differ_in_one_record(const struct fm_marginals *m, const struct store *with,
					   const struct store *without, bool flow)
{
	unsigned records = 0;

	for (int k = 0; k < FM_NSPLIT; k++) {
		struct coded a, b;
		struct differences d;

		code(&a, m, with->t[k], false);
		code(&b, m, without->t[k], false);
		d = differ(&a, &b);
		records += d.records;
		assert_int_equal(d.encodings_of_others, 0);
		if (!flow)
			assert_int_equal(a.e.n - b.e.n, d.records);
		/* Each attribute, and each with the next: at most 1 for an exchange, 2 where one takes another's place.
		 */
		for (int x = 0; x < FM_NATTRS; x++)
			for (int y = x; y < x + 2 && y < FM_NATTRS; y++)
				assert_true(moved(&a, &b, x, y, m->domains.size) <= (flow ? 2 * d.records : d.records));
		coded_free(&a);
		coded_free(&b);
	}
	assert_true(flow ? records <= 1 : records == 1);
	return records;
}

static void an_exchange_or_a_flow_more_changes_its_own_alone(void **state)
{
	struct fm_config *cfg = config("dp");
	struct fm_marginals *m[KEYS];
	unsigned broken = 0, changed = 0, held_out = 0, records = 0;

	(void)state;
	for (unsigned k = 0; k < KEYS; k++)
		m[k] = domains((uint8_t)(9 + k));
	for (uint64_t seed = 0; seed < TRACES; seed++) {
		struct fm_secret secret = key((uint8_t)(7 + seed));
		struct fm_buf all = {0};
		struct store with;

		all_but(&all, seed, NO_EXCHANGE, false);
		ingest(&with, cfg, &secret, &all);
		for (unsigned i = 0; i < NEIGHBOURS; i++) {
			struct fm_buf b = {0};
			struct store without;
			bool flow = i % 2;

			/* The first and the last too. */
			all_but(&b, seed, i * (EXCHANGES - 1) / (NEIGHBOURS - 1), flow);
			ingest(&without, cfg, &secret, &b);
			compare(&with, &without, &broken, &changed);
			held_out += with.out.holdout_rows != without.out.holdout_rows;
			records += codes_differ_in_one_record(m[seed % KEYS], &with, &without, flow);
			done_with(&without);
			fm_buf_free(&b);
		}
		done_with(&with);
		fm_buf_free(&all);
		fm_secret_close(&secret);
	}
	assert_int_equal(broken, 0);
	assert_int_equal(changed, TRACES * NEIGHBOURS);
	/* The cut was met, and was not all that was met: half of the neighbours lack a flow. */
	assert_in_range(records, TRACES * NEIGHBOURS / 2 + 1, TRACES * NEIGHBOURS - 1);
	assert_in_range(held_out, 1, TRACES * NEIGHBOURS / 2);
	for (unsigned k = 0; k < KEYS; k++) {
		fm_marginals_free(m[k]);
		free(m[k]);
	}
	free(cfg);
}

/* What two hosts exchange in one minute, but exchange `odd` of it; they and the minute have other exchanges too. */
enum { WINDOW = 12, KEPT = 3 };

static void put_window(struct fm_buf *b, uint64_t seed, unsigned odd)
{
	for (unsigned e = 0; e < WINDOW; e++)
		if (e != odd)
			fm_buf_printf(
			    b,
			    "2016-04-11 03:%02u:%02u,0.000,42.219.151.7,143.72.8.%u,%u,53,UDP,.A....,0,0,1,%u,"
			    "background\n",
			    (unsigned)seed % 60, e, (unsigned)seed % 20, 2000 + e, 60 + e);
}

/* A window more: at most KEPT records more in each split, the others' values and encodings as they were. One exchange
 * of it more: at most one record more or in the place of another, in its own split. */
static void a_window_more_changes_its_own_alone(void **state)
{
	struct fm_config *cfg = config("dp");
	struct fm_marginals *m = domains(9);
	unsigned full = 0, others = 0;

	(void)state;
	window = KEPT;
	for (uint64_t seed = 0; seed < 4 * TRACES; seed++) {
		struct fm_secret secret = key((uint8_t)(7 + seed));
		struct fm_buf text[3] = {{0}};
		struct store s[3];

		for (int i = 0; i < 3; i++) {
			all_but(&text[i], seed, NO_EXCHANGE, false);
			if (i < 2)
				put_window(&text[i], seed, i ? (unsigned)seed % WINDOW : WINDOW);
			ingest(&s[i], cfg, &secret, &text[i]);
		}
		for (int k = 0; k < FM_NSPLIT; k++) {
			struct coded c[3];
			for (int i = 0; i < 3; i++)
				code(&c[i], m, s[i].t[k], false);
			for (int i = 1; i < 3; i++) {
				struct differences d = differ(&c[0], &c[i]);
				unsigned most = i == 1 ? 2 : KEPT;

				assert_true(d.records <= most);
				assert_int_equal(d.encodings_of_others, 0);
				for (int x = 0; x < FM_NATTRS; x++)
					for (int y = x; y < x + 2 && y < FM_NATTRS; y++)
						assert_true(moved(&c[0], &c[i], x, y, m->domains.size) <= most);
				full += i == 2 && d.records == KEPT;
				others += i == 1 && d.records == 2;
			}
			for (int i = 0; i < 3; i++)
				coded_free(&c[i]);
		}
		for (int i = 0; i < 3; i++) {
			done_with(&s[i]);
			fm_buf_free(&text[i]);
		}
		fm_secret_close(&secret);
	}
	window = 0;
	assert_true(full > 4 * TRACES / 2 && others > TRACES / 4);
	fm_marginals_free(m);
	free(m);
	free(cfg);
}

/* The same comparison finds a table of all hosts, exact as it is, that an encoding looks at. */
static void a_global_table_would_be_found(void **state)
{
	struct fm_config *cfg = config("dp");
	struct fm_secret secret = key(7);
	struct fm_marginals *m = domains(9);
	struct fm_buf all = {0};
	struct store with;
	unsigned others[2] = {0};

	(void)state;
	all_but(&all, 1, NO_EXCHANGE, false);
	ingest(&with, cfg, &secret, &all);
	for (unsigned odd = 0; odd < 5; odd++) {
		struct fm_buf b = {0};
		struct store without;

		all_but(&b, 1, odd, false);
		ingest(&without, cfg, &secret, &b);
		for (int global = 0; global < 2; global++)
			for (int k = 0; k < FM_NSPLIT; k++) {
				struct coded more, less;

				code(&more, m, with.t[k], global);
				code(&less, m, without.t[k], global);
				others[global] += differ(&more, &less).encodings_of_others;
				coded_free(&more);
				coded_free(&less);
			}
		done_with(&without);
		fm_buf_free(&b);
	}
	assert_int_equal(others[0], 0);
	assert_true(others[1] > 0);
	done_with(&with);
	fm_buf_free(&all);
	fm_marginals_free(m);
	free(m);
	fm_secret_close(&secret);
	free(cfg);
}

/* The same test finds the windows of privacy.mode none: there one exchange shifts others. */
static void windows_would_be_found(void **state)
{
	struct fm_config *cfg = config("none");
	unsigned broken = 0, changed = 0;
	struct fm_buf b[2] = {{0}, {0}};
	struct store s[2];

	(void)state;
	for (int with = 0; with < 2; with++) {
		all_but(&b[with], 1, with ? NO_EXCHANGE : 3, false);
		ingest(&s[with], cfg, NULL, &b[with]);
	}
	compare(&s[1], &s[0], &broken, &changed);
	assert_true(broken > 0);
	for (int with = 0; with < 2; with++) {
		done_with(&s[with]);
		fm_buf_free(&b[with]);
	}
	free(cfg);
}

static void an_exchange_is_whole_in_one_split_and_the_key_decides_which(void **state)
{
	struct fm_config *cfg = config("dp");
	struct fm_buf b = {0};
	struct store s[2];
	uint64_t all;

	(void)state;
	for (unsigned e = 0; e < 2000; e++)
		put_exchange(&b, 1, e);
	for (int k = 0; k < 2; k++) {
		struct fm_secret secret = key((uint8_t)(k + 1));

		ingest(&s[k], cfg, &secret, &b);
		for (int split = 0; split < FM_NSPLIT; split++)
			for (size_t i = 0; i < s[k].t[split]->rows; i++) {
				enum fm_split where;
				struct fm_error err;

				assert_int_equal(
				    fm_exchange_split_of(&secret, s[k].t[split], i, 0.1, 0.25, &where, &err), FM_OK);
				assert_int_equal(where, split);
			}
		fm_secret_close(&secret);
	}
	all = s[0].out.rows;
	assert_int_equal(all, s[0].out.train_rows + s[0].out.validation_rows + s[0].out.holdout_rows);
	/* A quarter is held out, to four deviations of a share over 2,000 exchanges. */
	assert_in_range(s[0].out.holdout_rows * 1000 / all, 205, 295);
	assert_true(s[0].out.holdout_rows != s[1].out.holdout_rows ||
		    memcmp(s[0].t[2]->te, s[1].t[2]->te, s[0].t[2]->rows * sizeof *s[0].t[2]->te) != 0);
	for (int k = 0; k < 2; k++)
		done_with(&s[k]);
	fm_buf_free(&b);
	free(cfg);
}

/* Both ways of a 5-tuple, and the two edges of a minute, before 1970 too. */
static void place_is_of_the_unordered_5_tuple_and_its_minute(void **state)
{
	struct fm_secret secret = key(3), other = key(4);
	struct fm_table *t;
	struct fm_error err;
	double place[7];

	(void)state;
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, 6, &err), FM_OK);
	for (size_t i = 0; i < 6; i++) {
		t->te[i] = i == 2 ? 119999 : i == 3 ? 120000 : i == 4 ? -1 : i == 5 ? 0 : 60000;
		t->sa[i] = i == 1 ? 9 : 5;
		t->da[i] = i == 1 ? 5 : 9;
		t->sp[i] = i == 1 ? 53 : 4000;
		t->dp[i] = i == 1 ? 4000 : 53;
		t->pr[i] = (uint16_t)fm_dict_index(&t->dict[FM_PR], "UDP", 3, true);
		t->rows = i + 1;
		assert_int_equal(fm_exchange_place(&secret, t, i, &place[i], &err), FM_OK);
		assert_true(place[i] >= 0 && place[i] < 1);
	}
	assert_true(place[0] == place[1]);
	assert_true(place[0] == place[2]);
	assert_true(place[0] != place[3]);
	assert_true(place[4] != place[5]);
	assert_int_equal(fm_exchange_place(&other, t, 0, &place[6], &err), FM_OK);
	assert_true(place[6] != place[0]);
	fm_table_free(t);
	fm_secret_close(&secret);
	fm_secret_close(&other);
}

static void packets_are_not_read(void **state)
{
	struct fm_secret secret = key(7);
	struct fm_config *cfg = config("dp");
	struct fm_ingest_in in = {.cfg = cfg, .trace = "/dev/null", .out_dir = at("store"), .secret = &secret};
	struct fm_ingest_out out;
	struct fm_error err;

	(void)state;
	strcpy(cfg->source.dialect, "pcap");
	assert_int_equal(fm_stage_ingest(&in, &out, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "is of packets"));
	free(cfg);
	fm_secret_close(&secret);
}

/* Rows whose label is the last that finds no room any more: one exchange before them, of a label of its own, would take
 * all of them away.  Without a claim they are left out, and it is said. */
static void a_row_is_not_left_out_for_what_others_say(void **state)
{
	enum { LABELS = FM_DICT_MAX + 1, LAST = 50 };
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	for (unsigned i = 0; i < LABELS + LAST; i++)
		fm_buf_printf(
		    &b, "2016-04-11 03:%02u:%02u,0.001,42.219.150.7,143.72.8.9,%u,53,UDP,.A....,0,0,1,60,label-%u\n",
		    i / 60 % 60, i % 60, 1024 + i % 60000, i < LABELS ? i : LABELS - 1);
	for (int dp = 0; dp < 2; dp++) {
		struct fm_secret secret = key(7);
		struct fm_config *cfg = config(dp ? "dp" : "none");
		struct fm_ingest_in in = {.cfg = cfg,
					  .trace = put_bytes("trace.csv", b.data, b.len),
					  .out_dir = at("store"),
					  .secret = dp ? &secret : NULL};
		struct fm_ingest_out out;

		assert_int_equal(fm_dir_remove(in.out_dir, &err), FM_OK);
		assert_int_equal(fm_dir_make(in.out_dir, 0700, &err), FM_OK);
		assert_int_equal(fm_stage_ingest(&in, &out, &err), dp ? FM_EINPUT : FM_OK);
		if (dp)
			assert_non_null(strstr(err.message, "no row may be left out for what others say"));
		else
			assert_int_equal(out.bad, LAST + 1);
		free(cfg);
		fm_secret_close(&secret);
	}
	fm_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exchange_or_a_flow_more_changes_its_own_alone),
	    cmocka_unit_test(a_window_more_changes_its_own_alone),
	    cmocka_unit_test(a_global_table_would_be_found),
	    cmocka_unit_test(windows_would_be_found),
	    cmocka_unit_test(an_exchange_is_whole_in_one_split_and_the_key_decides_which),
	    cmocka_unit_test(packets_are_not_read),
	    cmocka_unit_test(a_row_is_not_left_out_for_what_others_say),
	    cmocka_unit_test(place_is_of_the_unordered_5_tuple_and_its_minute),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
