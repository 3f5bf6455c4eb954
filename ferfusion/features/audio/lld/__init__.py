"""Low-level descriptors: arrays in, arrays out, frame by frame. Knows no estimators, no tables and no files."""
