"""The studio from Python: a page for a model and data, in a notebook or in a browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from convscope.backend import prepare_backend
from convscope.errors import BackendError, install_command
from convscope.lazy import Lazy
from convscope.types import Progress, no_progress

if TYPE_CHECKING:
    import keras


PathLike = str | os.PathLike[str]
REQUIRES = ("starlette", "uvicorn")


class RunningStudio(Protocol):
    """A studio that serves its page in a thread, until `stop` or the end of the process."""

    @property
    def address(self) -> str:
        """Where the page is, for browsers that have opened a link."""

    def link(self) -> str:
        """A new link, which opens the page once."""

    def stop(self) -> None:
        """Ends serving and frees the memory of the maps."""

    def _repr_html_(self) -> str:
        """The page in a frame, for a notebook."""


class _Open(Protocol):
    def __call__(self, models: Sequence[object], data: Sequence[str], **options: object) -> RunningStudio: ...


_OPENED: Lazy[_Open] = Lazy("convscope.studio.opening:start_studio")
_LAUNCHED: Lazy[Callable[[], object]] = Lazy("convscope.studio.decoder:launched")


def studio(
    model: keras.Model | PathLike | Sequence[keras.Model | PathLike],
    data: PathLike | Sequence[PathLike] | None = None,
    *,
    port: int | None = None,
    proxy_host: str | None = None,
    trust: bool = False,
    code: Sequence[str] = (),
    input_shape: tuple[int, ...] | None = None,
    class_names: str | os.PathLike[str] | None = None,
    height: int = 800,
    progress: Progress = no_progress,
) -> RunningStudio:
    """Opens a page in which a model and its data are looked at; a notebook shows it in a frame.

    Args:
        model: As `explain` takes it; or several of one kind of data, to be compared.
        data: Files or folders as `look` takes them; by default the data of the run.
        port: To listen on, at the address of this machine alone; by default 8765, or else any that is free.
        proxy_host: A proxy that opens the page too, with its path: `hub.example.org/user/anna/proxy/8765`.
        trust: Whether a file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        input_shape: Shape of one sample, for an architecture or a model that was never built.
        class_names: A file with the names of the outputs, one per line or JSON, for what is not a run.
        height: Of the frame in a notebook, in pixels.
        progress: Receives each step.

    Returns:
        The studio, which serves until `stop()` or the end of the process; `link()` opens it in a browser.

    Raises:
        UsageError: Nothing is named so, or the port is taken.
        DataError, RunError: A file is malformed, or the run damaged.
        BackendError: The extra `studio` is not installed.
    """
    check_studio()
    prepare_backend()
    return _OPENED.load()(
        [_named(each) for each in _several(model)],
        [] if data is None else [str(_named(path)) for path in _several(data)],
        port=port,
        proxy_host=proxy_host,
        trust=trust,
        code=code,
        input_shape=input_shape,
        class_names=None if class_names is None else os.fspath(class_names),
        height=height,
        decoder=_LAUNCHED.load()(),
        progress=progress,
    )


def _several(given: object) -> list[object]:
    """What was given, in a list; text is one of its kind."""
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]


def check_studio() -> None:
    """Refuses to start where a package of the extra is not installed.

    Raises:
        BackendError: The hint has the command that installs it.
    """
    missing = [name for name in REQUIRES if find_spec(name) is None]
    if missing:
        raise BackendError(
            f"The studio needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not"
            " installed.",
            f"Install the extra: {install_command('studio')}",
        )


def _named(model: object) -> object:
    return os.fspath(model) if isinstance(model, os.PathLike) else model
