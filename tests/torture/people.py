"""People who sell and register as fast as they are let, and who remember what they were answered."""

import http.client
import itertools
import json
import threading
import time
import uuid
from typing import Any

PRODUCT = "01040201"
_tags = itertools.count(1)


class Refused(Exception):
    """The station said no; the code says why."""


def ask(
    port: int, path: str, body: dict[str, Any], key: str = "", link: http.client.HTTPConnection | None = None
) -> Any:
    """One command at the station's local API. Raises Refused, and OSError when no answer came."""
    link = link or http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    try:
        link.request("POST", path, json.dumps(body), headers)
        answer = link.getresponse()
        text = answer.read()
        said = json.loads(text) if text.startswith(b"{") else {}
    except (http.client.HTTPException, ValueError) as error:
        raise ConnectionError(str(error)) from None
    if answer.status >= 400:
        raise Refused(said.get("code", str(answer.status)))
    return said


class Crowd:
    """``clients`` people at one station; each does something, and again ``pause`` seconds after the answer.

    ``answered`` are requests by their mark, with the code they were given; ``cut`` were sent and never answered;
    ``said_no`` were refused.  With ``keys`` they ask again with the same Idempotency-Key until they are answered.
    ``sales`` is their share among what is done; the rest are goods that come in.
    """

    def __init__(
        self, port: int, lot: str, clients: int, pause: float, *, keys: bool = False, sales: float = 0.6
    ) -> None:
        self.port, self.lot, self.pause, self.keys = port, lot, pause, keys
        self._share = sales
        self.answered: dict[str, str] = {}
        self.sales: set[str] = set()
        self.cut: set[str] = set()
        self.said_no: dict[str, str] = {}
        self.slowest: list[float] = []
        self.over, self.still = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]

    def start(self) -> "Crowd":
        for one in self._threads:
            one.start()
        return self

    def stop(self) -> None:
        self.over.set()
        for one in self._threads:
            one.join(30)

    def __enter__(self) -> "Crowd":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, number: int) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        turn = number
        while not self.over.is_set():
            if self.still.is_set():
                time.sleep(0.02)
                continue
            turn += 1
            mark = f"#{next(_tags)}#"
            sale = (turn * 0.618) % 1 < self._share
            if not self._reached(link):
                time.sleep(0.03)
                continue
            self._one(link, mark, sale)
            time.sleep(self.pause)

    def _one(self, link: http.client.HTTPConnection, mark: str, sale: bool) -> None:
        key = uuid.uuid4().hex if self.keys else ""
        if sale:
            self.sales.add(mark)
        while True:
            start = time.monotonic()
            try:
                if sale:
                    what = {"scale": "scale-1", "product": PRODUCT, "lot": self.lot, "manual_g": 500, "reason": mark}
                    self.answered[mark] = ask(self.port, "/api/sales", what, key, link)["tx"]
                else:
                    what = {"product": PRODUCT, "net_g": 1000, "origin": "河南", "supplier": mark}
                    self.answered[mark] = ask(self.port, "/api/entries", what, key, link)["test_code"]
                self.slowest.append(time.monotonic() - start)
                self.cut.discard(mark)
                return
            except Refused as no:
                self.said_no[mark] = str(no)
                time.sleep(0.02)
                return
            except OSError:
                link.close()
                self.cut.add(mark)
                if not key or self.over.is_set():
                    return
                time.sleep(0.05)

    def _reached(self, link: http.client.HTTPConnection) -> bool:
        """Whether somebody listens: a request that never left was not cut off."""
        if link.sock is not None:
            return True
        try:
            link.connect()
        except OSError:
            link.close()
            return False
        return True
