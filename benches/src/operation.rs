//! One operation with its inputs.

use candle_core::{Tensor, Var};
use kmax_nn::Result;

type Run = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// An operation at a shape of a real model.
pub struct Operation {
    /// What it is, its channels, `@` the side of its input.
    pub name: String,
    /// Twice the multiply-adds of its products; 0 where it has none.
    pub flops: f64,
    inputs: Vec<Tensor>,
    run: Run,
}

impl Operation {
    /// Of `inputs`, without products.
    pub fn new<E: Into<kmax_nn::Error>>(
        name: impl Into<String>,
        inputs: Vec<Tensor>,
        run: impl Fn(&[Tensor]) -> std::result::Result<Tensor, E> + 'static,
    ) -> Self {
        let run = Box::new(move |inputs: &[Tensor]| run(inputs).map_err(Into::into));
        Self { name: name.into(), flops: 0.0, inputs, run }
    }

    /// With its operations.
    #[must_use]
    pub fn flops(self, flops: f64) -> Self {
        Self { flops, ..self }
    }

    /// Runs it.
    ///
    /// # Errors
    /// If it fails.
    pub fn forward(&self) -> Result<Tensor> {
        (self.run)(&self.inputs)
    }

    /// Runs it and computes the gradients of all its inputs.
    ///
    /// # Errors
    /// If it fails.
    pub fn training(&self) -> Result<()> {
        let vars = self.inputs.iter().map(Var::from_tensor).collect::<candle_core::Result<Vec<_>>>()?;
        let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        drop((self.run)(&tensors)?.backward()?);
        Ok(())
    }

    /// Elements that it has to read and write at least.
    ///
    /// # Errors
    /// If it fails.
    pub fn moved(&self) -> Result<usize> {
        Ok(self.inputs.iter().map(Tensor::elem_count).sum::<usize>() + self.forward()?.elem_count())
    }
}
