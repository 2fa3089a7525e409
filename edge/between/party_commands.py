"""What is asked and said of suppliers and buyers: found with a few keys, and how to reach them."""

from typing import Annotated, Literal

from pydantic import Field

from edge.between.command_table import Answer, Command, PersonCode, order
from edge.between.fixed_words import JobName
from protocol.city.events import Name

PartyKind = Literal["buyers", "suppliers"]


class PartyFound(Answer):
    """Somebody who supplies or buys: known from the city's directory, or from what was recorded or typed here."""

    kind: PartyKind
    code: str = Field(description="13-digit operator code; empty where it has none.")
    name: str
    initials: str = Field(description="First letters of its pinyin.")
    listed: bool = Field(description="Whether the city's directory has it.")
    state: Literal["active", "suspended", "gone"]
    why: str = Field(description="Why it is suspended.")
    licence: str
    licence_until: str = Field(description="Its last day, or empty.")
    licence_state: Literal["", "valid", "ending", "expired"] = Field(
        description="`ending`: within 30 days. Empty where no day is known."
    )
    address: str
    contact: str
    personal: bool = Field(description="`contact` is a person's own number: it stands in no record.")
    recent: bool = Field(description="One of the last five that this job had to do with.")


class PartiesAnswer(Answer):
    entries: tuple[PartyFound, ...] = Field(description="Best first, at most 50.")


@order("", PartiesAnswer, "Find a supplier or buyer")
class FindParties(Command):
    """By the beginning of a code or of pinyin initials, or a part of the name; without a text the last five of this
    job, then the directory. With `exact` the one with this code or exactly this name, whatever its state."""

    kind: PartyKind
    q: Annotated[str, Field(max_length=120)] = Field("", description="Code, name or initials, or a part of them.")
    job: JobName | Literal[""] = Field("", description="For whom the last used come first.")
    exact: bool = False


@order("/parties", PartyFound, "Keep how to reach a supplier or buyer", told=("kind", "code"))
class KeepParty(Command):
    """Address and contact for the purchase book (食品安全法 art. 65). Kept in this box alone, in no record: a person's
    own telephone may stand here."""

    kind: PartyKind
    code: PersonCode = Field("", description="13-digit operator code; empty where it has none.")
    name: Name = Field("", description="Its name; needed without a code (`party_name`).")
    address: Name = Field("", description="Where it is; empty: as it was known.")
    contact: Name = Field("", description="How to reach it; empty: as it was known.")
