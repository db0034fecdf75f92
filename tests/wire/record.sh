#!/bin/bash
# Sets up one of everything that the decoders read, in a throw-away machine, and records what its kernel sends (record.rs).
# Run it as root inside the machine, with the test executable as /wire and, compiled statically, socket-policy.c as /socket-policy.
# The lines `RECORD name hex` of its output become <kernel>-<name>.hex. The keys are dummies.
set -u
aes=0x0123456789abcdef0123456789abcdef
sha=0x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
gcm=${aes}01234567
esp="enc cbc(aes) $aes auth-trunc hmac(sha256) $sha 128"
aead="aead rfc4106(gcm(aes)) $gcm 128"

ip link set lo up
ip link add wan type dummy; ip link set wan up
ip address add 192.0.2.1/24 dev wan; ip address add 2001:db8::1/64 dev wan nodad
ip link add blue type vrf table 1000; ip link set blue up
ip link add wan2 type dummy; ip link set wan2 master blue up; ip address add 192.0.2.129/25 dev wan2
ip link add vti0 type xfrm dev wan if_id 1; ip link set vti0 up mtu 1400
ip link add vti1 type xfrm dev wan2 if_id 0x2002; ip link set vti1 mtu 1200 up
ip link add vti2 type xfrm if_id 3; ip link set vti2 up
ip link add any0 type xfrm external; ip link set any0 up
ip link add vti8 type vti local 192.0.2.1 remote 198.51.100.8 ikey 8 okey 9; ip link set vti8 up
ip link add vti9 type vti remote 198.51.100.9 key 10.0.0.1 fwmark 0x55 dev wan; ip link set vti9 up
ip link add vtisix type vti6 local 2001:db8::1 remote 2001:db8::6 ikey 6 okey 7; ip link set vtisix up
ip netns add other; ip -n other link add moved type xfrm if_id 10; ip -n other link set moved netns 1; ip link set moved up
echo 1 > /proc/sys/net/ipv4/conf/vti8/disable_xfrm; echo 2 > /proc/sys/net/ipv4/conf/vti8/rp_filter
echo 1 > /proc/sys/net/ipv4/conf/vti0/disable_policy; echo 1 > /proc/sys/net/ipv4/conf/vti0/forwarding
echo 1 > /proc/sys/net/ipv6/conf/vti2/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/vti0/forwarding
ip address add 10.0.0.1/30 dev vti0; ip address add 10.9.0.1 peer 10.9.0.2/32 dev vti8; ip address add 2001:db8:9::1 peer 2001:db8:9::2 dev vtisix

ip link add many numtxqueues 4 type dummy; ip link set many up
tc qdisc add dev wan root tbf rate 8kbit burst 1540 limit 1540
tc qdisc add dev wan2 root handle 1: htb default 10; tc class add dev wan2 parent 1: classid 1:10 htb rate 8kbit
tc qdisc add dev wan2 parent 1:10 handle 10: pfifo limit 2; tc qdisc add dev wan2 clsact; tc qdisc add dev many root handle 2: mq

x() { ip xfrm state add "$@" || echo "FAILED state $*"; }
x src 192.0.2.1 dst 198.51.100.7 proto esp spi 0xc1000001 reqid 1 mode tunnel if_id 1 replay-window 32 $esp \
  limit byte-soft 100000 limit byte-hard 200000 limit packet-soft 1000 limit packet-hard 2000 limit time-soft 3000 limit time-hard 3600 limit time-use-soft 20 limit time-use-hard 30
x src 198.51.100.7 dst 192.0.2.1 proto esp spi 0xc1000002 reqid 1 mode tunnel if_id 1 replay-window 128 flag esn $aead sel src 0.0.0.0/0 dst 0.0.0.0/0
x src 192.0.2.1 dst 198.51.100.8 proto esp spi 0xc1000003 reqid 8 mode tunnel mark 9 mask 0xff output-mark 0x64 mask 0xffff $esp encap espinudp 4500 4501 0.0.0.0
x src 2001:db8::1 dst 2001:db8::6 proto esp spi 0xc1000004 reqid 6 mode tunnel mark 7 $aead flag af-unspec
x src 192.0.2.1 dst 198.51.100.10 proto ah spi 0xc1000005 reqid 10 mode transport auth-trunc "hmac(sha256)" $sha 128 sel src 192.0.2.1/32 dst 198.51.100.10/32 proto 6 sport 80 dport 443
x src 192.0.2.1 dst 198.51.100.11 proto comp spi 0x1234 reqid 11 mode tunnel comp deflate
x src 192.0.2.1 dst 198.51.100.12 proto esp spi 0xc1000006 reqid 12 mode beet $esp sel src 10.1.0.0/16 dst 10.2.0.0/16
x src 192.0.2.1 dst 198.51.100.13 proto esp spi 0xc1000007 reqid 13 mode tunnel if_id 3 $esp flag noecn decap-dscp extra-flag dont-encap-dscp
x src 192.0.2.1 dst 198.51.100.14 proto esp spi 0xc1000008 reqid 99 mode tunnel if_id 99 $aead output-mark 5

p() { ip xfrm policy add "$@" || echo "FAILED policy $*"; }
p src 0.0.0.0/0 dst 0.0.0.0/0 dir out priority 399999 if_id 1 tmpl src 192.0.2.1 dst 198.51.100.7 proto esp spi 0xc1000001 reqid 1 mode tunnel
p src 0.0.0.0/0 dst 0.0.0.0/0 dir in priority 399999 if_id 1 tmpl src 198.51.100.7 dst 192.0.2.1 proto esp reqid 1 mode tunnel
p src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd priority 399999 if_id 1 tmpl src 198.51.100.7 dst 192.0.2.1 proto esp reqid 1 mode tunnel
p src 0.0.0.0/0 dst 0.0.0.0/0 dir out mark 9 mask 0xff tmpl src 192.0.2.1 dst 198.51.100.8 proto esp reqid 8 mode tunnel
p src ::/0 dst ::/0 dir out mark 7 tmpl src 2001:db8::1 dst 2001:db8::6 proto esp reqid 6 mode tunnel
p src ::/0 dst ::/0 dir out if_id 3 tmpl src 0.0.0.0 dst 198.51.100.13 proto esp reqid 13 mode tunnel
p src 10.1.0.0/16 dst 10.2.0.0/16 dev vti0 proto 17 sport 500 dport 4500 dir out priority 5 flag localok tmpl proto comp reqid 11 mode transport level use tmpl src 192.0.2.1 dst 198.51.100.11 proto esp reqid 14 mode tunnel tmpl proto ah reqid 10 mode transport
p src 10.3.0.0/16 dst 10.4.0.0/16 dir out action block flag icmp
p src 10.5.0.0/16 dst 10.6.0.0/16 dir in index 800 action allow
p src 10.7.0.0/16 dst 10.8.0.0/16 dir out ptype sub priority 7
p src 198.51.100.99/32 dst 10.99.0.0/16 dir out if_id 2 tmpl src 192.0.2.1 dst 198.51.100.99 proto esp reqid 77 mode tunnel
ip xfrm policy setdefault in accept fwd block out accept
/socket-policy &

# A larval SA: somebody listens for acquires, and a packet asks for an SA that is not there.
p src 0.0.0.0/0 dst 10.77.0.0/16 dir out if_id 3 tmpl src 192.0.2.1 dst 198.51.100.77 proto esp reqid 78 mode tunnel
ip xfrm monitor acquire > /dev/null & sleep 1
ip route add 10.77.0.0/16 dev vti2; ping -c 1 -W 1 -I 10.0.0.1 10.77.0.1 > /dev/null 2>&1

r() { ip route add "$@" || echo "FAILED route $*"; }
r default via 192.0.2.254 dev wan
r 10.10.0.0/16 metric 7 nexthop via 192.0.2.2 dev wan weight 3 nexthop dev vti0
r 10.11.0.0/16 dev vti0 mtu 1300 src 10.0.0.1 proto static
r blackhole 10.12.0.0/16; r unreachable 10.13.0.0/16; r prohibit 203.0.113.9
r 10.14.0.0/16 via inet6 2001:db8::fe dev wan
r 10.15.0.0/16 dev vti1 table 1000; r unreachable default table 1000 metric 4278198272
r 10.16.0.0/16 via 192.0.2.3 table 220 proto static; r throw 10.17.0.0/16 table 220
ip -6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 dev wan nexthop via fe80::1 dev vtisix
ip -6 route add blackhole 2001:db8:dead::/48; ip -6 route add default via 2001:db8::fe mtu 1400
ip link set wan2 down; ip link set wan2 up
ip rule add priority 100 fwmark 0x5/0xff table 220; ip rule add priority 101 not from 10.0.0.0/8 to 192.0.2.0/24 table main
ip rule add priority 102 iif vti0 oif wan blackhole; ip -6 rule add priority 103 from 2001:db8::/32 table 70000
ip neighbour add 192.0.2.254 lladdr 02:00:00:00:00:fe dev wan nud permanent; ip neighbour add 2001:db8::fe lladdr 02:00:00:00:00:fe dev wan nud reachable
ip neighbour add 192.0.2.2 dev wan nud failed

# Source validation as VyOS 1.4 writes it, in the newer form of nft too, and rules of other forms beside.
nft 'table ip raw { chain vyos_global_rpfilter { return; }; chain vyos_rpfilter { type filter hook prerouting priority -300; policy accept; counter jump vyos_global_rpfilter; }; }
  table ip6 raw { chain vyos_rpfilter { type filter hook prerouting priority -300; policy accept; }; }'
# One of each expression that is followed, and some that are not.
nft -f - <<'RULES'
table inet guard {
  set names { type ifname; flags interval; elements = { "vti*", "wan", "bond1" }; }
  set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.5-192.168.1.9, 255.255.255.255 }; }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90, 192.0.2.4 . 443 }; }
  map verdicts { type inet_service : verdict; elements = { 22 : accept, 80 : drop, 81 : jump other, 82 : goto other }; }
  chain other { counter packets 9 bytes 900 drop comment "ipv4-NAM-OTHER-10"; return; }
  chain prepare { type filter hook prerouting priority raw; policy accept; iifname "wan" notrack; meta mark set meta mark and 0xff or 0x100; ip dscp set 10; meta mark set ct mark; }
  chain guard { type filter hook input priority filter; policy drop;
    iifname @names ip saddr @nets counter packets 3 bytes 300 accept
    ip saddr . tcp dport @pairs drop
    tcp dport vmap @verdicts
    udp dport vmap { 1-100 : accept, 1000-2000 : jump other }
    oifname != "eth*" iifname { "a", "b" } reject
    meta mark 0x5 ct state established,related accept
    ct state vmap { established : accept, invalid : drop, new : jump other }
    meta mark and 0xff == 7 ip6 saddr fe80::/10 drop
    ip saddr 10.0.0.5-10.0.0.20 ip daddr 10.1.2.3 udp sport 53 udp dport 1000-1010 limit rate 5/second accept
    icmp type echo-request icmp code 0 drop
    ip dscp 0x10 meta ipsec exists ipsec in reqid 5 accept
    rt ipsec missing meta length > 100 ip ttl < 5 drop
    fib saddr . iif oif missing drop
    fib daddr type local drop
    esp spi 0x100 accept
    meta mark 5-10 ip6 dscp 5 drop
    iif "lo" tcp flags syn ct mark 5 accept
  }
  chain out { type route hook output priority mangle; policy accept; meta l4proto esp meta mark set 0x300; }
}
table ip asleep { flags dormant; chain input { type filter hook input priority 0; policy drop; }; }
table ip translate { chain post { type nat hook postrouting priority srcnat; oifname "vti0" return; ip saddr 10.0.0.0/8 snat to 192.0.2.4-192.0.2.9; snat ip prefix to 10.9.0.0/16; masquerade; }; }
table netdev early { chain wan { type filter hook ingress device "wan" priority 0; policy accept; meta protocol ip ip saddr 192.0.2.99 drop; }; }
RULES
n() { nft insert rule "$@" || echo "FAILED rule $*"; }
n ip raw vyos_global_rpfilter fib saddr . iif oif 0 counter drop
n ip raw vyos_rpfilter iifname '"vti0"' counter return
n ip raw vyos_rpfilter iifname '"vti0"' fib saddr . iif oif 0 counter packets 5 bytes 420 drop
n ip raw vyos_rpfilter iifname '"vti*"' fib saddr . iif oif 0 counter drop
n ip raw vyos_rpfilter iifname '"vti0"' fib saddr . iif oif 0 counter accept
n ip raw vyos_rpfilter iifname '"vti0"' fib saddr . iif oif exists counter drop
n ip raw vyos_rpfilter iifname '"vti0"' fib saddr . iif oif '"wan"' counter drop
n ip raw vyos_rpfilter iifname '!=' '"vti0"' fib saddr oif 0 counter drop
n ip raw vyos_rpfilter ip saddr 10.0.0.0/8 fib saddr oif 0 counter drop
n ip raw vyos_rpfilter iifname '"vti0"' fib daddr oif 0 counter drop
n ip raw vyos_rpfilter iifname '"vti0"' fib saddr . mark oif 0 counter drop
n ip6 raw vyos_rpfilter iifname '"vti8"' fib saddr oif 0 counter packets 7 bytes 700 drop
/wire --ignored --nocapture --test-threads=1 record_this_kernel
