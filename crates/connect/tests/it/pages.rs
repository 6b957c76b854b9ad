//! Lists that a server divides into pages, as the standard does not.
//! They are read to their end, and lists without end are refused.

use fleetwire_connect::End;
use serde_json::{Value, json};

use crate::bench::{Outcome, connector, order, run};
use crate::odd::{Reply, Server, plain};

const FAULTS: &str = "GET /v1/components/ecu/faults";
const FIRST: (&str, u16, &str) = (FAULTS, 200, r#"{"items":[{"code":"042011"}],"next_page":2}"#);
const SECOND: (&str, u16, &str) =
    ("GET /v1/components/ecu/faults?page=2", 200, r#"{"items":[{"code":"C00100"}]}"#);

async fn ask(server: &Server, name: &str, params: Value) -> Outcome {
    run(&connector(1 << 20), order(&server.address(), name, params)).await
}

#[tokio::test]
async fn trouble_codes_of_all_pages_are_counted() {
    let server = Server::start(&[FIRST, SECOND]);
    let outcome = ask(&server, "ReadDTC", json!({"ecuAddress": "ecu"})).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads().last().unwrap()["totalDtcs"], 2);
}

#[tokio::test]
async fn a_code_on_a_later_page_is_cleared() {
    let clear = "DELETE /v1/components/ecu/faults/C00100";
    let server = Server::start(&[FIRST, SECOND, (clear, 204, "")]);
    let params = json!({"ecuAddress": "ecu", "dtcCode": "U0001"});
    ask(&server, "ClearDTC", params).await.only();
    let params = json!({"entity": "components/ecu", "code": "C00100"});
    assert_eq!(ask(&server, "faults.clear", params).await.end, End::Answered);
    assert_eq!(server.count(clear), 2);
}

#[tokio::test]
async fn an_item_on_a_later_page_is_read() {
    let server = Server::start(&[
        (
            "GET /v1/components/ecu/data",
            200,
            r#"{"value":[{"id":"a"}],"@odata.nextLink":"/v1/components/ecu/data?$skip=1"}"#,
        ),
        ("GET /v1/components/ecu/data?$skip=1", 200, r#"{"value":[{"id":"b"}]}"#),
        ("GET /v1/components/ecu/data/b", 200, r#"{"id":"b","data":7}"#),
    ]);
    let params = json!({"entity": "components/ecu", "ids": ["b"]});
    assert_eq!(ask(&server, "data.read", params).await.only()["data"], 7);
}

#[tokio::test]
async fn a_watch_sees_the_faults_of_all_pages() {
    let server = Server::start(&[FIRST, SECOND]);
    let params = json!({"entity": "components/ecu", "duration": 1});
    let outcome = ask(&server, "faults.watch", params).await;
    assert_eq!(outcome.payloads()[2]["id"], "C00100");
}

#[tokio::test]
async fn a_list_that_never_ends_is_too_large() {
    let server = Server::beside(|request| {
        let is_list = request.line.starts_with(FAULTS);
        let page = plain(200, r#"{"items":[{"code":"1"}],"next_page":2}"#);
        is_list.then_some(Reply::Answer(page))
    });
    let outcome = ask(&server, "ReadDTC", json!({"ecuAddress": "ecu"})).await;
    assert_eq!(outcome.end, End::TooLarge);
}

/// A server whose every list of an entity comes in two pages of one entry each.
fn in_pages() -> Server {
    Server::beside(|request| {
        let rest = request.line.strip_prefix("GET /v1/components/")?;
        let (_, list) = rest.split_once('/')?;
        let (list, page) = list.split_once('?').unwrap_or((list, ""));
        let name = if list == "faults" { "code" } else { "id" };
        let body = match (list.contains('/'), page) {
            (true, _) => return None,
            (false, query) if query.ends_with("page=2") => json!({"items": [{name: "b"}]}),
            (false, _) => json!({"items": [{name: "a"}], "next_page": 2}),
        };
        Some(Reply::Answer(plain(200, &body.to_string())))
    })
}

#[tokio::test]
async fn lists_are_handed_on_with_all_their_pages() {
    let server = in_pages();
    for name in [
        "data.list",
        "faults.list",
        "operations.list",
        "modes.list",
        "lock.list",
        "script.list",
        "configuration.list",
        "update.list",
        "trigger.list",
        "bulk.list",
    ] {
        let outcome = ask(&server, name, json!({"entity": "components/rich"})).await;
        let items = outcome.only()["items"].as_array().unwrap().len();
        assert_eq!(items, 2, "{name}");
    }
}

#[tokio::test]
async fn scans_and_reports_have_the_faults_of_all_pages() {
    let server = in_pages();
    let entities = json!({"entities": ["components/rich"]});
    let outcome = ask(&server, "faults.scan", entities.clone()).await;
    assert_eq!(outcome.only()["items"].as_array().unwrap().len(), 2);
    let outcome = ask(&server, "vehicle.health", entities).await;
    assert_eq!(outcome.only()["faults"]["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_stands_on_a_later_page_is_found() {
    for name in ["mode.get", "lock.release", "script.run", "configuration.read", "update.inspect"] {
        let server = in_pages();
        let params = json!({"entity": "components/rich", "id": "b"});
        let outcome = ask(&server, name, params).await;
        // It is found, and then this server has nothing to say about it.
        let words = format!("{:?}", outcome.end);
        assert!(!words.contains("this entity has"), "{name}: {words}");
        assert!(
            server.seen().iter().any(|it| it.line.ends_with("/b") || it.line.contains("/b/")),
            "{name}"
        );
    }
}
