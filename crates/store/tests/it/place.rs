//! Where a database cannot be: the error says so in a sentence, without secrets, and what was
//! accepted stays.

use crate::database::Database;
use crate::scene::{Scene, add_user, deed, json};
use fleetwire_store::{
    Accepted, Draft, Filter, NewUser, OpenError, SigningKey, Store, StoreError, Target, UserChange,
};
use model::command::Risk;
use model::user::Role;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use testkit::Postgres;

const SECRET: &str = "swordfish";

/// A file system of its own in memory, with little room.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// `None`, and a word about it, where mounting is not permitted.
    fn mount(size: &str) -> Option<Self> {
        let place = Self(TempDir::new().unwrap());
        let options = format!("size={size}");
        let mounted = run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &place.path()]);
        if !mounted {
            skip("no tmpfs can be mounted here");
        }
        mounted.then_some(place)
    }

    fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    fn make_read_only(&self) {
        assert!(run("mount", &["-o", "remount,ro", &self.path()]));
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        run("umount", &["-l", &self.path()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// The whole chain of an error, as a log shows it.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn refusal(path: &Path) -> OpenError {
    Store::open(&Target::Sqlite(path.to_owned())).await.expect_err("it opened")
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_named() {
    let path = Path::new("/nowhere/fleetwire.db");
    let error = refusal(path).await;
    assert_eq!(error.to_string(), "cannot open the database /nowhere/fleetwire.db");
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let place = TempDir::new().unwrap();
    assert!(refusal(place.path()).await.to_string().contains("cannot open the database"));
}

#[tokio::test]
async fn a_file_of_something_else_is_no_database() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("fleetwire.db");
    fs::write(&path, "Dear diary, ".repeat(1000)).unwrap();
    let text = chain(&refusal(&path).await);
    assert!(text.contains("cannot open the database") && text.contains("not a database"), "{text}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("Dear diary"));
}

#[tokio::test]
async fn a_read_only_place_is_named() {
    let Some(place) = Tmpfs::mount("4m") else { return };
    let path = place.0.path().join("fleetwire.db");
    place.make_read_only();
    let text = chain(&refusal(&path).await);
    assert!(text.starts_with(&format!("cannot open the database {}", path.display())), "{text}");
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_full_and_loses_nothing() {
    let Some(place) = Tmpfs::mount("3m") else { return };
    let ballast = place.0.path().join("ballast");
    fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let inner = tempfile::tempdir_in(place.0.path()).unwrap();
    let scene = Scene::on(Database::Sqlite(inner)).await;
    let mut accepted = 0;
    let refused = loop {
        let params = json(&format!("{:?}", "x".repeat(64 << 10)));
        let draft = Draft { params, ..scene.draft(Risk::R0) };
        match scene.store.accept(draft, None, deed("submit")).await {
            Ok(Accepted::New(..)) => accepted += 1,
            Ok(old) => panic!("{old:?}"),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{}", chain(&refused));
    let everything = Filter { limit: 1000, ..Filter::default() };
    assert_eq!(scene.store.commands(&everything).await.unwrap().len(), accepted);
    fs::remove_file(ballast).unwrap();
    scene.accepts(scene.draft(Risk::R0)).await;
    assert_eq!(scene.store.commands(&everything).await.unwrap().len(), accepted + 1);
    scene.store.close().await;
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_named_without_its_password() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://fleetwire:{SECRET}@127.0.0.1:{port}/fleet");
    let error = Store::open(&Target::from_url(&url).unwrap()).await.expect_err("it opened");
    assert_eq!(error.to_string(), format!("cannot open the database at 127.0.0.1:{port}"));
    assert!(!format!("{} {error:?}", chain(&error)).contains(SECRET));
}

#[test]
fn a_url_of_something_else_is_refused_without_repeating_it() {
    for url in ["mysql://u:swordfish@db/x", "swordfish", "postgres://u:swordfish@db:port/x"] {
        let error = Target::from_url(url).expect_err(url);
        assert!(!format!("{} {error:?}", chain(&error)).contains(SECRET), "{url}");
    }
}

#[tokio::test]
async fn no_secret_is_shown_for_debugging() {
    let scene = Scene::on(Database::sqlite()).await;
    add_user(&scene.store, "max", &[]).await.unwrap();
    let hash = "$argon2id$of-a-password";
    let user = scene.store.user_named("max").await.unwrap().unwrap();
    assert_eq!(user.password_hash, hash);
    let new = NewUser {
        username: "eva".to_owned(),
        email: None,
        role: Role::Viewer,
        password_hash: hash.to_owned(),
        must_change_password: false,
        fleets: vec![],
    };
    let change = UserChange { password_hash: Some(hash.to_owned()), ..UserChange::default() };
    let key = SigningKey {
        kid: "k1".to_owned(),
        private_key: hash.as_bytes().to_vec(),
        public_key: vec![],
        created_at: scene.store.now(),
        retired_at: None,
    };
    let target = Target::from_url(&format!("postgres://u:{SECRET}@127.0.0.1/fleet")).unwrap();
    let shown = format!("{user:?} {new:?} {change:?} {key:?} {target:?} {:?}", scene.store);
    let bytes = format!("{:?}", hash.as_bytes());
    for secret in [SECRET, "argon2id", bytes.trim_matches(['[', ']'])] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Why the database of one server is not believed by the authority of another, of the same name;
/// empty = it is.
async fn doubt(server: &Postgres, authority: &Postgres) -> String {
    let url = server.url("postgres");
    let url = format!("{url}?sslmode=verify-full&sslrootcert={}", authority.ca_file().display());
    let target = Target::from_url(&url).unwrap();
    assert_eq!(target.unverified_host(), None);
    match Store::open(&target).await {
        Ok(store) => {
            store.close().await;
            String::new()
        }
        Err(error) => chain(&error),
    }
}

#[tokio::test]
async fn a_postgres_is_believed_by_its_authority_and_its_name_alone() {
    let (right, other) = (Postgres::start_tls("127.0.0.1"), Postgres::start_tls("db.example"));
    assert_eq!(doubt(&right, &right).await, "");
    let unknown = doubt(&right, &other).await;
    assert!(unknown.contains("BadSignature"), "{unknown}");
    let another = doubt(&other, &other).await;
    assert!(another.contains("not valid for name"), "{another}");
    let plain = Postgres::start();
    let silent = doubt(&plain, &right).await;
    assert!(silent.contains("does not support TLS"), "{silent}");
}
