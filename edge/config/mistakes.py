"""Mistakes in station.toml, told in the station's language: file, section, key, what was read and what is wanted."""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from edge.between.tongue import said
from edge.config.hints import HINTS
from protocol.plain import UNSEEN

CHINESE_MARKS = re.compile("[“”‘’＝，：［］]")
LONGEST = 1000
SHOWN = 60
NOTHING: Any = object()


class Mistake(ValueError):
    """What is wanted of a value. ``key``, ``value`` and ``place`` (a section's name as it is told) say where, when it
    is not the value that is being looked at."""

    def __init__(self, zh: str, en: str, *, key: str = "", value: Any = NOTHING, place: str = "") -> None:
        super().__init__(said(zh, en))
        self.key, self.value, self.place = key, value, place


def unknown(what: tuple[str, str], name: str, known: Iterable[str], /, **where: Any) -> Mistake:
    """A name that is none of the known ones; with the nearest of them. ``where`` as in Mistake."""
    zh, en = what
    names = list(known)
    near = _nearest(name[:SHOWN], names, 3, 0.55)
    if near:
        listed = (f"是不是 {' 或 '.join(near)}？", f"did you mean {' or '.join(near)}?")
    else:
        listed = (f"可用的有：{'、'.join(names)}", f"there are: {', '.join(names)}")
    return Mistake(f"没有这个{zh}；{listed[0]}", f"no such {en}; {listed[1]}", **{"value": name, **where})


# --- the file as text ------------------------------------------------------------------------------------------------


def text_of(path: Path) -> str:
    """The file's text; a mark that Windows editors put first is passed over. Raises Mistake."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Mistake(
            f"{path}：没有这个文件；用 marketedge init 目录 --job stall 生成",
            f"{path}: no such file; `marketedge init DIR --job stall` writes one",
        ) from None
    except IsADirectoryError:
        raise Mistake(
            f"{path}：这是目录，请写其中的 station.toml", f"{path}: a folder; name its station.toml"
        ) from None
    except OSError as error:
        raise Mistake(f"{path}：不能读取（{error.strerror}）", f"{path}: cannot be read ({error.strerror})") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Mistake(
            f"{path} 第 {line} 行：文件不是 UTF-8 编码（{_coded(data)}）；在编辑器里“另存为”，编码选 UTF-8",
            f"{path} line {line}: the file is not UTF-8 ({_coded(data)}); save it as UTF-8",
        ) from None


def _coded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return said("像是 UTF-16", "it looks like UTF-16")
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return said("有损坏的字节", "it has damaged bytes")
    return said("像是 GBK", "it looks like GBK")


def table_of(path: Path, text: str) -> dict[str, Any]:
    """The file's values. Raises Mistake naming the line."""
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, text, str(error)) from None
    except (ValueError, RecursionError):
        raise Mistake(
            f"{path}：不能读取：数字过长或嵌套过深", f"{path}: a number too long, or too deeply nested"
        ) from None


def language_of(text: str) -> str:
    """The language of [station], also in a file with mistakes; Chinese where it is not said."""
    found = re.search(r"^\s*language\s*=\s*[\"'](zh|en|both|)[\"']", text[text.find("[station") :], re.MULTILINE)
    return "en" if found and found[1] == "en" else "zh"


SYNTAX = (
    ("Invalid date", "没有这个日期或时间；写成 2027-06-30", "no such date or time; write it as 2027-06-30"),
    ("Unterminated", "引号没有成对", "a quotation mark is missing"),
    ("Expected '=' after", "应写成：键 = 值", "write: key = value"),
    ("Cannot overwrite", "同一个键写了两次", "this key is written twice"),
    (
        "Cannot declare",
        "这一节写了两次；多台设备用双方括号，如 [[scale]]",
        "this section is written twice; several devices take double brackets, as in [[scale]]",
    ),
    (
        "Cannot mutate",
        "这一节写了两次；多台设备用双方括号，如 [[scale]]",
        "this section is written twice; several devices take double brackets, as in [[scale]]",
    ),
    ("Unclosed", "括号没有成对", "a bracket is missing"),
    ("Expected ']", "方括号没有成对", "a bracket is missing"),
    ("Invalid initial character", "键名只能用英文字母、数字、- 和 _", "a key has letters, digits, - and _ only"),
    ("Invalid statement", "键名只能用英文字母、数字、- 和 _", "a key has letters, digits, - and _ only"),
    ("Found invalid character", "有不可见字符", "it has a character that cannot be seen"),
    ("Expected newline", "值后面还有多余的内容", "there is more behind the value"),
    ("Unescaped '\\'", "引号里的 \\ 要写成 \\\\", "write \\ as \\\\ inside quotes"),
    ("Illegal character", "引号没有成对，或有不可见字符", "a quotation mark is missing, or a character cannot be seen"),
    ("Invalid value", "等号后面不对：文字要加英文双引号", "not a value: a text needs quotation marks"),
)


def _unreadable(path: Path, text: str, message: str) -> Mistake:
    lines = text.splitlines() or [""]
    found = re.search(r"at line (\d+)", message)
    number = min(int(found[1]), len(lines)) if found else len(lines)
    line = UNSEEN.sub("�", lines[number - 1].strip())[:SHOWN]
    zh, en = next(
        ((zh, en) for start, zh, en in SYNTAX if message.startswith(start)), ("写法不对", "it cannot be read")
    )
    if CHINESE_MARKS.search(line.split("#")[0]):
        zh, en = (
            f"{zh}。这一行有中文标点，请改成英文的",
            f"{en}. This line has Chinese punctuation: write English marks",
        )
    return Mistake(f"{path} 第 {number} 行“{line}”：{zh}", f"{path} line {number} `{line}`: {en}")


# --- the values ------------------------------------------------------------------------------------------------------


class KeyPlace(NamedTuple):
    """A value's place: its section as people call it, the key within, and the value."""

    section: str
    label: str
    key: str
    value: Any


def place_of(location: tuple[int | str, ...], data: Mapping[str, Any], given: Any = NOTHING) -> KeyPlace:
    """Where a location of pydantic's lies in the file. What pydantic adds (the kinds of a choice) is left out."""
    if not location:
        return KeyPlace("", "", "", NOTHING)
    section, *rest = location
    within, label = data.get(str(section), NOTHING), f"[{section}]"
    if isinstance(within, list):
        label = f"[[{section}]]"
        if rest and isinstance(rest[0], int) and rest[0] < len(within):
            number = int(rest.pop(0))
            within = within[number]
            label += f" {_name_of(within, number)}"
    keys: list[str] = []
    for step in rest:
        if not keys and isinstance(step, str) and isinstance(within, dict):
            keys, within = [step], within.get(step, NOTHING)
        elif isinstance(within, list) and isinstance(step, int) and step < len(within):
            within = within[step]
        elif isinstance(within, dict) and step in within:
            keys, within = [*keys, str(step)], within[str(step)]
    if within is NOTHING and not keys:
        within = given
    return KeyPlace(str(section), label, ".".join(keys), within)


def _name_of(item: Any, number: int) -> str:
    for key in ("name", "code", "id"):
        found = item.get(key) if isinstance(item, dict) else None
        if isinstance(found, str) and 0 < len(found) <= 40 and not UNSEEN.search(found):
            return found
    return said(f"第 {number + 1} 个", f"number {number + 1}")


def shown(value: Any) -> str:
    """A value as it stands in the file, cut when it is long."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str):
        text = json.dumps(UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", value[:SHOWN]), ensure_ascii=False)
        return (
            text
            if len(value) <= SHOWN
            else f'{text[:-1]}…"' + said(f"（{len(value)} 个字符）", f" ({len(value)} letters)")
        )
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    text = json.dumps(value, ensure_ascii=False, default=str).replace("NaN", "nan")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def line(path: Path, place: KeyPlace, wanted: str) -> str:
    """One mistake in one line."""
    source = f"{path}"
    variable = f"MARKETEDGE_{place.section}__{place.key}".upper()
    value = place.value
    if place.key and variable in os.environ:
        source, value = said(f"环境变量 {variable}", f"environment {variable}"), os.environ[variable]
    where = " ".join(part for part in (place.label, place.key) if part)
    read = f" = {shown(value)}" if value is not NOTHING and place.key else ""
    return said(f"{source} {where}{read}：{wanted}", f"{source}: {where}{read}: {wanted}")


def unfit(path: Path, data: Mapping[str, Any], error: ValidationError, model: type[BaseModel]) -> list[str]:
    """A line for each mistake that pydantic found."""
    lines = []
    for one in error.errors():
        place = place_of(one["loc"], data, one.get("input", NOTHING))
        cause = one.get("ctx", {}).get("error")
        if isinstance(cause, Mistake):
            place = _moved(place, cause)
            wanted = str(cause)
        elif one["type"] == "extra_forbidden":
            wanted = _not_known(place, data, model)
        elif one["type"] == "missing":
            what = hint(place.section, place.key)
            wanted = said(f"缺少。{what}", f"it is missing. {what}")
            if not place.key:
                wanted = said("缺少这一节", "this section is missing")
        elif not place.key:
            wanted = _brackets(place, model)
        else:
            wanted = hint(place.section, place.key)
        if place.key and cause is not None and not isinstance(cause, Mistake):
            wanted = hint(place.section, place.key)
        told = line(path, place, wanted)
        if told not in lines:
            lines.append(told)
    return lines


def _moved(place: KeyPlace, mistake: Mistake) -> KeyPlace:
    """Where a validator of a whole section says that it is."""
    key = mistake.key or place.key
    value = mistake.value
    if value is NOTHING:
        value = place.value if key == place.key else _within(place.value, key)
    return KeyPlace(place.section, mistake.place or place.label, key, value)


def _within(value: Any, key: str) -> Any:
    for part in key.split("."):
        value = value.get(part, NOTHING) if isinstance(value, dict) else NOTHING
    return value


def hint(section: str, key: str) -> str:
    """What is wanted for a key."""
    zh, en = HINTS.get(f"{section}.{key}") or HINTS.get(key) or HINTS.get(key.split(".")[0]) or HINTS["?"]
    return said(zh, en)


def _models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The sections and what they hold."""
    found: dict[str, type[BaseModel]] = {}
    for section, field in model.model_fields.items():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found[section] = kind
    return found


def _listed(model: type[BaseModel], section: str) -> bool:
    return getattr(model.model_fields[section].annotation, "__origin__", None) is tuple


def _nearest(name: str, known: Iterable[str], most: int, alike: float) -> list[str]:
    from difflib import get_close_matches  # wanted where something is mistyped

    return get_close_matches(name, list(known), most, alike)


def _not_known(place: KeyPlace, data: Mapping[str, Any], model: type[BaseModel]) -> str:
    """An unknown section or key: the nearest one there is, or the section it belongs to."""
    sections = _models(model)
    if not place.key:
        near = _nearest(place.section, sections, 1, 0.5)
        names = [f"[[{name}]]" if _listed(model, name) else f"[{name}]" for name in (near or sections)]
        if near:
            return said(f"没有这一节；是不是 {names[0]}？", f"no such section; did you mean {names[0]}?")
        home = [name for name, part in sections.items() if place.section in part.model_fields]
        if home and not isinstance(data.get(place.section), dict | list):
            return said(f"这个键要写在 [{home[0]}] 下面", f"this key belongs below [{home[0]}]")
        return said(f"没有这一节；有：{' '.join(names)}", f"no such section; there are: {' '.join(names)}")
    known = list(sections[place.section].model_fields) if place.section in sections else []
    if near := _nearest(place.key, known, 1, 0.6):
        return said(f"没有这个键；是不是 {near[0]}？", f"no such key; did you mean {near[0]}?")
    if home := [name for name, part in sections.items() if place.key in part.model_fields]:
        name = f"[[{home[0]}]]" if _listed(model, home[0]) else f"[{home[0]}]"
        return said(f"没有这个键；它属于 {name}", f"no such key; it belongs to {name}")
    return said(f"没有这个键；有：{'、'.join(known)}", f"no such key; there are: {', '.join(known)}")


def _brackets(place: KeyPlace, model: type[BaseModel]) -> str:
    if place.section in model.model_fields and _listed(model, place.section):
        return said(
            f"用双方括号：[[{place.section}]]，每台一节", f"take double brackets: [[{place.section}]], one for each"
        )
    return said(
        f"应为一节 [{place.section}]，下面写各个键", f"this is a section: [{place.section}], with its keys below"
    )


def unseen(path: Path, data: Mapping[str, Any]) -> list[str]:
    """A line for each text with characters nobody can see, or that no record could hold."""
    lines = []
    for location, text in _texts(data, ()):
        if found := UNSEEN.search(text):
            wanted = said(
                f"含有不可见字符 U+{ord(found[0]):04X}，请删掉",
                f"it has a character that cannot be seen, U+{ord(found[0]):04X}: take it out",
            )
        elif len(text) > LONGEST:
            wanted = said(f"太长，最多 {LONGEST} 个字符", f"too long: at most {LONGEST} letters")
        else:
            continue
        lines.append(line(path, place_of(location, data), wanted))
    return lines


def _texts(value: Any, location: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, (*location, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*location, number))


def environment() -> str:
    """What to say of a variable that is no value of its section."""
    names = ", ".join(sorted(name for name in os.environ if name.startswith("MARKETEDGE_")))
    return said(
        f"环境变量 {names}：不能读取；写成 MARKETEDGE_WEB__LISTEN=127.0.0.1:8081 这样，一个变量一个键",
        f"environment {names}: cannot be read; write one key a variable, as in MARKETEDGE_WEB__LISTEN=127.0.0.1:8081",
    )
