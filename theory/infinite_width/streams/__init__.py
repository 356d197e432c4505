"""This folder follows the stream of a residual network as n -> infinity: its variances and sizes,
its movement by weight decay, and the limit of many blocks."""
