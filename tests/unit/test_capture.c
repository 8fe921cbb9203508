/* Packets become the flows that an exporter would make of them, whatever wraps them, and a capture that is damaged says
 * so. */
#include "base/num.h"
#include "tests/unit/trace_fixture.h"
#include "traces/flow_cache.h"
#include "traces/packet.h"

#define ETHERNET 1
#define SECOND INT64_C(1000000)

/* ---- packets ---- */

struct frame {
	uint8_t s[256];
	size_t n;
};

static void put8(struct frame *f, unsigned v)
{
	assert_true(f->n < sizeof f->s);
	f->s[f->n++] = (uint8_t)v;
}

static void put16(struct frame *f, unsigned v)
{
	put8(f, v >> 8);
	put8(f, v & 255);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v & 0xffff);
}

static void zeros(struct frame *f, size_t n)
{
	while (n--)
		put8(f, 0);
}

static void ether(struct frame *f, unsigned type)
{
	zeros(f, 12);
	put16(f, type);
}

/* An IPv4 header of 20 bytes before `payload` bytes; fragment: flags and offset as they stand there. */
static void ipv4(struct frame *f, uint32_t sa, uint32_t da, unsigned protocol, size_t payload, unsigned ident,
		 unsigned fragment)
{
	put8(f, 0x45);
	put8(f, 0x48);
	put16(f, (unsigned)(20 + payload));
	put16(f, ident);
	put16(f, fragment);
	put8(f, 64);
	put8(f, protocol);
	put16(f, 0);
	put32(f, sa);
	put32(f, da);
}

static void udp(struct frame *f, unsigned sp, unsigned dp)
{
	put16(f, sp);
	put16(f, dp);
	put32(f, 8 << 16);
}

static struct frame udp_frame(uint32_t sa, uint32_t da, unsigned sp, unsigned dp)
{
	struct frame f = {.n = 0};

	ether(&f, 0x0800);
	ipv4(&f, sa, da, 17, 8, 1, 0);
	udp(&f, sp, dp);
	return f;
}

static void assert_udp(int link, const struct frame *f)
{
	struct fm_packet p;
	const char *why;
	uint32_t ip;

	assert_int_equal(fm_packet_parse(link, f->s, f->n, f->n, &p, &why), FM_PACKET_IP);
	assert_true(fm_address_ipv4(&p.src, &ip));
	assert_int_equal(ip, 0x0a000001);
	assert_true(fm_address_ipv4(&p.dst, &ip));
	assert_int_equal(ip, 0x0a000002);
	assert_int_equal(p.sp, 1000);
	assert_int_equal(p.dp, 53);
	assert_int_equal(p.protocol, 17);
	assert_int_equal(p.tos, 0x48);
	assert_int_equal(p.bytes, 28);
}

static void the_flow_is_found_behind_what_wraps_it(void **state)
{
	static const struct {
		int link;
		const char *head; /* hex, before the IP header */
	} cases[] = {
	    {1, "0000000000000000000000000800"}, /* Ethernet */
	    {1, "0000000000000000000000008100000508"
		"00"},                                           /* 802.1Q */
	    {1, "00000000000000000000000088a80005810000060800"}, /* QinQ */
	    {1, "00000000000000000000000091000005810000060800"}, /* its older number */
	    {1, "00000000000000000000000088470001004000011140"}, /* MPLS, two labels */
	    {1, "000000000000000000000000810000058847000111ff"}, /* MPLS in a VLAN */
	    {1, "0000000000000000000000008864110000010020"
		"0021"},                                       /* PPPoE */
	    {113, "00000001000600000000000000000800"},         /* Linux cooked */
	    {276, "0800000000000001000100060000000000000000"}, /* its second version */
	    {12, ""},                                          /* raw */
	    {0, "02000000"},                                   /* loopback, little-endian */
	    {0, "00000002"},                                   /* and big-endian */
	    {9, "ff030021"},                                   /* PPP */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct frame f = {.n = 0};

		for (const char *h = cases[i].head; *h; h += 2)
			put8(&f, (unsigned)(fm_hex_digit(h[0]) * 16 + fm_hex_digit(h[1])));
		ipv4(&f, 0x0a000001, 0x0a000002, 17, 8, 1, 0);
		udp(&f, 1000, 53);
		assert_true(fm_packet_link_known(cases[i].link));
		assert_udp(cases[i].link, &f);
		/* No cut of it is taken for more than is there, and none reads beyond it. */
		for (size_t n = 0; n < f.n; n++) {
			uint8_t *cut = malloc(n ? n : 1);
			struct fm_packet p;
			const char *why;

			memcpy(cut, f.s, n);
			assert_int_not_equal(fm_packet_parse(cases[i].link, cut, n, f.n, &p, &why),
					     n + 4 < f.n ? FM_PACKET_IP : -1);
			free(cut);
		}
	}
	assert_false(fm_packet_link_known(105)); /* 802.11 */
	assert_false(fm_packet_link_known(220)); /* USB */
}

static enum fm_packet_kind kind_of(const struct frame *f, const char **why)
{
	struct fm_packet p;

	return fm_packet_parse(ETHERNET, f->s, f->n, f->n, &p, why);
}

static void what_is_no_flow_is_told_from_what_is_damaged(void **state)
{
	struct frame arp = {.n = 0}, f = udp_frame(1, 2, 3, 4);
	const char *why;

	(void)state;
	ether(&arp, 0x0806);
	zeros(&arp, 28);
	assert_int_equal(kind_of(&arp, &why), FM_PACKET_OTHER);
	f.s[14] = 0x44; /* a header of 16 bytes */
	assert_int_equal(kind_of(&f, &why), FM_PACKET_BAD);
	assert_string_equal(why, "the IP header is damaged");
	f.s[14] = 0x45;
	f.n = 14 + 20 + 3;
	assert_int_equal(kind_of(&f, &why), FM_PACKET_BAD);
	assert_string_equal(why, "the packet is cut before its ports (snaplen)");
	f.n = 14 + 12;
	assert_int_equal(kind_of(&f, &why), FM_PACKET_BAD);
	assert_string_equal(why, "the packet is cut before the end of its IP header (snaplen)");
}

static void icmp_and_tunnels_have_what_stands_outside(void **state)
{
	struct frame f = {.n = 0}, gre = {.n = 0};
	struct fm_packet p;
	const char *why;

	(void)state;
	ether(&f, 0x0800);
	ipv4(&f, 1, 2, 1, 8, 1, 0);
	put16(&f, 0x0301);
	zeros(&f, 6);
	assert_int_equal(fm_packet_parse(ETHERNET, f.s, f.n, f.n, &p, &why), FM_PACKET_IP);
	assert_int_equal(p.sp, 0);
	assert_int_equal(p.dp, 769);
	ether(&gre, 0x0800);
	ipv4(&gre, 1, 2, 47, 32, 1, 0);
	put32(&gre, 0x0800);
	ipv4(&gre, 3, 4, 17, 8, 1, 0);
	udp(&gre, 5, 6);
	assert_int_equal(fm_packet_parse(ETHERNET, gre.s, gre.n, gre.n, &p, &why), FM_PACKET_IP);
	assert_int_equal(p.protocol, 47);
	assert_int_equal(p.sp, 0);
	assert_int_equal(p.bytes, 52);
}

static void ipv6_is_parsed_behind_its_extensions(void **state)
{
	struct frame f = {.n = 0};
	struct fm_packet p;
	const char *why;

	(void)state;
	ether(&f, 0x86dd);
	put32(&f, 0x6ab00000);
	put16(&f, 24); /* payload */
	put8(&f, 0);   /* hop-by-hop options */
	put8(&f, 64);
	put32(&f, 0x20010db8);
	zeros(&f, 11);
	put8(&f, 1);
	put32(&f, 0x20010db8);
	zeros(&f, 11);
	put8(&f, 2);
	put16(&f, 44 << 8); /* then a fragment's header */
	zeros(&f, 6);
	put8(&f, 58);
	put8(&f, 0);
	put16(&f, 1);
	put32(&f, 7);
	put16(&f, 0x8000);
	zeros(&f, 6);
	assert_int_equal(fm_packet_parse(ETHERNET, f.s, f.n, f.n, &p, &why), FM_PACKET_IP);
	assert_int_equal(p.protocol, 58);
	assert_int_equal(p.dp, 0x8000);
	assert_int_equal(p.tos, 0xab);
	assert_int_equal(p.bytes, 64);
	assert_true(p.fragment && p.first);
	assert_int_equal(p.ident, 7);
	assert_int_equal(p.src.b[15], 1);
	assert_int_equal(p.dst.b[15], 2);
}

/* ---- flows ---- */

static struct fm_flow_cache *cache_of(bool both_ways, size_t max)
{
	struct fm_flow_cache_opts o = {300 * SECOND, 60 * SECOND, both_ways, max};
	struct fm_flow_cache *c;
	struct fm_error err;

	assert_int_equal(fm_flow_cache_new(&c, &o, &err), FM_OK);
	return c;
}

static void add(struct fm_flow_cache *c, uint32_t sa, uint32_t da, unsigned sp, unsigned dp, int64_t us, uint64_t place)
{
	struct fm_timed_packet t = {.p = {.src = fm_address_of_ipv4(sa),
					  .dst = fm_address_of_ipv4(da),
					  .sp = (uint16_t)sp,
					  .dp = (uint16_t)dp,
					  .protocol = 17,
					  .bytes = 100},
				    .us = us,
				    .place = place};
	struct fm_error err;

	t.hash = fm_flow_cache_hash(c, &t.p);
	fm_flow_cache_fetch(c, t.hash);
	assert_int_equal(fm_flow_cache_add(c, &t, &err), FM_OK);
}

static void assert_next(struct fm_flow_cache *c, bool all, int64_t first_us, int64_t last_us, uint64_t packets)
{
	const struct fm_packet_flow *f = fm_flow_cache_take(c, all);

	assert_non_null(f);
	assert_int_equal(f->first_us, first_us);
	assert_int_equal(f->last_us, last_us);
	assert_int_equal(f->packets, packets);
	assert_int_equal(f->bytes, 100 * packets);
}

static void a_flow_ends_by_silence_and_by_age(void **state)
{
	struct fm_flow_cache *c = cache_of(false, 1000);

	(void)state;
	add(c, 1, 2, 3, 4, 0, 1);
	add(c, 1, 2, 3, 4, 60 * SECOND - 1, 2); /* not silent long enough */
	assert_null(fm_flow_cache_take(c, false));
	add(c, 1, 2, 3, 4, 120 * SECOND - 1, 3); /* silent for 60 s */
	assert_next(c, false, 0, 60 * SECOND - 1, 2);
	assert_null(fm_flow_cache_take(c, false));
	for (int i = 1; i <= 7; i++)
		add(c, 1, 2, 3, 4, 120 * SECOND - 1 + i * 50 * SECOND, 3 + (uint64_t)i);
	/* The packet after 300 s is within them; the one after 350 s ends the flow. */
	assert_null(fm_flow_cache_take(c, false));
	add(c, 9, 9, 9, 9, 600 * SECOND, 11);
	assert_next(c, false, 120 * SECOND - 1, 470 * SECOND - 1, 8);
	assert_next(c, true, 600 * SECOND, 600 * SECOND, 1);
	assert_null(fm_flow_cache_take(c, true));
	fm_flow_cache_free(c);
}

static void both_ways_are_one_flow_of_who_began(void **state)
{
	struct fm_flow_cache *c = cache_of(true, 1000);
	const struct fm_packet_flow *f;
	uint32_t ip;

	(void)state;
	add(c, 9, 2, 40000, 53, 0, 1);
	add(c, 2, 9, 53, 40000, 5, 2);
	add(c, 2, 9, 53, 40001, 6, 3); /* another port */
	f = fm_flow_cache_take(c, true);
	assert_int_equal(f->packets, 2);
	assert_true(fm_address_ipv4(&f->src, &ip));
	assert_int_equal(ip, 9);
	assert_int_equal(f->sp, 40000);
	assert_int_equal(fm_flow_cache_take(c, true)->packets, 1);
	assert_null(fm_flow_cache_take(c, true));
	fm_flow_cache_free(c);
}

static void fragments_are_in_the_flow_of_their_datagram(void **state)
{
	struct fm_flow_cache *c = cache_of(false, 1000);
	struct fm_timed_packet t = {.p = {.src = fm_address_of_ipv4(1),
					  .dst = fm_address_of_ipv4(2),
					  .protocol = 17,
					  .bytes = 100,
					  .fragment = true,
					  .ident = 7}};
	const struct fm_packet_flow *f;
	struct fm_error err;

	(void)state;
	for (int i = 0; i < 4; i++) {
		t.p.first = i == 1;
		t.p.sp = t.p.first ? 1000 : 0;
		t.p.dp = t.p.first ? 53 : 0;
		t.us = i;
		t.hash = fm_flow_cache_hash(c, &t.p);
		assert_int_equal(fm_flow_cache_add(c, &t, &err), FM_OK);
	}
	f = fm_flow_cache_take(c, true); /* it came before the first one */
	assert_int_equal(f->sp, 0);
	assert_int_equal(f->packets, 1);
	f = fm_flow_cache_take(c, true);
	assert_int_equal(f->sp, 1000);
	assert_int_equal(f->packets, 3);
	fm_flow_cache_free(c);
}

static void too_many_flows_end_early_and_are_counted(void **state)
{
	struct fm_flow_cache *c = cache_of(false, 4);

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		while (fm_flow_cache_take(c, false))
			;
		add(c, i, 2, 3, 4, i, i + 1);
	}
	assert_int_equal(fm_flow_cache_crowded(c), 6);
	for (int i = 0; i < 4; i++)
		assert_next(c, true, 6 + i, 6 + i, 1);
	fm_flow_cache_free(c);
}

/* Flows by a list that is searched from end to end. */
struct plain {
	uint32_t sa, sp;
	int64_t first, last;
	uint64_t packets;
	bool open, out;
};

/* What leaves the cache is what a list says, in the order of last packets, whatever was removed from the table before.
 */
static void the_table_agrees_with_a_list(void **state)
{
	static struct plain list[20000];
	struct fm_flow_cache *c = cache_of(false, FM_FLOW_CACHE_MAX);
	const struct fm_packet_flow *f;
	uint32_t random = 1, n = 0, taken = 0;
	int64_t us = 0, last = 0;

	(void)state;
	for (uint64_t i = 1; i <= 30000; i++) {
		struct plain *p = NULL;
		uint32_t sa, sp;

		random = random * 1664525 + 1013904223;
		sa = random >> 8 & 7;
		sp = random >> 16 & 15;
		us += (random >> 24) * SECOND / 500;
		for (uint32_t k = n; k-- > 0 && !p;)
			p = list[k].open && list[k].sa == sa && list[k].sp == sp ? &list[k] : NULL;
		if (p && us - p->last >= 60 * SECOND) {
			p->open = false;
			p = NULL;
		}
		if (!p) {
			assert_true(n < sizeof list / sizeof *list);
			p = &list[n++];
			*p = (struct plain){.sa = sa, .sp = sp, .first = us, .open = true};
		}
		p->last = us;
		p->packets++;
		p->open = p->last - p->first <= 300 * SECOND;
		add(c, sa, 2, sp, 4, us, i);
		while ((f = fm_flow_cache_take(c, i == 30000))) {
			uint32_t ip, k = 0;

			assert_true(f->last_us >= last);
			last = f->last_us;
			assert_true(fm_address_ipv4(&f->src, &ip));
			while (k < n && !(list[k].sa == ip && list[k].sp == f->sp && list[k].first == f->first_us &&
					  list[k].last == f->last_us && list[k].packets == f->packets && !list[k].out))
				k++;
			assert_true(k < n);
			list[k].out = true;
			taken++;
		}
	}
	assert_int_equal(taken, n);
	assert_true(n > 3000);
	fm_flow_cache_free(c);
}

/* ---- files ---- */

static void put_le32(struct fm_buf *b, uint32_t v)
{
	uint8_t s[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

	fm_buf_add(b, s, 4);
}

static struct fm_buf capture_begin(uint32_t link)
{
	struct fm_buf b = {0};

	put_le32(&b, 0xa1b2c3d4);
	put_le32(&b, 4 << 16 | 2);
	put_le32(&b, 0);
	put_le32(&b, 0);
	put_le32(&b, 65535);
	put_le32(&b, link);
	return b;
}

static void capture_add(struct fm_buf *b, uint32_t s, const struct frame *f)
{
	put_le32(b, s);
	put_le32(b, 500000);
	put_le32(b, (uint32_t)f->n);
	put_le32(b, (uint32_t)f->n);
	fm_buf_add(b, f->s, f->n);
}

static struct fm_dialect *pcap_dialect(void)
{
	struct fm_dialect *d;
	struct fm_error err;

	assert_int_equal(fm_dialect_load(&d, "pcap", &err), FM_OK);
	return d;
}

static void a_capture_is_read_as_flows(void **state)
{
	struct fm_dialect *d = pcap_dialect();
	struct fm_buf b = capture_begin(ETHERNET);
	struct frame f = udp_frame(0x0a000001, 0x0a000002, 1000, 53), v6 = {.n = 0}, cut = f, arp = {.n = 0};

	(void)state;
	capture_add(&b, 100, &f);
	capture_add(&b, 130, &f);
	ether(&v6, 0x86dd);
	put32(&v6, 0x60000000);
	put16(&v6, 8);
	put16(&v6, 17 << 8);
	zeros(&v6, 40);
	capture_add(&b, 131, &v6);
	cut.n = 14 + 20 + 2;
	capture_add(&b, 132, &cut);
	ether(&arp, 0x0806);
	zeros(&arp, 28);
	capture_add(&b, 133, &arp);
	for (int pass = 0; pass < 2; pass++) {
		const char *path = pass ? pack_one("c.pcap.gz", ARCHIVE_FILTER_GZIP, b.data, b.len)
					: put_bytes("c.pcap", b.data, b.len);
		struct reading *r = read_trace_file(path, d, NULL, 0.9);

		if (r->rc)
			fail_msg("%s", r->err.message);
		assert_int_equal(r->t->rows, 2);
		assert_int_equal(r->t->te[0], 130500);
		assert_int_equal(r->t->td[0], 30000);
		assert_int_equal(r->t->sp[0], 1000);
		assert_int_equal(r->t->dp[0], 53);
		assert_int_equal(r->t->pkt[0], 2);
		assert_int_equal(r->t->byt[0], 56);
		assert_string_equal(fm_table_category(r->t, FM_PR, 0), "UDP");
		assert_string_equal(fm_table_category(r->t, FM_FLG, 0), "......");
		assert_string_equal(fm_table_category(r->t, FM_STOS, 0), "72");
		assert_int_equal(r->st.passed_over, 1);
		uint32_t ip;
		const struct fm_address sa[2] = {fm_table_address(r->t, r->t->sa[0]),
						 fm_table_address(r->t, r->t->sa[1])};
		assert_true(fm_address_ipv4(&sa[0], &ip));
		assert_int_equal(ip, 0x0a000001);
		assert_false(fm_address_ipv4(&sa[1], &ip));
		assert_int_equal(r->t->byt[1], 48);
		assert_int_equal(r->nbad, 1);
		assert_int_equal(r->bad[0].line, 4);
		assert_string_equal(r->bad[0].reason, "the packet is cut before its ports (snaplen)");
		done(r);
	}
	fm_buf_free(&b);
	fm_dialect_free(d);
}

/* Of TCP: the two of ECN too. */
static void all_flags_are_written(void **state)
{
	static const struct {
		unsigned bits;
		const char *word;
	} of[] = {{0xc2, "CE....S."}, {0x52, ".E.A..S."}, {0x98, "C..AP..."},
		  {0x12, ".A..S."},   {0x3f, "UAPRSF"},   {0, "......"}};
	struct fm_dialect *d = pcap_dialect();
	struct fm_buf b = capture_begin(ETHERNET);

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct frame f = {.n = 0};

		ether(&f, 0x0800);
		ipv4(&f, 0x0a000001, 0xc0000201, 6, 20, 0, 0);
		put16(&f, (unsigned)(1000 + i));
		put16(&f, 80);
		zeros(&f, 8);
		put8(&f, 0x50);
		put8(&f, of[i].bits);
		zeros(&f, 6);
		capture_add(&b, 100 + (uint32_t)i, &f);
	}

	struct reading *r = read_trace_file(put_bytes("flags.pcap", b.data, b.len), d, NULL, 0.9);
	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, sizeof of / sizeof *of);
	for (size_t i = 0; i < r->t->rows; i++)
		assert_string_equal(fm_table_category(r->t, FM_FLG, i), of[r->t->sp[i] - 1000].word);
	done(r);
	fm_buf_free(&b);
	fm_dialect_free(d);
}

static bool ng_swapped; /* blocks are of the other order of bytes */

static void ng_put32(struct fm_buf *b, uint32_t v)
{
	put_le32(b, ng_swapped ? __builtin_bswap32(v) : v);
}

static void ng_block(struct fm_buf *b, uint32_t type, const void *s, size_t n, const uint32_t *words, size_t nwords)
{
	uint32_t all = (uint32_t)(12 + 4 * nwords + (n + 3) / 4 * 4);

	ng_put32(b, type);
	ng_put32(b, all);
	for (size_t i = 0; i < nwords; i++)
		ng_put32(b, words[i]);
	fm_buf_add(b, s, n);
	fm_buf_add(b, "\0\0\0", (4 - n % 4) % 4);
	ng_put32(b, all);
}

static void ng_packet(struct fm_buf *b, uint32_t interface, uint32_t s, const uint8_t *frame, size_t n)
{
	uint64_t us = s * UINT64_C(1000000);

	ng_block(b, 6, frame, n,
		 (const uint32_t[]){interface, (uint32_t)(us >> 32), (uint32_t)us, (uint32_t)n, (uint32_t)n}, 5);
}

/* Interfaces of a pcapng file may have different link layers, each section its own; one that is not read is passed over
 * with a warning. */
static void each_interface_has_its_own_link_layer(void **state)
{
	static const uint32_t links[] = {ETHERNET, 101 /* raw IP */, 220 /* USB */};
	struct fm_dialect *d = pcap_dialect();
	struct frame f = udp_frame(0x0a000001, 0x0a000002, 1000, 53);
	struct fm_buf b = {0};

	(void)state;
	for (uint32_t section = 0; section < 2; section++) {
		ng_block(&b, 0x0a0d0d0a, "", 0, (const uint32_t[]){0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX}, 4);
		for (size_t i = 0; i < 3; i++)
			ng_block(&b, 1, "", 0, (const uint32_t[]){links[section && i < 2 ? 1 - i : i], 65535}, 2);
		ng_packet(&b, section, 100 + section, f.s, f.n);
		ng_packet(&b, 1 - section, 110 + section, f.s + 14, f.n - 14);
		ng_packet(&b, 2, 111 + section, f.s, f.n);
		ng_packet(&b, 1 - section, 120 + section, f.s + 14, f.n - 14);
	}
	struct reading *r = read_trace_file(put_bytes("c.pcapng", b.data, b.len), d, NULL, 0);

	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, 1);
	assert_int_equal(r->t->pkt[0], 6);
	assert_int_equal(r->t->byt[0], 6 * 28);
	assert_int_equal(r->t->td[0], 21000);
	assert_int_equal(r->st.passed_over, 2);
	done(r);
	fm_buf_free(&b);
	fm_dialect_free(d);
}

/* One packet of so many was captured: its flows have what went by. */
static void a_sampled_capture_has_what_went_by(void **state)
{
	struct fm_dialect *d = pcap_dialect();
	struct fm_buf b = capture_begin(ETHERNET);
	struct frame f = udp_frame(0x0a000001, 0x0a000002, 1000, 53);
	struct reading *r;

	(void)state;
	capture_add(&b, 100, &f);
	capture_add(&b, 101, &f);
	d->sampling = 100;
	r = read_trace_file(put_bytes("sampled.pcap", b.data, b.len), d, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	assert_int_equal(r->t->pkt[0], 200);
	assert_int_equal(r->t->byt[0], 5600);
	done(r);
	fm_buf_free(&b);
	fm_dialect_free(d);
}

/* Captures of two machines that were joined: a section may be of the other order of bytes, and of other interfaces. */
static void each_section_has_its_own_order_of_bytes(void **state)
{
	struct fm_dialect *d = pcap_dialect();
	struct frame f = udp_frame(0x0a000001, 0x0a000002, 1000, 53);
	struct fm_buf b = {0};

	(void)state;
	for (uint32_t section = 0; section < 4; section++) {
		uint32_t link = section == 2 ? 101 : ETHERNET; /* raw IP */

		ng_swapped = section % 3 > 0; /* of two in the middle */
		ng_block(&b, 0x0a0d0d0a, "", 0,
			 (const uint32_t[]){0x1a2b3c4d, ng_swapped ? 1u << 16 : 1, UINT32_MAX, UINT32_MAX}, 4);
		ng_block(&b, 1, "", 0, (const uint32_t[]){ng_swapped ? link << 16 : link, 65535}, 2);
		for (uint32_t i = 0; i < 100; i++) {
			bool raw = section == 2;

			ng_packet(&b, 0, 100 + section, f.s + (raw ? 14 : 0), f.n - (raw ? 14 : 0));
		}
	}
	ng_swapped = false;
	for (size_t cut = 0; cut < 40; cut += 13) {
		struct reading *r = read_trace_file(put_bytes("o.pcapng", b.data, b.len - cut), d, NULL, 0);

		if (cut) {
			assert_int_equal(r->rc, FM_EINPUT);
			assert_says(r->err, "after packet 399: ");
		} else {
			if (r->rc)
				fail_msg("%s", r->err.message);
			assert_int_equal(r->t->rows, 1);
			assert_int_equal(r->t->pkt[0], 400);
			assert_int_equal(r->t->byt[0], 400 * 28);
			assert_int_equal(r->t->td[0], 3000);
		}
		done(r);
	}
	fm_buf_free(&b);
	fm_dialect_free(d);
}

static void a_flow_goes_on_in_the_next_file(void **state)
{
	struct fm_dialect *d = pcap_dialect();
	struct fm_buf a = capture_begin(ETHERNET), b = capture_begin(ETHERNET);
	struct frame f = udp_frame(0x0a000001, 0x0a000002, 1000, 53);
	char list[2048];
	struct reading *r;

	(void)state;
	capture_add(&a, 100, &f);
	capture_add(&b, 130, &f);
	snprintf(list, sizeof list, "%s\n%s", put_bytes("b.pcap", b.data, b.len), put_bytes("a.pcap", a.data, a.len));
	r = read_trace_file(list, d, NULL, 0);
	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(r->t->rows, 1);
	assert_int_equal(r->t->pkt[0], 2);
	assert_int_equal(r->t->td[0], 30000);
	done(r);
	fm_buf_free(&a);
	fm_buf_free(&b);
	fm_dialect_free(d);
}

static void a_damaged_capture_names_the_packet(void **state)
{
	struct fm_dialect *d = pcap_dialect();
	struct fm_buf b = capture_begin(ETHERNET), wifi = capture_begin(105), none = capture_begin(ETHERNET);
	struct frame f = udp_frame(1, 2, 3, 4);

	(void)state;
	capture_add(&b, 100, &f);
	capture_add(&b, 101, &f);
	assert_refused(put_bytes("t.pcap", b.data, b.len - 5), d, "after packet 1: truncated dump file");
	assert_refused(put_bytes("h.pcap", b.data, b.len - f.n - 3), d, "after packet 1: truncated dump file");
	b.data[24 + 16 + f.n + 8 + 3] = 0x7f; /* the second packet has 2 GiB */
	assert_refused(put_bytes("l.pcap", b.data, b.len), d, "after packet 1: ");
	assert_refused(put_bytes("m.pcap", b.data, 20), d, "after packet 0: ");
	assert_refused(put("x.csv", "te,td\n"), d, "the header lacks");
	capture_add(&wifi, 100, &f);
	assert_refused(put_bytes("w.pcap", wifi.data, wifi.len), d, "captured in the air (802.11)");
	assert_refused(put_bytes("n.pcap", none.data, none.len), d, "holds no packet of IP");
	assert_refused(put_bytes("g.csv", b.data, b.len), &ugr16, "a packet capture: set source.dialect: pcap");
	fm_buf_free(&b);
	fm_buf_free(&wifi);
	fm_buf_free(&none);
	fm_dialect_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_flow_is_found_behind_what_wraps_it),
	    cmocka_unit_test(what_is_no_flow_is_told_from_what_is_damaged),
	    cmocka_unit_test(icmp_and_tunnels_have_what_stands_outside),
	    cmocka_unit_test(ipv6_is_parsed_behind_its_extensions),
	    cmocka_unit_test(a_flow_ends_by_silence_and_by_age),
	    cmocka_unit_test(both_ways_are_one_flow_of_who_began),
	    cmocka_unit_test(fragments_are_in_the_flow_of_their_datagram),
	    cmocka_unit_test(too_many_flows_end_early_and_are_counted),
	    cmocka_unit_test(the_table_agrees_with_a_list),
	    cmocka_unit_test(a_capture_is_read_as_flows),
	    cmocka_unit_test(all_flags_are_written),
	    cmocka_unit_test(each_interface_has_its_own_link_layer),
	    cmocka_unit_test(each_section_has_its_own_order_of_bytes),
	    cmocka_unit_test(a_sampled_capture_has_what_went_by),
	    cmocka_unit_test(a_flow_goes_on_in_the_next_file),
	    cmocka_unit_test(a_damaged_capture_names_the_packet),
	};
	return cmocka_run_group_tests_name("capture", tests, scratch_make, scratch_remove);
}
