# harness: build, set up, run, check.
#
#	make run      set up what is missing, build, run topologies/3alpine.conf
#	make check    set up what is missing, build, run every test
#	make          build only: ./harness, nodes/udp-send, nodes/udp-recv
#	make help     the rest
#
# Objects go to .build/VARIANT, so that variants never mix:
# release (default), clang, asan, tsan, fuzz. V=1 shows commands, WERROR=1 makes warnings errors.

VARIANT ?= release
BUILD   := .build/$(VARIANT)
PREFIX  ?= /usr/local
VERSION := 0.1.0
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
Q       := $(if $(V),,@)

LIBS_HARNESS := libnl-3.0 libpcap libconfuse jansson libcrypto libpng libpcre2-8
LIBS_NODES   := libcrypto jansson
LIBS_httpd   := libmicrohttpd
LIBS_TESTS   := cmocka

# The goals that must work before anything is installed ask pkg-config nothing.
ifneq ($(filter-out run check bench help clean deps lint,$(or $(MAKECMDGOALS),all)),)
MISSING := $(strip $(foreach l,$(LIBS_HARNESS) $(LIBS_httpd) $(LIBS_TESTS),$(shell pkg-config --exists $(l) || echo $(l))))
ifneq ($(MISSING),)
$(error missing libraries: $(MISSING); run ci/deps, which installs their packages)
endif
endif

CFLAGS_release := -O2 -g
CFLAGS_clang   := -O2 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz    := $(CFLAGS_asan) -fsanitize=fuzzer-no-link
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	    -Wcast-qual -Wformat=2 -Wundef -Wvla -Wwrite-strings $(if $(WERROR),-Werror)
ifneq ($(filter clang fuzz,$(VARIANT)),)
CC := clang
endif
CFLAGS  ?= $(CFLAGS_$(VARIANT))
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DHARNESS_VERSION='"$(VERSION)"' $(WARNINGS) $(CFLAGS) -MMD -MP
# -isystem: warnings are for our code, not for the libraries' headers.
cflags_of = $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(1)))
libs_of   = $(shell pkg-config --libs $(1))

SRC   := $(filter-out src/cli/main.c,$(wildcard src/*/*.c))
LIB   := $(BUILD)/libharness.a
NLIB  := $(BUILD)/libnodes.a
NODES := $(patsubst nodes/%.c,%,$(wildcard nodes/*.c))
UNIT  := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
MISBEHAVING := $(patsubst tests/nodes/%.c,$(BUILD)/tests/nodes/%,$(wildcard tests/nodes/*.c))
SOURCES := $(wildcard src/*/*.[ch] nodes/*.c nodes/lib/*.[ch] tests/*/*.[ch])
obj    = $(patsubst %.c,$(BUILD)/%.o,$(1))

.PHONY: FORCE all run check test help deps pictures asan tsan fuzz fuzzers lint bench figures soak install clean
all: $(BUILD)/harness $(NODES:%=$(BUILD)/nodes/%)
ifeq ($(VARIANT),release)
	$(Q)ln -sfn $(BUILD)/harness harness
	$(Q)for n in $(NODES); do ln -sfn ../$(BUILD)/nodes/$$n nodes/$$n; done
endif

ifeq ($(VARIANT),tsan)
# setns(2) into a mount namespace wants a single thread, and TSan brings one of its own: the
# harness proper stays as it is, and what has threads (node programs, the recorder's test) is checked.
$(BUILD)/harness: FORCE
	$(Q)$(MAKE) --no-print-directory VARIANT=release .build/release/harness
	$(Q)mkdir -p $(@D) && cp .build/release/harness $@
else
$(BUILD)/harness: $(call obj,src/cli/main.c) $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_HARNESS)) -lm -pthread
endif

$(NODES:%=$(BUILD)/nodes/%): $(BUILD)/nodes/%: $(BUILD)/nodes/%.o $(NLIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_NODES) $(LIBS_$*)) -pthread

$(LIB): $(call obj,$(SRC))
$(NLIB): $(call obj,$(wildcard nodes/lib/*.c))
$(LIB) $(NLIB):
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(UNIT) $(BENCHES): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIB) $(NLIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_HARNESS) $(LIBS_TESTS)) -lm -pthread

$(MISBEHAVING): $(BUILD)/tests/nodes/%: $(BUILD)/tests/nodes/%.o $(NLIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_NODES)) -pthread

$(BUILD)/src/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc $(call cflags_of,$(LIBS_HARNESS)) -c -o $@ $<

$(BUILD)/nodes/%.o: nodes/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(ALL_CFLAGS) -Inodes/lib $(call cflags_of,$(LIBS_NODES) $(LIBS_$*)) -pthread -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -Inodes/lib -Itests $(call cflags_of,$(LIBS_TESTS) $(LIBS_HARNESS)) -c -o $@ $<

# libFuzzer comes with clang.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*.c))
$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB) $(NLIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_HARNESS)) -lm -pthread
fuzzers: $(FUZZERS)
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	tests/fuzz/run.sh

# The two pictures that the topologies send are drawn, not photographed.
$(BUILD)/draw: topologies/files/draw.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(call cflags_of,libpng) $(LDFLAGS) -o $@ $< $(call libs_of,libpng)
pictures: $(BUILD)/draw
	$(BUILD)/draw topologies/files

deps:
	ci/deps

run: deps
	@$(MAKE) --no-print-directory all
	$(SUDO) ./harness run topologies/3alpine.conf

check:
	ci/deps check
	@ci/check

# What `make check` builds before it runs anything. Topologies name programs of ours, which lie beside
# whoever reads them.
test: all $(UNIT) $(MISBEHAVING)
	$(Q)ln -sfn ../../nodes $(BUILD)/tests/unit/nodes

asan tsan:
	@$(MAKE) --no-print-directory VARIANT=$@ test

# cppcheck knows neither the cleanup attribute nor outputs filled through pointers: memleak and
# ctuuninitvar are left to the sanitizers.
lint:
	@clang-format --dry-run -Werror $(SOURCES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=ctuuninitvar --std=c11 -Isrc -Inodes/lib src nodes tests/nodes
	shellcheck -x -P tests/labs ci/deps ci/check ci/stock-kernel .ci/run tests/labs/*.sh tests/nodes/*.sh \
		docs/completion/harness.bash tests/bench/*.sh tests/fuzz/*.sh \
		topologies/files/*.sh topologies/files/*/*.sh
	mandoc -Tlint -Wwarning docs/*.[15]

bench:
	ci/deps bench
	@$(MAKE) --no-print-directory figures
figures: all $(BENCHES)
	BUILD=$(BUILD) tests/bench/run.sh

# The long forms of what `make check` does briefly.
soak: test
	KILLS=50 BUILD=$(BUILD) tests/labs/kill.sh
	TRANSFER_SEEDS=200 $(BUILD)/tests/unit/test_nodes_transfer
	MUTATIONS=100000 $(BUILD)/tests/unit/test_topology_mutants
	LONG=1 BUILD=$(BUILD) tests/labs/sizes.sh
	SEEDS=200 BUILD=$(BUILD) tests/labs/links.sh
	SEEDS=200 BUILD=$(BUILD) tests/labs/random.sh
	@$(MAKE) --no-print-directory asan
	for lab in balancer httpd load networks live; do \
		STOPS=25 BUILD=.build/asan tests/labs/$$lab.sh || exit 1; done

install: all
	install -D -m 755 $(BUILD)/harness $(DESTDIR)$(PREFIX)/bin/harness
	for n in $(NODES); do \
		install -D -m 755 $(BUILD)/nodes/$$n $(DESTDIR)$(PREFIX)/libexec/harness/$$n; done
	install -D -m 644 docs/harness.1 $(DESTDIR)$(PREFIX)/share/man/man1/harness.1
	install -D -m 644 docs/harness.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/harness.conf.5
	install -D -m 644 src/report/report.schema.json \
		$(DESTDIR)$(PREFIX)/share/harness/report.schema.json
	install -D -m 644 src/report/calibration.schema.json \
		$(DESTDIR)$(PREFIX)/share/harness/calibration.schema.json
	install -D -m 644 docs/completion/harness.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/harness
	install -D -m 644 docs/completion/_harness $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_harness
	install -D -m 644 docs/completion/harness.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/harness.fish
	install -D -m 644 captures/harness.lua $(DESTDIR)$(PREFIX)/share/harness/harness.lua
	for f in topologies/*.conf $$(find topologies/files -type f ! -name '*.c'); do \
		[ -x $$f ] && mode=755 || mode=644; \
		install -D -m $$mode $$f $(DESTDIR)$(PREFIX)/share/harness/$$f; done

help:
	@echo "make run      set up what is missing, build, run topologies/3alpine.conf"
	@echo "make check    set up what is missing, build, run every test"
	@echo "make          build ./harness and nodes/; V=1 shows commands, WERROR=1 is strict"
	@echo "make asan | tsan | fuzz | lint | bench | soak | install | clean"
	@echo "              install takes DESTDIR and PREFIX (default /usr/local)"

clean:
	rm -rf .build harness $(NODES:%=nodes/%)

-include $(shell find .build -name '*.d' 2>/dev/null)
