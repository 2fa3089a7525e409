"""What a configuration allows that should not stay so, each with the next step: for the log, ``check`` and the page."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from drivers.transports.listen import named_peers
from edge.between import words
from edge.between.board import Caution
from edge.config.sections import Config, PortSection, PrinterSection, is_loopback
from edge.config.values import HANDHELD
from edge.records import private
from protocol.personal import found, hint

SOON = timedelta(days=30)
TO_FILL = "请填写"  # what the template says in place of a text
UNFILLED = "example"
EXAMPLE_HOST, EXAMPLE_NODE, EXAMPLE_OPERATOR = "sy.example.cn", "410108001", "4101080010001"  # template.toml


PLACEHOLDER = re.compile(  # names that RFC 2606 keeps for examples, and what templates say in place of a value
    r"请填写|\bchange[-_ ]?me\b|\bexample\b|\byour[-_](name|user|password|host|code)\b", re.IGNORECASE
)


def cautions(config: Config, today: date | None, city_keys: bool) -> tuple[Caution, ...]:
    """All of them. ``today`` is None while no date can be believed; ``city_keys``: whether any are known."""
    return tuple(
        chain(
            _who(config),
            _certificates(config, today),
            _files(config),
            _city_certificates(config, today),
            _persons(config),
            _network(config),
            _city(config, city_keys),
            _shared_ports(config),
        )
    )


def _who(config: Config) -> Iterator[Caution]:
    name = config.seller.name.strip()
    if not name or name.startswith(TO_FILL):
        yield Caution(
            "seller",
            "bad",
            "[seller] name",
            "没有填写经营者名称，小票不能作为合法凭证",
            "The seller's name is missing: the slips are no legal vouchers",
            "填写营业执照上的名称",
            "Write the name of the business licence",
        )
    examples = (
        ("[seller] code", config.seller.code, EXAMPLE_OPERATOR),
        ("[station] node", config.station.node, EXAMPLE_NODE),
        ("[station] host", config.station.host, EXAMPLE_HOST),
    )
    for about, value, example in examples:
        if value == example:
            yield Caution(
                UNFILLED,
                "warn",
                about,
                f"还是模板里的示例值 {example}",
                f"Still the template's example, {example}",
                "改为平台分配的值；node 改了，terminal 也要核对",
                "Write what the city gave you; compare terminal too",
            )
    known = {about for about, value, example in examples if value == example}
    if name.startswith(TO_FILL):
        known.add("[seller] name")
    for about, text in _texts(config):
        if about not in known and (found := PLACEHOLDER.search(text)):
            yield Caution(
                UNFILLED,
                "warn",
                about,
                f"还是占位的文字“{found[0]}”，没有填写",
                f"Not filled in yet: {found[0]!r} holds the place",
                "写自己的；没有就删去这一行",
                "Write your own; delete the line where there is none",
            )


def _texts(config: Config) -> Iterator[tuple[str, str]]:
    """Every text of station.toml, with the setting it stands in."""
    for section, part in config:
        if section in ("product", "method"):
            continue
        for number, row in enumerate(part if isinstance(part, tuple) else [part]):
            label = (
                f"[[{section}]] {getattr(row, 'name', '') or number + 1}" if isinstance(part, tuple) else f"[{section}]"
            )
            for key, value in row:
                for text in value if isinstance(value, tuple) else [value]:
                    if isinstance(text, str | Path):
                        yield f"{label} {key}", str(text)


def _certificates(config: Config, today: date | None) -> Iterator[Caution]:
    for scale in config.scale:
        about, last = f"[[scale]] {scale.name} verified_until", scale.verified_until
        if last is None or today is None or last > today + SOON:
            continue
        if last < today:
            yield Caution(
                "expired",
                "bad",
                about,
                f"检定已于 {last} 到期，不能用于交易",
                f"The verification ended on {last}: no sale by this scale",
                "送检后填写新证书上的日期",
                "Have it verified, then write the new certificate's date",
            )
        else:
            yield Caution(
                "expires",
                "warn",
                about,
                f"检定将于 {last} 到期",
                f"The verification ends on {last}",
                "请预约检定",
                "Make an appointment for the verification",
            )


def _city_certificates(config: Config, today: date | None) -> Iterator[Caution]:
    """Those on the way to the city that end soon, or have ended."""
    if today is None or not (config.city.cert_file or config.city.ca_file):
        return
    from edge.config.city_tls import CityTls  # reads certificates: where there are any

    for of, ends, _ in CityTls.of(config.city).ends():
        if (last := ends.date()) > today + SOON:
            continue
        zh, en = (
            ("本机的客户端证书", "This station's certificate") if of == "client" else ("平台 CA 证书", "The city's CA")
        )
        over = last < today
        yield Caution(
            "certificate_expired" if over else "certificate_expires",
            "bad" if over else "warn",
            "[city] cert_file" if of == "client" else "[city] ca_file",
            f"{zh}已于 {last} 到期，连不上平台" if over else f"{zh}将于 {last} 到期",
            f"{en} ended on {last}: the city is not reached" if over else f"{en} ends on {last}",
            "运行 marketedge keys csr 申请新证书，放到同一位置"
            if of == "client"
            else "向平台方索取新的 CA 证书，放到同一位置",
            "Run `marketedge keys csr`, and put the new certificate in the same place"
            if of == "client"
            else "Ask the platform's people for the new one, and put it in the same place",
        )


def _persons(config: Config) -> Iterator[Caution]:
    """Texts that go into records; the contact line is published by law."""
    texts = (
        ("[station] name", config.station.name),
        ("[seller] name", config.seller.name),
        ("[seller] stall", config.seller.stall),
        *((f"[[product]] {part.code}", f"{part.name} {part.name_en}") for part in config.product),
    )
    for about, text in texts:
        if number := found(text):
            yield Caution(
                "personal_number",
                "warn",
                about,
                f"{hint(number)} 像手机号或身份证号，会进入每条记录",
                f"{hint(number)} looks like a person's telephone or identity number and goes into records",
                "删去；电话只写在 [seller] contact",
                "Take it out; a telephone number belongs into [seller] contact alone",
            )


def _files(config: Config) -> Iterator[Caution]:
    city, station = config.city, config.station
    secrets = (
        ("[station] key", station.key),
        ("[city] password_file", city.password_file),
        ("[city] key_file", city.key_file or city.cert_file),
        ("[city] keys_file", city.keys_file),
        ("[web] key_file", config.web.key_file),
        ("[station] data", station.data),
        ("[station] data", station.data / "ledger.db"),
    )
    for about, path in secrets:
        if path is not None and private.readable_by_others(path):
            mode = "700" if path.is_dir() else "600"
            yield Caution(
                "readable",
                "bad" if path in (station.key, city.password_file, city.key_file, config.web.key_file) else "warn",
                about,
                f"{path} 其他用户也能读写",
                f"{path} can be read by others",
                f"运行：chmod {mode} {path}；存储卡不支持权限时，请换 ext4",
                f"run: chmod {mode} {path} (on a disk without rights, such as FAT: use ext4)",
            )
    for about, path in (
        ("[city] password_file", city.password_file),
        ("[city] ca_file", city.ca_file),
        ("[city] cert_file", city.cert_file),
        ("[city] key_file", city.key_file),
    ):
        if path is not None and not path.is_file():
            yield Caution(
                "no_file",
                "bad",
                about,
                f"没有文件 {path}，连不上平台",
                f"{path}: no such file; the city is not reached without it",
                "放入文件，或改正文件名",
                "Put the file there, or write its right name",
            )


def _network(config: Config) -> Iterator[Caution]:
    if config.web.insecure and config.web.tls == "off" and not config.web.loopback:
        yield Caution(
            "insecure",
            "warn",
            "[web] insecure",
            f"{config.web.listen}：页面没有加密。同一网络里的人能看到小票、姓名和密码，能改动页面的内容，能冒充您操作",
            f"{config.web.listen}: the pages are not encrypted. Whoever is in this network reads slips, names and "
            "PINs, can alter what the pages say, and can act in your name",
            '写 tls = "own"，删去 insecure，再运行 marketedge tls make；或只在本机使用：127.0.0.1:8080',
            'Write tls = "own", delete insecure and run `marketedge tls make`; or let only this box use them: '
            "127.0.0.1:8080",
        )
    for part in config.devices:
        if _anybody_may_connect(part.port):
            example = f"{part.port.partition('?')[0]}?from=192.168.1.20"
            yield Caution(
                "open_port",
                "warn",
                f"[[{part.kind}]] {part.name} port",
                f"{part.port}：网络里任何设备都能冒充这台设备",
                f"{part.port}: whatever connects from the network counts as this device",
                f"写明设备的地址，如 {example}",
                f"Write the device's own address, as in {example}",
            )


def _waits(port: str) -> bool:
    """Whether the device connects to us."""
    return port.startswith(("listen:", "http:"))


def _anybody_may_connect(port: str) -> bool:
    """Whether the device connects to us, and nobody has said from where; on loopback only this box can."""
    if port.startswith("http:"):
        from drivers.transports import upload  # most stations have no instrument that uploads

        if upload.parts(port)[3] is not None:
            return False  # who may is said by a word
        port = upload.as_listening(port)
    if not port.startswith("listen:"):
        return False
    peers = named_peers(port)
    own = is_loopback(port.partition("?")[0].removeprefix("listen:").rpartition(":")[0])
    return not own and (not peers or any(network.prefixlen == 0 for network in peers))


def _city(config: Config, city_keys: bool) -> Iterator[Caution]:
    city = config.city
    if city.password_file is not None and any(urlsplit(url).scheme == "mqtt" for url in city.brokers):
        yield Caution(
            "plain_password",
            "warn",
            "[city] brokers",
            "密码经 mqtt:// 明文传输",
            "The password goes over mqtt:// unencrypted",
            "改用 mqtts://",
            "use mqtts://",
        )
    if city.confirm == "city-unsigned":
        yield Caution(
            "confirm_city-unsigned",
            "warn",
            '[city] confirm = "city-unsigned"',
            "不核对平台签名：能在本机 ack 主题上发布的人，可以让记录看似已上报",
            "Whoever may publish on this station's ack topic can make records count as delivered that never arrived",
            '平台支持签名后改为 "city"',
            'Write "city" once the platform signs',
        )
    if city.confirm == "broker":
        yield Caution(
            "confirm_broker",
            "warn",
            '[city] confirm = "broker"',
            "服务器收下即算上报：它在平台收到前丢失的，就丢失了",
            "What the broker loses before the city has it is lost",
            '平台支持回执后改为 "city"；丢失的用 marketedge ledger resend --from 编号 重新上报',
            'Write "city" once the platform answers; what was lost is sent again by marketedge ledger resend --from N',
        )
    if city.confirm == "city" and not city_keys:
        what, step = words.text("link", "no_city_key"), words.text("link_do", "no_city_key")
        yield Caution("no_city_key", "bad", "[city] keys_file", *what, *step)


def _shared_ports(config: Config) -> Iterator[Caution]:
    seen: dict[str, str] = {}
    devices: tuple[PortSection, ...] = config.devices
    parts: tuple[PortSection | PrinterSection, ...] = (*devices, *config.printer)
    for part in parts:
        port = part.port.partition("?")[0].replace("http:", "listen:", 1) if _waits(part.port) else part.port
        first = seen.setdefault(port, part.name)
        if first != part.name and part.port not in ("/dev/null", HANDHELD):
            yield Caution(
                "same_port",
                "bad",
                f"{part.name} port",
                f"与 {first} 是同一个端口 {part.port}",
                f"The same port as {first}: {part.port}",
                "一个端口只能接一台设备：改正其中一个",
                "A port serves one device: correct one of them",
            )
