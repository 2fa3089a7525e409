"""What is recorded is what the format decodes; noise is as long as was asked."""

import pytest

from protocol import formats
from protocol.readings import Garbage, TestResult, Weighing
from simulator.bench.recording import noises, record


@pytest.mark.parametrize(
    ("format_id", "kind"), [("yaohua_tf0", Weighing), ("cas_handshake", Weighing), ("taiyang", TestResult)]
)
def test_a_recording_is_decoded_without_garbage(format_id: str, kind: type) -> None:
    form = formats.find(format_id)
    recording = record(form, 500)
    events = form.decoder().feed(recording.stream)
    assert len(recording.stream) >= 500
    assert any(isinstance(event, kind) for event in events)
    assert not any(isinstance(event, Garbage) for event in events)


def test_noise_is_as_long_as_asked_and_always_the_same() -> None:
    recording = record(formats.find("mt_sics"), 200)
    found = noises(recording, 1000)
    assert {len(noise) for noise in found.values()} == {1000}
    assert found == noises(recording, 1000)
