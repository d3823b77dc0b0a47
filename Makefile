# Everything a developer runs. `make` alone prints the list.
# Only python3 (3.11 or newer, with venv) and make are needed beforehand.

.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
# Worker processes of the tests.
JOBS ?= 2
# Servers and tools are waited for a third of the time.
TEST_JOBS ?= 3
# More words for pytest, e.g. `make test ARGS="-k fold -x"`.
ARGS ?=
# Histories of `make simulate`.
SEEDS ?= 10000
FIRST ?= 0
# How long `make fuzz` goes on.
FUZZ_SECONDS ?= 3600
# The seed of everything random; give the printed one again to repeat a run.
ifndef CONCORD_SEED
CONCORD_SEED := $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
endif
export CONCORD_SEED

# A caller's own environment must not leak into ours; least of all one that has Python compile everything again in each
# process that the tests start.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

PYTEST := $(BIN)/python -m pytest
PIP := python -m pip --disable-pip-version-check

.PHONY: help venv demo production-demo test servers chaos simulate fuzz fuzz-guided sbom advisories mutants bench lint format types docs docs-check lock clean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environments: the stamp in each makes pip run again only when its pins changed. An environment in use is
# --- brought up to date in place; `make clean venv` begins anew.

venv: .venv/stamp  ## make .venv from the lock and install Concord into it, editable

.venv/stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Concord needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." \
			"Name another one: make PYTHON=python3.12 $(or $(MAKECMDGOALS),venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "'$(PYTHON)' comes without venv; install it (on Debian and Ubuntu: the package python3-venv)." >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(BIN)/$(PIP) install --quiet --require-hashes -r requirements.lock
	$(BIN)/$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv-bench/stamp: requirements-bench.lock | .venv/stamp
	@.venv-bench/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv-bench
	.venv-bench/bin/$(PIP) install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

.venv-audit/stamp: requirements-audit.lock
	@.venv-audit/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv-audit
	.venv-audit/bin/$(PIP) install --quiet --require-hashes -r requirements-audit.lock
	@touch $@

# The fuzzer comes for some platforms only, and works on the hub with all that it stands on.
.venv-fuzz/stamp: requirements.lock requirements-fuzz.lock
	@.venv-fuzz/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv-fuzz
	.venv-fuzz/bin/$(PIP) install --quiet --require-hashes -r requirements.lock -r requirements-fuzz.lock
	@touch $@

# --- use

demo: venv  ## start the hub with sandboxed tools and sample data
	$(BIN)/concord demo

production-demo: venv  ## run it as several processes, kill them at random, and count what is lost or doubled
	@echo "seed $(CONCORD_SEED); repeat with: make production-demo CONCORD_SEED=$(CONCORD_SEED)"
	$(BIN)/python -m tests.production $(ARGS)

# --- checks

test: venv  ## run the tests that need no service
	$(PYTEST) -n $(TEST_JOBS) --dist worksteal $(ARGS)

servers: venv  ## run the tests against real servers on loopback
	@echo "seed $(CONCORD_SEED); repeat with: make servers CONCORD_SEED=$(CONCORD_SEED)"
	$(PYTEST) -m servers $(ARGS)

chaos: venv  ## run the long simulations with random mischief
	@echo "seed $(CONCORD_SEED); repeat with: make chaos CONCORD_SEED=$(CONCORD_SEED)"
	$(PYTEST) -m chaos -n $(JOBS) --dist worksteal $(ARGS)

simulate: venv  ## play SEEDS histories of a hostile world from FIRST on; goes on where it was broken off
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS) --state var/simulation.json

fuzz: venv  ## throw noise at every webhook's door and the mapping checker for FUZZ_SECONDS, with ever new seeds
	@end=$$(($$(date +%s) + $(FUZZ_SECONDS))); seed=$(CONCORD_SEED); while [ $$(date +%s) -lt $$end ]; do \
		echo "seed $$seed; repeat with: make fuzz CONCORD_SEED=$$seed"; \
		CONCORD_SEED=$$seed CONCORD_FUZZ_EXAMPLES=300 CONCORD_HYPOTHESIS=thorough \
			$(PYTEST) tests/fuzz --timeout 3600 -x $(ARGS) || exit 1; seed=$$((seed + 1)); done

fuzz-guided: .venv-fuzz/stamp  ## the same, guided by coverage, FUZZ_SECONDS for each of six targets
	@for what in mappings hubspot mailchimp stripe memory google_calendar; do \
		.venv-fuzz/bin/python -m tests.fuzz.guided $$what $(FUZZ_SECONDS) || exit 1; done

sbom: venv  ## print what Concord stands on, as CycloneDX JSON
	@$(BIN)/python -m tests.sbom

advisories: venv .venv-audit/stamp  ## look every pinned package up among the published advisories
	$(BIN)/python -m tests.advisories

mutants: venv  ## put deliberate faults into the flow, one at a time, and see which law catches each
	$(BIN)/python -m tests.simulation.mutants --jobs $(JOBS) $(ARGS)

bench: venv .venv-bench/stamp  ## measure, also against other tools (in their own environment, .venv-bench)
	@echo "seed $(CONCORD_SEED); repeat with: make bench CONCORD_SEED=$(CONCORD_SEED)"
	$(BIN)/python -m tests.bench $(ARGS)

lint: venv  ## look for mistakes and uneven style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: venv  ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: venv  ## check the types
	$(BIN)/mypy

docs: venv  ## print the generated pages again
	$(BIN)/python -m api.printed

docs-check: venv  ## fail when a generated page is not what would be printed
	@if test -f api/printed.py; then $(BIN)/python -m api.printed --check; else echo "no generated pages yet"; fi

# --- upkeep

# Hashes of every published file of a version, for every platform; no index address is written.
COMPILE := .venv-lock/bin/uv --quiet pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock:  ## pin the newest versions into requirements.lock and its three sisters
	@.venv-lock/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/$(PIP) install --quiet --upgrade uv
	{ echo '# Made by `make lock` from pyproject.toml: what Concord runs on, is shown with and is tested with.'; \
		$(COMPILE) --extra dev pyproject.toml; } >requirements.lock.new
	{ echo '# Made by `make lock` from requirements-bench.txt.'; \
		$(COMPILE) requirements-bench.txt; } >requirements-bench.lock.new
	{ echo '# Made by `make lock` from requirements-audit.txt.'; \
		$(COMPILE) requirements-audit.txt; } >requirements-audit.lock.new
	{ echo '# Made by `make lock` from requirements-fuzz.txt.'; \
		$(COMPILE) requirements-fuzz.txt; } >requirements-fuzz.lock.new
	for one in requirements requirements-bench requirements-audit requirements-fuzz; do mv $$one.lock.new $$one.lock; done

clean:  ## remove environments, caches and build results
	rm -rf .venv .venv-bench .venv-audit .venv-fuzz .venv-lock build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
