/* publish_next.c - what the record of the next release says besides digests: its number, what comes before it, dates;
 * and by whose key.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "pipeline/publish.h"
#include "pipeline/publish_log.h"
#include "pipeline/publish_parts.h"
#include "pipeline/released.h"
#include "release/shelf.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

static int day_of(int64_t s, char out[FM_RECORD_DATE], struct fm_error *err)
{
	char text[FM_TIME_MAX];

	if (s < 0 || s > INT64_C(253402300799) || fm_format_time_s(s * 1000, text) < 10)
		return fm_fail(err, FM_EINPUT, "publish.expires: the day lies behind the year 9999");
	memcpy(out, text, 10);
	out[10] = 0;
	return FM_OK;
}

/* Issued on the config's date, else today: the record lies beside the tar, whose bytes depend on no clock. */
static int set_dates(const struct fm_config *cfg, struct fm_record *next, struct fm_error *err)
{
	const char *expires = cfg->publish.expires;
	int64_t issued_s, expires_s;
	uint64_t days;
	int rc;

	if (cfg->release.date[0])
		memcpy(next->issued, cfg->release.date, sizeof next->issued);
	else if ((rc = day_of((int64_t)time(NULL), next->issued, err)) < 0)
		return rc;
	if (fm_parse_date_s(next->issued, &issued_s) != 0)
		return fm_fail(err, FM_EINPUT, "release.date: %.10s is no date", next->issued);
	if (!expires[0])
		return FM_OK;
	if (fm_parse_u64(expires, strlen(expires), 36500, &days) == 0)
		return day_of(issued_s + (int64_t)days * 86400, next->expires, err);
	if (fm_parse_date_s(expires, &expires_s) != 0 || expires_s < issued_s)
		return fm_fail(err, FM_EINPUT, "publish.expires: %.10s lies before the day of issue, %s", expires,
			       next->issued);
	return day_of(expires_s, next->expires, err);
}

static bool may_sign_records(const struct fm_signers *signers)
{
	const struct fm_signer *who;

	for (size_t i = 0; i < signers->n; i++)
		if (fm_signers_find(signers, &signers->s[i].key, FM_RECORD_NAMESPACE, (int64_t)time(NULL), &who) ==
		    FM_SIGNER_OK)
			return true;
	return false;
}

int fm_publish_warn_kept(const struct fm_config *cfg, const struct fm_record *found, struct fm_error *err)
{
	struct fm_record now = {0};
	struct fm_config *then;
	int rc;

	if (!cfg->publish.expires[0])
		return FM_OK;
	if (!(then = malloc(sizeof *then)))
		return no_memory(err);
	*then = *cfg; /* a number of days counts from the day that it was issued */
	memcpy(then->release.date, found->issued, sizeof found->issued);
	rc = set_dates(then, &now, err);
	free(then);
	if (rc >= 0 && strcmp(now.expires, found->expires) != 0)
		fm_warn("publish.expires: %s %s is released already, %s%s, and its record stays as it is: raise "
			"release.version to give it out with another end",
			found->name, found->version, found->expires[0] ? "until " : "without an end", found->expires);
	return rc;
}

/* The newest release that the ledger knows, or a later one that only the log has: another workspace made it, and its
 * files lie elsewhere. */
static const struct fm_record *newest_known(const struct fm_record *before, const struct fm_tlog *log,
					    const struct fm_record *next)
{
	for (size_t i = log->n; i-- > 0;) {
		const struct fm_record *r = &log->entry[i].record;

		if (strcmp(r->name, next->name) == 0 && strcmp(r->version, next->version) != 0)
			return before && before->sequence >= r->sequence ? before : r;
	}
	return before;
}

int fm_publish_next(const struct fm_config *cfg, const char *out, const struct fm_signers *signers,
		    const struct fm_released *known, struct fm_record *next, struct fm_error *err)
{
	const struct fm_record *before = !known ? NULL : known->record.sequence ? &known->record : &known->last;
	struct fm_publish_log log;
	int rc;

	memset(next, 0, sizeof *next);
	snprintf(next->name, sizeof next->name, "%s", cfg->release.name);
	snprintf(next->version, sizeof next->version, "%s", cfg->release.version);
	if ((rc = set_dates(cfg, next, err)) < 0)
		return rc;
	if (!may_sign_records(signers)) {
		if (cfg->publish.sequence == 0 && !cfg->publish.expires[0] && !cfg->publish.attestation_key[0])
			return FM_OK;
		return fm_fail(
		    err, FM_EINPUT,
		    "publish.%s: no line of allowed_signers lets a key sign records of releases: let that of "
		    "publish.key say namespaces=\"" FM_SSH_NAMESPACES "\"",
		    cfg->publish.sequence     ? "sequence"
		    : cfg->publish.expires[0] ? "expires"
					      : "attestation_key");
	}
	next->sequence = cfg->publish.sequence;
	if ((rc = fm_publish_log_open(&log, out, next->name, next->version, signers, err)) >= 0)
		rc = fm_shelf_next(out, signers, newest_known(before, &log.log, next), next, err);
	fm_publish_log_close(&log);
	return rc;
}

int fm_publish_same_key(const char *archive, const struct fm_sshpub *key, struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX];
	int rc = fm_sshpub_fingerprint(key, fingerprint, err);

	if (rc >= 0 && strcmp(fingerprint, archive) != 0)
		rc = fm_fail(err, FM_EINPUT,
			     "publish.key: the archive was signed by %s and its record by %s: another key was put into "
			     "the file meanwhile, so nothing is released; run again",
			     archive, fingerprint);
	return rc;
}
