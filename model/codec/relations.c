/* relations.c - finding relations in real flows, and what related flows share. */
#include "model/codec/relations.h"

#include "model/codec/tokens.h"

static bool reverses(const struct fm_table *t, size_t i, size_t j)
{
	return t->sa[j] == t->da[i] && t->da[j] == t->sa[i] && t->sp[j] == t->dp[i] && t->dp[j] == t->sp[i] &&
	       t->pr[j] == t->pr[i];
}

static bool same_way(const struct fm_table *t, size_t i, size_t j)
{
	return t->sa[j] == t->sa[i] && t->da[j] == t->da[i];
}

/* A hash as chance that is independent of the order of any trace (the finaliser of splitmix64: Steele, Lea, Flood
 * 2014). */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* Orders the rows [from, to) of a window, which are of one time: by pair of hosts, a request before its reply.  Which
 * pair comes first is a matter of chance, and another one for each `order`. */
static void reorder_time(const struct fm_table *t, size_t first, int order, int from, int to, uint16_t *row)
{
	uint16_t left[FM_WINDOW_MOST];
	uint64_t chance = first + ((uint64_t)(order - 1) << 32);
	int n = to - from, at = from;

	for (int i = 0; i < n; i++) { /* insertion sort by chance */
		int k = i;
		for (; k > 0 && mixed(chance + left[k - 1]) > mixed(chance + (uint64_t)(from + i)); k--)
			left[k] = left[k - 1];
		left[k] = (uint16_t)(from + i);
	}
	while (n > 0) {
		size_t a = first + left[0];
		/* All flows between these two hosts. */
		for (int i = 0; i < n;) {
			size_t x = first + left[i];
			bool these = same_way(t, a, x) || (t->sa[x] == t->da[a] && t->da[x] == t->sa[a]);
			if (!these) {
				i++;
				continue;
			}
			int other = i + 1;
			while (other < n && !reverses(t, x, first + left[other]))
				other++;
			uint16_t one = left[i], two = other < n ? left[other] : 0;
			bool turned = other < n && t->sp[x] < t->dp[x]; /* the requester has the higher port */
			row[at++] = turned ? two : one;
			if (other < n)
				row[at++] = turned ? one : two;
			int kept = i;
			for (int k = i + 1; k < n; k++)
				if (k != other)
					left[kept++] = left[k];
			n = kept;
		}
	}
}

/* The kind of relation from flow i to j, which has its protocol and source; FM_NRELATIONS for none. */
static int same_source(const struct fm_table *t, size_t i, size_t j)
{
	bool da = t->da[j] == t->da[i], sp = t->sp[j] == t->sp[i], dp = t->dp[j] == t->dp[i];
	if (da)
		return sp && dp ? FM_RELATION_AGAIN : sp ? FM_RELATION_SOURCE : dp ? FM_RELATION_TARGET : FM_NRELATIONS;
	return dp ? FM_RELATION_SWEEP : sp ? FM_RELATION_SERVE : FM_NRELATIONS;
}

void fm_relations_find(const struct fm_table *t, size_t first, int window, int order, struct fm_relations *l)
{
	bool answered[FM_WINDOW_MOST] = {false};

	for (int i = 0; i < window; i++)
		l->row[i] = (uint16_t)i;
	for (int i = 0, j; order > 0 && i < window; i = j) {
		for (j = i + 1; j < window && t->te[first + (size_t)j] == t->te[first + (size_t)i]; j++)
			;
		reorder_time(t, first, order, i, j, l->row);
	}
	for (int i = 0; i < window; i++) {
		int near[FM_NRELATIONS + 1] = {0}, kind = FM_RELATION_REPLY;
		for (int k = i; k > 0; k--) {
			size_t a = first + l->row[i], b = first + l->row[i - k];
			if (t->pr[a] != t->pr[b])
				continue;
			if (!answered[i - k] && reverses(t, a, b))
				near[FM_RELATION_REPLY] = k;
			if (t->sa[a] == t->sa[b])
				near[same_source(t, a, b)] = k;
		}
		while (kind < FM_NRELATIONS && near[kind] == 0)
			kind++;
		l->kind[i] = (uint8_t)(kind < FM_NRELATIONS ? kind : FM_RELATION_NONE);
		l->back[i] = (uint16_t)(kind < FM_NRELATIONS ? near[kind] : 0);
		if (kind == FM_RELATION_REPLY) /* and a reply is not itself answered */
			answered[i] = answered[i - near[kind]] = true;
	}
}

int fm_relation_source(int kind, int c)
{
	bool turned = kind == FM_RELATION_REPLY, fan = kind == FM_RELATION_SWEEP || kind == FM_RELATION_SERVE;
	if (kind <= FM_RELATION_NONE || kind >= FM_NRELATIONS)
		return -1;
	switch (c) {
	case FM_T_PR:
		return FM_T_PR;
	case FM_T_SA:
		return turned ? FM_T_DA : FM_T_SA;
	case FM_T_DA:
		return turned ? FM_T_SA : fan ? -1 : FM_T_DA;
	case FM_T_DIR:
		return FM_T_DIR;
	case FM_T_SP:
		return turned ? FM_T_DP : kind == FM_RELATION_TARGET || kind == FM_RELATION_SWEEP ? -1 : FM_T_SP;
	case FM_T_DP:
		return turned ? FM_T_SP : kind == FM_RELATION_SOURCE || kind == FM_RELATION_SERVE ? -1 : FM_T_DP;
	default:
		return -1;
	}
}

void fm_relations_copy(uint16_t *tok, float *res, int window)
{
	static const int shared[] = {FM_T_DIR, FM_T_PR, FM_T_SA, FM_T_DA, FM_T_SP, FM_T_DP};
	for (int i = 1; i < window; i++) {
		uint16_t *a = tok + (size_t)i * FM_NTOK;
		int back, kind = fm_rel_kind(a[FM_T_REL], window, &back);
		if (kind == FM_RELATION_NONE || kind >= FM_NRELATIONS || back > i)
			continue;
		const uint16_t *q = a - (size_t)back * FM_NTOK;
		for (size_t n = 0; n < sizeof shared / sizeof *shared; n++) {
			int from = fm_relation_source(kind, shared[n]);
			if (from >= 0)
				a[shared[n]] = q[from];
		}
		if (kind == FM_RELATION_REPLY) /* the other way round; a mask, 4 or 8, stays itself */
			a[FM_T_DIR] = (uint16_t)((a[FM_T_DIR] & ~3) | (a[FM_T_DIR] & 1) << 1 | (a[FM_T_DIR] >> 1 & 1));
		float *r = res + (size_t)i * FM_NRES;
		const float *qr = r - (size_t)back * FM_NRES;
		if (fm_relation_source(kind, FM_T_SP) >= 0)
			r[FM_R_SP] = qr[kind == FM_RELATION_REPLY ? FM_R_DP : FM_R_SP];
		if (fm_relation_source(kind, FM_T_DP) >= 0)
			r[FM_R_DP] = qr[kind == FM_RELATION_REPLY ? FM_R_SP : FM_R_DP];
	}
}

enum fm_way fm_relation_way(int kind, enum fm_way way)
{
	return kind != FM_RELATION_REPLY || way == FM_WAY_OPEN ? way : way == FM_WAY_TO ? FM_WAY_FROM : FM_WAY_TO;
}

/* What the kind of a flow's relation alone tells of its way. */
static enum fm_way way_of_kind(int kind)
{
	switch (kind) {
	case FM_RELATION_TARGET:
	case FM_RELATION_SWEEP:
		return FM_WAY_TO;
	case FM_RELATION_SOURCE:
	case FM_RELATION_SERVE:
		return FM_WAY_FROM;
	default:
		return FM_WAY_OPEN;
	}
}

/* A flow has one source, which is before it: so what is known goes up to the first flows of the trees, and down. */
void fm_relations_ways(const uint16_t *tok, int window, int known, uint8_t *way)
{
	int kind[FM_WINDOW_MOST], back[FM_WINDOW_MOST];

	for (int i = 0; i < window; i++) {
		const uint16_t *flow = tok + (size_t)i * FM_NTOK;
		kind[i] = i < known ? fm_rel_kind(flow[FM_T_REL], window, &back[i]) : FM_NRELATIONS;
		bool joined = kind[i] > FM_RELATION_NONE && kind[i] < FM_NRELATIONS && back[i] <= i;
		way[i] = (uint8_t)way_of_kind(kind[i] < FM_NRELATIONS ? kind[i] : FM_ROLE_RELATION(flow[FM_T_ROLE]));
		if (!joined)
			back[i] = 0;
	}
	for (int i = window - 1; i > 0; i--)
		if (back[i] > 0 && way[i - back[i]] == FM_WAY_OPEN)
			way[i - back[i]] = (uint8_t)fm_relation_way(kind[i], way[i]);
	for (int i = 1; i < window; i++)
		if (back[i] > 0 && way[i] == FM_WAY_OPEN)
			way[i] = (uint8_t)fm_relation_way(kind[i], way[i - back[i]]);
}

void fm_relations_outline(uint16_t *tok, int window)
{
	uint8_t is[FM_WINDOW_MOST] = {0};
	bool all = true;

	for (int i = 0; i < window; i++) {
		int back, kind = fm_rel_kind(tok[(size_t)i * FM_NTOK + FM_T_REL], window, &back);
		all &= kind < FM_NRELATIONS;
		if (kind == FM_RELATION_NONE || kind >= FM_NRELATIONS || back > i)
			continue;
		is[i - back] |= kind == FM_RELATION_REPLY ? FM_ROLE_ANSWERED : FM_ROLE_FOLLOWED;
	}
	for (int i = 0; i < window; i++) {
		uint16_t *role = tok + (size_t)i * FM_NTOK + FM_T_ROLE;
		if (*role < FM_ROLE_TOKENS)
			*role = (uint16_t)((all ? *role & ~3 : *role) | is[i]);
	}
}
