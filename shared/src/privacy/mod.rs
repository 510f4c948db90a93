//! Privacy: noise shares and the cost of a round; the only door to opendp.
