"""Testers that upload each result by HTTP: what they say, as the station's port hands it over."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from drivers import catalogue
from protocol import uploads
from protocol.analyzers import http_push
from protocol.analyzers.shared.mapped import CHINA
from protocol.frozen import frozen
from protocol.readings import TestResult, Verdict
from protocol.uploads import Request

RETRY_SECONDS = 5.0  # an upload that was not taken goes again
WORDS = {Verdict.QUALIFIED: "合格", Verdict.UNQUALIFIED: "不合格", Verdict.INVALID: "无效"}


def _kerun(result: TestResult) -> dict[str, str]:
    said = {
        "jcdw": "市场快检室",
        "jcxm": result.item,
        "jcdt": f"{result.measured_at:%Y-%m-%d %H:%M:%S}",
        "jcz": _digits(result.value),
        "szdw": result.unit or "",
        "jgpd": WORDS[result.verdict] if result.verdict else "",
        "ybbh": result.sample or "",
        "ybmc": result.name or "",
        "xlz": _digits(result.limit),
        "type": "1",
        "did": "KR-0001",
    }
    return {name: text for name, text in said.items() if text}


def _dimaier(result: TestResult) -> dict[str, str]:
    assert result.measured_at is not None
    body = {
        "samplenum": result.sample,
        "samplename": result.name,
        "testproject": result.item,
        "testresult": _digits(result.value),
        "cov_unit": result.unit,
        "controlvalue": _digits(result.limit),
        "testingtime": int(result.measured_at.replace(tzinfo=CHINA).timestamp()),
        "decisionoutcome": WORDS[result.verdict] if result.verdict else "",
        "deviceNumber": "DM-0001",
    }
    return {"body": json.dumps(body, ensure_ascii=False)}


def _any(result: TestResult) -> dict[str, str]:
    said = {
        "sample": result.sample or "",
        "name": result.name or "",
        "item": result.item,
        "value": _digits(result.value),
        "unit": result.unit or "",
        "conclusion": WORDS[result.verdict] if result.verdict else "",
        "limit": _digits(result.limit),
        "time": f"{result.measured_at:%Y-%m-%d %H:%M:%S}",
        "serial": "AN-0001",
    }
    return {name: text for name, text in said.items() if text}


@frozen
class Maker:
    """``row`` is its model, ``path`` what its testers add to the address, ``word`` what is good in the answer."""

    row: str
    path: str
    said: Callable[[TestResult], dict[str, str]]
    word: str = "status"


MODELS: Mapping[str, Maker] = {
    "any": Maker("http-any", "/upload", _any),
    "kerun": Maker("kerun-upload", "/detection.jsp", _kerun),
    "dimaier": Maker("dimaier-upload", "/api/result", _dimaier, "code"),
}


class Uploader:
    """The next upload goes when the one before was answered well; another answer, or none, and it goes again.

    ``taken`` has the samples that the station took, ``answers`` what it said.
    """

    LIMIT = Decimal(50)
    ITEM = "农药残留"

    def __init__(self, model: str = "any") -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        self._maker = MODELS[model]
        self._mapped = http_push.FORMAT.parse(catalogue.find(self._maker.row).options)
        self.unsent: list[Request] = []
        self.answers: list[uploads.Answer] = []
        self._again_at: float | None = None
        self._waiting = False

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        verdict = Verdict.QUALIFIED if value is not None and value < self.LIMIT else Verdict.UNQUALIFIED
        result = TestResult(
            sample=str(sample),
            channel=None,
            item=self.ITEM,
            value=value,
            unit="%",
            verdict=Verdict.INVALID if value is None else verdict,
            measured_at=at,
            identity="",
            name=name or None,
            limit=self.LIMIT,
        )
        request = Request(self._maker.path, uploads.apart(self._maker.said(result)))
        assert isinstance(self._mapped, http_push.Mapped)
        (kept,) = http_push.decode(uploads.written(request), self._mapped)
        if not isinstance(kept, TestResult):
            raise ValueError(f"the tester cannot upload {result}")
        self.unsent.append(request)
        return kept

    def receive(self, data: bytes, now: float) -> None:
        for answer in uploads.answers(data):
            self.answers.append(answer)
            if not self._waiting or not self.unsent or answer.digest != uploads.name_of(self.unsent[0]):
                continue
            self._waiting = False
            if self._is_good(answer):
                self.unsent.pop(0)
            else:
                self._again_at = now + RETRY_SECONDS

    def pending(self, now: float) -> bytes:
        if self._waiting or not self.unsent or (self._again_at is not None and now < self._again_at):
            return b""
        self._waiting, self._again_at = True, None
        return uploads.wrapped(self.unsent[0])

    def deadline(self, now: float) -> float | None:
        if self._waiting or not self.unsent:
            return None
        return now if self._again_at is None else self._again_at

    def _is_good(self, answer: uploads.Answer) -> bool:
        """As the makers' programs judge it: by the JSON alone."""
        try:
            said = json.loads(answer.text)
            code = int(said[self._maker.word])
        except (ValueError, LookupError, TypeError):
            return False
        return code == 1 if self._maker.word == "status" else code < 300


def _digits(number: Decimal | None) -> str:
    return "" if number is None else format(number, "f")


def simulate(model: str | None) -> Uploader:
    return Uploader(model or "any")
