/*
 * fidelity.h - each column on its own: is it distributed as in real flows?
 *
 *     jsd.SA jsd.DA          addresses by rank of frequency, whatever the address
 *     jsd.SAid jsd.DAid      addresses by identity
 *     jsd.SA16 jsd.DA16      their /16 prefixes by identity; for IPv6 the first 48 bits (fm_address_network)
 *     jsd.AF                 address family of a flow; only where either table has IPv6
 *     jsd.SP jsd.DP          exact ports
 *     jsd.SPb jsd.DPb        ports exact below 1024 or with at least 0.1 % of the real rows, else by bins of 1024
 *     jsd.PR jsd.TY jsd.FLG jsd.TOS   protocol, label, flags, type of service by value
 *     jsd.TS                 time in 100 equal bins over the real range, and one bin below and above
 *     jsd.TD jsd.PKT jsd.BYT the same on log(1 + x); duration in milliseconds
 *     jsd_mean8              mean of DP SP DA SA TS TD BYT PKT
 *     emd.TS TD PKT BYT      EMD in microseconds (each set from its own start), seconds, packets, bytes
 *     emdn.TS TD PKT BYT     the same over the range of the real column
 *
 * A column that either table lacks leaves its metrics out, and jsd_mean8 when it is one of the eight.
 */
#ifndef FM_JUDGE_FIDELITY_H
#define FM_JUDGE_FIDELITY_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

/* Add the metrics to out, each name after prefix ("" or "floor."); n is the rows of `synthetic`.  pool may be NULL; its
 * size changes no value.  FM_EINPUT when a table has no rows. */
int fm_fidelity(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
		struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
