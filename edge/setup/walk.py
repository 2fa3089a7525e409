"""The way through the steps: one answer after the other, back as far as somebody wants, and what is done in between.

Terminal and page both walk so; neither knows what the steps are.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from drivers.discover import FoundPort
from edge.between.tongue import said, speak
from edge.between.words import Bilingual, Language
from edge.records.identity import public_hex
from edge.setup import found, station, steps
from edge.setup.composed import composed, printer_of
from edge.setup.found import Found, Tell
from edge.setup.known import Device, Known, devices
from edge.setup.steps import Act, Question, Step
from edge.setup.trial import print_test

BACK = "<"
OPEN = "—"  # left for later
PASSING = ("plugged", "look ", "print ", "came ")  # what stands in no file


class Written(NamedTuple):
    """A station that was written: its configuration, and the public key that the city registers."""

    config: Path
    public: str


class Walk:
    """``ports`` lists what is plugged in, ``look`` looks at one; tests hand in others.

    ``look`` is called by ``do`` alone, so whoever calls that may do it in a thread of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: Callable[[], tuple[FoundPort, ...]] = found.ports,
        look: Callable[..., Found] = found.look,
    ) -> None:
        self.known = Known(folder)
        self.written: Written | None = None
        self._ports, self._look = ports, look
        self._done: list[str] = []
        self.known.ports = ports()

    @property
    def language(self) -> str:
        return self.known.get("language", "zh")

    def steps(self) -> tuple[Step, ...]:
        return steps.steps(self.known)

    def step(self) -> Step | None:
        """The one that has an open question; None at the end."""
        return next((step for step in self.steps() if self.open(step)), None)

    def open(self, step: Step) -> list[Question]:
        """Its questions that have no answer."""
        return [one for one in step.questions if one.key not in self._done]

    def question(self) -> Question | None:
        step = self.step()
        return self.open(step)[0] if step else None

    def default(self, question: Question) -> str:
        """What was answered before, where that can still be; else the usual answer."""
        before = self.known.given.get(question.key)
        values = [choice.value for choice in question.choices]
        if (
            before is None
            or question.secret
            or (values and not set(before.split()) <= set(values) and before not in values)
        ):
            return question.default
        return before

    def answer(self, question: Question, typed: str) -> Act | None:
        """Take an answer; what is to be done now, if anything. Nothing typed is the default. Raises ValueError."""
        text = _chosen(question, typed.strip()) if typed.strip() else self.default(question)
        if question.fits is not None:
            question.fits(text)
        act = question.acts.get(text)
        if act is not None and act.again:
            return act
        self.known.given[question.key] = text
        self._done.append(question.key)
        speak(self.language)
        return act

    def back(self) -> bool:
        """Take the last answer back; False at the beginning."""
        if not self._done:
            return False
        self._done.pop()
        return True

    def back_to(self, name: str) -> None:
        """Take back the answers of the step with this name, and of all behind it."""
        all_steps = self.steps()
        at = next((n for n, step in enumerate(all_steps) if step.name == name), len(all_steps))
        keep = {question.key for step in all_steps[:at] for question in step.questions}
        self._done = [key for key in self._done if key in keep]

    def before(self, step: Step) -> str:
        """The name of the step in front of this one; empty for the first."""
        names = [one.name for one in self.steps()]
        at = names.index(step.name) if step.name in names else 0
        return names[at - 1] if at else ""

    # --- what is done in between ------------------------------------------------------------------------------------

    def do(self, act: Act, tell: Tell) -> None:
        """Do it; may take half a minute. Raises what ``tell`` raises, OSError, and BadConfig."""
        known = self.known
        speak(self.language)  # of this thread
        if act.do == "list":
            known.ports = self._ports()
        elif act.do in ("look", "press"):
            port = next(port for port in known.ports if port.stable == act.about)
            if act.do == "press":
                tell(said("放上东西，按打印键或发送键", "load it, and press its print or send key"))
            known.found[port.stable] = self._look(port, tell, press=act.do == "press")
        elif act.do == "print":
            key = act.about.split(" ", 2)[2]
            tell(said("正在打印测试页", "printing the test page"))
            known.told[act.about] = print_test(printer_of(known, self._device(key)), known.get("name"), self._spoken())
        elif act.do == "write":
            self._write()

    def skipped(self, act: Act) -> None:
        """Somebody did not want to wait for it: as if nothing had been found."""
        if act.do in ("look", "press"):
            port = next(port for port in self.known.ports if port.stable == act.about)
            self.known.found.setdefault(port.stable, Found(port))

    def failed(self, act: Act) -> None:
        """It could not be done: its question is open again."""
        if self._done and not act.again:
            self._done.pop()

    def _spoken(self) -> Language:
        return "en" if self.language == "en" else "zh"

    def _device(self, key: str) -> Device:
        return next(one for one in devices(self.known) if one.key == key)

    def _write(self) -> None:
        text, files = composed(self.known)
        key = station.write(self.known.folder, text, files)
        self.written = Written(self.known.folder / station.CONFIG, public_hex(key))

    def summary(self) -> list[tuple[Bilingual, str]]:
        """What was answered, question by question; no secrets."""
        lines = []
        for step in self.steps():
            for one in step.questions:
                if one.key in self._done and not one.secret and not one.key.startswith(PASSING):
                    what = step.title if one.key.startswith("is ") else one.ask
                    lines.append((what, self._shown(one, self.known.given[one.key]) or OPEN))
        return lines

    def _shown(self, question: Question, text: str) -> str:
        named = {choice.value: choice.text.said(self.language) for choice in question.choices}
        return ", ".join(named.get(word, word) for word in (text.split() if question.several else [text]))


def _chosen(question: Question, typed: str) -> str:
    """The values behind what was typed: numbers of the list, or the values themselves. Raises ValueError."""
    if not question.choices:
        return typed
    words = typed.replace(",", " ").replace("，", " ").split() if question.several else [typed]
    values = [_value(question, word) for word in words]
    return " ".join(dict.fromkeys(values))


def _value(question: Question, word: str) -> str:
    values: Iterable[str] = [choice.value for choice in question.choices]
    for number, value in enumerate(values, 1):
        if word in (str(number), value):
            return value
    count = len(question.choices)
    raise ValueError(said(f"写 1 到 {count} 中的一个", f"type one of 1 to {count}"))
