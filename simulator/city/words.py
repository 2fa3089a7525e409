"""What the city's pages say, in Chinese and English."""

import re
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

HELD_BY: dict[str, tuple[str, str]] = {
    "test": (
        "快检阳性或可疑（筛查结果，待确认）",
        "A rapid test was positive or doubtful (screening, to be confirmed)",
    ),
    "person": ("市场管理方已暂停销售", "The market's office stopped the sale"),
    "city": ("平台要求停止销售", "The city stopped the sale"),
    "dispute": ("数量有争议，待市场核定", "Its quantity is disputed; the market has to settle it"),
}

SOLD: dict[str, tuple[str, str]] = {
    "before": (
        "这笔交易在暂停销售之前。建议先不要食用，并向市场管理方咨询。",
        "This sale was made before the stop. Better not eat them yet; ask the market's office.",
    ),
    "after": (
        "这笔交易在暂停销售之后，本不该卖出。请不要食用，并向市场管理方反映。",
        "This sale was made after the stop, when it was not allowed. Do not eat them; tell the market's office.",
    ),
    "unknown": (
        "无法确定这笔交易在暂停之前还是之后。建议先不要食用，并向市场管理方咨询。",
        "It cannot be told whether this sale was made before the stop. Better not eat them; ask the market's office.",
    ),
}

PROOFS: dict[str, tuple[str, str]] = {
    "hgz": ("承诺达标合格证", "Certificate of conformity (producer's word)"),
    "jy": ("动物检疫合格证明", "Animal quarantine certificate"),
    "rp": ("肉品品质检验合格证", "Meat inspection certificate"),
    "bg": ("进口报关单", "Import declaration"),
    "zs": ("其他追溯码", "Other trace code"),
    "cd": ("产地证明", "Certificate of origin"),
    "jc": ("检测报告", "Test report"),
    "qt": ("其他凭证", "Other voucher"),
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

COMMANDS_ZH: dict[str, str] = {
    "stop_lot": "该批次立即停售，之后才到的同批次也停售；只有更新的恢复销售能解除。",
    "resume_lot": "解除此前对该批次的停售；设备自己的检测所扣下的仍然扣下。",
    "lots": "把批次提供给摊位，由摊主选择自己面前的货开售。",
    "lab_verdict": "记录并显示在批次旁边；不会自动放行或销毁，由人决定。",
    "orders": "食堂的订单保存并显示，到送货日过去为止。",
    "directory": "保存名录，以最近一次指令所写为准；replace 会删去其他全部条目。",
    "focus_list": "整份名单替换；入场登记遇到名单上的商品会提示。",
    "price_limits": "整份限价表替换；摊位售价超过时提示。",
    "keys": "信任平台的新密钥，不再信任已吊销的；本节点各设备的密钥留作验码。平台的最后一把密钥不能吊销。",
    "config": "替换 station.toml 的设置，要么全部生效，要么都不生效；"
    "只能设置 gate.unchecked、gate.suspended、gate.tests、stall.oversell。",
    "resend": "从这条记录起重新上报，包括被退回的记录。",
}
"""What a station does, for who orders it in Chinese; in English the contract's own words are shown."""

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
    "held": ("此批货物已暂停销售", "Sale of these goods is stopped"),
    "held_since": ("暂停时间", "Stopped at"),
    "slip_itself": ("小票本身是真的", "The slip itself is genuine"),
    "void": ("此票已作废", "This slip is void"),
    "void_more": (
        "卖方已作废这笔交易，不能作为凭证。",
        "The seller has cancelled this sale: it is no voucher.",
    ),
    "void_why": ("作废原因", "Why"),
    "replaced_by": ("由新票替代，交易码", "Replaced by slip"),
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
    "typed_why": ("手工输入重量", "Weight typed by hand"),
    "tare": ("皮重", "Container"),
    "by_label": ("按包装标签，未过秤", "By its label, not weighed"),
    "rounded": ("抹零", "Rounded off"),
    "no_source": ("无来源码", "without source code"),
    "clock": ("交易时间未校准", "The clock was not set"),
    "clock_more": ("时间以小票序号为准。", "The slip's number counts, not the time."),
    "limit": ("判定限", "limit"),
    "method": ("检测方法", "Method"),
    "scale_ok": ("电子秤检定有效", "The scale's verification is valid"),
    "scale_not_ok": ("电子秤检定信息未确认", "The scale's verification is not confirmed"),
    "scale_not_ok_more": (
        "小票没有证明秤在检定有效期内。如有疑问请到公平秤复称。",
        "The slip does not prove that the scale was verified and in date. In doubt weigh on the fair scale.",
    ),
    "replaces": ("此票替代一张作废小票", "Replaces a voided slip"),
    "source_title": ("食品来源", "Where it comes from"),
    "source_bad": ("来源码有误", "Not a source code"),
    "source_bad_more": ("请检查 20 位数字有没有输错。", "Please check the 20 digits."),
    "source_none": ("还没有这个来源的记录", "No record of this source yet"),
    "source_none_more": (
        "市场网络较慢时，记录会晚些到达。若一直没有，请向市场管理方反映。",
        "With a slow uplink it arrives later. If it never does, please tell the market's office.",
    ),
    "source_released": ("来源已登记，检测放行", "Source registered and released"),
    "source_pending": ("尚未放行", "Not released yet"),
    "source_pending_more": (
        "此批货物已登记，还没有合格的检测结果，不应销售。",
        "These goods are registered but have no passed test yet: they should not be on sale.",
    ),
    "source_held": ("暂停销售", "Sale stopped"),
    "source_held_more": ("此批货物现在不应销售。", "These goods should not be on sale now."),
    "source_gone": ("已退回或销毁", "Returned or destroyed"),
    "source_gone_more": ("此批货物已处置，不应再销售。", "These goods were disposed of and should not be on sale."),
    "source_forged": ("假的来源卡", "Not a genuine card"),
    "source_forged_more": (
        "签名不符：这张来源卡不是该市场签发的，或者被改动过。请向市场管理方反映。",
        "The signature does not fit: this card was not issued by the market, or was altered. Please tell the office.",
    ),
    "source_card": ("来源卡是真的", "The card is genuine"),
    "source_card_more": (
        "签发的记录还在路上，以下是卡上的内容。",
        "Its records are on their way; this is what the card states.",
    ),
    "card": ("来源卡上写的", "What the card states"),
    "card_ok": ("签名已核实", "Signature verified"),
    "card_part": ("整批的一部分", "Part of the lot"),
    "card_unknown": ("来源卡未能核实", "The card cannot be verified"),
    "card_unknown_more": (
        "本平台没有登记签发这张卡的设备，卡上的内容可能不真实。",
        "The station that signed it is not registered here: what the card states may be untrue.",
    ),
    "test_no": ("检测编号", "Test number"),
    "on_sale": ("正在销售", "On sale now"),
    "on_sale_none": ("暂无登记的在售货物", "Nothing is registered as on sale"),
    "stall_held": ("已暂停销售", "Sale stopped"),
    "stall_title": ("摊位", "Stall"),
    "stall_none": ("还没有这个摊位的记录", "No record of this stall yet"),
    "stall_none_more": (
        "第一笔交易上传后才会显示。若一直没有，请向市场管理方反映。",
        "It appears with its first sale. If it never does, please tell the market's office.",
    ),
    "stall_bad": ("摊位码有误", "Not a stall's code"),
    "stall_bad_more": ("请检查 13 位数字有没有输错。", "Please check the 13 digits."),
    "licence": ("执照", "Licence"),
    "merchant_code": ("经营者编码", "Operator code"),
    "merchant_unnamed": ("名称未登记", "name not registered"),
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
    "chain_torn": ("两本账", "two ledgers"),
    "incidents": ("值得注意", "What was noticed"),
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
    "commands_title": ("下发指令", "Commands to stations"),
    "commands_more": (
        "每条指令由平台签名，保留到设备答复或过期为止；停售先发。此页只能在本机打开。",
        "Each is signed, and kept until it is answered or has expired; stops go first. Opens on this machine alone.",
    ),
    "no_stations": ("还没有设备上线", "No station has shown itself yet"),
    "command_fields": ("内容（JSON）", "Fields (JSON)"),
    "command_hours": ("有效小时", "Hours until it expires"),
    "command_send": ("签名并下发", "Sign and send"),
    "command_waits": ("等待答复", "waiting for an answer"),
    "command_expires": ("有效至", "Expires"),
    "command_record": ("记录", "record"),
    "done": ("已执行", "done"),
    "refused": ("拒绝执行", "refused"),
    "failed": ("执行出错", "failed"),
    "expired": ("已过期", "expired"),
    "command_sent": ("已下发", "Sent"),
    "photos": ("随记录的照片", "Photos of records"),
    "photo_of": ("照片：", "Photo of"),
    "photo_waits": ("照片还没有传到", "the photo has not arrived yet"),
    "nothing": ("暂无", "Nothing yet"),
    "alarm": ("警报", "alarm"),
    "not_found": ("没有这个页面", "No such page"),
    "accept_title": ("食堂验收", "Canteen delivery"),
    "accept_ok": ("验收单是真的", "Genuine"),
    "accept_ok_more": ("由食堂的验收设备签发，内容未被改动", "Signed by the canteen's station, nothing was altered"),
    "accept_forged_more": (
        "签名不符：这个二维码不是验收设备签发的，或者被改动过。请向学校反映。",
        "The signature does not fit: no station issued this code, or it was altered. Please tell the school.",
    ),
    "accept_unknown_more": (
        "本平台没有登记签发这张验收单的设备。",
        "The station that issued it is not registered on this platform.",
    ),
    "accept_differs_more": (
        "上传的明细与二维码对不上，以下只显示二维码本身的内容。请向学校反映。",
        "The record does not belong to this code; only what the code itself states is shown. Please tell the school.",
    ),
    "accept_on_the_way_more": (
        "网络较慢，明细稍后自动出现。下面的内容由二维码本身证明。",
        "They will appear here by themselves. What stands below is proven by the code itself.",
    ),
    "accept_void": ("此验收单已作废", "This acceptance is void"),
    "accept_void_more": ("学校已作废这次验收。", "The school has cancelled it."),
    "accept_held": ("其中有货物已暂停销售", "Sale of some of these goods is stopped"),
    "accept_held_more": (
        "验收后该批货物被暂停销售。请向学校了解处理情况。",
        "Their lot was stopped. Ask the school what was done with them.",
    ),
    "accept_unmatched": (
        "这次送货没有订单，由验收人说明原因后接收",
        "Nobody had ordered it; it was taken for a reason given",
    ),
    "accepted": ("验收合计", "Accepted"),
    "canteen": ("收货单位", "Canteen"),
    "accept_time": ("验收时间", "Accepted at"),
    "accept_no_time": ("未校准", "clock was not set"),
    "meal": ("用餐", "Meal"),
    "accept_code": ("验收编号", "Number"),
    "rejected_goods": ("拒收", "Refused"),
    "temperature": ("温度", "Temperature"),
    "batch": ("批号", "Batch"),
    "best_before": ("保质期至", "Best before"),
    "signed_by": ("签字（职务）", "Signed by (function)"),
    "photo_hash": ("照片摘要", "Photo's hash"),
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


INCIDENTS = {
    "fork": ("两本账（分叉）", "Two ledgers (fork)"),
    "gap": ("缺号", "Gap"),
    "gone": ("缺号（站点已过保存期）", "Missing: kept their time at the station"),
    "replay": ("重复发送", "Replay"),
    "pause": ("平台停收", "The city could keep nothing"),
}

# What protocol.city.agreement says of a station whose name two ledgers use: how it begins, and what people read.
_TORN = tuple(
    (re.compile(pattern), zh, en)
    for pattern, zh, en in (
        (r"two records under number (\d+)", "第 {0} 号有两条不同的记录", "There are two records under number {0}"),
        (
            r"one id under the numbers (\d+) and (\d+)",
            "第 {0} 号和第 {1} 号用了同一个标识",
            "Records {0} and {1} have one id",
        ),
        (
            r"record (\d+) does not follow the record before it",
            "第 {0} 号不接在前一条记录之后",
            "Record {0} does not follow the record before it",
        ),
        (
            r"record (\d+) goes on behind a record (\d+) of another",
            "第 {0} 号接在另一本账的第 {1} 号之后",
            "Record {0} goes on behind record {1} of another ledger",
        ),
        (
            r"the station's record (\d+) is another one than ours",
            "设备的第 {0} 号记录与平台的不同",
            "The station's record {0} is another one than the city's",
        ),
        (
            r"the station's ledger ends at (\d+), ours at (\d+)",
            "设备的账只到第 {0} 号，平台已有第 {1} 号",
            "The station's ledger ends at record {0}, the city has record {1}",
        ),
        (
            r"(\d+) missing from (\d+) on, since (\S+)",
            "自第 {1} 号起缺 {0} 条",
            "{0} records missing from {1} on",
        ),
        (r"newest: record (\d+)", "最近一次：第 {0} 号", "The newest: record {0}"),
        (r"since (\S+): the store could keep nothing", "自 {0} 起无法保存", "Since {0} nothing could be kept"),
    )
)


def torn(text: str) -> tuple[str, str]:
    """Why a station's chain is torn, or what else was noticed, with its sequence, for people; empty for nothing."""
    for pattern, zh, en in _TORN:
        if found := pattern.fullmatch(text):
            return zh.format(*found.groups()), en.format(*found.groups())
    return text, text
