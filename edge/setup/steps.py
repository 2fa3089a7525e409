"""What is asked before a station is there, step by step: one description for the terminal and for the page.

``steps`` is a pure function of what was answered and found so far, so a changed answer changes what follows.  Answers
are texts, as somebody types or taps them; ``composed.py`` makes station.toml of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from typing import get_args

from drivers import catalogue, proposed
from drivers.discover import OWN_PORT
from drivers.printers import LABEL, USUAL
from drivers.recognise import Match
from edge.between.fixed_words import GoodsGroup, JobName
from edge.between.words import Bilingual, Language, by_key, section
from edge.config.sections import CitySection, ScaleSection, SellerSection, StationSection, grams
from edge.setup.composed import ENCODINGS, USUAL_BROKER
from edge.setup.fits import a_day, brokers, city_key, key_of, network_printer, some, whole_scale
from edge.setup.found import Found, told_of, what_of
from edge.setup.known import Device, Known, devices, match_of
from protocol import formats
from protocol.frozen import frozen

NOTHING = Bilingual("", "")
LATER = Bilingual(
    "还不知道就留空，以后写进 station.toml", "leave it empty if you do not know yet; station.toml has its place"
)
RATES = ("115200/8n1", "9600/8n1", "19200/8n1", "38400/8n1")


@frozen
class Choice:
    value: str
    text: Bilingual


@frozen
class Question:
    """``choices`` empty takes any text that ``fits``, which raises ValueError in words. ``several`` of the choices may
    be named, with spaces. ``acts``: what is done when this is answered; the answer that is told to do it again
    (``AGAIN``) is asked anew behind it."""

    key: str
    ask: Bilingual
    more: Bilingual = NOTHING
    default: str = ""
    choices: tuple[Choice, ...] = ()
    several: bool = False
    secret: bool = False
    fits: Callable[[str], None] | None = None
    acts: Mapping[str, "Act"] = field(default_factory=dict)


@frozen
class Act:
    """``list`` the ports, ``look`` at one, look while somebody loads it (``press``), ``print`` a test page, or
    ``write`` the station. ``again``: the question stays open."""

    do: str
    about: str = ""
    again: bool = False


@frozen
class Step:
    name: str
    title: Bilingual
    questions: tuple[Question, ...]
    more: Bilingual = NOTHING


# --- what is asked ---------------------------------------------------------------------------------------------------


def steps(known: Known) -> tuple[Step, ...]:
    """All steps, as far as they are known."""
    return (
        _language(known),
        _job(known),
        _numbers(known),
        _operator(known),
        _plugged(known),
        *_ports(known),
        *(_scale(known, one) for one in devices(known) if one.kind == "scale"),
        *(step for one in devices(known) if one.kind == "printer" for step in _printer(known, one)),
        _city(known),
        _end(),
    )


def _choice(value: str, zh: str, en: str) -> Choice:
    return Choice(value, Bilingual(zh, en))


def _language(known: Known) -> Step:
    other = by_key()["other_language"]  # each names the other one
    both = (_choice("zh", other.en, other.en), _choice("en", other.zh, other.zh))
    ask = Bilingual("语言 / Language", "语言 / Language")
    return Step("language", ask, (Question("language", ask, default="zh", choices=both),))


def _job(known: Known) -> Step:
    jobs = {
        "gate": ("快检室、市场入场口：登记、检测、放行", "testing booth, market gate: registers, tests, releases"),
        "stall": ("摊位：过秤、卖出、打小票", "stall: weighs, sells, prints slips"),
        "canteen": ("食堂：验收、签字、留样", "canteen: receives, signs, keeps samples"),
    }
    groups = [name for name in get_args(GoodsGroup) if name in section("group")][:-1]
    return Step(
        "job",
        Bilingual("这台设备做什么", "What this box is for"),
        (
            Question(
                "jobs",
                Bilingual("做什么（可多选）", "What it does (one or more)"),
                default="stall",
                choices=tuple(_choice(job, *jobs[job]) for job in get_args(JobName)),
                several=True,
            ),
            Question(
                "name",
                Bilingual("市场、食堂或摊位的名称", "Name of the market, canteen or stall"),
                Bilingual("显示在页面和小票上", "shown on pages and slips"),
                default=known.folder.resolve().name,
                fits=key_of(StationSection, "station", "name"),
            ),
            Question(
                "goods",
                Bilingual("经营或进场的商品（可多选）", "Goods that are sold or come in (one or more)"),
                Bilingual(
                    "名称和编码都有，价格以后在页面上定", "names and codes are known; prices are set on the page"
                ),
                default="all",
                choices=(
                    Choice("all", by_key()["all_goods"]),
                    *(Choice(name, section("group")[name]) for name in groups),
                ),
                several=True,
            ),
        ),
    )


def _numbers(known: Known) -> Step:
    return Step(
        "numbers",
        Bilingual("平台给的编号", "What the city's platform gave you"),
        (
            Question(
                "node",
                Bilingual("市场编号 node，9 位数字", "Number of the market (node), 9 digits"),
                LATER,
                fits=key_of(StationSection, "station", "node", optional=True),
            ),
            Question(
                "terminal",
                Bilingual("本机编号 terminal，2 位数字", "Number of this box (terminal), 2 digits"),
                Bilingual("同一市场里每台不同", "no two boxes of a market have the same"),
                default="01",
                fits=key_of(StationSection, "station", "terminal"),
            ),
            Question(
                "region",
                Bilingual("行政区划代码 region，6 位数字", "Code of the region, 6 digits"),
                Bilingual("一般是市场编号的前 6 位", "as a rule the first six digits of the market's number"),
                default=known.get("node")[:6] or "410108",
                fits=key_of(StationSection, "station", "region"),
            ),
            Question(
                "host",
                Bilingual("平台的域名，二维码里用", "The platform's host name, for QR codes"),
                LATER,
                fits=key_of(StationSection, "station", "host", optional=True),
            ),
        ),
    )


def _operator(known: Known) -> Step:
    stall = "stall" in known.jobs
    questions = [
        Question(
            "seller.name",
            Bilingual("经营者名称，与营业执照一致", "The operator's name, as on the business licence"),
            LATER,
            fits=key_of(SellerSection, "seller", "name", optional=True),
        ),
        Question(
            "seller.code",
            Bilingual("经营者编号，13 位数字", "The operator's code, 13 digits"),
            LATER,
            fits=key_of(SellerSection, "seller", "code", optional=True),
        ),
    ]
    if stall:
        seat = Bilingual("摊位号", "Number of the stall")
        questions.append(
            Question("seller.stall", seat, LATER, fits=key_of(SellerSection, "seller", "stall", optional=True))
        )
    questions.append(
        Question(
            "seller.contact",
            Bilingual("联系电话，印在小票上", "Telephone, printed on slips"),
            Bilingual("可以不填", "may be left empty"),
            fits=key_of(SellerSection, "seller", "contact", optional=True),
        )
    )
    return Step("operator", Bilingual("经营者", "The operator"), tuple(questions))


def _plugged(known: Known) -> Step:
    count = len(known.ports)

    def listed(language: Language) -> str:
        return "; ".join(f"{port.device} {what_of(port).said(language)}" for port in known.ports) or "–"

    return Step(
        "plugged",
        Bilingual("接上设备", "Plug in the devices"),
        (
            Question(
                "network_printer",
                Bilingual("网络打印机的地址", "Address of a printer on the network"),
                Bilingual("如 192.168.1.50；没有就留空", "such as 192.168.1.50; empty where there is none"),
                fits=network_printer,
            ),
            Question(
                "plugged",
                Bilingual("都接好、开机了吗", "Is everything plugged in and switched on?"),
                default="go",
                choices=(_choice("go", "好了，继续", "yes, go on"), _choice("again", "再看一遍", "look again")),
                acts={"go": Act("list"), "again": Act("list", again=True)},
            ),
        ),
        Bilingual(
            f"现在看到 {count} 个端口：{listed('zh')}。秤、检测仪、打印机接好后再继续。",
            f"{count} ports are seen now: {listed('en')}. Plug in scales, analyzers and printers, then go on.",
        ),
    )


def _ports(known: Known) -> Iterator[Step]:
    """A step for each port: whether it is looked at, and what it is then taken for."""
    for port in known.ports:
        key = port.stable
        look, own = f"look {key}", port.what == OWN_PORT
        questions = [
            Question(
                look,
                Bilingual("看看这个端口上是什么", "See what is on this port"),
                Bilingual("最多半分钟，可以跳过", "half a minute at most, it can be skipped"),
                default="skip" if own else "look",
                choices=(
                    _choice("look", "看", "look"),
                    _choice("printer", "是打印机，不用看", "it is a printer, do not look"),
                    _choice("skip", "不用这个端口", "leave this port out"),
                ),
                acts={"look": Act("look", key)},
            )
        ]
        if known.get(look) == "look" and (found := known.found.get(key)):
            questions.append(_taken_for(known, found))
        yield Step(
            f"port {key}",
            Bilingual(f"端口 {port.device}", f"Port {port.device}"),
            tuple(questions),
            what_of(port),
        )


def _taken_for(known: Known, found: Found) -> Question:
    key = found.port.stable
    choices = [Choice(f"m{number}", told_of(one)) for number, one in enumerate(found.matches)]
    choices.append(Choice("printer", by_key()["printer"]))
    choices.append(
        _choice(
            "press",
            "秤或检测仪：放上东西，按它的打印键或发送键，再看一次",
            "a scale or an analyzer: load it, press its print or send key, and look again",
        )
    )
    choices.append(_choice("none", "先不用", "leave it out for now"))
    default = "m0" if found.matches else "printer" if found.printer else "none"
    more = Bilingual(
        "几种都可能时，看哪个读数与秤的显示一样", "if several are told, compare the reading with the display"
    )
    return Question(
        f"is {key}",
        Bilingual(f"看到：{found.told.zh}。当作", f"Seen: {found.told.en}. Take it for"),
        more if len(found.matches) > 1 else NOTHING,
        default=default,
        choices=tuple(choices),
        acts={"press": Act("press", key, again=True)},
    )


def _scale(known: Known, one: Device) -> Step:
    match = match_of(known, one)
    key = one.key
    questions = []
    if len(match.models) > 1:
        names = [Choice(name, _model_name(name)) for name in match.models]
        ask = Bilingual("秤的型号", "Model of the scale")
        more = Bilingual("选最接近的；它们说的是同一种协议", "the nearest one: they all speak alike")
        questions.append(Question(f"model {key}", ask, more, default=match.models[0], choices=tuple(names)))
    if not formats.find(match.protocol).sends_unit:
        both = (_choice("kg", "kg", "kg"), _choice("g", "g", "g"))
        ask = Bilingual("秤上显示的单位", "The unit on the scale's display")
        questions.append(Question(f"unit {key}", ask, default=_row_unit(match), choices=both))
    plate = Bilingual("照铭牌填写", "as on the type plate")
    questions += [
        Question(
            f"max {key}", Bilingual("最大秤量 Max", "Max"), plate, "30 kg", fits=key_of(ScaleSection, "scale", "max")
        ),
        Question(
            f"e {key}",
            Bilingual("检定分度值 e", "Verification interval e"),
            plate,
            "10 g",
            fits=key_of(ScaleSection, "scale", "e"),
        ),
        Question(
            f"min {key}",
            Bilingual("最小秤量 Min", "Min"),
            plate,
            _twenty(known.get(f"e {key}", "10 g")),
            fits=lambda text: whole_scale(known, one, text),
        ),
        Question(
            f"verified {key}",
            Bilingual("检定有效期，如 2027-06-30", "Verified until, such as 2027-06-30"),
            Bilingual("检定证书上的日期；没有就留空", "the date of the certificate; empty where there is none"),
            fits=a_day,
        ),
    ]
    title = Bilingual(f"{one.name}：铭牌", f"{one.name}: its type plate")
    return Step(f"scale {key}", title, tuple(questions), told_of(match))


def _printer(known: Known, one: Device) -> Iterator[Step]:
    key, found = one.key, one.found
    stated = found.port.stated if found else ""
    rows, default = _profiles(stated, found.port.vendor if found else 0)
    questions = [
        Question(
            f"profile {key}",
            Bilingual("型号或纸宽", "Model, or width of the paper"),
            Bilingual(stated, stated) if stated else NOTHING,
            default=default,
            choices=rows,
        )
    ]
    if one.port.startswith("/") and not (found and found.link):
        ask = Bilingual("波特率", "Speed of the line")
        more = Bilingual("打印机自检页上有", "the printer's self test says it")
        rates = tuple(_choice(rate, rate, rate) for rate in RATES)
        questions.append(Question(f"link {key}", ask, more, RATES[0], rates))
    for number, encoding in enumerate(ENCODINGS, 1):
        trial = f"print {number} {key}"
        questions.append(
            Question(
                trial,
                Bilingual("打印测试页吗", "Print a test page?") if number == 1 else _otherwise(encoding),
                default="print",
                choices=(_choice("print", "打印", "print"), _choice("skip", "不打印", "do not print")),
                acts={"print": Act("print", trial)},
            )
        )
        if known.get(trial) != "print" or trial not in known.told:
            break
        came = f"came {number} {key}"
        questions.append(_came_out(known, trial, came))
        if known.get(came) != "garbled":
            break
    yield Step(
        f"printer {key}",
        Bilingual(f"{one.name}：试打", f"{one.name}: a try"),
        tuple(questions),
        Bilingual(one.port, one.port),
    )


def _otherwise(encoding: str) -> Bilingual:
    how = {
        "utf-8": ("改用 UTF-8 再试打", "Try again in UTF-8?"),
        "raster": ("改为逐行画出来再试打", "Try again, with every line drawn?"),
    }
    return Bilingual(*how[encoding])


def _came_out(known: Known, trial: str, came: str) -> Question:
    told = known.told[trial]
    return Question(
        came,
        Bilingual(
            f"{told.zh}。测试页出来了吗，汉字认得出吗", f"{told.en}. Did it come out, and can the Chinese be read?"
        ),
        Bilingual("两行数字和“国”字应各占满一行", "the two full lines fill one line each"),
        default="good",
        choices=(
            _choice("good", "出来了，汉字清楚", "it did, and the Chinese is right"),
            _choice("garbled", "出来了，汉字是乱码", "it did, but the Chinese is garbled"),
            _choice("again", "再打一次（查过电源、线、纸）", "print again (power, cable and paper were looked at)"),
            _choice("nothing", "没有出来，以后再查", "nothing came out; look at it later"),
        ),
        acts={"again": Act("print", trial, again=True)},
    )


def _city(known: Known) -> Step:
    questions = [
        Question(
            "broker",
            Bilingual("MQTT 服务器地址", "Address of the MQTT broker"),
            Bilingual(
                "如 mqtts://mq.某市.gov.cn；多个用空格隔开", "such as mqtts://mq.city.gov.cn; several with spaces"
            ),
            default=USUAL_BROKER,
            fits=brokers,
        ),
        Question(
            "user",
            Bilingual("MQTT 用户名", "User name for it"),
            Bilingual("不要密码就留空", "empty where it asks for none"),
            fits=key_of(CitySection, "city", "user", optional=True),
        ),
    ]
    if known.get("user"):
        questions.append(Question("password", Bilingual("MQTT 密码", "Its password"), secret=True, fits=some))
    questions.append(
        Question(
            "city_key",
            Bilingual("平台公钥：64 位十六进制，或文件名", "The city's public key: 64 hex digits, or a file"),
            Bilingual(
                "向平台方索取；没有它，记录不能确认", "ask the platform's people; without it no record is confirmed"
            ),
            fits=city_key,
        )
    )
    return Step("city", Bilingual("到平台的路", "The way to the city"), tuple(questions))


def _end() -> Step:
    ask = Bilingual("写入配置吗", "Write the station's files?")
    yes = (_choice("yes", "写入", "write"),)
    return Step(
        "end",
        Bilingual("写入", "Write"),
        (Question("write", ask, default="yes", choices=yes, acts={"yes": Act("write")}),),
    )


# --- choices of devices -------------------------------------------------------------------------------------------


def _row_unit(match: Match) -> str:
    return (match.models and catalogue.find(match.models[0]).unit) or "kg"


def _model_name(model: str) -> Bilingual:
    row = catalogue.find(model)
    name = f"{row.vendor} {row.name}".strip()
    return Bilingual(name, name)


def _twenty(e: str) -> str:
    """Twenty intervals: the smallest Min that class III has."""
    with suppress(ValueError):
        return f"{20 * grams(e.partition('/')[0] + (' ' + e.split()[-1] if '/' in e else ''))} g"
    return "200 g"


def _profiles(stated: str, vendor: int) -> tuple[tuple[Choice, ...], str]:
    """The rows that a printer may be of, and which is the likeliest: ours, or one that the database proposes."""
    paper = {
        "generic-58": ("58 毫米小票纸", "58 mm receipt paper"),
        "generic-80": ("80 毫米小票纸", "80 mm receipt paper"),
        LABEL: ("标签 40 × 30 毫米", "labels of 40 x 30 mm"),
    }
    usual = [_choice(name, *paper[name]) for name in USUAL]
    if own := proposed.own_row(stated):
        name = f"{own.vendor} {own.name}".strip()
        return (_choice(own.id, name, name), *usual), own.id
    likely = proposed.likely(stated, vendor)
    more = [
        _choice(
            f"proposed {one.id}",
            f"{one.vendor} {one.name}（推荐值，没有试过）",
            f"{one.vendor} {one.name} (proposed, not tried)",
        )
        for one in likely
    ]
    return (*usual, *more), f"proposed {likely[0].id}" if len(likely) == 1 else usual[0].value
