//! The certificates of a Redis server that speaks TLS, made anew for each.
//! They are good for 127.0.0.1 alone, and nobody outside the test trusts them.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};

/// The files of a server and of who wants to trust it, all PEM.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificates {
    /// Makes an authority, and a certificate for 127.0.0.1 signed by it, in `directory`.
    pub(super) fn create(directory: &Path) -> anyhow::Result<Self> {
        let issuer = authority()?;
        let server_key = KeyPair::generate()?;
        let mut server = CertificateParams::new(["127.0.0.1".to_owned()])?;
        server.distinguished_name = called("Redis under test");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = server.signed_by(&server_key, &issuer)?;
        let files = Self {
            ca: directory.join("ca.pem"),
            certificate: directory.join("server.pem"),
            key: directory.join("server.key"),
        };
        fs::write(&files.ca, issuer.pem())?;
        fs::write(&files.certificate, certificate.pem())?;
        fs::write(&files.key, server_key.serialize_pem())?;
        Ok(files)
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut authority = CertificateParams::new([])?;
    authority.distinguished_name = called("authority under test");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate()?)
}

/// OpenSSL takes a certificate with the name of its issuer for one that signed itself.
fn called(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
