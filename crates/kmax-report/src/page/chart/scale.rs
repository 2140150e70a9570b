//! From values to places on an axis.

/// An axis: the values at its ends, and whether equal steps are equal factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

/// Positive values that differ by more than this factor stand on a logarithmic axis.
const SPAN: f64 = 40.0;

impl Scale {
    /// An axis from `low` to `high`; one value alone gets room around it.
    pub fn linear(low: f64, high: f64) -> Self {
        let room = if high > low { 0.0 } else { low.abs().max(1e-3) * 0.5 };
        Self { low: low - room, high: high + room, logarithmic: false }
    }

    /// An axis on which all numbers among `values` can be seen: from 0 where that costs little, logarithmic where they are far
    /// apart. There is none where there are no numbers.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        // The difference of two values is to be a number too.
        let mut sorted: Vec<f64> = values.filter(|value| value.abs() <= f64::MAX / 4.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        if low > 0.0 && high / low > SPAN {
            return Some(Self { low, high, logarithmic: true });
        }
        let zero = if low > 0.0 && low < 0.6 * high { 0.0 } else { low };
        let plain = Self::linear(zero, high);
        let step = plain.step(5);
        // The ends are ticks.
        let (low, high) = ((plain.low / step).floor() * step, (plain.high / step).ceil() * step);
        Some(Self::linear(low, high))
    }

    /// Whether equal steps are equal factors.
    pub fn is_logarithmic(self) -> bool {
        self.logarithmic
    }

    /// Where a value is: 0 at the low end, 1 at the high one; 0 for what a logarithmic axis does not have.
    pub fn place(self, value: f64) -> f64 {
        if !self.logarithmic {
            return (value - self.low) / (self.high - self.low);
        }
        if value <= 0.0 { 0.0 } else { (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()) }
    }

    /// Round values along the axis, `about` so many.
    pub fn ticks(self, about: usize) -> Vec<f64> {
        if self.logarithmic {
            return self.factors(about);
        }
        let step = self.step(about);
        let (first, last) =
            ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        (first..=last).map(|nth| rounded(nth as f64 * step, step)).collect()
    }

    fn step(self, about: usize) -> f64 {
        let rough = (self.high - self.low) / about.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999);
        factor.unwrap_or(10.0) * power
    }

    fn factors(self, about: usize) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let among: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let every = (((last - first) as usize * among.len()) / (2 * about.max(1))).max(1);
        let all = (first..=last).flat_map(|power| among.iter().map(move |factor| factor * 10f64.powi(power)));
        let inside = all.filter(|tick| (self.low * 0.999..=self.high * 1.001).contains(tick));
        inside.step_by(every).collect()
    }
}

/// A multiple of `step` without what the multiplication left behind its last digit.
fn rounded(value: f64, step: f64) -> f64 {
    let digits = (1.0 - step.log10().floor()).clamp(0.0, 17.0) as i32;
    let power = 10f64.powi(digits);
    let result = (value * power).round() / power;
    if result.is_finite() { result } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_the_ends_hold_all() {
        let scale = Scale::of([0.31, 2.87, 0.9].into_iter()).expect("numbers");
        assert_eq!((scale.place(0.0), scale.is_logarithmic()), (0.0, false));
        assert_eq!(scale.ticks(5), [0.0, 1.0, 2.0, 3.0]);
        let near = Scale::of([50.2, 50.9].into_iter()).expect("numbers");
        assert!(near.place(50.2) >= 0.0 && near.place(50.2) < 0.3 && near.place(50.9) <= 1.0);
        assert_eq!(Scale::linear(0.0, 1.0).ticks(5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        let tiny = Scale::linear(0.0, 3e-4).ticks(3);
        assert_eq!(tiny, [0.0, 1e-4, 2e-4, 3e-4]);
    }

    #[test]
    fn values_far_apart_stand_on_a_logarithmic_axis() {
        let scale = Scale::of([0.01, 5.0, 100.0].into_iter()).expect("numbers");
        assert!(scale.is_logarithmic());
        assert!((scale.place(1.0) - 0.5).abs() < 1e-12);
        assert_eq!(scale.place(-3.0), 0.0);
        assert_eq!(scale.ticks(5), [0.01, 0.1, 1.0, 10.0, 100.0]);
        assert!(!Scale::of([0.0, 100.0].into_iter()).expect("numbers").is_logarithmic());
    }

    #[test]
    fn odd_values_have_an_axis_or_none() {
        assert_eq!(Scale::of([f64::NAN, f64::INFINITY].into_iter()), None);
        assert_eq!(Scale::of(std::iter::empty()), None);
        for lonely in [0.0, -3.0, 1e-30, 7.5, 1e12, 1e300] {
            let scale = Scale::of(std::iter::once(lonely)).expect("a number");
            assert!((0.0..=1.0).contains(&scale.place(lonely)), "{lonely}");
            assert!((1..20).contains(&scale.ticks(5).len()), "{lonely}: {:?}", scale.ticks(5));
        }
    }
}
