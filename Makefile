# Everything starts from these targets; README.md shows the two that matter. `make help` lists them.

SHELL := /bin/bash
BIN := .venv/bin
STORY ?= first-flight
ARGS ?=

.PHONY: help demo test check bench acceptance docs screenshots keys lock clean venv tools

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

venv: ## .venv with everything pinned in requirements/dev.lock
	@scripts/venv

tools: ## programs of the system that tests drive
	@scripts/system-packages git tmux procps

demo: venv ## the program with a tracking server, three projects and real trainings on this machine
	@MANTIK_TUI_HOME="$${MANTIK_TUI_HOME:-$(CURDIR)/.mantik-demo}" $(BIN)/mantik-tui demo $(ARGS)

test: venv tools ## all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: venv ## format, lint, types, import arrows, quick tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/ui $(ARGS)

acceptance: venv tools ## only the tests that hold lines of a story: make acceptance STORY=first-flight
	@$(BIN)/python -m pytest --story $(STORY) $(ARGS)

bench: venv tools ## measure, beside peers; writes docs/performance.md
	@$(BIN)/python -m tests.bench $(ARGS)

docs: venv ## check that links between the pages lead somewhere
	@$(BIN)/python scripts/check_links.py README.md ARCHITECTURE.md CHANGELOG.md docs examples

screenshots: venv ## pictures of the screens for README and docs
	@$(BIN)/python scripts/screenshots.py

keys: venv ## write docs/keys.md anew from the table of actions
	@$(BIN)/python scripts/keys_page.py

lock: venv ## write requirements/dev.lock anew from pyproject.toml
	@scripts/lock

clean: ## remove what was built; the demo's data (.mantik-demo) stays
	@rm -rf .venv .venv-bench dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
