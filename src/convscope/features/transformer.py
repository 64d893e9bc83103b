"""Features of a convolutional model as a step of a scikit-learn pipeline."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from convscope.errors import BackendError, UsageError
from convscope.kinds.registry import architecture_options

if TYPE_CHECKING:
    import keras

    from convscope.engine.inference.features import FeatureEngine
    from convscope.engine.training.settings import Precision
    from convscope.features.model_and_data import ModelReference
    from convscope.kinds.contract.preprocessing import PixelSteps
    from convscope.types import Array, Pool, Preprocessing

Floats = npt.NDArray[np.float32]

_SAMPLE = 64
_SEEDED = re.compile(r"\bseed\s*=")
_SEEDS = 2**31 - 1


class ConvFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns pictures, series or volumes into what layers of a model put out, pooled: one row a sample.

    Nothing is trained: `fit` opens the model and chooses how it is computed, which takes a second or two
    unless `batch_size` is given. The default model is a bank of random kernels, ROCKET for any rank
    (Dempster, Petitjean and Webb 2020, "ROCKET: exceptionally fast and accurate time series classification
    using random convolutional kernels").

    Samples may be given as

    | X | what it is taken for |
    |---|---|
    | of the shape that the model takes | its inputs |
    | one axis less | pictures (n, height, width), or series (n, length), of one channel |
    | two axes, as many columns as `input_shape` has values | flattened samples |

    uint8 pictures are scaled to what the model was made for, see `preprocess`; all else goes in as it is.

    Args:
        model: What `convscope.explain` takes: a name such as `random_convolution` or `gabor_bank`, a run
            folder, a `.keras` file, `module:function`, or a Keras model.
        layer: A path, a unique name or a pattern, or several of them; their features stand side by side. None
            takes the last convolution, or all features of a kernel bank.
        pool: `mean` or `max` over all positions, or `flatten`.
        precision: `float32`, `bfloat16`, or `auto`: bfloat16 where the processor has it and features stay
            close to those of Keras in float32.
        input_shape: Shape of one sample, channels last, such as (8, 8, 1), where X does not tell: flattened
            samples, or series of several channels (length, channels) for `random_convolution`.
        preprocess: What uint8 pixels become, such as `0..1` or `caffe`; `auto` asks the model.
        batch_size: Samples that are computed at a time; None measures what is fastest. Where it is given,
            nothing is measured or compared, and `auto` means float32.
        trust: Whether a model file may hold code that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        random_state: Seed of random kernels: an int, a `numpy.random.RandomState`, or None for other kernels
            in every fit. A seed within the model's name, as in `random_convolution(seed=3)`, goes first.

    Attributes:
        layers_: Paths of the layers.
        input_shape_: Shape of one sample as the model gets it.
        report_: How features are computed, and how close to Keras.
        n_features_in_: Length of the second axis of X.
        n_features_out_: The number of columns.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> pictures = load_digits().images[:20]
        >>> features = ConvFeatures("gabor_bank", batch_size=16, precision="float32")
        >>> features.fit_transform(pictures / 16).shape
        (20, 48)
    """

    def __init__(
        self,
        model: keras.Model | str = "random_convolution",
        layer: str | Sequence[str] | None = None,
        pool: Pool = "mean",
        precision: Precision = "auto",
        input_shape: tuple[int, ...] | None = None,
        preprocess: Preprocessing = "auto",
        batch_size: int | None = None,
        trust: bool = False,
        code: Sequence[str] = (),
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pool = pool
        self.precision = precision
        self.input_shape = input_shape
        self.preprocess = preprocess
        self.batch_size = batch_size
        self.trust = trust
        self.code = code
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> ConvFeatures:  # noqa: N803 - as all of scikit-learn names it
        """Opens the model and chooses how features are computed.

        Args:
            X: Samples; their shape and a few of them are used.
            y: Not used.

        Returns:
            The transformer itself.

        Raises:
            ValueError: X holds no finite numbers.
            UsageError: A name or setting that cannot work, or samples that the model does not take.
            BackendError: No Keras backend is installed.
        """
        from convscope.backend import prepare_backend

        prepare_backend()
        values = validate_data(self, X, dtype="numeric", allow_nd=True)
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"batch_size must be at least 1. Received: batch_size={self.batch_size}.")
        if self.pool == "none":
            raise UsageError("pool='none' is not supported.", "Use pool='flatten' for whole feature maps.")
        self._extractor = _Extractor.by(self, values)
        self.layers_ = self._extractor.layers
        self.input_shape_ = self._extractor.shape
        self.report_ = self._extractor.engine(self._extractor.brought(values[:_SAMPLE]), len(values)).report
        self.n_features_out_ = self._extractor.width
        return self

    def transform(self, X: Any) -> Floats:  # noqa: N803
        """Computes features.

        Args:
            X: Samples of the shape that `fit` saw.

        Returns:
            Shape (samples, n_features_out_), float32.

        Raises:
            ValueError: X has another shape, or holds no finite numbers.
            NotFittedError: `fit` was not called.
        """
        check_is_fitted(self)
        values = validate_data(self, X, dtype="numeric", allow_nd=True, reset=False)
        return self._extractor.features(values)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names such as `block2_conv[5]`: the layer, and the number among its features.

        Args:
            input_features: Not used, but compared with the names that `fit` saw, if it saw any.
        """
        super().get_feature_names_out(input_features)
        return np.array(self._extractor.names, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_features_out_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.non_deterministic = False
        return tags


class _Extractor:
    """An opened model with its engine; pickled, it holds the model, and makes the engine anew when needed.

    Args:
        model: The model.
        layers: Paths.
        pool: Over positions.
        shape: Of one sample as it goes in.
        scaling: What uint8 pixels become.
        precision: As `ConvFeatures` takes it.
        batch_size: As `ConvFeatures` takes it.
        code: Modules that register the model's own layers.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: tuple[str, ...],
        pool: Pool,
        shape: tuple[int, ...],
        scaling: PixelSteps,
        precision: Precision,
        batch_size: int | None,
        code: tuple[str, ...],
    ) -> None:
        self.code = code
        self.model, self.layers, self.pool, self.shape = model, layers, pool, shape
        self.scaling, self.precision, self.batch_size = scaling, precision, batch_size
        self.names: list[str] = []
        self._engine: FeatureEngine | None = None
        self._settled: Any = None

    @property
    def width(self) -> int:
        """The number of features of a sample."""
        return len(self.names)

    @classmethod
    def by(cls, settings: ConvFeatures, values: Array) -> _Extractor:
        """Opens the model of a transformer, for samples like these."""
        from convscope.features.model_and_data import chosen_layers
        from convscope.kinds.contract.preprocessing import check_preprocessing, preprocessing_of, steps_of
        from convscope.scope.graph.graph import trace

        check_preprocessing(settings.preprocess)
        reference = _reference(settings, values)
        loaded = reference.open()
        inputs = list(loaded.model.inputs or ())
        if len(inputs) != 1:
            raise UsageError(f"The model '{loaded.name}' takes {len(inputs)} inputs; expected one.")
        expected = tuple(inputs[0].shape[1:])
        shape = _sample_shape(values.shape, expected, settings.input_shape, loaded.name)
        layer = settings.layer
        names = () if layer is None else (layer,) if isinstance(layer, str) else layer
        graph = trace(loaded.model, np.zeros((1, *shape), np.float32))
        layers, _ = chosen_layers(graph, names, loaded)
        own = preprocessing_of(loaded.model, graph).preprocessing if loaded.run is None else "0..1"
        chosen = own if settings.preprocess == "auto" else settings.preprocess
        scaling = steps_of(chosen, shape[-1] if len(shape) == 3 else None)
        return cls(
            loaded.model,
            tuple(layers),
            settings.pool,
            shape,
            scaling,
            settings.precision,
            settings.batch_size,
            tuple(settings.code),
        )

    def brought(self, values: Array) -> Floats:
        """Samples as the model takes them."""
        from convscope.workflows.model_inputs.dataset import Scaled

        shaped = values.reshape(len(values), *self.shape)
        return Scaled(self.scaling)(shaped) if values.dtype == np.uint8 else np.asarray(shaped, np.float32)

    def engine(self, sample: Floats, count: int | None = None) -> FeatureEngine:
        """What computes; chosen once, by means of a sample, for about so many of them."""
        if self._engine is None:
            self._engine = self._chosen(sample, count)
            self._settled = self._engine.report
            self.names = [
                f"{column.layer}[{i}]"
                for column in self._engine.columns
                for i in range(int(np.prod(column.shape)))
            ]
        return self._engine

    def features(self, values: Array) -> Floats:
        """Features of samples, shape (samples, width)."""
        size = _values(self.shape)
        if _values(values.shape[1:]) != size:
            raise ValueError(
                f"X has samples of shape {values.shape[1:]}, but ConvFeatures is expecting {self.shape}."
            )
        engine = self.engine(self.brought(values[:1]))
        found = np.empty((len(values), self.width), np.float32)
        done = 0
        for features, _ in engine.run(self._batches(values, engine.report.batch_size)):
            blocks = [features[layer].reshape(len(features[layer]), -1) for layer in self.layers]
            found[done : done + len(blocks[0])] = np.concatenate(blocks, axis=1)
            done += len(blocks[0])
        return found

    def _batches(self, values: Array, size: int) -> Iterator[Floats]:
        for start in range(0, len(values), size):
            yield self.brought(values[start : start + size])

    def _chosen(self, sample: Floats, count: int | None) -> FeatureEngine:
        from convscope.engine.device import cores
        from convscope.engine.inference.feature_report import EngineReport
        from convscope.engine.inference.features import feature_engine
        from convscope.workflows.model_inputs.dataset import Scaled

        def make(precision: Precision, settled: EngineReport | None) -> FeatureEngine:
            return feature_engine(
                self.model,
                self.layers,
                self.pool,
                sample,
                prepare=Scaled(),
                scaling=(1.0, 0.0),
                precision=precision,
                predictions=False,
                settled=settled,
                count=count,
            )

        settled = self._settled
        if settled is None:
            if self.batch_size is None:
                return make(self.precision, None)
            settled = EngineReport(
                "openvino",
                "bfloat16" if self.precision == "bfloat16" else "float32",
                batch_size=self.batch_size,
                request_size=self.batch_size,
                streams=cores(),
                device="the processor",
                reason="its batch size was given, and nothing was measured",
            )
        try:
            return make(self.precision, settled)
        except BackendError as error:  # not with OpenVINO, or not on this machine
            return make("float32", settled.by_keras(error.message))

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "_engine"}
        return {**state, "model": pickle.dumps(self.model)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from convscope.backend import prepare_backend

        prepare_backend()
        from convscope.kinds.registry import register_layers

        register_layers()
        for module in state["code"]:  # they register the layers that the model is made of
            import_module(module)
        model = pickle.loads(state["model"])  # noqa: S301 - a part of the pickle that is being read
        self.__dict__.update(state, model=model, _engine=None)


def _reference(settings: ConvFeatures, values: Array) -> ModelReference:
    """How the model is opened: an architecture for samples of this shape, with a seed of its own."""
    from convscope.features.model_and_data import ModelReference

    reference = ModelReference(settings.model, settings.trust, tuple(settings.code), settings.input_shape)
    architecture = reference.architecture
    if architecture is None:
        return reference
    shape = settings.input_shape
    if shape is None:
        shape = tuple(values.shape[1:]) + ((1,) if values.ndim < 4 else ())
    name = str(settings.model)
    if "seed" in architecture_options(architecture) and not _SEEDED.search(name):
        seed = check_random_state(settings.random_state).randint(_SEEDS)
        short, bracket, inside = name.partition("(")
        options = inside.rstrip().removesuffix(")").strip().rstrip(",") if bracket else ""
        name = f"{short}({options}{', ' if options else ''}seed={seed})"
    return ModelReference(name, settings.trust, tuple(settings.code), shape)


def _sample_shape(
    given: tuple[int, ...], expected: tuple[int | None, ...], asked: tuple[int, ...] | None, name: str
) -> tuple[int, ...]:
    """The shape that each sample is brought to, from that of X and what the model takes."""
    own = tuple(given[1:])
    candidates = [tuple(asked)] if asked is not None else []
    candidates += [own, (*own, 1)]
    if None not in expected:
        candidates.append(tuple(int(length) for length in expected if length is not None))
    for shape in candidates:
        fits = len(shape) == len(expected) and all(
            known in (None, length) for length, known in zip(shape, expected, strict=True)
        )
        if fits and _values(shape) == _values(own):
            return shape
    raise UsageError(
        f"X has samples of shape {own}; the model '{name}' takes {expected}.",
        "Give input_shape, or X of that shape, channels last.",
    )


def _values(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))
