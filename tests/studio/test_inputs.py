"""Inputs of one's own: drawn, dropped, malformed, too slow."""

import io
import os
import signal
import struct
import zlib

import numpy as np
import pytest
from opened_studio import array_of, json_of, npy
from PIL import Image

from convscope.errors import DataError
from convscope.studio.decoder import Decoder
from convscope.studio.own import shown_name


def sent(client, content, kind, **query):
    return client.post(
        "api/inputs", content=content, headers={"Content-Type": kind}, params={"m": "0", **query}
    )


@pytest.fixture(scope="module")
def sample(client):
    return json_of(client.get("api/samples?count=1"))["rows"][0]


def test_a_drawing_is_predicted_as_the_sample_that_it_repeats(client, sample):
    values = array_of(client.get(f"api/samples/{sample['id']}/input.npy"))
    own = json_of(sent(client, npy(values), "application/x-npy"))["id"]
    expected = json_of(client.get(f"api/models/0/samples/{sample['id']}/prediction"))
    found = json_of(client.get(f"api/models/0/samples/{own}/prediction"))
    assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)
    assert found["label"] is None
    maps = [
        array_of(client.get(f"api/models/0/samples/{each}/layers/0/maps.npy")) for each in (own, sample["id"])
    ]
    np.testing.assert_array_equal(*maps)
    facts = json_of(client.get(f"api/samples/{own}/input.json"))
    assert facts["original"] is None
    assert facts["axes"] == json_of(client.get(f"api/samples/{sample['id']}/input.json"))["axes"]
    assert client.get(f"api/samples/{own}/thumbnail.png").headers["content-type"] == "image/png"


def test_a_file_is_predicted_as_the_sample_that_it_is(client, sample, pictures):
    content = (pictures / sample["name"]).read_bytes()
    own = json_of(sent(client, content, "image/png", name="../<b>of mine.png"))["id"]
    expected = json_of(client.get(f"api/models/0/samples/{sample['id']}/prediction"))
    found = json_of(client.get(f"api/models/0/samples/{own}/prediction"))
    assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)
    facts = json_of(client.get(f"api/samples/{own}/input.json"))
    assert facts["name"] == "bof mine.png"
    original = client.get(f"api/samples/{own}/original")
    assert original.headers["content-security-policy"].startswith("default-src 'none'")
    with Image.open(io.BytesIO(original.content)) as one, Image.open(pictures / sample["name"]) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def bomb(side):
    """A PNG that announces a picture of this side, and holds a few bytes."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"no picture", "image/png", 409, "not an image"),
        (bomb(60_000), "image/png", 409, ""),
        (b"", "image/png", 422, "empty"),
        (b"<svg/>", "image/svg+xml", 422, "does not read"),
        (b"x", "", 422, "does not read"),
        (b"no array", "application/x-npy", 422, ".npy"),
        (npy(np.zeros((3, 3), np.float32)), "application/x-npy", 422, "takes inputs of shape"),
        (npy(np.full((48, 48, 1), np.nan)), "application/x-npy", 422, "finite"),
        (npy(np.array(["a"])), "application/x-npy", 422, "array of numbers"),
    ],
)
def test_what_cannot_be_an_input_is_refused_with_a_reason(client, content, kind, status, said):
    answer = sent(client, content, kind)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert "/tmp" not in answer.text


def test_many_inputs_do_not_stay_in_memory(client, studio, sample):
    values = npy(array_of(client.get(f"api/samples/{sample['id']}/input.npy")))
    ids = [json_of(sent(client, values, "application/x-npy"))["id"] for _ in range(70)]
    assert len(studio.session.own) == 64
    assert client.get(f"api/samples/{ids[0]}/input.npy").status_code == 404


def test_decoding_that_takes_too_long_is_ended_and_the_next_one_works(studio, pictures):
    encoders = {model: encoder.to_json() for model, encoder in studio.session.encoders.items()}
    decoder = Decoder(encoders, seconds=60)
    picture = next(pictures.glob("*/*.png"))
    try:
        decoder.start()
        first = decoder._process
        os.kill(first.pid, signal.SIGSTOP)  # so that it does take too long
        decoder._seconds = 0.5
        with pytest.raises(DataError, match="was ended"):
            decoder.decode(picture)
        assert first.poll() is not None
        decoder._seconds = 60.0
        assert decoder.decode(picture)["0"].facts["media"] == "picture"
    finally:
        decoder.close()
    with pytest.raises(DataError, match="ended"):
        decoder.decode(picture)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("", "input"),
        ("/", "input"),
    ],
)
def test_names_are_shown_without_paths_and_marks(given, shown):
    assert shown_name(given, "input") == shown
