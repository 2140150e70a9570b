//! Points of a curve: fewer of them, smoother ones.

/// Where a point is: x, y. A value that is no number interrupts the curve.
pub type Point = (f64, f64);

/// At most `most` points (4 or more) that look like all of them: the first and the last, and of each stretch between them
/// its lowest and its highest, so that no spike is lost.
pub fn thin(points: &[Point], most: usize) -> Vec<Point> {
    if points.len() <= most.max(4) {
        return points.to_vec();
    }
    let [first, inner @ .., last] = points else { return points.to_vec() };
    let stretches = (most.max(4) - 2) / 2;
    let mut kept = Vec::with_capacity(2 * stretches + 2);
    kept.push(*first);
    for stretch in 0..stretches {
        let part = &inner[inner.len() * stretch / stretches..inner.len() * (stretch + 1) / stretches];
        let finite = || part.iter().enumerate().filter(|(_, (_, y))| y.is_finite());
        let lowest = finite().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(at, _)| at);
        let highest = finite().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(at, _)| at);
        match lowest.zip(highest) {
            None => kept.extend(part.first()),
            Some((low, high)) if low == high => kept.push(part[low]),
            Some((low, high)) => kept.extend([part[low.min(high)], part[low.max(high)]]),
        }
    }
    kept.push(*last);
    kept
}

/// Each value is the mean of those around it: of `window` places, of half as many at the ends, those left out that are no numbers.
pub fn smooth(points: &[Point], window: usize) -> Vec<Point> {
    let mut sums = Vec::with_capacity(points.len() + 1);
    let (mut sum, mut number) = (0.0, 0usize);
    sums.push((sum, number));
    for (_, y) in points {
        if y.is_finite() {
            sum += y;
            number += 1;
        }
        sums.push((sum, number));
    }
    let half = window / 2;
    let mean = |at: usize| {
        let ((before, less), (after, more)) =
            (sums[at.saturating_sub(half)], sums[(at + half + 1).min(points.len())]);
        let y = if more == less { f64::NAN } else { (after - before) / (more - less) as f64 };
        (points[at].0, y)
    };
    (0..points.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_stay_and_many_keep_ends_and_spikes() {
        let mut points: Vec<Point> = (0..100_000).map(|x| (f64::from(x), f64::from(x % 7))).collect();
        assert_eq!(thin(&points[..600], 600), points[..600]);
        points[54_321].1 = 999.0;
        points[12_345].1 = f64::NAN;
        let kept = thin(&points, 600);
        assert!(kept.len() <= 600 && kept.len() > 400, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.contains(&(54_321.0, 999.0)));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_stretch_without_numbers_stays_a_gap() {
        let points: Vec<Point> =
            (0..1000).map(|x| (f64::from(x), if (300..700).contains(&x) { f64::NAN } else { 1.0 })).collect();
        let kept = thin(&points, 20);
        assert!(kept.iter().any(|(_, y)| y.is_nan()) && kept.iter().any(|(_, y)| y.is_finite()));
        assert!(thin(&[], 600).is_empty());
    }

    #[test]
    fn smoothing_keeps_lines_and_means_and_leaves_out_what_is_no_number() {
        let line: Vec<Point> = (0..50).map(|x| (f64::from(x), 3.0 * f64::from(x))).collect();
        let same = smooth(&line, 9);
        assert!(line.iter().zip(&same).skip(4).take(42).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9));
        let zigzag: Vec<Point> = (0..51).map(|x| (f64::from(x), f64::from(x % 2))).collect();
        assert!(smooth(&zigzag, 21)[15..35].iter().all(|(_, y)| (y - 0.5).abs() < 0.03));
        let holes = [(0.0, f64::NAN), (1.0, 1.0), (2.0, f64::NAN), (3.0, 3.0), (4.0, 5.0)];
        let smoothed: Vec<f64> = smooth(&holes, 3).iter().map(|point| point.1).collect();
        assert_eq!(smoothed, [1.0, 1.0, 2.0, 4.0, 4.0]);
        assert!(smooth(&holes, 1)[0].1.is_nan());
        assert!(smooth(&[], 3).is_empty());
    }
}
