/* label_services.c - what flows of a label are confined to. */
#include "model/codec/label_services.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"

/* The token of a port as services have it: all bins count as the first one. */
static uint16_t port_of(const struct fm_codec *c, uint16_t token)
{
	int atoms = c->num[FM_R_DP].natoms;
	return token > atoms ? (uint16_t)atoms : token;
}

/* ---- learning ---- */

/* A flow's label and service as one number. */
static uint64_t key_of(const struct fm_codec *c, const uint16_t *tok)
{
	return (uint64_t)tok[FM_T_LABEL] << 48 | (uint64_t)tok[FM_T_PR] << 32 |
	       (uint64_t)port_of(c, tok[FM_T_SP]) << 16 | port_of(c, tok[FM_T_DP]);
}

/* The services of one label, whose flows are key[0, n), sorted. */
static void fit_label(struct fm_label_services *l, const uint64_t *key, size_t n, size_t min_count)
{
	uint64_t label = *key >> 48;
	size_t covered = 0, before = l->n;
	if (label >= FM_MAXCLASSES)
		return;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && key[j] == key[i];)
			j++;
		if (j - i < min_count)
			continue;
		covered += j - i;
		l->service[l->n++] = (struct fm_label_service){(uint16_t)label, (uint16_t)(key[i] >> 32),
							       (uint16_t)(key[i] >> 16), (uint16_t)key[i]};
	}
	if ((double)covered >= FM_SERVICES_COVER * (double)n)
		l->share[label] = (double)covered / (double)n;
	else
		l->n = before;
}

int fm_label_services_fit(struct fm_label_services *l, const struct fm_codec *c, const struct fm_encoded *e,
			  int min_count, struct fm_error *err)
{
	size_t rows = e->windows * (size_t)c->window, k = min_count > 0 ? (size_t)min_count : 1;
	uint64_t *key = NULL;
	int rc;
	*l = (struct fm_label_services){0};
	if (c->vocab[FM_T_LABEL] < 2)
		return FM_OK;
	if ((rc = fm_alloc(&key, rows + 1, sizeof *key, "services of labels", err)) < 0 ||
	    (rc = fm_alloc(&l->service, rows / k + 1, sizeof *l->service, "services of labels", err)) < 0)
		goto out;
	for (size_t r = 0; r < rows; r++)
		key[r] = key_of(c, e->tok + r * FM_NTOK);
	if ((rc = fm_sort_u64(key, NULL, rows, err)) < 0)
		goto out;
	for (size_t i = 0, j; i < rows; i = j) {
		for (j = i + 1; j < rows && key[j] >> 48 == key[i] >> 48;)
			j++;
		fit_label(l, key + i, j - i, k);
	}
out:
	free(key);
	if (rc < 0)
		fm_label_services_free(l);
	return rc;
}

/* ---- drawing ---- */

static uint16_t part_of(const struct fm_label_service *s, int c)
{
	return c == FM_T_PR ? s->pr : c == FM_T_SP ? s->sp : s->dp;
}

static uint16_t value_of(const struct fm_codec *codec, int c, uint16_t token)
{
	return c == FM_T_PR ? token : port_of(codec, token);
}

/* Does a service match the visible tokens of a flow other than column c? */
static bool goes(const struct fm_codec *codec, const struct fm_label_service *s, const uint16_t *tok, int c)
{
	static const int parts[] = {FM_T_PR, FM_T_SP, FM_T_DP};
	for (int i = 0; i < 3; i++) {
		int b = parts[i];
		if (b != c && tok[b] < codec->vocab[b] && value_of(codec, b, tok[b]) != part_of(s, b))
			return false;
	}
	return true;
}

void fm_label_services_apply(const struct fm_label_services *l, const struct fm_codec *codec, const uint16_t *tok,
			     float u, int c, float *z)
{
	uint16_t label = tok[FM_T_LABEL], allowed[FM_NUM_MAXATOMS + 1];
	int n = 0, V = codec->vocab[c], left = 0;
	if (l->n == 0 || (c != FM_T_PR && c != FM_T_SP && c != FM_T_DP) || label >= FM_MAXCLASSES ||
	    !((double)u < l->share[label]))
		return;
	for (size_t i = 0; i < l->n && n < FM_NUM_MAXATOMS; i++)
		if (l->service[i].label == label && goes(codec, &l->service[i], tok, c))
			allowed[n++] = part_of(&l->service[i], c);
	for (int pass = 0; pass < 2 && (pass == 0 || left > 0); pass++)
		for (int v = 0; v < V; v++) {
			uint16_t value = value_of(codec, c, (uint16_t)v);
			bool in = false;
			for (int i = 0; i < n && !in; i++)
				in = allowed[i] == value;
			left += pass == 0 && in && z[v] > -1e29f;
			if (pass == 1 && !in)
				z[v] = -1e30f;
		}
}

/* ---- as a document ---- */

json_t *fm_label_services_json(const struct fm_label_services *l)
{
	json_t *all = json_array(), *shares = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(all, json_pack("[i,i,i,i]", l->service[i].label, l->service[i].pr,
						     l->service[i].sp, l->service[i].dp));
	for (int i = 0; i < FM_MAXCLASSES; i++)
		json_array_append_new(shares, json_real(l->share[i]));
	return json_pack("{s:o, s:o}", "label_pr_sp_dp", all, "shares", shares);
}

int fm_label_services_from_json(struct fm_label_services *l, const struct fm_codec *c, const json_t *j,
				struct fm_error *err)
{
	static const int column[4] = {FM_T_LABEL, FM_T_PR, FM_T_SP, FM_T_DP};
	const json_t *all = json_object_get(j, "label_pr_sp_dp"), *shares = json_object_get(j, "shares");
	size_t n = json_array_size(all);
	int rc = FM_OK;
	*l = (struct fm_label_services){0};
	if (!j)
		return FM_OK;
	if (!json_is_array(all) || json_array_size(shares) != FM_MAXCLASSES)
		return fm_fail(err, FM_EINPUT, "the model's services of labels are damaged");
	if ((rc = fm_alloc(&l->service, n + 1, sizeof *l->service, "services of labels", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		uint16_t part[4];
		for (size_t k = 0; k < 4; k++) {
			json_int_t v = json_integer_value(json_array_get(json_array_get(all, i), k));
			int most = c->vocab[column[k]] > 0 ? c->vocab[column[k]] : 1;
			if (v < 0 || v >= most) {
				rc = fm_fail(err, FM_EINPUT, "the model's services of labels are damaged");
				goto out;
			}
			part[k] = (uint16_t)v;
		}
		l->service[l->n++] = (struct fm_label_service){part[0], part[1], part[2], part[3]};
	}
	for (size_t i = 0; i < FM_MAXCLASSES; i++)
		l->share[i] = json_number_value(json_array_get(shares, i));
out:
	if (rc < 0)
		fm_label_services_free(l);
	return rc;
}

void fm_label_services_free(struct fm_label_services *l)
{
	free(l->service);
	*l = (struct fm_label_services){0};
}
