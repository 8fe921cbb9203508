#include "privacy/leakage/codes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"

int fm_codes_like(const struct fm_table *t, const struct fm_table *train, unsigned columns, uint32_t *code[FM_NCOL],
		  struct fm_error *err)
{
	int rc;

	for (int c = 0; c < FM_NCOL && t != train; c++)
		if (columns >> c & 1u && fm_cols[c].kind == FM_KIND_CATEGORY)
			if ((rc = fm_alloc(&code[c], t->dict[c].n + 1, sizeof **code, "category codes", err)) !=
				FM_OK ||
			    (rc = fm_dict_match(&train->dict[c], &t->dict[c], code[c], err)) < 0)
				return rc;
	return FM_OK;
}

void fm_codes_free(uint32_t *code[FM_NCOL])
{
	for (int c = 0; c < FM_NCOL; c++) {
		free(code[c]);
		code[c] = NULL;
	}
}
