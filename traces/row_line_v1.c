/* row_line_v1.c - the short ways of a line for plain x86-64. */
#define FM_ROW_LINE_FN fm_row_line_v1
#include "traces/row_line_impl.h"
