//! The description of the interface (OpenAPI 3.1), made of the types and the routes.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What the routes do not say.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "kmax serve",
        description = "Panoptic segmentation with kMaX-DeepLab. What is wrong with a request is answered as RFC 9457 says.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    modifiers(&Token),
    security((), ("token" = []), ("password" = [])),
    tags(
        (name = "segmentation", description = "Photos in, results out."),
        (name = "predictions", description = "Predictions that are kept, to be looked at in many ways."),
        (name = "health", description = "Whether the server lives, and its numbers."),
        (name = "label-studio", description = "Label Studio's machine learning backend."),
        (name = "kserve", description = "The KServe v2 inference protocol."),
    ),
)]
pub(crate) struct Document;

/// The token, where the server asks for one.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [("token", HttpAuthScheme::Bearer), ("password", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}
