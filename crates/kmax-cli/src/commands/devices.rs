//! `kmax devices`: where networks can run.

use crate::exit::Outcome;
use crate::output::print;
use kmax::Precision;
use kmax::candle_core::Device;
use kmax::device::{Backend, DeviceChoice, Gpu, Machine};
use kmax_base::memory;
use serde_json::{Value, json};

/// List the devices that networks can run on
///
/// Those that this program was not built for are named, too.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let machine = Machine::look();
    let text = if arguments.json { format!("{:#}", as_value(&machine)?) } else { as_text(&machine)? };
    print(&text)
}

fn as_value(machine: &Machine) -> Outcome<Value> {
    Ok(json!({
        "cpu": {
            "kernels": kmax::kernels(),
            "threads": rayon::current_num_threads(),
            "memory_bytes": memory::total(),
            "free_bytes": memory::available(),
            "precisions": names(&Precision::on(&Device::Cpu)),
        },
        "cuda": backend(&machine.cuda),
        "metal": backend(&machine.metal),
        "auto": machine.choose(DeviceChoice::Auto)?.to_string(),
    }))
}

fn backend(backend: &Backend) -> Value {
    let gpu = |(number, gpu): (usize, &Gpu)| {
        json!({
            "number": number,
            "name": gpu.name,
            "memory_bytes": gpu.memory,
            "free_bytes": gpu.free,
            "driver": gpu.driver,
            "compute_capability": gpu.capability.map(capability),
            "precisions": names(&Precision::of_dtypes(&gpu.dtypes)),
        })
    };
    match backend {
        Backend::NotBuilt => json!({"built": false, "devices": []}),
        Backend::Unusable(reason) => json!({"built": true, "reason": reason, "devices": []}),
        Backend::Found(gpus) => {
            json!({"built": true, "devices": gpus.iter().enumerate().map(gpu).collect::<Vec<_>>()})
        }
    }
}

fn as_text(machine: &Machine) -> Outcome<String> {
    let threads = rayon::current_num_threads();
    let mut cpu = vec![format!("{} kernels, {threads} threads", kmax::kernels())];
    cpu.extend(memory::total().map(|all| of_memory(all, memory::available())));
    let mut lines = vec![line("cpu", &cpu, &Precision::on(&Device::Cpu))];
    for (kind, backend) in [("cuda", &machine.cuda), ("metal", &machine.metal)] {
        match backend {
            Backend::NotBuilt => {
                lines.push(line(
                    kind,
                    &[format!("this program was built without it (feature `{kind}`)")],
                    &[],
                ));
            }
            Backend::Unusable(reason) => lines.push(line(kind, std::slice::from_ref(reason), &[])),
            Backend::Found(gpus) => lines.extend(gpus.iter().enumerate().map(|(number, gpu)| {
                let mut about = vec![gpu.name.clone(), of_memory(gpu.memory, Some(gpu.free))];
                about.extend(gpu.capability.map(|c| format!("compute capability {}", capability(c))));
                about.extend(gpu.driver.as_ref().map(|driver| format!("driver {driver}")));
                line(&format!("{kind}:{number}"), &about, &Precision::of_dtypes(&gpu.dtypes))
            })),
        }
    }
    let auto = machine.choose(DeviceChoice::Auto)?;
    Ok(lines.concat() + &format!("--device auto takes {auto}; without --device it is cpu"))
}

/// A device with what is known of it, and what it computes in.
fn line(device: &str, about: &[String], precisions: &[Precision]) -> String {
    let about = about.join(", ");
    let computes =
        if precisions.is_empty() { String::new() } else { format!("; {}", names(precisions).join(" ")) };
    format!("{device:<9} {about}{computes}\n")
}

fn of_memory(all: u64, free: Option<u64>) -> String {
    let gigabytes = |bytes: u64| format!("{:.1} GB", 1e-9 * bytes as f64);
    let free = free.map_or(String::new(), |free| format!(" ({} free)", gigabytes(free)));
    gigabytes(all) + &free
}

fn capability([major, minor]: [u32; 2]) -> String {
    format!("{major}.{minor}")
}

fn names(precisions: &[Precision]) -> Vec<&'static str> {
    precisions.iter().map(|precision| precision.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax::candle_core::DType;

    fn machine() -> Machine {
        let gpu = Gpu {
            name: "Some GPU".into(),
            memory: 8_000_000_000,
            free: 7_500_000_000,
            driver: Some("580.1".into()),
            capability: Some([7, 5]),
            dtypes: vec![DType::F32, DType::F16],
        };
        Machine { cuda: Backend::Found(vec![gpu]), metal: Backend::Unusable("no GPU".into()) }
    }

    #[test]
    fn a_gpu_is_a_line() {
        let text = as_text(&machine()).expect("text");
        let line =
            "cuda:0    Some GPU, 8.0 GB (7.5 GB free), compute capability 7.5, driver 580.1; f32 f16\n";
        assert!(text.contains(line) && text.contains("metal     no GPU\n"), "{text}");
        assert!(text.ends_with("--device auto takes cuda:0; without --device it is cpu"), "{text}");
    }

    #[test]
    fn json_has_the_same() {
        let value = as_value(&machine()).expect("a value");
        let expected = json!({"built": true, "devices": [{
            "number": 0,
            "name": "Some GPU",
            "memory_bytes": 8_000_000_000_u64,
            "free_bytes": 7_500_000_000_u64,
            "driver": "580.1",
            "compute_capability": "7.5",
            "precisions": ["f32", "f16"],
        }]});
        assert_eq!(value["cuda"], expected);
        assert_eq!(value["metal"], json!({"built": true, "reason": "no GPU", "devices": []}));
        let processor = json!(names(&Precision::on(&Device::Cpu)));
        assert_eq!((&value["auto"], &value["cpu"]["precisions"]), (&json!("cuda:0"), &processor));
    }
}
