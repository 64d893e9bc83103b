"""Options say what recipes and architectures take, with the defaults that these have themselves."""

import subprocess
import sys

import pytest

from convscope.kinds.registry import architecture_options, architectures, recipe_specs

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


def test_options_are_read_without_keras():
    code = (
        "import sys, convscope.kinds.image.kind, convscope.kinds.text.kind;"
        "import convscope.kinds.series.kind, convscope.kinds.audio.kind;"
        "import convscope.engine.training.settings;"
        "print([name for name in ('keras', 'numpy', 'tensorflow') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
