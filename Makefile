# Everything a newcomer needs, from python3 (3.11 or newer, with venv and pip), make and a package registry.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := PYTHONUNBUFFERED=1 $(BIN)/python -m pip --disable-pip-version-check

# A stamp says which requirements the environment was filled from, so that a changed lock is installed again.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help run test check fmt fuzz bench clean docs lock migration

help: ## List what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(RUNTIME) ## Serve on http://127.0.0.1:8000 with SQLite in ./catalog.db (PORT=9000 for another port)
	@$(BIN)/catalog serve --port $(PORT)

test: $(DEV) ## Run every test, on memory, SQLite and a real Postgres, with coverage (ARGS="tests/unit -k money": some, without)
	@$(BIN)/pytest --numprocesses=auto $(COVERAGE) $(ARGS)

# Only the whole suite covers the core; a part of it would always be below the threshold.
COVERAGE = $(if $(strip $(ARGS)),,--cov --cov-report=term-missing)

check: $(DEV) ## What CI runs beside the tests: formatting, lint, types, fences between the rooms
	@$(BIN)/ruff format --check --quiet . || { echo 'Not formatted: run "make fmt".'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(DEV) ## Format the code and mend what lint can mend
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix-only --quiet .

fuzz: $(DEV) ## Send 5,000 requests to the service on each store, and hold every answer against the OpenAPI document
	@$(BIN)/python -m tests.fuzz.contract $(ARGS)

bench: $(DEV) ## Measure, side by side in one run (docs/explanation/performance.md says how to read it)
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## Write the reference pages that are made from the code
	@$(BIN)/python -m tests.architecture.cli_reference
	@$(BIN)/python -m tests.architecture.error_reference

migration: $(DEV) ## Begin a schema migration: make migration NAME=what_it_does
	@$(BIN)/python -m catalog.adapters.sql.schema.migrations "$(NAME)"

lock: $(DEV) ## Pin the dependencies anew, with hashes, after pyproject.toml changed
	@$(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) --group build --group redoc -o requirements/runtime.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) --group build --group redoc --group dev -o requirements/dev.txt pyproject.toml

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

clean: ## Remove the environment and everything built; data (catalog.db) stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Catalog needs Python 3.11 or newer; name one with "make PYTHON=python3.12 ...".'; exit 1; }
	@echo 'Setting up $(VENV) ...'
	@$(PYTHON) -m venv $(VENV) || { \
		echo 'Python has no venv or no pip (on Debian: apt install python3-venv).'; exit 1; }

# The locks are complete, so pip resolves nothing (--no-deps): older pips (before 26) otherwise look at the newest release of
# a package named with an extra, find no hash for it, and refuse the lock.
$(RUNTIME): requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo 'Installing Catalog and what it runs on (once, about a minute) ...'
	@$(call install,requirements/runtime.txt)
	@$(PIP) --quiet install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo 'Installing the tools for tests and checks (once, about a minute) ...'
	@$(call install,requirements/dev.txt)
	@touch $@

# Install a lock, with a line for every 20 packages. The last line of the pipe is pip's exit status.
define install
{ $(PIP) install --progress-bar off --no-deps --require-hashes -r $(1); echo "status $$?"; } | { \
	number=0; total=$$(grep -c '==' $(1)); \
	while read -r first rest; do \
		case "$$first" in \
			Collecting|Requirement) number=$$((number + 1)); \
				if [ $$((number % 20)) -eq 0 ]; then echo "  $$number of $$total packages"; fi ;; \
			Installing) echo '  unpacking ...' ;; \
			status) exit "$$rest" ;; \
		esac; \
	done; }
endef
