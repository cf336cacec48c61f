# `make demo` and `make test` do everything, from a fresh machine with Python 3.11 and make. What they do lies in tools/ and demo/.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
# Some hundred processes start in a run: none compiles again what another has compiled.
unexport PYTHONDONTWRITEBYTECODE
NEEDS := need-demo need-run need-test
.PHONY: help setup demo test run bench lint messages requirements $(NEEDS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: need-demo .venv/.ok ## plays one case from filing to verified waiver; leaves demo-out/
	@.venv/bin/python -m demo $(ARGS)

test: need-test .venv/.ok node_modules/.ok ## all tests: on SQLite, on PostgreSQL, in the browser (ARGS="tests/core -k name" for some)
	@.venv/bin/python -m tools.run_tests $(ARGS)

run: need-run .venv/.ok ## serves the portal with demo people; prints address, log-ins and where mail lands
	@.venv/bin/python -m demo.run $(ARGS)

bench: need-test .venv/.ok node_modules/.ok ## measures filings, receipts, pages and lists of millions of names; leaves bench-out/results.json
	@.venv/bin/python -m bench $(ARGS)

setup: need-test .venv/.ok node_modules/.ok ## installs what is missing (as root; else says what is) and leaves .venv/bin/ersr
	@echo "Ready: .venv/bin/ersr"

lint: .venv/.ok ## ruff and the import contracts
	@.venv/bin/ruff check
	@.venv/bin/lint-imports

messages: need-test .venv/.ok ## collects the texts of the pages for translation and compiles the catalogues
	@.venv/bin/python -m tools.messages $(ARGS)

requirements: .venv/.ok ## compiles requirements/*.txt anew from *.in (ARGS=--upgrade for newer versions)
	@tools/requirements.sh $(ARGS)

$(NEEDS): need-%:
	@tools/setup.sh need $*

.venv/.ok: requirements/dev.txt requirements/base.txt requirements/uv.txt pyproject.toml tools/setup.sh
	@tools/setup.sh python
	@touch $@

node_modules/.ok: requirements/node.txt .venv/.ok
	@tools/setup.sh node
	@touch $@
