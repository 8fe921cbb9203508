#include "model/ranges.h"

int fm_ranges(struct fm_range r[FM_CFG_MAXRANGES], int *n, const struct fm_config *cfg, int side, struct fm_error *err)
{
	struct fm_fresh f;
	int rc;

	if ((rc = fm_config_fresh(&f, cfg, side & FM_SIDE_INSIDE, side & FM_SIDE_IPV6, err)) < 0)
		return rc;
	for (int i = 0; i < f.n; i++)
		r[i] = f.range[i].ipv6 ? (struct fm_range){f.range[i].base[0], f.range[i].bits}
				       : (struct fm_range){(uint32_t)f.range[i].base[1], f.range[i].bits};
	*n = f.n;
	return FM_OK;
}
