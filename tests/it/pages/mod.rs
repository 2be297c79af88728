//! The pages as a whole: what is around them, the overview, and signing in.

mod compare;
mod live;
mod markup;
mod overview;
mod sign_in;
