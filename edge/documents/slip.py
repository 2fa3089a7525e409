"""The slip of a sale (交易小票): what the seller hands over and the buyer keeps.

Net weight, price and amount are the tall line of each product, the total is the large one: they must be readable at
arm's length in bad light.
"""

from edge.documents.words import Language, Words, grouped, kilograms, moment, money
from protocol.city.codes import WALK_IN, CodeKind
from protocol.city.events import Line, Party, Price, Sold, TestSummary, TradeCompleted
from protocol.printers.document import (
    QR,
    Align,
    Cell,
    Columns,
    Cut,
    Document,
    Pair,
    Part,
    Rule,
    Size,
    Text,
)

WEIGHT_COLUMNS = 9  # 999.999kg
PRICE_COLUMNS = 11  # 99.99元/500g
LARGE_COLUMNS = 16
ROOM = 30  # 32 columns less the two blanks between the three


def slip(trade: TradeCompleted, *, market: str, language: Language = "zh", copy: int = 0) -> Document:
    """The slip of a recorded sale; ``copy`` counts reprints, 0 is the first print."""
    if len(trade.sold) != len(trade.slip.lines):
        raise ValueError(f"sold: {len(trade.sold)} entries for {len(trade.slip.lines)} lines of the slip")
    words = Words(language)
    parts: list[Part] = [*heading(words, "slip", market, copy, trade.slip.tx), *_parties(words, trade), Rule()]
    for count, (line, sold) in enumerate(zip(trade.slip.lines, trade.sold, strict=True), 1):
        key = f"{count}." if len(trade.sold) > 1 else words("goods")
        parts += [*_line(words, key, line, sold), Rule()]
    parts.append(Pair(words("total"), f"￥{money(trade.slip.amount_fen)}", size=Size.LARGE, bold=True))
    parts += [Rule(), *_footer(words, trade)]
    parts += [QR(trade.url, grouped(trade.slip.tx)), Text(words("scan_trade"), Align.CENTER), Cut()]
    return Document("slip", words("slip"), tuple(parts))


def heading(words: Words, title: str, market: str, copy: int, code: str) -> list[Part]:
    """What every paper begins with; a copy says so before anything else."""
    parts: list[Part] = []
    if copy:
        parts += [Text(f"重打 COPY {copy}", Align.CENTER, Size.LARGE, bold=True), Rule()]
    if code[9:10] == str(CodeKind.TRAINING.value):
        parts.append(Text(words("training"), Align.CENTER, bold=True))
    return [*parts, Text(market, Align.CENTER, bold=True), *large(words.each(title)), Rule()]


def large(lines: list[str]) -> list[Part]:
    """Lines in the middle, each as large as half the columns of 58 mm paper allow."""
    return [
        Text(line, Align.CENTER, Size.LARGE if _width([line]) <= LARGE_COLUMNS else Size.TALL, bold=True)
        for line in lines
    ]


def _parties(words: Words, trade: TradeCompleted) -> list[Part]:
    keys = [words(name) for name in ("seller", "stall", "contact", "buyer")]
    width = _width(keys)
    seller, buyer = trade.seller, trade.buyer
    shown = [(keys[0], _named(seller)), (keys[1], seller.stall), (keys[2], seller.contact)]
    shown.append((keys[3], words("walk_in") if buyer.code == WALK_IN and not buyer.name else _named(buyer)))
    shown += [(keys[1], buyer.stall), (keys[2], buyer.contact)]
    return [Pair(key, value, Align.LEFT, key_width=width) for key, value in shown if value.strip()]


def _named(party: Party) -> str:
    return party.name if party.code == WALK_IN else f"{party.name} {party.code}"


def _width(keys: list[str]) -> int:
    return max(sum(1 if letter.isascii() else 2 for letter in key) for key in keys)


def _line(words: Words, key: str, line: Line, sold: Sold) -> list[Part]:
    keys = [words(name) for name in ("origin", "source", "test", "report_no")]
    width = _width(keys)
    name = words.choose(sold.goods.name, sold.goods.name_en)
    parts: list[Part] = [Pair(key, name, Align.LEFT, Size.TALL, bold=True), *_figures(words, line, sold)]
    if sold.weighed.tare_g:
        parts.append(
            Pair(words("tare"), f"{kilograms(sold.weighed.tare_g, '0.001', 'kg')}kg", Align.LEFT, key_width=width)
        )
    if sold.weighed.stability == "manual":
        parts.append(Text(f"{words('typed')}: {sold.weighed.reason}", bold=True))
    parts.append(Pair(keys[0], sold.origin, Align.LEFT, key_width=width))
    parts.append(Pair(keys[1], grouped(line.source), Align.LEFT, key_width=width))
    if sold.test is not None:
        parts += _test(words, keys[2:], width, sold.test)
    return parts


def _figures(words: Words, line: Line, sold: Sold) -> list[Part]:
    """Weight, price and amount side by side; below each other when the numbers are too long for that."""
    weight = f"{kilograms(line.net_g, sold.weighed.value, sold.weighed.unit)}kg"
    price = _price(words, line.price)
    amount = money(line.amount_fen)
    heads = [words("net"), words("price"), words("amount")]
    first = max(WEIGHT_COLUMNS, len(weight))
    second = max(PRICE_COLUMNS, _width([price]))
    if first + second + len(amount) > ROOM:
        figures = zip(heads, (weight, price, amount), strict=True)
        return [Pair(head, figure, size=Size.TALL, bold=True) for head, figure in figures]

    def row(texts: list[str]) -> tuple[Cell, ...]:
        return (Cell(texts[0], first), Cell(texts[1], second), Cell(texts[2], 0, Align.RIGHT))

    return [Columns(row(heads)), Columns(row([weight, price, amount]), Size.TALL, bold=True)]


def _price(words: Words, price: Price) -> str:
    per = "kg" if price.per_g == 1000 else "500g"
    return f"￥{money(price.fen)}/{per}" if words.language == "en" else f"{money(price.fen)}元/{per}"


def _test(words: Words, keys: list[str], width: int, test: TestSummary) -> list[Part]:
    parts: list[Part] = [
        Pair(keys[0], test.item, Align.LEFT, key_width=width),
        Pair("", f"{words.verdict(test.verdict)} {moment(test.time)[:10]}", Align.LEFT, key_width=width),
    ]
    if test.code is not None:
        parts.append(Pair(keys[1], grouped(test.code), Align.LEFT, key_width=width))
    return parts


def _footer(words: Words, trade: TradeCompleted) -> list[Part]:
    keys = [words("scale"), words("time")]
    width = _width(keys)
    scales = dict.fromkeys(f"{sold.weighed.scale} {sold.weighed.model}" for sold in trade.sold)
    parts: list[Part] = [Pair(keys[0], ", ".join(scales), Align.LEFT, key_width=width)]
    if not trade.scale_verified:
        parts.append(Pair("", words("unverified"), Align.LEFT, bold=True, key_width=width))
    parts.append(Pair(keys[1], moment(trade.slip.time), Align.LEFT, key_width=width))
    if not trade.clock_trusted:
        parts.append(Pair("", words("unsynced"), Align.LEFT, bold=True, key_width=width))
    if any(sold.test for sold in trade.sold):
        parts.append(Text(words("screening")))
    return parts
