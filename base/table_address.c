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

/* The addresses that rows of t have, added to d; code[] (of t's dictionary) in d. Without a dictionary the rows are
 * recoded at once. */
static int collect(struct fm_table *t, struct fm_address_dict *d, struct fm_error *err)
{
	const struct fm_address_dict *own = t->addresses;
	uint32_t *code = NULL;
	int rc = own ? fm_alloc(&code, own->n + 1, sizeof *code, "codes of addresses", err) : FM_OK;

	for (size_t i = 0; rc == FM_OK && own && i < own->n; i++)
		code[i] = UINT32_MAX;
	for (int c = FM_SA; c <= FM_DA; c++)
		for (size_t i = 0; FM_HAS(t, c) && i < t->rows && rc == FM_OK; i++) {
			uint32_t *v = (uint32_t *)t->col[c] + i;
			struct fm_address a = fm_table_address(t, *v);

			if (!own)
				rc = fm_address_dict_add(d, &a, false, v, err);
			else if (code[*v] == UINT32_MAX)
				rc = fm_address_dict_add(d, &a, own->inside[*v], &code[*v], err);
		}
	if (rc == FM_OK && own)
		recode(t, code);
	free(code);
	return rc;
}

int fm_tables_share_addresses(struct fm_table *const *t, size_t n, struct fm_error *err)
{
	struct fm_address_dict *all = NULL, *sorted = NULL;
	uint32_t *to = NULL;
	int rc = fm_address_dict_new(&all, err);

	for (size_t k = 0; k < n && rc == FM_OK; k++) {
		if ((rc = collect(t[k], all, err)) < 0)
			break;
		fm_address_dict_free(t[k]->addresses);
		t[k]->addresses = fm_address_dict_hold(all);
	}
	if (rc == FM_OK)
		rc = fm_address_dict_sorted(all, NULL, &sorted, &to, err);
	for (size_t k = 0; k < n && rc == FM_OK; k++) {
		recode(t[k], to);
		fm_address_dict_free(t[k]->addresses);
		t[k]->addresses = fm_address_dict_hold(sorted);
	}
	fm_address_dict_free(all);
	fm_address_dict_free(sorted);
	free(to);
	return rc;
}

int fm_table_sort_addresses(struct fm_table *t, struct fm_error *err)
{
	return fm_tables_share_addresses(&t, 1, err);
}
