/*
 * simulate_flows.c - background traffic: what each service does.
 *
 * Numbers are the author's rules, rounded, chosen so that shares come near those of an ISP's NetFlow
 * (docs/simulate.md). Durations are in milliseconds, sizes in bytes.  Draws from the random stream are one to a
 * statement: C leaves the order of arguments and initialisers to the compiler, and a trace must not depend on it.
 */
#include "traces/simulate/simulate_world.h"

#define MAX_TD 360000 /* a router's active timeout and a minute */
#define MSS 1448
#define LARGEST (UINT64_C(500) << 20)

static const struct fm_sim_dist web_td = {
    {4, 60, 100, 130, 164, 200, 260, 340, 440, 800, 1600, 4000, 5200, 8500, 15000, 21000, 44000}, 70, MAX_TD};
static const struct fm_sim_dist web_request = {
    {60, 240, 300, 340, 370, 400, 430, 460, 490, 530, 580, 640, 720, 860, 1100, 1800, 5600}, 90, LARGEST};
static const struct fm_sim_dist web_response = {
    {120, 240, 320, 500, 800, 1200, 1900, 2900, 4000, 5200, 6800, 9000, 13000, 21000, 36000, 80000, 240000},
    110,
    LARGEST};
static const struct fm_sim_dist tls_td = {
    {4, 80, 140, 200, 280, 400, 600, 900, 1400, 2600, 4200, 6400, 9000, 15000, 30000, 60000, 120000}, 80, MAX_TD};
static const struct fm_sim_dist tls_request = {
    {90, 200, 300, 400, 480, 560, 660, 780, 900, 1100, 1400, 1800, 2400, 3200, 4800, 9000, 30000}, 110, LARGEST};
static const struct fm_sim_dist tls_response = {
    {90, 150, 240, 700, 1500, 2800, 3400, 4000, 4600, 5400, 6800, 9000, 13000, 22000, 40000, 90000, 300000},
    110,
    LARGEST};
static const struct fm_sim_dist mail_td = {
    {80, 200, 280, 380, 520, 700, 900, 1100, 1250, 1500, 1900, 2500, 3100, 4300, 6200, 9000, 28000}, 60, MAX_TD};
static const struct fm_sim_dist mail_request = {
    {60, 70, 80, 90, 100, 115, 130, 150, 180, 210, 260, 330, 700, 3000, 9000, 30000, 160000}, 110, LARGEST};
static const struct fm_sim_dist mail_reply = {
    {120, 180, 200, 215, 225, 235, 250, 265, 280, 300, 330, 360, 400, 470, 560, 700, 1500}, 30, 60000};
static const struct fm_sim_dist pop_td = {
    {80, 140, 180, 220, 260, 320, 400, 500, 600, 720, 880, 1100, 1350, 1900, 3300, 5600, 24000}, 60, MAX_TD};
static const struct fm_sim_dist pop_request = {
    {30, 48, 56, 60, 64, 70, 76, 82, 90, 100, 112, 130, 150, 190, 260, 400, 2000}, 30, 60000};
static const struct fm_sim_dist pop_reply = {
    {60, 120, 150, 190, 260, 400, 800, 1500, 2600, 4000, 5200, 6800, 9000, 14000, 26000, 70000, 500000}, 100, LARGEST};
static const struct fm_sim_dist ssh_td = {
    {900, 3200, 5200, 6400, 7600, 8600, 9600, 10600, 11600, 12600, 13600, 14800, 16000, 17600, 19400, 22000, 30000},
    20,
    MAX_TD};
static const struct fm_sim_dist ssh_request = {
    {500, 900, 1040, 1120, 1200, 1260, 1320, 1380, 1440, 1500, 1560, 1620, 1700, 1800, 1900, 2100, 3000}, 25, LARGEST};
static const struct fm_sim_dist ssh_reply = {
    {900, 1500, 1700, 1800, 1880, 1960, 2040, 2120, 2200, 2300, 2400, 2520, 2650, 2800, 3000, 3600, 6000}, 30, LARGEST};
static const struct fm_sim_dist other_td = {
    {4, 8, 12, 28, 60, 120, 300, 700, 1500, 2900, 4300, 6100, 8800, 12000, 20000, 36000, 90000}, 90, MAX_TD};
static const struct fm_sim_dist other_size = {
    {20, 30, 44, 60, 85, 120, 170, 240, 330, 450, 650, 1000, 1900, 4200, 12000, 60000, 400000}, 130, LARGEST};
static const struct fm_sim_dist wait_td = {
    {4, 60, 140, 300, 700, 1500, 2600, 4000, 5100, 5600, 7000, 9500, 12000, 15000, 21000, 30000, 46000}, 60, MAX_TD};
static const struct fm_sim_dist dns_query = {
    {54, 59, 62, 64, 66, 67, 69, 70, 71, 72, 73, 74, 76, 79, 83, 92, 130}, 0, 0};
static const struct fm_sim_dist dns_answer = {
    {62, 77, 88, 96, 104, 110, 116, 121, 125, 129, 134, 140, 147, 158, 176, 220, 480}, 40, 1400};
static const struct fm_sim_dist tunnel_packets = {
    {2, 8, 20, 60, 200, 600, 1200, 1800, 2300, 2600, 2900, 3200, 3600, 4600, 6400, 9000, 20000}, 30, 200000};

/* How a conversation ends up as flows, and the flags of its client and server half. */
enum { FULL, RESET, OPEN, LATE, MIDDLE, TAIL, EMPTY, QUIET, REFUSED, NWAY };
static const uint8_t way_flags[NWAY][2] = {
    [FULL] = {SIM_APSF, SIM_APSF}, [RESET] = {SIM_APRS, SIM_APS}, [OPEN] = {SIM_APS, SIM_APS},
    [LATE] = {SIM_APF, SIM_APSF},  [MIDDLE] = {SIM_AP, SIM_AP},   [TAIL] = {SIM_AF, SIM_AF},
    [EMPTY] = {SIM_ASF, SIM_ASF},  [QUIET] = {SIM_A, SIM_A},      [REFUSED] = {SIM_S, SIM_AR},
};

struct service {
	const struct fm_sim_dist *td, *request, *response;
	uint16_t way[NWAY]; /* chances of each way, upper ends of 1024 */
	uint16_t paired;    /* chance (of 1024) that both directions were seen */
	uint16_t lone;      /* of those that were not: chance that the client's was */
};
static const struct service
    web = {&web_td, &web_request, &web_response, {590, 625, 680, 800, 830, 900, 960, 985, 1024}, 700, 560},
    tls = {&tls_td, &tls_request, &tls_response, {330, 380, 500, 590, 790, 840, 850, 1000, 1024}, 720, 540},
    smtp = {&mail_td, &mail_request, &mail_reply, {330, 660, 740, 770, 850, 940, 950, 985, 1024}, 760, 640},
    pop = {&pop_td, &pop_request, &pop_reply, {900, 960, 980, 1000, 1004, 1010, 1016, 1020, 1024}, 1000, 512},
    ssh = {&ssh_td, &ssh_request, &ssh_reply, {720, 880, 930, 980, 1000, 1008, 1012, 1016, 1024}, 850, 700},
    misc = {&other_td, &other_size, &other_size, {330, 380, 500, 560, 720, 780, 810, 880, 1024}, 560, 512};

/* Payload of nbytes as packets: full segments, headers of 40 or 52 bytes, a few packets more for opening and closing.
 */
static void packets(struct fm_sim_flow *f, uint64_t nbytes, uint64_t data, uint32_t extra, uint32_t header)
{
	f->pkt = data + extra;
	f->byt = nbytes + f->pkt * header + (extra > 1 ? 8 : 0);
}

/* The two halves of one conversation, without type of service. */
static void halves(struct fm_sim_slot *s, struct fm_sim_flow *c, struct fm_sim_flow *r, uint64_t request,
		   uint64_t response)
{
	uint64_t up = (request + MSS - 1) / MSS, down = (response + MSS - 1) / MSS;
	uint32_t u = sim_u32(s), header = u & 1 ? 40 : 52, a = u >> 1 & 3, b = u >> 3 & 3;

	if ((u >> 5 & 7) < 3)
		up++;
	if (down < 4 && (u >> 8 & 7) < 3)
		down += 1 + a / 2;
	packets(c, request, up + down / 2, 2 + a, header);
	packets(r, response, down + up / 2, 2 + b, header);
}

void fm_sim_talk(struct fm_sim_slot *s, struct fm_sim_flow f[2], uint32_t td_ms, uint64_t request, uint64_t response)
{
	f[1] = (struct fm_sim_flow){.sec = f[0].sec,
				    .sa = f[0].da,
				    .da = f[0].sa,
				    .sp = f[0].dp,
				    .dp = f[0].sp,
				    .pr = SIM_TCP,
				    .flg = f[1].flg};
	f[0].pr = SIM_TCP;
	f[0].td_ms = f[1].td_ms = td_ms;
	halves(s, &f[0], &f[1], request, response);
}

/* Conversations without payload: what is left of a closed one, opened and closed, kept alive, refused. */
static void idle(struct fm_sim_slot *s, int way, uint32_t bits, struct fm_sim_flow *c, struct fm_sim_flow *r)
{
	uint32_t header = bits & 1 ? 40 : 52, k;

	bits >>= 1;
	switch (way) {
	case TAIL:
		c->pkt = 1 + ((bits & 7) < 5) + ((bits & 31) == 4 ? 2 : 0);
		r->pkt = 1 + ((bits >> 1 & 7) < 5);
		c->byt = c->pkt * header;
		r->byt = r->pkt * header;
		c->td_ms = (uint32_t)fm_sim_dist_draw(s, &wait_td) / 16;
		break;
	case EMPTY:
		c->pkt = 3 + (bits & 1);
		r->pkt = 3 + (bits >> 1 & 1);
		c->byt = c->pkt * header + 8;
		r->byt = r->pkt * header + 4;
		c->td_ms = (uint32_t)fm_sim_dist_draw(s, &wait_td);
		break;
	case QUIET:
		k = bits & 15;
		c->pkt = k < 11 ? 1 : 2 + k % 3;
		r->pkt = k < 12 ? 1 : c->pkt;
		c->byt = c->pkt * (header + (bits >> 4 & 1));
		r->byt = r->pkt * header;
		c->td_ms = (uint32_t)fm_sim_dist_draw(s, &wait_td);
		break;
	default:
		c->pkt = r->pkt = 1 + ((bits & 15) < 3) + ((bits & 15) < 1);
		c->byt = c->pkt * (header + 8);
		r->byt = r->pkt * 40;
		if (bits >> 4 & 3) { /* not refused after all: the client went away after the answer */
			r->flg = SIM_AS;
			r->byt = r->pkt * (header + 4);
		}
		c->td_ms = 500 * (uint32_t)(c->pkt - 1) + 8;
	}
	r->td_ms = c->td_ms;
}

/* Conversations with payload. */
static void busy(struct fm_sim_slot *s, const struct service *v, int way, uint32_t bits, struct fm_sim_flow *c,
		 struct fm_sim_flow *r)
{
	uint64_t request, response;

	if (way == MIDDLE && (bits & 7) < 3) { /* one segment of a long connection and its acknowledgement */
		uint32_t header = bits & 8 ? 40 : 52;
		c->pkt = r->pkt = 1;
		c->byt = header + 1 + sim_below(s, bits & 16 ? 60 : 900);
		r->byt = header;
		r->flg = SIM_A;
		return;
	}
	if (way == RESET && bits & 1) {
		c->flg = SIM_APRSF;
		r->flg = SIM_APSF;
	}
	request = fm_sim_dist_draw(s, v->request);
	response = fm_sim_dist_draw(s, v->response);
	c->td_ms = (uint32_t)fm_sim_dist_draw(s, v->td);
	r->td_ms = c->td_ms;
	if ((bits >> 5 & 7) < 3 && c->td_ms >= 40)
		r->td_ms -= 4 * (bits >> 8 & 7);
	halves(s, c, r, request, response);
}

/* One conversation with a service: its way, then its flows, both or the one that was seen. */
static void converse(struct fm_sim_slot *s, const struct service *v, uint32_t client, uint16_t cport, uint32_t server,
		     uint16_t sport, uint32_t sec)
{
	struct fm_sim_flow c = {.sec = sec, .sa = client, .da = server, .sp = cport, .dp = sport, .pr = SIM_TCP};
	struct fm_sim_flow r = {.sa = server, .da = client, .sp = sport, .dp = cport, .pr = SIM_TCP};
	uint32_t u = sim_u32(s), pick = u & 1023, lag = u >> 10 & 63, bits = u >> 16;
	bool both = sim_chance(s, v->paired), alone = false;
	int way = 0;

	if (!both)
		alone = sim_chance(s, v->lone);
	while (pick >= v->way[way])
		way++;
	c.flg = way_flags[way][0];
	r.flg = way_flags[way][1];
	r.sec = sim_later(s, sec, lag < 8 ? 1 + lag / 4 : 0);
	if (way >= TAIL)
		idle(s, way, bits, &c, &r);
	else
		busy(s, v, way, bits, &c, &r);
	if (both || alone)
		fm_sim_emit(s, c, false);
	if (both || !alone)
		fm_sim_emit(s, r, false);
}

/* Parallel conversations of one client with one server, as a browser opens them. */
static void visit(struct fm_sim_slot *s, const struct service *v, enum fm_sim_pool clients, enum fm_sim_pool servers,
		  uint16_t port, uint32_t sec, uint32_t most)
{
	uint32_t client = fm_sim_host(s, clients), server = fm_sim_host(s, servers), n = 1, cport;

	if (client == server)
		return;
	while (n < most && sim_chance(s, 480))
		n++;
	cport = fm_sim_ephemeral(s);
	for (uint32_t i = 0; i < n; i++) {
		converse(s, v, client, (uint16_t)cport, server, port, sim_later(s, sec, i / 3));
		cport += sim_between(s, 1, 3);
		if (cport > 65535)
			cport = 1024;
	}
}

/* ---- sessions: one function a kind, each emits a few flows that end at sec or soon after ---- */

static void web_in(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &web, SIM_OUT_CLIENT, SIM_IN_WEB, 80, sec, 6);
}

static void web_out(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &web, SIM_IN_CLIENT, SIM_OUT_WEB, sim_chance(s, 40) ? 8080 : 80, sec, 5);
}

static void tls_in(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &tls, SIM_OUT_CLIENT, SIM_IN_WEB, 443, sec, 3);
}

static void tls_out(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &tls, SIM_IN_CLIENT, SIM_OUT_WEB, 443, sec, 4);
}

static void mail_in(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &smtp, SIM_OUT_MAIL, SIM_IN_MAIL, 25, sec, 2);
}

static void mail_out(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &smtp, SIM_IN_MAIL, SIM_OUT_MAIL, 25, sec, 2);
}

static void mail_submit(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &smtp, SIM_OUT_CLIENT, SIM_IN_MAIL, 587, sec, 1);
}

static void mail_fetch(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &pop, SIM_OUT_CLIENT, SIM_IN_POP, sim_chance(s, 90) ? 143 : 110, sec, 2);
}

static void ssh_in(struct fm_sim_slot *s, uint32_t sec)
{
	visit(s, &ssh, SIM_OUT_CLIENT, SIM_IN_ANY, 22, sec, 2);
}

static void other_tcp(struct fm_sim_slot *s, uint32_t sec)
{
	static const uint16_t port[] = {5061, 1723, 3306, 3389, 21, 8080, 993, 1433, 6000, 5222};
	uint32_t k = sim_below(s, 24);
	uint16_t p = k < 10 ? port[k] : fm_sim_ephemeral(s);

	if (sim_chance(s, 640))
		visit(s, &misc, SIM_OUT_CLIENT, SIM_IN_ANY, p, sec, 2);
	else
		visit(s, &misc, SIM_IN_CLIENT, SIM_OUT_WEB, p, sec, 2);
}

/* A connection attempt that nobody answers, with the retransmissions of its stack: 3 s, then 6 s, then 12 s later. */
static void unanswered(struct fm_sim_slot *s, uint32_t sec)
{
	static const uint16_t port[] = {80,   80,   80, 23,  23,   23,   22,   22, 445,
					3389, 5060, 25, 443, 8080, 3306, 1433, 21, 5900};
	static const uint8_t size[] = {40, 40, 40, 40, 40, 40, 48, 48, 48, 60, 60, 60, 52, 52, 44, 44};
	static const uint32_t wait[] = {0, 3000, 9000, 21000, 45000, 93000};
	uint32_t u = sim_u32(s), n = 1, tries = 1, sa = fm_sim_host(s, SIM_OUT_SCAN), da = fm_sim_host(s, SIM_IN_ANY),
		 cport;
	uint16_t dport = port[(u & 0xffff) * (sizeof port / sizeof *port) >> 16];
	uint32_t bytes = size[u >> 16 & 15];

	if ((u >> 20 & 7) == 0)
		dport = fm_sim_ephemeral(s);
	while (n < 5 && sim_chance(s, 250))
		n++;
	while (bytes > 44 && tries < 6 && sim_chance(s, 560))
		tries++;
	cport = fm_sim_ephemeral(s);
	for (uint32_t i = 0; i < n; i++) {
		struct fm_sim_flow f = {.sec = sim_later(s, sec, i / 2),
					.sa = sa,
					.da = da,
					.sp = (uint16_t)cport,
					.dp = dport,
					.pr = SIM_TCP,
					.flg = SIM_S,
					.pkt = tries,
					.byt = tries * bytes};
		uint32_t v = sim_u32(s);
		bool slow = tries == 1 && v < UINT32_MAX / 200; /* a clock's slip that real collectors show */
		f.td_ms = slow ? 4000 : wait[tries - 1] + 8;
		if (tries > 1)
			f.td_ms -= 4 * (v & 3);
		fm_sim_emit(s, f, slow);
		if ((v >> 8 & 15) == 0 && tries == 1) { /* a closed port answers */
			struct fm_sim_flow r = {.sec = f.sec,
						.sa = da,
						.da = sa,
						.sp = dport,
						.dp = (uint16_t)cport,
						.pr = SIM_TCP,
						.flg = v >> 12 & 1 ? SIM_R : SIM_AR,
						.pkt = 1,
						.byt = 40};
			fm_sim_emit(s, r, false);
		}
		da = fm_sim_host(s, SIM_IN_ANY);
		if (v >> 13 & 1)
			cport = fm_sim_ephemeral(s);
		else
			cport = cport < 65535 ? cport + 1 : 1024;
	}
}

/* One datagram each way, or several when both sides repeat themselves. */
static void exchange(struct fm_sim_slot *s, struct fm_sim_flow f, uint32_t answer, bool answered)
{
	struct fm_sim_flow r = f;

	fm_sim_emit(s, f, false);
	if (!answered)
		return;
	r.sa = f.da;
	r.da = f.sa;
	r.sp = f.dp;
	r.dp = f.sp;
	r.stos = 0;
	r.byt = f.pkt * answer;
	fm_sim_emit(s, r, false);
}

static void dns(struct fm_sim_slot *s, uint32_t sec)
{
	struct fm_sim_flow f = {.sec = sec, .dp = 53, .pr = SIM_UDP, .pkt = 1};
	uint32_t u = sim_u32(s), n = 1, answer;

	if ((u & 7) < 6) {
		bool resolver = u >> 3 & 1;
		f.sa = fm_sim_host(s, resolver ? SIM_IN_DNS : SIM_IN_CLIENT);
		f.da = fm_sim_host(s, SIM_OUT_DNS);
	} else {
		f.sa = fm_sim_host(s, SIM_OUT_CLIENT);
		f.da = fm_sim_host(s, SIM_IN_DNS);
	}
	while (n < 3 && sim_chance(s, 256))
		n++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = sim_u32(s);
		f.sp = fm_sim_ephemeral(s);
		f.pkt = (v & 31) == 0 ? 2 : 1;
		f.td_ms = f.pkt > 1 && v & 32 ? 4 * (v >> 6 & 1023) : 0;
		f.byt = f.pkt * fm_sim_dist_draw(s, &dns_query);
		answer = (uint32_t)fm_sim_dist_draw(s, &dns_answer);
		exchange(s, f, answer, (v >> 16 & 127) < 118);
	}
}

static void ntp(struct fm_sim_slot *s, uint32_t sec)
{
	struct fm_sim_flow f = {.sec = sec, .dp = 123, .pr = SIM_UDP};
	uint32_t u = sim_u32(s);

	f.sp = u & 3 ? 123 : fm_sim_ephemeral(s);
	f.sa = fm_sim_host(s, SIM_IN_ANY);
	f.da = fm_sim_host(s, SIM_OUT_NTP);
	f.pkt = (u >> 2 & 15) < 12 ? 1 : 2 + (u >> 6 & 3);
	f.td_ms = (uint32_t)(f.pkt - 1) * 4 * sim_between(s, 500, 4200);
	f.byt = f.pkt * 76;
	exchange(s, f, 76, (u >> 8 & 15) < 12);
}

/* Telephony probes from outside over many inside hosts. */
static void sip(struct fm_sim_slot *s, uint32_t sec)
{
	struct fm_sim_flow f = {.sec = sec, .pr = SIM_UDP, .dp = 5060, .pkt = 1};
	uint32_t n = sim_between(s, 1, 4), size = sim_between(s, 418, 446);

	f.sa = fm_sim_host(s, SIM_OUT_SCAN);
	f.sp = (uint16_t)sim_between(s, 5060, 5110);
	if (sim_chance(s, 200))
		f.dp = (uint16_t)sim_between(s, 5061, 5080);
	for (uint32_t i = 0; i < n; i++) {
		f.da = fm_sim_host(s, SIM_IN_ANY);
		f.byt = size + sim_below(s, 3);
		fm_sim_emit(s, f, false);
		f.sp++;
	}
}

static void snmp(struct fm_sim_slot *s, uint32_t sec)
{
	struct fm_sim_flow f = {.sec = sec, .pr = SIM_UDP, .dp = 161};

	f.sa = fm_sim_host(s, SIM_OUT_TUNNEL);
	f.da = fm_sim_host(s, SIM_IN_ANY);
	f.sp = fm_sim_ephemeral(s);
	f.pkt = 6 * sim_between(s, 1, 4);
	f.td_ms = (uint32_t)f.pkt * 900 + 4 * sim_below(s, 400);
	f.byt = f.pkt * sim_between(s, 72, 78);
	fm_sim_emit(s, f, false);
}

static void other_udp(struct fm_sim_slot *s, uint32_t sec)
{
	static const uint16_t port[] = {500, 137, 1900, 53413, 3478, 330, 5678, 6881};
	struct fm_sim_flow f = {.sec = sec, .pr = SIM_UDP};
	uint32_t u = sim_u32(s);

	f.dp = u & 1 ? port[u >> 1 & 7] : fm_sim_ephemeral(s);
	f.sp = f.dp == 500 ? 500 : fm_sim_ephemeral(s);
	f.sa = fm_sim_host(s, SIM_OUT_SCAN);
	f.da = fm_sim_host(s, SIM_IN_ANY);
	f.pkt = (u >> 4 & 7) < 6 ? 1 : 2 + (u >> 7 & 31);
	f.td_ms = (uint32_t)(f.pkt - 1) * 4 * sim_below(s, 3000);
	if (f.td_ms > MAX_TD)
		f.td_ms = MAX_TD;
	f.byt = f.pkt * sim_between(s, 29, u >> 12 & 1 ? 130 : 520);
	exchange(s, f, 28 + sim_below(s, 200), (u >> 13 & 7) < 2);
}

/* Routers inside that tell each other their tables. */
static void rip(struct fm_sim_slot *s, uint32_t sec)
{
	struct fm_sim_flow f = {.sec = sec, .pr = SIM_UDP, .sp = 520, .dp = 520};

	f.sa = s->w->inside[SIM_NINSIDE - 1 - sim_below(s, 2)];
	f.da = s->w->inside[SIM_NINSIDE - 3];
	f.pkt = 2 * sim_between(s, 1, 8);
	f.td_ms = (uint32_t)(f.pkt / 2 - 1) * 15000 + 4 * sim_below(s, 200);
	f.byt = f.pkt * 302;
	fm_sim_emit(s, f, false);
}

/* ICMP: no source port, destination port is type * 256 + code. */
static void ping(struct fm_sim_slot *s, uint32_t sec)
{
	static const uint8_t size[] = {64, 32, 84, 84, 60, 44, 28, 92};
	struct fm_sim_flow f = {.sec = sec, .dp = 8 * 256, .pr = SIM_ICMP}, r;
	uint32_t u = sim_u32(s), bytes = size[u & 7];

	f.sa = fm_sim_host(s, u >> 3 & 7 ? SIM_OUT_SCAN : SIM_OUT_CLIENT);
	f.da = fm_sim_host(s, SIM_IN_ANY);
	f.pkt = (u >> 6 & 7) < 3 ? 1 : 1 + (u >> 9 & 3) + ((u >> 11 & 15) == 0 ? 12 : 0);
	f.td_ms = (uint32_t)(f.pkt - 1) * 1000 + (f.pkt > 1 ? 4 * (u >> 15 & 3) : 0);
	f.byt = f.pkt * bytes;
	fm_sim_emit(s, f, false);
	if ((u >> 20 & 15) < 9) {
		r = f;
		r.sa = f.da;
		r.da = f.sa;
		r.dp = 0;
		fm_sim_emit(s, r, false);
	}
}

static void unreachable(struct fm_sim_slot *s, uint32_t sec)
{
	static const uint16_t kind[] = {771, 771, 771, 771, 771, 769, 778, 2816};
	struct fm_sim_flow f = {.sec = sec, .pr = SIM_ICMP};
	uint32_t u = sim_u32(s);
	bool out = (u & 15) < 13;

	f.dp = kind[u >> 4 & 7];
	f.sa = fm_sim_host(s, out ? SIM_IN_ANY : SIM_OUT_CLIENT);
	f.da = fm_sim_host(s, out ? SIM_OUT_CLIENT : SIM_IN_ANY);
	f.stos = u >> 7 & 7 ? 192 : 0;
	f.pkt = u >> 10 & 1 ? 1 : 1 + (u >> 11 & 15);
	f.td_ms = (uint32_t)(f.pkt - 1) * (1500 + 4 * (u >> 15 & 255));
	f.byt = f.pkt * (u >> 23 & 1 ? 68 : 96 + (u >> 24 & 15));
	fm_sim_emit(s, f, false);
}

/* Tunnels: protocols without ports between a few hosts, exported whenever the active timeout strikes. */
static void tunnel(struct fm_sim_slot *s, uint32_t sec)
{
	static const uint8_t proto[] = {SIM_GRE, SIM_GRE, SIM_GRE, SIM_GRE, SIM_IPIP, SIM_IPIP, SIM_IPIP, SIM_ESP};
	struct fm_sim_flow f = {.sec = sec};
	uint32_t u = sim_u32(s), size;

	f.pr = proto[u & 7];
	f.sa = fm_sim_host(s, SIM_OUT_TUNNEL);
	f.da = s->w->inside[SIM_NINSIDE - 4 - (f.sa & 3)];
	f.pkt = fm_sim_dist_draw(s, &tunnel_packets);
	f.td_ms = f.pkt > 1000 ? 300000 + 4 * (u >> 3 & 8191) : (uint32_t)f.pkt * 260;
	size = 70 + (u >> 16 & 127);
	f.byt = f.pkt * size;
	exchange(s, f, 60 + (u >> 23 & 63), (u >> 29) < 5);
}

/* Sessions and their weights by day and by night.  A session has several flows, so weights are not shares of flows. */
static const struct {
	void (*make)(struct fm_sim_slot *, uint32_t sec);
	uint16_t weight[SIM_NMIX];
	bool listed; /* has a party outside, which a listed host can play */
} kinds[] = {
    {web_in, {290, 235}, true},    {web_out, {40, 18}, true},      {tls_in, {46, 30}, true},
    {tls_out, {36, 16}, true},     {mail_in, {62, 64}, true},      {mail_out, {26, 22}, true},
    {mail_submit, {6, 3}, true},   {mail_fetch, {38, 26}, true},   {ssh_in, {24, 32}, true},
    {other_tcp, {76, 80}, true},   {unanswered, {170, 225}, true}, {dns, {128, 120}, true},
    {ntp, {36, 40}, true},         {sip, {12, 18}, true},          {snmp, {26, 28}, true},
    {other_udp, {50, 52}, true},   {rip, {14, 16}, false},         {ping, {44, 50}, true},
    {unreachable, {40, 40}, true}, {tunnel, {12, 14}, false},
};
enum { NKIND = sizeof kinds / sizeof *kinds };
_Static_assert(NKIND <= 32, "fm_sim_mixes has room for 32 kinds");

void fm_sim_mixes(uint64_t weight[SIM_NMIX][32], uint32_t *n)
{
	for (int m = 0; m < SIM_NMIX; m++)
		for (int k = 0; k < NKIND; k++)
			weight[m][k] = kinds[k].weight[m];
	*n = NKIND;
}

void fm_sim_background(struct fm_sim_slot *s, uint32_t day)
{
	while (s->n < s->quota) {
		uint32_t mix = sim_chance(s, day) ? SIM_MIX_DAY : SIM_MIX_NIGHT;
		uint32_t k = fm_sim_alias_draw(s, &s->w->mix[mix]);
		uint32_t sec = s->first + sim_below(s, s->len);

		if (s->label != FM_SIM_BLACKLIST || kinds[k].listed)
			kinds[k].make(s, sec);
	}
}
