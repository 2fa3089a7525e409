"""A truck is registered at the gate, its second lot in a few presses: weighed, with a photo, through a restart."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from protocol.city.photos import hash_of, picture_of

pytestmark = pytest.mark.browser


def test_the_second_lot_of_a_truck_takes_few_presses_and_a_restart_loses_nothing(
    core: Any, glove: Page, walker: Any, a_photo: Any
) -> None:
    glove.goto("/gate")
    glove.locator("#product-01040201").tap()
    core.puts("24.500")
    expect(glove.locator("#weigh")).to_have_text("过秤 24.500 kg")
    glove.fill("#crates", "2")
    glove.fill("#crate-kg", "1.5")
    glove.locator(".keypad [data-key=done]").tap()
    glove.locator("#weigh").tap()
    expect(glove.locator("#net")).to_have_value("21.500")
    expect(glove.locator("#weigh-why")).to_contain_text("已计入")
    glove.fill("#supplier", "绿源合作社")
    glove.fill("#origin", "河南中牟")
    glove.fill("#plate", "豫A12345")
    glove.fill("#certificate", "https://hgz.example.cn/q?x=1")
    glove.locator("#proof-add").tap()
    expect(glove.locator("#proofs li")).to_have_count(1)
    glove.locator("#register").tap()
    expect(glove.locator("#answer")).to_contain_text("已登记")
    first = core.records("entry.registered")[-1]["data"]
    assert (first["net_g"], first["mass_by"], first["weighings"][0]["containers"]) == (21_500, "scale", 2)
    assert first["proofs"][0]["code"] == "https://hgz.example.cn/q?x=1"
    expect(glove.locator("#truck-chips button")).to_have_text(["绿源合作社", "河南中牟", "豫A12345", "+ 随货凭证"])
    expect(glove.locator("#supplier")).to_be_hidden()

    hand = walker(glove)
    hand.tap("#product-01040401")
    core.puts("18.250")
    hand.tap("#weigh")
    expect(glove.locator("#net")).to_have_value("18.250")
    picture = a_photo(side=1800)
    hand.taps += 2  # the camera's own two
    glove.set_input_files("#entry-photos input", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture})
    expect(glove.locator("#entry-photos img")).to_have_count(1)

    glove.reload()  # the handheld is started anew in the middle of it
    expect(glove.locator("#net")).to_have_value("18.250")
    expect(glove.locator("#entry-photos img")).to_have_count(1)
    expect(glove.locator("#truck")).to_be_visible()
    hand.tap("#register")
    expect(glove.locator("#answer")).to_contain_text("已登记")
    assert hand.taps <= 10
    second = core.records("entry.registered")[-1]["data"]
    same = ("supplier", "origin", "plate", "proofs")
    assert [second[name] for name in same] == [first[name] for name in same]
    assert (second["net_g"], second["mass_by"]) == (18_250, "scale")
    (sha256,) = second["photos"]
    data = core.core._station.photos.files.read(sha256)
    small = picture_of(data)
    assert hash_of(data) == sha256 and max(small.width, small.height) == 1600
    expect(glove.locator("#entry-photos img")).to_have_count(0)
    expect(glove.locator("#net")).to_have_value("")
    assert glove.evaluate("document.documentElement.scrollWidth <= innerWidth")

    glove.locator("#next-truck").tap()
    expect(glove.locator("#proofs li")).to_have_count(0)
    glove.locator("#product-01040201").tap()
    glove.fill("#supplier", "绿源合作社")
    glove.locator("#origin").focus()
    expect(glove.locator("#origin")).to_have_value("河南中牟")
