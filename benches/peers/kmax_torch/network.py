"""The pixel decoder, the k-means decoder, and the whole."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from . import backbones
from .heads import Predictor, SemanticHead
from .layers import EPS, MOMENTUM, Axial2d, ChannelNorm, Conv1d, Conv2d, resize


class StageBlock(nn.Module):
    def __init__(self, i, base, axial):
        super().__init__()
        first = 2 * base if axial else base
        self.conv1 = Conv2d(i, first, act=F.gelu)
        if axial:
            self.attention = Axial2d(first, base)
        else:
            self.conv2 = Conv2d(base, base, 3, act=F.gelu)
        self.conv3 = Conv2d(first, 4 * base)
        self.shortcut = Conv2d(i, 4 * base) if i != 4 * base else None
        self.axial = axial

    def forward(self, x):
        x = F.gelu(x)
        y = self.conv1(x)
        y = F.gelu(self.attention(y)) if self.axial else self.conv2(y)
        return self.conv3(y) + (self.shortcut(x) if self.shortcut else x)


class Fuse(nn.Module):
    def __init__(self, low, high, o):
        super().__init__()
        self.low = Conv2d(low, o) if low != o else None
        self.high = Conv2d(high, o) if high != o else None

    def forward(self, low, high):
        corners = low.shape[3] % 2 == 1
        low = self.low(F.gelu(low)) if self.low else low
        return resize(low, high.shape[2:], corners) + (self.high(F.gelu(high)) if self.high else high)


class PixelDecoder(nn.Module):
    STAGES = ((512, True, 1), (256, True, 5), (128, False, 1), (64, False, 1))

    def __init__(self, channels):
        super().__init__()
        self.norms = nn.ModuleList(ChannelNorm(c) for c in reversed(channels))
        self.stages, self.fuses, low = nn.ModuleList(), nn.ModuleList(), None
        for high, (base, axial, blocks) in zip(reversed(channels), self.STAGES):
            i = high
            if low is not None:
                self.fuses.append(Fuse(low, high, base))
                i = base
            self.stages.append(nn.Sequential(*(StageBlock(i if b == 0 else 4 * base, base, axial) for b in range(blocks))))
            low = 4 * base

    def forward(self, maps):
        outputs = []
        for s, (x, norm, stage) in enumerate(zip(reversed(maps), self.norms, self.stages)):
            x = norm(x)
            outputs.append(stage(self.fuses[s - 1](outputs[-1], x) if s else x))
        return outputs


class DecoderLayer(nn.Module):
    def __init__(self, pixel, classes):
        super().__init__()
        self.query_conv1, self.pixel_conv1 = Conv1d(256, 256, F.gelu), Conv2d(pixel, 256, act=F.gelu)
        self.query_qkv, self.pixel_value = Conv1d(256, 512), Conv2d(256, 256)
        self.self_attention = nn.ModuleDict({
            "similarity_norm": nn.BatchNorm2d(8, EPS, MOMENTUM), "retrieved_norm": nn.BatchNorm1d(256, EPS, MOMENTUM)})
        self.query_conv3 = Conv1d(256, 256)
        self.feed_forward1, self.feed_forward2 = Conv1d(256, 2048, F.gelu), Conv1d(2048, 256)
        self.predictor = Predictor(256, classes)
        self.kmeans_norm, self.kmeans_conv3 = nn.BatchNorm1d(256, EPS, MOMENTUM), Conv1d(256, 256)

    def forward(self, pixels, queries, classify):
        pixels, space = self.pixel_conv1(F.gelu(pixels)), self.query_conv1(queries)
        logits, classes = self.predictor(pixels, space, space if classify else None)
        # A product with the assignment as zeros and ones, as the published code has it.
        nearest = logits.flatten(2).argmax(1)
        member = F.one_hot(nearest, logits.shape[1]).to(logits.dtype)
        sums = torch.einsum("bcp,bpn->bcn", self.pixel_value(pixels).flatten(2), member)
        queries = queries + self.kmeans_conv3(self.kmeans_norm(sums))
        queries = F.gelu(queries + self.query_conv3(self.attend(space)))
        return F.gelu(queries + self.feed_forward2(self.feed_forward1(queries))), (logits, classes)

    def attend(self, space):
        n, _, length = space.shape
        q, k, v = (t.reshape(n, 8, -1, length) for t in self.query_qkv(space).split([128, 128, 256], 1))
        weights = self.self_attention["similarity_norm"](torch.einsum("bhdl,bhdm->bhlm", q, k)).softmax(-1)
        found = torch.einsum("bhlm,bhdm->bhdl", weights, v).reshape(n, 256, length)
        return F.gelu(self.self_attention["retrieved_norm"](found))


class KmeansDecoder(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(256, 128))
        self.layers = nn.ModuleList(DecoderLayer(c, classes) for c in (2048, 2048, 1024, 1024, 512, 512))
        self.class_projection, self.mask_projection = Conv1d(256, 256, F.gelu), Conv1d(256, 256, F.gelu)
        self.predictor = Predictor(256, classes)

    def forward(self, maps, classify):
        queries = self.queries.expand(maps[0].shape[0], -1, -1)
        for n, layer in enumerate(self.layers):
            queries, _ = layer(maps[n // 2], queries, classify)
        return self.predictor(maps[3], self.mask_projection(queries), self.class_projection(queries))


class KMax(nn.Module):
    """`resnet50`, `convnext_tiny` or `convnext_large`, 133 classes. In training also the semantic head's logits."""

    def __init__(self, backbone, classes=133, dropout=0.1):
        super().__init__()
        self.backbone = backbones.build(backbone)
        self.pixel_decoder = PixelDecoder(self.backbone.channels)
        self.decoder = KmeansDecoder(classes)
        self.semantic_head = SemanticHead(self.backbone.channels, classes + 1, dropout)

    def forward(self, x):
        maps = self.backbone(x)
        masks, classes = self.decoder(self.pixel_decoder(maps), self.training)
        return (classes, masks, self.semantic_head(maps)) if self.training else (classes, masks)

    def loss(self, x):
        """Squares in place of the criterion, as the Rust side has it."""
        return sum(logits.square().mean() for logits in self(x))


def load(network, tensors):
    """Takes tensors by our names: all of them, and nothing else."""
    tensors = {name.replace(".class.", ".class_."): tensor for name, tensor in tensors.items()}
    missing, unknown = network.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        raise SystemExit(f"error: the names differ: {missing[:5]} are missing, {unknown[:5]} unknown")
    return network


def folded(network):
    """In evaluation mode, batch norms folded into convolutions: what one would do for speed."""
    network.eval()
    for module in network.modules():
        if isinstance(module, (Conv1d, Conv2d)):
            plain = fuse_conv_bn_eval(module, module.norm)
            module.weight, module.bias, module.norm = plain.weight, plain.bias, nn.Identity()
    return network
