"""The words on paper, in Chinese, English or both, and how numbers are written there."""

from decimal import Decimal
from typing import Literal

Language = Literal["zh", "en", "both"]

WORDS = {
    "slip": ("交易小票", "SALE SLIP"),
    "report": ("快检报告", "RAPID TEST"),
    "copy": ("重打", "COPY"),
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

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, name: str) -> str:
        return self.choose(*WORDS[name])

    def verdict(self, word: str) -> str:
        return self.choose(*VERDICTS[word])

    def each(self, name: str) -> list[str]:
        """The word in each language shown, for a line of its own each."""
        return self._each(*WORDS[name])

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
