"""`marketedge verify-qr` reads the code of a slip and of a source card."""

import json
from pathlib import Path

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.cli.main import main
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.source import SourceToken, card_url
from protocol.city.token import TokenVerdict, kid_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CARD = SourceToken(
    kid=kid_of(KEY.public_key()),
    t=0,
    source="41010800110100010074",
    test=str(TraceCode("410108001", CodeKind.TEST, "01", 7)),
    product="01040201",
    name="上海青",
    net_g=300_000,
    origin="河南省新郑市",
    origin_code="",
    supplier="李四",
    supplier_code="",
    verdict=TokenVerdict.QUALIFIED,
    item="农药残留",
)


def test_a_source_card_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gate.pub"
    file.write_text(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(), "utf-8")
    url = card_url(CARD, KEY, "sy.example.cn")
    told = CliRunner().invoke(main, ["verify-qr", url, "--key", str(file)])
    assert (told.exit_code, json.loads(told.output)) == (0, {"ok": True, **CARD.as_json()})
    altered = f"{url[:60]}{'A' if url[60] != 'A' else 'B'}{url[61:]}"
    told = CliRunner().invoke(main, ["verify-qr", altered, "--key", str(file)])
    assert (told.exit_code, json.loads(told.output)["ok"]) == (1, False)
