/* rivals.c - the models that flowmint compare knows. */
#include "pipeline/rivals.h"

#include <stdio.h>
#include <string.h>

#include "manifests/config.h"

/* To add a model, add a row. */
static const struct fm_rival rivals[] = {
    {"hybrid",
     "The hybrid diffusion: tokens and residuals, relations, roles; in privacy.mode dp a diffusion over exchanges",
     {"model.kind=diffusion"},
     0,
     {NULL}},
    {"plain",
     "Plain Gaussian diffusion of rows, ports and addresses as numbers, a U-Net as denoiser (the paper's own method)",
     {"model.kind=plain", "model.denoiser=unet", "model.schedule=linear", "generate.sampler=ancestral"},
     0.104,
     {NULL}},
    {"plain-transformer",
     "Plain Gaussian diffusion of rows, ports and addresses as numbers, a transformer as denoiser (the paper's own "
     "method)",
     {"model.kind=plain", "model.denoiser=transformer", "model.schedule=linear", "generate.sampler=ancestral"},
     0.104,
     {NULL}},
    {"plain-values",
     "Plain Gaussian diffusion of rows, frequent ports and hosts as categories, a U-Net",
     {"model.kind=plain", "model.denoiser=unet", "model.schedule=linear", "generate.sampler=ancestral",
      "model.encoding=values"},
     0.104,
     {NULL}},
    {"plain-bits",
     "Plain Gaussian diffusion of rows, addresses and ports as analog bits (Chen, Zhang, Hinton 2022), a U-Net",
     {"model.kind=plain", "model.denoiser=unet", "model.schedule=cosine", "generate.sampler=ancestral",
      "model.encoding=bits", "train.batch=8"},
     0,
     {NULL}},
    {"ctgan",
     "CTGAN (Xu et al. 2019), addresses as integers",
     {"model.kind=ctgan", "gate.leak.mia_model_auc=null", "gate.waivable="},
     0.20,
     {NULL}},
    {"ctgan-bits",
     "CTGAN, addresses as bits",
     {"model.kind=ctgan", "model.encoding=bits", "gate.leak.mia_model_auc=null", "gate.waivable="},
     0,
     {NULL}},
    {"netshare",
     "NetShare (Yin et al. 2022): sessions by 5-tuple in chunks of time, DoppelGANger",
     {"model.kind=netshare", "gate.leak.mia_model_auc=null", "gate.waivable="},
     0.123,
     {"model.layer_width=128", "train.session_rate=0.001"}},
    {"marginals",
     "Noisy counts of exchanges, in privacy.mode dp alone (preset ugr16-dp)",
     {"model.kind=marginals"},
     0,
     {NULL}},
};
enum { NRIVALS = sizeof rivals / sizeof *rivals };
_Static_assert(sizeof rivals / sizeof *rivals <= FM_RIVALS_MOST, "FM_RIVALS_MOST");

const char *fm_rival_name(int i)
{
	return i < NRIVALS ? rivals[i].name : NULL;
}

static int unknown(const char *name, int n, struct fm_error *err)
{
	char all[256] = "";

	for (int i = 0; i < NRIVALS; i++)
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", rivals[i].name);
	return fm_fail(err, FM_EUSAGE, "--models: there is no model '%.*s'; there are %s", n, name, all);
}

int fm_rivals_choose(const char *words, const struct fm_rival *chosen[FM_RIVALS_MOST], int *n, struct fm_error *err)
{
	*n = 0;
	for (const char *p = words + strspn(words, " "); *p;) {
		int word = (int)strcspn(p, ","), len = word, found = -1;

		while (len > 0 && p[len - 1] == ' ')
			len--;

		for (int i = 0; i < NRIVALS; i++)
			if ((int)strlen(rivals[i].name) == len && strncmp(rivals[i].name, p, (size_t)len) == 0)
				found = i;
		if (found < 0)
			return unknown(p, len, err);
		for (int i = 0; i < *n; i++)
			if (chosen[i] == &rivals[found])
				return fm_fail(err, FM_EUSAGE, "--models: %s is there twice", rivals[found].name);
		chosen[(*n)++] = &rivals[found];
		p += word + (p[word] == ',');
		p += strspn(p, " ");
	}
	return *n > 0 ? FM_OK : fm_fail(err, FM_EUSAGE, "--models: name at least one");
}

const char *fm_rival_kind(const struct fm_rival *r)
{
	for (size_t i = 0; i < FM_RIVAL_SET && r->set[i]; i++)
		if (strncmp(r->set[i], "model.kind=", 11) == 0)
			return r->set[i] + 11;
	return "diffusion";
}

bool fm_rival_diffuses(const struct fm_rival *r)
{
	return fm_config_is_for("generate.sampler=fewstep", fm_rival_kind(r));
}
