# The verbs of this project, and all that CI calls. A machine needs Python 3.11 or newer with its venv module, cargo,
# make and cc; everything else is installed into .venv from requirements/. Nothing is built twice.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

DEMO_ARGS ?=
BENCH_ARGS ?=
FUZZ_SECONDS ?= 60
PYTEST_ARGS ?=
# The wheel is for the glibc of this machine, unless zig is there to link against an older one (pip install ziglang).
WHEEL_ARGS ?= $(shell python3 -m ziglang version >/dev/null 2>&1 && echo --zig --compatibility manylinux2014)
# Other targets of rustc to build wheels for, such as aarch64-unknown-linux-gnu x86_64-unknown-linux-musl; zig links them.
WHEEL_TARGETS ?=
# The Python of the image or machine that installs from the wheelhouse, such as 3.12; empty: the one of .venv.
WHEELHOUSE_PYTHON ?=
# What merges what `make profile` records: that of rustc's LLVM (rustc -vV; Debian: llvm-22 for 22), or a newer one.
LLVM_PROFDATA ?= llvm-profdata

VENV := .venv
# An environment that the caller has activated is not ours to build into.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport CONDA_PREFIX PYTHONHOME PYTHONPATH
BIN := $(VENV)/bin
# Stamps live in the environment they speak of, and go with it.
INSTALLED := $(VENV)/.installed
REAL := $(VENV)/.installed-real
BUILT := $(VENV)/.built
MODULE := python/ostiary/_core.abi3.so

RUST := Cargo.toml Cargo.lock pyproject.toml $(wildcard rust/profile/core.profdata rust/profile/rustc) \
	$(shell find rust -name fuzz -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)
FUZZ_TARGETS := $(sort $(notdir $(basename $(wildcard rust/fuzz/fuzz_targets/*.rs))))
# The first interpreter that is new enough and can make an environment. A pyenv shim may exist and not run.
FIND_PYTHON = for each in $(PYTHON) python3.11 python3 python3.12 python3.13; do \
	if "$$each" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		python=$$each; break; fi; done; \
	if [ -z "$${python:-}" ]; then \
		echo "make: no Python from 3.11 on with its venv module; install one (Debian: python3-venv), or name it: make PYTHON=..." >&2; \
		exit 1; fi
# How the core runs, for the optimizer, as rust/profile/README.md tells. It speaks of functions by the names that one
# compiler gives them.
PROFILED = $(shell [ "$$(rustc --version 2>&1)" = "$$(cat rust/profile/rustc 2>&1)" ] && \
	echo "--config 'build.rustflags=[\"-Cprofile-use=$(CURDIR)/rust/profile/core.profdata\"]'")
RECORDED := $(CURDIR)/target/profile
# One command for what is recorded and for what is built with that: how cargo is called goes into the names of functions.
DEVELOP := PIP_QUIET=1 $(BIN)/maturin develop --release --locked --quiet
# python-ldap is compiled here, against the machine's libldap and libsasl2.
HAS_HEADERS = printf '\#include <ldap.h>\n\#include <sasl/sasl.h>\n' | cc -E - >/dev/null 2>&1
PLATFORMS = $(foreach each,2_5 2_12 2_17 2_28 2_34,--platform manylinux_$(each)_$(shell uname -m)) \
	--platform manylinux2014_$(shell uname -m)
STUBTEST = $(BIN)/python -m mypy.stubtest ostiary._core --allowlist tests/house/stubtest_allowlist.txt

.PHONY: help demo test check lint format bench profile fuzz dist rebuild

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

demo: $(BUILT) ## build, and show the gateway at work before a directory of its own (DEMO_ARGS=--once ends it)
	$(BIN)/ostiary demo $(DEMO_ARGS)

test: $(BUILT) $(REAL) ## build, and run every test, those with real servers and clients included (PYTEST_ARGS)
	cargo test --workspace --locked --quiet
	$(STUBTEST)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(BUILT) ## run the unit, session and wire tests alone: seconds, once built
	cargo test --workspace --locked --quiet
	$(BIN)/python -m pytest -q tests/session tests/config tests/tls tests/house --ignore tests/house/test_readme.py

lint: $(BUILT) ## look for everything that tools can find, and change nothing
	cargo fmt --all --check
	cargo fmt --manifest-path rust/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then set -x; cargo deny --locked check bans licenses sources; \
		else echo "skipped: cargo deny is not installed"; fi
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(STUBTEST)
	$(BIN)/typos

format: $(INSTALLED) ## format Rust and Python, and mend what ruff can mend
	cargo fmt --all
	cargo fmt --manifest-path rust/fuzz/Cargo.toml
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BUILT) ## measure beside other gateways (BENCH_ARGS="--publish docs" writes docs/performance.*; see benches/README.md)
	$(BIN)/python -m benches.compare $(BENCH_ARGS)

# For whoever makes a release, not a verb: records anew how the core runs, for the optimizer, and builds with that.
profile: $(INSTALLED)
	$(LLVM_PROFDATA) merge --help >/dev/null
	rm -rf $(RECORDED) $(BUILT)
	$(DEVELOP) --config 'build.rustflags=["-Cprofile-generate=$(RECORDED)"]'
	@# What the compiler's own parts left there, which were built alike.
	rm -f $(RECORDED)/*.profraw
	$(BIN)/python -m benches.compare --output $(RECORDED)/measured --rounds 1 --seconds 2 \
		--only search-saturated,search-saturated-varied,search-16-outstanding,entries-1000,connect-bind,connect-bind-starttls-upstream \
		--gateways ostiary,ostiary+policy,ostiary+policy+hook,ostiary+seen,ostiary+policy+seen
	$(LLVM_PROFDATA) merge -o rust/profile/core.profdata $(RECORDED)/*.profraw
	rustc --version >rust/profile/rustc
	@# Cargo does not see that crates from elsewhere are to be compiled anew.
	cargo clean --release --quiet
	$(MAKE) $(BUILT)

fuzz: ## run each fuzz target for a minute (FUZZ_SECONDS)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
	@# No sanitizer: what is fuzzed reaches no unsafe but that which hands out an arena's words, so no nightly compiler.
	for target in $(FUZZ_TARGETS); do \
		cargo fuzz run --fuzz-dir rust/fuzz -s none "$$target" -- -max_total_time=$(FUZZ_SECONDS); done

dist: $(INSTALLED) ## build wheel and sdist into dist/, and a wheelhouse for where no network is (WHEELHOUSE_PYTHON, WHEEL_ARGS, WHEEL_TARGETS)
	rm -rf dist
	$(BIN)/maturin build --release --locked --out dist $(WHEEL_ARGS) $(PROFILED)
	$(BIN)/maturin sdist --out dist
	mkdir dist/wheelhouse
	cp dist/*.whl dist/wheelhouse/
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
		$(if $(WHEELHOUSE_PYTHON),--python-version $(WHEELHOUSE_PYTHON) $(PLATFORMS)) \
		-d dist/wheelhouse -r requirements/run.txt
	$(foreach target,$(WHEEL_TARGETS),$(BIN)/maturin build --release --locked --out dist --zig --target $(target) \
		--compatibility $(if $(findstring musl,$(target)),musllinux_1_2,manylinux2014);)

$(INSTALLED): requirements/dev.txt
	@$(FIND_PYTHON); [ -x $(BIN)/python ] || "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(REAL): requirements/real.txt $(INSTALLED)
	@if $(HAS_HEADERS); then set -x; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/real.txt; touch $@; \
		else echo "skipped: python-ldap, as the headers of libldap and libsasl2 are absent (libldap-dev, libsasl2-dev)"; fi

# Built anew when a source changed, when the module is absent, or when somebody else has built it since.
$(BUILT): $(INSTALLED) $(RUST) $(or $(wildcard $(MODULE)),rebuild)
	@command -v cargo >/dev/null || { echo "make: cargo is not installed; see rust-lang.org" >&2; exit 1; }
	$(DEVELOP) $(PROFILED)
	@touch $@
