//! The assignment problem, solved exactly.

use crate::error::{Error, Result};

/// The assignment of rows to columns with the smallest total cost: pairs `(row, column)` sorted by row, as many as the
/// shorter side has. `costs` is row-major `[rows, columns]`.
///
/// Shortest augmenting paths with potentials (Jonker and Volgenant 1987, Crouse 2016), cubic in the shorter side at
/// worst.
///
/// # Errors
/// [`Error::Config`] if the length does not fit or a cost is not finite.
pub fn assign(costs: &[f64], rows: usize, columns: usize) -> Result<Vec<(usize, usize)>> {
    if rows.checked_mul(columns) != Some(costs.len()) {
        return Err(Error::Config(format!("{} costs for {rows} rows and {columns} columns", costs.len())));
    }
    if costs.iter().any(|cost| !cost.is_finite()) {
        return Err(Error::Config("a matching cost is not finite".into()));
    }
    if rows <= columns {
        let column_of = solve(rows, columns, |row, column| costs[row * columns + column]);
        return Ok(column_of.into_iter().enumerate().collect());
    }
    let row_of = solve(columns, rows, |column, row| costs[row * columns + column]);
    let mut pairs: Vec<_> = row_of.into_iter().enumerate().map(|(column, row)| (row, column)).collect();
    pairs.sort_unstable();
    Ok(pairs)
}

/// The column of every row, for `rows <= columns`.
fn solve(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; columns];
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for start in 0..rows {
        let mut distance = vec![f64::INFINITY; columns];
        let mut reached_from: Vec<Option<usize>> = vec![None; columns];
        let mut done = vec![false; columns];
        // Dijkstra's walk from `start` to the nearest free column, over reduced costs.
        let (mut row, mut arrived, mut length) = (start, None, 0.0);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for column in 0..columns {
                if done[column] {
                    continue;
                }
                let candidate = length + cost(row, column) - row_price[row] - column_price[column];
                if candidate < distance[column] {
                    distance[column] = candidate;
                    reached_from[column] = arrived;
                }
                if nearest.is_none_or(|best| distance[column] < distance[best]) {
                    nearest = Some(column);
                }
            }
            // With no more rows than columns a free column is always within reach.
            let Some(column) = nearest else { break None };
            done[column] = true;
            length = distance[column];
            match row_of[column] {
                Some(next) => (row, arrived) = (next, Some(column)),
                None => break Some(column),
            }
        };
        row_price[start] += length;
        for column in (0..columns).filter(|column| done[*column]) {
            let slack = length - distance[column];
            column_price[column] -= slack;
            if let Some(row) = row_of[column] {
                row_price[row] += slack;
            }
        }
        // Walk back, shifting every row on the path to the column it reached.
        let mut column = end;
        while let Some(here) = column {
            column = reached_from[here];
            row_of[here] = column.map_or(Some(start), |before| row_of[before]);
        }
    }
    let mut column_of = vec![0; rows];
    for (column, row) in row_of.into_iter().enumerate() {
        if let Some(row) = row {
            column_of[row] = column;
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest total over all ways to give rows different columns (or columns different rows).
    fn brute(costs: &[f64], rows: usize, columns: usize) -> f64 {
        fn go(
            n: usize,
            m: usize,
            at: usize,
            used: &mut Vec<bool>,
            cost: &dyn Fn(usize, usize) -> f64,
        ) -> f64 {
            if at == n {
                return 0.0;
            }
            let mut best = f64::INFINITY;
            for i in 0..m {
                if !used[i] {
                    used[i] = true;
                    best = best.min(cost(at, i) + go(n, m, at + 1, used, cost));
                    used[i] = false;
                }
            }
            best
        }
        if rows <= columns {
            go(rows, columns, 0, &mut vec![false; columns], &|r, c| costs[r * columns + c])
        } else {
            go(columns, rows, 0, &mut vec![false; rows], &|c, r| costs[r * columns + c])
        }
    }

    fn check(costs: &[f64], rows: usize, columns: usize) {
        let pairs = assign(costs, rows, columns).expect("finite costs");
        assert_eq!(pairs.len(), rows.min(columns));
        assert!(pairs.is_sorted());
        let mut seen = vec![false; columns];
        let mut total = 0.0;
        for (k, (row, column)) in pairs.iter().enumerate() {
            assert!(k == 0 || pairs[k - 1].0 < *row, "a row twice");
            assert!(!std::mem::replace(&mut seen[*column], true), "a column twice");
            total += costs[row * columns + column];
        }
        let best = brute(costs, rows, columns);
        assert!((total - best).abs() <= 1e-12 * (1.0 + best.abs()), "{total} and not {best}");
    }

    proptest! {
        #[test]
        fn equals_brute_force(rows in 0usize..7, columns in 0usize..7, values in prop::collection::vec(-1.0..1.0f64, 36)) {
            check(&values[..rows * columns], rows, columns);
        }

        #[test]
        fn ties_do_no_harm(rows in 1usize..6, columns in 1usize..7, values in prop::collection::vec(0u8..3, 30)) {
            let costs: Vec<f64> = values[..rows * columns].iter().map(|v| -f64::from(*v)).collect();
            check(&costs, rows, columns);
        }
    }

    #[test]
    fn a_known_case_and_bad_input() {
        let costs = [4.0, 1.0, 3.0, 2.0, 0.0, 5.0, 3.0, 2.0, 2.0];
        assert_eq!(assign(&costs, 3, 3).expect("finite"), [(0, 1), (1, 0), (2, 2)]);
        assert!(assign(&costs, 2, 3).is_err());
        assert!(assign(&[f64::NAN], 1, 1).is_err());
        assert!(assign(&[], 0, 5).expect("empty").is_empty());
    }
}
