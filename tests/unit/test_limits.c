/* What a stage may take where the config says nothing follows from the size of its job; what the config says goes
 * before, and the machine has no more than it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/limits.h"
#include "release_fixture.h"

#define MIB ((uint64_t)1 << 20)

static struct fm_config *load(const char *name, const char *head, size_t nbytes, const char *set)
{
	char source[600], yaml[] = "preset: demo\n";
	const char *sets[2] = {source, set};
	struct fm_config *cfg = NULL;
	struct fm_error err = {0};
	char *text = calloc(1, nbytes);

	assert_non_null(text);
	memset(text, '1', nbytes);
	memcpy(text, head, strlen(head));
	put_file(name, text, nbytes);
	free(text);
	put_file("release.yaml", yaml, strlen(yaml));
	snprintf(source, sizeof source, "source.path=%s", in_dir(name));
	if (fm_config_load(&cfg, in_dir("release.yaml"), sets, set ? 2 : 1, &err))
		fail_msg("%s", err.message);
	return cfg;
}

static void defaults_follow_the_job(void **state)
{
	struct fm_config *cfg = load("t.csv", "2016", 600000, NULL);
	struct fm_sandbox_limits l, more;

	(void)state;
	for (int id = 0; id < FM_NSTAGES; id++) {
		uint64_t out = fm_limits_fit(cfg, id, fixture_dir, 6000, &l);

		assert_in_range(l.memory, 1, 4096 * MIB);
		assert_in_range(l.file_bytes, 16 * MIB, 512 * MIB);
		assert_in_range(out, 1, 2 * l.file_bytes);
		assert_in_range(l.cpu_seconds, 3600, 2000 * 3600);
		/* More rows, no less; but no more than a file of that size can hold, whatever ingest tells. */
		fm_limits_fit(cfg, id, fixture_dir, 60000, &more);
		assert_true(more.memory >= l.memory && more.file_bytes >= l.file_bytes);
		fm_limits_fit(cfg, id, fixture_dir, 75000, &l);
		fm_limits_fit(cfg, id, fixture_dir, UINT64_C(1) << 50, &more);
		assert_true(more.memory == l.memory && more.file_bytes == l.file_bytes);
	}
	fm_config_free(cfg);
}

/* As from a bundle. */
static void without_rows_or_trace_the_machine_is_the_limit(void **state)
{
	struct fm_config *cfg = load("t.csv", "2016", 600000, NULL);
	struct fm_sandbox_limits l, machine;

	(void)state;
	strcpy(cfg->source.path, "/nowhere");
	fm_limits_of(cfg, fixture_dir, true, &machine);
	fm_limits_fit(cfg, FM_GENERATE, fixture_dir, 0, &l);
	assert_int_equal(l.memory, machine.memory);
	assert_true(l.file_bytes > 1024 * MIB); /* the room changes meanwhile */
	fm_config_free(cfg);
}

static void packed_traces_are_larger_than_they_look(void **state)
{
	static const struct {
		const char *name, *head;
	} packed[] = {{"t.csv.zst", "2016"}, {"t.csv", "\x1f\x8b\x08"}, {"t.csv", "PK\3\4"}, {"t.csv", "BZh9"}};
	struct fm_config *plain = load("t.csv", "2016", 4 * MIB, NULL);
	struct fm_sandbox_limits l, of_plain;

	(void)state;
	fm_limits_fit(plain, FM_INGEST, fixture_dir, 0, &of_plain);
	assert_in_range(of_plain.file_bytes, 64 * MIB, 128 * MIB);
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
		struct fm_config *cfg = load(packed[i].name, packed[i].head, 4 * MIB, NULL);

		fm_limits_fit(cfg, FM_INGEST, fixture_dir, 0, &l);
		assert_true(l.file_bytes > 400 * MIB || l.file_bytes > 2 * of_plain.file_bytes);
		fm_config_free(cfg);
	}
	fm_config_free(plain);
}

/* Rows that are all alike are packed as far as the program can; each of them is one of the store. */
static void alike_rows_are_packed_further(void **state)
{
	static const struct {
		const char *name, *head;
		uint64_t by;
	} packed[] = {{"t.csv.zst", "\x28\xb5\x2f\xfd", 11000}, /* zstd -19 of 258 MB of one row: 21,743 bytes */
		      {"t.csv.xz",
		       "\xfd"
		       "7zX",
		       6800},
		      {"t.csv.gz", "\x1f\x8b\x08", 1000}};

	(void)state;
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
		struct fm_config *cfg = load(packed[i].name, packed[i].head, 16384, NULL);
		uint64_t rows = 16384 * packed[i].by / 86, output;
		struct fm_sandbox_limits l;

		output = fm_limits_fit(cfg, FM_INGEST, NULL, 0, &l);
		if (l.file_bytes < 64 * rows || output < 64 * rows)
			fail_msg("%s: %llu MiB a file and %llu in all, of %llu rows", packed[i].name,
				 (unsigned long long)(l.file_bytes / MIB), (unsigned long long)(output / MIB),
				 (unsigned long long)rows);
		fm_limits_fit(cfg, FM_RELEASE, NULL, rows, &l);
		assert_true(l.file_bytes >= 2048 * rows);
		fm_config_free(cfg);
	}
}

static void config_goes_before(void **state)
{
	struct fm_config *cfg = load("t.csv", "2016", 600000, "limits.memory_mib=77");
	struct fm_sandbox_limits l;

	(void)state;
	fm_limits_fit(cfg, FM_TRAIN, fixture_dir, 6000, &l);
	assert_int_equal(l.memory, 77 * MIB);
	fm_config_free(cfg);
	cfg = load("t.csv", "2016", 600000, "limits.cpu_hours=0");
	fm_limits_fit(cfg, FM_TRAIN, fixture_dir, 6000, &l);
	assert_int_equal(l.cpu_seconds, 0);
	fm_config_free(cfg);
	cfg = load("t.csv", "2016", 600000, "limits.output_mib=5");
	assert_int_equal(fm_limits_fit(cfg, FM_TRAIN, fixture_dir, 6000, &l), 5 * MIB);
	fm_config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_follow_the_job),
	    cmocka_unit_test(without_rows_or_trace_the_machine_is_the_limit),
	    cmocka_unit_test(packed_traces_are_larger_than_they_look),
	    cmocka_unit_test(alike_rows_are_packed_further),
	    cmocka_unit_test(config_goes_before),
	};

	return cmocka_run_group_tests_name("limits", tests, fixture_make, fixture_remove);
}
