"""Writes an ImageNet encoder as PyTorch libraries publish it, with drawn weights, or compares a converted one with it.

    python encoder_checkpoint.py LIBRARY BACKBONE FILE [--converted FILE.safetensors]

LIBRARY is torchvision, detectron2 (torchvision's tensors under the names that its converter gives them, as NumPy arrays),
timm, or facebook (ConvNeXt as facebookresearch names it; timm's own reader of such files must take it). FILE ends in .pth,
.pkl or .safetensors. With --converted, FILE is read again: the converted file must hold the same values, bit for bit.
"""
import argparse
import collections
import hashlib
import pickle
import re

import numpy as np
import torch

HEADS = ("fc.", "stem.fc.", "head.", "norm.")


def torchvision_model(backbone):
    import torchvision

    return getattr(torchvision.models, backbone)(weights=None)


def timm_model(backbone):
    import timm

    return timm.create_model(backbone, pretrained=False)


def detectron2_name(name):
    if "layer" not in name:
        name = "stem." + name
    name = re.sub(r"layer(\d)", lambda match: f"res{int(match[1]) + 1}", name)
    name = re.sub(r"bn(\d)", r"conv\1.norm", name)
    return name.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")


def facebook_name(name):
    name = name.replace("stem.", "downsample_layers.0.")
    name = re.sub(r"stages\.(\d)\.downsample\.", r"downsample_layers.\1.", name)
    name = re.sub(r"stages\.(\d)\.blocks\.(\d+)\.", r"stages.\1.\2.", name)
    name = name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
    return name.replace("head.norm.", "norm.").replace("head.fc.", "head.")


def write(library, backbone, file):
    torch.manual_seed(1)
    model = timm_model(backbone) if library in ("timm", "facebook") else torchvision_model(backbone)
    state = model.state_dict()
    # Batch norms start as ones and zeros, which would hide a mix-up.
    for value in state.values():
        if value.is_floating_point() and value.ndim == 1:
            value.uniform_(0.5, 1.5)
    if library == "detectron2":
        arrays = {detectron2_name(name): value.numpy() for name, value in state.items()}
        with open(file, "wb") as out:
            pickle.dump({"model": arrays, "__author__": "torchvision", "matching_heuristics": True}, out)
    elif library == "facebook":
        from timm.models.convnext import checkpoint_filter_fn

        named = {facebook_name(name): value for name, value in state.items()}
        model.load_state_dict(checkpoint_filter_fn(dict(named), model), strict=True)
        torch.save({"model": named}, file)
    elif file.endswith(".safetensors"):
        from safetensors.torch import save_file

        save_file(state, file)
    else:
        torch.save(state, file)


def contents(file):
    if file.endswith(".pkl"):
        with open(file, "rb") as data:
            return pickle.load(data)["model"]
    if file.endswith(".safetensors"):
        from safetensors.numpy import load_file

        return load_file(file)
    state = torch.load(file, map_location="cpu", weights_only=True)
    return {name: value.numpy() for name, value in state.get("model", state).items()}


def values(tensors):
    """How often each tensor occurs, whatever its name."""
    arrays = [np.ascontiguousarray(array) for array in tensors]
    # A layer scale may have another shape.
    return collections.Counter((array.size, hashlib.sha256(array.tobytes()).hexdigest()) for array in arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=["torchvision", "detectron2", "timm", "facebook"])
    parser.add_argument("backbone")
    parser.add_argument("file")
    parser.add_argument("--converted")
    args = parser.parse_args()
    if not args.converted:
        write(args.library, args.backbone, args.file)
        return
    original = contents(args.file)
    encoder = {name: array for name, array in original.items() if array.dtype == np.float32 and not name.startswith(HEADS)}
    converted = contents(args.converted)
    assert values(encoder.values()) == values(converted.values()), "other values"
    print(f"{args.file}: {len(encoder)} tensors have the same values")


if __name__ == "__main__":
    main()
