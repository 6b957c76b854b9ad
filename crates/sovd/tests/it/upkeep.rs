//! Updates, logs, recordings, clearing, status, relations and descriptions.
//! The JSON is worded here.

use fleetwire_sovd::{
    ClearState, Entity, Error, LogContext, LogLevel, LogSeverity, Origin, Relation, StatusChange,
    UpdateState, UpdateStep,
};
use serde_json::json;

use crate::server::{Server, bare_entity, response};

const ECU: &str = r#"{"id":"ecu","updates":"/v1/updates","logs":"/v1/ecu/logs",
    "communication-logs":"/v1/ecu/communication-logs","clear-data":"/v1/ecu/clear-data",
    "status":"/v1/ecu/status","hosts":"/v1/ecu/hosts","related-components":"/v1/ecu/related"}"#;

fn server(routes: &[(&str, u16, &str)]) -> Server {
    let routes: Vec<_> = [("GET /v1/ecu", 200, ECU)].iter().chain(routes).copied().collect();
    Server::json(&routes)
}

async fn ecu(server: &Server) -> Entity {
    bare_entity(&server.client(), "/v1/ecu").await
}

#[tokio::test]
async fn an_update_is_found_and_described() {
    let detail = r#"{"update_name":"U","size":12,"automated":true,"origin":["remote"],
        "duration":60,"affected_components":["/v1/components/ecu"],"preconditions":{"a":1}}"#;
    let server = server(&[
        ("GET /v1/updates?target-version=2&origin=proximity", 200, r#"{"items":["u 1"]}"#),
        ("GET /v1/updates/u%201", 200, detail),
    ]);
    let client = server.client();
    let ecu = ecu(&server).await;
    let found = client.updates_to(&ecu, Some("2"), Some(Origin::Proximity)).await.unwrap();
    assert_eq!(found[0].id, "u 1");
    let update = client.update(&found[0].href).await.unwrap();
    assert_eq!(
        (update.size_kb, update.duration_s, update.automated),
        (Some(12), Some(60), Some(true))
    );
    assert_eq!((update.origins, update.affected_components.len()), (vec!["remote".to_owned()], 1));
    assert_eq!(update.preconditions, Some(json!({"a": 1})));
}

#[tokio::test]
async fn an_update_is_registered_prepared_executed_and_watched() {
    let status = r#"{"phase":"execute","status":"inProgress","progress":12.7,"step":"flash",
        "subprogress":[{"entity":"e","status":"failed","progress":200,
        "error":{"error_code":"x","message":"m"}}]}"#;
    let server = Server::http(move |request| match request.line.as_str() {
        "GET /v1/ecu" => response(200, "", ECU),
        "POST /v1/updates" => response(201, "location: /v1/updates/u\r\n", ""),
        "PUT /v1/updates/u/prepare" => response(202, "location: /v1/updates/u/status\r\n", ""),
        "PUT /v1/updates/u/execute" => response(
            409,
            "",
            r#"{"error_code":
            "update-process-in-progress","message":"m"}"#,
        ),
        "PUT /v1/updates/u/automated" => response(202, "", ""),
        "GET /v1/updates/u/status" => response(200, "", status),
        _ => response(204, "", ""),
    });
    let client = server.client();
    let update = client.register_update(&ecu(&server).await, json!({"a": 1})).await.unwrap();
    assert_eq!((update.id.as_str(), server.body(1)), ("u", json!({"a": 1})));
    let begun = client.begin_update(&update.href, UpdateStep::Prepare).await.unwrap();
    let busy = client.begin_update(&update.href, UpdateStep::Execute).await.unwrap_err();
    assert_eq!((busy.status(), busy.lock_trouble()), (Some(409), None));
    client.begin_update(&update.href, UpdateStep::Automated).await.unwrap();
    let status = client.update_status_at(&begun.location.unwrap()).await.unwrap();
    assert_eq!((status.state, status.progress), (UpdateState::InProgress, Some(12)));
    assert_eq!((status.phase.as_deref(), status.step.as_deref()), (Some("execute"), Some("flash")));
    let part = &status.entities[0];
    assert_eq!((&part.state, part.progress), (&UpdateState::Failed, None));
    assert_eq!(part.errors[0].message, "m");
    client.update_status(&update.href).await.unwrap();
    client.delete_update(&update.href).await.unwrap();
}

#[tokio::test]
async fn logs_are_read_by_severity() {
    let entries = r#"{"items":[
        {"timestamp":"T","severity":"warn","msg":"m","href":"/v1/more","context":
            {"type":"RFC5424","host":"h","process":"p","pid":7}},
        {"severity":"?","msg":"n","context":{"type":"AUTOSAR_DLT","application_id":"A"}},
        {"message":"o","context":"odd"}]}"#;
    let server = server(&[
        ("GET /v1/ecu/logs", 200, r#"{"entries":"/v1/l/entries","config":"logs/config"}"#),
        ("GET /v1/l/entries?severity=warn", 200, entries),
    ]);
    let client = server.client();
    let logs = client.logs(&ecu(&server).await).await.unwrap();
    assert_eq!(logs.config.to_string(), "/v1/ecu/logs/config");
    let entries = client.log_entries(&logs.entries).severity(LogSeverity::Warn).await.unwrap();
    let process = LogContext::Process {
        host: Some("h".to_owned()),
        process: Some("p".to_owned()),
        pid: Some(7),
    };
    assert_eq!((&entries[0].context, entries[0].severity), (&process, Some(LogSeverity::Warn)));
    assert!(entries[0].href.is_some() && entries[1].severity.is_none());
    assert!(
        matches!(&entries[1].context, LogContext::Autosar { application: Some(a), .. } if a == "A")
    );
    assert_eq!(
        (&entries[2].context, entries[2].message.as_str()),
        (&LogContext::Other(json!("odd")), "o")
    );
}

#[tokio::test]
async fn what_is_logged_is_read_under_one_name_and_written_under_another() {
    let config =
        r#"{"contexts":[{"context":{"type":"AUTOSAR_DLT","context_id":"C"},"severity":"debug"}]}"#;
    let server = server(&[
        ("GET /v1/ecu/logs/config", 200, config),
        ("PUT /v1/ecu/logs/config", 204, ""),
        ("DELETE /v1/ecu/logs/config", 204, ""),
    ]);
    let client = server.client();
    let place = ecu(&server).await.place_of("logs", "config");
    let mut levels: Vec<LogLevel> = client.log_config(&place).await.unwrap().levels;
    levels[0].severity = Some(LogSeverity::Fatal);
    client.set_log_config(&place, &levels).await.unwrap();
    let expected = json!({"items":
        [{"context":{"type":"AUTOSAR_DLT","context_id":"C"},"severity":"fatal"}]});
    assert_eq!(server.body(2), expected);
    client.reset_log_config(&place).await.unwrap();
}

#[tokio::test]
async fn a_recording_is_made_paused_and_deleted() {
    let logs = "/v1/ecu/communication-logs";
    let made = r#"{"id":"1","status":"active","log":"/v1/ecu/bulk-data/logs/1"}"#;
    let list = format!(r#"{{"items":[{made}]}}"#);
    let server = server(&[
        (&format!("POST {logs}?stream=true"), 201, made),
        (&format!("GET {logs}"), 200, &list),
        (&format!("GET {logs}/1"), 200, r#"{"id":"1","status":"inactive"}"#),
        (&format!("PUT {logs}/1"), 204, ""),
        (&format!("DELETE {logs}/1?delete_log=true"), 204, ""),
    ]);
    let client = server.client();
    let ecu = ecu(&server).await;
    let made =
        client.create_communication_log(&ecu, json!({"bus": "can0"})).query("stream", "true");
    let made = made.await.unwrap();
    assert_eq!(made.log.unwrap().to_string(), "/v1/ecu/bulk-data/logs/1");
    assert_eq!(client.communication_logs(&ecu).await.unwrap()[0].href, made.href);
    client.record(&made.href, false).await.unwrap();
    assert_eq!(server.body(3), json!({"action": "deactivate"}));
    assert_eq!(client.communication_log(&made.href).await.unwrap().active, Some(false));
    client.delete_communication_log(&made.href, true).await.unwrap();
}

#[tokio::test]
async fn data_is_cleared_where_the_server_says_it_can_be() {
    let linked =
        r#"{"cached-data":"/v1/c/cached","learned_data":"/v1/c/learned","status":"/v1/c/s"}"#;
    let listed = r#"{"items":["cached-data"]}"#;
    for (body, kinds, status) in [
        (linked, vec!["/v1/c/cached", "/v1/c/learned"], "/v1/c/s"),
        (listed, vec!["/v1/ecu/clear-data/cached-data"], "/v1/ecu/clear-data/status"),
    ] {
        let server = server(&[("GET /v1/ecu/clear-data", 200, body)]);
        let clearable = server.client().clearable(&ecu(&server).await).await.unwrap();
        let places: Vec<String> = clearable.kinds.values().map(ToString::to_string).collect();
        assert_eq!(
            (places, clearable.status.to_string()),
            (kinds.iter().map(ToString::to_string).collect(), status.to_owned())
        );
        assert!(clearable.kinds.contains_key("cached-data"));
    }
}

#[tokio::test]
async fn a_clearing_is_begun_and_watched() {
    let status = r#"{"status":"failed","type":"cached-data","progress":40,
        "error":[{"path":"/","error":{"error_code":"x","message":"m"}}]}"#;
    let server = server(&[
        ("PUT /v1/c", 202, ""),
        ("GET /v1/s", 200, status),
        ("GET /v1/none", 200, r#"{"status":"notRequested"}"#),
    ]);
    let client = server.client();
    let at = |path: &str| client.link(path).unwrap();
    assert!(client.clear(&at("/v1/c")).await.unwrap().location.is_none());
    let status = client.clear_status(&at("/v1/s")).await.unwrap();
    assert_eq!(
        (status.state, status.progress, status.errors.len()),
        (ClearState::Failed, Some(40), 1)
    );
    let none = client.clear_status(&at("/v1/none")).await.unwrap();
    assert_eq!(none.state, ClearState::NotRequested);
}

#[tokio::test]
async fn an_entity_is_restarted_only_if_it_offers_that() {
    let status = r#"{"status":"notReady","start":"/v1/s/start","restart":["/v1/s/restart"]}"#;
    let server = server(&[
        ("GET /v1/ecu/status", 200, status),
        ("PUT /v1/s/start", 202, ""),
        ("PUT /v1/s/restart", 202, ""),
    ]);
    let client = server.client();
    let status = client.entity_status(&ecu(&server).await).await.unwrap();
    assert_eq!(status.ready, Some(false));
    let offered: Vec<StatusChange> = status.changes.keys().copied().collect();
    assert_eq!(offered, [StatusChange::Start, StatusChange::Restart]);
    client.change_status(&status.changes[&StatusChange::Start], None).await.unwrap();
    let restart = &status.changes[&StatusChange::Restart];
    client.change_status(restart, Some(json!({"reset_type": "soft"}))).await.unwrap();
    assert_eq!(server.seen()[2].body, "");
    assert_eq!(server.body(3), json!({"reset_type": "soft"}));
}

#[tokio::test]
async fn relations_are_followed_under_old_names_too() {
    let server = server(&[
        ("GET /v1/ecu/hosts", 200, r#"{"items":[{"id":"a","href":"/v1/apps/a"}]}"#),
        ("GET /v1/ecu/related", 200, r#"{"items":[{"id":"c","@odata.id":"/v1/components/c"}]}"#),
    ]);
    let client = server.client();
    let ecu = ecu(&server).await;
    let place =
        async |relation| client.related(&ecu, relation).await.map(|it| it[0].href.to_string());
    assert_eq!(place(Relation::Hosts).await.unwrap(), "/v1/apps/a");
    assert_eq!(place(Relation::Contains).await.unwrap(), "/v1/components/c");
    let none = place(Relation::DependsOn).await.unwrap_err();
    assert!(matches!(none, Error::Unsupported { .. }), "{none:?}");
}

#[tokio::test]
async fn a_relation_may_lead_to_the_one_entity_that_is_meant() {
    let host = r#"{"id":"c","name":"Computer","data":"/v1/components/c/data"}"#;
    let server = server(&[("GET /v1/ecu/hosts", 200, host)]);
    let hosts = server.client().related(&ecu(&server).await, Relation::Hosts).await.unwrap();
    assert_eq!((hosts.len(), hosts[0].id.as_str()), (1, "c"));
}

#[tokio::test]
async fn what_can_be_done_is_described_as_the_server_wrote_it() {
    let server = server(&[("GET /v1/ecu/docs", 200, r#"{"openapi": "3.1.0"}"#)]);
    let client = server.client();
    let description = client.description(&ecu(&server).await.href).await.unwrap();
    assert_eq!(description.get(), r#"{"openapi": "3.1.0"}"#);
    let error = client.description(client.base()).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
}
