/*
 * simulate_attacks.c - the attack classes of UGR'16 as rules (Macia-Fernandez et al., Computers & Security 73, 2018,
 * sections 4 and 5): what a flow of an episode looks like.
 *
 * Flows come in twos: an even one is what the attacker sends, the odd one after it is the answer, or a second probe
 * where nobody answers.  Draws are one to a statement (see simulate_flows.c).
 */
#include "traces/simulate/simulate_world.h"

/* Shares sum to 1000.  Blacklist has no episodes: it is spread over the day like background. */
const struct fm_sim_class fm_sim_classes[FM_SIM_NLABEL] = {
    [FM_SIM_DOS] = {220, 12, 80, 180, 24, 3},    [FM_SIM_SCAN11] = {130, 12, 60, 180, 12, 1},
    [FM_SIM_SCAN44] = {130, 12, 64, 180, 16, 1}, [FM_SIM_NERIS] = {120, 8, 60, 1200, 4, 0},
    [FM_SIM_UDPSCAN] = {120, 6, 60, 600, 20, 1}, [FM_SIM_SSHSCAN] = {100, 6, 50, 900, 10, 1},
    [FM_SIM_SPAM] = {100, 5, 60, 1800, 6, 0},    [FM_SIM_BLACKLIST] = {80, 0, 0, 0, 0, 0},
};

enum { NATTACKER = 5, NVICTIM = 20 };
/* Ids of outside hosts that only attacks use. */
#define ID_UDPSCAN 9100000u
#define ID_SSHSCAN 9200000u
#define ID_CONTROL 9300000u
#define ID_CLICK 9400000u
#define ID_SPAM 9500000u

/* The attacking machines are in a network of their own, 42.219.150.241 to .245. */
static uint32_t attacker(uint32_t k)
{
	return 42u << 24 | 219u << 16 | 150u << 8 | (241 + k % NATTACKER);
}

static uint32_t victim(const struct fm_sim_slot *s, uint32_t k)
{
	return s->w->inside[500 + k % NVICTIM];
}

static void answer(struct fm_sim_flow f[2], uint8_t flag, uint32_t nbytes)
{
	f[1] = f[0];
	f[1].sa = f[0].da;
	f[1].da = f[0].sa;
	f[1].sp = f[0].dp;
	f[1].dp = f[0].sp;
	f[1].flg = flag;
	f[1].pkt = 1;
	f[1].byt = nbytes;
	f[1].td_ms = 0;
}

/* SYN packets of 1280 bits from ports that count up, to port 80: one attacker to one victim, or in each third episode
 * five to three.  A victim answers part of them. */
static void dos(struct fm_sim_slot *s, uint32_t episode, uint64_t n, struct fm_sim_flow f[2])
{
	uint32_t u = sim_u32(s), many = episode % 3 == 2;

	f[0].sa = attacker(episode + (many ? (uint32_t)(n % 5) : 0));
	f[0].da = victim(s, episode * 4 + (many ? (uint32_t)(n % 3) : 0));
	f[0].sp = (uint16_t)(1024 + (episode * 7919 + n * 2) % 64000);
	f[0].dp = 80;
	f[0].flg = SIM_S;
	f[0].pkt = (u & 31) ? 1 : 2;
	f[0].byt = f[0].pkt * 160;
	f[0].td_ms = 4 * (u >> 5 & 63);
	if ((u >> 11 & 7) < 3) {
		answer(f, u >> 14 & 1 ? SIM_AS : SIM_AR, u >> 14 & 1 ? 44 : 40);
	} else {
		f[1] = f[0];
		f[1].sp++;
		f[1].pkt = 1;
		f[1].byt = 160;
	}
}

/* The n-th port that a scanner tries: the well-known ones first, then others in a fixed disorder. */
static uint16_t scan_port(uint32_t episode, uint64_t n)
{
	static const uint16_t known[] = {80,   23,   443,  21,   22,  25,   3389,  110,  445,  139, 143,  53,
					 135,  3306, 8080, 1723, 111, 995,  993,   5900, 1025, 587, 8888, 199,
					 1720, 465,  548,  113,  81,  6001, 10000, 514,  5060, 179};
	uint32_t k = (uint32_t)(n % 1000);

	if (k < sizeof known / sizeof *known)
		return known[k];
	return (uint16_t)(1 + (k * 7789 + episode * 131) % 10007);
}

/* SYN scan over the ports of a victim; a closed port answers with a reset, an open one with a handshake. */
static void scan(struct fm_sim_slot *s, uint32_t episode, uint64_t n, uint32_t lane, struct fm_sim_flow f[2])
{
	uint32_t u = sim_u32(s);

	f[0].sa = attacker(episode + lane);
	f[0].da = victim(s, episode * 4 + lane);
	f[0].sp = (uint16_t)(33000 + (episode * 977 + lane * 5003) % 31000);
	f[0].dp = scan_port(episode, n);
	f[0].flg = SIM_S;
	f[0].pkt = 1;
	f[0].byt = 44;
	if ((u & 15) < 6) {
		answer(f, (u >> 4 & 15) == 0 ? SIM_AS : SIM_AR, (u >> 4 & 15) == 0 ? 44 : 40);
	} else {
		f[1] = f[0];
		f[1].dp = scan_port(episode, n + 500);
	}
}

/* The Neris bot: keeps to its IRC channel, clicks on advertisements, mails. */
static void neris(struct fm_sim_slot *s, uint32_t episode, struct fm_sim_flow f[2])
{
	uint32_t u = sim_u32(s), kind = u & 15, td;
	uint64_t request, response;

	f[0].sa = victim(s, episode * 3 + (u >> 4 & 1));
	f[0].sp = (uint16_t)(1025 + (u >> 18) % 4000);
	f[0].flg = f[1].flg = SIM_APSF;
	if (kind < 3) { /* control */
		f[0].da = fm_sim_outside(s->w, ID_CONTROL + episode % 3);
		f[0].dp = 6667;
		f[0].flg = f[1].flg = kind ? SIM_AP : SIM_APS;
		td = 4 * sim_between(s, 8000, 30000);
		request = sim_between(s, 60, 900);
		response = sim_between(s, 200, 2600);
	} else if (kind < 5) { /* a name first */
		f[0].da = s->w->addr[SIM_IN_DNS][u >> 5 & 1];
		f[0].dp = 53;
		f[0].pr = SIM_UDP;
		f[0].flg = SIM_A;
		f[0].pkt = 1;
		f[0].byt = sim_between(s, 58, 78);
		answer(f, SIM_A, sim_between(s, 100, 260));
		return;
	} else if (kind < 11) { /* click fraud */
		f[0].da = fm_sim_outside(s->w, ID_CLICK + sim_below(s, 40));
		f[0].dp = 80;
		td = 4 * sim_between(s, 20, 900);
		request = sim_between(s, 180, 900);
		response = sim_between(s, 300, 9000);
	} else { /* spam */
		f[0].da = fm_sim_outside(s->w, ID_SPAM + sim_below(s, 300));
		f[0].dp = 25;
		f[0].flg = f[1].flg = u >> 6 & 1 ? SIM_APSF : SIM_APRS;
		td = 4 * sim_between(s, 200, 2500);
		request = sim_between(s, 400, 2600);
		response = sim_between(s, 250, 700);
	}
	fm_sim_talk(s, f, td, request, response);
}

/* One source outside sends small datagrams to many hosts inside, few ports, and hears little. */
static void udpscan(struct fm_sim_slot *s, uint32_t episode, uint64_t n, struct fm_sim_flow f[2])
{
	static const uint16_t port[] = {53413, 161, 1900, 137, 123, 5060};
	uint32_t u = sim_u32(s);

	f[0].sa = fm_sim_outside(s->w, ID_UDPSCAN + episode);
	f[0].da = s->w->inside[n * 2 % SIM_NINSIDE];
	f[0].sp = (uint16_t)(40000 + episode * 1733 % 20000);
	f[0].dp = port[episode % 6];
	f[0].pr = SIM_UDP;
	f[0].flg = SIM_A;
	f[0].pkt = 1;
	f[0].byt = 29 + episode % 4 * 11;
	if ((u & 15) == 0) {
		answer(f, SIM_A, 68); /* port unreachable */
		f[1].pr = SIM_ICMP;
		f[1].sp = 0;
		f[1].dp = 771;
		f[1].stos = 192;
	} else {
		f[1] = f[0];
		f[1].da = s->w->inside[(n * 2 + 1) % SIM_NINSIDE];
	}
}

/* One source tries passwords on port 22 of many hosts: most have no such port, the rest end the conversation. */
static void sshscan(struct fm_sim_slot *s, uint32_t episode, uint64_t n, struct fm_sim_flow f[2])
{
	uint32_t u = sim_u32(s), td;

	f[0].sa = fm_sim_outside(s->w, ID_SSHSCAN + episode);
	f[0].da = s->w->inside[(n * 2 + episode * 101) % SIM_NINSIDE];
	f[0].sp = (uint16_t)(32768 + (n * 13 + episode * 4099) % 28000);
	f[0].dp = 22;
	if ((u & 7) < 3) {
		f[0].flg = u >> 3 & 3 ? SIM_APSF : SIM_APRSF;
		f[1].flg = SIM_APSF;
		td = 4 * sim_between(s, 300, 4200);
		fm_sim_talk(s, f, td, 900 + (u >> 8 & 1023), 1500 + (u >> 18 & 1023));
	} else {
		f[0].flg = SIM_S;
		f[0].pkt = 1 + ((u >> 3 & 7) < 2);
		f[0].td_ms = 3004;
		f[0].byt = f[0].pkt * 60;
		if ((u >> 6 & 3) == 0) {
			answer(f, SIM_AR, 40);
		} else {
			f[1] = f[0];
			f[1].da = s->w->inside[(n * 2 + 1 + episode * 101) % SIM_NINSIDE];
			f[1].sp += 7;
		}
	}
}

/* A mail host inside sends to port 25 of very many others; some refuse, some never answer. */
static void spam(struct fm_sim_slot *s, uint32_t episode, struct fm_sim_flow f[2])
{
	uint32_t u = sim_u32(s), td;
	uint64_t request;

	f[0].sa = s->w->addr[SIM_IN_MAIL][12 + episode % 6];
	f[0].da = fm_sim_outside(s->w, ID_SPAM + 1000 + sim_below(s, 20000));
	f[0].sp = fm_sim_ephemeral(s);
	f[0].dp = 25;
	if ((u & 15) < 12) {
		f[0].flg = u >> 4 & 3 ? SIM_APSF : SIM_APRS;
		f[1].flg = u >> 4 & 3 ? SIM_APSF : SIM_APS;
		td = 4 * sim_between(s, 150, 2200);
		request = 1200 + (u >> 6 & 4095);
		fm_sim_talk(s, f, td, request, 260 + (u >> 18 & 255));
	} else {
		f[0].flg = SIM_S;
		f[0].pkt = 3;
		f[0].td_ms = 9000 + (u >> 4 & 15) * 4;
		f[0].byt = 180;
		f[1] = f[0];
		f[1].da = fm_sim_outside(s->w, ID_SPAM + 1000 + sim_below(s, 20000));
	}
}

void fm_sim_attack(struct fm_sim_slot *s, uint32_t sec, uint32_t episode, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t n = i / 2;
		struct fm_sim_flow f[2] = {{.sec = sec, .pr = SIM_TCP}, {0}};

		/* Bit 54 keeps these rows apart from the slots'; see fm_rng_init for what a row may be. */
		fm_rng_init(&s->rng, s->w->seed, FM_RNG_SIMULATE,
			    UINT64_C(1) << 54 | (uint64_t)s->label << 48 | (uint64_t)episode << 40 | n >> 32,
			    (uint32_t)n);
		switch (s->label) {
		case FM_SIM_DOS:
			dos(s, episode, n, f);
			break;
		case FM_SIM_SCAN11:
			scan(s, episode, n, 0, f);
			break;
		case FM_SIM_SCAN44:
			scan(s, episode, n / 4, (uint32_t)(n % 4), f);
			break;
		case FM_SIM_NERIS:
			neris(s, episode, f);
			break;
		case FM_SIM_UDPSCAN:
			udpscan(s, episode, n, f);
			break;
		case FM_SIM_SSHSCAN:
			sshscan(s, episode, n, f);
			break;
		default:
			spam(s, episode, f);
		}
		fm_sim_emit(s, f[i & 1], false);
	}
}
