//! Networks that a rule speaks of.

use core::net::IpAddr;

use ipnet::IpNet;

use crate::fault::Faults;
use crate::spec::OneOrMany;

/// Some networks.
#[derive(Debug, Clone)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    /// The networks that the texts name, each as `10.0.0.0/8` or as one address. Faults are found where they are.
    pub(crate) fn compile(texts: &OneOrMany<String>, faults: &mut Faults) -> Option<Self> {
        let texts = texts.as_slice();
        if texts.is_empty() {
            faults.add("at least one network expected, or leave it out");
        }
        let mut networks = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            faults.within(format_args!("[{place}]"), |faults| networks.extend(network(text, faults)));
        }
        (!networks.is_empty() && networks.len() == texts.len()).then_some(Self(networks))
    }

    /// Whether an address is of one of them. A client without an address is of none.
    pub(crate) fn contain(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| self.0.iter().any(|network| network.contains(&address)))
    }
}

fn network(text: &str, faults: &mut Faults) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(network) = network else {
        faults.add(format!("neither a network, as 10.0.0.0/8, nor an address: {text}"));
        return None;
    };
    if let IpNet::V6(six) = network
        && six.addr().to_ipv4_mapped().is_some()
    {
        faults.add(format!("an ipv4 address inside ipv6 is compared as ipv4, write it so: {text}"));
        return None;
    }
    if network.trunc() != network {
        faults.add(format!("bits are set behind the prefix, write {} instead: {text}", network.trunc()));
        return None;
    }
    Some(network)
}
