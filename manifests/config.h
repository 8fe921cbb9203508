/*
 * config.h - release.yaml: what to read, how to learn it, what to make, what it must pass, where it goes.
 *
 * Every key has a default but source.path; unknown keys, wrong types and values out of range are refused with file,
 * line and what was expected.  Relative paths are relative to the folder of the file.  A preset (manifests/PRESET.yaml,
 * built into the program) is a release.yaml whose values are the defaults of the one that names it with `preset: NAME`.
 *
 *     struct fm_config *cfg;
 *     if (fm_config_load(&cfg, "release.yaml", overrides, n, err)) ...     overrides: {"train.steps=500", ...}
 *     fm_config_json(cfg, NULL, false) canonical form, for the manifest and for digests
 */
#ifndef FM_MANIFESTS_CONFIG_H
#define FM_MANIFESTS_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "manifests/cidr.h"

#define FM_CFG_STR 256
#define FM_CFG_PATH 1024
#define FM_CFG_PATHS 65536
#define FM_CFG_MAXCHECKS 128
#define FM_CFG_MAXLABELS 64
#define FM_CFG_MAXRANGES 16

/* Who set a key, or a gate check, last. */
enum fm_cfg_layer { FM_CFG_DEFAULT, FM_CFG_PRESET, FM_CFG_FILE, FM_CFG_SET, FM_CFG_WRITTEN /* out, as JSON */ };
struct fm_cfg_place {
	enum fm_cfg_layer layer;
	int order; /* among all that was set */
	size_t line;
};
#define FM_CFG_MAXKEYS 192

/* One gate check: value <= max and value >= min, for the metric of that name (metrics.h).  relative_to_floor: the
 * greatest value is max * (the metric "floor." + name) + plus.  room: gate.room of this check alone. */
struct fm_cfg_check {
	char name[64];
	bool has_max, has_min, relative_to_floor;
	double max, min;
	double plus; /* 0 without relative_to_floor */
	bool has_room;
	double room; /* without has_room gate.room stands for it */
	struct fm_cfg_place set;
	bool preset; /* the same as the preset's; a file may repeat those, as the one of flowmint init does */
};

/* What a budget of privacy is split into (privacy.budget). */
enum fm_share { FM_SHARE_VOCABULARY, FM_SHARE_PAIRS, FM_SHARE_TRAINING, FM_SHARE_GATE, FM_NSHARES };
extern const char *const fm_share_name[FM_NSHARES];

struct fm_config {
	char file[FM_CFG_PATH]; /* where it came from */
	char dir[FM_CFG_PATH];  /* its folder: the project */
	char preset[64];
	char named[FM_CFG_PATH];                 /* the file as its reader named it, for messages */
	struct fm_cfg_place set[FM_CFG_MAXKEYS]; /* where each key was set, in the order of the schema */
	unsigned absent;                         /* no key: columns that the trace lacks (bits of enum fm_col) */
	struct {
		char name[64];    /* [a-z0-9][a-z0-9._-]* */
		char version[32]; /* [0-9A-Za-z][0-9A-Za-z.+-]* */
		char description[FM_CFG_STR * 4];
		char license[64];               /* SPDX identifier */
		char license_file[FM_CFG_PATH]; /* its text; absolute after loading, or "" */
		char date[16];                  /* YYYY-MM-DD, or "": none is set */
		char previous[FM_CFG_PATH];     /* absolute after loading, or "" */
	} release;
	struct {
		char path[FM_CFG_PATHS];   /* absolute after loading: files and patterns, one a line; or "-" */
		char member[FM_CFG_STR];   /* member of an archive; "" = the only one */
		char dialect[FM_CFG_PATH]; /* a built-in name or a file */
		int64_t rows;              /* the first N; 0 = all */
		char missing[16];          /* zero | reject */
		char duplicates[16];       /* keep | drop */
		double max_bad_share;      /* 0.01 */
	} source;
	struct {
		double validation, holdout; /* shares of windows */
		int64_t holdout_least;      /* rows: a trace of few windows holds out so many, if it can */
		uint64_t seed;
	} split;
	struct {
		char kind[16];     /* which generator: model/generator.h */
		char denoiser[16]; /* transformer | unet | mlp */
		int window, width, depth, heads;
		char process[16];    /* absorbing | multinomial, for tokens; residuals are Gaussian */
		char prediction[16]; /* v | noise, of the Gaussian part */
		char schedule[16];   /* linear | cosine, of the Gaussian part */
		int steps;           /* T */
		int min_count;       /* records that a vocabulary entry needs */
		int max_hosts;       /* busiest hosts, which have a token of their own */
		char encoding[16];   /* of kinds ctgan and plain: plain | bits | values */
		/* of kind ctgan */
		char conditions[16];   /* true | log */
		int embedding, hidden; /* numbers of noise; width of a layer */
		/* of kind netshare */
		int chunks, session_records, step_records, layer_width, lstm;
		char vectors[16]; /* public | trace */
	} model;
	struct {
		int steps, batch; /* batch: windows a step */
		double rate;
		int warmup;
		double ema, weight_decay, clip;
		uint64_t seed;
		int threads;  /* 0 = as many as allowed */
		int balance;  /* how often a window of a rare class is in an epoch, at most */
		int patience; /* steps without a better validation before stopping; 0 = never stop early */
		/* of kind ctgan */
		int epochs, gan_batch; /* rows a step, a multiple of 10 */
		double gan_rate, gan_decay;
		/* of kind netshare */
		int chunk_epochs, critic_rounds, session_batch; /* sessions a step */
		double session_rate;
		int checkpoint_every;      /* steps between two checkpoints; 0 = none by steps */
		double checkpoint_seconds; /* seconds between two checkpoints; 0 = none by time */
	} train;
	struct {
		char mode[16]; /* none | dp: docs/differential-privacy.md */
		double epsilon, delta, clip, noise_multiplier;
		int64_t records;      /* the trace has at most so many units: a public bound */
		char unit[16];        /* exchange | flow | window */
		int window_exchanges; /* exchanges of two hosts kept in a minute, at most: the others are left out */
		char gate_asks[16];   /* fields | pairs | labels | all */
		char accountant[16];  /* pld | rdp */
		double budget[FM_NSHARES]; /* shares of the budget, by fm_share; all 0: those of the kind of model */
		int draws;            /* draws of noise and time for each record of a step; they are clipped together */
		double total_epsilon; /* epsilon of all runs on one trace; 0: no limit */
		char first[24], last[24]; /* public: the trace's times lie between these two */
		char labels[FM_CFG_STR];  /* public: the labels that are kept, the usual one first */
		int min_count;            /* k: fewer records than this count as few, wherever something is shown
					   */
	} privacy;
	struct {
		int64_t rows;     /* 0 = as many as the training split has */
		char sampler[16]; /* fewstep | dpm2 | ancestral */
		char order[16];   /* random | confidence, of absorbed tokens */
		int steps;
		uint64_t seed;
		int nlabels;
		struct {
			char name[64];
			double share;
		} labels[FM_CFG_MAXLABELS];
		double guidance; /* of the class of window: 0 = none */
		char by[16];     /* both | network: how records are drawn in privacy.mode dp */
		int correction;  /* rounds of gradual updates of a network's records by its noisy pairs */
		int hours[2];    /* from, to (0..24) in UTC; 0,24 = all */
		int ninside, noutside;
		char inside[FM_CFG_MAXRANGES][FM_CIDR_TEXT_MAX]; /* CIDR ranges of fresh addresses: fm_config_fresh */
		char outside[FM_CFG_MAXRANGES][FM_CIDR_TEXT_MAX];
	} generate;
	struct {
		int n;
		struct fm_cfg_check check[FM_CFG_MAXCHECKS];
		int64_t control_rows; /* rows of a control at most; 0 (never from a file): no controls */
		double room; /* how far an absolute threshold moves: times the distance of its floor from the ideal */
		double control_limit;      /* the smallest share of copied rows that the gate must catch */
		char waivable[FM_CFG_STR]; /* checks of leakage that may be waived, words */
		int64_t memory;            /* MiB that judging may take for what grows with the number of rows */
	} gate;
	struct {
		char key[FM_CFG_PATH], out[FM_CFG_PATH]; /* absolute after loading */
		char report[16];  /* metrics | histograms: what of the real flows is published (metrics.h) */
		int64_t sequence; /* number of the release; 0 = one more than the newest in the folder */
		int approvals;    /* people who must agree to a release; 0: none */
		char attestation_key[FM_CFG_PATH]; /* absolute after loading, or "": no attestations */
		char on_done[FM_CFG_STR * 4];      /* a command of the shell that is told how a run ended, or "" */
		int on_done_seconds;               /* seconds that on_done may take; 0: any number */
		char dialect[FM_CFG_PATH];         /* that releases are written in: source, a built-in name or a file */
		bool header;                       /* a line with the names of the columns, in the CSV files */
		double test_share;                 /* share of rows in data/test.csv; 0: the flows are not split */
		char expires[16];                  /* days after its issue, or YYYY-MM-DD; "" = never */
	} publish;
	struct { /* of each stage's process; 0: docs/release-yaml.md */
		int64_t memory_mib, file_mib, output_mib;
		int cpu_hours, files, threads;
	} limits;
	struct {
		char retain[16]; /* all | model | nothing: what stays of a run that was released */
		int keep_runs;   /* how many of the newest runs keep their products; 0: all */
	} workspace;
	struct {
		char shards[FM_CFG_PATH]; /* folder of finished shards; "" = none */
		char parts[FM_CFG_PATH];  /* folder of finished parts of the judging; "" = none */
		int mpi;                  /* processes that train together on this machine */
		int stall;                /* seconds that they wait for a process that stalls; 0: for ever */
	} run;
};

/* The name of the archive of its release, NAME-VERSION.tar.zst. */
#define FM_CONFIG_ARCHIVE 128
static inline const char *fm_config_archive(const struct fm_config *cfg, char out[FM_CONFIG_ARCHIVE])
{
	snprintf(out, FM_CONFIG_ARCHIVE, "%s-%s.tar.zst", cfg->release.name, cfg->release.version);
	return out;
}

/* The dialect that a release is written in: publish.dialect, or the one that the trace is in. */
static inline const char *fm_config_published(const struct fm_config *cfg)
{
	const char *own = cfg->publish.dialect;

	return own[0] == '\0' || strcmp(own, "source") == 0 ? cfg->source.dialect : own;
}

static inline bool fm_config_dp(const struct fm_config *cfg)
{
	return cfg->privacy.mode[0] == 'd';
}

/* privacy.unit flow: neighbouring traces differ in a flow, so that one exchange is replaced by another one. */
#define FM_CFG_EXCHANGE_FLOWS 4 /* flows kept of an exchange, at most */
static inline bool fm_config_unit_flow(const struct fm_config *cfg)
{
	return cfg->privacy.unit[0] == 'f';
}

/* privacy.unit window: neighbouring traces differ in all flows of two hosts that end in a minute, of which that many
 * exchanges are kept.  0: the unit is another. */
static inline unsigned fm_config_window(const struct fm_config *cfg)
{
	return cfg->privacy.unit[0] == 'w' ? (unsigned)cfg->privacy.window_exchanges : 0;
}

/* How many exchanges change at once when a unit is added or removed. */
static inline unsigned fm_config_group(const struct fm_config *cfg)
{
	unsigned window = fm_config_window(cfg);

	return window ? window : 1;
}

/* Is the holdout asked through noise, so that the gate may compare with it (stages/paid.h)? */
static inline bool fm_config_pays_gate(const struct fm_config *cfg)
{
	return fm_config_dp(cfg) && cfg->privacy.budget[FM_SHARE_GATE] > 0;
}

/* The most rows that a metric may rest on which the budget paid for: all flows of as many exchanges as there can be,
 * and what noise adds to their sum.  (config_dp.c) */
double fm_config_most_noisy_rows(const struct fm_config *cfg);

/* In mode dp: how many units of privacy.unit the trace can have; each delta, and the sum of all deltas of a trace, is
 * below 1 divided by this number. */
static inline double fm_config_units(const struct fm_config *cfg)
{
	return (double)cfg->privacy.records * (fm_config_unit_flow(cfg) ? FM_CFG_EXCHANGE_FLOWS : 1);
}

/* Where fresh addresses of a side and a family come from: the ranges of that family that generate.inside or
 * generate.outside names; where it names none, the usual ones: 10.0.0.0/8 and fd00::/8 (RFC 4193) inside,
 * 100.64.0.0/10, 198.18.0.0/15, 240.0.0.0/4 and 2001:db8::/32 (RFC 3849) outside. */
struct fm_fresh {
	struct fm_cidr range[FM_CFG_MAXRANGES];
	char text[FM_CFG_MAXRANGES][FM_CIDR_TEXT_MAX];
	int n;
};
int fm_config_fresh(struct fm_fresh *f, const struct fm_config *cfg, bool inside, bool ipv6,
		    struct fm_error *err) FM_MUST_CHECK;

/* For mode dp, the period that the config states publicly: privacy.first and privacy.last, in milliseconds UTC;
 * FM_EINPUT when they are no period. */
int fm_config_public_period(const struct fm_config *cfg, int64_t *first_ms, int64_t *last_ms,
			    struct fm_error *err) FM_MUST_CHECK;
/* Does a paid gate ask for "pairs" or "labels" besides single fields? */
bool fm_config_gate_asks(const struct fm_config *cfg, const char *what);
struct fm_buf;
struct fm_dialect;
/* In mode dp, fails at its key where a trace in this dialect is of packets, whose flows depend on each other's packets,
 * or lacks columns that identify an exchange. */
int fm_config_flows_alone(const struct fm_config *cfg, const struct fm_dialect *dialect,
			  struct fm_error *err) FM_MUST_CHECK;
/* Sets cfg->absent: the trace does not have the columns of `absent`.  Rows of such a trace are often equal by chance;
 * so where the gate asks for leak.rows_equal, it also asks for leak.isolated_z_no_addr_time of at most
 * FM_CFG_ISOLATED_Z: records with sizes of their own must not be met in training more often than in the holdout.  A
 * second call changes nothing. */
#define FM_CFG_ISOLATED_Z 2.0
void fm_config_lacks(struct fm_config *cfg, unsigned absent);
/* Take out of the gate the preset's checks that need one of those columns; names gets their names, blanks between. */
void fm_config_leave_out(struct fm_config *cfg, struct fm_buf *names);
/* The words of privacy.labels, at most `most`: label[] points into text.  Returns how many. */
int fm_config_public_labels(const struct fm_config *cfg, char text[FM_CFG_STR], const char *label[], int most);

/* For whoever finds that a config asks for the impossible: fails with the message after the place of the one of `keys`
 * ("privacy.mode model.kind gate.jsd.PR", blanks between) that was set last, FILE:LINE or --set KEY.  The code is
 * FM_EUSAGE for --set and FM_EINPUT for a file.  Where nobody set the keys, the message stands alone. */
int fm_config_fail_at(const struct fm_config *cfg, const char *keys, struct fm_error *err, const char *fmt, ...)
    FM_PRINTF(4, 5);
/* For a command that sets keys which nobody asked it to set: from here on no message of fm_config_fail_at has the key
 * of that override ("section.key=value") as its place. */
void fm_config_not_asked(struct fm_config *cfg, const char *override);

/* Puts the place of a key before a message that names the key: FILE:LINE where a file set it, and nothing otherwise.
 * Returns err->code, as fm_error_prefix does. */
int fm_config_prefix_line(const struct fm_config *cfg, const char *key, struct fm_error *err);

/* Did a preset, a file or --set give that key? */
bool fm_config_is_set(const struct fm_config *cfg, const char *key);

/* Are planted generators tried on the gate?  Never in privacy.mode dp: whether they are caught depends on real flows.
 */
static inline bool fm_config_controls(const struct fm_config *cfg)
{
	return cfg->gate.control_rows > 0 && !fm_config_dp(cfg);
}

/* The sections that decide what is learned of which records, up to NULL: nothing after training looks at records. */
extern const char *const fm_config_learning[];
/* Is "section.key=value" for that kind of model?  A key for other kinds only is refused with it. */
bool fm_config_is_for(const char *override, const char *kind);
/* The day (UTC) of SOURCE_DATE_EPOCH (reproducible-builds.org), YYYY-MM-DD; "" where it is not set, or is 0 or in 1980,
 * as builders set it that mean no date (long before any release of flowmint).  FM_EINPUT where it is no number of
 * seconds. */
int fm_source_date(char day[16], struct fm_error *err) FM_MUST_CHECK;
/* Does "section.key=value" do something in cfg, given its mode, its kind of model and the other choices that the key
 * needs?  true for a key that is not known. */
bool fm_config_counts(const struct fm_config *cfg, const char *override);
/* Is its key a choice among words, on which other keys may depend? */
bool fm_config_is_choice(const char *override);
int fm_config_load(struct fm_config **cfg, const char *file, const char *const *overrides, int noverrides,
		   struct fm_error *err) FM_MUST_CHECK;
/* The same for a project whose trace need not be named yet. */
int fm_config_load_draft(struct fm_config **cfg, const char *file, const char *const *overrides, int noverrides,
			 struct fm_error *err) FM_MUST_CHECK;
/* The same, and where each value comes from; source.path may be empty.  *provenance is a new object:
 * {"train.steps": {"from": "file", "name": "release.yaml", "line": 12}, ...}, where from is default, preset, file,
 * --set or environment; name and line are there where they say more.  A check that was dropped has an entry too. */
int fm_config_explain(struct fm_config **cfg, json_t **provenance, const char *file, const char *const *overrides,
		      int noverrides, struct fm_error *err) FM_MUST_CHECK;
/* A preset as text (the bytes of manifests/NAME.yaml), for `flowmint init`; FM_EUSAGE lists the presets when there is
 * none. */
int fm_config_preset_text(const char *name, const char **text, size_t *n, struct fm_error *err) FM_MUST_CHECK;
/* A preset as a config, with overrides, without a file (for `flowmint evaluate --gate`); source.path may be empty. */
int fm_config_preset(struct fm_config **cfg, const char *name, const char *const *overrides, int noverrides,
		     struct fm_error *err) FM_MUST_CHECK;
/* The names of a sum of bits of enum fm_col, in order: a new list, NULL without memory. */
json_t *fm_columns_json(unsigned set);
/* All effective values, or those of one section ("train") when section is not NULL; a new reference, or NULL without
 * memory. Paths of the machine (source.path, publish.*, file, dir), train.threads and train.checkpoint_* are left out
 * when public_only is set. */
json_t *fm_config_json(const struct fm_config *cfg, const char *section, bool public_only);
/* The inverse of fm_config_json(cfg, NULL, ...): from the full form the same config, byte for byte; from the public
 * form one whose private values are the defaults (source.path is empty).  Checked like a file. */
int fm_config_from_json(struct fm_config **cfg, const json_t *json, struct fm_error *err) FM_MUST_CHECK;
void fm_config_free(struct fm_config *cfg);

#endif
