# Each target does its own set-up: a machine with make and Python 3.11 or newer is enough.

PYTHON ?= python3
ARGS ?=

VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
SCRIPTS := $(wildcard scripts/*.py scripts/*/*.py)

# Where `make check` unpacks the wheel, and the way back from there.
TYPED := build/typed
FROM_TYPED := ../..
MYPY := $(FROM_TYPED)/$(BIN)/mypy --config-file $(FROM_TYPED)/pyproject.toml \
	--cache-dir $(FROM_TYPED)/.mypy_cache

define TOO_OLD
qmoe-qiskit needs Python 3.11 or newer, and '$(PYTHON)' is not. \
Name one that is: make $(MAKECMDGOALS) PYTHON=python3.12
endef

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo rehearse quick test trials lowest check docs bench measure clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "ARGS='...' is handed to pytest, the demo or the benchmark; PYTHON=... is what .venv is made with."

demo: $(VENV)/.installed-core  ## train on Two Moons, about ten seconds once installed; results in runs/demo
	$(BIN)/qmoe demo --out runs/demo --force $(ARGS)

rehearse: $(VENV)/.installed-core  ## serve a stand-in for IBM Quantum: try submission without an account
	$(BIN)/python tests/ibm_service $(ARGS)

# One thread a worker: sums are added up in the same order everywhere.
# Three workers fill two cores, for one of them usually waits for a program or a service.
# What pytest makes of the tests is kept, also where Python is told to keep nothing compiled.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest
QUICK := -n 2 --dist worksteal --hypothesis-profile=quick \
	-m "not process and not service and not slow and not trial"

quick: $(VENV)/.installed-dev  ## run the tests that take this process only, about a minute
	$(PYTEST) $(QUICK) $(ARGS)

test: $(VENV)/.installed-dev  ## run the test suite without the long trials
	$(PYTEST) -n 3 --dist worksteal -m "not trial" $(ARGS)

trials: $(VENV)/.installed-dev  ## run the long random trials, and properties with more examples
	$(PYTEST) -n 3 --dist worksteal --hypothesis-profile=whole -m "trial or hypothesis" $(ARGS)

lowest: $(LOWEST)/.installed  ## run the quick tests with the lowest versions of all dependencies
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(LOWEST)/bin/pytest $(QUICK) $(ARGS)

# Imports and types are checked on the built wheel. In the repository backends/ and noise_profiles/
# lie beside qmoe_qiskit/, where neither import-linter nor mypy would take them for its subpackages.
check: $(VENV)/.installed-dev  ## check style, import directions and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/bdist* build/lib build/typed build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(BIN)/python -m pip install --quiet --no-deps --target $(TYPED) build/wheel/*.whl
	cd $(TYPED) && $(FROM_TYPED)/$(BIN)/lint-imports --no-cache --config $(FROM_TYPED)/pyproject.toml
	cd $(TYPED) && $(MYPY) -p qmoe_qiskit
ifneq ($(SCRIPTS),)
	cd $(TYPED) && $(MYPY) $(addprefix $(FROM_TYPED)/,$(SCRIPTS))
endif

# Warnings are errors. The tutorials are run, and run again only when they change.
docs: $(VENV)/.installed-docs  ## build the documentation as a website in build/docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -W --keep-going $(ARGS) docs build/docs

bench: $(VENV)/.installed-bench  ## compare speed with other libraries
	$(BIN)/python scripts/benchmark.py $(ARGS)

measure: $(VENV)/.installed-bench  ## measure the tables and figures of README.md and docs/ anew
	$(BIN)/python scripts/measure.py

clean:  ## remove what was built; keeps .venv and runs
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(wildcard qmoe_qiskit backends noise_profiles tests scripts) \
		-name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(TOO_OLD)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# torch is not the lowest, see scripts/lowest.py.
$(LOWEST)/.installed: pyproject.toml scripts/lowest.py
	$(PYTHON) -m venv --clear $(LOWEST)
	$(PYTHON) scripts/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install -c $(LOWEST)/constraints.txt -e '.[dev]'
	@touch $@

# Every extra brings the core along.
$(VENV)/.installed-%: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	$(BIN)/python -m pip install -c constraints.txt -e '.$(if $(filter-out core,$*),[$*])'
	@touch $(VENV)/.installed-core $@
