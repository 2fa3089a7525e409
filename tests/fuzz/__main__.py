"""Fuzzing: bytes that nobody thought of, into everything that reads bytes of others.

    python tests/fuzz                     every target, one after the other, --seconds each
    python tests/fuzz --only http,mqtt    some of them
    python tests/fuzz --once              each target takes its seeds, once
    python tests/fuzz TARGET FILE…        take an input again

Guided by coverage with atheris where it is installed (the extra ``fuzz``); elsewhere Hypothesis changes the seeds.
What was found stands under build/fuzz/finds with the command to take it again; inputs that reached something new are
kept under build/fuzz/corpus, and the next run goes on from there.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from hashlib import sha1
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "fuzz"
OURS = ["protocol", "drivers", "edge", "simulator", "planted"]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a card is not worn out for this
HUNG, MEMORY_MB = 60, 1500  # seconds for one input; for the whole process
COVERAGE = importlib.util.find_spec("atheris") is not None


def once(module: str, name: str) -> None:
    """The seeds, one by one."""
    import makers

    target = makers.made(module, name)
    for seed in target.seeds():
        target.run(bytes(seed))


def again(module: str, name: str, files: list[Path]) -> None:
    import makers

    target = makers.made(module, name)
    for file in files:
        target.run(file.read_bytes())
        print(f"{name}: {file} is taken")


def every(chosen: Mapping[str, str], seconds: int) -> int:
    """Each target in a process of its own. Answers how many found something."""
    how = "guided by coverage" if COVERAGE else "by Hypothesis (there is no atheris for this machine)"
    print(f"{len(chosen)} targets, {seconds} s each, {how}; finds go to {FOLDER / 'finds'}", flush=True)
    found = [name for name, module in chosen.items() if not one(module, name, seconds)]
    for name in found:
        print(f"{name}: FOUND; see {FOLDER / 'finds' / name}.txt")
    return len(found)


def one(module: str, name: str, seconds: int) -> bool:
    """Fuzz a target; False when something was found. What it said is kept beside the inputs."""
    start = time.monotonic()
    (FOLDER / "finds").mkdir(parents=True, exist_ok=True)
    said = FOLDER / "finds" / f"{name}.txt"
    command = [sys.executable, __file__, "--child", f"{module}:{name}", "--seconds", str(seconds)]
    with said.open("w") as out, TemporaryDirectory(prefix="marketedge-fuzz-", dir=MEMORY) as folder:
        done = subprocess.run(command, stdout=out, stderr=out, env={**os.environ, "TMPDIR": folder})
    told = said.read_text("utf-8", "replace")
    print(f"{name}: {summary(told)}, {time.monotonic() - start:.0f} s in all", flush=True)
    if done.returncode == 0:
        said.unlink()
    return done.returncode == 0


def summary(told: str) -> str:
    """How many inputs were taken, how many branches they reached and how many inputs were needed for that."""
    runs = re.findall(r"^(?:#|Done )([0-9]+)", told, re.MULTILINE)
    reached = re.findall(r" cov: ([0-9]+) ft: [0-9]+ corp: ([0-9]+)", told)
    branches = f", {reached[-1][0]} branches by {reached[-1][1]} inputs" if reached else ""
    return f"{runs[-1] if runs else 'no'} runs{branches}"


# --- in the target's own process --------------------------------------------------------------------------------------


def by_coverage(module: str, name: str, seconds: int) -> None:
    import atheris  # type: ignore[import-not-found,unused-ignore]

    with atheris.instrument_imports(include=OURS):
        import makers

        target = makers.made(module, name)
    corpus, seeds = FOLDER / "corpus" / name, FOLDER / "seeds" / name
    dictionary = FOLDER / f"{name}.dict"
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (seeds / sha1(seed).hexdigest()).write_bytes(seed)
    words = target.words or (b"\0",)  # an empty dictionary is refused
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words), "ascii")
    options = {
        "max_total_time": seconds,
        "max_len": target.longest,
        "timeout": HUNG,
        "rss_limit_mb": MEMORY_MB,
        "dict": dictionary,
        "artifact_prefix": FOLDER / "finds" / f"{name}-",
        "print_final_stats": 0,
        "verbosity": 1,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(corpus), str(seeds)], target.run)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02X}" for byte in word)


def by_hypothesis(module: str, name: str, seconds: int) -> None:
    """Seeds with pieces changed, doubled, lost and put in; the smallest input that fails is written down."""
    import makers
    from changes import changed

    target = makers.made(module, name)
    keep = FOLDER / "finds" / f"{name}-crash"
    until, count = time.monotonic() + seconds, 0

    def take(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            keep.write_bytes(data)  # the last one written is the smallest
            raise

    while time.monotonic() < until:
        count += changed(take, list(target.seeds()), target.words)
    print(f"Done {count} runs in {seconds} second(s)")


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz everything that reads bytes of others.")
    parser.add_argument("target", nargs="?")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", default="", help="names, parted by commas")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--plant", action="store_true", help="look for a fault that is there")
    asked = parser.parse_args()
    if asked.child:
        way: Callable[[str, str, int], None] = by_coverage if COVERAGE else by_hypothesis
        way(*asked.child.split(":"), asked.seconds)
        return 0
    with TemporaryDirectory(prefix="marketedge-fuzz-", dir=MEMORY) as folder:
        tempfile.tempdir = folder
        return _asked(parser, asked)


def _asked(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> int:
    import makers

    if asked.plant:
        return 1 if every({"planted": "planted"}, asked.seconds) else 0
    known = makers.modules()
    wanted = [asked.target] if asked.target else [name for name in asked.only.split(",") if name] or list(known)
    if unknown := set(wanted) - set(known):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    if asked.target:
        again(known[asked.target], asked.target, asked.files)
        return 0
    if asked.once:
        for name in wanted:
            once(known[name], name)
        print(f"{len(wanted)} targets took their seeds")
        return 0
    return 1 if every({name: known[name] for name in wanted}, asked.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
