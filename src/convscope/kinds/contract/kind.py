"""What a kind of data is: one value that lists all that is known before Keras is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from convscope.lazy import Lazy
from convscope.option import Option

if TYPE_CHECKING:
    import keras

    from convscope.data.snapshot import DataSnapshot
    from convscope.kinds.contract.inspection import KindInspection
    from convscope.kinds.contract.model_reader import ModelReader
    from convscope.kinds.contract.recipe import AnyRecipe
    from convscope.kinds.contract.studio import StudioElement
    from convscope.lenses.views.view import ViewFactory


@dataclass(frozen=True)
class Detection:
    """That a path holds data for a recipe.

    Args:
        recipe: Its name.
        confidence: From 0 to 1; 1 where nothing else is possible, such as a documented layout in full.
        reason: What was seen, in a few words that go on after "because".
        ask: What the user has to say before the data is read, as the hint of an error; empty where nothing.
    """

    recipe: str
    confidence: float
    reason: str
    ask: str = ""


@dataclass(frozen=True)
class Architecture:
    """A function that builds a model.

    Args:
        name: What `build` and the command line call it.
        function: `(input_shape, classes, **options)` to an uncompiled model; without `classes` where it
            answers something else.
        summary: One line on what it is.
        answers: A probability for each of so many `classes`; `values` of its own, whose number follows from
            input and options; or `features`, as a bank of kernels that is not trained.
        usual_classes: The number of classes that it is shown with where none is given.
        input_shape: Shape of one sample that it is shown with where none is given; None takes that of the
            kind.
        fewest_classes: 1 where each class is a question of its own, as of a detector.
    """

    name: str
    function: Lazy[Callable[..., keras.Model]]
    summary: str
    answers: Literal["classes", "values", "features"] = "classes"
    usual_classes: int = 7
    input_shape: tuple[int | None, ...] | None = None
    fewest_classes: int = 2

    @property
    def classifies(self) -> bool:
        """Whether it takes a number of classes."""
        return self.answers == "classes"

    @property
    def is_bank(self) -> bool:
        """Whether it is a bank of kernels, which is not trained."""
        return self.answers == "features"


@dataclass(frozen=True)
class RecipeSpec:
    """What may be known of a recipe before Keras is imported.

    Args:
        name: Such as `image-classification`.
        task: What is predicted, such as `classification`.
        steps: The recipe itself.
        summary: One line on what it answers.
        reads: The layouts that it reads, one line each.
        architectures: Their names, the default first.
        options: What a user may set besides the settings of a training and the options of an architecture.
        settings: Settings and options that differ from the defaults, per architecture.
        ignored_settings: Settings of a training that mean nothing to it, and are refused.
        model_options: Options of its architectures.
        trains_with: Packages that a training needs besides, such as for its metrics, by the name that Python
            imports; checked before the data is read.
        extra: The extra that brings these; None takes that of the kind.
        describes: Whether it describes all samples instead of predicting: there are no splits, nothing is
            evaluated, and without inputs `predict` tells of the data of the run.
        no_folds: Why it has no cross-validation, in words that begin with "its"; empty where it has one.
        asked_by: The option of `predict` that may say what is asked about, without any input; empty where
            inputs always do.
        untried: Settings and options that a search leaves at their defaults, since they change nothing, or
            validation cannot compare what they change; `architecture` where it cannot compare these.
        main_metric: Name of the figure that sums up its metrics, as their JSON has it; a dot leads into
            another object.
    """

    name: str
    task: str
    steps: Lazy[AnyRecipe]
    summary: str
    reads: tuple[str, ...]
    architectures: tuple[str, ...]
    options: tuple[Option, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ignored_settings: tuple[str, ...] = ()
    model_options: tuple[Option, ...] = ()
    trains_with: tuple[str, ...] = ()
    extra: str | None = None
    describes: bool = False
    no_folds: str = ""
    asked_by: str = ""
    untried: tuple[str, ...] = ()
    main_metric: str = "accuracy"


@dataclass(frozen=True)
class Kind:
    """A kind of data.

    Args:
        name: Such as `image`.
        extra: The extra of the package that brings what it needs; None where it needs nothing.
        input_shape: Shape of one sample, channels last, that its architectures are shown with.
        detect: Looks at a path: the recipe that its content is for, or None where it is of another kind.
        recipes: What can be learned from it.
        architectures: Its models.
        layers: A module that registers its layers with Keras when it is imported; None for none.
        models: Modules that register models with a class of their own.
        view: How its samples and the maps over them are drawn.
        model_reader: Brings its files to Keras models that come without a run; None where nothing does.
        reader_options: What a user may set of the model reader.
        inspections: Methods of `look` that only its models have, by name.
        requires: Packages of the extra by the name that Python imports.
        studio: How the studio shows its samples; None shows them as arrays.
    """

    name: str
    extra: str | None
    input_shape: tuple[int | None, ...]
    detect: Lazy[Callable[[DataSnapshot], Detection | None]]
    recipes: tuple[RecipeSpec, ...]
    architectures: tuple[Architecture, ...]
    layers: str | None = None
    models: tuple[str, ...] = ()
    view: Lazy[ViewFactory] | None = None
    model_reader: Lazy[ModelReader] | None = None
    reader_options: tuple[Option, ...] = ()
    inspections: Mapping[str, Lazy[KindInspection]] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    studio: Lazy[StudioElement] | None = None
