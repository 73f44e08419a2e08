//! AWS's wildcards: `*` is any number of characters, `?` exactly one.

/// Whether `text` matches `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go back to: the last star, and how much of the text it has eaten so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match &mut star {
                Some((star_pattern, star_text)) => {
                    *star_text += 1;
                    at_pattern = *star_pattern + 1;
                    at_text = *star_text;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, without cleverness.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => reference(&pattern[1..], text) || (!text.is_empty() && reference(pattern, &text[1..])),
            (Some('?'), Some(_)) => reference(&pattern[1..], &text[1..]),
            (Some(a), Some(b)) => a == b && reference(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_the_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), reference(&p, &t));
        }
    }
}
