"""station.toml: the template works, mistakes are named with file, key and what would be right."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from edge.cli.main import main
from edge.config import TEMPLATE
from edge.config.hints import HINTS
from edge.config.sections import (
    AnalyzerSection,
    BadConfig,
    CitySection,
    Config,
    PrinterSection,
    ScaleSection,
    fen,
    grams,
    load,
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    done = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall", "--name", "惠济市场"])
    assert done.exit_code == 0, done.output
    return tmp_path / "stall" / "station.toml"


def uncommented(text: str) -> str:
    """The template with its example devices switched on; a broker without encryption has no use for a certificate."""
    lines = []
    for line in text.splitlines():
        if "client.crt" in line or "client.key" in line:
            continue
        bare = line.removeprefix("# ")
        lines.append(bare if line.startswith("# ") and ("=" in bare or bare.startswith("[[")) else line)
    return "\n".join(lines)


def test_the_template_is_a_valid_configuration(written: Path) -> None:
    config = load(written)
    assert config.station.name == "惠济市场"
    assert config.station.jobs == ("stall",)
    assert config.station.data == written.parent.resolve() / "data"


def test_the_templates_examples_are_valid_too(written: Path) -> None:
    written.write_text(uncommented(written.read_text("utf-8")), "utf-8")
    config = load(written)
    assert config.scale[0].settings().baud == 9600
    assert config.analyzer[0].row().id == "dayuan-lz4000t"
    assert config.printer[0].profile == "generic-58"
    assert config.city.user == ""


def test_the_templates_example_of_a_certificate_is_valid_too(written: Path) -> None:
    text = written.read_text("utf-8").replace("mqtt://127.0.0.1:1883", "mqtts://127.0.0.1:8883")
    for key in ('cert_file = "client', 'key_file = "client', 'ca_file = "city', "ca_fingerprint"):
        assert f"\n# {key}" in text
        text = text.replace(f"\n# {key}", f"\n{key}")
    written.write_text(text, "utf-8")
    assert load(written).city.cert_file is not None


def test_the_key_is_private_and_never_overwritten(written: Path) -> None:
    key = written.parent / "station.key"
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_bytes()
    again = CliRunner().invoke(main, ["init", str(written.parent), "--job", "gate"])
    assert again.exit_code != 0
    assert "nothing was changed" in again.output
    assert key.read_bytes() == before


# what stands in the template, what is put there, where it is told to be, what is told to have been read, and what is
# wanted in Chinese and English
MISTAKES = [
    # names and numbers of the station
    ('node = "410108001"', 'node = "4101"', "[station] node", '"4101"', "9 位数字", "9 digits"),
    ('node = "410108001"', "node = 410108001", "[station] node", "410108001", "9 位数字", "9 digits"),
    ('terminal = "01"', 'terminal = "1"', "[station] terminal", '"1"', "2 位数字", "2 digits"),
    ('terminal = "01"', "", "[station] terminal", "", "缺少。2 位数字", "it is missing. 2 digits"),
    (
        'host = "sy.example.cn"',
        'host = "https://a.cn/"',
        "[station] host",
        '"https://a.cn/"',
        "平台的域名",
        "the city's host",
    ),
    ('jobs = ["stall"]', 'jobs = "stall"', "[station] jobs", '"stall"', "写一个或几个", "write one or more of"),
    ('jobs = ["stall"]', 'jobs = ["market"]', "[station] jobs", '"market"', "写一个或几个", "write one or more of"),
    ('data = "data"', "data = 5", "[station] data", "5", "写目录名", "a folder's name"),
    ('code = "4101080010001"', 'code = "41"', "[seller] code", '"41"', "13 位数字", "13 digits"),
    (
        'stall = "请填写摊位号"',
        f'stall = "{"A" * 41}"',
        "[seller] stall",
        f'"{"A" * 41}"',
        "最多 40 个字符",
        "at most 40 letters",
    ),
    ('name = "大白菜"', f'name = "{"菜" * 10_000}"', "[[product]] 01040201 name", "菜…", "太长", "too long"),
    (
        'name = "大白菜"',
        f'name = "{"菜" * 200}"',
        "[[product]] 01040201 name",
        "（200 个字符）",
        "1 到 120",
        "1 to 120",
    ),
    (
        'name = "大白菜"',
        'name = "白\\u0000菜"',
        "[[product]] 01040201 name",
        '"白<U+0000>菜"',
        "不可见字符",
        "cannot be seen",
    ),
    (
        'name = "大白菜"',
        'name = "白\\u202e菜"',
        "[[product]] 01040201 name",
        '"白<U+202E>菜"',
        "不可见字符",
        "cannot be seen",
    ),
    ('name = "大白菜"', 'name = ""', "[[product]] 01040201 name", '""', "写商品名", "the product's name"),
    ('price = "3.50"', 'price = "3.505"', "[[product]] 大白菜 price", '"3.505"', '如 "3.50"', 'in yuan like "3.50"'),
    ('price = "3.50"', "price = 3.5", "[[product]] 大白菜 price", "3.5", "加引号", "in quotation marks"),
    ('per = "kg"', 'per = "斤"', "[[product]] 大白菜 per", '"斤"', '写 "kg" 或 "500g"', 'write "kg" or "500g"'),
    ('code = "01040901"', 'code = "01040201"', "[[product]] 01040201 code", '"01040201"', "写了两次", "used twice"),
    # sections and keys
    ("[web]", "[wbe]", "[wbe]", "", "是不是 [web]？", "did you mean [web]?"),
    ("[web]", "[network]", "[network]", "", "有：[station] [seller]", "there are: [station] [seller]"),
    ("[[product]]", "[[products]]", "[[products]]", "", "是不是 [[product]]？", "did you mean [[product]]?"),
    ("[seller]", "[station.seller]", "[seller]", "", "缺少这一节", "this section is missing"),
    ("[[printer]]", "[printer]", "[printer]", "", "双方括号：[[printer]]", "double brackets: [[printer]]"),
    ("[gate]", "[[gate]]", "[[gate]]", "", "应为一节 [gate]", "this is a section: [gate]"),
    (
        'name = "scale-1"',
        'name = "scale-1"\ncolour = "red"',
        "[[scale]] scale-1 colour",
        '"red"',
        "有：name、port",
        "there are: name, port",
    ),
    ('max = "30 kg"', 'maxx = "30 kg"', "[[scale]] scale-1 maxx", '"30 kg"', "是不是 max？", "did you mean max?"),
    (
        'language = "zh"',
        'listen = "0.0.0.0:80"\nlanguage = "zh"',
        "[station] listen",
        '"0.0.0.0:80"',
        "它属于 [web]",
        "it belongs to [web]",
    ),
    # devices
    ('name = "scale-1"', 'name = "秤一"', "[[scale]] 秤一 name", '"秤一"', "如 scale-1", "such as scale-1"),
    (
        'name = "scale-1"',
        'name = "tester-1"',
        "[[analyzer]] tester-1 name",
        '"tester-1"',
        "已经用了这个名字",
        "has this name already",
    ),
    (
        'model = "mt-sics"',
        'model = "mt-sisc"',
        "[[scale]] scale-1 model",
        '"mt-sisc"',
        "是不是 mt-sics",
        "did you mean mt-sics",
    ),
    (
        'model = "mt-sics"',
        'protocol = "mtsics"',
        "[[scale]] scale-1 protocol",
        '"mtsics"',
        "是不是 mt_sics",
        "did you mean mt_sics",
    ),
    (
        'model = "mt-sics"',
        'protocol = "taiyang"',
        "[[scale]] scale-1 protocol",
        '"taiyang"',
        "[[analyzer]] 的",
        "for [[analyzer]]",
    ),
    (
        'unit = "kg"',
        'protocol = "mt_sics"',
        "[[scale]] scale-1 protocol",
        '"mt_sics"',
        "只写一个",
        "either a model or a protocol",
    ),
    ('model = "mt-sics"', "", "[[scale]] scale-1 model", "", "写一个", "either a model or a protocol"),
    (
        'link = "9600/8n1"',
        'link = "9600,8N1"',
        "[[scale]] scale-1 link",
        '"9600,8N1"',
        "如 9600/8n1",
        "for example 9600/8n1",
    ),
    (
        'link = "9600/8n1"',
        'link = "96/8n1"',
        "[[scale]] scale-1 link",
        '"96/8n1"',
        "如 9600/8n1",
        "for example 9600/8n1",
    ),
    ('max = "30 kg"', 'max = "30 斤"', "[[scale]] scale-1 max", '"30 斤"', '如 "30 kg"', 'a mass like "30 kg"'),
    ('max = "30 kg"', "max = 30", "[[scale]] scale-1 max", "30", '如 "30 kg"', 'a mass like "30 kg"'),
    ('min = "200 g"', 'min = "40 kg"', "[[scale]] scale-1 min", '"40 kg"', "0 < e ≤ min < max", "0 < e <= min < max"),
    ('max = "30 kg"', 'max = "6/15 kg"', "[[scale]] scale-1 e", '"10 g"', "个数要一样", "as many values"),
    (
        "2027-06-30",
        '"2027/06/30"',
        "[[scale]] scale-1 verified_until",
        '"2027/06/30"',
        "如 2027-06-30",
        "such as 2027-06-30",
    ),
    ("2027-06-30", "20270630", "[[scale]] scale-1 verified_until", "20270630", "如 2027-06-30", "such as 2027-06-30"),
    (
        "2027-06-30",
        "2207-06-30",
        "[[scale]] scale-1 verified_until",
        "2207-06-30",
        "如 2027-06-30",
        "such as 2027-06-30",
    ),
    ("agree = 5", "agree = 1", "[[scale]] scale-1 agree", "1", "2 到 50", "2 to 50"),
    ("agree = 5", "agree = true", "[[scale]] scale-1 agree", "true", "2 到 50", "2 to 50"),
    ("still = 0.8", "still = nan", "[[scale]] scale-1 still", "nan", "0 到 10", "0 to 10"),
    (
        "writable = false",
        'writable = "maybe"',
        "[[scale]] scale-1 writable",
        '"maybe"',
        "true 或 false",
        "true or false",
    ),
    ("options = {}", "options = { poll = 0 }", "[[scale]] scale-1 options.poll", "0", "应为 0.02 到", "0.02 to"),
    ("options = {}", "options = { poll = -1 }", "[[scale]] scale-1 options.poll", "-1", "应为 0.02 到", "0.02 to"),
    ("options = {}", "options = { poll = nan }", "[[scale]] scale-1 options.poll", "nan", "应为 0.02 到", "0.02 to"),
    ("options = {}", "options = { poll = 1e-9 }", "[[scale]] scale-1 options.poll", "1e-09", "应为 0.02 到", "0.02 to"),
    ("options = {}", "options = { poll = inf }", "[[scale]] scale-1 options.poll", "inf", "应为 0.02 到", "0.02 to"),
    ("options = {}", 'options = { poll = "fast" }', "[[scale]] scale-1 options.poll", '"fast"', "数字", "a number"),
    (
        "options = {}",
        "options = { polll = 1 }",
        "[[scale]] scale-1 options.polll",
        "1",
        "是不是 poll？",
        "did you mean poll?",
    ),
    ("options = {}", "options = 5", "[[scale]] scale-1 options", "5", "{ 名称 = 值 }", "{ name = value }"),
    (
        "options = {}",
        'options = { poll_file = "x" }',
        "[[scale]] scale-1 options.poll_file",
        '"x"',
        "没有文件",
        "no such file",
    ),
    (
        'port = "/dev/serial/by-id/',
        'port = "COM3" # ',
        "[[scale]] scale-1 port",
        '"COM3"',
        "marketedge ports",
        "marketedge ports",
    ),
    (
        'port = "/dev/serial/by-path/…"',
        'port = "listen:5001"',
        "[[analyzer]] tester-1 port",
        '"listen:5001"',
        "marketedge ports",
        "marketedge ports",
    ),
    *(
        (
            'port = "/dev/serial/by-path/…"',
            f'port = "listen:0.0.0.0:5001?{query}"',
            "[[analyzer]] tester-1 port",
            f'"listen:0.0.0.0:5001?{query}"',
            "listen:0.0.0.0:5001?from=192.168.1.20,192.168.2.0/24",
            "who may connect",
        )
        for query in ("", "from", "from=", "from=tester", "from=1.2.3.4/24", "form=1.2.3.4", "from=1.2.3.4&from=::1")
    ),
    *(
        (
            'port = "/dev/serial/by-path/…"',
            f'port = "http:0.0.0.0:8090{rest}"',
            "[[analyzer]] tester-1 port",
            f'"http:0.0.0.0:8090{rest}"',
            "口令文件",
            "the file (its whole path) with a token",
        )
        for rest in ("/x", "?", "?from=tester", "?token_file=token", "?token=secret")
    ),
    (
        'port = "/dev/serial/by-path/…"',
        'port = "socket://10.0.0.5"',
        "[[analyzer]] tester-1 port",
        '"socket://10.0.0.5"',
        "marketedge ports",
        "marketedge ports",
    ),
    (
        'port = "w1:',
        'port = "usb:1:2" # ',
        "[[probe]] cold-room port",
        '"usb:1:2"',
        "marketedge ports",
        "marketedge ports",
    ),
    (
        'method = "gb5009199"',
        'method = "gb500919"',
        "[[analyzer]] tester-1 method",
        '"gb500919"',
        "是不是 gb5009199",
        "did you mean gb5009199",
    ),
    ('method = "gb5009199"', "method = 5", "[[analyzer]] tester-1 method", "5", "写方法的 id", "write a method's id"),
    ('method = "gb5009199"', "method = []", "[[analyzer]] tester-1 method", "[]", "至少写一个", "at least one"),
    ('limit = "100"', "limit = 100", "[[method]] 胶体金检测卡 limit", "100", "写数字，加引号", "in quotation marks"),
    ('unit = "ug/kg"', "", "[[method]] 胶体金检测卡 limit", '"100"', "就要写 item", "a limit needs"),
    # printers and papers
    (
        'profile = "generic-58"',
        'profile = "generic-59"',
        "[[printer]] printer-1 profile",
        '"generic-59"',
        "是不是 generic-58",
        "did you mean generic-58",
    ),
    (
        'port = "usb:0416:5011"',
        'port = "tcp://10.0.0.5"',
        "[[printer]] printer-1 port",
        '"tcp://10.0.0.5"',
        "写打印机端口",
        "write its port",
    ),
    (
        'port = "usb:0416:5011"',
        'port = "usb:printer"',
        "[[printer]] printer-1 port",
        '"usb:printer"',
        "写打印机端口",
        "write its port",
    ),
    ("keep_minutes = 30", "keep_minutes = 0", "[[printer]] printer-1 keep_minutes", "0", "大于 0", "more than 0"),
    ("keep_minutes = 30", "keep_minutes = inf", "[[printer]] printer-1 keep_minutes", "inf", "大于 0", "more than 0"),
    ("band = 24", "bnad = 24", "[[printer]] printer-1 change.bnad", "24", "是不是 band？", "did you mean band?"),
    ("band = 24", "band = 500", "[[printer]] printer-1 change.band", "500", "1 到 128", "1 to 128"),
    ("band = 24", 'band = "24"', "[[printer]] printer-1 change.band", '"24"', "1 到 128", "1 to 128"),
    (
        'encoding = "raster"',
        'encoding = "big5"',
        "[[printer]] printer-1 change.encoding",
        '"big5"',
        '"gb18030"',
        '"gb18030"',
    ),
    (
        "band = 24",
        "label = [40, 30]",
        "[[printer]] printer-1 change.label",
        "[40, 30]",
        "宽、高、间隙",
        "width, height and gap",
    ),
    ("band = 24", "delay = nan", "[[printer]] printer-1 change.delay", "nan", "0 到 5", "0 to 5"),
    (
        'papers = ["slip", "report"]',
        'papers = ["lable"]',
        "[[printer]] printer-1 papers",
        '"lable"',
        "是不是 label？",
        "did you mean label?",
    ),
    (
        'automatic = ["slip",',
        'automatic = ["slipp",',
        "[paper] automatic",
        '"slipp"',
        "是不是 slip",
        "did you mean slip",
    ),
    (
        'continuous = ""',
        'continuous = "09999999"',
        "[stall] continuous",
        '"09999999"',
        "没有这个商品",
        "no such product",
    ),
    # addresses
    (
        '"mqtt://127.0.0.1:1883"',
        '"127.0.0.1"',
        "[city] brokers",
        '"127.0.0.1"',
        "写 mqtts://host:8883",
        "write mqtt://host:1883",
    ),
    (
        '"mqtt://127.0.0.1:1883"',
        '"mqtt://h:99999"',
        "[city] brokers",
        '"mqtt://h:99999"',
        "写 mqtts://host:8883",
        "write mqtt://host:1883",
    ),
    ('"mqtt://127.0.0.1:1883"', '"mqtt://u:p@h"', "[city] brokers", "", "password_file", "password_file"),
    ('"mqtt://127.0.0.1:1883"', '"mqtt://h", "mqtts://h"', "[city] brokers", "", "全是 mqtts://", "all mqtts://"),
    ('mqtt = "5"', "mqtt = 5", "[city] mqtt", "5", "加引号", "in quotation marks"),
    ("window = 800", "window = 0", "[city] window", "0", "1 到 1000", "1 to 1000"),
    ("window = 800", "window = true", "[city] window", "true", "1 到 1000", "1 to 1000"),
    ("resend_seconds = 10", "resend_seconds = inf", "[city] resend_seconds", "inf", "至多 86400", "at most 86400"),
    ('listen = "127.0.0.1:8080"', 'listen = "8080"', "[web] listen", '"8080"', "[::1]:8080", "[::1]:8080"),
    (
        'listen = "127.0.0.1:8080"',
        'listen = "127.0.0.1:80800"',
        "[web] listen",
        '"127.0.0.1:80800"',
        "[::1]:8080",
        "[::1]:8080",
    ),
    ('listen = "127.0.0.1:8080"', 'listen = "::1:8080"', "[web] listen", '"::1:8080"', "[::1]:8080", "[::1]:8080"),
]
# what is put in place of the same, the line's text as it is told, and what is wanted
SYNTAX = [
    ("[station]", "[station", "[station", "方括号没有成对", "a bracket is missing"),
    ('terminal = "01"', "terminal = 01", "terminal = 01", "", ""),
    (
        'host = "sy.example.cn"',
        "host = sy.example.cn",
        "host = sy.example.cn",
        "文字要加英文双引号",
        "needs quotation marks",
    ),
    ('host = "sy.example.cn"', 'host "sy.example.cn"', 'host "sy.example.cn"', "键 = 值", "key = value"),
    ('host = "sy.example.cn"', "host = “sy.example.cn”", "host = “sy.example.cn”", "中文标点", "Chinese punctuation"),
    (
        'host = "sy.example.cn"',
        'host = "sy.example.cn',
        'host = "sy.example.cn',
        "引号没有成对",
        "quotation mark is missing",
    ),
    ('host = "sy.example.cn"', 'host = "a"\nhost = "b"', 'host = "b"', "写了两次", "written twice"),
    ("2027-06-30", "2027-02-30", "verified_until = 2027-02-30", "没有这个日期", "no such date"),
    ("[web]", "[station]", "[station]", "[[scale]]", "[[scale]]"),
    ("[[printer]]", "[[printer]]\n秤 = 1", "秤 = 1", "英文字母", "letters, digits"),
    ("[[printer]]", "[[printer]]\nflow = 'a\x00b'", "flow = 'a�b'", "不可见字符", "cannot be seen"),
]
PYTHON_WORDS = re.compile(
    r"pattern|tuple|kwargs|validator|Errno|argument|NoneType|regex|pydantic|traceback|Error|codec|instance|\bdict\b|"
    r"\bstr\b|\bint\b|\bNone\b|True|False|Decimal|datetime",
)
CHINESE = re.compile("[\u4e00-\u9fff]")


def told(file: Path, text: str, language: str) -> list[str]:
    """The lines for this file in a station of this language."""
    own = text.replace('language = "zh"', f'language = "{language}"', 1)
    file.write_bytes(own.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadConfig) as bad:
        load(file)
    lines = str(bad.value).splitlines()
    assert lines and not any(PYTHON_WORDS.search(line) for line in lines), lines
    return lines


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("old", "new", "where", "read", "zh", "en"), MISTAKES)
def test_a_mistake_is_told_with_file_section_key_what_was_read_and_what_is_wanted(
    written: Path, language: str, old: str, new: str, where: str, read: str, zh: str, en: str
) -> None:
    text = uncommented(written.read_text("utf-8"))
    assert old in text
    (line, *_) = (
        one
        for one in told(written, text.replace(old, new, 1), language)
        if f" {where} = " in one or f" {where}：" in one or f" {where}:" in one
    )
    assert line.startswith(f"{written} {where}" if language == "zh" else f"{written}: {where}")
    assert (zh if language == "zh" else en) in line
    if language == "en":
        read = read.replace("（200 个字符）", "(200 letters)")
        assert not CHINESE.search(line.replace(new, "").replace(where, "").partition(": ")[2].rpartition(": ")[2])
    assert read in line


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("old", "new", "read", "zh", "en"), SYNTAX)
def test_a_line_that_cannot_be_read_is_told_with_its_number(
    written: Path, language: str, old: str, new: str, read: str, zh: str, en: str
) -> None:
    text = uncommented(written.read_text("utf-8"))
    text = text.replace(old, new, 1)
    (line,) = told(written, text, language)
    assert read in line and (zh if language == "zh" else en) in line
    number = int(re.findall(r"第 (\d+) 行|line (\d+)", line)[0][language == "en"])
    assert read.replace("�", "\x00") in text.splitlines()[number - 1]


@pytest.mark.parametrize(
    ("coding", "words"),
    [("gbk", "像是 GBK"), ("gb18030", "像是 GBK"), ("utf-16", "像是 UTF-16"), ("utf-16-be", "UTF-8")],
)
def test_a_file_in_another_code_is_told_and_what_to_do(written: Path, coding: str, words: str) -> None:
    text = written.read_text("utf-8")
    written.write_bytes(text.encode(coding))
    with pytest.raises(BadConfig) as bad:
        load(written)
    assert words in str(bad.value) and str(bad.value).startswith(f"{written} 第 ")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_windows_editors_are_taken(written: Path, start: bytes, end: str) -> None:
    text = written.read_text("utf-8")
    written.write_bytes(start + text.replace("\n", end).encode())
    assert load(written).seller.name == "请填写经营者名称"


@pytest.mark.parametrize("listen", ["[::1]:8080", "0.0.0.0:80", "localhost:0", "127.0.0.1:65535", "[::]:8080"])
def test_addresses_to_listen_at_are_taken(written: Path, listen: str) -> None:
    written.write_text(written.read_text("utf-8").replace('"127.0.0.1:8080"', f'"{listen}"\ntls = "own"\n'), "utf-8")
    assert load(written).web.listen == listen


def test_all_mistakes_are_told_at_once_each_in_its_line(written: Path) -> None:
    text = written.read_text("utf-8").replace('node = "410108001"', 'node = ""').replace('per = "kg"', 'per = "t"')
    lines = told(written, text, "zh")
    assert [line.partition("：")[0].removeprefix(f"{written} ") for line in lines] == [
        '[station] node = ""',
        '[[product]] 大白菜 per = "t"',
        '[[product]] 01040901 per = "t"',
    ]


def test_a_mistake_of_the_environment_is_told_as_such(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETEDGE_WEB__LISTEN", "nowhere")
    (line,) = told(written, written.read_text("utf-8"), "zh")
    assert line.startswith('环境变量 MARKETEDGE_WEB__LISTEN [web] listen = "nowhere"：')
    monkeypatch.delenv("MARKETEDGE_WEB__LISTEN")
    monkeypatch.setenv("MARKETEDGE_WEB", "nowhere")
    (line,) = told(written, written.read_text("utf-8"), "zh")
    assert "MARKETEDGE_WEB" in line


def test_every_key_has_words_for_what_is_wanted() -> None:
    for section, field in Config.model_fields.items():
        (part,) = [
            kind
            for kind in (field.annotation, *get_args(field.annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        for key in part.model_fields:
            assert f"{section}.{key}" in HINTS or key in HINTS, f"{section}.{key}"


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_end_in_anything_but_words(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "station.toml"
    file.write_bytes(data)
    with pytest.raises(BadConfig):
        load(file)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc_", max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)
KEYS = [
    (section, key)
    for section, part in (
        ("scale", ScaleSection),
        ("analyzer", AnalyzerSection),
        ("printer", PrinterSection),
        ("city", CitySection),
    )
    for key in part.model_fields
]


@given(st.sampled_from(KEYS), VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_any_key_ends_in_anything_but_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: tuple[str, str], value: Any
) -> None:
    section, key = at
    data = tomllib.loads(uncommented(TEMPLATE.read_text("utf-8")).replace("$jobs", '["stall"]'))
    place = data[section][0] if isinstance(data[section], list) else data[section]
    place[key] = value
    file = tmp_path / "station.toml"
    file.write_text("", "utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("edge.config.mistakes.table_of", lambda path, text: data)
        try:
            load(file)
        except BadConfig as bad:
            for line in str(bad).splitlines():
                assert line.startswith(f"{file} [") and "：" in line
                assert not re.search("kwargs|Errno|validator|argument|NoneType", line)


def test_a_scale_that_sends_no_unit_needs_one(written: Path) -> None:
    text = uncommented(written.read_text("utf-8")).replace('model = "mt-sics"', 'protocol = "yaohua_tf0"')
    written.write_text(text, "utf-8")
    assert load(written).scale[0].unit == "kg"
    (line,) = told(written, text.replace('unit = "kg"', ""), "en")
    assert line.startswith(f"{written}: [[scale]] scale-1 unit: it is missing: this format sends no unit; set `unit`")


@pytest.mark.parametrize(
    ("device", "options", "needed"),
    [
        ('model = "dollar-lines"', "{}", True),
        ('model = "gg-balance"', "{}", False),
        ('protocol = "plain_lines"', '{ form = "block" }', True),
        ('protocol = "plain_lines"', '{ form = "kern" }', False),
        ('protocol = "ff_bcd"', "{}", False),
        ('protocol = "ff_bcd"', "{ length = 5 }", True),
        ('model = "ff-bcd-5"', "{}", False),
    ],
)
def test_whether_a_unit_is_needed_may_depend_on_how_a_format_is_set(
    written: Path, device: str, options: str, needed: bool
) -> None:
    text = uncommented(written.read_text("utf-8")).replace('unit = "kg"', "").replace('model = "mt-sics"', device)
    text = text.replace("options = {}", f"options = {options}", 1)
    if needed:
        (line,) = told(written, text, "en")
        assert line.startswith(f"{written}: [[scale]] scale-1 unit: it is missing")
    else:
        written.write_text(text, "utf-8")
        assert load(written).scale[0].unit == ""


def test_the_environment_wins_over_the_file(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETEDGE_WEB__LISTEN", "127.0.0.1:9999")
    assert load(written).web.listen == "127.0.0.1:9999"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="marketedge init"):
        load(tmp_path / "station.toml")


def test_masses_and_prices_are_exact() -> None:
    assert grams("30 kg") == 30_000
    assert grams("0.5kg") == 500
    assert fen("3.5") == 350
    assert fen("0.07") == 7
    with pytest.raises(ValueError, match="whole number of grams"):
        grams("0.5 g")


def test_an_option_may_name_a_file_beside_the_configuration(written: Path) -> None:
    section = (
        '\n[[analyzer]]\nname = "t"\nprotocol = "ticket"\nport = "/dev/null"\noptions = { layouts_file = "l.toml" }\n'
    )
    written.write_text(written.read_text("utf-8") + section, "utf-8")
    with pytest.raises(BadConfig, match=r"l\.toml"):
        load(written)
    (written.parent / "l.toml").write_text("", "utf-8")
    assert load(written).analyzer[0].name == "t"


INDICATOR = """
[[analyzer]]
name = "a"
model = "modbus-analyzer"
port = "/dev/null"
options = { profile = { item = "农药残留", unit = "%", new = NEW, value = { register = 1 } } }
"""


@pytest.mark.parametrize(
    ("new", "where", "zh", "en"),
    [
        ("{ when = 'set' }", "options.profile.new.register", "缺少；应为 0 到 65535 的整数", "0 to 65535"),
        ("{ register = 70000 }", "options.profile.new.register = 70000", "应为 0 到 65535 的整数", "0 to 65535"),
        ("{ register = 0, wen = 1 }", "options.profile.new.wen = 1", "是不是 when？", "did you mean when?"),
        ('{ register = 0, when = "set" }', "options.profile.new = {", "加上 sample 或 time", "add sample or time"),
    ],
)
def test_a_mistake_deep_in_the_options_is_told_at_its_own_key(
    written: Path, new: str, where: str, zh: str, en: str
) -> None:
    text = written.read_text("utf-8") + INDICATOR.replace("NEW", new)
    for language, wanted in (("zh", zh), ("en", en)):
        (line,) = told(written, text, language)
        assert f"[[analyzer]] a {where}" in line and wanted in line


def test_layouts_that_cannot_be_meant_are_told_at_the_file_that_has_them(written: Path) -> None:
    options = 'options = { layouts_file = "l.toml" }'
    section = f'\n[[analyzer]]\nname = "t"\nprotocol = "ticket"\nport = "/dev/null"\n{options}\n'
    (written.parent / "l.toml").write_text("[[layout]]\nid = 'acme'\nbegin = '('\nrow = ['x']\n", "utf-8")
    (line,) = told(written, written.read_text("utf-8") + section, "zh")
    assert '[[analyzer]] t options.layouts_file = "l.toml"：layout acme, begin：不是正则表达式' in line


def test_a_configuration_is_checked_without_a_session(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def built(*_: object) -> None:
        raise AssertionError("a session was built")

    monkeypatch.setattr("protocol.formats.WireFormat.speaks", built)
    written.write_text(uncommented(written.read_text("utf-8")), "utf-8")
    assert load(written).scale
