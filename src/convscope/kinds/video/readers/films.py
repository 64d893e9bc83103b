"""Films by PyAV: what a file holds by its frames rather than by its header, and the frames at given times.

| what is there | what happens |
|---|---|
| a header with a wrong length or number of frames | frames are counted; a note where a tenth is missing |
| a variable frame rate | frames are chosen by their time stamps; a note |
| a rotation, as phones store it | frames are turned as a player turns them |
| damage in the middle | the frame before is held until the next that can be decoded; a note |
| several resolutions | each frame is resized by itself; a note |
| no pictures, as in a sound file, or a cover alone | `DataError` |
| nothing that can be decoded | `DataError` |
| one frame | a film that stands still; a note |
| playlists that name other files or addresses | refused: only files of films are opened |
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from convscope.errors import BackendError, DataError, install_command

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Frames = npt.NDArray[np.uint8]
"""Shape (frames, height, width, channels)."""

FILMS = (
    *(".mp4", ".m4v", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv"),
    *(".mts", ".m2ts"),
)
"""Endings of films, in lower case."""
ANIMATIONS = (".gif",)
"""Endings of pictures that may move."""
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,gif,mpeg,mpegts,mpegvideo,m4v,asf,flv,ogg"
"""What FFmpeg may take a file for: forms that name no other files."""
_LIVE = f"{_DEMUXERS},mjpeg,mpjpeg,jpeg_pipe,yuv4mpegpipe,h264,hevc,ivf"
"""The same of a film that is still coming."""
JUMP, BACK = 10.0, 1.0
"""Seconds by which a time stamp of a film that is still coming is ahead of the one before at most, and by
which it may be behind; more is a new beginning."""
MOST_PIXELS = 2**26
"""Of a frame that is decoded."""
DECODED_SECONDS = 60.0
"""Of a film that are decoded to see whether they can be; later frames are only counted."""
USUAL_RATE = 25.0
"""Frames a second of a film that does not say it."""
_LYING = 0.1
_VARIABLE = 0.25
"""Share of intervals that differ by a tenth from the usual one, in a film of a variable rate."""
_SEEK_FROM = 2.0
"""Seconds from which on a film is entered in the middle."""


@dataclass(frozen=True)
class FilmFacts:
    """What is known of a film that was looked through once.

    Args:
        seconds: From the first frame to the end of the last one.
        frames: How many there are.
        rate: Frames a second, by the usual interval between them.
        width: Of a frame as it is shown, in pixels.
        height: Of it.
        origin: The time stamp of the first frame, in seconds.
        notes: What should be known, one line each.
    """

    seconds: float
    frames: int
    rate: float
    width: int
    height: int
    origin: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass
class _Seen:
    """What was met while a film was looked through."""

    times: list[float] = field(default_factory=list)
    sizes: dict[tuple[int, int], None] = field(default_factory=dict)
    damaged: int = 0


def look_through(path: Path, name: str) -> FilmFacts:
    """Decodes the first minute of a film and counts the rest.

    Args:
        path: The file.
        name: What it is called in messages.

    Raises:
        DataError: It is no film, has no pictures, or none of them can be decoded.
        BackendError: PyAV is not installed.
    """
    seen = _Seen()
    with _opened(f"file:{path}", name) as (container, stream):
        said = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
        rate = float(stream.average_rate or 0) or USUAL_RATE
        for frame in _frames(container, stream, seen, DECODED_SECONDS):
            seen.sizes.setdefault(shown_size(frame))
            seen.times.append(_time(frame, len(seen.times), rate))
        counted = stream.frames
    if not seen.sizes:
        raise DataError(f"{name}: expected a film, received one of which no frame can be decoded")
    return _facts(seen, said, counted, rate)


def _facts(seen: _Seen, said: float | None, counted: int, rate: float) -> FilmFacts:
    times = np.unique(seen.times)
    gaps = np.diff(times)
    usual = float(np.median(gaps)) if len(gaps) else 1 / rate
    seconds = float(times[-1] - times[0]) + usual
    width, height = next(iter(seen.sizes))
    return FilmFacts(
        seconds,
        len(times),
        1 / usual,
        width,
        height,
        float(times[0]),
        tuple(_notes(seen, gaps, usual, said, seconds, counted)),
    )


def _notes(
    seen: _Seen, gaps: npt.NDArray[np.float64], usual: float, said: float | None, seconds: float, counted: int
) -> Iterator[str]:
    frames = len(gaps) + 1
    if frames == 1:
        yield "a single frame, which stands still"
    if len(gaps) and np.mean(np.abs(gaps / usual - 1) > 0.1) > _VARIABLE:
        yield f"a variable frame rate, {1 / gaps.max():.3g} to {1 / max(gaps.min(), 1e-6):.3g} a second"
    if said is not None and frames > 1 and abs(said - seconds) > max(_LYING * seconds, 2 * usual):
        yield f"its header says {said:.3g} s, its frames last {seconds:.3g} s"
    elif counted and abs(counted - frames) > max(_LYING * frames, 2):
        yield f"its header says {counted} frames, it has {frames}"
    if seen.damaged:
        yield f"{seen.damaged} parts are damaged; the frame before is held there"
    if len(seen.sizes) > 1:
        shown = ", ".join(f"{width}x{height}" for width, height in list(seen.sizes)[:3])
        yield f"frames of {len(seen.sizes)} sizes: {shown}"


def frames_at(
    path: Path, name: str, times: npt.NDArray[np.float64], size: tuple[int, int], channels: int, origin: float
) -> Frames:
    """The frames that are on the screen at some times.

    Args:
        path: The film.
        name: What it is called in messages.
        times: In seconds from its first frame, rising, shape (n,).
        size: Height and width that each frame is resized to, by averaging.
        channels: 1 for gray, 3 for red, green and blue.
        origin: The time stamp of its first frame, in seconds.

    Returns:
        Shape (n, height, width, channels), uint8.

    Raises:
        DataError: The file has changed, or nothing of it can be decoded.
    """
    found = np.empty((len(times), *size, channels), np.uint8)
    with _opened(f"file:{path}", name) as (container, stream):
        _enter(container, stream, float(times[0]) + origin)
        rate, at = float(stream.average_rate or 0) or USUAL_RATE, 0
        held: Frames | None = None
        waiting: VideoFrame | None = None
        for number, frame in enumerate(_frames(container, stream, _Seen(), math.inf)):
            when = _time(frame, number, rate) - origin
            before = waiting if waiting is not None else frame
            while at < len(times) and times[at] < when - 1e-6:
                held = resized(before, size, channels) if held is None else held
                found[at], at = held, at + 1
            if at == len(times):
                return found
            waiting, held = frame, None
        if waiting is None:
            raise DataError(f"{name}: expected frames from {times[0]:.2f} s on, received none")
        found[at:] = resized(waiting, size, channels)
    return found


def shown_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height of a frame as it is shown."""
    turned = _quarters(frame) % 2
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def _quarters(frame: VideoFrame) -> int:
    """Quarter turns against the clock that a frame is shown with."""
    return round(frame.rotation / 90) % 4


def resized(frame: VideoFrame, size: tuple[int, int], channels: int) -> Frames:
    """A frame as it is shown, averaged to a size, shape (height, width, channels)."""
    turns = _quarters(frame)
    height, width = size if turns % 2 == 0 else size[::-1]
    form = "gray" if channels == 1 else "rgb24"
    values = frame.reformat(width=width, height=height, format=form, interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(values.reshape(height, width, channels), turns))


def _time(frame: VideoFrame, number: int, rate: float) -> float:
    """When a frame is shown, by its time stamp, or its number where it has none."""
    return number / rate if frame.time is None else float(frame.time)


@contextmanager
def _opened(
    source: str | Pipe, name: str, demuxers: str = _DEMUXERS, **options: str
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A film, by its address or as a pipe, and its pictures; errors of FFmpeg become `DataError`."""
    try:
        import av
    except ImportError as error:
        raise BackendError(
            "Films are read by av, which is not installed.", install_command("video")
        ) from error
    bounds = {"format_whitelist": demuxers, "protocol_whitelist": "file", "max_pixels": str(MOST_PIXELS)}
    try:
        with av.open(source, options={**bounds, **options}, metadata_errors="ignore") as container:
            covers = av.stream.Disposition.attached_pic
            streams = [each for each in container.streams.video if not each.disposition & covers]
            if not streams:
                what = "sound alone" if container.streams.audio else "no stream of pictures"
                raise DataError(f"{name}: expected a film, received {what}")
            stream = streams[0]
            if stream.codec_context is None:
                raise DataError(f"{name}: its pictures are written in a form that FFmpeg cannot decode here")
            stream.thread_count = 1  # several clips are decoded at a time
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            if stream.width * stream.height > MOST_PIXELS:
                raise DataError(
                    f"{name}: expected frames that fit in memory, received {stream.width} x {stream.height}"
                )
            yield container, stream
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{name}: cannot be read as a film ({reason})") from error


def _enter(container: InputContainer, stream: VideoStream, seconds: float) -> None:
    """Goes to the last key frame before a time; a film that cannot is read from its start."""
    import av

    if seconds < _SEEK_FROM or not stream.time_base:
        return
    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
    except av.FFmpegError:
        container.seek(0)


def _frames(
    container: InputContainer, stream: VideoStream, seen: _Seen, until: float, back: float = math.inf
) -> Iterator[VideoFrame]:
    """Frames in the order in which they are shown; what is damaged is counted and passed over.

    From `until` on, in seconds, packets are only counted: their times are added to `seen`. A time stamp that
    runs back by more than `back` seconds begins anew.
    """
    import av

    packets, last = container.demux(stream), -math.inf
    first: float | None = None
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            seen.damaged += 1
            return
        stamp = _stamp(packet)
        first = stamp if first is None else first
        if stamp is not None and first is not None and stamp - first > until:
            seen.times.append(stamp)
            continue
        try:
            decoded = packet.decode()
        except (av.FFmpegError, ValueError):
            seen.damaged += 1
            continue
        for frame in decoded:
            seen.damaged += bool(frame.is_corrupt)
            when = last if frame.time is None else float(frame.time)
            if when >= last or when < last - back:  # one that runs back a little would be shown too late
                last = when
                yield frame


class Pipe:
    """A binary stream of which FFmpeg reads what is there, rather than wait until a buffer is full.

    Args:
        file: Such as `sys.stdin.buffer`; need not be seekable.

    Attributes:
        interrupted: What came while it waited, such as Ctrl-C; the stream ends then. FFmpeg calls `read` and
            lets nothing through that is no `Exception`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.name = "standard input"
        self.interrupted: KeyboardInterrupt | None = None
        self._read = getattr(file, "read1", file.read)

    def read(self, size: int) -> bytes:
        """So many bytes at most, at least one unless the stream has ended."""
        if self.interrupted is not None:
            return b""
        try:
            return bytes(self._read(size))
        except KeyboardInterrupt as error:
            self.interrupted = error
            return b""

    def check(self) -> None:
        """Raises what came while it waited.

        Raises:
            KeyboardInterrupt: That is what came.
        """
        if self.interrupted is not None:
            raise self.interrupted


class LiveFilm:
    """A film that is still coming, such as from a camera.

    Args:
        file: MPEG-TS, Matroska, fragmented MP4, Motion JPEG, YUV4MPEG or another form that can be read from
            its beginning on.

    Attributes:
        restarts: How often the time stamps have begun anew.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._seen = _Seen()
        self.restarts = 0

    @property
    def damaged(self) -> int:
        """Parts that could not be decoded so far."""
        return self._seen.damaged

    def frames(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames as soon as they are decoded, each with its seconds from the first one.

        Raises:
            DataError: The stream is no film.
        """
        hint = "Send MPEG-TS, such as: ffmpeg -i CAMERA -an -c:v mpeg4 -f mpegts -"
        pipe = Pipe(self._file)
        try:
            with _opened(pipe, "standard input", _LIVE, analyzeduration="1000000") as opened:
                container, stream = opened
                rate, last, offset = float(stream.average_rate or 0) or USUAL_RATE, 0.0, 0.0
                for number, frame in enumerate(_frames(container, stream, self._seen, math.inf, BACK)):
                    pipe.check()
                    stamp = _time(frame, number, rate)
                    offset = -stamp if number == 0 else offset
                    if not last <= stamp + offset <= last + JUMP:
                        offset, self.restarts = last + 1 / rate - stamp, self.restarts + 1
                    last = stamp + offset
                    yield last, frame
            pipe.check()
        except DataError as error:
            pipe.check()
            raise DataError(error.message, hint=error.hint or hint) from error


def _stamp(packet: Any) -> float | None:
    """When the frame of a packet is shown, in seconds."""
    found = packet.pts if packet.pts is not None else packet.dts
    return None if found is None or packet.time_base is None else float(found * packet.time_base)
