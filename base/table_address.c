/* table_address.c - the addresses of tables in memory: one order, one dictionary (table.h). */
#include <stdlib.h>

#include "base/mem.h"
#include "base/table.h"

static void recode(struct fm_table *t, const uint32_t *to)
{
	for (int c = FM_SA; c <= FM_DA; c++)
		for (size_t i = 0; FM_HAS(t, c) && i < t->rows; i++)
			((uint32_t *)t->col[c])[i] = to[((const uint32_t *)t->col[c])[i]];
	fm_table_forget(t, 0, t->rows);
}

/* Add the address of one value to d. Its code goes into code[], which t's own codes index, or into the row itself where
 * t has no dictionary. */
static int collect_value(const struct fm_table *t, uint32_t *v, struct fm_address_dict *d, uint32_t *code,
			 struct fm_error *err)
{
	struct fm_address a = fm_table_address(t, *v);

	if (!t->addresses)
		return fm_address_dict_add(d, &a, false, v, err);
	if (code[*v] == UINT32_MAX)
		return fm_address_dict_add(d, &a, t->addresses->inside[*v], &code[*v], err);
	return FM_OK;
}

/* Add the addresses that rows of t have to d, and write their codes in d into the rows. */
static int collect(struct fm_table *t, struct fm_address_dict *d, struct fm_error *err)
{
	const struct fm_address_dict *own = t->addresses;
	uint32_t *code = NULL;
	int rc = FM_OK;

	if (own && (rc = fm_alloc(&code, own->n + 1, sizeof *code, "codes of addresses", err)) < 0)
		return rc;
	for (size_t i = 0; own && i < own->n; i++)
		code[i] = UINT32_MAX;
	for (int c = FM_SA; c <= FM_DA; c++)
		for (size_t i = 0; FM_HAS(t, c) && i < t->rows; i++)
			if ((rc = collect_value(t, (uint32_t *)t->col[c] + i, d, code, err)) < 0)
				goto out;
	if (own)
		recode(t, code);
out:
	free(code);
	return rc;
}

int fm_tables_share_addresses(struct fm_table *const *t, size_t n, struct fm_error *err)
{
	struct fm_address_dict *all = NULL, *sorted = NULL;
	uint32_t *to = NULL;
	int rc;

	if ((rc = fm_address_dict_new(&all, err)) < 0)
		goto out;
	for (size_t k = 0; k < n; k++) {
		if ((rc = collect(t[k], all, err)) < 0)
			goto out;
		fm_address_dict_free(t[k]->addresses);
		t[k]->addresses = fm_address_dict_hold(all);
	}
	if ((rc = fm_address_dict_sorted(all, NULL, &sorted, &to, err)) < 0)
		goto out;
	for (size_t k = 0; k < n; k++) {
		recode(t[k], to);
		fm_address_dict_free(t[k]->addresses);
		t[k]->addresses = fm_address_dict_hold(sorted);
	}
out:
	fm_address_dict_free(all);
	fm_address_dict_free(sorted);
	free(to);
	return rc;
}

int fm_table_sort_addresses(struct fm_table *t, struct fm_error *err)
{
	return fm_tables_share_addresses(&t, 1, err);
}
