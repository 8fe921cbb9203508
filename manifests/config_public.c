#include "manifests/config_public.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "manifests/config_schema.h"

static bool covers_list(const json_t *now, const json_t *told)
{
	bool all = json_is_array(now) && json_array_size(now) == json_array_size(told);

	for (size_t i = 0; all && i < json_array_size(told); i++)
		all = fm_config_covers(json_array_get(now, i), json_array_get(told, i));
	return all;
}

bool fm_config_covers(const json_t *now, const json_t *told)
{
	const char *key;
	json_t *v;

	if (json_is_number(told) && json_is_number(now)) /* 9.0 is written as 9, and comes back as an integer */
		return json_number_value(told) == json_number_value(now);
	if (!json_is_object(told) || !json_is_object(now))
		return json_is_array(told) ? covers_list(now, told) : json_equal(told, now);
	json_object_foreach((json_t *)told, key, v)
	{
		if (!json_object_get(now, key) || !fm_config_covers(json_object_get(now, key), v))
			return false;
	}
	return true;
}

/* Of a check only the form has to be known. */
static bool is_key(const char *section, const char *key, const json_t *v)
{
	return fm_key_find(section, key) || (strcmp(section, "gate") == 0 && json_is_object(v));
}

static bool is_whole(const char *section)
{
	return strcmp(section, "preset") == 0 || strcmp(section, "absent") == 0;
}

/* The keys of a section that this version knows, a new reference. */
static json_t *known_keys(const char *section, const json_t *told)
{
	json_t *out = json_object(), *v;
	const char *key;

	if (!json_is_object(told)) {
		json_decref(out);
		return json_incref((json_t *)(uintptr_t)told);
	}
	json_object_foreach((json_t *)(uintptr_t)told, key, v)
	{
		if (out && is_key(section, key, v) && json_object_set(out, key, v) != 0) {
			json_decref(out);
			out = NULL;
		}
	}
	return out;
}

static json_t *known_sections(const json_t *told)
{
	json_t *out = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)told, key, v)
	{
		json_t *one = fm_section_known(key) ? known_keys(key, v) : is_whole(key) ? json_incref(v) : NULL;

		if (out && one && json_object_set(out, key, one) != 0) {
			json_decref(out);
			out = NULL;
		}
		json_decref(one);
	}
	return out;
}

bool fm_config_unknown(const json_t *told, char out[160])
{
	const char *section, *key;
	json_t *in, *v;

	json_object_foreach((json_t *)(uintptr_t)told, section, in)
	{
		snprintf(out, 160, "%.63s", section);
		if (!fm_section_known(section) && !is_whole(section))
			return true;
		json_object_foreach(in, key, v)
		{
			snprintf(out, 160, "%.63s.%.63s", section, key);
			if (!is_whole(section) && !is_key(section, key, v) && !fm_key_is_gone(section, key))
				return true;
		}
	}
	return false;
}

/* The first key whose value comes back different, as "section.key"; "config" where none is found. */
static void differs(const json_t *now, const json_t *known, char out[160])
{
	const char *section, *key;
	json_t *in, *v;

	snprintf(out, 160, "config");
	json_object_foreach((json_t *)(uintptr_t)known, section, in)
	{
		json_object_foreach(in, key, v)
		{
			const json_t *same = json_object_get(json_object_get(now, section), key);

			if (!same || !fm_config_covers(same, v)) {
				snprintf(out, 160, "%.63s.%.63s", section, key);
				return;
			}
		}
	}
}

int fm_config_told(struct fm_config **cfg, const json_t *told, struct fm_error *err)
{
	json_t *known = known_sections(told), *now = NULL;
	char where[160];
	int rc;

	*cfg = NULL;
	if (!known)
		return fm_fail(err, FM_ESYSTEM, "out of memory for a config");
	if ((rc = fm_config_from_json(cfg, known, err)) < 0)
		goto out;
	if (!(now = fm_config_json(*cfg, NULL, true)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for a config");
	else if (!fm_config_covers(now, known)) {
		differs(now, known, where);
		rc = fm_fail(err, FM_EINPUT, "config: %s is not written as flowmint writes it", where);
	}
out:
	if (rc < 0) {
		fm_config_free(*cfg);
		*cfg = NULL;
	}
	json_decref(known);
	json_decref(now);
	return rc;
}
