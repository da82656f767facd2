# One virtual environment, built on the first call of any target:
#
#   make demo     pre-train, probe, fine-tune, report (options: make demo ARGS="--seed 1")
#   make lint     ruff: rules and formatting
#   make types    mypy --strict
#   make docs     the documentation, in docs/_build
#   make env      only the environment
#   make scatter  the optional torch-scatter, built from source (minutes)
#   make dist     the archives, checked, installed and tried in an environment of their own
#   make clean    removes the environment
#
# Three tiers of checks, the first for every change, the others for a release:
#
#   make test     the tests: minutes                  (options: make test ARGS="-k skeleton")
#   make long     slow tests, damaged files for every reader, killed preparation, small faults in the
#                 code that a test must notice, and the soak (kills, hostile files, the memory of an
#                 hour of training): hours
#                                 (shorter: make long CASES=1000 FILES=1000 KILLS=20 MINUTES=5)
#   make bench    speed, and the tables from results.csv: minutes
#   make fuzz     the damaged files alone             (options: make fuzz ARGS="--reader bvh")
#   make mutants  the small faults alone              (options: make mutants ARGS="--seed 1")
#
# PYTHON is the interpreter (3.10 or newer) that the environment is made from.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# How much make long does: damaged files for each reader, files to prepare, command lines that are
# killed, minutes of training.
CASES ?= 20000
FILES ?= 20000
KILLS ?= 100
MINUTES ?= 60
# Waiting threads sleep instead of spinning. Where other programs want the cores too, a training
# step took 0.9 s this way and 22 s the usual way; where none do, it costs little.
export OMP_WAIT_POLICY ?= passive
# Models as small as the demonstration's are no faster on two threads, and slower on busy cores.

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
SOURCES := setup.cfg pyproject.toml constraints.txt

.PHONY: demo test long bench fuzz mutants lint types docs dist env scatter clean

demo: $(VENV)/.viz
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/skeletonmae demo $(ARGS)

test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow" $(ARGS)

long: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow
	PYTHONPATH=tests $(BIN)/python -m fuzz.run --n $(CASES) --jobs 2
	$(BIN)/python benchmarks/prepare_scale.py --files $(FILES) --kills 6
	PYTHONPATH=tests $(BIN)/python -m mutants.run --jobs 2
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py kills --n $(KILLS)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py hostile
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py hour --minutes $(MINUTES)

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/speed.py --only st --quick
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/uiprmd.py --table

fuzz: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m fuzz.run $(ARGS)

mutants: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m mutants.run $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy --strict pyg_skeletonmae

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build

# Each archive is installed in an environment of its own, and tried there, both outside this folder.
dist: $(VENV)/.dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*
	for archive in dist/*.whl dist/*.tar.gz; do \
	  bash .ci/try_archive "$(PYTHON)" "$$archive" constraints.txt || exit 1; \
	done

env: $(VENV)/.dev

# Optional: nothing needs it. There is no wheel of it for a current torch, so a compiler is needed.
scatter: $(VENV)/.dev
	$(PIP) --no-build-isolation -e '.[scatter]'

clean:
	rm -rf $(VENV)

# The stamp files make a second call do nothing until a version or a dependency changes.
# setuptools comes first and the build is not isolated, so that it too is the pinned one.
$(VENV)/.base: $(SOURCES)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) setuptools
	touch $@

$(VENV)/.viz: $(VENV)/.base
	$(PIP) --no-build-isolation torch==2.13.0 -e '.[viz]'
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --no-build-isolation torch==2.13.0 -e '.[dev,export,hub,viz]'
	touch $@

$(VENV)/.dist: $(VENV)/.base
	$(PIP) 'build>=1.2' 'twine>=6.0' setuptools
	touch $@

$(VENV)/.docs: $(VENV)/.base
	$(PIP) --no-build-isolation torch==2.13.0 -e '.[docs,viz]'
	touch $@
