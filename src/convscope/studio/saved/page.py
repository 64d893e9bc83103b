"""A selection as one HTML file that works from a disk, without a server and without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from convscope import __version__
from convscope.studio.page_files import PAGE
from convscope.studio.saved.asking import Answer, Asking
from convscope.studio.saved.modules import PREFIX, import_map, modules_of
from convscope.studio.saved.selection import Selection, collected
from convscope.types import Json, Progress, no_progress

PANELS = (
    *("model", "explain", "input", "prediction", "maps", "position"),
    *("why", "kernels", "patches", "training"),
)
"""What is shown of one selection; the others need all of the data."""
_SHEET = re.compile(r'^ *<link rel="stylesheet" href="(static/[^"]+)" />\n', re.M)
_ICON = re.compile(r'href="(static/icon\.svg)"')
_SCRIPT = '    <script type="module" src="static/main.js"></script>\n'


async def saved_page(asking: Asking, selection: Selection, progress: Progress = no_progress) -> str:
    """The page with all that its panels show of a selection.

    Args:
        asking: Asks the studio.
        selection: What is selected.
        progress: Receives what is being computed.

    Raises:
        UsageError: There is no such model, sample or layer.
    """
    selection = await collected(asking, selection, progress)
    answers = {name: answer.to_json() for name, answer in asking.kept.items()}
    state = _without_places(asking.kept["api/state"], selection.model)
    answers["api/state"] = {"type": "application/json", "status": 200, "text": json.dumps(state)}
    model = state["models"][0]
    held: dict[str, Json] = {
        "selection": str(selection),
        "when": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "answers": answers,
    }
    scripts = ["static/main.js", *(f"static/panels/{panel}.js" for panel in PANELS)]
    if model["script"]:
        scripts.append(model["script"])
    return _html(held, scripts, model["name"])


def _without_places(answer: Answer, model: str) -> dict[str, list[dict[str, str]]]:
    """What there is, reduced to one model, without notes and names of folders of this machine."""
    state: dict[str, list[dict[str, str]]] = json.loads(answer.content)
    state["models"] = [{**each, "summary": ""} for each in state["models"] if each["id"] == model]
    state["notes"] = []
    return state


def _html(held: Mapping[str, Json], entries: Iterable[str], title: str) -> str:
    """`index.html` with all of its files within it."""
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    styles = "".join((PAGE.parent / sheet).read_text(encoding="utf-8") for sheet in _SHEET.findall(page))
    imports = _in_script({"imports": import_map(modules_of(entries))})
    begin = f'import "{PREFIX}static/main.js";'
    policy = _policy([imports, begin], styles)
    head = (
        f'    <meta http-equiv="Content-Security-Policy" content="{policy}" />\n'
        f"    <style>{styles}</style>\n"
        f'    <script type="application/json" id="convscope-saved">{_in_script(held)}</script>\n'
        f'    <script type="importmap">{imports}</script>\n'
        f'    <script type="module">{begin}</script>\n'
    )
    page = _SHEET.sub("", page).replace(_SCRIPT, "")
    icon = base64.b64encode((PAGE / "icon.svg").read_bytes()).decode()
    page = _ICON.sub(f'href="data:image/svg+xml;base64,{icon}"', page)
    page = page.replace("all of it comes from your own machine", "all of it is in this file")
    charset, _, rest = page.partition('<meta charset="utf-8" />\n')
    page = f'{charset}<meta charset="utf-8" />\n{head}{rest}'
    return page.replace("<title>", f"<title>{_escaped(title)}, ")


def _policy(scripts: Iterable[str], styles: str) -> str:
    """Only these scripts and styles, and the modules within the page; nothing is fetched from anywhere."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))} data:",
            f"style-src {_hash(styles)}",
            "img-src data: blob:",
            "media-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _in_script(value: object) -> str:
    """JSON that ends no script element, whatever it says."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
