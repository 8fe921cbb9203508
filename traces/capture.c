#include "traces/capture.h"

#include <string.h>

#include "traces/source.h"

bool fm_capture_is(const char *s, size_t n)
{
	static const char magic[][5] = {"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d",
					"\x0a\x0d\x0d\x0a"};

	for (size_t i = 0; n >= 4 && i < sizeof magic / sizeof *magic; i++)
		if (memcmp(s, magic[i], 4) == 0)
			return true;
	return false;
}

int fm_capture_look(const char *path, const char *member, bool *is, struct fm_error *err)
{
	struct fm_source *source = NULL;
	const char *data;
	size_t n;
	int rc;

	*is = false;
	if ((rc = fm_source_open(&source, path, member, err)) < 0 || (rc = fm_source_next(source, &data, &n, err)) < 0)
		goto out;
	*is = fm_capture_is(data, n);
out:
	fm_source_close(source);
	return rc;
}
