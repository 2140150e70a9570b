"""Writes a checkpoint as PyTorch does, whose tensors are the synthetic ones of a manifest.

    python torch_checkpoint.py --tools SHARED/tools --manifest M.json --out FILE

FILE ends in .pth: `torch.save` of {"model": state_dict, "iteration": ...}, as detectron2's checkpointer writes it; with
--legacy in the form before PyTorch 1.6. Or in .pkl: a pickle of NumPy arrays, as detectron2's model zoo has them (needs no
torch).
"""
import argparse
import json
import pickle
import sys

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, help="the folder of synth.py")
    parser.add_argument("--manifest", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--legacy", action="store_true")
    args = parser.parse_args()
    sys.path.insert(0, args.tools)
    import synth

    with open(args.manifest) as file:
        rows = json.load(file)
    arrays = {}
    for row in rows:
        if row["dtype"] == "int64":
            arrays[row["name"]] = np.zeros(row["shape"], np.int64)
        else:
            arrays[row["name"]] = synth.tensor(row["name"], row["shape"], row["offset"], row["scale"])
    if args.out.endswith(".pkl"):
        with open(args.out, "wb") as file:
            pickle.dump({"model": arrays, "__author__": "third_party", "matching_heuristics": True}, file)
    else:
        import torch

        state = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
        content = {"model": state, "iteration": 149999, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}}
        torch.save(content, args.out, _use_new_zipfile_serialization=not args.legacy)
    print(f"{args.out}: {len(arrays)} tensors")


if __name__ == "__main__":
    main()
