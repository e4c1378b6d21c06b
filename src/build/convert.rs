//! Drives `plan` until nothing is needed, then `lower`.
