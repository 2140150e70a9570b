//! The configuration in a run's folder, by which the run can be taken up again.

use super::TrainConfig;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Its name.
const FILE: &str = "train.toml";

impl TrainConfig {
    /// Where a planned run keeps its configuration.
    pub fn kept(&self) -> PathBuf {
        self.output.join(FILE)
    }

    /// What stands above a configuration that is kept.
    pub fn heading(&self) -> String {
        let file = self.kept();
        format!("kmax train --config {}\nevery value may be changed before the run begins", file.display())
    }

    /// Whether a run with other settings than these was begun in the run's folder.
    ///
    /// # Errors
    /// If there is a configuration that cannot be read.
    pub fn is_another_run(&self) -> Result<bool> {
        let file = self.kept();
        Ok(file.is_file() && Self::read(&file)? != *self)
    }

    /// Writes the configuration into the run's folder, with comments, where there is none; says whether there was none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self) -> Result<bool> {
        let file = self.kept();
        if file.exists() {
            return Ok(false);
        }
        let fail = |error: std::io::Error| Error::Output { file: file.clone(), reason: error.to_string() };
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new(""))).map_err(fail)?;
        kmax_base::write_atomically(&file, self.commented(self.heading()).as_bytes()).map_err(fail)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_knows_its_own_configuration() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = r#"
            output = "run"
            [model]
            config = "kmax-people"
            [data]
            path = "photos"
            [schedule]
            steps = 10
            batch = 2
            learning_rate = 1e-3
        "#;
        let given = folder.path().join("given.toml");
        std::fs::write(&given, text).expect("written");
        let mut config = TrainConfig::read(&given)?;
        assert!(!config.is_another_run()?);
        assert!(config.keep()? && !config.keep()?);
        assert!(!config.is_another_run()?);
        config.seed += 1;
        assert!(config.is_another_run()?);
        Ok(())
    }
}
