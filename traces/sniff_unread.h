/*
 * sniff_unread.h - columns that a dialect leaves unread though their names say what it has no column for: a label,
 * flags, the way back, a sampling rate. Nobody means to lose a label.
 */
#ifndef FM_TRACES_SNIFF_UNREAD_H
#define FM_TRACES_SNIFF_UNREAD_H

#include "manifests/dialect.h"

#define FM_UNREAD_MAX 4
struct fm_unread {
	char name[64];    /* as the header has it, in UTF-8 without control characters */
	const char *what; /* "the label" */
	const char *key;  /* what its line in a dialect has: "column: label" */
};
/* By the header or the keys of the first rows; returns how many, 0 where the file cannot be read. A name that the
 * dialect has and does not read is one that it knows about. names_alone: whatever the rows have, of which nothing may
 * be told; else some of the first ones must say more there than that there is no value. */
int fm_unread(const struct fm_dialect *d, const char *path, const char *member, bool names_alone,
	      struct fm_unread list[FM_UNREAD_MAX]);
/* Warn of them. */
void fm_unread_warn(const struct fm_dialect *d, const char *path, const char *member, bool names_alone);

#endif
