//! Records as they come out.
