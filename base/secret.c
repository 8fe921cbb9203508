#include "base/secret.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

/* Pages that hold a secret of len bytes. */
static size_t secret_pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return len == 0 ? page : (len + page - 1) / page * page;
}

static atomic_bool lock_warned;

int fm_secret_new(struct fm_secret *s, size_t len, struct fm_error *err)
{
	size_t bytes;
	void *p;

	*s = (struct fm_secret){0};
	if (len > SIZE_MAX / 4)
		return fm_fail(err, FM_ESYSTEM, "out of memory: %zu bytes for a secret", len);
	bytes = secret_pages(len);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return fm_fail_errno(err, "out of memory: %zu bytes for a secret", len);
	/* A low limit on locked memory (ulimit -l) is no reason to refuse work, but the user should know of it, once.
	 */
	if (mlock(p, bytes) != 0 && !atomic_exchange(&lock_warned, true))
		fm_warn("a secret cannot be locked in memory and may reach the swap space; raise ulimit -l");
	if (madvise(p, bytes, MADV_DONTDUMP) != 0) {
		int rc = fm_fail_errno(err, "a secret cannot be kept out of core dumps");
		munmap(p, bytes);
		return rc;
	}
	s->data = p;
	s->len = len;
	return FM_OK;
}

int fm_secret_random(struct fm_secret *s, size_t len, struct fm_error *err)
{
	size_t done = 0;
	ssize_t got;
	int rc;

	if ((rc = fm_secret_new(s, len, err)) < 0)
		return rc;
	while (done < len) {
		got = getrandom(s->data + done, len - done, 0);
		if (got > 0) {
			done += (size_t)got;
		} else if (got < 0 && errno != EINTR) {
			rc = fm_fail_errno(err, "the system's random generator gives no bytes");
			fm_secret_close(s);
			return rc;
		}
	}
	return FM_OK;
}

/* Check that fd is a file that may be a secret, and its size. */
static int secret_stat(int fd, const char *path, size_t max, size_t *len, struct fm_error *err)
{
	char word[FM_TEXT_SHELL_MAX];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fm_fail_errno(err, "cannot read %s", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fm_fail(
		    err, FM_EINPUT, "%s holds a secret but its mode is %04o: others may use it; run chmod 600 %s", path,
		    (unsigned)(st.st_mode & 07777), fm_text_shell(path, strlen(path), "FILE", word, sizeof word));
	if (st.st_size == 0)
		return fm_fail(err, FM_EINPUT, "%s is empty", path);
	if ((uint64_t)st.st_size > max)
		return fm_fail(err, FM_EINPUT, "%s is too large for a secret: %lld bytes, at most %zu", path,
			       (long long)st.st_size, max);
	*len = (size_t)st.st_size;
	return FM_OK;
}

int fm_secret_read(struct fm_secret *s, const char *path, size_t max, struct fm_error *err)
{
	size_t len = 0, done = 0, got = 0;
	int fd, rc = fm_file_open(path, &fd, err);

	*s = (struct fm_secret){0};
	if (rc < 0)
		return rc;
	if ((rc = secret_stat(fd, path, max, &len, err)) < 0 || (rc = fm_secret_new(s, len, err)) < 0)
		goto out;
	while (done < len) {
		if ((rc = fm_fd_read(fd, path, s->data + done, len - done, &got, err)) < 0)
			goto out;
		if (got == 0) {
			rc = fm_fail(err, FM_EINPUT, "%s was cut short while it was read", path);
			goto out;
		}
		done += got;
	}
out:
	if (rc < 0)
		fm_secret_close(s);
	close(fd);
	return rc;
}

void fm_secret_close(struct fm_secret *s)
{
	if (s == NULL)
		return;
	if (s->data != NULL) {
		explicit_bzero(s->data, secret_pages(s->len));
		munmap(s->data, secret_pages(s->len)); /* unlocks too */
	}
	*s = (struct fm_secret){0};
}

int fm_secret_derive(struct fm_secret *out, const struct fm_secret *key, const char *label, struct fm_error *err)
{
	char text[160];
	int n = snprintf(text, sizeof text, "flowmint secret\n%s", label), rc;

	*out = (struct fm_secret){0};
	if (n < 0 || (size_t)n >= sizeof text)
		return fm_fail(err, FM_ESYSTEM, "the label of a secret is too long: %s", label);
	if ((rc = fm_secret_new(out, FM_SHA256_LEN, err)) < 0)
		return rc;
	if ((rc = fm_hmac_sha256(key->data, key->len, text, (size_t)n, out->data, err)) < 0)
		fm_secret_close(out);
	return rc;
}
