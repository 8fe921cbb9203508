#include "base/json_memory.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static atomic_bool lacked;

static void *take(size_t n)
{
	void *p = malloc(n);

	if (!p)
		atomic_store(&lacked, true);
	return p;
}

void fm_json_memory_watch(void)
{
	json_set_alloc_funcs(take, free);
}

int fm_json_memory_check(int rc, struct fm_error *err)
{
	if (!atomic_load(&lacked))
		return rc;
	return fm_fail(err, FM_ESYSTEM, "out of memory for a JSON document");
}
