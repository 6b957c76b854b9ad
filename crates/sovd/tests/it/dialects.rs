//! One noun, several spellings.
//! The JSON is worded here; recorded answers have their own module.

use fleetwire_sovd::{
    Client, Collection, Entity, Envelope, Error, ExecutionState, GenericError, HeaderValue,
    Operation, Started, Upload,
};
use serde_json::{Value, json};

use crate::server::{Server, bare_entity, response};

const ECU: (&str, u16, &str) = ("GET /v1/components/ecu", 200, r#"{"id":"ecu"}"#);

async fn ecu(client: &Client) -> Entity {
    bare_entity(client, "/v1/components/ecu").await
}

async fn refusal(status: u16, body: &'static str) -> GenericError {
    let server = Server::http(move |_| response(status, "", body));
    let client = server.client();
    let answer = client.read(&client.link("/v1/x").unwrap()).await;
    let Err(Error::Refused { error, .. }) = answer else { panic!("not refused: {answer:?}") };
    *error
}

#[tokio::test]
async fn an_error_document_is_kept_with_its_details() {
    let error = refusal(
        409,
        r#"{"error_code":"vendor-specific","vendor_code":"busy","message":"later","parameters":{"a":1}}"#,
    )
    .await;
    assert_eq!(error.vendor_code.as_deref(), Some("busy"));
    assert_eq!(error.parameters, Some(json!({"a": 1})));
    assert_eq!(error.to_string(), "busy: later");
}

#[tokio::test]
async fn the_negative_response_code_is_found_in_either_spelling() {
    let number = r#"{"error_code":"error-response","message":"","parameters":{"nrc":34}}"#;
    assert_eq!(refusal(502, number).await.nrc, Some(0x22));
    let listed = r#"{"error_code":"error-response","message":"","parameters":{"nrc":["0x22"]}}"#;
    assert_eq!(refusal(502, listed).await.nrc, Some(0x22));
}

#[tokio::test]
async fn an_error_may_be_wrapped() {
    let data = r#"{"path":"/speed","error":{"error_code":"error-response","message":"no"}}"#;
    let error = refusal(400, data).await;
    assert_eq!((error.path.as_deref(), error.message.as_str()), (Some("/speed"), "no"));
    let odata = r#"{"error":{"code":"NotFound","message":"gone"}}"#;
    assert_eq!(refusal(404, odata).await.error_code, "NotFound");
}

#[tokio::test]
async fn text_and_silence_become_an_error_document() {
    let error = refusal(422, "missing field `data`\n").await;
    assert_eq!(error.to_string(), "http-422: missing field `data`");
    assert_eq!(refusal(404, "").await.to_string(), "http-404: HTTP status 404 at /v1/x");
}

#[tokio::test]
async fn only_a_missing_collection_that_was_not_announced_is_unsupported() {
    let linked = r#"{"id":"ecu","operations":"/v1/components/ecu/operations"}"#;
    let server = Server::json(&[("GET /v1/components/ecu", 200, linked)]);
    let client = server.client();
    let entity = ecu(&client).await;
    let absent = client.faults(&entity).await.unwrap_err();
    assert!(matches!(absent, Error::Unsupported { status: 404, .. }));
    let broken = client.operations(&entity).await.unwrap_err();
    assert!(matches!(broken, Error::Refused { status: 404, .. }));
}

#[tokio::test]
async fn a_verb_that_the_server_lacks_is_unsupported() {
    for status in [405, 501] {
        let server = Server::http(move |_| response(status, "", ""));
        let client = server.client();
        let error = client.clear_fault(&client.link("/v1/x").unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_foreign_host_in_a_link_is_ignored() {
    let items = r#"{"items":[
        {"id":"a","href":"http://198.51.100.7:81/v1/components/a?x=1#top"},
        {"id":"b","href":"//198.51.100.7/v1/b"},
        {"id":"c","href":"components/c"},
        {"id":"d/e"},
        {"id":"f","href":"mailto:somebody"}]}"#;
    let server = Server::json(&[("GET /v1/components", 200, items)]);
    let components = server.client().components().await.unwrap();
    let links: Vec<String> = components.iter().map(|entity| entity.href.to_string()).collect();
    let expected = [
        "/v1/components/a?x=1",
        "/v1/b",
        "/v1/components/c",
        "/v1/components/d%2Fe",
        "/v1/components/f",
    ];
    assert_eq!(links, expected);
}

#[tokio::test]
async fn a_control_unit_tells_its_address_and_state() {
    let entity = r#"{"id":"ecu","name":"Engine","faults":"/v1/components/ecu/faults","variant":
        {"name":"E_1","is_base_variant":false,"state":"Online","logical_address":"0x10"}}"#;
    let server = Server::json(&[("GET /v1/components/ecu", 200, entity)]);
    let entity = ecu(&server.client()).await;
    let variant = entity.variant.unwrap();
    assert_eq!(variant.logical_address, Some(0x10));
    assert_eq!(variant.state.as_deref(), Some("Online"));
    assert_eq!(entity.links.keys().collect::<Vec<_>>(), ["faults"]);
}

#[tokio::test]
async fn the_base_is_found_from_the_host_alone() {
    let info = r#"{"items":[{"version":"1.9","base_uri":"http://vehicle/api/v1.9"},
        {"version":"1.10","base_uri":"http://vehicle/api/v1.10"}]}"#;
    let server = Server::json(&[
        ("GET /version-info", 200, info),
        ("GET /api/v1.10/components", 200, r#"{"items":[]}"#),
    ]);
    let client = server.client_at("/").discover().await.unwrap();
    assert_eq!(client.base().to_string(), "/api/v1.10");
    assert!(client.components().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_base_that_answers_is_kept() {
    let root = r#"{"id":"","components":"/sovd/v1/components"}"#;
    let server = Server::json(&[("GET /sovd/v1", 200, root)]);
    let client = server.client_at("/sovd/v1/").discover().await.unwrap();
    assert_eq!(client.base().to_string(), "/sovd/v1");
    assert_eq!(server.lines(), ["GET /sovd/v1"]);
}

#[tokio::test]
async fn a_server_without_versions_is_unsupported() {
    let server = Server::json(&[]);
    let error = server.client_at("/a/v1").discover().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { status: 404, .. }));
    let expected = [
        "/a/v1",
        "/a/version-info",
        "/version-info",
        "/a/v1/version-info",
        "/sovd/version-info",
        "/a/v1/data/version",
        "/a/v1/components",
    ];
    assert_eq!(server.lines(), expected.map(|path| format!("GET {path}")));
}

#[tokio::test]
async fn a_server_without_versions_is_accepted_where_its_components_are() {
    let server = Server::json(&[("GET /vehicle/v15/components", 200, r#"{"items":[]}"#)]);
    let client = server.client_at("/vehicle/v15").discover().await.unwrap();
    assert_eq!(client.base().to_string(), "/vehicle/v15");
}

#[tokio::test]
async fn versions_are_read_under_any_of_their_names() {
    for (list, base) in [
        ("sovd_info", "base_uri"),
        ("versions", "base_path"),
        ("items", "href"),
        ("apiVersions", "url"),
    ] {
        let info = format!(r#"{{"{list}":[{{"version":"1.1","{base}":"/x/v1"}}]}}"#);
        let server = Server::json(&[("GET /sovd/v1/version-info", 200, info.as_str())]);
        let client = server.client_at("/sovd/v1").discover().await.unwrap();
        assert_eq!(client.base().to_string(), "/x/v1");
    }
}

#[tokio::test]
async fn a_version_may_be_a_value() {
    let value = r#"{"id":"version","data":{"name":"x","api":{"version":"1.1"}}}"#;
    let server = Server::json(&[("GET /vehicle/v15/data/version", 200, value)]);
    let info = server.client_at("/vehicle/v15").version_info().await.unwrap();
    assert_eq!((info.versions[0].version.as_str(), info.raw.get()), ("1.1", value));
    assert_eq!(info.versions[0].base.to_string(), "/vehicle/v15");
}

#[tokio::test]
async fn a_collection_is_asked_for_by_its_name() {
    let server = Server::json(&[("GET /v1/functions", 200, r#"{"items":[]}"#)]);
    assert!(server.client().entities(Collection::Functions).await.unwrap().is_empty());
    let error = server.client().entities(Collection::Areas).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
}

async fn faults(items: &str) -> Vec<fleetwire_sovd::Fault> {
    let body = format!("{{\"items\":{items}}}");
    let server = Server::json(&[ECU, ("GET /v1/components/ecu/faults", 200, &body)]);
    let client = server.client();
    client.faults(&ecu(&client).await).await.unwrap()
}

#[tokio::test]
async fn a_fault_is_read_by_any_of_its_names() {
    let faults = faults(
        r#"[{"code":"012345","display_code":"P0123","fault_name":"Pedal","severity":2,"scope":"a"},
        {"fault_code":"U0100","message":"Bus","severity":"WARNING"},
        {"id":"C0035","faultName":"Wheel","severity":"Error"}]"#,
    )
    .await;
    let read: Vec<_> = faults
        .iter()
        .map(|fault| (fault.code.as_str(), fault.name.as_deref().unwrap(), fault.severity.unwrap()))
        .collect();
    assert_eq!(read, [("012345", "Pedal", 2), ("U0100", "Bus", 3), ("C0035", "Wheel", 2)]);
    assert_eq!(faults[0].href.to_string(), "/v1/components/ecu/faults/012345");
    assert_eq!(faults[0].display_code.as_deref(), Some("P0123"));
}

#[tokio::test]
async fn a_status_is_as_the_server_spells_it() {
    let faults =
        faults(r#"[{"code":"1","status":{"mask":"0x2C"}},{"code":"2","status":"CONFIRMED"}]"#)
            .await;
    assert_eq!(
        (&faults[0].status["mask"], &faults[1].status),
        (&json!("0x2C"), &json!("CONFIRMED"))
    );
}

#[tokio::test]
async fn an_answer_can_be_taken_as_it_was_written() {
    let server = Server::json(&[("GET /v1/components", 200, r#"{ "items": [], "total": 1e2 }"#)]);
    let raw = server.client().components().raw().await.unwrap();
    assert_eq!(raw.get(), r#"{ "items": [], "total": 1e2 }"#);
}

#[tokio::test]
async fn a_fault_without_code_is_malformed() {
    let body = r#"{"items":[{"fault_name":"?"}]}"#;
    let server = Server::json(&[ECU, ("GET /v1/components/ecu/faults", 200, body)]);
    let client = server.client();
    let error = client.faults(&ecu(&client).await).await.unwrap_err();
    assert_eq!(error.to_string(), "malformed answer: fault without code");
}

#[tokio::test]
async fn a_fault_may_be_wrapped_with_its_surroundings() {
    let body = r#"{"item":{"code":"1"},"environment_data":{"speed": 50.0}}"#;
    let server =
        Server::json(&[("GET /v1/f/1", 200, body), ("GET /v1/f/2", 200, r#"{"code":"2"}"#)]);
    let client = server.client();
    let wrapped = client.fault(&client.link("/v1/f/1").unwrap()).await.unwrap();
    assert_eq!(wrapped.environment.unwrap().get(), r#"{"speed": 50.0}"#);
    assert_eq!(wrapped.fault.href.to_string(), "/v1/f/1");
    let flat = client.fault(&client.link("/v1/f/2").unwrap()).await.unwrap();
    assert_eq!((flat.fault.code.as_str(), flat.environment.is_none()), ("2", true));
}

#[tokio::test]
async fn filters_go_into_the_query() {
    let server = Server::json(&[ECU]);
    let client = server.client();
    let faults = client.faults(&ecu(&client).await).query("status[confirmedDTC]", "1");
    faults.query("severity", "3").await.unwrap_err();
    let line = &server.lines()[1];
    assert_eq!(line, "GET /v1/components/ecu/faults?status%5BconfirmedDTC%5D=1&severity=3");
}

async fn reading(body: &str) -> Result<fleetwire_sovd::Reading, Error> {
    let server = Server::json(&[("GET /v1/d?include-schema=true", 200, body)]);
    let client = server.client();
    client.read(&client.link("/v1/d").unwrap()).with_schema().await
}

#[tokio::test]
async fn a_value_is_found_in_either_envelope_as_it_was_written() {
    let read = reading(r#"{"id":"d","data":{"b":1.50,"a":null}}"#).await.unwrap();
    assert_eq!((read.value.get(), read.envelope), (r#"{"b":1.50,"a":null}"#, Envelope::Data));
    let read = reading(r#"{"id":"d","value":7,"raw":"07","unit":"rpm"}"#).await.unwrap();
    assert_eq!((read.value.get(), read.envelope), ("7", Envelope::Value));
    assert_eq!((read.bytes.as_deref(), read.unit.as_deref()), (Some("07"), Some("rpm")));
    assert!(reading(r#"{"id":"d"}"#).await.is_err());
}

#[tokio::test]
async fn values_by_parameter_are_handed_on_and_values_in_bytes_are_taken() {
    let read = reading(r#"{"id":"d","data":{"VIN":"W","Counter":3}}"#).await.unwrap();
    assert_eq!(read.value.get(), r#"{"VIN":"W","Counter":3}"#);
    let server = Server::http(|_| response(204, "", ""));
    let client = server.client();
    let octets = HeaderValue::from_static("application/octet-stream");
    client.write_content(client.base(), Upload::bytes(octets, "abc")).await.unwrap();
    let request = &server.seen()[0];
    assert_eq!((request.line.as_str(), request.body.as_str()), ("PUT /v1", "abc"));
    assert!(request.head.contains("content-type: application/octet-stream\r\n"));
}

#[tokio::test]
async fn the_unit_of_a_single_quantity_comes_from_the_schema() {
    let unit = |name: &str| format!(r#"{{"x-sovd-unit":{{"display_name":"{name}"}}}}"#);
    let (volt, bar) = (unit("V"), unit("bar"));
    let one = format!(r#"{{"data":1,"schema":{{"properties":{{"data":{volt}}}}}}}"#);
    assert_eq!(reading(&one).await.unwrap().unit.as_deref(), Some("V"));
    let two = format!(r#"{{"data":1,"schema":{{"properties":{{"a":{volt},"b":{bar}}}}}}}"#);
    assert_eq!(reading(&two).await.unwrap().unit, None);
}

#[tokio::test]
async fn data_items_are_listed_with_identifier_and_place() {
    let body =
        r#"{"items":[{"id":"vin","did":"F190","category":"identData"},{"id":"x","did":"?"}]}"#;
    let server = Server::json(&[ECU, ("GET /v1/components/ecu/data", 200, body)]);
    let client = server.client();
    let items = client.data_items(&ecu(&client).await).await.unwrap();
    assert_eq!((items[0].did, items[1].did), (Some(0xF190), None));
    assert_eq!(items[0].href.to_string(), "/v1/components/ecu/data/vin");
}

#[tokio::test]
async fn a_value_is_written_in_the_envelope_of_the_server() {
    let server = Server::http(|_| response(204, "", ""));
    let client = server.client();
    let place = client.link("/v1/d").unwrap();
    client.write(&place, json!("A"), Envelope::Data).await.unwrap();
    client.write(&place, json!("A"), Envelope::Value).await.unwrap();
    let bodies: Vec<String> = server.seen().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [r#"{"data":"A"}"#, r#"{"value":"A"}"#]);
    assert_eq!(server.lines(), ["PUT /v1/d", "PUT /v1/d"]);
}

/// Starts the one operation of a server that answers the start as given.
async fn start(status: u16, headers: &'static str, body: &'static str) -> Result<Started, Error> {
    let server = Server::http(move |request| match request.line.as_str() {
        "GET /v1/op" => response(200, "", r#"{"item":{"id":"op"},"schema":{}}"#),
        "POST /v1/op/executions" => response(status, headers, body),
        line => panic!("unexpected {line}"),
    });
    let client = server.client();
    let operation = client.operation(&client.link("/v1/op").unwrap()).await?;
    client.start(&operation, Some(json!({"a": 1}))).await
}

#[tokio::test]
async fn a_start_may_be_over_at_once() {
    let Ok(Started::Finished(done)) = start(200, "", r#"{"parameters":{"ok":true}}"#).await else {
        panic!("still running");
    };
    assert_eq!(done.state, ExecutionState::Completed);
    assert_eq!(done.result.unwrap().get(), r#"{"ok":true}"#);
    let Ok(Started::Finished(failed)) = start(200, "", r#"{"error":"no"}"#).await else {
        panic!("still running");
    };
    assert_eq!((failed.state, failed.errors[0].message.as_str()), (ExecutionState::Failed, "no"));
    assert!(matches!(start(204, "", "").await, Ok(Started::Finished(_))));
}

#[tokio::test]
async fn a_start_that_goes_on_says_where() {
    let odd = ExecutionState::Other("odd".to_owned());
    let cases = [
        (201, "location: http://other/v1/op/executions/7\r\n", "", ExecutionState::Running),
        (202, "location: /v1/op/executions/7\r\n", "{}", ExecutionState::Running),
        (200, "", r#"{"execution_id":"7","status":"running"}"#, ExecutionState::Running),
        (202, "", r#"{"href":"/v1/op/executions/7","status":"odd"}"#, odd),
    ];
    for (status, headers, body, state) in cases {
        let started = start(status, headers, body).await.unwrap();
        let Started::Running { location, execution } = started else { panic!("over: {body}") };
        assert_eq!(location.to_string(), "/v1/op/executions/7");
        assert_eq!(execution.state, state);
    }
    assert!(matches!(start(202, "", "{}").await, Err(Error::Malformed { .. })));
}

#[tokio::test]
async fn an_operation_may_link_its_executions_instead_of_itself() {
    let body =
        r#"{"items":[{"id":"a","href":"/v1/components/ecu/operations/a/executions"},{"id":"b"}]}"#;
    let server = Server::json(&[ECU, ("GET /v1/components/ecu/operations", 200, body)]);
    let client = server.client();
    let operations = client.operations(&ecu(&client).await).await.unwrap();
    let places =
        |operation: &Operation| (operation.href.to_string(), operation.executions.to_string());
    let expected = |id: &str| {
        let href = format!("/v1/components/ecu/operations/{id}");
        (href.clone(), href + "/executions")
    };
    assert_eq!(places(&operations[0]), expected("a"));
    assert_eq!(places(&operations[1]), expected("b"));
}

#[tokio::test]
async fn an_execution_reports_result_and_errors_in_any_form() {
    let listed = r#"{"status":"completed","parameters":{},"error":[{"path":"/a","error":
        {"error_code":"error-response","message":"m","parameters":{"nrc":["0x31"]}}}]}"#;
    let single =
        r#"{"status":"failed","error":{"path":"/","error":{"error_code":"x","message":"m"}}}"#;
    let server = Server::json(&[
        ("GET /v1/1", 200, listed),
        ("GET /v1/2", 200, single),
        ("GET /v1/3", 200, r#"{"capability":"execute"}"#),
    ]);
    let client = server.client();
    let execution = async |path: &str| client.execution(&client.link(path).unwrap()).await.unwrap();
    let first = execution("/v1/1").await;
    assert_eq!((first.state, first.errors[0].nrc), (ExecutionState::Completed, Some(0x31)));
    let second = execution("/v1/2").await;
    assert_eq!(second.errors[0].path.as_deref(), Some("/"));
    assert_eq!(execution("/v1/3").await.state, ExecutionState::Running);
}

#[tokio::test]
async fn stopping_hands_on_what_the_server_said() {
    let server = Server::json(&[("DELETE /v1/e/1", 200, r#"{"last": 1}"#)]);
    let client = server.client();
    let stopped = client.stop(&client.link("/v1/e/1").unwrap()).await.unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(stopped.raw.unwrap().get()).unwrap(),
        json!({"last": 1})
    );
}
