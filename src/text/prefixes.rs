//! What editors, tables and chats put before each line, and what web pages make of some characters. Only what is before every line is taken away:
//! a line of its own may begin so, too. It recognises no format.

use std::borrow::Cow;

/// So few lines may begin alike by chance.
const FEWEST: usize = 3;

/// The text without what stands before each of its lines.
pub(super) fn without(text: &str) -> Cow<'_, str> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    if lines().nth(FEWEST - 1).is_none() {
        return Cow::Borrowed(text);
    }
    let prefixes: [fn(&str) -> Option<&str>; 5] =
        [|line| mark(line, '|'), |line| mark(line, '-'), |line| mark(line, '*'), number, time];
    let Some(strip) = prefixes.into_iter().find(|strip| lines().all(|l| strip(l).is_some())) else {
        return Cow::Borrowed(text);
    };
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        plain.push_str(strip(line).unwrap_or_default());
        plain.push('\n');
    }
    Cow::Owned(plain)
}

/// `| src 10.0.0.1`, and `|` alone.
fn mark(line: &str, mark: char) -> Option<&str> {
    let rest = line.strip_prefix(mark)?;
    rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))
}

/// The number of `cat -n`: it ends with a tab.
fn number(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ');
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    digits.strip_prefix('\t').filter(|_| digits.len() < rest.len())
}

/// `[12:34:56] `.
fn time(line: &str) -> Option<&str> {
    let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
    let is_time = time.contains(':') && time.bytes().all(|b| b.is_ascii_digit() || b == b':');
    rest.strip_prefix(' ').or(Some(rest)).filter(|_| is_time)
}

/// The text with the characters that a web page wrote as entities, where it wrote the flags of an interface so.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(": &lt;") {
        return Cow::Borrowed(text);
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Cow::Owned(plain.replace("&nbsp;", " ").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_before_each_line_is_taken_away() {
        let text = "a: b\n  c 1\nd\n";
        let each =
            |before: &str| text.lines().map(|l| format!("{before}{l}\n")).collect::<String>();
        for before in ["| ", "- ", "* ", "[12:34] ", "[12:34:56] ", "    17\t"] {
            assert_eq!(without(&each(before)), text, "{before}");
        }
        for text in ["| a\n| b\n", "- a\nb\n- c\n", "1 a\n2 b\n3 c\n", text] {
            assert_eq!(without(text), text);
        }
        assert_eq!(decoded("t0: &lt;UP&gt; &amp;lt;"), "t0: <UP> &lt;");
        assert_eq!(decoded("a &lt; b"), "a &lt; b");
    }
}
