#include "release/reason.h"

static const char *const names[FM_REASON_COUNT] = {
    [FM_REASON_GOOD] = "good",
    [FM_REASON_SIGNATURE_MISSING] = "signature-missing",
    [FM_REASON_SIGNATURE_MALFORMED] = "signature-malformed",
    [FM_REASON_WRONG_NAMESPACE] = "wrong-namespace",
    [FM_REASON_UNKNOWN_SIGNER] = "unknown-signer",
    [FM_REASON_KEY_EXPIRED] = "key-expired",
    [FM_REASON_KEY_NOT_YET_VALID] = "key-not-yet-valid",
    [FM_REASON_BAD_SIGNATURE] = "bad-signature",
    [FM_REASON_ARCHIVE_MALFORMED] = "archive-malformed",
    [FM_REASON_ENTRY_TYPE] = "entry-type",
    [FM_REASON_ENTRY_PATH] = "entry-path",
    [FM_REASON_ENTRY_DUPLICATE] = "entry-duplicate",
    [FM_REASON_ENTRY_ORDER] = "entry-order",
    [FM_REASON_ENTRY_SIZE] = "entry-size",
    [FM_REASON_ENTRY_HEADER] = "entry-header",
    [FM_REASON_FILE_MISSING] = "file-missing",
    [FM_REASON_FILE_EXTRA] = "file-extra",
    [FM_REASON_FILE_CHANGED] = "file-changed",
    [FM_REASON_SUMS_MALFORMED] = "sums-malformed",
    [FM_REASON_MANIFEST_MALFORMED] = "manifest-malformed",
    [FM_REASON_MANIFEST_DISAGREES] = "manifest-disagrees",
};

const char *fm_reason_name(enum fm_reason r)
{
	return (unsigned)r < FM_REASON_COUNT ? names[r] : "unknown";
}
