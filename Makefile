# Everything a newcomer needs is here; `make` alone lists it.
PORT ?= 3000
export PORT

# The Python that makes .venv: the first that is new enough, or the one you name (make PYTHON=python3.12 run).
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
HOST_PYTHON := $(shell for p in $(PYTHONS); do "$$p" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv/bin

.PHONY: help run demo test check bench openapi reset run-level dev-level bench-level

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: run-level ## start everything on http://127.0.0.1:$PORT (3000), with reload; Ctrl-C stops it
	@exec $(VENV)/python -m local

demo: dev-level ## watch the main job: sign-up, photos to items, limits, audit trail
	@exec $(VENV)/python -m local.demo

test: dev-level ## the whole test suite
	@exec $(VENV)/python -m pytest -n $(or $(WORKERS),auto) --dist worksteal $(ARGS)

check: dev-level ## style, types, and the rules of the house
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@if [ -d tests/architecture ]; then exec $(VENV)/python -m pytest -q tests/architecture; fi

bench: bench-level ## measure what the claims rest on
	@exec $(VENV)/python -m benchmarks

openapi: run-level ## write the OpenAPI document anew: docs/openapi.json
	@exec $(VENV)/python -m local.openapi

reset: ## forget the local data of this PORT; the next run starts afresh
	@if [ -x $(VENV)/python ]; then exec $(VENV)/python -m local.reset; fi

run-level dev-level bench-level: %-level:
	@test -n "$(HOST_PYTHON)" || { echo "Backroom needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@exec "$(HOST_PYTHON)" -m local.install $*
