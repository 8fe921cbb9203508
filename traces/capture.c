#include "traces/capture.h"

#include <string.h>

#include "traces/source.h"

static unsigned number(const char *s)
{
	return (unsigned)(unsigned char)s[0] << 8 | (unsigned char)s[1];
}

/* A message of version 10 begins with a set of templates or of data, or ends after its header. */
static bool is_ipfix(const char *s, size_t n)
{
	unsigned length, set;

	if (n < 16 || number(s) != 10)
		return false;
	length = number(s + 2);
	if (length < 20 || n < 20)
		return length == 16;
	set = number(s + 16);
	return (set == 2 || set == 3 || set >= 256) && number(s + 18) >= 4 && number(s + 18) <= length - 16;
}

enum fm_capture fm_capture_kind(const char *s, size_t n)
{
	static const char magic[][5] = {"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d",
					"\x0a\x0d\x0d\x0a"};

	for (size_t i = 0; n >= 4 && i < sizeof magic / sizeof *magic; i++)
		if (memcmp(s, magic[i], 4) == 0)
			return FM_CAPTURE_PACKETS;
	return is_ipfix(s, n) ? FM_CAPTURE_IPFIX : FM_CAPTURE_NONE;
}

int fm_capture_look(const char *path, const char *member, enum fm_capture *kind, struct fm_error *err)
{
	struct fm_source *source = NULL;
	const char *data;
	size_t n;
	int rc;

	*kind = FM_CAPTURE_NONE;
	if ((rc = fm_source_open(&source, path, member, err)) < 0 || (rc = fm_source_next(source, &data, &n, err)) < 0)
		goto out;
	*kind = fm_capture_kind(data, n);
out:
	fm_source_close(source);
	return rc;
}

const char *fm_capture_dialect(enum fm_capture kind)
{
	static const char *const name[] = {"", "pcap", "ipfix"};

	return name[kind];
}

const char *fm_capture_title(enum fm_capture kind)
{
	static const char *const title[] = {"a text", "a packet capture", "an IPFIX file"};

	return title[kind];
}
