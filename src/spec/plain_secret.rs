//! Recognises values that look like secrets, so that none stays in git unseen. False alarms are rare by construction:
//! known prefixes, names of variables, or long texts that look like dice.

/// What a value looks like by its form alone.
pub(super) fn by_pattern(text: &str) -> Option<&'static str> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    text.split(|letter: char| letter.is_whitespace() || ",;\"'()".contains(letter)).find_map(word)
}

/// What a variable's value looks like, by its form, its name, or its randomness.
pub(super) fn in_variable(name: &str, value: &str) -> Option<&'static str> {
    by_pattern(value).or_else(|| by_name(name, value)).or_else(|| by_randomness(value))
}

fn word(word: &str) -> Option<&'static str> {
    let tail = |prefix: &str| word.strip_prefix(prefix);
    let long = |rest: &str, length: usize| {
        rest.len() >= length
            && rest.bytes().take(length).all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let any = |prefixes: &[&str], length: usize| {
        prefixes.iter().any(|prefix| tail(prefix).is_some_and(|rest| long(rest, length)))
    };
    if any(&["AKIA", "ASIA"], 16) && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Some("an AWS access key");
    }
    if any(&["ABSK", "bedrock-api-key-"], 30) {
        return Some("a Bedrock API key");
    }
    if any(&["sk-", "sk_live_", "sk_test_", "rk_live_"], 16) {
        return Some("an API key");
    }
    if any(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"], 20) {
        return Some("a token of a git host");
    }
    if any(&["xoxb-", "xoxa-", "xoxp-", "xoxr-", "xapp-"], 10) {
        return Some("a Slack token");
    }
    if any(&["AIza"], 30) {
        return Some("a Google API key");
    }
    let parts: Vec<&str> = word.split('.').collect();
    if parts.len() == 3 && parts[0].starts_with("eyJ") && parts[1].starts_with("eyJ") && long(parts[2], 8) {
        return Some("a JSON Web Token");
    }
    has_password(word).then_some("a URL with a password in it")
}

/// `scheme://user:password@host`.
fn has_password(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

fn by_name(name: &str, value: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let secret = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "SECRET_KEY",
        "API_KEY",
        "APIKEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "TOKEN",
        "CREDENTIALS",
    ];
    let named_so = secret.iter().any(|word| name == *word || name.ends_with(&format!("_{word}")));
    let harmless = value.is_empty()
        || value.starts_with('/')
        || value.starts_with("arn:")
        || value.starts_with("https://")
        || ["true", "false"].contains(&value)
        || (value.len() < 8 && value.bytes().all(|byte| byte.is_ascii_digit()));
    (named_so && !harmless).then_some("a secret, by its name")
}

/// Capitals, small letters and digits, and hardly a letter more often than another.
fn by_randomness(value: &str) -> Option<&'static str> {
    let charset = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    (value.len() >= 28 && charset && mixed && entropy(value) >= 4.2).then_some("a random key")
}

/// Shannon's, in bits per letter.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|part| -part * part.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised() {
        let jwt = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0", "c2lnbmF0dXJlLXNpZw"].join(".");
        let random = ["wJalrXUtnFEMI", "K7MDENGbPxRfiCYz8q0T2"].join("");
        for (name, value) in [
            ("KEY", ["AKIA", "IOSFODNN7EXAMPLE"].join("").as_str()),
            ("KEY", ["sk-", "ant-api03-abcdefghij0123"].join("").as_str()),
            ("KEY", ["ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"].join("").as_str()),
            ("KEY", jwt.as_str()),
            ("KEY", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
            ("KEY", random.as_str()),
            ("DATABASE_URL", "postgres://coach:hunter2@db.internal/coach"),
            ("DB_PASSWORD", "hunter2"),
        ] {
            assert!(in_variable(name, value).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        for (name, value) in [
            ("AWS_REGION", "us-east-1"),
            ("MAX_TOKENS", "4096"),
            ("TOKEN_FILE", "/run/token"),
            ("API_TOKEN", "/run/secrets/token"),
            ("GIT_COMMIT", "41fe2aa8c0b1d9e7f3a5c6b8d0e2f4a6c8b0d2e4"),
            ("MODEL", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
            ("URL", "https://coach.example.com/a/b?c=d"),
            ("GREETING", "Hello, and welcome to the Coach, the best of all companions"),
            ("DATABASE_URL", "postgres://coach@db.internal/coach"),
        ] {
            assert_eq!(in_variable(name, value), None, "{name}");
        }
    }
}
