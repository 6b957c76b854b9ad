//! The description of the interface: what the handlers say of themselves, and what they all share.
//!
//! Refuses to describe a route that does not exist: it is made from the route table.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

/// What every private operation can answer beside what it names itself.
const PRIVATE: [&str; 2] = ["401", "403"];

/// The OpenAPI document of the interface, as `docs/openapi.json` has it.
pub fn openapi() -> String {
    let mut document = super::doors().merge(super::api()).into_openapi();
    share(&mut document);
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        complete(operation);
    }
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// Adds what the operations refer to.
fn share(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("JWT".to_owned());
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new()
        .description("What went wrong")
        .content("application/problem+json", body)
        .build();
    components.responses.insert("Problem".to_owned(), problem.into());
    let no_scopes: [&str; 0] = [];
    document.security = Some(vec![SecurityRequirement::new("bearer", no_scopes)]);
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = path;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// Gives an operation a name of its own, and the problems that every one can end in.
fn complete(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    let names = tag.zip(operation.operation_id.as_ref());
    operation.operation_id = names.map(|(tag, verb)| format!("{tag}_{verb}"));
    let is_private = operation.security.is_none();
    let responses = &mut operation.responses.responses;
    let named = responses.keys().filter(|status| status.starts_with(['4', '5'])).cloned();
    let shared = PRIVATE.iter().filter(|_| is_private).map(ToString::to_string);
    for status in named.chain(shared).chain(["default".to_owned()]).collect::<Vec<_>>() {
        let problem: RefOr<Response> = Ref::from_response_name("Problem").into();
        responses.insert(status, problem);
    }
}
