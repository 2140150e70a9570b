//! Where a run trains.

use kmax_nn::device::{self, DeviceChoice, Machine, Opened, Place};
use kmax_nn::{Error, Result};

/// Opens the device that a run trains on. [`DeviceChoice::Auto`] passes over those that cannot train.
///
/// # Errors
/// If it is not there, cannot be used, or cannot train.
pub fn training_device(choice: DeviceChoice) -> Result<Opened> {
    let place = match choice {
        DeviceChoice::At(place) => place,
        DeviceChoice::Auto => automatic(&Machine::look())?,
    };
    check(place)?;
    device::open(place.into())
}

fn automatic(machine: &Machine) -> Result<Place> {
    Ok(Some(machine.choose(DeviceChoice::Auto)?).filter(|place| check(*place).is_ok()).unwrap_or(Place::Cpu))
}

/// Refuses a device whose gradients would be wrong.
pub(crate) fn check(place: Place) -> Result<()> {
    let Place::Metal(_) = place else { return Ok(()) };
    let reason = "it cannot train: there, Candle's convolutions take a kernel that is not contiguous for one that is, so that gradients \
                  of more than one photo would be wrong without a word";
    Err(Error::Device { place: place.to_string(), reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_nn::ErrorKind;
    use kmax_nn::candle_core::DType;
    use kmax_nn::device::{Backend, Gpu};

    #[test]
    fn metal_does_not_train_and_says_why() {
        let error = training_device(DeviceChoice::At(Place::Metal(0))).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("metal:0: it cannot train"), "{error}");
        assert!(check(Place::Cuda(1)).is_ok() && check(Place::Cpu).is_ok());
    }

    #[test]
    fn auto_passes_over_it() {
        let found = || {
            let (name, dtypes) = ("A".into(), vec![DType::F32]);
            Backend::Found(vec![Gpu { name, memory: 2, free: 1, driver: None, capability: None, dtypes }])
        };
        let apple = Machine { cuda: Backend::NotBuilt, metal: found() };
        assert_eq!(automatic(&apple).ok(), Some(Place::Cpu));
        assert_eq!(automatic(&Machine { cuda: found(), ..apple }).ok(), Some(Place::Cuda(0)));
    }
}
