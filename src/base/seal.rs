//! Secrets at rest: sealed with AES-256-GCM under a key that is kept elsewhere.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::base::mint::Mint;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Keys that open what any of them has sealed; the first one seals.
pub struct Sealer(Vec<LessSafeKey>);

impl Sealer {
    /// `None` when one of the keys has another length than [`KEY_BYTES`].
    pub fn new(keys: &[Vec<u8>]) -> Option<Self> {
        let key = |it: &Vec<u8>| Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, it).ok()?));
        keys.iter().map(key).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Seals a secret for one place: it cannot be opened in another. `None` where there is no key.
    pub fn seal(&self, mint: &Mint, place: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        mint.fill(&mut nonce);
        let mut body = secret.to_vec();
        let key = self.0.first()?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place),
            &mut body,
        )
        .ok()?;
        Some([&nonce[..], &body].concat())
    }

    /// Whether the first key, the one that seals, opens this.
    pub fn seals_like(&self, place: &[u8], sealed: &[u8]) -> bool {
        self.0.first().is_some_and(|key| open_with(key, place, sealed).is_some())
    }

    /// What was sealed for this place; `None` when it was not, or under a key that is gone.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.iter().find_map(|key| open_with(key, place, sealed))
    }
}

fn open_with(key: &LessSafeKey, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = body.to_vec();
    let secret = key.open_in_place(nonce, Aad::from(place), &mut body).ok()?;
    Some(secret.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &[u8]) -> Sealer {
        Sealer::new(&keys.iter().map(|it| vec![*it; KEY_BYTES]).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_secret_opens_in_its_place_and_nowhere_else() {
        let sealed = sealer(&[1]).seal(&Mint::system(), b"careem", b"key").unwrap();
        assert!(!sealed.windows(3).any(|it| it == b"key"));
        assert_eq!(sealer(&[1]).open(b"careem", &sealed).as_deref(), Some(&b"key"[..]));
        assert_eq!(sealer(&[1]).open(b"talabat", &sealed), None);
        assert_eq!(sealer(&[2]).open(b"careem", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sealer(&[1]).open(b"careem", &changed), None, "byte {at}");
        }
        assert_eq!(sealer(&[1]).open(b"careem", b"short"), None);
    }

    #[test]
    fn keys_are_rotated_without_a_gap() {
        let sealed = sealer(&[1]).seal(&Mint::system(), b"careem", b"key").unwrap();
        assert_eq!(sealer(&[2, 1]).open(b"careem", &sealed).as_deref(), Some(&b"key"[..]));
        let sealed = sealer(&[2, 1]).seal(&Mint::system(), b"careem", b"key").unwrap();
        assert_eq!(sealer(&[1]).open(b"careem", &sealed), None, "the first one seals");
        assert!(sealer(&[2, 1]).seals_like(b"careem", &sealed));
        assert!(!sealer(&[1, 2]).seals_like(b"careem", &sealed));
        assert!(Sealer::new(&[vec![0; 31]]).is_none());
        assert_eq!(sealer(&[]).seal(&Mint::system(), b"careem", b"key"), None);
    }
}
