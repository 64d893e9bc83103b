"""What the page is about: models, samples, and what was computed of them last."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress

import keras
import numpy as np

from convscope.errors import ConvscopeError, UsageError
from convscope.kinds.contract.representation import RasterDescription
from convscope.kinds.contract.studio import Labeled
from convscope.scope.channels.effective_field import FieldFinder
from convscope.studio.decoder import Decoder
from convscope.studio.errors import UnknownIdError
from convscope.studio.models import Observed, StudioModel
from convscope.studio.own import OwnSamples, alone_as
from convscope.studio.placer import Placer
from convscope.studio.predicted import PredictedClasses
from convscope.studio.results import Results
from convscope.studio.samples import Rows, SampleList
from convscope.studio.worker import AbandonedError, Computation, Worker
from convscope.types import ArrayTree
from convscope.workflows.model_inputs.encoder import Encoder
from convscope.workflows.model_inputs.model_inputs import PIXELS, ModelInputs

KEPT_BYTES = 512 * 2**20
"""Maps of samples that were asked for last."""
KEPT_SAMPLES = 64
KEPT_FINDERS = 8
"""Programs that differentiate a layer."""
MOST_EPOCHS = 8
"""Models with the weights of other epochs that are held."""


class Session:
    """Models and samples by their ids, and the maps that were asked for last.

    Its methods compute, and are called by the worker alone.

    Args:
        models: At least one.
        samples: The data set; None for none.
        notes: What was decided, one line each.
        encoders: How files become inputs, by the id of the model.
        decoder: One whose process is already on its way.
    """

    def __init__(
        self,
        models: Sequence[StudioModel],
        samples: SampleList | None,
        notes: Sequence[str] = (),
        encoders: Mapping[str, Encoder] | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        self.models = {model.id: model for model in models}
        self.samples, self.own, self.notes = samples, OwnSamples(), tuple(notes)
        self.encoders = dict(encoders or {})
        self.decoder = Decoder() if decoder is None else decoder
        self.decoder.encoders = {model: encoder.to_json() for model, encoder in self.encoders.items()}
        self.version = secrets.token_hex(8)
        self.worker = Worker()
        self.listeners, self.closed = 0, False
        self.predicted: dict[str, PredictedClasses] = {}
        self.results, self.placer = Results(), Placer()
        self._ahead: Computation[Observed] | None = None
        self._epochs: OrderedDict[tuple[str, int], StudioModel] = OrderedDict()
        self._observed: OrderedDict[tuple[str, str], Observed] = OrderedDict()
        self._finders: OrderedDict[Hashable, FieldFinder] = OrderedDict()

    def model(self, number: str) -> StudioModel:
        """A model by its id: its number, and maybe `@` and an epoch whose weights its run has kept.

        Raises:
            UnknownIdError: There is none.
            RunError: The run has not kept the epoch.
        """
        base, at, epoch = number.partition("@")
        if base not in self.models or (at and not (epoch.isascii() and epoch.isdigit() and len(epoch) < 9)):
            raise UnknownIdError("model", number)
        return self._at_epoch(self.models[base], int(epoch)) if at else self.models[base]

    def _at_epoch(self, model: StudioModel, epoch: int) -> StudioModel:
        """A model with the weights of another epoch; the last ones are kept."""
        key = (model.id, epoch)
        found = self._epochs.pop(key, None) or model.at_epoch(epoch)
        self._epochs[key] = found
        while len(self._epochs) > MOST_EPOCHS:
            self._epochs.popitem(last=False)
        return found

    def classes(self, model: StudioModel) -> list[str]:
        """What a model calls its classes, else what the data calls them."""
        names = model.loaded.class_names
        return list(names) if names else [] if self.samples is None else self.samples.class_names

    def usual(self, model: StudioModel) -> RasterDescription | None:
        """What is known of the values of any picture that a model takes; None where nothing is."""
        encoder = self.encoders.get(model.base)
        if encoder is not None and encoder.preprocess is not None:
            return RasterDescription(PIXELS)
        described = None if self.samples is None else self.samples.read(model.base).inputs.describe
        first = None if described is None else described(0)
        return first if isinstance(first, RasterDescription) else None

    def place(self, model: StudioModel, sample: str) -> tuple[ModelInputs, int]:
        """Where a sample is for a model.

        Args:
            model: The model.
            sample: Its id.

        Raises:
            UnknownIdError: There is none.
        """
        if sample in self.own:
            found = self.own.find(model, sample).inputs
            return found if model.epoch is None else alone_as(model, found), 0
        if self.samples is None:
            raise UnknownIdError("sample", sample)
        inputs, row = self.samples.place(model.base, sample)
        return model.own_predictions(inputs), row

    def labeled(self, model: StudioModel, sample: str) -> Labeled | None:
        """What is known of a sample; None where nothing is, as of inputs of one's own.

        Raises:
            UnknownIdError: There is no such sample.
        """
        if sample in self.own or self.samples is None:
            return None
        return self.samples.labeled(model.base, sample)

    def rows_of(self, model: StudioModel) -> tuple[ModelInputs, Rows]:
        """The samples of a model, and where among them each sample of the page is, -1 for none.

        Raises:
            UsageError: There is no data.
        """
        if self.samples is None:
            raise UsageError("There is no data to look through.", "Start the studio with data.")
        inputs, numbers = self.samples.rows_of(model.base)
        return model.own_predictions(inputs), numbers

    def observed(self, model: StudioModel, sample: str, path: str = "") -> Observed:
        """What a model makes of a sample: computed once, and kept while there is room.

        Args:
            model: The model.
            sample: Its id.
            path: A layer whose maps are wanted.

        Raises:
            UnknownIdError: There is no such sample.
            DataError: Its file has changed or gone.
        """
        key = (model.id, sample)
        found = self._observed.pop(key, None)
        if found is None:
            found = model.observe(*self.place(model, sample), path)
        elif path:
            model.tap(found, path)
        self._observed[key] = found
        while len(self._observed) > 1 and (
            len(self._observed) > KEPT_SAMPLES or self.kept_bytes > KEPT_BYTES
        ):
            self._observed.popitem(last=False)
        return found

    def observe_ahead(self, model: str, sample: str) -> None:
        """Begins with what a model makes of an input before it is asked for, in place of the last such input.

        May be called from any thread; where it fails, whoever asks is told.

        Args:
            model: Its id.
            sample: That of the input.
        """
        if self._ahead is not None:
            self._ahead.abandon()
        work = Computation(lambda progress: self.observed(self.model(model), sample))
        self._ahead = self.worker.submit(work)

    def field_finder(self, model: StudioModel, path: str, x: ArrayTree) -> FieldFinder:
        """What differentiates the values of a layer by inputs of this shape; made once, the last ones kept.

        Args:
            model: The model.
            path: The layer.
            x: A sample as the model takes it.
        """
        key = (model.id, path, tuple(np.shape(each) for each in keras.tree.flatten(x)))
        found = self._finders.pop(key, None)
        self._finders[key] = FieldFinder(model.model, path, x) if found is None else found
        while len(self._finders) > KEPT_FINDERS:
            self._finders.popitem(last=False)
        return self._finders[key]

    def warm_up(self) -> None:
        """Compiles the models and starts the process that decodes, so that the first input need not wait."""
        for model in self.models.values():
            with suppress(AbandonedError):
                self.worker.submit(Computation(model.warm_up, slow=True))
        if self.encoders:
            with suppress(ConvscopeError, OSError):
                self.decoder.start()
        else:
            self.decoder.close()

    @property
    def kept_bytes(self) -> int:
        """Memory of the maps that are kept."""
        return sum(each.bytes for each in self._observed.values())

    def close(self) -> None:
        """Ends all computations."""
        self.closed = True
        self.decoder.close()
        self.placer.close()
        self.worker.close()
