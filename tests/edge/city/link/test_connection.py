"""What brokers do to a station: limits, refusals, silence, nonsense; none of it ends the process or is kept quiet."""

import logging
import re
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import BrokerAnswers, CityMessage, Limits, LinkChanged
from edge.between.sparing import Sparing
from edge.city.connection import MESSAGE_CAP, PACKET_CAP
from edge.city.patience import Patience

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 0x10, 0x30, 0x80, 0xE0
BODY = b'{"type":"x"}'


def behave(caller: Any, _: int) -> None:
    for _packet in caller.serve():
        pass


def kept(packets: list[tuple[int, bytes]], **more: Any) -> Callable[[Any, int], None]:
    """A broker that behaves and keeps what it gets."""

    def play(caller: Any, _: int) -> None:
        for packet in caller.serve(**more):
            packets.append(packet)

    return play


def is_message(message: Any) -> bool:
    return isinstance(message, CityMessage)


def is_answer(message: Any) -> bool:
    return isinstance(message, BrokerAnswers)


def eventually(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# --- limits ---------------------------------------------------------------------------------------------------------


def test_connect_announces_the_largest_packet_we_read(link: Any, handmade: Any) -> None:
    packets: list[tuple[int, bytes]] = []
    station = link(handmade(kept(packets)).url)
    station.up()
    connect = next(body for first, body in packets if first == CONNECT)
    assert b"\x27" + struct.pack(">I", PACKET_CAP) in connect


def test_a_sender_of_more_than_that_is_cut_before_it_is_read(link: Any, handmade: Any) -> None:
    sent: list[int] = []

    def flood(caller: Any, number: int) -> None:
        for first, _ in caller.serve():
            if first & 0xF0 == SUBSCRIBE and number == 1:
                caller.link.sendall(b"\x30\x80\x80\x80\x20")  # 64 MiB to come
                try:
                    for _piece in range(1024):
                        caller.link.sendall(bytes(65_536))
                        sent.append(65_536)
                except OSError:
                    return

    station = link(handmade(flood).url)
    station.up()
    assert "was cut" in station.down().why
    assert station.mqtt.odd["too_large"] == 1
    station.up()
    assert sum(sent) < 32 * 1024 * 1024  # what the kernel's buffers hold


def test_the_limits_of_connack_are_told_and_obeyed(link: Any, handmade: Any) -> None:
    packets: list[tuple[int, bytes]] = []
    limits = b"\x21\x00\x01" + b"\x27" + struct.pack(">I", 5000) + b"\x25\x00" + b"\x24\x01"
    station = link(handmade(kept(packets, properties=limits, puback=None)).url)
    assert station.up().limits == Limits(1, 5000, 1)
    station.mqtt.announce("state", b"online")
    for _ in range(3):
        assert station.mqtt.publish("evt", BODY) is not None
    eventually(lambda: any(first & 0xF0 == PUBLISH for first, _ in packets))
    time.sleep(0.3)
    published = [(first, body) for first, body in packets if first & 0xF0 == PUBLISH]
    assert len(published) == 1  # one may be unanswered, and nothing acknowledges it
    assert published[0][0] == 0x32  # QoS 1, not retained


def test_a_broker_of_qos_0_is_served(link: Any, handmade: Any) -> None:
    packets: list[tuple[int, bytes]] = []
    station = link(handmade(kept(packets, properties=b"\x24\x00", puback=None)).url)
    assert station.up().limits.qos == 0
    station.mqtt.publish("evt", BODY)
    assert [one.refused for one in station.until(is_answer).answers] == [""]
    eventually(lambda: any(first == PUBLISH for first, _ in packets))


def test_no_packet_waits_for_an_acknowledgement_of_the_one_before(link: Any, handmade: Any) -> None:
    """Two settings of the socket, the second anew after each read: without them a record takes 40 ms."""
    station = link(handmade(behave).url)
    station.up()
    opened = station.mqtt._connection._client.socket()
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    for _ in range(3):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        station.mqtt.publish("evt", BODY)
        station.until(is_answer)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1


def test_answers_that_come_together_are_one_message(link: Any, handmade: Any) -> None:
    """The core thread wakes for each message: at a backlog's speed that would cost more than the records."""

    def gather(caller: Any, _: int) -> None:
        mids = []
        for first, body in caller.serve(puback=None):
            if first & 0xF0 == PUBLISH:
                mids.append(body[5:7])
                if len(mids) == 40:
                    caller.link.sendall(b"".join(b"\x40\x02" + mid for mid in mids))

    station = link(handmade(gather).url)
    station.up()
    published = [station.mqtt.publish("evt", BODY) for _ in range(40)]
    answered, messages = [], 0
    while len(answered) < 40:
        answered += [one.mid for one in station.until(is_answer).answers]
        messages += 1
    assert answered == published
    assert messages < 10


def test_an_old_answer_kept_by_the_broker_is_not_asked_for_and_is_known_as_such(link: Any, handmade: Any) -> None:
    options: list[int] = []

    def play(caller: Any, _: int) -> None:
        for first, body in caller.serve():
            if first & 0xF0 == SUBSCRIBE:
                options.append(body[-1])
                caller.publish(b"ack", b"{}", retain=True)

    station = link(handmade(play).url)
    station.up()
    assert station.until(is_message).retained
    assert options[0] >> 4 == 2  # "do not send retained messages"


# --- the will -------------------------------------------------------------------------------------------------------


def will_flags(body: bytes) -> int:
    return body[7]


@pytest.mark.parametrize("code", [0x9A, 0x9B, 0x80])
def test_a_broker_that_refuses_the_will_is_asked_without(link: Any, handmade: Any, code: int) -> None:
    wills: list[int] = []

    def play(caller: Any, _: int) -> None:
        _, body = caller.read()
        wills.append(will_flags(body) & 0x3C)
        if wills[-1]:
            caller.connack(code)
            return
        caller.connack()
        for _packet in caller.serve():
            pass

    station = link(handmade(play).url)
    station.up()
    assert wills == [0x2C, 0x04, 0x00]  # QoS 1 retained; QoS 0; none


def test_a_broker_that_just_closes_is_asked_without_the_will_too(link: Any, handmade: Any) -> None:
    def play(caller: Any, _: int) -> None:
        _, body = caller.read()
        if will_flags(body) & 0x20:
            return
        caller.send(0x20, b"\x00\x00")
        for _packet in caller.serve():
            pass

    station = link(handmade(play).url, mqtt="3.1.1")
    station.up()
    assert station.seen[0].cause == "closed"


@pytest.mark.broker
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("lines", [("retain_available false",), ("max_qos 0",)])
def test_mosquitto_without_retained_messages_or_qos_1_is_served(
    link: Any, mosquitto: Any, version: str, lines: tuple[str, ...]
) -> None:
    broker = mosquitto(*lines)
    station = link(f"mqtt://127.0.0.1:{broker.port}", mqtt=version)
    station.up()
    station.mqtt.announce("state", b"online")
    if version == "5" or "retain" in lines[0]:
        station.mqtt.publish("evt", BODY)
        station.until(is_answer)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (0x84, "mqtt_version"),
        (0x86, "bad_password"),
        (0x87, "not_allowed"),
        (0x88, "busy"),
        (0x8A, "not_allowed"),
        (0x97, "busy"),
        (0x9F, "busy"),
    ],
)
def test_a_refusal_is_told_by_its_reason(link: Any, handmade: Any, code: int, cause: str) -> None:
    def play(caller: Any, _: int) -> None:
        caller.read()
        caller.connack(code)

    assert link(handmade(play).url).down().cause == cause


@pytest.mark.broker
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_mosquitto_refuses_a_stranger_and_that_is_told(link: Any, mosquitto: Any, version: str) -> None:
    broker = mosquitto(anonymous=False)
    assert link(f"mqtt://127.0.0.1:{broker.port}", mqtt=version).down().cause == "not_allowed"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_refused_subscription_is_told_with_the_link(link: Any, handmade: Any, version: str) -> None:
    def play(caller: Any, _: int) -> None:
        for first, body in iter(caller.read, None):
            if first & 0xF0 == CONNECT:
                caller.send(0x20, b"\x00\x00\x00" if version == "5" else b"\x00\x00")
            elif first & 0xF0 == SUBSCRIBE:
                caller.send(0x90, body[:2] + (b"\x00\x87" if version == "5" else b"\x80"))

    up = link(handmade(play).url, mqtt=version).up()
    assert (up.cause, "refuses the subscription" in up.why) == ("subscription", True)


def test_a_password_file_that_is_gone_is_told(link: Any, handmade: Any, tmp_path: Any) -> None:
    station = link(handmade(behave).url, user="u", password_file=tmp_path / "secret")
    assert station.down().cause == "password_file"
    (tmp_path / "secret").write_text("x\n")
    station.up()


def test_a_second_box_with_our_name_is_told(link: Any, handmade: Any) -> None:
    def play(caller: Any, _: int) -> None:
        for first, _packet in caller.serve():
            if first & 0xF0 == SUBSCRIBE:
                caller.send(DISCONNECT, b"\x8e\x00")

    down = link(handmade(play).url).down()
    assert (down.cause, down.cut) == ("taken_over", False)


@pytest.mark.parametrize(("code", "cause"), [(0x89, "busy"), (0x8B, "shut_down"), (0x98, "lost")])
def test_a_broker_that_says_why_it_ends_a_connection_is_waited_for_accordingly(
    link: Any, handmade: Any, monkeypatch: pytest.MonkeyPatch, code: int, cause: str
) -> None:
    waited: list[tuple[str, bool]] = []

    def pause(_: Patience, why: str, stood: float) -> float:
        waited.append((why, stood > 0))
        return 0.0

    def play(caller: Any, number: int) -> None:
        for first, _packet in caller.serve():
            if first & 0xF0 == SUBSCRIBE and number == 1:
                caller.send(DISCONNECT, bytes([code, 0]))

    monkeypatch.setattr(Patience, "pause", pause)
    station = link(handmade(play).url)
    down = station.down()
    assert (down.cause, down.cut) == (cause, cause != "shut_down")  # no record is to blame for a restart
    station.up()
    assert waited == [(cause, True)]


def test_a_cut_connection_is_known_as_cut(link: Any, handmade: Any) -> None:
    def play(caller: Any, _: int) -> None:
        for first, _packet in caller.serve():
            if first & 0xF0 == PUBLISH:
                return

    station = link(handmade(play).url)
    station.up()
    station.mqtt.publish("evt", BODY)
    down = station.down()
    assert (down.cause, down.cut) == ("lost", True)
    assert station.mqtt.publish("evt", BODY) is None


def test_what_was_not_answered_is_not_sent_again_by_the_client_itself(link: Any, handmade: Any) -> None:
    """paho keeps what was published, over reconnections; a fresh client a connection does not."""
    packets: list[tuple[int, bytes]] = []

    def play(caller: Any, number: int) -> None:
        for first, body in caller.serve(puback=None):
            packets.append((first, body))
            if first & 0xF0 == PUBLISH and number == 1:
                return

    station = link(handmade(play).url)
    station.up()
    for _ in range(5):
        station.mqtt.publish("evt", BODY)
    station.down()
    station.up()
    time.sleep(0.3)
    assert len([first for first, _ in packets if first & 0xF0 == PUBLISH]) == 1


# --- nonsense -------------------------------------------------------------------------------------------------------


def test_a_topic_that_is_no_text_costs_one_message(link: Any, handmade: Any, caplog: pytest.LogCaptureFixture) -> None:
    def play(caller: Any, _: int) -> None:
        for first, _packet in caller.serve():
            if first & 0xF0 == SUBSCRIBE:
                for _time in range(3):
                    caller.publish(b"\xff\xfe", b"x")
                caller.publish(b"ack", b"good")

    with caplog.at_level(logging.WARNING):
        station = link(handmade(play).url)
        assert station.until(is_message).payload == b"good"
    assert station.mqtt.odd["fault"] == 3
    assert [one.name for one in caplog.records if "could not be handled" in one.getMessage()] == ["mqtt"]


@pytest.mark.parametrize(
    "packet",
    [
        b"\x90\x00",  # SUBACK of nothing
        b"\x40\x01\x00",  # half a PUBACK
        b"\x40\x03\x00\x01\x07",  # PUBACK with a reason that is none
        b"\x20\x00",  # CONNACK of nothing
        b"\x30\x01\x00",  # half a topic
        b"\x30\x05\x00\x01a\x63\x00",  # properties that are not there
        b"\xe0\x02\x01\x00",  # DISCONNECT with a reason that is none
        b"\x00\x00",
        b"\xf0\x05hello",
        b"\x30\xff\xff\xff\xff\xff",  # a length that is none
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_bytes_that_are_no_mqtt_end_the_connection_only(link: Any, handmade: Any, packet: bytes, before: bool) -> None:
    def play(caller: Any, number: int) -> None:
        if before and number == 1:
            caller.read()
            caller.link.sendall(packet)
            return
        for first, _packet in caller.serve():
            if first & 0xF0 == SUBSCRIBE and number == 1:
                caller.link.sendall(packet)
                return

    station = link(handmade(play).url)
    if not before:
        station.up()
    station.down()
    station.up()


def test_messages_that_are_too_large_or_too_many_are_dropped_and_counted(link: Any, handmade: Any) -> None:
    def play(caller: Any, _: int) -> None:
        for first, _packet in caller.serve():
            if first & 0xF0 == SUBSCRIBE:
                caller.publish(b"ack", bytes(MESSAGE_CAP + 1))
                for _time in range(100):
                    caller.publish(b"ack", bytes(MESSAGE_CAP))
                for _time in range(3000):
                    caller.publish(b"ack", b"x")

    station = link(handmade(play).url)
    eventually(lambda: station.mqtt.odd["flood"] > 2000)
    assert station.mqtt.odd["too_large"] == 1
    waiting = [station.inbox.get() for _ in range(station.inbox.qsize())]
    large = [one for one in waiting if isinstance(one, CityMessage) and len(one.payload) == MESSAGE_CAP]
    assert (len(waiting) <= 501, len(large) <= 30) == (True, True)


# --- silence, and the next broker -----------------------------------------------------------------------------------


def test_a_broker_that_says_nothing_is_left_for_the_next(link: Any, handmade: Any) -> None:
    def mute(caller: Any, _: int) -> None:
        while caller.link.recv(4096):
            pass

    station = link(handmade(mute).url, handmade(behave).url)
    assert station.down().cause == "mute"
    station.up()


def test_leaving_a_broker_tries_the_next_one(link: Any, handmade: Any) -> None:
    packets: list[tuple[int, bytes]] = []
    first, second = handmade(kept(packets)), handmade(behave)
    station = link(first.url, second.url)
    station.up()
    assert station.mqtt.broker == first.url
    station.mqtt.leave("silent", "the city is not heard")
    down = station.down()
    assert (down.cause, down.cut) == ("silent", False)
    station.up()
    assert station.mqtt.broker == second.url
    assert packets[-1][0] == DISCONNECT


def test_a_cluster_that_keeps_clients_on_a_node_sees_another_name_at_each_address(link: Any, handmade: Any) -> None:
    names: dict[str, bytes] = {}

    def ask(where: str) -> Any:
        def play(caller: Any, _: int) -> None:
            for first, body in caller.serve():
                if first == CONNECT:
                    names[where] = body.partition(b"station")[2].partition(b"\x00")[0]

        return play

    for setting in ("station", "station-and-broker"):
        names.clear()
        first, second = handmade(ask("first")), handmade(ask("second"))
        station = link(first.url, second.url, client_id=setting)
        station.up()
        station.mqtt.leave("silent", "the next one")
        station.down()
        station.up()
        assert (names["first"] == names["second"]) == (setting == "station")
        assert (names["first"] == b"") == (setting == "station")
    assert re.fullmatch(rb"-[0-9a-f]{4}", names["first"])  # the same at each start


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("mqtt://127.0.0.1:1", "closed_port"),
        ("mqtt://no.such.host.invalid:1883", "no_dns"),
        ("mqtt://" + "a" * 70 + ".example:1883", "no_dns"),
    ],
)
def test_why_there_is_no_way_is_told(link: Any, url: str, cause: str) -> None:
    assert link(url).down().cause == cause


def test_a_log_is_told_a_thing_once_a_minute() -> None:
    sparing = Sparing(60.0, cap=2)
    assert [sparing.due("a", 0.0), sparing.due("a", 59.0), sparing.due("a", 60.0)] == [True, False, True]
    assert [sparing.due("b", 60.0), sparing.due("c", 61.0), sparing.due("c", 130.0)] == [True, False, True]


def test_stopping_says_goodbye(handmade: Any, link: Any) -> None:
    packets: list[tuple[int, bytes]] = []
    station = link(handmade(kept(packets)).url)
    station.up()
    station.mqtt.stop()
    station.mqtt.join(10)
    eventually(lambda: packets[-1][0] == DISCONNECT)
    assert not any(isinstance(one, LinkChanged) and not one.up for one in station.seen)
