//! The devices that a network can run on: what there is, which one is meant, and opening it.
//!
//! Nothing here falls back: a device that was asked for and is not there is an error. [`DeviceChoice::Auto`] alone looks for one, and
//! [`Opened`] says which it became.
//!
//! ```
//! use kmax_nn::device::{self, DeviceChoice, Machine, Place};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let opened = device::open("cpu".parse()?)?;
//! assert!(opened.place == Place::Cpu && opened.device.is_cpu());
//! // The GPU of a number that no machine has.
//! let error = device::open("cuda:4096".parse()?).err().ok_or("opened")?;
//! assert_eq!(error.kind(), kmax_nn::ErrorKind::InvalidArgument);
//! // What `auto` would take here.
//! println!("{}", Machine::look().choose(DeviceChoice::Auto)?);
//! # Ok(())
//! # }
//! ```

mod choice;
mod cuda;
mod machine;
mod metal;
mod open;

pub use choice::{DeviceChoice, ParseDeviceError, Place};
pub use machine::{Backend, Gpu, Machine};
pub use open::{Opened, dtypes, free_memory, is_out_of_memory, open, place};
