# `make` alone prints the list of targets. Those that need .venv make it ready first.

ifeq ($(OS),Windows_NT)
    PYTHON ?= python
    BIN := .venv/Scripts
else
    PYTHON ?= python3
    BIN := .venv/bin
endif

# What a reader needs is installed, and all that the tests and tools need.
READER := .venv/.reader
READY := .venv/.installed

define HELP
make lab       open your own copy of the tutorial, my-notebooks, in JupyterLab;
               in Traditional Chinese: make lab LANGUAGE=zh-TW
make fresh     put that copy away under the day's name, and make a new one
make edit      open the original notebooks in JupyterLab, to change the tutorial
make test      prove every output in the notebooks, and test the helpers;
               one file or folder alone: make test ONLY=notebooks/gallery.ipynb
make browser   prove what is seen in a browser: JupyterLab, the site, the player
make hub       prove that a class can work on one machine at once: on Debian, as root;
               with 30 students, and a table of how long they wait: make hub STUDENTS="5 10 30"
make coverage  make test, and show that it reaches every line and every branch of the helpers
make mutants   see whether the tests notice small changes of the code;
               of one file: make mutants ONLY=autodiff_helpers/gradients/differences.py
make outputs   run every notebook afresh and store its outputs; one alone: make outputs ONLY=...
make address   say where the project is kept, and make what is stored and leads there:
               make address ADDRESS=https://github.com/owner/name; without one, that of the clone
make stamp     say that translated cells follow the English ones as they are now, once you looked
make catalogue list what the helpers and their docstrings say, for each other language
make exercises write what students get, as zips to hand out, into class/
make handout   print the handout for a class, a page in each language, into class/
make grade     grade what they hand in: make grade SUBMISSIONS=folder; without one, samples
make docs      build the site from the notebooks as they are stored, with the slides
make slides    make a deck of slides from each notebook, in site/slides
make package   build the wheel and the sdist, and prove that they work when installed, and that
               what a reader installs is enough for every notebook
make bench     time the helpers and the proof against their plain counterparts
make lint      check style and types
make clean     remove .venv, the site and the tools' caches
endef

.PHONY: help lab fresh edit test browser hub coverage mutants outputs address stamp catalogue exercises handout grade docs slides package bench lint clean

# `cd .` keeps make from adding that there was nothing to do.
help:
	$(info $(HELP))
	@cd .

# As it was given to make: the system's own LANGUAGE, if there is one, looks like en_US:en.
EDITION := $(if $(filter command,$(origin LANGUAGE)),$(LANGUAGE))

lab: $(READER)
	$(BIN)/python tools/lab.py $(EDITION)

fresh: $(READER)
	$(BIN)/python tools/my_notebooks.py fresh

# JupyterLab shows the stored pictures only of notebooks that are trusted, and as root, as in a
# container, it does not start without being allowed to.
edit: $(READY)
	$(BIN)/jupyter trust --log-level=WARN $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb)
	$(BIN)/jupyter lab --allow-root --LabApp.default_url=lab/tree/notebooks/index.ipynb

# On every core, one file at a time, in the order of `testpaths`.
SIDE_BY_SIDE := --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

RUN := -m pytest

test: $(READY)
	$(BIN)/python $(RUN) $(or $(ONLY),$(SIDE_BY_SIDE) --ignore=tests/browser --ignore=tests/hub)

# Apart from the rest, because it needs Chromium and takes as long as all of that.
browser: $(READY)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/browser

hub: $(READY)
	STUDENTS="$(or $(STUDENTS),5)" $(BIN)/python -m pytest tests/hub

coverage: $(READY)
	$(BIN)/coverage erase
	$(MAKE) test RUN="-m coverage run -m pytest"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

mutants: $(READY)
	$(BIN)/python tools/mutants.py $(ONLY)

outputs: $(READY)
	$(BIN)/python tools/store_outputs.py $(ONLY)

address: $(READY)
	$(BIN)/python tools/set_address.py $(ADDRESS)

stamp: $(READY)
	$(BIN)/python tools/in_step.py $(ONLY)

catalogue: $(READY)
	$(BIN)/python tools/catalogues.py

exercises: $(READY)
	$(BIN)/python tools/hand_out.py

handout: $(READY)
	$(BIN)/python tools/handout.py

grade: $(READY)
	$(BIN)/python tools/grade.py "$(or $(SUBMISSIONS),exercises/submissions)"

docs: $(READY)
	$(BIN)/python tools/build_site.py

slides: $(READY)
	$(BIN)/python tools/slides.py

package: $(READY)
	$(BIN)/python tools/prove_package.py
	$(BIN)/python tools/prove_reader.py

bench: export PYTHONPATH := tools
bench: $(READY)
	$(BIN)/python benchmarks/notebooks.py
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python benchmarks/check.py
	$(BIN)/python benchmarks/verdicts.py
	$(BIN)/python benchmarks/graph_plot.py
	$(BIN)/python benchmarks/classroom.py
	$(BIN)/python benchmarks/seat.py

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:
	$(PYTHON) -c "import shutil; [shutil.rmtree(d, True) for d in '.venv .coverage dist docs/build screenshots site class mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache'.split()]"

# A stamp is written last, so a set-up that was interrupted is done again.
STAMP = @$(BIN)/python -c "open('$@', 'w')"
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check

$(READER): pyproject.toml requirements.txt tools/hatch_build.py tools/compile_catalogues.py $(wildcard tools/jupyter/* tools/labextensions/*/* autodiff_helpers/locale/*/*/*.po)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'This tutorial needs Python 3.11 or newer; with another one: make PYTHON=python3.12')"
	@$(PYTHON) -c "import importlib.util as u, sys; sys.exit(not u.find_spec('ensurepip') and 'This Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv')"
	@echo Setting up .venv, once: this takes some minutes.
	@$(PYTHON) -m venv .venv
	@$(INSTALL) -r requirements.txt
	@$(INSTALL) --no-deps -e .
	$(STAMP)

$(READY): $(READER) requirements-dev.txt
	@echo Adding what the tests and tools need to .venv, once.
	@$(INSTALL) -r requirements-dev.txt
	$(STAMP)
