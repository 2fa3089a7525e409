"""Records found again: by code, goods, person, day, amount; seen with their proof; voided and corrected; the books."""

import csv
import io
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from edge.between.commands import ProofGiven, Reprint
from edge.web.server import WebServer

pytestmark = pytest.mark.browser
CABBAGE, PACKED = "01040201", "04040001"


def records(web: WebServer, **query: Any) -> list[dict[str, Any]]:
    """All that a search finds, step by step."""
    found, before = [], {}
    while True:
        answer = httpx.get(web.url + "/api/records", params=query | before)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        found += said["records"]
        if said["next"] is None:
            assert said["done"] == said["total"]
            return found
        before = {"before": said["next"]}


def sale_of(core: Any) -> dict[str, Any]:
    (sale,) = core.records("trade.completed")
    return dict(sale)


# --- the API ----------------------------------------------------------------------------------------------------------


def test_records_are_found_by_what_people_know_of_them(core: Any, web: WebServer) -> None:
    tx, url = sale_of(core)["subject"], sale_of(core)["data"]["url"]
    everything = records(web)
    assert [one["seq"] for one in everything] == sorted((one["seq"] for one in everything), reverse=True)
    for query in ({"code": tx}, {"code": url}, {"text": f"…{tx[-6:]}"}, {"code": tx[-5:]}):
        assert [one["code"] for one in records(web, **query) if one["kind"] == "trade.completed"] == [tx], query
    assert {(one["name"], one["name_en"]) for one in records(web, goods="白菜")} == {("大白菜", "Chinese cabbage")}
    assert [one["kind"] for one in records(web, person="寿光")] == ["entry.registered"]
    assert [one["code"] for one in records(web, kind="trade.completed", least_fen=175, most_fen=175)] == [tx]
    assert records(web, kind="trade.completed", least_fen=176) == []
    assert records(web, since="2026-11-23") == []
    assert len(records(web, since="2026-11-22", until="2026-11-22")) == len(everything)
    assert len(records(web, limit=3)) == len(everything)
    assert httpx.get(web.url + "/api/records", params={"since": "gestern"}).status_code == 422


def test_a_record_is_shown_with_its_proof(core: Any, web: WebServer) -> None:
    sale = sale_of(core)
    said = httpx.get(f"{web.url}/api/records/{int(sale['sequence'])}").json()
    assert said["event"] == sale
    assert (said["proof"]["signature"], said["proof"]["chain"]) == ("", "")
    assert said["proof"]["delivered"] in ("yes", "waiting")
    assert [paper["paper"] for paper in said["papers"] if paper["job"]] == ["slip", "slip", "slip"]
    missing = httpx.get(web.url + "/api/records/999")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_record")


def test_without_a_ledger_the_answer_says_so(core: Any, serve: Callable[..., WebServer]) -> None:
    web = serve(shelf=None)
    for answer in (
        httpx.get(web.url + "/api/records"),
        httpx.get(web.url + "/api/records/1"),
        httpx.post(web.url + "/api/books", json={"book": "sales"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "no_ledger")


def made(web: WebServer, wait: Callable[..., None], **body: Any) -> httpx.Response:
    book = httpx.post(web.url + "/api/books", json=body)
    assert book.status_code == 202
    address = f"{web.url}/api/books/{book.json()['id']}"
    wait(lambda: httpx.get(address).json()["state"] != "making")
    assert httpx.get(address).json()["state"] == "done"
    return httpx.get(address + "/file")


def test_the_books_are_made_and_fetched(core: Any, web: WebServer, until: Callable[..., None]) -> None:
    file = made(web, until, book="sales", form="csv", since="2026-11-22", until="2026-11-22")
    assert "sales-2026-11-22-2026-11-22.csv" in file.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (row["食用农产品名称"], row["金额(元)"], row["购货者名称"]) == ("大白菜", "1.75", "散客")
    sheet = made(web, until, book="purchases", form="xlsx")
    with zipfile.ZipFile(io.BytesIO(sheet.content)) as parts:
        assert "xl/worksheets/sheet1.xml" in parts.namelist()
    gone = httpx.get(web.url + "/api/books/none/file")
    assert (gone.status_code, gone.json()["code"]) == (404, "no_book")
    assert len(list(core.config.station.data.glob("book-*"))) == 1


# --- the pages --------------------------------------------------------------------------------------------------------


def test_a_slip_is_found_by_its_last_digits_and_opened(core: Any, page: Page) -> None:
    tx = sale_of(core)["subject"]
    page.goto("/stall")
    page.locator("nav a[href='/records']").click()
    page.locator("#find-text").fill(tx[-6:])
    page.locator("#find-go").click()
    first = page.locator("#found .one a").first
    expect(first).to_contain_text("¥1.75")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    first.click()
    expect(page.locator("h1")).to_have_text("交易")
    expect(page.locator("#record")).to_contain_text("大白菜")
    expect(page.locator(".pairs .good")).to_have_count(2)
    expect(page.locator(".sheet img")).to_have_count(3)
    for picture in page.locator(".sheet img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("(one) => one.naturalWidth") > 100
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_slip_is_printed_again_from_its_record(core: Any, desk: Page) -> None:
    desk.goto(f"/records/{int(sale_of(core)['sequence'])}")
    before = core.asked[:]
    desk.locator("[data-reprint]").first.click()
    expect(desk.locator("#again-title")).to_have_text("交易小票")
    desk.locator("#again-go").click()
    expect(desk.locator("#toast")).to_be_visible()
    (reprint,) = core.asked[len(before) :]
    assert isinstance(reprint, Reprint)


def test_a_sale_is_voided_after_a_question_and_stays_so(core: Any, page: Page) -> None:
    sale = sale_of(core)
    page.goto(f"/records/{int(sale['sequence'])}")
    page.locator("#void-open").click()
    page.locator("#voiding-go").click()
    expect(page.locator("#voiding-wrong")).to_have_text("请填写原因")
    page.locator("#voiding-cancel").click()
    assert core.records("trade.voided") == []
    page.locator("#void-open").click()
    page.locator("#voiding-reasons button").first.click()
    page.locator("#voiding-go").click()
    expect(page.locator("#record .banner")).to_have_text("此交易已作废")
    (void,) = core.records("trade.voided")
    assert void["data"]["reason"] == "商品选错"
    expect(page.locator("#void-open")).to_have_count(0)
    expect(page.locator(".sheet .wrong").first).to_contain_text("不再有效")
    page.locator("#record .pairs a").click()
    expect(page.locator("h1")).to_have_text("交易作废")
    page.wait_for_load_state("load")  # its scripts run
    page.locator("[data-print=void]").click()
    expect(page.locator("#toast")).to_be_visible()


def test_the_stall_voids_a_slip_and_sells_in_its_place(core: Any, desk: Page) -> None:
    desk.goto("/stall")
    desk.locator("[data-void]").first.click()
    desk.locator("#voiding-reason").fill("选错了")
    desk.locator("#voiding-go").click()
    expect(desk.locator("#replacing")).to_contain_text("代替已作废的")
    core.puts("1.000")
    desk.locator(f'.product[data-code="{CABBAGE}"]').click()
    desk.locator("#sell.ready").click()
    expect(desk.locator("#answer.done")).to_be_visible()
    expect(desk.locator("#replacing")).to_be_hidden()
    first, again = core.records("trade.completed")
    assert again["data"]["replaces"] == first["subject"]


def test_an_entry_is_corrected(core: Any, page: Page) -> None:
    entry = core.records("entry.registered")[1]
    page.goto(f"/records/{int(entry['sequence'])}")
    page.locator("#entry-open").click()
    page.locator("#entering [data-field=net_g]").fill("12,x")
    page.locator("#entering-reason").fill("抄错")
    page.locator("#entering-go").click()
    expect(page.locator("#entering-wrong")).to_have_text("重量请写成 12.5 的形式")
    page.locator("#entering [data-field=net_g]").fill("240.5")
    page.locator("#entering [data-field=supplier]").fill("李四")
    page.locator("#entering-go").click()
    expect(page.locator("#record .banner")).to_have_text("此记录已更正")
    (corrected,) = core.records("entry.corrected")
    assert [one["field"] for one in corrected["data"]["changes"]] == ["net_g", "supplier"]
    page.locator("#record .pairs a").click()
    expect(page.locator("#record")).to_contain_text("240.500 kg")
    expect(page.locator("#entry-open")).to_be_visible()


@pytest.fixture
def changed() -> dict[str, str]:
    noodles = f'[[product]]\ncode = "{PACKED}"\nname = "挂面"\npacked = true\n'
    return {'[[product]]\ncode = "01040301"': f'{noodles}[[product]]\ncode = "01040301"'}


def test_the_vouchers_of_an_entry_are_corrected(core: Any, page: Page) -> None:
    scanned = "TEL 13803711234"
    known = {"issuer": "老王", "issued": "2026-11-20", "basis": ("own_test",)}
    proofs = (ProofGiven(type="hgz", no="HG1", code=scanned, **known), ProofGiven(type="jc", no="BG2"))
    core.enters(proofs=proofs)
    entry = core.records("entry.registered")[-1]
    page.goto(f"/records/{int(entry['sequence'])}")
    page.locator("#entry-open").click()
    page.locator("#vouchers summary").click()
    first = page.locator(".voucher").first
    expect(first.locator("[data-proof=issuer]")).to_have_value("老王")
    first.locator("[data-proof=issuer]").fill("老王合作社")
    first.locator("[data-proof=issued]").fill("")
    first.locator("fieldset input").first.check()
    page.locator(".voucher").nth(1).locator("[data-drop]").click()
    page.locator("#voucher-add").click()
    page.locator(".voucher").last.locator("[data-proof=type]").select_option("cd")
    page.locator("#entering-reason").fill("抄错")
    page.locator("#entering-go").click()
    expect(page.locator("#entering-wrong")).not_to_be_empty()  # a voucher that says nothing
    page.locator(".voucher").last.locator("[data-proof=no]").fill("CD3")
    page.locator("#entering-go").click()
    expect(page.locator("#record .banner")).to_have_text("此记录已更正")
    (corrected,) = core.records("entry.corrected")
    held, added = corrected["data"]["now"]["proofs"]
    before = entry["data"]["proofs"][0]
    assert held == {
        **{name: before[name] for name in ("type", "no", "code", "sha256")},
        "issuer": "老王合作社",
        "basis": ["controlled", "own_test"],
    }
    assert added == {"type": "cd", "no": "CD3"}
    assert [one["field"] for one in corrected["data"]["changes"]] == ["proofs", "proofs"]


def test_a_shelf_life_is_cleared(core: Any, page: Page) -> None:
    core.enters(PACKED, spec="10 kg/袋", produced="2026-11-01", shelf_days=180)
    page.goto(f"/records/{int(core.records('entry.registered')[-1]['sequence'])}")
    page.locator("#entry-open").click()
    days = page.locator("#entering [data-field=shelf_days]")
    days.fill("18o")
    page.locator("#entering-reason").fill("包装上没有")
    page.locator("#entering-go").click()
    expect(page.locator("#entering-wrong")).to_have_text("保质期写天数，如 365")
    days.fill("")
    page.locator("#entering-go").click()
    expect(page.locator("#record .banner")).to_have_text("此记录已更正")
    (corrected,) = core.records("entry.corrected")
    assert corrected["data"]["changes"] == [{"field": "shelf_days", "before": "180", "after": ""}]


def test_a_match_is_corrected(core: Any, desk: Page) -> None:
    result = next(one for one in core.records("test.result") if one["data"]["lot"] and not one["data"]["source"])
    desk.goto(f"/records/{int(result['sequence'])}")
    desk.locator("#result-open").click()
    desk.locator("#matching-reason").fill("样品号输错")
    desk.locator("#matching-go").click()
    expect(desk.locator("#record .banner")).to_have_text("此记录已更正")
    assert len(core.records("result.corrected")) == 1


def test_what_is_refused_is_said_in_the_dialog(core: Any, desk: Page) -> None:
    entry = core.records("entry.registered")[-1]
    desk.goto(f"/records/{int(entry['sequence'])}")
    desk.locator("#entry-open").click()
    desk.locator("#entering-reason").fill("没变")
    desk.locator("#entering-go").click()
    expect(desk.locator("#entering-wrong")).to_have_text("没有要更正的内容")


def test_a_scan_looks_for_what_was_scanned(core: Any, desk: Page, scanner: Any) -> None:
    tx = sale_of(core)["subject"]
    desk.goto("/records")
    expect(desk.locator("#found .one").first).to_be_visible()
    scanner(desk).scan(tx)
    expect(desk.locator("#find-text")).to_have_value(tx)
    expect(desk.locator("#found .one")).to_have_count(1)


def test_a_book_is_made_on_the_page(core: Any, page: Page) -> None:
    page.goto("/records")
    page.locator("[data-book=tests][data-form=csv]").click()
    expect(page.locator("#book-file")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#book-file").click()
    assert download.value.suggested_filename == "tests.csv"


def test_a_record_that_is_not_there_is_told_in_words(core: Any, desk: Page) -> None:
    assert desk.goto("/records/999").status == 404  # type: ignore[union-attr]
    expect(desk.locator("main")).to_contain_text("没有第 999 号记录")
    desk.goto("/records/abc?lang=en")
    expect(desk.locator("main")).to_contain_text("There is no record abc")
