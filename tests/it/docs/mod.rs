//! Pages against the code.
