#include "pipeline/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/num.h"
#include "pipeline/pack.h"
#include "pipeline/shards_parts.h"
#include "pipeline/walls/harvest.h"

#define KEY_DIGITS 16
#define NAME "%s-%u-of-%u-%.*s.sealed"

const struct fm_shard_words fm_shard_words[] = {
    [FM_SHARDS_FLOWS] = {.word = "shard",
			 .format = "flowmint-shard/1",
			 .option = "run.shards",
			 .stage = FM_GENERATE,
			 .from = FM_TRAIN,
			 .what = "flows",
			 .others =
			     "other flows, of another model, section generate, version of flowmint or walls (with "
			     "--unconfined and without)",
			 .without = FM_ITEM(FM_ITEM_SHARDS)},
    [FM_SHARDS_JUDGING] =
	{.word = "part",
	 .format = "flowmint-part/1",
	 .option = "run.parts",
	 .stage = FM_EVALUATE,
	 .from = FM_GENERATE,
	 .what = "searches",
	 .others = "another judging, of other flows, gate.memory, privacy.min_count, program or walls (with "
		   "--unconfined and without)",
	 .without = FM_ITEM(FM_ITEM_DIALECT) | FM_ITEM(FM_ITEM_PUBLISHED) | FM_ITEM(FM_ITEM_STORE) |
		    FM_ITEM(FM_ITEM_MODEL) | FM_ITEM(FM_ITEM_PREVIOUS) | FM_ITEM(FM_ITEM_PARTS)},
};

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: shards");
}

/* ---- names ---- */

static bool digits(const char *s, size_t n, uint32_t *v)
{
	uint64_t wide;

	if (n == 0 || n > 4 || s[0] == '0' || fm_parse_u64(s, n, FM_SHARDS_MOST, &wide) != 0)
		return false;
	*v = (uint32_t)wide;
	return true;
}

int fm_shard_parse(const char *option, const char *text, struct fm_shard *shard, struct fm_error *err)
{
	const char *slash = strchr(text, '/');

	if (!slash || !digits(text, (size_t)(slash - text), &shard->index) ||
	    !digits(slash + 1, strlen(slash + 1), &shard->of) || shard->index > shard->of)
		return fm_fail(err, FM_EUSAGE, "--%s %s: give I/N, as in 3/7: N is at most %d, and I goes from 1 to N",
			       option, text, FM_SHARDS_MOST);
	return FM_OK;
}

char *fm_shard_name(enum fm_shard_kind kind, const struct fm_shard *shard, const char *key)
{
	char *name = NULL;
	int n = asprintf(&name, NAME, fm_shard_words[kind].word, shard->index, shard->of, KEY_DIGITS, key);

	return n < 0 ? NULL : name;
}

static bool parse_name(enum fm_shard_kind kind, const char *name, struct fm_shard *shard, char key[KEY_DIGITS + 1])
{
	char end[16] = "", word[8] = "", again[64];

	if (sscanf(name, "%7[a-z]-%4u-of-%4u-%16[0-9a-f]%15s", word, &shard->index, &shard->of, key, end) != 5 ||
	    shard->index < 1 || shard->index > shard->of || shard->of > FM_SHARDS_MOST)
		return false;
	snprintf(again, sizeof again, NAME, fm_shard_words[kind].word, shard->index, shard->of, KEY_DIGITS, key);
	return strcmp(again, name) == 0;
}

/* ---- sealed ---- */

int fm_shard_seal(const struct fm_shards *s, const struct fm_shard *shard, const char *dir, const char *output,
		  const char *file, struct fm_error *err)
{
	const struct fm_shard_words *w = &fm_shard_words[s->kind];
	struct fm_pack_child child = {.name = fm_stage_name(w->stage), .unconfined = s->from.unconfined};
	struct fm_secret key = {0};
	struct fm_pack pack = {w->format, w->word, "output", &key};
	json_t *index = json_pack("{s:s, s:s, s:i, s:i}", "output", output, "key", s->key, "shard", (int)shard->index,
				  "of", (int)shard->of);
	int rc;

	if (!index)
		return no_memory(err);
	if ((rc = fm_vault_derive(&key, &s->from, w->word, err)) < 0)
		goto out;
	rc = fm_pack_seal(&pack, &child, dir, index, s->folder, file, err);
out:
	fm_secret_close(&key);
	json_decref(index);
	return rc;
}

int fm_shard_unseal(const struct fm_shards *s, const struct fm_shard *shard, const char *file, const char *dir,
		    struct fm_error *err)
{
	const struct fm_shard_words *w = &fm_shard_words[s->kind];
	struct fm_pack_child child = {.name = fm_stage_name(w->stage), .unconfined = s->from.unconfined};
	struct fm_secret key = {0};
	struct fm_pack pack = {w->format, w->word, "output", &key};
	json_t *index = NULL;
	int rc;

	if ((rc = fm_vault_derive(&key, &s->from, w->word, err)) >= 0)
		rc = fm_pack_unseal(&pack, &child, file, dir, &index, err);
	fm_secret_close(&key);
	if (rc < 0)
		return rc == FM_EINPUT || rc == FM_EVERDICT
			   ? fm_error_prefix(err,
					     "%s %u of %u was damaged, or its %s is no longer the one in the "
					     "workspace; remove it, and it is made again: ",
					     w->word, shard->index, shard->of, fm_stage_table[w->from].product)
			   : rc;
	if (strcmp(fm_json_str(index, "key"), s->key) != 0 ||
	    json_integer_value(json_object_get(index, "shard")) != (json_int_t)shard->index ||
	    json_integer_value(json_object_get(index, "of")) != (json_int_t)shard->of)
		rc = fm_fail(err, FM_EVERDICT, "%s: the %s in it is not the one that its name says; remove it", file,
			     w->word);
	json_decref(index);
	return rc;
}

/* ---- taking them ---- */

static int take_one(const struct fm_shards *s, const char *name, const struct fm_shard *shard, const char *dir,
		    struct fm_error *err)
{
	char *file = fm_path_join(s->folder, name), *inner = NULL;
	int rc;

	if (!file || asprintf(&inner, "%s/%u", dir, shard->index) < 0) {
		inner = NULL;
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_dir_make(inner, 0700, err)) < 0 || (rc = fm_shard_unseal(s, shard, file, inner, err)) < 0)
		goto out;
	rc = fm_harvest_shard(fm_shard_words[s->kind].stage, inner, INT64_MAX, err);
out:
	free(file);
	free(inner);
	return rc;
}

/* What a file of the folder is, if it is a shard; of: the number of parts that the others say, or 0. */
static int look_at(const struct fm_shards *s, const char *name, uint32_t of, struct fm_shard *shard,
		   struct fm_error *err)
{
	const struct fm_shard_words *w = &fm_shard_words[s->kind];
	char key[KEY_DIGITS + 1] = "";

	if (!parse_name(s->kind, name, shard, key))
		return fm_fail(err, FM_EINPUT, "%s: %s/%s has no name of a %s; remove it", w->option, s->folder, name,
			       w->word);
	if (strncmp(key, s->key, KEY_DIGITS) != 0)
		return fm_fail(err, FM_EINPUT,
			       "%s: %s/%s is a %s of %s (this run's have %.*s in their names): remove it, or name "
			       "another folder",
			       w->option, s->folder, name, w->word, w->others, KEY_DIGITS, s->key);
	if (of && shard->of != of)
		return fm_fail(err, FM_EINPUT, "%s: in %s are shards of %u and of %u parts: keep those of one division",
			       w->option, s->folder, of, shard->of);
	return FM_OK;
}

static void say(const struct fm_shards *s, const bool *has, uint32_t of)
{
	const struct fm_shard_words *w = &fm_shard_words[s->kind];
	uint32_t n = 0;

	for (uint32_t i = 1; i <= of; i++) {
		n += has[i];
		if (!has[i])
			fm_warn("%s: %s %u of %u is not in %s: it is made here", w->option, w->word, i, of, s->folder);
	}
	if (of)
		fm_log("%s: %u of %u %ss were taken from %s", fm_stage_name(w->stage), n, of, w->word, s->folder);
	else
		fm_warn("%s: no %s is in %s: all %s are made here", w->option, w->word, s->folder, w->what);
}

int fm_shards_take(const struct fm_shards *s, const char *dir, uint32_t *of, struct fm_error *err)
{
	const struct fm_shard_words *w = &fm_shard_words[s->kind];
	bool has[FM_SHARDS_MOST + 1] = {false};
	struct fm_shard shard;
	char **names = NULL;
	size_t n = 0, length = strlen(w->word);
	int rc;

	*of = 0;
	if ((rc = fm_dir_list(s->folder, &names, &n, err)) < 0)
		return fm_error_prefix(err, "%s: ", w->option);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], w->word, length) != 0 || names[i][length] != '-')
			continue; /* such as what a killed process left */
		if ((rc = look_at(s, names[i], *of, &shard, err)) < 0 ||
		    (rc = take_one(s, names[i], &shard, dir, err)) < 0)
			goto out;
		*of = shard.of;
		has[shard.index] = true;
	}
	say(s, has, *of);
out:
	fm_names_free(names, n);
	return rc;
}
