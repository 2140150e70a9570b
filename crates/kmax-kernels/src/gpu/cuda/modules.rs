//! Modules that are loaded, by device.

use super::super::source::Module;
use super::{cache, compile};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{CudaFunction, CudaModule};
use candle_core::cuda_backend::cudarc::nvrtc::Ptx;
use candle_core::{CudaDevice, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Which module of which context. Contexts of one device are one: its primary.
type Key = (usize, Module, u8);

static MODULES: Mutex<Option<HashMap<Key, Arc<CudaModule>>>> = Mutex::new(None);

/// A kernel of a module, which is compiled, or read from the cache, when it is first asked for.
pub(super) fn function(device: &CudaDevice, module: Module, real: u8, kernel: &str) -> Result<CudaFunction> {
    let stream = device.cuda_stream();
    let key = (stream.context().ordinal(), module, real);
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let modules = modules.get_or_insert_default();
    let loaded = match modules.get(&key) {
        Some(loaded) => loaded.clone(),
        None => {
            let loaded = load(device, module, real)?;
            modules.insert(key, loaded.clone());
            loaded
        }
    };
    loaded.load_function(kernel).w()
}

fn load(device: &CudaDevice, module: Module, real: u8) -> Result<Arc<CudaModule>> {
    let stream = device.cuda_stream();
    let context = stream.context();
    let (major, minor) = context.compute_capability().w()?;
    let program = compile::Program::new(module, real, major * 10 + minor)?;
    let name = cache::name(&program);
    // What the driver does not take, of another version or damaged, is compiled anew.
    if let Some(code) = cache::read(&name)
        && let Ok(loaded) = context.load_module(Ptx::from_binary(code))
    {
        return Ok(loaded);
    }
    let code = program.compile()?;
    cache::write(&name, &code);
    context.load_module(Ptx::from_binary(code)).w()
}
