//! The kinds of our libraries' errors, by which [`exit`](crate::exit) decides.

use crate::exit::Kinded;
use kmax_base::ErrorKind;

macro_rules! kinded {
    ($($error:ty),* $(,)?) => {$(
        impl Kinded for $error {
            fn kind(&self) -> ErrorKind {
                // The inherent method, which every error of ours has.
                <$error>::kind(self)
            }
        }
    )*};
}

kinded!(
    kmax::Error,
    kmax::ImageError,
    kmax::convert::Error,
    kmax::evaluate::Error,
    kmax::masks::Error,
    kmax::nn::Error,
    kmax::onnx::Error,
    kmax::render::Error,
    kmax::train::Error,
    kmax_datasets::Error,
    kmax_metrics::Error,
    kmax_page::Error,
    kmax_report::Error,
    kmax_results::Error,
    kmax_store::Error,
);

#[cfg(feature = "hub")]
kinded!(kmax::hub::Error, kmax::pull::Error);

#[cfg(feature = "serve")]
kinded!(kmax_server::Error);
