//! Which driver a row of `/proc/net/dev` belongs to, if the kernel was not asked: concluded from how the drivers count drops, and from the
//! fallback devices in the same table. The conclusion comes with its reasons.

use crate::kernel::Change;
use crate::snapshot::{DeviceColumns, Driver};
use crate::units::{DROP, WAS};

/// What a row shows about its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The drivers that the row is consistent with; empty if that is all of them, or if they cannot be distinguished.
    pub drivers: Vec<Driver>,
    /// The reasons, for a person.
    pub why: String,
}

impl Inferred {
    /// The driver, if the row is consistent with only one.
    pub fn driver(&self) -> Option<Driver> {
        match self.drivers.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}

/// The driver of the VTI in row `c` of `table`; none if the row does not show it.
///
/// ip_vti counts no drops. ip6_vti and xfrm also count every error as a drop, except those of the encryption stage, which
/// `iptunnel_xmit_stats()` counts as aborted. The network stack may add its own drops (if the interface is down).
pub fn infer_driver(c: &DeviceColumns, table: &[DeviceColumns]) -> Option<Inferred> {
    let has = |name: &str| table.iter().any(|row| row.name == name);
    let fallback = |driver, module: &str| Inferred {
        drivers: vec![driver],
        why: format!("{module} creates the device of this name when it is loaded"),
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
                "errs is 0 and drop is {drop}: either drops of the network stack, or an xfrm interface on a kernel before {}, which \
                 counts errors only as drops",
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
                "ip_vti counts no drops; xfrm and ip6_vti would have counted drops, unless all {errs} were aborted (encryption stage)"
            )
        } else {
            "ip_vti counts no drops; xfrm and ip6_vti would have counted some".to_owned()
        };
        let why = format!("errs is {errs} and drop is 0: {others}");
        match (has("ip_vti0"), is_whole) {
            (true, _) => (
                vec![Driver::Vti],
                format!("{why}; ip_vti0 in the same table shows that ip_vti is loaded"),
            ),
            (false, true) => (
                Vec::new(),
                format!(
                    "{why}; but the table has no ip_vti0, which ip_vti creates when it is loaded"
                ),
            ),
            (false, false) => (vec![Driver::Vti], why),
        }
    } else if errs - drop > column {
        let why = format!(
            "errs is {errs} and drop is {drop}: xfrm and ip6_vti would have counted at least {}, so these are of the network stack",
            DROP.of(errs - column)
        );
        (vec![Driver::Vti], why)
    } else {
        let (both, absent) = match (is_whole, has("ip6_vti0")) {
            (true, false) => {
                (vec![Driver::Xfrm], "; it is not ip6_vti, because the table has no ip6_vti0")
            }
            _ => (vec![Driver::Xfrm, Driver::Vti6], ""),
        };
        let counts = "xfrm and ip6_vti also count every error as a drop, except aborted ones";
        if drop == errs {
            let why = format!(
                "errs and drop are both {errs}: {counts}, but ip_vti counts no drops{absent}"
            );
            (both, why)
        } else if has("ip_vti0") {
            let why = format!(
                "errs is {errs} and drop is {drop}: {counts}; but ip_vti is loaded (ip_vti0), and the network stack may have counted the drops"
            );
            (Vec::new(), why)
        } else {
            let (aborted, were) = (errs - drop, WAS.word(errs - drop));
            let why = format!(
                "errs is {errs} and drop is {drop}: {counts}, so {aborted} {were} aborted (unless the network stack also dropped some){absent}"
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
        assert!(why(row("vti0", 59, 0, 59, 0)).contains("unless all 59 were aborted"));
        assert!(
            why(row("vti0", 59, 0, 50, 9)).contains("xfrm and ip6_vti would have counted some")
        );
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
    fn without_errors_the_driver_is_unknown() {
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
