"""The program over a bucket against the program over files: the same bytes."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3

KMAX = os.environ["KMAX"]
PHOTOS = 31
BROKEN = "07.ppm"

s3 = boto3.client("s3")


def kmax(*arguments, code=0, **more):
    done = subprocess.run([KMAX, *arguments], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def fails(code, parts, *arguments, **more):
    done = kmax(*arguments, code=code, **more)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr, (part, done.stderr)


def keys(prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def get(key):
    return s3.get_object(Bucket="bucket", Key=key)["Body"].read()


def put(key, data):
    s3.put_object(Bucket="bucket", Key=key, Body=data)


def make_photos():
    Path("photos").mkdir()
    draw = random.Random(3)
    for number in range(PHOTOS):
        width, height = 240 + 3 * number, 180 + 2 * number
        row = bytes(draw.randrange(256) for _ in range(3 * width))
        pixels = b"".join(row[3 * y % len(row):] + row[: 3 * y % len(row)] for y in range(height))
        Path(f"photos/{number:02}.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + pixels)
    Path("photos", BROKEN).write_bytes(b"no picture")
    Path("photos/notes.txt").write_text("no photo")


def begun(shard, results):
    """Begins a part, and comes back when so many of its results are in the bucket."""
    before = len(keys("out/predictions/"))
    running = subprocess.Popen([KMAX, *SEGMENT, "--shard", shard], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    ends = time.time() + 120
    while len(keys("out/predictions/")) < before + results:
        assert running.poll() is None and time.time() < ends, (running.poll(), running.stderr.read())
        time.sleep(0.02)
    return running


SEGMENT = ["segment", "s3://bucket/photos/", "--format", "coco-panoptic", "-o", "s3://bucket/out", "--threads", "1"]


def parts():
    # Killed: what the journal in the bucket does not know is done again.
    killed = begun("1/3", 2)
    killed.kill()
    killed.wait()
    # Stopped: the journal is sent.
    stopped = begun("2/3", 2)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(60) == 1, stopped.stderr.read()
    # Somebody else's journal in the place of its own.
    disturbed = begun("3/3", 1)
    put("out/segment.3-of-3.jsonl", get("out/segment.3-of-3.jsonl") + b"\n")
    assert disturbed.wait(60) == 3
    told = disturbed.stderr.read()
    assert "s3://bucket/out/segment.3-of-3.jsonl: another process is making these results" in told, told
    s3.delete_object(Bucket="bucket", Key="out/segment.3-of-3.jsonl")
    fails(3, ["s3://bucket/out: part 3-of-3 was not begun"], "merge", "s3://bucket/out")

    for shard in ["1/3", "2/3", "3/3"]:
        done = kmax(*SEGMENT, "--shard", shard)
        found = re.search(r"(\d+) of 31 photos, (\d+) of them done before", done.stderr)
        assert found, done.stderr
        if shard == "2/3":
            assert int(found[2]) >= 2, done.stderr
    again = kmax(*SEGMENT, "--shard", "2/3")
    # All but the broken photo, which is of this part.
    assert "10 of 31 photos, 9 of them done before" in again.stderr, again.stderr
    fails(3, ["s3://bucket/out: holds parts of 3, not of 4"], "-q", *SEGMENT, "--shard", "1/4")

    merged = kmax("merge", "s3://bucket/out", code=1)
    assert merged.stderr.count(BROKEN) == 1 and "1 of 31 photos failed" in merged.stderr, merged.stderr
    kmax("merge", "s3://bucket/out", "-o", "joined", code=1)
    assert Path("joined/predictions.json").read_bytes() == get("out/predictions.json")
    same_as("whole", "out/", [name for name in keys("out/") if not name.endswith(".jsonl")])

    # A photo that was replaced, and a result that is gone, are done again.
    put("photos/02.ppm", Path("photos/03.ppm").read_bytes())
    s3.delete_object(Bucket="bucket", Key="out/predictions/05.png")
    fails(3, ["the results of 1 of 31 photos are not there: run again 3-of-3"], "merge", "s3://bucket/out")
    again = kmax(*SEGMENT, "--shard", "3/3")
    assert "10 of 31 photos, 8 of them done before" in again.stderr, again.stderr
    put("photos/02.ppm", Path("photos/02.ppm").read_bytes())


def same_as(folder, prefix, names):
    files = {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}
    objects = {name.removeprefix(prefix): get(name) for name in names}
    assert files == objects, (sorted(files), sorted(objects))


def without_parts():
    # Files for each photo, into a bucket and out of one; a list in the bucket, with ids.
    names = [f"{number:02}.ppm" for number in (0, 4, 9)]
    for folder, place in [("photos/", "local"), ("s3://bucket/photos/", "remote")]:
        lines = [json.dumps({"file": folder + name, "id": number}) for number, name in enumerate(names)]
        Path(f"{place}.jsonl").write_text("\n".join(lines))
    put("list.jsonl", Path("remote.jsonl").read_bytes())
    kmax("segment", "--list", "local.jsonl", "-o", "files")
    kmax("segment", "--list", "s3://bucket/list.jsonl", "-o", "s3://bucket/files/")
    same_as("files", "files/", keys("files/"))
    kmax("segment", *[f"s3://bucket/photos/{name}" for name in names], "-o", "fetched")
    for name in ["00.overlay.png", "04.panoptic.png"]:
        assert Path("fetched", name).read_bytes() == Path("files", name).read_bytes()
    kmax("segment", f"file://{Path.cwd()}/photos/04.ppm", "-o", f"file://{Path.cwd()}/named")
    assert Path("named/04.panoptic.png").read_bytes() == Path("files/04.panoptic.png").read_bytes()


def refusals():
    fails(3, ["s3://bucket/none.jpg: is not there"], "segment", "s3://bucket/none.jpg")
    fails(3, ["s3://nowhere/photos"], "segment", "s3://nowhere/photos", "-o", "x")
    fails(5, ["s3://nowhere/out"], "segment", "photos/00.ppm", "-o", "s3://nowhere/out")
    fails(2, ["http://bucket/a.jpg: expected s3://"], "segment", "http://bucket/a.jpg")
    fails(2, ["s3://bucket/../x"], "segment", "photos/00.ppm", "-o", "s3://bucket/../x")
    fails(2, ["--explain takes a folder of this machine"], "segment", "photos/00.ppm", "--explain", "s3://bucket/x")
    fails(3, ["s3://bucket/empty: holds no part"], "merge", "s3://bucket/empty")
    put("text/notes.txt", b"no photo")
    fails(3, ["s3://bucket/text: no photo", "1 file of another kind left out (.txt)"], "segment", "s3://bucket/text/")
    # A name that would lead out of the folder of results.
    put("hostile/a..\\..\\evil.ppm", Path("photos/00.ppm").read_bytes())
    kmax("segment", "s3://bucket/hostile/", "-o", "inside/deep")
    assert not list(Path("inside").glob("*.*")) and len(list(Path("inside/deep").iterdir())) == 3


def main():
    make_photos()
    for file in Path("photos").iterdir():
        put(f"photos/{file.name}", file.read_bytes())
    put("photos/deep/x.ppm", b"in a folder below")
    # A server that nobody listens to is given up, in time.
    started = time.time()
    nobody = {**os.environ, "AWS_ENDPOINT": "http://127.0.0.1:9", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    waiting = subprocess.Popen([KMAX, "segment", "s3://bucket/photos/"], stderr=subprocess.PIPE, text=True, env=nobody)

    kmax("segment", "photos", "--format", "coco-panoptic", "-o", "whole", code=1)
    for test in [refusals, without_parts, parts]:
        begin = time.time()
        test()
        print(f"{test.__name__}: {time.time() - begin:.1f} s")

    assert waiting.wait(60) == 3
    told = waiting.stderr.read()
    assert told.startswith("error: s3://bucket/photos: cannot be read") and len(told.splitlines()) == 1, told
    print(f"all: {time.time() - started:.1f} s")


sys.exit(main())
