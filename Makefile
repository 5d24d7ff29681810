# SPDX-License-Identifier: GPL-2.0-only
#
# make              the module for the running kernel (or for the lab's 6.1) and the launcher
# make run          a Debian guest under tenon.ko in an emulated lab host: a shell, or CMD='...'
# make check        all checks; make check-full adds the slow ones
# make bench        tenon.ko against kvm.ko
# make coverage     line and branch coverage of the interrupt chips by their tests
# make fuzz TIME=N  the chips' fuzzers, N seconds each (60), two at a time
# make install      into this machine
# make help         everything

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)' >&2;
endif

# Commands reach the scripts as they were typed: make expands nothing in them.
override CMD := $(value CMD)
export CMD V HOST CPUS MEM DISK KERNEL DEBUG HOST_RELEASE

kernels := 6.1 6.12
# The kernel that plain `make` builds for: the running one if its headers are here.
HOST_RELEASE ?= $(shell uname -r)
native := $(if $(wildcard /lib/modules/$(HOST_RELEASE)/build/Makefile),host,6.1)
KERNEL ?= 6.1

CC := gcc
PREFIX ?= /usr/local
CPPFLAGS := -D_GNU_SOURCE -iquote user -Ibuild/gen -Iinclude/uapi -Iinclude
CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread
LDLIBS := -luring -pthread
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

module_sources := $(shell find kmod include -name '*.[chS]' -o -name Kbuild)
user_sources := $(shell find user -name '*.c')
user_tables := $(patsubst user/%.asl,build/gen/%.hex,$(shell find user -name '*.asl'))
user_objects := $(user_sources:%.c=build/obj/%.o)
asan_objects := $(user_sources:%.c=build/asan/%.o)

.PHONY: all modules user asan guest-image lab run run-guest check check-full bench coverage fuzz install \
	uninstall tables clean distclean format lint help deps

all: build/kmod-$(native)/tenon.ko build/tenon

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile
	@echo 'make lab CMD=...  one command in a lab host (LABFLAGS: see selftests/lab/lab --help)'
	@echo 'make modules | user | lint | format | clean | distclean'
	@echo 'Variables: V=1 HOST=1 CPUS=N MEM=SIZE DISK=FILE KERNEL=6.1|6.12 DEBUG=1'

# What is missing is installed first; when nothing is, this costs a moment.
deps:
	$(Q)tools/deps.sh build run

modules: $(kernels:%=build/kmod-%/tenon.ko)
user: build/tenon
asan: build/asan/tenon
tables: $(user_tables)

build/kmod-%/tenon.ko: $(module_sources) tools/build-module.sh | deps
	$(call say,KMOD,$@)
	$(Q)tools/build-module.sh $*
	$(Q)touch $@

build/tenon: $(user_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

build/asan/tenon: $(asan_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LDLIBS)

build/obj/%.o: %.c Makefile $(user_tables) | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

build/asan/%.o: %.c Makefile $(user_tables) | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

build/gen/%.hex: user/%.asl Makefile | deps
	$(call say,IASL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)iasl -p build/gen/$* -tc $< >build/iasl.log 2>&1 || { cat build/iasl.log >&2; exit 1; }

guest-image: | deps
	$(Q)for kernel in $(kernels); do tools/guest-image.sh $$kernel; done

lab: build/kmod-$(KERNEL)/tenon.ko
	$(Q)selftests/lab/lab --kernel $(KERNEL) $(LABFLAGS) -- sh -c "$$CMD"

# make's own exit status is that of the guest's command.
run: run-guest
	@$(eval load build/make_exit.so)$(exit-make $(file <build/run.status))

run-guest: build/make_exit.so
	@tools/run.sh; echo $$? >build/run.status

build/make_exit.so: tools/make_exit.c | deps
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

check:
	$(Q)selftests/run

check-full:
	$(Q)selftests/run --full

lint:
	$(Q)selftests/run lint

coverage: | deps
	$(Q)selftests/unit/coverage

fuzz: | deps
	$(Q)TIME=$(or $(TIME),60) selftests/run fuzz

bench: modules user guest-image
	$(Q)tools/deps.sh bench
	$(Q)selftests/bench/run

install: build/kmod-host/tenon.ko build/tenon
	install -d $(DESTDIR)/lib/modules/$(HOST_RELEASE)/extra
	objcopy --strip-debug build/kmod-host/tenon.ko \
		$(DESTDIR)/lib/modules/$(HOST_RELEASE)/extra/tenon.ko
	install -D -m 755 build/tenon $(DESTDIR)$(PREFIX)/bin/tenon
	install -D -m 644 Documentation/tenon.1 $(DESTDIR)$(PREFIX)/share/man/man1/tenon.1
	install -D -m 644 tools/60-tenon.rules $(DESTDIR)/etc/udev/rules.d/60-tenon.rules
	$(if $(DESTDIR),,depmod && { ! command -v udevadm >/dev/null || udevadm control --reload; })

uninstall:
	rm -f $(DESTDIR)/lib/modules/$(HOST_RELEASE)/extra/tenon.ko \
		$(DESTDIR)$(PREFIX)/bin/tenon $(DESTDIR)$(PREFIX)/share/man/man1/tenon.1 \
		$(DESTDIR)/etc/udev/rules.d/60-tenon.rules
	$(if $(DESTDIR),,depmod)

format:
	$(Q)find kmod user include selftests tools -name '*.[ch]' -exec clang-format -i {} +

# The fetched kernels stay; distclean takes them too.
clean:
	$(Q)find build -mindepth 1 -maxdepth 1 ! -name kernels ! -name checkpatch \
		! -name 'kernel-selftests*' \
		-exec rm -rf {} + 2>/dev/null || true

distclean:
	$(Q)rm -rf build

-include $(shell find build/obj build/asan -name '*.d' 2>/dev/null)
