"""Fixtures that many tests share. Import nothing from here: ask for the fixture."""

import io
import logging
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import Phase, settings
from xdist.scheduler import LoadScopeScheduling

from edge.records.clock import Clock
from edge.records.ledger import Ledger, Signer
from simulator.machine import Machine

# Stations and commands are started hundreds of times: let each find the program compiled, as an installed one does.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine is no failure. What fails is what was changed: the examples stay the same, and are few;
# make explore tries many that nobody has seen.
settings.register_profile("marketedge", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.register_profile(
    "mutation", deadline=None, max_examples=25, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("marketedge")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who plays a state machine makes up examples, too: `-m hypothesis` finds both."""
    for item in items:
        if hasattr(getattr(item, "module", None), "run_state_machine_as_test"):
            item.add_marker("hypothesis")


@pytest.fixture(autouse=True)
def unmuted() -> Iterator[None]:
    """A command that mutes the log mutes it for nobody else."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def signer(key: Ed25519PrivateKey) -> Signer:
    return Signer(key, "sy.example.cn", "410108001", "01")


@pytest.fixture
def ledger(tmp_path: Path, signer: Signer) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "data", signer)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock("host")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The /dev and /sys of a machine with USB sockets."""
    return Machine(tmp_path / "machine")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Hostile texts in a log are no reason for a report that cannot cross to the process that collects them."""
    outcome: Any = yield
    report = outcome.get_result()
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]


TOGETHER = ("tests/test_walk.py", "tests/drivers/test_identify.py")  # each has one fixture that takes half a minute


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Tests one by one to whichever process is free; those of a file with a costly fixture to one of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def a_photo() -> Callable[..., bytes]:
    """A picture of noise, so that it does not get small; another ``seed`` is another one."""
    from PIL import Image

    def made(seed: int = 1, side: int = 64, kind: str = "JPEG") -> bytes:
        noise = random.Random(seed).randbytes(side * side * 3)
        out = io.BytesIO()
        Image.frombytes("RGB", (side, side), noise).save(out, kind, quality=90)
        return out.getvalue()

    return made
