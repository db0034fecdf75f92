/* Holds a socket with a policy of its own for each direction (IP_XFRM_POLICY, needs CAP_NET_ADMIN), for record.sh. */
#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct xfrm_userpolicy_info p;

	for (int dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_OUT; dir++) {
		memset(&p, 0, sizeof(p));
		p.sel.family = AF_INET;
		p.dir = dir;
		p.action = XFRM_POLICY_ALLOW;
		memset(&p.lft, 0xff, 4 * sizeof(__u64));
		if (setsockopt(s, IPPROTO_IP, 17 /* IP_XFRM_POLICY */, &p, sizeof(p)))
			perror("IP_XFRM_POLICY");
	}
	sleep(600);
}
