"""What is wanted for each key of station.toml, in both languages; a key of one section only is named with it."""

_YES = ("写 true 或 false，不加引号", "write true or false, without quotation marks")
_TEXT = ("写文字，加英文引号", "write a text, in quotation marks")
_NAME = ("写文字，最多 120 个字符", "write a text of at most 120 letters")
_SHORT = ("写文字，最多 40 个字符", "write a text of at most 40 letters")
_NUMBER = ('写数字，加引号，如 "50"', 'write a number in quotation marks, such as "50"')
_LIST = ('写成列表，如 ["甲", "乙"]', 'write a list, such as ["one", "two"]')
_FILE = ("写文件名，加英文引号", "write the file's name, in quotation marks")

HINTS: dict[str, tuple[str, str]] = {
    "?": ("这个值不能用", "this value cannot be used"),
    # [station]
    "station.name": _NAME,
    "jobs": (
        '写一个或几个：["gate"]、["stall"]、["canteen"]',
        'write one or more of "gate", "stall", "canteen" in a list',
    ),
    "node": ("9 位数字，平台分配的市场编号", "9 digits, given by the city: the market"),
    "terminal": ("2 位数字，市场里本机的编号", "2 digits: this box within the market"),
    "region": ("6 位数字，GB/T 2260 行政区划代码", "6 digits, the region's code of GB/T 2260"),
    "host": ("平台的域名，小写，如 sy.example.cn", "the city's host in small letters, such as sy.example.cn"),
    "station.language": ('写 "zh" 或 "en"', 'write "zh" or "en"'),
    "data": ("写目录名，加英文引号", "write a folder's name, in quotation marks"),
    "key": _FILE,
    # [seller]
    "seller.code": ("13 位数字，平台分配的经营者编号", "13 digits, the operator code given by the city"),
    "seller.name": ("写经营者名称，最多 120 个字符", "write the seller's name, at most 120 letters"),
    "stall": _SHORT,
    "contact": _NAME,
    # [city]
    "brokers": (
        '写服务器地址列表，如 ["mqtts://host:8883"] 或 ["mqtt://host:1883"]',
        'write a list of addresses: ["mqtts://host:8883"] or ["mqtt://host:1883"]',
    ),
    "mqtt": ('写 "5" 或 "3.1.1"，加引号', 'write "5" or "3.1.1", in quotation marks'),
    "confirm": ('写 "city"、"city-unsigned" 或 "broker"', 'write "city", "city-unsigned" or "broker"'),
    "keys_file": _FILE,
    "window": ("1 到 1000 的整数", "a whole number, 1 to 1000"),
    "resend_seconds": ("秒数，大于 0，至多 86400", "seconds, more than 0 and at most 86400"),
    "user": _TEXT,
    "password_file": _FILE,
    "ca_file": _FILE,
    # [web]
    "listen": (
        "写地址和端口，如 127.0.0.1:8080、0.0.0.0:8080 或 [::1]:8080",
        "write address and port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
    ),
    "allow": ('写主机名列表，如 ["stall.local"]', 'write a list of host names, such as ["stall.local"]'),
    # [clock]
    "trust": ('写 "kernel" 或 "host"', 'write "kernel" or "host"'),
    # [gate], [stall], [paper]
    "tests": ('写检测项目列表，如 ["农药残留"]', 'write a list of items, such as ["农药残留"]'),
    "unchecked": ('写 "refuse"、"test" 或 "accept"', 'write "refuse", "test" or "accept"'),
    "continuous": ("写 8 位商品编码，或留空", "write a product's code of 8 digits, or nothing"),
    "oversell": ('写 "warn" 或 "refuse"', 'write "warn" or "refuse"'),
    "paper.language": ('写 "zh"、"en"、"both" 或留空', 'write "zh", "en", "both" or nothing'),
    "templates": ("写目录名，加英文引号", "write a folder's name, in quotation marks"),
    "automatic": ('写单据列表，如 ["slip", "report"]', 'write a list of papers, such as ["slip", "report"]'),
    # devices
    "name": ("1 到 32 个英文字母、数字、- 或 _，如 scale-1", "1 to 32 letters, digits, - or _, such as scale-1"),
    "port": (
        "写端口名，如 /dev/serial/by-id/…；marketedge ports 会列出",
        "write the port's name, such as /dev/serial/by-id/…; `marketedge ports` lists them",
    ),
    "model": ("写型号，marketedge protocols 会列出", "write a model, as `marketedge protocols` lists them"),
    "protocol": ("写协议，marketedge protocols 会列出", "write a protocol, as `marketedge protocols` lists them"),
    "link": (
        "写波特率/数据位、校验、停止位，如 9600/8n1",
        "write speed/data bits, parity, stop bits, for example 9600/8n1",
    ),
    "options": ("写成 { 名称 = 值 }，如 { poll = 0.2 }", "write { name = value }, such as { poll = 0.2 }"),
    "max": ('写质量，如 "30 kg"；双量程写 "6/15 kg"', 'write a mass like "30 kg"; two intervals: "6/15 kg"'),
    "min": ('写质量，如 "200 g"，要是整克', 'write a mass like "200 g", in whole grams'),
    "e": ('写质量，如 "10 g"；双量程写 "2/5 g"', 'write a mass like "10 g"; two intervals: "2/5 g"'),
    "scale.unit": ('写 "kg" 或 "g"', 'write "kg" or "g"'),
    "verified_until": (
        "写检定证书上的日期，不加引号，如 2027-06-30",
        "write the certificate's date without quotation marks, such as 2027-06-30",
    ),
    "agree": ("2 到 50 的整数", "a whole number, 2 to 50"),
    "still": ("秒数，0 到 10", "seconds, 0 to 10"),
    "tare_key": _YES,
    "writable": _YES,
    "analyzer.item": _NAME,
    "analyzer.method": (
        '写方法的 id，或列表，如 ["gb5009199"]',
        'write a method\'s id, or a list, such as ["gb5009199"]',
    ),
    "most_a_day": ("1 到 100000 的整数", "a whole number, 1 to 100000"),
    "match": ('写 "sample" 或 "channel"', 'write "sample" or "channel"'),
    "printer.port": (
        "写打印机端口，如 usb:0416:5011、/dev/serial/by-path/…、tcp://192.168.1.50:9100、file:/dev/usb/lp0",
        "write its port: usb:0416:5011, /dev/serial/by-path/…, tcp://192.168.1.50:9100 or file:/dev/usb/lp0",
    ),
    "profile": ("写打印机类型，如 generic-58", "write a printer's profile, such as generic-58"),
    "flow": ('写 "none"、"rtscts" 或 "xonxoff"', 'write "none", "rtscts" or "xonxoff"'),
    "papers": ('写单据列表，如 ["slip", "report"]', 'write a list of papers, such as ["slip", "report"]'),
    "keep_minutes": ("分钟数，大于 0，至多 10080", "minutes, more than 0 and at most 10080"),
    "change": ("写成 { 名称 = 值 }，如 { band = 24 }", "write { name = value }, such as { band = 24 }"),
    "change.language": ('写 "escpos" 或 "tspl"', 'write "escpos" or "tspl"'),
    "change.dots": ("整数，一行的点数，至少 columns × 12", "a whole number of dots, at least columns × 12"),
    "change.columns": ("整数，一行的列数，每列 12 点", "a whole number of columns, each of 12 dots"),
    "change.cutter": _YES,
    "change.encoding": ('写 "gbk"、"gb18030"、"utf-8" 或 "raster"', 'write "gbk", "gb18030", "utf-8" or "raster"'),
    "change.codes": ('写 "raster" 或 "native"', 'write "raster" or "native"'),
    "change.pictures": ('写 "raster"、"columns-24" 或 "columns-8"', 'write "raster", "columns-24" or "columns-8"'),
    "change.status": (
        '写 "none"、"dle_eot"、"gs_r" 或 "process_id"',
        'write "none", "dle_eot", "gs_r" or "process_id"',
    ),
    "change.band": ("1 到 128 的整数", "a whole number, 1 to 128"),
    "change.delay": ("秒数，0 到 5", "seconds, 0 to 5"),
    "change.buffer": ("字节数，16 到 1048576", "bytes, 16 to 1048576"),
    "change.speed": ("毫米/秒，10 到 500", "mm a second, 10 to 500"),
    "change.module": ("1 到 16 的整数；columns-8 时要偶数", "a whole number, 1 to 16; even with columns-8"),
    "change.tear": ("0 到 20 的整数（行）", "a whole number of lines, 0 to 20"),
    "change.label": ("标签的宽、高、间隙（毫米），如 [40, 30, 2]", "width, height and gap in mm, such as [40, 30, 2]"),
    # [[product]]
    "product.code": ("8 位数字的商品编码", "the product's code, 8 digits"),
    "product.name": ("写商品名，1 到 120 个字符", "write the product's name, 1 to 120 letters"),
    "name_en": _NAME,
    "price": ('写价格（元），加引号，如 "3.50"', 'write a price in yuan like "3.50", in quotation marks'),
    "per": ('写 "kg" 或 "500g"', 'write "kg" or "500g"'),
    "also": _LIST,
    "disturbs_enzyme": _YES,
    # [[method]]
    "id": ("1 到 32 个小写英文字母、数字、- 或 _", "1 to 32 small letters, digits, - or _"),
    "method.name": _NAME,
    "number": _NAME,
    "method.item": _NAME,
    "items": _LIST,
    "method.unit": _NAME,
    "limit": _NUMBER,
    "least": _NUMBER,
    "most": _NUMBER,
    "at_limit": ('写 "fail" 或 "pass"', 'write "fail" or "pass"'),
    "repeats": ("0 到 5 的整数", "a whole number, 0 to 5"),
    "control_low": _NUMBER,
    "control_high": _NUMBER,
    "enzyme": _YES,
}
