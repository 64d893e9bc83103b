"""Help, listings and argument errors: without Keras, on a screen of 80 columns, with examples that parse."""

import json
import subprocess
import sys

import pytest

from convscope.cli.app import COMMANDS, application, main
from convscope.cli.inspect import METHOD_OPTIONS
from convscope.cli.options import recipe_options
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.kinds.registry import kinds, recipe_specs

NAMES = [command.name for command in COMMANDS]


@pytest.fixture
def screen(capsys, monkeypatch):
    """What a command prints on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def lines(*words):
        main(list(words))
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_has_two_examples_and_fits_the_screen(screen, name):
    shown = screen(*filter(None, (name, "--help")))
    examples = [line for line in shown if line.startswith(f"  convscope {name}".rstrip())]
    assert shown[0].startswith(f"Usage: convscope {name or 'COMMAND'}")
    assert len(examples) == 2
    assert max(map(len, shown)) <= 80
    assert not any("object at" in line or line != line.rstrip() for line in shown[:-8])


@pytest.mark.parametrize("name", NAMES)
def test_examples_parse(name):
    command = next(each for each in COMMANDS if each.name == name)
    for example in command.examples:
        application().parse_args(example.removeprefix("convscope "), exit_on_error=False, print_error=False)


def test_the_help_of_train_is_one_screen_and_all_options_are_there_on_request(screen):
    assert len(screen("train", "--help")) <= 42
    everything = "\n".join(screen("train", "--help-all"))
    for option in (*FIT_OPTIONS, *recipe_options()):
        assert f"  {option.flag}" in everything
    for name in recipe_specs():
        assert f"Options of {name}:" in everything


@pytest.mark.parametrize("name", list(recipe_specs()))
def test_a_recipe_tells_its_data_architectures_and_options(screen, name):
    spec = recipe_specs()[name]
    shown = screen("recipes", name)
    told = " ".join(" ".join(shown).split())
    for words in (*spec.reads, *spec.architectures, *(option.help for option in spec.options)):
        assert words in told
    for option in (*spec.options, *spec.model_options):
        assert any(line.startswith(f"  {option.flag} ") for line in shown)
    assert max(map(len, shown)) <= 80


def test_options_of_one_name_have_one_type():
    seen = {}
    for spec in recipe_specs().values():
        for option in (*spec.options, *spec.model_options):
            assert seen.setdefault(option.name, option.type) == option.type, f"{option.name} of {spec.name}"
    assert not set(seen) & {option.name for option in FIT_OPTIONS}


def test_options_of_model_readers_are_known_before_they_are_loaded():
    for kind in kinds():
        if kind.model_reader is not None:
            assert kind.model_reader.load().options == kind.reader_options


def test_options_of_attribution_methods_are_those_of_their_functions():
    from convscope.scope.attribution.methods import METHODS

    taken = {name: value for method in METHODS.values() for name, value in method.options().items()}
    for option in METHOD_OPTIONS:
        assert option.name in taken
        if option.default is not None:
            assert taken[option.name] == option.default


LIGHT = [
    ("--help",),
    ("--version",),
    ("train", "--help"),
    ("recipes",),
    ("recipes", "text-classification"),
    ("train", "--help-all"),
]
WRONG = [
    ("train", "nowhere"),
    ("train", ".", "--epochs", "0"),
    ("train", ".", "--recipe", "image-classification", "--beam", "3"),
    ("train", "."),
    ("evaluate", "nowhere"),
    ("predict", "nowhere", "x.png"),
    ("look", "nowhere.keras"),
    ("extract", "compact_cnn", "no/where.png", "--out", "x"),
    ("train", "--lr", "1"),
]
QUIET = """
import contextlib, io, json, sys
from convscope.__main__ import main
told = []
for words in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as stop:
            code = stop.code or 0
    heavy = sorted({"keras", "tensorflow", "jax", "torch"} & set(sys.modules))
    told.append((code, out.getvalue(), err.getvalue(), heavy))
json.dump(told, sys.stdout)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What commands do one after the other in a process of their own: code, output, errors, heavy imports."""
    command = [sys.executable, "-c", QUIET, json.dumps([*LIGHT, *WRONG])]
    folder = tmp_path_factory.mktemp("quiet")
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return dict(zip([*LIGHT, *WRONG], json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_help_and_listings_do_not_import_keras(told, words):
    code, out, err, heavy = told[words]
    assert (code, err, heavy) == (0, "", [])
    assert out


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_argument_errors_are_told_without_keras(told, words):
    code, out, err, heavy = told[words]
    assert code in (1, 2)
    assert (out, heavy) == ("", [])
    assert err.startswith("convscope: ")
    assert "Traceback" not in err


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "convscope", "--version"], capture_output=True, text=True, check=True
    )
    import convscope

    assert done.stdout == f"{convscope.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(shell):
    script = application().generate_completion(shell=shell)
    for word in (*NAMES, "learning-rate", "max-length", "format"):
        assert word in script
