#include "pipeline/project_secret.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

#define SECRET_MAX 4096
#define SECRET_MIN 32

int fm_project_secret(struct fm_secret *s, const char *project, struct fm_error *err)
{
	char *path = NULL;
	int rc;

	*s = (struct fm_secret){0};
	if (asprintf(&path, "%s/keys/commitment.key", project) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (!fm_file_exists(path)) {
		rc =
		    fm_fail(err, FM_EINPUT,
			    "%s: no such file: the project's secret, which commitments to private inputs and all noise "
			    "come from; flowmint init makes one with a project",
			    path);
		goto out;
	}
	if ((rc = fm_secret_read(s, path, SECRET_MAX, err)) < 0)
		goto out;
	if (s->len < SECRET_MIN) {
		rc = fm_fail(err, FM_EINPUT, "%s: too short for a secret: 32 random bytes are expected", path);
		fm_secret_close(s);
	}
out:
	free(path);
	return rc;
}

int fm_commitment(const struct fm_secret *s, const char *what, const char *digest, char hex[FM_SHA256_HEX],
		  struct fm_error *err)
{
	uint8_t mac[FM_SHA256_LEN];
	char text[160];
	int n = snprintf(text, sizeof text, "flowmint commitment\n%s\n%s\n", what, digest), rc;

	if ((rc = fm_hmac_sha256(s->data, s->len, text, (size_t)n, mac, err)) < 0)
		return rc;
	fm_hex(mac, sizeof mac, hex);
	return FM_OK;
}
