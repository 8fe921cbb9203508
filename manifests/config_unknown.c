/* config_unknown.c - names that no config has: what is wrong with them, and what was probably meant. */
#include <stdio.h>
#include <string.h>

#include "manifests/config_loader.h"
#include "manifests/registry.h"

#define MAXCANDIDATES 64

static bool is_command_line(const struct fm_yaml *v)
{
	return v->doc->inline_text;
}

/* The sections that have a key of this name, as "model, train and generate".  Returns how many there are. */
static size_t sections_with(const char *name, const char **first, char *out, size_t cap)
{
	const char *with[16];
	size_t n = 0, len = 0;

	for (size_t i = 0; i < fm_nkeys && n < 16; i++)
		if (strcmp(fm_keys[i].name, name) == 0 && fm_keys[i].type != FM_KEY_CHECKS)
			with[n++] = fm_keys[i].section;
	*first = n ? with[0] : NULL;
	out[0] = '\0';
	for (size_t i = 0; i < n && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%s",
					i == 0       ? ""
					: i + 1 == n ? " and "
						     : ", ",
					with[i]);
	return n;
}

/* A key that stands where a section should. */
static int misplaced(struct fm_loader *l, const char *name, const char *list, size_t n, const char *first,
		     const struct fm_yaml *v)
{
	bool below = l->open && fm_key_find(l->open, name);

	if (is_command_line(v) && n == 1)
		return fm_yaml_fail(v, l->err, "'%s' is a key of section %s: write %s.%s", name, first, first, name);
	if (is_command_line(v))
		return fm_yaml_fail(v, l->err, "'%s' is a key of the sections %s: write section.key, such as %s.%s",
				    name, list, first, name);
	if (below)
		return fm_yaml_fail(v, l->err, "'%s' is a key of section %s: put two blanks before it, below '%s:'",
				    name, l->open, l->open);
	if (n == 1)
		return fm_yaml_fail(v, l->err, "'%s' is a key of section %s: put it below '%s:', two blanks in", name,
				    first, first);
	return fm_yaml_fail(v, l->err,
			    "'%s' is a key of the sections %s: put it below the one that is meant, two blanks in", name,
			    list);
}

int fm_loader_unknown_section(struct fm_loader *l, const char *name, const struct fm_yaml *v)
{
	const char *candidates[MAXCANDIDATES] = {"preset"}, *near, *first;
	size_t n = 1, nsections, len = 0;
	char list[256];

	if (v->foreign)
		return fm_yaml_fail(v, l->err, "a config begins with a section, such as 'source:': is this a trace?");
	if ((nsections = sections_with(name, &first, list, sizeof(list))) > 0)
		return misplaced(l, name, list, nsections, first, v);
	if (fm_check_known(name))
		return fm_yaml_fail(v, l->err,
				    is_command_line(v) ? "'%s' is a check: write gate.%s"
						       : "'%s' is a check: put it below 'gate:', two blanks in",
				    name, name);
	for (size_t i = 0; i < fm_nsections; i++)
		candidates[n++] = fm_sections[i];
	near = fm_suggest(name, candidates, n);
	if (near)
		return fm_yaml_fail(v, l->err, "unknown key '%.64s', did you mean '%s'?", name, near);
	for (size_t i = 0; i < fm_nsections && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i == 0                 ? ""
					: i + 1 < fm_nsections ? ", "
							       : " and ",
					fm_sections[i]);
	return fm_yaml_fail(v, l->err, "unknown key '%.64s': the sections are %s", name, list);
}

/* Keys of earlier versions.  A config that an earlier version wrote out may still have them. */
static const struct {
	const char *section, *name, *why;
} gone[] = {
    {"privacy", "max_flows_per_host", "what a host with k exchanges has is stated, not promised"},
};

bool fm_key_is_gone(const char *section, const char *name)
{
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (strcmp(gone[i].section, section) == 0 && strcmp(gone[i].name, name) == 0)
			return true;
	return false;
}

int fm_loader_gone(struct fm_loader *l, const char *section, const char *name, const struct fm_yaml *v, bool *is_gone)
{
	*is_gone = false;
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		if (strcmp(gone[i].section, section) != 0 || strcmp(gone[i].name, name) != 0)
			continue;
		*is_gone = true;
		if (!l->resolved)
			return fm_yaml_fail(v, l->err, "%s.%s is no key any more: %s; delete the line", section, name,
					    gone[i].why);
	}
	return FM_OK;
}

int fm_loader_unknown_key(struct fm_loader *l, const char *section, const char *name, const struct fm_yaml *v)
{
	const char *candidates[MAXCANDIDATES], *near;
	char list[512] = "";
	size_t n = 0, len = 0;

	for (size_t i = 0; i < fm_nkeys && n < MAXCANDIDATES - fm_nsections; i++)
		if (strcmp(fm_keys[i].section, section) == 0) {
			candidates[n++] = fm_keys[i].name;
			len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s",
						n > 1 ? ", " : "", fm_keys[i].name);
		}
	/* A section that is indented too far lands here too. */
	for (size_t i = 0; i < fm_nsections; i++)
		candidates[n++] = fm_sections[i];
	near = fm_suggest(name, candidates, n);
	if (near)
		return fm_yaml_fail(v, l->err, "unknown key '%.64s' in section '%s', did you mean '%s'?", name, section,
				    near);
	return fm_yaml_fail(v, l->err, "unknown key '%.64s' in section '%s', which has %s", name, section, list);
}

int fm_loader_unknown_check(struct fm_loader *l, const char *name, const struct fm_yaml *v)
{
	char text[64];
	const char *near = fm_check_suggest(name, text, sizeof(text));

	return fm_yaml_fail(v, l->err, "unknown check 'gate.%.64s'%s%s%s", name,
			    near ? ", did you mean '" : ": docs/metrics.md lists what a gate can ask for",
			    near ? near : "", near ? "'?" : "");
}
