"""TypeScript reads the modules of the page as JavaScript: what they import is there, and is called so."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import convscope

PACKAGE = Path(convscope.__file__).parent
VENDOR = Path(__file__).parent / "vendor"
COMPILER = VENDOR / "node_modules/typescript/bin/tsc"


@pytest.fixture
def served(tmp_path):
    """The modules where the server has them: `static/` and `kinds/`, libraries by their types alone."""
    node = shutil.which("node")
    if node is None or not COMPILER.exists():
        pytest.skip("TypeScript is not installed: npm install --no-package-lock in tests/studio/vendor")
    shutil.copytree(
        PACKAGE / "studio/static", tmp_path / "static", ignore=shutil.ignore_patterns("vendor", "style")
    )
    shutil.copytree(VENDOR / "types", tmp_path / "static/vendor")
    for script in PACKAGE.glob("kinds/*/studio.js"):
        place = tmp_path / "kinds" / script.parent.name
        place.mkdir(parents=True)
        shutil.copy(script, place)
    shutil.copy(VENDOR / "tsconfig.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(VENDOR / "node_modules", target_is_directory=True)

    def compile_all():
        """What the compiler says, one line for each error."""
        done = subprocess.run(
            [node, str(COMPILER), "--project", str(tmp_path), "--pretty", "false"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return [line for line in done.stdout.splitlines() if "error TS" in line]

    return tmp_path, compile_all


def test_the_modules_of_the_page_agree_with_each_other(served):
    """A module that imports what is gone, or gives a function too much, is found, too."""
    folder, compile_all = served
    assert compile_all() == []
    wrong = 'import { gone } from "./api.js";\nimport { fixed } from "./format.js";\nfixed(gone, 2, 3);\n'
    (folder / "static/wrong.js").write_text(wrong, "utf-8")
    found = compile_all()
    assert len(found) == 2
    assert "no exported member 'gone'" in found[0]
    assert "Expected 0-2 arguments, but got 3" in found[1]
