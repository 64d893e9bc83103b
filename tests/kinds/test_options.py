"""Options say what recipes and architectures take, with the defaults that these have themselves."""

import subprocess
import sys
from inspect import signature

import pytest

from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import UsageError
from convscope.kinds.registry import architecture_options, architectures, find_recipe, recipe_specs
from convscope.workflows.search.request import SEARCH_OPTIONS

FROM_DATA = {"vocabulary", "characters", "constraints", "rate", "cap", "table_width", "hops", "answers"} | {
    "nodes",
    "stride",
    "periods",
    "members",
    "grid",
    "cell",
    "base",
}
"""What a representation tells an architecture, which nobody sets."""
OF_HEADS = {"center", "spread"}
"""What a regression puts behind an architecture."""
OF_ARCHITECTURES = [(spec, name) for spec in recipe_specs().values() for name in spec.architectures]


@pytest.mark.parametrize(
    ("spec", "architecture"), OF_ARCHITECTURES, ids=lambda value: getattr(value, "name", value)
)
def test_model_options_equal_the_signature_of_the_architecture(spec, architecture):
    taken = architecture_options(architectures()[architecture])
    own = {name: value for name, value in spec.settings.get(architecture, {}).items() if name in taken}
    said = {
        each.name: each.defaults[architecture]
        for each in spec.model_options
        if architecture in each.defaults and each.name not in OF_HEADS
    }
    given = FROM_DATA | {each.name for each in spec.options}
    built = {name: value for name, value in {**taken, **own}.items() if name not in given or name in said}
    assert said == built, "what is said to be the default is what a training builds"


@pytest.mark.parametrize("spec", recipe_specs().values(), ids=recipe_specs())
def test_a_default_is_a_value_that_the_option_admits(spec):
    for option in (*spec.options, *spec.model_options):
        for default in (option.default, *option.defaults.values()):
            assert default is None or option.validated(default) == default


@pytest.mark.parametrize("spec", recipe_specs().values(), ids=recipe_specs())
def test_what_a_search_tries_of_an_option_is_of_its_type_and_changes_nothing_that_is_read(spec):
    read = set(signature(find_recipe(spec.name).read.__wrapped__.__wrapped__).parameters)
    for option in (*spec.options, *spec.model_options):
        if option.tries is None:
            continue
        assert option.name not in read, "the data of a search is read once"
        usual = [values[option.name] for values in spec.settings.values() if option.name in values]
        near = {
            each
            for default in (option.default, *option.defaults.values(), *usual)
            for each in option.tries.near(default)
        }
        admitted = [each for each in near if is_admitted(option, each)]
        assert admitted or not near


def is_admitted(option, value):
    """Whether an option takes a value as it is; steps and multiples may leave its range."""
    try:
        return option.validated(value) == value
    except UsageError:
        return False


def test_names_that_a_search_leaves_alone_exist():
    settings = {option.name for option in FIT_OPTIONS}
    for spec in recipe_specs().values():
        own = {option.name for option in (*spec.options, *spec.model_options)}
        assert set(spec.untried) <= {"architecture", *settings, *own}


def test_every_recipe_that_is_trained_has_something_to_try():
    for spec in recipe_specs().values():
        tried = [option.name for option in (*spec.options, *spec.model_options) if option.tries is not None]
        assert tried or spec.describes, spec.name
    assert not {option.name for option in SEARCH_OPTIONS} & {
        option.name for spec in recipe_specs().values() for option in (*spec.options, *spec.model_options)
    }


def test_options_are_read_without_keras():
    code = (
        "import sys, convscope.kinds.image.kind, convscope.kinds.text.kind;"
        "import convscope.kinds.series.kind, convscope.kinds.audio.kind;"
        "import convscope.engine.training.settings;"
        "print([name for name in ('keras', 'numpy', 'tensorflow') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
