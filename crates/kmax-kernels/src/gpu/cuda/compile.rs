//! The text of a module to machine code, by NVRTC.

use super::super::source::Module;
use candle_core::cuda_backend::cudarc::nvrtc::{result, sys};
use candle_core::{Error, Result};
use std::ffi::{CString, c_char};

/// What is compiled: a text for an element type and an architecture.
pub(super) struct Program {
    pub module: Module,
    pub real: u8,
    /// Compute capability, 90 for 9.0.
    pub architecture: i32,
    pub text: String,
}

impl Program {
    /// Of a module.
    pub fn new(module: Module, real: u8, architecture: i32) -> Result<Self> {
        let words = ("prelude/cuda.h", include_str!("../../../gpu/prelude/cuda.h"));
        Ok(Self { module, real, architecture, text: module.text(words)? })
    }

    /// Machine code, without an intermediate one that an older driver might refuse.
    pub fn compile(&self) -> Result<Vec<u8>> {
        let text = CString::new(self.text.as_str()).map_err(Error::wrap)?;
        let options = [
            format!("--gpu-architecture=sm_{}", self.architecture),
            "--std=c++17".to_owned(),
            format!("-DREAL={}", self.real),
        ];
        let program = result::create_program(&text, None).map_err(failed)?;
        // SAFETY: the program is one, and is destroyed below.
        let compiled = unsafe { result::compile_program(program, &options) };
        let code = match compiled {
            Ok(()) => machine_code(program),
            Err(error) => Err(Error::msg(format!(
                "{}: NVRTC does not compile it for sm_{} ({error}):\n{}",
                self.module.file().0,
                self.architecture,
                log(program)
            ))),
        };
        // SAFETY: nothing uses it any more.
        unsafe { result::destroy_program(program) }.map_err(failed)?;
        code
    }
}

fn failed(error: result::NvrtcError) -> Error {
    Error::msg(format!("NVRTC: {error}"))
}

/// Of a compiled program.
fn machine_code(program: sys::nvrtcProgram) -> Result<Vec<u8>> {
    let mut size = 0;
    // SAFETY: the program was compiled for a real architecture; the sizes are its own.
    unsafe {
        sys::nvrtcGetCUBINSize(program, &mut size).result().map_err(failed)?;
        let mut code = vec![0u8; size];
        sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()).result().map_err(failed)?;
        Ok(code)
    }
}

/// What NVRTC said.
fn log(program: sys::nvrtcProgram) -> String {
    // SAFETY: the program is one.
    let log: Vec<c_char> = unsafe { result::get_program_log(program) }.unwrap_or_default();
    let bytes: Vec<u8> = log.into_iter().map(|c| c as u8).take_while(|c| *c != 0).collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// The version of the compiler, on which its code depends.
pub(super) fn version() -> (i32, i32) {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: both are places for a number. Of a failure, zeros stay.
    let _ = unsafe { sys::nvrtcVersion(&mut major, &mut minor) };
    (major, minor)
}
