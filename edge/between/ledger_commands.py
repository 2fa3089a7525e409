"""What is ordered of the ledger on its way to the city: records once more, and how to go on beside another ledger.

Entered in the table of commands like those of ``commands.py``.
"""

from typing import Annotated

from pydantic import Field, StrictInt

from edge.between.command_table import Answer, Command, Person, order
from edge.between.people import SENIORS, TECHNICIANS
from protocol.city.events import Name

Sequence = Annotated[StrictInt, Field(ge=1, le=(1 << 53) - 1)]


class SendAgainAnswer(Answer):
    first: int = Field(description="The first record that is published once more.")
    last: int = Field(description="The last one.")


@order("/ledger/resend", SendAgainAnswer, "Send records again", told=("first", "last"), roles=SENIORS)
class SendAgain(Command):
    """Records are published once more, also those that were refused: one that the city takes now is delivered."""

    first: Sequence = Field(description="Sequence number of the first.")
    last: Sequence | None = Field(None, description="That of the last; null: the newest there is.")


class ContinueAnswer(Answer):
    """How the ledger goes on."""

    seq: int | None = Field(
        description="The record from which it goes on. Null when the city speaks of this ledger again."
    )
    resent: int = Field(description="Records that the city did not confirm, which are sent once more one by one.")


@order("/ledger/continue", ContinueAnswer, "Go on beside another ledger", records=True, roles=TECHNICIANS)
class ContinueLedger(Command):
    """The city has records of another ledger under this station's name, so nothing is recorded: this is the way out.

    Ask first where the other ledger is: another box with a copy of this one's key, or the card that was in here before.
    It must not be used again. The record `ledger.restored` goes on behind every number that either has used.
    """

    why: Annotated[Name, Field(min_length=1)] = Field(description="What happened.", examples=["换了存储卡"])
    person: Person
