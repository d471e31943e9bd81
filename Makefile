# Two commands on a fresh machine: `make app` opens the studio, `make test` runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Threads that spin while they wait take the cores from everybody else.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup app test check bench bench-analysis bench-studio bench-merge bench-repair architectures screenshots clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "MKA needs Python 3.11 or newer; name one: make setup PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,test,check]'
	@touch $(READY)

app: setup
	$(BIN)/mka studio

test: setup
	@command -v $${CHROMIUM:-chromium} >/dev/null || \
		echo "The browser tests need Chromium: apt-get install chromium, or set CHROMIUM to its executable."
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks

bench-analysis: setup
	$(BIN)/python -m benchmarks.analysis

bench-repair: setup
	$(BIN)/python -m benchmarks.repair
	$(BIN)/python -m benchmarks.repair --removed 3-3 --choices greedy --repairs refit --texts 1000
	$(BIN)/python -m benchmarks.repair --removed 6-6 --choices picked --repairs refit --texts 3000

bench-studio: setup
	$(BIN)/python -m benchmarks.clicks

architectures: setup
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.architectures

bench-merge: setup
	$(BIN)/python -m benchmarks.merge

screenshots: setup
	$(BIN)/python -m tests.browser.screenshots

clean:
	rm -rf $(VENV) build out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
