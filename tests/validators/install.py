"""Put what package-lock.json names into build/validators, once: `make validate` calls it."""

import shutil
import subprocess

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
    subprocess.run([*NPM, "ci", "--loglevel=error"], cwd=INTO, check=True)
    (INTO / ".installed").touch()
