"""Data frames: how they are made, conditions on them, one kind of value a column, labels apart."""
