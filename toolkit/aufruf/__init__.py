"""Build data sets of incitement and mobilisation: annotated, agreed, released and evaluated."""
