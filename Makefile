# Each target does its own set-up; repeated runs reuse it. Needs Python 3.11 or later and, for one test, Node.js.

VENV ?= .venv
# PyTorch is needed for training and tests only. Its own CPU builds are much smaller than the default ones on Linux:
# give their index as in the README, TORCH_FLAGS="--index-url ...".
TORCH ?= torch==2.13.0
TORCH_FLAGS ?=
# A folder of photos with index.csv, for `make sheets`.
PHOTOS ?= data/photos
OUT ?= out

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
BASE := $(VENV)/.installed
DEV := $(VENV)/.installed-for-development
SOURCES := $(shell find src -type f -not -name '*.pyc' 2>/dev/null)

WEB := src/unrender/viewer/page/vendor

.PHONY: help demo test check lint docs venv web validator validator-if-possible web-if-possible sheets clean distclean

help:
	@echo "make demo       install into $(VENV), reconstruct the sample picture into $(OUT)/"
	@echo "make test       install what is needed and run the tests"
	@echo "make docs       the documentation site, into $(OUT)/site"
	@echo "make venv       $(VENV) with everything for development"
	@echo "make check      lint, formatting, types and tests"
	@echo "make validator  install the Khronos glTF validator (npm)"
	@echo "make web        put the libraries of the web page (npm, by lock file) into the package"
	@echo "make sheets     contact sheets of photos: make sheets PHOTOS=folder"
	@echo "make clean      remove outputs and caches; make distclean also $(VENV) and node_modules"

demo:
	@start=$$(date +%s); \
	$(MAKE) --no-print-directory $(BASE) || exit 1; \
	ready=$$(date +%s); \
	$(VENV)/bin/unrender demo -o $(OUT)/ || exit 1; \
	end=$$(date +%s); \
	echo; \
	echo "The mesh is $(OUT)/demo.glb, the turntable $(OUT)/demo.gif."; \
	echo "Set-up took $$((ready - start)) s, the demo $$((end - ready)) s."

test: $(DEV) validator-if-possible web-if-possible
	$(PY) -m pytest -n 2 -rsfE

check: lint test

lint: $(DEV)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

docs: $(DEV)
	$(PY) -m sphinx -b html -W --keep-going -q docs $(OUT)/site
	@echo "The site is $(OUT)/site/index.html."

venv: $(DEV)

validator:
	npm ci --no-fund --no-audit --no-update-notifier

# Without Node.js or a network the validator's tests are skipped, and pytest's summary says so.
validator-if-possible:
	@if [ -f node_modules/.package-lock.json ] && [ node_modules/.package-lock.json -nt package-lock.json ]; then :; \
	elif ! command -v npm >/dev/null 2>&1; then echo "npm not found: the Khronos validator will not run"; \
	elif ! $(MAKE) --no-print-directory validator; then echo "npm ci failed: the Khronos validator will not run"; fi

# <model-viewer> and ONNX Runtime Web, which `unrender serve` needs and wheels carry. Not committed.
web: validator
	@mkdir -p $(WEB)
	cp node_modules/@google/model-viewer/dist/model-viewer.min.js $(WEB)/
	cp node_modules/onnxruntime-web/dist/ort.wasm.min.mjs $(WEB)/
	cp node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.mjs $(WEB)/
	cp node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm $(WEB)/

# Without them the tests of the page are skipped, and pytest's summary says so.
web-if-possible: validator-if-possible
	@if [ -d node_modules/onnxruntime-web ] && [ -d node_modules/@google/model-viewer ]; then \
		$(MAKE) --no-print-directory -o validator web >/dev/null; \
	else echo "the libraries of the web page are missing: its tests will be skipped"; fi

sheets: $(DEV)
	@if [ ! -f "$(PHOTOS)/index.csv" ]; then \
		echo "make sheets: no $(PHOTOS)/index.csv; give the folder of photos, make sheets PHOTOS=folder" >&2; exit 2; fi
	$(VENV)/bin/unrender evaluate sheets --data "$(PHOTOS)" --split val --each 16 -o sheets

$(PY):
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
		if command -v "$$python" >/dev/null 2>&1 && \
			"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "$$python -m venv $(VENV)"; exec "$$python" -m venv "$(VENV)"; \
		fi; \
	done; \
	echo "No Python 3.11 or later with venv and ensurepip was found; install one or give PYTHON=path." >&2; exit 1

# An editable installation serves the demo as well.
$(BASE): pyproject.toml $(SOURCES) | $(PY)
	@if [ -f $(DEV) ] && [ $(DEV) -nt pyproject.toml ]; then :; else \
		echo "Installing into $(VENV); the first time this downloads about 130 MB."; $(PIP) install --quiet .; fi
	@touch $@

$(DEV): pyproject.toml | $(PY)
	@echo "Installing PyTorch and the test tools into $(VENV); the first time this takes some minutes."
	$(PIP) install --quiet $(TORCH_FLAGS) "$(TORCH)"
	$(PIP) install --quiet -e ".[train,test,lint]"
	@touch $@

clean:
	rm -rf $(OUT) sheets build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) node_modules
