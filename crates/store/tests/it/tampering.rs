//! Whatever is done to the audit log behind the server's back is found, and where.

use fleetwire_store::{AuditFilter, Mark, Ring, Snapshot, Target, backup};
use futures_util::future::join_all;
use server::audit::chain::Chain;
use server::audit::export;
use server::audit::key::PublicKeys;
use server::audit::verify::{Fault, Verdict, verify};
use server::auth::MasterKey;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use testkit::{Backend, Platform, audit, eventually};
use tokio_util::sync::CancellationToken;

/// Rows of the log that is tampered with, those of its making not counted.
const ROWS: usize = 240;
/// Rows that are recorded at once.
const AT_ONCE: usize = 40;
const TAMPERINGS: u64 = 1000;

/// A sealed log, as a file that nobody writes to.
struct Log {
    file: PathBuf,
    keys: PublicKeys,
    /// The number of its last row.
    last: i64,
    /// Where its checkpoints are.
    checkpoints: Vec<i64>,
    place: TempDir,
}

impl Log {
    async fn make() -> Self {
        let p = Platform::start_with(Backend::Sqlite, &[("audit.checkpoint_rows", "25")]).await;
        for _ in 0..ROWS / AT_ONCE {
            let records = (0..AT_ONCE).map(|_| p.store().record_audit(audit("sensitive_read")));
            join_all(records).await.into_iter().for_each(Result::unwrap);
            sealed(&p).await;
        }
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("sealed.db");
        backup(&p.target(), &file).await.unwrap();
        let master = MasterKey::load(&p.data_dir().join("master.key")).unwrap();
        let signing = p.store().signing_keys(Ring::Audit).await.unwrap();
        let keys = PublicKeys::of_store(&signing, &master).unwrap();
        p.stop().await;
        let mut snapshot = Snapshot::open(&Target::Sqlite(file.clone())).await.unwrap();
        let last = snapshot.head().await.unwrap().unwrap().seal.link.position;
        let seals = snapshot.seals(Mark::Checkpoint, 0, i64::MAX).await.unwrap();
        let checkpoints = seals.iter().map(|seal| seal.link.position).collect();
        Self { file, keys, last, checkpoints, place }
    }

    async fn verify(&self, file: &Path) -> Verdict {
        let mut snapshot = Snapshot::open(&Target::Sqlite(file.to_owned())).await.unwrap();
        verify(&mut snapshot, &self.keys, &CancellationToken::new()).await.unwrap()
    }

    /// A copy to tamper with.
    async fn copy(&self) -> (PathBuf, SqliteConnection) {
        let copy = self.place.path().join("copy.db");
        for end in ["", "-wal", "-shm"] {
            drop(fs::remove_file(self.place.path().join(format!("copy.db{end}"))));
        }
        fs::copy(&self.file, &copy).unwrap();
        let options = SqliteConnectOptions::new().filename(&copy).pragma("synchronous", "off");
        (copy, options.connect().await.unwrap())
    }

    async fn export(&self) -> Vec<u8> {
        let mut snapshot = Snapshot::open(&Target::Sqlite(self.file.clone())).await.unwrap();
        let mut text = Vec::new();
        export::export(&mut snapshot, &mut text).await.unwrap();
        text
    }

    /// The first row that is not covered by a checkpoint before `position`.
    fn unsigned_since(&self, position: i64) -> i64 {
        let before = self.checkpoints.iter().filter(|checkpoint| **checkpoint < position);
        before.max().map_or(1, |checkpoint| checkpoint + 1)
    }
}

async fn sealed(p: &Platform) {
    let newest = AuditFilter { limit: 1, ..AuditFilter::default() };
    eventually("the seal", async || {
        p.store().audit(&newest).await.unwrap()[0].position.is_some()
            && p.store().unsealed_audit(1).await.unwrap().is_empty()
    })
    .await;
}

/// The same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((word ^ (word >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn row(&mut self, log: &Log) -> i64 {
        self.below(log.last) + 1
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(i64::try_from(all.len()).unwrap())).unwrap()]
    }
}

/// What can be changed in a row: every column, each in a way of its kind.
const CHANGES: [&str; 16] = [
    "audit_id = cast(substr(audit_id, 1, 15) || x'ff' as blob)",
    "recorded_at = recorded_at + 1",
    "action = action || '.'",
    "action = upper(action)",
    "actor_id = x'01890a5dac96774bbcceb302099a8057'",
    "actor = 'mallory'",
    "session_hash = '00'",
    "address = coalesce(address, '') || '1'",
    "request_id = ''",
    "object = substr(object, 2)",
    "outcome = 'failure'",
    "reason = coalesce(reason, '') || '?'",
    "details = '{}'",
    "row_hash = zeroblob(32)",
    "row_hash = cast(substr(row_hash, 2) || x'00' as blob)",
    "row_hash = null",
];

/// One tampering: what is done, and the first row that it is done to.
fn tampering(chance: &mut Chance, log: &Log) -> (String, i64) {
    let row = chance.row(log);
    match chance.below(8) {
        0..=2 => {
            let change = chance.of(&CHANGES);
            (format!("update audit set {change} where chain_position = {row}"), row)
        }
        3 => {
            let until = row + chance.below(3);
            let these = format!("chain_position between {row} and {until}");
            (format!("delete from audit where {these}"), row)
        }
        4 => {
            let other = (row + chance.below(log.last - 1)) % log.last + 1;
            let sql = format!(
                "update audit set chain_position = case chain_position
                    when {row} then {other} else {row} end
                where chain_position in ({row}, {other})"
            );
            (sql, row.min(other))
        }
        5 => (format!("delete from audit where chain_position >= {row}"), row),
        6 => {
            let sql = format!(
                "delete from audit where chain_position >= {row};
                delete from audit_seals where chain_position >= {row}"
            );
            (sql, row)
        }
        _ => (format!("update audit set chain_position = null where chain_position = {row}"), row),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tamperings_with_a_file_are_found_and_the_first_bad_row_is_named() {
    let log = Log::make().await;
    let whole = log.verify(&log.file).await;
    assert_eq!((whole.finding, whole.rows), (None, log.last.unsigned_abs()));
    assert_eq!(whole.checkpoints, log.checkpoints.len() as u64);
    assert!(log.checkpoints.len() > 4, "{:?}", log.checkpoints);
    let mut chance = Chance(6);
    for number in 0..TAMPERINGS {
        let (sql, row) = tampering(&mut chance, &log);
        let (copy, mut conn) = log.copy().await;
        conn.execute(AssertSqlSafe(sql.clone())).await.unwrap();
        conn.close().await.unwrap();
        let finding = log.verify(&copy).await.finding;
        let finding = finding.unwrap_or_else(|| panic!("{number}: not found: {sql}"));
        assert_eq!(finding.position, row, "{number}: {sql}: {finding}");
    }
}

/// Does something to a copy of the log, and says what is found.
async fn found(log: &Log, sql: impl Into<String>) -> Option<(i64, Fault)> {
    let (copy, mut conn) = log.copy().await;
    conn.execute(AssertSqlSafe(sql.into())).await.unwrap();
    conn.close().await.unwrap();
    log.verify(&copy).await.finding.map(|finding| (finding.position, finding.fault))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_knows_how_it_works_and_has_no_key_is_found() {
    let log = Log::make().await;
    let (last, checkpoint) = (log.last, *log.checkpoints.last().unwrap());
    let end_at = "chain_position, row_hash, signed_at, kid, signature";
    // The newest checkpoint as the end: it was signed as something else.
    let rolled_back = format!(
        "delete from audit where chain_position > {checkpoint};
        update audit_head set ({end_at}) = (select {end_at} from audit_seals
            where chain_position = {checkpoint})"
    );
    assert_eq!(found(&log, rolled_back).await, Some((checkpoint, Fault::End)));
    let first = log.checkpoints[0];
    // A checkpoint as an anchor, in front of which everything is gone.
    let cut = format!(
        "delete from audit where chain_position <= {first};
        update audit_seals set kind = 'anchor' where chain_position = {first}"
    );
    assert_eq!(found(&log, cut).await, Some((first, Fault::Anchor)));
    let endless = found(&log, "delete from audit_head").await;
    assert_eq!(endless, Some((last, Fault::NoEnd)));
    let twice = "insert into audit (audit_id, recorded_at, action, actor, outcome, chain_position,
            row_hash)
        select randomblob(16), recorded_at, action, actor, outcome, chain_position, row_hash
        from audit where chain_position =";
    assert_eq!(found(&log, format!("{twice} 7")).await, Some((7, Fault::Extra)));
    assert_eq!(found(&log, format!("{twice} {last}")).await, Some((last, Fault::Extra)));
    let beyond = format!(
        "{twice} 1; update audit set chain_position = {last} + 1
        where chain_position = 1 and object is null"
    );
    assert_eq!(found(&log, beyond).await, Some((last + 1, Fault::Changed)));
    let unreadable = "update audit set audit_id = x'01' where chain_position = 9";
    assert_eq!(found(&log, unreadable).await, Some((9, Fault::Unreadable)));
    let forged = format!(
        "update audit_seals set signature = zeroblob(64)
        where chain_position = {first}"
    );
    assert_eq!(found(&log, forged).await, Some((first, Fault::Checkpoint)));
}

/// Changes a row and hashes everything after it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_was_hashed_again_does_not_fit_what_was_signed() {
    let log = Log::make().await;
    let mut chance = Chance(7);
    for _ in 0..10 {
        let row = chance.row(&log);
        let (copy, mut conn) = log.copy().await;
        let sql = format!("update audit set actor = 'mallory' where chain_position = {row}");
        conn.execute(AssertSqlSafe(sql)).await.unwrap();
        let mut snapshot = Snapshot::open(&Target::Sqlite(copy.clone())).await.unwrap();
        let mut chain = Chain::default();
        for sealed in snapshot.rows(1, 10_000).await.unwrap() {
            chain.add(&sealed.row);
            let rehash = "update audit set row_hash = $1 where chain_position = $2";
            let rehash = sqlx::query(rehash).bind(chain.row_hash()).bind(chain.position());
            rehash.execute(&mut conn).await.unwrap();
        }
        conn.close().await.unwrap();
        let finding = log.verify(&copy).await.finding.unwrap();
        let Fault::ChangedWithin(until) = finding.fault else { panic!("{finding}") };
        assert_eq!(finding.position, log.unsigned_since(row), "{finding}");
        assert!((finding.position..=until).contains(&row), "{finding}: {row}");
    }
}

/// The rows that a line of an export may be about: a row itself, or that before a statement and that
/// after it.
fn about(lines: &[&[u8]]) -> Vec<[i64; 2]> {
    let mut before = 0;
    let about = lines.iter().map(|line| {
        let is_row = line.starts_with(br#"{"kind":"row""#);
        before += i64::from(is_row);
        if is_row { [before, before] } else { [before, before + 1] }
    });
    about.collect()
}

/// Does something to one of the lines, or to two; answers the first of them.
fn tamper(chance: &mut Chance, lines: &mut Vec<Vec<u8>>) -> usize {
    let mut index =
        |end: usize| usize::try_from(chance.below(i64::try_from(end).unwrap())).unwrap();
    let (at, other, what) = (index(lines.len()), index(lines.len()), index(4));
    // What a checkpoint vouches for, the end does too: without one nothing is lost.
    let is_checkpoint = lines[at].starts_with(br#"{"kind":"checkpoint""#);
    match what {
        0 => lines.truncate(at),
        1 if !is_checkpoint => drop(lines.remove(at)),
        2 if at != other => {
            lines.swap(at, other);
            return at.min(other);
        }
        _ => {
            let byte = index(lines[at].len());
            lines[at][byte] ^= 1 << index(8);
        }
    }
    at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tamperings_with_an_export_are_found_and_the_first_bad_row_is_named() {
    let log = Log::make().await;
    let text = log.export().await;
    let whole = export::verify(&text[..], &log.keys).unwrap();
    assert_eq!((whole.finding, whole.rows), (None, log.last.unsigned_abs()));
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let about = about(&lines);
    let mut chance = Chance(8);
    for number in 0..TAMPERINGS {
        let mut tampered: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        let first = tamper(&mut chance, &mut tampered);
        let finding = export::verify(&tampered.concat()[..], &log.keys).unwrap().finding;
        let finding = finding.unwrap_or_else(|| panic!("{number}: not found, line {first}"));
        let named = about[first];
        assert!(named.contains(&finding.position), "{number}: {finding}, not one of {named:?}");
    }
}
