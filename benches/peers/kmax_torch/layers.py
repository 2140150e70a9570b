"""Layers whose parameters have our names."""

import torch
from torch import nn
from torch.nn import functional as F

EPS, MOMENTUM = 1e-3, 0.01


class Conv2d(nn.Conv2d):
    """A convolution, its batch norm under it, and an activation."""

    def __init__(self, i, o, k=1, stride=1, groups=1, dilation=1, bias=False, act=None):
        super().__init__(i, o, k, stride, dilation * (k - 1) // 2, dilation, groups, bias)
        self.norm, self.act = nn.BatchNorm2d(o, EPS, MOMENTUM), act

    def forward(self, x):
        x = self.norm(super().forward(x))
        return self.act(x) if self.act else x


class Conv1d(nn.Conv1d):
    """The same along a sequence, 1 wide."""

    def __init__(self, i, o, act=None):
        super().__init__(i, o, 1, bias=False)
        self.norm, self.act = nn.BatchNorm1d(o, EPS, MOMENTUM), act

    def forward(self, x):
        x = self.norm(super().forward(x))
        return self.act(x) if self.act else x


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of `[b, c, h, w]`."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-6)

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def resize(x, size, corners):
    return F.interpolate(x, size, mode="bilinear", align_corners=corners)


class Axial(nn.Module):
    """Attention along a sequence, with learned tables of relative positions."""

    SPAN, HEADS = 255, 8

    def __init__(self, i, keys):
        super().__init__()
        self.keys, self.values = keys, 2 * keys
        self.qkv = Conv1d(i, 2 * keys + self.values)
        for name, depth in (("query", keys), ("key", keys), ("value", self.values)):
            self.register_parameter(f"{name}_position", nn.Parameter(torch.randn(2 * self.SPAN - 1, depth // self.HEADS)))
        self.similarity_norm = nn.BatchNorm2d(3 * self.HEADS, EPS, MOMENTUM)
        self.retrieved_norm = nn.BatchNorm1d(2 * self.values, EPS, MOMENTUM)

    def forward(self, x):
        n, _, length = x.shape
        q, k, v = (t.reshape(n, self.HEADS, -1, length) for t in self.qkv(x).split([self.keys, self.keys, self.values], 1))
        place = torch.arange(length, device=x.device)
        index = place[None] - place[:, None] + self.SPAN - 1
        content = torch.einsum("nhdl,nhdm->nhlm", q, k)
        by_query = torch.einsum("nhdl,lmd->nhlm", q, self.query_position[index])
        by_key = torch.einsum("nhdm,lmd->nhlm", k, self.key_position[index])
        kinds = self.similarity_norm(torch.cat([content, by_query, by_key], 1))
        weights = kinds.reshape(n, 3, self.HEADS, length, length).sum(1).softmax(-1)
        content = torch.einsum("nhlm,nhdm->nhdl", weights, v)
        position = torch.einsum("nhlm,lmd->nhdl", weights, self.value_position[index])
        both = torch.cat([content.reshape(n, self.values, length), position.reshape(n, self.values, length)], 1)
        return self.retrieved_norm(both).reshape(n, 2, self.values, length).sum(1)


class Axial2d(nn.Module):
    """Down the columns, then along the rows."""

    def __init__(self, i, keys):
        super().__init__()
        self.height, self.width = Axial(i, keys), Axial(2 * keys, keys)

    def forward(self, x):
        n, c, h, w = x.shape
        x = self.height(x.permute(0, 3, 1, 2).reshape(n * w, c, h)).reshape(n, w, -1, h)
        x = x.permute(0, 3, 2, 1)
        x = self.width(x.reshape(n * h, -1, w)).reshape(n, h, -1, w)
        return x.permute(0, 2, 1, 3)
