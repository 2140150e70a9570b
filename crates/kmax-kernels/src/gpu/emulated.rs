//! Launches on the processor: the text of the kernels compiled as C++, its threads and barriers by `gpu/prelude/host.h`.

use super::launch::{Launch, Number};
use super::source::Module;
use candle_core::{CpuStorage, DType, Error, Result, Shape, Storage, Tensor, bail};
use half::{bf16, f16};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{CString, c_int, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// A kernel, as `KERNEL` of the host's prelude defines it.
type Kernel = unsafe extern "C" fn(blocks: c_int, seed: u32, arguments: *mut *mut c_void) -> c_int;

/// Elements around each tensor: NaN around inputs, which a result would show, and a pattern around outputs.
const MARGIN: usize = 64;

/// The library of a module for an element type: a handle. The map of them is locked while one runs, as its threads are coroutines of one.
struct Library(*mut c_void);

// SAFETY: a handle of the dynamic linker belongs to no thread.
unsafe impl Send for Library {}

static LIBRARIES: Mutex<Option<HashMap<(Module, u8), Library>>> = Mutex::new(None);

/// A tensor with its margins.
#[derive(Debug, Clone)]
enum Buffer {
    F32(Vec<f32>),
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    U32(Vec<u32>),
}

fn framed<T: Copy>(values: &[T], margin: T) -> Vec<T> {
    let mut all = vec![margin; values.len() + 2 * MARGIN];
    all[MARGIN..][..values.len()].copy_from_slice(values);
    all
}

impl Buffer {
    fn input(x: &Tensor) -> Result<Self> {
        if !x.is_contiguous() {
            bail!("a launch wants contiguous tensors");
        }
        let x = x.flatten_all()?;
        Ok(match x.dtype() {
            DType::F32 => Self::F32(framed(&x.to_vec1()?, f32::NAN)),
            DType::F16 => Self::F16(framed(&x.to_vec1()?, f16::NAN)),
            DType::BF16 => Self::BF16(framed(&x.to_vec1()?, bf16::NAN)),
            DType::U32 => Self::U32(framed(&x.to_vec1()?, u32::MAX / 3)),
            other => bail!("no emulation of {other:?}"),
        })
    }

    /// Of NaN, so that an element which nobody writes is seen.
    fn output(shape: &Shape, dtype: DType) -> Result<Self> {
        let len = shape.elem_count() + 2 * MARGIN;
        Ok(match dtype {
            DType::F32 => Self::F32(vec![f32::NAN; len]),
            DType::F16 => Self::F16(vec![f16::NAN; len]),
            DType::BF16 => Self::BF16(vec![bf16::NAN; len]),
            DType::U32 => Self::U32(vec![u32::MAX / 3; len]),
            other => bail!("no emulation of {other:?}"),
        })
    }

    /// The address of the first element.
    fn start(&mut self) -> *mut c_void {
        match self {
            Self::F32(values) => values[MARGIN..].as_mut_ptr().cast(),
            Self::F16(values) => values[MARGIN..].as_mut_ptr().cast(),
            Self::BF16(values) => values[MARGIN..].as_mut_ptr().cast(),
            Self::U32(values) => values[MARGIN..].as_mut_ptr().cast(),
        }
    }

    /// The bits of all elements.
    fn bits(&self) -> Vec<u32> {
        match self {
            Self::F32(values) => values.iter().map(|v| v.to_bits()).collect(),
            Self::F16(values) => values.iter().map(|v| v.to_bits().into()).collect(),
            Self::BF16(values) => values.iter().map(|v| v.to_bits().into()).collect(),
            Self::U32(values) => values.clone(),
        }
    }

    fn storage(self) -> Storage {
        fn within<T: Copy>(values: &[T]) -> Vec<T> {
            values[MARGIN..values.len() - MARGIN].to_vec()
        }
        Storage::Cpu(match self {
            Self::F32(values) => CpuStorage::F32(within(&values)),
            Self::F16(values) => CpuStorage::F16(within(&values)),
            Self::BF16(values) => CpuStorage::BF16(within(&values)),
            Self::U32(values) => CpuStorage::U32(within(&values)),
        })
    }
}

/// Runs a launch and checks that it leaves the margins alone; in tests twice, with the threads of its blocks in other orders, and both have
/// to give the same bits.
pub(super) fn launched(
    launch: &Launch,
    real: u8,
    inputs: &[&Tensor],
    outputs: &[(Shape, DType)],
) -> Result<Vec<Storage>> {
    let mut inputs = inputs.iter().map(|x| Buffer::input(x)).collect::<Result<Vec<_>>>()?;
    let made = |seed: u32, inputs: &mut [Buffer]| -> Result<Vec<Buffer>> {
        let mut made = outputs.iter().map(|(s, t)| Buffer::output(s, *t)).collect::<Result<Vec<_>>>()?;
        let fresh: Vec<_> = made.iter().map(Buffer::bits).collect();
        let mut addresses: Vec<_> = inputs.iter_mut().chain(&mut made).map(Buffer::start).collect();
        run(launch, real, seed, &mut addresses)?;
        for (made, fresh) in made.iter().zip(fresh) {
            let (bits, end) = (made.bits(), fresh.len() - MARGIN);
            if bits[..MARGIN] != fresh[..MARGIN] || bits[end..] != fresh[end..] {
                bail!("{} writes beside its output: {launch:?}", launch.kernel);
            }
        }
        Ok(made)
    };
    let first = made(1, &mut inputs)?;
    if cfg!(test) {
        let second = made(2, &mut inputs)?;
        if first.iter().zip(&second).any(|(a, b)| a.bits() != b.bits()) {
            bail!("{} depends on the order of its threads: {launch:?}", launch.kernel);
        }
    }
    Ok(first.into_iter().map(Buffer::storage).collect())
}

fn run(launch: &Launch, real: u8, seed: u32, addresses: &mut [*mut c_void]) -> Result<()> {
    let mut libraries = LIBRARIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let libraries = libraries.get_or_insert_default();
    let library = match libraries.entry((launch.module, real)) {
        Entry::Occupied(known) => known.get().0,
        Entry::Vacant(place) => place.insert(compiled(launch.module, real)?).0,
    };
    let name = CString::new(launch.kernel).map_err(Error::wrap)?;
    // SAFETY: the handle is open, the name ends with zero.
    let kernel = unsafe { libc::dlsym(library, name.as_ptr()) };
    if kernel.is_null() {
        bail!("no kernel {} in {:?}", launch.kernel, launch.module);
    }
    let mut numbers = launch.numbers.clone();
    let numbers = numbers.iter_mut().map(|number| match number {
        Number::Int(value) => std::ptr::from_mut(value).cast(),
        Number::Float(value) => std::ptr::from_mut(value).cast(),
    });
    let mut arguments: Vec<*mut c_void> =
        addresses.iter_mut().map(|address| std::ptr::from_mut(address).cast()).chain(numbers).collect();
    // SAFETY: the prelude defines every kernel with this signature. That the launch gives it the arguments that its text names is what
    // the tests are for; both buffers and numbers outlive the call.
    let outcome = unsafe {
        std::mem::transmute::<*mut c_void, Kernel>(kernel)(
            launch.blocks as c_int,
            seed,
            arguments.as_mut_ptr(),
        )
    };
    if outcome != 0 {
        bail!("{}: some threads of a block never reach a barrier: {launch:?}", launch.kernel);
    }
    Ok(())
}

fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "c++".into())
}

/// Whether the emulation can be made here.
#[cfg(test)]
pub(crate) fn has_compiler() -> bool {
    Command::new(compiler()).arg("--version").output().is_ok_and(|run| run.status.success())
}

fn compiled(module: Module, real: u8) -> Result<Library> {
    let text = module.text(("prelude/host.h", include_str!("../../gpu/prelude/host.h")))?;
    let folder = tempfile::tempdir()?;
    let (source, library) = (folder.path().join("kernels.cpp"), folder.path().join("kernels.so"));
    kmax_base::write_atomically(&source, text.as_bytes())?;
    let compiler = compiler();
    // As on a device, a product and a sum are fused where the text says so. (Compilers of CUDA may fuse more.)
    // Coroutines leave their stacks, which some systems' checks of `longjmp` take for a fault.
    let flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-fPIC", "-shared", "-w"];
    let run = Command::new(&compiler)
        .args(flags)
        .arg(format!("-DREAL={real}"))
        .args([Path::new("-o"), &library, &source])
        .output()
        .map_err(|error| {
            Error::wrap(error).context(format!("{compiler}, a C++ compiler for the emulation"))
        })?;
    if !run.status.success() {
        bail!("{module:?}: {}", String::from_utf8_lossy(&run.stderr));
    }
    let name = CString::new(library.as_os_str().as_encoded_bytes()).map_err(Error::wrap)?;
    // SAFETY: the name ends with zero; the library has been compiled of our own text and runs nothing when it is opened.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        bail!("{module:?}: the compiled emulation cannot be opened");
    }
    Ok(Library(handle))
}
