/*
 * reason.h - why an archive was refused: one word for programs, which never changes its meaning, and a sentence beside
 * it (struct fm_error) for people.
 */
#ifndef FM_RELEASE_REASON_H
#define FM_RELEASE_REASON_H

enum fm_reason {
	FM_REASON_GOOD,                /* good: nothing was refused */
	FM_REASON_SIGNATURE_MISSING,   /* no signature beside the archive */
	FM_REASON_SIGNATURE_MALFORMED, /* it is no SSHSIG, or one of a kind that is not accepted */
	FM_REASON_WRONG_NAMESPACE,     /* signed for another purpose, or the key may not sign for flowmint */
	FM_REASON_UNKNOWN_SIGNER,      /* the key is not in the signers file */
	FM_REASON_KEY_EXPIRED,         /* after its valid-before */
	FM_REASON_KEY_NOT_YET_VALID,   /* before its valid-after */
	FM_REASON_OTHER_SIGNER,        /* the key is listed, but not for the signer that was asked for */
	FM_REASON_KEY_REVOKED,         /* a list of revoked keys has it */
	FM_REASON_WEAK_KEY,            /* a key of small order, for which anybody can sign */
	FM_REASON_BAD_SIGNATURE,       /* the key did not sign these bytes */
	FM_REASON_ARCHIVE_MALFORMED,   /* zstd or tar damaged, cut short, or with bytes behind its end */
	FM_REASON_ARCHIVE_EXPANDS,     /* it decompresses to far more than flows do */
	FM_REASON_ENTRY_TYPE,          /* a link, device, extended header, second folder */
	FM_REASON_ENTRY_PATH,          /* absolute, "..", outside the folder, odd characters */
	FM_REASON_ENTRY_DUPLICATE,     /* the same path twice */
	FM_REASON_ENTRY_COLLISION,     /* two paths that are one file on another system, or a path that is both file and
					  folder */
	FM_REASON_ENTRY_ORDER,         /* paths not in byte order */
	FM_REASON_ENTRY_SIZE,          /* larger than allowed */
	FM_REASON_ENTRY_HEADER,        /* owner, mode, time or another field is not what flowmint writes */
	FM_REASON_FILE_MISSING,        /* listed or required, not there */
	FM_REASON_FILE_EXTRA,          /* there, not listed */
	FM_REASON_FILE_EMPTY,          /* there, without a byte */
	FM_REASON_FILE_CHANGED,        /* digest or size differs from the list */
	FM_REASON_SUMS_MALFORMED,      /* SHA256SUMS is unreadable */
	FM_REASON_MANIFEST_MALFORMED,  /* manifest.json is unreadable */
	FM_REASON_MANIFEST_DISAGREES,  /* manifest.json names other files, or another name or version */
	FM_REASON_FORMAT_UNKNOWN,      /* manifest.json has another format */
	FM_REASON_NOT_JUDGED,          /* no verdict, no checks, or a verdict that its own numbers deny */
	FM_REASON_VERDICT_FAIL,        /* the gate refused it */
	FM_REASON_ROWS_DISAGREE,       /* data/flows.csv has another number of rows */
	FM_REASON_DATAPACKAGE,         /* datapackage.json is unreadable or describes other data */
	FM_REASON_METADATA_DISAGREES,  /* croissant.json or CITATION.cff is unreadable or of other files or another
					  release */
	FM_REASON_NAME_DISAGREES,      /* the file is named for another release than it holds */
	FM_REASON_RECORD_MISSING,      /* no RELEASE.json, though the signer makes them */
	FM_REASON_RECORD_UNSIGNED,  /* the record's signature is missing, broken, for other bytes or by another key */
	FM_REASON_RECORD_MALFORMED, /* RELEASE.json is no record, or not in its one form */
	FM_REASON_RECORD_DISAGREES, /* the record is of another release, or of other files */
	FM_REASON_ATTESTATIONS,     /* the attestations' signature is broken, or they are of other files */
	FM_REASON_KEYS_MALFORMED,   /* KEYS.json is no such document, or not in its one form */
	FM_REASON_KEYS_UNSIGNED,    /* a rotation in it is not signed by both keys */
	FM_REASON_KEYS_BROKEN,      /* its rotations do not follow each other, or the archive's key is not in it */
	FM_REASON_KEYS_ROLLBACK,    /* KEYS.json lacks a rotation that was seen before */
	FM_REASON_KEYS_FORK,        /* KEYS.json has another rotation of a key than was seen before */
	FM_REASON_KEY_ROTATED,      /* the key signed after it was replaced */
	FM_REASON_LOG_MALFORMED,    /* LOG.json is no such document, or not in its one form */
	FM_REASON_LOG_UNSIGNED,     /* the signature of its head is broken, or by another key than the record's */
	FM_REASON_LOG_NOT_INCLUDED, /* its proof does not lead from the record to the head */
	FM_REASON_LOG_MISSING,      /* no LOG.json, though the last one had it */
	FM_REASON_LOG_UNPROVED,     /* it has no proof from the head that was seen last */
	FM_REASON_LOG_ROLLBACK,     /* its log is shorter than the one that was seen last */
	FM_REASON_LOG_FORK,         /* its log is no extension of the one that was seen last */
	FM_REASON_EXPIRED,          /* the day until which the release is to be used has passed */
	FM_REASON_ROLLBACK,         /* older than what was accepted before */
	FM_REASON_FORK,             /* it contradicts what was accepted before */
	FM_REASON_COUNT
};
const char *fm_reason_name(enum fm_reason r); /* "good", "signature-missing", ... */

#endif
