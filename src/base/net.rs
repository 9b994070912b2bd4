//! Networks of the internet, and which addresses anybody may be sent to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, de};

/// A network: `10.0.0.0/8`, `fd00::/8`. A single address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net(IpNet);

/// A text that is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write 10.0.0.0/8, fd00::/8 or one address")]
pub struct NotANet(String);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Net {
    Net(IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)))
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> Net {
    Net(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)))
}

/// What is not the public internet, by IANA's registries of special addresses (RFC 6890 and its updates), and beside these the
/// addresses in public ranges at which clouds tell their machines secrets.
const NOT_PUBLIC: [Net; 27] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carriers' own
    v4(127, 0, 0, 0, 8),      // this machine
    v4(168, 63, 129, 16, 32), // Azure's host
    v4(169, 254, 0, 0, 16),   // link-local; most clouds' metadata
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments; Oracle's metadata
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // relays from 6to4
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved; broadcast
    // Only 2000::/3 is given out: what stands below and above is no place to go. Among it: this machine, IPv4 in other clothes
    // (::ffff:0:0/96, 64:ff9b::/96), private (fc00::/7), link-local (fe80::/10), multicast.
    v6(0, 0, 0, 3),
    v6(0x4000, 0, 0, 2),
    v6(0x8000, 0, 0, 1),
    v6(0x2001, 0, 0, 23),         // protocol assignments; Teredo
    v6(0x2001, 0xdb8, 0, 32),     // documentation
    v6(0x2002, 0, 0, 16),         // 6to4
    v6(0x3fff, 0, 0, 20),         // documentation
    v6(0x2620, 0x4f, 0x8000, 48), // AS112
    v4(192, 31, 196, 0, 24),      // AS112
    v4(192, 175, 48, 0, 24),      // AS112
    v4(192, 52, 193, 0, 24),      // multicast tunnels
];

impl Net {
    /// Whether the address lies in it. An IPv4-mapped IPv6 address lies in no IPv4 network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

/// Whether the address belongs to the public internet, where nobody can be that only we can reach.
pub fn is_public(address: IpAddr) -> bool {
    !NOT_PUBLIC.iter().any(|it| it.contains(address))
}

impl FromStr for Net {
    type Err = NotANet;

    fn from_str(text: &str) -> Result<Self, NotANet> {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self).map_err(|_| NotANet(text.to_owned()))
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Net {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_is_sent_to_where_only_we_can_go() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "8000::1",
        ] {
            assert!(!is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn the_public_internet_is_open_up_to_its_borders() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "2003::1",
        ] {
            assert!(is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn a_network_is_read_as_people_write_it() {
        let home: Net = "10.1.0.0/16".parse().unwrap();
        assert!(home.contains(address("10.1.255.255")) && !home.contains(address("10.2.0.0")));
        assert!(!home.contains(address("::ffff:10.1.0.1")));
        let one: Net = "::1".parse().unwrap();
        assert!(one.contains(address("::1")) && !one.contains(address("::2")));
        assert!("0.0.0.0/0".parse::<Net>().unwrap().contains(address("200.1.1.1")));
        assert!("::/0".parse::<Net>().unwrap().contains(address("fe80::1")));
        assert_eq!((home.to_string(), one.to_string()), ("10.1.0.0/16".into(), "::1/128".into()));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "localhost", "10.0.0/8", "1/"] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }
}
