#!/bin/bash
# Makes one of every change that the decoders of notifications read, in a throw-away machine, and records what its kernel tells of them
# (record.rs). Run it as root inside the machine, with the test executable as ./wire. The lines `RECORD name hex` of its output become
# <kernel>-<name>.hex. The keys are dummies.
set -eu
gcm=0x0123456789abcdef0123456789abcdef01234567
ip link set lo up
ip link add wan type veth peer name other; ip link add bridge0 type bridge
./wire --ignored --nocapture --test-threads=1 record_the_changes_of_this_kernel & wire=$!
until [ -e /tmp/listening ]; do sleep 0.1; done

ip address add 192.0.2.1/24 dev wan; ip link set wan up; ip link set other up
ip link add vti0 type xfrm dev wan if_id 1; ip link set vti0 up
ip link add vti8 type vti local 192.0.2.1 remote 198.51.100.8 key 8
ip route add 198.51.100.0/24 via 192.0.2.254; ip route del 198.51.100.0/24
ip -6 route add 2001:db8:7::/48 dev wan; ip -6 route del 2001:db8:7::/48
ip link set other master bridge0; ip link set vti0 down; ip link del vti0
ip address del 192.0.2.1/24 dev wan

state() { ip xfrm state "$@"; }
id='src 192.0.2.1 dst 198.51.100.7 proto esp spi 0xc1000001'
tail="reqid 1 mode tunnel if_id 1 aead rfc4106(gcm(aes)) $gcm 128"
state add $id $tail flag esn replay-window 32; state update $id $tail flag esn replay-window 32; state delete $id
state add ${id%1}2 $tail limit time-soft 1 limit time-hard 2
state add src 2001:db8::1 dst 2001:db8::7 proto esp spi 0xc1000003 reqid 1 mode tunnel mark 9 mask 0xff aead 'rfc4106(gcm(aes))' $gcm 128
policy='src 0.0.0.0/0 dst 10.0.0.0/8 dir out if_id 1'
tmpl='tmpl src 192.0.2.1 dst 198.51.100.7 proto esp reqid 1 mode tunnel'
ip xfrm policy add $policy $tmpl; ip xfrm policy update $policy priority 5 $tmpl; ip xfrm policy delete $policy
ip xfrm policy add src ::/0 dst ::/0 dir in mark 9 mask 0xff
ip xfrm policy add $policy limit time-hard 1 $tmpl
sleep 4
ip xfrm state flush proto esp; ip xfrm policy flush
wait $wire
