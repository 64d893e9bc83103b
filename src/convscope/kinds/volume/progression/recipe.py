"""Several visits of a subject: what changed, how fast, and the risk of what is to come.

Where the data says nothing that could be foretold, subjects are measured: scans are registered, change maps
are drawn, structures are followed. Nothing is learned then but how much measures differ where nothing
changed; the model has fixed kernels, by which pairs of scans are looked at. Where the data says by which
visit something had happened, a small model learns the hazard of the years ahead from the numbers of the
visits before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import predict_probabilities
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import UsageError
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.volume.progression.answers import (
    Changes,
    Outputs,
    ProgressionPrediction,
    Risks,
    evaluate,
    load_metrics,
    rows_of,
)
from convscope.kinds.volume.progression.course import Thresholds, residual_error
from convscope.kinds.volume.progression.figure import plot_outputs
from convscope.kinds.volume.progression.hazards import (
    PersonPeriodLoss,
    Unlearned,
    VisitExamples,
    interval_of,
    landmarks_of,
    person_periods,
    resample_weights,
    risks_of,
    targets,
)
from convscope.kinds.volume.progression.measuring import (
    Mask,
    MaskOf,
    Measurer,
    SubjectChange,
    measured_again,
    unmasked,
)
from convscope.kinds.volume.progression.reader import read_subjects, read_visits
from convscope.kinds.volume.progression.representation import (
    AnyProgression,
    PairRepresentation,
    fit_representation,
    load_representation,
)
from convscope.kinds.volume.progression.spec import VOLUME_PROGRESSION
from convscope.kinds.volume.progression.visit_representation import (
    VisitRepresentation,
    asked_of,
    numbers_of,
    subjects_of,
)
from convscope.kinds.volume.progression.visits import Subject, SubjectSamples
from convscope.kinds.volume.readers.nifti import write_nifti
from convscope.kinds.volume.segmentation.recipe import RECIPE as SEGMENTATION
from convscope.kinds.volume.volume import Volume
from convscope.lenses.pages.report import Mistake
from convscope.run import Run
from convscope.types import SPLITS, Array, Progress, SplitName, no_progress

CHANGES = ("mean gain", "mean loss", "largest gain", "largest loss")
"""What `change_kernels` answers."""


def examples(context: ExampleContext[AnyProgression]) -> VisitExamples | Unlearned:
    """Visits before which something is known, in resamples of the subjects for training."""
    represent, samples = context.representation, context.split.samples
    if isinstance(represent, PairRepresentation):
        return Unlearned(len(samples))
    subjects = subjects_of(samples)
    marks = landmarks_of(subjects)
    known = person_periods(marks, represent.period, represent.periods)
    weights = np.ones((len(marks), represent.members), np.float32)
    if context.training:
        weights = resample_weights(marks.subject, represent.members, context.settings.seed)
    return VisitExamples(_inputs_of(represent, subjects, marks), targets(known, weights))


def _inputs_of(
    represent: VisitRepresentation, subjects: Sequence[Subject], marks: Any
) -> npt.NDArray[np.float32]:
    pairs = zip(marks.subject.tolist(), marks.visit.tolist(), strict=True)
    return represent.rows([subjects[row].until(visit) for row, visit in pairs])


def build(
    make: ModelFactory,
    representation: AnyProgression,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model.

    Raises:
        UsageError: The architecture or an option does not fit what the data holds.
    """
    try:
        return make(representation.shape, **{**representation.sizes, **options})
    except UsageError as error:
        if isinstance(representation, VisitRepresentation):
            raise
        hint = (
            "Leave out settings of training, such as epochs: where nothing is foretold, nothing is trained."
        )
        raise UsageError(error.message, hint) from error


def suggest(representation: AnyProgression, splits: Splits) -> tuple[str, str] | None:
    """Fixed kernels where nothing is foretold."""
    if isinstance(representation, VisitRepresentation):
        return None
    return "change_kernels", "the data says nothing that could be foretold"


def calibrate(fitted: Fitted[AnyProgression], validation: Split, progress: Progress) -> dict[str, Any]:
    """How much measures differ where nothing changed; nothing where risk is foretold."""
    if isinstance(fitted.representation, VisitRepresentation):
        return {"errors": {}, "repeats": 0}
    subjects = subjects_of(validation.samples)
    measurer = _measurer(fitted, {})
    count = int(fitted.options.get("repeats", 6))
    again = measured_again(measurer, subjects, count, 0, progress)
    error = float(np.sqrt(np.mean(np.square(again)))) if again else None
    courses = [
        (subject.years, volumes)
        for subject in subjects
        if subject.years is not None and subject.is_masked and len(subject.visits) > 2
        for volumes in measurer.mask_volumes(subject).values()
    ]
    return {
        "errors": {"registration": error, "masks": residual_error(courses)},
        "repeats": len(again),
    }


@dataclass(frozen=True)
class _OneScan:
    """A scan as the only sample."""

    volume: Volume

    def __len__(self) -> int:
        return 1

    def load(self, index: int) -> Volume:
        return self.volume

    def name(self, index: int) -> str:
        return self.volume.name

    def take(self, indices: npt.NDArray[np.int64]) -> _OneScan:
        return self


def masks_by(segmenter: str | None, structures: tuple[str, ...]) -> tuple[MaskOf, tuple[str, ...]]:
    """What gives the mask of a visit, and the names of the values of masks from 1.

    Args:
        segmenter: The folder of a run of volume-segmentation, for visits without a mask.
        structures: Names that the user gave.

    Raises:
        UsageError: The folder holds another run.
        RunError: It holds none, or an unfinished one.
    """
    if segmenter is None:
        return unmasked, structures
    run = Run(Path(segmenter))
    record = run.record()
    if record["recipe"] != SEGMENTATION.spec.name:
        raise UsageError(
            f"segmenter must be a run of {SEGMENTATION.spec.name}. Received: {segmenter}, of"
            f" {record['recipe']}."
        )
    run.check_model()
    fitted = _fitted(run, record)

    @lru_cache(maxsize=8)
    def mask_of(subject: Subject, at: int) -> Mask | None:
        given = unmasked(subject, at)
        if given is not None:
            return np.asarray(given, np.uint8)
        return SEGMENTATION.predict(fitted, _OneScan(subject.scan(at)), no_progress)[0].classes

    return mask_of, structures or fitted.class_names[1:]


def _fitted(run: Run, record: dict[str, Any]) -> Fitted[Any]:
    own = {option.name for option in SEGMENTATION.spec.options}
    options = {name: value for name, value in record["options"].items() if name in own and name != "masks"}
    return Fitted(
        keras.models.load_model(run.model_path),
        SEGMENTATION.representation.from_json(run.representation()),
        tuple(record["class_names"]),
        options,
        SEGMENTATION.test_time_views(**options),
    )


def _measurer(fitted: Fitted[AnyProgression], errors: Mapping[str, float | None]) -> Measurer:
    options = fitted.options
    mask_of, names = masks_by(options.get("segmenter"), tuple(options.get("structures") or ()))
    affine, diameters = bool(options.get("affine", True)), options.get("criterion") == "diameters"
    return Measurer(options.get("by", "auto"), names, mask_of, errors, affine, diameters)


def predict(fitted: Fitted[AnyProgression], samples: Samples, progress: Progress) -> Outputs:
    """Measures changes, or foretells risks."""
    subjects = subjects_of(samples)
    if isinstance(fitted.representation, VisitRepresentation):
        return _foretold(fitted, fitted.representation, subjects, progress)
    calibration = fitted.calibration or {"errors": {}, "repeats": 0}
    measurer = _measurer(fitted, calibration["errors"])
    folder = fitted.options.get("change_maps")
    found = []
    for done, subject in enumerate(subjects, 1):
        change = measurer.measure(subject)
        found.append(replace(change, files=_written(Path(folder), change)) if folder else change)
        progress(done, len(subjects), "measuring subjects")
    given = fitted.options
    thresholds = Thresholds.of(given.get("criterion", "volume"), given.get("growth"), given.get("shrinkage"))
    return Changes(found, calibration["errors"], int(calibration["repeats"]), thresholds)


def _written(folder: Path, change: SubjectChange) -> dict[int, str]:
    """Writes change maps on the grid of the first scan's own file; returns where, by the visit."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    first = change.subject.scan(0)
    for at, each in enumerate(change.changes, 1):
        if each is not None:
            name = f"{change.subject.name}_{change.subject.visits[at].name}_change".replace("/", "_")
            path = folder / f"{name.replace(': ', '_')}.nii.gz"
            write_nifti(path, first, each.map)
            files[at] = str(path)
    return files


def _foretold(
    fitted: Fitted[AnyProgression],
    represent: VisitRepresentation,
    subjects: Sequence[Subject],
    progress: Progress,
) -> Risks:
    marks = landmarks_of(subjects)
    asked = [asked_of(subject) for subject in subjects]
    inputs = np.concatenate([represent.rows(asked), _inputs_of(represent, subjects, marks)])
    hazards = predict_probabilities(fitted.model, HeldArrays(inputs), represent.to_inputs, progress)
    risks = risks_of(hazards, represent.members)
    low, high = interval_of(risks[: len(asked)])
    place = min(max(round(represent.horizon / represent.period), 1), represent.periods) - 1
    columns = _columns_alone(represent, subjects, marks)
    return Risks(
        asked,
        risks[: len(asked), 0],
        low,
        high,
        represent.period,
        marks,
        risks[len(asked) :, 0, place],
        columns,
        represent.horizon,
    )


def _columns_alone(
    represent: VisitRepresentation, subjects: Sequence[Subject], marks: Any
) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Each column at each landmark, more of it meaning earlier as in train."""
    made = np.zeros((len(marks), len(represent.columns)))
    for row, (subject, visit) in enumerate(zip(marks.subject.tolist(), marks.visit.tolist(), strict=True)):
        made[row] = numbers_of(subjects[subject], represent.columns, represent.structures)[visit]
    made = np.where(np.isnan(made), np.array(represent.means), made) * np.array(represent.directions)
    return list(zip(represent.columns, made.T, strict=True))


def to_predictions(
    outputs: Outputs, samples: Samples, class_names: Sequence[str]
) -> list[ProgressionPrediction]:
    """A row for each later visit and structure, or for each subject with its risk."""
    return rows_of(outputs)


def output_names(representation: AnyProgression, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """What the model answers: measures of change, or the hazard of each period by each member."""
    if isinstance(representation, PairRepresentation):
        return CHANGES
    years = [f"hazard of year {(k + 1) * representation.period:g}" for k in range(representation.periods)]
    resampled = [
        f"{year}, resample {member}" for member in range(1, representation.members) for year in years
    ]
    return (*years, *resampled)


def encode_inputs(fitted: Fitted[AnyProgression], samples: Samples, progress: Progress) -> SampleInputs:
    """The pair, or the last visits, of each subject."""
    represent = fitted.representation
    assert isinstance(samples, SubjectSamples)
    encoded = represent.encode(samples, progress=progress)
    return SampleInputs(encoded.take, lambda i: represent.describe(samples.load(i)))


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Subjects to whom it happened and others; subjects and visits where they are measured."""
    if splits.class_names:
        return splits.counts()
    subjects = subjects_of(splits.train.samples)
    told = {"subjects": len(subjects), "visits": sum(len(subject.visits) for subject in subjects)}
    return dict.fromkeys(SPLITS, told)


def no_mistakes(outputs: Outputs, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """Courses are drawn instead."""
    return []


def no_samples(splits: Splits) -> list[tuple[str, list[Any]]]:
    """Courses are drawn instead."""
    return []


def _nothing_to_solve(
    model: keras.Model,
    samples: tuple[Array, Array],
    options: Mapping[str, object],
    settings: FitSettings,
    progress: Progress,
) -> Row:
    """The kernels are fixed."""
    return {}


def _ready() -> None:
    """Nothing else has to be installed."""


FIXED = Solver(
    solve=_nothing_to_solve,
    ready=_ready,
    uses=("seed",),
    decision="change_kernels has fixed kernels, so that nothing is trained",
    how="has fixed kernels",
)
RECIPE: Recipe[AnyProgression, Outputs] = Recipe(
    spec=VOLUME_PROGRESSION,
    objective=Objective(
        loss=lambda settings: PersonPeriodLoss(), monitor=None, label="loss", keep_best=False
    ),
    read=read_visits,
    read_inputs=read_subjects,
    representation=RepresentationSteps(fit_representation, load_representation),
    build=build,
    examples=examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=load_metrics,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=ReportSteps("subjects", counts, no_mistakes, no_samples, plot_outputs=plot_outputs),
    closed_form={"change_kernels": FIXED},
    suggest_architecture=suggest,
    calibrate=calibrate,
    calibration_optional=False,
    reads_whole=True,
)
