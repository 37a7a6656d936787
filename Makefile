# harness: build, set up, run, check.
#
#	make run      set up what is missing, build, run topologies/3alpine.conf
#	make check    set up what is missing, build, run every test
#	make          build only: ./harness, nodes/udp-send, nodes/udp-recv
#	make help     the rest
#
# Objects go to .build/VARIANT, so that variants never mix:
# release (default), asan, tsan. V=1 shows commands, WERROR=1 makes warnings errors.

VARIANT ?= release
BUILD   := .build/$(VARIANT)
PREFIX  ?= /usr/local
VERSION := 0.1.0
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
Q       := $(if $(V),,@)

LIBS_HARNESS := libnl-3.0 libpcap libconfuse jansson libcrypto libpng
LIBS_NODES   := libcrypto jansson
LIBS_TESTS   := cmocka

# The goals that must work before anything is installed ask pkg-config nothing.
ifneq ($(filter-out run check help clean distclean deps,$(or $(MAKECMDGOALS),all)),)
MISSING := $(foreach l,$(LIBS_HARNESS) $(LIBS_TESTS),$(shell pkg-config --exists $(l) || echo $(l)))
ifneq ($(MISSING),)
$(error missing libraries: $(MISSING); run ci/deps, which installs their packages)
endif
endif

CFLAGS_release := -O2 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	    -Wcast-qual -Wformat=2 -Wundef -Wvla -Wwrite-strings $(if $(WERROR),-Werror)
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
MISBEHAVING := $(patsubst tests/nodes/%.c,$(BUILD)/tests/nodes/%,$(wildcard tests/nodes/*.c))
obj    = $(patsubst %.c,$(BUILD)/%.o,$(1))

.PHONY: all run check test help deps asan tsan lint bench install clean distclean
all: $(BUILD)/harness $(NODES:%=$(BUILD)/nodes/%)
	$(Q)ln -sf $(BUILD)/harness harness
	$(Q)for n in $(NODES); do ln -sf ../$(BUILD)/nodes/$$n nodes/$$n; done

$(BUILD)/harness: $(call obj,src/cli/main.c) $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_HARNESS)) -lm

$(NODES:%=$(BUILD)/nodes/%): $(BUILD)/nodes/%: $(BUILD)/nodes/%.o $(NLIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,$(LIBS_NODES)) -pthread

$(LIB): $(call obj,$(SRC))
$(NLIB): $(call obj,$(wildcard nodes/lib/*.c))
$(LIB) $(NLIB):
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(UNIT): $(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB) $(NLIB)
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
	$(Q)$(CC) $(ALL_CFLAGS) -Inodes/lib -pthread -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -Inodes/lib -Itests $(call cflags_of,$(LIBS_TESTS) $(LIBS_HARNESS)) -c -o $@ $<

deps:
	ci/deps

run: deps
	@$(MAKE) --no-print-directory all
	$(SUDO) ./harness run topologies/3alpine.conf

check: deps
	@ci/check

# What `make check` builds before it runs anything.
test: all $(UNIT) $(MISBEHAVING)

asan tsan:
	@$(MAKE) --no-print-directory VARIANT=$@ test

clean:
	rm -rf .build harness $(NODES:%=nodes/%)

-include $(shell find .build -name '*.d' 2>/dev/null)
