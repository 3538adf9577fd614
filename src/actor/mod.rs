//! The command language of a node, and the two ways in which a program talks to it.

pub mod zpl;
