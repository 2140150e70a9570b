//! Where a network runs, and what it computes in.

use crate::exit::Outcome;
use crate::output::{detail, remark};
use kmax::candle_core::Device;
use kmax::device::{self, DeviceChoice, Opened};
use kmax::{Precision, PrecisionChoice};
use std::str::FromStr;

/// The device of a command.
#[derive(clap::Args)]
pub struct DeviceArguments {
    /// Where the network runs: cpu, cuda[:N], metal[:N], or auto: a GPU if there is one that this build can use (`kmax devices`)
    #[arg(long, value_name = "DEVICE", value_parser = DeviceChoice::from_str, default_value_t)]
    device: DeviceChoice,
    /// What it computes in: f32, bf16, on the processor int8, on a GPU f16, or auto: the faster of f32 and half precision
    #[arg(long, value_name = "PRECISION", value_parser = PrecisionChoice::from_str, default_value_t)]
    precision: PrecisionChoice,
}

impl DeviceArguments {
    /// Opens it, before anything else is begun: no other device takes its place.
    pub fn open(&self) -> Outcome<(Device, Precision)> {
        let device = tell(self.device, device::open(self.device)?);
        let precision = self.precision.on(&device)?;
        if self.precision == PrecisionChoice::Auto {
            remark(&format!("precision: {precision}"));
        }
        if precision.is_slow_on(&device) {
            remark(&format!(
                "precision: no instruction of this processor for {precision} is used here; expect it to be slower than f32"
            ));
        }
        Ok((device, precision))
    }
}

/// Says which device it became, where that was left open.
pub fn tell(choice: DeviceChoice, opened: Opened) -> Device {
    let said = format!("device: {opened}");
    if choice == DeviceChoice::Auto {
        remark(&said)
    } else {
        detail(|| said)
    }
    opened.device
}
