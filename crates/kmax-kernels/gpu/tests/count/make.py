"""Makes the libraries of `driver.c` for a program that was built with the stand-in of nvcc: `make.py FOLDER`."""

import os
import re
import subprocess
import sys
from pathlib import Path

REGISTRY = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry/src"
# Of cudarc's bindings by folder, and what the linker asks for.
LIBRARIES = ("cuda", "cublas", "cublasLt", "curand", "nvrtc", "cudart")

here, folder = Path(__file__).parent, Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
sources = [*REGISTRY.glob("*/cudarc-0.19*/src/*/sys/*.rs"), *REGISTRY.glob("*/candle-kernels-0.11*/src/ffi.rs")]
if not sources:
    sys.exit(f"{REGISTRY}: neither cudarc 0.19 nor candle-kernels 0.11 is there; `cargo fetch --locked` brings them")
text = "\n".join(source.read_text() for source in sources)
functions = set(re.findall(r"\bfn ((?:cu[A-Z]|cublas|curand|nvrtc|launch_|moe_|candle_launch_)\w*)", text))
driver = (here / "driver.c").read_text()
others = sorted(functions - set(re.findall(r"^int (\w+)\(", driver, re.MULTILINE)))
(folder / "driver.c").write_text(driver + "".join(f"int {name}(void) {{ return 0; }}\n" for name in others))
library = folder / "libcuda.so"
flags = ["-shared", "-fPIC", "-O1", "-w", "-fno-builtin"]
subprocess.run(["cc", *flags, "-Wl,-soname,libcuda.so", "-o", library, folder / "driver.c"], check=True)
# The rest is found in the first.
(folder / "empty.c").write_text("")
for name in LIBRARIES[1:]:
    subprocess.run(["cc", "-shared", "-fPIC", f"-Wl,-soname,lib{name}.so", "-o", folder / f"lib{name}.so", folder / "empty.c"], check=True)
