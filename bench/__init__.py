"""Named benchmarks: every figure the project states is a row that anyone can run again; not a part of the package."""
