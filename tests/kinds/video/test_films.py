"""Films of every form and with every fault: what is read, what is said of it, and what is refused."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_films import (
    CODECS,
    FRAMES,
    RATE,
    SIDE,
    gray_steps,
    moving,
    write_film,
    write_films,
    write_frames,
    write_sound,
    write_two_sizes,
)
from PIL import Image

from convscope.errors import ConvscopeError, DataError
from convscope.kinds.registry import choose_spec
from convscope.kinds.video.readers.films import frames_at, look_through
from convscope.kinds.video.readers.inputs import read_inputs
from convscope.kinds.video.readers.reader import read_clips
from convscope.kinds.video.readers.sources import natural

SIZE = (16, 16)


def levels(path, times, **more):
    """The brightness of the frames at some times."""
    facts = look_through(path, path.name)
    frames = frames_at(path, path.name, np.asarray(times, float), SIZE, 1, facts.origin, **more)
    return frames.mean(axis=(1, 2, 3))


@pytest.mark.parametrize("suffix", sorted(CODECS))
def test_a_film_of_every_form_is_read_at_the_times_asked_for(tmp_path, suffix):
    path = write_film(tmp_path / f"a{suffix}", gray_steps(np.arange(FRAMES) * 20))
    facts = look_through(path, "a")
    assert (facts.frames, facts.width, facts.height) == (FRAMES, SIDE, SIDE)
    assert facts.seconds == pytest.approx(FRAMES / RATE, abs=0.02)
    assert facts.rate == pytest.approx(RATE, rel=0.03)
    assert facts.notes == ()
    wanted = np.array([0.05, 0.55, 0.58, 1.15])
    assert levels(path, wanted) == pytest.approx([0, 100, 100, 220], abs=12)


def test_frames_of_a_variable_rate_are_chosen_by_their_time_stamps_and_not_by_their_number(tmp_path):
    times = [0, 0.1, 0.2, 0.3, 1.3, 1.4, 2.4, 2.5]
    path = write_film(tmp_path / "a.mkv", gray_steps(np.arange(8) * 30), times=times)
    facts = look_through(path, "a")
    assert facts.seconds == pytest.approx(2.6, abs=0.05)
    assert "a variable frame rate" in facts.notes[0]
    assert levels(path, [0.25, 0.9, 1.35, 2.0, 2.55]) == pytest.approx([60, 90, 120, 150, 210], abs=12)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotation_is_applied(tmp_path, rotation):
    frames = np.zeros((4, 32, 48, 3), np.uint8)
    frames[:, :16, :24] = 255  # the upper left quarter is white
    path = write_film(tmp_path / "a.mp4", frames, rotation=rotation)
    facts = look_through(path, "a")
    assert (facts.width, facts.height) == ((48, 32) if rotation == 180 else (32, 48))
    shown = frames_at(path, "a", np.array([0.1]), (facts.height, facts.width), 1, facts.origin)[0, ..., 0]
    turned = np.rot90(frames[0, ..., 0], rotation // 90)
    assert np.abs(shown.astype(int) - turned).mean() < 20


def test_a_film_turned_by_a_player_looks_as_pyav_says(tmp_path):
    """The angle counts against the clock, as that of `av_display_rotation_get`."""
    import av

    path = write_film(tmp_path / "a.mp4", moving("down", 0), rotation=90)
    with av.open(str(path)) as container:
        assert round(next(container.decode(video=0)).rotation) % 360 == 90


def test_frames_of_two_sizes_become_one(tmp_path):
    path = write_two_sizes(tmp_path / "a.avi")
    facts = look_through(path, "a")
    assert "frames of 2 sizes: 32x32, 64x64" in facts.notes
    times = (np.arange(FRAMES) + 0.5) / RATE
    assert levels(path, times) == pytest.approx(np.arange(FRAMES) * 20, abs=3)


def test_damage_in_the_middle_holds_the_frame_before(tmp_path):
    path = write_film(tmp_path / "a.avi", moving("down", 0, frames=60))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\0" * 400
    path.write_bytes(bytes(content))
    facts = look_through(path, "a")
    assert facts.frames > 30
    found = frames_at(path, "a", np.linspace(0, facts.seconds - 0.05, 20), SIZE, 1, facts.origin)
    assert found.shape == (20, *SIZE, 1)


def test_a_film_that_ends_early_is_as_long_as_its_frames_and_the_header_is_said_to_lie(tmp_path):
    path = write_film(tmp_path / "a.avi", moving("down", 0, frames=80))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    facts = look_through(path, "a")
    assert facts.frames < 60
    assert any("its header says" in note for note in facts.notes)


def test_sound_alone_and_what_is_no_film_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a film, received sound alone"):
        look_through(write_sound(tmp_path / "a.mp4"), "a")
    for name, content in (("empty.mp4", b""), ("text.avi", b"some words" * 100)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: cannot be read as a film"):
            look_through(tmp_path / name, name)


def test_a_playlist_opens_no_other_file(tmp_path):
    path = write_film(tmp_path / "secret.mp4", moving("down", 0))
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n")
    with pytest.raises(DataError, match="cannot be read as a film"):
        look_through(tmp_path / "list.mp4", "list")


def test_one_frame_is_a_clip_that_stands_still(tmp_path):
    path = write_film(tmp_path / "a.mp4", gray_steps([120]))
    facts = look_through(path, "a")
    assert (facts.frames, facts.notes) == (1, ("a single frame, which stands still",))
    assert levels(path, [0.0, 5.0]) == pytest.approx([120, 120], abs=3)


def test_a_long_film_is_entered_in_the_middle(tmp_path):
    path = write_film(tmp_path / "a.mp4", gray_steps(np.arange(80) * 3))
    assert levels(path, [5.05, 7.55]) == pytest.approx([150, 225], abs=8)


def test_frames_of_a_folder_are_in_the_order_of_their_numbers(tmp_path):
    for kind in ("a", "b"):
        for clip in "12":
            write_frames(tmp_path / kind / f"clip{clip}", gray_steps(np.arange(FRAMES) * 20 + (kind == "b")))
    spec, why = choose_spec(tmp_path)
    assert spec.name == "video-classification", why
    splits = read_clips(tmp_path, frame_rate=5.0)
    assert any(line.startswith("frame rate: 5 a second for folders of frames") for line in splits.decisions)
    clip = splits.train.samples.load(0)
    assert clip.seconds == pytest.approx(FRAMES / 5)
    found = clip.at((np.arange(FRAMES) + 0.5) / 5, SIZE, 1).mean(axis=(1, 2, 3))
    assert found == pytest.approx(np.arange(FRAMES) * 20, abs=1.5)
    assert sorted(["f10", "f9", "f1"], key=natural) == ["f1", "f9", "f10"]


def test_images_right_in_class_folders_are_no_clips(tmp_path):
    for kind in ("a", "b"):
        write_frames(tmp_path / kind, gray_steps([0, 100]))
    with pytest.raises(DataError, match="folders of frames in class folders, received 4 images"):
        read_clips(tmp_path)


def test_a_folder_of_moving_pictures_is_video_and_one_of_still_ones_is_not(tmp_path):
    for kind in ("across", "down"):
        for at in range(3):
            write_film(tmp_path / "moving" / kind / f"{at}.gif", moving(kind, at))
            still = tmp_path / "still" / kind / f"{at}.gif"
            still.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(moving(kind, at)[0]).save(still)
    assert choose_spec(tmp_path / "moving")[0].name == "video-classification"
    assert choose_spec(tmp_path / "still")[0].name == "image-classification"


def test_a_table_names_clips_with_label_split_and_source_and_skips_what_is_not_there(tmp_path):
    write_films(tmp_path)
    rows = [
        f"{kind}/p{at}_{kind}.avi,{kind},{'test' if at > 5 else 'train'},s{at}"
        for kind in ("across", "down")
        for at in range(8)
    ]
    (tmp_path / "clips.csv").write_text(
        "\n".join(["file,label,split,source", *rows, "gone.avi,down,train,s1"])
    )
    splits = read_clips(tmp_path)
    assert (len(splits.test), splits.class_names) == (4, ("across", "down"))
    assert any("no clip is called 'gone.avi'" in each.reason for each in splits.skipped)
    assert choose_spec(tmp_path / "clips.csv")[0].name == "video-classification"
    assert len(read_inputs([str(tmp_path / "clips.csv")])) == 16


def test_a_person_in_the_names_stays_on_one_side(tmp_path):
    splits = read_clips(write_films(tmp_path), group=r"(p\d)_", seed=1)
    sides = [{name.rpartition("/")[2][:2] for name in split.names()} for split in (splits.train, splits.test)]
    assert sides[1] and not sides[0] & sides[1]


def test_what_cannot_be_read_is_named_and_a_long_film_is_cut_into_parts(tmp_path):
    write_film(tmp_path / "long.avi", moving("down", 0, frames=50))
    write_film(tmp_path / "short.avi", moving("down", 1))
    (tmp_path / "bad.mp4").write_bytes(b"no")
    (tmp_path / "notes.txt").write_text("none")
    found = read_inputs([str(tmp_path)], part=1.25)
    assert {each.path.rpartition("/")[2] for each in found.skipped} == {"bad.mp4", "notes.txt"}
    names = [found.name(at).rpartition("/")[2] for at in range(len(found))]
    assert names[:2] == ["long.avi#t=0,1.25", "long.avi#t=1.25,2.5"]
    assert len(names) == 5 and names[-1] == "short.avi"
    part = found.load(1)
    whole = found.load(0)
    assert (part.start, part.seconds) == (1.25, 1.25)
    assert not np.array_equal(part.at(np.array([0.5]), SIZE, 1), whole.at(np.array([0.5]), SIZE, 1))


def test_pictures_in_an_unknown_form_are_refused(tmp_path):
    content = _CONTENT[".avi"]
    assert b"FMP4" in content
    path = tmp_path / "a.avi"
    path.write_bytes(content.replace(b"FMP4", b"zzzz"))
    with pytest.raises(DataError, match="a: its pictures are written in a form"):
        look_through(path, "a")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_of_any_kind_is_read_or_refused(tmp_path_factory, data):
    suffix = data.draw(st.sampled_from([".mp4", ".avi", ".mkv", ".webm", ".gif"]))
    content = bytearray(_CONTENT[suffix])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(bytes(content))
    try:
        facts = look_through(path, "damaged")
        frames_at(path, "damaged", np.array([0.0, facts.seconds / 2]), SIZE, 3, facts.origin)
    except ConvscopeError as error:
        assert error.message.startswith("damaged: ")


_CONTENT = {}


@pytest.fixture(scope="module", autouse=True)
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    for suffix in (".mp4", ".avi", ".mkv", ".webm", ".gif"):
        _CONTENT[suffix] = write_film(folder / f"a{suffix}", moving("down", 0)).read_bytes()
    assert io.BytesIO(_CONTENT[".gif"]).read(3) == b"GIF"
