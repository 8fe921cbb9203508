/*
 * accepted.h - what a partner accepted last: for each signer, of each release name.
 *
 * DIR/accepted.json (mode 0600, in a folder of mode 0700):
 *
 *     {"format":"flowmint-accepted/1","releases":[{"signer","fingerprint","name","version","sequence","record_sha256",
 *      "tar_sha256","accepted","log_size","log_root"}, ...],
 *      "rotations":[{"from","to","issued","sha256"}, ...]}
 *
 * A signer is known again by his key, and by one that came before or after it by rotations that were followed, whatever
 * the lines are named; by the principals of his line too, where the key before is still in the signers file.  (Of a key
 * that has left it nothing is accepted any more, and another team, with a file of its own, may have the same name.)  A
 * key that came after a listed one by a rotation that was followed (sign/rotation.h) counts as listed. sequence is 0
 * and record_sha256 "" for a release without a record (record.h); log_size and log_root are there where the release was
 * in a log.
 *
 * The file, of up to 4 MiB, is kept as text, and of each release what all are asked for; the rest is read when it
 * counts.
 *
 *     fm_accepted_open(&state, dir, &signers, err)        makes the folder where absent, waits for others that use it
 *     fm_accepted_rotation(state, i)            the i-th rotation that was followed, NULL past the last
 *     fm_accepted_follow(state, &rotation, err) remember one more: both of its keys are one signer's
 *     fm_accepted_forget(state, i)              remember the i-th no longer: its keys are not one signer's by it
 *     fm_accepted_last(state, &now, &found, &last, err)   not found: nothing of this name by this signer yet
 *     fm_accepted_judge(&last, &now, &reason, err)
 *     fm_accepted_remember(state, &now, err)    by rename, so that a reader finds the old list or the new one
 *     fm_accepted_close(state)
 */
#ifndef FM_RELEASE_ACCEPTED_H
#define FM_RELEASE_ACCEPTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "release/archive.h"
#include "release/reason.h"
#include "release/sign/signers.h"

#define FM_ACCEPTED_FORMAT "flowmint-accepted/1"
#define FM_ACCEPTED_FILE "accepted.json"

struct fm_accepted {
	char signer[1024]; /* as text.h shows it, cut */
	char fingerprint[FM_FINGERPRINT_MAX];
	char name[FM_ARCHIVE_MAX_FOLDER], version[FM_ARCHIVE_MAX_FOLDER];
	char tar_sha256[FM_SHA256_HEX];
	int64_t sequence;                    /* 0: without a record */
	char record_sha256[FM_SHA256_HEX];   /* "": without a record */
	char previous_sha256[FM_SHA256_HEX]; /* the record that this record names before it; not kept */
	char accepted[24];                   /* YYYY-MM-DDTHH:MM:SSZ */
	int64_t log_size;                    /* entries of the log that it came with (tlog_proof.h); 0: none */
	char log_root[FM_SHA256_HEX];        /* "": none */
};

struct fm_accepted_rotation {
	char from[FM_FINGERPRINT_MAX], to[FM_FINGERPRINT_MAX];
	char issued[12];            /* YYYY-MM-DD */
	char sha256[FM_SHA256_HEX]; /* of what both keys signed */
};

/* $XDG_STATE_HOME/flowmint, else $HOME/.local/state/flowmint, a new string (free()).  FM_EUSAGE without either. */
int fm_accepted_dir(char **dir, struct fm_error *err) FM_MUST_CHECK;
/* Make the folder where it is absent.  FM_ESYSTEM: it cannot be; the message says how to do without. */
int fm_accepted_make(const char *dir, struct fm_error *err) FM_MUST_CHECK;

struct fm_accepted_state;
/* FM_EINPUT: the list is damaged, or others may write to it or its folder; FM_ESYSTEM: the folder cannot be made, read
 * or locked. */
int fm_accepted_open(struct fm_accepted_state **state, const char *dir, const struct fm_signers *signers,
		     struct fm_error *err) FM_MUST_CHECK;
const struct fm_accepted_rotation *fm_accepted_rotation(const struct fm_accepted_state *state, size_t i);
int fm_accepted_follow(struct fm_accepted_state *state, const struct fm_accepted_rotation *r,
		       struct fm_error *err) FM_MUST_CHECK;
/* FM_ESYSTEM without memory. */
int fm_accepted_forget(struct fm_accepted_state *state, size_t i, struct fm_error *err) FM_MUST_CHECK;
/* Did the key to come after the key from, by rotations that were followed? */
bool fm_accepted_is_after(const struct fm_accepted_state *state, const char *from, const char *to);
/* The latest time at which anything by the signer of now was accepted, as struct fm_accepted has it; "" where nothing
 * was. */
const char *fm_accepted_latest(const struct fm_accepted_state *state, const struct fm_accepted *now);
int fm_accepted_last(const struct fm_accepted_state *state, const struct fm_accepted *now, bool *found,
		     struct fm_accepted *last, struct fm_error *err) FM_MUST_CHECK;
/* May now come after last?  FM_EVERDICT with FM_REASON_ROLLBACK (it is older), FM_REASON_FORK (it contradicts last) or
 * FM_REASON_RECORD_MISSING. */
int fm_accepted_judge(const struct fm_accepted *last, const struct fm_accepted *now, enum fm_reason *reason,
		      struct fm_error *err) FM_MUST_CHECK;
/* now takes the place of what was last. */
int fm_accepted_remember(struct fm_accepted_state *state, const struct fm_accepted *now,
			 struct fm_error *err) FM_MUST_CHECK;
void fm_accepted_close(struct fm_accepted_state *state);

#endif
