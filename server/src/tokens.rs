//! Tokens that somebody else signs: JSON Web Tokens (RFC 7519), checked here.
//!
//! A key is for one algorithm. What the token's own head says of its algorithm only chooses among the keys: a token
//! that calls a public key a secret finds no key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::access::UserName;
use crate::config::read::read_text;
use crate::config::{Hidden, Tokens};
use crate::ids::Millis;
use crate::rules::Traits;

/// Longest token. Those of identity providers have one or two KiB; proxies stop at eight.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Longest file of keys.
const KEYS_BYTES_MAX: u64 = 256 * 1024;

/// Keys of a set.
const KEYS_MAX: usize = 100;

/// Shortest secret: RFC 7518 wants one as long as what SHA-256 makes of it.
const SECRET_BYTES_MIN: usize = 32;

/// What can be set of all this is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadKeys {
    /// The setting.
    pub(crate) setting: &'static str,
    /// Its file, where it is one.
    pub(crate) file: Option<PathBuf>,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadToken {
    /// It was good.
    Expired,
    /// It is not.
    Wrong,
}

/// What a good token says.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// Who it is.
    pub(crate) user: UserName,
    /// The person's name, for the audit log.
    pub(crate) name: Option<String>,
    /// Roles and what else is known.
    pub(crate) traits: Traits,
    /// How long it is good.
    pub(crate) until: Millis,
}

/// Checks tokens.
pub(crate) struct Checker {
    keys: Vec<Key>,
    user_claim: String,
    role_claim: String,
    name_claim: String,
    leeway_ms: u64,
}

struct Key {
    id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checker({} keys)", self.keys.len())
    }
}

impl Checker {
    /// Reads the keys; nothing where no key is set.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no key.
    pub(crate) fn load(settings: &Tokens) -> Result<Option<Self>, BadKeys> {
        let mut keys = Vec::new();
        let mut take = |id, algorithm, key| {
            keys.push(Key {
                id,
                key,
                validation: validation(algorithm, settings),
            });
        };
        if let Some(secret) = &settings.secret {
            let key = shared(secret).map_err(|why| bad("jwt-secret", None, why))?;
            take(None, Algorithm::HS256, key);
        }
        if let Some(file) = &settings.secret_file {
            let text = read_text(file, KEYS_BYTES_MAX);
            // An editor ends a file with a line feed, which nobody means.
            let key =
                text.and_then(|text| shared(&Hidden::new(text.trim_end_matches(['\r', '\n']))));
            let key = key.map_err(|why| bad("jwt-secret-file", Some(file), why))?;
            take(None, Algorithm::HS256, key);
        }
        if let Some(file) = &settings.public_key {
            let key = read_text(file, KEYS_BYTES_MAX).and_then(|text| {
                DecodingKey::from_ec_pem(text.as_bytes())
                    .map_err(|_error| "it is no public key of ES256 as PEM".to_owned())
            });
            let key = key.map_err(|why| bad("jwt-public-key", Some(file), why))?;
            take(None, Algorithm::ES256, key);
        }
        if let Some(file) = &settings.jwks {
            let set = read_text(file, KEYS_BYTES_MAX).and_then(|text| set(&text));
            for (id, algorithm, key) in set.map_err(|why| bad("jwt-jwks", Some(file), why))? {
                take(id, algorithm, key);
            }
        }
        let checker = Self {
            keys,
            user_claim: settings.user_claim.clone(),
            role_claim: settings.role_claim.clone(),
            name_claim: settings.name_claim.clone(),
            leeway_ms: u64::try_from(settings.leeway.as_millis()).unwrap_or(u64::MAX),
        };
        Ok((!checker.keys.is_empty()).then_some(checker))
    }

    /// Who comes with this token?
    ///
    /// # Errors
    /// When it is not good, or no longer.
    pub(crate) fn check(&self, token: &str) -> Result<Checked, BadToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::Wrong);
        }
        let head = decode_header(token).map_err(|_error| BadToken::Wrong)?;
        let fits = |key: &&Key| {
            let same_key = key.id.is_none() || head.kid.is_none() || key.id == head.kid;
            key.validation.algorithms.contains(&head.alg) && same_key
        };
        let mut reason = BadToken::Wrong;
        for key in self.keys.iter().filter(fits) {
            match decode::<Map<String, Value>>(token, &key.key, &key.validation) {
                Ok(data) => return self.checked(data.claims),
                Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                    reason = BadToken::Expired;
                }
                Err(_) => {}
            }
        }
        Err(reason)
    }

    fn checked(&self, claims: Map<String, Value>) -> Result<Checked, BadToken> {
        let claims: BTreeMap<String, Vec<String>> = claims
            .into_iter()
            .map(|(name, value)| (name, texts(&value)))
            .collect();
        let one = |claim: &str| match claims.get(claim).map(Vec::as_slice) {
            Some([text]) => Some(text),
            _ => None,
        };
        let user = one(&self.user_claim).and_then(|text| UserName::parse(text).ok());
        let seconds = one("exp").and_then(|text| text.parse::<f64>().ok());
        let (Some(user), Some(seconds)) = (user, seconds) else {
            return Err(BadToken::Wrong);
        };
        // Saturates, so a token until the end of time is one until then.
        let until = Millis(((seconds * 1000.0) as u64).saturating_add(self.leeway_ms));
        Ok(Checked {
            user,
            name: one(&self.name_claim).cloned(),
            until,
            traits: Traits {
                roles: claims.get(&self.role_claim).cloned().unwrap_or_default(),
                claims,
            },
        })
    }
}

fn bad(setting: &'static str, file: Option<&PathBuf>, why: String) -> BadKeys {
    BadKeys {
        setting,
        file: file.cloned(),
        why,
    }
}

fn shared(secret: &Hidden) -> Result<DecodingKey, String> {
    let secret = secret.reveal().as_bytes();
    if secret.len() < SECRET_BYTES_MIN {
        return Err(format!(
            "a secret of HS256 has at least {SECRET_BYTES_MIN} bytes, this one has {}",
            secret.len()
        ));
    }
    Ok(DecodingKey::from_secret(secret))
}

fn validation(algorithm: Algorithm, settings: &Tokens) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = settings.leeway.as_secs();
    validation.validate_nbf = true;
    let mut required = vec!["exp"];
    if settings.audience.is_empty() {
        validation.validate_aud = false;
    } else {
        validation.set_audience(&settings.audience);
        required.push("aud");
    }
    if !settings.issuer.is_empty() {
        validation.set_issuer(&settings.issuer);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// The keys of a set that tokens can be signed by. Others may stand there too (RFC 7517): they are passed over.
fn set(text: &str) -> Result<Vec<(Option<String>, Algorithm, DecodingKey)>, String> {
    let set: JwkSet =
        serde_json::from_str(text).map_err(|_error| "it is no JSON Web Key Set".to_owned())?;
    let usable = set.keys.iter().take(KEYS_MAX).filter_map(|key| {
        let algorithm = algorithm(key)?;
        let id = key.common.key_id.clone();
        DecodingKey::from_jwk(key)
            .ok()
            .map(|key| (id, algorithm, key))
    });
    let usable: Vec<_> = usable.collect();
    if usable.is_empty() {
        return Err("it holds no public key for signatures".to_owned());
    }
    Ok(usable)
}

fn algorithm(key: &Jwk) -> Option<Algorithm> {
    let common = &key.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|used| *used == PublicKeyUse::Signature);
    if !signs {
        return None;
    }
    match &key.algorithm {
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::RSA(_) => match common.key_algorithm {
            None | Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
            Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
            Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
            Some(_) => None,
        },
        AlgorithmParameters::OctetKeyPair(_) => Some(Algorithm::EdDSA),
        // A secret in a file of public keys is a mistake.
        _ => None,
    }
}

/// A claim as texts: one, or all of a list. What is neither text nor number nor yes or no says nothing here.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(yes) => vec![yes.to_string()],
        Value::Array(values) => {
            let flat = values.iter().filter(|value| !value.is_array());
            flat.flat_map(texts).collect()
        }
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
