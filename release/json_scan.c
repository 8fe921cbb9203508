#include "release/json_scan.h"

#include <string.h>

static void skip_blanks(struct fm_json_scan *s)
{
	while (s->at < s->n && s->text[s->at] && strchr(" \t\r\n", s->text[s->at]))
		s->at++;
}

bool fm_json_scan_is(struct fm_json_scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->n || s->text[s->at] != c)
		return false;
	s->at++;
	return true;
}

bool fm_json_scan_end(struct fm_json_scan *s)
{
	skip_blanks(s);
	return s->at == s->n;
}

int fm_json_scan_value(struct fm_json_scan *s, json_t **v, struct fm_error *err)
{
	size_t n;
	json_error_t e;

	skip_blanks(s);
	n = s->n - s->at;
	*v = json_loadb(s->text + s->at, n < FM_JSON_SCAN_MAX ? n : FM_JSON_SCAN_MAX,
			JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &e);
	if (!*v && json_error_code(&e) == json_error_out_of_memory)
		return fm_fail(err, FM_ESYSTEM, "out of memory for JSON");
	if (!*v)
		return fm_fail(err, FM_EINPUT, "byte %zu: %s", s->at + 1, e.text);
	s->at += (size_t)e.position;
	return FM_OK;
}
