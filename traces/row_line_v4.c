/* row_line_v4.c - the short ways of a line for AVX-512 with VBMI2. */
#define FM_ROW_LINE_FN fm_row_line_v4
#include "traces/row_line_impl.h"
