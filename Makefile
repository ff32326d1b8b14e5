# Everything runs in .venv; nothing is installed outside this folder but Label Studio's own
# environment, which lies in the user's cache folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KEEP ?=
QUICK := $(BIN)/pytest --numprocesses auto --dist loadfile --quiet -m "not labelstudio and not browser and not slow"

.PHONY: install demo test campaign check generate lock browser clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"aufruf needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: --requirement uv.requirements
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --compile-bytecode --require-hashes requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: install  ## the whole way on the bundled sample, with a real Label Studio
	$(BIN)/aufruf demo $(if $(KEEP),--keep)

check: install  ## what must hold before every commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/aufruf scheme build --check
	$(QUICK)

test: install  ## all tests, those against a real Label Studio included, and the built wheel
	$(QUICK)
	$(BIN)/pytest -m "labelstudio or browser or slow"

campaign: install  ## the long ones in full: hundreds of kills, simulations
	$(BIN)/pytest --campaign

generate: install  ## write what is made from the label scheme
	$(BIN)/aufruf scheme build

browser: install  ## Debian's Chromium, for the tests in a real browser
	apt-get install --yes chromium

lock: install  ## choose new versions of everything
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  --no-annotate --group dev pyproject.toml --output-file requirements.lock
	grep -A 100 '^uv==' requirements.lock | awk 'NR == 1 || /--hash/ {print} NR > 1 && !/--hash/ {exit}' > uv.requirements
	echo 'label-studio==1.23.2' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --upgrade - --output-file toolkit/aufruf/labelstudio/server.lock

clean:
	rm -rf $(VENV) .demo dist build
