//! What the processes that train together must have in common.

use super::Trainer;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};

impl Trainer {
    /// All ranks begin with the same step, settings, data and weights, and with the same kernels, which may round otherwise.
    pub(super) fn agree(&self) -> Result<()> {
        if self.ranks.size() == 1 {
            return Ok(());
        }
        let mut weights = Sha256::new();
        for (parameter, _) in self.optimizer.groups() {
            for value in parameter.var.as_tensor().flatten_all()?.to_vec1::<f32>()? {
                weights.update(value.to_le_bytes());
            }
        }
        let kernels = Sha256::digest(kmax_kernels::kernels());
        // Four bytes of each fit a float64.
        let short =
            |digest: &[u8]| digest.iter().take(4).fold(0.0, |sum, byte| 256.0 * sum + f64::from(*byte));
        let whole = Sha256::digest(self.digest());
        let own = [self.step as f64, short(&whole), short(&weights.finalize()), short(&kernels)];
        let all = self.ranks.gather(&own)?;
        for (rank, row) in all.chunks_exact(own.len()).enumerate() {
            let what = ["another step", "other settings or labels", "other weights", "another processor"];
            if let Some((_, what)) = row.iter().zip(&all).zip(what).find(|((a, b), _)| a != b) {
                return Err(Error::Setting(format!(
                    "rank {rank} begins with {what} than rank 0: every process needs the same program, files and kind of machine"
                )));
            }
        }
        Ok(())
    }
}
