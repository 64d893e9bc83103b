"""`fcn` and `inception_time` in PyTorch, layer by layer, for series_speed.py."""

from __future__ import annotations

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:  # contenders of other frameworks need none of it
    torch = None
    nn = None
BASE = nn.Module if nn is not None else object


class TorchFCN(BASE):
    """Three normalized convolutions, the mean over time, one dense layer."""

    def __init__(self, variables: int, classes: int) -> None:
        super().__init__()
        layers, before = [], variables
        for size, filters in ((8, 128), (5, 256), (3, 128)):
            layers += [
                nn.Conv1d(before, filters, size, padding="same", bias=False),
                nn.BatchNorm1d(filters),
                nn.ReLU(),
            ]
            before = filters
        self.body, self.dense = nn.Sequential(*layers), nn.Linear(before, classes)

    def forward(self, x):
        """Scores of the classes for (batch, variables, time)."""
        return self.dense(self.body(x).mean(dim=2))


class TorchInception(BASE):
    """Kernels of three lengths and a pooled copy side by side."""

    def __init__(self, before: int, filters: int = 32, bottleneck: int = 32) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(before, bottleneck, 1, bias=False) if before > 1 else nn.Identity()
        narrowed = bottleneck if before > 1 else before
        self.convolutions = nn.ModuleList(
            nn.Conv1d(narrowed, filters, size, padding="same", bias=False) for size in (40, 20, 10)
        )
        self.pooled = nn.Conv1d(before, filters, 1, bias=False)
        self.norm = nn.BatchNorm1d(4 * filters)

    def forward(self, x):
        """(batch, 4 * filters, time)."""
        narrow = self.narrow(x)
        maps = [convolution(narrow) for convolution in self.convolutions]
        maps.append(self.pooled(functional.max_pool1d(x, 3, stride=1, padding=1)))
        return functional.relu(self.norm(torch.cat(maps, dim=1)))


class TorchInceptionTime(BASE):
    """Six modules, a shortcut over every third, the mean over time, one dense layer."""

    def __init__(self, variables: int, classes: int) -> None:
        super().__init__()
        width = 4 * 32
        self.stages = nn.ModuleList(
            nn.Sequential(TorchInception(before), TorchInception(width), TorchInception(width))
            for before in (variables, width)
        )
        self.shortcuts = nn.ModuleList(
            nn.Sequential(nn.Conv1d(before, width, 1, bias=False), nn.BatchNorm1d(width))
            for before in (variables, width)
        )
        self.dense = nn.Linear(width, classes)

    def forward(self, x):
        """Scores of the classes for (batch, variables, time)."""
        for stage, shortcut in zip(self.stages, self.shortcuts, strict=True):
            x = functional.relu(stage(x) + shortcut(x))
        return self.dense(x.mean(dim=2))


TORCH_MODELS = {"fcn": TorchFCN, "inception_time": TorchInceptionTime}
