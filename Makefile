# The few verbs of PicoEvent. `make demo` needs Python 3.11+ with venv and no server; `make test` brings what it needs.

.DEFAULT_GOAL := help
.PHONY: help demo test lint types bench torture serve clean packages
# Two verbs in parallel would install into one .venv at the same time.
.NOTPARALLEL:

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.ready-web  ## fill a database with weeks of a small web shop and open it in the browser
	@.venv/bin/picoevent demo $(ARGS)

test: packages .venv/.ready-dev lint types  ## install what tests need, then lint, types and the whole test suite
	.venv/bin/pytest $(ARGS)

lint: .venv/.ready-dev  ## check style and layout of the code
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: .venv/.ready-dev  ## check types
	.venv/bin/mypy

bench: packages .venv/.ready-dev  ## list the benchmarks; run one with ARGS=NAME
	@.venv/bin/python -m bench $(ARGS)

torture: packages .venv/.ready-dev  ## harm it in every way, for an hour, and count what is lost; one fault with ARGS='--only R3'
	@.venv/bin/python -m torture $(ARGS)

serve: .venv/.ready-web  ## serve the browser on the database that PICOEVENT_URL names
	@.venv/bin/picoevent serve $(ARGS)

clean:  ## delete .venv and what tools left behind; databases stay
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@sh .ci/packages

.venv/.ready-web: pyproject.toml constraints.txt
	@sh .ci/install web
	@touch $@

.venv/.ready-dev: pyproject.toml constraints.txt
	@sh .ci/install all,dev
	@touch $@ .venv/.ready-web
