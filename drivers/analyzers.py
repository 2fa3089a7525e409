"""Rapid-test analyzers, one row a model."""

from drivers.model import Model

EIGHT = tuple("12345678")  # of one record of the format, whatever the instrument's size
HOLES = tuple(f"{letter}{number}" for letter in "ABC" for number in EIGHT)

MODELS = (
    Model(
        "dayuan-lz4000t",
        "Dayuan",
        "LZ4000T pesticide residue tester",
        "dayuan_crc8",
        options={"model": "lz4000t"},
    ),
    Model("dayuan-tl310", "Dayuan", "TL310 pesticide residue tester", "dayuan_crc8", options={"model": "tl310"}),
    Model("dayuan-dy3000", "Dayuan", "DY-3000 food safety analyzer", "dayuan_03ff", options={"model": "dy3000"}),
    Model("dayuan-dy6600", "Dayuan", "DY-6600 handheld food tester", "dayuan_03ff", options={"model": "dy6600"}),
    Model("dayuan-dy7200", "Dayuan", "DY-7200 food tester", "dayuan_03ff", options={"model": "dy7200"}),
    Model("dayuan-tl300", "Dayuan", "TL-300 pesticide residue tester", "dayuan_03ff", options={"model": "tl300"}),
    Model("dayuan-lz3000", "Dayuan", "LZ-3000 pesticide residue tester", "dayuan_03ff", options={"model": "lz3000"}),
    Model("dayuan-strip-reader", "Dayuan", "strip reader module of DY-3000(BX1) and DY-3500", "dayuan_strip"),
    Model("dayuan-dy6200", "Dayuan", "DY-6200 tester for several items", "dayuan_small", options={"model": "dy6200"}),
    Model("dayuan-dy6400", "Dayuan", "DY-6400 meat moisture meter", "dayuan_small", options={"model": "dy6400"}),
    Model("dayuan-dyrs2", "Dayuan", "DY-RS2 meat moisture meter", "dayuan_small", options={"model": "dyrs2"}),
    Model("dayuan-dy2620", "Dayuan", "DY-2620 frying oil tester", "dayuan_small", options={"model": "dy2620"}),
    Model("dayuan-dy723pc", "Dayuan", "DY-723PC spectrophotometer", "dayuan_small", options={"model": "dy723pc"}),
    Model("dayuan-dy5800", "Dayuan", "DY-5800 fluorescence reader", "dayuan_small", options={"model": "dy5800"}),
    Model("dayuan-dy6260", "Dayuan", "DY-6260 strip reader, through adb", "dayuan_small", options={"model": "dy6260"}),
    Model(
        "taiyang-ttnj16", "Taiyang", "TTNJ-8, -16, -24 and -32 pesticide testers with keys", "taiyang", channels=EIGHT
    ),
    Model("taiyang-ttj10h8", "Taiyang", "TTJ-10H8 and -8H8 food testers", "taiyang", channels=EIGHT),
    Model(
        "taiyang-ttj",
        "Taiyang",
        "other TTJ food testers: their two numbers, for a person to read",
        "taiyang",
        channels=EIGHT,
    ),
    Model(
        "taiyang-ttnjz24", "Taiyang", "TTNJ-Z16 and -Z24 pesticide testers with touch screen", "taiyang", channels=HOLES
    ),
    Model("astm-any", "", "any analyzer set to ASTM E1381/E1394 (LIS1-A, LIS2-A2)", "astm"),
    Model("hl7-any", "", "any analyzer that sends HL7 v2 ORU^R01 by MLLP on a line", "hl7_mllp"),
    Model("hl7-network", "", "the same with its own network plug", "hl7_mllp", options={"network": True}),
    Model("dayuan-dy3500-printer", "Dayuan", "DY-3500 and DY-3000(BX1), on the printer line", "ticket"),
    Model("taiyang-printer", "Taiyang", "TTNJ testers, on the printer line", "ticket"),
    Model("spotchem-el", "Arkray", "SPOTCHEM EL SE-1520, lines between STX and ETX", "ticket"),
    Model("ticket-any", "", "any tester, on the printer line, with a layout of its own", "ticket"),
    Model("csv-any", "", "any program that writes result files with usual column names", "csv_drop"),
    Model("wondfo-finecare", "Wondfo", "Finecare result files", "csv_drop", options={"delimiter": ";", "skip": 1}),
    Model("http-any", "", "any tester that uploads by HTTP with usual field names", "http_push"),
    Model(
        "kerun-upload",
        "Kerun",
        "testers that upload to …/detection.jsp",
        "http_push",
        options={
            "fields": {
                "sample": "ybbh",
                "item": "jcxm",
                "value": "jcz",
                "unit": "szdw",
                "verdict": "jgpd",
                "time": "jcdt",
                "name": "ybmc",
                "limit": "xlz",
                "serial": "did",
            },
        },
    ),
    Model(
        "dimaier-upload",
        "Dimaier",
        "testers that upload JSON with a text `body`",
        "http_push",
        options={
            "fields": {
                "sample": "body.samplenum",
                "item": "body.testproject",
                "value": "body.testresult",
                "unit": "body.cov_unit",
                "verdict": "body.decisionoutcome",
                "time": "body.testingtime",
                "name": "body.samplename",
                "limit": "body.controlvalue",
                "serial": "body.deviceNumber",
            },
            "time": "unix",
            "good": '{"code":200,"message":"success"}',
            "bad": '{"code":400,"message":"failed"}',
        },
    ),
    Model("atp-luminometer", "Dayuan", "ATP luminometer, port usb-hid:0483:5750", "atp_hid"),
    Model("modbus-analyzer", "", "any analyzer with Modbus registers; its profile goes into options", "modbus_profile"),
)
