# flowmint: `make demo` shows it working, `make test` installs, builds and runs every test.
B        ?= build
CC       ?= cc
PKGS     := libarchive libcrypto sqlite3 jansson yaml-0.1 libseccomp
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
# -ffp-contract=off: fused multiply-add only where the source says fma, so that no compiler changes a bit.
BASEFLAGS = -std=gnu11 -D_GNU_SOURCE -I. -ffp-contract=off -fno-math-errno -pthread -MMD -MP $(WARN) $(EXTRA)
CFLAGS   ?= -O2 -g
FLAGS     = $(BASEFLAGS) $(CFLAGS)

ROOMS    := base manifests traces model judge privacy release stages pipeline
src       = $(wildcard $(1)/*.c)
obj       = $(patsubst %.c,$(B)/%.o,$(call src,$(1)))
lib       = $(B)/lib$(1).a
# A file with a main of its own belongs to a program, not to a library.
MAINS    := pipeline/main.c release/verify_main.c

PUBLIC   := $(call lib,release) $(call lib,manifests) $(call lib,base)
ALL      := $(call lib,stages) $(call lib,privacy) $(call lib,judge) $(call lib,model) $(call lib,traces) $(PUBLIC)
LIBS_PUBLIC := -larchive -lcrypto -ljansson -lyaml -lm
LIBS_ALL := -lcsv -lz -lsqlite3 -lseccomp -lopenblas $(LIBS_PUBLIC)

.PHONY: all deps test test-long test-asan bench demo lint fuzz clean install check-repro
all: $(B)/flowmint $(B)/flowmint-verify

-include $(wildcard $(B)/*/*.d $(B)/tests/unit/*.d)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(FLAGS_$(subst /,_,$*)) -c -o $@ $<

define room
$(B)/lib$(1).a: $(filter-out $(patsubst %.c,$(B)/%.o,$(MAINS)),$(call obj,$(1))) $(EXTRA_OBJ_$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcsD $$@ $$^
endef
-include model/kernels.mk
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

$(B)/flowmint: $(B)/pipeline/main.o $(call lib,pipeline) $(ALL)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)
$(B)/flowmint-verify: $(B)/release/verify_main.o $(PUBLIC)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_PUBLIC)

# tests/unit/test_X.c is one cmocka program; each may use every library.
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
$(B)/tests/%: $(B)/tests/unit/%.o $(call lib,pipeline) $(ALL)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_ALL)
.PRECIOUS: $(B)/tests/unit/%.o
unit: $(UNIT)
