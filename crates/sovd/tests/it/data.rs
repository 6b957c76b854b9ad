//! Data, faults and configurations beyond plain reading and writing.
//! The JSON is worded here.

use fleetwire_sovd::{Entity, Envelope, Error, Fetched, HeaderValue, NextPage, Upload};
use serde_json::json;

use crate::server::{Server, bare_entity, response};

const ECU: &str = r#"{"id":"ecu","data":"/v1/ecu/data","data-lists":"/v1/ecu/data-lists",
    "faults":"/v1/ecu/faults","configurations":"/v1/ecu/configurations"}"#;

/// The entity of a server that answers one request besides.
async fn ecu(line: &str, status: u16, body: &str) -> (Server, fleetwire_sovd::Client, Entity) {
    let server = Server::json(&[("GET /v1/ecu", 200, ECU), (line, status, body)]);
    let client = server.client();
    let entity = bare_entity(&client, "/v1/ecu").await;
    (server, client, entity)
}

#[tokio::test]
async fn a_category_is_asked_for_as_the_standard_says_and_others_are_left_out() {
    let items = r#"{"items":[{"id":"a","category":"identData","groups":["g"],"tags":["t"]},
        {"id":"b","category":"currentData"},{"id":"c"},{"id":"d","category":"sysInfo"}]}"#;
    let line = "GET /v1/ecu/data?category=identData&category=sysInfo&groups=g&tags=t";
    let (_server, client, ecu) = ecu(line, 200, items).await;
    let call = client.data_items(&ecu).categories(&["identData", "sysInfo"]).group("g").tag("t");
    let items = call.await.unwrap();
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a", "c", "d"]);
    assert_eq!(
        (items[0].groups.as_slice(), items[0].tags.as_slice()),
        (&["g".to_owned()][..], &["t".to_owned()][..])
    );
}

#[tokio::test]
async fn categories_and_groups_stand_beside_the_data() {
    let body = r#"{"items":[{"item":"identData","category_translation_id":"T"},"x-oem"]}"#;
    let (_server, client, entity) = ecu("GET /v1/ecu/data-categories", 200, body).await;
    let categories = client.data_categories(&entity).await.unwrap();
    assert_eq!((categories[0].name.as_str(), categories[1].name.as_str()), ("identData", "x-oem"));
    assert_eq!(categories[0].translation_id.as_deref(), Some("T"));
    let error = client.data_groups(&entity).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    let body = r#"{"items":[{"id":"g","category":"currentData","group":"Power"}]}"#;
    let (_server, client, entity) = ecu("GET /v1/ecu/data-groups", 200, body).await;
    let group = client.data_groups(&entity).await.unwrap().remove(0);
    assert_eq!((group.id.as_str(), group.name.as_deref()), ("g", Some("Power")));
}

#[tokio::test]
async fn a_write_may_be_signed_and_says_what_was_wrong_with_it() {
    let body = r#"{"path":"/a/b","error":{"error_code":"invalid-signature","message":"no"}}"#;
    let (server, client, _ecu) = ecu("PUT /v1/ecu/data/x", 400, body).await;
    let place = client.link("/v1/ecu/data/x").unwrap();
    let write = client.write_signed(&place, json!(1), Envelope::Data, "sig");
    let Err(Error::Refused { error, .. }) = write.await else { panic!("not refused") };
    assert_eq!(
        (error.path.as_deref(), error.error_code.as_str()),
        (Some("/a/b"), "invalid-signature")
    );
    assert_eq!(server.seen()[1].body, r#"{"data":1,"signature":"sig"}"#);
}

#[tokio::test]
async fn data_is_read_in_part_and_in_lists() {
    let values = r#"{"items":[{"id":"a","data":1},{"id":"b","value":2},
        {"id":"c","errors":[{"path":"/","error":{"error_code":"not-responding","message":"m"}}]}]}"#;
    let lists = r#"{"items":[{"id":"7","items":[{"id":"a","name":"A"}]}]}"#;
    let server = Server::json(&[
        ("GET /v1/ecu", 200, ECU),
        ("POST /v1/ecu/data-lists", 201, r#"{"id":"7"}"#),
        ("GET /v1/ecu/data-lists", 200, lists),
        ("GET /v1/ecu/data-lists/7", 200, values),
        ("DELETE /v1/ecu/data-lists/7", 204, ""),
    ]);
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let list = client.create_data_list(&ecu, &["a", "b"]).await.unwrap();
    assert_eq!(server.seen()[1].body, r#"{"ids":["a","b"]}"#);
    let listed = client.data_lists(&ecu).await.unwrap();
    assert_eq!(listed[0].href, list.href);
    assert_eq!(listed[0].items[0].href.to_string(), "/v1/ecu/data/a");
    let values = client.read_data_list(&list.href).await.unwrap();
    let read: Vec<_> = values.iter().map(|it| (it.id.as_str(), it.reading.value.get())).collect();
    assert_eq!(read, [("a", "1"), ("b", "2"), ("c", "null")]);
    assert_eq!(values[2].reading.errors[0].error_code, "not-responding");
    client.delete_data_list(&list.href).await.unwrap();
}

#[tokio::test]
async fn a_list_with_a_value_that_is_missing_without_a_reason_is_malformed() {
    let (_server, client, _ecu) =
        ecu("GET /v1/ecu/data-lists/7", 200, r#"{"items":[{"id":"a"}]}"#).await;
    let place = client.link("/v1/ecu/data-lists/7").unwrap();
    let error = client.read_data_list(&place).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
}

#[tokio::test]
async fn faults_are_asked_for_by_status_severity_scope_and_tag() {
    let line = "GET /v1/ecu/faults?status%5BtestFailed%5D=true&status%5Bmask%5D=09\
                &severity=3&scope=Default&tags=t";
    let (_server, client, ecu) = ecu(line, 200, r#"{"items":[{"code":"1"}]}"#).await;
    let call = client.faults(&ecu).status("testFailed", "true").status("mask", "09");
    let faults = call.more_severe_than(3).scope("Default").tag("t").await.unwrap();
    assert_eq!((faults.len(), faults[0].status.is_null()), (1, true));
}

#[tokio::test]
async fn faults_of_one_scope_are_cleared() {
    let (_server, client, ecu) = ecu("DELETE /v1/ecu/faults?scope=Default", 204, "").await;
    client.clear_faults_in(&ecu, "Default").await.unwrap();
}

#[tokio::test]
async fn a_fault_comes_with_snapshots_and_extended_data_if_asked() {
    let body = r#"{"item":{"code":"1","status":{"TestFailed":"1","ConfirmedDTC":true,"mask":"80"}},
        "environment_data":{"snapshots":[{"speed":50}],"extended_data_records":{"count": 3}},
        "errors":[{"path":"/x","error":{"error_code":"not-responding","message":"m"}}]}"#;
    let line = "GET /v1/ecu/faults/1?include-snapshot=true&include-extended-data=true";
    let (_server, client, _ecu) = ecu(line, 200, body).await;
    let place = client.link("/v1/ecu/faults/1").unwrap();
    let detail = client.fault(&place).with_snapshots().with_extended_data().await.unwrap();
    assert_eq!(detail.snapshots.unwrap().get(), r#"[{"speed":50}]"#);
    assert_eq!(detail.extended_data.unwrap().get(), r#"{"count": 3}"#);
    assert_eq!(detail.errors[0].path.as_deref(), Some("/x"));
    assert_eq!(detail.fault.status["mask"], "80");
}

#[tokio::test]
async fn a_server_that_divides_its_lists_says_how_to_go_on() {
    let numbered = r#"{"items":[{"code":"1"}],"page":1,"next_page":2,"total":3}"#;
    let (server, client, entity) = ecu("GET /v1/ecu/faults", 200, numbered).await;
    let page = client.faults(&entity).page().await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, Some(3)));
    assert_eq!(page.next, Some(NextPage::Number(2)));
    client.faults(&entity).page().at(&page.next.unwrap()).await.unwrap_err();
    assert_eq!(server.lines()[2], "GET /v1/ecu/faults?page=2");
    let odata = r#"{"value":[{"id":"1","faultName":"x"}],"@odata.count":2,
        "@odata.nextLink":"http://10.0.0.1/v1/ecu/faults?$skip=1"}"#;
    let (server, client, entity) = ecu("GET /v1/ecu/faults", 200, odata).await;
    let page = client.faults(&entity).page().await.unwrap();
    assert_eq!((page.items[0].code.as_str(), page.total), ("1", Some(2)));
    client.faults(&entity).page().at(&page.next.unwrap()).await.unwrap_err();
    assert_eq!(server.lines()[2], "GET /v1/ecu/faults?$skip=1");
    let whole = r#"{"items":[],"total_count":0}"#;
    let (_server, client, entity) = ecu("GET /v1/ecu/faults", 200, whole).await;
    assert_eq!(client.faults(&entity).page().await.unwrap().next, None);
}

#[tokio::test]
async fn configurations_come_and_go_as_json_or_as_bytes() {
    let octets = HeaderValue::from_static("application/octet-stream");
    let server = Server::http(|request| match request.line.as_str() {
        "GET /v1/ecu" => response(200, "", ECU),
        "GET /v1/ecu/configurations" => response(
            200,
            "",
            r#"{"items":[
            {"id":"p","type":"parameter"},
            {"id":"b","type":"bulk","version":"2","content_type":"application/octet-stream"}]}"#,
        ),
        "GET /v1/ecu/configurations/p" => response(200, "", r#"{"id":"p","data":{"a": 1}}"#),
        "GET /v1/ecu/configurations/b" if request.head.contains("accept: application/octet") => {
            response(200, "content-type: application/octet-stream\r\n", "abc")
        }
        "GET /v1/ecu/configurations/b" => response(406, "", ""),
        _ => response(204, "", ""),
    });
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let [parameter, bulk] = &client.configurations(&ecu).await.unwrap()[..] else { panic!() };
    assert_eq!((parameter.is_bulk, bulk.is_bulk), (Some(false), Some(true)));
    let read = client.configuration(&parameter.href).await.unwrap();
    assert_eq!(read.value.get(), r#"{"a": 1}"#);
    assert_eq!(client.configuration(&bulk.href).await.unwrap_err().status(), Some(406));
    let content = client.configuration_content(&bulk.href, octets.clone()).await.unwrap();
    let Fetched::Content(content) = content else { panic!("not ready") };
    assert_eq!(content.whole(10).await.unwrap(), b"abc");
    client.write_configuration(&parameter.href, json!({"a": 2}), Some("sig")).await.unwrap();
    client.write_configuration_content(&bulk.href, Upload::bytes(octets, "xyz")).await.unwrap();
    let bodies: Vec<String> = server.seen().split_off(5).into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, [r#"{"data":{"a":2},"signature":"sig"}"#, "xyz"]);
}
