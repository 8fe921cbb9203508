/*
 * tlog_audit.h - is the transparency log of a release folder (release/tlog.h), or an exported copy of it, what it was
 * at each of its heads?
 *
 * A head that somebody else has (NAME-VERSION.LOG.json, as a partner keeps it) is compared with it: someone who shows
 * different logs to different people is found out when two of them ask the same auditor.
 */
#ifndef FM_PIPELINE_TLOG_AUDIT_H
#define FM_PIPELINE_TLOG_AUDIT_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

struct fm_tlog_audit_in {
	const char *log;     /* the file */
	const char *signers; /* an allowed_signers file, or NULL: whoever signed */
	const char *revoked; /* keys whose heads count for nothing (release/sign/revoked.h), or NULL */
	const char *const
	    *keys; /* nkeys documents (release/sign/rotation.h) by which keys come after those of signers */
	size_t nkeys;
	const char *folder; /* where the releases lie, each of which is looked up in the log; NULL: the log alone */
	const char *const *head; /* nhead files NAME-VERSION.LOG.json */
	int nhead;
	const json_t *released; /* rows of the ledger, kind release (fm_ledger_rows); NULL: none */
	uint64_t from, to;      /* prove that the log of `to` entries begins with that of `from`; to 0: no proof */
};
/* The documents of keys beside a log, NAME-VERSION.KEYS.json and KEYS.json, each of those with the same bytes once;
 * freed by fm_names_free.  FM_EINPUT: there are more than FM_TLOG_AUDIT_KEYS. */
#define FM_TLOG_AUDIT_KEYS 64
int fm_tlog_audit_keys(const char *log, char ***paths, size_t *n, struct fm_error *err) FM_MUST_CHECK;
/* {"log","entries","root","intact","signers":[{"fingerprint","signer":TEXT|null,"heads","revoked"}],"heads":[{"file",
 * "size","in_log"}],"consistency":{"from","from_root","to","to_root","path":[HEX]}|null,"problems":[{"entry",
 * "problem"}]}.  FM_OK with *report set whatever the finding; FM_EINPUT: the file is no log, or the log has no such
 * heads. */
int fm_tlog_audit(const struct fm_tlog_audit_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
