//! Lists that are cut at their end or head, or whose end nobody knows. The healthy tunnel of the laboratory is changed as people change what
//! they paste: none of it may be called broken with more than "possible".

use super::pieces::{
    ADDRESSES, LINKS, POLICY, PROMPT, Part, ROUTES, RULES, STATE, body, findings, healthy, joined,
    nothing, parts_of, without,
};
use vti_diagnostics::report::Confidence;

/// What is found is possible at most; the codes of it.
fn at_most_possible(what: &str, text: &str) -> Vec<String> {
    let found = findings(text);
    assert!(found.iter().all(|(_, sure)| *sure <= Confidence::Possible), "{what}: {found:?}");
    found.into_iter().map(|(code, _)| code).collect()
}

#[test]
fn the_healthy_tunnel_is_healthy() {
    nothing("with all prompts", &joined(&healthy(), true));
}

/// Each list is put last and cut behind each of its lines, as where a window ends; and pasted first, without its command and its first lines.
#[test]
fn a_list_that_is_cut_at_an_end_of_the_text_proves_nothing() {
    let all = healthy();
    for command in [LINKS, STATE, POLICY, ROUTES, RULES, ADDRESSES] {
        let (rest, lines) = (without(all.clone(), &[command, "ip -s xfrm"]), body(&all, command));
        let rest = if command == POLICY {
            [rest, vec![(STATE.into(), body(&all, STATE))]].concat()
        } else {
            rest
        };
        let rest = if command == STATE {
            [rest, vec![(POLICY.into(), body(&all, POLICY))]].concat()
        } else {
            rest
        };
        for count in 1..=lines.len() {
            let head = [rest.clone(), vec![(command.to_owned(), lines[..count].to_vec())]].concat();
            at_most_possible(&format!("{command}: the first {count}"), &joined(&head, false));
            let tail = format!("{}\n{}", lines[count..].join("\n"), joined(&rest, true));
            if count < lines.len() {
                at_most_possible(&format!("{command}: without the first {count}"), &tail);
            }
        }
    }
}

#[test]
fn marks_of_lines_that_are_left_out_are_seen() {
    for mark in ["[...]", "...", "<snip>", "--More--", "lines 1-17", "\u{2026}"] {
        for (command, count) in [(STATE, 17), (POLICY, 15), (ROUTES, 1), (ADDRESSES, 4), (RULES, 1)]
        {
            let mut parts =
                without(healthy(), &["ip -s xfrm state count", "ip -s xfrm policy count"]);
            let lines = &mut parts.iter_mut().find(|(own, _)| own == command).unwrap().1;
            lines.truncate(count);
            lines.push(mark.to_owned());
            nothing(&format!("{command} {mark}"), &joined(&parts, true));
            let lines = &mut parts.iter_mut().find(|(own, _)| own == command).unwrap().1;
            lines.pop();
            lines.insert(0, mark.to_owned());
            nothing(&format!("{mark} {command}"), &joined(&parts, true));
        }
    }
}

/// What people write around lists is not of them.
#[test]
fn sentences_and_fences_cut_no_list() {
    let mut parts = without(parts_of("no-policy_vti_4in4.txt"), &["ip -s xfrm policy count"]);
    for (_, lines) in &mut parts {
        lines.extend(["```".to_owned(), "And this is what the next one says:".to_owned()]);
    }
    let found = findings(&joined(&parts, true));
    assert_eq!(found[0].0, "VTI-101");
    assert!(found[0].1 < Confidence::Proven);
}

#[test]
fn a_list_with_fewer_entries_than_were_counted_is_cut() {
    for (command, count, code) in [(STATE, 17, "VTI-111"), (POLICY, 30, "VTI-101")] {
        let mut parts = healthy();
        parts.iter_mut().find(|(own, _)| own == command).unwrap().1.truncate(count);
        nothing(command, &joined(&parts, true));
        let parts = without(parts, &["ip -s xfrm state count", "ip -s xfrm policy count"]);
        assert_eq!(findings(&joined(&parts, true))[0].0, code, "without the count it is whole");
    }
}

/// Several commands in one typed line, as `ip xfrm state; ip xfrm policy`.
#[test]
fn commands_of_one_line_are_each_known() {
    for (case, expected) in
        [("healthy_vti_4in4.txt", None), ("no-policy_vti_4in4.txt", Some("VTI-101"))]
    {
        let whole = parts_of(case);
        let parts: Vec<Part> = [LINKS, ADDRESSES, STATE, POLICY]
            .iter()
            .map(|command| ((*command).to_owned(), body(&whole, command)))
            .collect();
        let rest = without(whole, &[LINKS, ADDRESSES, "ip -d -s xfrm", "ip -s xfrm"]);
        let commands: Vec<&str> = parts.iter().map(|(command, _)| command.as_str()).collect();
        let lines: Vec<&str> =
            parts.iter().flat_map(|(_, l)| l.iter().map(String::as_str)).collect();
        for separator in ["; ", " && "] {
            let line = commands.join(separator);
            let text = format!("{PROMPT}{line}\n{}\n{}", lines.join("\n"), joined(&rest, true));
            let found = findings(&text);
            assert_eq!(found.first().map(|(code, _)| code.as_str()), expected, "{separator}");
            assert!(found.iter().take(1).all(|(_, sure)| *sure == Confidence::Proven));
        }
    }
}

/// Prompts of other shells, and what VyOS prints before its own while the configuration is edited.
#[test]
fn a_list_ends_at_any_prompt() {
    let text = joined(&parts_of("no-policy_vti_4in4.txt"), true);
    for prompt in ["router#", "$", "~ #", "[root@router ~]#", "[edit]\nvyos@router#"] {
        let text = text.replace("root@router:~#", prompt);
        assert_eq!(findings(&text), [("VTI-101".to_owned(), Confidence::Proven)], "{prompt}");
    }
}
