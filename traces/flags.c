#include "traces/flags.h"

#include <stdlib.h>
#include <string.h>

#define FILLERS ".-* "

/* A number up to 255; -1: it is none. A fraction of zeros is ignored: a program that stores numbers with fractions
 * wrote it. */
static int number_of(const char *s)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	char *end;
	unsigned long v;

	if (!(*s >= '0' && *s <= '9'))
		return -1;
	v = strtoul(s, &end, hex ? 16 : 10);
	if (!hex && *end == '.')
		end += 1 + strspn(end + 1, "0");
	end += strspn(end, " ");
	return *end || v > 255 ? -1 : (int)v;
}

/* Flags with each letter in its place. */
static int bits_of_places(const char *s, size_t n)
{
	static const char letters[] = "CEUAPRSF";
	int bits = 0;

	if (n != 6 && n != 8)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == letters[8 - n + i])
			bits |= 1 << (n - 1 - i);
		else if (!strchr(FILLERS, s[i]))
			return -1;
	}
	return bits;
}

/* Only the letters of the set flags, in order. */
static int bits_of_letters(const char *s)
{
	static const char letters[] = "FSRPAUEC";
	int bits = 0;

	for (; *s; s++) {
		const char *at = strchr(letters, *s);

		if (at && bits >> (at - letters))
			return -1;
		if (!at && !strchr(FILLERS, *s))
			return -1;
		bits |= at ? 1 << (at - letters) : 0;
	}
	return bits;
}

int fm_flags_of(const char *word, bool *number)
{
	int bits;

	word += strspn(word, " ");
	*number = *word >= '0' && *word <= '9';
	if (*number)
		return number_of(word);
	bits = bits_of_places(word, strlen(word));
	return bits >= 0 ? bits : bits_of_letters(word);
}

static bool is_two_digits(const char *s)
{
	return strlen(s) == 2 && strspn(s, "0123456789abcdefABCDEF") == 2;
}

static bool are_hex(const struct fm_dict *words)
{
	bool some = false;

	for (size_t i = 0; i < words->n; i++) {
		const char *s = words->value[i];

		if (!strcmp(s, "0")) /* no value */
			continue;
		if (!is_two_digits(s))
			return false;
		some = some || (s[0] == '0' && s[1] != '0') || (strspn(s, "0123456789") == 1 && s[0] <= '9');
	}
	return some;
}

size_t fm_flags_of_words(const struct fm_dict *words, uint8_t bits[])
{
	bool hex = are_hex(words), number;
	size_t none = 0;

	for (size_t i = 0; i < words->n; i++) {
		int v = hex ? (int)strtoul(words->value[i], NULL, 16) : fm_flags_of(words->value[i], &number);

		none += v < 0;
		bits[i] = v < 0 ? 0 : (uint8_t)v;
	}
	if (none)
		memset(bits, 0, words->n);
	return none;
}

int fm_tos_of(const char *word)
{
	return number_of(word + strspn(word, " "));
}
