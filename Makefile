# Two commands: `make demo` does the main job, `make test` passes the tests. Both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
# What is imported is compiled then, a tenth of it, and kept: else each process compiles it again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
    --constraint requirements.lock

.PHONY: demo test check docs bench clean

demo: .venv/demo-installed
	$(BIN)/preceptor demo

test: .venv/dev-installed
	@echo "Running the tests on three processes, since some wait: about fifteen minutes"
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: .venv/dev-installed
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy

docs: .venv/dev-installed
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Preceptor needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo-installed: pyproject.toml requirements.lock | .venv/bin/python
	@echo "Installing Preceptor and its small local models' runtime into .venv: about a minute, once"
	@$(PIP) --editable '.[local,figures]'
	@touch $@

.venv/dev-installed: pyproject.toml requirements.lock | .venv/bin/python
	@echo "Installing Preceptor with every extra and the tests' tools into .venv: two to five minutes, once"
	@$(PIP) --editable '.[dev]'
	@touch $@ .venv/demo-installed

# About ten minutes on two cores; the first time it makes an environment for inspect-evals.
bench: .venv/dev-installed
	$(BIN)/python bench/throughput.py
	$(BIN)/python bench/scale.py

clean:
	rm -rf .venv .venv-inspect-evals docs/_build demo .pytest_cache .mypy_cache .ruff_cache
