/* What a child has from its parent and must not have: the environment, texts wherever they stand in its memory, mapped
 * files that it could write to. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/kernels.h"
#include "base/mem.h"
#include "pipeline/walls/sandbox.h"

#define MASK 0x5a
#define SHORT 8 /* shorter texts are left: they could be part of anything */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_IS_READABLE false /* a sanitizer's shadow is not */
#else
#define MEMORY_IS_READABLE true
#endif

/* The values lie in the process's first pages, whatever becomes of the names. */
static int clear_environment(struct fm_error *err)
{
	const char *kernels = fm_kernels()->name; /* which the environment may have chosen */

	for (char **e = environ; e && *e; e++)
		explicit_bzero(*e, strlen(*e));
	if (clearenv() || setenv("LC_ALL", "C", 1) || setenv("TZ", "UTC", 1) || setenv("FM_KERNELS", kernels, 1))
		return fm_fail(err, FM_ESYSTEM, "cannot clear the stage's environment: out of memory");
	return FM_OK;
}

/* A text that goes on is another one: of a/trace.csv and a/trace.csv.yaml the second may be needed. */
static bool goes_on(unsigned char c)
{
	return isalnum(c) || c == '.' || c == '_' || c == '-' || c == '/';
}

/* Texts, stored with each byte inverted, so that the search does not find its own copies. */
struct texts {
	unsigned char *turned[FM_SANDBOX_FORGET];
	size_t len[FM_SANDBOX_FORGET];
	int n;
	bool first[256]; /* bytes that one begins with */
};

static size_t match(const struct texts *t, const unsigned char *at, const unsigned char *end)
{
	for (int k = 0; k < t->n; k++) {
		size_t len = t->len[k], i = 0;

		while (i < len && at + i < end && at[i] == (t->turned[k][i] ^ MASK))
			i++;
		if (i == len && (at + len == end || !goes_on(at[len])))
			return len;
	}
	return 0;
}

static void overwrite(unsigned char *begin, size_t n, const struct texts *t)
{
	unsigned char *end = begin + n;

	for (int c = 0; c < 256; c++)
		for (unsigned char *at = begin; t->first[c] && (at = memchr(at, c, (size_t)(end - at))); at++)
			memset(at, 'x', match(t, at, end));
}

/* "from-to rw-p ..." of /proc/self/maps */
static void forget_mapping(const char *line, const struct texts *t)
{
	unsigned long from, to;
	char mode[5];
	void *at;

	if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || strcmp(mode, "rw-p") != 0 || strstr(line, "[vvar"))
		return;
	memcpy(&at, &from, sizeof at);
	overwrite(at, to - from, t);
}

/* All mappings, line by line from a buffer of this function: memory must not change while they are looked through. */
static int forget_everywhere(const struct texts *t, struct fm_error *err)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char text[8192], *line, *end;
	size_t held = 0;
	ssize_t n;

	if (fd < 0)
		return fm_fail_errno(err, "/proc/self/maps");
	while ((n = read(fd, text + held, sizeof text - 1 - held)) > 0) {
		held += (size_t)n;
		text[held] = '\0';
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			forget_mapping(line, t);
		}
		held -= (size_t)(line - text);
		memmove(text, line, held);
	}
	close(fd);
	return n < 0 ? fm_fail_errno(err, "/proc/self/maps") : FM_OK;
}

int fm_sandbox_forget(const struct fm_sandbox *box, struct fm_error *err)
{
	struct texts t = {0};
	int rc;

	if ((rc = clear_environment(err)) < 0 || box->nforget == 0)
		return rc;
	for (int i = 0; i < box->nforget; i++) {
		size_t len = strlen(box->forget[i]);

		if (len < SHORT)
			continue;
		if ((rc = fm_alloc(&t.turned[t.n], len, 1, "what a stage must not know", err)) < 0)
			goto out;
		for (size_t k = 0; k < len; k++)
			t.turned[t.n][k] = (unsigned char)box->forget[i][k] ^ MASK;
		t.first[(unsigned char)box->forget[i][0]] = true;
		t.len[t.n++] = len;
	}
	rc = MEMORY_IS_READABLE ? forget_everywhere(&t, err) : FM_OK;
out:
	for (int i = 0; i < t.n; i++)
		free(t.turned[i]);
	return rc;
}

/* A mapped file that may be written to would be a way across: MPI's memory on one machine, the index of the ledger's
 * journal.  The child inherits none.  The memory that a stage shares with its parent belongs to no file (/dev/zero). */
int fm_sandbox_hide_mapped(struct fm_error *err)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	char line[600], mode[5];
	int rc = FM_OK;

	if (!f)
		return fm_fail_errno(err, "/proc/self/maps");
	while (rc >= 0 && fgets(line, sizeof line, f)) {
		void *at;

		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[1] != 'w' || mode[3] != 's' ||
		    !strchr(line, '/') || strstr(line, "/dev/zero"))
			continue;
		memcpy(&at, &from, sizeof at);
		if (madvise(at, to - from, MADV_DONTFORK) != 0)
			rc = fm_fail_errno(err, "cannot keep a mapped file from a stage");
	}
	fclose(f);
	return rc;
}
