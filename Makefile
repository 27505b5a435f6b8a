# One door to everything: `make help`. Each target installs what it needs into .venv, from the hashed locks.

SHELL := /bin/sh
VENV  := .venv
BIN   := $(VENV)/bin
PIP   := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Random tests draw the same examples in every run; `make test SEED=…` draws others, and the same for the same SEED.
SEED    ?=
DRAW    := $(if $(SEED),--hypothesis-profile=random --hypothesis-seed=$(SEED))
# Test processes at once.
WORKERS ?= 2
# Which profile of docker-compose.yml `make up` starts: trial or production.
PROFILE ?= trial
# More options for pytest, e.g. `make test PYTEST="-k hold -x"`.
PYTEST  ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast bench faults up down drill lint types imports docs locks clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## install everything, for running and for developing, into .venv

demo: $(VENV)/.runtime ## vein to vein in a new ledger: a real label and a real week, traced both ways
	@$(BIN)/bloodledger demo

test: lint types imports $(VENV)/.dev ## every check and every test (at most 20 minutes on 2 cores)
	$(BIN)/python -m ledger.reference --check
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(DRAW) $(PYTEST)

test-fast: $(VENV)/.dev ## the tests that are not marked slow (under 2 minutes)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(DRAW) $(PYTEST)

bench: $(VENV)/.dev ## measure against the promises: the table and bench.json; ROW=… one row, FULL=1 also 10 million facts
	@$(BIN)/python -m tests.bench $(addprefix --row ,$(ROW)) $(if $(FULL),--full) --json $(if $(FULL),bench-full.json,bench.json)

faults: $(VENV)/.dev ## kill, cut and fill what there is on a real Kafka, and see that nothing is lost: ROUNDS=…, SEED=…
	@$(BIN)/python -m tests.faults $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

up: ## the whole system in Docker: PostgreSQL, Kafka, registry, relay, projections; PROFILE=production with TLS
	@docker compose --profile $(PROFILE) up --build --detach --wait

down: ## stop what `make up` started; the data stay
	@docker compose --profile trial --profile production down

drill: $(VENV)/.runtime ## recalls in worlds full of trouble against where the blood went; SEEDS=1000 for more
	@$(BIN)/bloodledger drill --no-json $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--first $(SEED))

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

imports: $(VENV)/.dev ## who may import whom
	$(BIN)/lint-imports

docs: $(VENV)/.runtime ## write docs/reference anew from the code
	$(BIN)/python -m ledger.reference

locks: ## make .requirements/*.txt anew from pyproject.toml (the one target that needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make locks" pyproject.toml --group build -o .requirements/runtime.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make locks" pyproject.toml --group build --group dev \
	  -c .requirements/runtime.txt -o .requirements/dev.txt

clean: ## remove .venv and what tools left behind
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find ledger schemas projections tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is touched only when its step succeeded, so an interrupted install is done again.

$(VENV)/.made:
	@python=$$(sh .ci/check-tools) && echo "making .venv with $$python" && \
	  "$$python" -m venv --clear $(VENV) && touch $@

$(VENV)/.runtime: .requirements/runtime.txt pyproject.toml $(VENV)/.made
	@echo "installing what running needs (.requirements/runtime.txt)"
	@$(PIP) install --require-hashes -r .requirements/runtime.txt || sh .ci/check-tools compiler
	@$(PIP) install --no-deps --no-build-isolation --editable . || sh .ci/check-tools compiler
	@touch $@

$(VENV)/.dev: .requirements/dev.txt $(VENV)/.runtime
	@echo "installing what testing needs (.requirements/dev.txt)"
	@$(PIP) install --require-hashes -r .requirements/dev.txt || sh .ci/check-tools compiler
	@touch $@
