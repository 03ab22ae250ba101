# `make demo` runs the study on the synthetic registry, `make test` runs every test.
# Nothing is installed outside this folder.

# Bytecode makes imports three times faster; some machines switch it off.
unexport PYTHONDONTWRITEBYTECODE
export UV_CACHE_DIR := $(CURDIR)/.uv-cache
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A foreign environment would be taken for ours.
unexport VIRTUAL_ENV
unexport PYTHONPATH

CORES ?= 4
# A `uv` that works, else one of our own in .uv
UV = $$(if uv --version >/dev/null 2>&1; then echo uv; \
     elif [ -x .uv/bin/uv ]; then echo .uv/bin/uv; else echo .uv/lib/bin/uv; fi)
# Of the one that is installed, version and content are fixed; to renew it:
#     echo uv==VERSION | uv pip compile - --generate-hashes --no-header --no-annotate
PINNED = --require-hashes --no-deps -r envs/uv.txt
BIN = .venv/bin

.PHONY: demo test test-r test-cluster validation calibration benchmark lint format docs environment \
        clean

demo: environment
	$(BIN)/snakemake --cores $(CORES)

# In the order of the files: else those with few tests, the longest, are left for the end.
test: environment
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-r: environment
	$(BIN)/pytest validation/r

# The executor plugins stay out of .venv: one of them imports pandas at every start of Snakemake.
test-cluster: environment
	@UV_PROJECT_ENVIRONMENT=.venv-cluster $(UV) sync --quiet --locked --group cluster
	.venv-cluster/bin/pytest tests/cluster

validation: environment
	$(BIN)/python validation/r/validate.py --data-sets 2000

calibration: environment
	$(BIN)/snakemake -s validation/calibration/Snakefile --cores $(CORES)
	$(BIN)/python -m validation.calibration.page

# On a quiet machine.
benchmark: environment
	$(BIN)/python validation/speed/benchmark.py

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check .
	$(BIN)/snakemake --lint

format: environment
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt .

docs: environment
	$(BIN)/python docs/generate.py

environment: .venv/.complete

.venv/.complete: uv.lock pyproject.toml
	@if ! uv --version >/dev/null 2>&1 && [ ! -x .uv/bin/uv ] && [ ! -x .uv/lib/bin/uv ]; then \
	  if python3 -m venv .uv 2>/dev/null && .uv/bin/python -m pip install --quiet $(PINNED); then :; \
	  elif rm -rf .uv && python3 -m pip install --quiet --target .uv/lib $(PINNED); then :; \
	  else rm -rf .uv; \
	    echo "Python cannot install packages here; install its venv module first:" >&2; \
	    echo "    apt install python3-venv" >&2; exit 1; \
	  fi; \
	fi
	@echo "Installing the locked versions into .venv (a minute the first time)."
	@$(UV) sync --quiet --locked
	@touch $@

clean:
	rm -rf results logs benchmarks resources/synthetic .snakemake
