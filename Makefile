# Development tasks. Requires make, python3 (3.11 or newer, with venv and pip) and access to a package registry.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := PYTHONUNBUFFERED=1 $(BIN)/python -m pip --disable-pip-version-check

# Stamp files. A lock file newer than its stamp is installed again.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
TYPESCRIPT := $(VENV)/typescript/.installed
NPM_PACKAGES := tests/http/openapi/typescript

.DEFAULT_GOAL := help
.PHONY: help run test test-browser pictures check fmt fuzz bench clean docs lock migration

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: $(RUNTIME) ## Serve on http://127.0.0.1:8000 with SQLite in ./catalog.db (PORT=9000 for another port)
	@$(BIN)/catalog serve --port $(PORT)

test: $(DEV) $(TYPESCRIPT) ## Run all tests but those in a browser, on memory, SQLite and a real Postgres, with coverage; ARGS="tests/unit -k money" selects some
	@$(BIN)/pytest --numprocesses=auto $(COVERAGE) $(ARGS)

# Coverage is measured only for the whole suite: a part of it never reaches the threshold.
COVERAGE = $(if $(strip $(ARGS)),,--cov --cov-report=term-missing)

test-browser: $(DEV) ## Run the tests of the page in Chromium, which it installs with apt where it may; ARGS="-k landing" selects some
	@$(WITH_BROWSER)
	@$(BIN)/pytest --numprocesses=auto tests/browser $(ARGS)

pictures: $(DEV) ## Take the pictures of the page in the README anew
	@$(WITH_BROWSER)
	@CATALOG_TEST_SCREENSHOTS=$(CURDIR)/docs/images $(BIN)/pytest --quiet tests/browser/test_pictures.py

# Names of packages and programs differ between systems. The browser is never downloaded in another way.
FIND_BROWSER := { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null
INSTALL_BROWSER := { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo 'Installing Chromium ...' && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null; } || true
WITH_BROWSER = $(FIND_BROWSER) || $(INSTALL_BROWSER); $(FIND_BROWSER) || \
	{ echo 'No browser: the tests of the page need Chromium (on Debian: apt install chromium).'; exit 1; }

check: $(DEV) ## Check formatting, lint, types and import rules; CI runs this and the tests
	@$(BIN)/ruff format --check --quiet . || { echo 'Not formatted: run "make fmt".'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(DEV) ## Format the code and apply lint fixes
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix-only --quiet .

fuzz: $(DEV) ## Send 5,000 requests to each store and check every response against the OpenAPI document
	@$(BIN)/python -m tests.fuzz.contract $(ARGS)

bench: $(DEV) ## Run the benchmarks (docs/explanation/performance.md explains them)
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## Generate the reference pages from the code
	@$(BIN)/python -m tests.architecture.cli_reference
	@$(BIN)/python -m tests.architecture.error_reference
	@$(BIN)/python -m tests.architecture.settings_reference

migration: $(DEV) ## Create a schema migration: make migration NAME=what_it_does
	@$(BIN)/python -m catalog.adapters.sql.schema.migrations "$(NAME)"

lock: $(DEV) ## Pin the dependencies with hashes; run it after changing pyproject.toml
	@$(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) --group build --group redoc -o requirements/runtime.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) --group build --group redoc --group dev --group browser -o requirements/dev.txt pyproject.toml
	@$(BIN)/npm install --silent --package-lock-only --omit-lockfile-registry-resolved --prefix $(NPM_PACKAGES)
	@$(BIN)/node -e '$(REMOVE_FUNDING)' $(NPM_PACKAGES)/package-lock.json

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

# A lock file without addresses works with every registry. npm itself has no option to leave out those of sponsors.
REMOVE_FUNDING := const fs = require("fs"), [lock] = process.argv.slice(1); \
	const kept = (name, value) => name === "funding" ? undefined : value; \
	fs.writeFileSync(lock, JSON.stringify(JSON.parse(fs.readFileSync(lock)), kept, 2) + "\n")

clean: ## Delete the environment and all build output, but not your data (catalog.db)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Catalog needs Python 3.11 or newer. Select one with "make PYTHON=python3.12 ...".'; exit 1; }
	@echo 'Setting up $(VENV) ...'
	@$(PYTHON) -m venv $(VENV) || { \
		echo 'Python is missing venv or pip. On Debian: apt install python3-venv.'; exit 1; }

# The lock files are complete, so pip doesn't need to resolve anything (--no-deps). Otherwise pip before version 26 looks for the newest
# release of a package that is required with an extra, finds no hash for it, and rejects the lock file.
$(RUNTIME): requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo 'Installing Catalog and its dependencies (once, about a minute) ...'
	@$(call install,requirements/runtime.txt)
	@$(PIP) --quiet install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo 'Installing the tools for tests and checks (once, about a minute) ...'
	@$(call install,requirements/dev.txt)
	@touch $@

# The compiler that checks the generated TypeScript client. Without a registry of npm packages, its tests are skipped, or fail in CI.
$(TYPESCRIPT): $(NPM_PACKAGES)/package-lock.json | $(DEV)
	@mkdir -p $(@D)
	@cp $(NPM_PACKAGES)/package.json $(NPM_PACKAGES)/package-lock.json $(@D)
	@$(BIN)/npm ci --silent --no-audit --no-fund --prefix $(@D) && touch $@ || \
		echo 'No TypeScript compiler: npm packages cannot be installed. The tests of the TypeScript client $(if $(CI),fail,are skipped).'

# Install a lock file and print a line for every 20 packages. The last line of the pipe is pip's exit status.
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
