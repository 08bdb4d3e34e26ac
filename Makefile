# make demo | test | lint | docs | bench | clean: each sets up .venv by itself when it has to.

VENV := .venv
BIN := $(VENV)/bin
# The name depends on the folder: scripts in a copied or moved environment point to the old place.
READY := $(VENV)/.ready-$(shell pwd | cksum | cut -d' ' -f1)
BENCH_READY := $(READY)-bench
DOCS_READY := $(READY)-docs
RUN := runs/first

# Which tests run, and in how many processes.
MARKS := not slow and not hour
WORKERS := auto
# Seconds after which one test counts as hanging: its stacks are printed and the run ends.
PATIENCE := $(if $(filter file,$(origin MARKS)),600,7200)

.DEFAULT_GOAL := help
.PHONY: help env demo test lint format docs bench wheel clean distclean

help:
	@echo "make demo       fit the CRS cascade to a virtual cohort: risk of CRS, exposure-response, report"
	@echo "make test       run the tests (MARKS='slow' or 'hour' for the long ones)"
	@echo "make lint       ruff and mypy"
	@echo "make format     let ruff put the code in order"
	@echo "make docs       build the documentation in build/docs (DOCS_EXECUTE=1 runs the tutorials)"
	@echo "make bench      compare speed with other engines, errors first"
	@echo "make wheel      build the distribution in dist/"
	@echo "make clean      remove what was built; make distclean: .venv and runs too"

env: $(READY)

$(READY): pyproject.toml constraints.txt scripts/bootstrap.sh
	@[ -e $@ ] || rm -rf $(VENV)
	@sh scripts/bootstrap.sh $(VENV) -e '.[dev]'
	@touch $@

$(BENCH_READY): $(READY)
	@sh scripts/bootstrap.sh $(VENV) -e '.[dev,bench]'
	@touch $@

$(DOCS_READY): $(READY)
	@sh scripts/bootstrap.sh $(VENV) -e '.[dev,docs]'
	@touch $@

demo: $(READY)
	$(BIN)/cytobayes fit crs-cascade --data crs-cohort --out $(RUN) --force
	@sh scripts/show.sh $(RUN)/report.html

test: $(READY)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --max-worker-restart 0 -m '$(MARKS)' \
		-o faulthandler_timeout=$(PATIENCE) -o faulthandler_exit_on_timeout=true

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DOCS_READY)
	$(BIN)/python scripts/make_pages.py
	$(BIN)/sphinx-build -q -E -W --keep-going -j auto -b html docs build/docs
	@echo "open build/docs/index.html"

bench: $(BENCH_READY)
	$(BIN)/python benchmarks/gradient.py
	$(BIN)/python benchmarks/nuts.py

wheel: $(READY)
	rm -rf build dist
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf build dist docs/generated *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) runs
