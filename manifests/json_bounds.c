#include "manifests/json_bounds.h"

#include <stdbool.h>
#include <string.h>

/* Bytes of each kind of value, and of its place in the array or object that holds it. */
enum { TEXT = 144, ARRAY = 160, OBJECT = 272, OTHER = 64 };

/* Length of the string whose first quote is s[0], with both quotes; n when it does not end. */
static size_t string_len(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (s[i] == '"')
			return i + 1;
		if (s[i] == '\\')
			i++;
	}
	return n;
}

static bool ends_word(char c)
{
	return c && strchr(" \t\r\n,:[]{}\"", c);
}

static const char *exceeds(const char *text, size_t n, size_t most, const char *words)
{
	size_t tree = 0, depth = 0, step;

	for (size_t i = 0; i < n; i += step) {
		step = 1;
		switch (text[i]) {
		case '[':
		case '{':
			tree += text[i] == '[' ? ARRAY : OBJECT;
			if (++depth > FM_JSON_MAX_DEPTH)
				return "it is nested more than 32 deep";
			break;
		case ']':
		case '}':
			depth -= depth > 0;
			break;
		case '"':
			step = string_len(text + i, n - i);
			tree += TEXT + step;
			break;
		default:
			if (ends_word(text[i]))
				break;
			while (i + step < n && !ends_word(text[i + step]))
				step++;
			tree += OTHER;
		}
		if (tree > most)
			return words;
	}
	return NULL;
}

const char *fm_json_too_much(const char *text, size_t n)
{
	return exceeds(text, n, FM_JSON_MAX_TREE, "it holds more values than 8 MiB of memory can");
}

const char *fm_json_too_much_loaded(const char *text, size_t n, size_t max)
{
	size_t most = max > FM_JSON_MAX_LOADED / 8 ? 8 * max : FM_JSON_MAX_LOADED;

	return exceeds(text, n, most, "it holds more values than a document of its kind can");
}
