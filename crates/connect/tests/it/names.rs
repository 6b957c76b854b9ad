//! Names that more than one thing at a vehicle has.
//! None of them is chosen by chance.

use fleetwire_connect::End;
use model::command::Refusal;
use serde_json::{Value, json};

use crate::bench::{Outcome, connector, order, run};
use crate::odd::{Server, plain};

const SOC: &str = "/subcomponents/soc";

async fn ask(server: &Server, name: &str, params: Value) -> Outcome {
    run(&connector(1 << 20), order(&server.address(), name, params)).await
}

/// Two computers, each with a part of the same name.
fn computers() -> Server {
    Server::with(|line| {
        let path = line.strip_prefix("GET /v1").unwrap_or(line);
        let part = path.strip_prefix("/components/").and_then(|rest| rest.split_once('/'));
        match (path, part) {
            ("", _) => plain(200, r#"{"id":"","components":"/v1/components"}"#),
            ("/components", _) => plain(200, r#"{"items":[{"id":"hpc1"},{"id":"hpc2"}]}"#),
            ("/components/hpc1" | "/components/hpc2", _) => {
                plain(200, &format!(r#"{{"id":"h","subcomponents":"/v1{path}/subcomponents"}}"#))
            }
            (_, Some((_, "subcomponents"))) => plain(200, r#"{"items":[{"id":"soc"}]}"#),
            (_, Some((_, "subcomponents/soc"))) => {
                plain(200, &format!(r#"{{"id":"soc","faults":"/v1{path}/faults"}}"#))
            }
            (_, Some((_, "subcomponents/soc/faults"))) => plain(200, r#"{"items":[]}"#),
            _ => plain(404, ""),
        }
    })
}

#[tokio::test]
async fn a_part_whose_name_another_has_too_is_not_chosen() {
    let server = computers();
    let outcome = ask(&server, "faults.list", json!({"entity": "components/soc"})).await;
    let words = format!(
        "components/soc may be any of components/hpc1{SOC}, components/hpc2{SOC}: name one"
    );
    assert_eq!(outcome.refused(Refusal::UnknownComponent), words);
}

#[tokio::test]
async fn a_part_goes_by_its_whole_path() {
    let server = computers();
    let params = json!({"entity": format!("components/hpc2{SOC}")});
    assert_eq!(ask(&server, "faults.list", params).await.end, End::Answered);
    assert_eq!(server.count(&format!("GET /v1/components/hpc2{SOC}/faults")), 1);
}

/// Components of the same address, in these states.
fn neighbours(states: &'static [&'static str]) -> Server {
    Server::with(move |line| {
        let path = line.strip_prefix("GET /v1").unwrap_or(line);
        let number = path.strip_prefix("/components/").and_then(|it| it.parse::<usize>().ok());
        match (path, number) {
            ("", _) => plain(200, r#"{"id":"","components":"/v1/components"}"#),
            ("/components", _) => {
                let items = (0..states.len()).map(|it| format!(r#"{{"id":"{it}"}}"#));
                plain(200, &format!(r#"{{"items":[{}]}}"#, items.collect::<Vec<_>>().join(",")))
            }
            (_, Some(number)) => plain(
                200,
                &format!(
                    r#"{{"id":"{number}","faults":"/v1{path}/faults",
                        "variant":{{"logical_address":"0x10","state":"{}"}}}}"#,
                    states[number]
                ),
            ),
            _ if path.ends_with("/faults") => plain(200, r#"{"items":[]}"#),
            _ => plain(404, ""),
        }
    })
}

#[tokio::test]
async fn of_several_components_at_an_address_the_one_that_is_online_is_meant() {
    let server = neighbours(&["Duplicate", "Online", "Duplicate"]);
    let outcome = ask(&server, "ReadDTC", json!({"ecuAddress": "0x10"})).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(server.count("GET /v1/components/1/faults"), 1);
}

#[tokio::test]
async fn an_address_that_several_components_have_alike_is_refused() {
    for states in [["Online", "Online"], ["Duplicate", "Offline"]] {
        let server = neighbours(states.to_vec().leak());
        let outcome = ask(&server, "ReadDTC", json!({"ecuAddress": "0x10"})).await;
        let words = "0x10 may be any of 0 (0x10), 1 (0x10): name one";
        assert_eq!(outcome.refused(Refusal::UnknownComponent), words);
    }
}
