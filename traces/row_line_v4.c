/* row_line_v4.c - the short ways of a line for AVX-512 (x86-64-v4). */
#define FM_ROW_LINE_FN fm_row_line_v4
#include "traces/row_line_impl.h"
