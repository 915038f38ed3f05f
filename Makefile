# `make run` and `make test` set everything up first; they need Python 3.11 or newer, and make.
PYTHON ?= python3
BIN := .venv/bin
export UV_COMPILE_BYTECODE := 1
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: run test slow lint setup lock clean
.DEFAULT_GOAL := run

run: setup ## the embedded experiment: digits, a small ResNet, BadNets, fine-tuning
	$(BIN)/kedro run

test: setup ## the tests that CI runs
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

slow: setup ## the checks that take minutes
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -nE 's/^(uv==[0-9.]+).*/\1/p' requirements.lock)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

lock: ## resolve the newest versions that fit into requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --group dev pyproject.toml -o requirements.lock

clean: ## remove what runs and tests leave, not the data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .viz
