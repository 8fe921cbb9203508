/*
 * vault.h - what is private in a workspace, encrypted while nobody works with it.
 *
 *     stages/STAGE/KEY/key.json          the key of this product: 32 random bytes, wrapped under the workspace's key
 *     stages/STAGE/KEY/PRODUCT.sealed    the product's folder as one file under that key (pack.h)
 *     stages/train/.key-KEY.json         the key of a checkpoint, which the train stage encrypts itself
 *
 * The workspace's key is derived from the project's secret, keys/commitment.key, which lies outside of the workspace.
 * Without key.json a product is lost: that is what purge.h does.  A product, and not a run, has a key of its own,
 * because runs share products: it is destroyed when the last run that needs it is purged.
 *
 * Products are sealed and opened in a child that sees the two folders and nothing else; no stage has a key of one.
 */
#ifndef FM_PIPELINE_VAULT_H
#define FM_PIPELINE_VAULT_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/secret.h"
#include "pipeline/run.h"

#define FM_VAULT_KEY "key.json"

/* One product, all borrowed. */
struct fm_vault {
	const char *project;
	const char *entry; /* stages/STAGE/KEY, or what will be renamed so */
	const char *key;   /* of the stage */
	enum fm_stage_id stage;
	bool unconfined;
};
/* Seal the folder dir, whose digest is output, into v->entry, which is there.  run: who made it.  Seconds and memory
 * are added to *s, here and below, which may be NULL. */
int fm_vault_put(const struct fm_vault *v, const char *run, const char *dir, const char *output, struct fm_run_stage *s,
		 struct fm_error *err) FM_MUST_CHECK;
/* Open the product into the empty folder dir.  FM_EVERDICT: altered, or of another project; FM_EINPUT: not there. */
int fm_vault_get(const struct fm_vault *v, const char *dir, char output[FM_SHA256_HEX], struct fm_run_stage *s,
		 struct fm_error *err) FM_MUST_CHECK;
/* A key for what is made from this product and lies elsewhere, derived by label from the product's own key, so that
 * both are lost together.  FM_EINPUT: the product is gone. */
int fm_vault_derive(struct fm_secret *key, const struct fm_vault *v, const char *label,
		    struct fm_error *err) FM_MUST_CHECK;
/* How many bytes the product takes when it is open. */
uint64_t fm_vault_bytes(const struct fm_vault *v);

/* The key of the checkpoint of a training.  Made when there is none, or none that the project's secret opens; what was
 * encrypted under the old key is then refused by its reader. */
int fm_vault_checkpoint_key(struct fm_secret *key, const char *workspace, const char *project, const char *stage_key,
			    const char *run, struct fm_error *err) FM_MUST_CHECK;
/* Remove that key and the checkpoint's folder. */
int fm_vault_drop_checkpoint(const char *workspace, const char *stage_key, struct fm_error *err) FM_MUST_CHECK;

/* The run that made the product in this entry or the checkpoint of this key file; "" when it cannot be told. */
void fm_vault_maker(const char *key_file, char run[FM_RUN_ID_MAX]);
/* Overwrite a file that holds a key, and remove it. */
int fm_vault_shred(const char *file, struct fm_error *err) FM_MUST_CHECK;
/* Destroy the key in entry, then all of entry. */
int fm_vault_destroy(const char *entry, struct fm_error *err) FM_MUST_CHECK;

#endif
