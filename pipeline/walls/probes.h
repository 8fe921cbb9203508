/*
 * probes.h - attempts to get out of a stage, made from inside: does each wall hold, here and now?
 *
 * Every run makes them before it starts its first stage, `flowmint doctor` makes them when asked, and the manifest says
 * what came of it.  An attempt is made by a process of its own, behind the walls of the stage: it is refused, or its
 * process is killed by the filter, or it gets through.
 */
#ifndef FM_PIPELINE_PROBES_H
#define FM_PIPELINE_PROBES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* What the attempts are made on. */
struct fm_probing {
	const char *in, *out; /* a folder to read, with a file "weights" in it; one to write, with a file "table" */
	const char *secret;   /* a file that the stage must not see */
	long parent;          /* process that must stay out of reach */
	void *memory;         /* an address in that process, which holds the int PROBE_UNTOUCHED */
	bool threads;         /* starting a thread is no escape */
};
#define FM_PROBE_UNTOUCHED 42

struct fm_probe {
	const char *name;
	bool (*through)(const struct fm_probing *p); /* true: it got through.  Called in a process of its own. */
	/* That process must not share memory with another: the kernel refuses the attempt to one that does, or it
	 * leaves what the C library keeps (locks, the list of threads) as it was when the filter killed it. */
	bool alone;
};
extern const struct fm_probe fm_probes[];
extern const size_t fm_nprobes;

enum fm_probe_end { FM_PROBE_REFUSED, FM_PROBE_KILLED, FM_PROBE_THROUGH };

/* Make them in a workspace, behind the walls of each stage:
 *
 *     {"ingest": {"tried": 60, "killed": 40, "refused": 20, "through": []}, ...}
 *
 * Chains of two stages (probes_chains.c) count with the first of them, ingest or evaluate.
 *
 * FM_ESYSTEM when one gets through that must not, which is any; without namespaces those that docs/threat-model.md
 * names for that case are only reported. */
int fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
