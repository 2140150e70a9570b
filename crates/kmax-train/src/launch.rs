//! Whether a launcher started this process as one of several.

/// Variables in which launchers tell how many processes they started: Open MPI, MPICH (and what derives from it), Slurm's `srun`.
const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];

/// How many processes the launcher of this one started; 1 without a launcher.
pub fn launched() -> usize {
    said(|name| std::env::var(name).ok())
}

fn said(variable: impl Fn(&str) -> Option<String>) -> usize {
    SIZES.into_iter().find_map(|name| variable(name)?.trim().parse().ok()).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn the_nearest_launcher_is_believed() {
        let of = |known: &[(&str, &str)]| {
            said(|name| known.iter().find(|(other, _)| *other == name).map(|(_, value)| value.to_string()))
        };
        assert_eq!(of(&[]), 1);
        assert_eq!(of(&[("PMI_SIZE", "4")]), 4);
        // Slurm starts one helper of Open MPI on each node.
        assert_eq!(of(&[("SLURM_STEP_NUM_TASKS", "2"), ("OMPI_COMM_WORLD_SIZE", "8")]), 8);
        assert_eq!(of(&[("PMI_SIZE", "many")]), 1);
    }
}
