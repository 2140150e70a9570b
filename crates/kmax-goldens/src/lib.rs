//! Finds the reference values shared by the project and compares against them.
