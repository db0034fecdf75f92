//! The first network namespace as the router: empty before a case and after it.

use crate::Fallible;
use crate::lines;
use std::path::Path;

/// All that scenarios leave behind. Links take their routes and addresses along.
const CLEAN: &str = r#"
for link in /sys/class/net/*; do link=${link##*/}; [ $link = lo ] || ip link del $link 2>/dev/null || true; done
ip netns del peer 2>/dev/null || true
ip netns del lan 2>/dev/null || true
ip xfrm state flush; ip xfrm policy flush; ip xfrm policy flush ptype sub 2>/dev/null || true; ip xfrm policy setdefault in accept fwd accept out accept
ip addr flush dev lo scope global; ip -6 addr flush dev lo scope global; ip link set lo down; ip link set lo up
for type in blackhole unreachable prohibit; do ip route flush table all type $type; ip -6 route flush table all type $type; done 2>/dev/null || true
for family in -4 -6; do ip $family rule show | while read -r pref rest; do
  # 1000 is l3mdev: the kernel makes it once.
  case ${pref%:} in 0|1000|32766|32767) ;; *) ip $family rule del pref ${pref%:} ;; esac
done; done
nft flush ruleset
echo 0 >/proc/sys/net/ipv4/conf/all/disable_xfrm; echo 0 >/proc/sys/net/ipv4/conf/default/disable_xfrm
echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 1 >/proc/sys/net/core/xfrm_larval_drop
"#;

/// Scenarios call it `router`.
pub fn name_it() -> Fallible<()> {
    let failed = |error: std::io::Error| format!("cannot name the first namespace: {error}");
    std::fs::create_dir_all("/run/netns").map_err(failed)?;
    match Path::new("/run/netns/router").try_exists() {
        Ok(true) => Ok(()),
        _ => std::os::unix::fs::symlink("/proc/1/ns/net", "/run/netns/router").map_err(failed),
    }
}

/// Does the work in an empty first namespace, and empties it again.
pub fn with(work: impl FnOnce() -> Fallible<Vec<String>>) -> Fallible<Vec<String>> {
    let done = work();
    clean()?;
    done
}

/// Empties it.
pub fn clean() -> Fallible<()> {
    lines::script(CLEAN)
}
