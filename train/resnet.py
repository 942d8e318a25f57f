"""Residual networks (He et al., "Deep residual learning for image recognition", CVPR 2016), versions 18, 34 and 50.

State-dict names, shapes and initial values are torchvision's, so weights travel both ways. As there, the stride of a
bottleneck is in its 3x3 convolution ("ResNet 1.5").
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from torch import Tensor, nn

from ..errors import OptionError

__all__ = ["ModelName", "ResNet", "build_model"]

ModelName: TypeAlias = Literal["resnet18", "resnet34", "resnet50"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: (n, in_channels, h, w) -> (n, channels, h / stride, w / stride)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: (n, in_channels, h, w) -> (n, 4 * channels, h / stride, ...)."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """The projection where a block changes the shape, else None (identity)."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class ResNet(nn.Module):
    """(n, 3, height, width) float images -> (n, num_classes) logits.

    Args:
        block: kind of residual block.
        depths: number of blocks in each of the four stages.
        num_classes: width of the last layer.
        small_stem: begin with a 3x3 convolution of stride 1 and no max-pooling, for images of about 32 px (He et
            al., section 4.2). The names stay; only `conv1.weight` has another shape.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        depths: tuple[int, int, int, int],
        num_classes: int,
        *,
        small_stem: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False) if small_stem else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small_stem else nn.MaxPool2d(3, stride=2, padding=1)
        wide = block.expansion
        self.layer1 = stage(block, 64, 64, depths[0], stride=1)
        self.layer2 = stage(block, 64 * wide, 128, depths[1], stride=2)
        self.layer3 = stage(block, 128 * wide, 256, depths[2], stride=2)
        self.layer4 = stage(block, 256 * wide, 512, depths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * wide, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


def stage(
    block: type[BasicBlock | Bottleneck], in_channels: int, channels: int, depth: int, *, stride: int
) -> nn.Sequential:
    """`depth` blocks; the first one changes resolution and width."""
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(channels * block.expansion, channels, 1) for _ in range(depth - 1)))


def build_model(name: ModelName, num_classes: int = 1000, *, small_stem: bool = False) -> ResNet:
    """A freshly initialised network, in training mode, on the CPU; draws from torch's global generator.

    Raises:
        OptionError: there is no such model.
    """
    if name == "resnet18":
        return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, small_stem=small_stem)
    if name == "resnet34":
        return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, small_stem=small_stem)
    if name == "resnet50":
        return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, small_stem=small_stem)
    raise OptionError(f"model is {name!r}; choose one of {', '.join(get_args(ModelName))}")
