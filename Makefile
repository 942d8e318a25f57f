# make demo and make test do everything on a fresh machine, each on its own. `make` alone lists the targets.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
DATA   ?=
SUITE  ?= loader stages large_index ops simclr executors

SOURCES := $(wildcard core/*/*.cpp core/*/*.h core/*/*/*.cpp core/*/*/*.h) setup.py pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test dev check format bench fuzz clean headers

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.ready-demo  ## Pack, load and train on digits, or on your own images: make demo DATA=/path/to/imagefolder
	DATA="$(DATA)" $(BIN)/python examples/demo.py

# ARGS may leave no test to one of the two: pytest's exit status 5.
MAY_BE_NONE := || [ $$? -eq 5 ]

test: $(VENV)/.ready-test  ## Run the whole test suite
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder -m "not alone" $(ARGS) $(MAY_BE_NONE)
	$(BIN)/python -m pytest -m alone $(ARGS) $(MAY_BE_NONE)

check: $(VENV)/.ready-dev  ## Lint, type-check and compare formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(filter core/%,$(SOURCES))
	$(BIN)/python -m pytest -q tests/test_layers.py

format: $(VENV)/.ready-dev  ## Rewrite the sources in the house's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(filter core/%,$(SOURCES))

bench: $(VENV)/.ready-dev  ## Measure speed, beside other loaders where they are installed (one suite: make bench SUITE=stages ARGS=...)
	@for suite in $(SUITE); do $(BIN)/python -m benchmarks.$$suite $(ARGS) || exit 1; done

# Where there is no clang, the committed inputs are replayed under the compiler's own sanitizers.
fuzz: | headers  ## Fuzz the readers of hostile bytes, FUZZ_SECONDS=60 each
	@if command -v $(or $(CLANG),clang++) >/dev/null; then $(MAKE) -C core/fuzz run; \
	else echo "clang++ was not found (Debian: apt-get install clang libclang-rt-14-dev): replaying core/fuzz/corpus instead"; \
	  $(MAKE) -C core/fuzz replay; fi

dev: $(VENV)/.ready-dev  ## Set up .venv with everything that developing needs

clean:  ## Remove what was built (not .venv)
	rm -rf build dist demo-out *.egg-info src/*.egg-info src/penstock/_core*.so
	rm -f $(VENV)/.ready-*

# --- set-up: each stamp stands for a finished step ----------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "penstock needs Python 3.10 or newer; run make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch goes in first and alone, so that nothing else chooses its build.
$(VENV)/.ready-torch: constraints.txt | $(BIN)/python
	@echo "installing torch and the build tools into $(VENV)"
	$(PIP) torch
	$(PIP) setuptools wheel pybind11
	@touch $@

$(VENV)/.ready: $(SOURCES) $(VENV)/.ready-torch | headers
	@echo "building and installing penstock into $(VENV)"
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-demo: $(VENV)/.ready
	$(PIP) --no-build-isolation --editable '.[demo]'
	@touch $@

# The tests run DALI's CPU back-end, wherever there is a wheel. All of its dependencies would bring CUDA's libraries, which
# only its GPU back-end loads: these are what decodes for it, what pip would miss, and what importing it needs.
HAS_DALI   := sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.15'
DALI       := nvidia-dali-cuda130 nvidia-nvimgcodec-cu13 nvidia-libnvcomp-cu13
DALI_NEEDS := astunparse gast libcst makefun nvtx optree six

# torchvision is an oracle of the tests. Alone: what it depends on is there, and would bring another build of torch.
$(VENV)/.ready-test: $(VENV)/.ready
	$(PIP) --no-build-isolation --editable '.[test]'
	$(PIP) --no-deps torchvision
	$(PIP) $(foreach name,$(DALI_NEEDS),"$(name); $(HAS_DALI)")
	$(PIP) --no-deps $(foreach name,$(DALI),"$(name); $(HAS_DALI)")
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-test
	$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@

# Installs libjpeg-turbo's headers where that needs no question asked; else setup.py says how.
headers:
	@printf '#include <cstddef>\n#include <cstdio>\n#include <jpeglib.h>\n' | $(or $(CXX),c++) -x c++ -E - >/dev/null 2>&1 && exit 0; \
	command -v apt-get >/dev/null || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as=sudo; else exit 0; fi; \
	echo "installing libjpeg-turbo's headers with apt-get"; \
	$$as apt-get -qq update && { $$as apt-get -qq install -y libjpeg62-turbo-dev >/dev/null 2>&1 \
	  || $$as apt-get -qq install -y libjpeg-turbo8-dev >/dev/null; } || true
