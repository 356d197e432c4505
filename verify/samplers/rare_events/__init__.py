"""ReLU networks drawn where the update is large, by importance sampling."""
