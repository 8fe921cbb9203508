#include "traces/icmp.h"

#include <stddef.h>

#define LAST_TYPE 43 /* of ICMP; above it only 253 and 254 are assigned, for experiments */
#define EXPERIMENT 253

/* The type that Zeek writes into the destination's port for a message that has an answer, or -1. */
static int counterpart(int number, int type)
{
	static const struct {
		uint8_t number, a, b;
	} pairs[] = {{1, 8, 0},      {1, 13, 14},    {1, 15, 16},    {1, 10, 9},     {1, 17, 18},   {58, 128, 129},
		     {58, 133, 134}, {58, 135, 136}, {58, 130, 131}, {58, 139, 140}, {58, 144, 145}};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (number == pairs[i].number && (type == pairs[i].a || type == pairs[i].b))
			return type == pairs[i].a ? pairs[i].b : pairs[i].a;
	return -1;
}

static bool is_type(int type)
{
	return type <= LAST_TYPE || type == 253 || type == 254;
}

bool fm_icmp_read(enum fm_icmp form, int number, uint16_t *sp, uint16_t *dp)
{
	int type = *sp, code = *dp;

	if (form == FM_ICMP_ARGUS && number == 1) {
		type = *sp % 256;
		code = *sp / 256;
		if (!type && is_type(code)) { /* type 0 has no code */
			type = code;
			code = 0;
		}
		if (!is_type(type))
			return false;
	} else if (form == FM_ICMP_ZEEK && code == counterpart(number, type)) {
		code = 0;
	}
	if (type > 255 || code > 255)
		return false;
	*sp = 0;
	*dp = (uint16_t)(type * 256 + code);
	return true;
}

bool fm_icmp_write(enum fm_icmp form, int number, uint16_t *sp, uint16_t *dp)
{
	int type = *dp / 256, code = *dp % 256, answer = form == FM_ICMP_ZEEK ? counterpart(number, type) : -1;
	bool whole = true;

	if (form == FM_ICMP_ARGUS && number == 1) {
		whole = is_type(type) && (type || !code || !is_type(code));
		if (!is_type(type))
			type = EXPERIMENT;
		else if (!whole)
			code = 0;
		*sp = (uint16_t)(code * 256 + type);
		*dp = 0;
		return whole;
	}
	whole = answer <= 0 || code != answer;
	*sp = (uint16_t)type;
	*dp = (uint16_t)(answer >= 0 && !code ? answer : code);
	return whole;
}
