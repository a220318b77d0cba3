# Every target sets up what it needs in .venv; `make lab` and `make test` are all a newcomer has to type.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.ready
BROWSER := $(VENV)/.browser-ready
TORCH_INDEX ?= # where pip finds torch; pytorch.org names one without CUDA, which is most of the download
COLAB := .venv-colab
COLAB_PYTHON ?= python3.13
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root) # in a container

.PHONY: help setup lab demo test unit browser browser-short colab mutants faults notebooks exercises doubled lint bench site site-test slides clean

help:
	@echo "make setup      install everything into .venv, and no more"
	@echo "make lab        open the course in JupyterLab"
	@echo "make demo       train SimCLR without a browser; print the table, write the pictures"
	@echo "make test       lint, unit tests, every notebook and exercise"
	@echo "make unit       the unit tests alone"
	@echo "make browser    every lesson in a real browser: all cells, all controls of all demos (half an hour)"
	@echo "make colab      every lesson and demo with Colab's versions, in $(COLAB)"
	@echo "make mutants    break the package in a hundred ways, one at a time; no test may miss one (half an hour)"
	@echo "make faults     kill, interrupt and damage trainings a hundred ways, and count what is lost (minutes)"
	@echo "make exercises  make the students' exercises from exercises/source"
	@echo "make doubled    run every cell of the notebooks twice, and say what differs"
	@echo "make notebooks  execute the notebooks and write their outputs"
	@echo "make bench      speed against the usual recipe and against lightly"
	@echo "make site       the course as a site, in build/site/html: asks no other host"
	@echo "make site-test  the site and slides in a real browser (needs Chromium)"
	@echo "make slides LESSON=04_simclr   a lesson as slides, in build/slides"
	@echo "make lint       ruff check and format check"
	@echo "make clean      remove .venv and .venv-colab"

$(SETUP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "venv failed: on Debian or Ubuntu, apt install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(if $(strip $(TORCH_INDEX)),$(BIN)/python -m pip install --quiet --index-url $(TORCH_INDEX) torch torchvision)
	$(BIN)/python -m pip install --quiet -e ".[lab,test,export]"
	@touch $@

setup: $(SETUP)

lab: $(SETUP)
	$(BIN)/python -m jupyterlab $(AS_ROOT) --ServerApp.root_dir=. notebooks/00_start_here.ipynb

demo: $(SETUP)
	$(BIN)/ssl-course demo

test: $(SETUP) lint unit
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --nbval-lax -n 2 --dist loadfile notebooks
	OMP_NUM_THREADS=1 SSL_COURSE_STRICT=solved $(BIN)/python -m pytest -q --nbval-lax -n 2 --dist loadfile exercises/source
	OMP_NUM_THREADS=1 SSL_COURSE_STRICT=unsolved $(BIN)/python -m pytest -q --nbval-lax -n 2 --dist loadfile exercises/*.ipynb

unit: $(SETUP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 tests

$(BROWSER): $(SETUP)
	$(BIN)/python -m pip install --quiet -e ".[lab,test,browser]"
	@touch $@

browser: $(BROWSER)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q browser/test_lessons.py

browser-short: $(BROWSER)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q browser/test_lessons.py --lessons 03 04

$(COLAB)/.ready: pyproject.toml tests/colab-constraints.txt
	test -x $(COLAB)/bin/python || $(COLAB_PYTHON) -m venv $(COLAB)
	$(COLAB)/bin/python -m pip install --quiet --upgrade pip
	$(COLAB)/bin/python -m pip install --quiet -c tests/colab-constraints.txt -e ".[test]"
	@touch $@

colab: $(COLAB)/.ready
	OMP_NUM_THREADS=1 $(COLAB)/bin/python -m pytest -q tests/test_live*.py tests/test_profiles.py
	OMP_NUM_THREADS=1 $(COLAB)/bin/python -m pytest -q --nbval-lax -n 2 --dist loadfile notebooks

mutants: $(SETUP)
	$(BIN)/python tests/mutants.py

faults: $(SETUP)
	$(BIN)/python benchmarks/faults.py

notebooks: $(SETUP)
	$(BIN)/python notebooks/execute.py

exercises: $(SETUP)
	$(BIN)/python exercises/make.py

doubled: $(SETUP)
	$(BIN)/python notebooks/doubled.py notebooks/*.ipynb exercises/source/*.ipynb

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(SETUP)
	$(BIN)/python -m pip install --quiet -e ".[bench]"
	$(BIN)/python benchmarks/speed.py

site: $(SETUP)
	$(BIN)/python -m pip install --quiet -e ".[site]"
	$(BIN)/python docs/site/build.py

site-test: $(SETUP)
	$(BIN)/python -m pip install --quiet -e ".[site,browser]"
	$(BIN)/python -m pytest -q browser/test_site.py

slides: $(SETUP)
	$(BIN)/python -m pip install --quiet -e ".[site]"
	$(BIN)/python docs/site/slides.py $(LESSON)

clean:
	rm -rf $(VENV) $(COLAB)
