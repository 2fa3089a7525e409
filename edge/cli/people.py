"""`marketedge operators` and `tokens`: who works here, and which programs may use the API.

A ledger has one writer.  While a station runs it is asked; else the same deed is done here, on its ledger.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import quote, unquote

import click

from edge.between.people import Role
from edge.cli.main import BadInput, config_option, plain_errors

role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.OPERATOR.value,
    show_default=True,
    help="operator: sells, registers, prints. supervisor: also decides and agrees. technician: devices and programs.",
)


class Station(Protocol):
    """Where the deed is done. Paths, bodies and answers are those of the API."""

    def get(self, path: str) -> Any: ...

    def post(self, path: str, body: dict[str, Any]) -> Any: ...


@click.group()
def operators() -> None:
    """People who work here: with the first one everybody signs in with code and PIN.

    \b
      marketedge operators add 1 王敏 --role supervisor    asks for the PIN
      marketedge operators pin 1                           another PIN
      marketedge operators disable 7                       signed out everywhere, cannot sign in
    """


@operators.command("add")
@click.argument("code")
@click.argument("name")
@role_option
@config_option
def add(code: str, name: str, role: str, config_path: Path) -> None:
    """Add a person with a CODE of 1 to 13 digits; the PIN is asked for, or read from standard input."""
    with plain_errors(), station(config_path) as at:
        said = at.post("/api/operators", {"code": code, "name": name, "role": role, "pin": _pin()})
        click.echo(_line(said))


@operators.command("list")
@config_option
def list_people(config_path: Path) -> None:
    """Who works here."""
    with plain_errors(), station(config_path) as at:
        for one in at.get("/api/operators")["people"]:
            click.echo(_line(one))


@operators.command("pin")
@click.argument("code")
@config_option
def set_pin(code: str, config_path: Path) -> None:
    """Set another PIN; the person is signed out everywhere."""
    with plain_errors(), station(config_path) as at:
        click.echo(_line(at.post(_below("operators", code), {"pin": _pin()})))


@operators.command("disable")
@click.argument("code")
@config_option
def disable(code: str, config_path: Path) -> None:
    """Take a person's access away; what they did keeps their code."""
    with plain_errors(), station(config_path) as at:
        click.echo(_line(at.post(_below("operators", code), {"active": False})))


@operators.command("enable")
@click.argument("code")
@config_option
def enable(code: str, config_path: Path) -> None:
    """Give a person access again."""
    with plain_errors(), station(config_path) as at:
        click.echo(_line(at.post(_below("operators", code), {"active": True})))


@click.group()
def tokens() -> None:
    """Tokens of other programs, sent as `Authorization: Bearer TOKEN`; what they record says token:NAME."""


@tokens.command("add")
@click.argument("name")
@role_option
@config_option
def add_token(name: str, role: str, config_path: Path) -> None:
    """Make a token for the program NAME. It is shown this once."""
    with plain_errors(), station(config_path) as at:
        click.echo(at.post("/api/programs", {"name": name, "role": role})["token"])


@tokens.command("list")
@config_option
def list_tokens(config_path: Path) -> None:
    """Which programs have one."""
    with plain_errors(), station(config_path) as at:
        for one in at.get("/api/programs")["programs"]:
            click.echo(f"{one['name']:32} {one['role']}")


@tokens.command("remove")
@click.argument("name")
@config_option
def remove_token(name: str, config_path: Path) -> None:
    """Take the token of NAME away."""
    with plain_errors(), station(config_path) as at:
        said = at.post(_below("programs", name, "remove"), {})
        click.echo(f"{said['name']}: no token any more")


# --- where it is done -------------------------------------------------------------------------------------------------


@contextmanager
def station(path: Path) -> Iterator[Station]:
    """The station of this configuration: the one that runs, or its ledger here. Raises what opening it raises."""
    from edge.config.sections import load
    from edge.records.lock import holder

    config = load(path)
    if (running := holder(config.station.data)) is not None:
        yield Running(config, running)
        return
    here = Here(config)
    try:
        yield here
    finally:
        here.close()


class Running:
    """A station that runs, over its own pages."""

    def __init__(self, config: Any, holder: Any) -> None:
        self._config = config
        self._holder = holder

    def get(self, path: str) -> Any:
        return self._ask(path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask(path, body)

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        import json

        from edge.between.tongue import said
        from edge.cli.running import ask

        try:
            return ask(self._config, self._holder, path, body)
        except HTTPError as error:
            answer = json.loads(error.read())
            raise BadInput(said(answer["message_zh"], answer["message_en"])) from None
        except OSError as error:
            raise BadInput(
                said(
                    f"进程 {self._holder.pid} 正在使用账本，但页面没有回应（{error}）：稍等再试",
                    f"process {self._holder.pid} holds the ledger, but its pages do not answer ({error}): try again",
                )
            ) from None


class Here:
    """No station runs: the deed is done on its ledger, in the name of the command line."""

    def __init__(self, config: Any) -> None:
        from edge.jobs.doing import everything
        from edge.records import mark
        from edge.records.clock import Clock
        from edge.records.ledger import Ledger, Signer, past
        from edge.records.own_keys import earlier_keys, opened
        from edge.state.scale_register import as_entered
        from edge.state.station import Station as State

        everything()
        me = config.station
        key = opened(me.key, me.data)
        signer = Signer(key, me.host, me.node, me.terminal, earlier_keys(me.key, key.public_key()))
        self._ledger = Ledger(me.data, signer, mark.beside(me.key))
        self._clock = Clock(
            config.clock.trust, past(self._ledger.conn), as_entered(config, self._ledger.conn).certificates()
        )
        self._state = State(config, self._ledger, self._clock, {}, {})

    def close(self) -> None:
        self._ledger.close()

    def get(self, path: str) -> Any:
        roster = self._state.roster()
        return {
            "people": [
                {"code": one.code, "name": one.name, "role": one.role, "active": one.active, "pin": one.pin}
                for one in roster.people.values()
            ],
            "programs": [{"name": one.name, "role": one.role} for one in roster.programs.values()],
        }

    def post(self, path: str, body: dict[str, Any]) -> Any:
        from pydantic import ValidationError

        from edge.between.people import CONSOLE
        from edge.jobs import clock as time_jobs
        from edge.jobs.doing import do

        try:
            command, more = _command(path, body)
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        with self._ledger.batch():
            if (step := self._clock.look(self._ledger.head.unsynced_in == self._clock.boot_id)) is not None:
                time_jobs.step(self._state, step)
            self._state.who = CONSOLE
            answer = do(self._state, command)
        return answer.model_dump(mode="json") | more


def _below(*parts: str) -> str:
    return "/".join(["/api", *(quote(part, safe="") for part in parts)])


def _command(path: str, body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What is ordered there, and what the core does not know of its answer. Raises ValidationError."""
    from edge.between.people_commands import AddOperator, AddProgram, ChangeOperator, RemoveProgram
    from edge.between.pins import hashed, mark_of, new_word

    _, _, what, *rest = map(unquote, path.split("/"))
    if "pin" in body:
        body = body | {"pin": hashed(body["pin"])}
    if what == "ledger":
        from edge.between.ledger_commands import SendAgain

        return SendAgain(**body), {}
    if what == "operators":
        return (ChangeOperator(code=rest[0], **body) if rest else AddOperator(**body)), {}
    if rest:
        return RemoveProgram(name=rest[0]), {}
    token = new_word()
    return AddProgram(**body, mark=mark_of(token)), {"token": token}


def _pin() -> str:
    """Asked for twice, unseen; or the first line of what is piped in. Raises BadInput."""
    from edge.between.pins import PIN
    from edge.between.tongue import said

    if sys.stdin.isatty():
        pin = click.prompt("PIN", hide_input=True, confirmation_prompt=True)
    else:
        pin = sys.stdin.readline().strip()
    if not PIN.fullmatch(pin):
        raise BadInput(said("密码应为 4 到 12 位数字", "a PIN has 4 to 12 digits"))
    return str(pin)


def _line(person: dict[str, Any]) -> str:
    notes = [] if person["active"] else ["not active"]
    notes += [] if person["pin"] else ["no PIN"]
    return f"{person['code']:13} {person['role']:10} {person['name']}{'  (' + ', '.join(notes) + ')' if notes else ''}"
