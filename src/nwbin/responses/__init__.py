"""What units did around onsets: selections, labelled counts, matrices, rates, decoding."""
