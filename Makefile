# Every path is relative and every variable quoted: the folder of the checkout may have any name.

PYTHON ?= python3

python := .venv/bin/python
installed := .venv/installed

# Notebooks run in folders of their own, where a relative LRLIB_DATA would name another place.
ifneq ($(LRLIB_DATA),)
ifeq ($(filter /%,$(firstword $(LRLIB_DATA))),)
override LRLIB_DATA := $(CURDIR)/$(LRLIB_DATA)
endif
export LRLIB_DATA
endif

# An environment holds its own address: one that was moved or copied here is made anew.
ifneq ($(shell cat $(installed) 2> /dev/null),$(shell pwd -P))
.PHONY: $(installed)
endif

# Else a thread that waits for another one keeps a core busy: on a busy machine a training that takes
# seconds would take minutes. On a quiet one nothing changes.
unit test-slow test-live test-recipes notebooks released lab book: export OMP_WAIT_POLICY = passive

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test lint unit test-slow test-site test-live test-exports test-recipes notebooks \
        released bench record finder-scores reproduce lab hooks home clean distclean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

# What has not changed is not run again. After a warning all pages are read again: else the next
# build, which would not look at that page, would pass.
book: $(installed) ## run the notebooks that changed, build the site into _build/html, check it
	.venv/bin/jupyter-book build . -W -n --keep-going || { rm -rf _build/.doctrees; exit 1; }
	@$(MAKE) --no-print-directory _build/checked
	@$(python) -c "import pathlib; print('The book is built. Open', \
	    pathlib.Path('_build/html/index.html').resolve().as_uri())"

# Pages that passed are not checked again.
_build/checked: $(wildcard tests/site/check_build.py tests/site/pages.py book/_static/* book/_ext/*.py) \
        $(shell find _build/html -name '*.html' 2> /dev/null)
	$(python) -m pytest tests/site/check_build.py
	@touch $@

test: lint unit notebooks ## lint, unit and notebooks, one after the other

lint: $(installed) ## check style, types, spelling, workflows, issue forms and the citation
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	.venv/bin/lint-imports --no-cache --no-logo
	.venv/bin/codespell
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

unit: $(installed) ## run the tests of lrlib and of the repository, and the doctests
	$(python) -m pytest --numprocesses=auto --dist=worksteal

# Tests of one file share its environment: they stay in one process.
test-slow: $(installed) ## run the tests marked slow, which `make test` leaves out
	$(python) -m pytest -m slow --numprocesses=auto --dist=loadfile

# Not in _build: nbmake passes over notebooks in a folder of that name. The book takes what was run
# here, unless something has changed by then. With LRLIB_BUDGET=full a cell may take half an hour.
notebooks: $(installed) ## run copies of the eight notebooks and look for hidden errors
	rm -rf build/tested
	$(python) tests/notebooks/stage.py build/tested
	$(python) -m pytest --nbmake --overwrite --nbmake-kernel=python3 --nbmake-timeout=3600 \
	    build/tested --numprocesses=auto --maxschedchunk=1
	$(python) -m pytest tests/notebooks/check_executed.py
	$(python) book/_ext/executions.py build/tested

# Git holds the notebooks without outputs; these are for viewers that run nothing.
released: $(installed) ## run the notebooks and keep what they show, in build/released
	.venv/bin/jupyter nbconvert --execute --to notebook --output-dir build/released notebooks/*.ipynb

# With SMOKE=1 everything runs once, on noise, and nothing is written down.
bench: $(installed) ## measure how fast the book trains: print a table, save its rows
	@mkdir -p build
	$(python) -m pytest benchmarks/speed.py --benchmark-quiet $(if $(SMOKE),--smoke \
	    --benchmark-json=build/smoke.json,--benchmark-json=benchmarks/rows/ratios.json)

# OPTIONS= takes --workers, --scheduler and --at-most.
record: $(installed) ## make the runs of the study that are missing; it can be stopped at any moment
	$(python) -m lrlib.evidence.record_range_tests
	$(python) -m lrlib.evidence.record $(OPTIONS)

finder-scores: $(installed) ## try every rule of the finder on all recorded tests: print what each is worth
	$(python) -m lrlib.evidence.suggestions

reproduce: $(installed) ## make three recorded runs again and compare
	$(python) -m lrlib.evidence.reproduce $(OPTIONS)

# Debian's Chromium, or one that Playwright fetches where there is none.
chromium = command -v chromium-headless-shell chromium chromium-browser google-chrome > /dev/null \
    || .venv/bin/playwright install --with-deps chromium

test-site: $(installed) ## open every page of the built site in Chromium and use its controls
	@test -f _build/html/index.html || { echo "There is no site yet: make book" >&2; exit 1; }
	@$(chromium)
	$(python) -m pytest --numprocesses=auto --dist=worksteal \
	    tests/site/check_race.py tests/site/check_lab.py tests/site/check_browser.py \
	    tests/site/check_formulas.py

test-live: $(installed) ## open three notebooks in JupyterLab in Chromium and use their controls
	@$(chromium)
	$(python) -m pytest tests/live/check_live.py

# An environment of its own: the packages of the lab's code and of the recipes aren't the book's.
# Two gigabytes, of which little is imported: Python compiles that when it does.
build/exports/installed: tests/exports/requirements.txt
	"$(PYTHON)" -m venv --clear build/exports
	build/exports/bin/python -m pip install --no-compile --requirement tests/exports/requirements.txt
	@touch $@

test-exports: $(installed) build/exports/installed ## run the schedule lab's code and the finder's rules with each framework, in an environment of its own
	@$(chromium)
	$(python) -m pytest --numprocesses=auto --dist=worksteal \
	    tests/exports/check_exports.py tests/exports/check_rules.py

test-recipes: $(installed) build/exports/installed ## run the recipes with each framework, in the same environment
	$(python) -m pytest --numprocesses=auto --dist=worksteal tests/recipes/check_recipes.py

lab: $(installed) ## open JupyterLab on the notebooks
	$(python) -m jupyterlab notebooks $(OPTIONS)

# Git starts these programs at the top of the checkout. Where nbdime gives up without a word in the
# file, as on two new cells in one place, git merges the text.
hooks: $(installed) ## let git compare notebooks cell by cell, and check before each commit
	git config diff.jupyternotebook.command ".venv/bin/git-nbdiffdriver diff"
	git config merge.jupyternotebook.name nbdime
	git config merge.jupyternotebook.driver ".venv/bin/git-nbmergedriver merge %O %A %B %L %P || \
	    (! grep -q -e '<<<<<<<' -e nbdime-conflicts %A && \
	    git merge-file -L ours -L base -L theirs %A %O %B)"
	.venv/bin/pre-commit install

# With URL= the address is taken away; without URL, what _config.yml says is written out once more.
home: ## write where the repository lives: make home URL=https://github.com/you/your-copy
	@"$(PYTHON)" book/home.py $(if $(filter undefined,$(origin URL)),,"$(URL)")

clean: ## remove what building and testing made; keep .venv and the data
	rm -rf _build build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find benchmarks book lrlib notebooks recipes tests \( -name __pycache__ -o -name .*_cache \
	    -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environment too
	rm -rf .venv lrlib.egg-info

# setuptools comes first, so that lrlib is built with the pinned one and not with a download.
$(installed): pyproject.toml constraints.txt
	@command -v "$(PYTHON)" > /dev/null || { echo "$(PYTHON) is not found. This needs Python 3.11" \
	    "or newer; name yours: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("This needs Python 3.11 \
	or newer, and $(PYTHON) is %d.%d; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" \
	% sys.version_info[:2])'
	test -x $(python) && test "$$(cat $@ 2> /dev/null)" = "$$(pwd -P)" \
	    || "$(PYTHON)" -m venv --clear .venv
	$(python) -m pip install --constraint constraints.txt setuptools wheel
	$(python) -m pip install --constraint constraints.txt --no-build-isolation \
	    --editable ".[book,test]"
	@pwd -P > $@
