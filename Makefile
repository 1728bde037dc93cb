# make train [TUTORIAL=mlp] [ARGS="--epochs 20"]   environment, install, data, training
# make test                                        environment, install, the whole test suite
# make lint | bench | docs                         linters | measurements beside the peers | manual
#
# Python 3.11 or later and make are all that must be there; everything else goes into .venv.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin

TUTORIAL ?= logistic_regression
ARGS ?=
PYTEST_ARGS ?=

.PHONY: train test lint bench docs clean

train: $(VENV)/.tutorials
	$(BIN)/python tutorials/$(TUTORIAL).py $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.docs
	$(BIN)/python docs/operations.py
	$(BIN)/python docs/rules.py
	$(BIN)/sphinx-build -q docs docs/_build/html
	@echo "open docs/_build/html/index.html"

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated docs/tutorials

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "symnet needs Python 3.11 or later: none found on PATH"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) has no venv module (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }

# One stamp for each extra: a second run installs nothing unless pyproject.toml changed.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
