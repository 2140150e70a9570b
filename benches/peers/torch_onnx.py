"""What torch.onnx makes of ResNet-50 kMaX-DeepLab, beside our own file, in ONNX Runtime.

    pip install torch onnx onnxruntime onnxscript
    python torch_onnx.py OURS.onnx SIZE      # a file of `kmax export` for that square size

The module is written anew from the paper and the shapes of `kmax-resnet50-coco.pytorch`, in evaluation mode, with drawn weights: times do not depend on
them. Sessions take turns; the best and the median of each are printed.
"""

import statistics
import sys
import time

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

SPAN = 255


def conv(i, o, k=1, stride=1, groups=1, act=None, bias=False):
    layers = [nn.Conv2d(i, o, k, stride, (k - 1) // 2, groups=groups, bias=bias), nn.BatchNorm2d(o, eps=1e-3)]
    return nn.Sequential(*layers, *([act()] if act else []))


def conv1(i, o, act=None):
    return nn.Sequential(nn.Conv1d(i, o, 1, bias=False), nn.BatchNorm1d(o, eps=1e-3), *([act()] if act else []))


class Bottleneck(nn.Module):
    def __init__(self, i, inner, o, stride):
        super().__init__()
        self.a, self.b = conv(i, inner, act=nn.ReLU), conv(inner, inner, 3, stride, act=nn.ReLU)
        self.c = conv(inner, o)
        self.shortcut = conv(i, o, 1, stride) if i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.c(self.b(self.a(x))) + self.shortcut(x))


class Axial(nn.Module):
    def __init__(self, i, base, heads=8):
        super().__init__()
        self.heads, self.k, self.v = heads, base, 2 * base
        self.qkv = conv1(i, 2 * base + self.v)
        self.tables = nn.ParameterList(
            nn.Parameter(torch.randn(2 * SPAN - 1, d // heads)) for d in (base, base, self.v))
        self.similarity, self.retrieved = nn.BatchNorm2d(3 * heads, eps=1e-3), nn.BatchNorm2d(2 * self.v, eps=1e-3)

    def forward(self, x):
        n, _, length = x.shape
        q, k, v = self.qkv(x).split([self.k, self.k, self.v], 1)
        q, k, v = (t.reshape(n, self.heads, -1, length) for t in (q, k, v))
        place = torch.arange(length)
        index = place[None] - place[:, None] + SPAN - 1
        tq, tk, tv = (table[index] for table in self.tables)
        content = torch.einsum("nhdl,nhdm->nhlm", q, k)
        by_query = torch.einsum("nhdl,lmd->nhlm", q, tq)
        by_key = torch.einsum("nhdm,lmd->nhlm", k, tk)
        kinds = self.similarity(torch.cat([content, by_query, by_key], 1))
        weights = kinds.reshape(n, 3, self.heads, length, length).sum(1).softmax(-1)
        content = torch.einsum("nhlm,nhdm->nhdl", weights, v)
        position = torch.einsum("nhlm,lmd->nhdl", weights, tv)
        both = torch.cat([content.reshape(n, self.v, length, 1), position.reshape(n, self.v, length, 1)], 1)
        return self.retrieved(both).reshape(n, 2, self.v, length).sum(1)


class Stage(nn.Module):
    def __init__(self, i, base, axial):
        super().__init__()
        self.axial = axial
        first = 2 * base if axial else base
        self.a = conv(i, first, act=nn.GELU)
        if axial:
            self.height, self.width = Axial(2 * base, base), Axial(2 * base, base)
        else:
            self.b = conv(base, base, 3, act=nn.GELU)
        self.c = conv(first, 4 * base)
        self.shortcut = conv(i, 4 * base) if i != 4 * base else nn.Identity()

    def forward(self, x):
        x = F.gelu(x)
        y = self.a(x)
        if self.axial:
            n, c, h, w = y.shape
            y = self.height(y.permute(0, 3, 1, 2).reshape(n * w, c, h)).reshape(n, w, c, h)
            y = self.width(y.permute(0, 3, 2, 1).reshape(n * h, c, w)).reshape(n, h, c, w)
            y = F.gelu(y.permute(0, 2, 1, 3))
        else:
            y = self.b(y)
        return self.c(y) + self.shortcut(x)


class Predictor(nn.Module):
    def __init__(self, pixel, query, classes=133):
        super().__init__()
        self.pixel = nn.Sequential(
            conv(pixel, pixel, 5, groups=pixel, act=nn.GELU), conv(pixel, 256, act=nn.GELU), conv(256, 128, bias=True))
        self.mask, self.norm = conv1(query, 128), nn.BatchNorm2d(1, eps=1e-3)
        self.classes = nn.Conv1d(query, classes + 1, 1)

    def forward(self, pixels, queries):
        feature = F.normalize(self.pixel(pixels), p=2, dim=1)
        logits = torch.einsum("bchw,bcn->bnhw", feature, self.mask(queries))
        return self.norm(logits.flatten(2).unsqueeze(1)).reshape(logits.shape)


class Layer(nn.Module):
    def __init__(self, pixel):
        super().__init__()
        self.q1, self.p1 = conv1(256, 256, nn.GELU), conv(pixel, 256, act=nn.GELU)
        self.qkv, self.value = conv1(256, 512), conv(256, 256)
        self.similarity, self.retrieved = nn.BatchNorm2d(8, eps=1e-3), nn.BatchNorm1d(256, eps=1e-3)
        self.q3, self.f1, self.f2 = conv1(256, 256), conv1(256, 2048, nn.GELU), conv1(2048, 256)
        self.predictor, self.kn, self.k3 = Predictor(256, 256), nn.BatchNorm1d(256, eps=1e-3), conv1(256, 256)

    def forward(self, pixels, queries):
        space, query = self.p1(F.gelu(pixels)), self.q1(queries)
        logits = self.predictor(space, query).flatten(2)
        member = F.one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)
        sums = torch.einsum("bcp,bpn->bcn", self.value(space).flatten(2), member)
        queries = queries + self.k3(self.kn(sums))
        n, _, length = query.shape
        q, k, v = self.qkv(query).split([128, 128, 256], 1)
        q, k, v = (t.reshape(n, 8, -1, length) for t in (q, k, v))
        weights = self.similarity(torch.einsum("bhdl,bhdm->bhlm", q, k)).softmax(-1)
        found = torch.einsum("bhlm,bhdm->bhdl", weights, v).reshape(n, 256, length)
        queries = F.gelu(queries + self.q3(F.gelu(self.retrieved(found))))
        return F.gelu(queries + self.f2(self.f1(queries)))


class KMax(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, stages, i = conv(3, 64, 7, 2, act=nn.ReLU), [], 64
        for s, depth in enumerate([3, 4, 6, 3]):
            o = 256 << s
            blocks = [Bottleneck(i if b == 0 else o, o // 4, o, 2 if b == 0 and s else 1) for b in range(depth)]
            stages.append(nn.Sequential(*blocks))
            i = o
        self.stages = nn.ModuleList(stages)
        self.norms = nn.ModuleList(nn.LayerNorm(c, eps=1e-6) for c in (2048, 1024, 512, 256))
        bases, kinds, depths = (512, 256, 128, 64), (True, True, False, False), (1, 5, 1, 1)
        self.decode, self.low, self.high = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for s, (base, axial, depth) in enumerate(zip(bases, kinds, depths)):
            channels = 2048 if s == 0 else base
            blocks = [Stage(channels if b == 0 else 4 * base, base, axial) for b in range(depth)]
            self.decode.append(nn.Sequential(*blocks))
            if s:
                self.low.append(conv(4 * bases[s - 1], base))
                self.high.append(conv((2048, 1024, 512, 256)[s], base))
        self.queries = nn.Parameter(torch.randn(1, 256, 128))
        self.layers = nn.ModuleList(Layer(4 * base) for base in (512, 512, 256, 256, 128, 128))
        self.of_class, self.of_mask = conv1(256, 256, nn.GELU), conv1(256, 256, nn.GELU)
        self.predictor = Predictor(256, 256)

    def forward(self, x):
        x, maps = F.max_pool2d(self.stem(x), 3, 2, 1), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        outputs = []
        for s, (high, norm) in enumerate(zip(reversed(maps), self.norms)):
            high = norm(high.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            if s:
                low = F.interpolate(self.low[s - 1](F.gelu(outputs[-1])), high.shape[2:], mode="bilinear", align_corners=True)
                high = low + self.high[s - 1](F.gelu(high))
            outputs.append(self.decode[s](high))
        queries = self.queries
        for n, layer in enumerate(self.layers):
            queries = layer(outputs[n // 2], queries)
        classes = self.predictor.classes(self.of_class(queries)).transpose(1, 2)
        return classes, self.predictor(outputs[-1], self.of_mask(queries))


def session(file):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 2
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])


ours, size = sys.argv[1], int(sys.argv[2])
torch.manual_seed(1)
image = torch.rand(1, 3, size, size)
with torch.no_grad():
    torch.onnx.export(KMax().eval(), (image,), "torch.onnx", input_names=["pixel_values"], opset_version=18, dynamo=True)
sessions = {"kmax export": session(ours), "torch.onnx": session("torch.onnx")}
times = {name: [] for name in sessions}
for turn in range(9):
    for name, one in sessions.items():
        start = time.perf_counter()
        one.run(None, {"pixel_values": image.numpy()})
        times[name].append(time.perf_counter() - start)
for name, taken in times.items():
    print(f"{name}: best {min(taken[1:]):.3f} s, median {statistics.median(taken[1:]):.3f} s of {len(taken) - 1}")
