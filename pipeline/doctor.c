#include "pipeline/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/kernels.h"
#include "pipeline/limits.h"
#include "pipeline/preflight.h"
#include "pipeline/walls/probes.h"
#include "pipeline/walls/sandbox.h"
#include "pipeline/workspace.h"

#define ROOM_WANTED (UINT64_C(1) << 30) /* less free memory is a warning */
#define SECRET_BYTES (64 << 10)         /* more than the secrets of a run take */

enum state { GOOD, WEAK, BAD };
static const char *const states[] = {"good", "weak", "bad"};

struct exam {
	json_t *checks;
	bool refused, failed;
	bool short_of_memory; /* then err says where, and nothing is known of the machine */
	struct fm_error *err;
};

static void add(struct exam *x, const char *name, enum state state, const char *found, const char *advice)
{
	json_t *c = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "state", states[state], "found", found, "advice",
			      state == GOOD ? "" : advice);

	x->refused |= state == BAD;
	x->failed |= !c || json_array_append_new(x->checks, c);
}

static void addf(struct exam *x, const char *name, enum state state, const char *advice, const char *fmt, ...)
    FM_PRINTF(5, 6);
static void addf(struct exam *x, const char *name, enum state state, const char *advice, const char *fmt, ...)
{
	char found[FM_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof found, fmt, ap);
	va_end(ap);
	add(x, name, state, found, advice);
}

/* What failed is the machine's fault, which advice is about, only where missing says so. */
static void add_failed(struct exam *x, const char *name, const struct fm_error *why, bool missing, const char *advice)
{
	if (strstr(why->message, "out of memory") || strstr(why->message, strerrordesc_np(ENOMEM))) {
		if (!x->short_of_memory)
			fm_fail(x->err, FM_ESYSTEM,
				"memory is short, so it is not known what this machine can enforce (%s): %s", name,
				why->message);
		x->short_of_memory = true;
		return;
	}
	add(x, name, BAD, why->message,
	    missing ? advice : "it could not be tried: put right what is said here, and look again");
}

/* ---- confinement ---- */

static int see_fn(void *ctx, json_t **result, struct fm_error *err)
{
	(void)ctx;
	(void)result;
	return access("/etc", F_OK) ? FM_OK : fm_fail(err, FM_EVERDICT, "a stage still sees /etc");
}

static int network_fn(void *ctx, json_t **result, struct fm_error *err)
{
	(void)ctx;
	(void)result;
	return fm_fail(err, FM_EVERDICT, "a stage could call socket(): it returned %d",
		       socket(AF_INET, SOCK_STREAM, 0));
}

static int try_child(fm_sandbox_fn fn, bool unconfined, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "probe", .unconfined = unconfined};
	struct fm_sandbox_report report = {0};
	int rc = fm_sandbox_run(&box, fn, NULL, &report, err);

	json_decref(report.result);
	return rc;
}

static void check_namespaces(struct exam *x)
{
	struct fm_error err = {0};

	if (try_child(see_fn, false, &err))
		add_failed(x, "namespaces", &err, strstr(err.message, "allow user namespaces") != NULL,
			   "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
			   "user.max_user_namespaces, or the "
			   "container's profile), or accept run --unconfined, which manifest and ledger record");
	else
		add(x, "namespaces", GOOD,
		    "a stage gets its own user, mount, network, process, IPC and host name spaces and sees its files "
		    "alone",
		    "");
}

/* The filter must kill a child that makes a socket. */
static void check_seccomp(struct exam *x)
{
	struct fm_error err = {0};
	int rc = try_child(network_fn, true, &err);

	if (rc == FM_ESYSTEM && strstr(err.message, "system call that no stage may make"))
		add(x, "seccomp", GOOD, "the filter kills a stage that makes a socket", "");
	else
		add_failed(x, "seccomp", &err, rc == FM_EVERDICT || strstr(err.message, "load the system call filter"),
			   "use a kernel with CONFIG_SECCOMP_FILTER; no option runs without it");
}

/* The attempts that every run makes, in a folder of their own. */
static void check_escapes(struct exam *x)
{
	char dir[] = "/tmp/flowmint-doctor-XXXXXX", words[FM_ERROR_TEXT] = "";
	json_t *report = NULL, *one;
	struct fm_error err = {0};
	const char *stage;
	json_int_t tried = 0;
	int rc;

	if (!mkdtemp(dir)) {
		addf(x, "escapes", WEAK, "let /tmp be written to", "not tried: %s: %s", dir, strerror(errno));
		return;
	}
	rc = fm_probes_run(dir, false, &report, &err);
	json_object_foreach(report, stage, one)
	{
		const json_t *list = json_object_get(one, "through");

		tried += json_integer_value(json_object_get(one, "tried"));
		for (size_t i = 0; i < json_array_size(list); i++)
			snprintf(words + strlen(words), sizeof words - strlen(words), "%s %s: %s", *words ? "," : "",
				 stage, json_string_value(json_array_get(list, i)));
	}
	if (rc >= 0)
		addf(x, "escapes", GOOD, "", "%lld attempts to get out of a stage, none got through", (long long)tried);
	else if (*words)
		addf(x, "escapes", BAD, "tell the maintainers; flowmint run refuses here", "%s%s", err.message, words);
	else
		add_failed(x, "escapes", &err, false, "");
	json_decref(report);
	fm_dir_clear_away(dir);
}

static void check_landlock(struct exam *x)
{
	int version = fm_sandbox_landlock_version();

	if (version > 0)
		addf(x, "landlock", GOOD, "", "version %d: a second wall around files, and the one of run --unconfined",
		     version);
	else
		addf(x, "landlock", WEAK,
		     "add landlock to the kernel's list of security modules (lsm=); stages have a private root without "
		     "it, but "
		     "with run --unconfined every file of the user is in their reach",
		     "none");
}

static void check_memory_lock(struct exam *x)
{
	void *p = mmap(NULL, SECRET_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit limit = {0};
	struct fm_error err;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (p == MAP_FAILED) {
		fm_fail_errno(&err, "cannot map %d bytes", SECRET_BYTES);
		add_failed(x, "memory lock", &err, false, "");
	} else if (mlock(p, SECRET_BYTES) == 0)
		addf(x, "memory lock", GOOD, "", "keys are kept out of swap (limit %s)",
		     limit.rlim_cur == RLIM_INFINITY ? "none" : "above what they take");
	else
		addf(x, "memory lock", WEAK, "raise the limit: ulimit -l 1024, or LimitMEMLOCK= of the service",
		     "%s: keys may reach the swap", strerror(errno));
	if (p != MAP_FAILED)
		munmap(p, SECRET_BYTES);
}

/* ---- disk, memory, processors ---- */

static void check_workspace(struct exam *x, const char *workspace)
{
	struct fm_error err = {0};

	if (fm_workspace_check(workspace, &err) < 0)
		add_failed(x, "workspace", &err, true,
			   "name a folder of its own that this user may write to with --workspace");
	else
		addf(x, "workspace", GOOD, "", "%s", workspace);
}

static void check_disk(struct exam *x, const char *workspace)
{
	struct fm_error err = {0};
	uint64_t room = 0;

	if (fm_preflight_free(workspace, &room, &err))
		add_failed(x, "disk", &err, true, "name a folder that can be reached with --workspace");
	else
		addf(x, "disk",
		     room == 0            ? BAD
		     : room < ROOM_WANTED ? WEAK
					  : GOOD,
		     "make room, or name a --workspace elsewhere; flowmint run --plan says what a run takes",
		     "%.1f GiB free for %s", (double)room / (1 << 30), workspace);
}

static void check_memory(struct exam *x)
{
	struct sysinfo si;
	uint64_t max = fm_limits_group();
	char limit[64] = "";

	if (max)
		snprintf(limit, sizeof limit, ", of which this group may use %.1f", (double)max / (1 << 30));
	if (sysinfo(&si) == 0)
		addf(x, "memory", GOOD, "", "%.1f GiB%s", (double)si.totalram * si.mem_unit / (1 << 30), limit);
}

static void check_processor(struct exam *x)
{
	static const char *const words[][2] = {{"v4", "AVX-512"}, {"v3", "AVX2 and FMA"}, {"v1", "plain x86-64"}};
	const char *name = fm_kernels()->name, *is = name;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	struct utsname u;
	cpu_set_t set;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i][0], name) == 0)
			is = words[i][1];
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		addf(x, "cores", GOOD, "", "%d of %ld may be used", CPU_COUNT(&set), online);
	addf(x, "kernels", strcmp(name, "v1") ? GOOD : WEAK,
	     "the bits are the same; a processor with AVX2 and FMA trains many times faster", "%s (%s)", name, is);
	if (uname(&u) == 0)
		addf(x, "system", GOOD, "", "%s %s %s", u.sysname, u.release, u.machine);
}

int fm_doctor(const char *workspace, json_t **report, struct fm_error *err)
{
	struct exam x = {.checks = json_array(), .err = err};

	check_namespaces(&x);
	check_seccomp(&x);
	check_landlock(&x);
	if (!x.refused)
		check_escapes(&x);
	check_memory_lock(&x);
	check_workspace(&x, workspace);
	check_disk(&x, workspace);
	check_memory(&x);
	check_processor(&x);
	*report = x.failed || x.short_of_memory ? NULL
						: json_pack("{s:s, s:b, s:O}", "format", "flowmint-doctor/1", "runs",
							    !x.refused, "checks", x.checks);
	json_decref(x.checks);
	if (x.short_of_memory)
		return FM_ESYSTEM;
	return *report ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}
