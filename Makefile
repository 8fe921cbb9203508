# flowmint: `make demo` shows it working, `make test` installs, builds and runs every test.
#
#   make              build/flowmint and build/flowmint-verify
#   make demo         from a simulated trace to a verified archive; TRACE=FILE DIALECT=ugr16 [ROWS=N] on a real one
#   make test         every test; test-asan: with sanitizers; test-long: with long ones
#   make lint         warnings of two compilers, cppcheck, clang-tidy, shellcheck, the arrows between the rooms
#   make bench        how fast, beside the peer; bench-steps, bench-scale: the curves of docs/figures (hours); bench-shards, bench-mpi: docs/scale.md;
#                     bench-walls, bench-walls-parts: docs/threat-model.md; bench-peers: beside CTGAN's original
#   make fuzz         SECONDS each of libFuzzer on what reads strangers' bytes
#   make docs         write again what the documents take from tables: keys of the config, verbs and options
#   make check-repro  build and release in several ways, compare bytes
#   make deb          Debian packages of flowmint, and of flowmint-verify alone
#   make install      into PREFIX (default /usr/local), DESTDIR before it; make uninstall takes it away
#
# B is the build folder, CC and CFLAGS are the caller's, JOBS how much runs at once.
B        ?= build
CC       ?= cc
AR       ?= ar
JOBS     ?= 2
PREFIX   ?= /usr/local
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
# -ffp-contract=off: fused multiply-add only where the source says fma, so that no compiler changes a bit.
# -ffile-prefix-map: the place of the source is in no program.
# libfixbuf's header includes GLib's.
GLIB     := $(patsubst -I%,-isystem%,$(shell pkg-config --cflags-only-I libfixbuf 2>/dev/null))
BASEFLAGS = -std=gnu11 -D_GNU_SOURCE -I. $(GLIB) -ffile-prefix-map=$(CURDIR)=. -ffp-contract=off -fno-math-errno -pthread -MMD -MP $(WARN) $(EXTRA)
CFLAGS   ?= -O2 -g
FLAGS     = $(BASEFLAGS) $(CFLAGS)

ROOMS    := base manifests traces model judge privacy release report stages pipeline
src       = $(wildcard $(1)/*.c $(1)/*/*.c)
obj       = $(patsubst %.c,$(B)/%.o,$(call src,$(1)))
lib       = $(B)/lib$(1).a
# A file with a main of its own belongs to a program, not to a library.
MAINS    := pipeline/main.c release/verify_main.c

# Open MPI, where it is: training on several machines (pipeline/world.h).  MPI=0 leaves it out; flowmint-verify never links it.
MPI      ?= 1
ifeq ($(if $(filter-out 0,$(MPI)),$(shell pkg-config --exists ompi-c 2>/dev/null && echo yes)),yes)
FLAGS_pipeline_world := -DFM_MPI $(patsubst -I%,-isystem%,$(shell pkg-config --cflags-only-I ompi-c))
LIBS_MPI := $(shell pkg-config --libs ompi-c)
endif

PUBLIC   := $(call lib,release) $(call lib,manifests) $(call lib,base)
ALL      := $(call lib,stages) $(call lib,report) $(call lib,judge) $(call lib,model) $(call lib,privacy) $(call lib,traces) $(PUBLIC)
LIBS_PUBLIC := -larchive -lcrypto -ljansson -lyaml -lm
LIBS_ALL := -lcsv -lz -lpcap -lfixbuf -lglib-2.0 -lsqlite3 -lseccomp -lopenblas -lxgboost -llinear $(LIBS_MPI) $(LIBS_PUBLIC)

.PHONY: all unit benches deps deps-lint deps-bench deps-fuzz deps-optional deps-interop test test-long test-asan bench demo lint fuzz clean install check-repro
all: $(B)/flowmint $(B)/flowmint-verify

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
include manifests/embed.mk
include base/kernels.mk
-include report/style.mk

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(FLAGS_$(subst /,_,$*)) -c -o $@ $<

define room
$(B)/lib$(1).a: $(filter-out $(patsubst %.c,$(B)/%.o,$(MAINS)),$(call obj,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcsD $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

$(B)/flowmint: $(B)/pipeline/main.o $(call lib,pipeline) $(ALL)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)
$(B)/flowmint-verify: $(B)/release/verify_main.o $(PUBLIC)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_PUBLIC)

# ---- tests ------------------------------------------------------------------------------------------------------------
# tests/unit/test_X.c is one cmocka program, make_X.c a helper of a script; each may use every library.
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
HELPERS  := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/make_*.c))
BENCHES  := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
TESTLIBS := $(call lib,pipeline) $(ALL)
include model/double.mk

# Broken builds, for the audit to find: the linker puts what tests/unit/breaks.h has in the place of these, in these programs alone.
,        := ,
BREAKS   := fm_gaussian_fill fm_discrete_gaussian fm_counts_histogram fm_clip_weight fm_grid_set fm_poisson_sample
$(B)/tests/test_audit_broken: LDFLAGS += $(addprefix -Wl$(,)--wrap=,$(BREAKS))
# What answers a question of private records through noise, for a test to keep and to give again over others.
ANSWERS  := fm_counts_histogram fm_counts_pairs fm_counts_keys fm_grid_noisy_mean
$(B)/tests/test_one_road: LDFLAGS += $(addprefix -Wl$(,)--wrap=,$(ANSWERS))
# The looks at what a stage left, each of which a test can take away to show what came through without it; and the walls, which are
# tried once in these programs (tests/unit/walls_once.h).
HARVEST  := fm_harvest_tree fm_harvest_holds fm_harvest_result fm_harvest_metrics fm_harvest_controls fm_manifest_compare fm_folder_digest \
	    fm_sandbox_filter fm_sandbox_landlock fm_vault_put fm_probes_run
$(B)/tests/test_runner: LDFLAGS += -Wl,--wrap=fm_probes_run
$(B)/tests/test_taken_over: LDFLAGS += $(addprefix -Wl$(,)--wrap=,$(HARVEST))
# Who reads a stranger's archive, told by its process.
$(B)/tests/test_recipe: LDFLAGS += -Wl,--wrap=fm_archive_read -Wl,--wrap=fm_archive_read_into
$(B)/tests/test_seal: LDFLAGS += -Wl,--wrap=fm_fd_read
# A file that another is put in the place of, once it was read.
$(B)/tests/test_odd_json: LDFLAGS += -Wl,--wrap=fm_file_read
$(B)/tests/test_dp_ingest: LDFLAGS += -Wl,--wrap=fsync
# A disk that fails once.
$(B)/tests/test_ipfix_rates: LDFLAGS += -Wl,--wrap=fm_source_next
# The end of a run, at which a test sends a signal.
$(B)/tests/test_compare_stop: LDFLAGS += -Wl,--wrap=fm_probes_run -Wl,--wrap=fm_state_remove
# Over a hundred programs, whose own code runs for an instant: it is compiled without optimisation (TESTOPT= with), and linked by
# the faster linker where there is one.
TESTOPT  ?= -O0
TESTLINK := $(if $(findstring clang,$(CC)),,$(if $(shell command -v ld.gold),-fuse-ld=gold))
$(B)/tests/unit/%.o: FLAGS += $(TESTOPT)
$(B)/tests/%: $(B)/tests/unit/%.o $(TESTLIBS)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) $(TESTLINK) -o $@ $^ -lcmocka $(LIBS_ALL)
# flowmint that can leave its walls out, and tells what its encryption took.
UNWALLED := fm_sandbox_filter fm_sandbox_landlock fm_probes_run fm_vault_put fm_vault_get
$(B)/tests/bench/unwalled: | $(B)/pipeline/main.o
$(B)/tests/bench/unwalled: LDFLAGS += $(B)/pipeline/main.o $(addprefix -Wl$(,)--wrap=,$(UNWALLED))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(TESTLIBS)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(TESTLIBS)
	$(CC) $(FLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_ALL)
# The kept inputs (tests/fuzz/corpus/X), or those that the fuzzer makes itself, without libFuzzer: in each make test.
REPLAYS  := $(addprefix $(B)/tests/replay/fuzz_,$(notdir $(wildcard tests/fuzz/corpus/*)) model table tensors)
.SECONDARY: $(REPLAYS:$(B)/tests/replay/%=$(B)/tests/fuzz/%.o) $(B)/tests/fuzz/replay.o
$(B)/tests/replay/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(TESTLIBS)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) $(TESTLINK) -o $@ $^ $(LIBS_ALL)
.PRECIOUS: $(B)/tests/unit/%.o $(B)/tests/bench/%.o $(B)/tests/fuzz/%.o
# For LD_PRELOAD; a build with sanitizers has none, as their malloc comes first.
INJECT   := $(if $(findstring -fsanitize,$(CFLAGS)),,$(B)/tests/inject.so $(B)/tests/no_memory.so)
$(INJECT): $(B)/tests/%.so: tests/faults/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -fPIC -shared -o $@ $< -lgcc_s
unit: $(UNIT) $(HELPERS) $(REPLAYS) $(INJECT)
benches: $(BENCHES)

REPLAY   := $(foreach r,$(REPLAYS),"$(r) tests/fuzz/corpus/$(patsubst fuzz_%,%,$(notdir $(r)))")
# What make test runs, the longest first; each script is told the build folder and the program.
SCRIPTS  := $(sort $(wildcard tests/e2e_*.sh)) $(sort $(wildcard tests/cli_*.sh)) tests/cases.sh
LONG     := $(sort $(wildcard tests/long_*.sh))
SLOW     := $(addprefix $(B)/tests/test_,solve_rows exchange_diffusion marginals record_net release tstr c2st controls fidelity evaluate gradients golden generator verify_fields accountant leakage)
SUITE     = "tests/readme.sh $(B)" $(SLOW) $(foreach s,$(SCRIPTS),"$(s) $(B)/flowmint") "tests/interop_score.sh $(B)/flowmint" "tests/interop_mixture.sh $(B)" "tests/interop_ctgan.sh $(B)" \
	    "tests/interop_release.sh $(B)" "tests/interop_flows.sh $(B)" "tests/report_browser.sh $(B)/flowmint" tests/run_check.sh "tests/includes_check.sh --self-test" tests/includes_check.sh "tests/private_roads.sh $(B)/flowmint" \
	    $(filter-out $(SLOW),$(UNIT)) $(REPLAY)
# With sanitizers: what exercises our own code, not what repeats it with other data.
SUITE_ASAN = $(foreach s,$(filter-out tests/e2e_real.sh tests/e2e_labels.sh,$(SCRIPTS)),"$(s) $(B)/flowmint") "tests/interop_release.sh $(B)" $(UNIT) $(REPLAY)
# One more than JOBS: some wait most of their time, for a clock, for Slurm, for a process to die.
TESTJOBS ?= $(shell expr $(JOBS) + 1)
RUN       = tests/run.sh -j $(TESTJOBS) -l $(B)/test-logs

test: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all unit
	@$(RUN) -t 900 $(SUITE)
test-long: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all unit
	@LONG=1 $(RUN) -t 3600 $(SUITE) $(foreach s,$(LONG),"$(s) $(B)/flowmint")

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
test-asan: deps
	@$(MAKE) --no-print-directory B=$(B)-asan CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZE)" test-asan-run
test-asan-run:
	@$(MAKE) --no-print-directory -j$(JOBS) all unit
	@UBSAN_OPTIONS=print_stacktrace=1 $(RUN) -t 900 $(SUITE_ASAN)
.PHONY: test-asan-run

SECONDS  ?= 60
fuzz: deps deps-fuzz
	@$(MAKE) --no-print-directory B=$(B)-fuzz CC=clang CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" SECONDS=$(SECONDS) fuzz-run
fuzz-run: $(FUZZERS) $(REPLAYS)
	@set -e; found=; for f in $(FUZZERS); do \
		mkdir -p $$f.corpus; \
		x=$${f##*/}; kept=tests/fuzz/corpus/$${x#fuzz_}; \
		[ ! -d $$kept ] || cp $$kept/* $$f.corpus; \
		[ ! -x $(B)/tests/replay/$$x ] || $(B)/tests/replay/$$x --changes 0 --seeds $$f.corpus $$kept; \
		case $$f in *fuzz_capture) \
			for o in "" --pcapng "--link raw" "--link sll" "--link null" "--snaplen 30"; do \
				python3 tests/capture.py $$o "$$f.corpus/seed$$o"; \
			done;; \
		*fuzz_ipfix) \
			python3 tests/ipfix.py "$$f.corpus/seed"; \
			for o in cut set version withdrawn untold length empty; do \
				python3 tests/ipfix.py "$$f.corpus/seed-$$o" --broken $$o; \
			done; \
			for o in options space size probability selectors nameless own; do \
				python3 tests/ipfix.py "$$f.corpus/seed-sampled-$$o" --sampled $$o; \
			done;; \
		esac; \
		echo "$$f: $(SECONDS) s"; \
		$$f -max_total_time=$(SECONDS) -max_len=65536 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -artifact_prefix=$$f- $$f.corpus || found="$$found $$x"; \
	done; \
	[ -z "$$found" ] || { echo "findings of:$$found (the inputs are beside the programs)"; exit 1; }
.PHONY: fuzz-run

bench: deps deps-bench
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BENCHES)
	@$(MAKE) --no-print-directory bench-run
bench-run:
	@B=$(B) tests/bench.sh
# CTGAN beside the original, which comes from PyPI into a virtual environment.
bench-peers: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all $(B)/tests/bench/ctgan
	@B=$(B) tests/bench_peers.sh $(TRACE)
bench-walls: $(B)/tests/bench/unwalled
bench-walls-parts: $(B)/tests/bench/walls
bench-steps bench-scale bench-shards bench-mpi bench-walls bench-walls-parts: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@B=$(B) tests/$(subst -,_,$@).sh
.PHONY: bench-run bench-steps bench-scale bench-shards bench-mpi bench-peers bench-walls bench-walls-parts

check-repro: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@B=$(B) tests/check_repro.sh

# ---- lint -------------------------------------------------------------------------------------------------------------
LINTED   := $(foreach r,$(ROOMS),$(call src,$(r)))
LAID_OUT := $(LINTED) $(wildcard $(foreach r,$(ROOMS),$(r)/*.h $(r)/*/*.h) tests/*/*.[ch])
lint: deps deps-lint
	@tests/includes_check.sh
	@echo "lint: layout"
	@clang-format --dry-run -Werror $(LAID_OUT)
	@awk '{ line = $$0; gsub(/\t/, "        ", line) } length(line) > 120 { print FILENAME ":" FNR ": over 120 columns"; bad = 1 } END { exit bad }' $(LAID_OUT)
	@shellcheck -S warning .ci/run packaging/deb.sh $(wildcard tests/*.sh)
	@echo "lint: gcc and clang without warnings"
	@$(MAKE) --no-print-directory -s -j$(JOBS) B=$(B)-lint-gcc CC=gcc CFLAGS="-O2 -Werror" TESTOPT= all unit benches
	@$(MAKE) --no-print-directory -s -j$(JOBS) B=$(B)-lint-clang CC=clang CFLAGS="-O1 -Werror" TESTOPT= all unit benches
	@echo "lint: cppcheck"
	@cppcheck -q -j $(JOBS) --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -I. -D_GNU_SOURCE -D__x86_64__ \
		--suppress=missingIncludeSystem --suppressions-list=.cppcheck-suppress $(LINTED)
	@echo "lint: clang-tidy"
	@printf '%s\n' $(LINTED) | xargs -P $(JOBS) -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- $(BASEFLAGS) 2>/dev/null' tidy
	@echo "lint: clean"

# ---- what the system must have (Debian 12 names); nothing is asked of root or the network when it is all there ---------
DEPS       := gcc libc6-dev libcsv-dev libarchive-dev libssl-dev zlib1g-dev libsqlite3-dev libopenblas-serial-dev libxgboost-dev liblinear-dev libjansson-dev \
	      libyaml-dev libseccomp-dev libpcap-dev libfixbuf-dev libcmocka-dev openssh-client zstd xz-utils gzip tar python3 python3-numpy python3-sklearn $(if $(filter-out 0,$(MPI)),libopenmpi-dev openmpi-bin)
DEPS_LINT  := clang clang-format clang-tidy cppcheck shellcheck
DEPS_BENCH := python3-pandas python3-torch
DEPS_FUZZ  := clang
# What a test uses where it is there and is skipped without: a browser for the report, a cluster of one node, shells that complete,
# the judge of Debian packages.
DEPS_OPTIONAL := chromium slurmctld slurmd slurm-client munge zsh fish lintian
DEPS_INTEROP  := nfdump softflowd libfixbuf-tools

define need
@missing=; \
for p in $(1); do \
	[ "$$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || missing="$$missing $$p"; \
done; \
[ -n "$$missing" ] || exit 0; \
command -v apt-get >/dev/null || { echo "deps: no apt-get here; install what these are called on this system:$$missing" >&2; exit 4; }; \
root=; [ "$$(id -u)" = 0 ] || root=sudo; \
[ -z "$$root" ] || command -v sudo >/dev/null || { echo "deps: as root: apt-get install$$missing" >&2; exit 4; }; \
echo "deps: installing$$missing"; \
get="$$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y"; \
$$get install --no-install-recommends $$missing || { $$get update && $$get install --no-install-recommends $$missing; }
endef
deps:
	$(call need,$(DEPS))
deps-lint:
	$(call need,$(DEPS_LINT))
deps-bench:
	$(call need,$(DEPS_BENCH))
deps-fuzz:
	$(call need,$(DEPS_FUZZ))
deps-optional:
	$(call need,$(DEPS_OPTIONAL))
# Readers of the formats of a release that were not written here; tests/interop_release.sh asks them where they are there.
deps-interop:
	$(call need,$(DEPS_INTEROP))
	python3 -m venv $(B)/venv
	$(B)/venv/bin/pip install -q 'frictionless[json]' mlcroissant 'securesystemslib[crypto]' jsonschema pandas duckdb

# ---- demo, install, clean ---------------------------------------------------------------------------------------------
DEMO     ?= demo
demo: deps
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@B="$(B)" DEMO="$(DEMO)" TRACE="$(TRACE)" DIALECT="$(DIALECT)" ROWS="$(ROWS)" tests/demo.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/flowmint
	install -m 755 $(B)/flowmint $(B)/flowmint-verify $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(B)/flowmint completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/flowmint
	$(B)/flowmint completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_flowmint
	$(B)/flowmint completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/flowmint.fish
	install -m 644 packaging/completion/flowmint-verify.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/flowmint-verify
	install -m 644 packaging/completion/_flowmint-verify $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 644 packaging/completion/flowmint-verify.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 README.md LICENSE $(wildcard docs/*.md docs/*.schema.json) $(DESTDIR)$(PREFIX)/share/doc/flowmint
	set -e; for page in $(wildcard docs/*.1 docs/*.5 docs/*.7); do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; install -d $$d; install -m 644 $$page $$d; \
	done

# What install put there, by name; folders that others share stay.
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,flowmint flowmint-verify)
	rm -f $(foreach p,flowmint flowmint-verify,$(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions/$(p) \
		zsh/site-functions/_$(p) fish/vendor_completions.d/$(p).fish))
	rm -f $(foreach p,$(notdir $(wildcard docs/*.1 docs/*.5 docs/*.7)),$(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(p)))/$(p))
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/flowmint
.PHONY: uninstall

# Two Debian packages in $(B)/deb: flowmint with its systemd units, and flowmint-verify alone.
deb: all
	@packaging/deb.sh $(B)
.PHONY: deb

docs: $(B)/tests/test_config $(B)/tests/test_cli
	@$(B)/tests/test_config update-docs
	@$(B)/tests/test_cli update-docs
.PHONY: docs

clean:
	rm -rf $(B) $(B)-asan $(B)-fuzz $(B)-lint-gcc $(B)-lint-clang
