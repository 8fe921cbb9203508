/* registry_values.c - what the value of each metric can be, where its row does not say so by ideal and span. */
#include <math.h>
#include <string.h>

#include "manifests/domain.h"
#include "manifests/registry.h"
#include "manifests/registry_parts.h"

#define LN2 0.69314718055994530942
#define ROWS 9007199254740991.0
#define SLACK 1e-3
#define MOST_LAG 100                            /* over few slots it is no true correlation, and may lie beyond 1 */
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
	{"host.{hosts,pairs,bytes}_{synthetic,real}", 0, FM_DOMAIN_MOST, ANY}, /* a mean over slices */
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
	{FM_METRIC_CONTROLS, 0, 4096, WHOLE},
	{"holdout.disjoint", 0, 1, ANY},
	{FM_METRIC_AUDITED, 0, 1e6, ANY},
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

/* The range in which the value of a row's metric lies.  Nothing is known of a floor: it compares holdout and training,
 * and with few rows may lie outside the metric's range. */
static bool range_of(const char *name, const struct fm_metric_kind *kind, double *lo, double *hi, enum whole *whole)
{
	const struct values *v = values_of(name);
	bool low = kind->good == FM_LOW && kind->ideal == 0, high = kind->good == FM_HIGH && kind->ideal == 1;

	*lo = -FM_DOMAIN_MOST;
	*hi = FM_DOMAIN_MOST;
	*whole = ANY;
	if (fm_metric_of_floor(name))
		return true;
	if (v) {
		*lo = v->lo;
		*hi = v->hi;
		*whole = v->whole;
	} else if (kind->span > 0) {
		*lo = low ? 0 : kind->ideal - kind->span;
		*hi = high ? 1 : kind->ideal + kind->span;
	}
	return v || kind->span > 0;
}

void fm_metric_range(const char *name, double *lo, double *hi)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	enum whole whole;

	if (kind && range_of(name, kind, lo, hi, &whole))
		return;
	*lo = -(double)INFINITY;
	*hi = (double)INFINITY;
}

bool fm_metric_can_be(const char *name, double value)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	enum whole whole;
	double lo, hi;

	if (!kind || !isfinite(value))
		return kind != NULL;
	return range_of(name, kind, &lo, &hi, &whole) && value >= lo - SLACK && value <= hi + SLACK &&
	       (whole == ANY || !(fabs(value - nearbyint(value)) > 0));
}

/* Is it always measured with an interval? */
static bool has_own_interval(const char *name)
{
	static const char *const own[] = {
	    "host.PROFILE",
	    "c2st.{flow,flow_blocks,window,window32}_auc",
	    "{tstr,trtr}.auc.{trees,logistic,network}",
	    "tstr.macro_f1_drop.{trees,logistic,network}",
	    "anomaly.auc_{real,synthetic}",
	    "leak.{rows,holdout,release}_equal" MORE,
	    "leak.{copies,repeats}_{train,holdout}",
	    "leak.{unique,lone,solitary,attached,isolated,extreme}_{train,holdout}" MORE,
	    "leak.{share_nearer_train,release_share_nearer}" MORE,
	    "leak.{dcr,nndr}_{median,p5}_{train,holdout}" MORE,
	    "leak.identifiability_{train,holdout}" MORE,
	    "leak.{mia,mia_model}_{auc,tpr_1,tpr_01}" MORE,
	    "leak.{singling_uni,singling_multi,linkability,inference_byt,inference_dp}_{risk,train,holdout,naive}",
	    "leak.{echo,rare}_*",
	    "paid.*",
	};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (fm_metric_fits(own[i], name))
			return true;
	return false;
}

bool fm_metric_has_interval(const char *name, bool sampled)
{
	const char *of = fm_metric_of_floor(name), *metric = of ? of : name;
	const struct fm_metric_topic *topic = fm_metric_topic(metric);

	if (!topic || !fm_metric_kind(name))
		return false;
	if (has_own_interval(metric))
		return true;
	switch (topic->group) {
	case FM_GROUP_MARGINALS:
	case FM_GROUP_PAIRS:
	case FM_GROUP_HEAVY:
		return sampled && !of;
	case FM_GROUP_TIME:
	case FM_GROUP_BURSTS:
	case FM_GROUP_HOSTS:
		return sampled;
	default:
		return false;
	}
}

void fm_metric_within(const char *name, double *lo, double *hi)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	enum whole whole;
	double least, most;

	if (!kind || !range_of(name, kind, &least, &most, &whole) || !isfinite(*lo) || !isfinite(*hi))
		return;
	*lo = fmin(fmax(*lo, least), most);
	*hi = fmin(fmax(*hi, least), most);
}

const char *fm_metric_interval_fault(const char *name, const json_t *ci, const json_t *value, bool sampled)
{
	if (!ci)
		return NULL;
	if (!fm_metric_has_interval(name, sampled))
		return "has an interval where none is measured";
	if (!json_is_number(value) || !fm_domain_interval(ci, value))
		return "has an interval that does not hold its value";
	return fm_metric_can_be(name, json_number_value(json_array_get(ci, 0))) &&
		       fm_metric_can_be(name, json_number_value(json_array_get(ci, 1)))
		   ? NULL
		   : "has an interval that reaches beyond what the metric can be";
}

double fm_metric_most_rows(double real, double holdout, double made)
{
	return fmax(2 * (real + holdout + made), FM_METRIC_ATTACKS);
}

bool fm_metric_has_values(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && (kind->span > 0 || values_of(name));
}
