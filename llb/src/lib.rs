//! BuildKit LLB graphs with deterministic encoding.
