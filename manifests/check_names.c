/* check_names.c - patterns of metric names, who may see them, and what is most like a name that fits none. */
#include "manifests/check_names.h"

#include <stdio.h>
#include <string.h>

#include "manifests/metrics.h"
#include "manifests/yaml.h"

/* {a,b}: one of these, which may be empty; a * at the end: a label.  The longest name has fewer than MAXNAME bytes. */
enum { MAXNAME = 64, NO_FLOOR = -1 };
#define SET "{,_no_time,_no_addr_time,_sizes}"
#define BOTH "{_train,_holdout}"

/*
 * shown: who may see it; floor: who may see its noise floor, which compares the holdout with training.  What goes out
 * with metrics says how far synthetic flows are from real ones or how well they do, or is of the synthetic flows alone.
 * It must not be possible to solve such numbers for one of the real flows: of a difference of two numbers of which the
 * synthetic flows tell one, or of two numbers and their ratio, not all go out; emd over emdn would be the real range.
 * What goes out with histograms is of the whole real trace.  What counts real rows or hosts of which there may be fewer
 * than k, or rests on single ones, stays with the team.
 */
static const struct {
	const char *pattern;
	int shown, floor; /* enum fm_audience */
} names[] = {
    {"jsd.{SA,DA,SP,DP,PR,TS,TD,PKT,BYT,TY,SPb,DPb,SAid,DAid,SA16,DA16,FLG,TOS}", FM_WITH_METRICS, FM_WITH_METRICS},
    {"jsd_mean8", FM_WITH_METRICS, FM_WITH_METRICS},
    {"emd.{TS,TD,PKT,BYT}", FM_WITH_METRICS, FM_WITH_METRICS},
    {"emdn.{TS,TD,PKT,BYT}", FM_TEAM_ALONE, FM_TEAM_ALONE},
    {"assoc.{mean,max}", FM_WITH_METRICS, FM_WITH_METRICS},
    {"pair_jsd", FM_WITH_METRICS, FM_WITH_METRICS},
    {"time.{IAT,RATE,DAY,FANOUT,FANIN,RUN}", FM_WITH_METRICS, FM_WITH_METRICS},
    {"time.PAIR_synthetic", FM_WITH_METRICS, FM_WITH_HISTOGRAMS},
    {"time.PAIR_{real,gap}", FM_WITH_HISTOGRAMS, FM_WITH_HISTOGRAMS},
    {"heavy.{SA,DA,SP,DP}_{flows,bytes}_{top10,top100}_synthetic", FM_WITH_METRICS, FM_TEAM_ALONE},
    {"heavy.{SA,DA,SP,DP}_{flows,bytes}_{top10,top100}_real", FM_TEAM_ALONE, FM_TEAM_ALONE},
    {"heavy.share_gap", FM_WITH_METRICS, FM_WITH_METRICS},
    {"heavy.{SP,DP}_{overlap20,rank100}", FM_WITH_METRICS, FM_WITH_METRICS},
    {"burst.{dispersion_1s,dispersion_10s,dispersion_60s,lag1}_synthetic", FM_WITH_METRICS, FM_WITH_HISTOGRAMS},
    {"burst.{dispersion_1s,dispersion_10s,dispersion_60s,lag1}_real", FM_WITH_HISTOGRAMS, FM_WITH_HISTOGRAMS},
    {"burst.lag1_gap", FM_WITH_HISTOGRAMS, FM_WITH_HISTOGRAMS},
    {"burst.{dispersion_gap,LENGTH,FLOWS,VOLUME}", FM_WITH_METRICS, FM_WITH_METRICS},
    {"rules.{broken_share,no_packet,short_bytes,long_bytes,icmp_source_port,same_address}", FM_WITH_METRICS,
     FM_TEAM_ALONE},
    {"rules.{td_one_packet,over_1500,ports_without}_synthetic", FM_WITH_METRICS, FM_TEAM_ALONE},
    {"rules.{broken_share,td_one_packet,over_1500,ports_without}_real", FM_TEAM_ALONE, FM_TEAM_ALONE},
    {"c2st.{flow,flow_blocks,window,window32}_auc", FM_WITH_METRICS, FM_WITH_METRICS},
    {"anomaly.score_correlation", FM_WITH_METRICS | FM_LABELS, FM_WITH_METRICS | FM_LABELS},
    {"anomaly.auc_drop", FM_WITH_METRICS | FM_LABELS, NO_FLOOR},
    {"anomaly.{auc_real,auc_synthetic}", FM_WITH_HISTOGRAMS | FM_LABELS, NO_FLOOR},
    {"rows.{synthetic,judged_synthetic}", FM_WITH_METRICS, NO_FLOOR},
    {"rows.{real,holdout,judged_real,judged_holdout}", FM_WITH_METRICS | FM_REAL_ROWS, NO_FLOOR},
    {"downstream.mse_ratio", FM_WITH_METRICS, NO_FLOOR},
    {"downstream.{mse_real,mse_synthetic}", FM_WITH_HISTOGRAMS, NO_FLOOR},
    {"downstream.label_classes", FM_WITH_METRICS, NO_FLOOR},
    {"{tstr,trtr}.{macro_f1,auc}.{trees,logistic,network}", FM_WITH_METRICS | FM_LABELS, NO_FLOOR},
    {"{tstr,trtr}.f1.{trees,logistic,network}.*", FM_WITH_METRICS | FM_ONE_LABEL, NO_FLOOR},
    {"tstr.macro_f1_drop.{trees,logistic,network,mean}", FM_WITH_METRICS | FM_LABELS, NO_FLOOR},
    {"tstr.{rank_correlation,rank_kendall}", FM_WITH_METRICS, NO_FLOOR},
    {"leak.{rows_equal,share_nearer_train,nearer_z,nearer_p}" SET, FM_WITH_METRICS, NO_FLOOR},
    {"leak.holdout_equal" SET, FM_TEAM_ALONE, NO_FLOOR},
    {"leak.family_p", FM_WITH_METRICS, NO_FLOOR},
    {"leak.{unique,lone,solitary,attached}_{z,p}" SET, FM_WITH_METRICS, NO_FLOOR},
    {"leak.{unique,lone,solitary}_{train,holdout,block_most}" SET, FM_TEAM_ALONE, NO_FLOOR},
    {"leak.attached" BOTH SET, FM_TEAM_ALONE, NO_FLOOR},
    {"leak.{isolated,extreme}_{z,p}_no_addr_time", FM_WITH_METRICS, NO_FLOOR},
    {"leak.{isolated,extreme}_{train,holdout}_no_addr_time", FM_TEAM_ALONE, NO_FLOOR},
    {"leak.{dcr,nndr}_{median,p5}" BOTH SET, FM_WITH_METRICS, NO_FLOOR},
    {"leak.identifiability" BOTH SET, FM_TEAM_ALONE, NO_FLOOR},
    {"leak.mia_{auc,tpr_1,tpr_01}" SET, FM_WITH_METRICS, NO_FLOOR},
    {"leak.mia_model_{auc,tpr_1,tpr_01}", FM_WITH_METRICS, NO_FLOOR},
    {"leak.{singling_uni,singling_multi,linkability,inference_byt,inference_dp}_risk", FM_WITH_METRICS, NO_FLOOR},
    {"leak.{singling_uni,singling_multi,linkability,inference_byt,inference_dp}_{train,holdout,naive}", FM_TEAM_ALONE,
     NO_FLOOR},
    {"leak.{echo_addr,echo_prefix24,echo_prefix16}", FM_WITH_METRICS, NO_FLOOR},
    {"leak.{echo_addr,echo_prefix24,echo_prefix16}_holdout", FM_TEAM_ALONE, NO_FLOOR},
    {"leak.rare_{sp,dp,td,pkt,byt,flg}{,_holdout}", FM_TEAM_ALONE, NO_FLOOR},
    {"leak.release_{equal,share_nearer,dcr_median,own_median}" SET, FM_WITH_METRICS, NO_FLOOR},
    {"controls.broken", FM_WITH_METRICS, NO_FLOOR},
};
enum { NNAMES = sizeof names / sizeof *names };

/* The bytes of the alternative at p, up to a comma or the brace. */
static size_t alternative(const char *p)
{
	return strcspn(p, ",}");
}

static bool fits(const char *pattern, const char *name)
{
	for (; *pattern && *pattern != '{' && *pattern != '*'; pattern++, name++)
		if (*pattern != *name)
			return false;
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern == '*')
		return *name != '\0';
	const char *rest = strchr(pattern, '}') + 1;
	for (const char *p = pattern; *p++ != '}'; p += alternative(p)) {
		size_t n = alternative(p);
		if (strncmp(p, name, n) == 0 && fits(rest, name + n))
			return true;
	}
	return false;
}

/* The pattern that name fits, of those with a floor or of all; NNAMES when there is none. */
static size_t find(const char *name, bool floor)
{
	for (size_t i = 0; i < NNAMES; i++)
		if ((!floor || names[i].floor != NO_FLOOR) && fits(names[i].pattern, name))
			return i;
	return NNAMES;
}

/* The noise floor of a metric is a metric too. */
static bool take_floor(const char **name)
{
	bool floor = strncmp(*name, "floor.", 6) == 0;

	*name += floor ? 6 : 0;
	return floor;
}

bool fm_check_known(const char *name)
{
	bool floor = take_floor(&name);

	return find(name, floor) < NNAMES;
}

unsigned fm_metric_audience(const char *name)
{
	bool floor = take_floor(&name);
	size_t i = find(name, floor);

	return i == NNAMES ? FM_TEAM_ALONE : (unsigned)(floor ? names[i].floor : names[i].shown);
}

/* ---- suggestions ---- */

struct search {
	const char *word;
	char best[MAXNAME], text[MAXNAME];
};

/* All names of a pattern behind text[0..n), each against the best so far. */
static void expand(struct search *s, size_t n, const char *pattern)
{
	while (*pattern && *pattern != '{' && *pattern != '*' && n + 1 < MAXNAME)
		s->text[n++] = *pattern++;
	if (*pattern != '{') {
		const char *two[] = {s->best, s->text}, *near;
		s->text[n] = '\0';
		if ((near = fm_suggest(s->word, two, 2)) == s->text)
			memcpy(s->best, s->text, sizeof(s->best));
		return;
	}
	const char *rest = strchr(pattern, '}') + 1;
	for (const char *p = pattern; *p++ != '}'; p += alternative(p)) {
		size_t len = alternative(p);
		if (n + len + 1 < MAXNAME) {
			memcpy(s->text + n, p, len);
			expand(s, n + len, rest);
		}
	}
}

const char *fm_check_suggest(const char *name, char *out, size_t cap)
{
	bool floor = take_floor(&name);
	struct search s = {.word = name};

	for (size_t i = 0; i < NNAMES; i++)
		if (!floor || names[i].floor != NO_FLOOR)
			expand(&s, 0, names[i].pattern);
	if (s.best[0] == '\0')
		return NULL;
	snprintf(out, cap, "%s%s", floor ? "floor." : "", s.best);
	return out;
}

bool fm_metric_needs_model(const char *name)
{
	return strncmp(name, "leak.mia_model_", 15) == 0;
}
