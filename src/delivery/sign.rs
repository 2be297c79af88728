//! Standard Webhooks signatures (specification 1.0.0, "Symmetric (HMAC-SHA256)").

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key that signs what goes to a target. Never shown.
#[derive(Clone)]
pub struct SigningSecret(Hmac<Sha256>);

/// Why a text is no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningSecretError {
    /// Not the prefix and base64.
    #[error(
        "a signing secret is `whsec_` and base64; `openssl rand -base64 32` makes the second part"
    )]
    NotBase64,
    /// A key that could be guessed.
    #[error(
        "a signing secret has at least {} bytes before base64, this one {bytes}",
        SigningSecret::BYTES_MIN
    )]
    TooShort {
        /// How many bytes it has.
        bytes: usize,
    },
}

impl SigningSecret {
    /// Standard Webhooks asks for 24 to 64 bytes; no more than a warning's worth is refused here.
    pub const BYTES_MIN: usize = 16;

    /// Reads `whsec_<base64>`; the prefix may be missing, as the reference libraries have it.
    ///
    /// # Errors
    /// When it is not base64, or too short.
    pub fn parse(text: &str) -> Result<Self, SigningSecretError> {
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        let key = STANDARD.decode(encoded).map_err(|_| SigningSecretError::NotBase64)?;
        if key.len() < Self::BYTES_MIN {
            return Err(SigningSecretError::TooShort { bytes: key.len() });
        }
        let mac = Hmac::new_from_slice(&key).map_err(|_| SigningSecretError::NotBase64)?;
        Ok(Self(mac))
    }

    /// The value of the header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    #[test]
    fn the_specifications_example() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[track_caller]
    fn check(text: &str, expected: Result<(), SigningSecretError>) {
        assert_eq!(SigningSecret::parse(text).map(drop), expected);
    }

    #[test]
    fn secrets_are_base64_of_some_length() {
        check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Ok(()));
        check("whsec_not base64", Err(SigningSecretError::NotBase64));
        check("whsec_", Err(SigningSecretError::TooShort { bytes: 0 }));
        check("whsec_c2hvcnQ=", Err(SigningSecretError::TooShort { bytes: 5 }));
    }
}
