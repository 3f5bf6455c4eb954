# Two words for a newcomer: 'make demo' and 'make test'. Each works alone on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find ferfusion -type f -not -name '*.pyc') setup.cfg pyproject.toml README.md LICENSE
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test lint types bench docs clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.package  ## set everything up and run the main job on the embedded synthetic corpus
	$(BIN)/ferfusion demo --out demo

test: $(VENV)/.package $(VENV)/.test  ## set everything up and run the tests against the built wheel
	$(BIN)/python -m coverage erase
	FERFUSION_TEST_WHEEL=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint: $(VENV)/.test  ## check style and the floors of the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --config setup.cfg

types: $(VENV)/.test  ## check the type hints
	$(BIN)/mypy

bench: $(VENV)/.package  ## measure on real corpora (needs $$FERFUSION_CORPORA or ../shared/corpora)
	$(BIN)/python benchmarks/classifiers.py
	$(BIN)/python benchmarks/synthetic.py

docs: $(VENV)/.package $(VENV)/.docs  ## build the guide into site/
	$(BIN)/mkdocs build --strict --quiet

clean:  ## remove everything that was made here
	rm -rf $(VENV) build dist *.egg-info demo site .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# The environment, and the package in it as its users get it: built into a wheel, not linked to the sources.
$(VENV)/.environment:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ferfusion needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.package: $(VENV)/.environment $(SOURCES) constraints.txt
	rm -rf build dist
	$(PIP) wheel --no-deps --wheel-dir dist .
	$(PIP) install --constraint constraints.txt dist/*.whl
	$(PIP) install --no-deps --force-reinstall dist/*.whl
	@touch $@

$(VENV)/.test: $(VENV)/.package setup.cfg
	$(PIP) install --constraint constraints.txt "$$(echo dist/*.whl)[test]"
	@touch $@

$(VENV)/.docs: $(VENV)/.package setup.cfg
	$(PIP) install "$$(echo dist/*.whl)[docs]"
	@touch $@
