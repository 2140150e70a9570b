//! Numbers as people read them.

/// What stands where there is no number.
pub const NONE: &str = "\u{2013}";

/// A count with commas between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and what is counted, in its singular or with an `s`.
pub fn counted(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", count(number))
}

/// A share of 1 in percent. What is not quite nothing does not look like nothing.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        percent if !percent.is_finite() => NONE.to_owned(),
        percent if percent > 0.0 && percent < 0.05 => "< 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

/// A ratio of 0 to 1 in hundredths, as metrics are printed: `45.2`.
pub fn points(ratio: Option<f64>) -> String {
    ratio.filter(|ratio| ratio.is_finite()).map_or(NONE.to_owned(), |ratio| format!("{:.1}", 100.0 * ratio))
}

/// A number with about three digits that count, whatever its size.
pub fn short(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        return NONE.to_owned();
    }
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        let text = format!("{number:.2e}");
        return text.replace(".00e", "e").replace("0e", "e");
    }
    let decimals = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    let text = format!("{number:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A position such as a step: a count where it is whole.
pub fn short_count(number: f64) -> String {
    if number.fract() == 0.0 && (0.0..1e15).contains(&number) {
        return count(number as u64);
    }
    short(number)
}

/// Seconds as hours, minutes, seconds.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return NONE.to_owned();
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds:02} s"),
        _ => format!("{} h {minutes:02} min", count(hours)),
    }
}

/// The value in the middle of a sorted list.
pub fn median(sorted: &[u64]) -> Option<u64> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "image"), counted(2000, "image")], ["1 image", "2,000 images"]);
        assert_eq!(
            [0.0, 0.0001, 0.123, 1.0, f64::NAN].map(percent),
            ["0.0 %", "< 0.1 %", "12.3 %", "100.0 %", NONE]
        );
        assert_eq!([None, Some(0.4517), Some(f64::NAN)].map(points), [NONE, "45.2", NONE]);
        let shorts = [0.0, 12.345, 100.0, 0.5, 1234.5, 5e-5, 1.25e-4, 2e7, f64::INFINITY].map(short);
        assert_eq!(shorts, ["0", "12.3", "100", "0.5", "1234", "5e-5", "1.25e-4", "2e7", NONE]);
        assert_eq!([5.0, 65.0, 3725.0, -1.0].map(duration), ["5 s", "1 min 05 s", "1 h 02 min", NONE]);
        assert_eq!((median(&[]), median(&[4]), median(&[1, 2, 9])), (None, Some(4), Some(2)));
    }
}
