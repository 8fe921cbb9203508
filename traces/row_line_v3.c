/* row_line_v3.c - the short ways of a line for AVX2 and BMI (x86-64-v3). */
#define FM_ROW_LINE_FN fm_row_line_v3
#include "traces/row_line_impl.h"
