#include "model/diffusion/sampled.h"

#include <math.h>
#include <string.h>

#include "base/file.h"

int fm_sampled_save(const struct fm_sampled *s, size_t flows, const char *path, struct fm_error *err)
{
	struct fm_out *out = NULL;
	int rc;

	if ((rc = fm_out_open(&out, path, 0600, err)) < 0 ||
	    (rc = fm_out_write(out, s->tok, flows * FM_NTOK * sizeof *s->tok, err)) < 0 ||
	    (rc = fm_out_write(out, s->res, flows * FM_NRES * sizeof *s->res, err)) < 0) {
		fm_out_abort(out);
		return rc;
	}
	return fm_out_commit(out, err);
}

static bool tokens_ok(const uint16_t *tok, size_t flows, const int *vocab)
{
	for (size_t i = 0; i < flows; i++)
		for (int c = 0; c < FM_NTOK; c++, tok++)
			if (*tok >= vocab[c] && *tok > 0)
				return false;
	return true;
}

static bool residuals_ok(const float *res, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(res[i]))
			return false;
	return true;
}

int fm_sampled_load(const struct fm_sampled *s, size_t flows, const int *vocab, const char *path, struct fm_error *err)
{
	size_t ntok = flows * FM_NTOK * sizeof *s->tok, nres = flows * FM_NRES * sizeof *s->res;
	struct fm_map m;
	int rc;

	if ((rc = fm_map_open(&m, path, err)) < 0)
		return rc;
	if (m.len != ntok + nres) {
		rc = fm_fail(err, FM_EINPUT, "%s has %zu bytes and not %zu: it is not this part of these flows", path,
			     m.len, ntok + nres);
		goto out;
	}
	if (flows > 0) {
		memcpy(s->tok, m.data, ntok);
		memcpy(s->res, (const char *)m.data + ntok, nres);
	}
	if (!tokens_ok(s->tok, flows, vocab) || !residuals_ok(s->res, flows * FM_NRES))
		rc = fm_fail(err, FM_EINPUT, "%s holds a token or a residual that no sampler makes", path);
out:
	fm_map_close(&m);
	return rc;
}
