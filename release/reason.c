#include "release/reason.h"

static const char *const names[FM_REASON_COUNT] = {
    [FM_REASON_GOOD] = "good",
    [FM_REASON_SIGNATURE_MISSING] = "signature-missing",
    [FM_REASON_SIGNATURE_MALFORMED] = "signature-malformed",
    [FM_REASON_WRONG_NAMESPACE] = "wrong-namespace",
    [FM_REASON_UNKNOWN_SIGNER] = "unknown-signer",
    [FM_REASON_KEY_EXPIRED] = "key-expired",
    [FM_REASON_KEY_NOT_YET_VALID] = "key-not-yet-valid",
    [FM_REASON_OTHER_SIGNER] = "other-signer",
    [FM_REASON_WEAK_KEY] = "weak-key",
    [FM_REASON_BAD_SIGNATURE] = "bad-signature",
    [FM_REASON_ARCHIVE_MALFORMED] = "archive-malformed",
    [FM_REASON_ARCHIVE_EXPANDS] = "archive-expands",
    [FM_REASON_ENTRY_TYPE] = "entry-type",
    [FM_REASON_ENTRY_PATH] = "entry-path",
    [FM_REASON_ENTRY_DUPLICATE] = "entry-duplicate",
    [FM_REASON_ENTRY_COLLISION] = "entry-collision",
    [FM_REASON_ENTRY_ORDER] = "entry-order",
    [FM_REASON_ENTRY_SIZE] = "entry-size",
    [FM_REASON_ENTRY_HEADER] = "entry-header",
    [FM_REASON_FILE_MISSING] = "file-missing",
    [FM_REASON_FILE_EXTRA] = "file-extra",
    [FM_REASON_FILE_CHANGED] = "file-changed",
    [FM_REASON_SUMS_MALFORMED] = "sums-malformed",
    [FM_REASON_MANIFEST_MALFORMED] = "manifest-malformed",
    [FM_REASON_MANIFEST_DISAGREES] = "manifest-disagrees",
    [FM_REASON_FORMAT_UNKNOWN] = "format-unknown",
    [FM_REASON_NOT_JUDGED] = "not-judged",
    [FM_REASON_VERDICT_FAIL] = "verdict-fail",
    [FM_REASON_ROWS_DISAGREE] = "rows-disagree",
    [FM_REASON_DATAPACKAGE] = "datapackage-disagrees",
    [FM_REASON_NAME_DISAGREES] = "name-disagrees",
    [FM_REASON_RECORD_MISSING] = "record-missing",
    [FM_REASON_RECORD_UNSIGNED] = "record-unsigned",
    [FM_REASON_RECORD_MALFORMED] = "record-malformed",
    [FM_REASON_RECORD_DISAGREES] = "record-disagrees",
    [FM_REASON_ATTESTATIONS] = "attestations",
    [FM_REASON_EXPIRED] = "expired",
    [FM_REASON_ROLLBACK] = "rollback",
    [FM_REASON_FORK] = "fork",
};

const char *fm_reason_name(enum fm_reason r)
{
	return (unsigned)r < FM_REASON_COUNT ? names[r] : "unknown";
}
