/* Names of metrics and fields in words. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "report/part.h"

static const struct {
	const char *name, *words;
} fields[] = {
    {"TS", "Time"},         {"TD", "Duration"},          {"PKT", "Packets"},           {"BYT", "Bytes"},
    {"SA", "Source hosts"}, {"DA", "Destination hosts"}, {"SP", "Source port"},        {"DP", "Destination port"},
    {"PR", "Protocol"},     {"FLG", "TCP flags"},        {"FWD", "Forwarding status"}, {"TOS", "Type of service"},
    {"TY", "Label"},
};

const char *fm_words_field(const char *name)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].words;
	return NULL;
}
