//! Which agent a person means.

use crate::cli::exit::Usage;
use crate::names::AgentId;

/// Finds the agent that `wanted` names: `FLEET/AGENT`, or the bare name where it is unique.
///
/// # Errors
/// If none or several are meant; the text names those that could be.
pub fn find(wanted: &str, known: &[AgentId]) -> Result<AgentId, Usage> {
    let meant: Vec<&AgentId> =
        known.iter().filter(|id| id.agent.as_str() == wanted || id.to_string() == wanted).collect();
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Usage(unknown(wanted, known))),
        several => {
            let names: Vec<String> = several.iter().map(|id| id.to_string()).collect();
            Err(Usage(format!("`{wanted}` is in several fleets; say which: {}", names.join(", "))))
        }
    }
}

fn unknown(wanted: &str, known: &[AgentId]) -> String {
    if known.is_empty() {
        return format!("no agent `{wanted}`: there is no agent at all yet");
    }
    let name = |id: &AgentId| if wanted.contains('/') { id.to_string() } else { id.agent.to_string() };
    let closest = known
        .iter()
        .map(|id| (distance(wanted, &name(id)), id))
        .filter(|(distance, id)| *distance <= (name(id).len() / 3).max(1))
        .min();
    match closest {
        Some((_, id)) => format!("no agent `{wanted}`; did you mean `{id}`?"),
        None => {
            let mut names: Vec<String> = known.iter().take(10).map(ToString::to_string).collect();
            if known.len() > names.len() {
                names.push(format!("and {} more", known.len() - names.len()));
            }
            format!("no agent `{wanted}`; there is {}", names.join(", "))
        }
    }
}

/// How many letters have to be changed, added or removed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<AgentId> {
        ["dev/coach", "dev/test-agent", "prod/coach"].iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_bare_name_is_enough_where_it_is_unique() {
        assert_eq!(find("test-agent", &known()).unwrap().to_string(), "dev/test-agent");
        assert_eq!(find("prod/coach", &known()).unwrap().to_string(), "prod/coach");
    }

    #[test]
    fn a_name_in_two_fleets_asks_which() {
        let error = find("coach", &known()).unwrap_err().to_string();
        assert_eq!(error, "`coach` is in several fleets; say which: dev/coach, prod/coach");
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
        let error = find("test-agnet", &known()).unwrap_err().to_string();
        assert_eq!(error, "no agent `test-agnet`; did you mean `dev/test-agent`?");
        let error = find("dev/caoch", &known()).unwrap_err().to_string();
        assert_eq!(error, "no agent `dev/caoch`; did you mean `dev/coach`?");
    }

    #[test]
    fn an_unknown_name_lists_what_there_is() {
        let error = find("zzz", &known()).unwrap_err().to_string();
        assert_eq!(error, "no agent `zzz`; there is dev/coach, dev/test-agent, prod/coach");
        assert_eq!(find("zzz", &[]).unwrap_err().to_string(), "no agent `zzz`: there is no agent at all yet");
    }
}
