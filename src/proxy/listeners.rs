//! Where a proxy can be reached.

use std::collections::BTreeSet;

use tokio::net::TcpListener;

/// The sockets of a proxy, which the caller has bound.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Where clients connect; loopback addresses only.
    pub clients: Vec<TcpListener>,
    /// Names beside `localhost` and loopback addresses that clients may use for it. Requests for other
    /// names are refused: a page in a browser could have its own name lead here.
    pub names: BTreeSet<String>,
    /// Where `/metrics` and `/healthz` are served, if anywhere.
    pub operator: Option<TcpListener>,
}

impl From<Vec<TcpListener>> for Listeners {
    fn from(clients: Vec<TcpListener>) -> Self {
        Self { clients, ..Self::default() }
    }
}
