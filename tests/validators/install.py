"""Put what package-lock.json names into build/validators, once: `make validate` calls it.

What npm has fetched before it takes from its own cache.
"""

import shutil
import subprocess
import sys

from lock import HERE, NPM

INTO = HERE.parent.parent / "build" / "validators"
FILES = ("package.json", "package-lock.json", ".npmrc")


def current() -> bool:
    done = INTO / ".installed"
    return done.exists() and all((HERE / name).stat().st_mtime <= done.stat().st_mtime for name in FILES)


if __name__ == "__main__" and not current():
    print("installing the validators into build/validators, once: about half a minute", flush=True)  # noqa: T201
    INTO.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, INTO / name)
    if subprocess.run([*NPM, "ci", "--prefer-offline", "--loglevel=error"], cwd=INTO).returncode:
        sys.exit("the validators cannot be installed: npm says why above; is its registry reached?")
    (INTO / ".installed").touch()
