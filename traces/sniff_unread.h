/*
 * sniff_unread.h - columns that a dialect leaves unread though their names are for something that it has no column for:
 * a label, flags, the reply, a sampling rate. Nobody wants to lose a label.
 */
#ifndef FM_TRACES_SNIFF_UNREAD_H
#define FM_TRACES_SNIFF_UNREAD_H

#include "manifests/dialect.h"

#define FM_UNREAD_MAX 4
struct fm_unread {
	char name[64];    /* as the header has it, in UTF-8 without control characters */
	const char *what; /* "the label" */
	const char *key;  /* what its line in a dialect has: "column: label" */
	bool denied;      /* the dialect names it under absent: such a line would not do */
};
/* By the header or the keys of the first rows; returns how many, 0 where the file cannot be read. A column that the
 * dialect names but does not read does not count: it is left on purpose. names_alone: judge by names only, because
 * nothing may be told of the rows; else some of the first rows must have a value there. */
int fm_unread(const struct fm_dialect *d, const char *path, const char *member, bool names_alone,
	      struct fm_unread list[FM_UNREAD_MAX]);
/* Warn of them in all files of a list (files.h), and of columns that the dialect reads where they are there, where some
 * of the files have them and others lack them. */
void fm_unread_warn(const struct fm_dialect *d, const char *paths, const char *member, bool names_alone);

#endif
