//! Connections of clients: reading requests safely, whose turn it is, who has a place.

pub(super) mod framing;
pub(super) mod guard;
pub(super) mod places;
pub(super) mod turn;
