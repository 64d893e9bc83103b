"""The modules of the page as addresses that hold them, for a page that is opened from a disk.

Browsers load no module from `file://`. A saved page therefore has an import map, from the name of each module
to a `data:` address. Such a module knows no place beside it: what it imports is called by name, and no longer
by a relative path.
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Iterable

from convscope.studio.page_files import PAGE, element_script

PREFIX = "convscope/"
"""What the name of a module begins with; its path below the page follows."""
VENDORED = "static/vendor/"
"""What is below it imports nothing, and stays as it is."""
_TYPE = "data:text/javascript;charset=utf-8"
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])(\.{1,2}/[^"'\n]+)\2""")


def modules_of(entries: Iterable[str]) -> dict[str, str]:
    """Modules, and all that they import, by their paths below the page.

    Args:
        entries: Paths such as `static/main.js` and `kinds/image/studio.js`.

    Raises:
        FileNotFoundError: There is no such module.
    """
    found: dict[str, str] = {}
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        text = _text_of(path)
        found[path] = text if path.startswith(VENDORED) else _by_names(text, path)
        waiting.extend(_imported(text, path))
    return dict(sorted(found.items()))


def import_map(modules: dict[str, str]) -> dict[str, str]:
    """From the name of each module to an address that holds it.

    Args:
        modules: Texts by path, as of `modules_of`.

    Example:
        >>> import_map({"static/a.js": "1"})
        {'convscope/static/a.js': 'data:text/javascript;charset=utf-8;base64,MQ=='}
    """
    return {f"{PREFIX}{path}": f"{_TYPE};base64,{_base64(text)}" for path, text in modules.items()}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text_of(path: str) -> str:
    folder, _, rest = path.partition("/")
    if folder == "kinds":
        content = element_script(*rest.split("/", 1))
        if content is None:
            raise FileNotFoundError(path)
        return content.decode()
    return (PAGE / rest).read_text(encoding="utf-8")


def _imported(text: str, path: str) -> list[str]:
    return [] if path.startswith(VENDORED) else [_beside(name, path) for _, _, name in _IMPORT.findall(text)]


def _by_names(text: str, path: str) -> str:
    return _IMPORT.sub(lambda found: f'{found[1]}"{PREFIX}{_beside(found[3], path)}"', text)


def _beside(name: str, path: str) -> str:
    """The path of what a module calls by a relative path.

    Example:
        >>> _beside("../raster.js", "static/panels/maps.js")
        'static/raster.js'
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
