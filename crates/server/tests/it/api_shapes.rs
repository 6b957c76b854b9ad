//! The shapes that existing clients rely on, field by field.

use serde_json::{Map, Value, json};
use testkit::{Client, Platform, eventually};

/// The same JSON with what differs from run to run replaced by what it is.
fn steady(json: &Value) -> Value {
    match json {
        Value::String(text) if text.parse::<uuid::Uuid>().is_ok() => "[id]".into(),
        Value::String(text) if text.parse::<model::Timestamp>().is_ok() => "[time]".into(),
        Value::String(text) if text.len() > 40 && !text.contains(' ') => "[secret]".into(),
        Value::Array(items) => items.iter().map(steady).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), steady(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => json.clone(),
    }
}

#[tokio::test]
async fn logins_keep_their_shapes() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    insta::assert_json_snapshot!(steady(&engineer.tokens), @r#"
    {
      "access_token": "[secret]",
      "expires_in": 900,
      "refresh_token": "[secret]",
      "token_type": "bearer"
    }
    "#);
    let renewal = json!({ "refresh_token": engineer.tokens["refresh_token"] });
    let renewed = p.nobody().post("/api/v1/auth/refresh", renewal).await;
    insta::assert_json_snapshot!(steady(&renewed.json), @r#"
    {
      "access_token": "[secret]",
      "expires_in": 900,
      "refresh_token": "[secret]",
      "token_type": "bearer"
    }
    "#);
    insta::assert_json_snapshot!(steady(&engineer.get("/api/v1/auth/me").await.json), @r#"
    {
      "email": null,
      "role": "engineer",
      "user_id": "[id]",
      "username": "engineer"
    }
    "#);
    let left = engineer.post("/api/v1/auth/logout", json!({})).await;
    insta::assert_json_snapshot!(left.json, @r#"
    {
      "message": "logged out"
    }
    "#);
}

#[tokio::test]
async fn vehicles_keep_their_shapes() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let vehicles = engineer.get("/api/v1/vehicles?limit=1").await.json;
    insta::assert_json_snapshot!(steady(&vehicles), @r#"
    [
      {
        "connection_status": "connected",
        "connector": "sovd",
        "fleet_id": "[id]",
        "last_seen_at": "[time]",
        "make": "Aurora",
        "metadata": {},
        "model": "Compass 1.6",
        "vehicle_id": "[id]",
        "vin": "SFW1A2C48P1000001",
        "year": 2023
      }
    ]
    "#);
    let path = format!("/api/v1/vehicles/{}", p.vehicle().vehicle_id);
    let same = engineer.get(&path).await.json;
    assert_eq!(steady(&same), steady(&vehicles[0]));
    let status = engineer.get(&format!("{path}/status")).await.json;
    insta::assert_json_snapshot!(steady(&status), @r#"
    {
      "connection_status": "connected",
      "health": "ok",
      "last_seen_at": "[time]"
    }
    "#);
}

/// What the submission of a command is answered.
async fn submitted(p: &Platform, engineer: &Client) -> Value {
    let submission = json!({
        "vehicle_id": p.vehicle().vehicle_id,
        "command_name": "ReadDataByID",
        "command_params": { "ecuAddress": "0x10", "dataId": "0xF190" },
    });
    engineer.post("/api/v1/commands", submission).await.json
}

/// The same command when it has ended.
async fn ended(p: &Platform, engineer: &Client) -> Value {
    let submitted = submitted(p, engineer).await;
    let id = submitted["command_id"].as_str().unwrap();
    eventually("the end", async || engineer.command(id).await["completed_at"].is_string()).await;
    engineer.command(id).await
}

#[tokio::test]
async fn a_submitted_command_keeps_its_shape() {
    let p = Platform::start().await;
    let submitted = submitted(&p, &p.engineer().await).await;
    insta::assert_json_snapshot!(steady(&submitted), @r#"
    {
      "approval_hash": null,
      "approve_by": null,
      "attempt": 0,
      "command_id": "[id]",
      "command_name": "ReadDataByID",
      "command_params": {
        "dataId": "0xF190",
        "ecuAddress": "0x10"
      },
      "completed_at": null,
      "decided_at": null,
      "decided_by": null,
      "deliver_by": "[time]",
      "error_code": null,
      "error_message": null,
      "last_offset": 1,
      "outcome": null,
      "priority": 0,
      "reason": null,
      "run_timeout_ms": 30000,
      "state": "queued",
      "status": "pending",
      "submitted_at": "[time]",
      "user_id": "[id]",
      "vehicle_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn an_ended_command_keeps_its_shape() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let ended = ended(&p, &engineer).await;
    insta::assert_json_snapshot!(steady(&ended), @r#"
    {
      "approval_hash": null,
      "approve_by": null,
      "attempt": 1,
      "command_id": "[id]",
      "command_name": "ReadDataByID",
      "command_params": {
        "dataId": "0xF190",
        "ecuAddress": "0x10"
      },
      "completed_at": "[time]",
      "decided_at": null,
      "decided_by": null,
      "deliver_by": "[time]",
      "error_code": null,
      "error_message": null,
      "last_offset": 6,
      "outcome": "completed",
      "priority": 0,
      "reason": null,
      "run_timeout_ms": 30000,
      "state": "completed",
      "status": "completed",
      "submitted_at": "[time]",
      "user_id": "[id]",
      "vehicle_id": "[id]"
    }
    "#);
    let page = engineer.get("/api/v1/commands").await.json;
    assert_eq!(page["commands"], json!([ended]));
    insta::assert_json_snapshot!(json!([page["limit"], page["offset"], page["next_cursor"]]), @r#"
    [
      20,
      0,
      null
    ]
    "#);
}

#[tokio::test]
async fn responses_keep_their_shapes() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let ended = ended(&p, &engineer).await;
    let id = ended["command_id"].as_str().unwrap();
    let responses = engineer.get(&format!("/api/v1/commands/{id}/responses")).await.json;
    insta::assert_json_snapshot!(steady(&responses), @r#"
    [
      {
        "command_id": "[id]",
        "is_final": false,
        "received_at": "[time]",
        "response_id": "[id]",
        "response_payload": {
          "dataId": "0xF190",
          "ecuAddress": "0x10",
          "status": "reading",
          "timestamp": "[time]"
        },
        "sequence_number": 1
      },
      {
        "command_id": "[id]",
        "is_final": true,
        "received_at": "[time]",
        "response_id": "[id]",
        "response_payload": {
          "data": {
            "dataId": "0xF190",
            "description": "Vehicle identification number",
            "unit": null,
            "value": "SFW1A2C48P1000001"
          },
          "ecuAddress": "0x10",
          "timestamp": "[time]"
        },
        "sequence_number": 2
      }
    ]
    "#);
}

#[tokio::test]
async fn health_keeps_its_shapes() {
    let p = Platform::start().await;
    insta::assert_json_snapshot!(p.nobody().get("/health").await.json, @r#"
    {
      "service": "fleetwire",
      "status": "healthy",
      "version": "0.1.0"
    }
    "#);
    insta::assert_json_snapshot!(p.nobody().get("/health/live").await.json, @r#"
    {
      "status": "alive"
    }
    "#);
    insta::assert_json_snapshot!(p.nobody().get("/health/ready").await.json, @r#"
    {
      "checks": {
        "bus": "ok",
        "store": "ok"
      },
      "status": "ready"
    }
    "#);
}

#[tokio::test]
async fn the_catalogue_says_what_a_form_needs() {
    let p = Platform::start().await;
    let catalog = p.engineer().await.get("/api/v1/catalog").await.json;
    let entries = catalog.as_array().unwrap();
    let clear = entries.iter().find(|entry| entry["name"] == "ClearDTC");
    insta::assert_json_snapshot!(clear, @r#"
    {
      "alias_of": "faults.clear",
      "description": "Clears trouble codes of an ECU.",
      "lock": "needed",
      "modes": [],
      "name": "ClearDTC",
      "needs_approval": false,
      "needs_reason": false,
      "needs_state": [],
      "risk": "R2",
      "role": "engineer",
      "run_timeout_max_ms": null,
      "run_timeout_ms": null,
      "schema": {
        "additionalProperties": false,
        "examples": [
          {
            "dtcCode": "P0420",
            "ecuAddress": "0x10"
          }
        ],
        "properties": {
          "dtcCode": {
            "description": "A trouble code, P0420 or 0x042000.",
            "pattern": "^([PCBUpcbu][0-3][0-9A-Fa-f]{3}(-[0-9A-Fa-f]{2})?|(0x)?[0-9A-Fa-f]{6})$",
            "type": "string"
          },
          "ecuAddress": {
            "description": "An ECU address, 0x10 or 0x1234, or a component id of the vehicle.",
            "pattern": "^(0x[0-9A-Fa-f]{2,4}|[A-Za-z_][A-Za-z0-9_.-]{0,127})$",
            "type": "string"
          }
        },
        "required": [
          "ecuAddress"
        ],
        "type": "object"
      },
      "senior_params": [],
      "streaming": "one"
    }
    "#);
}

#[tokio::test]
async fn a_problem_keeps_its_shape() {
    let p = Platform::start().await;
    let mut problem = p.engineer().await.get("/api/v1/vehicles?limit=0").await.json;
    problem["trace_id"] = "[trace]".into();
    insta::assert_json_snapshot!(problem, @r#"
    {
      "errors": [
        {
          "detail": "must be between 1 and 100",
          "pointer": "limit"
        }
      ],
      "status": 422,
      "title": "Invalid parameters",
      "trace_id": "[trace]",
      "type": "/problems/invalid-parameters"
    }
    "#);
}

#[tokio::test]
async fn a_ticket_opens_one_socket_once() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let id =
        engineer.submit(p.vehicle().vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    let issued = engineer.post("/api/v1/ws-tickets", json!({ "command_id": id })).await;
    assert_eq!(issued.status.as_u16(), 201);
    insta::assert_json_snapshot!(steady(&issued.json), @r#"
    {
      "expires_in": 30,
      "ticket": "[secret]"
    }
    "#);
    let path = format!("/ws/responses/{id}?ticket={}", issued.json["ticket"].as_str().unwrap());
    assert!(!engineer.connect(&path).await.until_end().await.is_empty());
}
