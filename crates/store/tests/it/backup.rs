//! Backups of the embedded database: complete while it is written to, private, and never in the way
//! of a file that is there.

use crate::database::{Database, file};
use crate::scene::{EVERYTHING, LEASE, Scene, deed, part};
use fleetwire_store::{BackupError, Reach, Store, Target, backup};
use futures_util::future::join;
use model::command::Risk;
use model::id::{CommandId, NodeId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// Lets commands come and end until it is told to stop; lists those that were acknowledged.
async fn work(scene: &Scene, acknowledged: &RefCell<Vec<CommandId>>, is_over: &Cell<bool>) {
    while !is_over.get() {
        let id = scene.accepts(scene.draft(Risk::R0)).await;
        acknowledged.borrow_mut().push(id);
        for claimed in scene.store.claim(scene.node, LEASE, Reach::All, 4).await.unwrap().started {
            scene.hears(&claimed.command, vec![part(1, false), part(2, true)]).await;
        }
    }
}

async fn assert_sound(copy: &Path) {
    let options = SqliteConnectOptions::new().filename(copy).read_only(true);
    let mut conn = options.connect().await.unwrap();
    let faults: String =
        sqlx::query_scalar("pragma integrity_check").fetch_one(&mut conn).await.unwrap();
    assert_eq!(faults, "ok");
    conn.close().await.unwrap();
}

/// Opens a copy as a server would, and reads all of it. Answers its commands and events.
async fn assert_complete(copy: &Path, acknowledged: &[CommandId]) -> (u64, u64) {
    assert_sound(copy).await;
    let store = Store::open(&Target::Sqlite(copy.to_owned())).await.unwrap();
    assert_eq!(store.heads(acknowledged).await.unwrap().len(), acknowledged.len());
    let filter = fleetwire_store::Filter { limit: 1_000_000, ..Default::default() };
    let commands = store.commands(&filter).await.unwrap();
    let mut events = 0;
    for command in &commands {
        let log = store.events_after(command.order.command_id, 0, EVERYTHING).await.unwrap();
        assert!(log.iter().map(|event| event.offset).eq(1..=command.last_offset));
        events += command.last_offset;
    }
    store.check(NodeId::new()).await.unwrap();
    store.close().await;
    (commands.len() as u64, events)
}

#[tokio::test]
async fn ten_backups_under_load_are_complete() {
    let scene = Scene::on(Database::sqlite()).await;
    let place = TempDir::new().unwrap();
    let (acknowledged, is_over) = (RefCell::new(Vec::new()), Cell::new(false));
    let copies = async {
        let mut before: Vec<Vec<CommandId>> = Vec::new();
        for number in 0..10 {
            before.push(acknowledged.borrow().clone());
            let to = place.path().join(format!("{number}.db"));
            let report = backup(&scene.database.target(), &to).await.unwrap();
            assert_eq!(report.bytes, fs::metadata(&to).unwrap().len());
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
            let told = assert_complete(&to, &before[number]).await;
            assert_eq!((report.commands, report.events), told);
        }
        is_over.set(true);
        before
    };
    let ((), before) = join(work(&scene, &acknowledged, &is_over), copies).await;
    assert!(before[0].len() < before[9].len(), "the work went on");
}

fn names(place: &Path) -> Vec<String> {
    let entries = fs::read_dir(place).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_file_that_is_there_stays_as_it_is() {
    let scene = Scene::on(Database::sqlite()).await;
    let place = TempDir::new().unwrap();
    let to = place.path().join("diary.txt");
    fs::write(&to, "Dear diary").unwrap();
    let refused = backup(&scene.database.target(), &to).await;
    assert!(matches!(refused, Err(BackupError::Exists(path)) if path == to));
    assert_eq!(fs::read_to_string(&to).unwrap(), "Dear diary");
    assert_eq!(names(place.path()), ["diary.txt"]);
}

#[tokio::test]
async fn a_backup_that_fails_leaves_nothing_behind() {
    let (from, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let to = place.path().join("copy.db");
    let target = Target::Sqlite(file(&from));
    assert!(matches!(backup(&target, &to).await, Err(BackupError::Copy(_))));
    assert_eq!(names(from.path()), [""; 0], "a database that is missing is not made");
    fs::write(file(&from), "Dear diary, ".repeat(1000)).unwrap();
    assert!(matches!(backup(&target, &to).await, Err(BackupError::Copy(_))));
    assert_eq!(names(place.path()), [""; 0]);
    let nowhere = place.path().join("missing/copy.db");
    assert!(matches!(backup(&target, &nowhere).await, Err(BackupError::File(_))));
}

#[tokio::test]
async fn a_stopped_database_is_backed_up_too() {
    let Scene { store, database, .. } = Scene::on(Database::sqlite()).await;
    store.record_audit(deed("stop")).await.unwrap();
    store.close().await;
    let place = TempDir::new().unwrap();
    let to = place.path().join("copy.db");
    let report = backup(&database.target(), &to).await.unwrap();
    assert_eq!((report.commands, names(place.path())), (0, vec!["copy.db".to_owned()]));
    assert_complete(&to, &[]).await;
}

#[tokio::test]
async fn postgres_is_referred_to_its_own_tool() {
    let target = Target::from_url("postgres://fleetwire@127.0.0.1/fleet").unwrap();
    let refused = backup(&target, Path::new("copy.db")).await.unwrap_err();
    assert!(refused.to_string().contains("pg_dump"));
}
