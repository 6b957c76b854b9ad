//! Settings through the real binary: where each comes from, and what is refused.

use crate::outcome::Outcome;
use std::fs;
use testkit::Binary;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Runs the binary where that is the `config.toml`.
async fn run(file: &str, variables: &[(&str, &str)], args: &[&str]) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), file).unwrap();
    let mut command = Binary::fleetwire().command();
    command.current_dir(dir.path()).args(args).envs(variables.iter().copied());
    Outcome::of(command).await
}

async fn printed(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> String {
    let outcome = run(file, variables, &[&["config", "print"], flags].concat()).await;
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout
}

#[tokio::test]
async fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = "listen = [\"127.0.0.1:1\"]\ndata_dir = \"/file\"\n\n[ws]\nidle_close = \"1s\"";
    let variables = [("FLEETWIRE_LISTEN", "127.0.0.1:2"), ("FLEETWIRE_DATA_DIR", "/variable")];
    let text = printed(file, &variables, &["--listen", "127.0.0.1:3"]).await;
    for line in [
        "listen = [\"127.0.0.1:3\"]  # from flag",
        "data_dir = \"/variable\"  # from FLEETWIRE_DATA_DIR",
        "ws.idle_close = \"1s\"  # from file config.toml, line 5",
        "ws.stuck_after = \"30s\"  # from default",
    ] {
        assert!(text.lines().any(|printed| printed == line), "no {line:?} in:\n{text}");
    }
}

#[tokio::test]
async fn every_setting_can_be_given_by_set() {
    let text = printed("", &[], &["--set", "ws.idle_close=7s", "--set", "insecure=true"]).await;
    assert!(text.contains("ws.idle_close = \"7s\"  # from flag\n"), "{text}");
    assert!(text.contains("insecure = true  # from flag\n"), "{text}");
}

#[tokio::test]
async fn another_file_can_be_named() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other.toml");
    fs::write(&other, "insecure = true").unwrap();
    let other = other.to_str().unwrap();
    let wanted = format!("insecure = true  # from file {other}, line 1\n");
    assert!(printed("insecure = false", &[], &["--config", other]).await.contains(&wanted));
    let variables = [("FLEETWIRE_CONFIG", other)];
    assert!(printed("insecure = false", &variables, &[]).await.contains(&wanted));
}

#[tokio::test]
async fn plain_names_of_secrets_are_read_where_ours_are_unset_and_never_shown() {
    let variables = [
        ("DATABASE_URL", "postgres://anna:hidden@db/fleet"),
        ("REDIS_URL", "redis://anna:hidden@bus"),
        ("JWT_SECRET", SECRET),
        ("FLEETWIRE_REDIS_URL", "redis://bert:hidden@bus"),
    ];
    let text = printed("", &variables, &[]).await;
    assert!(text.contains("database_url = ***  # from DATABASE_URL\n"), "{text}");
    assert!(text.contains("jwt_secret = ***  # from JWT_SECRET\n"), "{text}");
    assert!(text.contains("redis_url = ***  # from FLEETWIRE_REDIS_URL\n"), "{text}");
    assert!(!text.contains("hidden") && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn what_is_no_setting_is_named_with_its_place_and_the_nearest() {
    let file = "[ws]\nidle_closed = \"1s\"";
    let wanted = "there is no setting `ws.idle_closed` (from file config.toml, line 2); \
                  the nearest is `ws.idle_close`";
    for args in [&["config", "print"][..], &["serve"]] {
        assert_eq!(run(file, &[], args).await.sentence(), wanted);
    }
    let outcome = run("", &[], &["serve", "--set", "ws.idle=1s"]).await;
    assert!(outcome.sentence().starts_with("there is no setting `ws.idle` (from flag)"));
}

#[tokio::test]
async fn a_value_that_is_wrong_is_named_with_what_would_be_right() {
    let variables = [("FLEETWIRE_WS_MAX_SOCKETS", "many")];
    let outcome = run("", &variables, &["serve"]).await;
    assert_eq!(
        outcome.sentence(),
        "ws.max_sockets = \"many\" (from FLEETWIRE_WS_MAX_SOCKETS) is not right: \
         it must be a whole number from 1 to 1000000"
    );
    let outcome = run("listen = [", &[], &["serve"]).await;
    assert!(outcome.sentence().starts_with("file config.toml, line 1: "), "{outcome:#?}");
}

#[tokio::test]
async fn a_variable_that_is_no_setting_of_ours_is_worth_a_warning() {
    let outcome = run("", &[("FLEETWIRE_WS_IDLE", "1s")], &["config", "print"]).await;
    assert_eq!(outcome.code, Some(0));
    assert_eq!(outcome.warnings(), ["the variable FLEETWIRE_WS_IDLE is no setting of ours"]);
}

#[tokio::test]
async fn plain_http_for_other_machines_needs_a_word() {
    let outcome = run("", &[], &["serve", "--listen", "0.0.0.0:0"]).await;
    assert!(outcome.sentence().starts_with("listen = 0.0.0.0:0: other machines could read"));
}
