//! What a real charon answered, as the program has it.

use super::answers::{Answers, VTI, XFRM, value};
use super::server::{Server, converse};
use super::{ike, program};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vti_diagnostics::snapshot::ike::{Child, ChildSa, Connection, IkeSa, Trap};
use vti_diagnostics::snapshot::{IfId, Mark, ReqId, Spi};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

#[test]
fn connections_and_what_is_up_are_those_that_swanctl_shows() {
    let server = Server::answering(Answers::recorded(XFRM));
    let ike = ike(&server.socket);
    assert_eq!(ike.daemon, "charon 5.9.8");
    assert!(ike.since.starts_with("Nov 23 ") && ike.since.ends_with(" 2026"), "{}", ike.since);
    let [c, peer] = ike.connections.as_slice() else { panic!("{:#?}", ike.connections) };
    assert_eq!(
        *c,
        Connection {
            name: "c".to_owned(),
            version: "IKEv2".to_owned(),
            local_addresses: words(&["192.0.2.1"]),
            remote_addresses: words(&["192.0.2.2"]),
            reauth_seconds: 10800,
            unique: "UNIQUE_NO".to_owned(),
            children: vec![Child {
                name: "c".to_owned(),
                mode: "TUNNEL".to_owned(),
                local_ts: words(&["0.0.0.0/0", "::/0"]),
                remote_ts: words(&["0.0.0.0/0", "::/0"]),
                dpd_action: "start".to_owned(),
                close_action: "none".to_owned(),
            }],
        }
    );
    assert_eq!((peer.unique.as_str(), peer.reauth_seconds), ("UNIQUE_NEVER", 0));
    let children: Vec<&str> = peer.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(children, ["peer_203-0-113-9_vti", "starts"]);
    assert_eq!(peer.children[0].remote_ts, words(&["10.8.0.0/16", "10.9.9.0/24[tcp/https]"]));
    let trap = Trap {
        connection: "peer_203-0-113-9".to_owned(),
        child: "peer_203-0-113-9_vti".to_owned(),
    };
    assert_eq!(ike.traps, [trap]);

    let [up, connecting] = ike.sas.as_slice() else { panic!("{:#?}", ike.sas) };
    assert_eq!(
        *up,
        IkeSa {
            connection: "c".to_owned(),
            unique_id: 1,
            version: 2,
            state: "ESTABLISHED".to_owned(),
            local_host: "192.0.2.1".to_owned(),
            remote_host: "192.0.2.2".to_owned(),
            local_id: "192.0.2.1".to_owned(),
            remote_id: "192.0.2.2".to_owned(),
            initiator: true,
            nat: false,
            established_seconds: Some(2),
            reauth_seconds: Some(10278),
            tasks_queued: Vec::new(),
            tasks_active: Vec::new(),
            tasks_passive: Vec::new(),
            children: vec![ChildSa {
                name: "c".to_owned(),
                unique_id: 1,
                reqid: ReqId(1),
                state: "INSTALLED".to_owned(),
                spi_in: Spi(0xc3cb_b47e),
                spi_out: Spi(0xccca_32b6),
                if_id_in: IfId(7),
                if_id_out: IfId(7),
                mark_in: Mark::default(),
                mark_out: Mark::default(),
                installed_seconds: Some(2),
                bytes_in: 252,
                bytes_out: 252,
                local_ts: words(&["0.0.0.0/0", "::/0"]),
                remote_ts: words(&["0.0.0.0/0", "::/0"]),
            }],
        }
    );
    assert_eq!((connecting.state.as_str(), connecting.remote_id.as_str()), ("CONNECTING", "%any"));
    assert!(connecting.children.is_empty() && connecting.established_seconds.is_none());
    assert_eq!((connecting.tasks_active.len(), &*connecting.tasks_active[1]), (11, "IKE_INIT"));
}

#[test]
fn marks_are_those_of_a_vti() {
    let server = Server::answering(Answers::recorded(VTI));
    let ike = ike(&server.socket);
    let child = &ike.sas[0].children[0];
    let mark = Mark { value: 7, mask: u32::MAX };
    assert_eq!((child.mark_in, child.mark_out), (mark, mark));
    assert_eq!((child.if_id_in, child.if_id_out), (IfId(0), IfId(0)));
}

#[test]
fn a_lookup_reads_the_kernel_twice_and_asks_charon_once() {
    let connections = Arc::new(AtomicUsize::new(0));
    // CHILD_SAs that need not be in the kernel: for others that this one lacks, charon is asked again.
    let answers = Answers::recorded(XFRM).with(&value(b"INSTALLED"), &value(b"REKEYED"));
    let server = {
        let connections = connections.clone();
        Server::new(move |stream| {
            connections.fetch_add(1, Ordering::SeqCst);
            converse(&answers, stream, usize::MAX)
        })
    };
    let packet = ["--interface", "none", "--source", "192.0.2.1", "--destination", "192.0.2.2"];
    let output =
        program().arg("lookup").args(packet).arg("--vici").arg(&server.socket).output().unwrap();
    // There is no such interface, which is said after everything was read.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
