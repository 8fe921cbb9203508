/*
 * config_schema.h - the table of every key of release.yaml.  Reading files, --set, defaults, JSON and the table in
 * docs/release-yaml.md all walk it, so that a key is described in one place: its line in config_schema.c.
 */
#ifndef FM_MANIFESTS_CONFIG_SCHEMA_H
#define FM_MANIFESTS_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "manifests/config.h"

enum fm_key_type {
	FM_KEY_TEXT,   /* char[] */
	FM_KEY_PATH,   /* char[], made absolute */
	FM_KEY_CHOICE, /* char[], one of `choices` */
	FM_KEY_INT,    /* int, int64_t or uint64_t, by size; never beyond 2^53 - 1, which JSON carries exactly */
	FM_KEY_REAL,   /* double */
	FM_KEY_BOOL,
	FM_KEY_LABELS, /* {name: share, ...}: generate.labels */
	FM_KEY_BUDGET, /* {name: share, ...}: double[FM_NSHARES] */
	FM_KEY_HOURS,  /* [from, to]: int[2] */
	FM_KEY_RANGES, /* [CIDR, ...]: char[FM_CFG_MAXRANGES][FM_CIDR_TEXT_MAX] */
	FM_KEY_CHECKS, /* any name: a threshold; stands for the whole section gate */
};
#define FM_KEY_MAXINT 9007199254740991.0

struct fm_key {
	const char *section, *name;
	enum fm_key_type type;
	size_t offset, size;                    /* of the field in struct fm_config */
	size_t count;                           /* FM_KEY_LABELS, FM_KEY_RANGES: offset of the int that counts them */
	double min, max;                        /* FM_KEY_INT, FM_KEY_REAL: inclusive ... */
	bool above_min, below_max;              /* ... unless these are set */
	const char *choices;                    /* "linear|cosine" */
	const char *later;                      /* words refused with a reason: "dp: why not; mlp: why not" */
	const char *(*check)(const char *text); /* FM_KEY_TEXT: NULL, or what the text must look like */
	const char *dflt;                       /* as it would stand in the file */
	const char *mode;                       /* NULL, or the privacy.mode without which the key is refused */
	const char *kind;                       /* NULL, or the kinds of model that may set it: "ctgan|plain" */
	const char *needs; /* NULL, or likewise other choices that it needs: "generate.sampler fewstep|dpm2; ..." */
	bool secret;       /* stays on the machine: left out of the public JSON */
	const char *help;
};
extern const struct fm_key fm_keys[];
extern const size_t fm_nkeys;
/* The sections, in the order of the table, that begin with "release". */
extern const char *const fm_sections[];
extern const size_t fm_nsections;

const struct fm_key *fm_key_find(const char *section, const char *name); /* NULL when absent */
bool fm_section_known(const char *section);
bool fm_key_is_gone(const char *section, const char *name); /* one of an earlier version */
/* Does the key do something in this config, given the key's mode, kind and needs? */
bool fm_key_counts(const struct fm_key *k, const struct fm_config *cfg);
/* The first of k's needs that cfg does not meet: the other key, and in `takes` (at least 64 bytes) the values of that
 * key with which k does something, "a|b"; NULL where all are met. */
const struct fm_key *fm_key_unmet(const struct fm_key *k, const struct fm_config *cfg, char takes[64]);
/* Is word one of "a|b|c"? */
bool fm_choice_has(const char *choices, const char *word);
/* The reason for a word in "word: reason; ...", in out; or NULL. */
const char *fm_key_later(const struct fm_key *k, const char *word, char *out, size_t cap);
/* What a key takes, in words: "integer, 1 to 1000".  Returns out. */
const char *fm_key_takes(const struct fm_key *k, char *out, size_t cap);

/* The table of docs/release-yaml.md: every section and key with what it takes, the defaults of each preset, and its
 * help. */
int fm_config_doc(struct fm_buf *out, struct fm_error *err) FM_MUST_CHECK;

#endif
