//! How many photos go through the network together.

use std::str::FromStr;

/// What `--batch` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// As many as the device's memory takes.
    Auto,
    /// So many at most.
    Of(usize),
}

/// More were never measured to gain anything.
const MOST: usize = 1024;

impl FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(number @ 1..=MOST) => Ok(Self::Of(number)),
            _ => Err(format!("expected auto or a number from 1 to {MOST}")),
        }
    }
}

/// The most photos that go through the network together; fewer once memory did not suffice.
#[derive(Debug)]
pub struct Batches {
    most: usize,
}

impl Batches {
    /// So many at first.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1) }
    }

    /// Puts all of `inputs` through `network` and gives what it says of each, in order.
    ///
    /// Where memory does not suffice for a batch, it is halved for good, of which `smaller` hears. Any other fault of a batch is that of
    /// one of its photos: each goes through alone.
    pub fn run<T, P, E>(
        &mut self,
        inputs: &[T],
        network: impl Fn(&[T]) -> Result<Vec<P>, E>,
        is_memory: impl Fn(&E) -> bool,
        smaller: impl Fn(&E, usize),
    ) -> Vec<Result<P, E>> {
        let mut results = Vec::with_capacity(inputs.len());
        let mut rest = inputs;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.most));
            match network(now) {
                Ok(found) => results.extend(found.into_iter().map(Ok)),
                Err(error) if now.len() == 1 => results.push(Err(error)),
                Err(error) if is_memory(&error) => {
                    self.most = now.len() / 2;
                    smaller(&error, self.most);
                    continue;
                }
                Err(_) => {
                    for alone in now.chunks(1) {
                        match network(alone) {
                            Ok(found) => results.extend(found.into_iter().map(Ok)),
                            Err(error) => results.push(Err(error)),
                        }
                    }
                }
            }
            rest = later;
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_number_or_auto() {
        assert_eq!(("auto".parse(), "7".parse()), (Ok(Batch::Auto), Ok(Batch::Of(7))));
        for text in ["0", "-1", "1025", "Auto", "", "2.0"] {
            assert!(text.parse::<Batch>().is_err(), "{text}");
        }
    }

    /// Runs numbers through a network that bears `bears` at once and cannot stand 13.
    fn run(
        most: usize,
        bears: usize,
        inputs: &[u32],
    ) -> (Vec<Result<u32, &'static str>>, Vec<usize>, Vec<usize>) {
        let (runs, told) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let network = |now: &[u32]| {
            runs.borrow_mut().push(now.len());
            match now {
                _ if now.len() > bears => Err("memory"),
                _ if now.contains(&13) => Err("unlucky"),
                _ => Ok(now.iter().map(|n| 10 * n).collect()),
            }
        };
        let mut batches = Batches::new(most);
        let results =
            batches.run(inputs, network, |error| *error == "memory", |_, most| told.borrow_mut().push(most));
        (results, runs.into_inner(), told.into_inner())
    }

    #[test]
    fn a_batch_is_halved_until_memory_suffices_and_stays_so() {
        let inputs: Vec<u32> = (0..11).collect();
        let (results, runs, told) = run(8, 3, &inputs);
        assert_eq!(results, inputs.iter().map(|n| Ok(10 * n)).collect::<Vec<_>>());
        assert_eq!((runs, told), (vec![8, 4, 2, 2, 2, 2, 2, 1], vec![4, 2]));
    }

    #[test]
    fn one_that_does_not_fit_alone_is_the_only_one_that_fails() {
        let (results, runs, told) = run(4, 0, &[1, 2]);
        assert_eq!(results, [Err("memory"), Err("memory")]);
        assert_eq!((runs, told), (vec![2, 1, 1], vec![1]));
    }

    #[test]
    fn a_fault_of_one_is_not_that_of_its_batch() {
        let (results, runs, told) = run(3, 9, &[1, 13, 2, 3]);
        assert_eq!(results, [Ok(10), Err("unlucky"), Ok(20), Ok(30)]);
        assert_eq!((runs, told), (vec![3, 1, 1, 1, 1], vec![]));
    }
}
