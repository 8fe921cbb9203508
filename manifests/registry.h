/*
 * registry.h - the one list of all metrics: what each is called, what it means, what it needs, who may see it.
 *
 * All questions about a metric by its name are asked here: by the judges (a metric that is not registered cannot be
 * added to a table), the gate, the verdict, the report, what is published, the config, `flowmint evaluate --metrics`
 * and docs/metrics.md, whose table is that command's output.
 *
 * A row describes one metric or several that are alike.  Its pattern is a name with alternatives, {a,b}, one of which
 * may be empty, and a * at the end for a label.  In its words and columns {1:x|y} is x where the first pair of braces
 * is a and y where it is b, and {*} is the label.
 */
#ifndef FM_MANIFESTS_REGISTRY_H
#define FM_MANIFESTS_REGISTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* What is measured together, in the order in which it is measured (judge/gate/measure.c). */
enum fm_metric_group {
	FM_GROUP_ROWS,
	FM_GROUP_MARGINALS,
	FM_GROUP_PAIRS,
	FM_GROUP_DAY,
	FM_GROUP_TIME,
	FM_GROUP_HEAVY,
	FM_GROUP_BURSTS,
	FM_GROUP_HOSTS,
	FM_GROUP_PROFILES,
	FM_GROUP_TWO_SAMPLE,
	FM_GROUP_RULES,
	FM_GROUP_CLASSIFICATION,
	FM_GROUP_ANOMALY,
	FM_GROUP_PREDICTION,
	FM_GROUP_LEAKAGE,
	FM_NGROUPS,
	FM_GROUP_GATE = FM_NGROUPS /* lines that the gate itself adds to a verdict */
};

/* What several rows have in common. */
struct fm_metric_topic {
	enum fm_metric_group group;
	const char *heading; /* heading of the metrics in a list of all */
	const char *title;   /* heading of the question; NULL where there is none */
	const char *asks;    /* in plain words, {k} standing for privacy.min_count */
};
extern const struct fm_metric_topic fm_metric_topics[];
extern const size_t fm_metric_ntopics;

enum fm_metric_good {
	FM_FACT, /* neither way */
	FM_LOW,  /* lower is better, down to the ideal */
	FM_HIGH, /* higher is better, up to the ideal */
	FM_PAIR, /* best when equal to the same metric of the other table */
};
enum fm_metric_needs {
	FM_NEEDS_HOLDOUT = 1,
	FM_NEEDS_MODEL = 2, /* measured with the model itself, which only a run has, not files or controls */
	FM_NEEDS_LABELS = 4,
	FM_NEEDS_PREVIOUS = 8,   /* the release before */
	FM_NEEDS_SUBSAMPLE = 16, /* present only where memory made tables smaller */
	FM_NEEDS_SHARE = 32,     /* privacy.mode dp and a share of its budget (privacy.budget.gate): paid for */
};
enum fm_metric_is {
	FM_ONE_TABLE = 1,        /* of one table alone: no distance; its floor is that of the holdout */
	FM_IDENTITY = 2,         /* recognises real addresses, so that fresh real flows would fail */
	FM_EXPECTED = 4,         /* a complete evaluation has all of these: a report says so where one is missing */
	FM_EXPECTED_FIRST = 32,  /* a complete evaluation has the first of these */
	FM_BY_GATE = 8,          /* a line of the gate, no metric: none can be computed and no config can ask for it */
	FM_UNRANKED = 16,        /* not ranked: it has a unit of its own, or counts addresses */
	FM_BESIDE_HOLDOUT = 128, /* its ideal is the holdout's value: not to be ranked without one */
	FM_OF_COUNTS = 256,      /* compares made flows with noisy counts, which only privacy.mode dp has */
	FM_OF_OTHERS = 512,      /* rests on windows or made addresses, not on rows */
	FM_OF_RULES = 64,        /* share of flows that break a rule which no flow can break, or any of these rules */
};
/* Who may see a metric, and how partners see it (docs/metrics.md says why). */
enum fm_audience {
	FM_TEAM_ALONE = 0,      /* also names that are not metrics */
	FM_WITH_HISTOGRAMS = 1, /* partners too, where publish.report is histograms */
	FM_WITH_METRICS = 2,    /* partners, whatever publish.report is */
	FM_AUDIENCE = 3,        /* one of these */
	FM_REAL_ROWS = 4,       /* its value is a number of real rows, and is rounded down as n is */
	/* Rounded to thousandths: a share of rows or pairs of rows, which exactly would tell how many are of a kind. */
	FM_THOUSANDTHS = 8,
	FM_ONE_LABEL = 16, /* rounded to hundredths, and shown from n = k rows on: the score of one label */
	/* Rounded to ten-thousandths: a divergence of one field, which would tell the same where the field has two
	 * values. */
	FM_ONE_FIELD = 32,
};
enum { FM_NO_FLOOR = -1 };
#define FM_METRIC_CONTROLS "controls.broken"    /* planted generators that the gate judged wrongly */
#define FM_METRIC_AUDITED "audit.epsilon_lower" /* what an attack on the claim shows at least */
#define FM_METRIC_BROKEN "rules.broken_share"   /* flows that break one of all rules */
#define FM_METRIC_REPEATS "leak.rows_equal"     /* a trace without any person in it has some too */

struct fm_metric_kind {
	const char *pattern;
	int topic; /* of fm_metric_topics */
	enum fm_metric_good good;
	double ideal;
	unsigned shown; /* enum fm_audience */
	int floor;      /* likewise for its noise floor, which compares the holdout with training; FM_NO_FLOOR: none */
	unsigned needs, is;  /* enum fm_metric_needs, fm_metric_is */
	const char *columns; /* columns that both tables must have, named as in UGR'16, or ""; with a|b one is enough */
	const char *words;   /* a few, for people who read reports */
	const char *what;    /* the definition; (R): equal to the reference scorer's within 1e-6 */
	double span;         /* how far from the ideal a value can be; 0: without bound, or not known */
};
extern const struct fm_metric_kind fm_metric_kinds[];
extern const size_t fm_metric_nkinds;

/* The row of a name; for "floor.NAME" the row of NAME.  NULL when there is none. */
const struct fm_metric_kind *fm_metric_kind(const char *name);
const struct fm_metric_topic *fm_metric_topic(const char *name); /* of a metric that is no floor, or NULL */
/* The metric whose noise floor has this name, a part of it; NULL: it is no floor's. */
const char *fm_metric_of_floor(const char *name);
#define FM_METRIC_FLOOR 80
#define FM_FLOOR "floor." /* what it begins with */
/* The name of a metric's noise floor, that of X being floor.X, whether there is one or not. */
void fm_metric_floor(const char *name, char floor[FM_METRIC_FLOOR]);
/* What the same number of fresh real flows is called: the noise floor, or, of what synthetic flows teach (tstr.X), what
 * real ones do (trtr.X).  A threshold can be relative to it.  False: nothing is, and fresh is "". */
bool fm_metric_fresh(const char *name, char fresh[FM_METRIC_FLOOR]);
unsigned fm_metric_audience(const char *name);
/* The number of a metric as it is published: rounded as its row says, and a floor, which is of real flows alone, to two
 * digits. */
double fm_metric_published(const char *name, double v);
/* Can a metric of this name have that value?  A metric that is good when low ends at its ideal where that is 0, one
 * that is good when high where it is 1; scores over labels are shares.  In privacy.mode dp noise may carry a value
 * further. */
bool fm_metric_can_be(const char *name, double value);
/* The least and the greatest possible value; -INFINITY and INFINITY where there is no metric of this name. */
void fm_metric_range(const char *name, double *lo, double *hi);
/* Does this metric have an interval where it is measured?  sampled: where a table was larger than gate.memory,
 * statistics have one that have none otherwise. */
bool fm_metric_has_interval(const char *name, bool sampled);
/* Clip the ends of an interval to the possible values of that metric. */
void fm_metric_within(const char *name, double *lo, double *hi);
/* NULL, or what is wrong about an interval (NULL: it has none) beside that value. */
const char *fm_metric_interval_fault(const char *name, const json_t *ci, const json_t *value, bool sampled);
#define FM_METRIC_ATTACKS 1000 /* attempts that a metric of an attack rests on, however few the rows */
/* The most rows that a metric can rest on, given the numbers of training, holdout and made rows: some metrics take two
 * tables, or both addresses of a row, and an attack is tried FM_METRIC_ATTACKS times. */
double fm_metric_most_rows(double real, double holdout, double made);
/* The number of rows that a metric rests on, as published; 0: it is not. The number of synthetic rows may be known.
 * Real rows are whole windows; behind a published number of them, and behind all of a run's together, at least k true
 * numbers are possible (stages/judged_rows.h). */
int64_t fm_metric_published_rows(const char *name, int64_t n, int64_t synthetic, int64_t k, int64_t window);
/* The number of real rows in a cell, rounded down to two digits of a multiple of k, because cells add up to numbers of
 * rows. */
int64_t fm_published_count(int64_t n, int64_t k);
/* The order of the registry: below 0 where a comes before b, as qsort wants it; floors come after all others. */
int fm_metric_order(const char *a, const char *b);
/* The eight whose mean is jsd_mean8, in the order of the method's paper, up to NULL. */
extern const char *const fm_metric_eight[];
/* A task: a judge that learned from synthetic flows beside one that learned from real ones.  lost: the metric of what
 * is lost, real less synthetic; ratio: that of synthetic over real; NULL where there is none. */
struct fm_metric_task {
	const char *words, *real, *synthetic, *lost, *ratio;
};
extern const struct fm_metric_task fm_metric_tasks[];
extern const size_t fm_metric_ntasks;
/* Does it tell labels apart?  For a trace with fewer than two labels it says nothing. */
bool fm_metric_needs_labels(const char *name);
bool fm_metric_counts_rows(const char *name); /* counted over a whole table: it is exact */
bool fm_metric_is_rule(const char *name);     /* a share of flows that break a rule */
bool fm_metric_is_profile(const char *name);  /* of whole hosts; few flows have too few of them */
bool fm_metric_is_anomaly(const char *name);  /* of what is unusual, of which few flows say nothing */
/* Can real flows leave a check of it nothing to compare with?  So with fewer than two labels or too few hosts, or where
 * fresh real flows score as badly as possible. */
bool fm_metric_may_be_unasked(const char *name);
bool fm_metric_needs_run(const char *name); /* needs a run: its model or its budget */
bool fm_metric_by_identity(const char *name);
/* A name in words; "" for one that is not registered.  Floors have no words of their own. */
void fm_metric_words(const char *name, char *out, size_t cap);
void fm_metric_columns(const char *name, char *out, size_t cap);
/* Does it need a column that is not in `has`, a sum of bits of enum fm_col?  The column's name, or "sa or da", goes
 * into `column`, where not NULL. */
bool fm_metric_lacks(const char *name, unsigned has, char column[64]);
/* Call visit for every name (with "*" for a label), in the order of the rows. */
void fm_metric_each(void (*visit)(void *ctx, const char *name, const struct fm_metric_kind *kind), void *ctx);
/* The list for people, a table in Markdown: what docs/metrics.md holds. */
void fm_metric_list(struct fm_buf *out);

/* Is it measured on synthetic flows alone, or with the noisy counts that made them, so that it may decide, and be
 * published, in privacy.mode dp?  (config_dp.c) */
bool fm_metric_is_free(const char *name);
/* Is it measured on real flows through noise that privacy.budget.gate pays for, so that it may do the same?
 * (config_dp.c) */
bool fm_metric_is_paid(const char *name);

/* May a gate ask for it?  So a misspelt check is found when the config is read, and not at the gate, after hours of
 * training.  A known metric may still be missing at the gate, and then fails. */
bool fm_check_known(const char *name);
/* May the gate set a laxer threshold for it than the config has?  It may with room, and for FM_METRIC_REPEATS, as fresh
 * real flows repeat themselves. */
bool fm_check_may_move(const char *name, double room);
/* A label as part of a name: letters, digits, _ and -, others become _; at most 24 characters; "none" for the empty
 * label. */
#define FM_METRIC_LABEL 25
void fm_metric_label(const char *value, char name[FM_METRIC_LABEL]);
/* The label in a name, or NULL. */
const char *fm_metric_label_in(const char *name);
/* Does in_name stand for this label, or for one of `alike` labels with the same name: "dos", "dos-2"? */
bool fm_metric_label_is(const char *in_name, const char *label, long alike);
/* The known name most like it, in out, or NULL. */
const char *fm_check_suggest(const char *name, char *out, size_t cap);

#endif
