"""The files of the page: vendored libraries are what they say, and nothing needs a network or inline code."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import convscope
from convscope.kinds.registry import kinds

PACKAGE = Path(convscope.__file__).parent
STATIC = PACKAGE / "studio/static"
VENDOR = STATIC / "vendor"
BUILD = Path(__file__).parent / "vendor"
OWN = sorted([*STATIC.glob("*.js"), *STATIC.glob("panels/*.js"), *PACKAGE.glob("kinds/*/studio.js")])


def named(path):
    return f"{path.parent.name}/{path.name}"


def test_vendored_files_have_the_sums_that_are_written_down():
    sums = dict(reversed(line.split("  ")) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in VENDOR.iterdir()} - {"SHA256SUMS"}
    for name, expected in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == expected


def test_each_library_brings_its_licence_and_says_its_version():
    for path in VENDOR.glob("*.js"):
        assert re.match(r"/\* [\w-]+ \d+\.\d+\.\d+, (MIT|BSD-3-Clause);", path.read_text(encoding="utf-8"))
        assert "Copyright" in path.with_suffix(".LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_libraries_are_built_from_their_exact_versions(tmp_path):
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed")
    for path in BUILD.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    done = subprocess.run(
        [npm, "install", "--no-package-lock", "--no-audit", "--no-fund"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("npm cannot fetch the libraries")
    subprocess.run([node, "build.mjs", str(tmp_path / "out")], cwd=tmp_path, check=True, env={**os.environ})
    assert (tmp_path / "out/SHA256SUMS").read_text() == (VENDOR / "SHA256SUMS").read_text()


def test_the_wheel_grows_by_less_than_a_megabyte():
    sizes = [path.stat().st_size for path in STATIC.rglob("*") if path.is_file()]
    assert sum(sizes) < 10**6


@pytest.mark.parametrize("path", OWN, ids=named)
def test_modules_are_short_and_import_by_relative_paths(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert text.count("\n") <= 400
    for imported in re.findall(r"""^(?:import|\} from|import .* from) ["']([^"']+)["'];$""", text, re.M):
        assert imported.startswith(("./", "../")), imported
        place = path.parent / imported
        if "kinds" in path.parts:  # the server has static/ beside kinds/
            place = STATIC / imported.removeprefix("../../static/")
        assert place.exists(), imported


@pytest.mark.parametrize(
    "path", [STATIC / "index.html", *OWN], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_nothing_needs_an_exception_of_the_policy(path):
    """No style attributes, no inline handlers or scripts, nothing from elsewhere."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""\sstyle=["$]""", text)
    assert not re.search(r"""\son\w+=["']""", text)
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r"""["'(]https?://""", text)
    assert not re.search(r"\b(eval|innerHTML|insertAdjacentHTML|unsafeHTML)\b", text)


def test_each_kind_that_names_an_element_defines_it():
    for kind in kinds():
        if kind.studio is None:
            continue
        element = kind.studio.load()
        module, _, file = element.script.partition(":")
        script = PACKAGE.joinpath(*module.split(".")[1:]) / file
        if module.startswith("convscope."):
            assert f'customElements.define("{element.name}"' in script.read_text(encoding="utf-8")
