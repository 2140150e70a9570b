"""The class and mask predictor, and the auxiliary semantic head."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import EPS, MOMENTUM, Conv1d, Conv2d, resize


class Predictor(nn.Module):
    def __init__(self, pixel, classes):
        super().__init__()
        self.pixel = nn.ModuleDict({
            "depthwise": Conv2d(pixel, pixel, 5, groups=pixel, act=F.gelu),
            "conv1": Conv2d(pixel, 256, act=F.gelu),
            "conv2": Conv2d(256, 128, bias=True),
        })
        self.mask, self.mask_norm = Conv1d(256, 128), nn.BatchNorm2d(1, EPS, MOMENTUM)
        # `class` in our names; what traces this module writes its attributes as Python.
        self.class_ = nn.Conv1d(256, classes + 1, 1)
        void = torch.zeros(classes + 1)
        void[classes] = math.log(9 * classes)
        self.register_buffer("void", void, persistent=False)

    def forward(self, pixels, masks, classes=None):
        x = pixels
        for layer in self.pixel.values():
            x = layer(x)
        feature = F.normalize(x, p=2, dim=1)
        logits = torch.einsum("bchw,bcn->bnhw", feature, self.mask(masks))
        logits = self.mask_norm(logits.flatten(2).unsqueeze(1)).reshape(logits.shape)
        if classes is None:
            return logits, None
        return logits, self.class_(classes).transpose(1, 2) + self.void


class Aspp(nn.Module):
    def __init__(self, i, o, dropout):
        super().__init__()
        rates = [Conv2d(i, o, 3, dilation=rate, act=F.gelu) for rate in (6, 12, 18)]
        self.convs = nn.ModuleList([Conv2d(i, o, act=F.gelu), *rates])
        self.pool, self.project = Conv2d(i, o, act=F.gelu), Conv2d(5 * o, o, act=F.gelu)
        self.dropout = dropout

    def forward(self, x):
        pooled = self.pool(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        x = self.project(torch.cat([*(conv(x) for conv in self.convs), pooled], 1))
        return F.dropout(x, self.dropout, self.training)


class Fusion(nn.Module):
    def __init__(self, i, low, width=256):
        super().__init__()
        self.project = Conv2d(i, low, act=F.gelu)
        self.depthwise = Conv2d(width + low, width + low, 5, groups=width + low, act=F.gelu)
        self.conv = Conv2d(width + low, width, act=F.gelu)

    def forward(self, x, low):
        low = self.project(low)
        x = resize(x, low.shape[2:], x.shape[3] % 2 == 1)
        return self.conv(self.depthwise(torch.cat([x, low], 1)))


class SemanticHead(nn.Module):
    def __init__(self, channels, outputs, dropout):
        super().__init__()
        self.aspp = Aspp(channels[3], 256, dropout)
        self.fusions = nn.ModuleList([Fusion(channels[1], 64), Fusion(channels[0], 32)])
        self.depthwise, self.conv = Conv2d(256, 256, 5, groups=256, act=F.gelu), Conv2d(256, 256, act=F.gelu)
        self.last = nn.Conv2d(256, outputs, 1)

    def forward(self, maps):
        x = self.fusions[1](self.fusions[0](self.aspp(maps[3]), maps[1]), maps[0])
        return self.last(self.conv(self.depthwise(x)))
