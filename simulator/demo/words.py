"""What the demo says, in Chinese and English: its page, and the story line by line."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["zh", "en"]
Said = tuple[str, str]

PAGE: Mapping[str, Said] = {
    "title": ("九十秒看懂", "In ninety seconds"),
    "other": ("English", "中文"),
    "waiting": ("就要开始…", "About to begin …"),
    "over": (
        "故事讲完了。下面的开关都归您，也可以点任意一幕重看。",
        "That was the story. The levers are yours now; press any act to see it again.",
    ),
    "pause": ("暂停", "Pause"),
    "resume": ("继续", "Go on"),
    "skip": ("跳过", "Skip"),
    "again": ("重新播放", "Play again"),
    "acts": ("各幕", "Acts"),
    "pan": ("秤盘与开关", "Pan and levers"),
    "on_pan": ("秤盘上", "on the pan"),
    "take_off": ("取下", "take off"),
    "overload": ("超载", "overload"),
    "put_on": ("放上", "put on"),
    "stall": ("摊位屏", "The stall's screen"),
    "paper": ("打印机", "The printer"),
    "no_paper": ("还没有小票", "no slip yet"),
    "phone": ("买家的手机", "The buyer's phone"),
    "phone_of": ("扫这张小票看到的", "what the slip's QR opens"),
    "city": ("城市平台", "The city's platform"),
    "open": ("打开", "open"),
    "gate": ("入场", "gate"),
    "status": ("状态", "status"),
    "no_frames": (
        "这个地址下不能并排显示，请逐个打开。",
        "At this address the panes cannot stand side by side: open it.",
    ),
    "power": ("电源", "power"),
    "network": ("网络", "network"),
    "roll": ("纸卷", "paper"),
    "scale": ("秤线", "scale cable"),
    "clock": ("时钟", "clock"),
    "on": ("正常", "on"),
    "off": ("断开", "off"),
    "paper_off": ("20 毫米后用完", "ends in 20 mm"),
    "clock_off": ("1970 年", "it is 1970"),
    "tester": ("检测仪", "Rapid tester"),
    "sample": ("样品号", "sample"),
    "inhibition": ("抑制率 %", "inhibition %"),
    "measure": ("测量", "measure"),
    "orders": ("平台指令", "The city orders"),
    "lot": ("批次", "lot"),
    "reason": ("原因", "reason"),
    "stop": ("停售", "stop its sale"),
    "resume_lot": ("恢复", "resume"),
    "stopped": ("已停售", "stopped"),
    "commands": ("全部指令", "all commands"),
    "qr_shows": ("扫码所见", "what its QR shows"),
    "scan": ("用手机扫一扫", "Scan this with your phone"),
    "scan_lan": (
        "手机连同一网络，扫这个码，看到的就是最后一张小票。",
        "A phone in the same network opens the last slip by this code.",
    ),
    "scan_local": (
        "本次演示只对本机开放。要用真手机扫：结束后运行 make demo DEMO=--lan。",
        "This demo is open to this machine alone. For a real phone: end it and run `make demo DEMO=--lan`.",
    ),
    "close": ("关闭", "Close"),
    "failed": ("这一幕没演成：", "This act did not come out: "),
    "lost": ("演示已结束", "the demo has ended"),
}

ACTS: Mapping[str, tuple[Said, Said]] = {  # its name, and why it matters
    "goods": (
        ("进货、检测、卖出", "Goods come in"),
        (
            "读数由盒子直接从检测仪和电子秤取得，无人抄写；没有合格结果的菜卖不出去。",
            "The box reads tester and scale itself, nobody copies a number; what has not passed cannot be sold.",
        ),
    ),
    "positive": (
        ("阳性，立刻停售", "A positive stops the sale"),
        (
            "从读到阳性到停售不靠人记得，也不靠网络；已经卖出的小票，扫码也会看到提醒。",
            "No person has to remember it and no network is needed; slips sold before warn their buyers, too.",
        ),
    ),
    "plug": (
        ("卖到一半拔电源", "The plug is pulled in a sale"),
        (
            "先写入磁盘再答复；同一次按键问两遍，也只卖一次。",
            "A sale is on the disk before it is answered, and the same key pressed twice sells once.",
        ),
    ),
    "network": (
        ("断网再恢复", "The network goes and comes"),
        (
            "摊位照常卖；记录在本机排队，网一通就按顺序送到，一条不少，一条不重。",
            "The stall goes on selling; records wait here and arrive in order, none missing, none twice.",
        ),
    ),
    "roll": (
        ("纸打到一半用完", "The roll ends in a slip"),
        (
            "买家拿到的要么完整，要么写明“重打”，不会有两张一样的原件。",
            "What the buyer gets is whole or says COPY: never two originals.",
        ),
    ),
    "clock": (
        ("时钟错了", "The clock is wrong"),
        (
            "没有电池的盒子上电是 1970 年；它照卖，但不假装知道时间，平台的签名回执会把它校准。",
            "A box without a battery wakes in 1970: it sells, pretends nothing, and believes the city's signed word.",
        ),
    ),
    "phone": (
        ("用手机扫一扫", "Scan it"),
        (
            "小票上的码带有签名：不联网也能验真，联网能看到之后发生的事。",
            "The code is signed: it proves the slip without a network, and with one it tells what happened since.",
        ),
    ),
}

LINES: Mapping[str, Said] = {
    "goods.in": (
        "一车大白菜到了：登记 320 kg，取样送检。",
        "A truck brings 320 kg of cabbage: registered, and a sample is taken.",
    ),
    "goods.tested": (
        "检测仪：抑制率 12.5 %，合格。这一批现在可以卖。",
        "The tester reads 12.5 %: qualified. Now it may be sold.",
    ),
    "goods.sale": (
        "上秤 {kg} kg，收 {yuan} 元，小票出来了。",
        "{kg} kg on the scale, {yuan} yuan, and the slip comes out.",
    ),
    "goods.city": ("平台已全部收到，并签名回执。", "The city has all of it, and has signed for it."),
    "positive.sold": ("菠菜也合格在卖，刚卖出 0.9 kg。", "Spinach passed, too, and is on sale: 0.9 kg just went."),
    "positive.next": (
        "下一位顾客的 1.2 kg 已在秤上。抽检结果来了：83.1 %。",
        "The next customer's 1.2 kg lie on the scale. A second test comes in: 83.1 %.",
    ),
    "positive.refused": ("已停售。摊位说：{refusal}。", "Stopped. The stall says: {refusal}."),
    "positive.held": (
        "再测两次仍是阳性：这一批扣下，等人处置。",
        "Twice more, and positive again: the lot is held until a person decides.",
    ),
    "plug.weighed": ("大白菜 4.2 kg 在秤上，按下“卖出”……", "4.2 kg of cabbage on the scale, Sell is pressed …"),
    "plug.pulled": ("……电源拔了，屏幕没有答复：卖了没有？", "… and the plug is pulled. No answer: is it sold?"),
    "plug.again": ("重新上电。", "Power again."),
    "plug.same": (
        "再问同一笔：只卖了一次，账上一笔；小票若没打完，补一张写明“重打”。",
        "Asked again: sold once, recorded once. A slip cut short comes again, marked COPY.",
    ),
    "network.gone": ("网线断了。", "The network is gone."),
    "network.sold": (
        "照常卖出 0.78 kg，小票照出；{pending} 条记录在本机等着。",
        "0.78 kg are sold as ever; records that wait in the box: {pending}.",
    ),
    "network.back": (
        "网络恢复：全部送到，平台对过链，一条不缺。",
        "The network is back: all arrived, and the city has checked the chain.",
    ),
    "roll.sold": ("卖出 1.5 kg，纸打到一半用完了。", "1.5 kg are sold, and the roll ends in the middle of the slip."),
    "roll.held": ("交易算数，小票等纸；屏幕写明缺纸。", "The sale stands, its slip waits, and the screen says why."),
    "roll.again": (
        "换上新纸：小票完整地再出一张，写明“重打 COPY”。",
        "A new roll: the slip comes again, whole, and marked COPY.",
    ),
    "clock.1970": (
        "断网，又断电；没有电池的时钟从 1970 年走起。",
        "No network, a power cut, and a clock without a battery: it is 1970.",
    ),
    "clock.sold": (
        "照卖，但小票和记录都写明“时间未校准”。",
        "It sells, and slip and record say that the time is not set.",
    ),
    "clock.city": (
        "网通了：平台签名的时间到了，时钟校准，并记下一条“时钟改动”。",
        "The network is back: the city's signed word sets the clock, and the step is on record.",
    ),
    "phone.scan": (
        "每一步都有记录。现在扫右边的码：真手机也能打开这张小票。",
        "All of it is on record. Now scan the code: a real phone opens this slip.",
    ),
    "phone.local": (
        "每一步都有记录。右边“买家的手机”就是扫码所见。",
        "All of it is on record. The buyer's phone shows what the slip's code opens.",
    ),
}


def said(words: Said, language: Language) -> str:
    return words[1 if language == "en" else 0]


def chosen(query: str, accepted: str) -> Language:
    """The language of a page: as asked for, else what the browser would rather have."""
    if query in ("zh", "en"):
        return "en" if query == "en" else "zh"
    first = accepted.split(",")[0].strip().lower()
    return "en" if first and not first.startswith("zh") else "zh"
