//! What becomes of the output of a command: a pager shows it, `head` cuts it, a filter picks lines out, a file takes it. It knows no command and
//! no format.

/// So many lines `head` lets through where nothing else is said.
const HEAD: usize = 10;

/// The commands of one typed line.
pub(super) fn commands(typed: &str) -> impl Iterator<Item = &str> {
    typed
        .split(';')
        .flat_map(|part| part.split("&&"))
        .map(str::trim)
        .filter(|command| !command.is_empty())
}

/// A command without what its output goes through, and below how many lines all of it is let through; none where lines are picked out.
pub(super) fn paged(typed: &str) -> Option<(&str, usize)> {
    let mut stages = typed.split('|');
    let command = stages.next().unwrap_or_default().trim_end();
    let mut most = usize::MAX;
    for stage in stages {
        let mut words = stage.split_whitespace().skip_while(|word| *word == "sudo");
        match words.next().unwrap_or_default().rsplit('/').next() {
            Some("less" | "more" | "most" | "no-more" | "cat" | "tee") => {}
            Some("head") => most = most.min(lines_of_head(words)?),
            _ => return None,
        }
    }
    Some((command, most))
}

/// `-17`, `-n 17`, `-n17`; none of what counts otherwise.
fn lines_of_head<'a>(mut options: impl Iterator<Item = &'a str>) -> Option<usize> {
    let Some(first) = options.next() else { return Some(HEAD) };
    let count = match first.strip_prefix('-')? {
        "n" => options.next()?,
        attached => attached.strip_prefix('n').unwrap_or(attached),
    };
    super::words::number(count).filter(|_| options.next().is_none())
}

/// Whether what a command printed, or its errors, went to a file: then an empty output says nothing.
pub(super) fn is_redirected(command: &str) -> bool {
    command.split_whitespace().any(|word| word.contains('>') && word != "2>&1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_output_goes_through_is_known() {
        for (typed, expected) in [
            ("ip r", Some(("ip r", usize::MAX))),
            ("ip r | head -100", Some(("ip r", 100))),
            ("ip r |head -n 5| less", Some(("ip r", 5))),
            ("ip r | head", Some(("ip r", HEAD))),
            ("ip r | sudo tee /tmp/x", Some(("ip r", usize::MAX))),
            ("ip r | head -c 100", None),
            ("ip r | head -n -1", None),
            ("ip r | tail -3", None),
            ("ip r|grep vti", None),
            ("", Some(("", usize::MAX))),
        ] {
            assert_eq!(paged(typed), expected, "{typed}");
        }
        assert!(is_redirected("ip r > /tmp/x") && is_redirected("ip r 2>/dev/null"));
        assert!(!is_redirected("ip r 2>&1"));
        assert_eq!(commands("ip r; ip l && ip x p").count(), 3);
    }
}
