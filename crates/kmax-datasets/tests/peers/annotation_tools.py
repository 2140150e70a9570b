"""Reads the forms of annotation tools, as the example `convert` writes them, with the tools' own packages, and compares every
mask pixel by pixel with the panoptic PNGs that they were made of.

    pip install -r requirements.txt
    cargo build -p kmax-datasets --example convert
    python annotation_tools.py ../../../../target/debug/examples/convert [panoptic.json]

Without a json it makes labels of its own: noise, holes in holes, parts that touch at corners. Datumaro is what CVAT imports with.
Ultralytics and labelme come with heavy packages (PyTorch, Qt), so their files are read as their documentation describes them, and
filled by pycocotools and by the even-odd rule.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO


def read_truth(file):
    """Of each image by its name without ending: the size, and (class, crowd, score, mask) of each segment but background."""
    content = json.loads(file.read_text())
    names = {c["id"]: c["name"] for c in content["categories"]}
    background = {
        c["id"] for c in content["categories"] if not c["isthing"] and c["name"].strip("_").lower() == "background"
    }
    images = {i["id"]: i for i in content["images"]}
    truth = {}
    for annotation in content["annotations"]:
        pixels = np.asarray(Image.open(file.with_suffix("") / annotation["file_name"]).convert("RGB")).astype(np.int64)
        ids = pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]
        truth[Path(images[annotation["image_id"]]["file_name"]).with_suffix("").as_posix()] = [
            (names[s["category_id"]], bool(s.get("iscrowd", 0)), s.get("score"), ids == s["id"])
            for s in annotation["segments_info"]
            if s["category_id"] not in background
        ]
    return truth


def make(folder):
    """Labels that are hard to write, with scores and photos."""
    random = np.random.default_rng(7)
    (folder / "panoptic_train").mkdir()
    (folder / "train" / "sub").mkdir(parents=True)
    classes = [(0, "background", 0), (1, "cell", 1), (2, "wall", 0), (5, "a: \"b\" & <c>", 1)]
    images, annotations = [], []
    for number, (height, width) in enumerate([(1, 1), (7, 9), (40, 31), (97, 128), (200, 333)]):
        blocks = random.integers(0, 9, (height // 3 + 1, width // 3 + 1))
        ids = np.kron(blocks, np.ones((3, 3), np.int64))[:height, :width]
        noise = random.random((height, width)) < 0.2
        ids[noise] = random.integers(0, 9, noise.sum())
        segments = []
        for segment in np.unique(ids[ids > 0]):
            entry = {"id": int(segment), "category_id": [0, 1, 2, 5][segment % 4], "iscrowd": int(segment == 7)}
            segments.append(entry | {"area": int((ids == segment).sum())} | ({"score": 0.125 * int(segment)} if segment < 6 else {}))
        # The first lies beside the folder of the others.
        name = f"{'sub/' * (number > 0)}photo {number}"
        Image.fromarray(np.stack([ids, ids * 0, ids * 0], 2).astype(np.uint8)).save(folder / "train" / f"{name}.png")
        Image.fromarray(np.stack([ids, ids * 0, ids * 0], 2).astype(np.uint8)).save(
            folder / "panoptic_train" / f"{number}.png"
        )
        images.append({"id": number + 1, "file_name": f"{name}.png", "width": width, "height": height})
        annotations.append({"image_id": number + 1, "file_name": f"{number}.png", "segments_info": segments})
    categories = [{"id": i, "name": name, "isthing": thing, "color": [i, 100, 200]} for i, name, thing in classes]
    file = folder / "panoptic_train.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file


def as_coco(points, height, width):
    """A polygon filled as pycocotools does."""
    codes = coco_mask.frPyObjects([np.asarray(points, float).ravel().tolist()], height, width)
    return coco_mask.decode(codes)[..., 0].astype(bool)


def even_odd(rings, height, width):
    """The pixels whose centres are within rings by the even-odd rule."""
    inside = np.zeros((height, width), bool)
    columns = np.arange(width) + 0.5
    for ring in rings:
        ring = np.asarray(ring, float)
        for a, b in zip(ring, np.roll(ring, -1, 0)):
            # In one order, so that both ways along a bridge round alike.
            (x0, y0), (x1, y1) = sorted([tuple(a), tuple(b)])
            for y in range(max(0, int(np.ceil(min(y0, y1) - 0.5))), min(height, int(np.ceil(max(y0, y1) - 0.5)))):
                inside[y] ^= columns > x0 + (y + 0.5 - y0) / (y1 - y0) * (x1 - x0)
    return inside


def same(form, name, found, expected):
    """Whether two lists of segments are alike. A segment is (class, crowd, score, mask)."""
    assert len(found) == len(expected), f"{form}: {name}: {len(found)} objects, expected {len(expected)}"
    for number, (ours, truth) in enumerate(zip(found, expected)):
        assert ours[:3] == truth[:3], f"{form}: {name}: object {number}: {ours[:3]}, expected {truth[:3]}"
        wrong = (ours[3] != truth[3]).sum()
        assert not wrong, f"{form}: {name}: object {number}: {wrong} pixels differ"


def yolo(out, truth):
    content = yaml.safe_load((out / "data.yaml").read_text())
    folder = out / content["train"]
    for name, segments in truth.items():
        # Ultralytics: `images` gives way to `labels`, the ending to `txt`.
        photo = next(p for p in (folder / name).parent.iterdir() if p.stem == Path(name).stem)
        width, height = Image.open(photo).size
        text = Path("/labels/".join(str(photo).rsplit("/images/", 1))).with_suffix(".txt").read_text()
        for fill in [as_coco, lambda points, h, w: even_odd([points], h, w)]:
            found = []
            for line in text.splitlines():
                number, *points = line.split()
                points = np.array(points, np.float32).reshape(-1, 2)
                assert points.min() >= 0 and points.max() <= 1 and len(points) >= 3
                pixels = points * np.array([width, height], np.float32)
                # Ultralytics cuts fractions off before it draws.
                found.append((content["names"][int(number)], False, None, fill(pixels.astype(np.int32), height, width)))
            same("yolo", name, found, [(c, False, None, m) for c, crowd, _, m in segments if not crowd])


def labelme(out, truth):
    for name, segments in truth.items():
        file = out / f"{name}.json"
        content = json.loads(file.read_text())
        # labelme joins the folder of the json and `imagePath`, and compares the sizes.
        assert content["imageData"] is None
        width, height = Image.open(file.parent / content["imagePath"]).size
        assert (content["imageWidth"], content["imageHeight"]) == (width, height)
        objects, last = [], None
        for shape in content["shapes"]:
            assert shape["shape_type"] == "polygon" and len(shape["points"]) >= 3
            mask = as_coco(shape["points"], height, width)
            assert (mask == even_odd([shape["points"]], height, width)).all()
            # labelme's own `shape_to_mask` also draws the outline: up to a pixel more, never one less.
            drawn = Image.new("1", (width, height))
            ImageDraw.Draw(drawn).polygon([tuple(p) for p in shape["points"]], outline=1, fill=1)
            assert not (mask & ~np.asarray(drawn)).any()
            group = shape["group_id"]
            if group is None or group != last:
                crowd = shape["flags"].get("iscrowd", False)
                objects.append((shape["label"], crowd, shape.get("score"), np.zeros((height, width), bool)))
            objects[-1][3][mask] = True
            last = group
        same("labelme", name, objects, segments)


def label_studio(out, truth):
    from label_studio_converter.brush import decode_rle
    from label_studio_sdk.converter.brush import decode_rle as decode_rle_of_sdk
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(out.with_suffix(".xml").read_text())
    tasks = json.loads(out.read_text())
    assert len(tasks) == len(truth)
    for task, (name, segments) in zip(tasks, truth.items()):
        [prediction] = task["predictions"]
        errors = interface.validate_prediction(prediction, return_errors=True)
        assert not errors, errors
        found = []
        for region in prediction["result"]:
            shape = (region["original_height"], region["original_width"], 4)
            [label] = region["value"]["brushlabels"]
            pixels = np.asarray(decode_rle(region["value"]["rle"])).reshape(shape)
            assert (pixels == np.asarray(decode_rle_of_sdk(region["value"]["rle"])).reshape(shape)).all()
            assert set(np.unique(pixels)) <= {0, 255}
            crowd = region.get("meta", {}).get("text") == ["crowd"]
            found.append((label, crowd, region.get("score"), pixels[..., 3] > 0))
        same("label-studio", name, found, segments)


def cvat_coco(out, truth):
    from datumaro import AnnotationType, Dataset

    data = COCO(out)
    names = {image["id"]: Path(image["file_name"]).with_suffix("").as_posix() for image in data.imgs.values()}
    assert list(names.values()) == list(truth)
    for image, name in names.items():
        found = [
            (data.cats[a["category_id"]]["name"], bool(a["iscrowd"]), a.get("score"), data.annToMask(a).astype(bool))
            for a in data.loadAnns(data.getAnnIds(image))
        ]
        same("cvat-coco: pycocotools", name, found, truth[name])
    # Datumaro wants COCO's folders; CVAT takes the json alone.
    (out.parent.parent / "images").mkdir(exist_ok=True)
    dataset = Dataset.import_from(str(out), "coco_instances")
    items, labels = list(dataset), dataset.categories()[AnnotationType.label]
    assert len(items) == len(truth)
    for item in items:
        name, found = item.id, []
        # Each object has its box too, and they come in an order of Datumaro's own.
        for a in sorted((a for a in item.annotations if a.type != AnnotationType.bbox), key=lambda a: a.id):
            if a.type == AnnotationType.polygon:
                height, width = truth[name][0][3].shape
                mask = as_coco(a.points, height, width)
            else:
                mask = np.asarray(a.image).astype(bool)
            found.append((labels[a.label].name, a.attributes["is_crowd"], a.attributes.get("score"), mask))
        same("cvat-coco: datumaro", name, found, truth[name])


def geojson(out, truth):
    from shapely.geometry import shape

    for name, segments in truth.items():
        features, found = json.loads((out / f"{name}.geojson").read_text())["features"], []
        for feature, (*_, mask) in zip(features, segments):
            polygons = shape(feature["geometry"])
            assert polygons.is_valid and polygons.area == mask.sum(), f"{name}: {polygons.is_valid} {polygons.area}"
            parts = feature["geometry"]["coordinates"]
            parts = parts if feature["geometry"]["type"] == "MultiPolygon" else [parts]
            properties = feature["properties"]
            assert properties["objectType"] == "annotation"
            rings = [ring[:-1] for part in parts for ring in part]
            score, crowd = properties.get("measurements", {}).get("score"), "iscrowd" in properties.get("metadata", {})
            found.append((properties["classification"]["name"], crowd, score, even_odd(rings, *mask.shape)))
        assert len(features) == len(segments)
        same("geojson", name, found, segments)


FORMS = {
    "yolo": ("yolo", yolo),
    "labelme": ("labelme", labelme),
    "label-studio": ("label-studio.json", label_studio),
    "cvat-coco": ("annotations/instances_default.json", cvat_coco),
    "geojson": ("geojson", geojson),
}


def main(program, file=None):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(file) if file else make(Path(folder))
        truth = read_truth(file)
        for form, (name, check) in FORMS.items():
            out = Path(folder) / "out" / name
            subprocess.run([program, file, out, form], check=True, stdout=subprocess.DEVNULL)
            check(out, truth)
            print(f"{form}: {sum(map(len, truth.values()))} segments of {len(truth)} images are the same")


if __name__ == "__main__":
    main(*sys.argv[1:])
