"""What is particular to PyTorch: its devices, and the form in which a converter takes its functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import torch

from convscope.engine.device import TensorFunction
from convscope.engine.exchange import (
    OnProcessor,
    bits_for,
    drops_by_bits,
    exchanged,
    stands_first,
)
from convscope.engine.training.batches import Advance, Batch
from convscope.engine.training.keras_batches import endless, ragged, repeated
from convscope.layers.neighbors import summed_by
from convscope.layers.sparse_products import SparseRows
from convscope.types import Array, Tensor

__all__ = [
    "accelerated",
    "accelerator",
    "begin_epoch",
    "convertible",
    "cpu_computes_bfloat16",
    "endless",
    "prediction_threads",
    "ragged",
    "repeated",
    "sparse_product",
    "whole_epochs",
]


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU and whether it computes in bfloat16; None where there is only a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(), torch.cuda.is_bf16_supported()
    if torch.backends.mps.is_available():
        return "Apple GPU", False
    return None


def cpu_computes_bfloat16() -> bool:
    """PyTorch computes convolutions in bfloat16 on a processor that has it."""
    return True


def prediction_threads(_: int) -> int:
    """One batch at a time: the operations of one use all cores."""
    return 1


def begin_epoch(seed: int, epoch: int) -> None:
    """Seeds PyTorch's own generator, from which Keras draws what Dropout drops.

    No checkpoint holds its state, so each epoch begins with one that follows from seed and epoch alone.
    """
    torch.manual_seed(seed * 1_000_003 + epoch)


def convertible(function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
    """What `openvino.convert_model` takes to convert a function that calls a model.

    Args:
        function: From one tensor to a list of tensors.
        model: The model that it calls.
        example: An input of the function, shape (n, ...); n may differ later on.

    Returns:
        Arguments by name.
    """

    class Module(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(function(x))

    shape = (-1, *example.shape[1:])
    return {"input_model": Module().eval(), "example_input": torch.from_numpy(example[:2]), "input": [shape]}


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, a CPU computes dropout, sums over neighbors and spectra faster; the model stays as it is."""
    if accelerator():
        yield
        return
    with exchanged() as exchange, summed_by(neighbor_sum):
        for layer in model._flatten_layers(include_self=False):
            if drops_by_bits(layer):
                exchange(layer, "call", _dropout_by_bits)
            if stands_first(layer):
                exchange(layer, "call", _on_processor)
        yield


def _on_processor(layer: OnProcessor, _: object, values: torch.Tensor) -> torch.Tensor:
    """What a layer gives without PyTorch."""
    return torch.from_numpy(layer.on_processor(values.detach().float().numpy()))


def _dropout_by_bits(
    layer: keras.layers.Dropout,
    plain_call: Callable[..., torch.Tensor],
    inputs: torch.Tensor,
    training: bool | None = None,
) -> torch.Tensor:
    """Drops each value with the layer's rate, to within 2 to the power of -17, and scales what is kept.

    A random word of 64 bits tells of four or eight values, where PyTorch draws one for each.
    """
    if not training:
        return plain_call(inputs, training=training)
    bits, size = bits_for(layer.rate), inputs.numel()
    words = torch.empty(-(-size * bits // 64), dtype=torch.int64).random_(-(2**63), None)
    drawn = words.view(torch.int8 if bits == 8 else torch.int16)[:size].reshape(inputs.shape)
    kept = (drawn >= round(layer.rate * 2**bits) - 2 ** (bits - 1)).to(inputs.dtype)
    return inputs * kept.mul_(1.0 / (1.0 - layer.rate))


def neighbor_sum(
    values: torch.Tensor, neighbors: torch.Tensor, weights: torch.Tensor, owners: torch.Tensor
) -> torch.Tensor:
    """Sums over neighbors by a matrix of compressed rows, which tables nearly are; see `NeighborSum`."""
    nodes = len(values)
    first = torch.searchsorted(owners.long(), torch.arange(nodes + 1, device=values.device))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        packed = torch.sparse_csr_tensor(
            first * neighbors.shape[1],
            neighbors.reshape(-1).long(),
            weights.reshape(-1).float(),
            size=(nodes, nodes),
            check_invariants=False,
        )
    return (packed @ values.float()).to(values.dtype)


def sparse_product(rows: SparseRows) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Products by sums of rows of the kernel, of which a bag of words says which, with their weights."""
    columns, starts = torch.tensor(rows.columns), torch.tensor(rows.starts)
    turned_rows, turned_starts = torch.tensor(rows.turned_rows), torch.tensor(rows.turned_starts)
    turned = torch.tensor(rows.turned).long()

    class Product(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Tensor, kernel: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
            context.save_for_backward(values)
            return _bags(columns, kernel, starts, values)

        @staticmethod
        def backward(context: Tensor, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
            (values,) = context.saved_tensors
            return _bags(turned_rows, upstream.contiguous(), turned_starts, values[turned]), None

    def multiplied(values: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = Product.apply(kernel, values)
        return found

    return multiplied


def _bags(
    places: torch.Tensor, kernel: torch.Tensor, starts: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    return torch.nn.functional.embedding_bag(
        places, kernel, starts, mode="sum", per_sample_weights=values, include_last_offset=True
    )


def whole_epochs(model: keras.Model, train: Batch, validation: Batch, most: int, seed: int) -> Advance:
    """Epochs of one step, with nothing between them; see `BackendFile.whole_epochs`."""
    learned, judged = keras.tree.map_structure(keras.ops.convert_to_tensor, (train, validation))
    model._symbolic_build(data_batch=learned)

    def epoch() -> dict[str, torch.Tensor]:
        model.reset_metrics()
        model.train()
        logs = dict(model.train_step(learned))
        logs["learning_rate"] = model.optimizer.learning_rate
        model.reset_metrics()
        model.eval()
        with torch.no_grad():
            return logs | {f"val_{name}": value for name, value in model.test_step(judged).items()}

    def advance(done: int, count: int) -> tuple[list[dict[str, float]], Callable[[int], list[Array]]]:
        rows, kept = [], []
        for number in range(done, done + count):
            begin_epoch(seed, number)
            rows.append({name: float(value) for name, value in epoch().items()})
            kept.append([weight.value.detach().clone() for weight in model.weights])
        return rows, lambda place: [each.cpu().numpy() for each in kept[place]]

    return advance
