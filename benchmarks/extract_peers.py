"""PyTorch networks up to the last convolution, pooled by mean: the layers of those in extract_speed.py."""

from __future__ import annotations

import torch
from torch import nn


class Pooled(nn.Module):
    """A network's last maps, as timm's `forward_features` gives them, and their mean over positions."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward_features(self, x):
        """The last maps."""
        return self.layers(x)

    def forward(self, x):
        """Their mean."""
        return self.forward_features(x).mean((2, 3))


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions (He et al. 2016)."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1),
            nn.BatchNorm2d(4 * width),
        )
        same = stride == 1 and channels == 4 * width
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))
        )

    def forward(self, x):
        """The block's maps."""
        return torch.relu(self.body(x) + self.shortcut(x))


def compact_cnn():
    layers, channels = [], 1
    for number, filters in enumerate((32, 64, 128)):
        layers += [nn.MaxPool2d(2)] if number else []
        layers += [nn.Conv2d(channels, filters, 3), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers)


def deep_cnn():
    layers, channels = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU()], 32
    for number, (filters, size) in enumerate(((64, 3), (128, 5), (512, 3), (256, 3))):
        layers += [nn.BatchNorm2d(channels), nn.MaxPool2d(2)] if number else []
        layers += [nn.Conv2d(channels, filters, size, padding=size // 2), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers)


def resnet50():
    layers = [nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            layers.append(Bottleneck(channels, 64 * 2**stage, 2 if stage and not block else 1))
            channels = 256 * 2**stage
    return nn.Sequential(*layers)


NETWORKS = {"compact_cnn": compact_cnn, "deep_cnn": deep_cnn, "resnet50": resnet50}


def network(name):
    """The network, channels last, for inference."""
    torch.manual_seed(0)
    return Pooled(NETWORKS[name]()).eval().to(memory_format=torch.channels_last)
