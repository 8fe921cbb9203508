#include "pipeline/state.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "pipeline/walls/oom.h"

#define FORMAT "flowmint-running/1"
#define DOCUMENT_MAX 65536

/* ---- the machine ---- */

/* A text that changes with each start of the machine. */
static void boot_id(char out[64])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

	out[0] = '\0';
	if (f) {
		if (fgets(out, 64, f))
			out[strcspn(out, "\n")] = '\0';
		fclose(f);
	}
}

/* ---- writing ---- */

static char *state_path(const char *workspace)
{
	return fm_path_join(workspace, "running.json");
}

/* One rename, so that a reader finds a whole document; no sync, as after a crash of the machine it may be old. */
static void replace(const char *path, const char *text)
{
	char *tmp = NULL;
	size_t n = strlen(text);
	int fd;

	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		bool whole = write(fd, text, n) == (ssize_t)n;

		if (close(fd) || !whole || rename(tmp, path))
			unlink(tmp);
	}
	free(tmp);
}

void fm_state_save(const struct fm_state *s)
{
	char *path = state_path(s->workspace), boot[64], *text = NULL;
	json_t *doc;

	boot_id(boot);
	doc = json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:s, s:I, s:I}",
			"format", FORMAT, "run", s->run, "pid", (json_int_t)getpid(), "stage", s->stage, "stage_pid",
			(json_int_t)s->stage_pid, "what", s->view.stage, "unit", s->view.unit, "done",
			(json_int_t)s->view.done, "total", (json_int_t)s->view.total, "began", (json_int_t)s->began,
			"stage_began", (json_int_t)s->stage_began, "step_began", (json_int_t)s->view.began, "uneven",
			s->view.uneven, "updated", (json_int_t)time(NULL), "boot", boot, "oom_kills",
			(json_int_t)fm_oom_now().machine, "before", (json_int_t)s->view.before);
	if (path && doc && (text = json_dumps(doc, JSON_COMPACT)))
		replace(path, text);
	free(text);
	json_decref(doc);
	free(path);
}

void fm_state_remove(const char *workspace)
{
	char *path = state_path(workspace);

	if (path)
		unlink(path);
	free(path);
}

/* ---- reading ---- */

static json_int_t number(const json_t *doc, const char *key)
{
	return json_integer_value(json_object_get(doc, key));
}

long fm_state_holder(const char *workspace)
{
	char *path = fm_path_join(workspace, "lock"), pid[32] = "";
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	long holder = 0;

	if (fd >= 0) {
		if (flock(fd, LOCK_SH | LOCK_NB) != 0 && read(fd, pid, sizeof pid - 1) > 0)
			holder = strtol(pid, NULL, 10);
		close(fd);
	}
	free(path);
	return holder;
}

static json_t *killed_by(const json_t *doc)
{
	const char *boot = json_string_value(json_object_get(doc, "boot"));
	long long kills = fm_oom_now().machine;
	char now[64];

	boot_id(now);
	if (boot && *boot && *now && strcmp(boot, now) != 0)
		return json_string("the machine stopped or was started anew");
	if (kills >= 0 && kills > number(doc, "oom_kills"))
		return json_sprintf(
		    "process %lld was killed; the kernel has killed for want of memory since: that may have "
		    "been it",
		    (long long)number(doc, "pid"));
	return json_sprintf("process %lld was killed by a signal that cannot be held (SIGKILL), or crashed",
			    (long long)number(doc, "pid"));
}

json_t *fm_state_read(const char *workspace)
{
	char *path = state_path(workspace);
	struct fm_error ignored;
	json_t *doc = NULL;
	double done, total, here, spent;
	bool running;

	if (!path || fm_json_load(&doc, path, DOCUMENT_MAX, &ignored)) {
		free(path);
		return NULL;
	}
	free(path);
	running = fm_state_holder(workspace) == number(doc, "pid");
	json_object_set_new(doc, "running", json_boolean(running));
	if (!running) {
		json_object_set_new(doc, "killed_by", killed_by(doc));
		return doc;
	}
	done = (double)number(doc, "done");
	total = (double)number(doc, "total");
	here = done - (double)number(doc, "before");
	spent = (double)(number(doc, "updated") - number(doc, "step_began"));
	json_object_set_new(doc, "share", total > 0 ? json_real(done / total) : json_null());
	json_object_set_new(doc, "seconds_left",
			    total > done && here > 0 && spent > 0 && !json_is_true(json_object_get(doc, "uneven"))
				? json_real(spent * (total - done) / here)
				: json_null());
	return doc;
}
