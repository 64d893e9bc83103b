"""Evaluates, predicts and exports with a finished run. Needs nothing but the run folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import keras

from convscope.data.splits import Splits
from convscope.engine.export import FORMS, SUFFIXES, Exported, export
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.contract.recipe import AnyRecipe, Fitted, Metrics, Prediction
from convscope.kinds.registry import find_recipe, recipe_specs
from convscope.option import validated
from convscope.run import Run, data_of
from convscope.types import Progress, Say, Skipped, printed, silent
from convscope.workflows.model_files import load_file
from convscope.workflows.recorded_splits import Judged, knows_contents, recorded_test


@dataclass(frozen=True)
class Predictions:
    """The predictions for all samples, in the order asked.

    Args:
        rows: One for each sample: `ClassPrediction` of a classifier, and what other tasks predict.
        skipped: What was found and could not be read.
    """

    rows: tuple[Prediction, ...]
    skipped: tuple[Skipped, ...]


class Predictor:
    """The model of a run with everything that it needs to predict.

    Args:
        run: A finished run.
        say: Receives what the user should know, a line at a time.
        options: Options of the recipe that differ from those of the training, such as `beam`.

    Raises:
        RunError: The folder is no finished run.
    """

    def __init__(self, run: Run, *, say: Say = printed, **options: Any) -> None:
        self._run, self._say = run, say
        self._record = run.record()
        self.recipe: AnyRecipe = find_recipe(self._record["recipe"])
        if not run.model_path.exists():
            raise RunError(
                f"{run.folder} has no model yet.",
                f"Finish the training: convscope train --resume {run.folder}",
            )
        run.check_model()
        unfinished = run.unfinished()
        if unfinished:
            say(
                f"Warning: this training is unfinished: {unfinished}; convscope train --resume {run.folder}"
                " goes on with it"
            )
        mine = validated(self.recipe.spec.options, options, self.recipe.name)
        trained = recorded_options(run, self.recipe, self._record["options"])
        self.options = {**trained, **mine}
        # The files of the training say nothing about how later ones, or a terminal, encode texts.
        self.reading = {**{name: value for name, value in trained.items() if name != "encoding"}, **mine}
        self.fitted = Fitted(
            _loaded(run.model_path),
            self.recipe.representation.from_json(run.representation()),
            tuple(self._record["class_names"]),
            self.options,
            self.recipe.test_time_views(**self.options),
            calibration_of(run, self.recipe),
        )

    def evaluate(self, path: Path | None, progress: Progress, *, data: Path | None = None) -> Metrics:
        """Evaluates on the test samples of the training, or on all that another path holds.

        Args:
            path: Other data, of which all is judged, or its test split where it names one.
            progress: Receives each step.
            data: Where the data of the training is now.

        Raises:
            DataError: The data has another class, or none of the samples.
            RunError: The data of the training is no longer where it was.
            UsageError: The recipe describes and does not predict.
        """
        if self.recipe.spec.describes:
            raise UsageError(
                f"{self.recipe.name} describes its data and predicts nothing that could be evaluated.",
                f"See {self._run.report_path}, or list what it found: convscope predict {self._run.folder}",
            )
        judged = self._others(path, progress) if path is not None else self._own(data, progress)
        recipe, names = self.recipe, self.fitted.class_names
        test = recipe.align_labels(judged.split, judged.class_names, names)
        return recipe.evaluate(recipe.predict(self.fitted, test.samples, progress), test, names)

    def _own(self, moved: Path | None, progress: Progress) -> Judged:
        """The test samples of the training."""
        data = moved or data_of(self._run)
        whole = self.recipe.reads_whole and knows_contents(self._run)
        splits = self._read(data, progress, whole=whole)
        judged = recorded_test(self._run, splits, data)
        for line in judged.notes:
            self._say(line)
        return judged

    def _others(self, data: Path, progress: Progress) -> Judged:
        """All that a path holds, or its test split where it names one."""
        splits = self._read(data, progress, whole=self.recipe.reads_whole)
        for line in splits.warnings:
            self._say(f"Warning: {line}")
        left = sum(len(splits[name]) for name in ("train", "validation"))
        if splits.validation is splits.train:
            left = len(splits.train)
        if left and self.recipe.reads_whole:
            self._say(
                f"{data} has a test split: its {len(splits.test)} samples are judged, {left} others are not"
            )
        return Judged(splits.test, splits.class_names)

    def _read(self, data: Path, progress: Progress, *, whole: bool) -> Splits:
        """All samples of a path: to be judged as a whole, or divided as by the training."""
        seed = None if whole else self._record["settings"]["seed"]
        splits: Splits = self.recipe.read(data, seed=seed, progress=progress, **self.options)
        names = self.fitted.class_names
        strange = sorted(set(splits.class_names) - set(names))
        if strange:
            raise DataError(
                f"{data} has the class '{strange[0]}', which {self._run.folder} was not trained on: "
                f"expected {', '.join(names)}."
            )
        return splits

    def predict(self, inputs: Sequence[str], progress: Progress) -> Predictions:
        """A prediction for each sample, and what could not be read.

        Without inputs, a recipe that describes tells of the data of its run.
        """
        if not inputs and self.recipe.spec.describes:
            inputs = [str(data_of(self._run))]
        found = self.recipe.read_inputs(inputs, progress=progress, **self.reading)
        doubts = getattr(found, "warnings", ())
        for line in (*doubts, *self.recipe.ignored(self.fitted.representation, found)):
            self._say(f"Warning: {line}")
        outputs = self.recipe.predict(self.fitted, found, progress)
        rows = self.recipe.to_predictions(outputs, found, self.fitted.class_names)
        return Predictions(tuple(rows), found.skipped)

    def stream(self, stream: BinaryIO | Iterable[Any], say: Say = silent) -> Iterator[Prediction]:
        """Predictions while a stream comes.

        Args:
            stream: Binary stream, or an iterable.
            say: Receives what of it is ignored.

        Raises:
            UsageError: The recipe does not support streams.
            DataError: The stream is malformed.
        """
        if self.recipe.stream is None:
            able = [name for name in recipe_specs() if find_recipe(name).stream is not None]
            raise UsageError(
                f"--follow does not support {self.recipe.name}.", f"It supports {' and '.join(able)}."
            )
        return self.recipe.stream(self.fitted, stream, say=say)

    def export(self, form: str, out: Path | None) -> Exported:
        """Writes the model in another format and checks it by running it."""
        if form not in FORMS:
            raise UsageError(f"Unknown export format '{form}'.", f"Supported: {', '.join(FORMS)}.")
        name = f"model{SUFFIXES[form]}" if SUFFIXES[form] else form
        target = out or self._run.folder / name
        return export(self.fitted.model, form, target, self.fitted.representation.example(8))


def recorded_options(run: Run, recipe: AnyRecipe, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a recipe as its run recorded them, validated as if they had been given.

    Raises:
        RunError: One of them cannot be.
    """
    options = {option.name: option for option in recipe.spec.options}
    try:
        return {
            name: value if value is None else options[name].validated(value)
            for name, value in recipe.divide(saved)[0].items()
        }
    except UsageError as error:
        raise RunError(f"{run.folder / 'run.json'} is damaged: {error.message}") from error


def calibration_of(run: Run, recipe: AnyRecipe) -> dict[str, Any]:
    """What the run found besides the weights; empty where its recipe, or its version, has none."""
    if recipe.calibrate is None or (recipe.calibration_optional and not run.is_calibrated):
        return {}
    return run.calibration()


def _loaded(path: Path) -> keras.Model:
    try:
        return load_file(path)
    except DataError as error:
        reason = error.message.removeprefix(f"{path} ")
        raise RunError(f"{path} cannot be loaded: it {reason}", error.hint) from error
