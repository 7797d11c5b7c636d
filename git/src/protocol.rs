//! What both services share: versions, service names, capability lists and the advertisement.
//!
//! Owns the static part of the wire protocol. Refuses to read requests (that is `upload` and `receive`) and to know about
//! HTTP or SSH: transports call in here with plain values.

mod advertise;
mod capabilities;

pub use advertise::{AdvertiseOptions, advertise, advertise_v2};
pub(crate) use capabilities::{Capabilities, check_object_format};

/// The protocol version a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ProtocolVersion {
    /// The original protocol, also meant when nothing is asked for.
    #[default]
    V0,
    /// Like [`ProtocolVersion::V0`] with a `version 1` line in front.
    V1,
    /// Command based; exists for fetching only.
    V2,
}

impl ProtocolVersion {
    /// Reads a `Git-Protocol` header or the `GIT_PROTOCOL` environment variable of an SSH session.
    ///
    /// Shape: colon separated `key=value` pairs; the highest known `version` wins, anything else is ignored.
    /// Source: gitprotocol-v2(5); git's `determine_protocol_version_server`.
    pub fn from_header(value: Option<&str>) -> Self {
        let rank = |version: ProtocolVersion| match version {
            ProtocolVersion::V0 => 0,
            ProtocolVersion::V1 => 1,
            ProtocolVersion::V2 => 2,
        };
        value
            .unwrap_or_default()
            .split(':')
            .filter_map(|pair| match pair.trim().strip_prefix("version=")? {
                "1" => Some(ProtocolVersion::V1),
                "2" => Some(ProtocolVersion::V2),
                _ => None,
            })
            .max_by_key(|version| rank(*version))
            .unwrap_or_default()
    }
}

/// The two services of the smart protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Serves clone, fetch and ls-remote.
    UploadPack,
    /// Serves push.
    ReceivePack,
}

impl Service {
    /// The name on the wire: `git-upload-pack` or `git-receive-pack`.
    pub fn name(self) -> &'static str {
        match self {
            Service::UploadPack => "git-upload-pack",
            Service::ReceivePack => "git-receive-pack",
        }
    }

    /// Finds a service by its name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Service::UploadPack),
            "git-receive-pack" => Some(Service::ReceivePack),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_headers() {
        use ProtocolVersion::{V0, V1, V2};
        for (header, expected) in [
            (None, V0),
            (Some(""), V0),
            (Some("version=1"), V1),
            (Some("version=2"), V2),
            (Some("version=3"), V0),
            (Some("a=b:version=2:c"), V2),
            (Some("version=1:version=2"), V2),
            (Some("version=2:version=1"), V2),
            (Some("version"), V0),
        ] {
            assert_eq!(ProtocolVersion::from_header(header), expected, "{header:?}");
        }
    }

    #[test]
    fn services_have_one_name() {
        for service in [Service::UploadPack, Service::ReceivePack] {
            assert_eq!(Service::from_name(service.name()), Some(service));
        }
        assert_eq!(Service::from_name("git-upload-archive"), None);
    }
}
