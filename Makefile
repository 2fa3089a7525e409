# Two commands for everybody: `make demo` and `make test`. Each sets up what it needs, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEBIAN := mosquitto postgresql chromium-headless-shell libatomic1 fonts-wqy-microhei man-db systemd gpg gpg-agent

.PHONY: demo test test-all covered journeys scenarios check validate judges bench fleet cluster contract fuzz explore mutate torture deb box logs schema dialogues pictures docs clean

# What a box is installed from, for amd64 and arm64: build/deb. lintian has the last word; DEB_ARCHS=arm64 makes one of them.
# A city's name, repository and key: DEB_MAINTAINER, DEB_REPOSITORY, DEB_KEYRING (edge/packaging/box.md).
DEB_ARCHS ?= amd64 arm64
deb: $(VENV)/.test
	@$(MAKE) --no-print-directory packages DEBIAN='dpkg-dev lintian'
	$(BIN)/python -P -m edge.packaging deb $(DEB_ARCHS:%=--arch %)
	lintian --no-cfg --fail-on error build/deb/*.deb

# A box's life in Debian 12 and 13 that boot (QEMU): installed, rebooted, killed, upgraded, its plug pulled, purged. As root;
# hours where /dev/kvm does not work. BOX_WALK="stall stranger" walks others: a whole box by our image with a USB scale and a
# USB printer, then with a read-only root; the way of a stranger to the first sale. BOX_ONLY=trixie picks a Debian,
# BOX_HOW=tcg or container how it runs; images and packages lie under BOX_WORK meanwhile.
BOX_WALK ?=
BOX_ONLY ?=
BOX_HOW ?=
BOX_WORK ?= /var/tmp/marketedge-box
box: $(VENV)/.test
	@$(MAKE) --no-print-directory packages DEBIAN='dpkg-dev mmdebstrap qemu-system-x86 qemu-utils e2fsprogs gpg gpg-agent systemd-container chromium-headless-shell'
	$(BIN)/python -P tests/box --work $(BOX_WORK) $(BOX_WALK:%=--walk %) $(BOX_ONLY:%=--suite %) $(BOX_HOW:%=--how %)

demo: $(VENV)/.sim
	$(BIN)/marketsim demo $(DEMO)

# What people rely on, and the tests that hold it.
RELIED_ON := edge/jobs/* edge/state/* edge/core.py
HOLDING := $(addprefix tests/edge/,jobs state test_core.py test_core_rounds.py test_box_scanner.py fence/test_core_fence.py fence/test_damage.py \
  fence/test_rounds.py records/clock/test_core_clock.py)

# Stations, browsers and brokers run in real time here, four tests beside each other: one that failed is asked once more, alone, and
# what fails again fails. Its first failure stands above, and is worth a look: slow boxes are like that, too.
ALONE := --last-failed --last-failed-no-failures none --maxfail 1

test: $(VENV)/.test packages
	$(BIN)/pytest -n 4 -m "not rare" $(HOLDING:%=--ignore=%) || { [ $$? = 1 ] && $(BIN)/pytest $(ALONE) -m "not rare" $(HOLDING:%=--ignore=%); }
	@$(MAKE) --no-print-directory covered

# Every test there is: each page at each size, each bench, each journey.
test-all: $(VENV)/.test packages
	$(BIN)/pytest -n 4

# Those tests alone are measured: a tracer makes all others half as slow again and tells nothing more.
covered: $(VENV)/.test
	$(BIN)/pytest -n 4 --cov --cov-report= $(HOLDING) || { [ $$? = 1 ] && $(BIN)/pytest $(ALONE) --cov --cov-append --cov-report= $(HOLDING); }
	@for part in $(foreach part,$(RELIED_ON),'$(part)'); do \
	  $(BIN)/coverage report --include="$$part" --fail-under=95 || exit 1; done

# Each job walked at every size and in both languages; a picture of every step, and what the hands did, in build/journeys.
# JOURNEY_ONLY=stall,800x480 picks those whose name has one of these.
JOURNEY_ONLY ?=
journeys: $(VENV)/.test packages
	JOURNEYS=build/journeys JOURNEY_ONLY='$(JOURNEY_ONLY)' $(BIN)/pytest -n 2 tests/edge/web/journeys

# Every market day of the library (simulator/scenarios), played before a real station.
scenarios: $(VENV)/.test packages
	$(BIN)/pytest -n 2 tests/simulator/play/test_scenarios.py

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@mkdir -p build; $(BIN)/pytest --collect-only > build/collected || { tail -40 build/collected; exit 1; } # each test's imports exist
	$(BIN)/pytest tests/test_layers.py

# What other people's programs make of the contract: validators and SDKs from npm and PyPI (Node.js too, for Debian's is too
# old for some), and a city in Node.js written from protocol/city/README.md alone.
validate: judges packages
	$(BIN)/pytest -n 2 tests/validators

judges: $(VENV)/.validate
	@RUNLEVEL=1 $(MAKE) --no-print-directory packages DEBIAN='$(DEBIAN) prometheus' # installed, and not started as a service
	$(BIN)/python tests/validators/install.py

bench: $(VENV)/.sim packages
	$(BIN)/marketsim bench all

# A city's stations before PostgreSQL and its workers: as many sales as FLEET_EVENTS, then the broker is killed.
FLEET_STATIONS ?= 2000
FLEET_EVENTS ?= 1000000
fleet: $(VENV)/.test packages
	$(BIN)/marketsim fleet --stations $(FLEET_STATIONS) --events $(FLEET_EVENTS) --workers 4 --processes 4 --storm

# What dies in a city's machine room: a RabbitMQ node and a PostgreSQL primary, under stations that deliver.
# CLUSTER_ONLY=postgres or rabbit or rabbit-mirrored picks one.
CLUSTER := postgresql rabbitmq-server patroni etcd-server
CLUSTER_ONLY ?=
cluster: $(VENV)/.test
	@RUNLEVEL=1 $(MAKE) --no-print-directory packages DEBIAN='$(DEBIAN) $(CLUSTER)' # installed, and not started as services
	$(BIN)/python -m simulator.bench.cluster $(CLUSTER_ONLY:%=--only %)

# Everything that reads bytes of others, FUZZ_SECONDS a target; FUZZ_ONLY=http,mqtt picks some.
FUZZ_SECONDS ?= 10
FUZZ_ONLY ?=
fuzz: $(VENV)/.test
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet --constraint constraints.txt --editable '.[sim,test,fuzz]' \
	  || echo "atheris cannot be had for this machine: Hypothesis does what it can"
	$(BIN)/python tests/fuzz --seconds $(FUZZ_SECONDS) --only '$(FUZZ_ONLY)'

# Examples that nobody has seen yet: `make test` tries the same ones every time. What fails here becomes an example there.
explore: $(VENV)/.test packages
	$(BIN)/pytest -n 4 -m hypothesis --hypothesis-profile explore

# Whatever is asked of the local API, of a real station: the answer is one that the OpenAPI names. At least so many cases.
CONTRACT_CASES ?= 5000
contract: $(VENV)/.test
	CONTRACT_CASES=$(CONTRACT_CASES) $(BIN)/pytest tests/edge/web/test_contract.py -k whatever_is_asked

# Small faults in what people rely on, each of which the tests must notice. A run takes MUTATE_SECONDS at most and the next
# one goes on from there; MUTATE_ONLY=edge/state/lots.py,edge/jobs picks files, MUTATE_ONE_OF=9 takes a sample.
MUTATE_SECONDS ?= 3600
MUTATE_ONLY ?=
MUTATE_ONE_OF ?= 1
mutate: $(VENV)/.test
	@$(BIN)/python -c 'import mutmut' 2>/dev/null || $(BIN)/pip install --quiet --constraint constraints.txt --editable '.[sim,test,mutate]'
	nice $(BIN)/python -P tests/mutation --seconds $(MUTATE_SECONDS) --only '$(MUTATE_ONLY)' --one-of $(MUTATE_ONE_OF)

# Everything that may go wrong, done to real stations; what was answered is held against what the city has (edge/faults.md).
# No case begins after TORTURE_SECONDS; TORTURE_ONLY=kill,clone picks some, TORTURE_RUNS=0.3 does each less often.
TORTURE_SECONDS ?= 3600
TORTURE_ONLY ?=
TORTURE_RUNS ?= 1
torture: $(VENV)/.test packages
	$(BIN)/python tests/torture --seconds $(TORTURE_SECONDS) --only '$(TORTURE_ONLY)' --runs $(TORTURE_RUNS)

logs: $(VENV)/.test
	$(BIN)/python -P tests/rebuild_logs.py

# What a new ledger is, from the steps of its schema: after each new step.
schema: $(VENV)/.test
	$(BIN)/python -c 'from edge.records.migrations import NEWEST, ledger; NEWEST.write_text(ledger.script(), "utf-8")'

dialogues: $(VENV)/.test
	$(BIN)/python -P tests/redraw_dialogues.py

pictures: $(VENV)/.test packages
	$(BIN)/python -m simulator.demo.pictures

# A site of all pages, to be read without a network: build/site/index.html. A link that leads nowhere is an error.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going -j auto -d build/doctrees -c edge/docs . build/site
	@echo "build/site/index.html"

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/.sim: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing what it needs into $(VENV), once: about half a minute"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[sim]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[sim,test,docs]'
	touch $@ $(VENV)/.sim $(VENV)/.docs

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

$(VENV)/.validate: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[sim,test,docs,validate]' \
	  || { echo "the validators cannot be installed: pip says why above; is PyPI, or what stands for it, reached?"; exit 1; }
	touch $@ $(VENV)/.test $(VENV)/.sim $(VENV)/.docs

# What only a distribution has: a real broker, a real browser, a Chinese font.
.PHONY: packages
packages:
	@missing=""; for name in $(DEBIAN); do dpkg -s $$name >/dev/null 2>&1 || missing="$$missing $$name"; done; \
	if [ -n "$$missing" ]; then \
	  sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  echo "installing$$missing"; \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing; \
	fi

clean:
	rm -rf $(VENV) demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
