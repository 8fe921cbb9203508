/*
 * generator.h - the one interface that every kind of model fills.  The stages train, generate, evaluate and release
 * call it and know no kind by name; model.kind in the config chooses one.
 *
 *     fm_generator_check    can this kind do all that the config asks for?
 *     fm_generator_fit      learn real flows -> a model in memory
 *     fm_model_save         -> a folder: all that sampling needs, and no record or address of the real flows
 *     fm_model_load         the folder -> the model
 *     fm_model_sample       -> a table of synthetic flows, a function of (model, wishes, rows, seed, shard) alone
 *     fm_model_part         the slow work of one part of a sample: files from which fm_model_sample goes on in
 *                           another process, with the same flows; not every kind has this
 *     fm_model_losses       how well the model knows single windows, for membership inference; not every kind has this
 *     fm_generator_describe what kind of model it is, in plain words, for the data sheet
 *
 * A kind may have another form for privacy.mode dp (private_form), which is chosen wherever the config has that mode.
 *
 * To add a kind: a file model/generator_KIND.c with a `const struct fm_generator`, its line in the table of
 * generator.c, and its word in the choices of model.kind (manifests/config_schema.c); test_generator holds the two
 * lists against each other.  The arithmetic goes into a room of its own (model/diffusion), which knows no config: the
 * file translates the config's keys into the room's options.
 *
 * Rules for a kind: what it makes is the same bits for any number of threads, compiler and processor (no libm, no BLAS;
 * base/detmath.h, base/kernels.h).  The clock decides nothing but when a checkpoint is written.  Progress is shown with
 * base/log.h's fm_progress, in the kind's own unit.
 */
#ifndef FM_MODEL_GENERATOR_H
#define FM_MODEL_GENERATOR_H

#include <jansson.h>

#include "base/hash.h"
#include "base/secret.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/config.h"

struct fm_charges;
struct fm_layout;
struct fm_sentence;
struct fm_ranks;

/* What a kind works with.  All borrowed. */
struct fm_generator_ctx {
	const struct fm_config *cfg;
	struct fm_pool *pool; /* NULL: the caller's thread alone */
	const struct fm_secret
	    *secret; /* fit in privacy.mode dp: the key of all noise, used for nothing else; else NULL */
	const struct fm_secret *checkpoint_key; /* the checkpoint is encrypted under it; NULL: it is not */
	/* fit: flows of nobody, for a kind that learns something from public traffic; the caller frees *flows. NULL:
	 * there are none. */
	int (*public_flows)(struct fm_sentence **flows, size_t *n, struct fm_error *err);
	const char *checkpoint_dir; /* fit: outlives a killed process, may be read and written; NULL: no checkpoints */
	struct fm_ranks *ranks;     /* fit: ranks that train together (base/ranks.h); NULL: this process alone */
};

/* The private side: the tables of a store, whose rows have win and gap, and what the store knows of the whole source.
 */
struct fm_real_flows {
	const struct fm_table *train, *validation; /* validation may be NULL or hold no whole window */
	int64_t first_ms, last_ms;                 /* of the source; in privacy.mode dp public, from the config */
	double source_rows;                        /* above 0; in privacy.mode dp 0, as the number is private */
	bool text_order; /* flows of one time are in the order of their text, not in their own */
};
/* Fill the source's numbers from a store's store.json. */
int fm_real_flows_source(struct fm_real_flows *real, const char *store_json, struct fm_error *err) FM_MUST_CHECK;

/* What a training came to; what a kind does not have is 0 or NaN. */
struct fm_fit_result {
	uint64_t steps, parameters, rollbacks;
	double loss, validation; /* nats per flow */
	double flows_per_second;
};

/* Which flows to make.  All other wishes (labels, hours, ranges of addresses, sampler) are the config's section
 * generate. */
struct fm_sample_in {
	uint64_t rows;  /* 0: as many as the model learned from */
	uint64_t seed;  /* generate.seed */
	uint32_t shard; /* another shard of the same seed: other flows, drawn independently of this one's */
	/* Parts of this sample that were made separately: those of nparts that there are, each in a folder
	 * PARTS/NUMBER.  Missing parts are made here.  The result is the same bytes.  NULL: none. */
	const char *parts;
	uint32_t nparts;
};

/* For an audit (privacy/audit.h): canaries, some of which are among the rows of fm_real_flows.train. */
struct fm_planted; /* privacy/canary.h */

/* What an audit may rank canaries by: how much each looks as if it were among the rows, by all noisy counts; how much
 * better the trained network knows it than the network before any private step.  A kind has the first few of these
 * (fm_generator_scores). */
enum fm_audit_score { FM_SCORE_COUNTS, FM_SCORE_LOSSES, FM_NSCORES };

/* Windows of one table: rows are whole windows of model.window rows, one after the other. */
struct fm_window_set {
	const struct fm_table *table;
	size_t n;     /* windows */
	double *loss; /* (n), nats per flow */
};

/* A fitted or loaded model.  Each kind's own struct begins with it. */
struct fm_model {
	const struct fm_generator *generator;
	/* It learned from a trace whose flows of one time are in the order of their text. Its own flows should too: the
	 * caller of sample puts them in that order (traces/text_order.h). */
	bool text_order;
};

/* A part of a sample that is made separately: number `index`, 1 to `of`, into dir, an existing empty folder.
 * Borrowed. */
struct fm_part_place {
	uint32_t index, of;
	const char *dir;
};

/* How large a kind's network is, for bounds of what a job may take (pipeline/limits_fit.c). */
struct fm_network_size {
	double width;  /* of its widest layer */
	double window; /* rows that look at each other */
	double batch;  /* rows that a step of training has in memory at once; 0: it trains in no steps */
};

struct fm_beside; /* model/marginals/beside.h */

struct fm_generator {
	const char *name; /* model.kind */
	/* Refuses a wish that the kind does not fulfil, so that none is silently ignored (fm_config_fail_at). */
	int (*check)(const struct fm_config *cfg, struct fm_error *err);
	/* Goes on from a checkpoint of this very training, if there is one, and ends with the same bits as without
	 * it. */
	int (*fit)(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		   struct fm_fit_result *result, struct fm_error *err);
	/* Writes files of any name into dir, an existing empty folder. */
	int (*save)(const struct fm_model *m, const struct fm_generator_ctx *ctx, const char *dir,
		    struct fm_error *err);
	int (*load)(struct fm_model **m, const struct fm_generator_ctx *ctx, const char *dir, struct fm_error *err);
	/* *table: in memory, sorted by te, exactly the rows asked for. */
	int (*sample)(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		      struct fm_table **table, struct fm_error *err);
	/* Makes a part of sample(in), as files for in->parts of a later call. *flows: how many flows it stands for.
	 * NULL: the kind makes all flows in one piece. */
	int (*part)(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		    const struct fm_part_place *place, uint64_t *flows, struct fm_error *err);
	/* The loss of each window of the sets: lower for windows that the model knows.  real: what it was fitted to,
	 * needed to encode a window (who is a popular host).  Noise is a function of the seed and the place in the set.
	 * NULL: the kind has no loss of single windows. */
	int (*losses)(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		      uint64_t seed, struct fm_window_set *set, int nsets, struct fm_error *err);
	/* Another generator of the same name, for configs in privacy.mode dp; NULL: this one is for all modes. */
	const struct fm_generator *private_form;
	/* For privacy.mode dp: what fit will charge for its queries of private records, a function of the config alone
	 * (privacy/charge.h).  NULL: the kind does not support that mode.  `charges` is empty. */
	int (*plan)(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err);
	/* What fit charged; borrowed. Set where plan is. */
	const struct fm_charges *(*charges)(const struct fm_model *m);
	/* As fit, and fills score[k] (n) of the canaries for each k < scores.  NULL: the kind has no score, and an
	 * audit goes by its flows alone. */
	int (*audit)(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		     const struct fm_planted *planted, double *const score[FM_NSCORES], struct fm_error *err);
	int scores;
	/* How far flows that it made lie from the noisy counts that it learned; no record is queried again.  NULL: it
	 * has none. */
	int (*beside)(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_table *made,
		      struct fm_beside *out, struct fm_error *err);
	/* Steps that a training on `rows` rows takes; NULL: the kind does not train in steps. */
	uint64_t (*steps)(const struct fm_config *cfg, uint64_t rows);
	/* Flows that a step looks at; NULL: train.batch windows. */
	uint64_t (*step_flows)(const struct fm_config *cfg);
	/* NULL: model.width, and train.batch windows of model.window rows. */
	void (*size)(const struct fm_config *cfg, struct fm_network_size *size);
	bool divides; /* fit takes ranks */
	/* See fm_generator_describe. */
	json_t *(*describe)(const struct fm_config *cfg);
	void (*free)(struct fm_model *m);
};

/* The kind of that name; NULL when there is none. */
const struct fm_generator *fm_generator_find(const char *name);
/* The kind of the config's model.kind, in the form for its privacy.mode; NULL when there is none. */
const struct fm_generator *fm_generator_of(const struct fm_config *cfg);
/* All kinds, in the order of the config's choices; ends with NULL. */
extern const struct fm_generator *const fm_generators[];
extern const struct fm_generator fm_generator_ctgan, fm_generator_diffusion, fm_generator_exchanges,
    fm_generator_marginals, fm_generator_netshare, fm_generator_plain;

/* How many flows a sample has: as many as asked for.  0: as many as were learned from, rounded down to a multiple of
 * privacy.min_count windows so that the count does not reveal their exact number; if fewer, all. */
uint64_t fm_generator_rows(const struct fm_config *cfg, uint64_t asked, uint64_t learned);
/* The kind that the config chooses, if it can do all that the config asks for.  Else it fails with fm_config_fail_at,
 * as do the two below. */
int fm_generator_check(const struct fm_generator **g, const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
/* For check, of kinds that make flows as they come: refuses generate.labels, hours, guidance and order, and
 * train.patience. */
int fm_generator_no_wishes(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
/* For check, of kinds with a denoiser over windows of flows: refuses a shape that it cannot have. */
int fm_generator_check_denoiser(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
/* Does the config's kind train in several processes at once? */
int fm_generator_check_ranks(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
/* Steps that a training on `rows` rows takes, 0 where the kind has none. */
uint64_t fm_generator_steps(const struct fm_config *cfg, uint64_t rows);
uint64_t fm_generator_step_flows(const struct fm_config *cfg);
struct fm_network_size fm_generator_size(const struct fm_config *cfg);
/* These check too. */
int fm_generator_fit(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		     struct fm_fit_result *result, struct fm_error *err) FM_MUST_CHECK;
/* How many scores the config's kind has; the others are left as they were. */
int fm_generator_scores(const struct fm_config *cfg);
int fm_generator_audit(struct fm_model **m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		       const struct fm_planted *planted, double *const score[FM_NSCORES],
		       struct fm_error *err) FM_MUST_CHECK;
int fm_model_load(struct fm_model **m, const struct fm_generator_ctx *ctx, const char *dir,
		  struct fm_error *err) FM_MUST_CHECK;

/* What the config's kind will charge; FM_EINPUT when it has no form for privacy.mode dp. */
int fm_generator_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err) FM_MUST_CHECK;
/* NULL when the kind has none. */
const struct fm_charges *fm_model_charges(const struct fm_model *m);
int fm_model_save(const struct fm_model *m, const struct fm_generator_ctx *ctx, const char *dir,
		  struct fm_error *err) FM_MUST_CHECK;
int fm_model_sample(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		    struct fm_table **table, struct fm_error *err) FM_MUST_CHECK;
/* Does the config's kind make flows by parts?  FM_EINPUT says that it does not. */
int fm_generator_check_parts(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
int fm_model_part(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		  const struct fm_part_place *place, uint64_t *flows, struct fm_error *err) FM_MUST_CHECK;
bool fm_model_has_losses(const struct fm_model *m);
int fm_model_losses(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_real_flows *real,
		    uint64_t seed, struct fm_window_set *set, int nsets, struct fm_error *err) FM_MUST_CHECK;
void fm_model_free(struct fm_model *m); /* NULL is nothing */

#define FM_MODEL_FORMAT "flowmint-model/1"
/* For fit and load: a new zeroed model of g.  out: the address of a pointer to the kind's own struct, which has `size`
 * bytes and begins with a struct fm_model. */
int fm_model_new(void *out, size_t size, const struct fm_generator *g, struct fm_error *err) FM_MUST_CHECK;
/* For save and load of a kind with weights: where model.json and weights.safetensors lie in a folder; both are to be
 * freed, after a failure too. */
int fm_model_paths(const char *dir, char **json, char **weights, struct fm_error *err) FM_MUST_CHECK;
/* For load: a model.json of limited size, when its format is FM_MODEL_FORMAT and it is of this kind; else FM_EINPUT.  A
 * new reference. */
int fm_model_json_load(json_t **j, const char *path, const struct fm_generator *of, size_t most,
		       struct fm_error *err) FM_MUST_CHECK;

/* For kinds of single rows (generator_rows.c), whose model is a codec and the weights of one layout: a digest of all
 * that the weights after a number of steps depend on; windows: how many are learned from, 0 for a kind that learns from
 * rows. */
int fm_rows_identity(const struct fm_config *cfg, json_t *codec, size_t windows, char hex[FM_SHA256_HEX],
		     struct fm_error *err) FM_MUST_CHECK;
/* The end of fit: puts the model into *to, or frees it after a failure (it may be NULL); returns rc. */
int fm_rows_fitted(struct fm_model **to, struct fm_model *m, const struct fm_real_flows *real, int rc);
/* model.json and weights.safetensors; the reference to the codec is taken. */
struct fm_rows_kept {
	const struct fm_layout *layout;
	const float *weights;
	json_t *codec;
	int steps; /* steps that training took */
};
int fm_rows_save(const struct fm_model *m, const struct fm_generator_ctx *ctx, const char *dir,
		 const struct fm_rows_kept *k, struct fm_error *err) FM_MUST_CHECK;
/* The end of sample: replaces raw addresses by fresh ones, by the side of their first octet, and sorts by time.  t,
 * which may be NULL after a failure, is freed when rc or this fails.  Returns rc. */
int fm_rows_sampled(struct fm_table **to, struct fm_table *t, const uint8_t inside_of[256], const struct fm_config *cfg,
		    uint64_t seed, int rc, struct fm_error *err) FM_MUST_CHECK;

/* The seed that a shard's random numbers start from: the seed itself for shard 0. */
uint64_t fm_shard_seed(uint64_t seed, uint32_t shard);

/* Plain facts from the config alone (the release stage does not see the model), a new reference, NULL without memory:
 *
 *     {"kind":      "diffusion",
 *      "model":     "a hybrid diffusion model: ... made the flows."
 *                   goes on from "By flowmint, with": what kind of model, over what records, how it was trained and
 *                   sampled; sentences of Markdown
 *      "addresses": "by role (who repeats, ...)"
 *                   goes on from "Addresses are drawn"}
 */
json_t *fm_generator_describe(const struct fm_config *cfg);

#endif
