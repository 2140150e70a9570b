//! What devices there are, and which of them a choice means.

use super::choice::{DeviceChoice, Place};
use crate::error::{Error, Result};
use candle_core::DType;

/// The GPUs of a machine, as far as this build can use them.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// NVIDIA's.
    pub cuda: Backend,
    /// Apple's.
    pub metal: Backend,
}

/// One kind of GPU.
#[derive(Debug, Clone, PartialEq)]
pub enum Backend {
    /// This build knows nothing of them.
    NotBuilt,
    /// There is none, or none can be used, and why.
    Unusable(String),
    /// Those there are, in the order of their numbers; at least one.
    Found(Vec<Gpu>),
}

/// A GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// As its maker calls it.
    pub name: String,
    /// Bytes in all; for Apple's, what the system recommends to use at most.
    pub memory: u64,
    /// Bytes that nobody uses now.
    pub free: u64,
    /// The driver's version, where it is known.
    pub driver: Option<String>,
    /// The compute capability of an NVIDIA GPU, such as 9.0.
    pub capability: Option<[u32; 2]>,
    /// Types of numbers that a network can compute in on it.
    pub dtypes: Vec<DType>,
}

impl Machine {
    /// Asks the drivers. For NVIDIA's, a context is opened on each GPU, which takes some tenths of a second.
    pub fn look() -> Self {
        Self { cuda: super::cuda::list(), metal: super::metal::list() }
    }

    /// The device that a choice means.
    ///
    /// # Errors
    /// [`Error::Device`] if it is not there or this build cannot use it.
    pub fn choose(&self, choice: DeviceChoice) -> Result<Place> {
        let place = match choice {
            DeviceChoice::At(place) => place,
            DeviceChoice::Auto => {
                let found = |backend: &Backend| matches!(backend, Backend::Found(gpus) if !gpus.is_empty());
                return Ok(match () {
                    () if found(&self.cuda) => Place::Cuda(0),
                    () if found(&self.metal) => Place::Metal(0),
                    () => Place::Cpu,
                });
            }
        };
        let (backend, kind, number) = match place {
            Place::Cpu => return Ok(place),
            Place::Cuda(number) => (&self.cuda, "cuda", number),
            Place::Metal(number) => (&self.metal, "metal", number),
        };
        let reason = match backend {
            Backend::Found(gpus) if number < gpus.len() => return Ok(place),
            Backend::Found(gpus) if gpus.len() == 1 => format!("there is one device of that kind, {kind}:0"),
            Backend::Found(gpus) => {
                format!(
                    "there are {} devices of that kind, {kind}:0 to {kind}:{}",
                    gpus.len(),
                    gpus.len() - 1
                )
            }
            Backend::Unusable(reason) => reason.clone(),
            Backend::NotBuilt => format!("this build has no {kind} (feature `{kind}`)"),
        };
        Err(Error::Device { place: place.to_string(), reason })
    }

    /// What is known of a device; nothing of the processor.
    pub fn gpu(&self, place: Place) -> Option<&Gpu> {
        let (backend, number) = match place {
            Place::Cpu => return None,
            Place::Cuda(number) => (&self.cuda, number),
            Place::Metal(number) => (&self.metal, number),
        };
        match backend {
            Backend::Found(gpus) => gpus.get(number),
            Backend::NotBuilt | Backend::Unusable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_base::ErrorKind;

    fn gpu() -> Gpu {
        let (name, dtypes) = ("A".into(), vec![DType::F32]);
        Gpu { name, memory: 2, free: 1, driver: None, capability: None, dtypes }
    }

    fn machine(cuda: Backend, metal: Backend) -> Machine {
        Machine { cuda, metal }
    }

    #[test]
    fn auto_takes_the_first_that_is_there() {
        let found = || Backend::Found(vec![gpu(), gpu()]);
        let absent = || Backend::Unusable("no driver".into());
        for (cuda, metal, expected) in [
            (Backend::NotBuilt, Backend::NotBuilt, Place::Cpu),
            (absent(), absent(), Place::Cpu),
            (Backend::Found(Vec::new()), Backend::NotBuilt, Place::Cpu),
            (found(), found(), Place::Cuda(0)),
            (absent(), found(), Place::Metal(0)),
        ] {
            let chosen = machine(cuda, metal).choose(DeviceChoice::Auto).expect("a device");
            assert_eq!(chosen, expected);
        }
    }

    #[test]
    fn what_is_not_there_is_one_line_and_never_the_processor() {
        let machine = machine(Backend::Found(vec![gpu(), gpu()]), Backend::NotBuilt);
        let choose = |place: Place| machine.choose(place.into());
        assert_eq!(choose(Place::Cuda(1)).ok(), Some(Place::Cuda(1)));
        assert_eq!(choose(Place::Cpu).ok(), Some(Place::Cpu));
        for (place, told) in [
            (Place::Cuda(2), "cuda:2: there are 2 devices"),
            (Place::Metal(0), "metal:0: this build has no metal"),
        ] {
            let error = choose(place).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().contains(told) && error.to_string().lines().count() == 1, "{error}");
        }
        let none = Machine { cuda: Backend::Unusable("no driver".into()), metal: Backend::NotBuilt };
        let error = none.choose(Place::Cuda(0).into()).expect_err("refused");
        assert!(error.to_string().ends_with("cuda:0: no driver"), "{error}");
        assert_eq!((machine.gpu(Place::Cuda(1)), none.gpu(Place::Cuda(0))), (Some(&gpu()), None));
    }
}
