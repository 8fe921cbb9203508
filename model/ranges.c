#include "model/ranges.h"

#include "manifests/cidr.h"

int fm_ranges(const char (*text)[20], int n, struct fm_range *r, struct fm_error *err)
{
	for (int i = 0; i < n; i++) {
		struct fm_cidr c;
		int rc = fm_cidr_parse(&c, text[i], err);

		if (rc < 0)
			return rc;
		r[i] = (struct fm_range){c.base, c.bits};
	}
	return FM_OK;
}
