/*
 * option.h - the table behind a verb: its name, its help, its operands and its options.
 *
 * Everything about a verb is made from this one table: parsing (option.c), --help, the man page (usage.c) and
 * the completions of the shells (complete.c).  A verb is one file cli_NAME.c, which defines fm_verb_NAME, and one line
 * in the list of cli.h:
 *
 *     struct greet_args {
 *             const char *name;
 *             bool json;
 *     };
 *     static const struct fm_option options[] = {
 *         {FM_SETS_TEXT(struct greet_args, name), .name = "name", .value = "NAME", .help = "who is greeted"},
 *         FM_OPTION_JSON(struct greet_args),
 *         {0},
 *     };
 *     static int greet(const void *args, const struct fm_call *call, struct fm_error *err)
 *     {
 *             const struct greet_args *a = args;
 *             ...
 *     }
 *     const struct fm_verb fm_verb_greet = {
 *         .name = "greet",
 *         .summary = "greet somebody",
 *         .about = "Prints one line.",
 *         .options = options,
 *         .args_size = sizeof(struct greet_args),
 *         .run = greet,
 *     };
 *
 * Then `make docs` writes the verb into docs/flowmint.1.
 */
#ifndef FM_PIPELINE_CLI_OPTION_H
#define FM_PIPELINE_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/* What an option's value becomes in the verb's struct of arguments. */
enum fm_option_kind {
	FM_OPTION_FLAG,  /* bool; the option takes no value */
	FM_OPTION_TEXT,  /* const char *; with choices: one of them */
	FM_OPTION_MAYBE, /* const char *; the value may be left out, which gives "" */
	FM_OPTION_LIST,  /* struct fm_words; the option may be repeated */
	FM_OPTION_UINT,  /* uint64_t from least to most */
	FM_OPTION_REAL,  /* double from min to max */
};

struct fm_words {
	const char **word;
	int n;
};

/* What a shell offers for a value or an operand. */
enum fm_offer {
	FM_OFFER_NOTHING, /* with choices: these */
	FM_OFFER_FILE,
	FM_OFFER_FOLDER,
	FM_OFFER_PRESET,
	FM_OFFER_DIALECT, /* the built-in ones, and files */
	FM_OFFER_KEY,     /* section.key=, and then what the key takes */
	FM_OFFER_METRIC,  /* names with commas between: metrics, and first parts that several share */
	FM_OFFER_CHECK,   /* what a gate may check */
	FM_OFFER_MODEL,   /* names with commas between: what flowmint compare trains */
	FM_OFFER_RUN,     /* the runs of the workspace */
	FM_OFFER_RUN_OR_FILE,
};

struct fm_option {
	const char *name;  /* long, without dashes */
	char letter;       /* of its short form, or 0 */
	const char *value; /* what --help calls its value: "FILE"; NULL for a flag */
	enum fm_option_kind kind;
	size_t offset; /* of the field in the verb's struct */
	bool required;
	const char *choices;  /* "data|model" */
	uint64_t least, most; /* FM_OPTION_UINT; most 0: any */
	double min, max;      /* FM_OPTION_REAL */
	enum fm_offer offer;
	const char *help; /* a phrase or two; no full stop at the end. Presets and models are listed behind it */
};

/* Kind and place of an option; the compiler refuses a field of another type. */
#define FM_SETS(s, f, k, type) .kind = (k), .offset = offsetof(s, f) + 0 * sizeof(_Generic(((s *)0)->f, type : 1))
#define FM_SETS_FLAG(s, f) FM_SETS(s, f, FM_OPTION_FLAG, bool)
#define FM_SETS_TEXT(s, f) FM_SETS(s, f, FM_OPTION_TEXT, const char *)
#define FM_SETS_MAYBE(s, f) FM_SETS(s, f, FM_OPTION_MAYBE, const char *)
#define FM_SETS_LIST(s, f) FM_SETS(s, f, FM_OPTION_LIST, struct fm_words)
#define FM_SETS_UINT(s, f) FM_SETS(s, f, FM_OPTION_UINT, uint64_t)
#define FM_SETS_REAL(s, f) FM_SETS(s, f, FM_OPTION_REAL, double)

/* Options that several verbs have. */
#define FM_OPTION_JSON(s)                                                                                              \
	{                                                                                                              \
		FM_SETS_FLAG(s, json), .name = "json", .help = "the answer as one JSON document"                       \
	}
#define FM_OPTION_PASSPHRASE(type)                                                                                     \
	{                                                                                                              \
		FM_SETS_UINT(type, passphrase_fd),                                                                     \
		    .name = "passphrase-fd", .value = "FD", .least = 3, .most = 65535,                                 \
		    .help = "the first line that this descriptor gives is the passphrase of the key that signs "       \
			    "(... --passphrase-fd 3 3<FILE); else ssh-keygen asks on the terminal"                     \
	}
#define FM_OPTION_WORKSPACE(s)                                                                                         \
	{                                                                                                              \
		FM_SETS_TEXT(s, workspace),                                                                            \
		    .name = "workspace", .value = "DIR", .offer = FM_OFFER_FOLDER,                                     \
		    .help = "default: $FLOWMINT_WORKSPACE, else workspace/ of the project here or above"               \
	}
#define FM_OPTION_THREADS(s, what)                                                                                     \
	{                                                                                                              \
		FM_SETS_UINT(s, threads), .name = "threads", .value = "N", .most = 1024,                               \
					  .help = "default: as many as allowed; changes no " what                      \
	}

/* One call of a verb. */
struct fm_call {
	const struct fm_verb *verb;
	char **operand; /* noperands of them, then NULL */
	int noperands;
	struct fm_arena *arena; /* lives as long as the call */
};

struct fm_verb {
	const char *name;
	const char *summary;  /* "make a release project": for the list of verbs */
	const char *about;    /* sentences; a blank line between two paragraphs */
	const char *operands; /* "OLD NEW": one word each, or NULL; "RUN|ARCHIVE" is one that may be either */
	int optional;         /* how many of the last operands may be left out */
	enum fm_offer offer;  /* for operands */
	/* "preset: ...; ...": what to do instead, for options that one might look for here; or NULL */
	const char *instead;
	const struct fm_option *options; /* up to the one whose name is NULL; NULL: none */
	const void *defaults;            /* args_size bytes that the arguments begin as; NULL: zeros */
	size_t args_size;
	/* args: the verb's struct, filled.  Prints its answer on standard output. */
	int (*run)(const void *args, const struct fm_call *call, struct fm_error *err);
};

/* What every verb takes, before its name or after. */
struct fm_common {
	bool help, quiet, verbose, version;
	const char *dir;
};
extern const struct fm_option fm_common_options[];

/* Options and operands of argv[1..argc-1] into args and common.  argv[0] is the verb's name; the order of argv is
 * changed, and args points into it.  FM_EUSAGE says what is wrong and what may have been meant. */
int fm_options_parse(struct fm_call *call, int argc, char **argv, void *args, struct fm_common *common,
		     struct fm_error *err) FM_MUST_CHECK;
/* The common options before the verb; *used is how many words of argv they are, argv[0] included. */
int fm_common_parse(int argc, char **argv, struct fm_common *common, int *used, struct fm_error *err) FM_MUST_CHECK;

/* How many operands a verb has at most. */
int fm_verb_max_operands(const struct fm_verb *verb);
/* Its operands in words: "RUN or ARCHIVE". */
void fm_say_operands(const struct fm_verb *verb, char *out, size_t cap);
/* " (did you mean X?)" when one of the n candidates is near to word, else "".  Returns out. */
const char *fm_did_you_mean(const char *word, const char *const *candidates, size_t n, char *out, size_t cap);

#endif
