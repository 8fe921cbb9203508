#include "pipeline/limits.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include "base/cgroup.h"
#include "base/file.h"
#include "traces/files.h"
#include "traces/source.h"

#define MIB ((uint64_t)1 << 20)
#define LEAST_MEMORY (48 * MIB)    /* of a control group, for the smallest run */
#define LEAST_ADDRESSES (64 * MIB) /* of ulimit -v, beyond what is mapped already */

static uint64_t number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long v = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0; /* "max" */
	fclose(f);
	return v;
}

/* The least limit of the group `own` and of those around it, below the mount of a hierarchy; 0: none is set. */
static uint64_t least_in(const char *mount, const char *own, const char *name)
{
	char path[PATH_MAX], group[PATH_MAX];
	uint64_t least = 0, v;

	snprintf(group, sizeof group, "%s", own);
	for (char *slash = group + strlen(group); slash; slash = strrchr(group, '/')) {
		*slash = '\0';
		if (snprintf(path, sizeof path, "%s%s/%s", mount, group, name) < (int)sizeof path &&
		    (v = number_in(path)) && (!least || v < least))
			least = v;
	}
	return least;
}

static bool take_least(void *ctx, const char *mount, const char *own, bool unified)
{
	uint64_t *least = ctx, v = least_in(mount, own, unified ? "memory.max" : "memory.limit_in_bytes");

	if (v && (!*least || v < *least))
		*least = v;
	return v != 0;
}

/* The control group's; 0: none is set. */
uint64_t fm_limits_group(void)
{
	uint64_t least = 0;

	fm_cgroup_each("", take_least, &least);
	return least < UINT64_C(1) << 60 ? least : 0;
}

uint64_t fm_limits_memory(void)
{
	struct sysinfo si;
	uint64_t all = sysinfo(&si) == 0 ? (uint64_t)si.totalram * si.mem_unit : 0, group = fm_limits_group();

	return group && (!all || group < all) ? group : all;
}

static uint64_t room_of(const char *dir)
{
	struct statvfs v;
	uint64_t room;

	if (!dir || statvfs(dir, &v) != 0 || (room = (uint64_t)v.f_bavail * v.f_frsize) > INT64_MAX / 4)
		return INT64_MAX / 4;
	return 2 * room + 64 * MIB;
}

uint64_t fm_limits_output(const struct fm_config *cfg, const char *dir)
{
	return cfg->limits.output_mib > 0 ? (uint64_t)cfg->limits.output_mib * MIB : room_of(dir);
}

/* The text of a trace is at least twice as long as its table; packed it is a tenth of that. */
#define PACKED 10
#define ROW 64 /* bytes of a flow in a table */

/* The bytes of a folder's files. */
static uint64_t bytes_in(const char *folder)
{
	struct fm_error ignored;
	char **names = NULL;
	uint64_t bytes = 0;
	struct stat st;
	size_t n = 0;

	if (fm_dir_list(folder, &names, &n, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		char *path = fm_path_join(folder, names[i]);

		if (path && stat(path, &st) == 0)
			bytes += (uint64_t)st.st_size;
		free(path);
	}
	fm_names_free(names, n);
	return bytes;
}

uint64_t fm_limits_clear(const struct fm_config *cfg)
{
	uint64_t bytes = 0, flows = (uint64_t)cfg->generate.rows * ROW;
	const char *list = cfg->source.path;
	char path[FM_FILE_PATH];
	struct stat st;

	while (fm_files_next(&list, path))
		if (stat(path, &st) == 0)
			bytes += (uint64_t)st.st_size * (fm_source_is_packed(path) ? PACKED : 1);
	if (cfg->run.shards[0])
		flows *= 2; /* they lie beside the table that is made of them */
	if (cfg->run.parts[0])
		bytes += bytes_in(cfg->run.parts);
	return 2 * bytes + 2 * flows + 16 * MIB;
}

static unsigned processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

void fm_limits_of(const struct fm_config *cfg, const char *dir, bool threads, struct fm_sandbox_limits *l)
{
	unsigned computing = cfg->train.threads > 0 ? (unsigned)cfg->train.threads : processors();

	*l = (struct fm_sandbox_limits){
	    .memory = cfg->limits.memory_mib > 0 ? (uint64_t)cfg->limits.memory_mib * MIB : fm_limits_memory(),
	    .file_bytes = cfg->limits.file_mib > 0 ? (uint64_t)cfg->limits.file_mib * MIB : room_of(dir),
	    .cpu_seconds = (uint64_t)cfg->limits.cpu_hours * 3600,
	    .files = (unsigned)cfg->limits.files};
	if (threads) /* a count from 2 on; with 1 no thread could be started */
		l->threads = cfg->limits.threads ? (unsigned)cfg->limits.threads : 4 * computing + 16;
}

static uint64_t mapped_now(void)
{
	return number_in("/proc/self/statm") * 4096;
}

int fm_limits_check(struct fm_error *err)
{
	uint64_t group = fm_limits_group();
	struct rlimit v;

	if (group && group < LEAST_MEMORY)
		return fm_fail(
		    err, FM_ESYSTEM,
		    "the control group leaves %llu MiB of memory, and the smallest run takes %llu: raise its "
		    "limit (MemoryMax= of the service, --memory of the container)",
		    (unsigned long long)(group / MIB), (unsigned long long)(LEAST_MEMORY / MIB));
	if (getrlimit(RLIMIT_AS, &v) == 0 && v.rlim_cur != RLIM_INFINITY && v.rlim_cur < mapped_now() + LEAST_ADDRESSES)
		return fm_fail(err, FM_ESYSTEM,
			       "ulimit -v leaves %llu MiB, and the smallest run takes %llu: raise it, or lift it "
			       "(ulimit -v unlimited); limits.memory_mib holds the stages",
			       (unsigned long long)(v.rlim_cur / MIB),
			       (unsigned long long)((mapped_now() + LEAST_ADDRESSES) / MIB));
	return FM_OK;
}

int fm_limits_explain(const struct fm_config *cfg, const struct fm_sandbox_limits *l, struct fm_error *err)
{
	const long long memory = l ? (long long)(l->memory / MIB) : 0, file = l ? (long long)(l->file_bytes / MIB) : 0;
	const struct {
		const char *says, *key;
		long long value, fit;
	} limit[] = {
	    {"ut of memory", "memory_mib", (long long)cfg->limits.memory_mib, memory},
	    {strerror(ENOMEM), "memory_mib", (long long)cfg->limits.memory_mib, memory},
	    {strerror(EMFILE), "files", (long long)cfg->limits.files, 0},
	    {strerror(EFBIG), "file_mib", (long long)cfg->limits.file_mib, file},
	    {strerror(EAGAIN), "threads", (long long)cfg->limits.threads, 0},
	    {"cannot start thread", "memory_mib", (long long)cfg->limits.memory_mib, memory}, /* its stack */
	};

	for (size_t i = 0; err->code == FM_ESYSTEM && i < sizeof limit / sizeof *limit; i++)
		if (strstr(err->message, limit[i].says)) {
			if (limit[i].value > 0)
				return fm_error_prefix(
				    err, "limits.%s is %lld, which may be too little: ", limit[i].key, limit[i].value);
			if (limit[i].fit > 0)
				return fm_error_prefix(
				    err,
				    "a job of this size may have %lld MiB unless limits.%s says more: ", limit[i].fit,
				    limit[i].key);
		}
	return err->code;
}
