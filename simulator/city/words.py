"""What the city's pages say, in Chinese and English."""

from typing import Literal

from protocol.city.events import EVENTS

Language = Literal["zh", "en"]

VERDICTS: dict[str, tuple[str, str]] = {
    "qualified": ("合格（快检）", "Passed (rapid test)"),
    "suspect": ("可疑，待复测", "Doubtful, to be repeated"),
    "unqualified": ("快检阳性（筛查），暂停销售", "Rapid test positive (screening), sale stopped"),
    "invalid": ("无效，重做", "Invalid, to be repeated"),
    "not_applicable": ("方法不适用", "Method not applicable"),
    "none": ("无快检信息", "No rapid test stated"),
    "pending": ("待复测", "To be repeated"),
}

KINDS: dict[str, tuple[str, str]] = {kind: (row.zh, row.en) for kind, row in EVENTS.items()}

REFUSALS: dict[str, tuple[str, str]] = {
    "bad_data": ("内容不合规", "content does not fit"),
    "unknown_type": ("类型未知", "unknown type"),
    "wrong_source": ("来源与主题不符", "source is not the topic's station"),
    "fork": ("同一序号内容不同", "other content under a used number"),
    "broken_chain": ("链条不连续", "does not follow the record before it"),
    "bad_signature": ("签名不符", "signature does not fit"),
    "unknown_key": ("公钥未登记", "key not registered"),
    "unreadable": ("无法读取", "unreadable"),
}

WORDS: dict[str, tuple[str, str]] = {
    "other_language": ("English", "中文"),
    "slip_title": ("交易小票", "Sales slip"),
    "ok": ("小票是真的", "Genuine"),
    "ok_more": ("由市场电子秤签发，内容未被改动", "Signed by the market's station, nothing was altered"),
    "ok_typed": ("由市场设备签发，内容未被改动", "Signed by the market's station, nothing was altered"),
    "forged": ("假的，请勿相信", "Not genuine"),
    "forged_more": (
        "签名不符：这个二维码不是该市场的设备签发的，或者被改动过。请向市场管理方反映。",
        (
            "The signature does not fit: this code was not issued by the market's station, or it was altered."
            " Please tell the market's office."
        ),
    ),
    "unknown": ("无法确认真假", "Cannot be confirmed"),
    "unknown_more": (
        "本平台没有登记签发这张小票的设备。",
        "The station that issued this slip is not registered on this platform.",
    ),
    "differs": ("明细与二维码不一致", "Details differ from the code"),
    "differs_more": (
        "市场上传的明细与小票二维码对不上，以下只显示二维码本身的内容。请向市场管理方反映。",
        (
            "The record the market sent does not belong to this code; only what the code itself states is shown."
            " Please tell the market's office."
        ),
    ),
    "on_the_way": ("明细还在路上", "The details are on their way"),
    "on_the_way_more": (
        "市场网络较慢，品名、产地等明细稍后自动出现。下面的内容由二维码本身证明。",
        (
            "The market's uplink is slow; goods and origin will appear here by themselves."
            " What stands below is proven by the code itself."
        ),
    ),
    "amount": ("合计", "Total"),
    "net": ("净重", "Net weight"),
    "price": ("单价", "Price"),
    "line_amount": ("金额", "Amount"),
    "origin": ("产地", "Origin"),
    "test": ("快速检测", "Rapid test"),
    "test_item": ("检测项目", "Tested for"),
    "test_time": ("检测时间", "Tested at"),
    "test_code": ("检测编号", "Test number"),
    "screening": ("快检结果为筛查结果", "A rapid test is a screening result"),
    "seller": ("卖方", "Seller"),
    "stall": ("摊位", "Stall"),
    "buyer": ("买方", "Buyer"),
    "walk_in": ("散客", "Walk-in customer"),
    "time": ("交易时间", "Sold at"),
    "no_time": ("未校准，以小票序号为准", "Clock was not set; the slip's number counts"),
    "tx": ("交易码", "Slip number"),
    "source": ("来源码", "Source code"),
    "first_scan": ("首次扫码", "First scanned"),
    "first_scan_now": ("刚刚，第一次", "just now, for the first time"),
    "first_scan_old": ("这张小票以前被扫过", "This slip was scanned before"),
    "first_scan_old_more": ("复印件也能通过验证，请核对时间和金额。", "A copy verifies too: compare time and amount."),
    "held": ("此批货物现已暂停销售", "Sale of these goods has been stopped"),
    "held_more": (
        "售出之后快检阳性或可疑（筛查结果，待确认）。建议先不要食用，并向市场管理方咨询。",
        "A later rapid test was positive or doubtful (screening). Better not eat them yet; ask the market's office.",
    ),
    "typed": ("重量为手工输入", "The weight was typed by hand"),
    "typed_more": (
        "不是电子秤称出的重量，金额按输入的重量计算。如有疑问请到公平秤复称。",
        "It does not come from the scale; the amount follows from what was typed. In doubt weigh on the fair scale.",
    ),
    "unchecked": ("来源码未核验", "The source code was not checked"),
    "unchecked_more": (
        "此批货物凭外来来源码入场，本市场没有核实，也没有检测。",
        "These goods came in by a source code from elsewhere that this market has neither verified nor tested.",
    ),
    "scale_ok": ("电子秤检定有效", "The scale's verification is valid"),
    "scale_not_ok": ("电子秤检定信息未确认", "The scale's verification is not confirmed"),
    "replaces": ("此票替代一张作废小票", "Replaces a voided slip"),
    "source_title": ("食品来源", "Where it comes from"),
    "source_bad": ("来源码有误", "Not a source code"),
    "source_bad_more": ("请检查 20 位数字有没有输错。", "Please check the 20 digits."),
    "source_none": ("还没有这个来源的记录", "No record of this source yet"),
    "source_none_more": (
        "市场网络较慢时，记录会晚些到达。若一直没有，请向市场管理方反映。",
        "With a slow uplink it arrives later. If it never does, please tell the market's office.",
    ),
    "source_known": ("来源已登记", "Source registered"),
    "source_held": ("暂停销售", "Sale stopped"),
    "lot": ("批次", "Lot"),
    "supplier": ("供货方", "Supplier"),
    "lot_net": ("进场重量", "Weight at entry"),
    "entered": ("进场时间", "Came in at"),
    "proofs": ("随货凭证", "Vouchers"),
    "overview_title": ("城市追溯平台（演示）", "City traceability platform (demonstration)"),
    "stations": ("设备", "Stations"),
    "station": ("设备", "Station"),
    "last": ("连续到", "Complete to"),
    "top": ("最新序号", "Newest"),
    "count": ("记录", "Records"),
    "gaps": ("缺号", "Missing"),
    "rejected": ("拒收", "Refused"),
    "duplicates": ("重复", "Repeats"),
    "chain": ("链条", "Chain"),
    "chain_ok": ("完整", "whole"),
    "chain_broken": ("不连续", "broken"),
    "online": ("在线", "online"),
    "offline": ("离线", "offline"),
    "latest": ("最新记录", "Latest records"),
    "refusals": ("最近拒收", "Latest refusals"),
    "refused_keys": ("被拒绝的公钥", "Refused keys"),
    "refused_keys_more": (
        "设备已登记另一把公钥。若是换机，请核实后再登记。",
        "The station has another key. If the device was replaced, make sure before registering the new one.",
    ),
    "enrol_on": (
        "自动登记已开启：设备第一次出现时的公钥即被信任。只用于演示和测试。",
        "Enrolment is on: the first key a station shows is trusted. For demonstration and tests only.",
    ),
    "nothing": ("暂无", "Nothing yet"),
    "alarm": ("警报", "alarm"),
    "not_found": ("没有这个页面", "No such page"),
    "broker_down": ("与消息服务器断开，正在重连", "Broker is down, reconnecting"),
}


def pick(accept: str, wanted: str) -> Language:
    """The language of a page: what the address asks for, else the first of ours the browser names, else Chinese."""
    if wanted in ("zh", "en"):
        return "en" if wanted == "en" else "zh"
    ranked: list[tuple[float, int, Language]] = []
    for place, part in enumerate(accept[:400].lower().split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            quality = 0.0
        if name[:2] in ("zh", "en"):
            ranked.append((-quality, place, "en" if name[:2] == "en" else "zh"))
    return min(ranked)[2] if ranked else "zh"
