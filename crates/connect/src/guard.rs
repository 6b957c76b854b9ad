//! Which addresses a vehicle may have, so that no order can be turned against the installation.
//!
//! Judges addresses, not names: a name is resolved first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services of cloud providers outside the link-local range.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xFD20, 0xCE, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xFD00, 0xEC2, 0, 0, 0, 0, 0, 0x254)),
];

/// The rule in force.
pub(crate) fn rule(allow_loopback: bool) -> fn(IpAddr) -> bool {
    if allow_loopback { is_remote_or_loopback } else { is_remote }
}

fn is_remote_or_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback() || is_remote(address)
}

fn is_remote(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let local = match address {
        IpAddr::V4(address) => {
            // All of 0.0.0.0/8 leads to this machine.
            address.is_link_local() || address.is_broadcast() || address.octets().starts_with(&[0])
        }
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
    };
    !local && !address.is_loopback() && !address.is_multicast() && !METADATA.contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(allow_loopback: bool, addresses: &[&str]) -> Vec<bool> {
        addresses.iter().map(|text| rule(allow_loopback)(text.parse().unwrap())).collect()
    }

    #[test]
    fn vehicles_live_on_public_and_private_addresses() {
        assert_eq!(
            admitted(false, &["192.0.2.7", "10.1.2.3", "2001:db8::1", "fd12::1"]),
            [true; 4]
        );
    }

    #[test]
    fn what_leads_to_the_installation_itself_is_refused() {
        let local = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"];
        assert_eq!(admitted(false, &local), [false; 4]);
        assert_eq!(admitted(true, &local), [true; 4]);
    }

    #[test]
    fn loopback_is_all_that_can_be_allowed() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::ffff:192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            assert_eq!(admitted(true, &[address]), [false], "{address}");
        }
    }
}
