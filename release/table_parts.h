/*
 * table_parts.h - what table_values.c (a table as it passes by), table_values_kind.c (one value) and table_fields.c
 * (its columns against the schema) share.
 */
#ifndef FM_RELEASE_TABLE_PARTS_H
#define FM_RELEASE_TABLE_PARTS_H

#include "base/mem.h"
#include "manifests/dialect.h"
#include "release/table_form.h"

#define FM_VALUES_COLUMNS FM_DIALECT_MAXCOLS
#define FM_VALUES_KEPT 48     /* bytes of a value that are looked at: those of a number, time or address are fewer */
#define FM_VALUES_BEGIN 65536 /* of the file, before it is known how rows are written */
/* What may part the values of a row (manifests/dialect.c), and a blank. */
#define FM_VALUES_USUAL ",;|\t"
#define FM_VALUES_RARE "\x01\x1f!#$%&*+/<=>@^_`~"
#define FM_VALUES_NO_DELIMITER '\0' /* which no table has: its rows have no byte that may be a delimiter */
#define FM_VALUES_SHORT 40          /* bytes: no number, time or address is longer with its delimiter */
#define FM_VALUES_READINGS (2 * (sizeof FM_VALUES_USUAL + sizeof FM_VALUES_RARE))

enum fm_value_kind {
	FM_VALUE_EMPTY,
	FM_VALUE_WHOLE,    /* digits, without a zero before others */
	FM_VALUE_NEGATIVE, /* the same behind a hyphen */
	FM_VALUE_POINT,    /* 0.25 */
	FM_VALUE_COMMA,
	FM_VALUE_TIME, /* 2016-04-11 00:08:06, which there is */
	FM_VALUE_TIME_PART,
	FM_VALUE_DATE,  /* 2016-04-11, which there is */
	FM_VALUE_CLOCK, /* 00:08:06 */
	FM_VALUE_CLOCK_PART,
	FM_VALUE_IPV4,
	FM_VALUE_IPV6,
	FM_VALUE_WORD,  /* none of these */
	FM_VALUE_WORDS, /* two such values that differ */
	FM_VALUE_QUOTED,
	FM_VALUE_BARE, /* in JSON alone: a string or not */
	FM_VALUE_KINDS
};

/* Of one column. */
struct fm_column_seen {
	uint64_t least, most; /* of whole numbers of up to 8 digits, by their text: big-endian, as it compares */
	uint32_t kinds;       /* bits of fm_value_kind */
	char word[8];         /* the first FM_VALUE_WORD, where it is no longer */
	uint8_t nword;
	bool longer; /* there are longer ones */
};

/* The table by one delimiter, with quotes or without. */
struct fm_reading {
	char delimiter;
	bool quotes, open, closed; /* a quote is open; the last byte closed one */
	uint64_t line;
	size_t row;                   /* the same, where it is among the first ones */
	size_t column;                /* the last one stands for all that are too many */
	uint8_t kept[FM_VALUES_KEPT]; /* the begin of a value whose end is not there yet */
	size_t nkept;
	uint8_t minute[17]; /* the last one that there is, YYYY-MM-DD HH:MM: */
	/* Of CSV: the fewest values of a row, less one, likewise. */
	uint8_t fewest[FM_FORM_HEAD + 1];
	/* Of each of the lines that may stand before the first row, and of all behind them; and on which line, from 0,
	 * each kind was first; UINT32_MAX: there or behind it. */
	struct fm_column_seen seen[FM_FORM_HEAD + 1][FM_VALUES_COLUMNS + 1];
	uint32_t first[FM_FORM_HEAD + 1][FM_VALUES_COLUMNS + 1][FM_VALUE_KINDS];
};

/* What a value is, of the kinds to FM_VALUE_WORD; minute: the last one that there was, and now. */
enum fm_value_kind fm_value_kind_of(uint8_t minute[17], const uint8_t *s, size_t n);

struct fm_table_values {
	bool json, chosen, has_quotes;
	bool failed; /* out of memory */
	struct fm_reading *reading[FM_VALUES_READINGS];
	size_t n, lines;
	struct fm_buf begin;
	/* Of JSON: the keys of the first line, each with its quote; how many bytes of them this line has had. */
	struct fm_buf keys;
	size_t key;
	bool escape, other; /* behind a backslash; a line is no flat object, or has other keys than the first */
	enum {
		FM_AT_LINE,
		FM_AT_KEY,
		FM_IN_KEY,
		FM_AT_COLON,
		FM_AT_VALUE,
		FM_IN_TEXT,
		FM_IN_NUMBER,
		FM_BEHIND_VALUE,
		FM_AT_END
	} at;
};

#endif
