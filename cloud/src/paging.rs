//! Pages of a sorted list. A token is the last key given out, so that what is made or deleted between two pages
//! neither repeats nor skips an entry.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One page, and the token of the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// The token is none that this cloud gave out.
#[derive(Debug)]
pub(crate) struct InvalidToken;

/// The first `limit` of `items` after `token`; `items` come sorted by their key.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = (String, T)>,
    limit: usize,
    token: Option<&str>,
) -> Result<Page<T>, InvalidToken> {
    let after = token.map(decode).transpose()?;
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let mut page = Page { items: Vec::new(), next: None };
    let mut last = None;
    for (key, item) in rest.by_ref().take(limit) {
        page.items.push(item);
        last = Some(key);
    }
    if rest.next().is_some() {
        page.next = last.map(|key| URL_SAFE_NO_PAD.encode(key));
    }
    Ok(page)
}

fn decode(token: &str) -> Result<String, InvalidToken> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken)?;
    String::from_utf8(bytes).map_err(|_| InvalidToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_everything_once_even_when_the_last_entry_seen_is_deleted() {
        let names: Vec<(String, u32)> = (0..7).map(|n| (format!("n{n}"), n)).collect();
        let first = page(names.clone(), 3, None).unwrap();
        assert_eq!(first.items, [0, 1, 2]);
        let without: Vec<_> = names.into_iter().filter(|(_, n)| *n != 2).collect();
        let second = page(without.clone(), 3, first.next.as_deref()).unwrap();
        assert_eq!(second.items, [3, 4, 5]);
        let third = page(without, 3, second.next.as_deref()).unwrap();
        assert_eq!(third.items, [6]);
        assert_eq!(third.next, None);
        assert!(page(Vec::<(String, u32)>::new(), 3, Some("%%")).is_err());
    }
}
