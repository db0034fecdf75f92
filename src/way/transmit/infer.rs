//! Which driver wrote a row of `/proc/net/dev`, where the kernel was not asked: from how the drivers count drops, and from the fallback
//! devices in the same table. It is a conclusion with its reasons, never a reading.

use crate::kernel::Change;
use crate::snapshot::{DeviceColumns, Driver};
use crate::units::{DROP, WAS};

/// What a row tells about its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The drivers that the row fits; empty where that is all of them, or none can be told from another.
    pub drivers: Vec<Driver>,
    /// Why, for a person.
    pub why: String,
}

impl Inferred {
    /// The driver, where the row fits one only.
    pub fn driver(&self) -> Option<Driver> {
        match self.drivers.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}

/// The driver of the VTI in row `c` of `table`; none where the row says nothing.
///
/// ip_vti counts no drops. ip6_vti and xfrm count every error as a drop too, but those of the encryption stage, which
/// `iptunnel_xmit_stats()` counts as aborted. The stack may add drops of its own (an interface that is down).
pub fn infer_driver(c: &DeviceColumns, table: &[DeviceColumns]) -> Option<Inferred> {
    let has = |name: &str| table.iter().any(|row| row.name == name);
    let fallback = |driver, module: &str| Inferred {
        drivers: vec![driver],
        why: format!("{module} makes the device of this name when it is loaded"),
    };
    match c.name.as_str() {
        "ip_vti0" => return Some(fallback(Driver::Vti, "ip_vti")),
        "ip6_vti0" => return Some(fallback(Driver::Vti6, "ip6_vti")),
        _ => {}
    }
    let (errs, drop, column) = (c.tx_errs, c.tx_drop, c.tx_carrier);
    if column.checked_add(c.tx_colls).is_none_or(|counted| counted > errs) || drop > errs {
        return (errs == 0 && drop > 0).then(|| Inferred {
            drivers: Vec::new(),
            why: format!(
                "errs is 0 and drop is {drop}: drops of the stack, or an xfrm interface on a kernel before {}, which shows its errors as drops \
                 only",
                Change::XfrmErrorCounters.since()
            ),
        });
    }
    if errs == 0 {
        return None;
    }
    // The table of a whole namespace has lo, and the fallback device of each module that is loaded.
    let is_whole = has("lo");
    let (drivers, why) = if drop == 0 {
        let others = if column == errs {
            format!(
                "ip_vti counts no drops; on xfrm and ip6_vti all {errs} would have to be aborted ones (encryption stage), which are no drops \
                 there either"
            )
        } else {
            "ip_vti counts no drops, xfrm and ip6_vti would have".to_owned()
        };
        let why = format!("errs is {errs} and drop is 0: {others}");
        match (has("ip_vti0"), is_whole) {
            (true, _) => (
                vec![Driver::Vti],
                format!("{why}; ip_vti0 in the same table confirms that ip_vti is loaded"),
            ),
            (false, true) => (
                Vec::new(),
                format!(
                    "{why}; but ip_vti0, which ip_vti makes when it is loaded, is not in the table"
                ),
            ),
            (false, false) => (vec![Driver::Vti], why),
        }
    } else if errs - drop > column {
        let why = format!(
            "errs is {errs} and drop is {drop}: xfrm and ip6_vti would count {} at least; those here are of the stack",
            DROP.of(errs - column)
        );
        (vec![Driver::Vti], why)
    } else {
        let (both, absent) = match (is_whole, has("ip6_vti0")) {
            (true, false) => (
                vec![Driver::Xfrm],
                "; not ip6_vti, since ip6_vti0, which it makes, is not in the table",
            ),
            _ => (vec![Driver::Xfrm, Driver::Vti6], ""),
        };
        let counts = "xfrm and ip6_vti count every error but the aborted ones as a drop too";
        if drop == errs {
            let why =
                format!("errs and drop are both {errs}: {counts}, ip_vti counts no drops{absent}");
            (both, why)
        } else if has("ip_vti0") {
            let why = format!(
                "errs is {errs} and drop is {drop}: {counts}, but so may the stack on ip_vti, which ip_vti0 shows to be loaded"
            );
            (Vec::new(), why)
        } else {
            let (aborted, were) = (errs - drop, WAS.word(errs - drop));
            let why = format!(
                "errs is {errs} and drop is {drop}: {counts}, so {aborted} {were} aborted, unless the stack dropped some too{absent}"
            );
            (both, why)
        }
    };
    Some(Inferred { drivers, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, errs: u64, drop: u64, carrier: u64, colls: u64) -> DeviceColumns {
        DeviceColumns {
            name: name.to_owned(),
            tx_errs: errs,
            tx_drop: drop,
            tx_carrier: carrier,
            tx_colls: colls,
            ..DeviceColumns::default()
        }
    }

    fn drivers(c: &DeviceColumns, others: &[&str]) -> Vec<Driver> {
        let others: Vec<_> = others.iter().map(|name| row(name, 0, 0, 0, 0)).collect();
        infer_driver(c, &others).map(|inferred| inferred.drivers).unwrap_or_default()
    }

    #[test]
    fn errors_without_drops_are_those_of_ip_vti_unless_its_fallback_device_is_missing() {
        let c = row("vti0", 59, 0, 59, 0);
        assert_eq!(drivers(&c, &["lo", "ip_vti0"]), [Driver::Vti]);
        assert_eq!(drivers(&c, &[]), [Driver::Vti]);
        assert_eq!(drivers(&c, &["lo"]), []);
    }

    #[test]
    fn an_xfrm_interface_shows_errors_without_drops_only_if_all_were_aborted() {
        let why = |c| infer_driver(&c, &[]).unwrap().why;
        assert!(why(row("vti0", 59, 0, 59, 0)).contains("all 59 would have to be aborted"));
        assert!(why(row("vti0", 59, 0, 50, 9)).contains("xfrm and ip6_vti would have"));
    }

    #[test]
    fn errors_that_are_drops_too_are_those_of_xfrm_or_ip6_vti() {
        let c = row("vti0", 7, 7, 5, 1);
        assert_eq!(drivers(&c, &[]), [Driver::Xfrm, Driver::Vti6]);
        assert_eq!(drivers(&c, &["lo", "ip6_vti0"]), [Driver::Xfrm, Driver::Vti6]);
        assert_eq!(drivers(&c, &["lo"]), [Driver::Xfrm]);
    }

    #[test]
    fn fewer_drops_than_errors_are_aborted_packets_or_drops_of_the_stack() {
        let c = row("vti0", 9, 7, 9, 0);
        assert_eq!(drivers(&c, &["lo"]), [Driver::Xfrm]);
        assert_eq!(drivers(&c, &["lo", "ip_vti0"]), []);
        assert_eq!(drivers(&row("vti0", 9, 2, 3, 0), &[]), [Driver::Vti]);
    }

    #[test]
    fn no_errors_tell_nothing() {
        assert_eq!(infer_driver(&row("vti0", 0, 0, 0, 0), &[]), None);
        let old = infer_driver(&row("vti0", 0, 4, 0, 0), &[]).unwrap();
        assert_eq!(old.driver(), None);
        assert!(old.why.contains("before 5.11"), "{}", old.why);
    }

    #[test]
    fn columns_at_their_end_do_not_overflow() {
        assert_eq!(infer_driver(&row("vti0", 1, 0, u64::MAX, u64::MAX), &[]), None);
    }
}
