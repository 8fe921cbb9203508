/*
 * fuzz_table - whatever bytes come in the place of one file of a table (schema.json, columns, dictionaries): no crash,
 * no leak; what is taken can be read to its end.  The first byte chooses the file.
 */
#include "base/table.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/stage_fixture.h"

static char table[128], **names;
static size_t nnames;

static void once(void)
{
	struct fm_error err;

	if (names)
		return;
	snprintf(table, sizeof table, "%s/table", fuzz_dir());
	if (fixture_table(table, 50, &err) < 0 || fm_dir_files(table, &names, &nnames, &err) < 0 || nnames == 0)
		abort();
}

size_t fuzz_seed(size_t i, uint8_t **data)
{
	char path[512];

	once();
	if (i >= nnames)
		return 0;
	snprintf(path, sizeof path, "%s/%s", table, names[i]);
	return fuzz_read(path, (uint8_t)i, data);
}

/* Each cell, as who works with the table reads it. */
static void look(const struct fm_table *t)
{
	static volatile uint64_t sum;

	for (size_t i = 0; i < t->rows; i++) {
		for (int c = 0; c < FM_NCOL; c++)
			if (FM_HAS(t, c) && t->dict[c].n)
				sum += strlen(fm_table_category(t, c, i));
		sum += (uint64_t)t->te[i] + t->sa[i] + t->da[i] + t->byt[i];
	}
	(void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *kept = NULL;
	char name[256];
	struct fm_table *t = NULL;
	struct fm_error err;
	size_t n, which;

	once();
	if (size == 0)
		return 0;
	which = data[0] % nnames;
	n = fuzz_seed(which, &kept);
	snprintf(name, sizeof name, "table/%s", names[which]);
	fuzz_put(name, data + 1, size - 1);
	if (fm_table_open(&t, table, &err) == FM_OK)
		look(t);
	fm_table_free(t);
	fuzz_put(name, kept + 1, n - 1);
	free(kept);
	return 0;
}
