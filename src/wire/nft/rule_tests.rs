//! Rules and sets that real kernels sent (tests/wire/record.sh), as conditions on packets.

use super::*;
use crate::snapshot::filter::{FibQuery, Match, Part, Range, Value, VerdictMap};
use crate::wire::nft::{
    NEWRULE, NEWSET, NEWSETELEM, RawElement, decode_elements, decode_set, elements,
};
use crate::wire::samples::payloads;

const RECORDINGS: [&str; 2] = [
    include_str!("../../../tests/wire/6.1-nft.hex"),
    include_str!("../../../tests/wire/6.12-nft.hex"),
];

fn sets(recording: &str) -> Sets {
    let mut sets = Sets::default();
    for payload in payloads(recording, NEWSET) {
        sets.insert(decode_set(&payload).unwrap().unwrap());
    }
    sets
}

/// The rules of one chain of tests/wire/record.sh.
fn rules(recording: &str, chain: &str) -> Vec<NewRule> {
    let sets = sets(recording);
    let all = payloads(recording, NEWRULE).into_iter();
    let decoded = all.map(|payload| decode_rule(&payload, &sets).unwrap().unwrap());
    decoded.filter(|rule| rule.table != "raw" && rule.chain == chain).collect()
}

fn part(field: Field) -> Part {
    Part { field, mask: None }
}

fn is(field: Field, value: Value) -> Step {
    Step::Match(Match { of: vec![part(field)], not: false, values: vec![value], set: None })
}

fn is_number(field: Field, first: u64, last: u64) -> Step {
    is(field, Value::Numbers(vec![Range { first, last }]))
}

fn among(of: Vec<Part>, set: &str) -> Step {
    Step::Match(Match { of, not: false, values: vec![], set: Some(set.into()) })
}

fn nets(nets: &[&str]) -> Value {
    Value::Addresses(nets.iter().map(|net| net.parse().unwrap()).collect())
}

#[test]
fn rules_become_conditions_on_packets() {
    let v4 = || is_number(Field::Family, 2, 2);
    let v6 = || is_number(Field::Family, 10, 10);
    let protocol = |number| is_number(Field::Protocol, number, number);
    let masked = |field, mask, number, not| {
        let (of, values) =
            (vec![Part { field, mask: Some(mask) }], vec![Value::Numbers(vec![Range::of(number)])]);
        Step::Match(Match { of, not, values, set: None })
    };
    let vmap =
        |field, set: &str| Step::VerdictMap(VerdictMap { of: vec![part(field)], set: set.into() });
    for recording in RECORDINGS {
        let rules = rules(recording, "guard");
        let steps = |at: usize| rules[at].rule.steps.clone();
        let counter = Step::Counter(Counter { packets: 3, bytes: 300 });
        let expected = [
            among(vec![part(Field::InputInterface)], "names"),
            v4(),
            among(vec![part(Field::SourceV4)], "nets"),
            counter,
            Step::Verdict(Verdict::Accept),
        ];
        assert_eq!(steps(0), expected);
        let pair = vec![part(Field::SourceV4), part(Field::DestinationPort)];
        assert_eq!(
            steps(1),
            [v4(), protocol(6), among(pair, "pairs"), Step::Verdict(Verdict::Drop)]
        );
        assert_eq!(steps(2), [protocol(6), vmap(Field::DestinationPort, "verdicts")]);
        assert_eq!(steps(3), [protocol(17), vmap(Field::DestinationPort, "__map0")]);
        let names = Value::Names(vec!["eth*".into()]);
        let (of, values) = (vec![part(Field::OutputInterface)], vec![names]);
        assert_eq!(steps(4)[0], Step::Match(Match { of, not: true, values, set: None }));
        assert_eq!(steps(4)[2], Step::Verdict(Verdict::Reject));
        let state = masked(Field::CtState, 6, 0, true);
        assert_eq!(steps(5), [is_number(Field::Mark, 5, 5), state, Step::Verdict(Verdict::Accept)]);
        let mark = masked(Field::Mark, 0xff, 7, false);
        let link_local = is(Field::SourceV6, nets(&["fe80::/10"]));
        assert_eq!(steps(7), [mark, v6(), link_local, Step::Verdict(Verdict::Drop)]);
        let range = ["10.0.0.5/32", "10.0.0.6/31", "10.0.0.8/29", "10.0.0.16/30", "10.0.0.20/32"];
        let expected = [
            v4(),
            is(Field::SourceV4, nets(&range)),
            is(Field::DestinationV4, nets(&["10.1.2.3/32"])),
            protocol(17),
            is_number(Field::SourcePort, 53, 53),
            is_number(Field::DestinationPort, 1000, 1010),
            Step::Undecided("limit".into()),
            Step::Verdict(Verdict::Accept),
        ];
        assert_eq!(steps(8), expected);
        // Type and code of ICMP are loaded at once.
        assert_eq!(steps(9)[2], is_number(Field::SourcePort, 0x800, 0x800));
        assert_eq!(steps(10)[1], masked(Field::Tos, 0xfc, 0x40, false));
        assert_eq!(steps(10)[2], is_number(Field::CameByIpsec, 1, 1));
        assert_eq!(steps(10)[3], is_number(Field::IpsecInReqid, 5, 5));
        assert_eq!(steps(11)[0], is_number(Field::GoesByIpsec, 0, 0));
        let fib = |result, flags| Field::Fib(FibQuery { result, flags });
        assert_eq!(steps(12)[0], is_number(fib(1, 0x29), 0, 0));
        assert_eq!(steps(13)[0], is_number(fib(3, 2), 2, 2));
        assert_eq!(steps(15)[0], is_number(Field::Mark, 5, 10));
        assert_eq!(steps(16)[0], is_number(Field::InputIndex, 1, 1));
        assert_eq!(steps(16)[2], masked(Field::TcpFlags, 2, 0, true));
    }
}

#[test]
fn what_a_rule_changes_is_read() {
    for recording in RECORDINGS {
        let rules = rules(recording, "prepare");
        let steps = |at: usize| rules[at].rule.steps.last().cloned();
        assert_eq!(steps(0), Some(Step::Untracked));
        assert_eq!(steps(1), Some(Step::SetMark(SetMark { keep: 0xff, flip: 0x100 })));
        assert!(matches!(steps(2), Some(Step::Rewrite(fields)) if fields.contains(&Field::Tos)));
        assert_eq!(steps(3), Some(Step::SetUnknownMark));
        let rules = self::rules(recording, "post");
        let nat = |at: usize| match rules[at].rule.steps.last() {
            Some(Step::Nat(nat)) => nat.clone(),
            other => panic!("{other:?}"),
        };
        let range = (nat(1).what, nat(1).first, nat(1).last);
        let address = |text: &str| Some(text.parse().unwrap());
        assert_eq!(range, (Translation::Source, address("192.0.2.4"), address("192.0.2.9")));
        assert!(nat(2).netmap);
        assert_eq!(nat(3).what, Translation::Masquerade);
    }
}

#[test]
fn a_comment_is_read_and_a_counter_in_its_place() {
    for recording in RECORDINGS {
        let rules = rules(recording, "other");
        assert_eq!(rules[0].rule.comment, "ipv4-NAM-OTHER-10");
        assert_eq!(rules[0].rule.counter(), Some(Counter { packets: 9, bytes: 900 }));
        assert_eq!(rules[1].rule.counter(), None);
    }
}

#[test]
fn elements_are_read_as_the_rules_use_them() {
    for recording in RECORDINGS {
        let sets = sets(recording);
        let raw = payloads(recording, NEWSETELEM);
        let raw_of = |set: &str| -> Vec<RawElement> {
            let named = raw.iter().filter(|payload| {
                Message::new(payload).unwrap().text(2, "NFTA_SET_ELEM_LIST_SET").unwrap() == set
            });
            named.flat_map(|payload| decode_elements(payload).unwrap()).collect()
        };
        let uses: Vec<Use> = rules(recording, "guard").into_iter().flat_map(|r| r.sets).collect();
        let of = |set: &str| {
            let layout = &uses.iter().find(|of| of.set == set).unwrap().layout;
            let key = sets.get(TableFamily::Inet, "guard", set).unwrap();
            elements(key, layout, raw_of(set))
        };
        let names = Value::Names(["bond1", "vti*", "wan"].map(str::to_owned).to_vec());
        assert_eq!(of("names")[0].values, [names]);
        let all = [
            "10.0.0.0/8",
            "192.168.1.5/32",
            "192.168.1.6/31",
            "192.168.1.8/31",
            "255.255.255.255/32",
        ];
        assert_eq!(of("nets")[0].values, [nets(&all)]);
        let pairs = of("pairs");
        let ports = |first, last| Value::Numbers(vec![Range { first, last }]);
        assert_eq!(pairs[0].values, [nets(&["10.0.0.0/8"]), ports(80, 90)]);
        assert_eq!(pairs[1].values, [nets(&["192.0.2.4/32"]), ports(443, 443)]);
        let verdicts: Vec<_> = of("verdicts").into_iter().map(|e| e.verdict.unwrap()).collect();
        let chain = || "other".to_owned();
        let expected =
            [Verdict::Accept, Verdict::Drop, Verdict::Jump(chain()), Verdict::Goto(chain())];
        assert_eq!(verdicts, expected);
    }
}

#[test]
fn a_rule_cut_short_is_an_error_or_another_rule() {
    let sets = sets(RECORDINGS[1]);
    for whole in payloads(RECORDINGS[1], NEWRULE).iter().step_by(5) {
        let decoded = decode_rule(whole, &sets).unwrap();
        for length in 0..whole.len() {
            assert_ne!(decode_rule(&whole[..length], &sets).ok().flatten(), decoded, "{length}");
        }
    }
}
