# Everything a newcomer needs is here; `make` alone lists it.
PORT ?= 3000
export PORT

# The Python that makes .venv: the first that is new enough, or the one you name (make PYTHON=python3.12 run).
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
HOST_PYTHON := $(shell for p in $(PYTHONS); do "$$p" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv/bin

.PHONY: help run demo test check fuzz bench openapi mails vercel vercel-dev vercel.json deploy rollback reset
.PHONY: run-level dev-level vercel-level bench-level

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z.-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: run-level ## start everything on http://127.0.0.1:$PORT (3000), with reload; Ctrl-C stops it
	@exec $(VENV)/python -m local

demo: dev-level ## watch the main job: sign-up, photos to items, an invite by mail, a brief to a paid order and its invoice
	@exec $(VENV)/python -m local.demo

test: dev-level ## the whole test suite
	@exec $(VENV)/python -m pytest -n $(or $(WORKERS),auto) --dist worksteal $(ARGS)

check: dev-level ## style, types, and the rules of the house
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@if [ -d tests/architecture ]; then exec $(VENV)/python -m pytest -q tests/architecture; fi

fuzz: dev-level ## five minutes of schemathesis against every function (SECONDS=…)
	@exec $(VENV)/python -m tests.clients.fuzz --seconds $(or $(SECONDS),300)

bench: bench-level ## measure what the claims rest on
	@exec $(VENV)/python -m benchmarks

openapi: run-level ## write the OpenAPI document anew: docs/openapi.json
	@exec $(VENV)/python -m local.openapi

mails: dev-level ## compile the mails' MJML and translations: functions/email_service
	@exec $(VENV)/python -m local.mail

vercel.json: run-level ## write vercel.json anew from what the functions say about themselves
	@exec $(VENV)/python -m local.vercel.configuration

vercel: vercel-level ## build as the platform does; open, boot and call every bundle
	@exec $(VENV)/python -m local.vercel

vercel-dev: vercel-level ## all functions by the platform's development server, beside make run
	@exec $(VENV)/python -m local.vercel.developing

deploy: vercel-level ## ENVIRONMENT=production|staging, ONLY=<function>, DRY_RUN=1: check, migrate, deploy, ask health
	@exec $(VENV)/python -m local.vercel.deploying deploy

rollback: vercel-level ## ENVIRONMENT=production, ONLY=<function>, TO=<deployment>, DRY_RUN=1: the release before
	@exec $(VENV)/python -m local.vercel.deploying rollback

reset: ## forget the local data of this PORT; the next run starts afresh
	@if [ -x $(VENV)/python ]; then exec $(VENV)/python -m local.reset; fi

run-level dev-level vercel-level bench-level: %-level:
	@test -n "$(HOST_PYTHON)" || { echo "Backroom needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@exec "$(HOST_PYTHON)" -m local.install $*
