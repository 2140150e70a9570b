//! A part of a network whose inner maps are computed again in the backward pass in place of being kept.

use crate::error::Result;
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Storage, Tensor, Var, bail};
use std::sync::{Mutex, PoisonError};

/// `part(x, parameters)`, which is nothing but a function of the two: no running statistics, nothing random. Results and gradients are
/// those of the part itself. Off the CPU its maps are kept after all.
///
/// # Errors
/// As `part`.
pub(super) fn recomputed(
    x: &Tensor,
    parameters: &[Tensor],
    part: impl Fn(&Tensor, &[Tensor]) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return part(x, parameters);
    }
    let plain: Vec<_> = parameters.iter().map(Tensor::detach).collect();
    let output = part(&x.detach(), &plain)?.copy()?;
    let rows = parameters.iter().map(Tensor::flatten_all).collect::<candle_core::Result<Vec<_>>>()?;
    let shapes = parameters.iter().map(|parameter| parameter.shape().clone()).collect();
    let again = Again { part, shapes, output: Mutex::new(Some(output)) };
    Ok(x.apply_op2(&Tensor::cat(&rows, 0)?, again)?)
}

/// Of an input, and of the parameters in one row.
struct Again<F> {
    part: F,
    shapes: Vec<Shape>,
    /// Until the forward pass has taken it.
    output: Mutex<Option<Tensor>>,
}

impl<F: Fn(&Tensor, &[Tensor]) -> Result<Tensor> + Send + Sync> CustomOp2 for Again<F> {
    fn name(&self) -> &'static str {
        "recomputed"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(output) = output else { bail!("a recomputed part runs forward once") };
        let (storage, _) = output.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => Ok((storage.clone(), output.shape().clone())),
            _ => bail!("a recomputed part of another device"),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        packed: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let input = Var::from_tensor(&x.detach())?;
        let mut at = 0;
        let parameters = self.shapes.iter().map(|shape| {
            let row = packed.detach().narrow(0, at, shape.elem_count())?;
            at += shape.elem_count();
            Var::from_tensor(&row.reshape(shape)?)
        });
        let parameters = parameters.collect::<candle_core::Result<Vec<_>>>()?;
        let tensors: Vec<_> = parameters.iter().map(|var| var.as_tensor().clone()).collect();
        let output = (self.part)(input.as_tensor(), &tensors)?;
        let gradients = (output * grad)?.sum_all()?.backward()?;
        let of = |var: &Var| match gradients.get(var) {
            Some(gradient) => Ok(gradient.clone()),
            None => var.zeros_like(),
        };
        let rows = parameters.iter().map(|var| of(var)?.flatten_all());
        let rows = Tensor::cat(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        Ok((Some(of(&input)?), Some(rows)))
    }
}
