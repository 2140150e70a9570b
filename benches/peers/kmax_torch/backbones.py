"""Backbones: from an image to the maps at strides 4, 8, 16 and 32."""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import ChannelNorm, Conv2d


class Bottleneck(nn.Module):
    def __init__(self, i, inner, o, stride):
        super().__init__()
        self.conv1, self.conv2 = Conv2d(i, inner, act=F.relu), Conv2d(inner, inner, 3, stride, act=F.relu)
        self.conv3 = Conv2d(inner, o)
        self.shortcut = Conv2d(i, o, 1, stride) if i != o else None

    def forward(self, x):
        residual = self.shortcut(x) if self.shortcut else x
        return F.relu(self.conv3(self.conv2(self.conv1(x))) + residual)


class ResNet50(nn.Module):
    channels = (256, 512, 1024, 2048)

    def __init__(self):
        super().__init__()
        self.stem = nn.ModuleDict({"conv1": Conv2d(3, 64, 7, 2, act=F.relu)})
        self.stages, i = nn.ModuleList(), 64
        for s, (depth, o) in enumerate(zip((3, 4, 6, 3), self.channels)):
            blocks = [Bottleneck(i if b == 0 else o, o // 4, o, 2 if b == 0 and s else 1) for b in range(depth)]
            self.stages.append(nn.ModuleDict({"blocks": nn.Sequential(*blocks)}))
            i = o

    def forward(self, x):
        x, maps = F.max_pool2d(self.stem["conv1"](x), 3, 2, 1), []
        for stage in self.stages:
            x = stage["blocks"](x)
            maps.append(x)
        return maps


class ConvNeXtBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.expand, self.project = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.project(F.gelu(self.expand(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, depths, first):
        super().__init__()
        self.channels = tuple(first << s for s in range(4))
        self.stem = nn.ModuleDict({"conv": nn.Conv2d(3, first, 4, 4), "norm": ChannelNorm(first)})
        self.stages, i = nn.ModuleList(), first
        for s, (depth, o) in enumerate(zip(depths, self.channels)):
            stage = {"blocks": nn.Sequential(*(ConvNeXtBlock(o) for _ in range(depth)))}
            if s:
                stage["downsample"] = nn.ModuleDict({"norm": ChannelNorm(i), "conv": nn.Conv2d(i, o, 2, 2)})
            self.stages.append(nn.ModuleDict(stage))
            i = o

    def forward(self, x):
        x, maps = self.stem["norm"](self.stem["conv"](F.pad(x, (1, 2, 1, 2)))), []
        for s, stage in enumerate(self.stages):
            if s:
                down = stage["downsample"]
                x = down["conv"](down["norm"](F.pad(x, (0, 1, 0, 1))))
            x = stage["blocks"](x)
            maps.append(x)
        return maps


def build(name):
    return {
        "resnet50": ResNet50,
        "convnext_tiny": lambda: ConvNeXt((3, 3, 9, 3), 96),
        "convnext_large": lambda: ConvNeXt((3, 3, 27, 3), 192),
    }[name]()
