"""Writes the small checkpoints in this folder with real PyTorch and NumPy, and what they hold as expected.json.

    python make.py

Needs torch and numpy. Values are i * 0.37 - 3 rounded to the type, or i for integers, so that nothing is random.
"""
import collections
import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent
EXPECTED = {}


def floats(*shape, dtype=torch.float32):
    return (torch.arange(int(np.prod(shape))) * 0.37 - 3).to(dtype).reshape(shape)


def describe(value):
    """Type, shape and SHA-256 of the row-major little-endian bytes."""
    if isinstance(value, torch.Tensor):
        value = value.detach().contiguous()
        dtype = str(value.dtype).removeprefix("torch.")
        raw = value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
        shape = list(value.shape)
    else:
        value = np.asarray(value)
        dtype, shape = value.dtype.name, list(value.shape)
        raw = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
    return {"dtype": dtype, "shape": shape, "sha256": hashlib.sha256(raw).hexdigest()}


def note(name, format, tensors, skipped=()):
    tensors = {key: describe(value) for key, value in tensors.items()}
    EXPECTED[name] = {"format": format, "tensors": tensors, "skipped": sorted(skipped)}


def torch_file(name, tree, tensors, format="torch", skipped=(), **options):
    torch.save(tree, FOLDER / name, **options)
    note(name, format, tensors, skipped)


def pickle_file(name, tree, tensors, protocol, skipped=(), **options):
    (FOLDER / name).write_bytes(pickle.dumps(tree, protocol=protocol, **options))
    note(name, "pickle", tensors, skipped)


def main():
    names = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    kinds = {f"kind.{name}": floats(2, 3).abs().to(getattr(torch, name)) for name in names}
    kinds["kind.uint16"] = torch.arange(6).to(torch.uint16)
    kinds["scalar"] = torch.tensor(1.5)
    kinds["empty"] = torch.zeros(0, 4)
    shared = floats(6, 8)
    views = {
        "transposed": shared.t(),
        "sliced": shared[1:5, ::2],
        "row": shared[3],
        "whole": shared,
        "channels_last": floats(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "expanded": torch.tensor([7.0]).expand(3, 4),
        "half_transposed": floats(4, 3, dtype=torch.bfloat16).t(),
        "parameter": torch.nn.Parameter(floats(3)),
    }
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    for index, tensor in enumerate(module.state_dict().values()):
        tensor.copy_((floats(*tensor.shape) + index).to(tensor.dtype))
    state = module.state_dict()

    torch_file("zip_kinds.pth", kinds, kinds)
    torch_file("zip_views.pth", views, views)
    torch_file("zip_state_dict.pth", state, state)
    nested = {"model": state, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}}, "iteration": 7, "name": "ä"}
    torch_file("zip_nested.pth", nested, state)
    mixed = collections.OrderedDict(a=floats(2), epoch=3, note=None, inner={"b": floats(3), "c": [1.0]})
    mixed_tensors = {"a": floats(2), "inner.b": floats(3)}
    torch_file("zip_mixed.pth", {"state_dict": mixed}, mixed_tensors, skipped=["epoch", "note", "inner.c"])
    torch_file("zip_protocol4.pth", views, views, pickle_protocol=4)
    arrays = {"array": np.arange(6, dtype=np.float32).reshape(2, 3), "tensor": floats(2)}
    torch_file("zip_arrays.pth", arrays, arrays)

    legacy = {"format": "torch_legacy", "_use_new_zipfile_serialization": False}
    legacy_kinds = {key: value for key, value in kinds.items() if key != "kind.uint16"}
    torch_file("legacy_kinds.pth", legacy_kinds, legacy_kinds, **legacy)
    torch_file("legacy_views.pth", views, views, **legacy)
    torch_file("legacy_nested.pth", {"model_state": state, "epoch": 1}, state, **legacy)
    torch_file("legacy_protocol4.pth", views, views, pickle_protocol=4, **legacy)

    # As `zip` would pack the folder again: deflated.
    source, target = zipfile.ZipFile(FOLDER / "zip_state_dict.pth"), FOLDER / "zip_deflated.pth"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in source.namelist():
            packed.writestr(zipfile.ZipInfo(member), source.read(member), zipfile.ZIP_DEFLATED)
    note("zip_deflated.pth", "torch", state)

    numbers = {
        "weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4) * np.float32(0.37) - 3,
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        "half": np.arange(5, dtype=np.float16),
        "bytes": np.arange(256, dtype=np.uint8),
        "big_endian": np.arange(4, dtype=">i4"),
        "truth": np.array([True, False]),
        "counter": np.array(7, dtype=np.int64),
        "scalar": np.float32(2.5),
        "empty": np.zeros((0, 3), dtype=np.float32),
        "strided": np.arange(12, dtype=np.int16).reshape(3, 4)[:, ::2],
    }
    for protocol in range(6):
        tree = {"model": numbers, "__author__": "nobody", "matching_heuristics": True}
        pickle_file(f"numpy_protocol{protocol}.pkl", tree, numbers, protocol)
    # detectron2's own conversion scripts also leave tensors in a plain pickle.
    tensors = {"a": floats(2, 3), "b": floats(3).half()}
    for protocol in [2, 4]:
        tree = {"model": tensors, "__author__": "nobody"}
        pickle_file(f"torch_in_pickle_protocol{protocol}.pkl", tree, tensors, protocol)
    python2(numbers)

    (FOLDER / "expected.json").write_text(json.dumps(EXPECTED, indent=1) + "\n")


def python2(numbers):
    """The form of a Python 2 pickle: strings and array data as byte strings, old module names."""
    class Python2(pickle._Pickler):
        dispatch = pickle._Pickler.dispatch.copy()

        def save_bytes(self, value):
            short, long = bytes([len(value) % 256]), len(value).to_bytes(4, "little")
            self.write((pickle.SHORT_BINSTRING + short if len(value) < 256 else pickle.BINSTRING + long) + value)
    
        def save_str(self, value):
            self.save_bytes(value.encode("latin1"))

        dispatch[bytes], dispatch[str] = save_bytes, save_str

    stream = io.BytesIO()
    pickler = Python2(stream, protocol=2)
    kept = {key: numbers[key] for key in ["weight", "bytes", "big_endian", "fortran"]}
    pickler.dump(dict(kept, tête=np.float64(1.0)))
    data = stream.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (FOLDER / "numpy_python2.pkl").write_bytes(data)
    note("numpy_python2.pkl", "pickle", dict(kept, tête=np.float64(1.0)))


main()
