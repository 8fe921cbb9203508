/* May a release come after the one that was accepted last?  Nothing here reads a file. */
#include <string.h>

#include "release/accepted.h"
#include "release/version_order.h"

#define refuse(why, ...) (*reason = (why), fm_fail(err, FM_EVERDICT, __VA_ARGS__))

static int judge_same_version(const struct fm_accepted *last, const struct fm_accepted *now, enum fm_reason *reason,
			      struct fm_error *err)
{
	if (strcmp(last->tar_sha256, now->tar_sha256) != 0)
		return refuse(FM_REASON_FORK,
			      "there are two archives of %s %s: that of tar sha256 %s was accepted on %.10s; ask the "
			      "sender which of them he released",
			      now->name, now->version, last->tar_sha256, last->accepted);
	if (last->record_sha256[0] && now->record_sha256[0] && strcmp(last->record_sha256, now->record_sha256) != 0)
		return refuse(FM_REASON_FORK,
			      "there are two records (RELEASE.json) of %s %s: that of sha256 %s was accepted on %.10s; "
			      "ask the sender which of them he signed",
			      now->name, now->version, last->record_sha256, last->accepted);
	return FM_OK;
}

int fm_accepted_judge(const struct fm_accepted *last, const struct fm_accepted *now, enum fm_reason *reason,
		      struct fm_error *err)
{
	bool same = strcmp(last->version, now->version) == 0;
	int rc;

	if (same && (rc = judge_same_version(last, now, reason, err)) < 0)
		return rc;
	if (!same && fm_version_compare(now->version, last->version) <= 0)
		return refuse(FM_REASON_ROLLBACK,
			      "%s %s is not later than %s, which was accepted on %.10s: somebody hands out an old "
			      "release as the new one, or you want an old one and check it with --no-state",
			      now->name, now->version, last->version, last->accepted);
	if (last->sequence && !now->sequence)
		return refuse(FM_REASON_RECORD_MISSING,
			      "no record (RELEASE.json) lies beside %s %s, but this signer makes them: %s %s, accepted "
			      "on %.10s, had one; ask for it",
			      now->name, now->version, now->name, last->version, last->accepted);
	if (same || !last->sequence)
		return FM_OK;
	if (now->sequence < last->sequence)
		return refuse(
		    FM_REASON_ROLLBACK,
		    "%s %s is number %lld of its sequence, and %s, accepted on %.10s, was number %lld already",
		    now->name, now->version, (long long)now->sequence, last->version, last->accepted,
		    (long long)last->sequence);
	if (now->sequence == last->sequence)
		return refuse(FM_REASON_FORK,
			      "%s %s is number %lld of its sequence, and so is %s, which was accepted on %.10s",
			      now->name, now->version, (long long)now->sequence, last->version, last->accepted);
	if (now->sequence == last->sequence + 1 && strcmp(now->previous_sha256, last->record_sha256) != 0)
		return refuse(FM_REASON_FORK,
			      "%s %s follows another release than %s, which was accepted on %.10s: its record names "
			      "sha256 %s before it, not %s",
			      now->name, now->version, last->version, last->accepted,
			      now->previous_sha256[0] ? now->previous_sha256 : "none", last->record_sha256);
	return FM_OK;
}
