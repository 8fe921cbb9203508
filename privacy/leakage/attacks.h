/*
 * attacks.h - three attacks on a release as Giomi, Boenisch, Wehmeyer and Tasnadi define them ("A Unified Framework for
 * Quantifying Privacy Risk in Synthetic Data", PoPETs 2023): each is run on training records; on holdout records, which
 * shows what knowing only the population gives; and naively, by guessing.  It uses all columns except time and
 * addresses. The singling-out attack knows all synthetic rows, or as many as fit in a quarter of the memory that
 * leakage.h allows (at 512 MiB: 1,800,000).
 *
 *     singling out   a predicate, made from the synthetic rows alone, that exactly one real record fits: a value that
 *                    exactly one synthetic row has (uni), or FM_ATTACK_COLUMNS conditions from one synthetic row
 *                    (multi: equal, or for duration, packets and bytes not below or not above it, away from the
 *                    median).  Naive: any value in range (uni), or the values of different rows (multi).  Training and
 *                    holdout have equal numbers of rows, the larger side being reduced by whole windows: it is harder
 *                    to be the only one among more rows.
 *     linkability    one of the FM_ATTACK_LINKS synthetic rows nearest by ports, protocol, flags and ToS is also among
 *                    those nearest by duration, packets and bytes: the two halves of a record are linked.  Naive: two
 *                    random choices.
 *     inference      the bytes (within 5 %) or the destination port of a record are those of the synthetic row that is
 *                    nearest in the other columns.  Naive: those of a random synthetic row.
 *
 * With a success rate a on training and c on the holdout the risk is (a - c) / (1 - c), 0 when nothing is learned from
 * the presence of a record; its interval propagates the errors of both rates.
 */
#ifndef FM_PRIVACY_LEAKAGE_ATTACKS_H
#define FM_PRIVACY_LEAKAGE_ATTACKS_H

#include "base/error.h"
#include "manifests/metrics.h"

#define FM_ATTACKS FM_METRIC_ATTACKS
#define FM_ATTACK_COLUMNS 4
#define FM_ATTACK_LINKS 5

/* (a - c) / (1 - c) from train_hits of n on training and holdout_hits of m on the holdout, with a 95 % interval; NaN
 * when n or m is 0. */
void fm_attack_risk(double train_hits, double n, double holdout_hits, double m, double *risk, double *lo, double *hi);

#endif
