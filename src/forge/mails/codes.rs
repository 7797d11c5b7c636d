//! The codes in links of mails: proof that somebody got a certain mail.
//!
//! Owns their form and their check. A code is an authentication code under the installation's secret over what it is for, the row it is about, what stands in that
//! row, and its end. So none is stored anywhere, a row that changes or goes makes it worthless, and a copy of the database opens nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::audit::event::hex;
use crate::model::{Email, EmailAddress, Purpose, Registration, TeamId, UtcMs};

/// Bytes of the authentication code.
const MAC_BYTES: usize = 24;
/// Bytes of a whole code: row, end, authentication code.
const CODE_BYTES: usize = 16 + MAC_BYTES;

/// Bytes of the code of an invitation.
const INVITATION_BYTES: usize = 32;

/// Makes and checks codes.
#[derive(Clone)]
pub struct LinkCodes {
    key: [u8; 32],
    invitations: [u8; 32],
}

impl std::fmt::Debug for LinkCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkCodes(***)")
    }
}

/// A code that somebody showed, taken apart and not believed yet.
#[derive(Clone, Copy)]
pub struct Shown {
    about: i64,
    expires_ms: UtcMs,
    mac: [u8; MAC_BYTES],
}

impl Shown {
    /// Takes a code apart; none: it is not of the form of one.
    pub fn parse(code: &str) -> Option<Self> {
        // Before anything is decoded: it may be as long as a request head.
        if code.len() > CODE_BYTES * 2 {
            return None;
        }
        let bytes: [u8; CODE_BYTES] = URL_SAFE_NO_PAD.decode(code).ok()?.try_into().ok()?;
        let (about, rest) = bytes.split_first_chunk::<8>()?;
        let (expires, mac) = rest.split_first_chunk::<8>()?;
        Some(Self {
            about: i64::from_be_bytes(*about),
            expires_ms: UtcMs::new(i64::from_be_bytes(*expires)),
            mac: mac.try_into().ok()?,
        })
    }

    /// The row it claims to be about.
    pub fn about(&self) -> i64 {
        self.about
    }
}

impl LinkCodes {
    /// Derives the key from the root secret of the installation.
    pub fn new(root_secret: &[u8]) -> Self {
        let derive = |label: &[u8]| {
            let mut mac = keyed(root_secret);
            mac.update(label);
            mac.finalize().into_bytes().into()
        };
        Self { key: derive(b"atomicqms links in mails v1"), invitations: derive(b"atomicqms invitations v1") }
    }

    /// A code that confirms an address of an account.
    pub fn for_address(&self, address: &EmailAddress, expires: UtcMs) -> String {
        self.make(Purpose::ConfirmAddress, address.id, expires, &address_facts(address))
    }

    /// A code that confirms a registration.
    pub fn for_registration(&self, registration: &Registration) -> String {
        let expires = registration.expires_ms;
        self.make(Purpose::ConfirmRegistration, registration.id, expires, &registration_facts(registration))
    }

    /// The code of an invitation. It names no row, because its link tells nobody how many there are: its [hash](invitation_hash) finds it.
    pub fn for_invitation(&self, team: TeamId, email: &Email, seed: &str) -> String {
        let mut mac = keyed(&self.invitations);
        mac.update(&team.get().to_be_bytes());
        for text in [email.key().as_str(), seed] {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// What stands for a neighbourhood in rows, so that they show no address.
    pub fn mark(&self, neighbourhood: &str) -> String {
        let mut mac = keyed(&self.key);
        mac.update(b"neighbourhood");
        mac.update(neighbourhood.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        URL_SAFE_NO_PAD.encode(whole.split_at(16).0)
    }

    /// Whether a code confirms this address now.
    pub fn confirms_address(&self, shown: &Shown, address: &EmailAddress, now: UtcMs) -> bool {
        shown.about == address.id && self.is_good(shown, Purpose::ConfirmAddress, &address_facts(address), now)
    }

    /// Whether a code confirms this registration now.
    pub fn confirms_registration(&self, shown: &Shown, registration: &Registration, now: UtcMs) -> bool {
        let facts = registration_facts(registration);
        shown.about == registration.id && self.is_good(shown, Purpose::ConfirmRegistration, &facts, now)
    }

    fn make(&self, purpose: Purpose, about: i64, expires: UtcMs, facts: &[String]) -> String {
        let mut code = Vec::with_capacity(CODE_BYTES);
        code.extend_from_slice(&about.to_be_bytes());
        code.extend_from_slice(&expires.get().to_be_bytes());
        code.extend_from_slice(&self.mac(purpose, about, expires, facts));
        URL_SAFE_NO_PAD.encode(code)
    }

    fn is_good(&self, shown: &Shown, purpose: Purpose, facts: &[String], now: UtcMs) -> bool {
        let expected = self.mac(purpose, shown.about, shown.expires_ms, facts);
        let is_ours = bool::from(subtle::ConstantTimeEq::ct_eq(expected.as_slice(), shown.mac.as_slice()));
        is_ours && now < shown.expires_ms
    }

    fn mac(&self, purpose: Purpose, about: i64, expires: UtcMs, facts: &[String]) -> [u8; MAC_BYTES] {
        let mut mac = keyed(&self.key);
        mac.update(&about.to_be_bytes());
        mac.update(&expires.get().to_be_bytes());
        // With its length before each, so that no two lists look the same.
        for text in std::iter::once(purpose.as_str()).chain(facts.iter().map(String::as_str)) {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut code = [0; MAC_BYTES];
        code.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        code
    }
}

/// What of the code of an invitation stands in its row; none: it is not of the form of one.
pub fn invitation_hash(code: &str) -> Option<String> {
    if code.len() > INVITATION_BYTES * 2 {
        return None;
    }
    let bytes: [u8; INVITATION_BYTES] = URL_SAFE_NO_PAD.decode(code).ok()?.try_into().ok()?;
    Some(hex(&Sha256::digest(bytes)))
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn address_facts(address: &EmailAddress) -> [String; 2] {
    [address.user_id.to_string(), address.email.key()]
}

fn registration_facts(registration: &Registration) -> [String; 2] {
    [registration.name.key().to_owned(), registration.email.key()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{UserId, UserName};

    fn address(id: i64, user: i64, email: &str) -> EmailAddress {
        let email = Email::new(email).unwrap();
        EmailAddress { id, user_id: UserId::new(user), email, is_verified: false, is_primary: false }
    }

    fn registration(id: i64, name: &str, email: &str) -> Registration {
        Registration {
            id,
            name: UserName::new(name).unwrap(),
            email: Email::new(email).unwrap(),
            password_hash: String::new(),
            expires_ms: UtcMs::new(2000),
        }
    }

    #[test]
    fn a_code_is_good_for_one_thing_until_its_end() {
        let codes = LinkCodes::new(b"root");
        let ours = address(7, 1, "ada@example.org");
        let code = codes.for_address(&ours, UtcMs::new(2000));
        let shown = Shown::parse(&code).unwrap();
        let good = |address: &EmailAddress, now: i64| codes.confirms_address(&shown, address, UtcMs::new(now));
        assert!(good(&ours, 0) && good(&ours, 1999));
        assert!(!good(&ours, 2000), "over");
        for other in
            [address(8, 1, "ada@example.org"), address(7, 2, "ada@example.org"), address(7, 1, "bob@example.org")]
        {
            assert!(!good(&other, 0), "{other:?}");
        }
        assert!(!LinkCodes::new(b"other").confirms_address(&shown, &ours, UtcMs::new(0)));
        // The same numbers for another purpose.
        let asked = registration(7, "ada", "ada@example.org");
        let other = Shown::parse(&codes.for_registration(&asked)).unwrap();
        assert!(codes.confirms_registration(&other, &asked, UtcMs::new(0)));
        assert!(!codes.confirms_registration(&shown, &asked, UtcMs::new(0)));
        assert!(!codes.confirms_registration(&other, &registration(7, "bob", "ada@example.org"), UtcMs::new(0)));
        assert!(!codes.confirms_address(&other, &ours, UtcMs::new(0)));
    }

    #[test]
    fn no_changed_code_is_good() {
        let codes = LinkCodes::new(b"root");
        let ours = address(7, 1, "ada@example.org");
        let code = codes.for_address(&ours, UtcMs::new(2000));
        let bytes = URL_SAFE_NO_PAD.decode(&code).unwrap();
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[position] ^= 1 << bit;
                let shown = Shown::parse(&URL_SAFE_NO_PAD.encode(&other)).unwrap();
                assert!(!codes.confirms_address(&shown, &ours, UtcMs::new(0)), "byte {position} bit {bit}");
            }
        }
        for bad in ["", "x", &code[1..], &format!("{code}A"), &format!("{code}=="), "ä", &"A".repeat(100_000)] {
            assert!(Shown::parse(bad).is_none(), "{}", bad.len());
        }
    }
}
