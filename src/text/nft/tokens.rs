//! The words of nft's output: names in quotes, braces and commas by themselves. It knows no rule.

/// A word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    /// Without its quotes.
    Quoted(&'a str),
    Open,
    Close,
    Comma,
    /// `;`.
    End,
}

/// The words of a line; none where a quote has no end.
pub(super) fn of(line: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            ';' => (Token::End, 1),
            '"' => {
                let text = rest.get(1..)?;
                let end = text.find('"')?;
                let is_range = text.get(end + 1..).is_some_and(|rest| rest.starts_with('-'));
                if is_range {
                    // `"08:00"-"17:00"`: one word that nothing here reads.
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    (Token::Word(rest.get(..end)?), end)
                } else {
                    (Token::Quoted(text.get(..end)?), end + 2)
                }
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"');
                let end = rest.find(ends).unwrap_or(rest.len());
                let whole = rest.get(..end)?;
                // `established,related` is one word, and `22,` is followed by another element.
                let word = whole.trim_end_matches(',');
                match word.is_empty() {
                    true => (Token::Comma, whole.len()),
                    false => (Token::Word(word), word.len()),
                }
            }
        };
        tokens.push(token);
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

/// How many braces a line opens and does not close.
pub(super) fn depth(tokens: &[Token<'_>]) -> isize {
    let of = |token: &Token<'_>| match token {
        Token::Open => 1,
        Token::Close => -1,
        _ => 0,
    };
    tokens.iter().map(of).sum()
}

/// The words of a rule, one after the other.
#[derive(Clone)]
pub(super) struct Cursor<'t, 'a> {
    rest: &'t [Token<'a>],
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub(super) const fn new(tokens: &'t [Token<'a>]) -> Self {
        Self { rest: tokens }
    }

    /// What was not taken yet.
    pub(super) const fn rest(&self) -> &'t [Token<'a>] {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.rest.first().copied()
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// The next word, where it is one without quotes.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        match self.peek()? {
            Token::Word(word) => {
                self.next();
                Some(word)
            }
            _ => None,
        }
    }

    /// Takes this word, where it is the next one.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(Token::Word(word));
        if is_next {
            self.next();
        }
        is_next
    }

    /// What is between the next braces; none where the next word opens none.
    pub(super) fn braces(&mut self) -> Option<&'t [Token<'a>]> {
        if self.peek() != Some(Token::Open) {
            return None;
        }
        let mut open = 0_usize;
        for (at, token) in self.rest.iter().enumerate() {
            match token {
                Token::Open => open += 1,
                Token::Close => open -= 1,
                _ => {}
            }
            if open == 0 {
                let within = self.rest.get(1..at)?;
                self.rest = self.rest.get(at + 1..)?;
                return Some(within);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_braces_and_commas_are_words() {
        use Token::{Close, Comma, End, Open, Quoted, Word};
        for (line, expected) in [
            (
                "iifname { \"lan0\", \"wan0\" } accept",
                vec![
                    Word("iifname"),
                    Open,
                    Quoted("lan0"),
                    Comma,
                    Quoted("wan0"),
                    Close,
                    Word("accept"),
                ],
            ),
            (
                "ct state established,related",
                vec![Word("ct"), Word("state"), Word("established,related")],
            ),
            ("elements = { 22,", vec![Word("elements"), Word("="), Open, Word("22"), Comma]),
            ("policy drop;", vec![Word("policy"), Word("drop"), End]),
            (
                "meta hour \"08:00\"-\"17:00\" x",
                vec![Word("meta"), Word("hour"), Word("\"08:00\"-\"17:00\""), Word("x")],
            ),
            ("", vec![]),
        ] {
            assert_eq!(of(line), Some(expected), "{line}");
        }
        assert_eq!(of("comment \"x"), None);
    }

    #[test]
    fn braces_within_braces_are_within() {
        let tokens = of("{ a { b } } c").unwrap();
        let mut cursor = Cursor::new(&tokens);
        assert_eq!(cursor.braces().map(<[_]>::len), Some(4));
        assert_eq!(cursor.word(), Some("c"));
        let tokens = of("{ a").unwrap();
        assert_eq!(Cursor::new(&tokens).braces(), None);
    }
}
