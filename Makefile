# Two commands do everything, each in .venv/ of this checkout:
#   make run    derive, simulate, compare, fit, draw, conclude
#   make test   lint, types, tests, doctests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs
BENCH := .venv-bench
BENCH_READY := $(BENCH)/.ready

# Containers often forbid compiled modules on disk; tests start Python a hundred times.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run test lint types kernels test-all docs test-lowest test-newest-numba bench claims coverage skewness power rare-events faults altered scaling transfer infinite-width mutation clean

run: $(READY)
	$(BIN)/python -m verify

test: $(READY)
	$(MAKE) --jobs 2 lint types kernels
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# The compiled passes of samplers, once for all test processes.
kernels: $(READY)
	$(BIN)/python -m tests.tools.compiled $(if $(filter test-all,$(MAKECMDGOALS)),slow)

# All tests: the slow ones too, with four times the examples, and those that need PyTorch, JAX (processors
# only), Dask and scikit-learn, which it installs in .venv-bench/, about 3 GB and some minutes; and a
# TeX (Debian: texlive-latex-recommended and lmodern) and Chromium with its driver (chromium,
# chromium-driver), which it asks for where they are missing: docs/start.md.
test-all: lint types kernels docs $(BENCH_READY)
	$(BIN)/pytest -n auto --hypothesis-profile thorough
	$(BENCH)/bin/python -m pytest -n auto tests/extras verify/pytorch docs/train.md

# The documentation site, in build/docs: notebooks are executed, a warning is an error.
docs: $(DOCS_READY)
	$(BIN)/python -m sphinx -W --keep-going --fresh-env -q -b html docs build/docs
	@echo "build/docs/index.html"

# The tests on the lowest supported versions of what we import, in .venv-lowest/.
test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable '.[dev]'
	.venv-lowest/bin/pytest -n auto

# The tests on the newest Numba, which may lie above the bound in setup.cfg, in .venv-newest/.
test-newest-numba:
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	.venv-newest/bin/python -m pip install --quiet --upgrade numba
	.venv-newest/bin/pytest -n auto -m "not slow"

# Ratios against literal networks in PyTorch, JAX and NumPy; the same installation.
bench: $(BENCH_READY)
	$(BENCH)/bin/python -m bench

# How often intervals and tests miss the truth, cell by cell; some minutes on two cores.
coverage: $(READY)
	$(BIN)/python -m studies.coverage

# The verdicts of theory on 5,000 generated claims whose truth is known; about 20 minutes.
claims: $(READY)
	$(BIN)/python -m studies.claims

# How skewed weighted samples are, all over the range in which they decide; a few minutes.
skewness: $(READY)
	$(BIN)/python -m studies.skewness

# How many networks it takes to reject wrong laws, predicted and measured; some minutes on two cores.
power: $(READY)
	$(BIN)/python -m studies.power

# How even the weighted samples of rare networks are; a minute or two on two cores.
rare-events: $(READY)
	$(BIN)/python -m studies.rare_events

# Which learning rate of small trained networks carries over to deeper ones: about half an hour on one
# core; the same installation as for test-all.
transfer: $(BENCH_READY)
	$(BENCH)/bin/python -m studies.transfer

# Laws as the width grows, against recursions and finite networks: half an hour on two cores.
infinite-width: $(READY)
	$(BIN)/python -m studies.infinite_width

# Runs killed at random instants, in mid-write, in pairs, and on disks that fail; some minutes.
faults: $(READY)
	$(BIN)/python -m studies.faults

# A run's folder altered in a few hundred ways, then gone on with, drawn again and shown; some minutes.
altered: $(READY)
	$(BIN)/python -m studies.altered

# What a network costs on a core, and a block beside; the numbers of docs/studies.md, with Dask.
scaling: $(BENCH_READY)
	$(BENCH)/bin/python -m studies.scaling

# Which small faults in the derivation engine and the samplers no test notices: an hour or two on two
# cores; SAMPLE=all takes most of a day.  Begun again, it goes on where it was.
SAMPLE ?= 24
mutation: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,mutation]'
	$(BIN)/python -m studies.mutation --sample $(SAMPLE) --jobs 2

# `uv sync` removes the tools of the tests from .venv/: install again where they are missing.
ifeq ($(wildcard $(BIN)/pytest),)
.PHONY: $(READY)
endif

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into $(VENV)/, some minutes without a word."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -q -j 0 -x '/(tests?|pip|setuptools|mypyc?|numba/cuda)/' $(VENV)/lib
	touch $(READY)

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	touch $(DOCS_READY)

$(BENCH_READY): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[browser,dev,docs,peers,pytorch,studies]'
	touch $(BENCH_READY)

clean:
	rm -rf $(VENV) $(BENCH) .venv-lowest .venv-newest build dist *.egg-info
