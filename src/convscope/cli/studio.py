"""The command that opens the web page: studio."""

from __future__ import annotations

import contextlib
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from convscope.cli.arguments import CODE, INPUT_SHAPE, TRUST, check_inputs, check_model
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.inspect import CLASS_NAMES
from convscope.cli.options import Groups, OptionGroup, checked_values
from convscope.errors import UsageError
from convscope.lazy import Lazy
from convscope.option import Option, within

STUDIO_OPTIONS = (
    Option("port", int, None, "Port to listen on; 8765 or any free one by default", within(1, 65535)),
    Option("host", str, "127.0.0.1", "Address to listen on; one that others reach needs --allow-remote"),
    Option("allow_remote", bool, False, "Let other machines reach the page: links are not encrypted"),
    Option(
        "proxy_host",
        str,
        None,
        "A proxy, such as JupyterHub's, through which the page is opened: its name and the path of the page",
    ),
    Option("open", bool, True, "Open the page in a browser"),
)
SECONDS_OF_A_TURN = 5e-4
"""Of a thread, a tenth of what is usual: an answer of four turns comes 15 ms sooner."""
STATIC_OPTIONS = (
    Option("static", str, None, "Write one page that needs no server to this folder, instead of serving"),
    Option(
        "select",
        str,
        "",
        "What the page of --static shows: the address of a selection, or what stands in it behind #, such as"
        " 's=5&l=stem_conv&c=2&at=3,4'; by default the first sample and layer",
    ),
)

SERVING = frozenset(option.name for option in STUDIO_OPTIONS)
"""What concerns serving alone."""


class Served(Protocol):
    """What the command needs of a studio."""

    def link(self) -> str:
        """A link that opens the page once."""

    def serve(self) -> None:
        """Serves until Ctrl+C."""


def studio_groups() -> Groups:
    """The options of `studio`."""
    return (
        OptionGroup("Options", STUDIO_OPTIONS),
        OptionGroup("Without a server", STATIC_OPTIONS),
        OptionGroup("Model", (INPUT_SHAPE, CLASS_NAMES, TRUST, CODE)),
    )


def studio(model: str, /, *others: str, given: object = None) -> None:
    """Open a web page for MODEL and its data: maps, positions, attributions, kernels, samples.

    Parameters
    ----------
    model:
        A run, a .keras file, an architecture, or module:function that returns a model
    others:
        Further runs and .keras files to compare with; and files or folders of data, for a run by default
        those of its training
    """
    from convscope.api.studio import check_studio

    options: dict[str, object] = checked_values(given, studio_groups(), "studio")
    opens = options.pop("open", True)
    folder, selection = options.pop("static", None), options.pop("select", "")
    if selection and not folder:
        raise UsageError("--select belongs to --static.", "Add --static FOLDER, or leave it out.")
    if folder and (options.get("port") is not None or options.get("allow_remote")):
        raise UsageError(
            "--static serves nothing: it takes no --port and no --allow-remote.", "Leave them out."
        )
    models, data = divided((model, *others))
    for each in models:
        check_model(each)
    check_inputs(data)
    check_studio()
    decoder = None if folder else _launched()
    start_backend()
    if folder:
        _write(models, data, Path(str(folder)), str(selection or ""), options)
    else:
        _serve(models, data, bool(opens), {**options, "decoder": decoder})


def _launched() -> object:
    """The process that decodes, which imports what it needs while this one does."""
    launch: Lazy[Callable[[], object]] = Lazy("convscope.studio.decoder:launched")
    return launch.load()()


def _serve(models: Sequence[str], data: Sequence[str], opens: bool, options: dict[str, object]) -> None:
    """Serves the page until Ctrl+C."""
    place: Lazy[Callable[..., Served]] = Lazy("convscope.studio.opening:open_studio")
    with ProgressBar() as bar:
        served = place.load()(models, data, progress=bar, **options)
    link = served.link()
    say(f"The studio is open: {link}")
    say("The link works once, in one browser. Press Enter for another link, Ctrl+C to end.")
    if opens:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(link)
    if sys.stdin is not None and sys.stdin.isatty():
        threading.Thread(target=_give_links, args=(served,), daemon=True).start()
    # Answers pass from the thread that computes to the one that serves, which waits for its turn.
    sys.setswitchinterval(SECONDS_OF_A_TURN)
    with contextlib.suppress(KeyboardInterrupt):
        served.serve()
    say("The studio has ended.")


def _write(
    models: Sequence[str], data: Sequence[str], folder: Path, selection: str, options: dict[str, object]
) -> None:
    """Writes one page instead of serving."""
    opening = {name: value for name, value in options.items() if name not in SERVING}
    place: Lazy[Callable[..., Path]] = Lazy("convscope.studio.opening:write_static")
    with ProgressBar() as bar:
        file = place.load()(models, data, folder, selection, progress=bar, **opening)
    say(f"{file}, {file.stat().st_size / 2**20:.1f} MiB: open it in a browser; it needs no network.")


def divided(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Parts what was named into models and data: behind the first, runs and Keras files are models.

    Example:
        >>> divided(["compact_cnn", "b.keras", "photos"])
        (['compact_cnn', 'b.keras'], ['photos'])
    """
    models, data = [names[0]], list[str]()
    for name in names[1:]:
        is_model = name.endswith(".keras") or (Path(name) / "run.json").exists()
        (models if is_model else data).append(name)
    return models, data


def _give_links(served: Served) -> None:
    """Prints a new link for each line that is entered."""
    for _ in sys.stdin:
        say(served.link())
