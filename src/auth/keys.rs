//! The secrets that a server signs with: from the settings, or made once and kept in the data folder.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::Path,
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
const GENERIC: &str = "generic";

/// The secrets to work with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// For HS256 tokens; the first one signs. The key is the text's bytes.
    pub token_secrets: Vec<SecretString>,
    /// Of the generic partner: `whsec_…`.
    pub generic_secrets: Vec<SecretString>,
    /// What partners' credentials are sealed with, in base64; the first one seals.
    pub sealing_keys: Vec<SecretString>,
}

impl Keys {
    /// Seals and opens partners' credentials.
    pub fn sealer(&self) -> Result<Sealer, KeyError> {
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
        "cannot write {path}: {cause}; make its folder writable, or configure `auth.secrets` and `partners.generic.secrets`"
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

/// Takes the configured secrets; what is not configured comes from the data folder, and is made there on the first start.
pub fn load_or_make(config: &Config, mint: &Mint) -> Result<Keys, KeyError> {
    let token_secrets = config.auth.secrets.clone();
    let generic_secrets =
        config.partners.get(GENERIC).map(|it| it.secrets.clone()).unwrap_or_default();
    let sealing_keys = config.auth.sealing_keys.clone();
    if !token_secrets.is_empty() && !generic_secrets.is_empty() {
        // Without a sealing key nothing can be sealed, which is said to whoever tries.
        return Ok(Keys { token_secrets, generic_secrets, sealing_keys });
    }
    let made = read_or_make(&config.data_dir, mint)?;
    let or = |configured: Vec<SecretString>, made: SecretString| {
        if configured.is_empty() { vec![made] } else { configured }
    };
    Ok(Keys {
        token_secrets: or(token_secrets, made.token_secret),
        generic_secrets: or(generic_secrets, made.generic_secret),
        sealing_keys: or(sealing_keys, made.sealing_key),
    })
}

fn read_or_make(data_dir: &Path, mint: &Mint) -> Result<Made, KeyError> {
    let path = data_dir.join(FILE_NAME);
    let shown = path.display().to_string();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = text(mint);
            write_new(data_dir, &path, text.expose_secret())
                .map_err(|cause| KeyError::Unwritable { path: shown.clone(), cause })?;
            text.expose_secret().to_owned()
        }
        Err(cause) => return Err(KeyError::Unreadable { path: shown, cause }),
    };
    toml::from_str(&text).map_err(|_| KeyError::Spoilt { path: shown })
}

fn text(mint: &Mint) -> SecretString {
    let random = || {
        let mut bytes = [0; 32];
        mint.fill(&mut bytes);
        STANDARD.encode(bytes)
    };
    format!(
        "# Made on the first start. Keep it secret, and keep it: without it every token and every\n\
         # signature made so far is worthless. `auth.secrets` and `partners.generic.secrets` override it.\n\
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
        let secrets = vec!["whsec_eA==".into()];
        config.partners.insert(GENERIC.to_owned(), Partner { secrets, ..Partner::default() });
        let keys = load_or_make(&config, &Mint::system()).unwrap();
        assert_eq!(keys.generic_secrets[0].expose_secret(), "whsec_eA==");
        assert!(!config.data_dir.exists());
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
