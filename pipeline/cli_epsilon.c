/* epsilon, sigma: what mechanisms leak together, and the noise that keeps to a target. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifests/canon.h"
#include "pipeline/cli.h"
#include "privacy/accountant.h"
#include "privacy/loss.h"

#define EPSILON_DIGITS 9 /* that are printed, rounded up */
#define MECHANISMS_MAX 4096
#define FILE_MAX (4u << 20)

struct account_args {
	double q, sigma, epsilon, delta;
	uint64_t steps, group;
	const char *file;
	enum fm_adjacency adjacency;
	enum fm_accountant accountant;
	int given[128]; /* which options, by their letter */
	int json;
};

static const char *const adjacencies[] = {"add_remove", "replace_one", NULL};
static const char *const accountants[] = {"pld", "rdp", NULL};

static int word(const char *option, const char *text, const char *const *words, struct fm_error *err)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return fm_fail(err, FM_EUSAGE, "--%s: '%s' is neither %s nor %s", option, text, words[0], words[1]);
}

static int read_option(struct account_args *a, int c, struct fm_error *err)
{
	int rc = FM_OK;

	a->given[c] = 1;
	switch (c) {
	case 'q':
		return fm_cli_double("q", optarg, 1e-9, 1, &a->q, err);
	case 's':
		return fm_cli_double("sigma", optarg, 0.01, 1e6, &a->sigma, err);
	case 'e':
		return fm_cli_double("epsilon", optarg, 1e-6, 1e5, &a->epsilon, err);
	case 'd':
		if ((rc = fm_cli_double("delta", optarg, FM_DELTA_MIN, 1, &a->delta, err)) == FM_OK && a->delta >= 1)
			return fm_fail(err, FM_EUSAGE, "--delta: '%s' is not below 1", optarg);
		return rc;
	case 'n':
		rc = fm_cli_u64("steps", optarg, FM_COUNT_MAX, &a->steps, err);
		return rc == FM_OK && a->steps < 1 ? fm_fail(err, FM_EUSAGE, "--steps: must be at least 1") : rc;
	case 'g':
		rc = fm_cli_u64("group", optarg, FM_GROUP_MAX, &a->group, err);
		return rc == FM_OK && a->group < 1 ? fm_fail(err, FM_EUSAGE, "--group: must be at least 1") : rc;
	case 'm':
		a->file = optarg;
		return FM_OK;
	case 'a':
		if ((rc = word("accountant", optarg, accountants, err)) >= 0)
			a->accountant = rc ? FM_RDP : FM_PLD;
		return rc < 0 ? rc : FM_OK;
	case 'j':
		if ((rc = word("adjacency", optarg, adjacencies, err)) >= 0)
			a->adjacency = rc ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE;
		return rc < 0 ? rc : FM_OK;
	default:
		a->json = 1;
		return FM_OK;
	}
}

static int read_options(int argc, char **argv, const struct option *options, struct account_args *a,
			struct fm_error *err)
{
	int c, rc;

	*a = (struct account_args){.group = 1};
	while ((c = fm_cli_option(argc, argv, options, err)) > 0)
		if ((rc = read_option(a, c, err)) < 0)
			return rc;
	return c == -1 ? fm_cli_operands(argc, argv, 0, 0, "no operand", err) : c;
}

/* letters: the options that a verb cannot do without. */
static int need(const struct account_args *a, const char *verb, const char *letters, const struct option *options,
		struct fm_error *err)
{
	for (; *letters; letters++)
		for (int i = 0; !a->given[(int)*letters] && options[i].name; i++)
			if (options[i].val == *letters)
				return fm_fail(err, FM_EUSAGE, "%s wants --%s; see flowmint %s --help", verb,
					       options[i].name, verb);
	return FM_OK;
}

/* ---- a file of mechanisms
 * --------------------------------------------------------------------------------------------- */

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

static int unknown_key(json_t *from, const struct form *form, const char **key)
{
	static const char *const common[] = {"mechanism", "times", "group", "name"};
	json_t *value;

	json_object_foreach(from, *key, value)
	{
		int known = strcmp(*key, form->keys[0]) == 0 || strcmp(*key, form->keys[1]) == 0;

		for (size_t i = 0; i < sizeof common / sizeof *common; i++)
			known |= strcmp(*key, common[i]) == 0;
		if (!known)
			return 1;
	}
	return 0;
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
	if (unknown_key(from, form, &key))
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

/* The relation that the file names must be the one that the command line asks for, if that asks for any. */
static int read_relation(const json_t *relation, struct account_args *a, struct fm_error *err)
{
	const char *name = json_string_value(relation);
	enum fm_adjacency adjacency;

	if (!relation)
		return FM_OK;
	if (name && (strcmp(name, "add_or_remove") == 0 || strcmp(name, "add_remove") == 0))
		adjacency = FM_ADD_OR_REMOVE;
	else if (name && strcmp(name, "replace_one") == 0)
		adjacency = FM_REPLACE_ONE;
	else
		return fm_fail(err, FM_EINPUT, "'relation' must be add_or_remove or replace_one");
	if (a->given['j'] && a->adjacency != adjacency)
		return fm_fail(err, FM_EUSAGE, "the relation is %s, but --adjacency asks for %s", name,
			       adjacencies[a->adjacency]);
	a->adjacency = adjacency;
	return FM_OK;
}

static int read_mechanisms(struct mechanisms *m, struct account_args *a, struct fm_error *err)
{
	json_t *list;
	int rc;

	if ((rc = fm_json_load(&m->doc, a->file, FILE_MAX, err)) < 0)
		return rc;
	list = json_is_object(m->doc) ? json_object_get(m->doc, "mechanisms") : m->doc;
	if (!json_is_array(list))
		return fm_fail(err, FM_EINPUT,
			       "%s: neither a list of mechanisms nor an object with one under 'mechanisms'", a->file);
	m->n = json_array_size(list);
	if (m->n < 1 || m->n > MECHANISMS_MAX)
		return fm_fail(err, FM_EINPUT, "%s: %zu mechanisms; must be 1 to %d", a->file, m->n, MECHANISMS_MAX);
	if ((rc = read_relation(json_is_object(m->doc) ? json_object_get(m->doc, "relation") : NULL, a, err)) < 0)
		return fm_error_prefix(err, "%s: ", a->file);
	if ((rc = fm_alloc(&m->list, m->n, sizeof *m->list, "mechanisms", err)) < 0)
		return rc;
	for (size_t i = 0; i < m->n; i++) {
		if ((rc = read_mechanism(json_array_get(list, i), &m->list[i], err)) < 0)
			return fm_error_prefix(err, "%s: mechanism %zu: ", a->file, i + 1);
		if (a->given['g'])
			m->list[i].group = (unsigned)a->group;
	}
	return FM_OK;
}

/* ---- the verbs
 * ----------------------------------------------------------------------------------------------------------- */

static struct fm_mechanism training(const struct account_args *a)
{
	return (struct fm_mechanism){.kind = FM_SAMPLED_GAUSSIAN,
				     .sensitivity = 1,
				     .scale = a->sigma,
				     .q = a->q,
				     .count = a->steps,
				     .group = (unsigned)a->group};
}

/* The number alone, or with --json beside what it is of. */
static int answer(const struct account_args *a, const char *name, double value, const char *other, double other_value,
		  struct fm_error *err)
{
	json_t *doc;

	if (!a->json) {
		printf("%.*g\n", EPSILON_DIGITS, value);
		return FM_OK;
	}
	doc = json_pack("{s:f, s:f, s:s, s:s}", name, value, "delta", a->delta, "accountant",
			accountants[a->accountant], "adjacency", adjacencies[a->adjacency]);
	if (!doc || (other && json_object_set_new(doc, other, json_real(other_value))) ||
	    (a->given['q'] && json_object_set_new(doc, "q", json_real(a->q))) ||
	    (a->given['n'] && json_object_set_new(doc, "steps", json_integer((json_int_t)a->steps))) ||
	    (a->given['g'] && json_object_set_new(doc, "group", json_integer((json_int_t)a->group)))) {
		json_decref(doc);
		doc = NULL;
	}
	return fm_cli_json(doc, err);
}

int fm_verb_epsilon(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {{"q", required_argument, NULL, 'q'},
						{"sigma", required_argument, NULL, 's'},
						{"steps", required_argument, NULL, 'n'},
						{"delta", required_argument, NULL, 'd'},
						{"mechanisms", required_argument, NULL, 'm'},
						{"accountant", required_argument, NULL, 'a'},
						{"adjacency", required_argument, NULL, 'j'},
						{"group", required_argument, NULL, 'g'},
						{"json", no_argument, NULL, 'J'},
						{0}};
	struct mechanisms m = {0};
	struct account_args a;
	double epsilon;
	int rc;

	if ((rc = read_options(argc, argv, options, &a, err)) < 0)
		return rc;
	if (a.file && (a.given['q'] || a.given['s'] || a.given['n']))
		return fm_fail(err, FM_EUSAGE, "epsilon: --mechanisms says it all: leave out --q, --sigma and --steps");
	if ((rc = need(&a, "epsilon", a.file ? "d" : "qsnd", options, err)) < 0)
		return rc;
	if (a.file) {
		if ((rc = read_mechanisms(&m, &a, err)) == FM_OK &&
		    (rc = fm_account(m.list, m.n, a.delta, a.adjacency, a.accountant, &epsilon, err)) < 0)
			rc = fm_error_prefix(err, "%s: ", a.file);
	} else {
		const struct fm_mechanism one = training(&a);

		rc = fm_account(&one, 1, a.delta, a.adjacency, a.accountant, &epsilon, err);
		rc = rc == FM_EINPUT ? FM_EUSAGE : rc;
	}
	if (rc == FM_OK)
		rc = answer(&a, "epsilon", epsilon > 0 ? fm_round_up(epsilon, EPSILON_DIGITS) : 0,
			    a.given['s'] ? "sigma" : NULL, a.sigma, err);
	mechanisms_free(&m);
	return rc;
}

int fm_verb_sigma(int argc, char **argv, struct fm_error *err)
{
	static const struct option options[] = {{"q", required_argument, NULL, 'q'},
						{"epsilon", required_argument, NULL, 'e'},
						{"steps", required_argument, NULL, 'n'},
						{"delta", required_argument, NULL, 'd'},
						{"accountant", required_argument, NULL, 'a'},
						{"adjacency", required_argument, NULL, 'j'},
						{"group", required_argument, NULL, 'g'},
						{"json", no_argument, NULL, 'J'},
						{0}};
	struct account_args a;
	struct fm_mechanism one;
	double sigma;
	int rc;

	if ((rc = read_options(argc, argv, options, &a, err)) < 0 || (rc = need(&a, "sigma", "qend", options, err)) < 0)
		return rc;
	one = training(&a);
	if ((rc = fm_calibrate(&one, 1, 0, a.epsilon, a.delta, a.adjacency, a.accountant, &sigma, err)) < 0)
		return rc == FM_EINPUT ? FM_EUSAGE : rc;
	return answer(&a, "sigma", sigma, "epsilon", a.epsilon, err);
}
