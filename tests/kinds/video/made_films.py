"""Small films: a bright square that moves across or down in noise, and files with every fault."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

SIDE, FRAMES, RATE = 32, 12, 10
PER_CLASS = 8
CODECS = {
    ".mp4": "mpeg4",
    ".mov": "mpeg4",
    ".avi": "mpeg4",
    ".mkv": "mpeg4",
    ".webm": "libvpx",
    ".gif": "gif",
}
LIVE = {".ts": "mpeg4", ".mjpeg": "mjpeg", ".y4m": "rawvideo"}
"""Forms of films that come through a pipe."""


def moving(kind, seed, frames=FRAMES, side=SIDE):
    """A square that moves `across` or `down`, shape (frames, side, side, 3), uint8."""
    rng = np.random.default_rng([seed, len(kind)])
    film = rng.integers(30, 60, (1, side, side, 3)).repeat(frames, axis=0)
    size = side // 4
    lane, start = rng.integers(0, side - size), rng.integers(0, side - size)
    for at in range(frames):
        along = (start + 2 * at) % (side - size)
        row, column = (lane, along) if kind == "across" else (along, lane)
        film[at, row : row + size, column : column + size] = 220
    return film.astype(np.uint8)


def gray_steps(levels, side=SIDE):
    """A frame of one brightness for each level, shape (levels, side, side, 3), by which frames are known."""
    return np.broadcast_to(np.asarray(levels, np.uint8)[:, None, None, None], (len(levels), side, side, 3))


def write_film(path, frames, *, rate=RATE, times=None, rotation=0, quality=2):
    """A film of frames (n, height, width, 3); at `times`, in seconds, where these are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = {**CODECS, **LIVE}[path.suffix]
    forms = {".ts": "mpegts", ".y4m": "yuv4mpegpipe"}
    with av.open(str(path), "w", format=forms.get(path.suffix)) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = frames.shape[2], frames.shape[1]
        stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        if codec == "mpeg4":
            stream.codec_context.options = {"qscale": str(quality)}
            stream.codec_context.gop_size = 4
        if codec == "libvpx":
            stream.bit_rate = 2_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        base = Fraction(1, 1000)
        if times is not None:
            stream.codec_context.time_base = base
        for at, values in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="rgb24")
            frame.pts = at if times is None else round(times[at] * 1000)
            frame.time_base = Fraction(1, rate) if times is None else base
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path


def write_two_sizes(path):
    """A film of Motion JPEG whose frames become larger in the middle."""
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuvj420p"
        for at in range(FRAMES):
            side = SIDE if at < FRAMES // 2 else 2 * SIDE
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width = encoder.height = side
            encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, RATE)
            frame = av.VideoFrame.from_ndarray(np.full((side, side, 3), 20 * at, np.uint8), format="rgb24")
            frame = frame.reformat(format="yuvj420p")
            frame.pts, frame.time_base = at, Fraction(1, RATE)
            for packet in [*encoder.encode(frame), *encoder.encode(None)]:
                packet.stream, packet.pts, packet.dts = stream, at, at
                packet.time_base = Fraction(1, RATE)
                container.mux(packet)
    return path


def write_sound(path):
    """A file of sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_frames(folder, frames):
    """A folder of numbered frames."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, values in enumerate(frames):
        Image.fromarray(np.ascontiguousarray(values)).save(folder / f"frame{at}.png")
    return folder


def write_films(folder: Path, suffix=".avi", per_class=PER_CLASS) -> Path:
    """A folder per class of films, whose names say a person."""
    for kind in ("across", "down"):
        for at in range(per_class):
            write_film(folder / kind / f"p{at}_{kind}{suffix}", moving(kind, at))
    return folder
