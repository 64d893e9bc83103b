"""The same extraction on a Ray cluster: read tasks decode parts, a pool of actors computes and writes them.

A part travels as one row of a Ray data set, from the task that decodes it to the actor whose engine computes
it; the actor writes it under the part's own name, whole. A task or actor that is lost is started again by
Ray, and computing a part twice writes the same file twice: no sample is lost or doubled. All machines need
this package in the same version, and must see the data and the output under the same paths.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

import convscope.errors
from convscope.backend import prepare_backend
from convscope.engine.cluster import connected, ray_package
from convscope.errors import ConvscopeError, RunError
from convscope.features.model_and_data import ModelReference
from convscope.features.parts import extract_part
from convscope.features.store import Part, Place
from convscope.types import Array, Progress, Say, no_progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from convscope.engine.inference.features import FeatureEngine
    from convscope.features.extract import Job
    from convscope.workflows.model_inputs.dataset import Dataset
    from convscope.workflows.model_inputs.encoded_inputs import EncodedSamples

_RESUME = "Parts that were written are kept. Run the same command with --resume."


def extract_on_cluster(
    job: Job,
    parts: Sequence[Part],
    address: str,
    progress: Progress = no_progress,
    say: Say = silent,
) -> None:
    """Computes and writes parts on a cluster.

    Args:
        job: What every machine needs to know.
        parts: Which parts, each written whole under its own name.
        address: Of the cluster, such as `10.0.0.1:6379` or `auto`; `local` starts one on this machine.
        progress: Receives the number of samples done, of all.
        say: Receives where it runs.

    Raises:
        DataError: A sample has changed or gone.
        RunError: A part cannot be written, the model has changed, or the cluster does not answer.
        BackendError: Ray is not installed.
    """
    if not parts:
        return
    ray = ray_package()
    total = len(job.dataset)
    done = total - sum(map(len, parts))
    sizes = {part.number: len(part) for part in parts}
    with connected(ray, address), _ray_errors(ray):
        actors, needs = _pool(ray, job)
        machines = sum(bool(node["Alive"]) for node in ray.nodes())
        cores = int(ray.cluster_resources().get("CPU", 0))
        say(f"Ray {ray.__version__}: machines: {machines}, processors: {cores}, engines: {actors}")
        home = _at_home(job)
        source = ray.put(home.dataset)
        decoded = ray.data.read_datasource(_datasource(ray, source, parts), override_num_blocks=len(parts))
        outcomes = decoded.map_batches(
            PartWriter,
            batch_size=1,
            batch_format="pyarrow",
            zero_copy_batch=True,
            compute=ray.data.ActorPoolStrategy(size=actors),
            fn_constructor_args=(ray.put(_packed(ray, home)),),
            **needs,
        )
        progress(done, total, "extracting")
        for row in outcomes.iter_rows():
            _raise_error(row)
            done += sizes.pop(row["part"], 0)
            progress(done, total, "extracting")
    _check_complete(job)


def _check_complete(job: Job) -> None:
    for leftover in job.store.place.parts.glob(".part-*"):  # of processes that were killed while they wrote
        leftover.unlink(missing_ok=True)
    missing = job.store.missing()
    if missing:
        raise RunError(
            f"{job.store.place.target} lacks {len(missing)} parts although all were computed.", _RESUME
        )


@dataclass(frozen=True)
class DecodedInputs:
    """Some of the samples, decoded before.

    Args:
        inputs: All samples, for their names.
        start: Position of the first decoded one.
        array: The decoded ones.
    """

    inputs: EncodedSamples
    start: int
    array: Array

    def __len__(self) -> int:
        return len(self.inputs)

    def name(self, index: int) -> str:
        """The file (or `file#row`) of a sample."""
        return self.inputs.name(index)

    def take(self, indices: npt.NDArray[np.int64]) -> Array:
        """The decoded samples at these positions among all."""
        return self.array[indices - self.start]


class PartWriter:
    """An actor of the pool: opens the model once, then computes and writes one part after another.

    Args:
        packed: Reference to what `_packed` made of the job.
    """

    def __init__(self, packed: Any) -> None:
        self._packed = packed
        self._opened: tuple[Job, FeatureEngine] | None = None

    def __call__(self, table: pa.Table) -> pa.Table:
        """Computes and writes a part.

        Args:
            table: One row, as `_decoded` made it.

        Returns:
            One row: the part's number, and what went wrong, if anything did.
        """
        number = table["part"][0].as_py()
        error = _carried_error(table)
        if error is None:
            try:
                self._write(number, table)
            except ConvscopeError as raised:
                error = raised
        return _outcome(number, error)

    def _write(self, number: int, table: pa.Table) -> None:
        job, engine = self._job_and_engine()
        part = job.store.parts()[number]
        if job.store.has(part):  # by an actor that was lost before it could say so
            return
        shape = table["shape"][0].as_py()
        values = table["values"].chunk(0)[0].as_buffer()
        array = np.frombuffer(values, table["dtype"][0].as_py()).reshape(shape)
        dataset = replace(job.dataset, inputs=DecodedInputs(job.dataset.inputs, part.start, array))
        extract_part(engine, dataset, part, job.store)

    def _job_and_engine(self) -> tuple[Job, FeatureEngine]:
        """Not opened in `__init__`, whose errors Ray reports as a lost actor."""
        if self._opened is None:
            job = _unpacked(self._packed)
            self._opened = job, job.engine()
        return self._opened


def _datasource(ray: ModuleType, source: Any, parts: Sequence[Part]) -> Any:
    """A read task for each part."""
    from ray.data.block import BlockMetadata

    class Parts(ray.data.Datasource):  # type: ignore[misc,name-defined]
        """Parts of an extraction, decoded."""

        def estimate_inmemory_data_size(self) -> int | None:
            """Not known."""
            return None

        def get_read_tasks(self, parallelism: int, *args: Any, **options: Any) -> list[Any]:
            """One for each part, whatever parallelism is asked for: a part is never cut."""
            metadata = BlockMetadata(num_rows=1, size_bytes=None, input_files=None, exec_stats=None)
            return [ray.data.ReadTask(_Reading(source, part), metadata) for part in parts]

    return Parts()


@dataclass(frozen=True)
class _Reading:
    """Decodes one part where Ray wants it decoded; `source` is a reference."""

    source: Any
    part: Part

    def __call__(self) -> Iterable[pa.Table]:
        try:
            array = _fetched(self.source).take(np.arange(self.part.start, self.part.stop))
        except ConvscopeError as error:
            yield _decoded(self.part, np.empty(0, np.uint8), error)
        else:
            yield _decoded(self.part, array, None)


def _decoded(part: Part, array: Array, error: ConvscopeError | None) -> pa.Table:
    """A part as a table of one row; its values are not copied."""
    import pyarrow as pa

    values = np.ascontiguousarray(array)
    offsets = pa.py_buffer(np.array([0, values.nbytes], np.int64))
    data = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(values)])
    return (
        _outcome(part.number, error)
        .append_column("values", data)
        .append_column("dtype", pa.array([values.dtype.str]))
        .append_column("shape", pa.array([list(values.shape)], pa.list_(pa.int64())))
    )


def _outcome(number: int, error: ConvscopeError | None) -> pa.Table:
    """The part's number and its error as a table of one row."""
    import pyarrow as pa

    told = [error and type(error).__name__, error and error.message, error and error.hint]
    names = ("error", "message", "hint")
    columns = {name: pa.array([value], pa.string()) for name, value in zip(names, told, strict=True)}
    return pa.table({"part": pa.array([number], pa.int64()), **columns})


def _carried_error(table: pa.Table) -> ConvscopeError | None:
    row = {name: table[name][0].as_py() for name in ("error", "message", "hint")}
    return None if row["error"] is None else _error(row)


def _error(row: dict[str, Any]) -> ConvscopeError:
    kind: type[ConvscopeError] = getattr(convscope.errors, row["error"], RunError)
    return kind(row["message"], row["hint"])


def _raise_error(row: dict[str, Any]) -> None:
    if row["error"] is not None:
        raise _error(row)


@lru_cache(maxsize=1)
def _fetched(source: Any) -> Dataset:
    """The samples, once for each process: names of a million take their time."""
    import ray

    return cast("Dataset", ray.get(source))


def _at_home(job: Job) -> Job:
    """The job with paths that hold in any folder."""
    reference: ModelReference = job.reference
    if isinstance(reference.given, str) and reference.architecture is None and Path(reference.given).exists():
        reference = replace(reference, given=str(Path(reference.given).absolute()))
    place = Place(job.store.place.target.absolute(), job.store.place.kind)
    return replace(job, reference=reference, store=type(job.store)(place, job.store.manifest))


def _packed(ray: ModuleType, job: Job) -> tuple[list[str], bytes]:
    """Where modules are found here, and the job as bytes: a model in memory may need those modules."""
    return [str(Path.cwd()), *filter(None, sys.path)], ray.cloudpickle.dumps(job)


def _unpacked(packed: Any) -> Job:
    import ray

    path, job = ray.get(packed)
    sys.path.extend(each for each in path if each not in sys.path)
    prepare_backend()
    return cast("Job", ray.cloudpickle.loads(job))


def _pool(ray: ModuleType, job: Job) -> tuple[int, dict[str, Any]]:
    """How many engines there are, and what each of them needs: one for each GPU, or else for each machine.

    An engine on a processor computes on all cores of its machine by itself.
    """
    variables = {
        name: os.environ[name] for name in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL") if name in os.environ
    }
    needs: dict[str, Any] = {"runtime_env": {"env_vars": variables}}
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if gpus and job.store.manifest.engine["engine"] == "keras":
        return gpus, {**needs, "num_gpus": 1}
    return max(1, sum(bool(node["Alive"]) for node in ray.nodes())), {**needs, "num_cpus": 1}


@contextmanager
def _ray_errors(ray: ModuleType) -> Iterator[None]:
    """Ray without its own progress and log; what it cannot recover from becomes an error that says so."""
    context = ray.data.DataContext.get_current()
    before = context.enable_progress_bars
    context.enable_progress_bars = False
    loggers = [logging.getLogger(name) for name in ("ray.data", "ray")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    except ray.exceptions.RayError as error:
        lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
        raise RunError(f"The cluster could not finish: {lines[-1].strip()}", _RESUME) from error
    finally:
        context.enable_progress_bars = before
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
