"""Compiles every kernel by NVRTC, which needs no GPU, and reads what the assembler says of each: `compile.py FOLDER_OF_KERNELS`.

A kernel fails that keeps registers in memory (spills), has an array there (a stack frame), or is warned about."""

import ctypes
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import files
from pathlib import Path

ARCHITECTURES = (75, 80, 90, 100)
# float32, float16, bfloat16, as the text numbers them.
TYPES = ("f32", "f16", "bf16")
COMMON = ("prelude/cuda.h", "common.h", "windows.h", "sample.h")


def nvrtc():
    """The library of the wheel, whose own part it would look for elsewhere."""
    found = {Path(file.name).name: str(file.locate()) for file in files("nvidia-cuda-nvrtc")}
    library = lambda start: next(path for name, path in found.items() if re.fullmatch(start + r"\.so\.[\d.]+", name))
    ctypes.CDLL(library("libnvrtc-builtins"), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(library("libnvrtc"))


def compiled(library, name, text, architecture, real):
    """Whether a module compiles, and what was said about it."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    options = [f"--gpu-architecture=sm_{architecture}", "--std=c++17", f"-DREAL={real}", "--ptxas-options=-v"]
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None)
    status = library.nvrtcCompileProgram(program, len(options), given)
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return status == 0, log.value.decode()


def checked(library, name, text, kernels, architecture, real):
    """The rows of a module's kernels, and what is wrong."""
    variant = f"{name} sm_{architecture} {TYPES[real]}"
    done, log = compiled(library, name, text, architecture, real)
    if not done or "warning" in log:
        return [], [f"{variant}:\n{log}"]
    entry = re.compile(
        r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
        r".*?Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?[^\n]*",
        re.DOTALL,
    )
    rows = [(found[0], architecture, TYPES[real], *map(int, (found[4], found[5] or 0)), found[1:4]) for found in entry.findall(log)]
    wrong = [f"{variant} {row[0]}: stack {row[5][0]}, spills {row[5][1:]} bytes" for row in rows if row[5] != ("0", "0", "0")]
    if {row[0] for row in rows} != kernels:
        wrong.append(f"{variant}: {sorted(kernels)} are in the text, {sorted(row[0] for row in rows)} were compiled\n{log}")
    return rows, wrong


def main(folder):
    library, jobs = nvrtc(), []
    common = "\n".join((folder / file).read_text() for file in COMMON)
    for file in sorted(folder.glob("*.h")):
        if file.name in COMMON:
            continue
        own = file.read_text()
        kernels = set(re.findall(r"^(?:KERNEL|DEPTHWISE)\((\w+)", own, re.MULTILINE))
        assert kernels, f"{file}: no kernel"
        for architecture in ARCHITECTURES:
            jobs += [(library, file.name, f"{common}\n{own}", kernels, architecture, real) for real in range(len(TYPES))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: checked(*job), jobs))
    rows = [row for found, _ in results for row in found]
    print(f"{'kernel':28}{'registers, sm_75 to sm_100 (f32)':36}shared bytes")
    for kernel in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == kernel and row[2] == "f32"]
        print(f"{kernel:28}{' '.join(str(row[3]) for row in own):36}{max(row[4] for row in own)}")
    wrong = [line for _, lines in results for line in lines]
    print(f"{len(rows)} kernels compiled, {len(wrong)} wrong")
    sys.exit("\n".join(wrong) if wrong else 0)


main(Path(sys.argv[1]))
