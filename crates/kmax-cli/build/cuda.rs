//! CUDA's libraries, opened when they are first used: a program with them starts where there is no driver.
//!
//! Candle asks cudarc to link them, and a program that is linked with libcuda.so.1 does not start without it. So static libraries of the
//! same names lie where the linker looks first. Each function in them jumps through a table; the first time, that leads to `open.c`, which
//! opens the true library and keeps the true address in the table. Without the library, or the function in it, the answer is the error
//! that cudarc understands as such.
//!
//! For x86-64 Linux, whose calls are written here; elsewhere the libraries are linked as cudarc does it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library, where cudarc declares its functions, how they begin, its files, and what its functions answer if it is not there.
struct Library {
    name: &'static str,
    folder: &'static str,
    prefix: &'static str,
    files: &'static [&'static str],
    absent: u32,
}

const LIBRARIES: [Library; 6] = [
    // CUDA_ERROR_NO_DEVICE
    Library { name: "cuda", folder: "driver", prefix: "cu", files: &["libcuda.so.1"], absent: 100 },
    // CUBLAS_STATUS_NOT_INITIALIZED
    Library {
        name: "cublas",
        folder: "cublas",
        prefix: "cublas",
        files: &["libcublas.so.13", "libcublas.so.12"],
        absent: 1,
    },
    Library {
        name: "cublasLt",
        folder: "cublaslt",
        prefix: "cublasLt",
        files: &["libcublasLt.so.13", "libcublasLt.so.12"],
        absent: 1,
    },
    // CURAND_STATUS_INITIALIZATION_FAILED
    Library { name: "curand", folder: "curand", prefix: "curand", files: &["libcurand.so.10"], absent: 203 },
    // NVRTC_ERROR_INTERNAL_ERROR
    Library {
        name: "nvrtc",
        folder: "nvrtc",
        prefix: "nvrtc",
        files: &["libnvrtc.so.13", "libnvrtc.so.12"],
        absent: 11,
    },
    // CUDNN_STATUS_NOT_INITIALIZED
    Library { name: "cudnn", folder: "cudnn", prefix: "cudnn", files: &["libcudnn.so.9"], absent: 1001 },
];

/// Makes them if this build needs them; `open` is the path of `open.c`.
pub fn stand_ins(open: &str) {
    let set = |name: &str| std::env::var(format!("CARGO_{name}")).unwrap_or_default();
    let target = ["CFG_TARGET_ARCH", "CFG_TARGET_OS", "CFG_TARGET_ENV"].map(set);
    if std::env::var_os("CARGO_FEATURE_CUDA").is_none() || target != ["x86_64", "linux", "gnu"] {
        return;
    }
    let Some(cudarc) = cudarc() else {
        println!(
            "cargo::warning=the sources of cudarc were not found: this program will not start without NVIDIA's driver"
        );
        return;
    };
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("cuda");
    std::fs::create_dir_all(&out).expect("OUT_DIR can be written to");
    let cudnn = std::env::var_os("CARGO_FEATURE_CUDNN").is_some();
    for library in LIBRARIES.iter().filter(|library| cudnn || library.name != "cudnn") {
        library.compile(&cudarc, open, &out);
    }
    runtime(&out);
    println!("cargo::rustc-link-search=native={}", out.display());
    // Parts of the C library in newer ones.
    for part in ["dl", "rt", "pthread"] {
        println!("cargo::rustc-link-arg-bins=-l{part}");
    }
}

impl Library {
    fn compile(&self, cudarc: &Path, open: &str, out: &Path) {
        let functions = self.functions(cudarc);
        let code = out.join(format!("{}.S", self.name));
        std::fs::write(&code, assembly(self.name, &functions)).expect("OUT_DIR can be written to");
        let quoted = |names: &mut dyn Iterator<Item = &str>| {
            names.map(|name| format!("{name:?},")).collect::<String>()
        };
        cc::Build::new()
            .file(code)
            .file(open)
            .out_dir(out.join(self.name))
            .cargo_metadata(false)
            .define("LIBRARY", self.name)
            .define("FILES", quoted(&mut self.files.iter().copied()).as_str())
            .define("ABSENT", self.absent.to_string().as_str())
            .compile(self.name);
        let archive = format!("lib{}.a", self.name);
        std::fs::copy(out.join(self.name).join(&archive), out.join(&archive))
            .expect("OUT_DIR can be written to");
    }

    /// All that cudarc declares, of every version of CUDA.
    fn functions(&self, cudarc: &Path) -> BTreeSet<String> {
        let folder = cudarc.join("src").join(self.folder).join("sys");
        let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut functions = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(file.expect("listed").path()).unwrap_or_default();
            let names = text.split("fn ").skip(1).map(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
            });
            let ours = |name: &&str| {
                let begins =
                    name.strip_prefix(self.prefix).is_some_and(|rest| rest.starts_with(char::is_uppercase));
                begins && (self.name != "cublas" || !name.starts_with("cublasLt"))
            };
            functions.extend(names.filter(ours).map(str::to_owned));
        }
        functions
    }
}

/// The functions, the table that they jump through, and what its entries lead to at first.
fn assembly(library: &str, functions: &BTreeSet<String>) -> String {
    // All registers that can hold arguments. Of the address that was called, 8 bytes stand on the stack, and 8 of the number: with 7
    // registers and these 136 it is a multiple of 16, as calls want it.
    let integers = ["rax", "rdi", "rsi", "rdx", "rcx", "r8", "r9"];
    let mut code = format!(".text\n{library}_first:\n");
    let mut line = |text: String| writeln!(code, "{text}").expect("a string takes it");
    integers.iter().for_each(|register| line(format!("pushq %{register}")));
    line("subq $136,%rsp".into());
    (0..8).for_each(|number| line(format!("movups %xmm{number},{}(%rsp)", 16 * number)));
    line(format!("movq 192(%rsp),%rdi\ncall {library}_open\nmovq %rax,%r11"));
    (0..8).for_each(|number| line(format!("movups {}(%rsp),%xmm{number}", 16 * number)));
    line("addq $136,%rsp".into());
    integers.iter().rev().for_each(|register| line(format!("popq %{register}")));
    line("addq $8,%rsp\njmp *%r11".into());
    for (number, name) in functions.iter().enumerate() {
        line(format!(
            ".globl {name}\n.type {name},@function\n{name}:\nendbr64\njmp *{library}_table+8*{number}(%rip)"
        ));
        line(format!(".L{number}: endbr64\npushq ${number}\njmp {library}_first"));
    }
    line(format!(".data\n.balign 8\n.globl {library}_table\n.hidden {library}_table\n{library}_table:"));
    (0..functions.len()).for_each(|number| line(format!(".quad .L{number}")));
    line(format!(
        ".section .data.rel.ro,\"aw\"\n.balign 8\n.globl {library}_names\n.hidden {library}_names\n{library}_names:"
    ));
    (0..functions.len()).for_each(|number| line(format!(".quad .Lname{number}")));
    line(".section .rodata".into());
    functions
        .iter()
        .enumerate()
        .for_each(|(number, name)| line(format!(".Lname{number}: .asciz \"{name}\"")));
    line(".section .note.GNU-stack,\"\",@progbits".into());
    code
}

/// CUDA's runtime, which Candle's kernels for quantized weights want: it exists as a static library, that opens the driver itself.
fn runtime(out: &Path) {
    let homes = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"];
    homes.iter().for_each(|name| println!("cargo::rerun-if-env-changed={name}"));
    let homes = homes.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let homes = homes.chain(["/usr/local/cuda", "/opt/cuda", "/usr"].map(PathBuf::from));
    let places =
        homes.flat_map(|home| ["lib64", "lib", "targets/x86_64-linux/lib"].map(|folder| home.join(folder)));
    match places.map(|place| place.join("libcudart_static.a")).find(|file| file.is_file()) {
        Some(file) => {
            std::fs::copy(file, out.join("libcudart.a")).expect("OUT_DIR can be written to");
        }
        None => println!(
            "cargo::warning=libcudart_static.a was not found: this program will need libcudart.so to start"
        ),
    }
}

/// Where the sources of cudarc lie, as cargo knows it.
fn cudarc() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO")?;
    let target = std::env::var("TARGET").ok()?;
    let which = ["--features", "cuda", "--filter-platform", &target];
    let known = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(which)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&known.stdout).into_owned();
    let manifests = text.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let folders = manifests.filter_map(|manifest| Path::new(manifest).parent());
    let is_it = |folder: &&Path| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name == "cudarc" || name.starts_with("cudarc-")
    };
    folders.filter(is_it).map(Path::to_path_buf).next()
}
