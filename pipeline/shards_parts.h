/*
 * shards_parts.h - what shards.c and shards_make.c share.
 */
#ifndef FM_PIPELINE_SHARDS_PARTS_H
#define FM_PIPELINE_SHARDS_PARTS_H

#include "pipeline/shards.h"

/* What differs between the kinds. */
struct fm_shard_words {
	const char *word;       /* a name begins with it */
	const char *format;     /* of the index of a sealed one */
	const char *option;     /* of the config, that names the folder */
	enum fm_stage_id stage; /* behind whose walls it is made, and which takes it */
	enum fm_stage_id from;  /* the newest product that it is made of */
	const char *what;       /* "flows" */
	const char *others;     /* of what it is, where it has another key */
	unsigned without;       /* items that a stage which makes a part does not get (FM_ITEM) */
};
extern const struct fm_shard_words fm_shard_words[];

/* "shard-3-of-7-0123456789abcdef.sealed", to be freed; NULL without memory. */
char *fm_shard_name(enum fm_shard_kind kind, const struct fm_shard *shard, const char *key);
/* The folder dir, whose digest is output, into folder/file. */
int fm_shard_seal(const struct fm_shards *s, const struct fm_shard *shard, const char *dir, const char *output,
		  const char *file, struct fm_error *err) FM_MUST_CHECK;
/* file into the empty folder dir.  FM_EVERDICT: not what it was when it was sealed, or under another key. */
int fm_shard_unseal(const struct fm_shards *s, const struct fm_shard *shard, const char *file, const char *dir,
		    struct fm_error *err) FM_MUST_CHECK;

#endif
