"""The documents of `marketedge contract`, as the tools read them that other people's programs are made with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli.main import main
from protocol.city.commands import COMMANDS
from protocol.city.envelope import CONTENT_TYPE
from protocol.city.events import EVENTS
from protocol.city.schemas import ENVELOPE, schemas

NEWER = "asyncapi-latest-version"  # 3.1.0 has nothing that we need, and 3.0.0 is what tools know


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(what: str) -> Path:
        done = CliRunner().invoke(main, ["contract", what, "--out", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return tmp_path / f"{what}.json"

    return write


def test_ajv_takes_the_schemas_in_strict_mode_and_every_kind_of_event_by_them(
    judged: Callable[..., Any], event_of: Callable[..., bytes]
) -> None:
    known = schemas()
    events = [json.loads(event_of(kind, bare=bare)) for kind in EVENTS for bare in (False, True)]
    values = [{"id": known[ENVELOPE]["$id"], "value": event} for event in events]
    values += [{"id": event["dataschema"], "value": event["data"]} for event in events]
    assert judged("ajv.mjs", {"schemas": [*known.values()], "values": values}) == []
    spoilt = {"id": events[0]["dataschema"], "value": events[0]["data"] | {"net_g": "1 kg"}}
    (said,) = judged("ajv.mjs", {"schemas": [*known.values()], "values": [spoilt]})
    assert "net_g must be integer" in said


def test_the_parser_of_asyncapi_has_nothing_against_the_document(
    judged: Callable[..., Any], written: Callable[[str], Path]
) -> None:
    document = json.loads(written("asyncapi").read_text("utf-8"))
    said = judged("asyncapi.mjs", document)
    assert [one for one in said["said"] if one["code"] != NEWER] == []
    assert said["messages"] == len(EVENTS) + len(COMMANDS) + 4
    assert said["operations"] == len(document["operations"])
    document["channels"]["state"]["messages"]["state"] = {"$ref": "#/components/messages/none"}
    assert judged("asyncapi.mjs", document)["said"] != said["said"]


def test_redocly_has_nothing_against_the_openapi(linted: Callable[..., str], written: Callable[[str], Path]) -> None:
    file = written("openapi")
    said = json.loads(linted("@redocly/cli", "lint", "--extends=recommended", "--format=json", str(file)))
    assert [(one["ruleId"], one["message"]) for one in said["problems"]] == []


def test_spectral_has_nothing_against_the_openapi(
    linted: Callable[..., str], written: Callable[[str], Path], tmp_path: Path
) -> None:
    file, rules = written("openapi"), tmp_path / "rules.yaml"
    rules.write_text("extends: ['spectral:oas']\n", "utf-8")
    said = json.loads(linted("@stoplight/spectral-cli", "lint", "-q", "-f", "json", "-r", str(rules), str(file)))
    assert [(one["code"], one["path"]) for one in said] == []


def test_both_sdks_of_cloudevents_read_every_kind_of_event(
    judged: Callable[..., Any], event_of: Callable[..., bytes]
) -> None:
    from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

    bodies = [event_of(kind) for kind in EVENTS]
    theirs = judged("cloudevents.mjs", {"type": CONTENT_TYPE, "bodies": [body.decode() for body in bodies]})
    for body, read in zip(bodies, theirs, strict=True):
        ours = json.loads(body)
        assert read == {name: ours[name] for name in read}
        event = from_structured_event(HTTPMessage(headers={"content-type": CONTENT_TYPE}, body=body))
        assert event.get_data() == ours["data"]
        assert event.get_type() == ours["type"]
        assert event.get_extension("sequence") == ours["sequence"]


def test_no_file_here_names_a_registry() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        assert "://" not in (Path(__file__).parent / name).read_text("utf-8")
