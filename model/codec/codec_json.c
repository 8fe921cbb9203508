/* codec_json.c - the codec as a document: what the model keeps of the private rows, in full and readable. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/codec.h"
#include "model/codec/relations.h"

static json_t *roles_json(const struct fm_roles *r)
{
	json_t *inside = json_array(), *ipv6 = r->any_ipv6 ? json_array() : NULL, *classes = json_array();
	for (int i = 0; i < r->nhosts; i++) {
		json_array_append_new(inside, json_integer(r->side[i] & FM_SIDE_INSIDE));
		if (ipv6)
			json_array_append_new(ipv6, json_integer(r->side[i] & FM_SIDE_IPV6 ? 1 : 0));
	}
	for (int c = 0; c < r->nclasses; c++) {
		json_t *kinds = json_array();
		for (int k = 0; k < r->npool[c]; k++) {
			const struct fm_pool_entry *e = &r->pool[c][k];
			json_array_append_new(kinds, json_pack("[i,i,I]", e->windows, e->peers, (json_int_t)e->hosts));
		}
		json_t *lives = json_array();
		for (int b = 0; b < FM_LIVES; b++)
			json_array_append_new(lives, json_integer(r->life[c][b]));
		json_array_append_new(
		    classes, json_pack("{s:i, s:o, s:o}", "class", r->class_of[c], "kinds", kinds, "lives", lives));
	}
	return json_pack("{s:b, s:o, s:o*, s:o}", "any_inside", (int)r->any_inside, "popular_inside", inside,
			 "popular_ipv6", ipv6, "classes", classes);
}

static json_t *times_json(const struct fm_times *t)
{
	json_t *slots = json_array(), *spans = json_array();
	for (int s = 0; s < FM_SLOTS; s++) {
		json_t *row = json_array();
		json_array_append_new(slots, json_integer(t->slot[s]));
		for (int b = 0; b < FM_SPANS; b++)
			json_array_append_new(row, json_integer(t->span[s][b]));
		json_array_append_new(spans, row);
	}
	json_t *classes = json_array();
	for (int c = 0; c < t->nclasses; c++) {
		json_t *slot = json_array(), *share = json_array(), *count = json_array(), *span = json_array();
		for (int s = 0; s < FM_SLOTS; s++)
			json_array_append_new(slot, json_integer(t->class_slot[c][s]));
		for (int l = 0; l < t->nclasses; l++)
			json_array_append_new(share, json_real(t->class_share[c][l]));
		for (int i = 0; i < FM_COUNTS; i++)
			json_array_append_new(count, json_real(t->class_count[c][i]));
		for (int i = 0; i < FM_COUNTS; i++)
			json_array_append_new(span, json_real(t->class_span[c][i]));
		json_array_append_new(classes,
				      json_pack("{s:I, s:o, s:o, s:o, s:o, s:f}", "windows",
						(json_int_t)t->class_windows[c], "slots", slot, "labels", share,
						"counts", count, "spans", span, "run", t->class_run[c]));
	}
	json_t *follow = json_array();
	for (int l = 0; l < FM_LAGS; l++)
		json_array_append_new(follow, json_real(t->follow[l]));
	return json_pack("{s:f, s:o, s:o, s:I, s:I, s:f, s:o, s:o}", "skew", t->skew, "follow", follow, "classes",
			 classes, "first_ms", (json_int_t)t->first_ms, "last_ms", (json_int_t)t->last_ms,
			 "source_windows", t->source_windows, "slots", slots, "spans", spans);
}

json_t *fm_codec_json(const struct fm_codec *c)
{
	json_t *cat = json_object(), *num = json_object();
	for (int k = 0; k < FM_NTOK; k++) {
		if (c->cat[k].n == 0)
			continue;
		json_t *a = json_array();
		for (int i = 0; i < c->cat[k].n; i++)
			json_array_append_new(a, json_string(c->cat[k].value[i]));
		json_object_set_new(cat, fm_tok_name[k], a);
	}
	for (int r = 0; r < FM_NRES; r++)
		json_object_set_new(num, fm_tok_name[fm_res_tok[r]], fm_num_json(&c->num[r]));
	if (fm_num_tokens(&c->near) > 0)
		json_object_set_new(num, "td_near", fm_num_json(&c->near));
	json_t *families = c->families ? json_array() : NULL;
	for (int k = 0; families && k < c->cat[FM_T_PR].n; k++)
		json_array_append_new(families, json_integer(c->families[k]));
	return json_pack("{s:s, s:b, s:i, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o*}",
			 "format", "flowmint-codec/5", "text_order", (int)c->text_order, "window", c->window, "present",
			 (int)c->present, "train_rows", (json_int_t)c->train_rows, "categories", cat, "numbers", num,
			 "roles", roles_json(&c->roles), "times", times_json(&c->times), "profiles",
			 fm_profiles_json(&c->profiles), "returns", fm_returns_json(&c->returns), "kept_ports",
			 fm_flow_shares_json(&c->kept_ports), "repeats", fm_flow_shares_json(&c->repeats), "beats",
			 fm_beats_json(&c->beats), "pkt_tail", fm_tail_json(&c->pkt_tail), "alike",
			 fm_alike_json(&c->alike), "families", families);
}

static int bad(struct fm_error *err, const char *what)
{
	return fm_fail(err, FM_EINPUT, "the model's codec is damaged: %s", what);
}

static int read_roles(struct fm_roles *r, const json_t *j, struct fm_error *err)
{
	const json_t *inside = json_object_get(j, "popular_inside"), *classes = json_object_get(j, "classes"),
		     *ipv6 = json_object_get(j, "popular_ipv6");
	size_t n = json_array_size(inside), nc = json_array_size(classes);
	if (!json_is_array(inside) || !json_is_array(classes) || n > 60000 || nc < 1 || nc > FM_ROLE_CLASSES ||
	    (ipv6 && json_array_size(ipv6) != n))
		return bad(err, "roles");
	if (fm_alloc(&r->side, n + 1, 1, "host roles", err) < 0)
		return err->code;
	r->nhosts = (int)n;
	r->any_inside = json_is_true(json_object_get(j, "any_inside"));
	r->any_ipv6 = ipv6 != NULL;
	for (size_t i = 0; i < n; i++)
		r->side[i] = (uint8_t)((json_integer_value(json_array_get(inside, i)) != 0) * FM_SIDE_INSIDE +
				       (json_integer_value(json_array_get(ipv6, i)) != 0) * FM_SIDE_IPV6);
	r->nclasses = (int)nc;
	/* Classes that joined another count with it, so that it stays the largest of its side. */
	int64_t members[FM_ROLE_CLASSES] = {0};
	for (size_t c = 0; c < nc; c++) {
		const json_t *cl = json_array_get(classes, c), *kinds = json_object_get(cl, "kinds");
		size_t nk = json_array_size(kinds);
		json_int_t of = json_integer_value(json_object_get(cl, "class"));
		if (of < 0 || of >= FM_ROLE_CLASSES || (fm_role_side((int)of) & FM_SIDE_IPV6 && !ipv6) || nk < 1 ||
		    nk > 65536)
			return bad(err, "a class of hosts");
		r->class_of[c] = (int)of;
		if (fm_alloc(&r->pool[c], nk, sizeof **r->pool, "host kinds", err) < 0)
			return err->code;
		r->npool[c] = (int)nk;
		for (size_t b = 0; b < FM_LIVES; b++) {
			json_int_t hosts = json_integer_value(json_array_get(json_object_get(cl, "lives"), b));
			if (hosts < 0 || hosts > (1 << 28))
				return bad(err, "lifetimes");
			r->life[c][b] = hosts;
		}
		for (size_t k = 0; k < nk; k++) {
			const json_t *e = json_array_get(kinds, k);
			struct fm_pool_entry *p = &r->pool[c][k];
			p->windows = (int)json_integer_value(json_array_get(e, 0));
			p->peers = (int)json_integer_value(json_array_get(e, 1));
			p->hosts = json_integer_value(json_array_get(e, 2));
			if (p->windows < 1 || p->peers < 1 || p->peers > p->windows || p->windows > 65535 ||
			    p->hosts < 1 || p->hosts > (1 << 28))
				return bad(err, "a kind of host");
			members[c] += p->hosts;
		}
	}
	fm_roles_index(r, members);
	return FM_OK;
}

static int read_times(struct fm_times *t, const json_t *j, struct fm_error *err)
{
	const json_t *slots = json_object_get(j, "slots"), *spans = json_object_get(j, "spans");
	const json_t *classes = json_object_get(j, "classes");
	t->nclasses = (int)json_array_size(classes);
	if (t->nclasses < 1 || t->nclasses > FM_MAXCLASSES)
		return bad(err, "classes of windows");
	for (int c = 0; c < t->nclasses; c++) {
		const json_t *slot = json_object_get(json_array_get(classes, (size_t)c), "slots"),
			     *share = json_object_get(json_array_get(classes, (size_t)c), "labels"),
			     *count = json_object_get(json_array_get(classes, (size_t)c), "counts"),
			     *span = json_object_get(json_array_get(classes, (size_t)c), "spans");
		if (json_array_size(count) != FM_COUNTS || json_array_size(slot) != FM_SLOTS ||
		    json_array_size(share) != (size_t)t->nclasses)
			return bad(err, "a class of windows");
		t->class_windows[c] =
		    (uint32_t)json_integer_value(json_object_get(json_array_get(classes, (size_t)c), "windows"));
		for (int s = 0; s < FM_SLOTS; s++)
			t->class_slot[c][s] = (uint32_t)json_integer_value(json_array_get(slot, (size_t)s));
		for (int l = 0; l < t->nclasses; l++)
			t->class_share[c][l] = json_number_value(json_array_get(share, (size_t)l));
		for (int i = 0; i < FM_COUNTS; i++)
			t->class_count[c][i] = json_number_value(json_array_get(count, (size_t)i));
		for (int i = 0; i < FM_COUNTS; i++)
			t->class_span[c][i] = span ? json_number_value(json_array_get(span, (size_t)i)) : -1;
		t->class_run[c] = json_number_value(json_object_get(json_array_get(classes, (size_t)c), "run"));
	}
	t->skew = json_number_value(json_object_get(j, "skew"));
	for (size_t l = 0; l < FM_LAGS; l++)
		if ((t->follow[l] = json_number_value(json_array_get(json_object_get(j, "follow"), l))) < -1 ||
		    t->follow[l] > 1)
			return bad(err, "how windows follow");
	t->first_ms = json_integer_value(json_object_get(j, "first_ms"));
	t->last_ms = json_integer_value(json_object_get(j, "last_ms"));
	t->source_windows = json_number_value(json_object_get(j, "source_windows"));
	if (json_array_size(slots) != FM_SLOTS || json_array_size(spans) != FM_SLOTS || t->last_ms < t->first_ms ||
	    !(t->source_windows > 0))
		return bad(err, "times");
	for (size_t s = 0; s < FM_SLOTS; s++) {
		const json_t *row = json_array_get(spans, s);
		t->slot[s] = (uint32_t)json_integer_value(json_array_get(slots, s));
		if (json_array_size(row) != FM_SPANS)
			return bad(err, "time spans");
		for (size_t b = 0; b < FM_SPANS; b++)
			t->span[s][b] = (uint32_t)json_integer_value(json_array_get(row, b));
	}
	return FM_OK;
}

static int read_category(struct fm_cat *c, const json_t *a, struct fm_error *err)
{
	size_t n = json_array_size(a);
	if (!a)
		return FM_OK;
	if (!json_is_array(a) || n < 1 || n > 65535)
		return bad(err, "categories");
	if (fm_alloc(&c->value, n, sizeof *c->value, "categories", err) < 0)
		return err->code;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(a, i));
		if (!s || strlen(s) > 255)
			return bad(err, "a category");
		if (!(c->value[i] = strdup(s)))
			return fm_fail(err, FM_ESYSTEM, "out of memory: categories");
		c->n++;
	}
	return FM_OK;
}

/* Families of each protocol.  Each family that occurs needs a class of hosts, from which its new hosts are drawn. */
static int read_families(struct fm_codec *c, const json_t *a, struct fm_error *err)
{
	size_t n = (size_t)c->cat[FM_T_PR].n;
	bool ipv6 = !c->roles.any_ipv6;
	for (int k = 0; k < c->roles.nclasses; k++)
		ipv6 |= (fm_role_side(c->roles.class_of[k]) & FM_SIDE_IPV6) != 0;
	if (!ipv6 || (a && (!c->roles.any_ipv6 || json_array_size(a) != n)))
		return bad(err, "families");
	if (!a)
		return FM_OK;
	if (fm_alloc(&c->families, n, 1, "families of protocols", err) < 0)
		return err->code;
	for (size_t k = 0; k < n; k++) {
		json_int_t of = json_integer_value(json_array_get(a, k));
		if (of < 1 || of > (FM_FAMILY_IPV4 | FM_FAMILY_IPV6))
			return bad(err, "families");
		c->families[k] = (uint8_t)of;
	}
	return FM_OK;
}

int fm_codec_from_json(struct fm_codec **out, const json_t *j, struct fm_error *err)
{
	struct fm_codec *c = NULL;
	const json_t *numbers = json_object_get(j, "numbers"), *near = json_object_get(numbers, "td_near");
	const char *format = json_string_value(json_object_get(j, "format"));
	int rc;
	if (!format || strcmp(format, "flowmint-codec/5") != 0)
		return bad(err, "its format is not flowmint-codec/5");
	if ((rc = fm_alloc(&c, 1, sizeof *c, "the codec", err)) < 0)
		return rc;
	c->window = (int)json_integer_value(json_object_get(j, "window"));
	c->text_order = json_is_true(json_object_get(j, "text_order"));
	c->present = (unsigned)json_integer_value(json_object_get(j, "present"));
	c->train_rows = (uint64_t)json_integer_value(json_object_get(j, "train_rows"));
	if (c->window < 1 || c->window > FM_WINDOW_MOST) {
		rc = bad(err, "window");
		goto out;
	}
	for (int k = 0; k < FM_NTOK; k++) {
		const json_t *values = json_object_get(json_object_get(j, "categories"), fm_tok_name[k]);
		if ((rc = read_category(&c->cat[k], values, err)) < 0)
			goto out;
		c->vocab[k] = c->cat[k].n;
	}
	for (int r = 0; r < FM_NRES; r++) {
		const json_t *number = json_object_get(numbers, fm_tok_name[fm_res_tok[r]]);
		if ((rc = fm_num_from_json(&c->num[r], number, err)) < 0)
			goto out;
		c->vocab[fm_res_tok[r]] = fm_num_tokens(&c->num[r]);
	}
	if (near && (rc = fm_num_from_json(&c->near, near, err)) < 0)
		goto out;
	c->vocab[FM_T_TD] += fm_num_tokens(&c->near);
	if (c->vocab[FM_T_SP] != c->vocab[FM_T_DP]) {
		rc = bad(err, "the ports have two vocabularies");
		goto out;
	}
	if ((rc = read_roles(&c->roles, json_object_get(j, "roles"), err)) < 0 ||
	    (rc = read_families(c, json_object_get(j, "families"), err)) < 0 ||
	    (rc = read_times(&c->times, json_object_get(j, "times"), err)) < 0 ||
	    (rc = fm_profiles_from_json(&c->profiles, json_object_get(j, "profiles"), c->roles.nhosts, err)) < 0 ||
	    (rc = fm_returns_from_json(&c->returns, json_object_get(j, "returns"), err)) < 0 ||
	    (rc = fm_flow_shares_from_json(&c->kept_ports, json_object_get(j, "kept_ports"), "ports of clients", err)) <
		0 ||
	    (rc = fm_flow_shares_from_json(&c->repeats, json_object_get(j, "repeats"), "flows that come again", err)) <
		0 ||
	    (rc = fm_beats_from_json(&c->beats, json_object_get(j, "beats"), err)) < 0 ||
	    (rc = fm_tail_from_json(&c->pkt_tail, json_object_get(j, "pkt_tail"), err)) < 0 ||
	    (rc = fm_alike_from_json(&c->alike, json_object_get(j, "alike"), err)) < 0)
		goto out;
	c->vocab[FM_T_ROLE] = FM_ROLE_TOKENS;
	c->vocab[FM_T_REL] = FM_REL_TOKENS(c->window);
	c->vocab[FM_T_DIR] = fm_dir_tokens(&c->roles);
	c->vocab[FM_T_SA] = c->vocab[FM_T_DA] = c->window + c->roles.nhosts + c->roles.nclasses;
	*out = c;
	c = NULL;
out:
	fm_codec_free(c);
	return rc;
}

void fm_codec_free(struct fm_codec *c)
{
	if (!c)
		return;
	for (int k = 0; k < FM_NTOK; k++) {
		for (int i = 0; i < c->cat[k].n; i++)
			free(c->cat[k].value[i]);
		free(c->cat[k].value);
	}
	for (int r = 0; r < FM_NRES; r++)
		fm_num_free(&c->num[r]);
	fm_num_free(&c->near);
	fm_profiles_free(&c->profiles);
	fm_returns_free(&c->returns);
	fm_flow_shares_free(&c->kept_ports);
	fm_flow_shares_free(&c->repeats);
	free(c->families);
	free(c->roles.side);
	for (int i = 0; i < FM_ROLE_CLASSES; i++)
		free(c->roles.pool[i]);
	free(c);
}
