"""The words on paper, in Chinese, English or both, and how numbers are written there."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

Language = Literal["zh", "en", "both"]

WORDS = {
    "slip": ("交易小票", "SALE SLIP"),
    "report": ("快检报告", "RAPID TEST"),
    "copy": ("重打", "COPY"),
    "trial": ("测试", "TEST"),
    "late": ("迟印，记录于", "Printed late, recorded"),
    "standard": ("本站模板有误，按标准版式打印", "standard layout: this station's template failed"),
    "training": ("测试票 不作凭证", "TEST, not a voucher"),
    "seller": ("卖方", "Seller"),
    "stall": ("摊位", "Stall"),
    "contact": ("电话", "Phone"),
    "buyer": ("买方", "Buyer"),
    "walk_in": ("散客", "walk-in"),
    "origin": ("产地", "Origin"),
    "net": ("净重", "Net"),
    "price": ("单价", "Price"),
    "amount": ("金额(元)", "Amount"),
    "source": ("来源", "Source"),
    "test": ("快检", "Test"),
    "report_no": ("报告", "Report"),
    "total": ("合计", "Total"),
    "scale": ("秤号", "Scale"),
    "tare": ("皮重", "Tare"),
    "typed": ("手工输入重量", "weight typed by hand"),
    "unverified": ("秤的检定未确认", "scale verification not confirmed"),
    "time": ("时间", "Time"),
    "unsynced": ("时间未校准", "clock not set"),
    "number": ("编号", "No."),
    "scan_trade": ("扫码查交易信息", "Scan to check this sale"),
    "scan_source": ("扫码查来源", "Scan to see the source"),
    "source_code": ("来源码", "Source code"),
    "unchecked": ("来源码未核验", "source code not checked"),
    "screening": ("快检结果为筛查结果", "Rapid test results are screening results"),
    "goods": ("商品", "Goods"),
    "unknown": ("未登记", "not registered"),
    "sample": ("样品号", "Sample"),
    "item": ("项目", "Item"),
    "method": ("方法", "Method"),
    "limit": ("限值", "Limit"),
    "limit_instrument": ("仪器设定", "set in the instrument"),
    "limit_method": ("方法规定", "set by the method"),
    "value": ("测得值", "Value"),
    "none": ("无", "none"),
    "analyzer": ("仪器", "Analyzer"),
    "channel": ("通道", "Channel"),
    "measured": ("检测时间", "Measured"),
    "recorded": ("记录时间", "Recorded"),
    "card": ("来源卡", "SOURCE CARD"),
    "label": ("样品标签", "SAMPLE LABEL"),
    "acceptance": ("验收单", "ACCEPTANCE"),
    "held": ("暂停销售通知", "SALE SUSPENDED"),
    "disposed": ("处置记录", "DISPOSAL"),
    "day": ("日汇总", "DAY SUMMARY"),
    "test_page": ("打印测试页", "TEST PAGE"),
    "stub": ("存根联（卖方留存）", "stub, kept by the seller"),
    "customer": ("客户联（进货凭证）", "customer's copy, a purchase voucher"),
    "signature": ("签字", "Signature"),
    "supplier": ("供货者", "Supplier"),
    "date": ("日期", "Date"),
    "order": ("订单", "Order"),
    "licence": ("许可证", "Licence"),
    "ordered": ("订货", "ordered"),
    "delivered": ("到货", "arrived"),
    "accepted": ("验收", "taken"),
    "accepted_total": ("验收合计", "Total accepted"),
    "rejected": ("拒收", "Refused"),
    "sensory": ("感官", "Sensory"),
    "temperature": ("温度", "Temperature"),
    "proof": ("凭证", "Voucher"),
    "lot": ("批次", "Lot"),
    "decision": ("处置", "Decision"),
    "released_after_recheck": ("复检合格，恢复销售", "released after a recheck"),
    "returned": ("退货", "returned"),
    "destroyed": ("无害化销毁", "destroyed"),
    "mass": ("数量", "Mass"),
    "how": ("方式", "How"),
    "where": ("地点", "Where"),
    "recheck_no": ("复检报告", "Recheck"),
    "laboratory": ("检验机构", "Laboratory"),
    "waived": ("当事人书面放弃复检", "recheck waived in writing"),
    "person": ("经办人", "Handled by"),
    "by_rule": ("按检测规则", "by the test's rule"),
    "witness": ("见证人", "Witness"),
    "may_object": (
        "对快检结果有异议的，可自收到结果起4小时内申请复检，复检不得采用快检方法",
        "Who objects may ask for a recheck within 4 hours of receiving the result; not by a rapid method",
    ),
    "told_at": ("告知时间", "Told at"),
    "records": ("记录", "Records"),
    "sales": ("交易笔数", "Sales"),
    "entries": ("进场登记", "Entries"),
    "copies": ("重打", "Copies printed"),
    "doubtful": ("未确认出纸", "Papers in doubt"),
    "printer": ("打印机", "Printer"),
    "port": ("接口", "Port"),
    "profile": ("型号", "Profile"),
    "test_width": (
        "以上两行应各占满一行；折行则 columns 设小",
        "Both lines above fill one line each; if they wrap, set fewer columns",
    ),
    "test_qr": ("应能扫出此码", "A phone should read this"),
    "test_garbled": (
        "汉字乱码：encoding 改为 gb18030、utf-8 或 raster；图形中断：band 改小、delay 加大",
        "Chinese garbled: set encoding to gb18030, utf-8 or raster; picture torn: a smaller band, a longer delay",
    ),
}
VERDICTS = {
    "qualified": ("合格（快检）", "passed (rapid test)"),
    "suspect": ("可疑，待复测", "suspect, to be repeated"),
    "unqualified": ("快检阳性（筛查），暂停销售", "positive (screening), sale suspended"),
    "invalid": ("无效，重做", "invalid, repeat"),
    "not_applicable": ("方法不适用", "method not applicable"),
}
_UNIT_GRAMS = {"kg": Decimal(1000), "g": Decimal(1), "t": Decimal(1_000_000)}


class Words:
    """The words of one language; with ``both``, Chinese comes first."""

    def __init__(self, language: Language, words: Mapping[str, tuple[str, str]] = WORDS) -> None:
        self.language = language
        self._words = words

    def __call__(self, name: str) -> str:
        return self.choose(*self._words[name])

    def all(self) -> dict[str, str]:
        """Every word, by name."""
        return {name: self.choose(*pair) for name, pair in self._words.items()}

    def verdict(self, word: str) -> str:
        return self.choose(*VERDICTS[word])

    def both(self, name: str) -> str:
        """The word in both languages, whatever the station's is."""
        return " ".join(self._words[name])

    def each(self, name: str) -> list[str]:
        """The word in each language shown, for a line of its own each."""
        return self._each(*self._words[name])

    def verdict_clauses(self, word: str) -> list[str]:
        """A verdict's clauses, for a line of its own each."""
        return [part for text in self._each(*VERDICTS[word]) for part in text.replace("，", ", ").split(", ")]

    def choose(self, zh: str, en: str) -> str:
        match self.language:
            case "zh":
                return zh
            case "en":
                return en or zh
            case "both":
                return f"{zh} {en}" if en and en != zh else zh

    def _each(self, zh: str, en: str) -> list[str]:
        return [text for text, kept in ((zh, self.language != "en"), (en, self.language != "zh")) if kept]


def money(fen: int) -> str:
    """Fen as yuan with two decimals."""
    return f"{fen // 100}.{fen % 100:02d}"


def kilograms(net_g: int, shown: str, unit: str) -> str:
    """Grams as kg, with the decimals of the scale's own reading ``shown`` in ``unit``, and never fewer than needed."""
    decimals = 3
    if unit in _UNIT_GRAMS:
        exponent = Decimal(shown).as_tuple().exponent
        step = _UNIT_GRAMS[unit].scaleb(int(exponent))  # grams of the last digit
        decimals = min(3, max(0, 3 - step.adjusted()))
        while decimals < 3 and net_g % 10 ** (3 - decimals):
            decimals += 1
    return f"{Decimal(net_g).scaleb(-3):.{decimals}f}"


def grouped(code: str) -> str:
    """A 20-digit code as people read it out: in fives."""
    return " ".join(code[start : start + 5] for start in range(0, len(code), 5))


def moment(time: str) -> str:
    """RFC 3339 as a person at the station's place reads it: no ``T``, no fraction, no zone."""
    return time[:19].replace("T", " ")
