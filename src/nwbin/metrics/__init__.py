"""What a unit is like, in numbers: its metrics from responses to stimuli, and the quality of its spikes."""
