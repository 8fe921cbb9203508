/* What a child has from its parent and must not know: the environment, and texts wherever they stand in its memory. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/kernels.h"
#include "base/mem.h"
#include "pipeline/sandbox.h"

#define MASK 0x5a
#define SHORT 8 /* a text of fewer bytes is left: it could be a part of anything */

/* The values lie in the process's first pages, whatever becomes of the names. */
static int clear_environment(struct fm_error *err)
{
	const char *kernels = fm_kernels()->name; /* which the environment may have chosen */

	for (char **e = environ; e && *e; e++)
		explicit_bzero(*e, strlen(*e));
	if (clearenv() || setenv("LC_ALL", "C", 1) || setenv("TZ", "UTC", 1) || setenv("FM_KERNELS", kernels, 1))
		return fm_fail(err, FM_ESYSTEM, "cannot clear the stage's environment");
	return FM_OK;
}

/* A text that goes on is another one: of a/trace.csv and a/trace.csv.yaml the second may be needed. */
static bool goes_on(unsigned char c)
{
	return isalnum(c) || c == '.' || c == '_' || c == '-' || c == '/';
}

/* The text is held with each byte turned, so that the search does not find its own copy. */
static void overwrite(unsigned char *at, size_t n, const unsigned char *turned, size_t len)
{
	unsigned char first = turned[0] ^ MASK, *end = at + n;

	while ((size_t)(end - at) >= len && (at = memchr(at, first, (size_t)(end - at) - len + 1))) {
		size_t i = 1;

		while (i < len && at[i] == (turned[i] ^ MASK))
			i++;
		if (i == len && (at + len == end || !goes_on(at[len])))
			memset(at, 'x', len);
		at += i == len ? len : 1;
	}
}

struct texts {
	unsigned char *turned[FM_SANDBOX_FORGET];
	size_t len[FM_SANDBOX_FORGET];
	int n;
};

/* "from-to rw-p ..." of /proc/self/maps */
static void forget_mapping(const char *line, const struct texts *t)
{
	unsigned long from, to;
	char mode[5];
	void *at;

	if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || strcmp(mode, "rw-p") != 0 || strstr(line, "[vvar"))
		return;
	memcpy(&at, &from, sizeof at);
	for (int i = 0; i < t->n; i++)
		overwrite(at, to - from, t->turned[i], t->len[i]);
}

int fm_sandbox_forget(const struct fm_sandbox *box, struct fm_error *err)
{
	struct texts t = {0};
	struct fm_buf maps = {0};
	char chunk[4096];
	ssize_t n;
	int fd, rc;

	if ((rc = clear_environment(err)) < 0)
		return rc;
	if (box->nforget == 0)
		return FM_OK;
	for (int i = 0; i < box->nforget; i++) {
		size_t len = strlen(box->forget[i]);

		if (len < SHORT)
			continue;
		if ((rc = fm_alloc(&t.turned[t.n], len, 1, "what a stage must not know", err)) < 0)
			goto out;
		for (size_t k = 0; k < len; k++)
			t.turned[t.n][k] = (unsigned char)box->forget[i][k] ^ MASK;
		t.len[t.n++] = len;
	}
	if ((fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) < 0) {
		rc = fm_fail_errno(err, "/proc/self/maps");
		goto out;
	}
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		fm_buf_add(&maps, chunk, (size_t)n);
	close(fd);
	if ((rc = fm_buf_check(&maps, err)) < 0)
		goto out;
	for (char *rest = maps.data, *line; rest && (line = strsep(&rest, "\n"));)
		forget_mapping(line, &t);
out:
	for (int i = 0; i < t.n; i++)
		free(t.turned[i]);
	fm_buf_free(&maps);
	return rc;
}
