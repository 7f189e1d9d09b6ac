# What can be done here; `make` lists it. Needed before: Python 3.11 or later, and make.
SHELL = /bin/sh
BIN = .venv/bin
PYTEST = $(BIN)/python -m pytest
PURE = not database and not browser and not bench and not soak
REST = (database or browser) and not bench and not soak
INSTALLED = .venv/.installed
JOBS ?= 2
SIDE_BY_SIDE = -n $(JOBS) --dist loadscope
OTHERS = tests/collectors

.PHONY: help install demo test wheel test-wheel soak bench lint types check lock image clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## .venv with everything, by the lock file; names (as root: installs) what the system lacks

$(INSTALLED): requirements-dev.lock pyproject.toml scripts/install
	@scripts/install
	@touch $@

demo: $(INSTALLED) ## a served, populated product; ONCE=1 makes it, prints one line of JSON and stops
	@$(BIN)/meter demo $(if $(ONCE),--once --json)

test: $(INSTALLED) ## all tests but soak and bench: first the pure ones, then those with a database or a browser; JOBS=2 side by side
	$(PYTEST) -q $(SIDE_BY_SIDE) -m "$(PURE)"
	$(PYTEST) -q $(SIDE_BY_SIDE) -m "$(REST)" --ignore $(OTHERS)
	$(PYTEST) -q -m "$(REST)" $(OTHERS)

wheel: $(INSTALLED) ## the wheel, into dist
	$(BIN)/python -m hatchling build --target wheel

test-wheel: $(INSTALLED) ## all tests once more, against the wheel in a new environment; ONLY=pure: those that need no server
	@scripts/test-wheel $(SIDE_BY_SIDE) -m "$(if $(filter pure,$(ONLY)),$(PURE),not bench and not soak)"

soak: $(INSTALLED) ## ten minutes per engine, a fault every twenty seconds: sent = counted
	$(PYTEST) -m soak

bench: $(INSTALLED) ## how fast, as ratios within one run
	$(PYTEST) -q -s -m bench

lint: $(INSTALLED) ## ruff, import contracts, SQL
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar sql

types: $(INSTALLED) ## mypy, strict, tests too
	$(BIN)/mypy

check: lint types test ## what CI runs

lock: ## the lock files anew, from pyproject.toml (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet \
		pyproject.toml --output-file requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet \
		pyproject.toml --group dev --output-file requirements-dev.lock

image: ## the container image hourmeter:local (needs docker)
	docker build --tag hourmeter:local .

clean: ## take away what tools left behind; .venv and data stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
