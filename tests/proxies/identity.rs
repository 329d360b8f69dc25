//! Tokens as ThingsBoard signs them: HS512 with the secret of the installation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// As long as the digest, which is the least that is taken.
const SECRET: &[u8] = b"a secret of at least sixty-four bytes that nobody uses but in tests";

/// The secret as it stands in its file.
pub(crate) fn secret_file() -> String {
    STANDARD.encode(SECRET)
}

/// A token of a user of the tutorial.
pub(crate) fn token(user: &str) -> String {
    let scope = if user.ends_with("_admin") { "TENANT_ADMIN" } else { "CUSTOMER_USER" };
    signed(&json!({
        "sub": format!("{user}@example.com"),
        "userId": user,
        "scopes": [scope],
        "iss": "thingsboard.io",
        "iat": Timestamp::now().as_second(),
        "exp": Timestamp::now().as_second() + 600,
    }))
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET);
    encode(&Header::new(Algorithm::HS512), claims, &key).unwrap()
}
