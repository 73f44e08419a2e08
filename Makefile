# `make test` runs every test and installs what it needs. One target directory per checkout is kept between runs: two
# checkouts that shared one would run each other's code.
CHECKOUT := $(shell pwd -P | sha256sum | cut -c1-16)
CACHE := $(HOME)/.cache/ropewalk/$(CHECKOUT)
export CARGO_TARGET_DIR ?= $(CACHE)/target
export ROPEWALK_PEERS ?= $(CACHE)/peers
export CARGO_TERM_COLOR ?= auto

.PHONY: test lint test-rust test-agents test-peers agents run-agent load bench audit schema clean

test: test-rust test-agents test-peers

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --no-default-features --lib --bins -- -D warnings

test-rust:
	cargo test --workspace

# The agents' own runtime: ruff, mypy, the Dockerfile's lint, pytest, the TypeScript client.
test-agents:
	$(MAKE) -C agent-runtime venv check test

# Independent peers: boto3, the AWS CLI, DynamoDB Local.
test-peers:
	cargo test --workspace --no-run
	tests/peers/run

agents:
	$(MAKE) -C agent-runtime venv

AGENT ?= test_agent
run-agent: agents
	$(MAKE) -C agent-runtime run AGENT=$(AGENT)

load: agents
	$(MAKE) -C agent-runtime load

bench:
	cargo bench

# Advisories, licences, bans. Needs the advisory databases, so it is no part of `make test`.
audit:
	cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --version '^0.20' --locked
	cargo deny check
	$(MAKE) -C agent-runtime audit

# Writes the JSON Schema that editors use; a test keeps it fresh.
schema:
	cargo run --quiet -- schema > schema/ropewalk.schema.json

clean:
	rm -rf $(CACHE)
