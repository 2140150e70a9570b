"""Writes checkpoints as tools wrap them into the folder `wrapped`, with real PyTorch, safetensors and transformers.

    python make_wrapped.py

Needs torch, numpy, safetensors and transformers. The model is always the one of `Net`: its tensors hold 0, 1, 2 … times
a factor that says which set of weights they are of, 1 for the model and 2 for its average.
"""
import argparse
import collections
import datetime
import json
import pathlib
import shutil

import numpy as np
import safetensors.torch
import torch
import transformers

FOLDER = pathlib.Path(__file__).parent / "wrapped"


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torch.nn.Linear(3, 2)
        self.head = torch.nn.Linear(2, 4)


class Lightning(torch.nn.Module):
    """What `pytorch_lightning.LightningModule.state_dict` gives: its attributes' names in front."""
    def __init__(self):
        super().__init__()
        self.model = net(1)
        self.ema = torch.optim.swa_utils.AveragedModel(net(2))
        self.loss = torch.nn.Linear(1, 1)


class Callback:
    def __init__(self, **state):
        self.__dict__.update(state)

    def __call__(self, step):
        return 1.0


class Counter(collections.Counter):
    pass


def net(factor):
    model = Net()
    for tensor in model.state_dict().values():
        tensor.copy_(factor * torch.arange(tensor.numel()).reshape(tensor.shape))
    return model


def save(name, tree, **options):
    torch.save(tree, FOLDER / name, **options)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    model, average = net(1).state_dict(), net(2).state_dict()
    optimizer = torch.optim.AdamW(net(1).parameters())
    sum(p.sum() for group in optimizer.param_groups for p in group["params"]).backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=Callback(warmup=3))

    save("pytorch_model.bin", model)
    compiled = torch.compile(torch.nn.DataParallel(net(1)))
    save("compiled_ddp.pth", compiled.state_dict())
    save("lightning.ckpt", {
        "epoch": 3, "global_step": 700, "pytorch-lightning_version": "2.5.0", "state_dict": Lightning().state_dict(),
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best": pathlib.PurePosixPath("a/b"), "seen": {1, 2}}},
        "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [schedule.state_dict()],
        "hparams_name": "kwargs", "hyper_parameters": argparse.Namespace(lr=1e-4, activation=torch.nn.functional.relu),
    })
    save("detectron2.pth", {
        "model": model, "optimizer": optimizer.state_dict(), "scheduler": {"last_epoch": 7}, "iteration": 7,
        "__author__": "nobody"}, _use_new_zipfile_serialization=False)
    save("mmengine.pth", {
        "meta": {"cfg": "model = dict()", "time": datetime.datetime(2026, 1, 2), "seed": np.int64(3)},
        "state_dict": model, "ema_state_dict": {f"module.{key}": value for key, value in average.items()},
        "message_hub": Callback(history=np.array([1.5, None], dtype=object), counts=Counter("abca")),
    })
    save("timm.pth.tar", {
        "epoch": 9, "arch": "net", "state_dict": model, "optimizer": optimizer.state_dict(), "version": 2,
        "args": argparse.Namespace(model="net", opt="adamw"), "state_dict_ema": average, "metric": np.float64(0.5)})
    save("average_alone.pth", {"params_ema": average})
    save("beside.pth", {
        **model, "a_function": torch.nn.functional.gelu, "a_method": net(1).forward.__func__.__name__,
        "a_type": Net, "words": np.array(["a", "bc"]), "complex": torch.ones(2, dtype=torch.complex64),
        "float8": torch.ones(2).to(torch.float8_e4m3fn), "step": np.float32(4), "path": pathlib.PurePosixPath("x")})
    save("whole_module.pth", net(1))

    # As transformers cuts a model: the smallest real one, in files of 2 KB each.
    config = transformers.BertConfig(
        vocab_size=12, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=8)
    torch.manual_seed(0)
    bert = transformers.BertModel(config)
    sharded = FOLDER / "sharded"
    bert.save_pretrained(sharded, max_shard_size="2KB")
    (sharded / "config.json").unlink()
    whole = {key: value.contiguous() for key, value in bert.state_dict().items()}
    safetensors.torch.save_file(whole, FOLDER / "bert.safetensors")
    # The same in the form that transformers wrote before.
    index = json.loads((sharded / "model.safetensors.index.json").read_text())
    older = FOLDER / "sharded_bin"
    older.mkdir()
    names = {file: file.replace("model", "pytorch_model").replace(".safetensors", ".bin")
             for file in sorted(set(index["weight_map"].values()))}
    for file, name in names.items():
        torch.save({key: whole[key] for key, other in index["weight_map"].items() if other == file}, older / name)
    index["weight_map"] = {key: names[file] for key, file in index["weight_map"].items()}
    (older / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")


main()
