/* epsilon, sigma: what mechanisms leak together, and the noise that keeps to a target. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "manifests/canon.h"
#include "manifests/yaml.h"
#include "pipeline/cli/cli.h"
#include "privacy/accountant.h"
#include "privacy/loss.h"

#define EPSILON_DIGITS 9 /* that are printed, rounded up */
#define MECHANISMS_MAX 4096
#define FILE_MAX (4u << 20)

struct account_args {
	double q, sigma, epsilon, delta; /* NaN: not given */
	uint64_t steps, group;           /* 0: not given */
	const char *mechanisms, *accountant, *adjacency;
	bool json;
};
static const struct account_args nothing = {.q = NAN, .sigma = NAN, .epsilon = NAN, .delta = NAN};

#define Q                                                                                                              \
	{                                                                                                              \
		FM_SETS_REAL(struct account_args, q), .name = "q", .value = "Q", .min = 1e-9, .max = 1,                \
						      .help = "share of the records that a step samples"               \
	}
#define STEPS                                                                                                          \
	{                                                                                                              \
		FM_SETS_UINT(struct account_args, steps), .name = "steps", .value = "N", .least = 1,                   \
							  .most = FM_COUNT_MAX, .help = "steps of training"            \
	}
#define DELTA                                                                                                          \
	{                                                                                                              \
		FM_SETS_REAL(struct account_args, delta), .name = "delta", .value = "D", .required = true,             \
							  .min = FM_DELTA_MIN, .max = 0.999999,                        \
							  .help = "the chance that epsilon does not hold"              \
	}
#define ACCOUNTANT                                                                                                     \
	{                                                                                                              \
		FM_SETS_TEXT(struct account_args, accountant), .name = "accountant", .value = "pld|rdp",               \
							       .choices = "pld|rdp",                                   \
							       .help = "privacy loss distributions (default), or "     \
								       "moments, whose bound is larger"                \
	}
#define ADJACENCY                                                                                                      \
	{                                                                                                              \
		FM_SETS_TEXT(struct account_args, adjacency), .name = "adjacency", .value = "add_remove|replace_one",  \
							      .choices = "add_remove|replace_one",                     \
							      .help = "how neighbouring traces differ: a record "      \
								      "added or taken (default), or another one in "   \
								      "its place"                                      \
	}
#define GROUP                                                                                                          \
	{                                                                                                              \
		FM_SETS_UINT(struct account_args, group), .name = "group", .value = "K", .least = 1,                   \
							  .most = FM_GROUP_MAX,                                        \
							  .help = "records that belong together, as those of one "     \
								  "host (default: 1)"                                  \
	}

static const struct fm_option epsilon_options[] = {
    Q,
    {FM_SETS_REAL(struct account_args, sigma), .name = "sigma", .value = "S", .min = 0.01, .max = 1e6,
     .help = "noise multiplier: the standard deviation of the noise by the clip"},
    STEPS,
    DELTA,
    {FM_SETS_TEXT(struct account_args, mechanisms), .name = "mechanisms", .value = "FILE.json", .offer = FM_OFFER_FILE,
     .help = "a list of mechanisms (docs/accounting.md) in place of --q, --sigma and --steps"},
    ACCOUNTANT,
    ADJACENCY,
    GROUP,
    FM_OPTION_JSON(struct account_args),
    {0},
};
static const struct fm_option sigma_options[] = {
    Q,
    {FM_SETS_REAL(struct account_args, epsilon), .name = "epsilon", .value = "E", .required = true, .min = 1e-6,
     .max = 1e5, .help = "the epsilon to keep to"},
    STEPS,
    DELTA,
    ACCOUNTANT,
    ADJACENCY,
    GROUP,
    FM_OPTION_JSON(struct account_args),
    {0},
};

static enum fm_adjacency adjacency_of(const struct account_args *a)
{
	return a->adjacency && strcmp(a->adjacency, "replace_one") == 0 ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE;
}

static enum fm_accountant accountant_of(const struct account_args *a)
{
	return a->accountant && strcmp(a->accountant, "rdp") == 0 ? FM_RDP : FM_PLD;
}

static const char *accountant_name(const struct account_args *a)
{
	return accountant_of(a) == FM_RDP ? "rdp" : "pld";
}

static unsigned group_of(const struct account_args *a)
{
	return a->group ? (unsigned)a->group : 1;
}

static int need(const char *verb, const char *option, bool given, struct fm_error *err)
{
	return given ? FM_OK : fm_fail(err, FM_EUSAGE, "%s wants --%s; see flowmint %s --help", verb, option, verb);
}

/* ---- a file of mechanisms ---- */

struct mechanisms {
	json_t *doc; /* what the names point into */
	struct fm_mechanism *list;
	size_t n;
};

static void mechanisms_free(struct mechanisms *m)
{
	json_decref(m->doc);
	free(m->list);
}

static int number(const json_t *from, const char *key, double *v)
{
	const json_t *value = json_object_get(from, key);

	if (!json_is_number(value))
		return 0;
	*v = json_number_value(value);
	return 1;
}

/* A whole number from 1 to max, 1 where the key is absent. */
static int times(const json_t *from, const char *key, double max, double *v)
{
	*v = 1;
	if (!json_object_get(from, key))
		return 1;
	return number(from, key, v) && *v >= 1 && *v <= max && *v == floor(*v);
}

/* What each kind must have; what all may have besides. */
static const struct form {
	const char *name;
	enum fm_mechanism_kind kind;
	const char *keys[2];
} forms[] = {
    {"gaussian", FM_GAUSSIAN, {"sensitivity", "scale"}},
    {"laplace", FM_LAPLACE, {"sensitivity", "scale"}},
    {"discrete_gaussian", FM_DISCRETE_GAUSSIAN, {"sensitivity", "scale"}},
    {"sampled_gaussian", FM_SAMPLED_GAUSSIAN, {"sampling", "noise_multiplier"}},
};

static const struct form *form_of(const json_t *from)
{
	const char *name = json_string_value(json_object_get(from, "mechanism"));

	for (size_t i = 0; name && i < sizeof forms / sizeof *forms; i++)
		if (strcmp(name, forms[i].name) == 0)
			return &forms[i];
	return NULL;
}

/* A key that no such mechanism has, or NULL. */
static const char *unknown_key(json_t *from, const struct form *form)
{
	static const char *const common[] = {"mechanism", "times", "group", "name"};

	for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at)) {
		const char *key = json_object_iter_key(at);
		int known = strcmp(key, form->keys[0]) == 0 || strcmp(key, form->keys[1]) == 0;

		for (size_t i = 0; i < sizeof common / sizeof *common; i++)
			known |= strcmp(key, common[i]) == 0;
		if (!known)
			return key;
	}
	return NULL;
}

static int read_mechanism(json_t *from, struct fm_mechanism *m, struct fm_error *err)
{
	const struct form *form = form_of(from);
	const json_t *name = json_object_get(from, "name");
	double values[2], count, group;
	const char *key;

	if (!form)
		return fm_fail(err, FM_EINPUT,
			       "'mechanism' must be gaussian, laplace, discrete_gaussian or sampled_gaussian");
	if ((key = unknown_key(from, form)))
		return fm_fail(err, FM_EINPUT, "a %s has no key '%s'", form->name, key);
	for (int i = 0; i < 2; i++)
		if (!number(from, form->keys[i], &values[i]))
			return fm_fail(err, FM_EINPUT, "a %s wants the number '%s'", form->name, form->keys[i]);
	if (!times(from, "times", FM_COUNT_MAX, &count))
		return fm_fail(err, FM_EINPUT, "'times' must be a whole number from 1 to %u", FM_COUNT_MAX);
	if (!times(from, "group", FM_GROUP_MAX, &group))
		return fm_fail(err, FM_EINPUT, "'group' must be a whole number from 1 to %d", FM_GROUP_MAX);
	if (name && !json_is_string(name))
		return fm_fail(err, FM_EINPUT, "'name' must be text");
	*m = (struct fm_mechanism){.kind = form->kind,
				   .name = json_string_value(name),
				   .sensitivity = 1,
				   .scale = values[1],
				   .count = (uint64_t)count,
				   .group = (unsigned)group};
	*(form->kind == FM_SAMPLED_GAUSSIAN ? &m->q : &m->sensitivity) = values[0];
	return FM_OK;
}

/* The relation that the file names must be the one of the command line, if one is given there. */
static int read_relation(const json_t *relation, const struct account_args *a, enum fm_adjacency *adjacency,
			 struct fm_error *err)
{
	const char *name = json_string_value(relation);

	*adjacency = adjacency_of(a);
	if (!relation)
		return FM_OK;
	if (name && (strcmp(name, "add_or_remove") == 0 || strcmp(name, "add_remove") == 0))
		*adjacency = FM_ADD_OR_REMOVE;
	else if (name && strcmp(name, "replace_one") == 0)
		*adjacency = FM_REPLACE_ONE;
	else
		return fm_fail(err, FM_EINPUT, "'relation' must be add_or_remove or replace_one");
	if (a->adjacency && *adjacency != adjacency_of(a))
		return fm_fail(err, FM_EUSAGE, "the relation is %s, but --adjacency asks for %s", name, a->adjacency);
	return FM_OK;
}

/* What a file says beside its list is its own, but nothing that would change the answer may be overlooked. */
static int check_members(json_t *doc, const struct account_args *a, struct fm_error *err)
{
	static const char *const ours[] = {"relation", "adjacency"};

	for (void *at = json_object_iter(doc); at; at = json_object_iter_next(doc, at)) {
		const char *key = json_object_iter_key(at), *near = fm_suggest(key, ours, sizeof ours / sizeof *ours);

		if (near && strcmp(near, "adjacency") == 0)
			near = "relation";
		if (near && strcmp(near, key) != 0)
			return fm_fail(err, FM_EINPUT, "no key '%.40s': did you mean '%s'?", key, near);
		if (strcmp(key, "group") == 0)
			return fm_fail(err, FM_EINPUT,
				       "'group' stands beside the list: write it in each mechanism, or give --group");
		if (strcmp(key, "times") == 0)
			return fm_fail(err, FM_EINPUT, "'times' stands beside the list: write it in each mechanism");
		if (strcmp(key, "accountant") == 0 && !fm_json_says(doc, key, accountant_name(a)))
			return fm_fail(err, FM_EINPUT,
				       "'accountant' is not %s, which the answer is by: leave it out, or give it as "
				       "--accountant",
				       accountant_name(a));
	}
	return FM_OK;
}

static int read_mechanisms(struct mechanisms *m, const struct account_args *a, enum fm_adjacency *adjacency,
			   struct fm_error *err)
{
	json_t *list;
	int rc;

	if ((rc = fm_json_load(&m->doc, a->mechanisms, FILE_MAX, err)) < 0)
		return rc;
	list = json_is_object(m->doc) ? json_object_get(m->doc, "mechanisms") : m->doc;
	if (!json_is_array(list))
		return fm_fail(err, FM_EINPUT,
			       "%s: neither a list of mechanisms nor an object with one under 'mechanisms'",
			       a->mechanisms);
	if ((rc = check_members(m->doc, a, err)) < 0)
		return fm_error_prefix(err, "%s: ", a->mechanisms);
	m->n = json_array_size(list);
	if (m->n < 1 || m->n > MECHANISMS_MAX)
		return fm_fail(err, FM_EINPUT, "%s: %zu mechanisms; must be 1 to %d", a->mechanisms, m->n,
			       MECHANISMS_MAX);
	if ((rc = read_relation(json_is_object(m->doc) ? json_object_get(m->doc, "relation") : NULL, a, adjacency,
				err)) < 0)
		return fm_error_prefix(err, "%s: ", a->mechanisms);
	if ((rc = fm_alloc(&m->list, m->n, sizeof *m->list, "mechanisms", err)) < 0)
		return rc;
	for (size_t i = 0; i < m->n; i++) {
		if ((rc = read_mechanism(json_array_get(list, i), &m->list[i], err)) < 0)
			return fm_error_prefix(err, "%s: mechanism %zu: ", a->mechanisms, i + 1);
		if (a->group && json_object_get(json_array_get(list, i), "group") && m->list[i].group != a->group)
			return fm_fail(err, FM_EUSAGE,
				       "%s: mechanism %zu is of a group of %u, but --group asks for %u: leave "
				       "out one of the two",
				       a->mechanisms, i + 1, m->list[i].group, group_of(a));
		if (a->group)
			m->list[i].group = group_of(a);
	}
	return FM_OK;
}

/* ---- the verbs ---- */

static struct fm_mechanism training(const struct account_args *a)
{
	return (struct fm_mechanism){.kind = FM_SAMPLED_GAUSSIAN,
				     .sensitivity = 1,
				     .scale = a->sigma,
				     .q = a->q,
				     .count = a->steps,
				     .group = group_of(a)};
}

/* The number alone, or with --json together with what it was calculated from. */
static int answer(const struct account_args *a, enum fm_adjacency adjacency, const char *name, double value,
		  struct fm_error *err)
{
	bool by_epsilon = strcmp(name, "epsilon") == 0;
	double other = by_epsilon ? a->sigma : a->epsilon;
	json_t *doc;

	if (!a->json) {
		fm_cli_print("%.*g\n", EPSILON_DIGITS, value);
		return FM_OK;
	}
	doc = json_pack("{s:f, s:f, s:s, s:s}", name, value, "delta", a->delta, "accountant", accountant_name(a),
			"adjacency", adjacency == FM_REPLACE_ONE ? "replace_one" : "add_remove");
	if (!doc || (!isnan(other) && json_object_set_new(doc, by_epsilon ? "sigma" : "epsilon", json_real(other))) ||
	    (!isnan(a->q) && json_object_set_new(doc, "q", json_real(a->q))) ||
	    (a->steps && json_object_set_new(doc, "steps", json_integer((json_int_t)a->steps))) ||
	    (a->group && json_object_set_new(doc, "group", json_integer((json_int_t)a->group)))) {
		json_decref(doc);
		doc = NULL;
	}
	return fm_cli_json(doc, err);
}

static int epsilon_of_file(const struct account_args *a, struct fm_error *err)
{
	enum fm_adjacency adjacency = FM_ADD_OR_REMOVE;
	struct mechanisms m = {0};
	double epsilon;
	int rc;

	if ((rc = read_mechanisms(&m, a, &adjacency, err)) < 0)
		goto out;
	if ((rc = fm_account(m.list, m.n, a->delta, adjacency, accountant_of(a), &epsilon, err)) < 0) {
		rc = fm_error_prefix(err, "%s: ", a->mechanisms);
		goto out;
	}
	rc = answer(a, adjacency, "epsilon", epsilon > 0 ? fm_round_up(epsilon, EPSILON_DIGITS) : 0, err);
out:
	mechanisms_free(&m);
	return rc;
}

static int epsilon(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct account_args *a = args;
	struct fm_mechanism one;
	double value;
	int rc;

	(void)call;
	if (a->mechanisms && (!isnan(a->q) || !isnan(a->sigma) || a->steps))
		return fm_fail(err, FM_EUSAGE, "epsilon: --mechanisms says it all: leave out --q, --sigma and --steps");
	if (a->mechanisms)
		return epsilon_of_file(a, err);
	if ((rc = need("epsilon", "q", !isnan(a->q), err)) < 0 ||
	    (rc = need("epsilon", "sigma", !isnan(a->sigma), err)) < 0 ||
	    (rc = need("epsilon", "steps", a->steps, err)) < 0)
		return rc;
	one = training(a);
	if ((rc = fm_account(&one, 1, a->delta, adjacency_of(a), accountant_of(a), &value, err)) < 0)
		return rc == FM_EINPUT ? FM_EUSAGE : rc;
	return answer(a, adjacency_of(a), "epsilon", value > 0 ? fm_round_up(value, EPSILON_DIGITS) : 0, err);
}

static int sigma(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct account_args *a = args;
	struct fm_account_terms terms = {a->delta, adjacency_of(a), accountant_of(a)};
	struct fm_mechanism one;
	double value;
	int rc;

	(void)call;
	if ((rc = need("sigma", "q", !isnan(a->q), err)) < 0 || (rc = need("sigma", "steps", a->steps, err)) < 0)
		return rc;
	one = training(a);
	if ((rc = fm_calibrate(&one, 1, 0, a->epsilon, &terms, &value, err)) < 0)
		return rc == FM_EINPUT ? FM_EUSAGE : rc;
	return answer(a, adjacency_of(a), "sigma", value, err);
}

const struct fm_verb fm_verb_epsilon = {
    .name = "epsilon",
    .summary = "the epsilon of noisy training, or of a list of mechanisms",
    .about = "Prints the epsilon alone, rounded up: what the Poisson-sampled Gaussian mechanism with this noise "
	     "multiplier guarantees at delta, or what the mechanisms of a file guarantee together.",
    .options = epsilon_options,
    .defaults = &nothing,
    .args_size = sizeof(struct account_args),
    .run = epsilon,
};

const struct fm_verb fm_verb_sigma = {
    .name = "sigma",
    .summary = "the noise multiplier that keeps to an epsilon",
    .about = "Prints the smallest noise multiplier alone, rounded up, whose epsilon is within the target.",
    .options = sigma_options,
    .defaults = &nothing,
    .args_size = sizeof(struct account_args),
    .run = sigma,
};
