# SPDX-License-Identifier: GPL-2.0
#
# What people and CI call.  How the module is made from its sources is said in
# Kbuild; how library and tests are made, in userspace/ and selftests/.

KDIR	?= /lib/modules/$(shell uname -r)/build
PREFIX	?= /usr/local
UDEVDIR	?= /etc/udev/rules.d
DESTDIR	?=

build	:= $(abspath build)
release	:= $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
# With GCOV=1 the module counts which of its lines are reached, on a kernel that
# can (debug); it is built in a directory of its own.
flavour	:= $(if $(GCOV),-gcov)
ko	= $(build)/$(release)$(flavour)/ksync.ko
sources	:= Kbuild $(wildcard kmod/*.[ch] uapi/linux/*.h)
sudo	:= $(if $(filter 0,$(shell id -u)),,sudo)
running	:= $(shell uname -r)

.PHONY: all module lib selftests tools load unload install uninstall clean help
.PHONY: demo lab bench verify torture latency coverage
.PHONY: check check-native check-debug check-all check-style check-programs check-bench
.PHONY: check-models-tsan check-models-go deb check-package

all: lib ## Build the library, and the module for the running kernel (default)
	@if [ -n "$(release)" ]; then $(MAKE) --no-print-directory module; \
	else tools/check-kernel $(KDIR) || true; fi

module: ## Build build/RELEASE/ksync.ko for the headers in KDIR=
	@tools/check-kernel $(KDIR)
	@$(MAKE) -s --no-print-directory $(ko)

ifneq ($(release),)
$(ko): $(sources) tools/build-module
	@echo "  MODULE  $(ko:$(CURDIR)/%=%)"
	@tools/build-module $(KDIR) $(@D) $(if $(GCOV),KSYNC_GCOV=1)
	@touch $@
endif

lib: ## Build build/lib/libksync.so and .a
	@tools/deps build models
	@$(MAKE) --no-print-directory -C userspace O=$(build)
	@$(MAKE) --no-print-directory -C userspace/models O=$(build)

selftests: lib ## Build the tests into build/
	@tools/deps build check
	@$(MAKE) --no-print-directory -C selftests O=$(build)
	@$(MAKE) --no-print-directory -C selftests/posix O=$(build)

tools: lib ## Build ksyncctl and the programs of demo, bench and tracing into build/bin
	@tools/deps bench
	@$(MAKE) --no-print-directory -C tools O=$(build) all bench

load: ## Load the module built for the running kernel
	@if [ ! -f $(build)/$(running)/ksync.ko ]; then \
		echo "There is no ksync.ko for Linux $(running) yet: run 'make' first." >&2; exit 1; fi
	@if [ -d /sys/module/ksync ]; then \
		echo "ksync is loaded already; 'make unload' takes it out." >&2; exit 1; fi
	$(sudo) insmod $(build)/$(running)/ksync.ko
	@ls -l /dev/ksync

unload: ## Unload it
	@if [ ! -d /sys/module/ksync ]; then echo "ksync is not loaded."; \
	else $(sudo) rmmod ksync || { \
		echo "ksync is in use: end the programs that have /dev/ksync open (see 'fuser /dev/ksync')." >&2; exit 1; }; fi

install: all ## Install module, library, ksyncctl and udev rule (PREFIX=, DESTDIR=)
	$(MAKE) --no-print-directory -C userspace O=$(build) \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install
	$(MAKE) --no-print-directory -C userspace/models O=$(build) \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install
	$(MAKE) --no-print-directory -C tools O=$(build) \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install
	install -D -m 644 tools/60-ksync.rules $(DESTDIR)$(UDEVDIR)/60-ksync.rules
	$(if $(release),install -D -m 644 $(ko) \
		$(DESTDIR)/lib/modules/$(release)/updates/ksync.ko)
	$(if $(DESTDIR),,$(if $(release),depmod $(release)))
	@getent group ksync >/dev/null || echo \
		"/dev/ksync belongs to the group ksync, which does not exist yet: sudo groupadd --system ksync"

uninstall: ## Take out what install put there
	$(MAKE) --no-print-directory -C userspace O=$(build) \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) uninstall
	$(MAKE) --no-print-directory -C userspace/models O=$(build) \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) uninstall
	$(MAKE) --no-print-directory -C tools O=$(build) \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) uninstall
	rm -f $(DESTDIR)$(UDEVDIR)/60-ksync.rules
	$(if $(release),rm -f $(DESTDIR)/lib/modules/$(release)/updates/ksync.ko)
	$(if $(DESTDIR),,$(if $(release),depmod $(release)))

demo: ## Show ksync at work in a test kernel (DIR= for your own tree of text)
	@tools/demo/run

lab: lab-build ## Run each hazard of concurrency until it is seen, then its cures (NAME=one of them)
	@if [ -e /dev/ksync ]; then $(build)/bin/ksync-lab $(or $(NAME),all); \
	else KSYNC_BACKEND=futex $(build)/bin/ksync-lab $(or $(NAME),all); fi

.PHONY: lab-build
lab-build: lib
	@$(MAKE) --no-print-directory -C tools O=$(build) lab

bench: ## Measure ksync against its peers, with tables and plots, natively and in a test kernel (QUICK=1)
	@tools/bench/run $(if $(QUICK),--quick)

check-bench: ## See that the bench measures all it should, and notices a lock that does not exclude
	@tools/bench/check

verify: ## Check the models of the protocols and of the memory ordering
	@tools/verify/check

check: ## Run all tests on 6.1, 6.1-rt and 6.12 in test kernels
	@tools/check 6.1 6.1-rt 6.12

check-native: ## Run those that need no module here, on the library's futex backend
	@tools/check --native

check-models-tsan: lib ## Run the tests of tasks here, under clang's ThreadSanitizer
	@tools/deps build check models
	@$(MAKE) --no-print-directory -C userspace/models O=$(build) tsan
	@$(MAKE) --no-print-directory -C selftests O=$(build) tsan
	@set -e; for t in $(build)/tsan/models_*_test; do \
		TSAN_OPTIONS=halt_on_error=1 $$t; done

check-models-go: ## Run the same programs of channels as tasks and in Go, and compare
	@tools/channels/check

check-debug: ## Run them on the debug kernel (lockdep, KASAN, kmemleak)
	@tools/check debug

check-all: ## Run them on all kernels, those that look for data races and PREEMPT_RT's bugs included
	@tools/check 6.1 6.1-rt 6.12 6.12-rt debug debug-rt kcsan

check-programs: ## Real programs on ksync, verified, with a table (QUICK=1, SCALE=100 percent, KERNELS=6.1)
	@tools/programs/run $(if $(QUICK),--quick) $(if $(SCALE),--scale $(SCALE)) \
		$(if $(POLICY),--policy $(POLICY)) $(KERNELS)

deb: ## Build Debian packages into build/deb: ksync-dkms, libksync0, libksync-dev, ksync-tools
	@tools/package/build

check-package: ## Install and use the packages in a test kernel, and try make install
	@tools/package/check

torture: ## Models, torture and fuzzing, with a report (MINUTES=5 of each, KERNELS=)
	@tools/torture/run $(if $(MINUTES),--minutes $(MINUTES)) $(KERNELS)

latency: ## Latencies under load, and how long interrupts and preemption are off (MINUTES=2)
	@tools/latency/run $(if $(MINUTES),--minutes $(MINUTES))

check-style: ## checkpatch, sparse, W=1, and the uapi header by itself
	@tools/check-style

coverage: ## Count which lines of kmod/ the tests reach, on the debug kernel
	@tools/coverage/run

clean: ## Remove build/
	rm -rf $(build)

help: ## Say what each target does
	@echo "ksync: user-space synchronization with the kernel's help. Targets:"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | \
		while IFS="$$(printf '\t')" read -r target text; do \
			printf '  %-14s %s\n' "$$target" "$$text"; done
	@echo
	@echo "Test kernels are run by tools/vm/run in QEMU; nothing is loaded into this one"
	@echo "but by 'make load'. Kernels are cached in ~/.cache/ksync (KSYNC_CACHE=)."
