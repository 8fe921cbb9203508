#include "release/verify_narrow.h"

#include <libgen.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/landlock.h"

#define PATHS (FM_VERIFY_FILES + 2)

/* ---- files ---- */

static int hold_to_files(const struct fm_verify_in *in, struct fm_error *err)
{
	char *file[FM_VERIFY_FILES], *extract = NULL;
	struct fm_landlock_path path[PATHS];
	struct fm_error ignored;
	int rc, n = 0;

	if ((rc = fm_verify_files(in, file, err)) < 0)
		return rc;
	for (int i = 0; i < FM_VERIFY_FILES; i++)
		if (fm_file_exists(file[i]))
			path[n++] = (struct fm_landlock_path){file[i], false};
	if (in->state) {
		(void)!fm_dir_make(in->state, 0700, &ignored); /* a failure is reported when the folder is used */
		if (fm_file_exists(in->state))
			path[n++] = (struct fm_landlock_path){in->state, true};
	}
	if (in->extract) {
		if (!(extract = strdup(in->extract))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			goto out;
		}
		path[n] = (struct fm_landlock_path){dirname(extract), true};
		n += fm_file_exists(path[n].path);
	}
	rc = fm_landlock_hold(path, n, err);
out:
	for (int i = 0; i < FM_VERIFY_FILES; i++)
		free(file[i]);
	free(extract);
	return rc;
}

/* ---- system calls ---- */

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define NEVER(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), KILL

static int hold_to_calls(struct fm_error *err)
{
#ifdef __x86_64__
	struct sock_filter code[] = {
	    LOAD(arch),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	    KILL,
	    LOAD(nr),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
	    KILL,
	    NEVER(execve),
	    NEVER(execveat),
	    NEVER(fork),
	    NEVER(vfork),
	    NEVER(socket),
	    NEVER(socketpair),
	    NEVER(connect),
	    NEVER(bind),
	    NEVER(ptrace),
	    NEVER(process_vm_readv),
	    NEVER(process_vm_writev),
	    NEVER(kill),
	    NEVER(mount),
	    NEVER(unshare),
	    NEVER(setns),
	    NEVER(bpf),
	    NEVER(keyctl),
	    NEVER(io_uring_setup),
	    NEVER(symlink),
	    NEVER(symlinkat),
	    NEVER(link),
	    NEVER(linkat),
	    /* Not implemented: its flags lie in memory; the C library takes clone. */
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38 /* ENOSYS */),
	    /* Threads, and no process. */
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	    LOAD(args[0]),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
	    KILL,
	    ALLOW,
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};

	/* On a kernel without filters the archive is checked all the same. */
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#endif
	(void)err;
	return FM_OK;
}

int fm_verify_narrow(const struct fm_verify_in *in, struct fm_error *err)
{
	struct rlimit none = {0, 0};
	uint8_t digest[FM_SHA512_LEN];
	int rc;

	/* Let the cryptographic library read now what it reads when it is first used. */
	if ((rc = fm_sha512_bytes("", 0, digest, err)) < 0)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return fm_fail_errno(err, "cannot give up what is not needed");
	if ((rc = hold_to_files(in, err)) < 0)
		return rc;
	return hold_to_calls(err);
}
