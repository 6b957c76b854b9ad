//! `fleetwire audit`: the log as evidence, verified and taken elsewhere.
//!
//! Refuses to change what it verifies, and to believe a key that came with it.

use crate::args::{AuditExport, AuditVerb, AuditVerify};
use crate::output;
use crate::registry;
use crate::settings::StoreChoice;
use anyhow::{Context, bail};
use serde_json::json;
use server::audit::export::{self, export};
use server::audit::key::PublicKeys;
use server::audit::verify::{Verdict, verify};
use server::auth::MasterKey;
use server::config::Config;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use store::{AuditEntry, Snapshot, Store, Target};
use tokio_util::sync::CancellationToken;

/// The exit code of a verification that has found something.
const FINDINGS: u8 = 9;
/// Bytes that are read or written at once.
const BUFFER: usize = 1 << 18;

/// Does what is asked.
pub(crate) async fn run(verb: AuditVerb) -> anyhow::Result<ExitCode> {
    match verb {
        AuditVerb::Verify(asked) => verify_log(asked).await,
        AuditVerb::Export(asked) => export_log(asked).await.map(|()| ExitCode::SUCCESS),
        AuditVerb::PublicKey(store) => public_key(&store).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn verify_log(asked: AuditVerify) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let verdict = match &asked.file {
        Some(file) => verify_file(file, asked.public_key.as_deref())?,
        None => verify_store(&asked.store, asked.public_key.as_deref()).await?,
    };
    let took = begun.elapsed().as_secs_f64();
    output::show(&if asked.json { document(&verdict, took) } else { sentence(&verdict, took) })?;
    Ok(if verdict.finding.is_some() { FINDINGS.into() } else { ExitCode::SUCCESS })
}

fn verify_file(file: &Path, public_key: Option<&Path>) -> anyhow::Result<Verdict> {
    let Some(public_key) = public_key else {
        bail!("a file is verified by a key that came another way: give it as --public-key");
    };
    let keys = read_keys(public_key)?;
    let verdict = if file == Path::new("-") {
        export::verify(io::stdin().lock(), &keys)
    } else {
        let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        export::verify(BufReader::with_capacity(BUFFER, opened), &keys)
    };
    verdict.with_context(|| format!("cannot read {}", file.display()))
}

async fn verify_store(choice: &StoreChoice, public_key: Option<&Path>) -> anyhow::Result<Verdict> {
    let config = load(choice)?;
    let mut snapshot = Snapshot::open(&existing(&config)?).await?;
    let keys = match public_key {
        Some(file) => read_keys(file)?,
        None => PublicKeys::of_store(&snapshot.keys().await?, &master_key(&config)?)?,
    };
    Ok(verify(&mut snapshot, &keys, &CancellationToken::new()).await?)
}

fn read_keys(file: &Path) -> anyhow::Result<PublicKeys> {
    let what = || format!("cannot read {}", file.display());
    PublicKeys::from_pem(&fs::read_to_string(file).with_context(what)?).with_context(what)
}

/// The key that is there: one that was made now would open nothing.
fn master_key(config: &Config) -> anyhow::Result<MasterKey> {
    let file = config.master_key_file();
    let there = file.try_exists().with_context(|| format!("cannot read {}", file.display()))?;
    anyhow::ensure!(
        there,
        "there is no master key {}: name it, or give --public-key",
        file.display()
    );
    Ok(MasterKey::load(&file)?)
}

fn load(choice: &StoreChoice) -> anyhow::Result<Config> {
    let loaded = choice.load()?;
    for warning in &loaded.warnings {
        output::warn(warning);
    }
    Ok(loaded.config)
}

/// The database, which has to be there.
fn existing(config: &Config) -> anyhow::Result<Target> {
    let target = config.database()?;
    if let Target::Sqlite(file) = &target {
        let there = file.try_exists().with_context(|| format!("cannot read {}", file.display()))?;
        anyhow::ensure!(there, "there is no database {}: name its --data-dir", file.display());
    }
    Ok(target)
}

fn sentence(verdict: &Verdict, took: f64) -> String {
    let Verdict { first, rows, checkpoints, unsealed, finding } = verdict;
    let waiting = unsealed.filter(|count| *count > 0);
    let waiting = waiting.map_or_else(String::new, |count| format!(", {count} not sealed yet"));
    let found = finding.as_ref().map_or_else(|| "verified".to_owned(), ToString::to_string);
    format!(
        "{found}\n{rows} rows from row {first} on and {checkpoints} checkpoints are as they were sealed{waiting}; {took:.1} s\n"
    )
}

fn document(verdict: &Verdict, took: f64) -> String {
    let finding = verdict.finding.as_ref().map(|finding| {
        let (position, audit_id) = (finding.position, finding.audit_id);
        json!({ "position": position, "audit_id": audit_id, "fault": finding.to_string() })
    });
    let document = json!({
        "verified": finding.is_none(),
        "first": verdict.first,
        "rows": verdict.rows,
        "checkpoints": verdict.checkpoints,
        "unsealed": verdict.unsealed,
        "finding": finding,
        "seconds": took,
    });
    format!("{document}\n")
}

async fn export_log(asked: AuditExport) -> anyhow::Result<()> {
    let config = load(&asked.store)?;
    let target = existing(&config)?;
    let mut snapshot = Snapshot::open(&target).await?;
    let rows = match &asked.output {
        None => export(&mut snapshot, &mut buffered(io::stdout().lock())).await?,
        Some(file) => {
            let mut options = OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(file);
            let made = made.with_context(|| format!("cannot make {}", file.display()))?;
            let rows = export(&mut snapshot, &mut buffered(&made)).await?;
            made.sync_all().with_context(|| format!("cannot write {}", file.display()))?;
            rows
        }
    };
    let deed = registry::deed("export_created", "audit".to_owned());
    let store = Store::open(&target).await?;
    let details = Some(json!({ "rows": rows }));
    let recorded = store.record_audit(AuditEntry { details, ..deed }).await;
    store.close().await;
    Ok(recorded?)
}

fn buffered<W: Write>(out: W) -> BufWriter<W> {
    BufWriter::with_capacity(BUFFER, out)
}

async fn public_key(choice: &StoreChoice) -> anyhow::Result<()> {
    let config = load(choice)?;
    let target = existing(&config)?;
    let master = master_key(&config)?;
    let mut snapshot = Snapshot::open(&target).await?;
    let keys = snapshot.keys().await?;
    drop(snapshot);
    anyhow::ensure!(!keys.is_empty(), "there is no key yet: the first server that starts makes it");
    output::show(&PublicKeys::of_store(&keys, &master)?.to_pem())
}
