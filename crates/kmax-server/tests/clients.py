"""The clients of others against a running server: clients.py ADDRESS PHOTO."""

import base64
import io
import json
import sys

import numpy as np
import requests
import tritonclient.http as triton
from label_studio_sdk.converter.brush import decode_rle
from label_studio_sdk.label_interface import LabelInterface
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

address, photo = sys.argv[1], sys.argv[2]
data = open(photo, "rb").read()
host = address.removeprefix("http://")


def post(path, **more):
    answer = requests.post(address + path, timeout=60, **more)
    answer.raise_for_status()
    return answer


def ids(png):
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int32), 2, 0)
    return red + 256 * green + 65536 * blue


panoptic = ids(post("/v1/segment", data=data, headers={"Accept": "image/png"}).content)
listed = post("/v1/segment", data=data).json()
model = listed["model"]

# What requests makes of files.
batch = post("/v1/batch", files=[("image", open(photo, "rb")), ("image", open(photo, "rb"))]).json()
assert [entry["result"] for entry in batch["results"]] == [listed, listed]

# Triton's client.
client = triton.InferenceServerClient(host)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
names = [output["name"] for output in client.get_model_metadata(model)["outputs"]]
pixels = np.asarray(Image.open(photo).convert("RGB"))
for binary in (True, False):
    image = triton.InferInput("image", pixels.shape, "UINT8")
    image.set_data_from_numpy(pixels, binary_data=binary)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    answer = client.infer(model, [image], outputs=outputs, request_id="7")
    assert answer.get_response()["id"] == "7"
    assert np.array_equal(answer.as_numpy("panoptic"), panoptic)
    rows = list(zip(answer.as_numpy("segment_ids"), answer.as_numpy("category_ids")))
    assert rows == [(row["id"], row["category_id"]) for row in listed["segments"]]
    assert np.allclose(answer.as_numpy("scores"), [row["score"] for row in listed["segments"]], atol=1e-6)
file = triton.InferInput("photo", [1], "BYTES")
file.set_data_from_numpy(np.array([data], dtype=np.object_))
assert np.array_equal(client.infer(model, [file]).as_numpy("panoptic"), panoptic)
try:
    client.infer("absent", [file])
    raise SystemExit("an absent model was no error")
except triton.InferenceServerException as error:
    assert "absent" in str(error), error

# What Label Studio sends, and what it makes of the answer.
labels = "".join(f'<Label value="{row["name"]}"/>' for row in {row["name"]: row for row in listed["segments"]}.values())
config = f'<View><Image name="image" value="$image"/><BrushLabels name="tag" toName="image">{labels}</BrushLabels></View>'
assert requests.get(address + "/health", timeout=60).json()["status"] == "UP"
project = {"project": "1.1700000000", "schema": config, "hostname": "http://localhost:8081", "access_token": "x"}
version = post("/setup", json=project).json()["model_version"]
assert requests.get(address + "/versions", timeout=60).json()["versions"] == [version]
assert post("/webhook", json={"action": "PROJECT_UPDATED", "project": {"id": 1}}).status_code == 200
task = {"id": 1, "data": {"image": "data:image/png;base64," + base64.b64encode(data).decode()}}
request = {"tasks": [task], "model_version": version, "project": project["project"], "label_config": config, "params": {"context": None}}
[predicted] = post("/predict", json=request).json()["results"]
LabelInterface(config).validate_prediction(predicted)
height, width = panoptic.shape
for region, row in zip(predicted["result"], listed["segments"], strict=True):
    mask = np.reshape(decode_rle(region["value"]["rle"]), (height, width, 4))[:, :, 3] > 0
    assert np.array_equal(mask, panoptic == row["id"]), row
    assert region["value"]["brushlabels"] == [row["name"]]

# Prometheus' own parser.
families = {family.name: family for family in text_string_to_metric_families(requests.get(address + "/metrics", timeout=60).text)}
[count] = [s.value for s in families["kmax_stage_seconds"].samples if s.name.endswith("_count") and s.labels["stage"] == "network"]
assert count >= 8, count
assert families["kmax_requests"].type == "counter" and families["kmax_request_seconds"].type == "histogram"
print(json.dumps({"triton": "fine", "label-studio-sdk": "fine", "prometheus": "fine", "network runs": count}))
