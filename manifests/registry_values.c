/* registry_values.c - what the value of each metric can be, where its row does not say it by ideal and span. */
#include <math.h>
#include <string.h>

#include "manifests/domain.h"
#include "manifests/registry.h"
#include "manifests/registry_parts.h"

#define LN2 0.69314718055994530942
#define ROWS 9007199254740991.0
#define MOST_LAG 100                            /* of few slots it is no true correlation */
#define MORE "{,_no_time,_no_addr_time,_sizes}" /* of the registry, SAME and NEAR */

enum whole { ANY, WHOLE };
struct values {
	const char *pattern; /* as in the registry; the first that fits counts */
	double lo, hi;
	enum whole whole;
};
/* clang-format off */
static const struct values values[] = {
	{"rows.*", 0, ROWS, WHOLE},
	{"emd{,n}.*", 0, FM_DOMAIN_MOST, ANY},
	{"time.PAIR_{synthetic,real}", 0, 1, ANY},
	{"heavy.{SA,DA,SP,DP}_{flows,bytes}_{top10,top100}_{synthetic,real}", 0, 1, ANY},
	{"burst.lag1_{synthetic,real}", -MOST_LAG, MOST_LAG, ANY},
	{"burst.lag1_gap", 0, 2 * MOST_LAG, ANY},
	{"burst.dispersion_{1s,10s,60s}_{synthetic,real}", 0, FM_DOMAIN_MOST, ANY},
	{"burst.dispersion_gap", 0, FM_DOMAIN_MOST, ANY},
	{"host.{LAG1,LAG10}_{synthetic,real}", -MOST_LAG, MOST_LAG, ANY},
	{"host.{LAG1,LAG10}_gap", 0, 2 * MOST_LAG, ANY},
	{"host.{BURST10,BURST60,BURST600}_{synthetic,real,gap}", -FM_DOMAIN_MOST, FM_DOMAIN_MOST, ANY},
	{"host.{BEACON,largest10}_{synthetic,real}", 0, 1, ANY},
	{"host.{hosts,pairs,bytes}_{synthetic,real}", 0, FM_DOMAIN_MOST, WHOLE},
	{"host.{SWEEPS,SWEEPS200}_{synthetic,real,gap}", 0, FM_DOMAIN_MOST, ANY},
	{"host.{hosts,pairs,bytes}_gap", 0, FM_DOMAIN_MOST, ANY},
	{"rules.*", 0, 1, ANY},
	{"downstream.label_classes", 0, ROWS, WHOLE},
	{"downstream.*", 0, FM_DOMAIN_MOST, ANY},
	{"tstr.{macro_f1,auc}.{trees,logistic,network}", 0, 1, ANY},
	{"tstr.f1.*", 0, 1, ANY},
	{"trtr.*", 0, 1, ANY},
	{"tstr.*", -1, 1, ANY}, /* what is lost, and correlations */
	{"anomaly.auc_{real,synthetic}", 0, 1, ANY},
	{"anomaly.auc_drop", -1, 1, ANY},
	{"leak.{rows,holdout,release}_equal" MORE, 0, 1, ANY},
	{"leak.release_share_nearer" MORE, 0, 1, ANY},
	{"leak.{copies,repeats}_{train,holdout}", 0, 1, ANY},
	{"leak.family_p", 0, 1, ANY},
	{"leak.{unique,lone,solitary,attached,nearer,isolated,extreme}_p" MORE, 0, 1, ANY},
	{"leak.{unique,lone,solitary,attached,nearer,isolated,extreme}_z" MORE, -FM_DOMAIN_MOST, FM_DOMAIN_MOST, ANY},
	{"leak.{unique,lone,solitary,attached,isolated,extreme}_{train,holdout,block_most}" MORE, 0, FM_DOMAIN_MOST,
	 ANY},
	{"leak.{dcr,nndr,release}_*", 0, FM_DOMAIN_MOST, ANY},
	{"leak.{mia,share,identifiability,echo,rare}_*", 0, 1, ANY},
	{"leak.{singling_uni,singling_multi,linkability,inference_byt,inference_dp}_risk", -FM_DOMAIN_MOST, 1, ANY},
	{"leak.{singling_uni,singling_multi,linkability,inference_byt,inference_dp}_{train,holdout,naive}", 0, 1, ANY},
	{"counts.*", 0, 1, ANY},
	{"paid.*", 0, LN2, ANY},
	{"controls.broken", 0, 4096, WHOLE},
	{"holdout.disjoint", 0, 1, ANY},
	{"audit.epsilon_lower", 0, 1e6, ANY},
	{"gate", -FM_DOMAIN_MOST, FM_DOMAIN_MOST, ANY},
};
/* clang-format on */

static const struct values *values_of(const char *name)
{
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (fm_metric_fits(values[i].pattern, name))
			return &values[i];
	return NULL;
}

void fm_metric_range(const char *name, double *lo, double *hi)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	const struct values *v = kind ? values_of(name) : NULL;

	*lo = -(double)INFINITY;
	*hi = (double)INFINITY;
	if (!kind)
		return;
	/* Of holdout and training, and of few rows it can be beside what the metric can. */
	if (strncmp(name, "floor.", 6) == 0) {
		*lo = -FM_DOMAIN_MOST;
		*hi = FM_DOMAIN_MOST;
	} else if (v) {
		*lo = v->lo;
		*hi = v->hi;
	} else if (kind->span > 0) {
		*lo = kind->good == FM_LOW && kind->ideal == 0 ? 0 : kind->ideal - kind->span;
		*hi = kind->good == FM_HIGH && kind->ideal == 1 ? 1 : kind->ideal + kind->span;
	}
}

bool fm_metric_can_be(const char *name, double value)
{
	const struct values *v = values_of(name); /* none of a floor, which has other bounds */
	double lo, hi;

	if (!fm_metric_kind(name) || !isfinite(value))
		return fm_metric_kind(name) != NULL;
	fm_metric_range(name, &lo, &hi);
	return isfinite(lo) && value >= lo - 1e-3 && value <= hi + 1e-3 &&
	       (!v || v->whole == ANY || !(fabs(value - nearbyint(value)) > 0));
}

bool fm_metric_has_values(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && (kind->span > 0 || values_of(name));
}
