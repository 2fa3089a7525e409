"""Who may show the pages in a frame: nobody, unless the box's owner named the page; and then that one alone."""

import pytest
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from edge.config.ways import WebSection
from edge.web.guard import Guard


def headers(*frames: str) -> dict[str, str]:
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("page"))])
    answer = TestClient(Guard(app, frames=frames)).get("/")
    assert answer.text == "page"
    return dict(answer.headers)


def test_nobody_may() -> None:
    said = headers()
    assert said["x-frame-options"] == "DENY"
    assert said["content-security-policy"].endswith("frame-ancestors 'none'")


def test_who_is_named_may_and_the_rest_of_the_policy_stays() -> None:
    said, usual = headers("https://till.local", "http://127.0.0.1:8700"), headers()
    assert "x-frame-options" not in said
    policy, frames = said["content-security-policy"].split("frame-ancestors ")
    assert frames == "https://till.local http://127.0.0.1:8700"
    assert policy == usual["content-security-policy"].removesuffix("frame-ancestors 'none'")
    assert {name: said[name] for name in usual if name not in ("x-frame-options", "content-security-policy")} == {
        name: value for name, value in usual.items() if name not in ("x-frame-options", "content-security-policy")
    }


@pytest.mark.parametrize(
    "frames",
    ["*", "https://*", "till.local", "https://till.local/", "https://a.b; script-src *", "https://a b", "data:"],
)
def test_only_an_origin_can_be_named(frames: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(WebSection).validate_python({"frames": [frames]})
    assert WebSection.model_validate({"frames": ["https://till.local", "http://[::1]:8700"]}).frames
