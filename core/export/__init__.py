"""A run in the formats of other programs, one target a file: tables, TensorBoard, weights, decoders."""
