//! The secrets that a server signs with: from the settings, or made once and kept in the data folder.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    base::{
        folder,
        mint::Mint,
        seal::{KEY_BYTES, Sealer},
    },
    config::Config,
};

/// Where made secrets are kept, in the data folder.
pub const FILE_NAME: &str = "keys.toml";

/// The partner that gets a secret without being configured, so that a fresh server can be tried out.
pub const GENERIC: &str = "generic";

/// The secrets to work with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// For HS256 tokens; the first one signs. The key is the text's bytes.
    pub token_secrets: Vec<SecretString>,
    /// Of the generic partner: `whsec_…`.
    pub generic_secrets: Vec<SecretString>,
    /// What stored secrets are sealed with, in base64; the first one seals. Empty where they must be configured and are not.
    pub sealing_keys: Vec<SecretString>,
    /// The file that was written just now, as it was not there.
    pub made: Option<PathBuf>,
}

impl Keys {
    /// Seals and opens the secrets that the database holds.
    pub fn sealer(&self) -> Result<Sealer, KeyError> {
        if self.sealing_keys.is_empty() {
            return Err(KeyError::NoSealingKey { bytes: KEY_BYTES });
        }
        let bytes = |it: &SecretString| STANDARD.decode(it.expose_secret()).ok();
        let keys: Option<Vec<_>> = self.sealing_keys.iter().map(bytes).collect();
        keys.and_then(|it| Sealer::new(&it)).ok_or(KeyError::NotASealingKey { bytes: KEY_BYTES })
    }
}

/// Keys cannot be used. For the operator; none of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// The file of made secrets cannot be written.
    #[error(
        "cannot write {path}: {cause}; make its folder writable, or configure `auth.secrets`, `auth.sealing_keys` and `partners.generic.secrets`"
    )]
    Unwritable {
        /// Which file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// The file of made secrets was spoilt.
    #[error(
        "{path} does not hold `token_secret`, `generic_secret` and `sealing_key`; add what is missing, or remove it to have new ones made"
    )]
    Spoilt {
        /// Which file.
        path: String,
    },
    /// A file of `auth.public_key_files` holds something else.
    #[error(
        "{path} holds no public key in PEM; RSA, EC on P-256 and Ed25519 are taken, one key a file"
    )]
    NotAPublicKey {
        /// Which file.
        path: String,
    },
    /// A secret can be guessed.
    #[error("a secret of `auth.secrets` has {bytes} bytes; it must have {least} or more")]
    ShortSecret {
        /// How many it has.
        bytes: usize,
        /// How many it must have.
        least: usize,
    },
    /// A key of another length, or none at all.
    #[error(
        "a key of `auth.sealing_keys` is not {bytes} bytes in base64; `openssl rand -base64 {bytes}` makes one"
    )]
    NotASealingKey {
        /// How many it must have.
        bytes: usize,
    },
    /// Each server would make another key, and none could open what another has sealed.
    #[error(
        "servers on PostgreSQL must share a sealing key: set `auth.sealing_keys` to the same on all of them; \
         `export ORDERWIRE_AUTH__SEALING_KEYS='[\"'$(openssl rand -base64 {bytes})'\"]'` makes one. \
         If this server ran without that setting, take `sealing_key` from `{FILE_NAME}` in its data folder: it sealed what is stored"
    )]
    NoSealingKey {
        /// How many bytes it must have.
        bytes: usize,
    },
    /// There is nothing to sign with.
    #[error("there is no secret to sign tokens with; configure `auth.secrets`")]
    NoSecret,
}

/// The file of made secrets. The partner's is in the form that partners are given.
#[derive(Deserialize)]
struct Made {
    token_secret: SecretString,
    generic_secret: SecretString,
    sealing_key: SecretString,
}

/// Takes the configured secrets. What is not configured comes from the data folder, and is made there on the first start; but a sealing
/// key must be configured where servers may share the database.
pub fn load_or_make(config: &Config, mint: &Mint) -> Result<Keys, KeyError> {
    let configured = config.partners.get(GENERIC);
    let mut keys = Keys {
        token_secrets: config.auth.secrets.clone(),
        generic_secrets: configured.map(|partner| partner.secrets.clone()).unwrap_or_default(),
        sealing_keys: config.auth.sealing_keys.clone(),
        made: None,
    };
    let is_shared = config.database.is_postgres();
    let lacks_sealing_key = keys.sealing_keys.is_empty() && !is_shared;
    if !(keys.token_secrets.is_empty() || keys.generic_secrets.is_empty() || lacks_sealing_key) {
        return Ok(keys);
    }
    let (stored, made) = read_or_make(&config.data_dir, mint)?;
    keys.made = made;
    let fill = |secrets: &mut Vec<SecretString>, secret: SecretString| {
        if secrets.is_empty() {
            secrets.push(secret);
        }
    };
    fill(&mut keys.token_secrets, stored.token_secret);
    fill(&mut keys.generic_secrets, stored.generic_secret);
    if lacks_sealing_key {
        keys.sealing_keys.push(stored.sealing_key);
    }
    Ok(keys)
}

/// The file's content, and its path if it was written just now.
fn read_or_make(data_dir: &Path, mint: &Mint) -> Result<(Made, Option<PathBuf>), KeyError> {
    let path = data_dir.join(FILE_NAME);
    let shown = path.display().to_string();
    let (text, is_new) = match fs::read_to_string(&path) {
        Ok(text) => (text, false),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = text(mint);
            write_new(data_dir, &path, text.expose_secret())
                .map_err(|cause| KeyError::Unwritable { path: shown.clone(), cause })?;
            (text.expose_secret().to_owned(), true)
        }
        Err(cause) => return Err(KeyError::Unreadable { path: shown, cause }),
    };
    let content = toml::from_str(&text).map_err(|_| KeyError::Spoilt { path: shown })?;
    Ok((content, is_new.then_some(path)))
}

fn text(mint: &Mint) -> SecretString {
    let random = || {
        let mut bytes = [0; 32];
        mint.fill(&mut bytes);
        STANDARD.encode(bytes)
    };
    format!(
        "# Made on the first start. Keep it secret, and keep it: without it every token and every\n\
         # signature made so far is worthless, and no secret in the database can be opened.\n\
         # `auth.secrets`, `partners.generic.secrets` and `auth.sealing_keys` override it.\n\
         token_secret = \"{}\"\n\
         generic_secret = \"whsec_{}\"\n\
         sealing_key = \"{}\"\n",
        random(),
        random(),
        random(),
    )
    .into()
}

/// Never replaces a file: of two servers that start at once, one fails instead of signing with a secret nobody else knows.
fn write_new(data_dir: &Path, path: &Path, text: &str) -> io::Result<()> {
    folder::make_private(data_dir)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Partner;

    fn config(name: &str) -> Config {
        let data_dir =
            std::env::temp_dir().join(format!("orderwire-keys-{}-{name}", std::process::id()));
        let _fresh = fs::remove_dir_all(&data_dir);
        Config { data_dir, ..Config::default() }
    }

    #[test]
    fn secrets_are_made_once_and_kept_from_others() {
        let config = config("once");
        let first = load_or_make(&config, &Mint::system()).unwrap();
        let second = load_or_make(&config, &Mint::system()).unwrap();
        assert_eq!(first.token_secrets[0].expose_secret(), second.token_secrets[0].expose_secret());
        assert!(first.generic_secrets[0].expose_secret().starts_with("whsec_"));
        assert!(!format!("{first:?}").contains("whsec_"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(config.data_dir.join(FILE_NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_configured_leaves_the_disk_alone() {
        let mut config = config("configured");
        config.auth.secrets = vec!["a secret of thirty-two bytes or so".into()];
        config.auth.sealing_keys = vec!["c2VhbGluZyBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ=".into()];
        let secrets = vec!["whsec_eA==".into()];
        config.partners.insert(GENERIC.to_owned(), Partner { secrets, ..Partner::default() });
        let keys = load_or_make(&config, &Mint::system()).unwrap();
        assert_eq!(keys.generic_secrets[0].expose_secret(), "whsec_eA==");
        assert!(!config.data_dir.exists());
    }

    #[test]
    fn a_sealing_key_is_made_when_everything_else_is_configured() {
        let mut config = config("sealing");
        config.auth.secrets = vec!["a secret of thirty-two bytes or so".into()];
        let secrets = vec!["whsec_eA==".into()];
        config.partners.insert(GENERIC.to_owned(), Partner { secrets, ..Partner::default() });
        let keys = load_or_make(&config, &Mint::system()).unwrap();
        assert_eq!(keys.generic_secrets[0].expose_secret(), "whsec_eA==");
        assert!(keys.sealer().is_ok());
        assert_eq!(keys.made, Some(config.data_dir.join(FILE_NAME)));
        let again = load_or_make(&config, &Mint::system()).unwrap();
        assert_eq!(again.made, None);
        assert_eq!(again.sealing_keys[0].expose_secret(), keys.sealing_keys[0].expose_secret());
    }

    #[test]
    fn servers_that_may_share_a_database_make_no_sealing_key() {
        let mut config = config("shared");
        config.database.url = Some("postgres://db/orderwire".into());
        for _start in 0..2 {
            let keys = load_or_make(&config, &Mint::system()).unwrap();
            let error = keys.sealer().err().unwrap().to_string();
            assert!(error.contains("ORDERWIRE_AUTH__SEALING_KEYS"), "{error}");
            assert!(error.contains("openssl rand -base64 32"), "{error}");
        }
    }

    #[test]
    fn a_spoilt_file_is_not_replaced() {
        let config = config("spoilt");
        fs::create_dir_all(&config.data_dir).unwrap();
        fs::write(config.data_dir.join(FILE_NAME), "token_secret = \"x\"").unwrap();
        let error = load_or_make(&config, &Mint::system()).unwrap_err().to_string();
        assert!(error.contains("remove it"), "{error}");
    }
}
