/* generator_rows.c - what the generators of single rows share around their arithmetic: identity, model on disk, the
 * ends of fit and sample.
 */
#include <stdlib.h>

#include "base/version.h"
#include "manifests/canon.h"
#include "model/generator.h"
#include "model/nn/safetensors.h"
#include "model/ranges.h"
#include "model/rows/addresses.h"

int fm_rows_identity(const struct fm_config *cfg, json_t *codec, size_t windows, char hex[FM_SHA256_HEX],
		     struct fm_error *err)
{
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "what", "training of rows", "flowmint", FM_VERSION,
			      "model", fm_config_json(cfg, "model", true), "train", fm_config_json(cfg, "train", true),
			      "codec", codec, "windows", (json_int_t)windows);
	int rc =
	    j ? fm_json_digest(j, hex, err) : fm_fail(err, FM_ESYSTEM, "out of memory for the training's identity");

	json_decref(j);
	return rc;
}

int fm_rows_fitted(struct fm_model **to, struct fm_model *m, const struct fm_real_flows *real, int rc)
{
	if (rc < 0) {
		fm_model_free(m);
		return rc;
	}
	m->text_order = real->text_order;
	*to = m;
	return rc;
}

int fm_rows_save(const struct fm_model *m, const struct fm_generator_ctx *ctx, const char *dir,
		 const struct fm_rows_kept *k, struct fm_error *err)
{
	char *path = NULL, *weights = NULL;
	json_t *j = json_pack("{s:s, s:o, s:o, s:b, s:{s:i}}", "format", FM_MODEL_FORMAT, "model",
			      fm_config_json(ctx->cfg, "model", true), "codec", k->codec, "text_order", m->text_order,
			      "training", "steps", k->steps);
	int rc;

	if ((rc = fm_model_paths(dir, &path, &weights, err)) < 0 ||
	    (rc = fm_weights_save(k->layout, k->weights, weights, err)) < 0)
		goto out;
	rc = j ? fm_json_save(j, path, err) : fm_fail(err, FM_ESYSTEM, "out of memory while writing %s", path);
out:
	json_decref(j);
	free(path);
	free(weights);
	return rc;
}

int fm_rows_sampled(struct fm_table **to, struct fm_table *t, const uint8_t inside_of[256], const struct fm_config *cfg,
		    uint64_t seed, int rc, struct fm_error *err)
{
	struct fm_range inside[FM_CFG_MAXRANGES], outside[FM_CFG_MAXRANGES];
	int ninside, noutside;

	if (rc < 0 || (rc = fm_ranges(inside, &ninside, cfg, FM_SIDE_INSIDE, err)) < 0 ||
	    (rc = fm_ranges(outside, &noutside, cfg, 0, err)) < 0 ||
	    (rc = fm_row_addresses(inside_of, t, &(struct fm_range_list){outside, noutside},
				   &(struct fm_range_list){inside, ninside}, seed, err)) < 0)
		goto out;
	rc = fm_row_sort(t, err);
out:
	if (rc < 0)
		fm_table_free(t);
	else
		*to = t;
	return rc;
}
