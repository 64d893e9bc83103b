"""A finished run, put to use: evaluate, predict, export. Needs nothing but the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.engine.export import FORMS, SUFFIXES, Exported, export
from convscope.engine.judge import Judgement
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds import Progress, Skipped
from convscope.recipes.judging import answer, judge_split
from convscope.recipes.registry import find_recipe
from convscope.run import Run


class Trained:
    """The model of a run with all that it needs to answer.

    Args:
        run: A finished run.

    Raises:
        RunError: The folder is no finished run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._record = run.record()
        self.recipe = find_recipe(self._record["recipe"])
        self.representation = self.recipe.load_representation(run.representation())
        self.class_names: tuple[str, ...] = tuple(self._record["class_names"])
        if not run.model_path.exists():
            raise RunError(
                f"{run.folder} has no model yet.", f"Finish it: convscope train --resume {run.folder}"
            )
        options = self.recipe.divide(self._record["options"])[0]
        self.views = self.recipe.views(**options)
        try:
            self.model: keras.Model = keras.models.load_model(run.model_path, safe_mode=True)
        except (ValueError, OSError, KeyError, TypeError) as error:
            raise RunError(f"{run.model_path} cannot be loaded: {error}.") from error

    def evaluate(self, path: Path | None, progress: Progress) -> Judgement:
        """Judges on the test split of a path, or of the data that the run was trained on."""
        seed = self._record["settings"]["seed"]
        splits = self.recipe.read(path or Path(self._record["data"]["path"]), seed=seed, progress=progress)
        strange = sorted(set(splits.class_names) - set(self.class_names))
        if strange:
            raise DataError(
                f"{path} has the class '{strange[0]}', which {self._run.folder} does not know: "
                f"expected {', '.join(self.class_names)}."
            )
        labels = np.array([self.class_names.index(name) for name in splits.class_names], np.int64)
        test = Split(splits.test.samples, labels[splits.test.labels])
        outcome = judge_split(self.model, self.representation, test, self.class_names, progress, self.views)
        return outcome.judgement

    def predict(
        self, inputs: Sequence[str], progress: Progress
    ) -> tuple[list[str], npt.NDArray[np.float32], tuple[Skipped, ...]]:
        """Names, probabilities of shape (samples, classes), and what could not be read."""
        found = self.recipe.read_inputs(inputs, progress=progress)
        probabilities = answer(self.model, self.representation, found, progress, self.views)
        names = [found.name(i) for i in range(len(found))]
        return names, probabilities, found.skipped

    def export(self, form: str, out: Path | None) -> Exported:
        """Writes the model in another form and runs it."""
        if form not in FORMS:
            raise UsageError(f"There is no form '{form}'.", f"There are {', '.join(FORMS)}.")
        name = f"model{SUFFIXES[form]}" if SUFFIXES[form] else form
        target = out or self._run.folder / name
        shape = (8, *self.representation.shape)
        sample = np.random.default_rng(0).random(shape, np.float32)
        return export(self.model, form, target, sample)
