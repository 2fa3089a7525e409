"""The box itself: its scales' keys, its ports, what it could not handle, what became of a request."""

from edge.between.commands import (
    Answer,
    AskScale,
    AskScaleAnswer,
    CatchUp,
    ConfirmPort,
    ConfirmPortAnswer,
    Recall,
    Recalled,
    SeeUnread,
    UnreadAnswer,
)
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.state.station import Station
from protocol.session import Wish


def ask_scale(station: Station, command: AskScale) -> AskScaleAnswer:
    """Tare and zero write to the scale: only when its section says so."""
    scale = station.scale(command.scale)
    if not scale.part.writable:
        raise Refused(
            "read_only",
            f"{command.scale} 只读，请在秤上按键操作",
            f"{command.scale} is read-only: use its own keys, or set `writable = true` in its section",
        )
    wish = Wish(command.wish)
    scale.asked(wish)
    station.after.append(lambda: station.ports[command.scale].order(wish))
    return AskScaleAnswer(scale=command.scale, asked=command.wish)


def confirm_port(station: Station, command: ConfirmPort) -> ConfirmPortAnswer:
    """A person looked: the device that stands there now is the one this name is for."""
    now = station.known.confirm(command.device, command.person, command.seen, station.ports)
    if (scale := station.scales.get(command.device)) is not None:
        station.after.append(scale.exchanged)
    return ConfirmPortAnswer(device=command.device, now=str(now))


def see_unread(station: Station, command: SeeUnread) -> UnreadAnswer:
    """Who has seen what could not be handled says so by name. It is no record: it stands beside what failed."""
    return UnreadAnswer(seen=station.unread.seen(command.upto, command.person))


def recall(station: Station, command: Recall) -> Recalled:
    """What became of the request with this key."""
    return Recalled(answer=station.asked.recall(command.key))


def catch_up(station: Station, command: CatchUp) -> Answer:
    """Nothing but the answer, which follows the board."""
    return Answer()


does(AskScale, ask_scale)
does(ConfirmPort, confirm_port)
does(SeeUnread, see_unread)
does(Recall, recall)
does(CatchUp, catch_up)
