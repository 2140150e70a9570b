//! Opening a device, and what can be asked of one that is open.

use super::choice::{DeviceChoice, Place};
use super::machine::Machine;
use crate::error::{Error, Result};
use candle_core::{DType, Device, DeviceLocation, Tensor};
use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

/// A device that is ready.
#[derive(Debug, Clone)]
pub struct Opened {
    /// For tensors.
    pub device: Device,
    /// Which it is.
    pub place: Place,
    /// As its maker calls it; `None` for the processor.
    pub name: Option<String>,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({name})", self.place),
            None => self.place.fmt(f),
        }
    }
}

/// Those that are open: tensors of one device opened twice would not mix, and each opening makes a stream and handles of its own.
static OPEN: LazyLock<Mutex<HashMap<Place, Opened>>> = LazyLock::new(Mutex::default);

/// Opens the device that is meant, once in a process.
///
/// An NVIDIA GPU gets one stream for all threads. Candle's own choice, a stream for each thread without events between them, would let
/// one thread read what another has not finished.
///
/// # Errors
/// [`Error::Device`] if it is not there, this build cannot use it, or its driver or libraries fail.
pub fn open(choice: DeviceChoice) -> Result<Opened> {
    if choice == DeviceChoice::At(Place::Cpu) {
        return Ok(Opened { device: Device::Cpu, place: Place::Cpu, name: None });
    }
    let machine = Machine::look();
    let place = machine.choose(choice)?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(opened) = open.get(&place) {
        return Ok(opened.clone());
    }
    let device = match place {
        Place::Cpu => Ok(Device::Cpu),
        Place::Cuda(number) => Device::new_cuda_with_stream(number),
        Place::Metal(number) => Device::new_metal(number),
    };
    let device = device.and_then(|device| {
        // Its kernels are loaded with the first operation, and may be of another architecture.
        Tensor::zeros(1, DType::F32, &device)?.affine(1.0, 1.0)?.to_vec1::<f32>()?;
        Ok(device)
    });
    let name = machine.gpu(place).map(|gpu| gpu.name.clone());
    match device {
        Ok(device) => {
            let opened = Opened { device, place, name };
            open.insert(place, opened.clone());
            Ok(opened)
        }
        Err(error) => {
            // Behind the first line stands where in the program it was met.
            let first = error.to_string().lines().next().unwrap_or_default().trim().to_owned();
            let libraries = match place {
                Place::Cuda(_) => {
                    "; CUDA's libraries (libcublas, libcurand, libnvrtc) have to be found, on Linux by LD_LIBRARY_PATH"
                }
                Place::Cpu | Place::Metal(_) => "",
            };
            let reason = format!("{} cannot be used: {first}{libraries}", name.as_deref().unwrap_or("it"));
            Err(Error::Device { place: place.to_string(), reason })
        }
    }
}

/// Which device that is. A GPU of Apple's that was not opened here is taken for the first: Candle does not keep its number.
pub fn place(device: &Device) -> Place {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = open.values().find(|opened| opened.device.same_device(device));
    match (known, device.location()) {
        (Some(opened), _) => opened.place,
        (None, DeviceLocation::Cpu) => Place::Cpu,
        (None, DeviceLocation::Cuda { gpu_id }) => Place::Cuda(gpu_id),
        (None, DeviceLocation::Metal { .. }) => Place::Metal(0),
    }
}

/// Types of numbers that a network can compute in on a device; the first is the one that reference values are met in.
pub fn dtypes(device: &Device) -> Vec<DType> {
    match place(device) {
        Place::Cpu => vec![DType::F32],
        place => Machine::look().gpu(place).map_or_else(|| vec![DType::F32], |gpu| gpu.dtypes.clone()),
    }
}

/// Bytes of a GPU's memory that nobody uses now; `None` for the processor, of which [`kmax_base::memory`] knows.
pub fn free_memory(device: &Device) -> Option<u64> {
    Some(Machine::look().gpu(place(device))?.free)
}

/// Whether an error, or one inside it, says that a device's memory did not suffice. Candle keeps the words of the driver alone.
pub fn is_out_of_memory(error: &dyn fmt::Display) -> bool {
    let words = ["CUDA_ERROR_OUT_OF_MEMORY", "STATUS_ALLOC_FAILED", "Failed to create metal resource"];
    let text = error.to_string();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        let opened = open(DeviceChoice::default()).expect("opened");
        assert_eq!((opened.to_string().as_str(), place(&opened.device)), ("cpu", Place::Cpu));
        assert_eq!((dtypes(&opened.device), free_memory(&opened.device)), (vec![DType::F32], None));
    }

    #[test]
    fn memory_is_told_from_other_faults() {
        let memory =
            candle_core::Error::Msg("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")".into());
        let wrapped = Error::Tensor(memory.context("conv2d"));
        assert!(is_out_of_memory(&wrapped), "{wrapped}");
        assert!(!is_out_of_memory(&candle_core::Error::Msg("CUDA_ERROR_ILLEGAL_ADDRESS".into())));
    }
}
