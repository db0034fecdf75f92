//! Rules of nftables as nft prints them, beside what the kernel says of the same rules: the same must be read from both.
//! `nft-ruleset.txt` is the output of `nft list ruleset` of nftables 1.0.6, `nft-ruleset.yaml` the program's own capture of that moment,
//! on Linux 6.18.

use super::{formats, read};
use std::collections::BTreeMap;
use vti_diagnostics::capture;
use vti_diagnostics::snapshot::Reason;
use vti_diagnostics::snapshot::filter::{
    Chain, Element, Field, Match, Part, Range, Rule, Ruleset, Step, TableFamily, Value, VerdictMap,
};

fn text() -> String {
    std::fs::read_to_string(formats().join("nft-ruleset.txt")).unwrap()
}

fn ruleset_of(text: &str) -> Ruleset {
    read(&[text.to_owned()]).pop().unwrap().filter.unwrap()
}

/// A value in one form, whatever the order of its members.
fn plain(value: &Value) -> String {
    match value {
        Value::Numbers(ranges) => {
            let mut ranges = ranges.clone();
            ranges.sort();
            let mut merged: Vec<Range> = Vec::new();
            for range in ranges {
                match merged.last_mut() {
                    Some(last) if range.first <= last.last.saturating_add(1) => {
                        last.last = last.last.max(range.last);
                    }
                    _ => merged.push(range),
                }
            }
            format!("{merged:?}")
        }
        Value::Addresses(nets) => format!("{:?}", ipnet::IpNet::aggregate(nets)),
        Value::Names(names) => {
            let mut names = names.clone();
            names.sort();
            format!("{names:?}")
        }
        other => format!("{other:?}"),
    }
}

fn elements(all: &[Element]) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .map(|e| format!("{:?}:{:?}", e.values.iter().map(plain).collect::<Vec<_>>(), e.verdict))
        .collect();
    lines.sort();
    lines.join(", ")
}

/// The conditions and statements of a rule in one form. Both readers mean the same by these: a set and what is in it, the protocol of a
/// packet and that in its header, an interface and its number here, fields that are compared together or one by one, and a bound or what
/// is not beyond it. What a kernel's expression writes beside the field in question does not matter; nor does it where NAT is of one
/// family, which the kernel asks itself.
fn forms(ruleset: &Ruleset, chain: &Chain, rule: &Rule) -> Vec<String> {
    let set = |name: &str| match ruleset.set(chain.family, &chain.table, name) {
        Some(set) => elements(&set.elements),
        None => format!("no set {name}"),
    };
    let translates = rule.steps.iter().any(|step| matches!(step, Step::Nat(_)));
    let field = |part: &Part| {
        let part = match &part.field {
            Field::HeaderProtocol => Part { field: Field::Protocol, ..part.clone() },
            Field::InputIndex => Part { field: Field::InputInterface, ..part.clone() },
            _ => part.clone(),
        };
        format!("{part:?}")
    };
    let one = |part: &Part, not: bool, value: &Value| match (&part.field, not, value) {
        (Field::InputIndex, _, Value::Numbers(all)) if *all == [Range::of(1)] => {
            format!("{} {not} {}", field(part), plain(&Value::Names(vec!["lo".to_owned()])))
        }
        (_, true, Value::Numbers(all)) if part.mask.is_none() => match all.as_slice() {
            [Range { first: 0, last }] => {
                let rest = Range { first: last + 1, last: u32::MAX.into() };
                format!("{} false {}", field(part), plain(&Value::Numbers(vec![rest])))
            }
            [Range { first, last }] if *last == u64::from(u32::MAX) => {
                let rest = Range { first: 0, last: first - 1 };
                format!("{} false {}", field(part), plain(&Value::Numbers(vec![rest])))
            }
            _ => format!("{} true {}", field(part), plain(value)),
        },
        _ => format!("{} {not} {}", field(part), plain(value)),
    };
    let step = |step: &Step| -> Vec<String> {
        match step {
            Step::Match(Match { of, .. }) if translates && of[0].field == Field::Family => {
                Vec::new()
            }
            Step::Match(Match { of, not, values, set: None }) if of.len() == 1 || !not => {
                of.iter().zip(values).map(|(part, value)| one(part, *not, value)).collect()
            }
            Step::Match(Match { of, not, values, set: name }) => {
                let of: Vec<String> = of.iter().map(field).collect();
                let values = match name {
                    Some(name) => set(name),
                    None => elements(&[Element { values: values.clone(), verdict: None }]),
                };
                // A set of one field without a name is read as its values.
                match (
                    name,
                    of.as_slice(),
                    ruleset.set(chain.family, &chain.table, name.as_deref().unwrap_or_default()),
                ) {
                    (Some(name), [of], Some(set))
                        if name.starts_with("__") && set.elements.len() == 1 =>
                    {
                        vec![format!("{of} {not} {}", plain(&set.elements[0].values[0]))]
                    }
                    _ => vec![format!("{of:?} {not} {values}")],
                }
            }
            Step::VerdictMap(VerdictMap { of, set: name }) => {
                let of: Vec<String> = of.iter().map(field).collect();
                vec![format!("{of:?} vmap {}", set(name))]
            }
            Step::Rewrite(fields) => {
                let beside = [Field::Other("payload".to_owned()), Field::HeaderProtocol];
                let fields: Vec<&Field> = fields.iter().filter(|f| !beside.contains(f)).collect();
                vec![format!("Rewrite {fields:?}")]
            }
            other => vec![format!("{other:?}")],
        }
    };
    rule.steps.iter().flat_map(step).collect()
}

/// The rules by chain, each as its steps.
fn rules(ruleset: &Ruleset) -> BTreeMap<String, Vec<Vec<String>>> {
    let of = |chain: &Chain| -> Vec<Vec<String>> {
        chain.rules.iter().map(|rule| forms(ruleset, chain, rule)).collect()
    };
    let name = |chain: &Chain| {
        format!("{} {} {} {:?}", chain.family.name(), chain.table, chain.chain, chain.base)
    };
    ruleset.chains.iter().map(|chain| (name(chain), of(chain))).collect()
}

/// Whether one of the readers leaves a condition open.
fn is_open(step: &str) -> bool {
    step.starts_with("Undecided") || step.contains("Unknown")
}

#[test]
fn what_nft_prints_is_what_the_kernel_has() {
    let yaml = std::fs::read_to_string(formats().join("nft-ruleset.yaml")).unwrap();
    let captured = capture::from_yaml(&yaml).unwrap().snapshots.pop().unwrap().filter.unwrap();
    let printed = ruleset_of(&text());
    let (captured, printed) = (rules(&captured), rules(&printed));
    assert_eq!(captured.keys().collect::<Vec<_>>(), printed.keys().collect::<Vec<_>>());
    let (mut all, mut same, mut open, mut wrong) = (0, 0, 0, Vec::new());
    for (chain, rules) in &captured {
        let of_text = &printed[chain];
        assert_eq!(rules.len(), of_text.len(), "{chain}");
        for (kernel, text) in rules.iter().zip(of_text) {
            all += 1;
            if kernel == text {
                same += 1;
            } else if kernel.iter().chain(text).any(|step| is_open(step)) {
                open += 1;
                println!("open: {kernel:?}\n      {text:?}");
            } else {
                wrong.push(format!("{chain}\n  kernel {kernel:#?}\n  text {text:#?}"));
            }
        }
    }
    println!("{all} rules: {same} the same, {open} open");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same * 100 >= all * 85, "{same} of {all}");
}

#[test]
fn a_ruleset_that_is_cut_is_missing() {
    let text = text();
    let at = text.find("\ttcp dport 1000-2000").unwrap();
    let cut = format!("root@gw:~# uname -r\n6.1.0\nroot@gw:~# nft list ruleset\n{}", &text[..at]);
    let missing = read(&[cut]).pop().unwrap().filter.unwrap_err();
    assert_eq!(missing.reason, Reason::NotInText);
    assert!(missing.detail.contains("cut or changed"), "{missing:?}");
    // One chain is not the whole.
    let part = "root@gw:~# nft -a list chain ip a b\ntable ip a {\n\tchain b { # handle 1\n\t\tdrop # handle 2\n\t}\n}\n";
    let missing = read(&[part.to_owned()]).pop().unwrap().filter.unwrap_err();
    assert!(missing.detail.contains("`nft list ruleset` shows all"), "{missing:?}");
    // Nothing printed is no rule.
    let none =
        read(&["root@gw:~# nft list ruleset\nroot@gw:~# ip route\n".to_owned()]).pop().unwrap();
    assert_eq!(none.filter.unwrap(), Ruleset::default());
}

#[test]
fn the_numbers_of_rules_are_those_that_are_printed() {
    let text = "table ip a {\n\tchain b { # handle 1\n\t\ttcp dport 22 drop # handle 7\n\
                \t\tcounter packets 3 bytes 180 comment \"x\"\n\t}\n}\n";
    let ruleset = ruleset_of(text);
    let chain = ruleset.chain(TableFamily::Ip, "a", "b").unwrap();
    let [first, second] = chain.rules.as_slice() else { panic!("{chain:?}") };
    assert_eq!(
        (first.called(), second.called()),
        ("rule 7".to_owned(), "rule number 2".to_owned())
    );
    assert_eq!((second.comment.as_str(), second.counter().unwrap().packets), ("x", 3));
    let fields: Vec<&Field> = first
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Match(condition) => Some(&condition.of[0].field),
            _ => None,
        })
        .collect();
    assert_eq!(fields, [&Field::Protocol, &Field::DestinationPort]);
}

/// A long line without an end may have been wrapped: that the rest of it is a rule of its own would be wrong.
#[test]
fn wrapped_rules_are_put_together_or_refused() {
    let rule = "iifname \"eth0\" ip saddr 192.0.2.0/24 tcp dport 22 counter packets 0 bytes 0 drop";
    let table = |lines: &str| format!("table ip a {{\n\tchain b {{\n{lines}\n\t}}\n}}\n");
    let whole = ruleset_of(&table(&format!("\t\t{rule}")));
    let wrapped = rule.replace("counter", "\ncounter");
    assert_eq!(ruleset_of(&table(&format!("\t\t{wrapped}"))), whole);
    let flat =
        format!("root@gw:~# uname -r\n6.1.0\nroot@gw:~#\n{}", table(&wrapped).replace('\t', ""));
    assert!(read(&[flat]).pop().unwrap().filter.is_err());
}
