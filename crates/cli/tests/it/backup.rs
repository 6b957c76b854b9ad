//! `fleetwire backup` under load, and the life after the restore.

use std::fs;
use std::process::{Command, Output};
use testkit::{Backend, Binary, Load, Postgres, Site};

fn backup(args: &[&str]) -> Output {
    let mut command: Command = Binary::fleetwire().command();
    command.arg("backup").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_the_store_of_that_moment() {
    let (dir, restored) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut site = Site::in_dir(Backend::Sqlite, 4, dir.path()).await;
    site.start().await;
    let engineer = site.engineer().await;
    let load = Load::begin(&site).await;
    load.accepts(40).await;
    let before = engineer.get("/api/v1/commands?limit=1").await.json["commands"][0].clone();
    let file = restored.path().join("fleetwire.db");
    let (data_dir, file_name) = (dir.path().display().to_string(), file.display().to_string());
    let done = backup(&[&file_name, "--data-dir", &data_dir]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).starts_with(&format!("{file_name}: ")), "{}", text(&done.stdout));
    assert!(text(&done.stderr).contains("master.key elsewhere"), "{}", text(&done.stderr));
    load.accepts(10).await;
    load.end().await.check(&site).await;

    site.kill9();
    fs::copy(dir.path().join("master.key"), restored.path().join("master.key")).unwrap();
    site.set_variable("FLEETWIRE_DATA_DIR", &restored.path().display().to_string());
    site.start().await;
    // The token of the other life is believed, and what was accepted before the backup is there.
    let id = before["command_id"].as_str().unwrap();
    let command = engineer.command(id).await;
    assert_eq!(command["submitted_at"], before["submitted_at"]);
    let events = engineer.watch(id).await.until_end().await;
    assert!(events.last().unwrap()["completed_at"].is_string());
    site.assert_no_errors();
}

#[test]
fn what_cannot_be_backed_up_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().display().to_string(), dir.path().join("copy.db"));
    let file_name = file.display().to_string();
    let nothing = backup(&[&file_name, "--data-dir", &data_dir]);
    assert!(!nothing.status.success());
    assert!(text(&nothing.stderr).contains("there is no database"), "{}", text(&nothing.stderr));
    fs::write(&file, "mine").unwrap();
    fs::write(dir.path().join("fleetwire.db"), "").unwrap();
    let taken = backup(&[&file_name, "--data-dir", &data_dir]);
    assert!(text(&taken.stderr).contains("exists already"), "{}", text(&taken.stderr));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let postgres = Postgres::start();
    let elsewhere = dir.path().join("other.db").display().to_string();
    let foreign = backup(&[&elsewhere, "--database-url", &postgres.url("postgres")]);
    assert!(text(&foreign.stderr).contains("pg_dump"), "{}", text(&foreign.stderr));
}
