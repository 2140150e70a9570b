//! Initial values of parameters, drawn from the seed and the parameter's name so that order does not matter.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// How a parameter starts when no weights are given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// One value everywhere.
    Const(f64),
    /// Normal with mean 0, drawn again outside two standard deviations (`trunc_normal_`, Keras `TruncatedNormal`).
    TruncatedNormal {
        /// Standard deviation before truncation.
        std: f64,
    },
    /// Normal with mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform in `[-bound, bound)`.
    Uniform {
        /// Half the width.
        bound: f64,
    },
}

impl Init {
    /// All zero.
    pub const ZEROS: Self = Self::Const(0.0);
    /// All one.
    pub const ONES: Self = Self::Const(1.0);

    /// He initialisation for a ReLU: normal with variance `2 / fan_out` (`c2_msra_fill` of the PyTorch implementation).
    pub fn he_fan_out(out_channels: usize, kernel: (usize, usize), groups: usize) -> Self {
        let fan = (out_channels * kernel.0 * kernel.1 / groups.max(1)).max(1);
        Self::Normal { std: (2.0 / fan as f64).sqrt() }
    }

    /// `count` values for the parameter `name` under `seed`.
    pub fn values(self, name: &str, seed: u64, count: usize) -> Vec<f64> {
        let key = name.bytes().fold(0xcbf2_9ce4_8422_2325u64 ^ seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = ChaCha8Rng::seed_from_u64(key);
        let mut draw = || match self {
            Self::Const(value) => value,
            Self::Normal { std } => std * normal(&mut rng),
            Self::TruncatedNormal { std } => loop {
                let z = normal(&mut rng);
                if z.abs() <= 2.0 {
                    break std * z;
                }
            },
            Self::Uniform { bound } => bound * (2.0 * uniform(&mut rng) - 1.0),
        };
        (0..count).map(|_| draw()).collect()
    }
}

/// A uniform draw from `[0, 1)`: 53 bits fill the mantissa of a float64.
pub(crate) fn uniform(rng: &mut impl RngCore) -> f64 {
    (rng.next_u64() >> 11) as f64 * (-53f64).exp2()
}

/// Leaves out `count` draws of [`uniform`].
pub(crate) fn skip(rng: &mut ChaCha8Rng, count: usize) {
    // A draw takes two words of 32 bits.
    rng.set_word_pos(rng.get_word_pos() + 2 * count as u128);
}

/// A standard normal draw by Box and Muller; `1 - u` keeps the logarithm finite.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - uniform(rng), uniform(rng));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_stated_spread_and_repeat() {
        let values = Init::TruncatedNormal { std: 0.5 }.values("a.weight", 3, 20_000);
        assert_eq!(values, Init::TruncatedNormal { std: 0.5 }.values("a.weight", 3, 20_000));
        assert_ne!(values, Init::TruncatedNormal { std: 0.5 }.values("b.weight", 3, 20_000));
        assert!(values.iter().all(|v| v.abs() <= 1.0));
        // The standard deviation of a normal cut at two sigma is 0.8796 of the uncut.
        let variance = values.iter().map(|v| v * v).sum::<f64>() / 20_000.0;
        assert!((variance.sqrt() / 0.5 - 0.8796).abs() < 0.02, "{variance}");
    }
}
