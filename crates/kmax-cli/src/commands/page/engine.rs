//! The engine of a page: the package that was named, or the one that is fetched.

use crate::exit::Outcome;
use kmax_page::Runtime;
use std::path::Path;

/// The engine out of the package at `path`, or out of the one in the cache.
pub fn open(path: Option<&Path>) -> Outcome<Runtime> {
    match path {
        Some(path) => Ok(Runtime::open(path)?),
        None => fetched(),
    }
}

#[cfg(not(feature = "hub"))]
fn fetched() -> Outcome<Runtime> {
    use crate::exit::{Code, Failure};
    let package = kmax_page::PACKAGE;
    Err(Failure::new(
        Code::Usage,
        format!("this build fetches nothing: give the npm package {package} with --runtime"),
    ))
}

#[cfg(feature = "hub")]
fn fetched() -> Outcome<Runtime> {
    fetch::fetched()
}

#[cfg(feature = "hub")]
mod fetch {
    use crate::exit::{Code, Failure, Outcome};
    use crate::model;
    use kmax::hub::{Address, Error, endpoint};
    use kmax_page::{PACKAGE, Runtime, VERSION, address, verify};

    /// Where packages are, unless a variable says otherwise.
    const REGISTRY: &str = "https://registry.npmjs.org";
    /// As npm reads it, in either spelling.
    const VARIABLES: [&str; 2] = ["NPM_CONFIG_REGISTRY", "npm_config_registry"];
    /// A larger archive is none of that package.
    const LARGEST: u64 = 1 << 28;

    /// From the cache, or from the registry into it.
    pub fn fetched() -> Outcome<Runtime> {
        let url = Address::Url(address(&registry()?));
        let downloads = model::downloads()?;
        let file = model::download(&downloads, &url, LARGEST).map_err(|error| told(&error))?;
        if let Err(error) = verify(&file) {
            // The next run asks again.
            downloads.remove(&url)?;
            return Err(error.into());
        }
        Ok(Runtime::open(&file)?)
    }

    /// What to do about it.
    fn told(error: &Error) -> Failure {
        let reason = match error {
            Error::Absent { .. } => {
                format!("{PACKAGE} {VERSION} is not in the cache, and no request is allowed (offline)")
            }
            error => error.to_string(),
        };
        let remedy = "run this once with a connection, or give the npm package with --runtime";
        Failure::new(Code::from(error.kind()), format!("{reason}: {remedy}"))
    }

    fn registry() -> Outcome<String> {
        let value = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        match VARIABLES.into_iter().find_map(|name| Some((name, value(name)?))) {
            Some((name, value)) => Ok(endpoint(name, &value)?),
            None => Ok(REGISTRY.into()),
        }
    }
}
