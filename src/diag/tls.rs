//! Errors of TLS in words: the library that meets them prints many of them as names of its own types.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Names of a certificate that are shown at most.
const SHOWN_NAMES: usize = 5;

/// Returns the text of `error`; in plain words where it is one of TLS.
pub(super) fn text(error: &(dyn Error + 'static)) -> String {
    // An io::Error passes over what it wraps when it is asked for its source.
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let wrapped = inner.and_then(|inner| inner.downcast_ref());
    error.downcast_ref().or(wrapped).map_or_else(|| error.to_string(), tls_words)
}

/// Returns what `error` says.
pub fn tls_words(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(error) => format!("its TLS certificate {}", certificate(error)),
        Tls::AlertReceived(alert) => {
            format!("the other side ended the TLS handshake: {}", words(&format!("{alert:?}")))
        }
        Tls::PeerIncompatible(why) => {
            format!("the other side speaks no TLS that is spoken here: {}", words(&format!("{why:?}")))
        }
        Tls::PeerMisbehaved(why) => {
            format!("the other side breaks the rules of TLS: {}", words(&format!("{why:?}")))
        }
        Tls::InvalidMessage(_) => "the answer is not TLS".to_owned(),
        Tls::NoCertificatesPresented => "the other side has no TLS certificate".to_owned(),
        Tls::InappropriateMessage { .. } | Tls::InappropriateHandshakeMessage { .. } => {
            "the other side sent a TLS message that does not belong there".to_owned()
        }
        Tls::InconsistentKeys(_) => "the TLS certificate and its key do not go together".to_owned(),
        other => other.to_string(),
    }
}

/// Returns what is wrong with a certificate, to be put behind it.
fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "is signed by an authority that is not trusted here".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; check the clock of this machine".to_owned()
        }
        CertificateError::Revoked => "is revoked".to_owned(),
        CertificateError::BadEncoding => "cannot be read".to_owned(),
        CertificateError::BadSignature => "has a wrong signature".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not meant for this use".to_owned()
        }
        CertificateError::NotValidForName => "is not valid for this name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("is not valid for {}{}", expected.to_str(), valid_names(presented))
        }
        CertificateError::Other(other) => format!("is not accepted: {}", words(&other.to_string())),
        other => format!("is not accepted: {}", words(&format!("{other:?}"))),
    }
}

/// Returns the names that a certificate is for; each comes as `DnsName("r.example")`.
fn valid_names(presented: &[String]) -> String {
    let name = |text: &String| text.split('"').nth(1).unwrap_or(text).to_owned();
    let mut names: Vec<String> = presented.iter().take(SHOWN_NAMES).map(name).collect();
    if presented.len() > SHOWN_NAMES {
        names.push(format!("{} more", presented.len() - SHOWN_NAMES));
    }
    if names.is_empty() {
        "; it names no host".to_owned()
    } else {
        format!(", only for {}", names.join(", "))
    }
}

/// Returns the words of a name such as `CertificateRequired`, what stands in brackets behind it left out.
fn words(name: &str) -> String {
    let name = name.split(['(', '{']).next().unwrap_or(name).trim();
    let mut text = String::new();
    let mut previous_is_small = false;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && !text.is_empty() && (previous_is_small || next_is_small) {
            text.push(' ');
        }
        previous_is_small = letter.is_lowercase();
        // A short form such as CA stays as it is.
        if letter.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase()) {
            text.extend(letter.to_lowercase());
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_become_words() {
        let cases = [
            ("CertificateRequired", "certificate required"),
            ("UnknownCA", "unknown CA"),
            ("CaUsedAsEndEntity", "ca used as end entity"),
            ("Unknown(0x2e)", "unknown"),
            ("already words", "already words"),
        ];
        for (name, expected) in cases {
            assert_eq!(words(name), expected);
        }
    }

    #[test]
    fn an_error_of_tls_is_found_in_what_wraps_it() {
        let error = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let expected = "the other side ended the TLS handshake: certificate required";
        assert_eq!(text(&error), expected);
        assert_eq!(text(&io::Error::other(error)), expected);
        assert_eq!(text(&io::Error::other("unplugged")), "unplugged");
    }

    #[test]
    fn a_certificate_says_which_names_it_is_for() {
        let wrong = |presented: usize| {
            let presented = (0..presented).map(|number| format!("DnsName(\"{number}.example\")")).collect();
            let expected = rustls::pki_types::ServerName::try_from("r.example").unwrap();
            let error = CertificateError::NotValidForNameContext { expected, presented };
            tls_words(&rustls::Error::InvalidCertificate(error))
        };
        let start = "its TLS certificate is not valid for r.example";
        assert_eq!(wrong(0), format!("{start}; it names no host"));
        assert_eq!(wrong(2), format!("{start}, only for 0.example, 1.example"));
        assert!(wrong(900).ends_with("4.example, 895 more"), "{}", wrong(900));
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(
            tls_words(&unknown),
            "its TLS certificate is signed by an authority that is not trusted here"
        );
    }
}
