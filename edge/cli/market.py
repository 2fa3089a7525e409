"""What `marketedge check` says of the market round the station: its keys, the city's commands, the people."""

import contextlib

from edge.between.people import Role
from edge.between.roster import Person
from edge.between.tongue import said, then
from edge.config.sections import Config
from edge.records.identity import BadKey, load_node_keys
from edge.records.ledger import LedgerUnusable, reading
from edge.state import operators
from edge.state.city_keys import TrustedKeys
from edge.state.siblings import listen
from protocol.city.node_keys import NodeKeys
from protocol.city.signed import CityKeys
from protocol.city.topics import Topics

Outcome = tuple[bool | None, str]
"""True well, None to be looked at, False failed; and the words."""


def market_keys(config: Config) -> Outcome:
    """Which other stations of the market are known, by the file and by what the city has said."""
    path = config.market.keys_file
    try:
        keys = load_node_keys(path)
    except BadKey as error:
        return False, then(
            str(error),
            "改好这一行：64 位十六进制公钥，空格，站点（如 410108001-02）",
            "Correct this line: 64 hex digits, a space, the station (as 410108001-02)",
        )
    with contextlib.suppress(OSError, LedgerUnusable), reading(config.station.data) as db:
        keys = TrustedKeys(db.conn, CityKeys(), keys).stations
    own = f"{config.station.node}-{config.station.terminal}"
    others = sorted({station for station in _stations(keys) if station != own})
    if others:
        names = ", ".join(others[:6]) + (" …" if len(others) > 6 else "")
        return True, said(f"认得 {len(others)} 个站点：{names}", f"{len(others)} other stations are known: {names}")
    step = said(
        f"把各站点的公钥写进 {path}（每行：64 位十六进制公钥 站点），或请平台下发 keys",
        f"write the stations' public keys into {path} (64 hex digits and the station a line), or let the city send "
        "its command `keys`",
    )
    if config.market.siblings:
        none = said(
            "siblings = true，但一个别的站点都不认得，它们说的都不算数",
            "siblings = true, but no other station is known, and none is believed",
        )
        return False, f"{none}{said('：', ': ')}{step}"
    none = said("不认得别的站点，扫它们的来源卡会被拒绝", "no other station is known: their source cards are refused")
    return None, f"{none}{said('。', '. ')}{step}"


def city_commands(config: Config) -> Outcome:
    """Where commands come from and answers go to: what the broker has to allow."""
    station = config.station
    topics = Topics(station.region, station.node, station.terminal)
    heard = (*topics.listen, *(listen(topics) if config.market.siblings else ()))
    reads, writes = ", ".join(heard), f"{topics.base}/res/+"
    return True, said(f"服务器须允许读 {reads}；写 {writes}", f"the broker lets us read {reads}; write {writes}")


def people(config: Config) -> Outcome:
    """Who can sign in, and whether somebody can give a supervisor's word."""
    known: list[Person] = []
    with contextlib.suppress(OSError, LedgerUnusable), reading(config.station.data) as db:
        known = [person for person in operators.people(db.conn).values() if person.active]
    if not known:
        return True, said(
            "没有登记人员：谁在本机前谁就能操作，记录不写姓名",
            "nobody has a name: whoever stands here may do everything, and records name nobody",
        )
    able = [person.role for person in known if person.pin]
    supervisors = able.count(Role.SUPERVISOR)
    count = said(
        f"{len(known)} 人，{len(able)} 人可登录，其中主管 {supervisors} 人",
        f"{len(known)} people, {len(able)} with a PIN, {supervisors} of them supervisors",
    )
    if supervisors:
        return True, count
    step = said(
        "没有主管能输入密码，作废、恢复批次等做不了：marketedge operators add CODE NAME --role supervisor",
        "no supervisor has a PIN, so nothing can be voided or released: "
        "marketedge operators add CODE NAME --role supervisor",
    )
    return False, f"{count}{said('。', '. ')}{step}"


def _stations(keys: NodeKeys) -> set[str]:
    return {station for known in keys.by_kid.values() for station, _ in known}
