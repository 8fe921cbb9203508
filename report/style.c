/* report.css, included by the assembler as it is; its path is relative to the folder that make runs in, and style.mk
 * makes it a dependency. */
#include "report/style.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

__asm__(".pushsection .rodata\n"
	"\t.balign 8\n"
	"\t.global fm_style_text\n"
	"\t.hidden fm_style_text\n"
	"fm_style_text:\n"
	"\t.incbin \"report/report.css\"\n"
	"\t.byte 0\n"
	"\t.balign 8\n"
	"\t.popsection\n");

int fm_style_digest(char out[FM_STYLE_DIGEST_MAX], struct fm_error *err)
{
	uint8_t digest[FM_SHA256_LEN];
	unsigned char text[48]; /* 44 digits and a NUL */
	int rc;

	if ((rc = fm_sha256_bytes(fm_style_text, strlen(fm_style_text), digest, err)) < 0)
		return rc;
	EVP_EncodeBlock(text, digest, sizeof digest);
	snprintf(out, FM_STYLE_DIGEST_MAX, "sha256-%s", (const char *)text);
	return FM_OK;
}
