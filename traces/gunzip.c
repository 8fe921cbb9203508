#include "traces/gunzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

#define BLOCK (256 * 1024)

struct fm_gunzip {
	int fd;
	z_stream z;
	bool open, end;
	bool within; /* a member has begun and not ended */
	uint64_t consumed;
	uint8_t in[BLOCK], out[BLOCK];
};

bool fm_gunzip_wanted(int fd)
{
	uint8_t p[3];

	return pread(fd, p, sizeof p, 0) == (ssize_t)sizeof p && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

int fm_gunzip_open(struct fm_gunzip **out, int fd, struct fm_error *err)
{
	struct fm_gunzip *g;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&g, 1, sizeof *g, "a gzip reader", err)) < 0)
		return rc;
	g->fd = fd;
	if (inflateInit2(&g->z, 15 + 16) != Z_OK) { /* the largest window, a gzip header */
		free(g);
		return fm_fail(err, FM_ESYSTEM, "out of memory: zlib cannot start");
	}
	g->open = g->within = true;
	*out = g;
	return FM_OK;
}

/* More of the file, when all that was read is used up; 0 at its end. */
static ssize_t refill(struct fm_gunzip *g, const char **why)
{
	ssize_t n;

	if (g->z.avail_in)
		return (ssize_t)g->z.avail_in;
	do
		n = read(g->fd, g->in, sizeof g->in);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		*why = "the file cannot be read";
		return -1;
	}
	g->z.next_in = g->in;
	g->z.avail_in = (uInt)n;
	g->consumed += (uint64_t)n;
	return n;
}

static ssize_t damaged(const char **why, const char *text)
{
	*why = text;
	errno = 0;
	return -1;
}

/* After a member: padding, another member, or the end (return 0: there is another; 1: the end). */
static ssize_t next_member(struct fm_gunzip *g, const char **why)
{
	for (;;) {
		ssize_t n = refill(g, why);

		if (n <= 0)
			return n < 0 ? n : 1;
		if (*g->z.next_in)
			break;
		g->z.next_in++;
		g->z.avail_in--;
	}
	if (*g->z.next_in != 0x1f)
		return damaged(why, "something that is no gzip data follows the gzip data");
	return inflateReset(&g->z) == Z_OK ? 0 : damaged(why, "zlib cannot go on");
}

ssize_t fm_gunzip_read(struct fm_gunzip *g, const void **data, const char **why)
{
	*data = g->out;
	g->z.next_out = g->out;
	g->z.avail_out = sizeof g->out;
	while (!g->end && g->z.avail_out) {
		ssize_t n;
		int rc;

		if (!g->within) {
			if ((n = next_member(g, why)) < 0)
				return n;
			g->end = n > 0;
			g->within = !g->end;
			continue;
		}
		if ((n = refill(g, why)) < 0)
			return n;
		if (!n)
			return damaged(why, "the gzip data end too early");
		rc = inflate(&g->z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			g->within = false;
		else if (rc == Z_MEM_ERROR) {
			*why = "out of memory";
			errno = ENOMEM;
			return -1;
		} else if (rc != Z_OK)
			return damaged(why, g->z.msg ? g->z.msg : "the gzip data are damaged");
	}
	return (ssize_t)(sizeof g->out - g->z.avail_out);
}

uint64_t fm_gunzip_consumed(const struct fm_gunzip *g)
{
	return g->consumed - g->z.avail_in;
}

void fm_gunzip_close(struct fm_gunzip *g)
{
	if (!g)
		return;
	if (g->open)
		inflateEnd(&g->z);
	free(g);
}
