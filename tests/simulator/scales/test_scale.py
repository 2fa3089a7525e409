from decimal import Decimal

import pytest

from drivers.conversation import Conversation
from protocol import formats
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales import mt_sics, yaohua_tf0
from protocol.session import Wish
from simulator.scales._pan import Pan, find, ids
from simulator.scales.mt_sics import MtSics
from simulator.wires.table import Table

KG = Decimal("2.350")


def loaded(kg=KG, **options):
    pan = Pan(**options)
    pan.put(kg, 0.0)
    return pan


def say(scale, command, now):
    scale.receive(command, now)
    return scale.pending(now)


def sics(kg=KG, **options):
    scale = MtSics(loaded(kg), **options)
    scale.pending(0.0)
    return scale


def test_a_load_is_unstable_until_it_has_settled():
    pan = loaded(settle=0.4)
    shown = [pan.reading(tenth / 10) for tenth in range(6)]
    assert [reading.stable for reading in shown] == [False] * 4 + [True] * 2
    values = [reading.value for reading in shown]
    assert values == sorted(values) and values[0] == 0 and values[1] > 1 and values[-1] == KG


def test_a_slow_display_keeps_a_weight_and_a_load_may_take_its_time():
    pan = Pan(Decimal(15), Decimal("0.010"), settle=0.1, refresh=0.25)
    pan.put(Decimal(5), 10.0, 1.7)
    shown = [pan.reading(10.0 + at / 100).value for at in range(180)]
    assert shown[0] == shown[24] != shown[25] == shown[49]
    assert not pan.stable(11.6)
    assert shown[-1] == 5


def test_every_weight_shown_is_a_multiple_of_the_division_with_its_decimals():
    pan = loaded(Decimal("1.2345678"), e=Decimal("0.002"))
    for now in (0.0, 0.1, 0.2, 1.0):
        value = pan.reading(now).value
        assert value % Decimal("0.002") == 0 and value.as_tuple().exponent == -3
    assert str(pan.reading(1.0).value) == "1.234"


def test_net_is_gross_minus_tare():
    pan = loaded(Decimal("0.500"))
    assert pan.tare_now(1.0) is State.OK
    pan.put(Decimal("2.000"), 1.0)
    assert pan.reading(2.0) == Weighing(Decimal("1.500"), "kg", Net.NET, True, False)
    pan.take_off(2.0)
    assert pan.reading(3.0).value == Decimal("-0.500")
    pan.clear_tare()
    assert pan.reading(3.0) == Weighing(Decimal(0), "kg", Net.GROSS, True, True)


@pytest.mark.parametrize(
    ("kg", "state"), [("15.045", State.OK), ("15.05", State.OVERLOAD), ("-0.1", State.OK), ("-0.2", State.UNDERLOAD)]
)
def test_outside_its_range_a_scale_shows_no_weight(kg, state):
    reading = loaded(Decimal(kg)).reading(1.0)
    assert reading.state is state
    assert (reading.value is None) == (state is not State.OK)


def test_zero_reaches_two_percent():
    assert loaded(Decimal("0.3")).zero(1.0) is State.OK
    assert loaded(Decimal("0.305")).zero(1.0) is State.OVERLOAD
    assert loaded(Decimal("-0.305")).zero(1.0) is State.UNDERLOAD


def test_a_zeroed_scale_counts_from_there():
    pan = loaded(Decimal("0.100"))
    pan.zero(1.0)
    pan.put(Decimal("1.100"), 1.0)
    assert pan.reading(2.0).value == 1


@pytest.mark.parametrize("protocol", ids())
def test_what_a_scale_says_is_read_by_its_own_format(protocol):
    scale = find(protocol)(loaded())
    session = formats.find(protocol).speaks(getattr(scale, "options", {}))
    wanted = 5 if formats.find(protocol).repeats else 1
    table, seen = Table(scale, now=10.0), []
    conversation = Conversation(table, session, table.clock)
    while table.now < 20.0 and sum(isinstance(event, Weighing) for event in seen) < wanted:
        seen += conversation.turn().events
    weights = [event for event in seen if isinstance(event, Weighing)]
    assert len(weights) >= wanted
    assert {weight.value for weight in weights} == {KG}
    assert not [event for event in seen if isinstance(event, Garbage)]


def test_a_continuous_scale_keeps_its_rate_and_does_not_catch_up():
    scale = find("yaohua_tf0")(loaded())
    sent = b"".join(scale.pending(tenth / 10) for tenth in range(11))
    assert 10 <= len(sent) // 12 <= 11
    assert len(scale.pending(100.0)) == 12
    assert scale.deadline(100.0) == pytest.approx(100.1)


def test_an_overloaded_continuous_scale_sends_no_digits():
    frame = find("yaohua_tf0")(loaded(Decimal(20))).pending(1.0)
    assert isinstance(yaohua_tf0.decode(frame), Garbage)


def test_si_answers_at_once():
    scale = sics()
    assert say(scale, b"SI\r\n", 0.1).startswith(b"S D ")
    assert say(scale, b"SI\r\n", 1.0) == b"S S      2.350 kg\r\n"


def test_s_waits_until_the_weight_is_stable():
    scale = sics()
    assert say(scale, b"S\r\n", 0.1) == b""
    assert scale.deadline(0.1) == pytest.approx(0.4)
    assert scale.pending(0.4) == b"S S      2.350 kg\r\n"
    assert scale.deadline(0.4) is None


def test_s_gives_up():
    scale = sics(timeout=0.2)
    assert say(scale, b"S\r\n", 0.1) == b""
    assert scale.pending(0.31) == b"S I\r\n"


def test_sir_repeats_until_another_command():
    scale = sics()
    first = say(scale, b"SIR\r\n", 1.0)
    assert first == b"S S      2.350 kg\r\n" and scale.pending(1.01) == b""
    assert scale.pending(1.06) == first
    assert say(scale, b"SI\r\n", 1.1) == first
    assert scale.pending(9.0) == b""


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"I1\r\n", b'I1 A "01"\r\n'),
        (b"I2\r\n", b'I2 A "Simulated scale 15 kg"\r\n'),
        (b"I3\r\n", b'I3 A "1.0"\r\n'),
        (b"I4\r\n", b'I4 A "B021002593"\r\n'),
        (b"@\r\n", b'I4 A "B021002593"\r\n'),
        (b"T\r\n", b"T S      2.350 kg\r\n"),
        (b"TI\r\n", b"TI S      2.350 kg\r\n"),
        (b"TA\r\n", b"TA A      0.000 kg\r\n"),
        (b"TA 0.5 kg\r\n", b"TA A      0.500 kg\r\n"),
        (b"TA 0.5 g\r\n", b"TA L\r\n"),
        (b"TA x kg\r\n", b"TA L\r\n"),
        (b"TAC\r\n", b"TAC A\r\n"),
        (b"Z\r\n", b"Z +\r\n"),
        (b"ZI\r\n", b"ZI +\r\n"),
        (b"XX\r\n", b"ES\r\n"),
        (b"SI 1\r\n", b"ES\r\n"),
        (b"\xff\r\n", b"ES\r\n"),
    ],
)
def test_a_command_has_its_answer(command, answer):
    assert say(sics(), command, 1.0) == answer


def test_zero_near_zero_is_done():
    assert say(sics(Decimal("0.1")), b"Z\r\n", 1.0) == b"Z A\r\n"
    assert say(sics(Decimal("0.1")), b"ZI\r\n", 1.0) == b"ZI S\r\n"


def test_the_list_of_commands_reads_as_replies():
    events = mt_sics.decoder().feed(say(sics(), b"I0\r\n", 1.0))
    assert all(isinstance(event, Reply) and event.what == "I0" for event in events)
    assert "1 TAC" in [event.get("text") for event in events]


def test_power_up_and_the_print_key_speak_unasked():
    scale = MtSics(loaded())
    assert scale.deadline(0.0) == 0.0
    assert scale.pending(0.0) == b'I4 A "B021002593"\r\n'
    scale.press_print(1.0)
    (event,) = mt_sics.decoder().feed(scale.pending(1.0))
    assert isinstance(event, Garbage) and "PRINT" in event.why


def test_a_wish_of_a_person_reaches_the_scale():
    scale, session = sics(), mt_sics.session(mt_sics.Options())
    session.ask(Wish.TARE, 1.0)
    session.expired(1.0)
    assert session.receive(say(scale, session.pending(), 1.0), 1.0) == [
        Weighing(KG, "kg", Net.TARE, True),
    ]
    assert scale.pan.reading(1.0).value == 0


def test_a_frame_that_was_due_before_the_load_was_changed_shows_what_lay_there() -> None:
    pan = Pan(Decimal(15), Decimal("0.010"), settle=0.0)
    pan.put(Decimal("1.20"), 10.0)
    pan.put(Decimal("2.50"), 20.0)
    assert [pan.gross(now) for now in (19.99, 20.0)] == [Decimal("1.20"), Decimal("2.50")]
