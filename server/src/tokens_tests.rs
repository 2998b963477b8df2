#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn settings() -> Tokens {
    Tokens {
        secret: Some(Hidden::new(SECRET)),
        leeway: Duration::from_secs(5),
        ..Tokens::default()
    }
}

fn by_secret(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

fn check(settings: &Tokens, token: &str) -> Result<Checked, BadToken> {
    Checker::load(settings).unwrap().unwrap().check(token)
}

fn refused(settings: &Tokens, claims: &Value) -> Option<BadToken> {
    check(settings, &by_secret(claims)).err()
}

#[test]
fn a_good_token_says_who_it_is_and_what_they_are() {
    let exp = now() + 60;
    let claims = json!({ "sub": "7", "name": "Jane", "role": ["editor", "owner"], "exp": exp,
        "team": [7, "b"], "deep": { "a": 1 }, "none": null });
    let checked = check(&settings(), &by_secret(&claims)).unwrap();
    assert_eq!(checked.user.as_str(), "7");
    assert_eq!(checked.name.as_deref(), Some("Jane"));
    assert_eq!(checked.traits.roles, ["editor", "owner"]);
    assert_eq!(checked.traits.claims["team"], ["7", "b"]);
    assert_eq!(checked.until, Millis((exp + 5) * 1000));
    let other = Tokens {
        user_claim: "uid".to_owned(),
        role_claim: "groups".to_owned(),
        ..settings()
    };
    let checked = check(
        &other,
        &by_secret(&json!({ "uid": 7, "groups": "g", "exp": exp })),
    );
    let checked = checked.unwrap();
    assert_eq!(
        (checked.user.as_str(), checked.traits.roles.len()),
        ("7", 1)
    );
}

#[test]
fn times_count_with_the_leeway_and_no_further() {
    let claims = |exp, nbf| json!({ "sub": "j", "exp": exp, "nbf": nbf });
    let with = |exp, nbf| refused(&settings(), &claims(exp, nbf));
    assert_eq!(with(now() - 2, now() + 2), None);
    assert_eq!(with(now() - 60, 0), Some(BadToken::Expired));
    assert_eq!(with(now() + 60, now() + 60), Some(BadToken::Wrong));
    assert_eq!(
        refused(&settings(), &json!({ "sub": "j" })),
        Some(BadToken::Wrong)
    );
}

#[test]
fn whom_it_is_for_and_of_counts_where_that_is_set() {
    let exp = now() + 60;
    let strict = Tokens {
        audience: vec!["us".to_owned(), "them".to_owned()],
        issuer: vec!["https://id".to_owned()],
        ..settings()
    };
    let with = |aud: Value, iss: Value| {
        refused(
            &strict,
            &json!({ "sub": "j", "exp": exp, "aud": aud, "iss": iss }),
        )
    };
    assert_eq!(with(json!("us"), json!("https://id")), None);
    assert_eq!(with(json!(["x", "them"]), json!("https://id")), None);
    assert_eq!(with(json!("x"), json!("https://id")), Some(BadToken::Wrong));
    assert_eq!(
        with(json!("us"), json!("https://evil")),
        Some(BadToken::Wrong)
    );
    assert_eq!(
        with(Value::Null, json!("https://id")),
        Some(BadToken::Wrong)
    );
    assert_eq!(
        refused(&strict, &json!({ "sub": "j", "exp": exp })),
        Some(BadToken::Wrong)
    );
    // Not set, they may say what they like.
    assert_eq!(
        refused(&settings(), &json!({ "sub": "j", "exp": exp, "aud": "x" })),
        None
    );
}

#[test]
fn what_is_no_token_is_refused() {
    let exp = now() + 60;
    let good = by_secret(&json!({ "sub": "j", "exp": exp }));
    let parts: Vec<&str> = good.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for token in [
        String::new(),
        "a.b.c".to_owned(),
        good[..good.len() - 2].to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{good}{}", " ".repeat(TOKEN_BYTES_MAX)),
        "x".repeat(TOKEN_BYTES_MAX + 1),
    ] {
        assert_eq!(
            check(&settings(), &token).err(),
            Some(BadToken::Wrong),
            "{token}"
        );
    }
    for sub in [
        json!(""),
        json!(null),
        json!({}),
        json!("a\nb"),
        json!(["a", "b"]),
    ] {
        let claims = json!({ "sub": sub, "exp": exp });
        assert_eq!(
            refused(&settings(), &claims),
            Some(BadToken::Wrong),
            "{sub}"
        );
    }
}

/// A key of ES256, its public half as PEM, and as a JSON Web Key.
fn pair(id: &str) -> (EncodingKey, String, Value) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let point = pair.public_key_raw();
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig",
        "x": base64_url(&point[1..33]), "y": base64_url(&point[33..65]) });
    let private = EncodingKey::from_ec_der(&pair.serialize_der());
    (private, pair.public_key_pem(), key)
}

fn base64_url(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<bool> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    let six = bits.chunks(6).map(|chunk| {
        let value = (0..6).fold(0, |value, at| {
            value << 1 | usize::from(chunk.get(at).copied().unwrap_or(false))
        });
        char::from(LETTERS[value])
    });
    six.collect()
}

fn by_key(key: &EncodingKey, id: Option<&str>) -> String {
    let mut head = Header::new(Algorithm::ES256);
    head.kid = id.map(str::to_owned);
    encode(&head, &json!({ "sub": "j", "exp": now() + 60 }), key).unwrap()
}

struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("everfresh-keys-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ignored = std::fs::remove_file(&self.0);
    }
}

#[test]
fn public_keys_are_those_of_the_file_and_no_secrets() {
    let ((one, pem, key), (two, _, other)) = (pair("one"), pair("two"));
    let file = File::new("pem", &pem);
    let settings = Tokens {
        public_key: Some(file.0.clone()),
        ..Tokens::default()
    };
    assert!(check(&settings, &by_key(&one, None)).is_ok());
    assert!(check(&settings, &by_key(&two, None)).is_err());
    // The classic forgery: a token signed with the public key, as if that were a secret.
    let forged = encode(
        &Header::new(Algorithm::HS256),
        &json!({ "sub": "j", "exp": now() + 60 }),
        &EncodingKey::from_secret(pem.as_bytes()),
    );
    assert_eq!(
        check(&settings, &forged.unwrap()).err(),
        Some(BadToken::Wrong)
    );

    let secret = json!({ "kty": "oct", "k": base64_url(SECRET.as_bytes()), "alg": "HS256" });
    let set = json!({ "keys": [key, other, secret, { "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }] });
    let file = File::new("set", &set.to_string());
    let settings = Tokens {
        jwks: Some(file.0.clone()),
        ..Tokens::default()
    };
    assert!(check(&settings, &by_key(&one, Some("one"))).is_ok());
    assert!(check(&settings, &by_key(&two, Some("two"))).is_ok());
    assert!(check(&settings, &by_key(&two, None)).is_ok());
    assert!(check(&settings, &by_key(&two, Some("one"))).is_err());
    assert!(check(&settings, &by_key(&two, Some("three"))).is_err());
    assert!(
        check(
            &settings,
            &by_secret(&json!({ "sub": "j", "exp": now() + 60 }))
        )
        .is_err()
    );
}

#[test]
fn keys_that_are_none_are_told_of_without_being_shown() {
    let bad = |settings: Tokens| Checker::load(&settings).unwrap_err();
    let weak = bad(Tokens {
        secret: Some(Hidden::new("hush")),
        ..Tokens::default()
    });
    assert_eq!(weak.setting, "jwt-secret");
    assert!(weak.why.contains("32 bytes") && !weak.why.contains("hush"));
    let file = File::new("none", "hush");
    for (settings, name) in [
        (
            Tokens {
                secret_file: Some(file.0.clone()),
                ..Tokens::default()
            },
            "jwt-secret-file",
        ),
        (
            Tokens {
                public_key: Some(file.0.clone()),
                ..Tokens::default()
            },
            "jwt-public-key",
        ),
        (
            Tokens {
                jwks: Some(file.0.clone()),
                ..Tokens::default()
            },
            "jwt-jwks",
        ),
        (
            Tokens {
                jwks: Some("/no/such".into()),
                ..Tokens::default()
            },
            "jwt-jwks",
        ),
    ] {
        let told = bad(settings);
        assert_eq!(told.setting, name);
        assert!(!told.why.contains("hush"), "{}", told.why);
    }
    assert!(Checker::load(&Tokens::default()).unwrap().is_none());
}
