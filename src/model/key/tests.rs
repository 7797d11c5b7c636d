use super::*;

/// Keys that `ssh-keygen` made, with the fingerprints it prints.
const TAKEN: [(&str, &str); 5] = [
    (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILNIxoOarB1Rm25OitaaA7/6IzzQxHV8wCMOdk79mM5b ada@laptop",
        "SHA256:pPTWAEDybaP1pCeWYUDokrqFEDB81NlD/7mdb9fQqDY",
    ),
    (
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGq5o/fcc7AGRxjMXnpfOvwtSZEVQbGQMjNFcl4IhVJaKJrzEsbltmgZCe9mGmKt8qeVy1C/23MMllOQzrdqapo= ada@laptop",
        "SHA256:qQ3KahFSb2GFUebtC/A0Sl0OmBG5Bm+yKXrq+YTWbp0",
    ),
    (
        "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBDNxNItebmiOwFwjM2wl2U2mz0eJ1JlIvFoGvCz18gMm097BFbpd/oWCBDbuxULDuVZHgJxxCK6IJ7zZsHcz25LHMYHS66n3/bfhzPIRXWpvwjWWIdN4E3C5Xyj/rh7yWg== ada@laptop",
        "SHA256:eLj4VgLjy1SetXO5HMbUUstPv7NR9aM1NmKq3LQwUVA",
    ),
    (
        "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAGPIgzRhnX8dmQ9gjYXF1Z1kAzLHBIIzrUtUMG8lAlo2I4mGFaEcV0WVO+LUIlPnspOsfirpuBJzr2AmPmXzRUVzwHUHxj3pquyxN2C5ubbB17bRDWCRbZcPM+8zRzbF7j6/k9aH+MndZWEq9vRjLUKtI0b1roJBP4BU8eCR1FDtlSCUQ== ada@laptop",
        "SHA256:/QKRgC2PjoTp6vgTvDZaOOtsOXinOMRMcIYjCmmNGMQ",
    ),
    (
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDaYmlN5UaED9+WI7/v7jz1xLa4Ru1Q/+l34/7v1+iyBvdKQ74ld/iSvFa7RpOFN/kt6h1rsLHza9cBXzbyZ4mZauabjX3g+Qwa+pzwxEkd8q/icN4pj3D1wkgkKT1Plfms8eSXa+0jPNvxxta+e5+zu9DCwDttmsWux2XzgVoWt8cuqXvhmgtxojHsBCXut/H7v3CEDv49SACffr9E4uzBr2Xi3hjMRstdtoFuDm0ObLtPQOtyHcLd7TMJVSAqXzNx6L44ta0WQ5zMNVytcPJfV4l/UPxg223gVzmYmaUwRPPjhQrshRFiRUPtVFmorxI/tSt3MBvvyZvbEkuHoHiF ada@laptop",
        "SHA256:88ZhCMA++ECad7+8ME4kZE8g/fJPBDmxAHlrPsQrK4s",
    ),
];
const RSA_1024: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDCWwQ1jLIRv7GQOMD7HTqPRYuK/0xnBCf7vs/CzUXmTXInZ5YF/5oqCEjGBs8d0wHZ/oQUlOVLvSNdixe4Cwv/XE9Q0pZ3tRLv9UyXU7NSA1v9fX9KtnZXwrhRHP7JByiOujsAEr77tpR5TjDexzMnMKSTrnroWKSkBfABdJaECw== ada@laptop";
const DSA: &str = "ssh-dss AAAAB3NzaC1kc3MAAACBANzq+vDjQjZGqCylQ3/1SXYb9raYzVHGw7BVqcMRArv1yecENi4OWx9u02mv5W5ndv18WZD+vpyUidw/0c6fmozXl7TDoSnrVY/YFnBvbmZoorMGUcXJODTTCXYYCDJ9UfHnc00Q3XyNv5wRkrdC+sj2RN0M8/ryCJKoyVJtFhu5AAAAFQCNWQGsvE0S/bj7eVl/47BPRkhD1wAAAIEAlXO9HHWbpZ/cLBK7zcqvaPtjM1EzQPW2bRZO35T1QWYbMYiurN7diV3tO3xF+G8eL5NcZuSY2JuWsDiT7y+yauq0IKUibeU22zjEMjXUFcoNOTDwDaIdUI6YCkTULCk+6K3Tv+9QjmSEmFoq/Bw+v9MASKL6jYHHN31GerWJL1YAAACADhX8I5IGGwsh+Zjl2EDxwIfHiOb94LxQqwVydOQQoEhkjUoxZa0lFQrXs8LY+sQOlmrpsCg4yEPyuAJakE/hjUvQ4edLaNpeHL9LtU+wRYUAPaq79fh5Cf9yMsBgGzzTs78R2/ktDXlDuS8HTwUuP9lNdng1FMrZahzPV2Aec5E= ada@laptop";
const CERTIFICATE: &str = "ecdsa-sha2-nistp256-cert-v01@openssh.com AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgKYGucfIyk0lU7IrsW2yBt1LVpwNxQZ1yg+DK0zx9jMsAAAAIbmlzdHAyNTYAAABBBGq5o/fcc7AGRxjMXnpfOvwtSZEVQbGQMjNFcl4IhVJaKJrzEsbltmgZCe9mGmKt8qeVy1C/23MMllOQzrdqapoAAAAAAAAAAAAAAAEAAAABeAAAAAcAAAADZ2l0AAAAAAAAAAD//////////wAAAAAAAACCAAAAFXBlcm1pdC1YMTEtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAILNIxoOarB1Rm25OitaaA7/6IzzQxHV8wCMOdk79mM5bAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEAZ6jQArmoTnwsuXHG8qe0mxNFe+kGMbCTmayxkx8jHts7N2FJ5rKB7UqlLHAEQM+dWLMd+ZvxFu32KSSemEHEP ada@laptop";

fn field(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn line(key_type: &str, fields: &[&[u8]]) -> String {
    let mut blob = field(key_type.as_bytes());
    fields.iter().for_each(|one| blob.extend(field(one)));
    format!("{key_type} {}", STANDARD.encode(blob))
}

#[test]
fn keys_of_ssh_keygen_are_taken_with_its_fingerprints() {
    for (text, expected) in TAKEN {
        let key = read_key(text, 2048).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(key.fingerprint, expected);
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(key.line(), words[..2].join(" "));
        // Comment, padding and blanks make no other key of it.
        for variant in [words[..2].join("  "), format!(" {}\n", words[..2].join(" ").trim_end_matches('='))] {
            assert_eq!(read_key(&variant, 2048).unwrap(), key);
        }
    }
}

#[test]
fn security_keys_are_taken() {
    let ed25519 = line("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"]);
    assert_eq!(read_key(&ed25519, 2048).unwrap().key_type, "sk-ssh-ed25519@openssh.com");
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let (ed25519, _) = TAKEN[0];
    let body = ed25519.split(' ').nth(1).unwrap();
    type IsExpected = fn(&KeyFault) -> bool;
    let table: Vec<(String, IsExpected)> = vec![
        (String::new(), |fault| *fault == KeyFault::Missing),
        ("x".repeat(20_000), |fault| *fault == KeyFault::Missing),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END".into(), |fault| *fault == KeyFault::Private),
        ("PuTTY-User-Key-File-3: ssh-ed25519".into(), |fault| *fault == KeyFault::Private),
        (CERTIFICATE.into(), |fault| *fault == KeyFault::Certificate),
        (DSA.into(), |fault| matches!(fault, KeyFault::Type(_))),
        (RSA_1024.into(), |fault| *fault == KeyFault::RsaSize { bits: 1024, least: 2048 }),
        (format!("command=\"sh\" {ed25519}"), |fault| *fault == KeyFault::Format),
        (format!("{ed25519}\n{ed25519}"), |fault| *fault == KeyFault::Format),
        ("ssh-ed25519".into(), |fault| *fault == KeyFault::Format),
        (format!("ssh-rsa {body}"), |fault| *fault == KeyFault::Damaged),
        (format!("ssh-ed25519 {}", &body[..40]), |fault| *fault == KeyFault::Damaged),
        ("ssh-ed25519 !!!".into(), |fault| *fault == KeyFault::Damaged),
        (line("ssh-ed25519", &[&[1; 31]]), |fault| *fault == KeyFault::Damaged),
        (line("ssh-ed25519", &[&[1; 32], b"more"]), |fault| *fault == KeyFault::Damaged),
        (line("ssh-rsa", &[&[3], &[0x80; 256]]), |fault| *fault == KeyFault::Damaged),
        (line("ssh-new", &[&[3]]), |fault| matches!(fault, KeyFault::Type(_))),
    ];
    for (text, is_expected) in table {
        let fault = read_key(&text, 2048).unwrap_err();
        assert!(is_expected(&fault), "{text}: {fault:?}");
    }
    assert!(read_key(RSA_1024, 1024).is_ok());
}

/// A key nobody has the other half of.
pub(crate) fn ed25519_line(byte: u8) -> String {
    line("ssh-ed25519", &[&[byte; 32]])
}
