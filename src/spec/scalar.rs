//! What single values look like: YAML's traps, near misses, and how to mend them.

/// Words that YAML 1.1 takes for truth values and YAML 1.2 for texts: tools differ, so they have to be quoted.
pub(super) fn is_truth_value(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false")
}

/// Numbers that YAML tools read differently, or that are hard to read: octal, hexadecimal, underscores, exponents.
pub(super) fn is_unusual_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    leading_zero || text.starts_with('+') || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The candidate that was probably meant, if one is near enough.
pub(super) fn closest(written: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let written = written.to_lowercase();
    let limit = match written.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=10 => 2,
        _ => 3,
    };
    candidates
        .iter()
        .map(|candidate| (distance(&written, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether a name was probably meant.
pub(super) fn is_near(written: &str, candidate: &str) -> bool {
    distance(&written.to_lowercase(), &candidate.to_lowercase()) <= 2
}

/// Edit distance with transpositions of neighbours (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // What is far longer is no near miss, and need not be computed.
    if one.len().abs_diff(other.len()) > 3 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// How to mend a value that is not what was expected. Values are quoted only where they are numbers or names.
pub(super) fn hint(expected: &str, text: &str) -> Option<String> {
    let digits = text.len() <= 9 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if expected.starts_with("a duration") {
        return duration_hint(text, digits);
    }
    if expected.starts_with("a percentage") {
        return digits.then(|| format!("write `{text}%`"));
    }
    if expected.starts_with("lower-case letters, digits and hyphens") {
        return name_hint(expected, text);
    }
    if expected.starts_with("12 digits") {
        return Some(account_hint(text));
    }
    None
}

fn duration_hint(text: &str, digits: bool) -> Option<String> {
    if digits {
        return Some(format!("write the unit: `{text}s` or `{text}m`"));
    }
    let number: String = text.chars().take_while(char::is_ascii_digit).take(9).collect();
    let unit = match text[number.len()..].trim().to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hour" | "hours" | "hr" | "hrs" => "h",
        "day" | "days" => "d",
        "s" | "m" | "h" | "d" => &text[text.len() - 1..],
        "ms" => return Some("whole seconds are the smallest unit".to_owned()),
        _ if text.len() > number.len() && !number.is_empty() => {
            return Some("one number and one unit: `90s` instead of `1m30s`".to_owned());
        }
        _ => return None,
    };
    (!number.is_empty()).then(|| format!("write `{number}{}`", unit.to_ascii_lowercase()))
}

fn name_hint(expected: &str, text: &str) -> Option<String> {
    let max_length: usize = expected.split(' ').filter_map(|word| word.parse().ok()).next_back()?;
    let length = text.chars().count();
    if length > max_length {
        return Some(format!("it has {length} characters"));
    }
    if !super::mask::is_plain_name(text) {
        return None;
    }
    let mended: String = text
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '-' })
        .collect();
    let mended = mended.trim_matches('-').trim_start_matches(|first: char| first.is_ascii_digit() || first == '-');
    (!mended.is_empty() && mended != text).then(|| format!("for example `{mended}`"))
}

pub(super) fn account_hint(text: &str) -> String {
    match text.len() {
        length @ 1..12 if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("it has {length} digits: were leading zeros lost? In quotes they stay: `\"{text:0>12}\"`")
        }
        _ => "YAML tools take it for a number without quotes, and drop leading zeros".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_recognised_and_far_ones_are_not() {
        let known = ["replicas", "rollout", "rollback", "port", "health"];
        assert_eq!(closest("replcas", &known), Some("replicas"));
        assert_eq!(closest("Replicas", &known), Some("replicas"));
        assert_eq!(closest("prot", &known), Some("port"));
        assert_eq!(closest("rolback", &known), Some("rollback"));
        assert_eq!(closest("volumes", &known), None);
        assert_eq!(closest("x", &known), None);
    }

    #[test]
    fn numbers_that_tools_read_differently_are_unusual() {
        for text in ["010", "0o17", "0x1F", "1_000", "1e3", "+5", ".inf", "1:30"] {
            assert!(is_unusual_number(text), "{text}");
        }
        for text in ["0", "10", "-3", "0.5", "1.10"] {
            assert!(!is_unusual_number(text), "{text}");
        }
    }

    #[test]
    fn durations_are_mended() {
        let expected = "a duration such as 30s, 5m, 24h or 7d";
        assert_eq!(hint(expected, "30").as_deref(), Some("write the unit: `30s` or `30m`"));
        assert_eq!(hint(expected, "5 min").as_deref(), Some("write `5m`"));
        assert_eq!(hint(expected, "5M").as_deref(), Some("write `5m`"));
        assert_eq!(hint(expected, "1m30s").as_deref(), Some("one number and one unit: `90s` instead of `1m30s`"));
        assert_eq!(hint(expected, "soon"), None);
        assert_eq!(hint(expected, "ünfzig"), None);
    }
}
