/* test_config_counts.c - a key that does nothing is refused: every key of the schema, in every mode, with every kind of
 * model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "manifests/config.h"
#include "manifests/config_schema.h"

static const char *const modes[] = {"none", "clip", "dp"};
static const char *const kinds[] = {"diffusion", "marginals", "ctgan", "plain", "netshare"};
enum { NMODES = sizeof modes / sizeof *modes, NKINDS = sizeof kinds / sizeof *kinds };

/* A config of that mode and kind, and with `more` where it is not NULL. */
static int load(struct fm_config **cfg, size_t mode, const char *kind, const char *more, struct fm_error *err)
{
	const char *set[12] = {"source.path=x"};
	char kind_is[32], mode_is[32];
	int n = 1;

	snprintf(kind_is, sizeof kind_is, "model.kind=%s", kind);
	snprintf(mode_is, sizeof mode_is, "privacy.mode=%s", modes[mode]);
	set[n++] = kind_is;
	set[n++] = mode_is;
	if (strcmp(modes[mode], "dp") == 0) {
		set[n++] = "privacy.epsilon=4";
		set[n++] = "privacy.delta=1e-6";
		set[n++] = "privacy.records=900000";
		set[n++] = "privacy.first=2016-04-11 00:00:00";
		set[n++] = "privacy.last=2016-04-12 00:00:00";
	}
	if (more)
		set[n++] = more;
	return fm_config_preset(cfg, strcmp(modes[mode], "dp") == 0 ? "ugr16-dp" : "ugr16", set, n, err);
}

/* "section.key=value" with a value that the key takes and cfg has not. */
static void other_value(char out[128], const struct fm_key *k, const struct fm_config *cfg)
{
	const char *field = (const char *)cfg + k->offset;
	int n = snprintf(out, 128, "%s.%s=", k->section, k->name);
	double v = 0;

	switch (k->type) {
	case FM_KEY_INT:
		v = k->size == sizeof(int) ? *(const int *)field : (double)*(const int64_t *)field;
		snprintf(out + n, 128 - (size_t)n, "%.0f", v + 1 <= k->max ? v + 1 : v - 1);
		break;
	case FM_KEY_REAL:
		v = *(const double *)field;
		snprintf(out + n, 128 - (size_t)n, "%.17g",
			 (v + k->max) / 2 != v ? (v + k->max) / 2 : (v + k->min) / 2);
		break;
	case FM_KEY_BOOL:
		snprintf(out + n, 128 - (size_t)n, "%s", *(const bool *)field ? "false" : "true");
		break;
	case FM_KEY_CHOICE: {
		const char *first = k->choices, *second = strchr(first, '|') + 1;
		const char *word = strncmp(field, first, strcspn(first, "|")) == 0 ? second : first;
		snprintf(out + n, 128 - (size_t)n, "%.*s", (int)strcspn(word, "|"), word);
		break;
	}
	case FM_KEY_LABELS:
		snprintf(out + n, 128 - (size_t)n, "{background: 1}");
		break;
	case FM_KEY_BUDGET:
		snprintf(out + n, 128 - (size_t)n, "{gate: 0.1}");
		break;
	case FM_KEY_HOURS:
		snprintf(out + n, 128 - (size_t)n, "[1, 2]");
		break;
	case FM_KEY_RANGES:
		snprintf(out + n, 128 - (size_t)n, "[192.0.2.0/24]");
		break;
	case FM_KEY_TEXT:
	case FM_KEY_PATH:
	case FM_KEY_CHECKS:
		snprintf(out + n, 128 - (size_t)n, "%s",
			 k->check && k->check("other") ? "2016-04-11 01:00:00" : "other");
		break;
	}
}

static void a_key_that_does_nothing_is_refused_by_its_name(void **state)
{
	int refused = 0;

	(void)state;
	for (size_t mode = 0; mode < NMODES; mode++)
		for (size_t kind = 0; kind < NKINDS; kind++) {
			struct fm_config *cfg, *with;
			struct fm_error err;

			if (load(&cfg, mode, kinds[kind], NULL, &err) < 0)
				fail_msg("%s %s: %s", modes[mode], kinds[kind], err.message);
			for (size_t i = 0; i < fm_nkeys; i++) {
				char set[128], key[96];

				if (fm_key_counts(&fm_keys[i], cfg))
					continue;
				/* That a kind has no private form is said first. */
				if (mode == 2 && kind > 1 && fm_keys[i].needs)
					continue;
				other_value(set, &fm_keys[i], cfg);
				snprintf(key, sizeof key, "%s.%s", fm_keys[i].section, fm_keys[i].name);
				if (load(&with, mode, kinds[kind], set, &err) == FM_OK)
					fail_msg("%s is taken in mode %s of kind %s", set, modes[mode], kinds[kind]);
				if (err.code != FM_EUSAGE || !strstr(err.message, key))
					fail_msg("%s in mode %s of kind %s: %s", set, modes[mode], kinds[kind],
						 err.message);
				refused++;
			}
			fm_config_free(cfg);
		}
	assert_true(refused > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_that_does_nothing_is_refused_by_its_name),
	};

	return cmocka_run_group_tests_name("config_counts", tests, NULL, NULL);
}
