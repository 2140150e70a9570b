//! Saving and restoring an optimizer, as named tensors.

use super::AdamW;
use super::kept::Kept;
use candle_core::{DType, Tensor};
use kmax_nn::{Error, Result};
use std::collections::{BTreeMap, HashMap};

const FIRST: &str = "optimizer.first.";
const SECOND: &str = "optimizer.second.";
const AVERAGE: &str = "ema.";

impl AdamW {
    /// What a checkpoint keeps beside the parameters and [`AdamW::steps`]: `optimizer.first.NAME`,
    /// `optimizer.second.NAME` and, with an average, `ema.NAME`; float32 on the CPU.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = BTreeMap::new();
        for slot in &self.slots {
            for (prefix, values) in [(FIRST, &slot.first), (SECOND, &slot.second), (AVERAGE, &slot.average)] {
                if let Some(tensor) = values.on_cpu(slot.parameter.var.as_tensor())? {
                    state.insert(format!("{prefix}{}", slot.parameter.name), tensor);
                }
            }
        }
        Ok(state)
    }

    /// Takes back what [`AdamW::state`] gave after `steps` updates; other names are ignored. The parameters are not touched.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or [`Error::WrongShape`]; nothing is changed then.
    pub fn restore(&mut self, state: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        let mut read = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let get = |prefix: &str, current: &Kept| -> Result<Kept> {
                if matches!(current, Kept::Nothing) {
                    return Ok(Kept::Nothing);
                }
                let (name, expected) =
                    (format!("{prefix}{}", slot.parameter.name), slot.parameter.var.dims().to_vec());
                let Some(tensor) = state.get(&name) else {
                    return Err(Error::MissingTensor { name, expected });
                };
                if tensor.dims() != expected {
                    return Err(Error::WrongShape { name, expected, found: tensor.dims().to_vec() });
                }
                current.taken(slot.parameter.var.as_tensor(), &tensor.to_dtype(DType::F32)?)
            };
            read.push([get(FIRST, &slot.first)?, get(SECOND, &slot.second)?, get(AVERAGE, &slot.average)?]);
        }
        for (slot, [first, second, average]) in self.slots.iter_mut().zip(read) {
            (slot.first, slot.second, slot.average) = (first, second, average);
        }
        self.step = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::AdamWConfig;
    use candle_core::{Device, Var};
    use kmax_nn::{Parameter, Role};

    fn optimizer(config: AdamWConfig) -> Result<AdamW> {
        let parameter = |name: &str, role, from: f32| -> Result<Parameter> {
            let values: Vec<f32> = (0..6).map(|i| from + i as f32).collect();
            let var = Var::from_tensor(&Tensor::from_vec(values, (2, 3), &Device::Cpu)?)?;
            Ok(Parameter { name: name.into(), var, role })
        };
        let all = vec![
            parameter("backbone.a.weight", Role::Kernel, 0.5)?,
            parameter("b.bias", Role::Bias, -2.0)?,
            parameter("b.running_mean", Role::Statistic, 1.0)?,
        ];
        AdamW::new(all, config)
    }

    fn weights(optimizer: &AdamW) -> Result<Vec<Vec<f32>>> {
        let all = optimizer.groups().map(|(p, _)| Ok(p.var.as_tensor().flatten_all()?.to_vec1()?));
        all.collect()
    }

    /// A step on the loss `sum of squares` of all.
    fn step(optimizer: &mut AdamW) -> Result<f64> {
        let mut loss = Tensor::new(0f32, &Device::Cpu)?;
        for (parameter, _) in optimizer.groups() {
            loss = (loss + parameter.var.as_tensor().sqr()?.sum_all()?)?;
        }
        let gradients = loss.backward()?;
        optimizer.step(&gradients, 0.01)
    }

    #[test]
    fn a_restored_optimizer_goes_on_bit_for_bit() -> Result<()> {
        let config = AdamWConfig { ema: 0.9, clip_norm: 1.0, ..AdamWConfig::pytorch() };
        let (mut one, mut two) = (optimizer(config)?, optimizer(config)?);
        (0..3).try_for_each(|_| step(&mut one).map(drop))?;
        let state: HashMap<_, _> = one.state()?.into_iter().collect();
        assert_eq!(state.len(), 2 * 2 + 3);
        for ((from, _), (to, _)) in one.groups().zip(two.groups()) {
            to.var.set(&from.var.as_tensor().detach().copy()?)?;
        }
        two.restore(&state, one.steps())?;
        for _ in 0..2 {
            assert_eq!(step(&mut one)?, step(&mut two)?);
        }
        assert_eq!(weights(&one)?, weights(&two)?);
        let average =
            |o: &AdamW| -> Result<Vec<f32>> { Ok(o.averaged()?["b.bias"].flatten_all()?.to_vec1()?) };
        assert_eq!(average(&one)?, average(&two)?);
        assert_ne!(average(&one)?, weights(&one)?[1]);
        Ok(())
    }

    #[test]
    fn statistics_stay_and_long_gradients_are_clipped() -> Result<()> {
        let before = weights(&optimizer(AdamWConfig::pytorch())?)?;
        let mut plain = optimizer(AdamWConfig::pytorch())?;
        // The gradient of a sum of squares is twice the weights; statistics do not count.
        let expected = before[..2].iter().flatten().map(|w| f64::from(2.0 * w).powi(2)).sum::<f64>().sqrt();
        assert!((step(&mut plain)? - expected).abs() < 1e-9);
        let after = weights(&plain)?;
        assert_eq!(before[2], after[2]);
        // Adam's first step has the learning rate's length, here a tenth of it for the backbone.
        for (group, (rate, decay)) in [(0.001f32, 0.05f32), (0.01, 0.0)].iter().enumerate() {
            for (from, to) in before[group].iter().zip(&after[group]) {
                let expected = from - rate * from.signum() - rate * decay * from;
                assert!(*from == 0.0 || (to - expected).abs() < 1e-6, "{from} became {to}, not {expected}");
            }
        }
        let mut clipped = optimizer(AdamWConfig { clip_norm: 1.0, ..AdamWConfig::pytorch() })?;
        step(&mut clipped)?;
        let first = clipped.state()?["optimizer.first.b.bias"].flatten_all()?.to_vec1::<f32>()?;
        let expected_first = 0.1 * 2.0 * f64::from(before[1][0]) / expected;
        assert!((f64::from(first[0]) - expected_first).abs() < 1e-7);
        Ok(())
    }

    #[test]
    fn wrong_states_change_nothing() -> Result<()> {
        let mut optimizer = optimizer(AdamWConfig::pytorch())?;
        let mut state: HashMap<_, _> = optimizer.state()?.into_iter().collect();
        state.insert("optimizer.second.b.bias".into(), Tensor::zeros((3, 2), DType::F32, &Device::Cpu)?);
        assert!(matches!(optimizer.restore(&state, 5), Err(Error::WrongShape { .. })));
        state.clear();
        assert!(matches!(optimizer.restore(&state, 5), Err(Error::MissingTensor { .. })));
        assert_eq!(optimizer.steps(), 0);
        Ok(())
    }
}
