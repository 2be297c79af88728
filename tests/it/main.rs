//! Twinstream as a whole, and its parts as others see them. The one integration test binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    missing_docs,
    reason = "a test that can't go on fails, and says where"
)]

mod docs;
mod repository;
mod tidy;
