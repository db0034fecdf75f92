//! Which gap explains which loss: messages, looks and times in, episodes out. Nothing of the system is read.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use vti_diagnostics::code::Code;
use vti_diagnostics::snapshot::notification::Notification;
use vti_diagnostics::snapshot::recorded::Episode;
use vti_diagnostics::snapshot::{
    Direction, Driver, Host, Link, Policy, Reason, Sa, Snapshot, Statistics,
};
use vti_diagnostics::timeline::{Moment, Of, Sample, Tracker, Watch};

fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_yaml::from_str(text).unwrap()
}

fn link(ifindex: u32, if_id: u32) -> Link {
    from_yaml(&format!(
        "{{name: vti{if_id}, ifindex: {ifindex}, kind: xfrm, if_id: {if_id}, link: 0, admin_up: true, carrier: true, \
         oper_state: unknown, mtu: 1400}}"
    ))
}

fn sa(spi: u32, if_id: u32, destination: &str) -> Sa {
    from_yaml(&format!(
        "{{source: 192.0.2.1, destination: {destination}, protocol: 50, spi: '{spi:#010x}', reqid: 1, mode: tunnel, \
         family: inet, selector: {{family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}, if_id: {if_id}}}"
    ))
}

/// From the peer to this host.
fn inbound_sa(spi: u32) -> Sa {
    Sa { source: "192.0.2.2".parse().unwrap(), ..sa(spi, 8, "192.0.2.1") }
}

fn policy(if_id: u32) -> Policy {
    from_yaml(&format!(
        "{{direction: out, index: {}, priority: 0, action: allow, \
         selector: {{family: inet, source: 0.0.0.0/0, destination: 0.0.0.0/0}}, if_id: {if_id}, templates: []}}",
        if_id * 8 + 1
    ))
}

fn at(ms: u64) -> Moment {
    Moment { uptime_ms: ms, wall_ms: 1_700_000_000_000 + ms }
}

/// One VTI with if_id 8, watched from 0 on, with what it has and counts then.
struct Lab {
    direction: Direction,
    tracker: Tracker,
    watch: Watch,
    counters: Statistics,
    episodes: Vec<Episode>,
}

impl Lab {
    fn with(sas: Vec<Sa>, policies: Vec<Policy>) -> Self {
        Self::of(sas, policies, Statistics { tx_packets: 1000, ..Statistics::default() })
    }

    fn healthy() -> Self {
        Self::with(vec![sa(1, 8, "192.0.2.2")], vec![policy(8)])
    }

    fn of(sas: Vec<Sa>, policies: Vec<Policy>, counters: Statistics) -> Self {
        Self::watching((Direction::Out, Driver::Xfrm), sas, policies, counters)
    }

    /// What it receives.
    fn inbound(driver: Driver) -> Self {
        let counters = Statistics { tx_packets: 1000, rx_packets: 1000, ..Statistics::default() };
        let (sas, policies) = (vec![sa(1, 8, "192.0.2.2"), inbound_sa(9)], vec![policy(8)]);
        Self::watching((Direction::In, driver), sas, policies, counters)
    }

    fn watching(
        (direction, driver): (Direction, Driver),
        sas: Vec<Sa>,
        policies: Vec<Policy>,
        counters: Statistics,
    ) -> Self {
        let host = Host {
            hostname: "gw1".into(),
            kernel_release: "6.1.0".into(),
            vyos_version: None,
            pluto: false,
        };
        let state = Snapshot {
            links: Ok(vec![link(5, 8)]),
            addresses: Ok(vec![from_yaml("{ifindex: 2, prefix: 192.0.2.1/24, scope: 0}")]),
            sas: Ok(sas),
            policies: Ok(policies),
            ..Snapshot::unread(0, host, Reason::Skipped, "")
        };
        let tracker = Tracker::new(&state).unwrap();
        let first = Sample { at: at(0), statistics: counters };
        let of = Of { direction, driver, exported: true };
        let watch = Watch::new(("vti8", 5), of, tracker.readiness(5, direction), first);
        Self { direction, tracker, watch, counters, episodes: Vec::new() }
    }

    /// The kernel tells of a change.
    fn change(&mut self, ms: u64, change: Notification) -> bool {
        let mut turned = false;
        for effect in self.tracker.apply(&change) {
            assert_eq!(effect.ifindex, 5);
            if effect.direction != self.direction {
                continue;
            }
            turned |= self.watch.readiness(at(ms), effect.readiness, &change);
            self.watch.note(at(ms), vti_diagnostics::timeline::event(&change).unwrap());
        }
        turned
    }

    /// A look at the counters after so many packets were sent, heard and lost.
    fn look(&mut self, ms: u64, sent: u64, heard: u64, lost: u64) {
        self.counters.tx_packets += sent;
        self.counters.rx_packets += heard;
        self.counters.tx_errors += lost;
        self.counters.tx_carrier_errors += lost;
        self.watch.look(Sample { at: at(ms), statistics: self.counters });
        self.episodes.extend(self.watch.settle(at(ms)));
    }

    /// A look at the counters after so many packets were heard and refused.
    fn refuse(&mut self, ms: u64, refused: u64) {
        self.counters.rx_errors += refused;
        self.counters.rx_dropped += refused;
        self.look(ms, 10, 10, 0);
    }

    /// A look each second in which all is well.
    fn quiet(&mut self, from: u64, to: u64) {
        (from..=to).step_by(1000).for_each(|ms| self.look(ms, 10, 10, 0));
    }

    fn only_episode(&self) -> &Episode {
        assert_eq!(self.episodes.len(), 1, "{:#?}", self.episodes);
        self.episodes.first().unwrap()
    }

    /// Code and packets of each cause of the only episode.
    fn causes(&self) -> Vec<(u16, u64)> {
        self.only_episode().causes.iter().map(|cause| (cause.code, cause.lost)).collect()
    }
}

fn added(spi: u32) -> Notification {
    Notification::SaAdded(sa(spi, 8, "192.0.2.2"))
}

fn deleted(spi: u32) -> Notification {
    Notification::SaDeleted(sa(spi, 8, "192.0.2.2"))
}

#[test]
fn a_rekey_that_makes_before_it_breaks_is_nothing() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    assert!(!lab.change(5100, added(2)));
    assert!(!lab.change(5200, deleted(1)));
    lab.quiet(6000, 20_000);
    assert!(lab.episodes.is_empty());
    assert!(lab.watch.ongoing(at(20_000)).is_none());
}

#[test]
fn without_losses_a_gap_is_nothing() {
    let mut lab = Lab::healthy();
    assert!(lab.change(5100, deleted(1)));
    lab.look(6000, 0, 0, 0);
    assert!(lab.change(6100, added(2)));
    lab.quiet(7000, 20_000);
    assert!(lab.episodes.is_empty());
}

#[test]
fn an_sa_that_is_deleted_while_its_policy_stays_is_a_gap_of_its_own_kind() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    lab.change(5100, deleted(1));
    lab.change(5200, added(2));
    lab.look(6000, 8, 8, 3);
    lab.quiet(7000, 10_000);
    assert_eq!(lab.causes(), [(912, 3)]);
    let episode = lab.only_episode();
    assert_eq!(episode.began_ms, at(5100).wall_ms);
    assert_eq!((episode.lost, episode.causes[0].gap_ms, episode.causes[0].gaps), (3, Some(100), 1));
    assert_eq!(episode.events.len(), 2);
}

#[test]
fn policy_and_sa_removed_and_installed_again_is_a_reauthentication() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    lab.change(5100, Notification::PolicyDeleted(policy(8)));
    lab.change(5101, deleted(1));
    lab.change(5200, added(2));
    lab.look(5300, 0, 0, 2);
    assert!(lab.change(5400, Notification::PolicyAdded(policy(8))));
    lab.look(6000, 8, 8, 1);
    lab.quiet(7000, 10_000);
    assert_eq!(lab.causes(), [(911, 3)]);
    assert_eq!(lab.only_episode().causes[0].gap_ms, Some(300));
}

#[test]
fn the_same_after_a_silence_is_a_peer_that_was_lost() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    (6000..=9000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    lab.change(9100, Notification::PolicyDeleted(policy(8)));
    lab.change(9101, deleted(1));
    lab.look(10_000, 0, 0, 9);
    lab.change(10_500, added(2));
    lab.change(10_501, Notification::PolicyAdded(policy(8)));
    lab.look(11_000, 5, 5, 5);
    lab.quiet(12_000, 15_000);
    assert_eq!(lab.causes(), [(914, 14)]);
}

#[test]
fn a_peer_that_is_lost_again_is_told_as_the_first_time() {
    let mut lab = Lab::healthy();
    for start in [0, 20_000] {
        lab.quiet(start + 1000, start + 5000);
        (6000..=12_000).step_by(1000).for_each(|ms| lab.look(start + ms, 10, 0, 0));
        lab.change(start + 12_100, Notification::PolicyDeleted(policy(8)));
        lab.change(start + 12_101, deleted(1));
        lab.look(start + 13_000, 0, 0, 9);
        lab.change(start + 13_500, added(1));
        lab.change(start + 13_501, Notification::PolicyAdded(policy(8)));
        lab.quiet(start + 14_000, start + 19_000);
    }
    assert_eq!(lab.episodes.len(), 2);
    assert!(
        lab.episodes.iter().all(|episode| episode.causes[0].code == 914),
        "{:#?}",
        lab.episodes
    );
}

#[test]
fn a_silence_as_there_was_before_tells_nothing() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 3000);
    (4000..=8000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    lab.quiet(9000, 10_000);
    (11_000..=14_000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    lab.change(14_100, Notification::PolicyDeleted(policy(8)));
    lab.look(14_500, 0, 0, 3);
    lab.change(14_600, Notification::PolicyAdded(policy(8)));
    lab.quiet(15_000, 19_000);
    assert_eq!(lab.causes(), [(919, 3)]);
}

#[test]
fn whether_a_silent_peer_was_away_traffic_that_is_never_answered_does_not_tell() {
    let mut lab = Lab::healthy();
    (1000..=9000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    lab.change(9100, Notification::PolicyDeleted(policy(8)));
    lab.change(9101, deleted(1));
    (10_000..=15_000).step_by(1000).for_each(|ms| lab.look(ms, 0, 0, 10));
    lab.change(15_500, added(2));
    lab.change(15_501, Notification::PolicyAdded(policy(8)));
    (16_000..=20_000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    assert_eq!(lab.causes(), [(919, 60)]);
}

#[test]
fn an_sa_whose_time_is_over_is_a_peer_that_did_not_renew_it() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    let mut expired = sa(1, 8, "192.0.2.2");
    expired.limits.hard_add_seconds = Some(5);
    lab.change(5100, Notification::SaExpired(expired));
    lab.look(6000, 0, 0, 4);
    lab.change(6500, added(2));
    lab.quiet(7000, 12_000);
    assert_eq!(lab.causes(), [(914, 4)]);
}

#[test]
fn an_sa_that_carried_as_much_as_it_may_is_a_limit() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    let mut expired = sa(1, 8, "192.0.2.2");
    (expired.limits.hard_packets, expired.current.packets) = (Some(200), 200);
    lab.change(5100, Notification::SaExpired(expired));
    lab.look(6000, 0, 0, 4);
    lab.change(6500, added(2));
    lab.quiet(7000, 12_000);
    assert_eq!(lab.causes(), [(917, 4)]);
}

#[test]
fn losses_before_an_interface_carried_anything_are_of_its_beginning() {
    let mut lab = Lab::of(Vec::new(), Vec::new(), Statistics::default());
    lab.look(1000, 0, 0, 10);
    lab.look(2000, 0, 0, 10);
    lab.change(2500, Notification::PolicyAdded(policy(8)));
    lab.change(2600, added(1));
    lab.look(3000, 4, 4, 6);
    lab.quiet(4000, 9000);
    assert_eq!(lab.causes(), [(913, 26)]);
}

#[test]
fn a_gap_that_began_before_the_recording_is_what_a_diagnosis_says_it_is() {
    let mut lab = Lab::with(Vec::new(), vec![policy(8)]);
    lab.look(1000, 0, 0, 10);
    assert!(lab.watch.wants_finding());
    lab.watch.found(Some((Code::NoSecurityAssociation, "there is no SA".into())));
    lab.look(2000, 0, 0, 10);
    lab.change(2600, added(1));
    lab.quiet(3000, 9000);
    assert_eq!(lab.causes(), [(111, 20)]);
    let mut lab = Lab::with(Vec::new(), vec![policy(8)]);
    lab.look(1000, 0, 0, 10);
    lab.change(1600, added(1));
    lab.quiet(2000, 9000);
    assert_eq!(lab.causes(), [(919, 10)], "nobody said");
}

#[test]
fn a_gap_that_is_not_over_is_what_a_diagnosis_says_and_not_what_it_may_become() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    lab.change(5100, Notification::PolicyDeleted(policy(8)));
    lab.change(5101, deleted(1));
    lab.look(6000, 0, 0, 9);
    assert!(!lab.watch.wants_finding(), "it may be over in a moment");
    lab.look(9000, 0, 0, 30);
    assert!(lab.watch.wants_finding());
    let code = |lab: &Lab| lab.watch.ongoing(at(9000)).unwrap().causes[0].code;
    assert_eq!(code(&lab), 919);
    lab.watch.found(Some((Code::IkeNotEstablished, "the peer does not answer".into())));
    assert!(!lab.watch.wants_finding());
    assert_eq!(code(&lab), 502);
    // When it is over, the messages say more: here that the peer was heard until the gap, and is back.
    lab.change(9100, added(2));
    lab.change(9101, Notification::PolicyAdded(policy(8)));
    lab.quiet(10_000, 14_000);
    assert_eq!(lab.causes(), [(911, 39)]);
}

#[test]
fn no_route_to_the_peer_for_a_while_is_told_apart() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    assert!(lab.watch.route(at(5100), false));
    assert!(!lab.watch.route(at(5150), false));
    lab.look(6000, 1, 1, 9);
    assert!(lab.watch.route(at(6900), true));
    lab.look(7000, 1, 1, 9);
    lab.quiet(8000, 12_000);
    assert_eq!(lab.causes(), [(916, 18)]);
}

#[test]
fn losses_without_a_gap_are_what_a_diagnosis_finds_or_not_attributable() {
    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 5);
    assert!(lab.watch.wants_finding());
    lab.watch.found(Some((Code::PolicyBlocks, "a policy blocks".into())));
    assert!(!lab.watch.wants_finding());
    lab.quiet(2000, 9000);
    assert_eq!(lab.causes(), [(104, 5)]);

    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 5);
    lab.watch.found(Some((Code::IntegrityFailures, "keys differ".into())));
    lab.quiet(2000, 9000);
    assert_eq!(lab.causes(), [(919, 5)], "what comes in costs no transmit error");

    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 5);
    (0..3).for_each(|_| lab.watch.found(None));
    assert!(!lab.watch.wants_finding(), "asked often enough");
    lab.quiet(2000, 9000);
    assert_eq!(lab.causes(), [(919, 5)]);
}

#[test]
fn router_solicitations_hours_apart_are_one_drip() {
    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 1);
    lab.watch.found(Some((Code::Ipv6OutsideSelectors, "a router solicitation".into())));
    lab.look(5000, 10, 10, 1);
    lab.look(60_000, 10, 10, 0);
    lab.look(3_600_000, 10, 10, 1);
    assert!(lab.episodes.is_empty());
    let going_on = lab.watch.ongoing(at(3_600_000)).unwrap();
    assert_eq!((going_on.lost, going_on.causes[0].code, going_on.open), (3, 915, true));
    lab.look(11_000_000, 10, 10, 0);
    assert_eq!(lab.causes(), [(915, 3)]);
}

#[test]
fn two_causes_of_one_episode_share_its_packets() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    lab.look(6000, 10, 10, 4);
    lab.watch.found(Some((Code::PolicyBlocks, "a policy blocks".into())));
    lab.change(6100, deleted(1));
    lab.look(7000, 0, 0, 20);
    lab.change(7100, added(2));
    lab.quiet(8000, 12_000);
    assert_eq!(lab.causes(), [(912, 20), (104, 4)]);
    let episode = lab.only_episode();
    assert_eq!(episode.causes.iter().map(|c| c.lost).sum::<u64>(), episode.lost);
}

#[test]
fn a_flush_takes_the_sas_of_its_protocol() {
    let mut lab = Lab::healthy();
    assert!(!lab.change(100, Notification::SasFlushed(51)), "AH");
    assert!(lab.change(200, Notification::SasFlushed(50)));
    assert!(lab.change(300, added(3)));
    assert!(lab.change(400, Notification::SasFlushed(255)));
    assert!(lab.change(500, added(4)));
    assert!(lab.change(600, Notification::PoliciesFlushed));
}

#[test]
fn sas_of_others_are_none_of_its_business() {
    let mut lab = Lab::healthy();
    let mut change = |change| lab.tracker.apply(&change).len();
    assert_eq!(change(Notification::SaAdded(sa(9, 7, "192.0.2.2"))), 0);
    let mut larval = sa(0, 8, "192.0.2.2");
    larval.larval = true;
    assert_eq!(change(Notification::SaAdded(larval)), 0);
    assert_eq!(change(added(1)), 0, "it is there already");
    assert_eq!(change(deleted(77)), 0, "it never was");
}

#[test]
fn counters_that_go_back_are_no_losses() {
    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 5);
    lab.counters = Statistics { tx_errors: 1, ..Statistics::default() };
    let seen = lab.watch.look(Sample { at: at(2000), statistics: lab.counters });
    assert!(seen.restarted);
    assert_eq!(seen.lost, 0);
}

#[test]
fn an_interface_that_is_deleted_has_lost_what_it_counted_until_then() {
    let mut lab = Lab::healthy();
    lab.quiet(1000, 5000);
    lab.change(5100, deleted(1));
    lab.look(6000, 0, 0, 7);
    let last = Statistics { tx_errors: 12, tx_carrier_errors: 12, ..lab.counters };
    let episode =
        lab.watch.gone(at(6500), Some(Sample { at: at(6500), statistics: last })).unwrap();
    assert_eq!((episode.lost, episode.open, episode.ended_ms), (12, false, at(6500).wall_ms));
    assert_eq!(episode.causes[0].code, 912);
    assert_eq!(episode.events.last().unwrap().what, "link vti8 deleted");
}

#[test]
fn what_another_interface_of_the_same_index_counts_is_not_mixed_with_it() {
    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 5);
    let old = lab.counters;
    lab.counters = Statistics::default();
    lab.look(2000, 0, 0, 1);
    lab.look(3000, 0, 0, 1);
    let episode = lab.watch.gone(at(3500), Some(Sample { at: at(3500), statistics: old })).unwrap();
    assert_eq!(episode.lost, 6);
}

#[test]
fn an_episode_has_the_name_that_the_interface_had_when_it_began() {
    let mut lab = Lab::healthy();
    lab.look(1000, 10, 10, 5);
    lab.watch.rename(at(1500), "wan0");
    assert_eq!((lab.watch.name(), lab.watch.losing_name()), ("wan0", "vti8"));
    lab.quiet(2000, 8000);
    assert_eq!(lab.only_episode().interface, "vti8");
    assert_eq!(lab.watch.losing_name(), "wan0");
}

#[test]
fn an_sa_of_another_key_in_place_of_its_own_is_named() {
    // Key and reqid of the SA that comes meanwhile, and what the gap is then.
    for (if_id, reqid, code) in [(9, 1, 112), (9, 2, 912), (6, 1, 912)] {
        let mut lab = Lab::healthy();
        lab.tracker.apply(&Notification::LinkChanged(link(9, 6)));
        lab.quiet(1000, 5000);
        lab.change(5100, deleted(1));
        let other = Sa { reqid: from_yaml(&reqid.to_string()), ..sa(3, if_id, "192.0.2.2") };
        let other = Notification::SaAdded(other);
        for effect in lab.tracker.apply(&other).iter().filter(|effect| effect.ifindex == 5) {
            lab.watch.readiness(at(5200), effect.readiness, &other);
        }
        lab.look(6000, 0, 0, 50);
        lab.change(8100, added(2));
        lab.quiet(9000, 20_000);
        assert_eq!(lab.causes(), [(code, 50)], "if_id {if_id}, reqid {reqid}");
    }
}

#[test]
fn a_clock_that_is_set_during_an_episode_does_not_stretch_it() {
    for set in [86_400_000_i64, -172_800_000] {
        let mut lab = Lab::healthy();
        lab.quiet(1000, 5000);
        lab.change(5100, deleted(1));
        lab.look(5500, 0, 0, 9);
        let after =
            |ms: u64| Moment { wall_ms: at(ms).wall_ms.saturating_add_signed(set), ..at(ms) };
        for effect in lab.tracker.apply(&added(2)) {
            lab.watch.readiness(after(5900), effect.readiness, &added(2));
        }
        lab.counters.tx_errors += 9;
        for ms in [6000, 7000, 8000, 9000, 10_000] {
            lab.watch.look(Sample { at: after(ms), statistics: lab.counters });
            lab.episodes.extend(lab.watch.settle(after(ms)));
        }
        let episode = lab.only_episode();
        let course: Vec<u64> = episode.course.iter().map(|loss| loss.at_ms).collect();
        assert_eq!(course, [after(5500).wall_ms, after(6000).wall_ms], "{set}");
        assert_eq!(episode.events[0].at_ms, after(5100).wall_ms, "{set}");
        assert_eq!(episode.ended_ms - episode.began_ms, 900, "{set}");
        assert_eq!(episode.ended_ms, after(6000).wall_ms, "{set}");
        assert_eq!(episode.causes[0].gap_ms, Some(800), "{set}");
    }
}

#[test]
fn gaps_without_end_keep_an_episode_small() {
    let mut lab = Lab::healthy();
    for second in 1..=60 {
        for spi in 0..200 {
            lab.change(second * 1000, deleted(1 + spi % 2));
            lab.change(second * 1000 + 1, added(1 + spi % 2));
        }
        lab.look(second * 1000 + 500, 0, 0, 3);
    }
    let going_on = lab.watch.ongoing(at(61_000)).unwrap();
    assert_eq!(going_on.lost, 180);
    assert!(going_on.events.len() <= 24 && going_on.omitted > 1000);
    assert!(going_on.course.len() <= 61);
    assert_eq!(going_on.course.iter().map(|loss| loss.lost).sum::<u64>(), 180);
}

#[test]
fn an_interface_that_is_made_has_what_its_key_selects() {
    let mut lab = Lab::healthy();
    lab.tracker.apply(&Notification::SaAdded(sa(9, 6, "192.0.2.6")));
    lab.tracker.apply(&Notification::PolicyAdded(policy(6)));
    let effects = lab.tracker.apply(&Notification::LinkChanged(link(9, 6)));
    let of = |direction| effects.iter().filter(move |e| e.ifindex == 9 && e.direction == direction);
    assert_eq!([Direction::Out, Direction::In].map(|d| of(d).count()), [1, 1]);
    assert!(of(Direction::Out).all(|effect| effect.readiness.is_ready()));
    assert!(of(Direction::In).all(|effect| !effect.readiness.is_ready()));
    assert!(lab.tracker.apply(&Notification::LinkChanged(link(9, 6))).is_empty(), "nothing new");
    assert!(lab.tracker.has_peer_in(&"192.0.2.6/32".parse().unwrap()));
    assert!(!lab.tracker.has_peer_in(&"198.51.100.0/24".parse().unwrap()));
    assert_eq!(lab.tracker.with_peer_in(&"0.0.0.0/0".parse().unwrap()).len(), 2);
    assert_eq!(link(9, 6).driver(), Some(Driver::Xfrm));
}

fn inbound_added(spi: u32) -> Notification {
    Notification::SaAdded(inbound_sa(spi))
}

fn inbound_deleted(spi: u32) -> Notification {
    Notification::SaDeleted(inbound_sa(spi))
}

fn finding(code: Code) -> (Code, String) {
    (code, "as a diagnosis says".to_owned())
}

#[test]
fn what_is_refused_on_arrival_is_what_a_diagnosis_finds_or_unexplained() {
    let integrity = finding(Code::IntegrityFailures);
    for driver in [Driver::Vti, Driver::Xfrm] {
        let mut lab = Lab::inbound(driver);
        lab.refuse(1000, 5);
        assert!(lab.watch.wants_finding());
        let found =
            [finding(Code::NoOutboundPolicy), integrity.clone(), finding(Code::ReplayDrops)];
        lab.watch.found(lab.watch.refusing(&found));
        lab.quiet(2000, 9000);
        assert_eq!(lab.causes(), [(402, 5)], "{driver:?}");
        let episode = lab.only_episode();
        assert!(episode.inbound);
        assert_eq!((episode.lost, episode.sent, episode.counters.rx_errors), (5, 10, 5));
        assert_eq!(episode.counters.tx_errors, 0);

        let mut lab = Lab::inbound(driver);
        lab.refuse(1000, 5);
        lab.watch.found(lab.watch.refusing(&[finding(Code::PolicyBlocks)]));
        lab.quiet(2000, 9000);
        assert_eq!(lab.causes(), [(499, 5)], "what goes out says nothing of what comes in");
    }
    // An xfrm interface has counted the packet as received when its policies are asked.
    let no_policy = [finding(Code::NoInboundPolicy), integrity];
    let refusing = |driver| Lab::inbound(driver).watch.refusing(&no_policy).map(|(code, _)| code);
    assert_eq!(refusing(Driver::Vti), Some(Code::NoInboundPolicy));
    assert_eq!(refusing(Driver::Xfrm), Some(Code::IntegrityFailures));
}

#[test]
fn an_inbound_episode_waits_for_the_first_diagnosis_but_not_for_long() {
    let mut lab = Lab::inbound(Driver::Vti);
    lab.refuse(1000, 5);
    lab.quiet(2000, 15_000);
    assert!(lab.episodes.is_empty());
    lab.quiet(16_000, 16_000);
    assert_eq!(lab.causes(), [(499, 5)]);
    let mut lab = Lab::inbound(Driver::Vti);
    lab.refuse(1000, 5);
    lab.quiet(2000, 9000);
    lab.watch.found(lab.watch.refusing(&[finding(Code::ReplayDrops)]));
    lab.quiet(10_000, 10_000);
    assert_eq!(lab.causes(), [(403, 5)]);
}

#[test]
fn errors_of_the_other_direction_are_none_of_this_one() {
    let mut lab = Lab::inbound(Driver::Vti);
    lab.look(1000, 10, 10, 5);
    lab.quiet(2000, 9000);
    let mut out = Lab::healthy();
    out.refuse(1000, 5);
    out.quiet(2000, 9000);
    assert!(lab.episodes.is_empty() && out.episodes.is_empty());
}

#[test]
fn packets_that_count_as_dropped_alone_are_refused_too() {
    let mut lab = Lab::inbound(Driver::Xfrm);
    lab.counters.rx_dropped += 7;
    lab.quiet(1000, 17_000);
    assert_eq!(lab.causes(), [(499, 7)]);
}

#[test]
fn an_inbound_sa_that_goes_and_comes_back_is_a_gap_whose_losses_a_vti_counts() {
    let mut lab = Lab::inbound(Driver::Vti);
    lab.quiet(1000, 5000);
    assert!(lab.change(5100, inbound_deleted(9)));
    assert!(lab.change(5300, inbound_added(10)));
    lab.refuse(6000, 20);
    assert!(!lab.watch.wants_finding());
    lab.quiet(7000, 12_000);
    assert_eq!(lab.causes(), [(401, 20)]);
    let episode = lab.only_episode();
    assert_eq!((episode.causes[0].gap_ms, episode.events.len()), (Some(200), 2));
}

#[test]
fn what_only_the_host_counts_is_of_the_gap_in_which_it_was_lost() {
    let mut lab = Lab::inbound(Driver::Xfrm);
    lab.quiet(1000, 5000);
    assert!(!lab.watch.lacks_sa(at(5000)));
    lab.change(5900, inbound_deleted(9));
    lab.look(6000, 10, 0, 0);
    assert!(lab.watch.lacks_sa(at(6000)));
    assert!(lab.watch.charge(at(5000), 10, None), "an episode begins");
    lab.change(6300, inbound_added(10));
    lab.look(7000, 10, 7, 0);
    assert!(lab.watch.lacks_sa(at(7000)), "the gap was over before the last sample");
    assert!(!lab.watch.charge(at(6000), 30, None));
    lab.look(8000, 10, 10, 0);
    assert!(!lab.watch.lacks_sa(at(8000)));
    lab.quiet(9000, 14_000);
    assert_eq!(lab.causes(), [(401, 40)]);
    let episode = lab.only_episode();
    assert_eq!((episode.causes[0].gaps, episode.causes[0].gap_ms), (1, Some(400)));
    assert_eq!(episode.course.iter().map(|loss| loss.lost).sum::<u64>(), 40);
}

#[test]
fn packets_without_an_sa_are_not_of_a_vti_whose_peer_was_silent_or_is_long_gone() {
    let mut lab = Lab::inbound(Driver::Xfrm);
    (1000..=9000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    lab.change(9100, inbound_deleted(9));
    lab.look(10_000, 10, 0, 0);
    assert!(!lab.watch.lacks_sa(at(10_000)), "nothing came before");
    let mut lab = Lab::inbound(Driver::Xfrm);
    lab.quiet(1000, 5000);
    lab.change(5100, inbound_deleted(9));
    (6000..=65_000).step_by(1000).for_each(|ms| lab.look(ms, 10, 0, 0));
    assert!(lab.watch.lacks_sa(at(65_000)));
    assert!(!lab.watch.lacks_sa(at(65_200)));
}

#[test]
fn policies_and_sas_of_both_directions_that_go_and_come_back_are_a_reauthentication() {
    let mut lab = Lab::inbound(Driver::Vti);
    let mut policy_in = policy(8);
    (policy_in.direction, policy_in.index) = (from_yaml("in"), 64);
    lab.change(100, Notification::PolicyAdded(policy_in.clone()));
    lab.quiet(1000, 5000);
    lab.change(5100, Notification::PolicyDeleted(policy_in.clone()));
    lab.change(5101, inbound_deleted(9));
    lab.change(5300, inbound_added(10));
    lab.change(5301, Notification::PolicyAdded(policy_in));
    lab.refuse(6000, 20);
    lab.quiet(7000, 12_000);
    assert_eq!(lab.causes(), [(911, 20)]);
}

#[test]
fn a_cause_that_raises_counters_of_the_host_takes_what_they_count() {
    let blocks = finding(Code::InboundPolicyMismatch);
    let mut lab = Lab::inbound(Driver::Xfrm);
    lab.quiet(1000, 5000);
    assert_eq!(lab.watch.raising(std::slice::from_ref(&blocks), "XfrmInPolBlock"), Some(&blocks));
    assert_eq!(lab.watch.raising(std::slice::from_ref(&blocks), "XfrmInNoStates"), None);
    let counted = Lab::inbound(Driver::Vti);
    let no_policy = finding(Code::NoInboundPolicy);
    assert_eq!(counted.watch.raising(&[no_policy], "XfrmInNoPols"), None, "a vti counts it itself");
    assert_eq!(lab.watch.cause_raising("XfrmInPolBlock"), None);
    assert!(lab.watch.charge(at(4000), 12, Some(blocks)));
    assert!(lab.watch.cause_raising("XfrmInPolBlock").is_some());
    lab.refuse(6000, 3);
    lab.watch.found(None);
    lab.quiet(7000, 12_000);
    assert_eq!(lab.causes(), [(412, 12), (499, 3)]);
    assert_eq!(lab.only_episode().began_ms, at(4000).wall_ms);
    assert_eq!(lab.watch.cause_raising("XfrmInPolBlock"), None, "it is over");
}
