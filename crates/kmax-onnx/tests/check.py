"""Exported models in ONNX Runtime against what this program says itself.

check.py RELEASE WORK: RELEASE is the folder with the built programs, WORK a folder to write into.

* small networks of every kind, with drawn weights: logits at sizes of both parities, in files of one size, of any, in batches, by
  several operator sets and in half precision;
* the built-in model, as it is and with other conventions: segments of photos, with all that stands around the network;
* ResNet-50 with the weights of the goldens, where the shared folder is.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from safetensors.numpy import load_file

RELEASE, WORK = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("KMAX_SHARED", ROOT.parent / "shared"))
passed = failed = 0


def kmax(*arguments):
    subprocess.run([RELEASE / "kmax", "--quiet", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def exported(model, name, *options):
    """A session of the exported file, which is checked on the way."""
    file = WORK / f"{name}.onnx"
    kmax("export", model, "-o", file, *options)
    message = onnx.load(file)
    onnx.checker.check_model(message, full_check=True)
    onnx.shape_inference.infer_shapes(message, strict_mode=True, data_prop=True)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 2
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])


def verdict(what, good, told):
    global passed, failed
    good = bool(good)
    passed, failed = passed + good, failed + (not good)
    print(f"{'ok    ' if good else 'FAILED'} {what}: {told}")


def distance(found, expected):
    """The largest difference over the root mean square."""
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / np.sqrt(np.mean(np.square(expected, dtype=np.float64))))


def check_logits(what, session, expected, size, batch):
    images = expected[f"pixel_values.{size}"][:batch]
    classes, masks = session.run(["class_logits", "mask_logits"], {"pixel_values": images})
    pairs = [(classes, "class_logits"), (masks, "mask_logits")]
    # Our own float32 noise; where it is small by chance, the least that any float32 engine has.
    allowed = 20 * max(float(expected[f"noise.{size}"][0]), 2e-6)
    most = max(distance(found, expected[f"{name}.{size}"][:batch]) for found, name in pairs)
    verdict(f"{what}, {size}, batch {batch}", most <= allowed, f"{most:.1e} x RMS, allowed {allowed:.0e}")


def small_networks():
    folder = WORK / "tiny"
    subprocess.run([RELEASE / "examples/tiny_models", folder], check=True, stdout=subprocess.DEVNULL)
    for model in sorted(folder.iterdir()):
        expected = load_file(model / "expected.safetensors")
        sizes = sorted(name.split(".")[1] for name in expected if name.startswith("pixel_values"))
        one = exported(model, f"{model.name}-one", "--size", *sizes[0].split("x"), "--batch", 2, "--opset", 21)
        check_logits(f"{model.name}, fixed, opset 21", one, expected, sizes[0], 2)
        free = exported(model, f"{model.name}-free", "--dynamic", "--batch", "dynamic")
        for size in sizes:
            for batch in 1, 2:
                check_logits(f"{model.name}, dynamic", free, expected, size, batch)
        half = exported(model, f"{model.name}-half", "--precision", "f16", "--opset", 18, "--dynamic", "--batch", "dynamic")
        check_half(model.name, half, expected, sizes[0])


def check_half(what, session, expected, size):
    """Half precision sends some pixels to another query, after which single values may lie anywhere: half of all logits stay near."""
    found = session.run(["mask_logits"], {"pixel_values": expected[f"pixel_values.{size}"]})[0]
    wanted = expected[f"mask_logits.{size}"]
    rms = np.sqrt(np.mean(np.square(wanted, dtype=np.float64)))
    middle = float(np.median(np.abs(found - wanted)) / rms)
    verdict(f"{what}, half precision, {size}", found.dtype == np.float32 and middle <= 0.25, f"median {middle:.1e} x RMS")


def variants():
    """The built-in model with other ways from an image to segments: (name, preprocessing, post-processing, network)."""
    people = {}
    fixed = lambda height, width, resize: {"size": {"height": height, "width": width}, "resize": resize}
    deeplab2 = {"manner": "deeplab2", "thing_area_limit": 200, "stuff_area_limit": 1500, "class_threshold_thing": 0.4}
    within = fixed(257, 321, {"family": "deeplab2", "min": None, "max": None})
    square = fixed(257, 257, {"family": "deeplab2", "min": [257, 257], "max": [257, 257]})
    edges = fixed(289, 289, {"family": "pytorch", "shortest_edge": 289, "longest_edge": 289})
    even = fixed(256, 288, {"family": "pytorch", "shortest_edge": 200, "longest_edge": 256})
    loose = {"pixel_threshold": 0.15, "class_threshold_thing": 0.1, "overlap_threshold": 0.5, "reorder_mask_weight": 2.0}
    yield "kmax-people", people, {}, {}
    yield "pytorch", edges, {"reorder_class_weight": 0.0}, {}
    yield "pytorch-even-loose", even, loose, {}
    yield "deeplab2-maskwise", square, deeplab2, {"resize_rule": "corners"}
    yield "deeplab2-within", within, {**deeplab2, "reorder_mask_weight": 0.0}, {"resize_rule": "corners"}
    yield "deeplab2-pixelwise", square, {**deeplab2, "method": "pixelwise"}, {"resize_rule": "corners"}


def photos():
    """The astronaut in several shapes and sizes, without loss."""
    whole = Image.open(ROOT / "docs/images/astronaut.png").convert("RGB")
    width, height = whole.size
    yield "whole", whole
    yield "tall", whole.crop((width // 5, 0, width * 3 // 4, height))
    yield "flat", whole.crop((0, height // 8, width, height * 2 // 3)).resize((700, 391), Image.LANCZOS)
    yield "small", whole.resize((120, 131), Image.LANCZOS)


def segments(folder, name):
    """The label map and the segments that `kmax segment` wrote."""
    colours = np.asarray(Image.open(folder / f"{name}.panoptic.png")).astype(np.int64)
    found = json.loads((folder / f"{name}.json").read_text())
    listed = found.get("segments_info") or found["annotations"][0]["segments_info"]
    return colours @ np.array([1, 256, 65536]), listed


def built_in():
    pictures = WORK / "photos"
    pictures.mkdir()
    for name, photo in photos():
        photo.save(pictures / f"{name}.png")
    source = ROOT / "crates/kmax-builtin/models/kmax-people"
    for name, preprocess, postprocess, network in variants():
        model = "kmax-people"
        if preprocess:
            model = WORK / name
            shutil.copytree(source, model)
            config = json.loads((source / "config.json").read_text())
            config.update(network)
            config["postprocess_config"].update(postprocess)
            (model / "config.json").write_text(json.dumps(config))
            settings = json.loads((source / "preprocessor_config.json").read_text())
            settings.update(preprocess)
            (model / "preprocessor_config.json").write_text(json.dumps(settings))
        kmax("segment", pictures, "-o", WORK / f"{name}-segments", "--model", model)
        whole = exported(model, f"{name}-whole", "--with-preprocess", "--with-postprocess")
        before = exported(model, f"{name}-before", "--with-preprocess")
        sized = ["--dynamic"] if name == "kmax-people" else []
        behind = exported(model, f"{name}-behind", "--with-postprocess", *sized)
        for picture in sorted(pictures.iterdir()):
            image = np.asarray(Image.open(picture))
            expected, listed = segments(WORK / f"{name}-segments", picture.stem)
            check_segments(f"{name}, {picture.stem}", whole, {"image": image}, expected, listed)
            if name == "kmax-people":
                feed = {"pixel_values": pixels(image), "image_size": np.array(image.shape[:2])}
                check_segments(f"{name}, {picture.stem}, pixels given", behind, feed, expected, listed)
            logits = before.run(["mask_logits"], {"image": image})[0]
            verdict(f"{name}, {picture.stem}, logits of an image", np.isfinite(logits).all(), logits.shape)


def pixels(image, longest=449, mean=127.0, deviation=128.0):
    """What `docs/ONNX.md` says that the input of the built-in model is."""
    scale = longest / max(image.shape[:2])
    height, width = (max(1, int(length * scale + 0.5)) for length in image.shape[:2])
    small = Image.fromarray(image).resize((width, height), Image.BILINEAR)
    full = np.zeros((1, 3, (height + 30) // 32 * 32 + 1, (width + 30) // 32 * 32 + 1), np.float32)
    full += (127.5 - mean) / deviation
    full[0, :, :height, :width] = ((np.asarray(small, np.float32) - mean) / deviation).transpose(2, 0, 1)
    return full


def check_segments(what, session, feed, expected, listed):
    names = ["panoptic_label_map", "segment_classes", "segment_scores"]
    found, classes, scores = session.run(names, feed)
    properties = session.get_modelmeta().custom_metadata_map
    categories = json.loads(properties["categories"])
    same = float(np.mean(found == expected)) if found.shape == expected.shape else 0.0
    told = {segment["id"]: (segment["name"], segment["score"]) for segment in listed}
    alike = all(
        identity <= len(classes) and categories[classes[identity - 1]]["name"] == name
        and abs(scores[identity - 1] - score) < 1e-3
        for identity, (name, score) in told.items()
    )
    verdict(what, same >= 0.9999 and alike and len(told) > 0, f"{same:.4%} of the pixels equal, {len(told)} segments")


def golden():
    """ResNet-50 as published, at 129 x 129, within a multiple of the float32 noise of the reference implementation."""
    source = SHARED / "golden/torch/forward"
    if not source.is_dir():
        if os.environ.get("KMAX_REQUIRE_GOLDENS"):
            verdict("golden", False, f"no shared folder at {SHARED}")
        return
    subprocess.run(
        [RELEASE / "examples/golden_models", WORK / "goldens", "torch/coco_r50"],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "KMAX_SHARED": str(SHARED)},
    )
    session = exported(WORK / "goldens/torch/coco_r50", "coco_r50", "--size", 129, 129)
    expected = load_file(source / "coco_r50_129.safetensors")
    noise = json.loads((source / "info.json").read_text())["coco_r50"]["image_129"]["f32_vs_f64"]
    image = ((expected["image"].astype(np.float64) - 127.5) / 127.5).astype(np.float32)
    found = session.run(["class_logits", "mask_logits"], {"pixel_values": image.transpose(2, 0, 1)[None]})
    for found, name in zip(found, ["pred_logits", "pred_masks"]):
        times = float(np.abs(found - expected[name]).max()) / noise[name]["max_abs_f32_minus_f64"]
        verdict(f"golden torch/coco_r50 {name}", times <= 5, f"{times:.2f} x noise")


WORK.mkdir(parents=True)
small_networks()
built_in()
golden()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
