"""The envelope of the city's commands, and what a station answers (contract part C4).

    …/{TT}/cmd/{name} or …/all/cmd/{name}    {"id","name","station","issued","expires", …its fields…, "kid","sig"}
    …/{TT}/res/{name}                        {"id","name","state","code","message_zh","message_en","seq", "station",
                                              "issued","kid","sig"}

``protocol.city.signed`` puts ``station``, ``issued``, ``kid`` and ``sig`` around both, and checks them.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol.city.events import ONE_LINE, Short
from protocol.city.signed import UNREADABLE, BadSigned, Signed, moment_of
from protocol.frozen import frozen

if TYPE_CHECKING:
    from protocol.city.commands import CityCommand

Word = Annotated[str, StringConstraints(min_length=1, max_length=40), ONE_LINE]
ID = re.compile(r"[0-9A-Za-z._:-]{1,64}")
ENVELOPE = frozenset({"id", "name", "station", "issued", "expires", "kid", "sig"})


@frozen
class Head:
    """The envelope of a command that the city signed; times are seconds since 1970."""

    id: str
    name: str
    issued: float
    expires: float
    kid: str


@frozen
class CityOrder:
    """A command and its envelope."""

    head: Head
    command: "CityCommand"


class BadCommand(ValueError):
    """A signed message that is no command a station knows; ``word`` is ``unknown`` or ``malformed``."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


def head_of(signed: Signed, name: str) -> Head:
    """The envelope of a message that came on the topic of ``name``; raises BadSigned when there is none."""
    fields = signed.fields
    id_, said = fields.get("id"), fields.get("name")
    if not isinstance(id_, str) or not ID.fullmatch(id_):
        raise BadSigned(UNREADABLE, "id is not 1 to 64 letters, digits, '.', '_', ':' or '-'")
    if said != name:
        raise BadSigned(UNREADABLE, f"a command on the topic of {name[:40]} that calls itself another")
    return Head(id_, name, signed.issued, moment_of(fields.get("expires")), fields["kid"])


def order_of(signed: Signed, head: Head) -> CityOrder:
    """The command in a message; raises BadCommand. The first one loads all that there are."""
    from protocol.city.commands import COMMANDS

    row = COMMANDS.get(head.name)
    if row is None:
        raise BadCommand("unknown", f"no command {head.name[:40]} is known here")
    fields = {name: value for name, value in signed.fields.items() if name not in ENVELOPE}
    try:
        return CityOrder(head, row.command.model_validate_json(json.dumps(fields), strict=True))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadCommand("malformed", f"{where}: {first['msg']}" if where else first["msg"]) from None


def fields_of(command: "CityCommand", id_: str, name: str, expires: str) -> dict[str, Any]:
    """What the city seals (``protocol.city.signed.seal``); ``expires`` is RFC 3339 with its zone."""
    return {"id": id_, "name": name, "expires": expires, **command.model_dump(mode="json", by_alias=True)}


class CommandAnswer(BaseModel):
    """What became of a command; the station signs it in the form in which the city signs."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    id: Annotated[str, StringConstraints(pattern=rf"^{ID.pattern}$")] = Field(description="The command's.")
    name: Word = Field(description="The command's.")
    state: Literal["done", "refused", "failed"] = Field(
        description="refused and failed: nothing was done. `code` says why; failed is a fault of the station's program."
    )
    code: Short = Field("", description="Fixed word; empty when it was done.")
    message_zh: Annotated[str, StringConstraints(max_length=400)] = Field("", description="Why, for people.")
    message_en: Annotated[str, StringConstraints(max_length=400)] = Field("", description="The same in English.")
    seq: Annotated[int, Field(ge=1)] | None = Field(None, description="The record it made; null when it made none.")

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "CommandAnswer":
        """The answer in a signed message's members; raises ValidationError."""
        inside = {name: value for name, value in fields.items() if name not in ENVELOPE - {"id", "name"}}
        return cls.model_validate(inside)


def schemas() -> dict[str, Any]:
    """JSON schema of each command's fields and of the answer, by name."""
    from protocol.city.commands import COMMANDS

    made = {f"cmd/{name}": row.command.model_json_schema() for name, row in COMMANDS.items()}
    for name, row in COMMANDS.items():
        made[f"cmd/{name}"]["description"] = row.does
    return made | {"res": CommandAnswer.model_json_schema()}
