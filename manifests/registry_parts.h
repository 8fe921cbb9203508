/*
 * registry_parts.h - what the files of registry.h share.
 */
#ifndef FM_MANIFESTS_REGISTRY_PARTS_H
#define FM_MANIFESTS_REGISTRY_PARTS_H

#include <stdbool.h>

#define APOSTROPHE "\xe2\x80\x99"

/* Places in fm_metric_topics. */
enum topic {
	ROWS,
	JSD,
	EMD,
	EMDN,
	KS,
	ASSOC,
	PAIR,
	DAY,
	TIME,
	BURST,
	HOST,
	PROFILE,
	HEAVY,
	RULES,
	C2ST,
	LABEL_CLASSES,
	PREDICTION,
	TSTR,
	TRTR,
	ANOMALY,
	ECHO_,
	RARE,
	COPIES,
	NEARER,
	FAMILY,
	MIA,
	SINGLING,
	LINKING,
	INFERENCE,
	RELEASE,
	LEAK,
	CONTROLS,
	HOLDOUT,
	CLAIM,
	COUNTS,
	PAID,
	GATE
};

/* Does name fit the pattern? */
bool fm_metric_fits(const char *pattern, const char *name);
/* Does its row, or registry_values.c, say what its values can be?  One of them does for each metric. */
bool fm_metric_has_values(const char *name);

#endif
