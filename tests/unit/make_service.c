/*
 * make_service UNIT COMMAND...: the command behind what options of a systemd service refuse of system calls, where no
 * systemd is process 1.  An option that it has not heard of ends it, so that a unit gets none that nobody tried.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static scmp_filter_ctx filter;

static void refuse(int call, int why)
{
	seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)why), call, 0);
}

static void refuse_bits(int call, unsigned arg, unsigned long bits)
{
	struct scmp_arg_cmp with = {arg, SCMP_CMP_MASKED_EQ, bits, bits};

	seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 1, &with);
}

static void refuse_but(int call, unsigned long value, int why)
{
	struct scmp_arg_cmp other = {0, SCMP_CMP_NE, value, 0};

	seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned)why), call, 1, &other);
}

static void restrict_namespaces(const char *allowed)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} space[] = {{"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},   {"net", CLONE_NEWNET}, {"mnt", CLONE_NEWNS},
		     {"pid", CLONE_NEWPID},       {"user", CLONE_NEWUSER}, {"uts", CLONE_NEWUTS}};

	refuse(SCMP_SYS(clone3), ENOSYS);
	for (size_t i = 0; i < sizeof space / sizeof *space; i++)
		if (!strstr(allowed, space[i].name)) {
			refuse_bits(SCMP_SYS(clone), 0, space[i].flag);
			refuse_bits(SCMP_SYS(unshare), 0, space[i].flag);
		}
}

static void no_new_code(void)
{
	refuse_bits(SCMP_SYS(mmap), 2, PROT_WRITE | PROT_EXEC);
	refuse_bits(SCMP_SYS(mprotect), 2, PROT_EXEC);
	refuse_bits(SCMP_SYS(pkey_mprotect), 2, PROT_EXEC);
}

/* systemd-analyze syscall-filter: of each set what an x86-64 has. */
static bool refuse_sets(const char *value)
{
	static const struct {
		const char *set, *calls;
	} known[] = {
	    {"@clock", "adjtimex clock_adjtime clock_settime settimeofday"},
	    {"@cpu-emulation", "modify_ldt"},
	    {"@debug", "lookup_dcookie perf_event_open pidfd_getfd ptrace"},
	    {"@module", "delete_module finit_module init_module"},
	    {"@obsolete",
	     "_sysctl afs_syscall create_module get_kernel_syms getpmsg putpmsg query_module security sysfs "
	     "tuxcall uselib ustat vserver"},
	    {"@raw-io", "ioperm iopl"},
	    {"@reboot", "kexec_file_load kexec_load reboot"},
	    {"@swap", "swapoff swapon"},
	};
	char sets[512], calls[512], *rest, *more;

	if (*value++ != '~' || snprintf(sets, sizeof sets, "%s", value) >= (int)sizeof sets)
		return false;
	for (char *set = strtok_r(sets, " ", &rest); set; set = strtok_r(NULL, " ", &rest)) {
		size_t i = 0;

		while (i < sizeof known / sizeof *known && strcmp(known[i].set, set) != 0)
			i++;
		if (i == sizeof known / sizeof *known)
			return false;
		snprintf(calls, sizeof calls, "%s", known[i].calls);
		for (char *call = strtok_r(calls, " ", &more); call; call = strtok_r(NULL, " ", &more)) {
			int number = seccomp_syscall_resolve_name(call);

			if (number == __NR_SCMP_ERROR)
				return false;
			refuse(number, EPERM);
		}
	}
	return true;
}

/* systemd.exec(5). */
static bool apply(const char *name, const char *value)
{
	/* What is of files, groups and users, and of the kernel's own files. */
	static const char *const elsewhere[] = {"Type",
						"User",
						"UMask",
						"ExecStart",
						"SuccessExitStatus",
						"KillMode",
						"TimeoutStopSec",
						"Nice",
						"LimitCORE",
						"ProtectSystem",
						"ProtectHome",
						"ReadWritePaths",
						"PrivateTmp",
						"PrivateDevices",
						"PrivateNetwork",
						"ProtectControlGroups",
						"RemoveIPC",
						"IPAddressDeny",
						"SystemCallArchitectures",
						"SystemCallErrorNumber"};

	if (strcmp(name, "ProtectHostname") == 0) {
		refuse(SCMP_SYS(sethostname), EPERM);
		refuse(SCMP_SYS(setdomainname), EPERM);
	} else if (strcmp(name, "RestrictAddressFamilies") == 0) {
		refuse_but(SCMP_SYS(socket), AF_UNIX, EAFNOSUPPORT);
	} else if (strcmp(name, "RestrictSUIDSGID") == 0) {
		refuse_bits(SCMP_SYS(chmod), 1, 04000);
		refuse_bits(SCMP_SYS(fchmod), 1, 04000);
		refuse(SCMP_SYS(openat2), ENOSYS); /* whose argument no filter can read */
	} else if (strcmp(name, "ProtectKernelLogs") == 0) {
		refuse(SCMP_SYS(syslog), EPERM);
	} else if (strcmp(name, "ProtectKernelModules") == 0) {
		refuse(SCMP_SYS(init_module), EPERM);
		refuse(SCMP_SYS(finit_module), EPERM);
		refuse(SCMP_SYS(delete_module), EPERM);
	} else if (strcmp(name, "ProtectClock") == 0) {
		refuse(SCMP_SYS(adjtimex), EPERM);
		refuse(SCMP_SYS(clock_settime), EPERM);
		refuse(SCMP_SYS(settimeofday), EPERM);
	} else if (strcmp(name, "LockPersonality") == 0) {
		refuse_but(SCMP_SYS(personality), 0, EPERM);
	} else if (strcmp(name, "RestrictRealtime") == 0) {
		refuse_bits(SCMP_SYS(sched_setscheduler), 1, 1);
	} else if (strcmp(name, "RestrictNamespaces") == 0) {
		restrict_namespaces(value);
	} else if (strcmp(name, "SystemCallFilter") == 0) {
		return refuse_sets(value);
	} else if (strcmp(name, "MemoryDenyWriteExecute") == 0) {
		no_new_code();
	} else if (strcmp(name, "CapabilityBoundingSet") == 0) {
		for (unsigned long cap = 0; cap < 64 && geteuid() != 0; cap++) /* the service is not root */
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	} else if (strcmp(name, "NoNewPrivileges") == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	} else {
		for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
			if (strcmp(name, elsewhere[i]) == 0)
				return true;
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	FILE *unit = argc > 2 ? fopen(argv[1], "re") : NULL;
	bool service = false;
	char line[1024];

	if (!unit || !(filter = seccomp_init(SCMP_ACT_ALLOW))) {
		fprintf(stderr, "usage: make_service UNIT COMMAND...\n");
		return 2;
	}
	while (fgets(line, sizeof line, unit)) {
		char *equal = strchr(line, '=');

		line[strcspn(line, "\n")] = '\0';
		if (*line == '[')
			service = strcmp(line, "[Service]") == 0;
		if (!service || *line == '#' || !equal)
			continue;
		*equal = '\0';
		if (!apply(line, equal + 1)) {
			fprintf(stderr, "make_service: %s is an option that nobody has tried\n", line);
			return 2;
		}
	}
	fclose(unit);
	if (seccomp_load(filter) < 0) {
		perror("make_service");
		return 4;
	}
	seccomp_release(filter);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 4;
}
