#include "traces/files.h"

#include <stdio.h>
#include <string.h>

bool fm_files_next(const char **list, char path[FM_FILE_PATH])
{
	size_t n = strcspn(*list, "\n");

	if (!**list)
		return false;
	snprintf(path, FM_FILE_PATH, "%.*s", (int)n, *list);
	*list += n + ((*list)[n] == '\n');
	return true;
}

size_t fm_files_count(const char *list)
{
	char path[FM_FILE_PATH];
	size_t n = 0;

	while (fm_files_next(&list, path))
		n++;
	return n;
}

const char *fm_files_title(const char *list, char out[FM_FILES_TITLE])
{
	size_t n = fm_files_count(list), first = strcspn(list, "\n");

	if (n > 1)
		snprintf(out, FM_FILES_TITLE, "%.*s and %zu more file%s", (int)(first < 400 ? first : 400), list, n - 1,
			 n == 2 ? "" : "s");
	else
		snprintf(out, FM_FILES_TITLE, "%.*s", (int)first, list);
	return out;
}
