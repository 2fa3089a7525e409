from drivers.model import Model
from edge.ports.silence import Nature, Silence
from protocol.link import Link
from protocol.readings import Garbage, Reply, Weighing

FRAME = [Weighing(None)]
NOISE = [Garbage(bytes(20), "parity")]
LINK = Link(9600)


def watch(format_id="st_gs", now=0.0):
    return Silence(Nature.of(Model(format_id, "", "", format_id), LINK), now)


def test_a_silent_scale_is_told_once_with_the_next_step():
    silence = watch()
    assert silence.news(9.9) is None
    assert silence.news(10.0) == "no frame for 10 s; check cable and that output mode is continuous"
    assert silence.news(11.0) is None and silence.news(500.0) is None


def test_its_return_is_told_once():
    silence = watch()
    silence.news(10.0)
    silence.heard(b"x", FRAME, 12.0)
    assert silence.news(12.0) == ""
    silence.heard(b"x", FRAME, 12.1)
    assert silence.news(12.1) is None
    assert silence.news(22.2) is not None


def test_an_asked_scale_is_silent_from_the_first_question_without_an_answer():
    silence = watch("mt_sics", now=-100.0)
    assert silence.news(0.0) is None
    silence.asked(0.0)
    silence.asked(5.0)
    assert silence.news(9.0) is None
    told = silence.news(10.0)
    assert told and told.startswith("no answer to requests for 10 s") and "9600/8n1" in told


def test_an_instrument_that_is_asked_seldom_is_not_silent_in_between():
    silence = watch("dayuan_crc8")
    for minute in range(5):
        silence.asked(minute * 60.0)
        silence.heard(b"x", [Reply("count")], minute * 60.0 + 0.2)
        assert silence.news(minute * 60.0 + 59.0) is None


def test_an_answer_that_the_session_keeps_to_itself_is_an_answer():
    silence = watch("cas_handshake")
    for second in range(30):
        silence.asked(float(second))
        silence.heard(b"\x15", [], second + 0.1)  # not ready
        assert silence.news(second + 0.1) is None


def test_only_unreadable_bytes_are_told_with_the_reason():
    silence = watch()
    for second in range(10):
        silence.heard(bytes(20), NOISE, float(second))
        assert silence.news(float(second)) is None
    told = silence.news(10.0)
    assert told == "only unreadable bytes: parity; check protocol and link settings (9600/8n1, parity)"
    silence.heard(bytes(20), NOISE, 11.0)
    assert silence.news(11.0) is None
    silence.heard(b"x", FRAME, 12.0)
    assert silence.news(12.0) == ""


REFUSED = [Reply("exception", (("meaning", "device failure"),))]


def test_a_probe_without_its_sensor_answers_and_has_no_value():
    silence = watch("modbus_sht20")
    for second in range(0, 10, 5):
        silence.asked(float(second))
        silence.heard(b"x", REFUSED, second + 0.1)
        assert silence.news(second + 0.1) is None
    told = silence.news(10.2)
    assert told and told.startswith("every request is refused: device failure")
    silence.heard(b"x", REFUSED, 11.0)
    assert silence.news(11.0) is None
    silence.asked(12.0)
    told = silence.news(22.0)
    assert told and told.startswith("no answer to requests")
    silence.heard(b"x", [Reply("registers")], 23.0)
    assert silence.news(23.0) == ""


def test_a_refusal_between_readings_is_nothing_to_tell():
    silence = watch("modbus_sht20")
    for second in range(60):
        silence.heard(b"x", REFUSED, float(second))
        silence.heard(b"x", FRAME, second + 0.5)
        assert silence.news(second + 0.5) is None


def test_an_instrument_that_may_be_quiet_may_refuse():
    silence = watch("astm")
    silence.heard(b"x", REFUSED, 0.0)
    assert silence.news(1000.0) is None


def test_noise_between_frames_is_nothing_to_tell():
    silence = watch()
    for second in range(60):
        silence.heard(bytes(20), NOISE, float(second))
        silence.heard(b"x", FRAME, second + 0.5)
        assert silence.news(second + 0.5) is None


def test_a_silent_scale_that_becomes_unreadable_is_told_again():
    silence = watch()
    assert silence.news(10.0)
    silence.heard(bytes(20), NOISE, 20.0)
    told = silence.news(30.0)
    assert told and told.startswith("only unreadable bytes")


def test_devices_that_may_be_quiet_are_left_alone():
    for format_id in ("astm", "hl7_mllp"):
        assert watch(format_id).news(10_000.0) is None


def test_a_quiet_device_that_says_what_nobody_can_read_is_told():
    silence = watch("astm")
    silence.heard(bytes(20), NOISE, 100.0)
    assert silence.news(101.0) is None
    assert silence.news(110.0)


def test_a_few_stray_bytes_are_silence():
    silence = watch()
    silence.heard(b"\0", [Garbage(b"\0", "no frame")], 1.0)
    told = silence.news(11.0)
    assert told and told.startswith("no frame for 10 s")


def test_what_is_only_acknowledged_is_not_asked():
    silence = watch("astm")
    silence.asked(1.0)
    assert silence.news(100.0) is None


def test_a_scale_that_states_each_weight_once_may_say_nothing_though_it_is_asked():
    silence = watch("adam_azextra")
    silence.asked(1.0)
    assert silence.news(100.0) is None
