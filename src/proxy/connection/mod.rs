//! Connections of clients: framing of requests, order of requests and responses, a limited number of slots.

pub(super) mod checked_stream;
pub(super) mod framing;
pub(super) mod response_state;
pub(super) mod slots;
