/* structural_zeros.c - excluded pairs of tokens. */
#include "model/codec/structural_zeros.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/flow_rules.h"
#include "model/codec/relations.h"

const int fm_pair[FM_NPAIRS][2] = {
    {FM_T_PR, FM_T_FLG},  {FM_T_PR, FM_T_SP},   {FM_T_PR, FM_T_DP},   {FM_T_PR, FM_T_BPP},
    {FM_T_FLG, FM_T_PKT}, {FM_T_FLG, FM_T_BPP}, {FM_T_PKT, FM_T_TD},  {FM_T_PKT, FM_T_BPP},
    {FM_T_PR, FM_T_PKT},  {FM_T_ROLE, FM_T_SP}, {FM_T_ROLE, FM_T_DP},
};

static int prepare(struct fm_structural_zeros *s, const int vocab[FM_NTOK], struct fm_error *err)
{
	memset(s, 0, sizeof *s);
	for (int p = 0; p < FM_NPAIRS; p++) {
		s->n[p][0] = vocab[fm_pair[p][0]];
		s->n[p][1] = vocab[fm_pair[p][1]];
		if (s->n[p][0] > 1 && s->n[p][1] > 1 &&
		    fm_alloc(&s->out[p], (size_t)s->n[p][0] * (size_t)s->n[p][1], 1, "excluded pairs", err) < 0)
			return err->code;
	}
	return FM_OK;
}

/* Is the second column of pair p copied from the flow that a flow with token i of the first is related to? */
static bool copied(int p, size_t i)
{
	return fm_pair[p][0] == FM_T_ROLE && fm_relation_source(FM_ROLE_RELATION(i), fm_pair[p][1]) >= 0;
}

static int fit_pair(struct fm_structural_zeros *s, int p, const struct fm_encoded *e, size_t rows, int k,
		    struct fm_error *err)
{
	size_t na = (size_t)s->n[p][0], nb = (size_t)s->n[p][1];
	uint32_t *met = NULL;
	double *a = NULL, *b = NULL;
	int rc;
	if ((rc = fm_alloc(&met, na * nb, sizeof *met, "pair counts", err)) < 0 ||
	    (rc = fm_alloc(&a, na, sizeof *a, "pair counts", err)) < 0 ||
	    (rc = fm_alloc(&b, nb, sizeof *b, "pair counts", err)) < 0)
		goto out;
	for (size_t r = 0; r < rows; r++) {
		const uint16_t *tok = e->tok + r * FM_NTOK;
		size_t i = tok[fm_pair[p][0]], j = tok[fm_pair[p][1]];
		met[i * nb + j]++;
		a[i]++;
		b[j]++;
	}
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++)
			s->out[p][i * nb + j] = met[i * nb + j] < (uint32_t)k && !copied(p, i) &&
						a[i] * b[j] >= (double)FM_STRUCTURAL_ZEROS_EXPECTED * k * (double)rows;
out:
	free(met);
	free(a);
	free(b);
	return rc;
}

int fm_structural_zeros_fit(struct fm_structural_zeros *s, const int vocab[FM_NTOK], const struct fm_encoded *e,
			    int window, int min_count, struct fm_error *err)
{
	int rc;
	if ((rc = prepare(s, vocab, err)) < 0)
		goto out;
	for (int p = 0; p < FM_NPAIRS; p++)
		if (s->out[p] && (rc = fit_pair(s, p, e, e->windows * (size_t)window, min_count, err)) < 0)
			goto out;
out:
	if (rc < 0)
		fm_structural_zeros_free(s);
	return rc;
}

int fm_structural_zeros_forbid(struct fm_structural_zeros *s, const struct fm_codec *c, struct fm_error *err)
{
	struct fm_flow_rules rules;
	double u;
	int rc, zero = fm_num_encode(&c->num[FM_R_SP], 0, 0, &u);

	if ((rc = fm_flow_rules_init(&rules, c, err)) < 0)
		return rc;
	for (int p = 0; p < FM_NPAIRS; p++) {
		int na = s->n[p][0], nb = s->n[p][1], with = fm_pair[p][1];
		if (!s->out[p] || fm_pair[p][0] != FM_T_PR || (with != FM_T_FLG && with != FM_T_SP && with != FM_T_DP))
			continue;
		for (int a = 0; a < na; a++)
			for (int b = 0; b < nb; b++)
				if (!fm_flow_rules_allow(&rules, a, (enum fm_tok)with, b, zero))
					s->out[p][(size_t)a * (size_t)nb + (size_t)b] = 1;
	}
	fm_flow_rules_free(&rules);
	return FM_OK;
}

/* One pair: given token `with` of the other column, `side` is the one of the two that is being drawn. */
static void exclude(const struct fm_structural_zeros *s, int p, int side, int with, float *z)
{
	const uint8_t *out = s->out[p];
	size_t nb = (size_t)s->n[p][1], step = side == 0 ? nb : 1, at = side == 0 ? (size_t)with : (size_t)with * nb;
	int n = s->n[p][side], left = 0;
	for (int i = 0; i < n; i++)
		left += !out[at + (size_t)i * step] && z[i] > -1e29f;
	for (int i = 0; left > 0 && i < n; i++)
		if (out[at + (size_t)i * step])
			z[i] = -1e30f;
}

void fm_structural_zeros_apply(const struct fm_structural_zeros *s, const int vocab[FM_NTOK], const uint16_t *tok,
			       int c, float *z)
{
	for (int p = 0; p < FM_NPAIRS; p++)
		for (int side = 0; s->out[p] && side < 2; side++) {
			int other = fm_pair[p][!side];
			if (fm_pair[p][side] == c && tok[other] < vocab[other])
				exclude(s, p, side, tok[other], z);
		}
}

/* A pair's bits, row by row, as text of 0 and 1; NULL without memory. */
json_t *fm_structural_zeros_json(const struct fm_structural_zeros *s)
{
	json_t *all = json_array();
	bool whole = true;

	for (int p = 0; p < FM_NPAIRS; p++) {
		json_t *rows = json_array();
		for (int i = 0; s->out[p] && i < s->n[p][0]; i++) {
			char *text = calloc((size_t)s->n[p][1] + 1, 1);
			for (int j = 0; text && j < s->n[p][1]; j++)
				text[j] = s->out[p][(size_t)i * (size_t)s->n[p][1] + (size_t)j] ? '1' : '0';
			whole = text && json_array_append_new(rows, json_string(text)) == 0 && whole;
			free(text);
		}
		whole =
		    json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "of", fm_tok_name[fm_pair[p][0]], "with",
							 fm_tok_name[fm_pair[p][1]], "excluded", rows)) == 0 &&
		    whole;
	}
	if (whole)
		return all;
	json_decref(all);
	return NULL;
}

/* Read the rows of a pair that has excluded tokens. */
static int read_pair(struct fm_structural_zeros *s, int p, const json_t *rows, struct fm_error *err)
{
	size_t nb = (size_t)s->n[p][1];
	for (int i = 0; i < s->n[p][0]; i++) {
		const char *text = json_string_value(json_array_get(rows, (size_t)i));
		if (!text || strlen(text) != nb || strspn(text, "01") != nb)
			return fm_fail(err, FM_EINPUT, "the model's excluded pairs of %s and %s are damaged",
				       fm_tok_name[fm_pair[p][0]], fm_tok_name[fm_pair[p][1]]);
		for (size_t k = 0; k < nb; k++)
			s->out[p][(size_t)i * nb + k] = text[k] == '1';
	}
	return FM_OK;
}

int fm_structural_zeros_from_json(struct fm_structural_zeros *s, const int vocab[FM_NTOK], const json_t *j,
				  struct fm_error *err)
{
	int rc;
	if ((rc = prepare(s, vocab, err)) < 0)
		goto out;
	for (int p = 0; p < FM_NPAIRS; p++) {
		const json_t *rows = json_object_get(json_array_get(j, (size_t)p), "excluded");
		if (s->out[p] && (rc = read_pair(s, p, rows, err)) < 0)
			goto out;
	}
out:
	if (rc < 0)
		fm_structural_zeros_free(s);
	return rc;
}

void fm_structural_zeros_free(struct fm_structural_zeros *s)
{
	for (int p = 0; p < FM_NPAIRS; p++) {
		free(s->out[p]);
		s->out[p] = NULL;
	}
	fm_label_services_free(&s->services);
}
