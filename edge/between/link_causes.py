"""Why records do not get to the city, or are not confirmed: a fixed word each, said in both languages with what to do.

The words go to programs (``/health``, the board), the texts to people (the status page, ``marketedge check``).
"""

import socket
import ssl
from dataclasses import dataclass

# X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNTRUSTED = frozenset({2, 18, 19, 20, 21, 24, 79})
_NAMES = frozenset({62, 63, 64})


@dataclass(frozen=True, slots=True)
class Cause:
    """What is the matter, and the next step."""

    zh: str
    en: str
    do_zh: str
    do_en: str

    def said(self, language: str) -> str:
        """One sentence, for the line of troubles."""
        return f"{self.zh}：{self.do_zh}" if language == "zh" else f"{self.en}: {self.do_en}"


# The link itself.
CAUSES: dict[str, Cause] = {
    "no_dns": Cause(
        "找不到平台服务器的地址",
        "The broker's name is not known",
        "检查网线或 4G，以及 [city] brokers 里的主机名",
        "Check the uplink, and the host name in [city] brokers",
    ),
    "no_network": Cause(
        "网络不通",
        "No network to the broker",
        "检查网线或 4G；记录已存在本机，恢复后自动上报",
        "Check the uplink; records are kept here and sent when it is back",
    ),
    "closed_port": Cause(
        "服务器拒绝连接，服务可能没有运行",
        "Nothing listens at the broker's address",
        "核对端口；无误则告诉平台方：服务没有运行",
        "Compare the port; if it is right, tell the platform's people that their broker is down",
    ),
    "mute": Cause(
        "服务器没有回应",
        "The broker does not answer",
        "自动重试；长时间如此请告诉平台方",
        "Tried again by itself; if it stays so, tell the platform's people",
    ),
    "lost": Cause(
        "连接中断",
        "The connection was lost",
        "自动重连；记录已存在本机",
        "Connects again by itself; records are kept here",
    ),
    "tls_expired": Cause(
        "服务器证书已过期",
        "The broker's certificate has expired",
        "核对本机日期；无误则请平台方更换证书",
        "Compare this box's date; if it is right, the platform's people have to renew the certificate",
    ),
    "tls_not_yet": Cause(
        "服务器证书尚未生效",
        "The broker's certificate is not valid yet",
        "本机日期可能不对：请校准时钟",
        "This box's date may be wrong: set the clock",
    ),
    "tls_name": Cause(
        "证书上的主机名不符",
        "The broker's certificate is for another host name",
        "brokers 里写证书上的主机名；若写的没错，可能有人冒充：请联系平台方",
        "Write the certificate's name in brokers; if it is right already, somebody may pose as the broker",
    ),
    "tls_untrusted": Cause(
        "服务器证书不受信任",
        "The broker's certificate is not signed by a known authority",
        "向平台方索取 CA 证书，写入 [city] ca_file；仍不行则可能有人冒充",
        "Ask the platform's people for their CA certificate and name it in [city] ca_file",
    ),
    "tls_none": Cause(
        "服务器端口不支持 TLS",
        "The broker does not speak TLS at this port",
        "核对端口，一般是 8883",
        "Compare the port; it is usually 8883",
    ),
    "tls_failed": Cause(
        "加密连接失败",
        "The encrypted connection failed",
        "把详情告诉平台方",
        "Tell the platform's people the detail",
    ),
    "ca_file": Cause(
        "CA 证书文件无法读取",
        "The CA certificate file cannot be read",
        "检查 [city] ca_file：PEM 格式，服务可读",
        "Check [city] ca_file: PEM form, readable by the service",
    ),
    "password_file": Cause(
        "密码文件无法读取",
        "The password file cannot be read",
        "检查 [city] password_file",
        "Check [city] password_file",
    ),
    "bad_password": Cause(
        "用户名或密码不对",
        "User name or password is wrong",
        "核对 [city] user 和 password_file",
        "Compare [city] user and password_file",
    ),
    "not_allowed": Cause(
        "服务器不允许本机连接",
        "The broker does not allow this station",
        "请平台方检查本机的权限",
        "Ask the platform's people to check this station's rights",
    ),
    "busy": Cause(
        "服务器忙",
        "The broker is busy or out of quota",
        "自动重试，间隔逐渐加长",
        "Tried again by itself, ever more rarely",
    ),
    "mqtt_version": Cause(
        "服务器不支持此 MQTT 版本",
        "The broker does not speak this version of MQTT",
        '设置 [city] mqtt = "3.1.1"',
        'Set [city] mqtt = "3.1.1"',
    ),
    "refused": Cause(
        "服务器拒绝连接",
        "The broker refuses the connection",
        "把详情告诉平台方",
        "Tell the platform's people the detail",
    ),
    "closed": Cause(
        "服务器未应答就断开",
        "The broker closes the connection before it answers",
        "核对端口、mqtt 版本和本机的权限",
        "Compare the port, the MQTT version and this station's rights",
    ),
    "taken_over": Cause(
        "另一台设备用了本机的名称",
        "Another box connects under this station's name",
        "检查是否有两台设备用同一配置和密钥；只留一台",
        "Look for a second box with the same configuration and key; switch one off",
    ),
    "fault": Cause(
        "服务器发来的数据无法处理",
        "The broker sent what could not be handled",
        "把日志交给技术支持",
        "Send the log to support",
    ),
    # The link is up, but the city's word does not come or does not count.
    "subscription": Cause(
        "服务器不允许接收平台回执",
        "The broker does not let us hear the city's answers",
        "请平台方开通本机 ack 主题的订阅权限",
        "Ask the platform's people for the right to subscribe to this station's ack topic",
    ),
    "no_city_key": Cause(
        "没有平台公钥，无法确认回执",
        "No public key of the city: its answers cannot be checked",
        "把平台公钥（64 位十六进制）写入 [city] keys_file",
        "Put the city's public key (64 hex digits) into [city] keys_file",
    ),
    "silent": Cause(
        "已连接，但平台没有回执",
        "Connected, but the city does not answer",
        "告诉平台方；记录已存在本机，会继续重发",
        "Tell the platform's people; records are kept here and sent again",
    ),
    "skipped": Cause(
        "平台确认了后面的记录，但没有确认其中一条",
        "The city answers for later records, but not for one",
        "把编号告诉平台方；可能是主题权限问题",
        "Tell the platform's people its number; perhaps the right to publish on its topic is missing",
    ),
    "nobody": Cause(
        "服务器上没有平台在接收",
        "Nobody takes our records at the broker",
        "告诉平台方：平台没有订阅本机的主题",
        "Tell the platform's people that nobody subscribes to this station's topics",
    ),
    "no_puback": Cause(
        "服务器收下数据但不确认",
        "The broker takes records but never acknowledges them",
        "自动换下一个服务器；告诉平台方",
        "The next broker is tried by itself; tell the platform's people",
    ),
    "unproven": Cause(
        "收到的回执不是平台签名的",
        "Answers come that the city did not sign",
        "核对 [city] keys_file；无误则可能有人冒充平台：请联系平台方",
        "Compare [city] keys_file with the city's key; if it is right, somebody may pose as the city",
    ),
    "disagree": Cause(
        "平台与本机的记录不一致",
        "City and station disagree about the records",
        "不要删除本机数据；联系平台方和技术员（账本可能是旧备份）",
        "Delete nothing here; call the platform's people and the technician (was an old backup put back?)",
    ),
    "broker_refuses": Cause(
        "服务器拒收本机的记录",
        "The broker refuses our records",
        "请平台方检查本机主题的发布权限",
        "Ask the platform's people to check the right to publish on this station's topics",
    ),
    "city_refuses": Cause(
        "平台暂时不能接受本机的记录",
        "The city cannot take our records yet",
        "请平台方登记本机的公钥",
        "Ask the platform's people to register this station's public key",
    ),
    "no_qos": Cause(
        "服务器不能确认收到（QoS 0）",
        "The broker cannot acknowledge (QoS 0 only)",
        '不能用 confirm = "broker"；请换服务器',
        'confirm = "broker" cannot work with it: use another broker',
    ),
}

# Wrong while the link is up: these stand in the line of troubles on every page, the others on the status page.
SERIOUS = frozenset({"disagree", "broker_refuses", "city_refuses", "no_qos"})

# What came from outside and was not taken, counted since the start.
ODDITIES: dict[str, tuple[str, str]] = {
    "unsigned": ("没有签名的回执", "Answers without a signature"),
    "unknown_key": ("签名密钥未知的回执", "Answers signed by an unknown key"),
    "bad_signature": ("签名不对的回执", "Answers whose signature does not fit"),
    "other_station": ("给别的站点的回执", "Answers for another station"),
    "stale": ("过时的回执", "Answers older than one already taken"),
    "retained": ("服务器留存的旧回执", "Old answers kept by the broker"),
    "unreadable": ("无法读取的回执", "Answers that cannot be read"),
    "disagree": ("与本机记录不符的回执", "Answers that do not fit our records"),
    "too_large": ("过大的消息", "Messages that are too large"),
    "flood": ("来得太快而丢弃的消息", "Messages dropped because too many came"),
    "fault": ("处理消息时的意外", "Messages that could not be handled"),
}


def trouble(word: str, language: str) -> str:
    """The sentence for the line of troubles; empty when it does not belong there."""
    return CAUSES[word].said(language) if word in SERIOUS else ""


def of_error(error: BaseException, tls: bool) -> str:
    """The word for what ended an attempt to connect; ``tls``: by mqtts://."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error.verify_code)
    if tls and isinstance(error, ssl.SSLEOFError | ConnectionResetError):
        return "tls_none"
    if isinstance(error, ssl.SSLError):
        return "tls_none" if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE") else "tls_failed"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "no_dns"
    if isinstance(error, ConnectionRefusedError):
        return "closed_port"
    if isinstance(error, TimeoutError):
        return "mute"
    return "no_network" if isinstance(error, OSError) else "fault"


def _of_certificate(code: int) -> str:
    if code == _EXPIRED:
        return "tls_expired"
    if code == _NOT_YET_VALID:
        return "tls_not_yet"
    if code in _NAMES:
        return "tls_name"
    return "tls_untrusted" if code in _UNTRUSTED else "tls_failed"


_OF_CONNACK = {
    0x84: "mqtt_version",
    0x86: "bad_password",
    0x87: "not_allowed",
    0x88: "busy",
    0x89: "busy",
    0x8A: "not_allowed",
    0x8C: "bad_password",
    0x97: "busy",
    0x9F: "busy",
}


def of_connack(code: int) -> str:
    """The word for a broker's refusal; paho gives those of MQTT 3.1.1 as codes of MQTT 5."""
    return _OF_CONNACK.get(code, "refused")


def of_disconnect(code: int) -> str:
    """The word for how an open connection ended."""
    if code == 0x8E:
        return "taken_over"
    return "busy" if code in (0x89, 0x96, 0x97) else "not_allowed" if code == 0x87 else "lost"
