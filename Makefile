# Thin targets: what they do stands where it belongs (Cargo, tests, scripts/).
CARGO ?= cargo
SKYFUL = $(CARGO) run --package skyful-origin --bin skyful --

.PHONY: demo test check fmt e2e bench fuzz

## Brings Skyful up with the sample workspace: edit examples/wallet/wallet.yaml and watch the answer change.
demo:
	$(SKYFUL) demo examples/wallet/wallet.yaml

## Everything that must hold, quick things first.
test: check e2e

## Format, lints, dependency rules, and the fast tests.
check:
	scripts/check

fmt:
	$(CARGO) fmt --all

## The story through the real binary and real HTTP.
e2e:
	scripts/e2e

## Measures the edges beside hello-worlds, sizes, and the core by itself; writes tests/bench/RESULTS.md.
bench:
	scripts/bench

## Everything generated, at full count: the second reader, mutants, and edges against faulty stores. What coverage guides
## is `scripts/fuzz [SECONDS] [TARGET…]`, which needs nightly Rust.
fuzz:
	SKYFUL_CASES=1000000 $(CARGO) test --release --package skyful-tests --test equality -- --nocapture
	SKYFUL_ALL=1 $(CARGO) test --package skyful-origin --test cli thousand_plans
	SKYFUL_MUTANTS=1000000 $(CARGO) test --release --package skyful-tests --test mutants
	SKYFUL_MUTANTS=10000 $(CARGO) test --release --package skyful-tests --test corpora
	SKYFUL_SCHEDULES=10000 $(CARGO) test --package skyful-tests --test faults -- --nocapture
	scripts/schemathesis 300
