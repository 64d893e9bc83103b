"""The studio in a notebook: a frame that opens the page with a link of its own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from convscope.studio.saved.writing import write_page
from convscope.studio.server import Studio

NOTEBOOKS = "'self' http://127.0.0.1:* http://localhost:* https://localhost:* vscode-webview:"
"""Pages of this machine, which may frame the page of a studio that was opened in Python."""

_FRAME = """<div><iframe title="convscope studio" width="100%" height="{height}" style="border:0"
 allow="camera; microphone"></iframe></div>
<script>(() => {{
  const frame = document.currentScript.previousElementSibling.firstElementChild;
  const local = ["127.0.0.1", "localhost"].includes(location.hostname);
  const hub = location.pathname.match(/^(.*?)\\/(?:lab|notebooks|tree|doc|voila)(?:\\/|$)/);
  frame.src = local || !hub ? "http://" + (local ? location.hostname : "127.0.0.1") + ":{port}/" + {query}
    : location.origin + hub[1] + "/proxy/{port}/" + {query};
}})();</script>"""


@dataclass(frozen=True, eq=False)
class NotebookStudio:
    """A studio that serves in a thread of the process, and shows itself in a notebook.

    Args:
        studio: It.
        height: Of the frame, in pixels.
    """

    studio: Studio
    height: int = 800

    @property
    def address(self) -> str:
        """Where the page is, for browsers that have opened a link."""
        return self.studio.address

    def link(self) -> str:
        """A new link, which opens the page once."""
        return self.studio.link()

    def save(self, folder: str | os.PathLike[str], selection: str = "") -> Path:
        """Writes what is selected as one page that works from a disk, without a server.

        Args:
            folder: Gets `index.html`.
            selection: The address of the page, or what stands in it behind `#`.

        Returns:
            The file.

        Raises:
            UsageError: There is no such model, sample or layer.
        """
        return write_page(self.studio.session, Path(folder), selection)

    def stop(self) -> None:
        """Ends serving and frees the memory of the maps."""
        self.studio.stop()

    def _repr_html_(self) -> str:
        """The page in a frame; below the notebook's own address where a hub serves it."""
        query = json.dumps(f"?token={self.studio.keys.new_token()}")
        return _FRAME.format(height=self.height, port=self.studio.port, query=query)
