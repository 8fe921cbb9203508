/* check_names.c - patterns of metric names, and what is most like a name that fits none. */
#include "manifests/check_names.h"

#include <stdio.h>
#include <string.h>

#include "manifests/yaml.h"

/* {a,b}: one of these, which may be empty; a * at the end: a label.  The longest name has fewer than MAXNAME bytes. */
enum { MAXNAME = 64 };
#define ONE_COLUMN                                                                                                     \
	"jsd.{SA,DA,SP,DP,PR,TS,TD,PKT,BYT,TY,SPb,DPb,SAid,DAid,SA16,DA16,FLG,TOS}", "jsd_mean8",                      \
	    "{emd,emdn}.{TS,TD,PKT,BYT}"
#define WITH_FLOOR                                                                                                     \
	ONE_COLUMN, "assoc.{mean,max}", "pair_jsd", "time.{IAT,RATE,DAY,FANOUT,FANIN,RUN}",                            \
	    "time.PAIR_{real,synthetic,gap}", "heavy.{SA,DA,SP,DP}_{flows,bytes}_{top10,top100}_{real,synthetic}",         \
	    "heavy.share_gap", "heavy.{SP,DP}_{overlap20,rank100}",                                                    \
	    "burst.{dispersion_1s,dispersion_10s,dispersion_60s,lag1}_{real,synthetic}",                               \
	    "burst.{dispersion_gap,lag1_gap,LENGTH,FLOWS,VOLUME}",                                                     \
	    "rules.{broken_share,no_packet,short_bytes,long_bytes,icmp_source_port,same_address}",                     \
	    "rules.broken_share_real", "rules.{td_one_packet,over_1500,ports_without}_{real,synthetic}", "c2st.{flow,flow_blocks,window,window32}_auc",               \
	    "anomaly.score_correlation"
#define SET "{,_no_time,_no_addr_time,_sizes}"
#define BOTH "{_train,_holdout}"

static const char *const patterns[] = {
    WITH_FLOOR,
    "rows.{real,synthetic,holdout,judged_real,judged_synthetic,judged_holdout}",
    "downstream.{mse_real,mse_synthetic,mse_ratio,label_classes}",
    "{tstr,trtr}.{macro_f1,auc}.{trees,logistic,network}",
    "{tstr,trtr}.f1.{trees,logistic,network}.*",
    "tstr.macro_f1_drop.{trees,logistic,network,mean}",
    "tstr.{rank_correlation,rank_kendall}",
    "anomaly.{auc_real,auc_synthetic,auc_drop}",
    ("leak.{rows_equal,holdout_equal,share_nearer_train,nearer_z,nearer_p}" SET),
    "leak.family_p",
    ("leak.{unique,lone,solitary}_{train,holdout,z,p,block_most}" SET),
    "leak.{isolated,extreme}_{train,holdout,z,p}_no_addr_time",
    ("leak.attached_{train,holdout,z,p}" SET),
    ("leak.{dcr,nndr}_{median,p5}" BOTH SET),
    ("leak.identifiability" BOTH SET),
    ("leak.mia_{auc,tpr_1,tpr_01}" SET),
    "leak.mia_model_{auc,tpr_1,tpr_01}",
    "leak.{singling_uni,singling_multi,linkability,inference_byt,inference_dp}_{train,holdout,naive,risk}",
    "leak.{echo_addr,echo_prefix24,echo_prefix16}{,_holdout}",
    "leak.rare_{sp,dp,td,pkt,byt,flg}{,_holdout}",
    ("leak.release_{equal,share_nearer,dcr_median,own_median}" SET),
    "controls.broken",
};
/* The noise floor of a metric is a metric too. */
static const char *const floors[] = {WITH_FLOOR};
#define N(x) (sizeof(x) / sizeof(x)[0])

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

bool fm_check_known(const char *name)
{
	for (size_t i = 0; i < N(patterns); i++)
		if (fits(patterns[i], name))
			return true;
	if (strncmp(name, "floor.", 6) != 0)
		return false;
	for (size_t i = 0; i < N(floors); i++)
		if (fits(floors[i], name + 6))
			return true;
	return false;
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
	bool floor = strncmp(name, "floor.", 6) == 0;
	struct search s = {.word = floor ? name + 6 : name};

	for (size_t i = 0; i < (floor ? N(floors) : N(patterns)); i++)
		expand(&s, 0, floor ? floors[i] : patterns[i]);
	if (s.best[0] == '\0')
		return NULL;
	snprintf(out, cap, "%s%s", floor ? "floor." : "", s.best);
	return out;
}
