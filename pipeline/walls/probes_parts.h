/*
 * probes_parts.h - the attempts of probes_calls.c, for the list of probes_list.c: what each is called, and its
 * function; and the chains of probes_chains.c.
 */
#ifndef FM_PIPELINE_PROBES_PARTS_H
#define FM_PIPELINE_PROBES_PARTS_H

#include "pipeline/walls/probes.h"

/* clang-format off */
#define FM_PROBES_CALLS(X) \
	X("truncate an input", fm_probe_truncate) \
	X("remove an input", fm_probe_remove) \
	X("move the output away", fm_probe_move) \
	X("exchange output and input", fm_probe_exchange) \
	X("read a device", fm_probe_device) \
	X("open a terminal", fm_probe_ptmx) \
	X("read the kernel's symbols", fm_probe_symbols) \
	X("write its memory by /proc", fm_probe_own_memory) \
	X("read its map by /proc", fm_probe_map) \
	X("write a setting of the kernel", fm_probe_setting) \
	X("make a device", fm_probe_mknod) \
	X("handle of a file", fm_probe_handle) \
	X("open by handle", fm_probe_open_handle) \
	X("change an owner", fm_probe_chown) \
	X("set an attribute", fm_probe_attribute) \
	X("watch files", fm_probe_inotify) \
	X("watch all files", fm_probe_fanotify) \
	X("signals of a folder", fm_probe_dnotify) \
	X("disk quota", fm_probe_quota) \
	X("change the folder", fm_probe_chdir) \
	X("raw socket", fm_probe_raw) \
	X("socket of the kernel's ciphers", fm_probe_alg) \
	X("send a message", fm_probe_send) \
	X("make a pipe", fm_probe_pipe) \
	X("vfork", fm_probe_vfork) \
	X("process that shares memory", fm_probe_shared_process) \
	X("write the parent's memory by a call", fm_probe_vm_write) \
	X("take the parent's descriptor", fm_probe_getfd) \
	X("signal by a descriptor", fm_probe_pidfd_signal) \
	X("queue a signal to the parent", fm_probe_queue) \
	X("signal everyone", fm_probe_kill_all) \
	X("signal the parent's thread", fm_probe_tgkill) \
	X("compare processes", fm_probe_kcmp) \
	X("limits of the parent", fm_probe_prlimit) \
	X("priority of the parent", fm_probe_priority) \
	X("processors of the parent", fm_probe_affinity) \
	X("scheduling of the parent", fm_probe_scheduler) \
	X("priority of disk access", fm_probe_ioprio) \
	X("leave the session", fm_probe_setsid) \
	X("map a file to run", fm_probe_map_file) \
	X("make memory runnable by a key", fm_probe_pkey) \
	X("System V semaphore", fm_probe_sem) \
	X("System V message", fm_probe_msg) \
	X("POSIX message", fm_probe_mq) \
	X("handle page faults", fm_probe_userfault) \
	X("program of the kernel", fm_probe_bpf) \
	X("count events", fm_probe_perf) \
	X("new file system", fm_probe_fsopen) \
	X("clone a tree of mounts", fm_probe_open_tree) \
	X("turn the root", fm_probe_pivot) \
	X("unmount", fm_probe_umount) \
	X("enter a namespace", fm_probe_setns) \
	X("host name", fm_probe_hostname) \
	X("load a module", fm_probe_module) \
	X("remove a module", fm_probe_unmodule) \
	X("load a kernel", fm_probe_kexec) \
	X("reboot", fm_probe_reboot) \
	X("swap space", fm_probe_swap) \
	X("log of the kernel", fm_probe_syslog) \
	X("ports of the machine", fm_probe_ioperm) \
	X("call of 32 bits", fm_probe_call32) \
	X("another filter", fm_probe_filter) \
	X("set the group", fm_probe_setgid) \
	X("set all users", fm_probe_setresuid) \
	X("adopt processes", fm_probe_subreaper) \
	X("keep capabilities", fm_probe_keepcaps) \
	X("size of a pipe", fm_probe_pipe_size) \
	X("signals of a descriptor", fm_probe_setown) \
	X("timer", fm_probe_timer)
/* clang-format on */

#define FM_PROBE_DECLARE(name, function) bool function(const struct fm_probing *p);
FM_PROBES_CALLS(FM_PROBE_DECLARE)
#undef FM_PROBE_DECLARE

/* Attempts by two stages, the first of which is ingest or evaluate, added to its report `one`.  dir: a folder to make
 * them in, where "other/secret" is what the second must not read. */
int fm_probes_chain_ingest(const char *dir, bool unconfined, json_t *one, struct fm_error *err) FM_MUST_CHECK;
int fm_probes_chain_evaluate(json_t *one, struct fm_error *err) FM_MUST_CHECK;
/* One attempt more in a report of fm_probes_run. */
int fm_probes_note(json_t *one, const char *name, bool through, struct fm_error *err) FM_MUST_CHECK;

#endif
