"""Figures of feature maps and kernels while a model learns, as files and in TensorBoard."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from convscope.errors import BackendError, UsageError, install_command
from convscope.lenses.figures.kernels import draw_kernels
from convscope.lenses.figures.maps import draw_maps
from convscope.lenses.sheet.figure_files import figure_bytes, save_figure
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.plain import plain_sample
from convscope.scope.channels.kernels import kernels
from convscope.scope.choice import early_middle_late, input_to_show
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.kernel_layout import layout_of
from convscope.scope.graph.graph import Call, trace
from convscope.scope.record import as_inputs, record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_INPUTS = 8


class FeatureMapsCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Draws feature maps and kernels at the end of epochs.

    Writes `epoch-0001/maps-1.png` (one for each input) and `epoch-0001/kernels-PATH.png` below the folder,
    and the same figures to TensorBoard where it is asked for. Works on every backend and with any model.

    Args:
        inputs: A few samples as the model takes them, with the batch axis.
        folder: Where the figures go.
        layers: Paths, unique names or patterns; by default early, middle and late convolutions.
        every: Draw after every so many epochs.
        channels: How many maps and kernels of a layer are shown.
        draw_kernels: Whether to draw kernels too.
        tensorboard: Folder of a TensorBoard log to write to besides; needs `convscope[tensorboard]`.
        theme: `light` or `dark`.

    Raises:
        UsageError: No epoch would be drawn, or too many inputs.
        BackendError: TensorBoard is asked for and not installed.

    Example:
        >>> callback = FeatureMapsCallback(np.zeros((1, 8, 8, 1)), "figures", every=5)
    """

    def __init__(
        self,
        inputs: Any,
        folder: str | Path,
        *,
        layers: Sequence[str] | str = (),
        every: int = 1,
        channels: int = 16,
        draw_kernels: bool = True,
        tensorboard: str | Path | None = None,
        theme: str = "light",
    ) -> None:
        super().__init__()
        if every < 1:
            raise UsageError(f"`every` must be at least 1. Received: every={every}.")
        count = len(keras.tree.flatten(inputs)[0])
        if not 1 <= count <= MOST_INPUTS:
            raise UsageError(f"Give 1 to {MOST_INPUTS} inputs to draw. Received: {count}.")
        self.inputs = inputs
        self.folder = Path(folder)
        self.layers = (layers,) if isinstance(layers, str) else tuple(layers)
        self.every = every
        self.channels = channels
        self.draw_kernels = draw_kernels
        self.theme = theme
        self._log = None if tensorboard is None else _ImageLog(Path(tensorboard))
        self._calls: list[Call] = []

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Finds the layers; a wrong name is reported before the first epoch."""
        self.inputs = as_inputs(self.model, self.inputs)
        graph = trace(self.model, self.inputs)
        self._calls = (
            graph.select(self.layers) if self.layers else early_middle_late(graph, geometries(graph))[0]
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Draws, if it is this epoch's turn."""
        if (epoch + 1) % self.every:
            return
        folder = self.folder / f"epoch-{epoch + 1:04d}"
        for name, figure in self._figures(epoch + 1):
            file = re.sub(r"[^\w#.-]+", "-", name)
            save_figure(figure, folder / f"{file}.png")
            if self._log is not None:
                self._log.write(name, figure, epoch + 1)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Closes the log."""
        if self._log is not None:
            self._log.close()

    def _figures(self, epoch: int) -> list[tuple[str, Figure]]:
        recording = record(self.model, self.inputs, [call.path for call in self._calls])
        figures = []
        for i, values in enumerate(input_to_show(recording.graph, self.inputs)):
            maps = []
            for call in self._calls:
                tap = recording[call.path]
                maps.append(LayerMaps.of(call.path, "", tap.array[i], tap.geometry))
            sample = plain_sample(values, f"input {i + 1}")
            title = f"{self.model.name} after epoch {epoch}"
            options: dict[str, Any] = {"channels": self.channels, "theme": self.theme}
            figures.append((f"maps-{i + 1}", draw_maps(sample, maps, title=title, **options)))
        for call in self._calls if self.draw_kernels else []:
            if layout_of(call.layer) is not None:
                title = f"Kernels of {call.path} after epoch {epoch}"
                drawn = draw_kernels(
                    kernels(self.model, call.path), channels=self.channels, theme=self.theme, title=title
                )
                figures.append((f"kernels-{call.path}", drawn))
        return figures


class _ImageLog:
    """Writes figures to a TensorBoard log, without any backend."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise BackendError(
                f"TensorBoard is not installed: {error}.", f"Install it: {install_command('tensorboard')}"
            ) from error
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(folder))

    def write(self, name: str, figure: Figure, step: int) -> None:
        """Adds one figure under its name."""
        from PIL import Image

        content = figure_bytes(figure, "png")
        width, height = Image.open(io.BytesIO(content)).size
        image = self._summary.Image(height=height, width=width, colorspace=4, encoded_image_string=content)
        summary = self._summary(value=[self._summary.Value(tag=name, image=image)])
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        """Writes what waits."""
        self._writer.close()
