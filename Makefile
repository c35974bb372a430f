# make demo | test | check | bench    Each builds .venv from requirements.lock first, once.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/.built-from-lock
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
    if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then command -v "$$p"; break; fi; done)

.PHONY: help demo test check bench pictures lock clean

help:
	@echo "make demo    make a small set of sounds, train on them and monitor it"
	@echo "make test    run the tests"
	@echo "make check   lint, types, import rules"
	@echo "make bench   measure: first frame, keys, traffic, speed, sound"
	@echo "make pictures  take the README's pictures anew, a few minutes"
	@echo "make lock    pin in requirements.lock what .venv holds now"
	@echo "make clean   remove .venv and what tools left behind (never runs or sounds)"

demo: $(STAMP)
	@$(BIN)/distill-tui demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n 3 --dist loadfile

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(STAMP)
	@for script in benchmarks/[a-z]*.py; do \
	    grep -q '^if __name__' "$$script" || continue; \
	    echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

pictures: $(STAMP)
	@$(BIN)/python docs/pictures.py

# Nothing in an existing .venv is deleted: pip brings what differs from the lock in line.
$(STAMP): requirements.lock
	@test -n "$(PYTHON)" || \
	    { echo "Python 3.11 or newer is missing. Debian: apt install python3 python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) has no venv module. Debian: apt install python3-venv" >&2; exit 1; }
	@echo "building $(VENV) with $(PYTHON): a minute or more, about 1 GB"
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The comments at the top stay; the pins become what .venv holds, without the builds' local tags and CUDA's packages.
lock: $(STAMP)
	@{ sed '/^[^#]/,$$d' requirements.lock; $(BIN)/python -m pip freeze --all --exclude-editable | \
	    sed 's/+.*//' | grep -viE "^(pip=|nvidia-[cn]|cuda|triton)"; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find core distill_tui tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
