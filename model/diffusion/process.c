/* process.c - corruption of tokens and residuals. */
#include "model/diffusion/process.h"

#include <math.h>
#include <string.h>

#include "base/detmath.h"
#include "model/codec/relations.h"
#include "model/nn/gaussian.h"

int fm_process_init(struct fm_process *pr, int T, const char *schedule, struct fm_error *err)
{
	static const struct {
		int c;
		double lo, hi;
	} span[FM_NTOK] = {
	    {FM_T_ROLE, 0.82, 1.00}, {FM_T_GAP, 0.80, 0.90}, {FM_T_REL, 0.72, 0.82}, {FM_T_LABEL, 0.84, 1.00},
	    {FM_T_DIR, 0.70, 0.78},  {FM_T_PR, 0.64, 0.76},  {FM_T_SA, 0.54, 0.72},  {FM_T_DA, 0.46, 0.66},
	    {FM_T_SP, 0.34, 0.58},   {FM_T_DP, 0.34, 0.58},  {FM_T_FLG, 0.22, 0.36}, {FM_T_FWD, 0.22, 0.36},
	    {FM_T_STOS, 0.22, 0.36}, {FM_T_PKT, 0.14, 0.30}, {FM_T_TD, 0.06, 0.24},  {FM_T_BPP, 0.03, 0.19},
	};
	if (T < 2 || T > 100000)
		return fm_fail(err, FM_EINPUT, "model.steps is %d: give 2 to 100000 (1000 is usual)", T);
	*pr = (struct fm_process){.T = T};
	pr->cosine = strcmp(schedule, "cosine") == 0;
	if (!pr->cosine && strcmp(schedule, "linear") != 0)
		return fm_fail(err, FM_EINPUT, "model.schedule is '%s': give cosine or linear", schedule);
	for (int i = 0; i < FM_NTOK; i++) {
		pr->lo[span[i].c] = span[i].lo;
		pr->hi[span[i].c] = span[i].hi;
	}
	return FM_OK;
}

int fm_process_choose(struct fm_process *pr, const char *tokens, const char *prediction, struct fm_error *err)
{
	pr->multinomial = strcmp(tokens, "multinomial") == 0;
	pr->noise = strcmp(prediction, "noise") == 0;
	if (!pr->multinomial && strcmp(tokens, "absorbing") != 0)
		return fm_fail(err, FM_EINPUT, "model.process is '%s': give absorbing or multinomial", tokens);
	if (!pr->noise && strcmp(prediction, "v") != 0)
		return fm_fail(err, FM_EINPUT, "model.prediction is '%s': give v or noise", prediction);
	return FM_OK;
}

double fm_process_mask(const struct fm_process *pr, int c, double t)
{
	double x = (t - pr->lo[c]) / (pr->hi[c] - pr->lo[c]);
	return x < 0 ? 0 : x > 1 ? 1 : x * (2 - x);
}

double fm_process_shows(const struct fm_process *pr, int c, double m)
{
	return pr->lo[c] + (pr->hi[c] - pr->lo[c]) * (1 - sqrt(1 - m));
}

double fm_process_step(const struct fm_process *pr, int left, int steps)
{
	enum { GROWTH = 64 }; /* the last step of the outline shows about this many times as much as the first */
	int outline = pr->multinomial || steps == pr->T ? 0 : steps * 2 / 5, done = steps - left;
	double grown;
	if (outline < 2)
		return (double)left / steps;
	if (done >= outline)
		return pr->lo[FM_T_ROLE] * left / (steps - outline);
	grown = fm_det_exp(fm_det_log(GROWTH) * done / outline);
	return fm_process_shows(pr, FM_T_ROLE, 1 - (grown - 1) / (GROWTH - 1));
}

double fm_process_alpha_bar(const struct fm_process *pr, double t)
{
	return fm_alpha_bar(pr->cosine, t / FM_RES_SPAN);
}

double fm_process_before(const struct fm_process *pr, double t)
{
	double step = (double)(int)(t * pr->T + 0.5) - 1;
	return step > 0 ? step / pr->T : 0;
}

bool fm_process_keep(const struct fm_process *pr, int c, double t, double s, struct fm_keep *keep)
{
	keep->at = 1 - fm_process_mask(pr, c, t);
	keep->before = 1 - fm_process_mask(pr, c, s);
	return keep->at < 1 && keep->before > 0;
}

float fm_rng_normal(struct fm_rng *r)
{
	double u = 1.0 - fm_rng_uniform53(r), v = fm_rng_uniform53(r);
	return (float)(sqrt(-2.0 * fm_det_log(u)) * fm_det_cos(6.28318530717958647693 * v));
}

/* One window being corrupted: how much of each column is noise, and the weight of a token of it. */
struct noise {
	const struct fm_process *pr;
	const int *vocab;
	double m[FM_NTOK], weight[FM_NTOK];
	bool related; /* rel is clean wherever it is visible */
};

/* Column c at t.  Between t and the step before a token shows with probability (m - m_s) / m. */
static void absorbing_column(struct noise *q, int c, double t, double rows)
{
	const struct fm_process *pr = q->pr;
	double m = fm_process_mask(pr, c, t), shown = m - fm_process_mask(pr, c, fm_process_before(pr, t));

	q->m[c] = m > 0 && m < 0.01 ? 0.01 : m; /* the bound's weight 1/m stays bounded */
	q->weight[c] = m > 0 ? pr->T * shown / q->m[c] / rows : 0;
}

/* Tokens of row x, with that kind of relation, as the network sees them: y, and their weights. */
static void absorb(const struct noise *q, const uint16_t *x, int kind, struct fm_rng *rng, uint16_t *y, float *weight)
{
	for (int c = 0; c < FM_NTOK; c++) {
		bool hidden = q->vocab[c] > 1 && q->m[c] > 0 && (q->m[c] >= 1 || fm_rng_uniform(rng) < q->m[c]);
		y[c] = hidden ? (uint16_t)q->vocab[c] : x[c];
		if (hidden && q->weight[c] > 0 && fm_relation_source(kind, c) < 0)
			weight[c] = (float)q->weight[c];
	}
}

static void mix(const struct noise *q, const uint16_t *x, int kind, struct fm_rng *rng, uint16_t *y, float *weight)
{
	for (int c = 0; c < FM_NTOK; c++) {
		y[c] = x[c];
		if (q->vocab[c] <= 1 || !(q->m[c] > 0))
			continue;
		if (q->m[c] >= 1)
			y[c] = (uint16_t)q->vocab[c];
		else if (fm_rng_uniform(rng) < q->m[c])
			y[c] = (uint16_t)fm_rng_below(rng, (uint32_t)q->vocab[c]);
		if (fm_relation_source(kind, c) < 0)
			weight[c] = (float)q->weight[c];
	}
}

void fm_process_corrupt(const struct fm_process *pr, const struct fm_clean_window *clean, double t, struct fm_rng *rng,
			const struct fm_example *out)
{
	const int *vocab = clean->vocab;
	size_t W = (size_t)clean->window;
	struct noise q = {
	    .pr = pr, .vocab = vocab, .related = !pr->multinomial || fm_process_mask(pr, FM_T_REL, t) <= 0};
	double ab = fm_process_alpha_bar(pr, t);
	float a = (float)sqrt(ab), b = (float)sqrt(1 - ab);

	memset(out->tok_weight, 0, sizeof(float) * W * FM_NTOK);
	memset(out->v_weight, 0, sizeof(float) * W * FM_NRES);
	for (int c = 0; c < FM_NTOK; c++) {
		if (pr->multinomial) {
			q.m[c] = fm_process_mask(pr, c, t);
			q.weight[c] = fm_process_keep(pr, c, t, fm_process_before(pr, t), &out->keep[c])
					  ? pr->T / clean->flows
					  : 0;
		} else {
			absorbing_column(&q, c, t, clean->flows);
		}
	}
	for (size_t i = 0; i < W; i++) {
		const uint16_t *x = clean->tok + i * FM_NTOK;
		uint16_t *y = out->tok_in + i * FM_NTOK;
		int back, kind = fm_rel_kind(x[FM_T_REL], clean->window, &back);
		(pr->multinomial ? mix : absorb)(&q, x, kind, rng, y, out->tok_weight + i * FM_NTOK);
		if (y[FM_T_REL] != x[FM_T_REL] || !q.related) /* what will be copied is unknown until its source is */
			for (int c = 0; c < FM_NTOK; c++)
				if (fm_relation_source(kind, c) >= 0)
					y[c] = vocab[c] > 1 ? (uint16_t)vocab[c] : 0;
		for (int k = 0; k < FM_NRES; k++) {
			size_t at = i * FM_NRES + (size_t)k;
			float e = fm_rng_normal(rng), r0 = clean->res[at];
			bool bin = !isnan(r0);
			out->v[at] = !bin ? 0 : pr->noise ? e : a * e - b * r0;
			/* An atom has no residual: it looks like the noise it is. */
			out->res_in[at] = bin ? a * r0 + b * e : e;
			bool copied = fm_relation_source(kind, fm_res_tok[k]) >= 0;
			if (bin && !copied && vocab[fm_res_tok[k]] > 1 && t < FM_RES_SPAN)
				out->v_weight[at] = (float)(clean->res_share / clean->flows);
		}
	}
	if (q.related)
		fm_relations_copy(out->tok_in, out->res_in, clean->window);
}
