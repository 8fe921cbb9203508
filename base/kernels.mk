# The kernels are always optimised, whatever CFLAGS say of the rest; each file for its processor.
KFLAGS := -O3 -fno-trapping-math -Wno-psabi
FLAGS_base_kernels_v1 := $(KFLAGS)
FLAGS_base_kernels_v3 := $(KFLAGS) -march=x86-64-v3 -mtune=generic
FLAGS_base_kernels_v4 := $(KFLAGS) -march=x86-64-v4 -mtune=generic -mprefer-vector-width=512
FLAGS_traces_row_line_v3 := -march=x86-64-v3 -mtune=generic
FLAGS_traces_row_line_v4 := -march=x86-64-v4 -mavx512vbmi2 -mtune=generic -mprefer-vector-width=512
# The judges' network, between its products.
FLAGS_judge_network := -O3
