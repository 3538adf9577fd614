# The front door. `make help` lists what there is.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/zgossip
DATADIR    ?= $(PREFIX)/share/zgossip
DESTDIR    ?=
# How often a model of threads is made to change between them where it need not.
PREEMPTIONS ?= 3

# A relative directory, such as LIBDIR=lib/x86_64-linux-gnu, is below PREFIX.
below = $(if $(filter /%,$(firstword $(1))),$(1),$(PREFIX)/$(1))
override LIBDIR     := $(call below,$(LIBDIR))
override INCLUDEDIR := $(call below,$(INCLUDEDIR))
override MANDIR     := $(call below,$(MANDIR))
override DOCDIR     := $(call below,$(DOCDIR))
override DATADIR    := $(call below,$(DATADIR))

CARGO      ?= cargo
# With any other libzmq than the system's the build stops, for the C library may have no other (build.rs).
export ZGOSSIP_LIBZMQ = system
INSTALL    ?= install
# Takes debug information, and the compiler's own code for link-time optimisation, out of what is installed; STRIP=
# leaves both in.
STRIP      ?= strip

# What libzgossip.a needs besides itself and libzmq: as rustc says of it (a test compares), without the compiler's own
# libraries, of which there are others for -static.
STATIC_LIBS = -lutil -lrt -lpthread -lm -ldl
# What libzmq needs for -static is in its own .pc file, where it has one.
ZMQ_PACKAGE := $(shell $(or $(PKG_CONFIG),pkg-config) --exists libzmq 2> /dev/null && echo libzmq)

VERSION   := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
MAJOR     := $(firstword $(subst ., ,$(VERSION)))
TARGETDIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
BUILT     := $(TARGETDIR)$(if $(CARGO_BUILD_TARGET),/$(CARGO_BUILD_TARGET))/release

# The library is the same wherever it is built: no path of this machine stays in it, not even in debug information.
# RUSTFLAGS would replace what --config says, so there it is added, unless a space in a path forbids that.
RUST_SOURCES  = $(shell $(or $(RUSTC),rustc) --print sysroot 2> /dev/null)/lib/rustlib/src/rust
REGISTRY      = $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src
remap         = --remap-path-prefix=$(1)=$(2)
REPRODUCIBLE  = --config 'target."cfg(unix)".rustflags=["$(call remap,$(RUST_SOURCES),rust)",$\
                "$(call remap,$(REGISTRY),cargo)","$(call remap,$(CURDIR),zgossip)",$\
                "$(call remap,$(abspath $(TARGETDIR)),target)"]'
MORE_FLAGS    = $(if $(RUSTFLAGS),$(if $(word 2,$(CURDIR)),,RUSTFLAGS='$(RUSTFLAGS) $\
                $(call remap,$(REGISTRY),cargo) $(call remap,$(CURDIR),zgossip)'))

all: rust
	$(MORE_FLAGS) $(CARGO) build --release $(REPRODUCIBLE)

help:
	@echo 'make            build the library, in $(BUILT)'
	@echo 'make demo       see a small network of three processes discover its services, and heal'
	@echo 'make test       everything that is tested'
	@echo 'make steady     each test 20 times alone and 20 times beside busy loops (RUNS=20), and a list of what failed'
	@echo 'make lint       formatting, lints, documentation, and licences of dependencies where cargo-deny is installed'
	@echo 'make models     models of threads: more orders than in make test (PREEMPTIONS=3)'
	@echo 'make fuzz       fuzzers, guided by coverage, for a minute each (FUZZ_SECONDS=60)'
	@echo 'make sanitize   C programs under the address, undefined-behaviour and, with nightly Rust, thread sanitizers, and Miri'
	@echo 'make bench      measure, side by side with CZMQ: 10 minutes (BENCH=quick for a hint)'
	@echo 'make simulate   time and messages in simulated networks of up to 10 000 nodes, and delivery under faults'
	@echo 'make instructions  compare what a tuple costs, in instructions, with what is recorded'
	@echo 'make profile    where the time goes on the hottest paths'
	@echo 'make fleet      real processes on bad lines, and which value stays: 20 seeds of 20 seconds'
	@echo '                (ZGOSSIP_FLEET_RUNS, _SEED, _SECONDS and _JOBS: how many, from which on, how long, at once)'
	@echo 'make reproducible  build in two folders, and compare the bytes'
	@echo 'make soak       a long run: hours of fleets, too (HOURS=2; SOAK=quick for two minutes)'
	@echo 'make errors     make the manual'\''s table of errors again, after a change in doc/errors.txt'
	@echo 'make header     make include/zgossip.h again, after a change in src/ffi'
	@echo 'make install    into PREFIX ($(PREFIX)), below DESTDIR; LIBDIR, INCLUDEDIR, MANDIR, DOCDIR,'
	@echo '                DATADIR may differ; without debug information, unless STRIP='
	@echo 'make uninstall'
	@echo 'make clean'

demo: deps all
	demo/run.sh

test: deps rust
	scripts/test.sh

steady: deps rust
	scripts/steady.sh

bench: deps all
	bench/run.sh

simulate: deps rust
	bench/simulate.sh

instructions: deps all
	bench/instructions.sh

profile: deps all
	bench/profile.sh

fleet: deps rust
	$(CARGO) test --release --test network -- --ignored --nocapture fleets_of_a_seed

soak: deps all
	bench/soak.sh

models: rust
	ZGOSSIP_PREEMPTIONS=$(PREEMPTIONS) $(CARGO) test --release --test models

fuzz: deps rust
	scripts/fuzz.sh

sanitize: deps
	scripts/sanitize.sh

lint: rust
	scripts/lint.sh

reproducible: rust
	scripts/reproducible.sh

errors: rust
	ZGOSSIP_WRITE_ERRORS=1 $(CARGO) test --test abi errors::the_manual

header: rust
	ZGOSSIP_WRITE_HEADER=1 $(CARGO) test --test abi header::

deps:
	@scripts/deps.sh

rust:
	@scripts/deps.sh rust

# Installing builds only what is not there: it is often done as another user, who has no Rust.
$(BUILT)/libzgossip.so $(BUILT)/libzgossip.a:
	$(MAKE) all

# A relative PREFIX could not stand in the pkg-config files.
prefix:
	@case '$(PREFIX)' in /*) ;; *) echo "zgossip: PREFIX must be an absolute path, not '$(PREFIX)'" >&2; exit 1;; esac

install: prefix $(BUILT)/libzgossip.so $(BUILT)/libzgossip.a
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)/zgossip' '$(DESTDIR)$(INCLUDEDIR)/zgossip-czmq'
	$(INSTALL) -m 755 '$(BUILT)/libzgossip.so' '$(DESTDIR)$(LIBDIR)/libzgossip.so.$(VERSION)'
	ln -sf 'libzgossip.so.$(VERSION)' '$(DESTDIR)$(LIBDIR)/libzgossip.so.$(MAJOR)'
	ln -sf 'libzgossip.so.$(MAJOR)' '$(DESTDIR)$(LIBDIR)/libzgossip.so'
	$(INSTALL) -m 644 '$(BUILT)/libzgossip.a' '$(DESTDIR)$(LIBDIR)/libzgossip.a'
	$(if $(STRIP),$(STRIP) --strip-unneeded '$(DESTDIR)$(LIBDIR)/libzgossip.so.$(VERSION)')
	$(if $(STRIP),$(STRIP) --strip-debug -R .llvmbc -R .llvmcmd '$(DESTDIR)$(LIBDIR)/libzgossip.a')
	$(INSTALL) -m 644 include/zgossip.h '$(DESTDIR)$(INCLUDEDIR)/zgossip/zgossip.h'
	$(INSTALL) -m 644 include/zgossip.hpp '$(DESTDIR)$(INCLUDEDIR)/zgossip/zgossip.hpp'
	$(INSTALL) -m 644 include/czmq/*.h '$(DESTDIR)$(INCLUDEDIR)/zgossip-czmq'
	for name in libzgossip libzgossip-czmq libzgossip-static; do \
	    sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	        -e '/^[a-z]*=/ s| |\\ |g' -e 's|^\([a-z]*dir\)=$(PREFIX)/|\1=$${prefix}/|' \
	        -e 's|@VERSION@|$(VERSION)|' -e 's|@STATIC_LIBS@|$(if $(ZMQ_PACKAGE),,-lzmq )$(STATIC_LIBS)|' \
	        -e 's|@ZMQ_PACKAGE@|$(ZMQ_PACKAGE)|' -e '/: *$$/d' \
	        pkgconfig/$$name.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/'$$name.pc || exit 1; \
	    chmod 644 '$(DESTDIR)$(LIBDIR)/pkgconfig/'$$name.pc; \
	done
	$(INSTALL) -d '$(DESTDIR)$(MANDIR)/man3'
	$(INSTALL) -m 644 doc/libzgossip.3 '$(DESTDIR)$(MANDIR)/man3/libzgossip.3'
	$(INSTALL) -d '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) -m 644 LICENSE '$(DESTDIR)$(DOCDIR)/LICENSE'
	$(INSTALL) -d '$(DESTDIR)$(DATADIR)'
	$(INSTALL) -m 644 doc/valgrind.supp '$(DESTDIR)$(DATADIR)/valgrind.supp'
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && command -v ldconfig > /dev/null; then ldconfig; fi

uninstall: prefix
	rm -f '$(DESTDIR)$(LIBDIR)/libzgossip.so' '$(DESTDIR)$(LIBDIR)/libzgossip.so.$(MAJOR)' \
	    '$(DESTDIR)$(LIBDIR)/libzgossip.so.$(VERSION)' '$(DESTDIR)$(LIBDIR)/libzgossip.a' \
	    '$(DESTDIR)$(LIBDIR)/pkgconfig/libzgossip.pc' '$(DESTDIR)$(INCLUDEDIR)/zgossip/zgossip.h' \
	    '$(DESTDIR)$(INCLUDEDIR)/zgossip/zgossip.hpp' '$(DESTDIR)$(LIBDIR)/pkgconfig/libzgossip-czmq.pc' \
	    $(patsubst include/czmq/%,'$(DESTDIR)$(INCLUDEDIR)/zgossip-czmq/%',$(wildcard include/czmq/*.h)) \
	    '$(DESTDIR)$(LIBDIR)/pkgconfig/libzgossip-static.pc' '$(DESTDIR)$(MANDIR)/man3/libzgossip.3' \
	    '$(DESTDIR)$(DOCDIR)/LICENSE' '$(DESTDIR)$(DATADIR)/valgrind.supp'
	rmdir '$(DESTDIR)$(INCLUDEDIR)/zgossip' '$(DESTDIR)$(INCLUDEDIR)/zgossip-czmq' '$(DESTDIR)$(DOCDIR)' \
	    '$(DESTDIR)$(DATADIR)' 2> /dev/null || true
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && command -v ldconfig > /dev/null; then ldconfig; fi

clean:
	$(CARGO) clean

.PHONY: all help demo test steady bench simulate instructions profile fleet soak models fuzz sanitize lint reproducible errors header deps rust prefix install uninstall clean
