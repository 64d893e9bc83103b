"""Opens the studio: models and their data by whatever names them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, Unpack

import keras

from convscope.errors import BackendError, ConvscopeError, UsageError
from convscope.run import data_of
from convscope.studio.decoder import Decoder
from convscope.studio.examples import encoder_by_example
from convscope.studio.models import StudioModel
from convscope.studio.notebook import NOTEBOOKS, NotebookStudio
from convscope.studio.proxies import proxy_of
from convscope.studio.samples import ReadSamples, SampleList, read_samples_for, reason_of
from convscope.studio.saved.writing import check_folder, write_page
from convscope.studio.server import LOOPBACK, Studio, studio_of
from convscope.studio.session import Session
from convscope.types import Progress
from convscope.workflows.load_model import open_model
from convscope.workflows.model_inputs.encoder import Encoder, encoder_of_run
from convscope.workflows.model_inputs.readers import numeric_model


class Opening(TypedDict, total=False):
    """How models are opened.

    Args:
        trust: Whether a file may hold code that runs when it is opened.
        code: Modules to import first, which register layers with Keras.
        input_shape: Of an architecture, or of a model that was never built.
        class_names: A file with the names of the outputs.
    """

    trust: bool
    code: Sequence[str]
    input_shape: tuple[int, ...] | None
    class_names: str | None


def open_studio(
    models: Sequence[keras.Model | str],
    data: Sequence[str] = (),
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    allow_remote: bool = False,
    frames: str = "'none'",
    proxy_host: str | None = None,
    decoder: Decoder | None = None,
    progress: Progress,
    **opening: Unpack[Opening],
) -> Studio:
    """Opens models and data; `Studio.serve` or `Studio.start` then serves the page.

    Args:
        models: Runs, `.keras` files, architectures, `module:function`, models in memory.
        data: Files or folders; none takes the data of the first run.
        host: The address to listen on.
        port: None takes the usual one, or else any that is free.
        allow_remote: Whether `host` may be an address that others reach.
        frames: Who may frame the page.
        proxy_host: A proxy through which the page may also be opened, with its path: see `proxy_of`.
        decoder: One whose process is already on its way; it is ended where nothing can be opened.
        progress: Receives how much is done.
        **opening: How models are opened.

    Raises:
        ConvscopeError: As of `open_session`, or an address that others reach without leave.
    """
    with _ended_on_failure(decoder):
        check_host(host, allow_remote)
        proxy = None if proxy_host is None else proxy_of(proxy_host)
        session = open_session(models, data, decoder=decoder, progress=progress, **opening)
        return studio_of(session, host, port, frames=frames, proxy=proxy)


@contextmanager
def _ended_on_failure(decoder: Decoder | None) -> Iterator[None]:
    """Ends the process that decodes where nothing can be opened."""
    try:
        yield
    except BaseException:
        if decoder is not None:
            decoder.close()
        raise


def open_session(
    models: Sequence[keras.Model | str],
    data: Sequence[str] = (),
    *,
    decoder: Decoder | None = None,
    progress: Progress,
    **opening: Unpack[Opening],
) -> Session:
    """Opens models and data without serving them.

    Args:
        models: As `open_studio` takes them.
        data: The same.
        decoder: A process that decodes inputs of one's own, if one has been started.
        progress: Receives how much is done.
        **opening: How models are opened.

    Raises:
        UsageError: Nothing has such a name.
        DataError: A file is malformed.
        RunError: A run is damaged.
    """
    if not models:
        raise UsageError("No model was given.", "Give a run or a .keras file: convscope studio MODEL")
    opened = [
        StudioModel(number, numeric_model(open_model(each, **opening))) for number, each in enumerate(models)
    ]
    samples, notes = _samples(opened, data, progress)
    encoders = _encoders(opened, samples)
    for model in opened:
        if model.id in encoders:
            model.read_by = encoders[model.id].recipe.spec
    return Session(opened, samples, notes, encoders, decoder)


def start_studio(*args: object, height: int, **options: object) -> NotebookStudio:
    """Opens models and data and serves the page in a thread.

    Args:
        *args: As `open_studio` takes them.
        height: Of the frame in a notebook, in pixels.
        **options: As `open_studio` takes them.

    Raises:
        ConvscopeError: As `open_studio`.
    """
    opens: Callable[..., Studio] = open_studio
    studio = opens(*args, frames=NOTEBOOKS, **options)
    studio.start()
    return NotebookStudio(studio, height)


def write_static(
    models: Sequence[keras.Model | str],
    data: Sequence[str],
    folder: Path,
    selection: str = "",
    *,
    progress: Progress,
    **opening: Unpack[Opening],
) -> Path:
    """Opens models and data and writes what is selected as one page.

    Args:
        models: As `open_studio` takes them.
        data: The same.
        folder: Gets `index.html`.
        selection: The address of the page, or what stands in it behind `#`.
        progress: Receives how much is done.
        **opening: How models are opened.

    Returns:
        The file.

    Raises:
        ConvscopeError: As `open_session` and `write_page`.
    """
    check_folder(folder)
    session = open_session(models, data, progress=progress, **opening)
    try:
        return write_page(session, folder, selection, progress)
    finally:
        session.close()


def _samples(
    models: Sequence[StudioModel], data: Sequence[str], progress: Progress
) -> tuple[SampleList | None, list[str]]:
    """The samples, and notes; a run whose data is no longer there is shown without samples."""
    read: dict[str, ReadSamples] = {}
    notes: list[str] = []
    for model in models:
        if not data and model.loaded.run is None and not read:
            return None, ["No data was given: the studio shows inputs of your own."]
        try:
            read[model.id] = read_samples_for(model.loaded, data or _same_data(models), progress)
        except BackendError:
            raise
        except ConvscopeError as error:
            if data:
                raise
            return None, [f"Without data: {reason_of(error)}"]
    samples = SampleList(read)
    return samples, [*notes, *(_without_places(note, models) for note in samples.notes)]


def _without_places(note: str, models: Sequence[StudioModel]) -> str:
    """A note with the names of runs in place of their folders, which the page tells nobody."""
    for model in models:
        if model.loaded.run is not None:
            note = note.replace(str(model.loaded.run.folder), model.loaded.name)
    return note


def _encoders(models: Sequence[StudioModel], samples: SampleList | None) -> dict[str, Encoder]:
    """How files become inputs of each model, as far as that is known."""
    found: dict[str, Encoder] = {}
    for model in models:
        read = None if samples is None else samples.read(model.id).encoder
        if read is not None:
            found[model.id] = read
        elif model.loaded.run is not None:
            found[model.id] = encoder_of_run(model.loaded)
        elif samples is None and (encoder := encoder_by_example(model.loaded)) is not None:
            found[model.id] = encoder
    return found


def _same_data(models: Sequence[StudioModel]) -> Sequence[str]:
    """The data of the first model, which all are shown with; nothing where it alone is to read its own."""
    run = models[0].loaded.run
    return () if run is None or len(models) == 1 else [str(data_of(run))]


def check_host(host: str, allow_remote: bool) -> None:
    """Refuses an address that other machines reach, unless that is wanted.

    Raises:
        UsageError: It is such an address.
    """
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not allow_remote:
        raise UsageError(
            f"{host} can be reached from other machines, which the studio is not made for: whoever has a link"
            " sees models and data, and nothing is encrypted.",
            "Leave --host out and use a tunnel (ssh -L), or add --allow-remote.",
        )
