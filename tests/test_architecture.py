"""The house keeps its order: arrows point down, kinds keep to their folders, files stay short."""

import subprocess
import sys
from pathlib import Path

import pytest
from house import (
    LONGEST_FILE,
    RULES,
    branches_on_a_kind,
    classes_of_one_name,
    faults,
    files_below,
    import_circles,
    keras_in_readers,
    kinds_that_import_others,
    long_files,
    pass_through_modules,
    shared_rooms_that_import_a_kind,
    sound_in_shared_rooms,
    stray_backends,
    wrong_arrows,
)
from house_figures import figures

import convscope
from convscope.kinds.registry import kinds

SOURCE = Path(convscope.__file__).parent
REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule):
    assert len(files_below(SOURCE)) > 20
    assert [str(each) for each in faults(rule, SOURCE)] == []


def test_the_house_stays_within_its_bounds():
    bounds = ("files with exactly one importer", "functions over", "lines with an annotation")
    found = {name: (value, goal) for name, value, goal in figures(SOURCE) if name.startswith(bounds)}
    assert len(found) == len(bounds)
    assert {name: value for name, (value, goal) in found.items() if value > goal} == {}


def planted(folder, files):
    """A package of empty rooms and two kinds, with these texts at these places."""
    rooms = ("api", "cli", "engine", "lenses", "data", "models", "scope", "features", "workflows")
    kinds = ("kinds/contract", "kinds/tasks", "kinds/image", "kinds/text")
    for room in (".", *rooms, "kinds", *kinds):
        (folder / room).mkdir(parents=True, exist_ok=True)
        (folder / room / "__init__.py").touch()
    for empty in ("engine/fit.py", "errors.py", "types.py", "kinds/registry.py", "kinds/text/lines.py"):
        (folder / empty).touch()
    for place, text in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
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
        (
            "data/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from convscope import engine",
        ),
        ("engine/a.py", "def f():\n    from convscope.lenses import anything"),
        ("models/a.py", "from importlib import import_module\nimport_module(f'convscope.engine.{1}')"),
        ("workflows/a.py", "from convscope.features import anything"),
        ("errors.py", "from convscope.data import anything"),
        ("data/a.py", "import convscope.attic"),
        ("kinds/text/a.py", "import convscope.workflows"),
        ("kinds/text/a.py", "from convscope.kinds import registry"),
        ("kinds/tasks/a.py", "from ..registry import KINDS"),
        ("kinds/contract/a.py", "from convscope.kinds.tasks import anything"),
        ("kinds/contract/a.py", "from convscope.kinds.text.lines import anything"),
    ],
)
def test_an_arrow_that_points_up_or_sideways_is_found(tmp_path, place, text):
    assert len(faults(wrong_arrows, planted(tmp_path / "source", {place: text}))) == 1


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("cli/a.py", "from convscope import __version__, api"),
        ("__main__.py", "from convscope.cli.app import main"),
        ("engine/a.py", "from convscope.models import anything\nfrom . import fit\nimport keras"),
        ("workflows/a.py", "from ..engine.fit import fit"),
        ("kinds/text/a.py", "from convscope.kinds.tasks import anything\nfrom . import lines"),
        ("kinds/registry.py", "from convscope.kinds.contract import anything"),
        ("kinds/tasks/a.py", "from convscope.kinds.contract import anything"),
    ],
)
def test_an_arrow_that_points_down_or_into_its_own_room_is_no_fault(tmp_path, place, text):
    assert faults(wrong_arrows, planted(tmp_path / "source", {place: text})) == []


@pytest.mark.parametrize(
    ("place", "text", "found"),
    [
        ("workflows/a.py", "from convscope.kinds.text.lines import read", 1),
        ("workflows/a.py", "def f():\n    import convscope.kinds.image", 1),
        ("workflows/a.py", "PLACE = 'convscope.kinds.text.lines:read'", 1),
        ("kinds/tasks/a.py", "from ..text import lines", 1),
        ("kinds/registry.py", "from convscope.kinds.text import lines", 1),
        ("kinds/registry.py", "KINDS = {'text': 'convscope.kinds.text.lines:KIND'}", 0),
        ("kinds/text/a.py", "from convscope.kinds.text import lines", 0),
        ("workflows/a.py", "from convscope.kinds.contract import anything", 0),
    ],
)
def test_a_shared_room_that_imports_a_kind_is_found(tmp_path, place, text, found):
    source = planted(tmp_path / "source", {place: text})
    assert len(faults(shared_rooms_that_import_a_kind, source)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from convscope.kinds.text.lines import read", 1),
        ("def f():\n    from ..text import lines", 1),
        ("READ = 'convscope.kinds.text.lines:read'", 1),
        ("from convscope.data.splits import Splits\nfrom convscope.kinds.image import scan", 0),
    ],
)
def test_a_kind_that_imports_another_is_found(tmp_path, text, found):
    assert (
        len(faults(kinds_that_import_others, planted(tmp_path / "source", {"kinds/image/a.py": text})))
        == found
    )


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("from convscope.data import b", "from convscope.data import a", 2),
        ("from . import b", "def f():\n    from .a import anything", 2),
        ("from . import b", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import a", 0),
        ("from . import b", "A = 'convscope.data.a:anything'", 0),
        ("from . import b", "", 0),
    ],
)
def test_an_import_circle_is_found(tmp_path, one, other, found):
    source = planted(tmp_path / "source", {"data/a.py": one, "data/b.py": other})
    assert len(faults(import_circles, source)) == found


def test_a_circle_of_three_is_told_by_its_way(tmp_path):
    files = {"data/a.py": "from . import b", "data/b.py": "from . import c", "data/c.py": "from . import a"}
    circles = faults(import_circles, planted(tmp_path / "source", files))
    assert str(circles[0]).endswith("data/a.py -> data/b.py -> data/c.py -> data/a.py")


@pytest.mark.parametrize(
    ("place", "text", "found"),
    [
        ("models/a.py", "def f():\n    import tensorflow as tf", 1),
        ("engine/fit.py", "from jax import numpy", 1),
        ("engine/jax.py", "import jax\nimport torch", 1),
        ("engine/export.py", "import tensorflow", 0),
        ("scope/a.py", "import torch.autograd", 1),
        ("scope/differentiate.py", "import torch.autograd", 0),
    ],
)
def test_a_stray_backend_is_found(tmp_path, place, text, found):
    assert len(faults(stray_backends, planted(tmp_path / "source", {place: text}))) == found


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("data/a.py", 1),
        ("kinds/text/readers/a.py", 1),
        ("kinds/text/tagging/reader.py", 1),
        ("kinds/text/detect.py", 1),
        ("kinds/text/kind.py", 1),
        ("kinds/text/models.py", 0),
    ],
)
def test_keras_in_a_reader_is_found(tmp_path, place, found):
    source = planted(tmp_path / "source", {place: "from keras import ops"})
    assert len(faults(keras_in_readers, source)) == found


def test_a_long_file_and_one_that_only_passes_through_are_found(tmp_path):
    files = {"data/a.py": "x = 1\n" * (LONGEST_FILE + 1), "data/b.py": "from .a import x\n__all__ = ['x']\n"}
    source = planted(tmp_path / "source", files)
    assert [each.file for each in faults(long_files, source)] == ["data/a.py"]
    assert [each.file for each in faults(pass_through_modules, source) if each.file == "data/b.py"]


@pytest.mark.parametrize(
    ("place", "found"), [("models/a.py", 2), ("kinds/image/a.py", 2), ("data/sub/a.py", 0), ("data/b.py", 0)]
)
def test_two_classes_of_one_name_in_different_rooms_are_found(tmp_path, place, found):
    source = planted(
        tmp_path / "source", {"data/a.py": "class Row: ...", place: "class Row: ...\nclass _Own: ..."}
    )
    assert len(faults(classes_of_one_name, source)) == found


@pytest.mark.parametrize(
    "text",
    [
        "if recipe.kind == 'text': pass",
        "plain = kind not in ('series', 'audio')",
        "match sample.kind:\n    case 'image' | 'video': pass",
        "SHAPES = {'image': (48, 48, 1), 'text': (64,)}",
        "if name == 'image-classification': pass",
        "if recipe.name.startswith('series'): pass",
        "shape = KINDS.get('graph')",
    ],
)
def test_a_branch_on_a_kind_in_a_shared_room_is_found(tmp_path, text):
    assert len(faults(branches_on_a_kind, planted(tmp_path / "source", {"features/a.py": text}))) == 1
    assert faults(branches_on_a_kind, planted(tmp_path / "own", {"kinds/text/a.py": text})) == []


@pytest.mark.parametrize(
    "text",
    [
        "if array.dtype.kind in 'fiu': pass",
        "if form == 'text': pass",
        "columns = {'text': 1, 'label': 2}",
        "if parameter.kind == parameter.VAR_KEYWORD: pass",
        "COLUMNS = ('image', 'text')",
    ],
)
def test_a_word_that_also_names_a_kind_is_no_branch(tmp_path, text):
    assert faults(branches_on_a_kind, planted(tmp_path / "source", {"features/a.py": text})) == []


@pytest.mark.parametrize(
    ("place", "text", "found"),
    [
        ("workflows/a.py", "OPTIONS = ('audio',)", 1),
        ("workflows/a.py", "audio_options = 1", 1),
        ("cli/a.py", "x.audio", 1),
        ("cli/a.py", "text = 'install convscope[audio]'", 1),
        ("cli/a.py", "'''Audio may be meant.'''", 0),
        ("kinds/registry.py", "KINDS = {'audio': 'convscope.kinds.audio.kind:AUDIO'}", 0),
        ("kinds/audio/a.py", "NAME = 'audio'", 0),
    ],
)
def test_a_mention_of_one_kind_in_a_shared_room_is_found(tmp_path, place, text, found):
    assert len(faults(sound_in_shared_rooms, planted(tmp_path / "source", {place: text}))) == found


def test_a_kind_stands_in_three_shared_places():
    """The registry, the extras and the guides; every other file would have to change for a new kind."""
    registry = (SOURCE / "kinds" / "registry.py").read_text("utf-8")
    extras = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    for kind in kinds():
        lines = [line for line in registry.splitlines() if f"convscope.kinds.{kind.name}." in line]
        assert lines == [f'    Lazy("convscope.kinds.{kind.name}.kind:{kind.name.upper()}"),']
        assert kind.extra is None or f"\n{kind.extra} = [" in extras
        assert any(line.startswith(f"| {kind.name} |") and "docs/" in line for line in readme.splitlines())
        for other in ("check", ".ci/run", "tests/conftest.py"):
            assert f"kinds/{kind.name}" not in (REPOSITORY / other).read_text("utf-8")


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
        "BackendError",
        "ConvFeatures",
        "ConvscopeError",
        "DataError",
        "DataReport",
        "Explanation",
        "Exported",
        "FeatureMapsCallback",
        "Features",
        "Inspection",
        "Neighbors",
        "Predictions",
        "Probe",
        "Projection",
        "Run",
        "RunError",
        "SearchResult",
        "UsageError",
        "__version__",
        "build",
        "evaluate",
        "explain",
        "export",
        "extract",
        "inspect_data",
        "look",
        "neighbors",
        "open_features",
        "predict",
        "probe",
        "project",
        "register_layers",
        "scope",
        "search",
        "stream",
        "studio",
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
