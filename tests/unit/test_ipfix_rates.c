/* An exporter that sampled packets: what its file states of the rate is applied, wherever it stands, and nothing else
 * is.
 *
 * Linked with --wrap=fm_source_next, which fails once where the disk does. */
#include "tests/unit/trace_fixture.h"

#include "traces/ipfix_rates.h"
#include "traces/source.h"

#define FLOW 256
#define OPTIONS 257
#define MS UINT64_C(1700000000000)

static struct fm_buf file, set;
static uint32_t sequence;

static void put_number(struct fm_buf *b, uint64_t v, int n)
{
	while (n--)
		fm_buf_add(b, &(char){(char)(v >> 8 * n)}, 1);
}

/* Elements and their sizes, up to a size of 0. */
struct element {
	uint16_t number, size;
};
static const struct element flow_of[] = {{8, 4}, {12, 4}, {7, 2},   {11, 2},  {4, 1},
					 {2, 8}, {1, 8},  {152, 8}, {153, 8}, {0, 0}};

static void begin_set(uint16_t id)
{
	fm_buf_free(&set);
	put_number(&set, id, 2);
	put_number(&set, 0, 2);
}

/* The set as a message of its own. */
static void end_set(uint32_t domain, uint32_t records)
{
	set.data[2] = (char)(set.len >> 8);
	set.data[3] = (char)set.len;
	put_number(&file, 10, 2);
	put_number(&file, 16 + set.len, 2);
	put_number(&file, 1700000100, 4);
	put_number(&file, sequence, 4);
	put_number(&file, domain, 4);
	fm_buf_add(&file, set.data, set.len);
	sequence += records;
}

static void put_template(uint16_t id, const struct element *of, struct element more, bool options)
{
	int n = 0;

	while (of[n].size)
		n++;
	begin_set(options ? 3 : 2);
	put_number(&set, id, 2);
	put_number(&set, (uint64_t)n + (more.size > 0), 2);
	if (options)
		put_number(&set, 1, 2);
	for (int i = 0; i < n; i++) {
		put_number(&set, of[i].number, 2);
		put_number(&set, of[i].size, 2);
	}
	if (more.size) {
		put_number(&set, more.number, 2);
		put_number(&set, more.size, 2);
	}
	end_set(1, 0);
}

/* A flow of 3 packets and 300 bytes. */
static void put_flow(uint64_t more, int size)
{
	static const uint64_t v[] = {0x0a000001, 0xc0000207, 40000, 443, 6, 3, 300, MS, MS};

	begin_set(FLOW);
	for (int i = 0; i < 9; i++)
		put_number(&set, v[i], flow_of[i].size);
	put_number(&set, more, size);
	end_set(1, 1);
}

static void put_options(uint64_t a, int na, uint64_t b, int nb, uint64_t c, int nc)
{
	begin_set(OPTIONS);
	put_number(&set, a, na);
	put_number(&set, b, nb);
	put_number(&set, c, nc);
	end_set(1, 1);
}

static void begin_file(void)
{
	fm_buf_free(&file);
	sequence = 0;
}

/* The packets of each flow, up to a 0; sampling: what the dialect states, or 0. */
static void assert_packets(int sampling, const uint64_t *packets)
{
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;
	size_t n = 0;

	assert_int_equal(fm_dialect_load(&d, "ipfix", &err), FM_OK);
	if (sampling) {
		d->sampling = sampling;
		d->states_sampling = true;
	}
	r = read_trace_file(put_bytes("in.ipfix", file.data, file.len), d, NULL, 0);
	if (r->rc)
		fail_msg("%s", r->err.message);
	for (; packets[n]; n++) {
		assert_true(n < r->t->rows);
		assert_int_equal(r->t->pkt[n], packets[n]);
		assert_int_equal(r->t->byt[n], 100 * packets[n]);
	}
	assert_int_equal(r->t->rows, n);
	done(r);
	fm_dialect_free(d);
}
#define PACKETS(sampling, ...) assert_packets(sampling, (const uint64_t[]){__VA_ARGS__, 0})

static void options_behind_a_flow_are_of_it_too(void **state)
{
	static const struct {
		struct element options[4];
		uint64_t v[3];
		uint64_t packets;
	} of[] = {
	    {{{10, 4}, {34, 4}}, {1, 100}, 300},             /* samplingInterval */
	    {{{10, 4}, {50, 2}}, {1, 100}, 300},             /* samplerRandomInterval */
	    {{{302, 8}, {305, 4}, {306, 4}}, {5, 1, 9}, 30}, /* one packet taken, nine left */
	    {{{302, 8}, {309, 4}, {310, 4}}, {5, 1, 50}, 150},
	    {{{302, 8}, {311, 8}}, {5, 0x3f847ae147ae147b}, 300}, /* 0.01 */
	    {{{302, 8}, {311, 4}}, {5, 0x3f000000}, 6},           /* 0.5 */
	    {{{10, 4}, {34, 4}}, {1, 1}, 3},
	    {{{10, 4}, {34, 4}}, {1, 0}, 3},
	    {{{10, 4}, {35, 1}}, {1, 2}, 3}, /* how, and not at which rate */
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		begin_file();
		put_template(FLOW, flow_of, (struct element){0}, false);
		put_flow(0, 0);
		put_template(OPTIONS, of[i].options, (struct element){0}, true);
		put_options(of[i].v[0], of[i].options[0].size, of[i].v[1], of[i].options[1].size, of[i].v[2],
			    of[i].options[2].size);
		put_flow(0, 0);
		PACKETS(0, of[i].packets, of[i].packets);
		PACKETS(7, 21, 21);
		PACKETS(1, 3, 3); /* counted as it went by, says the dialect */
	}
}

static void a_flow_has_the_rate_that_it_names(void **state)
{
	static const struct element options[] = {{48, 1}, {50, 4}, {0, 0}};

	(void)state;
	begin_file();
	put_template(FLOW, flow_of, (struct element){48, 1}, false);
	put_template(OPTIONS, options, (struct element){0}, true);
	put_options(1, 1, 10, 4, 0, 0);
	put_options(2, 1, 1000, 4, 0, 0);
	put_flow(1, 1);
	put_flow(2, 1);
	put_flow(0, 1); /* of no sampler */
	put_flow(9, 1); /* of one that nothing is said of */
	put_options(1, 1, 20, 4, 0, 0);
	put_flow(1, 1);
	PACKETS(0, 30, 3000, 3, 3, 60);
	begin_file();
	put_template(FLOW, flow_of, (struct element){34, 4}, false);
	put_flow(64, 4);
	put_flow(1, 4);
	put_flow(0, 4);
	PACKETS(0, 192, 3, 3);
}

/* A flow of three packets, and one sampler, which took one packet in ten. */
static void begin_with_one_in_ten(void)
{
	static const struct element options[] = {{48, 1}, {50, 4}, {0, 0}};

	begin_file();
	put_template(FLOW, flow_of, (struct element){0}, false);
	put_template(OPTIONS, options, (struct element){0}, true);
	put_options(1, 1, 10, 4, 0, 0);
	put_flow(0, 0);
	PACKETS(0, 30);
}

/* Two rates, and the flows do not say which is theirs; another exporter's is not theirs either. */
static void what_is_not_clear_is_left_as_it_was_counted(void **state)
{
	(void)state;
	begin_with_one_in_ten();
	put_options(2, 1, 10, 4, 0, 0);
	PACKETS(0, 30); /* both are the same */
	put_options(3, 1, 1000, 4, 0, 0);
	PACKETS(0, 3);
	PACKETS(5, 15);
}

static void counts_are_rounded_and_do_not_run_over(void **state)
{
	uint64_t v = 3;

	(void)state;
	assert_true(fm_ipfix_rate_apply((struct fm_ipfix_rate){3, 2}, &v));
	assert_int_equal(v, 5);
	assert_true(fm_ipfix_rate_apply((struct fm_ipfix_rate){0, 0}, &v));
	assert_int_equal(v, 5);
	v = UINT64_C(1) << 62;
	assert_true(fm_ipfix_rate_apply((struct fm_ipfix_rate){1, 1}, &v));
	assert_false(fm_ipfix_rate_apply((struct fm_ipfix_rate){2, 1}, &v));
}

static bool disk_fails;

int __real_fm_source_next(struct fm_source *s, const char **data, size_t *n, struct fm_error *err);
int __wrap_fm_source_next(struct fm_source *s, const char **data, size_t *n, struct fm_error *err);
int __wrap_fm_source_next(struct fm_source *s, const char **data, size_t *n, struct fm_error *err)
{
	if (!disk_fails)
		return __real_fm_source_next(s, data, n, err);
	disk_fails = false;
	return fm_fail(err, FM_ESYSTEM, "the disk fails");
}

/* Else the flows would be those that were counted, and nobody would know. */
static void a_rate_that_cannot_be_read_is_not_none(void **state)
{
	struct fm_ipfix_rates rates = {0};
	struct fm_error err;

	(void)state;
	begin_with_one_in_ten();
	disk_fails = true;
	assert_int_equal(fm_ipfix_rates_read(&rates, put_bytes("in.ipfix", file.data, file.len), NULL, &err),
			 FM_ESYSTEM);
	assert_false(disk_fails);
	assert_string_equal(err.message, "the disk fails");
	fm_ipfix_rates_free(&rates);
}

static int remove_all(void **state)
{
	fm_buf_free(&file);
	fm_buf_free(&set);
	return scratch_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_behind_a_flow_are_of_it_too),
	    cmocka_unit_test(a_flow_has_the_rate_that_it_names),
	    cmocka_unit_test(what_is_not_clear_is_left_as_it_was_counted),
	    cmocka_unit_test(counts_are_rounded_and_do_not_run_over),
	    cmocka_unit_test(a_rate_that_cannot_be_read_is_not_none),
	};

	return cmocka_run_group_tests(tests, scratch_make, remove_all);
}
