/* alike.c - which share of related flows have the same value. */
#include "model/codec/alike.h"

#include <string.h>

#include "model/codec/flow_number.h"

bool fm_alike_may(enum fm_res r, int kind)
{
	return r != FM_R_GAP && kind > FM_RELATION_NONE && kind < FM_NRELATIONS &&
	       fm_relation_source(kind, fm_res_tok[r]) < 0 && !(r == FM_R_TD && kind == FM_RELATION_REPLY);
}

bool fm_between_clients(const struct fm_table *t, size_t row)
{
	enum { SYSTEM_PORTS = 1024 }; /* RFC 6335 */
	return t->sp[row] >= SYSTEM_PORTS && t->dp[row] >= SYSTEM_PORTS;
}

bool fm_alike_may_stray(int kind)
{
	return kind == FM_RELATION_SOURCE || kind == FM_RELATION_TARGET || kind == FM_RELATION_SWEEP ||
	       kind == FM_RELATION_SERVE;
}

void fm_alike_fit(struct fm_alike *a, const struct fm_alike_data *d)
{
	size_t served[FM_NRELATIONS] = {0}, strays[FM_NRELATIONS] = {0};
	size_t bin[FM_NRES][FM_NRELATIONS] = {{0}}, same[FM_NRES][FM_NRELATIONS] = {{0}}, k = (size_t)d->k;
	struct fm_relations l;
	double u;
	memset(a, 0, sizeof *a);
	for (size_t w = 0; w < d->n; w++) {
		fm_relations_find(d->t, d->first[w], d->window, d->text_order, &l);
		for (int i = 0; i < d->window; i++) {
			size_t row = d->first[w] + l.row[i], from = d->first[w] + l.row[i - l.back[i]];
			if (fm_alike_may_stray(l.kind[i]) && !fm_between_clients(d->t, from)) {
				served[l.kind[i]]++;
				strays[l.kind[i]] += fm_between_clients(d->t, row);
			}
			for (int r = 0; r < FM_NRES; r++) {
				const struct fm_num *num = &d->num[r];
				if (!fm_alike_may((enum fm_res)r, l.kind[i]))
					continue;
				int64_t v = fm_flow_number(d->t, (enum fm_res)r, row),
					x = fm_flow_number(d->t, (enum fm_res)r, from);
				int token = fm_num_encode(num, v, 0.5, &u);
				if (token < num->natoms || token != fm_num_encode(num, x, 0.5, &u))
					continue;
				bin[r][l.kind[i]]++;
				same[r][l.kind[i]] += v == x;
			}
		}
	}
	for (int r = 0; r < FM_NRES; r++)
		for (int kind = 0; kind < FM_NRELATIONS; kind++) {
			size_t n = bin[r][kind], m = same[r][kind];
			a->share[r][kind] = m >= k && n - m >= k && n > 0 ? (double)m / (double)n : 0;
		}
	for (int kind = 0; kind < FM_NRELATIONS; kind++) {
		size_t n = served[kind], m = strays[kind];
		a->strays[kind] = m < k || m == 0 ? 0 : n - m < k ? 1 : (double)m / (double)n;
	}
}

static json_t *list_json(const double share[FM_NRELATIONS])
{
	json_t *list = json_array();
	for (int kind = 0; kind < FM_NRELATIONS; kind++)
		json_array_append_new(list, json_real(share[kind]));
	return list;
}

json_t *fm_alike_json(const struct fm_alike *a)
{
	json_t *all = json_object();
	for (int r = 0; r < FM_NRES; r++)
		json_object_set_new(all, fm_tok_name[fm_res_tok[r]], list_json(a->share[r]));
	json_object_set_new(all, "strays", list_json(a->strays));
	return all;
}

static bool list_read(double share[FM_NRELATIONS], const json_t *list)
{
	for (size_t kind = 0; kind < FM_NRELATIONS; kind++) {
		share[kind] = json_number_value(json_array_get(list, kind));
		if (!(share[kind] >= 0 && share[kind] <= 1))
			return false;
	}
	return json_array_size(list) == FM_NRELATIONS;
}

int fm_alike_from_json(struct fm_alike *a, const json_t *j, struct fm_error *err)
{
	bool good = true;
	memset(a, 0, sizeof *a);
	for (int r = 0; j && r < FM_NRES; r++)
		good &= list_read(a->share[r], json_object_get(j, fm_tok_name[fm_res_tok[r]]));
	if (j)
		good &= list_read(a->strays, json_object_get(j, "strays"));
	return good ? FM_OK : fm_fail(err, FM_EINPUT, "the model's codec is damaged: related flows");
}
