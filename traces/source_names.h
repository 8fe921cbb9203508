/* source_names.h - what the name of a trace promises, and whether a member of an archive is the wanted one. */
#ifndef FM_TRACES_SOURCE_NAMES_H
#define FM_TRACES_SOURCE_NAMES_H

#include <stdbool.h>

struct fm_source_suffix {
	const char *text;
	int filter; /* ARCHIVE_FILTER_*, or -1 */
	int format; /* ARCHIVE_FORMAT_* base, or 0 */
	const char *what;
};
/* What the end of a file's name promises; NULL where it promises nothing. */
const struct fm_source_suffix *fm_source_suffix(const char *path);
/* Is the name a b?  A star for b's first folder stands for any folder, and one after its last point for any ending. */
bool fm_source_same_name(const char *a, const char *b);

#endif
