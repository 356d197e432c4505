"""`RareEvents` draws networks by importance sampling, where the update is large."""
