# What there is to do with this checkout. `make` alone lists it.
#
#   make demo OUT=there DEMO="--seed 7 --scenario tariff-change"
#   make test TEST="tests/flow -k crash"
#   make bench ROWS=1000000 LETTERS=20000
#   make lock UPGRADE=--upgrade

VENV := .venv
BIN := $(VENV)/bin

OUT ?= demo-report
DEMO ?=
TEST ?=
# Many tests wait for something most of the time: one process more than there are cores.
WORKERS ?= $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')
# Without settings of your own the providers are rehearsed: nobody is called by accident.
UP ?= $(if $(wildcard .env),,--sandbox)
ROWS ?= 100000
LETTERS ?= 5000
WAITING ?= 100000
SHOTS ?= screenshots
ALBUM ?= --full
UPGRADE ?=

# The newest Python that can make an environment; asked only when one has to be made.
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in $(PYTHONS); do \
	"$$python" -c '$(SUITABLE)' >/dev/null 2>&1 && { echo "$$python"; break; }; done)

.PHONY: help demo test lint up bench bench-short screenshots pictures lock clean setup setup-dev

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: setup  ## a campaign from a billing export to a report, in $(OUT)
	$(BIN)/dispatcher demo --out "$(OUT)" $(DEMO)

test: setup-dev  ## every test
	$(BIN)/pytest -n $(WORKERS) $(TEST)

lint: setup-dev  ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

up: setup  ## everything in one process; a rehearsal as long as there is no .env
	$(BIN)/dispatcher up $(UP)

screenshots: setup-dev  ## every screen as people see it, in $(SHOTS)
	$(BIN)/python -m tests.web.album "$(SHOTS)" $(ALBUM)

pictures: setup-dev  ## those of the README, made anew
	$(BIN)/python -m tests.web.album docs/pictures --pictures

bench: setup-dev  ## figures of this machine
	$(BIN)/python benchmarks/windows.py
	$(BIN)/python benchmarks/import_rows.py --rows $(ROWS)
	$(BIN)/python benchmarks/plan.py --rows $(ROWS)
	$(BIN)/python benchmarks/mail.py --letters $(LETTERS)
	-$(BIN)/python benchmarks/million.py --recipients $(ROWS)
	-$(BIN)/python benchmarks/opening_hour.py --waiting $(WAITING)
	$(BIN)/python benchmarks/sms.py
	-$(BIN)/python benchmarks/pace.py
	$(BIN)/python benchmarks/receipts.py
	$(BIN)/python benchmarks/letters.py
	$(BIN)/python benchmarks/mailrobot.py --paced 1000 --burst 10000 --kills 50 --outage 120
	$(BIN)/python benchmarks/demo.py

bench-short: setup-dev  ## whether anything has become much slower, in a minute
	$(BIN)/python benchmarks/short.py

COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --extra build

lock: setup  ## pin every dependency anew; what is pinned stays unless UPGRADE=--upgrade
	$(BIN)/pip install --quiet uv
	$(COMPILE) $(UPGRADE) -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock $(UPGRADE) -o requirements-dev.lock

clean:  ## remove caches and the demonstration's report; the environment and var/ stay
	rm -rf demo-report build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Installed as it is locked, once: a copy of the lock and of pyproject.toml tells what was installed.
# The development lock holds everything of the other one, so either will do to run the program.
setup: $(BIN)/python
	@cat requirements.lock pyproject.toml | cmp -s - $(VENV)/installed \
	|| cat requirements-dev.lock pyproject.toml | cmp -s - $(VENV)/installed-dev \
	|| { $(call install,requirements.lock,installed); }

setup-dev: $(BIN)/python
	@cat requirements-dev.lock pyproject.toml | cmp -s - $(VENV)/installed-dev \
	|| { $(call install,requirements-dev.lock,installed-dev); }

define install
echo "Installing what $(1) names into $(VENV) …" \
&& rm -f $(VENV)/installed $(VENV)/installed-dev \
&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) \
&& $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--no-deps --no-build-isolation -e . \
&& cat $(1) pyproject.toml > $(VENV)/$(2)
endef

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
	echo "No suitable Python was found: 3.11 or newer with its venv module is needed." >&2; \
	echo "On Debian or Ubuntu: apt-get install python3 python3-venv" >&2; \
	echo "Or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }
