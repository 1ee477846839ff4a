"""A provider as a pure function: limits, refusals, settlement and the dialect's own words, with time as an argument."""
