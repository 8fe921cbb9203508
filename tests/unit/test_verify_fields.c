/*
 * Each number, word and flag of an honest manifest is made one that cannot be, everything that hangs on it is made anew
 * and signed, and the partner's check refuses it, but for what nothing can contradict, of which there is a list.
 * The manifests: that of the golden release, and those of tests/golden/manifests.
 */
#include "manifest_fixture.h"
#include "signed_fixture.h"

#include "base/json_text.h"
#include "base/num.h"

/* What is accepted, and why nothing can contradict it.  path: with "[]" for each element and "*" at its end for what is
 * below; how: the first letters of the change, or NULL for all. */
static const struct accepted {
	const char *path, *how, *why;
} accepted[] = {
    /* the config */
    {"config.*", "removed", "a key or section that its flowmint did not have yet has its default"},
    {"config.gate.*", "-1", "room and floors move thresholds, and by how much is of real flows and not told"},
    {"config.gate.*", "1.5", "likewise"},
    {"config.model.kind", "\"", "one kind or another: nothing else in a manifest tells which"},
    {"config.preset", "\"", "the name of a preset says where values came from; the values are all there"},
    {"config.generate.guidance", "1.5", "one value of a key or another: nothing else in a manifest tells which"},
    {"config.train.clip", "1.5", "likewise"},
    {"config.privacy.clip", "1.5", "likewise"},
    {"config.privacy.epsilon", "1.5", "in mode none it does nothing"},
    {"config.privacy.noise_multiplier", "1.5", "likewise"},
    {"config.privacy.accountant", "\"rdp\"", "likewise"},
    {"config.privacy.unit", "\"flow\"", "likewise"},
    {"config.privacy.labels", "\"", "names of labels, which are the team's"},
    {"config.source.member", "\"other\"", "the name of a file of the team's"},
    {"config.publish.header", NULL, "datapackage.json says whether there is a header, and is held against the flows"},
    /* what was done */
    {"environment.confinement", "\"unconfined\"", "a run without walls is released, and the report has a note of it"},
    {"environment.evaluate_blas_kernel", "\"other\"", "a processor's name, and there are new ones"},
    {"environment.flowmint", "\"other\"", "a version, and there are later ones"},
    /* what was measured and judged */
    {"metrics[]", "removed", "which metrics there are depends on what the trace can answer"},
    {"metrics[].n", "removed", "where rows are few their number is not told"},
    {"checks[].waived", "removed", "what is not there is false"},
    {"histograms.fields[]", "removed", "which fields there are depends on the columns of the trace"},
    {"histograms.fields[].name", "\"other\"", "likewise"},
    {"histograms.fields[].unit", NULL, "a word for people, which not each field has"},
    {"histograms.fields[].lo", NULL, "bounds are the least and the largest made value, in some order"},
    {"histograms.fields[].scale", "\"log1p\"", "cells are drawn by it, and nothing else depends on it"},
    {"histograms.fields[].synthetic[]", "removed", "of hosts and minutes there are as many as there are"},
    /* what is promised */
    {"privacy.mechanisms[].name", "\"other\"", "a mechanism's name depends on what was counted"},
    {"privacy.mechanisms[].kind", NULL, "both Gaussians cost the same"},
    {"rows", "98", "where no metric counts them the flows themselves do"},
    {"waivers[].key", "\"other\"", "the fingerprint of a key of the team's"},
    {"waivers[].reason", "\"other\"", "words for people"},
    {"waivers[].signer", "\"other\"", "a name of the team's"},
};

static size_t refused, passed, unexplained;
static bool used[sizeof accepted / sizeof *accepted];

/* ---- one look ---- */

static const struct accepted *explained(const char *path, const char *how)
{
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
		const struct accepted *a = &accepted[i];
		size_t n = strlen(a->path);
		bool fits =
		    n && a->path[n - 1] == '*' ? strncmp(a->path, path, n - 1) == 0 : strcmp(a->path, path) == 0;

		if (fits && (!a->how || strncmp(a->how, how, strlen(a->how)) == 0)) {
			used[i] = true;
			return a;
		}
	}
	return NULL;
}

static void look(const json_t *m, const char *which, const char *path, const char *how)
{
	if (!is_accepted(m)) {
		refused++;
		if (err.code != FM_EVERDICT || !strstr(err.message, "manifest.json"))
			fail_msg("%s: %s %s: %d %s", which, path, how, err.code, err.message);
		return;
	}
	passed++;
	if (explained(path, how))
		return;
	unexplained++;
	fprintf(stderr, "accepted: %s: %s %s\n", which, path, how);
}

/* ---- all changes ---- */

struct walk {
	json_t *m;
	const char *which;
	char seen[4096][96]; /* paths, and how often */
	int times[4096];
	size_t n;
};

/* Of what is alike in a list, the first is changed. */
static bool enough(struct walk *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->seen[i], path) == 0)
			return ++w->times[i] > 1;
	assert_true(w->n < 4096 && strlen(path) < 96);
	strcpy(w->seen[w->n], path);
	w->times[w->n++] = 1;
	return false;
}

static void put(json_t *in, const char *name, size_t i, json_t *v)
{
	assert_int_equal(name ? json_object_set_new(in, name, v) : json_array_set_new(in, i, v), 0);
}

static void try_value(struct walk *w, json_t *in, const char *name, size_t i, const char *path, const char *to)
{
	json_t *v = json_loads(to, JSON_DECODE_ANY, NULL);

	assert_non_null(v);
	put(in, name, i, v);
	look(w->m, w->which, path, to);
}

static void try_removed(struct walk *w, json_t *in, const char *name, size_t i, json_t *was, const char *path)
{
	/* A list's order counts: it is put back where it was. */
	assert_int_equal(name ? json_object_del(in, name) : json_array_remove(in, i), 0);
	look(w->m, w->which, path, "removed");
	assert_int_equal(name ? json_object_set(in, name, was) : json_array_insert(in, i, was), 0);
}

/* Words of which one in the place of another is not one that nobody knows. */
static const char *const words[] = {"\"pass\"",
				    "\"fail\"",
				    "\"any\"",
				    "\"max\"",
				    "\"min\"",
				    "\"none\"",
				    "\"dp\"",
				    "\"exchange\"",
				    "\"flow\"",
				    "\"host\"",
				    "\"train\"",
				    "\"gate\"",
				    "\"negative\"",
				    "\"positive\"",
				    "\"bins\"",
				    "\"values\"",
				    "\"ranks\"",
				    "\"hosts\"",
				    "\"powers\"",
				    "\"pld\"",
				    "\"rdp\"",
				    "\"namespaces\"",
				    "\"linear\"",
				    "\"log1p\"",
				    "\"laplace\"",
				    "\"gaussian\"",
				    "\"conversation\"",
				    "\"unconfined\"",
				    "\"histograms\"",
				    "\"metrics\"",
				    "\"diffusion\"",
				    "\"replace_one\"",
				    "\"add_or_remove\"",
				    "\"discrete_gaussian\"",
				    "\"marginals\"",
				    "\"ingest\"",
				    "\"generate\"",
				    "\"evaluate\"",
				    "\"copy\"",
				    "\"fresh\""};

static bool is_word(const char *s)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == strlen(s) + 2 && strncmp(words[i] + 1, s, strlen(s)) == 0)
			return true;
	return false;
}

static void change_leaf(struct walk *w, json_t *in, const char *name, size_t i, const char *path)
{
	static const char *const numbers[] = {"-1", "1e300", "1.5", "\"NaN\""}, *const texts[] = {"\"\"", "\"other\"",
												  "7"};
	json_t *was = json_incref(name ? json_object_get(in, name) : json_array_get(in, i));
	const char *s = json_string_value(was);

	if (json_is_number(was))
		for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
			try_value(w, in, name, i, path, numbers[k]);
	if (json_is_number(was) && strncmp(path, "config.", 7) != 0) /* where most keys take large numbers */
		try_value(w, in, name, i, path, "987654321");
	if (json_is_boolean(was))
		try_value(w, in, name, i, path, json_is_true(was) ? "false" : "true");
	if (json_is_null(was))
		try_value(w, in, name, i, path, "-1");
	for (size_t k = 0; s && k < sizeof texts / sizeof *texts; k++)
		if (strlen(s) || k)
			try_value(w, in, name, i, path, texts[k]);
	for (size_t k = 0; s && is_word(s) && k < sizeof words / sizeof *words; k++)
		if (strncmp(words[k] + 1, s, strlen(s)) != 0)
			try_value(w, in, name, i, path, words[k]);
	put(in, name, i, json_incref(was));
	json_decref(was);
}

/* Looked at with the names and digests of the files, before or behind this: test_verify_signed.c has them. */
static bool is_of_the_files(const char *path)
{
	static const char *const of[] = {"schema", "files", "format", "name", "version", "release"};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		size_t n = strlen(of[i]);

		if (strncmp(path, of[i], n) == 0 && (!path[n] || path[n] == '.' || path[n] == '['))
			return true;
	}
	return false;
}

static void walk(struct walk *w, json_t *in, const char *its_name, size_t i, const char *path)
{
	/* A name that is removed from its object is gone. */
	char *name = its_name ? strdup(its_name) : NULL;
	json_t *v = name ? json_object_get(in, name) : json_array_get(in, i), *below;
	char next[256];
	const char *below_name;

	json_incref(v);
	if (is_of_the_files(path) || enough(w, path))
		goto out;
	if (*path)
		try_removed(w, in, name, i, v, path);
	if (json_is_object(v)) {
		/* What is removed comes back as the last: the names are taken before. */
		const char *of[512];
		size_t n = 0;

		json_object_foreach(v, below_name, below) of[n++] = strdup(below_name);
		for (size_t k = 0; k < n; k++) {
			snprintf(next, sizeof next, "%s%s%s", path, *path ? "." : "", of[k]);
			walk(w, v, of[k], 0, next);
			free((char *)(uintptr_t)of[k]);
		}
	} else if (json_is_array(v)) {
		snprintf(next, sizeof next, "%s[]", path);
		for (size_t k = 0; k < json_array_size(v); k++)
			walk(w, v, NULL, k, next);
	} else {
		change_leaf(w, in, name, i, path);
	}
out:
	json_decref(v);
	free(name);
}

static void change_all(json_t *m, const char *which)
{
	static struct walk w;
	json_t *root;

	w = (struct walk){.m = m, .which = which};
	name_it(m);
	if (!is_accepted(m))
		fail_msg("%s: %s", which, err.message);
	root = json_pack("{s:O}", "m", m);
	walk(&w, root, "m", 0, "");
	json_decref(root);
	if (!is_accepted(m))
		fail_msg("%s, after all: %s", which, err.message);
}

static void each_field_has_its_bounds(void **state)
{
	static const char *const kept[] = {"histograms", "dp", "labels"};
	json_t *m = json_loads(text_at(&honest, "manifest.json")->data, 0, NULL);

	(void)state;
	change_all(m, "golden");
	json_decref(m);
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		m = kept_manifest(kept[i]);
		change_all(m, kept[i]);
		json_decref(m);
	}
	print_message("%zu changes refused, %zu accepted, of which %zu without a reason\n", refused, passed,
		      unexplained);
	assert_int_equal(unexplained, 0);
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
		if (!used[i])
			fail_msg("%s %s is in the list, and is refused now: take it out", accepted[i].path,
				 accepted[i].how ? accepted[i].how : "");
}

/* What is measured rests on rows that there are, and an interval stands where one is measured and ends where the metric
 * can. */
static void each_metric_rests_on_rows_that_there_are(void **state)
{
	static const struct {
		const char *of, *metric, *member, *to, *words;
	} t[] = {
	    {"labels", "jsd.SA", "n", "1000000", "jsd.SA rests on more rows than there are"},
	    {"labels", "jsd.SA", "n", "105000", "jsd.SA rests on more rows than there are"},
	    {"labels", "jsd.SA", "n", "100000", NULL},
	    {"labels", "leak.unique_z", "n", "105000", "leak.unique_z rests on more rows"},
	    {"labels", "jsd.SA", "ci", "[0,0.5]", "jsd.SA has an interval where none is measured"},
	    {"labels", "leak.unique_z", "ci", "[-100,100]", "leak.unique_z has an interval where none is measured"},
	    {"labels", "leak.family_p", "ci", "[0,1]", "leak.family_p has an interval where none is measured"},
	    {"labels", "leak.share_nearer_train", "ci", "[-7,8]", "reaches beyond what the metric can be"},
	    {"labels", "leak.share_nearer_train", "ci", "[0.1,0.11]", "an interval that does not hold its value"},
	    {"labels", "leak.dcr_p5_train", "ci", "[-1,1]", "reaches beyond what the metric can be"},
	    {"labels", "tstr.auc.trees", "ci", "[0.5,1.5]", "reaches beyond what the metric can be"},
	    {"labels", "tstr.auc.trees", "ci", "[0.5,1]", NULL},
	    {"labels", "tstr.f1.trees.dos", "name", "\"tstr.f1.trees.10-11-12-13\"", "of a label that no flow has"},
	    {"labels", "tstr.f1.trees.dos", "name", "\"tstr.f1.trees.dos-2\"", "of a label that no flow has"},
	    {"dp", "paid.jsd.DP", "n", "1000000000", "paid.jsd.DP rests on more rows"},
	    {"dp", "paid.jsd.DP", "ci", "[0,7]", "reaches beyond what the metric can be"},
	    {"dp", "rules.broken_share", "n", "1000000", "rules.broken_share rests on more rows"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		json_t *m = kept_manifest(t[i].of), *list, *one;

		list = json_object_get(m, "metrics");
		if (!(one = fm_json_named(list, t[i].metric)))
			fail_msg("%s has no %s", t[i].of, t[i].metric);
		json_object_set_new(one, t[i].member, json_loads(t[i].to, JSON_DECODE_ANY, NULL));
		/* A check of it has the same interval. */
		list = json_object_get(m, "checks");
		for (size_t k = 0; k < json_array_size(list) && strcmp(t[i].member, "ci") == 0; k++)
			if (fm_json_says(json_array_get(list, k), "name", t[i].metric))
				json_object_set(json_array_get(list, k), "ci", json_object_get(one, "ci"));
		if (is_accepted(m) != !t[i].words || (t[i].words && !strstr(err.message, t[i].words)))
			fail_msg("%s: %s %s %s: %s", t[i].of, t[i].metric, t[i].member, t[i].to, err.message);
		json_decref(m);
	}
}

/* The same through signature and all, for some of what is refused and for what is accepted. */
static void signed_all_anew_it_is_the_same(void **state)
{
	static const struct {
		const char *at, *to;
		bool good;
	} t[] = {
	    {"/metrics/0/value", "-1", false},
	    {"/controls/2/level", "0.004", false},
	    {"/controls/0/kind", "\"negative\"", false},
	    {"/control_limit", "0.5", false},
	    {"/control_rows", "501", false},
	    {"/control_rows", "0", false},
	    {"/control_rows", "499", false},
	    {"/smallest_leak_caught", "null", false},
	    {"/config/gate/control_limit", "1", false},
	    {"/config/split/holdout", "7", false},
	    {"/config/model/kind", "\"oracle\"", false},
	    {"/config/privacy/min_count", "\"20\"", false},
	    {"/stages/4", NULL, false},
	    {"/environment/escapes/gate/through/-", "\"clone\"", false},
	    {"/histograms/fields/0/synthetic/1", "12", false},
	    {"/config/split/seed", "2", true},
	    {"/config/later", "{\"key\":1}", false},
	    {"/config/train/later", "1", false},
	    {"/config/privacy/max_flows_per_host", "7", true}, /* a key that an earlier version had */
	    {"/later", "{\"rows\":-1}", false},
	};

	(void)state;
	put_signed_signers();
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct change c = {"manifest.json", t[i].at, NULL, t[i].to, FM_REASON_GOOD, ""};

		put_signed(&c, &second);
		if ((verify_signed() == FM_OK) != t[i].good)
			fail_msg("%s -> %s: %s", t[i].at, t[i].to ? t[i].to : "removed", err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_field_has_its_bounds),
	    cmocka_unit_test(each_metric_rests_on_rows_that_there_are),
	    cmocka_unit_test(signed_all_anew_it_is_the_same),
	};

	return cmocka_run_group_tests_name("verify_fields", tests, signed_setup, signed_teardown);
}
