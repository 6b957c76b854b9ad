//! An authority that makes certificates for servers under test.
//! Nobody outside the test trusts it, and it outlives nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// An authority of its own. Every call panics if there are no certificates to be had.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The files of a server and of who wants to trust it, all PEM.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority.
    pub ca: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key, for its owner alone.
    pub key: PathBuf,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Default for Authority {
    fn default() -> Self {
        let mut authority = CertificateParams::new([]).expect("there are no names");
        authority.distinguished_name = called("authority under test");
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there are keys");
        Self(CertifiedIssuer::self_signed(authority, key).expect("it can sign"))
    }
}

impl Authority {
    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name or an address of a server, and its key.
    pub fn certify(&self, name: &str) -> (String, String) {
        self.sign(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client, and its key.
    pub fn identify(&self, name: &str) -> (String, String) {
        self.sign(name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().expect("there are keys");
        let mut params = CertificateParams::new([name.to_owned()]).expect("it is a name");
        params.distinguished_name = called(&format!("{name} under test"));
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.0).expect("it can sign");
        (certificate.pem(), key.serialize_pem())
    }

    /// The same in files of a directory, where they replace those before them.
    pub fn certify_in(&self, directory: &Path, name: &str) -> Certificates {
        let (certificate, key) = self.certify(name);
        let write = |file: &str, text: String, mode| {
            let path = directory.join(file);
            fs::write(&path, text).expect("the directory takes files");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("they are ours");
            path
        };
        Certificates {
            ca: write("ca.pem", self.pem(), 0o644),
            certificate: write("server.pem", certificate, 0o644),
            key: write("server.key", key, 0o600),
        }
    }

    /// How a server shows a new certificate for a name.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.serving(name, WebPkiClientVerifier::no_client_auth())
    }

    /// The same, for clients whom this authority knows.
    pub fn server_for_known(&self, name: &str) -> Arc<ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots(), provider());
        self.serving(name, verifier.build().expect("it is an authority"))
    }

    fn serving(&self, name: &str, clients: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let (certificate, key) = self.certify(name);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("it is a key");
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("there are versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.expect("it is a certificate")], key);
        Arc::new(config.expect("they fit together"))
    }

    /// A client that trusts nobody else, and speaks these versions.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("there are versions");
        Arc::new(config.with_root_certificates(self.roots()).with_no_client_auth())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it is a certificate");
        Arc::new(roots)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// OpenSSL takes a certificate with the name of its issuer for one that signed itself.
fn called(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
