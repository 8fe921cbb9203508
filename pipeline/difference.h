/*
 * difference.h - where an archive differs from the recipe that it was made from: file, byte, and in a manifest the
 * value.
 *
 * The files are looked at in the order in which they are made, each after those whose digests it holds: data/flows.csv,
 * then the others by path, then manifest.json, SHA256SUMS last.  So the first difference in the list is where it began.
 */
#ifndef FM_PIPELINE_DIFFERENCE_H
#define FM_PIPELINE_DIFFERENCE_H

#include <jansson.h>

#include "pipeline/recipe.h"

/* The file `path` of an archive, into the file `to`, by a child behind walls that sees the archive and an empty folder
 * TO.d alone. */
int fm_archive_pick(const char *archive, bool unconfined, const char *path, const char *to,
		    struct fm_error *err) FM_MUST_CHECK;

/* *list: [{"file", "what": "other bytes" | "not there" | "not recorded", "byte", "line", "value", "recorded", "again"},
 * ...], empty when all files are the same.  byte (from 0) and line (from 1) are given where the recorded bytes are at
 * hand; value, recorded and again in manifest.json, for the first value that differs.  tmp: a folder for one file of
 * each archive. */
int fm_difference_find(const struct fm_recipe *recorded, const char *again, const char *tmp, json_t **list,
		       struct fm_error *err) FM_MUST_CHECK;

#endif
