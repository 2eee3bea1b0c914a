.DEFAULT_GOAL := help
SHELL := /bin/sh
# Any Python from 3.11 up; `make PYTHON=/path/to/python setup` overrides the search.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
# Quicker, where it is there; `make UV= setup` does without.
UV := $(shell command -v uv)
# The lock is complete, so nothing is resolved: only the files that it names are asked for, by their hashes.
LOCKED := --no-deps --require-hashes -r requirements.lock
PEERS_LOCKED := --no-deps --require-hashes -r bench/peers/requirements.lock
# They cover core and schemas by themselves, without those of them that are slow; to measure while others run
# would double their time.
COVERING := tests/core tests/schemas tests/transcripts
SLOW := $(shell grep -lr "mark\.slow" $(COVERING) --include="*.py")
# File by file, the longest first, those that wait for a broker in turns with the others: see tests/conftest.py.
IN_TURNS := --dist loadfile --no-loadscope-reorder --randomly-dont-reorganize
FIRST := tests/live tests/kafka tests/lab tests/evaluation
OTHERS := $(filter-out $(COVERING) $(FIRST),$(patsubst %/,%,$(wildcard tests/*/)) $(wildcard tests/test_*.py))
# Written last, so a set-up that was interrupted is done again.
STAMP := .venv/.set-up
# The one place where the version stands is pyproject.toml.
VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
# Hundreds of processes are started, and each would compile all that is imported.
export PYTHONDONTWRITEBYTECODE :=
# The hot path, compiled where there is a Rust compiler; everything works without it.
NATIVE := streams/native
COMPILED := .venv/.compiled

.PHONY: help setup wheel release image licences sbom audit demo evaluate check test covered lint format schema bench-replay bench-worker bench-latency bench-restore bench-memory bench-heavy bench-bridge bench-ingest bench-desk bench-peers bench-quick bench-client bench-scale performance-page bench-decide chaos reliability-page lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(COMPILED) ## create .venv with the locked environment; does nothing when it is current

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python"; exit 1; }
	@echo "making .venv with $$("$(PYTHON)" --version) (once, a minute or two) ..."
	@"$(PYTHON)" -m venv --clear .venv
	@echo "installing what requirements.lock names ..."
	@{ test -n "$(UV)" && "$(UV)" pip install --quiet --python $(BIN)/python $(LOCKED); } \
		|| $(PIP) install --quiet $(LOCKED)
	@echo "installing retention-signals, and checking that all is there ..."
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@$(PIP) check
	@touch $(STAMP)

$(COMPILED): $(STAMP) $(wildcard $(NATIVE)/*.rs $(NATIVE)/src/*.rs $(NATIVE)/Cargo.toml $(NATIVE)/Cargo.lock)
	@rm -f $(NATIVE)/_native.abi3.so
	@if command -v cargo >/dev/null; then \
		echo "compiling the hot path with $$(cargo --version) (once, half a minute) ..."; \
		cargo build --quiet --release --locked --manifest-path $(NATIVE)/Cargo.toml \
			&& cp $(NATIVE)/target/release/lib_native.[sd][oy]* $(NATIVE)/_native.abi3.so \
			|| echo "THE HOT PATH DID NOT COMPILE: the worker runs in pure Python, three times slower"; \
	else \
		echo "no Rust compiler (cargo): the worker runs in pure Python, three times slower"; \
	fi
	@touch $(COMPILED)

release: setup licences wheel sbom ## licences, wheel, SBOM, audit: all that a release needs but the image, into out/
	@$(MAKE) --no-print-directory audit

image: ## a container image, with Docker, tagged with the version
	@command -v docker >/dev/null || { echo "docker is needed to build an image"; exit 69; }
	docker build --platform linux/amd64 --tag retention-signals:$(VERSION) --file deploy/Dockerfile .

licences: setup ## whether each locked package has a licence that is known and allowed
	@$(BIN)/python -m deploy.release.licences

sbom: setup ## the bill of materials in CycloneDX, of what users install: out/sbom.json
	@$(BIN)/python -m deploy.release.sbom out/sbom.json

audit: setup ## whether anything that users install is known to be vulnerable (asks PyPI; AUDIT= more options)
	@$(BIN)/python -m deploy.release.audit $(AUDIT)

wheel: setup ## a wheel in out/wheels, with the compiled hot path if it was compiled
	@$(BIN)/python -m hatchling build -t wheel -d out/wheels

demo: setup ## a year of real baskets through a local Kafka and two workers, live; report in out/demo
	@$(BIN)/retention-signals demo

evaluate: setup ## how many boycotts are found, how early, how many false alarms; report in out/evaluation.html
	@mkdir -p out
	@$(BIN)/retention-signals evaluate --report out/evaluation.html

test: setup ## everything that CI runs: lint, types, import rules, all tests, coverage
	@$(MAKE) --no-print-directory --jobs=2 lint covered
	$(BIN)/pytest -n 4 $(IN_TURNS) $(FIRST) $(OTHERS) $(SLOW)

# Types are checked on one core: so the other has work.
covered: setup
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow" $(COVERING) --cov --cov-report=term-missing:skip-covered --cov-fail-under=100

check: setup lint ## for daily work, in three minutes: lint, types, the tests that are neither slow nor need Kafka
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not kafka" -q

lint: setup ## ruff, mypy strict, the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: setup ## write schemas/exported again after a change of the contract
	$(BIN)/retention-signals schema export schemas/exported

bench-replay: setup ## replay against reading, decoding and adding up alone, in one interleaved run
	$(BIN)/python -m bench.replay

bench-worker: setup ## the worker against reading, decoding and adding up alone, on a real Kafka
	$(BIN)/python -m bench.worker

bench-latency: setup ## from the append of a severe contact to the readable alert, at 2,000 events a second
	$(BIN)/python -m bench.latency

bench-restore: setup ## seconds until a worker with 200,000 customers is ready
	$(BIN)/python -m bench.restore

bench-memory: setup ## bytes for a customer at rest, and for the id of each purchase at 100 a second
	$(BIN)/python -m bench.memory

bench-heavy: setup ## one id that very many share: 100,000 contacts, a million purchases
	$(BIN)/python -m bench.heavy

bench-decide: setup ## what a partition costs by phase: taking in, deciding, packing; without a broker
	$(BIN)/python -m bench.decide

bench-bridge: setup ## whether a bridge with a slow CRM slows the worker, on a real Kafka
	$(BIN)/python -m bench.bridge

bench-ingest: setup ## records that ingest maps a second and per CPU second, on a real Kafka
	$(BIN)/python -m bench.ingest

bench-desk: setup ## the desk with 10,000 open alerts, on a real Kafka and in Chromium
	$(BIN)/python -m bench.desk

bench-peers: setup .venv-peers ## the same jobs by ours, Faust, Quix, Bytewax, Kafka Streams and Flink; hours
	$(BIN)/python -m bench.peers

bench-quick: setup .venv-peers ## the worker against its limit and its peers, in ten minutes
	$(BIN)/python -m bench.peers --quick --only ours limit kafka-streams flink quix faust

# Those that are not in our own lock; without them the others are measured all the same.
.venv-peers: bench/peers/requirements.lock
	@echo "making .venv-peers for Quix Streams and Bytewax ..."
	@"$(PYTHON)" -m venv --clear .venv-peers
	@{ test -n "$(UV)" && "$(UV)" pip install --quiet --python .venv-peers/bin/python $(PEERS_LOCKED); } \
		|| .venv-peers/bin/python -m pip --disable-pip-version-check install --quiet $(PEERS_LOCKED) \
		|| { rm -rf .venv-peers; echo "*** Quix Streams and Bytewax can't be installed here: they are left out"; }

bench-client: setup ## librdkafka's client against aiokafka as a worker uses it, on a real Kafka
	$(BIN)/python -m bench.client

bench-scale: setup ## by customers, partitions, workers, keys: the cells of docs/performance.md, into out/scale.jsonl
	$(BIN)/python -m bench.scale

performance-page: setup ## docs/performance.md from out/scale.jsonl, or if there is none from the last results
	$(BIN)/python -m bench.page $(wildcard out/scale.jsonl)

chaos: setup ## every kind of fault on a real Kafka, what was lost or doubled: into out/chaos.jsonl; an hour and more
	$(BIN)/python -m bench.chaos $(CHAOS)

reliability-page: setup ## docs/reliability.md from out/chaos.jsonl, or if there is none from the last results
	$(BIN)/python -m bench.chaos.table $(wildcard out/chaos.jsonl)

lock: ## resolve requirements.lock again from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --all-extras \
		--no-annotate --no-header --quiet pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --quiet bench/peers/requirements.in -o bench/peers/requirements.lock
