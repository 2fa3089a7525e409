"""Where papers fall: each becomes files."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from simulator.printer.picture import draw
from simulator.printer.printed import Paper


class Tray:
    """Keeps each paper as files: ``0001.bin``, ``.txt``, ``.json``, ``.png``. Drawing takes its own thread's time."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda text: None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._say = say
        self._count = max((int(path.stem) for path in folder.glob("*.bin") if path.stem.isdecimal()), default=0)
        self._papers: SimpleQueue[Paper | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tray", daemon=True)

    def put(self, paper: Paper) -> None:
        self._papers.put(paper)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends when all papers are kept."""
        self._papers.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (paper := self._papers.get()) is not None:
            self._count += 1
            self._say(f"paper {self._keep(paper, self._folder / f'{self._count:04d}')}")

    def _keep(self, paper: Paper, path: Path) -> Path:
        path.with_suffix(".bin").write_bytes(paper.raw)
        path.with_suffix(".txt").write_text(paper.text, encoding="utf-8")
        shown = json.dumps(paper.as_json(), ensure_ascii=False, indent=2)
        path.with_suffix(".json").write_text(shown + "\n", encoding="utf-8")
        picture = path.with_suffix(".png")
        draw(paper).save(picture)
        return picture
