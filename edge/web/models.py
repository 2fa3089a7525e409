"""What is said over HTTP besides commands: errors, and what is asked of a request. Answers stand in ``answers.py``."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt


class Said(BaseModel):
    """What is said over HTTP and is no command. A model that nobody asks for is not built (``routes.py``)."""

    model_config = ConfigDict(defer_build=True)


class Problem(Said):
    """Why something was not done, for programs (`code`) and for people."""

    code: str = Field(examples=["weight_changed"])
    message_zh: str
    message_en: str


class OutcomeBody(Said):
    """What a page knows of a request whose answer did not come."""

    model_config = ConfigDict(extra="forbid")

    age_ms: Annotated[StrictInt, Field(ge=0, le=2**53)] = Field(
        description="Milliseconds since the request was sent, or more."
    )
    address: str = Field("", max_length=200, description="Where it was sent, for example `/api/sales`.")
    token: str = Field("", max_length=64, description="`token` of the stream that was heard before it was sent.")
    heard_ms: Annotated[StrictInt, Field(ge=-1, le=2**53)] = Field(
        -1, description="The newest `at` of that stream that was heard before it was sent; -1 for none."
    )
