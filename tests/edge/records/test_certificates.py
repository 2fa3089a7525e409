"""The market's authority and the box's certificate: for which names, how long, and when a newer one is made."""

import ssl
import subprocess
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from edge.between.tongue import speak
from edge.records import certificates
from edge.records.box_names import box_names
from edge.records.certificates import (
    AUTHORITY,
    LASTS,
    RELEASED,
    RENEW,
    SERVER,
    SHOWN,
    Authority,
    BadCertificate,
    Served,
    context_of,
    issue,
    load_authority,
    make_authority,
    read,
    take_authority,
)

TODAY = date(2027, 3, 1)
NAMES = ("localhost", "127.0.0.1", "stall-7", "stall-7.local", "192.168.1.7")


@pytest.fixture
def market(tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "tls", "惠济市场", NAMES)


def served(folder: Path, names: Iterable[str] = NAMES) -> Served:
    return Served.own(folder / "tls", lambda: names)


def verified(pem: bytes, authority: Authority, name: str, day: date = TODAY) -> bool:
    """As a strict client does it."""
    leaf = x509.load_pem_x509_certificate(pem)
    address = certificates.as_address(name)
    subject = x509.DNSName(name) if address is None else x509.IPAddress(address)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).replace(tzinfo=None)
    check = PolicyBuilder().store(Store([authority.certificate])).time(at).build_server_verifier(subject)
    try:
        check.verify(leaf, [])
    except VerificationError:
        return False
    return True


def openssl_takes(ca: Path, leaf: Path) -> str:
    done = subprocess.run(
        ["openssl", "verify", "-attime", str(int(datetime(2027, 3, 1, tzinfo=UTC).timestamp())), "-CAfile", ca, leaf],
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_the_certificate_holds_for_each_name_of_the_box(market: Authority) -> None:
    pem = issue(market, NAMES, TODAY)
    assert all(verified(pem, market, name) for name in NAMES)
    assert not verified(pem, market, "stall-8.local")


def test_keys_are_for_the_owner_alone_and_phones_get_no_key(tmp_path: Path, market: Authority) -> None:
    box = served(tmp_path)
    assert box.renew_when_due(TODAY, True)
    folder = tmp_path / "tls"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        AUTHORITY: 0o600,
        SHOWN: 0o600,
        SERVER: 0o600,
    }
    assert b"PRIVATE" in (folder / AUTHORITY).read_bytes()
    assert b"PRIVATE" not in box.shown()
    assert x509.load_pem_x509_certificate(box.shown()) == market.certificate


@pytest.mark.parametrize("name", ["www.bank.cn", "bank.cn", "notlocal", "evil-local", "8.8.8.8", "2001:db8::7"])
def test_a_stolen_authority_can_name_no_site_of_the_world(tmp_path: Path, market: Authority, name: str) -> None:
    assert not market.may_name(name)
    forged = tmp_path / "forged.pem"
    free = Authority(market.key, market.certificate)
    address = certificates.as_address(name)
    general = x509.DNSName(name) if address is None else x509.IPAddress(address)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(free.certificate.subject)
        .public_key(free.key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2027, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2028, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([general]), critical=True)
        .sign(free.key, hashes.SHA256())
    )
    forged.write_bytes(leaf.public_bytes(Encoding.PEM))
    assert "permitted subtree violation" in openssl_takes(tmp_path / "tls" / SHOWN, forged)
    assert read_names(issue(market, [name, "stall-7.local"], TODAY)) == ("stall-7.local",)


def read_names(pem: bytes) -> tuple[str, ...]:
    held = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(held.get_values_for_type(x509.DNSName))


def test_openssl_takes_it(tmp_path: Path, market: Authority) -> None:
    served(tmp_path).renew_when_due(TODAY, True)
    assert openssl_takes(tmp_path / "tls" / SHOWN, tmp_path / "tls" / SERVER).strip().endswith("OK")


def test_the_markets_own_names_are_named_when_it_is_made(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "tls", "m", ["stall.market.cn", "192.168.1.7", "8.8.8.8"])
    assert authority.may_name("stall.market.cn")
    assert authority.may_name("box.stall.market.cn")
    assert not authority.may_name("market.cn")
    assert not authority.may_name("8.8.8.8")
    assert authority.may_name(str(ip_address("fd00::7")))


def test_another_box_takes_the_same_authority(tmp_path: Path, market: Authority) -> None:
    other = take_authority(tmp_path / "other" / "tls", tmp_path / "tls" / AUTHORITY)
    assert other.fingerprint == market.fingerprint
    assert verified(issue(other, ["stall-8.local"], TODAY), market, "stall-8.local")


def test_an_authority_is_never_overwritten(tmp_path: Path, market: Authority) -> None:
    before = (tmp_path / "tls" / AUTHORITY).read_bytes()
    with pytest.raises(FileExistsError):
        make_authority(tmp_path / "tls", "m", NAMES)
    with pytest.raises(FileExistsError):
        take_authority(tmp_path / "tls", tmp_path / "tls" / AUTHORITY)
    assert (tmp_path / "tls" / AUTHORITY).read_bytes() == before


def test_what_is_no_authority_is_refused_in_words(tmp_path: Path, market: Authority) -> None:
    speak("en")
    folder = tmp_path / "tls"
    for name, data, why in (
        ("missing", None, "no such file"),
        ("noise", b"noise", "not the file ca.pem"),
        ("shown", (folder / SHOWN).read_bytes(), "not the file ca.pem"),
        ("mixed", pem_of(ec.generate_private_key(ec.SECP256R1())) + market.pem, "do not belong to each other"),
        ("any", pem_of(market.key) + unbound(market), "may name any site"),
    ):
        file = tmp_path / name
        if data is not None:
            file.write_bytes(data)
        with pytest.raises(BadCertificate) as refused:
            load_authority(file)
        assert name in str(refused.value)
        assert why in str(refused.value)


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def unbound(market: Authority) -> bytes:
    """An authority for everything, with the same key."""
    return (
        x509.CertificateBuilder()
        .subject_name(market.certificate.subject)
        .issuer_name(market.certificate.subject)
        .public_key(market.key.public_key())
        .serial_number(1)
        .not_valid_before(certificates.FIRST)
        .not_valid_after(certificates.LAST)
        .sign(market.key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


# --- when a newer one is made -----------------------------------------------------------------------------------------


def test_it_is_renewed_long_before_it_ends_and_not_before(tmp_path: Path, market: Authority) -> None:
    box = served(tmp_path)
    assert box.renew_when_due(TODAY, True)
    first = read(box.certificate)
    assert first.days_left(TODAY) == LASTS - certificates.BEFORE
    last_quiet = first.ends.date() - timedelta(days=RENEW + 1)
    assert not box.renew_when_due(last_quiet, True)
    assert box.renew_when_due(last_quiet + timedelta(days=1), True)
    assert read(box.certificate).fingerprint != first.fingerprint


@pytest.mark.parametrize("wrong", [date(1970, 1, 1), date(2020, 1, 1), date(2099, 1, 1)])
def test_by_a_clock_that_cannot_be_believed_the_old_one_stays(tmp_path: Path, market: Authority, wrong: date) -> None:
    box = served(tmp_path)
    box.renew_when_due(TODAY, True)
    before = box.certificate.read_bytes()
    assert not box.renew_when_due(wrong, False)
    assert box.certificate.read_bytes() == before


def test_the_first_one_of_a_dead_clock_holds_from_the_release_on_and_is_replaced_by_a_true_date(
    tmp_path: Path, market: Authority
) -> None:
    box = served(tmp_path)
    assert box.renew_when_due(date(1970, 1, 1), False)
    assert read(box.certificate).begins.date() == RELEASED - timedelta(days=certificates.BEFORE)
    assert verified(box.certificate.read_bytes(), market, "stall-7.local", RELEASED)
    assert not box.renew_when_due(RELEASED + timedelta(days=30), True)
    assert box.renew_when_due(date(2029, 5, 5), True)
    assert verified(box.certificate.read_bytes(), market, "stall-7.local", date(2029, 5, 5))


def test_one_that_is_not_valid_yet_is_replaced(tmp_path: Path, market: Authority) -> None:
    box = served(tmp_path)
    box.renew_when_due(date(2031, 1, 1), False)
    assert box.renew_when_due(TODAY, True)
    assert verified(box.certificate.read_bytes(), market, "stall-7.local")


def test_a_box_with_a_new_address_gets_a_new_one(tmp_path: Path, market: Authority) -> None:
    names = list(NAMES)
    box = Served.own(tmp_path / "tls", lambda: names)
    box.renew_when_due(TODAY, True)
    names.append("192.168.1.99")
    assert box.renew_when_due(TODAY, True)
    names.append("www.bank.cn")  # which no certificate may name: nothing is due for it
    names.remove("192.168.1.7")
    assert not box.renew_when_due(TODAY, True)


def test_another_authority_is_taken_whatever_the_clock_says(tmp_path: Path, market: Authority) -> None:
    box = served(tmp_path)
    box.renew_when_due(TODAY, True)
    for name in (AUTHORITY, SHOWN):
        (tmp_path / "tls" / name).unlink()
    newer = make_authority(tmp_path / "tls", "m", NAMES)
    assert box.renew_when_due(date(2020, 1, 1), False)
    assert verified(box.certificate.read_bytes(), newer, "stall-7.local", RELEASED)


def test_a_broken_file_is_replaced(tmp_path: Path, market: Authority) -> None:
    box = served(tmp_path)
    box.certificate.write_bytes(b"half a fi")
    assert box.renew_when_due(TODAY, True)
    context_of(box)


# --- the city's files -------------------------------------------------------------------------------------------------


def test_the_citys_files_are_used_as_they_are(tmp_path: Path, market: Authority) -> None:
    pem = issue(market, NAMES, TODAY)
    end = b"-----END PRIVATE KEY-----\n"
    key, chain = pem.split(end)
    (tmp_path / "city.key").write_bytes(key + end)
    (tmp_path / "city.crt").write_bytes(chain)
    files = Served(tmp_path / "city.crt", tmp_path / "city.key", None)
    assert context_of(files).minimum_version is ssl.TLSVersion.TLSv1_2
    assert not files.renew_when_due(date(2035, 1, 1), True)
    assert files.shown() == b""
    with pytest.raises(BadCertificate):
        files.renew(TODAY)
    before = files.mark()
    (tmp_path / "city.key").write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    assert files.mark() != before
    with pytest.raises(BadCertificate, match=r"city\.crt"):
        context_of(files)
    (tmp_path / "city.key").unlink()
    with pytest.raises(BadCertificate, match=r"city\.key"):
        context_of(files)


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match=r"none\.crt"):
        read(tmp_path / "none.crt")
    (tmp_path / "noise.crt").write_bytes(b"\x00\xff")
    with pytest.raises(BadCertificate, match=r"noise\.crt"):
        read(tmp_path / "noise.crt")


def test_a_certificate_of_little_words_can_be_read(tmp_path: Path, market: Authority) -> None:
    (tmp_path / "bare.crt").write_bytes(unbound(market))
    one = read(tmp_path / "bare.crt")
    assert (one.names, one.signer) == ((), b"")
    assert one.issuer.startswith("marketedge CA ")


# --- the names of a box -----------------------------------------------------------------------------------------------

TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.168.1.0/24 2 0 2
        |-- 192.168.1.0
           /24 link UNICAST
        |-- 192.168.1.7
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
"""
INET6 = """fd000000000000000000000000000007 02 40 00 80     eth0
fd0000000000000000000000deadbeef 02 40 00 01     eth0
fe800000000000000000000000000007 02 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""


def test_a_box_that_listens_everywhere_has_all_its_lasting_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Stall-7")
    (tmp_path / "fib_trie").write_text(TRIE)
    (tmp_path / "if_inet6").write_text(INET6)
    common = ("localhost", "127.0.0.1", "::1", "stall-7", "stall-7.local")
    assert box_names("0.0.0.0:8443", ["Stall.Market.CN"], tmp_path) == (
        *common,
        "stall.market.cn",
        "192.168.1.7",
        "fd00::7",
    )
    assert box_names("192.168.1.7:8443", [], tmp_path) == (*common, "192.168.1.7")
    assert box_names("[::1]:8443", ["bad name", "[fd00::9]"], tmp_path) == (*common, "fd00::9")
    assert box_names("[::]:1", [], tmp_path / "nowhere") == common
