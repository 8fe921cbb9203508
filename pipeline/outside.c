#include "pipeline/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/guarded.h"
#include "base/text.h"

#define ASKED "FLOWMINT_ASKPASS" /* in the environment of ssh-keygen: the pipe that has the passphrase */
#define PASSPHRASE_MAX 1024
#define SIGNATURE_MAX 16384
#define AGENT_SECONDS 20          /* to say which keys it has */
#define AGENT_KEYS_MAX (1u << 20) /* bytes of their public halves */

/* ---- the passphrase ---- */

bool fm_outside_asked(int *status)
{
	const char *pipe_path = getenv(ASKED), *prompt = getenv("SSH_ASKPASS_PROMPT");
	char text[PASSPHRASE_MAX + 1];
	ssize_t n;
	int fd;

	if (!pipe_path)
		return false;
	*status = 0;
	if (prompt) /* a notice only, such as that a token wants to be touched */
		return true;
	*status = 1;
	if ((fd = open(pipe_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		return true;
	n = read(fd, text, sizeof text);
	if (n > 0 && write(STDOUT_FILENO, text, (size_t)n) == n)
		*status = 0;
	explicit_bzero(text, sizeof text);
	close(fd);
	return true;
}

/* The first line of o->fd, with its end. */
static int read_passphrase(struct fm_outside *o, struct fm_error *err)
{
	size_t n = 0, got = 1;
	int rc;

	if (o->text.data)
		return FM_OK;
	if ((rc = fm_secret_new(&o->text, PASSPHRASE_MAX + 1, err)) < 0)
		return rc;
	(void)madvise(o->text.data, o->text.len, MADV_WIPEONFORK); /* of whole pages (base/secret.c) */
	while (n < PASSPHRASE_MAX && got) {
		if ((rc = fm_fd_read(o->fd, "--passphrase-fd", o->text.data + n, 1, &got, err)) < 0)
			goto out;
		if (got && o->text.data[n] == '\n')
			break;
		n += got;
	}
	if (n == 0 || n == PASSPHRASE_MAX) {
		rc = fm_fail(err, FM_EINPUT, "--passphrase-fd %d: %s", o->fd,
			     n ? "the passphrase is too long" : "there is no passphrase to read");
		goto out;
	}
	o->text.data[n] = '\n';
	o->text.len = n + 1;
out:
	if (rc < 0)
		fm_outside_close(o);
	return rc;
}

void fm_outside_close(struct fm_outside *o)
{
	fm_secret_close(&o->text);
}

/* A pipe with a name that this user alone may open, with the passphrase in it: in no file, no argument and no
 * environment. */
struct asking {
	char dir[64], path[80], self[PATH_MAX];
	int fd;
};

static int begin_asking(struct asking *a, struct fm_outside *o, struct fm_error *err)
{
	ssize_t n;
	int rc;

	a->fd = -1;
	a->dir[0] = '\0';
	if (o->fd <= 0)
		return FM_OK;
	if ((rc = read_passphrase(o, err)) < 0)
		return rc;
	if ((n = readlink("/proc/self/exe", a->self, sizeof a->self - 1)) <= 0)
		return fm_fail_errno(err, "/proc/self/exe");
	a->self[n] = '\0';
	strcpy(a->dir, "/tmp/flowmint-XXXXXX");
	if (!mkdtemp(a->dir)) {
		a->dir[0] = '\0';
		return fm_fail_errno(err, "/tmp");
	}
	snprintf(a->path, sizeof a->path, "%s/pass", a->dir);
	if (mkfifo(a->path, 0600) != 0 || (a->fd = open(a->path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0 ||
	    write(a->fd, o->text.data, o->text.len) != (ssize_t)o->text.len)
		return fm_fail_errno(err, "%s", a->path);
	return FM_OK;
}

static void end_asking(struct asking *a)
{
	if (a->fd >= 0)
		close(a->fd);
	if (a->dir[0]) {
		unlink(a->path);
		rmdir(a->dir);
	}
}

/* ---- programs of OpenSSH ---- */

/* In the child.  It has the user's terminal and agent, and little else.  a: who answers it when it asks, or NULL. */
static void become(char *const argv[], const struct asking *a, int in, int out)
{
	static const char *const kept[] = {"PATH",
					   "HOME",
					   "USER",
					   "TERM",
					   "SSH_AUTH_SOCK",
					   "SSH_ASKPASS",
					   "DISPLAY",
					   "WAYLAND_DISPLAY",
					   "SSH_ASKPASS_REQUIRE",
					   "SSH_SK_PROVIDER"};
	char *value[sizeof kept / sizeof *kept];
	sigset_t none;

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		const char *v = getenv(kept[i]);

		value[i] = v ? strdup(v) : NULL;
	}
	clearenv();
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (value[i])
			setenv(kept[i], value[i], 1);
	setenv("LC_ALL", "C", 1);
	if (a && a->dir[0]) {
		setenv("SSH_ASKPASS", a->self, 1);
		setenv("SSH_ASKPASS_REQUIRE", "force", 1);
		setenv(ASKED, a->path, 1);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || close_range(3, ~0u, 0) != 0)
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

/* ---- the agent ---- */

/* The agent is asked which keys it has, before hours of work that it is to sign.  One that does not answer is given up:
 * the alarm outlives the exec. */
static int ask_agent(struct fm_buf *keys, int *status, struct fm_error *err)
{
	char *argv[] = {"ssh-add", "-L", NULL};
	char chunk[4096];
	size_t got = 1;
	int out[2], rc = FM_OK, nothing;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		return fm_fail_errno(err, "cannot make a pipe");
	fflush(NULL);
	if ((pid = fork()) == 0) {
		alarm(AGENT_SECONDS);
		if ((nothing = open("/dev/null", O_RDWR)) < 0 || dup2(nothing, 2) < 0)
			_exit(126);
		become(argv, NULL, nothing, out[1]);
	}
	close(out[1]);
	if (pid < 0)
		rc = fm_fail_errno(err, "cannot start ssh-add");
	while (got && rc >= 0 && keys->len < AGENT_KEYS_MAX) {
		if ((rc = fm_fd_read(out[0], "ssh-add", chunk, sizeof chunk, &got, err)) >= 0)
			fm_buf_add(keys, chunk, got);
	}
	close(out[0]);
	while (pid > 0 && waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return rc < 0 ? rc : fm_buf_check(keys, err);
}

static bool has_key(const struct fm_buf *keys, const struct fm_sshpub *pub)
{
	struct fm_error other; /* kinds that do not sign here */
	struct fm_sshpub one;
	size_t n;

	for (size_t at = 0; at < keys->len; at += n + 1) {
		const char *line = (const char *)keys->data + at, *end = memchr(line, '\n', keys->len - at);

		n = end ? (size_t)(end - line) : keys->len - at;
		if (fm_sshpub_parse(&one, line, n, &other) == FM_OK && fm_sshpub_same(&one, pub))
			return true;
	}
	return false;
}

/* A public key signs by an agent, or by the private file beside it. */
static int check_agent(const char *key, const struct fm_sshpub *pub, struct fm_error *err)
{
	const char *agent = getenv("SSH_AUTH_SOCK");
	size_t n = strlen(key);
	char *private = n > 4 && strcmp(key + n - 4, ".pub") == 0 ? strndup(key, n - 4) : NULL;
	bool there = private && fm_file_exists(private);
	struct fm_buf keys = {0};
	int status = 0, rc;

	free(private);
	if (there)
		return FM_OK;
	if (!agent || !*agent)
		return fm_fail(err, FM_EINPUT,
			       "%s is a public key, which signs by an ssh-agent, and there is none (SSH_AUTH_SOCK is "
			       "not set): start one and run ssh-add, or name the private key",
			       key);
	if ((rc = ask_agent(&keys, &status, err)) < 0 || has_key(&keys, pub))
		goto out;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		rc =
		    fm_fail(err, FM_EINPUT,
			    "%s is a public key, which signs by an ssh-agent, and ssh-add, which asks it, is not to be "
			    "found: install openssh-client",
			    key);
	else if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) /* 1: the agent has no keys */
		rc = fm_fail(err, FM_EINPUT,
			     "%s is a public key, which signs by an ssh-agent, and the one of SSH_AUTH_SOCK does not "
			     "have its private half: run ssh-add, or name the private key",
			     key);
	else
		rc = fm_fail(err, FM_EINPUT,
			     "%s is a public key, which signs by an ssh-agent, and the one of SSH_AUTH_SOCK (%.200s) "
			     "does not answer: start one and run ssh-add, or name the private key",
			     key, agent);
out:
	fm_buf_free(&keys);
	return rc;
}

int fm_outside_look(const char *key, struct fm_sshpub *pub, bool *outside, struct fm_error *err)
{
	char begin[5] = "";
	size_t got = 0;
	bool here;
	int rc;

	if ((rc = fm_sshkey_look(key, pub, &here, err)) < 0)
		return rc;
	*outside = !here;
	if ((rc = fm_file_guarded(key, "key", false, err)) < 0 || here)
		return rc;
	if ((rc = fm_file_begin(key, begin, sizeof begin, &got, err)) < 0 || got < sizeof begin ||
	    memcmp(begin, "-----", 5) == 0)
		return rc;
	return check_agent(key, pub, err);
}

/* ---- signing ---- */

static int read_answer(int fd, pid_t pid, const char *key, struct fm_buf *armored, struct fm_error *err)
{
	char chunk[4096];
	size_t got = 1;
	int status = 0, rc = FM_OK;

	while (got && rc >= 0) {
		if ((rc = fm_fd_read(fd, "ssh-keygen", chunk, sizeof chunk, &got, err)) >= 0)
			fm_buf_add(armored, chunk, got);
		if (armored->len > SIGNATURE_MAX)
			rc = fm_fail(err, FM_ESYSTEM, "ssh-keygen says more than a signature");
	}
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return rc;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fm_fail(err, FM_ESYSTEM,
			       "%s signs by ssh-keygen, which is not to be found: install openssh-client", key);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "ssh-keygen could not sign with %s: give its passphrase (on the terminal, or with "
		    "--passphrase-fd), add it to the ssh-agent, or plug in its token; what is complete stays "
		    "so, and the same command goes on there",
		    key);
	return fm_buf_check(armored, err);
}

/* p[0..n) as a file without a name. */
static int put_aside(const void *p, size_t n, int *fd, struct fm_error *err)
{
	if ((*fd = memfd_create("flowmint", MFD_CLOEXEC)) < 0)
		return fm_fail_errno(err, "cannot make a file in memory");
	if (write(*fd, p, n) != (ssize_t)n || lseek(*fd, 0, SEEK_SET) != 0)
		return fm_fail_errno(err, "cannot write a file in memory");
	return FM_OK;
}

int fm_outside_sign(struct fm_outside *o, const char *key, const char *ns, const struct fm_to_sign *what,
		    struct fm_buf *armored, struct fm_error *err)
{
	char *argv[] = {"ssh-keygen",           "-q", "-Y", "sign", "-n", (char *)(uintptr_t)ns, "-f",
			(char *)(uintptr_t)key, NULL};
	struct asking a;
	int in = -1, out[2] = {-1, -1}, rc;
	pid_t pid;

	if ((rc = begin_asking(&a, o, err)) < 0)
		goto out;
	rc = what->p ? put_aside(what->p, what->n, &in, err) : fm_file_open(what->file, &in, err);
	if (rc < 0)
		goto out;
	if (pipe2(out, O_CLOEXEC) != 0) {
		rc = fm_fail_errno(err, "cannot make a pipe");
		goto out;
	}
	fflush(NULL);
	if ((pid = fork()) == 0)
		become(argv, &a, in, out[1]);
	close(out[1]);
	out[1] = -1;
	if (pid < 0) {
		rc = fm_fail_errno(err, "cannot start ssh-keygen");
		goto out;
	}
	rc = read_answer(out[0], pid, key, armored, err);
	out[0] = -1;
out:
	for (int i = 0; i < 2; i++)
		if (out[i] >= 0)
			close(out[i]);
	if (in >= 0)
		close(in);
	end_asking(&a);
	return rc;
}
