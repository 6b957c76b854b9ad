//! TLS of our own: the certificate that is shown, and how it is renewed while connections are open.
//!
//! Refuses a pair of files that does not fit together, whenever it comes: the one before it stays.

use crate::auth::opaque::sha256;
use crate::config::{TlsFiles, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use secrecy::zeroize::Zeroizing;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The permissions that let strangers read a file, or others change it. Its group may read it: that is
/// how a service is handed a key that is not its own.
pub(crate) const STRANGERS: u32 = 0o027;

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static NEWEST: [&SupportedProtocolVersion; 1] = [&TLS13];

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}, the file of {setting}", path.display())]
    Read {
        /// The setting that names it.
        setting: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Strangers can read the key.
    #[error("others can read or change {path}, the key of the certificate: run chmod 600 {path}", path = .0.display())]
    Readable(PathBuf),
    /// A file holds something else.
    #[error("{} holds no {wanted} in PEM", path.display())]
    Pem {
        /// Its path.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// Certificate and key cannot be used together.
    #[error("the certificate in {} and the key in {} cannot be used together", certificate.display(), key.display())]
    Pair {
        /// Where the certificate is.
        certificate: PathBuf,
        /// Where its key is.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The versions are not to be had.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// The certificate of now, and the files that the next one comes in.
pub(crate) struct Tls {
    files: TlsFiles,
    shown: Arc<Shown>,
    config: Arc<ServerConfig>,
    /// What the files held when they were last looked at.
    seen: Seen,
}

/// What was read, without the key.
type Seen = [u8; 32];

/// The certificate that new connections are shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`], whatever is wrong with them.
    pub(crate) async fn open(files: TlsFiles, oldest: TlsVersion) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let pair = Pair::read(&files).await?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair.certified(&files, &provider)?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(oldest))
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Shown>::clone(&shown));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files, shown, config: Arc::new(config), seen: pair.digest() })
    }

    /// Takes connections.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.config).into()
    }

    /// Looks for a renewed certificate until `shutdown`.
    pub(crate) async fn keep(mut self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_missing = false;
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            match self.look().await {
                Ok(()) => is_missing = false,
                // Said once: while it is away, every look finds that again.
                Err(error @ TlsError::Read { .. }) if is_missing => {
                    tracing::debug!(%error, "still no certificate to renew");
                }
                Err(error) => {
                    is_missing = matches!(error, TlsError::Read { .. });
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "the new certificate is refused, the old one stays");
                }
            }
        }
    }

    /// Shows what is in the files, if that is new.
    async fn look(&mut self) -> Result<(), TlsError> {
        let pair = Pair::read(&self.files).await?;
        let seen = pair.digest();
        if seen == std::mem::replace(&mut self.seen, seen) {
            return Ok(());
        }
        let next = Arc::new(pair.certified(&self.files, self.config.crypto_provider())?);
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        tracing::info!(certificate = %self.files.certificate.display(), "tls_certificate_renewed");
        Ok(())
    }
}

/// The one that is linked anyway, with a key exchange first that survives quantum computers.
fn provider() -> CryptoProvider {
    let kx_groups =
        vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    CryptoProvider { kx_groups, ..default_provider() }
}

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::V1_2 => &BOTH,
        TlsVersion::V1_3 => &NEWEST,
    }
}

/// The content of the files.
struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    /// The permissions of the key.
    mode: u32,
}

impl Pair {
    async fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let certificate = read("tls.certificate", &files.certificate).await?;
        let key = Zeroizing::new(read("tls.key", &files.key).await?);
        let about = tokio::fs::metadata(&files.key).await;
        let about = about.map_err(|source| failed("tls.key", &files.key, source))?;
        Ok(Self { certificate, key, mode: about.permissions().mode() })
    }

    fn digest(&self) -> Seen {
        let mode = self.mode.to_be_bytes();
        let parts = [&self.certificate, &*self.key, mode.as_slice()].map(sha256);
        sha256(parts.as_flattened())
    }

    fn certified(
        &self,
        files: &TlsFiles,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        if self.mode & STRANGERS != 0 {
            return Err(TlsError::Readable(files.key.clone()));
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| no(&files.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|_| no(&files.key, "private key"))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })
    }
}

async fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    tokio::fs::read(path).await.map_err(|source| failed(setting, path, source))
}

fn failed(setting: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::Read { setting, path: path.to_owned(), source }
}

fn no(path: &Path, wanted: &'static str) -> TlsError {
    TlsError::Pem { path: path.to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use testkit::Authority;

    async fn refusal(change: impl Fn(&Path)) -> String {
        let dir = tempfile::tempdir().unwrap();
        let made = Authority::default().certify_in(dir.path(), "localhost");
        change(dir.path());
        let files = TlsFiles { certificate: made.certificate, key: made.key };
        let opened = Tls::open(files, TlsVersion::V1_3).await;
        opened.err().unwrap().to_string().replace(&dir.path().display().to_string(), "…")
    }

    fn permit(dir: &Path, mode: u32) {
        fs::set_permissions(dir.join("server.key"), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn a_pair_that_cannot_be_used_is_refused_at_the_start() {
        let other = Authority::default().certify("localhost").0;
        assert_eq!(
            refusal(|dir| fs::write(dir.join("server.pem"), &other).unwrap()).await,
            "the certificate in …/server.pem and the key in …/server.key cannot be used together"
        );
        assert_eq!(
            refusal(|dir| fs::write(dir.join("server.key"), "").unwrap()).await,
            "…/server.key holds no private key in PEM"
        );
        assert_eq!(
            refusal(|dir| fs::remove_file(dir.join("server.pem")).unwrap()).await,
            "cannot read …/server.pem, the file of tls.certificate"
        );
    }

    #[tokio::test]
    async fn a_key_that_others_can_read_is_refused() {
        for mode in [0o604, 0o620, 0o644] {
            let told = refusal(|dir| permit(dir, mode)).await;
            assert!(told.ends_with("run chmod 600 …/server.key"), "{told}");
        }
        let dir = tempfile::tempdir().unwrap();
        let made = Authority::default().certify_in(dir.path(), "localhost");
        permit(dir.path(), 0o640);
        let files = TlsFiles { certificate: made.certificate, key: made.key };
        assert!(Tls::open(files, TlsVersion::V1_2).await.is_ok(), "its group may read it");
    }
}
