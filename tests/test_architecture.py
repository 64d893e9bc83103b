"""The house keeps its order: arrows point down, backends stay in their rooms, files stay short."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import convscope

SOURCE = Path(convscope.__file__).parent
PACKAGE = "convscope"
FRONT_DOOR = {"cli", "cli_feature_tools", "cli_features", "cli_models", "cli_options", "console", "demo"}
GROUND = {"run", "kinds", "errors", "files", "backend"}
LINES = (
    ("front door", "studio"),
    (PACKAGE,),
    ("api",),
    ("features",),
    ("recipes",),
    ("engine", "lenses"),
    ("data", "models"),
    ("layers", "scope"),
    ("ground",),
)
LEVEL = {room: level for level, line in enumerate(LINES) for room in line}
BACKENDS = {"tensorflow", "jax", "torch"}
LONGEST_FILE = 400


def room_of(module):
    """The room of a module such as `convscope.engine.training.fit`; an unknown one gives its own name."""
    parts = module.split(".")
    if len(parts) == 1:
        return PACKAGE
    return "front door" if parts[1] in FRONT_DOOR else "ground" if parts[1] in GROUND else parts[1]


def module_name(file, source):
    parts = (PACKAGE, *file.relative_to(source).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name, source):
    place = source.joinpath(*name.split(".")[1:])
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def imports(file, source):
    """Every (line, module) that a file imports, at its top, inside functions, and by `import_module`."""
    module = module_name(file, source)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                inside = base.split(".")[0] == PACKAGE and is_module(deeper, source)
                yield node.lineno, deeper if inside else base
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "import_module",
            "__import__",
        ):
            name = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            if isinstance(name, ast.Constant):
                yield node.lineno, str(name.value).rstrip(".")


def files_below(source):
    return sorted(file for file in source.rglob("*.py") if "__pycache__" not in file.parts)


def wrong_arrows(source):
    """Imports that point up or sideways, or at a room that the house does not have."""
    found = []
    for file in files_below(source):
        here = room_of(module_name(file, source))
        for line, target in imports(file, source):
            if target.split(".")[0] != PACKAGE:
                continue
            there = room_of(target)
            known = here in LEVEL and there in LEVEL
            if not known or (here != there and LEVEL[there] <= LEVEL[here]):
                found.append(f"{file.relative_to(source)}:{line}: {here} -> {there}")
    return found


def stray_backends(source):
    """Imports of a backend outside of its file in the engine, the export, and the scope."""
    found = []
    for file in files_below(source):
        place = file.relative_to(source)
        at_home = {place.stem} if place.parent == Path("engine") and place.stem in BACKENDS else set()
        if place == Path("engine/export.py") or place.parts[0] == "scope":
            at_home = BACKENDS
        found += [
            f"{place}:{line}: {target}"
            for line, target in imports(file, source)
            if target.split(".")[0] in BACKENDS - at_home
        ]
    return found


def keras_in_data(source):
    return [
        f"{file.relative_to(source)}:{line}: {target}"
        for file in files_below(source / "data")
        for line, target in imports(file, source)
        if target.split(".")[0] == "keras"
    ]


def kinds_that_import_others(source):
    """Files of one kind of data that import another kind's; what they share lies beside the folders."""
    data = source / "data"
    return [
        f"{file.relative_to(source)}:{line}: {target}"
        for kind in sorted(folder.name for folder in data.iterdir() if (folder / "__init__.py").exists())
        for file in files_below(data / kind)
        for line, target in imports(file, source)
        if target.startswith(f"{PACKAGE}.data.") and (data / target.split(".")[2]).is_dir()
        if target.split(".")[2] != kind
    ]


def long_files(source):
    lengths = {file: len(file.read_text("utf-8").splitlines()) for file in files_below(source)}
    return [
        f"{file.relative_to(source)}: {lines} lines"
        for file, lines in lengths.items()
        if lines > LONGEST_FILE
    ]


@pytest.mark.parametrize(
    "rule", [wrong_arrows, stray_backends, keras_in_data, kinds_that_import_others, long_files]
)
def test_the_package_keeps_the_rule(rule):
    assert len(files_below(SOURCE)) > 20
    assert rule(SOURCE) == []


def planted(folder, place, text):
    """A package of empty rooms with one file of that text."""
    for room in ("api", "cli", "recipes", "engine", "lenses", "data", "models", "scope", "errors"):
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").touch()
    (folder / "engine" / "fit.py").touch()
    (folder / place).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("data/a.py", "from convscope.engine import fit"),
        ("data/a.py", "from convscope import api"),
        ("data/a.py", "from convscope import __version__"),
        ("data/a.py", "import convscope.models"),
        ("data/a.py", "from ..engine.fit import fit"),
        ("data/a.py", "from .. import lenses"),
        ("engine/a.py", "def f():\n    from convscope.lenses import anything"),
        ("models/a.py", "from importlib import import_module\nimport_module(f'convscope.engine.{1}')"),
        ("errors/a.py", "from convscope.data import anything"),
        ("data/a.py", "import convscope.attic"),
        ("recipes/a.py", "import convscope.cli.app"),
    ],
)
def test_an_arrow_that_points_up_or_sideways_is_found(tmp_path, place, text):
    assert len(wrong_arrows(planted(tmp_path / "source", place, text))) == 1


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("cli/a.py", "from convscope import __version__, api"),
        ("engine/a.py", "from convscope.models import anything\nfrom . import fit\nimport keras"),
        ("recipes/a.py", "from ..engine.fit import fit"),
    ],
)
def test_an_arrow_that_points_down_or_into_its_own_room_is_no_fault(tmp_path, place, text):
    assert wrong_arrows(planted(tmp_path / "source", place, text)) == []


@pytest.mark.parametrize(
    ("place", "text", "faults"),
    [
        ("models/a.py", "def f():\n    import tensorflow as tf", 1),
        ("engine/fit.py", "from jax import numpy", 1),
        ("engine/jax.py", "import jax\nimport torch", 1),
        ("engine/export.py", "import tensorflow", 0),
        ("scope/a.py", "import torch.autograd", 0),
    ],
)
def test_a_stray_backend_is_found(tmp_path, place, text, faults):
    assert len(stray_backends(planted(tmp_path / "source", place, text))) == faults


def test_keras_in_data_and_a_long_file_are_found(tmp_path):
    source = planted(tmp_path / "source", "data/a.py", "from keras import ops\n" + "x = 1\n" * LONGEST_FILE)
    assert len(keras_in_data(source)) == 1
    assert len(long_files(source)) == 1


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("from convscope.data.text.lines import read", 1),
        ("def f():\n    from ..text import lines", 1),
        (
            "from convscope.data.splits import Splits\nfrom convscope.data.image import scan",
            0,
        ),
    ],
)
def test_a_kind_that_imports_another_is_found(tmp_path, text, faults):
    source = planted(tmp_path / "source", "data/splits.py", "")
    for kind in ("image", "text"):
        (source / "data" / kind).mkdir()
        (source / "data" / kind / "__init__.py").touch()
    (source / "data" / "text" / "lines.py").touch()
    (source / "data" / "image" / "scan.py").write_text(text)
    assert len(kinds_that_import_others(source)) == faults


HEAVY = [
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "sklearn",
    "matplotlib",
    "pyarrow",
    "PIL",
    "scipy",
    "pandas",
    "jinja2",
]


@pytest.mark.parametrize("module", ["convscope", "convscope.api", "convscope.cli.app"])
def test_importing_the_package_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_all_that_the_package_promises_is_there():
    assert sorted(convscope.__all__) == [
        "ConvFeatures",
        "FeatureMapsCallback",
        "__version__",
        "build",
        "evaluate",
        "explain",
        "export",
        "extract",
        "follow",
        "look",
        "neighbours",
        "open_features",
        "predict",
        "probe",
        "project",
        "scope",
        "train",
    ]
    assert dir(convscope) == sorted(convscope.__all__)
    for name in set(convscope.__all__) - {"__version__"}:
        assert callable(getattr(convscope, name)) or name == "scope"
        assert getattr(convscope, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        convscope.nothing  # noqa: B018


def test_the_package_says_that_it_is_typed():
    assert (SOURCE / "py.typed").exists()
