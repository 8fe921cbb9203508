#include "traces/left_out.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

void fm_left_out_add(struct fm_left_out *l, const char *reason, uint64_t line)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->kind[i].reason, reason) != 0)
		i++;
	if (i == FM_LEFT_OUT_KINDS) {
		fm_examples_add(&l->others, line);
		return;
	}
	if (i == l->n)
		snprintf(l->kind[l->n++].reason, sizeof l->kind[i].reason, "%s", reason);
	fm_examples_add(&l->kind[i].rows, line);
}

static void say(const char *path, const char *reason, const struct fm_examples *e)
{
	char lines[FM_EXAMPLES_MAX];

	fm_warn("%s: %llu row%s left out: %s (%s)", path, (unsigned long long)e->n, e->n == 1 ? " is" : "s are", reason,
		fm_examples_text(e, lines));
}

void fm_left_out_say(const struct fm_left_out *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		say(path, l->kind[i].reason, &l->kind[i].rows);
	if (l->others.n)
		say(path, "for other reasons", &l->others);
}

static int add(json_t *list, const char *reason, const struct fm_examples *e)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < FM_DOUBT_EXAMPLES && i < e->n; i++)
		json_array_append_new(lines, json_integer((json_int_t)e->line[i]));
	return json_array_append_new(
	    list, json_pack("{s:s, s:I, s:o}", "reason", reason, "rows", (json_int_t)e->n, "lines", lines));
}

json_t *fm_left_out_json(const struct fm_left_out *l)
{
	json_t *list = json_array();
	int bad = !list;

	for (size_t i = 0; i < l->n && !bad; i++)
		bad = add(list, l->kind[i].reason, &l->kind[i].rows);
	if (!bad && l->others.n)
		bad = add(list, "other reasons", &l->others);
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}
