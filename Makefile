# `make demo` and `make test` need nothing but Python 3.11 or newer and make; each sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
# Installs in the versions of constraints.txt, with uv, which is several times as fast as pip, or else with pip alone.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
install = export PIP_CONSTRAINT=constraints.txt; { $(PIP) uv && $(BIN)/python -m dev.uv -e '$(1)'; } || $(PIP) -e '$(1)'
# On all cores, which pip does not do. Some packages carry files that are no Python, such as templates.
COMPILE = $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib >/dev/null || true
# Six processes keep two cores busy, since tests also wait; each goes on with what the others have not begun.
PARALLEL := -n 6 --dist worksteal
PYTEST = $(BIN)/python -m pytest
SELECTED = -m "not heavy and not long"

# pytest rewrites every test and its plugins when they are imported, in each process, unless it may keep what it wrote.
unexport PYTHONDONTWRITEBYTECODE

# What runs side by side prints when it has ended, so that no lines are mixed. Older versions of make lack the option.
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help demo test heavy lint format coverage fuzz mutants official fetch bytecode bundle bench ci check clean

help:
	@echo "make demo      show the server at work on the embedded sandbox"
	@echo "make test      run the tests, but for those that take long or need other programs"
	@echo "make heavy     run the other tests: a soak, replicas behind nginx, a mocked PostHog, Chromium, the official tools"
	@echo "make lint      lint, format check, strict type check and import layers"
	@echo "make format    format the code and apply safe fixes"
	@echo "make coverage  run all tests and report what they do not reach"
	@echo "make fuzz      send it what nobody would send; a minute for each target"
	@echo "make mutants   break each promise on purpose, and see that its tests find it; takes some minutes"
	@echo "make bench     measure it against its peers; takes some minutes"
	@echo "make official  check it with the official tools and clients; the first run fetches them"
	@echo "make fetch     fetch what make official needs"
	@echo "make bundle    pack it for desktop clients into dist/"
	@echo "make ci        everything that must pass before a change lands"
	@echo "make check     the same, with the longest tests and the whole coverage; before a release"
	@echo "make clean     remove what was set up"

# What it takes to run, without the tools of developers: the demonstration needs no more.
$(RUNS): pyproject.toml constraints.txt src/projects_mcp/_version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) with what projects-mcp needs. This takes about half a minute, once."
	@$(PYTHON) -m venv $(VENV) || { echo "The module venv is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(call install,.)
	@$(COMPILE)
	@touch $@

$(READY): $(RUNS)
	@echo "Adding the tools for tests and checks. This takes about a minute, once."
	@$(call install,.[dev])
	@$(COMPILE)
	@touch $@

# Most tests of processes import the package anew, at the same time: without this, several would compile it.
bytecode: $(READY)
	@$(BIN)/python -m compileall -q src

# Compiled, so that the servers that it starts begin at once, also where Python may not write bytecode.
demo: $(RUNS)
	@$(BIN)/python -m compileall -qq src
	@$(BIN)/projects-mcp demo

test: bytecode
	@echo "Running the tests with six processes. This takes about five minutes on two cores."
	$(PYTEST) $(PARALLEL) $(SELECTED)

heavy: bytecode
	$(BIN)/python -m pytest -m "heavy or long"

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The bar is just below what the tests that are measured reach: see tests/support/measuring.py.
coverage: BAR := 85
coverage: bytecode
	$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test PYTEST='$(BIN)/coverage run -m pytest' SELECTED='$(DONE)'
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(BAR)

# FUZZ holds options, such as: make fuzz FUZZ='--seconds 600 --only calls'
fuzz: $(READY)
	$(BIN)/python -m dev.fuzz $(FUZZ)

# MUTANTS holds words, such as: make mutants MUTANTS='withdrawn json_edit'
mutants: $(READY)
	$(BIN)/python -m dev.mutants $(MUTANTS)

# OFFICIAL=required in the environment fails what cannot be had
official: bytecode
	$(BIN)/python -m dev.conformance

fetch: $(READY)
	$(BIN)/python -m dev.conformance --fetch

bundle: $(READY)
	$(BIN)/python -m dev.release.bundle

# BENCH holds options, such as: make bench BENCH='--quick --only start'
bench: $(READY)
	$(BIN)/python -m dev.bench $(BENCH)

# What the official checks of the bundle run, the tests need not run again.
ci: DONE := -m "not bundle and not long"
check: DONE := -m "not bundle"
# in this order: the tests use what the official checks fetch, and fetching mostly waits while lint works
ci: TESTS := test SELECTED='$(DONE)'
check: TESTS := coverage DONE='$(DONE)'
# A release starts each process of a test anew, and not warm: tests/support/warm.py.
check: export COLD := 1
ci check: $(READY)
	@$(MAKE) --no-print-directory -j 3 $(GROUPED) fetch lint demo
	@$(MAKE) --no-print-directory official
	@$(MAKE) --no-print-directory $(TESTS)

clean:
	rm -rf $(VENV) .dev build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
