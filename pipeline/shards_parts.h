/*
 * shards_parts.h - what shards.c and shards_make.c share.
 */
#ifndef FM_PIPELINE_SHARDS_PARTS_H
#define FM_PIPELINE_SHARDS_PARTS_H

#include "pipeline/shards.h"

/* What differs between the kinds of shards. */
struct fm_shard_words {
	const char *word;       /* a name begins with it */
	const char *format;     /* of the index of a sealed one */
	const char *option;     /* the config's key that names the folder */
	enum fm_stage_id stage; /* behind whose walls it is made, and which takes it */
	enum fm_stage_id from;  /* whose product it is made of */
	const char *what;       /* "flows" */
	const char *others;     /* "of other flows": in the message when the key is another */
	unsigned without;       /* items that the stage does not get while it makes a part (FM_ITEM) */
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
