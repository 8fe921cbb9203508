/*
 * simulate.h - a labelled trace in UGR'16's native format (nfdump CSV, 13 columns, no header), made by white-box rules.
 *
 *     te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label
 *     2016-04-11 00:01:44,0.560,42.219.153.83,106.150.228.139,80,2599,TCP,.AP.SF,0,0,6,4246,background
 *
 * No real record enters it: hosts, services, sizes and attacks follow the rules that docs/simulate.md lists.  It serves
 * as demonstration, test input and a ground truth whose labels are known.
 *
 *     struct fm_simulate_in in = { .rows = 20000, .seed = 1, .out = "trace.csv" };
 *     if (fm_simulate(&in, &out, err)) ...
 *
 * The bytes are a function of (rows, seed, start_ms, hours, attacks, ipv6): the same for any number of threads,
 * compiler, optimisation level and processor, because every decision is integer arithmetic on Philox words keyed by the
 * slot of time it belongs to.  The only floating-point operations are the conversion of hours and attacks to integers
 * and square roots, which IEEE 754 rounds in one way.
 *
 * Memory does not grow with rows: flows are made and sorted slot by slot (a slot is one second in a dense trace).
 */
#ifndef FM_TRACES_SIMULATE_SIMULATE_H
#define FM_TRACES_SIMULATE_SIMULATE_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

/* The classes of UGR'16, in the order of fm_simulate_labels. */
enum fm_sim_label {
	FM_SIM_BACKGROUND,
	FM_SIM_DOS,
	FM_SIM_SCAN11,
	FM_SIM_SCAN44,
	FM_SIM_NERIS,
	FM_SIM_UDPSCAN,
	FM_SIM_SSHSCAN,
	FM_SIM_SPAM,
	FM_SIM_BLACKLIST,
	FM_SIM_NLABEL
};
extern const char *const fm_simulate_labels[FM_SIM_NLABEL];

#define FM_SIM_HOURS 24.0   /* default span */
#define FM_SIM_ATTACKS 0.08 /* default share of flows that are not background */
#define FM_SIM_MAX_ATTACKS 0.9
#define FM_SIM_MAX_HOURS 8784.0 /* a leap year */
#define FM_SIM_MAX_RATE 100000  /* flows a second of span, on average: what bounds the memory */

struct fm_simulate_in {
	uint64_t rows; /* exactly this many; 0 is FM_EUSAGE */
	uint64_t seed;
	const char *out;  /* a file, written atomically (.gz, .xz, .zst compress), or "-" for standard output */
	int64_t start_ms; /* UTC, milliseconds since 1970; 0: 2016-04-11 00:00:00, a Monday */
	double hours;     /* span of the trace; 0: 24 */
	double attacks;   /* share of attack flows, 0 .. 0.9; 0: the default, negative: none */
	double ipv6;      /* share of the hosts outside whose flows are IPv6, 0 .. 1 */
	int threads;      /* 0: as many as allowed */
};
struct fm_simulate_out {
	uint64_t rows, nbytes;         /* nbytes: of text, before compression */
	uint64_t label[FM_SIM_NLABEL]; /* rows of each class */
	int64_t first_ms, last_ms;     /* te of the first and last row */
	double seconds;                /* wall clock */
};
/* FM_EUSAGE: an input out of range, out is an existing thing that is not a regular file; FM_ESYSTEM: disk or memory. */
int fm_simulate(const struct fm_simulate_in *in, struct fm_simulate_out *out, struct fm_error *err) FM_MUST_CHECK;
/* Ports and protocol of such a trace's flows into p (in->rows), in memory and in no particular order; in->out and
 * in->threads have no meaning here. */
struct fm_simulated_ports {
	uint16_t sp, dp;
	const char *pr; /* static */
};
int fm_simulate_ports(const struct fm_simulate_in *in, struct fm_simulated_ports *p,
		      struct fm_error *err) FM_MUST_CHECK;
/* {"rows","bytes","labels":{"background":N,...},"first","last"}: no timings, so that it repeats.  NULL without memory.
 */
json_t *fm_simulate_out_json(const struct fm_simulate_out *out);

#endif
