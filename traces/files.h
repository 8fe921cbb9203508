/*
 * files.h - the trace as one file or several: a list has one path a line.
 *
 *     char path[FM_FILE_PATH];
 *     for (const char *at = list; fm_files_next(&at, path);) ...
 */
#ifndef FM_TRACES_FILES_H
#define FM_TRACES_FILES_H

#include <stdbool.h>
#include <stddef.h>

#define FM_FILE_PATH 4096
#define FM_FILES_MAX 1000
#define FM_FILES_TITLE 512

/* The next path of the list; false at its end. A longer path is cut. */
bool fm_files_next(const char **list, char path[FM_FILE_PATH]);
size_t fm_files_count(const char *list);
/* For messages: the path, or "PATH and 23 more files"; returns out. */
const char *fm_files_title(const char *list, char out[FM_FILES_TITLE]);

#endif
